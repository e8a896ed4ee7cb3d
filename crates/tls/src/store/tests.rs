use std::time::Instant;

use pointsman_config::dynamic::http::ServersTransport;
use pointsman_config::{Secret, Severity};
use pointsman_testkit::certs::{Authority, Leaf};

use super::*;
use crate::describe::KeyKind;
use crate::testing::{configured, handshake, now, parse, source, source_of};

fn authority() -> Authority {
    Authority::new("test authority").unwrap()
}

/// The first bytes of what is shown for a name: `None` without one.
fn shown(store: &CertificateStore, name: &str) -> Option<Vec<u8>> {
    store.find(name).map(|key| key.cert[0].to_vec())
}

fn build(tls: &mut Tls, sources: &[CertificateSource]) -> StoreBuild {
    tls.store(sources, None, now())
}

#[test]
fn an_exact_name_wins_over_the_wildcard_and_a_wildcard_covers_one_label() {
    let authority = authority();
    let wild = authority.server(&["*.example.com"]).unwrap();
    let exact = authority.server(&["a.example.com"]).unwrap();
    for order in [[&wild, &exact], [&exact, &wild]] {
        let sources: Vec<_> = order
            .iter()
            .enumerate()
            .map(|(at, leaf)| source(&at.to_string(), leaf))
            .collect();
        let built = build(&mut Tls::new(), &sources);
        assert!(built.diagnostics.is_empty());
        let store = built.store;
        assert_eq!(
            shown(&store, "a.example.com").unwrap(),
            exact.certificate_der
        );
        assert_eq!(
            shown(&store, "b.example.com").unwrap(),
            wild.certificate_der
        );
        for uncovered in ["example.com", "a.b.example.com", ".example.com", "com", ""] {
            assert_eq!(shown(&store, uncovered), None, "{uncovered}");
            assert!(!store.covers(uncovered));
        }
    }
}

#[test]
fn of_several_certificates_for_a_name_the_greatest_joined_names_win() {
    let authority = authority();
    let alone = authority.server(&["a.example"]).unwrap();
    let with_b = authority.server(&["a.example", "b.example"]).unwrap();
    let with_0 = authority.server(&["a.example", "0.example"]).unwrap();
    for order in [[&alone, &with_b, &with_0], [&with_0, &with_b, &alone]] {
        let sources: Vec<_> = order
            .iter()
            .enumerate()
            .map(|(at, leaf)| source(&at.to_string(), leaf))
            .collect();
        // "a.example,b.example" > "a.example" > "0.example,a.example".
        let store = build(&mut Tls::new(), &sources).store;
        assert_eq!(shown(&store, "a.example").unwrap(), with_b.certificate_der);
    }
}

#[test]
fn of_equal_names_the_first_is_kept_unless_it_has_expired() {
    let authority = authority();
    let [one, two] = [0, 1].map(|_| authority.server(&["a.example", "b.example"]).unwrap());
    let expired = authority
        .expired_server(&["a.example", "b.example"])
        .unwrap();
    let sources = [source("1", &one), source("2", &two)];
    let store = build(&mut Tls::new(), &sources).store;
    assert_eq!(shown(&store, "b.example").unwrap(), one.certificate_der);
    let sources = [source("1", &expired), source("2", &two)];
    let store = build(&mut Tls::new(), &sources).store;
    assert_eq!(shown(&store, "b.example").unwrap(), two.certificate_der);
}

#[test]
fn common_names_and_ip_addresses_count_as_names() {
    let leaf = authority()
        .server(&["Main.Example", "127.0.0.1", "::1"])
        .unwrap();
    let store = build(&mut Tls::new(), &[source("1", &leaf)]).store;
    for name in ["main.example", "127.0.0.1", "::1"] {
        assert!(store.covers(name), "{name}");
    }
}

#[test]
fn a_broken_certificate_is_told_with_its_cure_and_takes_only_itself_out() {
    let authority = authority();
    let good = authority.server(&["good.example"]).unwrap();
    let bad = authority.server(&["bad.example"]).unwrap();
    let with = |certificate: &str, key: &str| Configured {
        cert_file: certificate.to_owned(),
        key_file: Secret::new(key.to_owned()),
    };
    let cut = &bad.certificate_pem[..bad.certificate_pem.len() / 2];
    let garbled = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    for (certificate, text) in [
        (
            with(&bad.certificate_pem, &good.key_pem),
            "the private key does not belong to the certificate",
        ),
        (with(cut, &bad.key_pem), "certFile is damaged"),
        (
            with(garbled, &bad.key_pem),
            "certificate 1 is not X.509 DER",
        ),
        (
            with(&bad.key_pem, &bad.key_pem),
            "certFile holds no certificate",
        ),
        (
            with(&bad.certificate_pem, &bad.certificate_pem),
            "keyFile holds no unencrypted private key",
        ),
        (
            with(&bad.certificate_pem, encrypted),
            "keyFile holds no unencrypted private key",
        ),
        (
            with("/nonexistent/tls.crt", &bad.key_pem),
            "file \"/nonexistent/tls.crt\" cannot be read",
        ),
        (with("", ""), "cannot be read"),
    ] {
        let sources = [
            source_of("Secret shop/bad", certificate),
            source("Secret shop/good", &good),
        ];
        let built = build(&mut Tls::new(), &sources);
        let [diagnostic] = &built.diagnostics[..] else {
            panic!("{text}: {:?}", built.diagnostics);
        };
        assert_eq!(
            (&*diagnostic.object, diagnostic.severity),
            ("Secret shop/bad", Severity::Error)
        );
        assert!(
            diagnostic.message.contains(text),
            "{text}: {}",
            diagnostic.message
        );
        assert!(!built.store.covers("bad.example"));
        assert!(built.store.covers("good.example"));
    }
}

#[test]
fn a_worse_version_of_a_certificate_does_not_replace_a_good_one() {
    let authority = authority();
    let good = authority.server(&["a.example"]).unwrap();
    let other_key = authority.server(&["a.example"]).unwrap();
    let expired = authority.expired_server(&["a.example"]).unwrap();
    let early = authority
        .server_between(&["a.example"], (2030, 1, 1), (2040, 1, 1))
        .unwrap();
    let mut mismatch = configured(&good);
    mismatch.key_file = Secret::new(other_key.key_pem.clone());
    let broken = Configured {
        cert_file: "-----BEGIN nothing".into(),
        key_file: Secret::new("-----BEGIN nothing".into()),
    };
    for (worse, text) in [
        (configured(&expired), "expired"),
        (configured(&early), "not valid for the next"),
        (mismatch, "does not belong"),
        (broken, "certFile is damaged"),
    ] {
        let mut tls = Tls::new();
        build(&mut tls, &[source("s", &good)]);
        // As long as the bad version is there, whatever else changes.
        for _ in 0..3 {
            let built = build(&mut tls, &[source_of("s", worse.clone())]);
            assert_eq!(
                shown(&built.store, "a.example").unwrap(),
                good.certificate_der,
                "{text}"
            );
            let [diagnostic] = &built.diagnostics[..] else {
                panic!("{text}: {:?}", built.diagnostics);
            };
            assert!(
                diagnostic.message.contains(text),
                "{text}: {}",
                diagnostic.message
            );
            assert!(
                diagnostic.message.contains("stays in use"),
                "{}",
                diagnostic.message
            );
        }
        // A good one replaces it at once.
        let built = build(&mut tls, &[source("s", &other_key)]);
        assert!(built.diagnostics.is_empty());
        assert_eq!(
            shown(&built.store, "a.example").unwrap(),
            other_key.certificate_der
        );
        // And what is deleted is gone.
        let built = build(&mut tls, &[]);
        assert_eq!(shown(&built.store, "a.example"), None);
    }
}

#[test]
fn a_version_that_lost_a_name_leaves_the_old_one_in_place_for_that_name() {
    let authority = authority();
    let both = authority.server(&["a.example", "b.example"]).unwrap();
    let only_a = authority.server(&["a.example"]).unwrap();
    let wild = authority.server(&["*.example"]).unwrap();
    let for_b = authority.server(&["b.example"]).unwrap();
    let mut tls = Tls::new();
    build(&mut tls, &[source("s", &both)]);
    let built = build(&mut tls, &[source("s", &only_a)]);
    assert_eq!(
        shown(&built.store, "a.example").unwrap(),
        only_a.certificate_der
    );
    assert_eq!(
        shown(&built.store, "b.example").unwrap(),
        both.certificate_der
    );
    assert!(
        built.diagnostics[0]
            .message
            .contains("no longer covers \"b.example\""),
        "{:?}",
        built.diagnostics
    );
    // Another object's certificate for the name is better than the kept one.
    let built = build(&mut tls, &[source("s", &only_a), source("t", &for_b)]);
    assert_eq!(
        shown(&built.store, "b.example").unwrap(),
        for_b.certificate_der
    );
    // A version that covers all names again ends it.
    let built = build(&mut tls, &[source("s", &wild)]);
    assert!(built.diagnostics.is_empty(), "{:?}", built.diagnostics);
    assert_eq!(
        shown(&built.store, "b.example").unwrap(),
        wild.certificate_der
    );
    assert_eq!(built.store.certificates().len(), 1);
}

#[test]
fn an_expired_certificate_without_a_better_one_is_served_with_a_warning() {
    let expired = authority().expired_server(&["a.example"]).unwrap();
    let built = build(&mut Tls::new(), &[source("s", &expired)]);
    assert!(built.store.covers("a.example"));
    assert_eq!(built.diagnostics[0].severity, Severity::Warning);
    assert!(
        built.diagnostics[0].message.contains("expired"),
        "{:?}",
        built.diagnostics
    );
}

#[test]
fn files_are_read_again_and_replaced_only_by_good_ones() {
    let authority = authority();
    let [old, new] = [0, 1].map(|_| authority.server(&["a.example"]).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
    let write = |leaf: &Leaf| {
        std::fs::write(&certificate, &leaf.certificate_pem).unwrap();
        std::fs::write(&key, &leaf.key_pem).unwrap();
    };
    write(&old);
    let sources = [CertificateSource {
        owner: None,
        ..source_of(
            "tls.certificates[0]",
            Configured {
                cert_file: certificate.to_str().unwrap().into(),
                key_file: Secret::new(key.to_str().unwrap().into()),
            },
        )
    }];
    let mut tls = Tls::new();
    assert_eq!(
        shown(&build(&mut tls, &sources).store, "a.example").unwrap(),
        old.certificate_der
    );
    // Half of the pair is written: the old one stays.
    std::fs::write(&certificate, &new.certificate_pem).unwrap();
    let built = build(&mut tls, &sources);
    assert_eq!(
        shown(&built.store, "a.example").unwrap(),
        old.certificate_der
    );
    assert!(built.diagnostics[0].message.contains("does not belong"));
    write(&new);
    let built = build(&mut tls, &sources);
    assert_eq!(
        shown(&built.store, "a.example").unwrap(),
        new.certificate_der
    );
    assert!(built.diagnostics.is_empty());
}

#[test]
fn the_default_certificate_is_the_configured_one_or_self_signed() {
    let authority = authority();
    let leaf = authority.server(&["fallback.example"]).unwrap();
    let mut tls = Tls::new();
    let store = tls.store(&[], Some(&configured(&leaf)), now()).store;
    for name in [None, Some("unknown.example")] {
        assert_eq!(
            store.choose(name).unwrap().cert[0].to_vec(),
            leaf.certificate_der
        );
    }
    assert!(
        !store.covers("fallback.example"),
        "it is not one of the store's certificates"
    );
    assert_eq!(store.certificates().len(), 1);
    // A broken one does not replace it.
    let mut broken = configured(&leaf);
    broken.key_file = Secret::new("x".into());
    let built = tls.store(&[], Some(&broken), now());
    assert_eq!(
        built.store.choose(None).unwrap().cert[0].to_vec(),
        leaf.certificate_der
    );
    assert_eq!(
        (&*built.diagnostics[0].object, &*built.diagnostics[0].field),
        ("tls store default", "defaultCertificate")
    );
    let store = build(&mut Tls::new(), &[]).store;
    let self_signed = store.choose(None).unwrap();
    assert!(Arc::ptr_eq(
        self_signed,
        store.choose(Some("x.example")).unwrap()
    ));
    let (_, parsed) = x509_parser::parse_x509_certificate(&self_signed.cert[0]).unwrap();
    assert_eq!(parsed.subject().to_string(), "CN=TRAEFIK DEFAULT CERT");
    assert!(store.certificates().is_empty());
}

#[test]
fn only_the_default_store_counts() {
    let leaf = authority().server(&["a.example"]).unwrap();
    let stored = |stores: &[&str]| {
        let mut source = source("s", &leaf);
        source.certificate = Arc::new(CertificateAndStores {
            stores: stores.iter().map(ToString::to_string).collect(),
            ..(*source.certificate).clone()
        });
        build(&mut Tls::new(), &[source])
    };
    assert!(stored(&["other", "default"]).store.covers("a.example"));
    let built = stored(&["other"]);
    assert!(!built.store.covers("a.example"));
    assert_eq!(built.diagnostics[0].field, "stores");
}

#[test]
fn descriptions_hold_what_the_api_and_the_metric_tell() {
    let leaf = authority()
        .server(&["b.example", "a.example", "127.0.0.1"])
        .unwrap();
    let built = build(&mut Tls::new(), &[source("s", &leaf)]);
    let [description] = built.store.certificates() else {
        panic!("{:?}", built.store.certificates());
    };
    assert_eq!(description.common_name, "b.example");
    assert_eq!(description.dns_names, ["b.example", "a.example"]);
    assert_eq!(
        description.ip_addresses,
        ["127.0.0.1".parse::<std::net::IpAddr>().unwrap()]
    );
    assert_eq!(description.issuer_common_name, "test authority");
    // The test kit's validity: 1975-01-01 to 4096-01-01.
    assert_eq!(
        (description.not_before, description.not_after),
        (157_766_400, 67_090_118_400)
    );
    assert_eq!(
        (description.key_kind, description.key_bits),
        (KeyKind::Ecdsa, 256)
    );
    assert_eq!(description.signature_algorithm, "ECDSA-SHA256");
    assert_eq!(description.version, 3);
    assert!(
        description
            .serial_number
            .bytes()
            .all(|byte| byte.is_ascii_digit())
    );
    assert_eq!(description.fingerprint.len(), 64);
    assert_ne!(description.fingerprint, description.public_key_fingerprint);
}

#[test]
fn an_rsa_certificate_is_served_in_both_versions_and_described() {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let params = rcgen::CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let leaf = Leaf {
        certificate_pem: certificate.pem(),
        certificate_der: certificate.der().to_vec(),
        key_pem: key.serialize_pem(),
        key_der: key.serialize_der(),
    };
    let mut tls = Tls::new();
    let store = build(&mut tls, &[source("s", &leaf)]).store;
    let description = &store.certificates()[0];
    assert_eq!(
        (description.key_kind, description.key_bits),
        (KeyKind::Rsa, 2048)
    );
    assert_eq!(description.signature_algorithm, "SHA256-RSA");
    let set = tls.policies([], None, &store);
    let server = set.policy("default").unwrap().config().unwrap();
    for max_version in ["VersionTLS12", "VersionTLS13"] {
        let (transport, _) = crate::client::Transport::build(&ServersTransport {
            root_cas: vec![leaf.certificate_pem.clone()],
            max_version: max_version.into(),
            ..ServersTransport::default()
        })
        .unwrap();
        handshake(transport.config(), server, "a.example").unwrap();
    }
}

/// 5 000 certificates, one changes: what did not change is neither parsed nor hashed again.
#[test]
fn swapping_one_of_5000_certificates_parses_one() {
    let authority = authority();
    let pool: Vec<Leaf> = (0..200)
        .map(|at| authority.server(&[&format!("h{at}.example")]).unwrap())
        .collect();
    // Distinct texts of the same certificates: what is remembered by content has 5 000 entries too.
    let mut sources: Vec<_> = (0..5_000)
        .map(|at| {
            let leaf = &pool[at % pool.len()];
            let mut certificate = configured(leaf);
            certificate.cert_file = format!("# {at}\n{}", certificate.cert_file);
            source_of(&format!("s{at}"), certificate)
        })
        .collect();
    let mut tls = Tls::new();
    let first = build(&mut tls, &sources);
    assert!(first.diagnostics.is_empty());
    let parsed_before: Vec<_> = sources.iter().map(|source| parsed(&tls, source)).collect();
    let new = authority.server(&["h7.example"]).unwrap();
    sources[7] = source("s7", &new);
    let start = Instant::now();
    let second = build(&mut tls, &sources);
    let taken = start.elapsed();
    assert!(second.diagnostics.is_empty());
    let changed = sources
        .iter()
        .zip(&parsed_before)
        .filter(|(source, before)| !Arc::ptr_eq(&parsed(&tls, source), before))
        .count();
    assert_eq!(changed, 1);
    // What nobody uses any more is forgotten with the next store.
    drop((first, parsed_before));
    build(&mut tls, &sources);
    assert_eq!(tls.by_content.len(), 5_000);
    // A parse costs about 100 us even in release: 5 000 of them would take more than half a second.
    assert!(taken.as_millis() < 400, "{taken:?}");
    println!("one of 5 000 certificates changed: {taken:?}");
}

fn parsed(tls: &Tls, source: &CertificateSource) -> Arc<Certificate> {
    let known = &tls.by_pointer[&Arc::as_ptr(&source.certificate).addr()];
    Arc::clone(known.parsed.as_ref().unwrap())
}

/// The index against the rule it stands for, over made-up names.
#[test]
fn the_index_equals_a_scan_of_all_certificates() {
    let authority = authority();
    let template = authority.server(&["x.example"]).unwrap();
    let key = parse(&template);
    let mut random = fastrand::Rng::with_seed(7);
    let name = |random: &mut fastrand::Rng| {
        let labels = ["a", "b", "c", "d"];
        let first = random.choice(["a", "b", "c", "*"]).unwrap();
        let rest: Vec<_> = (0..random.usize(1..3))
            .map(|_| *random.choice(&labels).unwrap())
            .collect();
        format!("{first}.{}", rest.join("."))
    };
    for round in 0..300 {
        let mut store = CertificateStore::default();
        let mut all = Vec::new();
        for _ in 0..random.usize(1..12) {
            let mut names: Vec<Box<str>> = (0..random.usize(1..4))
                .map(|_| name(&mut random).into())
                .collect();
            names.sort();
            names.dedup();
            let certificate = Arc::new(Certificate {
                key: Arc::new((*key.key).clone()),
                description: Arc::clone(&key.description),
                joined_names: names.join(",").into(),
                names,
            });
            store.insert(&certificate, Rank::Current, now());
            all.push(certificate);
        }
        for _ in 0..30 {
            let wanted = name(&mut random).replace('*', "e");
            let wildcard = format!("*.{}", wanted.split_once('.').unwrap().1);
            let scan = |name: &str| {
                let mut best: Option<&Arc<Certificate>> = None;
                for certificate in &all {
                    if certificate.names.iter().any(|own| **own == *name)
                        && best.is_none_or(|best| certificate.joined_names > best.joined_names)
                    {
                        best = Some(certificate);
                    }
                }
                best.map(|best| Arc::as_ptr(&best.key))
            };
            let expected = scan(&wanted).or_else(|| scan(&wildcard));
            assert_eq!(
                store.find(&wanted).map(Arc::as_ptr),
                expected,
                "round {round}, {wanted}"
            );
        }
    }
}
