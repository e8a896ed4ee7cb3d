use super::*;

fn spec(options: Options) -> Spec {
    let (spec, problems) = Spec::of(&options);
    assert!(problems.is_empty(), "{problems:?}");
    spec.unwrap()
}

#[test]
fn every_option_with_an_effect_changes_the_fingerprint() {
    let base = || Options {
        cipher_suites: vec![
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256".into(),
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256".into(),
        ],
        curve_preferences: vec!["X25519".into(), "CurveP256".into()],
        alpn_protocols: Some(vec!["h2".into(), "http/1.1".into()]),
        ..Options::default()
    };
    let mut changed = [(); 8].map(|()| base());
    changed[0].min_version = "VersionTLS13".into();
    changed[1].max_version = "VersionTLS12".into();
    changed[2].cipher_suites.pop();
    changed[3].curve_preferences.reverse();
    changed[4].alpn_protocols = Some(vec!["h2http/1.1".into()]);
    changed[5].sni_strict = true;
    changed[6].disable_session_tickets = true;
    changed[7].client_auth.client_auth_type = "RequestClientCert".into();
    let mut fingerprints: Vec<_> = changed
        .into_iter()
        .map(|options| spec(options).fingerprint())
        .collect();
    fingerprints.push(spec(base()).fingerprint());
    for (at, fingerprint) in fingerprints.iter().enumerate() {
        assert!(!fingerprints[at + 1..].contains(fingerprint), "{at}");
    }
}

#[test]
fn what_has_no_effect_does_not_change_the_fingerprint() {
    let explicit = spec(Options {
        min_version: "VersionTLS12".into(),
        max_version: "VersionTLS13".into(),
        alpn_protocols: Some(vec!["h2".into(), "http/1.1".into(), "acme-tls/1".into()]),
        prefer_server_cipher_suites: Some(true),
        ..Options::default()
    });
    assert_eq!(
        explicit.fingerprint(),
        Spec::built_in().unwrap().fingerprint()
    );
    let suites = |names: [&str; 2]| {
        spec(Options {
            cipher_suites: names.map(ToOwned::to_owned).to_vec(),
            ..Options::default()
        })
    };
    let names = [
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    ];
    assert_eq!(
        suites(names).fingerprint(),
        suites([names[1], names[0]]).fingerprint(),
        "as in Go, the order of suites is ours"
    );
}
