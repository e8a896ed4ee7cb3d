//! The fuzz target's check with seeded random input, on a stable toolchain and in bounded time.
//! A failure prints the seed of its input.

#[path = "../../../fuzz/checks/rule.rs"]
mod checks;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Pieces that inputs are made of.
const WORDS: &[&str] = &[
    "Host(`a.example`)",
    "Path(`/a`)",
    "PathPrefix(`/`)",
    "HostRegexp(`",
    "`)",
    " && ",
    " || ",
    "!",
    "(",
    ")",
    "a.*",
    "[a-z]+",
    "Host(",
    "`a`",
    "Header(`X`, `y`)",
    "{name:[a-z]+}",
    " && ",
    " || ",
];

#[test]
fn any_input_for_rule() {
    let mut accepted = 0;
    for seed in 0..20000 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut input = Vec::new();
        for _ in 0..random.usize(1..14) {
            match random.u8(0..16) {
                0 => input.push(random.u8(..)),
                _ => input.extend_from_slice(WORDS[random.usize(..WORDS.len())].as_bytes()),
            }
        }
        match catch_unwind(AssertUnwindSafe(|| checks::rule(&input))) {
            Ok(taken) => accepted += usize::from(taken),
            Err(_) => panic!("seed {seed}: {:?}", String::from_utf8_lossy(&input)),
        }
    }
    // If nearly everything is refused at once, the deeper checks never run.
    assert!(accepted >= 50, "only {accepted} inputs were accepted");
}
