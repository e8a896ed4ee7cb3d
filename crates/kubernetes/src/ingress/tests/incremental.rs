//! Properties: a translator that sees changes one by one ends where a fresh one does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::snapshot::{
    Address, Backend, BackendPort, Change, Changed, Endpoint, EndpointSlice, Ingress, IngressClass,
    IngressPath, IngressRule, Kind, Node, Object, ObjectId, ObjectName, PathType, Secret, Service,
    ServicePort, ServiceType, SlicePort, StringMap,
};

const NAMESPACES: [&str; 3] = ["a", "a-b", "shop"];
const NAMES: [&str; 4] = ["b-c", "c", "web", "router"];
const HOSTS: [&str; 4] = ["", "a.example", "*.example", "b.example"];
const PATHS: [&str; 6] = ["", "/", "/x", "/x/1", "/x-1", "/xy"];

fn pick<T: Copy + std::fmt::Debug + 'static>(
    items: &'static [T],
) -> impl Strategy<Value = T> + Clone {
    proptest::sample::select(items)
}

fn object_name() -> impl Strategy<Value = ObjectName> {
    (pick(&NAMESPACES), pick(&NAMES)).prop_map(|(namespace, name)| ObjectName::new(namespace, name))
}

fn backend() -> impl Strategy<Value = Backend> {
    let port = prop_oneof![
        Just(BackendPort {
            name: "".into(),
            number: 80
        }),
        Just(BackendPort {
            name: "http".into(),
            number: 0
        }),
        Just(BackendPort {
            name: "http".into(),
            number: 80
        }),
        Just(BackendPort {
            name: "none".into(),
            number: 0
        }),
    ];
    prop_oneof![
        9 => (pick(&NAMES), port).prop_map(|(name, port)| Backend::Service { name: name.into(), port }),
        1 => Just(Backend::Resource),
        1 => Just(Backend::Missing),
    ]
}

fn ingress_path() -> impl Strategy<Value = IngressPath> {
    let path_type = pick(&[
        PathType::Exact,
        PathType::Prefix,
        PathType::ImplementationSpecific,
    ]);
    (pick(&PATHS), path_type, backend()).prop_map(|(path, path_type, backend)| IngressPath {
        path: path.into(),
        path_type,
        backend,
    })
}

fn string_map(
    entries: &'static [(&'static str, &'static str)],
) -> impl Strategy<Value = StringMap> {
    proptest::sample::subsequence(entries, 0..=2.min(entries.len())).prop_map(|chosen| {
        chosen
            .into_iter()
            .map(|(key, value)| (Arc::from(key), Arc::from(value)))
            .collect()
    })
}

const ROUTER: &[(&str, &str)] = &[
    ("traefik.ingress.kubernetes.io/router.priority", "7"),
    ("traefik.ingress.kubernetes.io/router.tls", "true"),
    ("traefik.ingress.kubernetes.io/router.tls", "maybe"),
    ("traefik.ingress.kubernetes.io/router.rulesyntax", "v2"),
    (
        "traefik.ingress.kubernetes.io/router.middlewares",
        "auth@file",
    ),
    ("pointsman.io/router.pathmatcher", "Path"),
    ("pointsman.io/router.pathmatcher", "other"),
];
const SERVICE: &[(&str, &str)] = &[
    ("traefik.ingress.kubernetes.io/service.nativelb", "true"),
    ("traefik.ingress.kubernetes.io/service.nodeportlb", "true"),
    (
        "traefik.ingress.kubernetes.io/service.passhostheader",
        "perhaps",
    ),
    (
        "traefik.ingress.kubernetes.io/service.sticky.cookie.samesite",
        "odd",
    ),
    ("pointsman.io/service.serverstransport", "x@file"),
];

fn ingress() -> impl Strategy<Value = Object> {
    let rule =
        (pick(&HOSTS), prop::collection::vec(ingress_path(), 0..3)).prop_map(|(host, paths)| {
            IngressRule {
                host: host.into(),
                paths: paths.into(),
            }
        });
    let class = prop_oneof![3 => Just(None), 1 => pick(&["ours", "other", ""]).prop_map(Some)];
    let tls = prop::collection::vec(proptest::option::of(pick(&NAMES)), 0..3);
    let default = proptest::option::weighted(0.3, backend());
    (
        object_name(),
        0..3_i64,
        class,
        string_map(ROUTER),
        prop::collection::vec(rule, 0..3),
        tls,
        default,
    )
        .prop_map(
            |(name, created, class, annotations, rules, tls, default_backend)| {
                Object::Ingress(Arc::new(Ingress {
                    name,
                    created,
                    class_name: class.map(Arc::from),
                    class_annotation: None,
                    labels: StringMap::default(),
                    annotations,
                    default_backend,
                    rules: rules.into(),
                    tls: tls
                        .into_iter()
                        .map(|secret| secret.map(Arc::from))
                        .collect(),
                    status: Box::default(),
                }))
            },
        )
}

fn service() -> impl Strategy<Value = Object> {
    let service_type = prop_oneof![
        3 => Just(ServiceType::ClusterIp),
        1 => Just(ServiceType::NodePort),
        1 => Just(ServiceType::ExternalName),
    ];
    (
        object_name(),
        0..3_i64,
        service_type,
        string_map(SERVICE),
        pick(&["", "None", "10.0.0.1"]),
    )
        .prop_map(|(name, created, service_type, annotations, cluster_ip)| {
            Object::Service(Arc::new(Service {
                name,
                created,
                service_type,
                cluster_ip: cluster_ip.into(),
                external_name: "external.example".into(),
                annotations,
                ports: [ServicePort {
                    name: "http".into(),
                    port: 80,
                    node_port: 30_080,
                    protocol: "TCP".into(),
                }]
                .into(),
                external_ips: Box::default(),
                load_balancer: None,
            }))
        })
}

fn slice() -> impl Strategy<Value = Object> {
    let endpoint =
        (1..5_u8, any::<bool>(), any::<bool>()).prop_map(|(last, serving, terminating)| Endpoint {
            address: Address::new(&format!("10.0.0.{last}")),
            serving,
            terminating,
        });
    (
        object_name(),
        pick(&NAMES),
        0..3_i64,
        prop::collection::vec(endpoint, 0..3),
    )
        .prop_map(|(name, service, created, endpoints)| {
            Object::EndpointSlice(Arc::new(EndpointSlice {
                name,
                created,
                service: service.into(),
                legacy: false,
                ports: [SlicePort {
                    name: Some("http".into()),
                    port: 8_080,
                }]
                .into(),
                endpoints: endpoints.into(),
            }))
        })
}

fn other() -> impl Strategy<Value = Object> {
    let secret =
        (object_name(), proptest::option::of(pick(&["", "A", "B"]))).prop_map(|(name, text)| {
            Object::Secret(Arc::new(Secret {
                name,
                certificate: text.map(Arc::from),
                key: Some(pointsman_config::Secret::new("K".into())),
            }))
        });
    let class = (
        pick(&["ours", "other"]),
        pick(&["traefik.io/ingress-controller", "someone.else/controller"]),
    )
        .prop_map(|(name, controller)| {
            Object::IngressClass(Arc::new(IngressClass {
                name: name.into(),
                controller: controller.into(),
            }))
        });
    let node = (
        pick(&["n1", "n2"]),
        0..3_i64,
        pick(&["10.9.0.1", "10.9.0.2"]),
    )
        .prop_map(|(name, created, ip)| {
            Object::Node(Arc::new(Node {
                name: name.into(),
                created,
                internal_ips: [Arc::from(ip)].into(),
                external_ips: Box::default(),
            }))
        });
    prop_oneof![4 => secret, 2 => class, 1 => node]
}

fn object() -> impl Strategy<Value = Object> {
    prop_oneof![4 => ingress(), 3 => service(), 3 => slice(), 2 => other()]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => object().prop_map(Change::Upsert),
        1 => object().prop_map(|object| Change::Delete(object.id())),
    ]
}

fn options() -> impl Strategy<Value = Options> {
    (
        any::<[bool; 4]>(),
        proptest::option::of(pick(&["a", "shop"])),
    )
        .prop_map(|([strict, empty, external, v2], cross)| Options {
            strict_prefix_matching: strict,
            allow_empty_services: empty,
            allow_external_name_services: external,
            default_rule_syntax: if v2 {
                DefaultRuleSyntax::V2
            } else {
                DefaultRuleSyntax::V3
            },
            cross_provider_namespaces: cross.map(|namespace| vec![namespace.to_owned()]),
            ..Options::default()
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn changes_one_by_one_give_what_a_fresh_start_gives(
        start in prop::collection::vec(object(), 0..40),
        changes in prop::collection::vec(prop::collection::vec(change(), 1..4), 1..12),
        options in options(),
    ) {
        let mut snapshot = Snapshot::default();
        snapshot.apply_all(start.into_iter().map(Change::Upsert));
        let mut translator = Translator::default();
        translator.translate(&snapshot, &options, &[]);
        for batch in changes {
            let changed = snapshot.apply_all(batch);
            let incremental = translator.translate(&snapshot, &options, &changed);
            prop_assert_eq!(incremental, translate(&snapshot, &options));
        }
    }

    #[test]
    fn the_order_of_objects_does_not_matter(
        objects in prop::collection::vec(object(), 0..40),
        options in options(),
        seed in any::<u64>(),
    ) {
        // Of objects with the same identity only the last one exists.
        let unique: BTreeMap<ObjectId, Object> = objects.into_iter().map(|object| (object.id(), object)).collect();
        let mut shuffled: Vec<Object> = unique.values().cloned().collect();
        fastrand::Rng::with_seed(seed).shuffle(&mut shuffled);
        let mut sorted_snapshot = Snapshot::default();
        sorted_snapshot.apply_all(unique.into_values().map(Change::Upsert));
        let mut shuffled_snapshot = Snapshot::default();
        shuffled_snapshot.apply_all(shuffled.into_iter().map(Change::Upsert));
        prop_assert_eq!(&sorted_snapshot, &shuffled_snapshot);
        prop_assert_eq!(translate(&sorted_snapshot, &options), translate(&shuffled_snapshot, &options));
    }

    #[test]
    fn other_options_mean_a_fresh_start(
        objects in prop::collection::vec(object(), 0..40),
        before in options(),
        after in options(),
    ) {
        let mut snapshot = Snapshot::default();
        snapshot.apply_all(objects.into_iter().map(Change::Upsert));
        let mut translator = Translator::default();
        translator.translate(&snapshot, &before, &[]);
        prop_assert_eq!(translator.translate(&snapshot, &after, &[]), translate(&snapshot, &after));
    }
}

/// `count` Ingresses `good/i<n>`, each with a Service, a slice and a Secret of its own.
fn good(count: usize) -> Vec<Change> {
    let objects = (0..count).flat_map(|n| {
        let name = ObjectName::new("good", format!("i{n}"));
        let ingress = Ingress {
            name: name.clone(),
            created: 1,
            class_name: None,
            class_annotation: None,
            labels: StringMap::default(),
            annotations: StringMap::default(),
            default_backend: None,
            rules: [IngressRule {
                host: format!("h{n}.example").into(),
                paths: [IngressPath {
                    path: "/".into(),
                    path_type: PathType::Prefix,
                    backend: Backend::Service {
                        name: name.name.clone(),
                        port: BackendPort {
                            name: "".into(),
                            number: 80,
                        },
                    },
                }]
                .into(),
            }]
            .into(),
            tls: [Some(name.name.clone())].into(),
            status: Box::default(),
        };
        let service = Service {
            name: name.clone(),
            created: 1,
            service_type: ServiceType::ClusterIp,
            cluster_ip: "10.0.0.1".into(),
            external_name: "".into(),
            annotations: StringMap::default(),
            ports: [ServicePort {
                name: "".into(),
                port: 80,
                node_port: 0,
                protocol: "TCP".into(),
            }]
            .into(),
            external_ips: Box::default(),
            load_balancer: None,
        };
        let secret = Secret {
            name: name.clone(),
            certificate: Some("CERT".into()),
            key: Some(pointsman_config::Secret::new("KEY".into())),
        };
        [
            Object::Ingress(Arc::new(ingress)),
            Object::Service(Arc::new(service)),
            Object::Secret(Arc::new(secret)),
            good_slice(&name, "10.1.0.1"),
        ]
    });
    objects.map(Change::Upsert).collect()
}

fn good_slice(service: &ObjectName, address: &str) -> Object {
    Object::EndpointSlice(Arc::new(EndpointSlice {
        name: service.clone(),
        created: 1,
        service: service.name.clone(),
        legacy: false,
        ports: [SlicePort {
            name: Some("".into()),
            port: 8_080,
        }]
        .into(),
        endpoints: [Endpoint {
            address: Address::new(address),
            serving: true,
            terminating: false,
        }]
        .into(),
    }))
}

/// Names of objects that are not the same `Arc` in both.
fn differences(before: &Configuration, after: &Configuration) -> Vec<String> {
    fn of<T>(before: &BTreeMap<String, Arc<T>>, after: &BTreeMap<String, Arc<T>>) -> Vec<String> {
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let same = |name: &String| match (before.get(name), after.get(name)) {
            (Some(before), Some(after)) => Arc::ptr_eq(before, after),
            _ => false,
        };
        names
            .into_iter()
            .filter(|name| !same(name))
            .cloned()
            .collect()
    }
    [
        of(&before.http.routers, &after.http.routers),
        of(&before.http.services, &after.http.services),
    ]
    .concat()
}

#[test]
fn one_changed_slice_changes_one_service() {
    let mut snapshot = Snapshot::default();
    snapshot.apply_all(good(50));
    let options = Options::default();
    let mut translator = Translator::default();
    let before = translator.translate(&snapshot, &options, &[]);
    assert_eq!(before.diagnostics, []);
    let changed = snapshot.apply(Change::Upsert(good_slice(
        &ObjectName::new("good", "i7"),
        "10.1.0.2",
    )));
    assert_eq!(changed, [Changed::Endpoints(ObjectName::new("good", "i7"))]);
    let after = translator.translate(&snapshot, &options, &changed);
    assert_eq!(
        differences(&before.configuration, &after.configuration),
        ["good-i7-80"]
    );
}

#[test]
fn one_deleted_ingress_takes_only_its_own_with_it() {
    let mut snapshot = Snapshot::default();
    snapshot.apply_all(good(50));
    let options = Options::default();
    let mut translator = Translator::default();
    let before = translator.translate(&snapshot, &options, &[]);
    let id = ObjectId {
        kind: Kind::Ingress,
        name: ObjectName::new("good", "i7"),
    };
    let changed = snapshot.apply(Change::Delete(id));
    let after = translator.translate(&snapshot, &options, &changed);
    assert_eq!(
        differences(&before.configuration, &after.configuration),
        ["good-i7-h7-example", "good-i7-80"]
    );
    assert_eq!(after.configuration.tls.certificates.len(), 49);
}

#[test]
fn a_change_of_nothing_is_the_same_configuration() {
    let mut snapshot = Snapshot::default();
    snapshot.apply_all(good(5));
    let options = Options::default();
    let mut translator = Translator::default();
    let before = translator.translate(&snapshot, &options, &[]);
    let all: Vec<Changed> = (0..5)
        .flat_map(|n| {
            let name = ObjectName::new("good", format!("i{n}"));
            [
                Changed::Ingress(name.clone()),
                Changed::Service(name.clone()),
                Changed::Endpoints(name.clone()),
                Changed::Secret(name),
            ]
        })
        .chain([Changed::IngressClass, Changed::Node])
        .collect();
    assert!(Arc::ptr_eq(
        &before.configuration,
        &translator
            .translate(&snapshot, &options, &all)
            .configuration
    ));
    // Other options that change nothing here: everything is looked at again, and stays.
    let others = Options {
        allow_empty_services: true,
        ..Options::default()
    };
    assert!(Arc::ptr_eq(
        &before.configuration,
        &translator.translate(&snapshot, &others, &[]).configuration
    ));
}

/// One Ingress as large as the API server takes it must not hold up the others.
#[test]
fn a_huge_ingress_is_translated_in_linear_time() {
    let started = Instant::now();
    let path = |n: usize| IngressPath {
        path: format!("/{n}").into(),
        path_type: if n.is_multiple_of(2) {
            PathType::Exact
        } else {
            PathType::Prefix
        },
        backend: Backend::Service {
            name: format!("s{n}").into(),
            port: BackendPort {
                name: "".into(),
                number: 80,
            },
        },
    };
    let long: Arc<str> = "/a".repeat(400_000).into();
    let long_path = |path_type| IngressPath {
        path: long.clone(),
        path_type,
        ..path(0)
    };
    let annotation = |n: usize| {
        (
            Arc::from(format!("traefik.ingress.kubernetes.io/router.x{n}")),
            Arc::from("1"),
        )
    };
    let huge = |name: &str, paths: Vec<IngressPath>, annotations: StringMap| {
        Change::Upsert(Object::Ingress(Arc::new(Ingress {
            name: ObjectName::new("bad", name),
            created: 0,
            class_name: None,
            class_annotation: None,
            labels: StringMap::default(),
            annotations,
            default_backend: None,
            rules: [IngressRule {
                host: "a.example".into(),
                paths: paths.into(),
            }]
            .into(),
            tls: Box::default(),
            status: Box::default(),
        })))
    };
    let mut snapshot = Snapshot::default();
    snapshot.apply_all([
        huge(
            "paths",
            (0..10_000).map(path).collect(),
            StringMap::default(),
        ),
        huge(
            "long",
            vec![long_path(PathType::Exact), long_path(PathType::Prefix)],
            StringMap::default(),
        ),
        huge(
            "annotations",
            vec![path(1)],
            (0..8_000).map(annotation).collect(),
        ),
    ]);
    let options = Options {
        native_lb_by_default: true,
        ..Options::default()
    };
    let services = (0..10_000).map(|n| {
        Change::Upsert(Object::Service(Arc::new(Service {
            name: ObjectName::new("bad", format!("s{n}")),
            created: 0,
            service_type: ServiceType::ClusterIp,
            cluster_ip: "10.0.0.1".into(),
            external_name: "".into(),
            annotations: StringMap::default(),
            ports: [ServicePort {
                name: "".into(),
                port: 80,
                node_port: 0,
                protocol: "TCP".into(),
            }]
            .into(),
            external_ips: Box::default(),
            load_balancer: None,
        })))
    });
    snapshot.apply_all(services);
    let translation = translate(&snapshot, &options);
    assert_eq!(translation.configuration.http.routers.len(), 10_002);
    assert_eq!(translation.diagnostics.len(), 16);
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "took {:?}",
        started.elapsed()
    );
}

/// 10 000 mutated objects beside 1 000 good Ingresses: none of those changes, not even its identity.
#[test]
fn mutated_objects_leave_good_ones_untouched() {
    let started = Instant::now();
    let mut snapshot = Snapshot::default();
    snapshot.apply_all(good(1_000));
    let options = Options::default();
    let mut translator = Translator::default();
    let before = translator.translate(&snapshot, &options, &[]);
    assert_eq!(before.configuration.http.routers.len(), 1_000);
    let mut rng = fastrand::Rng::with_seed(7);
    for _ in 0..100 {
        let batch: Vec<Change> = (0..100)
            .map(|_| Change::Upsert(mutated(&mut rng)))
            .collect();
        let changed = snapshot.apply_all(batch);
        let after = translator.translate(&snapshot, &options, &changed);
        let touched = differences(&before.configuration, &after.configuration);
        assert!(
            touched.iter().all(|name| !name.starts_with("good-")),
            "{touched:?}"
        );
        assert_eq!(
            after
                .diagnostics
                .iter()
                .filter(|d| d.object.contains(" good/"))
                .count(),
            0
        );
    }
    let last = translator.translate(&snapshot, &options, &[]);
    assert_eq!(last, translate(&snapshot, &options));
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "took {:?}",
        started.elapsed()
    );
}

/// An object of namespace `bad` with random, partly nonsensical content.
fn mutated(rng: &mut fastrand::Rng) -> Object {
    let text = |rng: &mut fastrand::Rng| -> Arc<str> {
        const ODD: [&str; 12] = [
            "",
            "*",
            "*.",
            "..",
            "/",
            "//",
            "\"",
            "`",
            "{a:[",
            "\u{0}",
            "h1.example",
            "\u{10ffff}",
        ];
        let words: Vec<&str> = (0..rng.usize(0..3))
            .map(|_| ODD[rng.usize(0..ODD.len())])
            .collect();
        words.concat().into()
    };
    let annotations = |rng: &mut fastrand::Rng| -> StringMap {
        const KEYS: [&str; 10] = [
            "router.priority",
            "router.tls",
            "router.tls.domains.0.main",
            "router.tls.domains.99999999999999999999.main",
            "router.",
            "router..",
            "service.sticky.cookie",
            "service.nativelb",
            "service.",
            "x",
        ];
        (0..rng.usize(0..3))
            .map(|_| {
                let key = format!(
                    "traefik.ingress.kubernetes.io/{}",
                    KEYS[rng.usize(0..KEYS.len())]
                );
                (Arc::from(key), text(rng))
            })
            .collect()
    };
    let name = ObjectName::new("bad", format!("o{}", rng.usize(0..300)));
    let backend = |rng: &mut fastrand::Rng| match rng.u8(0..6) {
        0 => Backend::Resource,
        1 => Backend::Missing,
        _ => Backend::Service {
            name: format!("o{}", rng.usize(0..300)).into(),
            port: BackendPort {
                name: text(rng),
                number: rng.i32(-1..100),
            },
        },
    };
    let path_types = [
        PathType::Exact,
        PathType::Prefix,
        PathType::ImplementationSpecific,
    ];
    match rng.u8(0..4) {
        0 => Object::Ingress(Arc::new(Ingress {
            name,
            created: rng.i64(..),
            class_name: None,
            class_annotation: None,
            labels: StringMap::default(),
            annotations: annotations(rng),
            default_backend: rng.bool().then(|| backend(rng)),
            rules: (0..rng.usize(0..3))
                .map(|_| IngressRule {
                    host: text(rng),
                    paths: (0..rng.usize(0..3))
                        .map(|_| IngressPath {
                            path: text(rng),
                            path_type: path_types[rng.usize(0..3)],
                            backend: backend(rng),
                        })
                        .collect(),
                })
                .collect(),
            tls: [Some(text(rng)), None].into(),
            status: Box::default(),
        })),
        1 => Object::Service(Arc::new(Service {
            name,
            created: rng.i64(..),
            service_type: ServiceType::Other(text(rng)),
            cluster_ip: text(rng),
            external_name: text(rng),
            annotations: annotations(rng),
            ports: [ServicePort {
                name: text(rng),
                port: rng.i32(..),
                node_port: rng.i32(..),
                protocol: text(rng),
            }]
            .into(),
            external_ips: Box::default(),
            load_balancer: None,
        })),
        2 => Object::EndpointSlice(Arc::new(EndpointSlice {
            service: name.name.clone(),
            name,
            created: rng.i64(..),
            legacy: rng.bool(),
            ports: [SlicePort {
                name: rng.bool().then(|| text(rng)),
                port: rng.u16(..),
            }]
            .into(),
            endpoints: [Endpoint {
                address: Address::new(&text(rng)),
                serving: rng.bool(),
                terminating: rng.bool(),
            }]
            .into(),
        })),
        _ => Object::Secret(Arc::new(Secret {
            name,
            certificate: Some(text(rng)),
            key: None,
        })),
    }
}
