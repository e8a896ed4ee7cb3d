//! What must hold for any text given to the rule language. Used by the fuzz target and, with seeded random text on a
//! stable toolchain, by the crate's tests.

use pointsman_rule::{GoRegex, Request, Rule, Syntax};

/// A rule that is taken has one meaning: its own text again, and its index keys admit what it matches. Says whether
/// one was taken.
pub(crate) fn rule(data: &[u8]) -> bool {
    let text = String::from_utf8_lossy(data);
    let mut taken = false;
    let request = Request {
        host: "a.example".to_owned(),
        path: "/a".to_owned(),
        ..Request::default()
    };
    for syntax in [Syntax::V2, Syntax::V3] {
        let Ok(rule) = Rule::parse(&text, syntax) else {
            continue;
        };
        taken = true;
        let again = Rule::parse(rule.source(), syntax).expect("its own text is a rule");
        assert_eq!(again.default_priority(), rule.default_priority());
        assert_eq!(again.hosts(), rule.hosts());
        let matches = rule.matches(&request);
        assert_eq!(again.matches(&request), matches);
        let admits = |key: &pointsman_rule::IndexKey| key.admits(&request.host, &request.path);
        assert!(!matches || rule.index_keys().iter().any(admits));
    }
    if let Ok(regex) = GoRegex::compile(&text) {
        assert_eq!(regex.is_match("/a/b"), regex.is_match_bytes(b"/a/b"));
    }
    taken
}
