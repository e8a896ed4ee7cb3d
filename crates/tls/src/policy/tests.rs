use std::io::Cursor;

use pointsman_config::Severity;
use pointsman_config::dynamic::http::ServersTransport;
use pointsman_config::dynamic::tls::ClientAuth;
use pointsman_testkit::certs::{Authority, Leaf};
use rustls::server::Acceptor;
use rustls::{AlertDescription, ClientConfig, ClientConnection, HandshakeKind};
use rustls_pki_types::ServerName;

use super::*;
use crate::client::Transport;
use crate::resolution::{RouterOptions, resolve};
use crate::testing::{configured, handshake, now, parse, source};

/// An authority, a server certificate for all names of the tests, and process state.
struct World {
    authority: Authority,
    tls: Tls,
    store: Arc<CertificateStore>,
}

impl World {
    fn new() -> Self {
        let authority = Authority::new("servers").unwrap();
        let leaf = authority.server(&["a.example", "*.deep.example"]).unwrap();
        let mut tls = Tls::new();
        let store = tls.store(&[source("s", &leaf)], None, now()).store;
        Self {
            authority,
            tls,
            store,
        }
    }

    fn set(&self, options: &[(&str, Options)]) -> PolicySet {
        let options = options.iter().map(|(name, options)| (*name, options));
        self.tls.policies(options, None, &self.store)
    }

    /// A client that trusts the authority, speaks up to `max_version` and shows these certificates.
    fn client(&self, max_version: &str, certificates: &[&Leaf]) -> Arc<ClientConfig> {
        let (transport, _) = Transport::build(&ServersTransport {
            root_cas: vec![self.authority.pem()],
            max_version: max_version.into(),
            certificates: certificates.iter().map(|leaf| configured(leaf)).collect(),
            ..ServersTransport::default()
        })
        .unwrap();
        Arc::clone(transport.config())
    }
}

fn config(set: &PolicySet, name: &str) -> Arc<ServerConfig> {
    Arc::clone(set.policy(name).unwrap().config().unwrap())
}

fn kind(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> HandshakeKind {
    let (_, server) = handshake(client, server, "a.example").unwrap();
    server.handshake_kind().unwrap()
}

fn client_auth(client_auth_type: &str, authorities: &[&Authority]) -> Options {
    Options {
        client_auth: ClientAuth {
            ca_files: authorities
                .iter()
                .map(|authority| authority.pem())
                .collect(),
            client_auth_type: client_auth_type.into(),
        },
        ..Options::default()
    }
}

const VERSIONS: [&str; 2] = ["VersionTLS12", "VersionTLS13"];

/// CVE-2025-23419, CVE-2025-23048: a session resumed on another virtual host skipped the check of the client.
#[test]
fn a_ticket_of_one_policy_gets_a_full_handshake_under_every_other() {
    let world = World::new();
    let clients = Authority::new("clients").unwrap();
    let me = clients.client("me").unwrap();
    let options = [
        ("open@file", Options::default()),
        (
            "strict@file",
            Options {
                sni_strict: true,
                ..Options::default()
            },
        ),
        (
            "h1@file",
            Options {
                alpn_protocols: Some(vec!["http/1.1".into()]),
                ..Options::default()
            },
        ),
        ("ask@file", client_auth("RequestClientCert", &[])),
        ("any@file", client_auth("RequireAnyClientCert", &[])),
        (
            "given@file",
            client_auth("VerifyClientCertIfGiven", &[&clients]),
        ),
        (
            "mtls@file",
            client_auth("RequireAndVerifyClientCert", &[&clients]),
        ),
    ];
    let set = world.set(&options);
    assert!(set.diagnostics().is_empty());
    // "open" has the effect of the built-in default options, so it is the same policy.
    assert_eq!(
        set.policy("open@file").unwrap().id(),
        set.policy("default").unwrap().id()
    );
    for version in VERSIONS {
        for (from, _) in &options {
            for (to, _) in &options {
                let client = world.client(version, &[&me]);
                assert_eq!(kind(&client, &config(&set, from)), HandshakeKind::Full);
                let expected = if from == to {
                    HandshakeKind::Resumed
                } else {
                    HandshakeKind::Full
                };
                assert_eq!(
                    kind(&client, &config(&set, to)),
                    expected,
                    "{version}: {from} -> {to}"
                );
            }
        }
    }
}

#[test]
fn tickets_outlive_a_new_configuration_with_the_same_policy() {
    let mut world = World::new();
    let client = world.client("", &[]);
    let options = [(
        "o@file",
        Options {
            sni_strict: true,
            ..Options::default()
        },
    )];
    let set = world.set(&options);
    assert_eq!(kind(&client, &config(&set, "o@file")), HandshakeKind::Full);
    // The certificate is renewed, and the options get another name.
    let renewed = world.authority.server(&["a.example"]).unwrap();
    world.store = world.tls.store(&[source("s", &renewed)], None, now()).store;
    let options = [("renamed@file", options[0].1.clone())];
    let next = world.set(&options);
    assert_eq!(
        kind(&client, &config(&next, "renamed@file")),
        HandshakeKind::Resumed
    );
    // Nobody uses the keys any more: they are forgotten.
    drop((set, next));
    world.set(&[]);
    let set = world.set(&options);
    assert_eq!(
        kind(&client, &config(&set, "renamed@file")),
        HandshakeKind::Full
    );
}

/// CVE-2025-68121: the pool of client authorities changed and resumption was still accepted.
#[test]
fn after_the_client_authority_changed_nobody_resumes() {
    let world = World::new();
    let [old, new] = ["old", "new"].map(|name| Authority::new(name).unwrap());
    let me = old.client("me").unwrap();
    for version in VERSIONS {
        let client = world.client(version, &[&me]);
        let before = world.set(&[("m@file", client_auth("", &[&old]))]);
        assert_eq!(
            kind(&client, &config(&before, "m@file")),
            HandshakeKind::Full
        );
        assert_eq!(
            kind(&client, &config(&before, "m@file")),
            HandshakeKind::Resumed
        );
        let rotated = world.set(&[("m@file", client_auth("", &[&new]))]);
        handshake(&client, &config(&rotated, "m@file"), "a.example").unwrap_err();
        let both = world.set(&[("m@file", client_auth("", &[&new, &old]))]);
        assert_eq!(kind(&client, &config(&both, "m@file")), HandshakeKind::Full);
        // The order of authorities is no difference.
        let reordered = world.set(&[("m@file", client_auth("", &[&old, &new]))]);
        assert_eq!(
            kind(&client, &config(&reordered, "m@file")),
            HandshakeKind::Resumed
        );
    }
}

#[test]
fn disabled_tickets_are_not_issued() {
    let world = World::new();
    let set = world.set(&[(
        "o@file",
        Options {
            disable_session_tickets: true,
            ..Options::default()
        },
    )]);
    for version in VERSIONS {
        let client = world.client(version, &[]);
        for _ in 0..2 {
            assert_eq!(
                kind(&client, &config(&set, "o@file")),
                HandshakeKind::Full,
                "{version}"
            );
        }
    }
}

#[test]
fn the_four_kinds_of_client_authentication_accept_what_traefik_accepts() {
    let world = World::new();
    let [clients, strangers] = ["clients", "strangers"].map(|name| Authority::new(name).unwrap());
    let [known, unknown] = [&clients, &strangers].map(|authority| authority.client("c").unwrap());
    // Answers for: no certificate, one of the authority, one of another.
    for (kind, authorities, expected) in [
        ("NoClientCert", vec![], [true, true, true]),
        ("NoClientCert", vec![&clients], [true, true, true]),
        ("RequestClientCert", vec![], [true, true, true]),
        ("RequireAnyClientCert", vec![], [false, true, true]),
        (
            "VerifyClientCertIfGiven",
            vec![&clients],
            [true, true, false],
        ),
        (
            "RequireAndVerifyClientCert",
            vec![&clients],
            [false, true, false],
        ),
        // With authorities and no type, Traefik demands and verifies.
        ("", vec![&clients], [false, true, false]),
        ("", vec![], [true, true, true]),
    ] {
        let set = world.set(&[("o@file", client_auth(kind, &authorities))]);
        for version in VERSIONS {
            let shown = [vec![], vec![&known], vec![&unknown]];
            for (certificates, expected) in shown.into_iter().zip(expected) {
                // Sent whatever the server asks for, unlike our own transports.
                let client = insistent(&world, version, certificates.first().copied());
                let answer = handshake(&client, &config(&set, "o@file"), "a.example");
                assert_eq!(
                    answer.is_ok(),
                    expected,
                    "{version} {kind:?}: {:?}",
                    answer.err()
                );
            }
        }
    }
}

/// A client that shows its certificate whichever authorities the server names.
fn insistent(world: &World, version: &str, certificate: Option<&Leaf>) -> Arc<ClientConfig> {
    let mut config = (*world.client(version, &[])).clone();
    if let Some(leaf) = certificate {
        let key = parse(leaf).key;
        config.client_auth_cert_resolver =
            Arc::new(rustls::sign::SingleCertAndKey::from((*key).clone()));
    }
    Arc::new(config)
}

/// CVE-2026-27586, CVE-2022-46153: a broken authority file, or options that do not exist, let everybody in.
#[test]
fn options_that_cannot_be_built_refuse_every_handshake_and_say_why() {
    let world = World::new();
    let ca_files = |files: &[&str], kind: &str| Options {
        client_auth: ClientAuth {
            ca_files: files.iter().map(ToString::to_string).collect(),
            client_auth_type: kind.into(),
        },
        ..Options::default()
    };
    let empty = tempfile::NamedTempFile::new().unwrap();
    let empty = empty.path().to_str().unwrap();
    for (options, field, text) in [
        (
            ca_files(&["/nonexistent/ca.pem"], ""),
            "clientAuth.caFiles",
            "cannot be read",
        ),
        (
            ca_files(&[empty], ""),
            "clientAuth.caFiles",
            "entry 1 holds no certificate",
        ),
        (
            ca_files(&[&world.authority.pem(), empty], ""),
            "clientAuth.caFiles",
            "entry 2 holds no certificate",
        ),
        (
            ca_files(&["-----BEGIN CERTIFICATE-----\ngarbled"], ""),
            "clientAuth.caFiles",
            "entry 1 holds no certificate",
        ),
        (
            ca_files(
                &["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"],
                "",
            ),
            "clientAuth.caFiles",
            "entry 1",
        ),
        (
            ca_files(&["/nonexistent/ca.pem"], "RequestClientCert"),
            "clientAuth.caFiles",
            "cannot be read",
        ),
        (
            ca_files(&[], "RequireAndVerifyClientCert"),
            "clientAuth.caFiles",
            "missing",
        ),
        (
            ca_files(&[], "VerifyClientCertIfGiven"),
            "clientAuth.caFiles",
            "missing",
        ),
        (
            ca_files(&[], "Sometimes"),
            "clientAuth.clientAuthType",
            "\"Sometimes\" is none of",
        ),
        (
            Options {
                min_version: "1.2".into(),
                ..Options::default()
            },
            "minVersion",
            "no TLS version",
        ),
        (
            Options {
                max_version: "VersionTLS10".into(),
                ..Options::default()
            },
            "maxVersion",
            "not supported",
        ),
        (
            Options {
                min_version: "VersionTLS13".into(),
                max_version: "VersionTLS12".into(),
                ..Options::default()
            },
            "minVersion",
            "leaves no version",
        ),
        (
            Options {
                cipher_suites: vec!["TLS_FOO".into()],
                ..Options::default()
            },
            "cipherSuites",
            "no cipher suite",
        ),
        (
            Options {
                cipher_suites: vec!["TLS_RSA_WITH_AES_128_CBC_SHA".into()],
                max_version: "VersionTLS12".into(),
                ..Options::default()
            },
            "cipherSuites",
            "none of them can be used with TLS 1.2",
        ),
        (
            Options {
                curve_preferences: vec!["P-257".into()],
                ..Options::default()
            },
            "curvePreferences",
            "no key exchange group",
        ),
        (
            Options {
                curve_preferences: vec!["SecP384r1MLKEM1024".into()],
                ..Options::default()
            },
            "curvePreferences",
            "none of them is supported",
        ),
        (
            Options {
                alpn_protocols: Some(vec![String::new()]),
                ..Options::default()
            },
            "alpnProtocols",
            "no protocol name",
        ),
    ] {
        let set = world.set(&[("bad@file", options), ("good@file", Options::default())]);
        let errors: Vec<_> = set
            .diagnostics()
            .iter()
            .filter(|diagnostic| diagnostic.severity == Severity::Error)
            .collect();
        let [error] = errors[..] else {
            panic!("{text}: {errors:?}");
        };
        assert_eq!(
            (&*error.object, &*error.field),
            ("tls options bad@file", field)
        );
        assert!(error.message.contains(text), "{text}: {}", error.message);
        let policies = set.entry_point(&resolve(&[
            RouterOptions {
                router: "bad",
                hosts: &["bad.example", "*.deep.example"],
                options: "bad@file",
            },
            RouterOptions {
                router: "gone",
                hosts: &["gone.example"],
                options: "gone@file",
            },
            RouterOptions {
                router: "good",
                hosts: &["good.example"],
                options: "good@file",
            },
        ]));
        for refused in [
            "bad.example",
            "BAD.example.",
            "x.deep.example",
            "gone.example",
        ] {
            assert!(
                matches!(policies.handshake(Some(refused)), Handshake::Refuse(_)),
                "{refused}"
            );
        }
        for served in [Some("good.example"), Some("other.example"), None] {
            assert!(
                matches!(policies.handshake(served), Handshake::Accept(..)),
                "{served:?}"
            );
        }
        let bad = set.policy("bad@file").unwrap();
        assert!(
            !set.policy("good@file").unwrap().meets(bad.demands()),
            "its router must not serve"
        );
    }
}

#[test]
fn what_is_stricter_than_asked_for_is_built_with_a_warning() {
    let world = World::new();
    let set = world.set(&[(
        "old@file",
        Options {
            min_version: "VersionTLS10".into(),
            cipher_suites: vec![
                "TLS_RSA_WITH_AES_128_CBC_SHA".into(),
                "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384".into(),
                "TLS_AES_128_GCM_SHA256".into(),
            ],
            curve_preferences: vec!["SecP384r1MLKEM1024".into(), "CurveP521".into()],
            ..Options::default()
        },
    )]);
    let fields: Vec<_> = set
        .diagnostics()
        .iter()
        .map(|diagnostic| (diagnostic.severity, &*diagnostic.field))
        .collect();
    assert_eq!(
        fields,
        [
            (Severity::Warning, "minVersion"),
            (Severity::Warning, "cipherSuites"),
            (Severity::Warning, "curvePreferences")
        ]
    );
    let (client, _) = handshake(
        &world.client("VersionTLS12", &[]),
        &config(&set, "old@file"),
        "a.example",
    )
    .unwrap();
    assert_eq!(
        client.negotiated_cipher_suite().unwrap().suite(),
        rustls::CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
    );
    assert_eq!(
        client.negotiated_key_exchange_group().unwrap().name(),
        rustls::NamedGroup::secp521r1
    );
}

#[test]
fn versions_are_held_in_the_handshake() {
    let world = World::new();
    let set = world.set(&[
        (
            "new@file",
            Options {
                min_version: "VersionTLS13".into(),
                ..Options::default()
            },
        ),
        (
            "old@file",
            Options {
                max_version: "VersionTLS12".into(),
                ..Options::default()
            },
        ),
    ]);
    let [tls12, tls13] = VERSIONS.map(|version| world.client(version, &[]));
    handshake(&tls12, &config(&set, "new@file"), "a.example").unwrap_err();
    handshake(&tls13, &config(&set, "new@file"), "a.example").unwrap();
    let (client, _) = handshake(&tls13, &config(&set, "old@file"), "a.example").unwrap();
    assert_eq!(
        client.protocol_version(),
        Some(rustls::ProtocolVersion::TLSv1_2)
    );
}

#[test]
fn alpn_is_h2_and_http1_unless_configured_and_never_without_overlap() {
    let world = World::new();
    let with = |protocols: Option<&[&str]>| Options {
        alpn_protocols: protocols.map(|list| list.iter().map(ToString::to_string).collect()),
        ..Options::default()
    };
    let set = world.set(&[
        ("default@file", with(None)),
        ("own@file", with(Some(&["http/1.1", "acme-tls/1"]))),
        ("none@file", with(Some(&[]))),
    ]);
    let client = |protocols: &[&str]| {
        let mut config = (*world.client("", &[])).clone();
        config.alpn_protocols = protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        Arc::new(config)
    };
    let chosen = |options: &str, protocols: &[&str]| {
        handshake(&client(protocols), &config(&set, options), "a.example").map(|(client, _)| {
            client
                .alpn_protocol()
                .map(|name| String::from_utf8(name.to_vec()).unwrap())
        })
    };
    let ok = |name: &str| Ok(Some(name.to_owned()));
    assert_eq!(chosen("default@file", &["http/1.1", "h2"]), ok("h2"));
    assert_eq!(chosen("default@file", &[]), Ok(None));
    assert_eq!(chosen("own@file", &["h2", "http/1.1"]), ok("http/1.1"));
    assert_eq!(chosen("none@file", &["h2"]), Ok(None));
    // ALPACA: another protocol on the same certificate gets nothing.
    for (options, protocol) in [
        ("default@file", "imap"),
        ("default@file", "acme-tls/1"),
        ("own@file", "acme-tls/1"),
    ] {
        assert_eq!(
            chosen(options, &[protocol]),
            Err(rustls::Error::NoApplicationProtocol),
            "{options} {protocol}"
        );
    }
}

/// CVE-2026-48491 (wildcards ignored), CVE-2026-53622 (case), CVE-2026-50149 (no server name), snicheck series.
#[test]
fn every_spelling_of_a_name_has_the_policy_of_its_router() {
    let world = World::new();
    let clients = Authority::new("clients").unwrap();
    let set = world.set(&[
        ("mtls@file", client_auth("", &[&clients])),
        (
            "strict@file",
            Options {
                min_version: "VersionTLS13".into(),
                ..Options::default()
            },
        ),
    ]);
    let policies = set.entry_point(&resolve(&[
        RouterOptions {
            router: "wild",
            hosts: &["*.example"],
            options: "mtls@file",
        },
        RouterOptions {
            router: "exact",
            hosts: &["open.example", "b.deep.example"],
            options: "default",
        },
        RouterOptions {
            router: "deep",
            hosts: &["*.deep.example"],
            options: "strict@file",
        },
        RouterOptions {
            router: "regexp",
            hosts: &[],
            options: "strict@file",
        },
    ]));
    let id = |name: &str| set.policy(name).unwrap().id();
    for (name, options) in [
        (Some("a.example"), "mtls@file"),
        (Some("A.EXAMPLE"), "mtls@file"),
        (Some("a.example."), "mtls@file"),
        (Some("deep.example"), "mtls@file"),
        (Some("open.example"), "default"),
        (Some("Open.Example"), "default"),
        (Some("a.deep.example"), "strict@file"),
        (Some("b.deep.example"), "default"),
        (Some("a.open.example"), "default"),
        (Some("example"), "default"),
        (Some(".example"), "default"),
        (Some("other.test"), "default"),
        (None, "default"),
    ] {
        let Handshake::Accept(policy, _) = policies.handshake(name) else {
            panic!("{name:?} refused");
        };
        assert_eq!(policy.id(), id(options), "{name:?}");
        // The request's check asks the same function with the canonical name.
        let canonical = name.map(|name| name.trim_end_matches('.').to_ascii_lowercase());
        assert_eq!(policies.for_name(canonical.as_deref()).id(), policy.id());
    }
    // A request for open.example that only the wildcard's router matches came in without a client certificate.
    let [open, mtls, strict] =
        ["default", "mtls@file", "strict@file"].map(|name| set.policy(name).unwrap());
    assert!(
        !open.meets(mtls.demands()) && mtls.meets(open.demands()) && mtls.meets(mtls.demands())
    );
    // Options without demands on clients can be served under any policy.
    assert!(open.meets(strict.demands()) && mtls.meets(strict.demands()));
}

#[test]
fn conflicting_routers_get_the_default_options_with_all_their_client_authentication() {
    let world = World::new();
    let [one, two] = ["one", "two"].map(|name| Authority::new(name).unwrap());
    let options = [
        (
            "mtls1@file",
            Options {
                min_version: "VersionTLS13".into(),
                ..client_auth("", &[&one])
            },
        ),
        ("mtls2@file", client_auth("", &[&two])),
        ("ask@file", client_auth("RequestClientCert", &[])),
        ("broken@file", client_auth("nonsense", &[])),
    ];
    let set = world.set(&options);
    let both = |a, b| {
        let policies = set.entry_point(&resolve(&[
            RouterOptions {
                router: "a",
                hosts: &["a.example"],
                options: a,
            },
            RouterOptions {
                router: "b",
                hosts: &["a.example"],
                options: b,
            },
        ]));
        let policy = Arc::clone(policies.for_name(Some("a.example")));
        let turned = set.entry_point(&resolve(&[
            RouterOptions {
                router: "b",
                hosts: &["a.example"],
                options: b,
            },
            RouterOptions {
                router: "a",
                hosts: &["a.example"],
                options: a,
            },
        ]));
        assert_eq!(policy.id(), turned.for_name(Some("a.example")).id());
        policy
    };
    let of_one = world.client("VersionTLS12", &[&one.client("c").unwrap()]);
    let of_two = world.client("VersionTLS12", &[&two.client("c").unwrap()]);
    let nobody = world.client("VersionTLS12", &[]);
    let accepts =
        |policy: &Policy, client| handshake(client, policy.config().unwrap(), "a.example").is_ok();

    let policy = both("mtls1@file", "default");
    // The default options count otherwise: TLS 1.2 is spoken.
    assert!(accepts(&policy, &of_one) && !accepts(&policy, &of_two) && !accepts(&policy, &nobody));
    assert!(policy.meets(set.policy("mtls1@file").unwrap().demands()));

    let policy = both("mtls1@file", "ask@file");
    assert!(accepts(&policy, &of_one) && !accepts(&policy, &nobody));

    // No certificate satisfies two authorities that know nothing of each other.
    let policy = both("mtls1@file", "mtls2@file");
    assert!(!accepts(&policy, &of_one) && !accepts(&policy, &of_two) && !accepts(&policy, &nobody));

    // What cannot be built serves nothing, and its neighbours do not suffer.
    let policy = both("broken@file", "default");
    assert!(accepts(&policy, &nobody));
    assert!(!policy.meets(set.policy("broken@file").unwrap().demands()));
    assert!(both("broken@file", "gone@file").config().is_none());
}

#[test]
fn default_options_that_cancel_each_other_out_refuse() {
    let world = World::new();
    let set = world.tls.policies([], Some(None), &world.store);
    assert!(set.policy("default").is_none());
    let policies = set.entry_point(&resolve(&[]));
    for name in [None, Some("a.example")] {
        assert!(matches!(policies.handshake(name), Handshake::Refuse(_)));
    }
    let strict = Options {
        min_version: "VersionTLS13".into(),
        ..Options::default()
    };
    let set = world.tls.policies([], Some(Some(&strict)), &world.store);
    let config = config(&set, "default");
    handshake(&world.client("VersionTLS12", &[]), &config, "a.example").unwrap_err();
}

#[test]
fn sni_strict_refuses_names_without_certificate_and_handshakes_without_name() {
    let world = World::new();
    let strict = Options {
        sni_strict: true,
        ..Options::default()
    };
    let set = world.tls.policies([], Some(Some(&strict)), &world.store);
    let policies = set.entry_point(&resolve(&[]));
    for (name, is_served) in [
        (Some("a.example"), true),
        (Some("A.Example"), true),
        (Some("a.b.example"), false),
        (Some("other.test"), false),
        (None, false),
    ] {
        let answer = policies.handshake(name);
        assert_eq!(
            matches!(answer, Handshake::Accept(..)),
            is_served,
            "{name:?}"
        );
    }
    // Even if nobody asked: the configuration alone shows no default certificate.
    let client = world.client("", &[]);
    handshake(&client, &config(&set, "default"), "other.test").unwrap_err();
}

#[test]
fn the_refusing_alert_is_one_that_clients_understand() {
    let world = World::new();
    let name = ServerName::try_from("a.example").unwrap();
    let mut client = ClientConnection::new(world.client("", &[]), name).unwrap();
    client.write_tls(&mut Vec::new()).unwrap();
    client
        .read_tls(&mut Cursor::new(crate::ALERT_UNRECOGNIZED_NAME))
        .unwrap();
    assert_eq!(
        client.process_new_packets().unwrap_err(),
        rustls::Error::AlertReceived(AlertDescription::UnrecognisedName)
    );
}

/// CVE-2026-32305: a fragmented ClientHello got the default policy. RUSTSEC-2024-0399: it made the acceptor panic.
#[test]
fn a_client_hello_in_pieces_is_waited_for_and_has_the_same_name() {
    let world = World::new();
    let name = ServerName::try_from("mtls.example").unwrap();
    let mut client = ClientConnection::new(world.client("", &[]), name).unwrap();
    let mut hello = Vec::new();
    client.write_tls(&mut hello).unwrap();
    // One record per byte of the message (RFC 8446 §5.1 allows it).
    let one_byte_records: Vec<u8> = hello[5..]
        .iter()
        .flat_map(|byte| [hello[0], hello[1], hello[2], 0, 1, *byte])
        .collect();
    for (bytes, what) in [
        (&hello, "one record"),
        (&one_byte_records, "one-byte records"),
    ] {
        let mut acceptor = Acceptor::default();
        let mut accepted = None;
        for (at, byte) in bytes.iter().enumerate() {
            assert!(accepted.is_none(), "{what}: complete after {at} bytes");
            acceptor.read_tls(&mut Cursor::new([*byte])).unwrap();
            accepted = acceptor.accept().unwrap();
        }
        let accepted = accepted.expect("the whole message is there");
        assert_eq!(
            accepted.client_hello().server_name(),
            Some("mtls.example"),
            "{what}"
        );
    }
    // Cut anywhere, it is incomplete and nothing is decided.
    for cut in 0..hello.len() {
        let mut acceptor = Acceptor::default();
        acceptor.read_tls(&mut Cursor::new(&hello[..cut])).unwrap();
        assert!(acceptor.accept().unwrap().is_none(), "cut at {cut}");
    }
}
