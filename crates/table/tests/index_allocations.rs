//! Finding a route allocates nothing.

use std::sync::Arc;

use pointsman_rule::{Request, Rule, Syntax};
use pointsman_table::index::{Entry, RuleIndex};

fn entry(id: u64, rule: &str) -> Entry<Arc<str>> {
    let rule = Rule::parse(rule, Syntax::V3).expect("a legal rule");
    Entry {
        id,
        priority: rule.default_priority(),
        order: id,
        target: rule.source().into(),
        rule: Arc::new(rule),
    }
}

#[test]
fn find_allocates_nothing() {
    let mut rules: Vec<String> = Vec::new();
    for host in 0..50 {
        for path in 0..40 {
            rules.push(format!("Host(`h{host}.example`) && PathPrefix(`/p{path}`)"));
        }
    }
    rules.push("Host(`*.wild.example`) && Method(`GET`)".to_owned());
    rules.push("HeaderRegexp(`x-a`, `^[0-9]+$`) && Query(`k`, `a b`)".to_owned());
    rules.push("QueryRegexp(`k`, `^c`) && ClientIP(`127.0.0.0/8`)".to_owned());
    rules.push("HostRegexp(`^re[0-9]+\\.example$`) && PathRegexp(`^/x/`)".to_owned());
    let index: RuleIndex<Arc<str>> = (0..)
        .zip(&rules)
        .map(|(id, rule)| entry(id, rule))
        .collect();

    let request = |host: &str, path: &str, query: &str| {
        let mut request = Request {
            host: host.to_owned(),
            path: path.to_owned(),
            query: Some(query.to_owned()),
            ..Request::default()
        };
        request
            .headers
            .insert("x-a", http::HeaderValue::from_static("12"));
        request
    };
    let requests = [
        (request("h7.example", "/p39/x", ""), Some(7 * 40 + 39)),
        (request("h7.example", "/none", ""), None),
        (request("a.wild.example", "/", "k=1"), Some(2000)),
        (request("other.example", "/", "k=a+b"), Some(2001)),
        (request("other.example", "/", "k=%63"), Some(2002)),
        (request("re12.example", "/x/y", ""), Some(2003)),
    ];
    let check = || {
        for (request, expected) in &requests {
            let found = index.find(request);
            let expected = expected.map(|id: usize| &*rules[id]);
            assert_eq!(found.map(|target| &**target), expected);
        }
    };
    // Regular expressions build their caches on first use.
    check();
    let measured = allocation_counter::measure(check);
    assert_eq!(measured.count_total, 0, "{measured:?}");
}
