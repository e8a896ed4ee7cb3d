//! The fuzz target's check with seeded random input, on a stable toolchain and in bounded time.
//! A failure prints the seed of its input.

#[path = "../../../fuzz/checks/compile.rs"]
mod checks;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Pieces that inputs are made of.
const WORDS: &[&str] = &[
    "http:\n  services: {s: {loadBalancer: {servers: [{url: 'http://a:1'}]}}}\n  routers:\n",
    "    r: {rule: 'Host(`a`)', service: s}\n",
    "    p: {rule: 'Host(`p`)'}\n",
    "    c: {rule: 'Path(`/`)', parentRefs: [p, d], service: s}\n",
    "    d: {rule: 'Path(`/`)', parentRefs: [c, p]}\n",
    "    t: {rule: 'Host(`a`)', service: s, tls: {options: x}}\n",
    "    m: {rule: 'Host(`m`)', service: s, middlewares: [m]}\n",
    "  middlewares: {m: {chain: {middlewares: [m]}}}\n",
    "    e: {service: s, priority: -1}\n",
    "tls: {options: {x: {minVersion: VersionTLS13}}}\n",
];

#[test]
fn any_input_for_compile() {
    let mut accepted = 0;
    for seed in 0..1_000 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut input = Vec::new();
        // A subset in order: most of these are then one document.
        for (index, word) in WORDS.iter().enumerate() {
            if index == 0 || random.bool() {
                input.extend_from_slice(word.as_bytes());
            }
            if random.u8(0..32) == 0 {
                input.push(random.u8(..));
            }
        }
        match catch_unwind(AssertUnwindSafe(|| checks::compile(&input))) {
            Ok(taken) => accepted += usize::from(taken),
            Err(_) => panic!("seed {seed}: {:?}", String::from_utf8_lossy(&input)),
        }
    }
    // If nearly everything is refused at once, the deeper checks never run.
    assert!(accepted >= 50, "only {accepted} inputs were accepted");
}
