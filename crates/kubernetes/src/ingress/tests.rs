//! Goldens: `golden/<row>-<name>.yaml` → `<row>-<name>.expected.yaml`, one or more for each row of the edge-case tables of
//! the behavioural specification (rows that are no manifests are unit tests named `row_<number>_…`).
//!
//! A golden's manifests begin with `# options: {…}` where the options are not the defaults. The expected file shows
//! routers, services, certificates, status and diagnostics; of services only what differs from the defaults (strategy
//! `wrr`, `passHostHeader: true`, `flushInterval: 100ms`). `BLESS=1` rewrites the expected files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pointsman_config::dynamic::http::{LoadBalancer, Router, Service, ServiceKind};
use pointsman_config::{Severity, dynamic};
use serde_json::{Map, Value, json};

use super::*;
use crate::manifests::Folder;
use crate::snapshot::LoadBalancerIngress;

#[test]
fn every_golden_gives_what_is_expected() {
    let mut differing = Vec::new();
    for input in goldens() {
        let expected_path = input.with_extension("expected.yaml");
        let actual = run(&input);
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&expected_path, to_yaml(&actual)).unwrap();
            continue;
        }
        let expected = std::fs::read_to_string(&expected_path)
            .unwrap_or_else(|error| panic!("{}: {error}", expected_path.display()));
        let expected: Option<Value> = serde_saphyr::from_str(&expected)
            .unwrap_or_else(|error| panic!("{}: {error}", expected_path.display()));
        if !meets(&actual, &expected.unwrap_or_else(|| json!({}))) {
            differing.push(format!("{}:\n{}", input.display(), to_yaml(&actual)));
        }
    }
    assert!(
        differing.is_empty(),
        "got something else for\n{}",
        differing.join("\n")
    );
}

/// Rows 1 to 104 of section 19 of the specification.
#[test]
fn every_row_of_the_specification_is_covered() {
    let mut covered: BTreeSet<u32> = goldens()
        .iter()
        .filter_map(|path| path.file_name()?.to_str()?.split('-').next()?.parse().ok())
        .collect();
    for source in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let text = std::fs::read_to_string(source).unwrap();
        let tests = text
            .split("fn row_")
            .skip(1)
            .filter_map(|rest| rest.split('_').next()?.parse().ok());
        covered.extend(tests.collect::<Vec<u32>>());
    }
    let missing: Vec<u32> = (1..=104).filter(|row| !covered.contains(row)).collect();
    assert!(
        missing.is_empty(),
        "rows without a golden or a test: {missing:?}"
    );
}

/// Diagnostics need to begin as expected: the expected text is the reference's, the cure that follows it is ours.
fn meets(actual: &Value, expected: &Value) -> bool {
    let split = |value: &Value| {
        let mut rest = value.clone();
        let diagnostics = rest
            .as_object_mut()
            .unwrap()
            .remove("diagnostics")
            .unwrap_or_else(|| json!([]));
        (rest, diagnostics.as_array().unwrap().clone())
    };
    let ((actual, actual_lines), (expected, expected_lines)) = (split(actual), split(expected));
    actual == expected
        && actual_lines.len() == expected_lines.len()
        && actual_lines
            .iter()
            .zip(&expected_lines)
            .all(|(a, e)| a.as_str().unwrap().starts_with(e.as_str().unwrap()))
}

fn golden_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ingress/golden")
}

fn goldens() -> Vec<PathBuf> {
    let mut goldens: Vec<PathBuf> = std::fs::read_dir(golden_folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.to_str().unwrap().ends_with(".expected.yaml"))
        .collect();
    goldens.sort();
    assert!(!goldens.is_empty());
    goldens
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                sources(&path)
            } else {
                vec![path]
            }
        })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

fn run(input: &Path) -> Value {
    let mut folder = Folder::new(input);
    let mut snapshot = Snapshot::default();
    snapshot.apply_all(folder.scan());
    let options = options(&std::fs::read_to_string(input).unwrap());
    let translation = translate(&snapshot, &options);
    let mut diagnostics = folder.diagnostics();
    diagnostics.extend(translation.diagnostics.clone());
    render(&translation, &diagnostics)
}

/// The options of a golden's first line.
fn options(text: &str) -> Options {
    let mut options = Options::default();
    let Some(written) = text
        .lines()
        .find_map(|line| line.strip_prefix("# options:"))
    else {
        return options;
    };
    let written: Map<String, Value> = serde_saphyr::from_str(written).unwrap();
    for (name, value) in written {
        let flag = || value.as_bool().unwrap();
        let text = || value.as_str().unwrap().to_owned();
        let texts = || {
            value
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item.as_str().unwrap().to_owned())
                .collect()
        };
        match name.as_str() {
            "namespaces" => options.namespaces = texts(),
            "labelSelector" => options.label_selector = text().parse().unwrap(),
            "ingressClass" => options.ingress_class = text(),
            "ingressEndpoint" => {
                let part = |key: &str| value[key].as_str().unwrap_or("").to_owned();
                options.ingress_endpoint = Some(IngressEndpoint {
                    ip: part("ip"),
                    hostname: part("hostname"),
                    published_service: part("publishedService"),
                });
            }
            "reportNodeInternalIPs" => options.report_node_internal_ips = flag(),
            "allowEmptyServices" => options.allow_empty_services = flag(),
            "allowExternalNameServices" => options.allow_external_name_services = flag(),
            "crossProviderNamespaces" => options.cross_provider_namespaces = Some(texts()),
            "disableIngressClassLookup" => options.disable_ingress_class_lookup = flag(),
            "disableClusterScopeResources" => options.disable_cluster_scope_resources = flag(),
            "nativeLBByDefault" => options.native_lb_by_default = flag(),
            "strictPrefixMatching" => options.strict_prefix_matching = flag(),
            "defaultRuleSyntax" => {
                assert_eq!(text(), "v2");
                options.default_rule_syntax = DefaultRuleSyntax::V2;
            }
            other => panic!("unknown option {other}"),
        }
    }
    options
}

fn render(translation: &Translation, diagnostics: &[Diagnostic]) -> Value {
    let http = &translation.configuration.http;
    let sections = [
        (
            "routers",
            http.routers
                .iter()
                .map(|(name, router)| (name.clone(), render_router(router)))
                .collect(),
        ),
        (
            "services",
            http.services
                .iter()
                .map(|(name, service)| (name.clone(), render_service(service)))
                .collect(),
        ),
    ];
    let mut out = Map::new();
    for (name, entries) in sections {
        let entries: Map<String, Value> = entries;
        if !entries.is_empty() {
            out.insert(name.to_owned(), entries.into());
        }
    }
    let certificates = &translation.configuration.tls.certificates;
    if !certificates.is_empty() {
        out.insert(
            "certificates".to_owned(),
            certificates
                .iter()
                .map(|each| render_certificate(each))
                .collect(),
        );
    }
    if let Some(entries) = &translation.status.entries {
        out.insert(
            "status".to_owned(),
            entries.iter().map(render_status).collect(),
        );
    }
    if !diagnostics.is_empty() {
        out.insert(
            "diagnostics".to_owned(),
            diagnostics.iter().map(ToString::to_string).collect(),
        );
    }
    out.into()
}

fn render_router(router: &Router) -> Value {
    let mut value = serde_json::to_value(router).unwrap();
    let origin = router.origin.as_ref().unwrap();
    value["origin"] = format!(
        "{}/{} {}:{}",
        origin.namespace, origin.ingress_name, origin.service_name, origin.service_port
    )
    .into();
    value
}

fn render_service(service: &Service) -> Value {
    let ServiceKind::LoadBalancer(balancer) = &service.kind else {
        panic!("not a load balancer")
    };
    let default = LoadBalancer::default();
    let mut value = serde_json::to_value(&**balancer).unwrap();
    let fields = value.as_object_mut().unwrap();
    if balancer.strategy == default.strategy {
        fields.remove("strategy");
    }
    if balancer.pass_host_header == default.pass_host_header {
        fields.remove("passHostHeader");
    }
    if balancer.response_forwarding == default.response_forwarding {
        fields.remove("responseForwarding");
    }
    let servers = balancer.servers.iter().map(|server| {
        let plain = dynamic::http::Server {
            url: server.url.clone(),
            fenced: server.fenced,
            ..Default::default()
        };
        assert_eq!(*server, plain);
        format!(
            "{}{}",
            server.url,
            if server.fenced { " fenced" } else { "" }
        )
    });
    let servers: Value = servers.collect();
    value["servers"] = servers;
    if !service.middlewares.is_empty() {
        value["middlewares"] = service.middlewares.clone().into();
    }
    value
}

fn render_certificate(certificate: &dynamic::tls::CertificateAndStores) -> Value {
    assert!(certificate.stores.is_empty());
    format!(
        "{} {}",
        certificate.certificate.cert_file,
        certificate.certificate.key_file.expose()
    )
    .into()
}

fn render_status(entry: &LoadBalancerIngress) -> Value {
    let ports: Vec<String> = entry
        .ports
        .iter()
        .map(|port| format!("{}/{}", port.port, port.protocol))
        .collect();
    let mut words = vec![entry.ip.to_string(), entry.hostname.to_string()];
    words.extend(ports);
    words.retain(|word| !word.is_empty());
    words.join(" ").into()
}

fn to_yaml(value: &Value) -> String {
    if value.as_object().is_some_and(Map::is_empty) {
        "{}\n".to_owned()
    } else {
        serde_saphyr::to_string(value).unwrap()
    }
}

mod incremental;

#[test]
fn severities_tell_what_is_disabled() {
    let snapshot = manifests(
        "kind: Ingress\napiVersion: networking.k8s.io/v1\nmetadata: {name: a}\nspec: {rules: [{http: {paths: [{path: /, backend: {resource: {kind: Bucket}}}]}}]}\n",
    );
    let translation = translate(&snapshot, &Options::default());
    let [diagnostic] = translation.diagnostics.as_slice() else {
        panic!("{:?}", translation.diagnostics)
    };
    assert_eq!(diagnostic.severity, Severity::Error);
    assert_eq!(diagnostic.object, "Ingress default/a");
    assert_eq!(
        diagnostic.field,
        "spec.rules[0].http.paths[0].backend.resource"
    );
}

/// A snapshot of manifests.
fn manifests(text: &str) -> Snapshot {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("all.yaml"), text).unwrap();
    let mut snapshot = Snapshot::default();
    let mut reader = Folder::new(folder.path());
    snapshot.apply_all(reader.scan());
    assert_eq!(reader.diagnostics(), []);
    snapshot
}
