//! What is a rule and what is not.

use pointsman_rule::{MAX_DEPTH, MAX_RULE_BYTES, Name, Problem, Rule, Syntax, TcpRule, parse_tree};

fn v3(source: &str) -> Result<Rule, String> {
    Rule::parse(source, Syntax::V3).map_err(|error| error.to_string())
}

fn v2(source: &str) -> Result<Rule, String> {
    Rule::parse(source, Syntax::V2).map_err(|error| error.to_string())
}

#[test]
fn four_spellings_of_a_name_are_accepted() {
    for name in Name::ALL {
        let documented = name.as_str();
        let lower = documented.to_lowercase();
        let title = lower[..1].to_uppercase() + &lower[1..];
        for spelling in [documented, &lower, &documented.to_uppercase(), &title] {
            assert_eq!(Name::from_spelling(spelling), Some(name), "{spelling}");
        }
    }
    for wrong in ["hOST", "pathPrefix", "Clientip2", "HostSni", ""] {
        assert_eq!(Name::from_spelling(wrong), None, "{wrong}");
    }
}

#[test]
fn white_space_and_comments_are_free() {
    for source in [
        "Host(`a`)&&Path(`/`)",
        "  Host( `a` ) && Path(\t`/`,)  ",
        "Host(`a`)\n&& Path(`/`)",
        "Host(`a`) && // why\n Path(`/`)",
        "/* a */ Host(`a`) /*/ b */ && Path(`/`) // end",
    ] {
        let tree = parse_tree(source).unwrap();
        assert_eq!(tree.to_string(), r#"Host("a") && Path("/")"#, "{source}");
    }
}

#[test]
fn errors_say_where_and_what_to_do() {
    for (source, expected) in [
        (
            "",
            "rule is empty: write at least one matcher, such as PathPrefix(`/`) (column 1)",
        ),
        (
            "Hots(`a`)",
            "unknown matcher \"Hots\": did you mean Host? (column 1)",
        ),
        (
            "hOST(`a`)",
            "unknown matcher \"hOST\": write Host (column 1)",
        ),
        (
            "Frobnicate(`a`)",
            "unknown matcher \"Frobnicate\" (column 1)",
        ),
        (
            "Host(`a`, `b`)",
            "Host takes one argument, got 2: combine several with ||, as in Host(`…`) || Host(`…`) (column 1)",
        ),
        (
            "Path(`/`) && Host()",
            "Host takes one argument, got 0 (column 14)",
        ),
        (
            "Header(`a`)",
            "Header takes two arguments, got 1 (column 1)",
        ),
        (
            "Host(``)",
            "Host has an empty argument: remove it or give it a value (column 6)",
        ),
        (
            "Host(`é`)",
            "Host value \"é\" has non-ASCII characters: write the punycode form (xn--…) (column 6)",
        ),
        (
            "Path(`a`)",
            "Path value \"a\" does not start with a slash: path must start with / (column 6)",
        ),
        (
            "ClientIP(`10.0.0`)",
            "ClientIP value \"10.0.0\" is neither an IP address nor a CIDR such as 10.0.0.0/8 (column 10)",
        ),
        (
            "HostRegexp(`a(`)",
            "HostRegexp value is not usable: regular expression \"a(\": missing closing ) (column 12)",
        ),
        (
            "Headers(`a`, `b`)",
            "Headers is not a matcher of http routers in v3 syntax: use Header (column 1)",
        ),
        (
            "HostSNI(`a`)",
            "HostSNI is not a matcher of http routers in v3 syntax: use Host (column 1)",
        ),
        (
            "Header(`a b`, `c`)",
            "Header value \"a b\" is not a header name (RFC 9110 §5.1) (column 8)",
        ),
        (
            "Host(`a`) Path(`/`)",
            "unexpected 'P': expected &&, || or the end of the rule (column 11)",
        ),
        (
            "Host(`a`) & Path(`/`)",
            "unexpected '&': expected &&, || or the end of the rule (column 11)",
        ),
        (
            "(Host(`a`)",
            "unexpected end of the rule: expected &&, || or ) (column 11)",
        ),
        (
            "Host(`a`) &&",
            "unexpected end of the rule: expected a matcher such as Host(`…`), ! or ( (column 13)",
        ),
        (
            "Host",
            "unexpected end of the rule: expected ( after the name of the matcher (column 5)",
        ),
        (
            "Host(a)",
            "unexpected 'a': expected a string in backticks or double quotes (column 6)",
        ),
        (
            "Host('a')",
            "unexpected '\\'': expected a string in backticks or double quotes (column 6)",
        ),
        (
            "Host(`a` `b`)",
            "unexpected '`': expected , or ) (column 10)",
        ),
        ("Host(`a)", "string has no closing ` (column 6)"),
        (
            r#"Host("\q")"#,
            "unknown escape \\q in a double-quoted string: use a Go escape, or backticks (column 7)",
        ),
        (r#"Host("\xff")"#, "string is not UTF-8 (column 6)"),
    ] {
        assert_eq!(v3(source).unwrap_err(), expected, "{source}");
    }
    assert_eq!(
        v2("PathRegexp(`/`)").unwrap_err(),
        "PathRegexp is not a matcher of http routers in v2 syntax: use a template such as Path(`/{name:regex}`) (column 1)"
    );
    assert_eq!(
        v2("Headers(`a`)").unwrap_err(),
        "Headers takes pairs of a name and a value, got 1 (column 1)"
    );
    assert_eq!(
        v2("Path(`/{a`)").unwrap_err(),
        "Path value \"/{a\" has unbalanced braces (column 6)"
    );
    assert_eq!(
        v2("Query(`a`)").unwrap_err(),
        "Query value \"a\" has no value: write key=value (column 7)"
    );
    let tcp = TcpRule::parse("ALPN(`acme-tls/1`)", Syntax::V3).unwrap_err();
    assert_eq!(
        tcp.to_string(),
        "ALPN value \"acme-tls/1\" is reserved for the ACME challenge (column 6)"
    );
}

#[test]
fn deep_and_long_rules_are_refused_not_crashed_on() {
    let nested = |levels: usize| format!("{}Path(`/`){}", "(".repeat(levels), ")".repeat(levels));
    assert!(v3(&nested(MAX_DEPTH - 1)).is_ok());
    for source in [nested(MAX_DEPTH), nested(100_000), "!".repeat(100_000)] {
        let problem = Rule::parse(&source, Syntax::V3).unwrap_err().problem;
        assert_eq!(problem, Problem::TooDeep { max: MAX_DEPTH });
    }
    let chain = |count| vec!["Host(`a`)"; count].join("||");
    assert!(v3(&chain(8_000)).is_ok());
    let problem = Rule::parse(&chain(9_000), Syntax::V3).unwrap_err().problem;
    assert!(
        matches!(problem, Problem::TooManyMatchers { .. }),
        "{problem}"
    );
    let long = format!("Host(`{}`)", "a".repeat(MAX_RULE_BYTES));
    let problem = Rule::parse(&long, Syntax::V3).unwrap_err().problem;
    assert!(matches!(problem, Problem::TooLong { .. }), "{problem}");
}

#[test]
fn priority_is_the_length_in_bytes() {
    assert_eq!(v3("Path(`/x`)").unwrap().default_priority(), 10);
    assert_eq!(v3("PathPrefix(`/é`)").unwrap().default_priority(), 17);
    assert_eq!(v3(" Path(`/x`) ").unwrap().default_priority(), 12);
}

#[test]
fn hosts_are_the_positive_host_values_in_order() {
    let hosts = |source: &str| v3(source).unwrap().hosts();
    assert_eq!(
        hosts("Host(`B.Example`) || Host(`a`) || Host(`b.example`)"),
        ["b.example", "a"]
    );
    assert_eq!(hosts("Host(`*.a`) && !Host(`b`)"), ["*.a"]);
    assert_eq!(hosts("!(Host(`a`) || !Host(`b`))"), ["b"]);
    assert_eq!(hosts("HostRegexp(`a`) && Path(`/`)"), [""; 0]);
    assert!(v3("Host(`a`)").unwrap().has_host());
    assert!(!v3("!Host(`a`)").unwrap().has_host());
    assert_eq!(
        v2("Host(`a`, `b`) || HostHeader(`c`)").unwrap().hosts(),
        ["a", "b"]
    );
}

#[test]
fn suspicious_values_are_warned_of() {
    for (source, warned) in [
        ("Path(`/{id:[0-9]+}`)", true),
        ("PathPrefix(`/a.*`)", true),
        ("PathPrefix(`/percent%20here`)", true),
        ("PathPrefix(`/a%2fb`)", true),
        ("PathPrefix(`/a%2Fb`)", false),
        ("PathPrefix(`/space here`)", false),
        ("Path(`/a?b`)", true),
        ("Path(`/a/../b`)", true),
        ("Path(`/a.b/c-d`)", false),
        ("PathRegexp(`/a`)", true),
        ("PathRegexp(`^/a`)", false),
        ("Host(`a.example:8080`)", true),
        ("Host(`a.*.example`)", true),
        ("Host(`*.example`)", false),
        ("Host(`*`)", false),
        ("HostRegexp(`{sub:[a-z]+}.example`)", true),
        ("HostRegexp(`^[a-z]{2,3}\\.example$`)", false),
        ("Header(`Host`, `a`)", true),
        ("Header(`X-A`, `host`)", false),
    ] {
        let warnings = v3(source).unwrap().warnings();
        assert_eq!(!warnings.is_empty(), warned, "{source}: {warnings:?}");
    }
    assert!(v2("Path(`/{id:[0-9]+}`)").unwrap().warnings().is_empty());
    assert_eq!(v2("Host(`*.example`)").unwrap().warnings().len(), 1);
}
