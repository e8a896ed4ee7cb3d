use pointsman_config::dynamic::middleware::{AddPrefix, Chain};
use proptest::prelude::*;

use super::*;

fn router(service: &str) -> Arc<Router> {
    Arc::new(Router {
        service: service.to_owned(),
        ..Router::default()
    })
}

fn routers<'a>(routers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Configuration {
    let mut configuration = Configuration::default();
    for (name, service) in routers {
        configuration
            .http
            .routers
            .insert(name.to_owned(), router(service));
    }
    configuration
}

fn update(provider: &str, configuration: Configuration) -> Update {
    Update {
        provider: provider.into(),
        configuration: Some(Arc::new(configuration)),
        diagnostics: Vec::new(),
    }
}

fn merged(updates: &[Update]) -> Merged {
    let mut merger = Merger::new(&[]);
    for update in updates {
        merger.update(update);
    }
    merger.merged()
}

fn with_default_tls(stores: bool, options: bool) -> Configuration {
    let mut configuration = Configuration::default();
    if stores {
        configuration
            .tls
            .stores
            .insert("default".to_owned(), Arc::default());
    }
    if options {
        configuration
            .tls
            .options
            .insert("default".to_owned(), Arc::default());
    }
    configuration
}

#[test]
fn objects_of_all_providers_are_sorted_by_qualified_name() {
    let merged = merged(&[
        update("kubernetes", routers([("a", "1"), ("a-b", "2")])),
        update("file", routers([("a", "3")])),
    ]);
    let names: Vec<_> = merged
        .routers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["a-b@kubernetes", "a@file", "a@kubernetes"]);
    for (name, router) in &merged.routers {
        assert_eq!(merged.routers.find(name), Some(router));
    }
    assert_eq!(merged.routers.find(&QualifiedName::new("b", "file")), None);
}

#[test]
fn every_kind_of_object_is_merged() {
    use pointsman_config::dynamic as d;
    let mut configuration = routers([("x", "s")]);
    let service = Service {
        middlewares: Vec::new(),
        kind: d::http::ServiceKind::Weighted(d::http::Weighted::default()),
    };
    configuration
        .http
        .services
        .insert("x".into(), Arc::new(service));
    let chain = Middleware::Chain(Chain::default());
    configuration
        .http
        .middlewares
        .insert("x".into(), Arc::new(chain));
    configuration
        .http
        .servers_transports
        .insert("x".into(), Arc::default());
    configuration.tls.certificates.push(Arc::default());
    configuration.tls.stores.insert("x".into(), Arc::default());
    configuration.tls.options.insert("x".into(), Arc::default());
    configuration.tcp.routers.insert("x".into(), Arc::default());
    let service = TcpService::Weighted(d::tcp::TcpWeighted::default());
    configuration
        .tcp
        .services
        .insert("x".into(), Arc::new(service));
    let limit = TcpMiddleware::InFlightConn(d::tcp::InFlightConn::default());
    configuration
        .tcp
        .middlewares
        .insert("x".into(), Arc::new(limit));
    configuration
        .tcp
        .servers_transports
        .insert("x".into(), Arc::default());
    configuration.udp.routers.insert("x".into(), Arc::default());
    let service = UdpService::Weighted(d::udp::UdpWeighted::default());
    configuration
        .udp
        .services
        .insert("x".into(), Arc::new(service));

    let merged = merged(&[update("file", configuration)]);
    let name = QualifiedName::new("x", "file");
    assert!(merged.routers.find(&name).is_some());
    assert!(merged.services.find(&name).is_some());
    assert!(merged.middlewares.find(&name).is_some());
    assert!(merged.servers_transports.find(&name).is_some());
    assert_eq!(merged.tls.certificates.len(), 1);
    assert!(merged.tls.stores.find(&name).is_some());
    assert!(merged.tls.options.find(&name).is_some());
    assert!(merged.tcp_routers.find(&name).is_some());
    assert!(merged.tcp_services.find(&name).is_some());
    assert!(merged.tcp_middlewares.find(&name).is_some());
    assert!(merged.tcp_servers_transports.find(&name).is_some());
    assert!(merged.udp_routers.find(&name).is_some());
    assert!(merged.udp_services.find(&name).is_some());
}

#[test]
fn unchanged_objects_keep_pointer_and_name_even_when_they_are_decoded_anew() {
    let mut merger = Merger::new(&[]);
    merger.update(&update(
        "file",
        routers([("a", "1"), ("b", "1"), ("c", "1")]),
    ));
    let before = merger.merged();
    merger.update(&update(
        "file",
        routers([("a", "1"), ("b", "2"), ("d", "1")]),
    ));
    let after = merger.merged();
    let entry = |merged: &Merged, name: &str| {
        let (name, router) = merged
            .routers
            .iter()
            .find(|(other, _)| other.name() == name)
            .unwrap();
        (name.as_str().as_ptr(), Arc::clone(router))
    };
    assert_eq!(
        entry(&before, "a").0,
        entry(&after, "a").0,
        "the name is not made again"
    );
    assert!(Arc::ptr_eq(&entry(&before, "a").1, &entry(&after, "a").1));
    assert_eq!(entry(&before, "b").0, entry(&after, "b").0);
    assert_eq!(entry(&after, "b").1.service, "2");
    assert_eq!(after.routers.find(&QualifiedName::new("c", "file")), None);
    assert!(!after.routers.ptr_eq(&before.routers));
}

#[test]
fn a_kind_without_changes_stays_the_very_same_list() {
    let mut merger = Merger::new(&[]);
    let mut configuration = routers([("a", "1")]);
    let add = Middleware::AddPrefix(AddPrefix {
        prefix: "/x".to_owned(),
    });
    configuration
        .http
        .middlewares
        .insert("m".to_owned(), Arc::new(add.clone()));
    merger.update(&update("file", configuration));
    let before = merger.merged();
    let mut configuration = routers([("a", "2")]);
    configuration
        .http
        .middlewares
        .insert("m".to_owned(), Arc::new(add));
    merger.update(&update("file", configuration));
    let after = merger.merged();
    assert!(after.middlewares.ptr_eq(&before.middlewares));
    assert!(!after.routers.ptr_eq(&before.routers));
}

#[test]
fn an_update_without_configuration_changes_only_diagnostics() {
    let mut merger = Merger::new(&[]);
    merger.update(&update("file", routers([("a", "1")])));
    let problem = Diagnostic::error("file a.yaml", "", "broken");
    merger.update(&Update {
        provider: "file".into(),
        configuration: None,
        diagnostics: vec![problem.clone()],
    });
    let merged = merger.merged();
    assert_eq!(merged.routers.len(), 1);
    assert_eq!(merged.all_diagnostics().collect::<Vec<_>>(), [&problem]);
    merger.update(&update("file", routers([])));
    let merged = merger.merged();
    assert!(merged.routers.is_empty());
    assert_eq!(merged.all_diagnostics().count(), 0);
}

#[test]
fn one_definition_of_default_tls_objects_counts() {
    let merged = merged(&[
        update("file", with_default_tls(true, true)),
        update("kubernetescrd", with_default_tls(false, false)),
    ]);
    assert!(
        matches!(&merged.tls.default_store, DefaultObject::Defined { provider, .. } if **provider == *"file")
    );
    assert!(
        matches!(&merged.tls.default_options, DefaultObject::Defined { provider, .. } if **provider == *"file")
    );
    assert!(
        merged.tls.stores.is_empty() && merged.tls.options.is_empty(),
        "default has no qualified name"
    );
    assert!(merged.diagnostics.is_empty());
}

#[test]
fn default_tls_objects_of_two_providers_cancel_each_other_with_an_error() {
    let merged = merged(&[
        update("file", with_default_tls(true, true)),
        update("kubernetescrd", with_default_tls(true, true)),
        update("rest", with_default_tls(true, false)),
    ]);
    assert_eq!(
        merged.tls.default_store,
        DefaultObject::Conflict(["file", "kubernetescrd", "rest"].map(Into::into).into())
    );
    assert_eq!(
        merged.tls.default_options,
        DefaultObject::Conflict(["file", "kubernetescrd"].map(Into::into).into())
    );
    let objects: Vec<_> = merged
        .diagnostics
        .iter()
        .map(|problem| problem.object.as_str())
        .collect();
    assert_eq!(objects, ["tls store default", "tls options default"]);
    assert!(
        merged.diagnostics[1]
            .message
            .contains("file, kubernetescrd")
    );
    assert!(
        merged.diagnostics[1].message.contains("disabled"),
        "the cascade is named"
    );
}

#[test]
fn without_definitions_the_built_in_tls_defaults_count() {
    let merged = merged(&[update("file", Configuration::default())]);
    assert_eq!(merged.tls.default_store, DefaultObject::BuiltIn);
    assert_eq!(merged.tls.default_options, DefaultObject::BuiltIn);
}

#[test]
fn certificates_stand_in_the_order_of_precedence_and_challenge_certificates_are_refused() {
    let certificate = |name: &str, store: Option<&str>| {
        let mut certificate = CertificateAndStores::default();
        certificate.certificate.cert_file = name.to_owned();
        certificate.stores.extend(store.map(str::to_owned));
        Arc::new(certificate)
    };
    let mut merger = Merger::new(&["kubernetes".to_owned(), "file".to_owned()]);
    for (provider, certificates) in [
        (
            "file",
            vec![
                certificate("f1", None),
                certificate("f2", Some("acme-tls/1")),
            ],
        ),
        (
            "kubernetes",
            vec![certificate("k1", None), certificate("k2", Some("default"))],
        ),
        ("tlsalpn.acme", vec![certificate("c", Some("acme-tls/1"))]),
    ] {
        let mut configuration = Configuration::default();
        configuration.tls.certificates = certificates;
        merger.update(&update(provider, configuration));
    }
    let merged = merger.merged();
    let order: Vec<_> = merged
        .tls
        .certificates
        .iter()
        .map(|entry| {
            (
                &*entry.provider,
                entry.certificate.certificate.cert_file.as_str(),
            )
        })
        .collect();
    assert_eq!(
        order,
        [
            ("kubernetes", "k1"),
            ("kubernetes", "k2"),
            ("file", "f1"),
            ("tlsalpn.acme", "c")
        ]
    );
    assert_eq!(merged.diagnostics.len(), 1);
    assert_eq!(merged.diagnostics[0].field, "tls.certificates[1].stores");
}

#[test]
fn precedence_ranks_providers_whatever_the_case_and_namespaces_with_their_kind() {
    let merger = Merger::new(&["KubernetesCRD".to_owned(), "consul".to_owned()]);
    assert_eq!(merger.rank("internal"), 0);
    assert_eq!(merger.rank("kubernetescrd"), 1);
    assert_eq!(merger.rank("consul"), 2);
    assert_eq!(merger.rank("consul-eu"), 2);
    assert_eq!(merger.rank("file"), usize::MAX);
    assert_eq!(merger.rank("plugin-consul"), usize::MAX);
}

fn some_routers() -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::vec(("[ab@.-]{0,3}", "[xy]"), 0..8)
}

proptest! {
    #[test]
    fn merging_step_by_step_equals_merging_the_last_ones(
        steps in prop::collection::vec((prop::sample::select(&["file", "kubernetes", "rest"]), some_routers()), 1..12)
    ) {
        let mut merger = Merger::new(&[]);
        let mut last = BTreeMap::new();
        for (provider, objects) in &steps {
            let objects = objects.iter().map(|(name, service)| (name.as_str(), service.as_str()));
            let update = update(provider, routers(objects));
            merger.update(&update);
            last.insert(*provider, update);
        }
        let fresh = merged(&last.into_values().collect::<Vec<_>>());
        let stepped = merger.merged();
        prop_assert_eq!(
            stepped.routers.iter().collect::<Vec<_>>(),
            fresh.routers.iter().collect::<Vec<_>>()
        );
        prop_assert!(stepped.routers.iter().is_sorted_by(|(a, _), (b, _)| a < b), "strictly: no name twice");
    }
}
