//! `GoRegex` against what Go itself answered.

use pointsman_rule::{GoRegex, Name, parse_tree};

const CORPUS: &str = include_str!("data/go_regex.tsv");

/// A field of the corpus is a Go string literal, which the rule parser reads.
fn unquote(field: &str) -> Option<String> {
    let tree = parse_tree(&format!("Host({field})")).ok()?;
    let mut value = None;
    tree.for_each_matcher(&mut |matcher, _| {
        assert_eq!(matcher.name, Name::Host);
        value = matcher.args.first().cloned();
    });
    value
}

#[test]
fn compiles_matches_and_replaces_as_go_does() {
    let mut wrong = Vec::new();
    let mut checked = 0;
    for line in CORPUS.lines() {
        let (kind, fields) = line.split_once('\t').unwrap();
        let fields: Vec<String> = fields
            .split('\t')
            .map(|field| unquote(field).unwrap_or_else(|| panic!("corpus line {line}")))
            .collect();
        let compiled = GoRegex::compile(&fields[0]);
        let (actual, expected) = match (kind, &compiled) {
            ("bad", compiled) => (compiled.is_err().to_string(), "true".to_owned()),
            (_, Err(error)) => (error.to_string(), "compiles".to_owned()),
            ("match", Ok(regex)) => {
                let answer = if regex.is_match(&fields[1]) {
                    "yes"
                } else {
                    "no"
                };
                (answer.to_owned(), fields[2].clone())
            }
            ("replace", Ok(regex)) => (
                regex.replace(&fields[1], &fields[2]).into_owned(),
                fields[3].clone(),
            ),
            _ => panic!("corpus line {line}"),
        };
        checked += 1;
        if actual != expected {
            wrong.push(format!("{line}\n    ours: {actual}"));
        }
    }
    assert!(checked > 5000, "only {checked} cases");
    assert!(
        wrong.is_empty(),
        "{} of {checked} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn bytes_that_are_not_utf8_count_as_replacement_characters() {
    // Go: regexp.MustCompile(`^a.b$`).MatchString("a\xffb") is true.
    let regex = GoRegex::compile("^a.b$").unwrap();
    assert!(regex.is_match_bytes(b"a\xffb"));
    assert!(!regex.is_match_bytes(b"a\xff\xfeb"));
    assert!(
        GoRegex::compile("^\u{fffd}{2}$")
            .unwrap()
            .is_match_bytes(b"\xe4\xb8")
    );
}

#[test]
fn errors_name_pattern_and_cause() {
    let error = |pattern: &str| GoRegex::compile(pattern).unwrap_err().to_string();
    assert_eq!(error("a("), r#"regular expression "a(": missing closing )"#);
    assert_eq!(
        error("[z-a]"),
        r#"regular expression "[z-a]": invalid character class range "z-a""#
    );
    assert!(
        error("(?=x)").contains(r#""(?=" is not supported"#),
        "{}",
        error("(?=x)")
    );
    assert!(error(&"a".repeat(70_000)).contains("70000 bytes long"));
    assert!(error(r"(\pL{1000}\pN{1000}){1}(\pL{1000})").contains("compiled form exceeds"));
}

#[test]
fn exponential_patterns_stay_linear() {
    let regex = GoRegex::compile("^(a+)+$").unwrap();
    assert!(!regex.is_match(&format!("{}b", "a".repeat(100_000))));
}

#[test]
fn large_but_honest_patterns_compile() {
    let words: Vec<String> = (0..2000).map(|i| format!("robot-{i:x}/[0-9.]+")).collect();
    for pattern in [
        ".{1000}".to_owned(),
        "^/[^/]{1,1000}$".to_owned(),
        r"^\S{1,255}$".to_owned(),
        r"^\p{L}{1,64}$".to_owned(),
        format!("(?i)({})", words.join("|")),
    ] {
        let compiled = GoRegex::compile(&pattern);
        assert!(compiled.is_ok(), "{:.80}", compiled.unwrap_err());
    }
}
