//! The fuzz targets' checks with seeded random input, on a stable toolchain and in bounded time.
//! A failure prints the seed of its input.

#[path = "../../../fuzz/checks/config.rs"]
mod checks;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `check` on inputs made of random pieces of `words` with random bytes strewn in.
fn smoke(rounds: u64, check: impl Fn(&[u8]) -> bool, words: &[&str]) {
    let mut accepted = 0;
    for seed in 0..rounds {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut input = Vec::new();
        for _ in 0..random.usize(0..16) {
            match random.u8(0..12) {
                0 => input.push(random.u8(..)),
                _ => input.extend_from_slice(words[random.usize(..words.len())].as_bytes()),
            }
        }
        match catch_unwind(AssertUnwindSafe(|| check(&input))) {
            Ok(taken) => accepted += u64::from(taken),
            Err(_) => panic!("seed {seed}: {:?}", String::from_utf8_lossy(&input)),
        }
    }
    // If nearly everything is refused at once, the deeper checks never run.
    assert!(
        accepted >= rounds / 200,
        "only {accepted} inputs were accepted"
    );
}

#[test]
fn any_bytes_as_static_configuration() {
    let words = [
        "api:\n",
        "  insecure: true\n",
        "ping: {}\n",
        "log: {level: info}\n",
        "[api]\n",
        "insecure = true\n",
        "--ping\n",
        "--api.insecure=true\n",
        "--entryPoints.a.address=:1\n",
        "TRAEFIK_PING=true\n",
        "POINTSMAN_LOG_LEVEL=x\n",
        "TRAEFIK_ENTRYPOINTS_A_HTTP_TLS_DOMAINS_0_MAIN=",
        "a.b[0].c=",
        "--",
        "=",
        "\n",
        "{",
        "[",
        "tracing",
        ": ",
    ];
    // The first byte chooses the source.
    for source in ["\0", "\x01", "\x02", "\x03"] {
        let check = |data: &[u8]| checks::static_config(&[source.as_bytes(), data].concat());
        smoke(500, check, &words);
    }
}

#[test]
fn any_bytes_as_dynamic_configuration() {
    let words = [
        "http: {routers: {a: {rule: r}}}\n",
        "tls: {certificates: [{certFile: a}]}\n",
        "udp: {}\n",
        "\nhttp:",
        "\n  routers:",
        "\n    web: {rule: r, service: s}",
        "\n  services:",
        "\n    s: {loadBalancer: {}}",
        "\n    s: {failover: {}, mirroring: {}}",
        "\n[http.routers.a]\nrule = 'x'\n",
        "\ntls:",
        "\n  certificates:",
        "\n  - certFile: a",
        "\n- ",
        ": ",
        "{",
        "}",
        "[",
        "]",
        ",",
        "a",
        "true",
        "1e9",
        "&a",
        "*a",
        "<<",
    ];
    smoke(20_000, checks::dynamic_config, &words);
}

#[test]
fn any_lines_as_annotations() {
    let words = [
        "\ntraefik.ingress.kubernetes.io/router.",
        "\npointsman.io/router.",
        "\npointsman.io/service.",
        "tls",
        "domains",
        ".0.",
        ".10.",
        "main",
        "sans",
        "entrypoints",
        "priority",
        "observability",
        "metrics",
        "=",
        "=true",
        "=web",
        "=1",
        "=a, b",
        ".",
        "[0]",
        "[",
    ];
    smoke(20_000, checks::annotation, &words);
}
