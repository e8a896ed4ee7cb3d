//! Time of one lookup and of one change, for tables of growing size:
//! `cargo run --profile quick -p pointsman-table --example index_bench`.

use std::hint::black_box;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use http::HeaderName;
use pointsman_rule::{RequestView, Rule, Syntax};
use pointsman_table::index::{Entry, RuleIndex};

struct View<'a> {
    host: &'a str,
    path: &'a str,
}

impl RequestView for View<'_> {
    fn host(&self) -> &str {
        self.host
    }

    fn path(&self) -> &str {
        self.path
    }

    fn method(&self) -> &str {
        "GET"
    }

    fn header<'v>(&'v self, _: &'v HeaderName) -> impl Iterator<Item = &'v [u8]> {
        std::iter::empty()
    }

    fn query(&self) -> Option<&str> {
        None
    }

    fn peer_ip(&self) -> IpAddr {
        IpAddr::from([127, 0, 0, 1])
    }
}

fn entry(id: u64, rule: &str) -> Entry<Arc<u64>> {
    let rule = Rule::parse(rule, Syntax::V3).expect("a legal rule");
    Entry {
        id,
        priority: rule.default_priority(),
        order: id,
        rule: Arc::new(rule),
        target: Arc::new(id),
    }
}

/// Nanoseconds per request, best of some rounds.
fn time(requests: &[(String, String)], rounds: usize, work: impl Fn(&str, &str)) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..rounds {
        let started = Instant::now();
        for (host, path) in requests {
            work(host, path);
        }
        best = best.min(started.elapsed().as_nanos() as f64 / requests.len() as f64);
    }
    best
}

fn main() {
    for (hosts, paths) in [
        (1, 1),
        (1, 10),
        (1000, 10),
        (10_000, 1),
        (10_000, 10),
        (1, 10_000),
    ] {
        let host = |i: usize| format!("shop-{i}.example.com");
        let path = |i: usize| format!("/section-{i}/");
        let rule = |i: usize| {
            format!(
                "Host(`{}`) && PathPrefix(`{}`)",
                host(i % hosts),
                path(i / hosts)
            )
        };
        let started = Instant::now();
        let entries: Vec<_> = (0..hosts * paths)
            .map(|i| entry(i as u64, &rule(i)))
            .collect();
        let parsed = started.elapsed();
        let started = Instant::now();
        let index: RuleIndex<Arc<u64>> = entries.into_iter().collect();
        let built = started.elapsed();

        // In an order that no prefetcher knows.
        let requests: Vec<(String, String)> = (0..100_000_usize)
            .map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as usize) >> 20)
            .map(|i| (host(i % hosts), format!("{}x", path(i / 7 % paths))))
            .collect();
        let find = |host: &str, path: &str| {
            black_box(index.find(&View { host, path })).expect("a match");
        };
        // A server has just read host and path, so they are in its cache: here that costs extra.
        let touch = |host: &str, path: &str| {
            black_box(
                host.bytes()
                    .chain(path.bytes())
                    .fold(0_u8, u8::wrapping_add),
            );
        };
        let all = time(&requests, 20, find) - time(&requests, 20, touch);
        let some = time(&requests[..1000], 200, find) - time(&requests[..1000], 200, touch);
        let started = Instant::now();
        let mut changed = index.clone();
        for i in 0..200 {
            let i = i * 31 % (hosts * paths);
            changed = changed.rebuild([], [entry(i as u64, &rule(i))]);
        }
        let change = started.elapsed() / 200;
        println!(
            "{hosts:>6} hosts x {paths:>5} paths: find {all:>6.1} ns over all, {some:>6.1} ns over \
             1000 requests, change {change:>9.1?}, parse {parsed:>9.1?}, build {built:>9.1?}"
        );
    }
}
