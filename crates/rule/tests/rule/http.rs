//! HTTP matchers, and the conditions and explanations derived from them.

use http::{HeaderName, HeaderValue};
use pointsman_rule::{HostKey, IndexKey, Name, PathKey, Request, Rule, Syntax, Tree};

use crate::random::Random;

/// `METHOD host/path?query`, header lines as `name: value`.
fn request(line: &str, headers: &[(&str, &[u8])]) -> Request {
    let (method, target) = line.split_once(' ').unwrap();
    let (target, query) = match target.split_once('?') {
        Some((target, query)) => (target, Some(query.to_owned())),
        None => (target, None),
    };
    let (host, path) = target.split_at(target.find('/').unwrap());
    let mut request = Request {
        host: host.to_owned(),
        path: path.to_owned(),
        method: method.to_owned(),
        query,
        ..Request::default()
    };
    for (name, value) in headers {
        request.headers.append(
            HeaderName::try_from(*name).unwrap(),
            HeaderValue::from_bytes(value).unwrap(),
        );
    }
    request
}

/// True if a condition alone says that the rule matches.
fn is_decided(rule: &Rule, request: &Request) -> bool {
    let keys = rule.index_keys();
    keys.iter()
        .any(|key| key.sufficient && key.admits(&request.host, &request.path))
}

fn check(syntax: Syntax, cases: &[(&str, &str, bool)]) {
    for (rule, line, matched) in cases {
        let rule = Rule::parse(rule, syntax).unwrap_or_else(|error| panic!("{rule}: {error}"));
        let headers: [(&str, &[u8]); 4] = [
            ("x-one", b"1"),
            ("x-two", b"a"),
            ("x-two", b"b"),
            ("x-bytes", b"\xe9"),
        ];
        let request = request(line, &headers);
        assert_eq!(rule.matches(&request), *matched, "{rule} on {line}");
        assert_eq!(
            rule.explain(&request).is_empty(),
            *matched,
            "{rule} on {line}"
        );
        let admitted = rule
            .index_keys()
            .iter()
            .any(|key| key.admits(&request.host, &request.path));
        assert!(admitted || !matched, "{rule} on {line} is not indexed");
        assert!(
            !is_decided(&rule, &request) || *matched,
            "{rule} on {line} is over-indexed"
        );
    }
}

#[test]
fn v3_matchers_do_what_the_table_says() {
    check(
        Syntax::V3,
        &[
            ("Host(`a.example`)", "GET a.example/", true),
            ("Host(`A.Example`)", "GET a.example/", true),
            ("Host(`a.example.`)", "GET a.example/", true),
            ("Host(`a.example`)", "GET b.a.example/", false),
            ("Host(`a.example:80`)", "GET a.example/", false),
            ("Host(`*.example`)", "GET a.example/", true),
            ("Host(`*.example`)", "GET example/", false),
            ("Host(`*.example`)", "GET a.b.example/", false),
            ("Host(`*.example`)", "GET .example/", false),
            ("Host(`*.example`)", "GET badexample/", false),
            ("Host(`*`)", "GET anything.at.all/", true),
            ("Host(`*`)", "GET /", false),
            ("Host(`*.`)", "GET a.example/", false),
            ("Host(`.`)", "GET /", false),
            ("HostRegexp(`^[a-z]+\\.example$`)", "GET a.example/", true),
            ("HostRegexp(`xam`)", "GET a.example/", true),
            ("HostRegexp(`A`)", "GET a.example/", false),
            ("HostRegexp(`(?i)A`)", "GET a.example/", true),
            ("Path(`/a`)", "GET h/a", true),
            ("Path(`/a`)", "GET h/a/", false),
            ("Path(`/A`)", "GET h/a", false),
            ("Path(`/a%2Fb`)", "GET h/a%2Fb", true),
            ("PathPrefix(`/foo`)", "GET h/foobar", true),
            ("PathPrefix(`/foo/`)", "GET h/foo", false),
            ("PathRegexp(`b+$`)", "GET h/abb", true),
            ("PathRegexp(`^/b`)", "GET h/ab", false),
            ("Method(`get`)", "GET h/", true),
            ("Method(`GET`)", "get h/", false),
            ("Header(`X-One`, `1`)", "GET h/", true),
            ("Header(`X-One`, `2`)", "GET h/", false),
            ("Header(`X-Two`, `b`)", "GET h/", true),
            ("Header(`X-None`, `b`)", "GET h/", false),
            ("Header(`Host`, `h`)", "GET h/", false),
            ("HeaderRegexp(`X-Two`, `^[b-z]$`)", "GET h/", true),
            ("HeaderRegexp(`X-Two`, `^$`)", "GET h/", false),
            ("HeaderRegexp(`X-Bytes`, `^.$`)", "GET h/", true),
            ("Query(`a`, `1`)", "GET h/?a=1", true),
            ("Query(`a`, `1`)", "GET h/?b=1", false),
            ("Query(`a`, `2`)", "GET h/?a=1&a=2", true),
            ("Query(`a`)", "GET h/?a", true),
            ("Query(`a`)", "GET h/?a=", true),
            ("Query(`a`)", "GET h/?a=1", false),
            ("Query(`a b`, `c d`)", "GET h/?a+b=c%20d", true),
            ("Query(`a`, `1`)", "GET h/?a=1;b=2", false),
            ("Query(`a`, `1`)", "GET h/", false),
            ("QueryRegexp(`a`, `^[0-9]+$`)", "GET h/?a=x&a=12", true),
            ("QueryRegexp(`a`, `^a b$`)", "GET h/?a=a+b", true),
            ("QueryRegexp(`a`)", "GET h/?a", true),
            ("ClientIP(`127.0.0.1`)", "GET h/", true),
            ("ClientIP(`127.0.0.0/8`)", "GET h/", true),
            ("ClientIP(`::ffff:127.0.0.0/104`)", "GET h/", true),
            ("ClientIP(`10.0.0.0/8`)", "GET h/", false),
            ("!Host(`h`)", "GET h/", false),
            ("!(Host(`h`) && Path(`/a`))", "GET h/b", true),
            ("!!Host(`h`)", "GET h/", true),
            ("Host(`x`) || Host(`h`) && Path(`/`)", "GET h/", true),
            ("(Host(`x`) || Host(`h`)) && Path(`/x`)", "GET h/", false),
        ],
    );
}

#[test]
fn v2_matchers_take_several_values_and_templates() {
    check(
        Syntax::V2,
        &[
            ("Host(`a`, `b`)", "GET b/", true),
            ("Host(`a`, `b`)", "GET c/", false),
            ("HostHeader(`A`)", "GET a/", true),
            ("Host(`*.example`)", "GET a.example/", false),
            ("HostRegexp(`{sub:[a-z]+}.example`)", "GET a.example/", true),
            ("HostRegexp(`{sub:[A-Z]+}.Example`)", "GET a.example/", true),
            ("HostRegexp(`{sub}.example`)", "GET a.b.example/", false),
            ("HostRegexp(`a.example`, `{x}.y`)", "GET a.example/", true),
            ("HostRegexp(`a.example`)", "GET aXexample/", false),
            ("Path(`/{id:[0-9]+}`)", "GET h/12", true),
            ("Path(`/{id:[0-9]+}`)", "GET h/12/", false),
            ("Path(`/{id}/x`, `/y`)", "GET h/a/x", true),
            ("Path(`/{id}`)", "GET h/a/b", false),
            ("Path(`/{id:a|b}/c`)", "GET h/b/c", true),
            ("Path(`/{id:a|b}/c`)", "GET h/b", false),
            ("PathPrefix(`/{id:[0-9]+}/`)", "GET h/1/2", true),
            ("PathPrefix(`/a`, `/{n:[0-9]{2}}`)", "GET h/12", true),
            ("PathPrefix(`/a.b`)", "GET h/aXb", false),
            ("Method(`GET`, `put`)", "PUT h/", true),
            ("Headers(`X-One`, `1`)", "GET h/", true),
            ("Headers(`X-One`, `1`, `X-Two`, `b`)", "GET h/", true),
            ("Headers(`X-One`, `1`, `X-Two`, `c`)", "GET h/", false),
            (
                "HeadersRegexp(`X-One`, `[0-9]`, `X-Two`, `^b`)",
                "GET h/",
                true,
            ),
            ("Query(`a=1`)", "GET h/?a=1", true),
            ("Query(`a=1`)", "GET h/?a=2&a=1", false),
            ("Query(`a=1`, `b=2`)", "GET h/?b=2&a=1", true),
            ("Query(`a=1`, `b=2`)", "GET h/?b=3&a=1", false),
            ("Query(`a=`)", "GET h/?a=anything", true),
            ("Query(`a=`)", "GET h/?b=anything", false),
            ("Query(`a={v:[0-9]+}`)", "GET h/?a=12", true),
            ("Query(`a={v:[0-9]+}`)", "GET h/?a=x", false),
            ("Query(`a`, `1`)", "GET h/?a=1", true),
            ("ClientIP(`10.0.0.1`, `127.0.0.1`)", "GET h/", true),
        ],
    );
}

#[test]
fn strict_prefixes_match_by_segment() {
    // traefik-ingress-provider 19.6; `/` is PathPrefix("/").
    for (path, yes, no) in [
        ("/foo", &["/foo", "/foo/"][..], &[][..]),
        ("/aaa/bb", &[], &["/aaa/bbb"]),
        (
            "/aaa/bbb",
            &["/aaa/bbb", "/aaa/bbb/", "/aaa/bbb/ccc"],
            &["/aaa/bbbxyz"],
        ),
        ("/aaa", &["/aaa/ccc"], &[]),
        ("/...", &["/.../"], &["/aaa"]),
    ] {
        let tree = Tree::path(path)
            .or(Tree::path_prefix(format!("{path}/")))
            .grouped();
        let rule = Rule::from_tree(tree, Syntax::V3).unwrap();
        for (paths, matched) in [(yes, true), (no, false)] {
            for path in paths {
                let request = request(&format!("GET h{path}"), &[]);
                assert_eq!(rule.matches(&request), matched, "{rule} on {path}");
            }
        }
    }
}

#[test]
fn conditions_follow_the_rule() {
    let keys = |source: &str| Rule::parse(source, Syntax::V3).unwrap().index_keys();
    let key = |host: &str, path: &str| IndexKey {
        host: match host.strip_prefix('*') {
            _ if host.is_empty() => HostKey::Any,
            Some(suffix) => HostKey::Wildcard(suffix.into()),
            None => HostKey::Exact(host.into()),
        },
        path: match path.strip_suffix('*') {
            _ if path.is_empty() => PathKey::Any,
            Some(prefix) => PathKey::Prefix(prefix.into()),
            None => PathKey::Exact(path.into()),
        },
        sufficient: true,
    };
    let hint = |host: &str, path: &str| IndexKey {
        sufficient: false,
        ..key(host, path)
    };
    assert_eq!(keys("Host(`a`)"), [key("a", "")]);
    assert_eq!(keys("Host(`*.a`) && PathPrefix(`/b`)"), [key("*.a", "/b*")]);
    assert_eq!(
        keys("(Host(`a`) || Host(`b`)) && (Path(`/c`) || PathPrefix(`/c/`))"),
        [
            key("a", "/c"),
            key("a", "/c/*"),
            key("b", "/c"),
            key("b", "/c/*")
        ]
    );
    assert_eq!(keys("Host(`a`) && !Path(`/b`)"), [hint("a", "")]);
    assert_eq!(keys("Host(`a`) && Method(`GET`)"), [hint("a", "")]);
    assert_eq!(keys("Host(`a`) || !Path(`/b`)"), [IndexKey::ANY]);
    assert_eq!(keys("PathPrefix(`/`)"), [key("", "/*")]);
    assert_eq!(
        keys("Host(`a`) && Method(`GET`) || Host(`a`)"),
        [key("a", "")],
        "one sufficient condition is enough"
    );
    assert_eq!(keys("Host(`x.a`) && Host(`*.a`)"), [key("x.a", "")]);
    assert_eq!(keys("Host(`a`) && Host(`b`)"), []);
    assert_eq!(
        keys("PathPrefix(`/a`) && PathPrefix(`/a/b`)"),
        [key("", "/a/b*")]
    );
    assert_eq!(keys("PathPrefix(`/a`) && Path(`/b`)"), []);
    assert_eq!(keys("PathRegexp(`^/api/v[0-9]`)"), [hint("", "/api/v*")]);
    assert_eq!(keys("PathRegexp(`^/ab?c`)"), [hint("", "/a*")]);
    assert_eq!(keys("PathRegexp(`^/a|b`)"), [IndexKey::ANY]);
    assert_eq!(keys("PathRegexp(`(?i)^/a`)"), [IndexKey::ANY]);
    assert_eq!(keys("Method(`GET`)"), [IndexKey::ANY]);
    assert_eq!(keys("Host(`*`)"), [IndexKey::ANY]);
    let many = |n: usize| {
        let any = (0..n).map(|i| format!("Host(`h{i}`)")).collect::<Vec<_>>();
        any.join(" || ")
    };
    assert_eq!(keys(&many(5000)).len(), 5000);
    let crossed = format!(
        "({}) && ({})",
        many(100),
        many(100).replace("Host(`", "Path(`/")
    );
    assert_eq!(
        keys(&crossed).len(),
        100,
        "the product is too large, so only the hosts count"
    );
    assert!(keys(&crossed).iter().all(|key| !key.sufficient));
}

#[test]
fn every_match_satisfies_a_condition() {
    const HOSTS: &[&str] = &["a", "b", "x.a", "y.a", "x.b"];
    const PATHS: &[&str] = &["/", "/a", "/a/", "/a/b", "/ab", "/b"];
    fn tree(random: &mut Random, depth: usize) -> Tree {
        match random.below(if depth == 0 { 5 } else { 8 }) {
            0 => Tree::host(random.pick(&["a", "b", "x.a", "*.a", "*.b", "*"])),
            1 => Tree::path(random.pick(PATHS)),
            2 => Tree::path_prefix(random.pick(PATHS)),
            3 => Tree::path_regexp(random.pick(&["^/a", "^/ab*", "b$", "^/a/?b"])),
            4 => Tree::matcher(Name::Method, [random.pick(&["GET", "PUT"])]),
            5 => tree(random, depth - 1).not(),
            6 => tree(random, depth - 1).and(tree(random, depth - 1)),
            _ => tree(random, depth - 1).or(tree(random, depth - 1)),
        }
    }
    let mut matches = 0;
    for seed in 0..20_000 {
        let mut random = Random(seed);
        let rule = Rule::from_tree(tree(&mut random, 4), Syntax::V3).unwrap();
        let keys = rule.index_keys();
        for _ in 0..5 {
            let line = format!("GET {}{}", random.pick(HOSTS), random.pick(PATHS));
            let request = request(&line, &[]);
            let matched = rule.matches(&request);
            matches += usize::from(matched);
            let admitted = keys
                .iter()
                .any(|key| key.admits(&request.host, &request.path));
            assert!(admitted || !matched, "seed {seed}: {rule} on {line}");
            assert!(
                !is_decided(&rule, &request) || matched,
                "seed {seed}: {rule} on {line}"
            );
            assert_eq!(
                rule.explain(&request).is_empty(),
                matched,
                "seed {seed}: {rule} on {line}"
            );
        }
    }
    assert!(matches > 10_000, "only {matches} matches");
}

#[test]
fn an_explanation_names_what_failed() {
    let explain = |source: &str, line: &str| {
        let rule = Rule::parse(source, Syntax::V3).unwrap();
        let reasons = rule.explain(&request(line, &[]));
        reasons.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        explain("Host(`a`) && PathPrefix(`/x`)", "GET a/y"),
        [r#"PathPrefix("/x") does not hold: the path is "/y""#]
    );
    assert_eq!(
        explain("Host(`a`) || Host(`b`)", "GET c/"),
        [
            r#"Host("a") does not hold: the host is "c""#,
            r#"Host("b") does not hold: the host is "c""#,
        ]
    );
    assert_eq!(
        explain("Host(`a`) && !Method(`GET`)", "GET a/"),
        [r#"!Method("GET") does not hold: the method is "GET""#]
    );
    assert_eq!(
        explain("Query(`q`, `1`) && Header(`X-A`, `1`)", "GET a/?q=2"),
        [
            r#"Query("q","1") does not hold: the query parameter q is "2""#,
            r#"Header("x-a","1") does not hold: the request has no header x-a"#,
        ]
    );
    assert_eq!(explain("Host(`a`)", "GET a/"), [""; 0]);
}
