use std::collections::BTreeMap;
use std::sync::Arc;

use pointsman_rule::{Name, Request, Rule, Syntax, Tree};

use super::{Entry, RuleIndex};

/// SplitMix64; a failure names its seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }
}

const HOSTS: &[&str] = &["a", "b.a", "c.b.a", "d.a", "x", "y.x", ""];
const HOST_VALUES: &[&str] = &["a", "b.a", "*.a", "*.b.a", "*.x", "x", "y.x", "*"];
const SEGMENTS: &[&str] = &["/", "/a", "/ab", "/é", "b", "/b/c", "/a%2F"];

/// Short paths collide and nest, long ones pass the limit of what is indexed.
fn path(random: &mut Random) -> String {
    let mut path = String::from("/");
    for _ in 0..random.below(4) {
        path.push_str(random.pick(SEGMENTS));
    }
    if random.below(20) == 0 {
        path = format!("/{}{path}", "é/".repeat(80 + random.below(20)));
    }
    path
}

fn matcher(random: &mut Random) -> Tree {
    match random.below(24) {
        0..=7 => Tree::host(random.pick(HOST_VALUES)),
        8..=12 => Tree::path_prefix(path(random)),
        13..=17 => Tree::path(path(random)),
        18 => Tree::path_regexp(random.pick(&["^/a", "b$", "^/[ab]+/"])),
        19 => Tree::host_regexp(random.pick(&["^b", "a$"])),
        20 => Tree::host(random.pick(HOST_VALUES)).not(),
        21 => Tree::path_prefix(path(random)).not(),
        _ => Tree::matcher(Name::Method, [random.pick(&["GET", "PUT"])]),
    }
}

fn tree(random: &mut Random) -> Tree {
    let mut tree = match random.below(4) {
        0 => matcher(random),
        1 => Tree::host(random.pick(HOST_VALUES)),
        _ => Tree::host(random.pick(HOST_VALUES)).and(matcher(random)),
    };
    for _ in 0..random.below(3) {
        let more = matcher(random);
        tree = match random.below(2) {
            0 => tree.and(more),
            _ => tree.or(more),
        };
    }
    tree
}

fn entry(random: &mut Random, id: u64) -> Entry<u64> {
    Entry {
        id,
        // Few values, so that ties are common.
        priority: random.below(6) as i64 - 2,
        order: random.below(4) as u64,
        rule: Arc::new(Rule::from_tree(tree(random), Syntax::V3).unwrap()),
        // Not the id, so that a stale target is seen.
        target: random.next(),
    }
}

fn request(random: &mut Random) -> Request {
    Request {
        host: random.pick(HOSTS).to_owned(),
        path: match random.below(20) {
            0 => "*".to_owned(),
            _ => path(random),
        },
        method: random.pick(&["GET", "PUT", "POST"]).to_owned(),
        ..Request::default()
    }
}

type Entries = BTreeMap<u64, Entry<u64>>;

/// All matches by a scan of all rules.
fn scan(entries: &Entries, request: &Request) -> Vec<u64> {
    let mut matches: Vec<_> = entries
        .values()
        .filter(|e| e.rule.matches(request))
        .collect();
    matches.sort_by(|a, b| {
        let by_priority = b.priority.cmp(&a.priority);
        by_priority
            .then(a.order.cmp(&b.order))
            .then(a.id.cmp(&b.id))
    });
    matches.iter().map(|e| e.target).collect()
}

/// Compares index and scan on `count` requests; returns how many were found.
fn compare(
    index: &RuleIndex<u64>,
    entries: &Entries,
    random: &mut Random,
    count: usize,
    what: &str,
) -> usize {
    assert_eq!(index.len(), entries.len(), "{what}");
    let mut found = 0;
    for _ in 0..count {
        let request = request(random);
        let expected = scan(entries, &request);
        let first = index.find(&request).copied();
        assert_eq!(first, expected.first().copied(), "{what}: {request:?}");
        found += usize::from(first.is_some());
        if random.below(8) == 0 {
            let all: Vec<u64> = index.find_all(&request).iter().map(|e| e.target).collect();
            assert_eq!(all, expected, "{what}: {request:?}");
        }
    }
    found
}

#[test]
fn index_and_linear_scan_agree_also_after_updates() {
    let (mut cases, mut found) = (0, 0);
    for seed in 0..300 {
        let random = &mut Random(seed);
        let size = 1 + random.below(if seed % 10 == 0 { 400 } else { 60 });
        let mut entries: Entries = (0..size as u64).map(|id| (id, entry(random, id))).collect();
        let mut index: RuleIndex<u64> = entries.values().cloned().collect();
        found += compare(&index, &entries, random, 60, &format!("seed {seed}"));
        let one_by_one = entries
            .values()
            .cloned()
            .fold(RuleIndex::default(), |index, entry| {
                index.rebuild([], [entry])
            });
        found += compare(
            &one_by_one,
            &entries,
            random,
            20,
            &format!("seed {seed}, one by one"),
        );
        cases += 80;
        for round in 0..8 {
            let before = (index.clone(), entries.clone());
            let removed: Vec<u64> = (0..random.below(size / 4 + 2))
                .map(|_| random.below(size + 5) as u64)
                .collect();
            let upserted: Vec<Entry<u64>> = (0..random.below(size / 4 + 2))
                .map(|_| {
                    let id = random.below(size + 5) as u64;
                    entry(random, id)
                })
                .collect();
            for id in &removed {
                entries.remove(id);
            }
            entries.extend(upserted.iter().map(|e| (e.id, e.clone())));
            index = index.rebuild(removed, upserted);
            let what = format!("seed {seed}, round {round}");
            found += compare(&index, &entries, random, 40, &what);
            // The index before must not have changed with it.
            compare(&before.0, &before.1, random, 10, &format!("{what}, before"));
            cases += 50;
        }
    }
    assert!(cases >= 100_000, "only {cases} cases");
    assert!(
        found * 2 > cases,
        "only {found} of {cases} requests were matched"
    );
}

#[test]
fn an_index_can_be_shared_between_workers() {
    fn shared<T: Send + Sync>() {}
    shared::<RuleIndex<Arc<str>>>();
}

#[test]
fn an_emptied_index_holds_nothing() {
    let random = &mut Random(7);
    let entries: Vec<_> = (0..300).map(|id| entry(random, id)).collect();
    let index: RuleIndex<u64> = entries.into_iter().collect();
    let emptied = index.rebuild(0..300, []);
    assert!(emptied.is_empty());
    assert_eq!(emptied.iter().count(), 0);
    assert!(emptied.hosts.is_empty() && emptied.wildcards.is_empty());
    assert!(emptied.general.is_empty());
    assert_eq!(index.len(), 300);
}

fn simple(id: u64, rule: &str) -> Entry<u64> {
    let rule = Rule::parse(rule, Syntax::V3).unwrap();
    Entry {
        id,
        priority: rule.default_priority(),
        order: id,
        rule: Arc::new(rule),
        target: id,
    }
}

fn get(host: &str, path: &str) -> Request {
    Request {
        host: host.to_owned(),
        path: path.to_owned(),
        ..Request::default()
    }
}

#[test]
fn the_longer_rule_wins_whatever_its_kind() {
    // traefik-ingress-provider section 10: priority is the length, so PathPrefix beats Path.
    let index: RuleIndex<u64> = [
        simple(0, "Host(`a`) && Path(`/x`)"),
        simple(1, "Host(`a`) && PathPrefix(`/x`)"),
        simple(2, "Host(`*.example.com`)"),
        simple(3, "Host(`a.example.com`)"),
        simple(4, "PathPrefix(`/`)"),
    ]
    .into_iter()
    .collect();
    assert_eq!(index.find(&get("a", "/x")), Some(&1));
    assert_eq!(
        index.find(&get("a.example.com", "/")),
        Some(&2),
        "a tie: the order decides"
    );
    assert_eq!(index.find(&get("b", "/x")), Some(&4));
}

#[test]
fn a_change_shares_what_it_does_not_touch() {
    let entries = (0..10_000).map(|i| simple(i, &format!("Host(`h{i}`) && PathPrefix(`/`)")));
    let index: RuleIndex<u64> = entries.collect();
    let next = index.rebuild([], [simple(77, "Host(`h77`) && PathPrefix(`/new`)")]);
    assert_eq!(next.find(&get("h77", "/new/x")), Some(&77));
    assert_eq!(next.find(&get("h77", "/")), None);
    assert_eq!(index.find(&get("h77", "/")), Some(&77));
    let copied = next.hosts.shards_not_shared_with(&index.hosts);
    assert_eq!(copied, 1, "one host lives in one shard");
    assert_eq!(next.entries.shards_not_shared_with(&index.entries), 1);
}

#[test]
fn runners_up_say_why_they_lost() {
    let index: RuleIndex<u64> = [
        simple(0, "Host(`a`) && PathPrefix(`/long`)"),
        simple(1, "Host(`a`) && PathPrefix(`/`)"),
        simple(2, "PathPrefix(`/x`)"),
        simple(3, "Host(`b`)"),
    ]
    .into_iter()
    .collect();
    let runners_up = index.runners_up(&get("a", "/y"), 10);
    let lost: Vec<(u64, usize)> = runners_up
        .iter()
        .map(|runner_up| (runner_up.entry.id, runner_up.mismatches.len()))
        .collect();
    assert_eq!(lost, [(0, 1), (2, 1)], "not the winner, not the other host");
    assert_eq!(
        runners_up[0].mismatches[0].to_string(),
        r#"PathPrefix("/long") does not hold: the path is "/y""#
    );
    let behind = index.runners_up(&get("a", "/long"), 1);
    assert_eq!(behind[0].entry.id, 1);
    assert!(
        behind[0].mismatches.is_empty(),
        "it matches, with a lower priority"
    );
}

#[test]
fn deep_paths_do_not_exhaust_the_stack() {
    let entries =
        (1..3000).map(|i| simple(i, &format!("PathPrefix(`/{}`)", "a".repeat(i as usize))));
    let index: RuleIndex<u64> = entries.collect();
    let path = format!("/{}", "a".repeat(2000));
    assert_eq!(index.find(&get("h", &path)), Some(&2000));
    assert_eq!(index.find(&get("h", "/aaa/")), Some(&3));
    let index = index.rebuild(500..3000, []);
    assert_eq!(index.find(&get("h", &path)), Some(&499));
}
