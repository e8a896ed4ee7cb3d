//! The fuzz targets' checks with seeded random input, on a stable toolchain and in bounded time.
//! A failure prints the seed of its input.

#[path = "../../../fuzz/checks/wire.rs"]
mod checks;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `check` on inputs made of random pieces of `words` with random bytes strewn in.
fn smoke(check: impl Fn(&[u8]) -> bool, words: &[&[u8]]) {
    let mut accepted = 0;
    for seed in 0..20_000 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut input = Vec::new();
        for _ in 0..random.usize(0..16) {
            match random.u8(0..8) {
                0 => input.push(random.u8(..)),
                _ => input.extend_from_slice(words[random.usize(..words.len())]),
            }
        }
        let run = catch_unwind(AssertUnwindSafe(|| check(&input)));
        match run {
            Ok(taken) => accepted += usize::from(taken),
            Err(_) => panic!("seed {seed}: {:?}", String::from_utf8_lossy(&input)),
        }
    }
    // If nearly everything is refused at once, the deeper checks never run.
    assert!(accepted >= 50, "only {accepted} inputs were accepted");
}

#[test]
fn any_bytes_as_path() {
    smoke(
        checks::path,
        &[
            b"/", b"/", b".", b"..", b"%2e", b"%2F", b"%zz", b"%", b"a", b";", b"#", b"?", b"\"",
            b"%41",
        ],
    );
}

#[test]
fn any_bytes_as_authority() {
    smoke(
        checks::authority,
        &[
            b"a", b"Example", b".", b"com", b":", b"80", b"[", b"]", b"::1", b"@", b",", b"xn--",
            b"-", b"%",
        ],
    );
}

#[test]
fn any_lines_as_framing_fields() {
    smoke(
        checks::framing,
        &[
            b"c",
            b"t",
            b"\n",
            b"\n",
            b"chunked",
            b"0",
            b"5",
            b"18446744073709551616",
            b"+",
            b",",
            b" ",
            b"gzip",
        ],
    );
}

#[test]
fn any_bytes_as_chunked_body() {
    smoke(
        checks::chunked,
        &[
            b"0",
            b"5",
            b"\r\n",
            b"\r\n",
            b"5\r\nhello\r\n",
            b"0\r\n\r\n",
            b";a=",
            b"\"",
            b"a: b",
            b"Host: x",
            b"ffffffff",
            b"\n",
            b"\r",
            b" ",
        ],
    );
}

#[test]
fn any_bytes_as_head() {
    smoke(
        checks::head,
        &[
            b"GET ",
            b"/",
            b" HTTP/1.1",
            b"\r\n",
            b"Host",
            b":",
            b" ",
            b"a",
            b"*",
            b"http://",
            b"close",
            b",",
            b"1.2.3.4",
            b"X_Forwarded-For",
            b"1h",
            b"1.5",
            b"ms",
            b"\r",
            b"\n",
        ],
    );
}
