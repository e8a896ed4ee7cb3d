use std::collections::BTreeMap;

use super::*;
use crate::dynamic::Configuration;
use crate::types::{GoDuration, Secret};

/// A site.
#[derive(Debug, Clone, PartialEq, Options)]
struct Site {
    /// Where it listens.
    #[option(default = ":80".to_owned())]
    address: String,
    /// Tags.
    tags: Vec<String>,
    /// Longest wait. Default 10s.
    #[option(default = GoDuration::from_secs(10))]
    max_wait: GoDuration,
    /// Colour.
    colour: Option<Colour>,
    /// TLS.
    tls: Option<Tls>,
    /// By name.
    labels: BTreeMap<String, i64>,
    /// On.
    #[option(default = true, keep)]
    enabled: bool,
    /// Password.
    password: Option<Secret<u16>>,
    /// Members.
    members: BTreeMap<String, Tls>,
}

/// TLS.
#[derive(Debug, Clone, PartialEq, Options)]
struct Tls {
    /// Options.
    options: String,
    /// Domains.
    domains: Vec<Domain>,
}

/// Names.
#[derive(Debug, Clone, PartialEq, Options)]
struct Domain {
    /// Main name.
    main: String,
    /// Others.
    sans: Vec<String>,
}

/// A colour.
#[derive(Debug, Clone, Copy, PartialEq, Options)]
enum Colour {
    /// Red.
    Red,
    /// Green.
    Green,
}

fn from_yaml(text: &str) -> (Site, Vec<String>) {
    let (site, problems) = decode::<Site>(&yaml::parse(text).unwrap());
    (site, problems.iter().map(ToString::to_string).collect())
}

fn from_flags(args: &[&str]) -> (Site, Vec<String>) {
    let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    let (settings, mut problems) = flags::parse(&args, &Site::shape());
    let (site, more) = decode::<Site>(&dotted::numbered_tree(settings));
    problems.extend(more);
    (site, problems.iter().map(ToString::to_string).collect())
}

fn from_env(variables: &[(&str, &str)]) -> (Site, Vec<String>) {
    let variables: Vec<(String, String)> = variables
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect();
    let settings = flags::environment(&variables, &["TRAEFIK_", "POINTSMAN_"], &Site::shape());
    let (site, problems) = decode::<Site>(&dotted::numbered_tree(settings));
    (site, problems.iter().map(ToString::to_string).collect())
}

fn full_site() -> Site {
    Site {
        address: ":8080".to_owned(),
        tags: vec!["a".to_owned(), "b".to_owned()],
        max_wait: GoDuration::from_secs(90),
        colour: Some(Colour::Green),
        tls: Some(Tls {
            options: "modern".to_owned(),
            domains: vec![
                Domain {
                    main: "a.org".to_owned(),
                    sans: vec!["b.a.org".to_owned(), "c.a.org".to_owned()],
                },
                Domain {
                    main: "z.org".to_owned(),
                    sans: Vec::new(),
                },
            ],
        }),
        labels: BTreeMap::from([("x".to_owned(), -3)]),
        enabled: false,
        ..Site::default()
    }
}

#[test]
fn every_source_gives_the_same_value() {
    let none: Vec<String> = Vec::new();
    let yaml = from_yaml(
        "Address: ':8080'\ntags: [a, b]\nmaxwait: 90\ncolour: green\nlabels: {x: -3}\nenabled: false\n\
         tls:\n  options: modern\n  domains:\n  - main: a.org\n    sans: b.a.org, c.a.org\n  - main: z.org\n",
    );
    assert_eq!(yaml, (full_site(), none.clone()));
    let json = from_yaml(
        r#"{"address": ":8080", "tags": ["a", "b"], "maxWait": "1m30s", "colour": "green", "labels": {"x": -3},
            "enabled": false, "tls": {"options": "modern", "domains": [
            {"main": "a.org", "sans": ["b.a.org", "c.a.org"]}, {"main": "z.org"}]}}"#,
    );
    assert_eq!(json, (full_site(), none.clone()));
    let toml = toml::parse(
        "address = ':8080'\ntags = ['a', 'b']\nmaxWait = '90s'\ncolour = 'green'\nenabled = false\n[labels]\nx = -3\n\
         [tls]\noptions = 'modern'\n[[tls.domains]]\nmain = 'a.org'\nsans = ['b.a.org', 'c.a.org']\n\
         [[tls.domains]]\nmain = 'z.org'\n",
    );
    assert_eq!(decode::<Site>(&toml.unwrap()), (full_site(), Vec::new()));
    let flags = from_flags(&[
        "--address=:8080",
        "--tags=a,b",
        "-maxWait",
        "1m30s",
        "--colour=green",
        "--TLS",
        "--tls.options=modern",
        "--tls.domains[0].main=a.org",
        "--tls.domains[0].sans=b.a.org, c.a.org",
        "--tls.domains[1].main=z.org",
        "--labels.x=-3",
        "--enabled=F",
    ]);
    assert_eq!(flags, (full_site(), none.clone()));
    let env = from_env(&[
        ("TRAEFIK_ADDRESS", ":8080"),
        ("POINTSMAN_TAGS", "a,b"),
        ("TRAEFIK_MAXWAIT", "90"),
        ("TRAEFIK_COLOUR", "green"),
        ("TRAEFIK_TLS_OPTIONS", "modern"),
        ("TRAEFIK_TLS_DOMAINS_0_MAIN", "a.org"),
        ("TRAEFIK_TLS_DOMAINS_0_SANS", "b.a.org,c.a.org"),
        ("TRAEFIK_TLS_DOMAINS_1_MAIN", "z.org"),
        ("TRAEFIK_LABELS_X", "-3"),
        ("TRAEFIK_ENABLED", "0"),
        ("OTHER_ADDRESS", "no"),
    ]);
    assert_eq!(env, (full_site(), none));
}

#[test]
fn every_mistake_is_collected_with_its_path_and_cure() {
    let (site, problems) = from_yaml(
        "adress: ':1'\nmaxWait: soon\ncolour: grene\nenabled: maybe\ntls:\n  domains:\n  - main: [1]\n    san: x\n\
         labels: {x: many}\ntags: {a: b}\nmembers:\n  one: {optoins: x}\n",
    );
    assert_eq!(
        site,
        Site {
            tls: Some(Tls {
                options: String::new(),
                domains: vec![Domain::default()]
            }),
            members: BTreeMap::from([("one".to_owned(), Tls::default())]),
            ..Site::default()
        }
    );
    assert_eq!(
        problems,
        [
            "maxWait: \"soon\" is not a duration: write it as 1h2m3.5s, 500ms or a bare number of seconds (line 2)",
            "colour: \"grene\" is not one of red, green; did you mean \"green\"? (line 3)",
            "enabled: \"maybe\" is not true or false (line 4)",
            "tls.domains[0].main: a list is not text (line 7)",
            "tls.domains[0].san: unknown option; did you mean \"sans\"? (line 8)",
            "labels.x: \"many\" is not a whole number from -9223372036854775808 to 9223372036854775807 (line 9)",
            "tags: a section is not a list (line 10)",
            "members.one.optoins: unknown option; did you mean \"options\"? (line 12)",
            "adress: unknown option; did you mean \"address\"? (line 1)",
        ]
    );
}

#[test]
fn mistakes_in_flags_and_variables_name_them_as_given() {
    let (_, problems) = from_flags(&["--adress=x", "serve", "--colour", "--maxWait"]);
    assert_eq!(
        problems,
        [
            "serve: unexpected argument \"serve\": options begin with --",
            "colour: needs a value: --colour=…",
            "maxWait: needs a value: --maxWait=…",
            "adress: unknown option; did you mean \"address\"? (given as --adress)",
        ]
    );
    let (_, problems) = from_env(&[("TRAEFIK_TLS_OPTION", "x")]);
    assert_eq!(
        problems,
        ["tls.option: unknown option; did you mean \"options\"? (given as TRAEFIK_TLS_OPTION)"]
    );
}

#[test]
fn a_secret_is_never_repeated() {
    for (_, problems) in [
        from_yaml("password: hunter2\n"),
        from_flags(&["--password=hunter2"]),
    ] {
        assert_eq!(problems.len(), 1);
        assert!(
            problems.iter().all(|problem| !problem.contains("hunter2")),
            "{problems:?}"
        );
    }
}

#[test]
fn a_section_is_on_for_true_and_empty_and_off_for_false() {
    for (text, expected) in [
        ("tls: {}", Some(Tls::default())),
        ("tls: true", Some(Tls::default())),
        ("tls: ''", Some(Tls::default())),
        ("tls: false", None),
        ("tags: []", None),
    ] {
        let (site, problems) = from_yaml(text);
        assert_eq!((site.tls, problems), (expected, Vec::new()), "{text}");
    }
    let (site, problems) = from_yaml("tls:\ntags: []\n");
    assert_eq!(site.tls, None);
    assert_eq!(
        problems,
        ["tls: has no value and is ignored: give it one, or `{}` for an empty section (line 1)"]
    );
    let (_, problems) = from_yaml("tls: yes please");
    assert_eq!(
        problems,
        ["tls: the value is not a section: its options go below it (line 1)"]
    );
}

#[test]
fn a_marker_other_than_true_switches_a_labelled_section_off_with_all_below() {
    let read = |pairs: &[(&str, &str)]| {
        let node = dotted::labels(pairs.iter().copied(), "site");
        let (site, problems) = decode_labels::<Site>(&node);
        assert_eq!(problems, []);
        site.tls
    };
    let on = Tls {
        options: "x".to_owned(),
        domains: Vec::new(),
    };
    assert_eq!(
        read(&[("site.tls", "TRUE"), ("site.tls.options", "x")]),
        Some(on.clone())
    );
    assert_eq!(
        read(&[("site.tls", ""), ("site.tls.options", "x")]),
        Some(on.clone())
    );
    assert_eq!(read(&[("site.tls.options", "x")]), Some(on));
    assert_eq!(read(&[("site.tls", "1"), ("site.tls.options", "x")]), None);
    assert_eq!(read(&[("site.tls", "yes")]), None);
}

#[test]
fn annotations_take_numbers_between_dots_as_list_elements() {
    let node = dotted::annotations(
        [
            (
                "traefik.ingress.kubernetes.io/router.tls.domains.0.main",
                "a.org",
            ),
            (
                "traefik.ingress.kubernetes.io/router.TLS.domains.0.sans",
                "b.org, c.org",
            ),
            (
                "traefik.ingress.kubernetes.io/router.tls.domains.10.main",
                "ten.org",
            ),
            (
                "traefik.ingress.kubernetes.io/router.tls.domains.2.main",
                "two.org",
            ),
            (
                "traefik.ingress.kubernetes.io/service.passhostheader",
                "false",
            ),
            ("traefik.ingress.kubernetes.io/foo", "ignored"),
            ("nginx.ingress.kubernetes.io/router.tls", "ignored"),
            ("Traefik.ingress.kubernetes.io/router.address", "ignored"),
        ],
        "router",
    );
    let (site, problems) = decode_labels::<Site>(&node);
    assert_eq!(problems, []);
    let names: Vec<_> = site
        .tls
        .unwrap()
        .domains
        .into_iter()
        .map(|domain| (domain.main, domain.sans))
        .collect();
    let sans = vec!["b.org".to_owned(), "c.org".to_owned()];
    // As text, `10` stands before `2`.
    assert_eq!(
        names,
        [
            ("a.org".to_owned(), sans),
            ("ten.org".to_owned(), Vec::new()),
            ("two.org".to_owned(), Vec::new())
        ]
    );
    assert!(dotted::annotations([("traefik.ingress.kubernetes.io/foo", "x")], "router").is_null());
}

#[test]
fn the_products_own_annotation_wins_over_the_same_of_traefik() {
    let node = dotted::annotations(
        [
            ("traefik.ingress.kubernetes.io/router.address", "theirs"),
            ("pointsman.io/router.Address", "ours"),
            ("traefik.ingress.kubernetes.io/router.tags", "kept"),
        ],
        "router",
    );
    let (site, problems) = decode_labels::<Site>(&node);
    assert_eq!(
        (site.address.as_str(), site.tags, problems),
        ("ours", vec!["kept".to_owned()], vec![])
    );
}

#[test]
fn what_kubernetes_injects_for_a_service_is_left_alone() {
    let (site, problems) = from_env(&[
        ("TRAEFIK_SERVICE_HOST", "10.0.0.1"),
        ("TRAEFIK_PORT", "tcp://10.0.0.1:80"),
        ("TRAEFIK_TLS_SERVICE_HOST", "10.0.0.1"),
        ("TRAEFIK_TLS_SERVICE_PORT", "80"),
        ("TRAEFIK_TLS_PORT", "tcp://10.0.0.1:80"),
        ("TRAEFIK_TLS_PORT_80_TCP", "tcp://10.0.0.1:80"),
    ]);
    assert_eq!((site, problems), (Site::default(), Vec::new()));
}

#[test]
fn a_flag_given_twice_adds_to_lists_and_replaces_scalars() {
    let (site, problems) = from_flags(&["--tags=a,b", "--tags=c", "--address=:1", "--address=:2"]);
    assert_eq!(problems, [] as [String; 0]);
    assert_eq!(
        (site.tags.join(""), site.address.as_str()),
        ("abc".to_owned(), ":2")
    );
}

#[test]
fn an_option_spelled_twice_is_a_mistake() {
    let (_, problems) = from_yaml("address: ':1'\nADDRESS: ':2'\n");
    assert_eq!(
        problems,
        ["address: given twice, as \"address\" and as \"ADDRESS\": leave one (line 2)"]
    );
}

#[test]
fn json_leaves_empty_options_out() {
    let json = serde_json::to_value(full_site()).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "address": ":8080", "tags": ["a", "b"], "maxWait": "1m30s", "colour": "green", "enabled": false,
            "labels": {"x": -3},
            "tls": {"options": "modern", "domains": [
                {"main": "a.org", "sans": ["b.a.org", "c.a.org"]}, {"main": "z.org"}]},
        })
    );
}

#[test]
fn the_shape_tells_names_types_defaults_and_texts() {
    let shape = Site::shape();
    let found = shape.find(&["TLS", "domains[0]", "MAIN"]).unwrap();
    assert_eq!(
        (found.path.as_str(), found.shape),
        ("tls.domains[0].main", &Shape::Text)
    );
    assert_eq!(shape.find(&["tls", "nothing"]), None);
    let wait = shape
        .options()
        .iter()
        .find(|option| option.name == "maxWait")
        .unwrap();
    assert_eq!(wait.doc, "Longest wait. Default 10s.");
    assert_eq!(
        (&wait.shape, &wait.default),
        (&Shape::Duration, &serde_json::json!("10s"))
    );
}

#[test]
fn a_mistake_in_one_object_removes_only_that_object() {
    let node = yaml::parse(
        "http:\n  routers:\n    good: {rule: 'Host(`a`)', service: s}\n    bad: {rule: 'Host(`b`)', priority: high}\n\
         \x20 services:\n    s: {loadBalancer: {servers: [{url: 'http://a'}]}}\n    two: {loadBalancer: {}, failover: {}}\n\
         \x20   none: {middlewares: [x]}\n    typo: {loadbalancer: {serverz: []}}\n  middlewares:\n    m: {addPrefx: {}}\n\
         tls:\n  certificates:\n  - certFile: a\n  - keyFil: b\nhtpp: {}\n",
    )
    .unwrap();
    let (configuration, diagnostics) = Configuration::decode(&node);
    assert_eq!(
        configuration.http.routers.keys().collect::<Vec<_>>(),
        ["good"]
    );
    assert_eq!(
        configuration.http.services.keys().collect::<Vec<_>>(),
        ["s"]
    );
    assert!(configuration.http.middlewares.is_empty());
    assert_eq!(configuration.tls.certificates.len(), 1);
    let told: Vec<_> = diagnostics
        .iter()
        .map(|d| (d.object.as_str(), d.field.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("router \"bad\"", "priority"),
            ("service \"two\"", ""),
            ("service \"none\"", ""),
            ("service \"typo\"", "loadBalancer.serverz"),
            ("middleware \"m\"", "addPrefx"),
            ("middleware \"m\"", ""),
            ("TLS certificate [1]", "keyFil"),
            ("dynamic configuration", "htpp"),
        ]
    );
    let message = &diagnostics[1].message;
    assert!(message.contains("loadBalancer and failover"), "{message}");
}

#[test]
fn a_service_is_written_as_traefik_writes_it() {
    let text = r#"{"loadBalancer": {"servers": [{"url": "http://a"}]}, "middlewares": ["m"]}"#;
    let (service, problems) = {
        let mut cx = Context::default();
        let service = crate::dynamic::Service::decode(&yaml::parse(text).unwrap(), &mut cx);
        (service.unwrap(), cx.problems)
    };
    assert_eq!(problems, []);
    assert_eq!(
        serde_json::to_value(&service).unwrap(),
        serde_json::json!({
            "middlewares": ["m"],
            "loadBalancer": {
                "servers": [{"url": "http://a"}], "strategy": "wrr", "passHostHeader": true,
                "responseForwarding": {"flushInterval": "100ms"},
            },
        })
    );
}

#[test]
fn yaml_scalars_mean_what_their_text_says() {
    for (text, address) in [
        ("address: 80", "80"),
        ("address: 'true'", "true"),
        ("address: true", "true"),
        ("address: yes", "yes"),
        ("address: 0080", "0080"),
        ("address: 1_000", "1_000"),
        ("address: \"null\"", "null"),
        ("address: 2026-11-25", "2026-11-25"),
        ("address: |\n  a\n  b\n", "a\nb\n"),
        ("x: &a ':1'\naddress: *a", ":1"),
    ] {
        let (site, _) = from_yaml(text);
        assert_eq!(site.address, address, "{text}");
    }
    let (_, problems) = from_yaml("enabled: yes\n");
    assert_eq!(problems, ["enabled: \"yes\" is not true or false (line 1)"]);
    assert!(yaml::parse("a: 1\na: 2\n").is_err(), "one key twice");
    assert!(yaml::parse("a: 1\n---\na: 2\n").is_err(), "two documents");
}

#[test]
fn nesting_without_end_is_refused_instead_of_ending_the_process() {
    let deep = 200_000;
    assert!(yaml::parse(&"[".repeat(deep)).is_err());
    assert!(yaml::parse(&format!("{}{}", "[".repeat(deep), "]".repeat(deep))).is_err());
    assert!(toml::parse(&format!("a = {}{}", "[".repeat(deep), "]".repeat(deep))).is_err());
    let _ = toml::parse(&format!("{} = 1", vec!["a"; deep].join(".")));
    let label = format!("site.{}", vec!["a"; deep].join("."));
    let (_, problems) = decode_labels::<Site>(&dotted::labels([(label.as_str(), "x")], "site"));
    assert_eq!(problems.len(), 1);
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    /// Any JSON, small.
    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            "[ -~]{0,8}".prop_map(Into::into),
        ];
        let key = prop_oneof![
            "[a-z]{1,6}",
            Just("rule".to_owned()),
            Just("loadBalancer".to_owned()),
            Just("tls".to_owned())
        ];
        leaf.prop_recursive(4, 24, 6, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                proptest::collection::btree_map(key.clone(), inner, 0..4)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_object_changes_its_neighbours(
            router in any_json(),
            service in any_json(),
            middleware in any_json(),
            certificate in any_json(),
        ) {
            let good = serde_json::json!({
                "http": {
                    "routers": {"good": {"rule": "Host(`a`)", "service": "good", "tls": {}}},
                    "services": {"good": {"loadBalancer": {"servers": [{"url": "http://a"}]}}},
                    "middlewares": {"good": {"addPrefix": {"prefix": "/a"}}},
                },
                "tls": {"certificates": [{"certFile": "a", "keyFile": "b"}]},
            });
            let mut with = good.clone();
            with["http"]["routers"]["other"] = router;
            with["http"]["services"]["other"] = service;
            with["http"]["middlewares"]["other"] = middleware;
            with["tls"]["certificates"].as_array_mut().unwrap().push(certificate);
            let read = |json: &serde_json::Value| Configuration::decode(&yaml::parse(&json.to_string()).unwrap()).0;
            let (alone, beside) = (read(&good), read(&with));
            prop_assert_eq!(beside.http.routers.get("good"), alone.http.routers.get("good"));
            prop_assert!(alone.http.routers.contains_key("good"));
            prop_assert_eq!(beside.http.services.get("good"), alone.http.services.get("good"));
            prop_assert_eq!(beside.http.middlewares.get("good"), alone.http.middlewares.get("good"));
            prop_assert_eq!(beside.tls.certificates.first(), alone.tls.certificates.first());
        }

        #[test]
        fn no_text_makes_a_reader_panic(text in any::<String>()) {
            for node in [yaml::parse(&text), toml::parse(&text)].into_iter().flatten() {
                let _ = Configuration::decode(&node);
            }
            let (settings, _) = flags::parse(&[format!("--{text}"), text.clone()], &Site::shape());
            let _ = decode::<Site>(&dotted::numbered_tree(settings));
            let _ = dotted::annotations([(format!("pointsman.io/router.{text}").as_str(), text.as_str())], "router");
            let _ = text.parse::<GoDuration>();
        }

        #[test]
        fn a_duration_reads_as_it_prints(nanos in 0..i64::MAX) {
            let duration = GoDuration(std::time::Duration::from_nanos(nanos.unsigned_abs()));
            prop_assert_eq!(duration.to_string().parse(), Ok(duration));
        }

        #[test]
        fn what_is_written_as_json_reads_back(
            address in "[a-z:0-9]{1,8}",
            tags in proptest::collection::vec("[a-z ,]{0,5}", 0..4),
            nanos in 0..i64::MAX,
            enabled: bool,
            label: i64,
            options in proptest::option::of("[ -~]{0,6}"),
        ) {
            let site = Site {
                address,
                tags,
                max_wait: GoDuration(std::time::Duration::from_nanos(nanos.unsigned_abs().max(1))),
                enabled,
                labels: BTreeMap::from([("l".to_owned(), label)]),
                tls: options.map(|options| Tls { options, domains: Vec::new() }),
                ..Site::default()
            };
            let text = serde_json::to_string(&site).unwrap();
            prop_assert_eq!(from_yaml(&text), (site, Vec::new()));
        }

        #[test]
        fn the_order_of_settings_does_not_matter(seed in Just(()).prop_perturb(|(), mut rng| rng.next_u64())) {
            let mut pairs = [
                ("site.tls", "true"),
                ("site.tls.options", "x"),
                ("site.tls.domains[0].main", "a"),
                ("site.address", ":1"),
                ("site.labels.x", "3"),
            ];
            let expected = decode_labels::<Site>(&dotted::labels(pairs.iter().copied(), "site"));
            let at = usize::try_from(seed % 5).unwrap();
            pairs.rotate_left(at);
            pairs.swap(0, at);
            prop_assert_eq!(decode_labels::<Site>(&dotted::labels(pairs.iter().copied(), "site")), expected);
        }
    }
}
