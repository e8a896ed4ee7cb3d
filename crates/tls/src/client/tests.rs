use pointsman_config::Secret;
use pointsman_config::dynamic::tls::{ClientAuth, Options};
use pointsman_testkit::certs::{Authority, Leaf};
use rcgen::{CertificateParams, KeyPair, SanType};
use rustls::{ProtocolVersion, ServerConfig};

use super::*;
use crate::Tls;
use crate::testing::{configured, handshake, now, source};

/// A server with this certificate and these options.
fn server(leaf: &Leaf, options: &Options) -> Arc<ServerConfig> {
    let mut tls = Tls::new();
    let built = tls.store(&[source("s", leaf)], Some(&configured(leaf)), now());
    let set = tls.policies([("o@file", options)], None, &built.store);
    Arc::clone(set.policy("o@file").unwrap().config().unwrap())
}

fn connect(
    options: &ServersTransport,
    server: &Arc<ServerConfig>,
    host: &str,
) -> Result<rustls::ClientConnection, TlsError> {
    let (transport, _) = Transport::build(options).unwrap();
    handshake_named(&transport, server, host)
}

fn handshake_named(
    transport: &Transport,
    server: &Arc<ServerConfig>,
    host: &str,
) -> Result<rustls::ClientConnection, TlsError> {
    let name = transport.server_name(host).unwrap();
    handshake(transport.config(), server, &name.to_str()).map(|(client, _)| client)
}

fn trusting(authority: &Authority) -> ServersTransport {
    ServersTransport {
        root_cas: vec![authority.pem()],
        ..ServersTransport::default()
    }
}

/// The matrix that CVE-2025-66491 (inverted logic) failed.
#[test]
fn verification_is_on_unless_skipped_for_every_kind_of_certificate() {
    let authority = Authority::new("mine").unwrap();
    let stranger = Authority::new("other").unwrap();
    let good = authority.server(&["a.example"]).unwrap();
    for (leaf, is_valid, what) in [
        (good, true, "good"),
        (
            authority.expired_server(&["a.example"]).unwrap(),
            false,
            "expired",
        ),
        (
            authority
                .server_between(&["a.example"], (3000, 1, 1), (3001, 1, 1))
                .unwrap(),
            false,
            "not yet valid",
        ),
        (
            authority.server(&["b.example"]).unwrap(),
            false,
            "wrong name",
        ),
        (
            authority.client("a.example").unwrap(),
            false,
            "client certificate",
        ),
        (
            stranger.server(&["a.example"]).unwrap(),
            false,
            "unknown authority",
        ),
        (
            Leaf::self_signed(&["a.example"]).unwrap(),
            false,
            "self-signed",
        ),
    ] {
        let server = server(&leaf, &Options::default());
        let verified = connect(&trusting(&authority), &server, "a.example");
        assert_eq!(verified.is_ok(), is_valid, "{what}: {:?}", verified.err());
        let skipping = ServersTransport {
            insecure_skip_verify: true,
            ..trusting(&authority)
        };
        connect(&skipping, &server, "a.example").unwrap();
    }
}

#[test]
fn the_server_name_option_replaces_the_host() {
    let authority = Authority::new("mine").unwrap();
    let server = server(
        &authority.server(&["a.example"]).unwrap(),
        &Options::default(),
    );
    let named = ServersTransport {
        server_name: "a.example".into(),
        ..trusting(&authority)
    };
    connect(&named, &server, "10.0.0.1").unwrap();
    connect(&trusting(&authority), &server, "a.example.").unwrap();
    assert!(connect(&trusting(&authority), &server, "10.0.0.1").is_err());
    let bad = ServersTransport {
        server_name: "a b".into(),
        ..ServersTransport::default()
    };
    assert_eq!(
        Transport::build(&bad).unwrap_err().to_string(),
        "serverName: \"a b\" is neither a DNS name nor an IP address"
    );
}

#[test]
fn ip_addresses_are_verified_as_addresses() {
    let authority = Authority::new("mine").unwrap();
    let server = server(
        &authority.server(&["127.0.0.1", "::1"]).unwrap(),
        &Options::default(),
    );
    for host in ["127.0.0.1", "[::1]", "::1"] {
        connect(&trusting(&authority), &server, host).unwrap();
    }
    assert!(connect(&trusting(&authority), &server, "127.0.0.2").is_err());
}

#[test]
fn a_certificate_is_shown_to_a_server_that_knows_its_issuer() {
    let [mine, other] = ["mine", "other"].map(|name| Authority::new(name).unwrap());
    let demanding = Options {
        client_auth: ClientAuth {
            ca_files: vec![mine.pem()],
            client_auth_type: String::new(),
        },
        ..Options::default()
    };
    let server = server(&mine.server(&["a.example"]).unwrap(), &demanding);
    let [wanted, unwanted] =
        [&mine, &other].map(|authority| configured(&authority.client("me").unwrap()));
    let with = |certificates: &[&pointsman_config::dynamic::tls::Certificate]| ServersTransport {
        certificates: certificates
            .iter()
            .map(|certificate| (*certificate).clone())
            .collect(),
        ..trusting(&mine)
    };
    connect(&with(&[&wanted]), &server, "a.example").unwrap();
    connect(&with(&[&unwanted, &wanted]), &server, "a.example").unwrap();
    for transport in [with(&[]), with(&[&unwanted])] {
        assert!(connect(&transport, &server, "a.example").is_err());
    }
}

#[test]
fn alpn_follows_disable_http2_and_upgrades_stay_with_http1() {
    let authority = Authority::new("mine").unwrap();
    let server = server(
        &authority.server(&["a.example"]).unwrap(),
        &Options::default(),
    );
    let (transport, _) = Transport::build(&trusting(&authority)).unwrap();
    let chosen = |config: &Arc<ClientConfig>| {
        let (client, _) = handshake(config, &server, "a.example").unwrap();
        client.alpn_protocol().unwrap().to_vec()
    };
    assert_eq!(chosen(transport.config()), b"h2");
    assert_eq!(chosen(transport.config_http1()), b"http/1.1");
    let (transport, _) = Transport::build(&ServersTransport {
        disable_http2: true,
        ..trusting(&authority)
    })
    .unwrap();
    assert_eq!(chosen(transport.config()), b"http/1.1");
}

#[test]
fn versions_and_suites_are_bounded() {
    let authority = Authority::new("mine").unwrap();
    let server = server(
        &authority.server(&["a.example"]).unwrap(),
        &Options::default(),
    );
    for (min, max, version) in [
        ("", "", ProtocolVersion::TLSv1_3),
        ("", "VersionTLS12", ProtocolVersion::TLSv1_2),
        ("VersionTLS13", "", ProtocolVersion::TLSv1_3),
        ("VersionTLS12", "VersionTLS12", ProtocolVersion::TLSv1_2),
    ] {
        let transport = ServersTransport {
            min_version: min.into(),
            max_version: max.into(),
            ..trusting(&authority)
        };
        let client = connect(&transport, &server, "a.example").unwrap();
        assert_eq!(client.protocol_version(), Some(version), "{min}..{max}");
    }
    for (transport, text) in [
        (
            ServersTransport {
                max_version: "VersionTLS11".into(),
                ..ServersTransport::default()
            },
            "maxVersion: VersionTLS11 is not supported, as it is no longer safe: use VersionTLS12 or VersionTLS13",
        ),
        (
            ServersTransport {
                cipher_suites: vec!["TLS_FOO".into()],
                ..ServersTransport::default()
            },
            "cipherSuites: \"TLS_FOO\" is no cipher suite: use IANA names such as \
             TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        ),
    ] {
        assert_eq!(Transport::build(&transport).unwrap_err().to_string(), text);
    }
    let (_, warnings) = Transport::build(&ServersTransport {
        cipher_suites: vec!["TLS_RSA_WITH_AES_128_CBC_SHA".into()],
        ..ServersTransport::default()
    })
    .unwrap();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
}

#[test]
fn what_cannot_be_read_builds_no_transport() {
    let leaf = Leaf::self_signed(&["a.example"]).unwrap();
    let mut broken = configured(&leaf);
    broken.key_file = Secret::new("-----BEGIN nothing".into());
    for (transport, text) in [
        (
            ServersTransport {
                root_cas: vec!["/nonexistent.pem".into()],
                ..Default::default()
            },
            "rootCAs: file \"/nonexistent.pem\"",
        ),
        (
            ServersTransport {
                root_cas: vec!["-----BEGIN nothing".into()],
                ..Default::default()
            },
            "rootCAs: entry 1 holds no certificate",
        ),
        (
            ServersTransport {
                certificates: vec![configured(&leaf), broken],
                ..Default::default()
            },
            "certificates[1]: keyFile",
        ),
        (
            ServersTransport {
                spiffe: Some(Default::default()),
                ..Default::default()
            },
            "spiffe is not supported",
        ),
    ] {
        let error = Transport::build(&transport).unwrap_err().to_string();
        assert!(error.starts_with(text), "{error}");
    }
}

#[test]
fn a_peer_uri_is_demanded_with_a_verified_chain_even_when_names_are_skipped() {
    let (leaf, ca_pem) = rcgen_leaf(&authority_with_key(), |params| {
        params.subject_alt_names = vec![SanType::URI("spiffe://mesh/api".try_into().unwrap())];
    });
    let server = server(&leaf, &Options::default());
    let transport = |uri: &str, skip, roots: &str| ServersTransport {
        peer_cert_uri: uri.into(),
        insecure_skip_verify: skip,
        root_cas: vec![roots.to_owned()],
        ..ServersTransport::default()
    };
    connect(
        &transport("SPIFFE://mesh/api", true, &ca_pem),
        &server,
        "a.example",
    )
    .unwrap();
    let stranger = Authority::new("other").unwrap().pem();
    for refused in [
        transport("spiffe://mesh/web", true, &ca_pem),
        transport("spiffe://mesh/api", true, &stranger),
        transport("spiffe://mesh/api", false, &ca_pem),
    ] {
        assert!(
            connect(&refused, &server, "a.example").is_err(),
            "{refused:?}"
        );
    }
}

/// CVE-2022-21656 and kin: wildcards match one label, and an address written as a DNS name is no address.
#[test]
fn odd_names_in_certificates_match_nothing() {
    let authority = Authority::new("mine").unwrap();
    let wild = server(
        &authority.server(&["*.shop.example", "*"]).unwrap(),
        &Options::default(),
    );
    connect(&trusting(&authority), &wild, "a.shop.example").unwrap();
    for host in ["a.b.shop.example", "shop.example", "com"] {
        assert!(
            connect(&trusting(&authority), &wild, host).is_err(),
            "{host}"
        );
    }
    let as_text = rcgen_leaf(&authority_with_key(), |params| {
        params.subject_alt_names = vec![SanType::DnsName("127.0.0.1".try_into().unwrap())];
    });
    let server_as_text = server(&as_text.0, &Options::default());
    let transport = ServersTransport {
        root_cas: vec![as_text.1],
        ..ServersTransport::default()
    };
    assert!(connect(&transport, &server_as_text, "127.0.0.1").is_err());
}

fn authority_with_key() -> (CertificateParams, KeyPair) {
    let mut params = CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    (params, KeyPair::generate().unwrap())
}

/// A leaf of an authority, and that authority's PEM.
fn rcgen_leaf(
    (params, key): &(CertificateParams, KeyPair),
    change: impl FnOnce(&mut CertificateParams),
) -> (Leaf, String) {
    let authority_pem = params.self_signed(key).unwrap().pem();
    let issuer = rcgen::Issuer::from_params(params, key);
    let mut leaf = CertificateParams::default();
    change(&mut leaf);
    let leaf_key = KeyPair::generate().unwrap();
    let certificate = leaf.signed_by(&leaf_key, &issuer).unwrap();
    let leaf = Leaf {
        certificate_pem: certificate.pem(),
        certificate_der: certificate.der().to_vec(),
        key_pem: leaf_key.serialize_pem(),
        key_der: leaf_key.serialize_der(),
    };
    (leaf, authority_pem)
}
