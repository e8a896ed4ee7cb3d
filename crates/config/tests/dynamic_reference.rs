//! Every option of Traefik's dynamic configuration is read, and shown again by its name.

use pointsman_config::decode::yaml;
use pointsman_config::dynamic::{Configuration, deprecations};
use serde_json::Value;

fn configuration(text: &str) -> Configuration {
    let node = yaml::parse(text).expect("the documents of these tests are YAML");
    let (configuration, diagnostics) = Configuration::decode(&node);
    assert!(diagnostics.is_empty(), "{diagnostics:#?}");
    configuration
}

/// What `a` and `b` differ in, by path.
fn differences(path: &str, a: &Value, b: &Value, out: &mut Vec<String>) {
    match (a, b) {
        (Value::Object(x), Value::Object(y)) => {
            for key in x.keys().chain(y.keys().filter(|key| !x.contains_key(*key))) {
                let (a, b) = (
                    x.get(key).unwrap_or(&Value::Null),
                    y.get(key).unwrap_or(&Value::Null),
                );
                differences(&format!("{path}.{key}"), a, b, out);
            }
        }
        (Value::Array(x), Value::Array(y)) if x.len() == y.len() => {
            for (index, (a, b)) in x.iter().zip(y).enumerate() {
                differences(&format!("{path}[{index}]"), a, b, out);
            }
        }
        _ if a == b => {}
        _ => out.push(format!("{path}: given {a}, shown {b}")),
    }
}

#[test]
fn every_option_is_read_and_shown_by_its_name() {
    for (name, text) in [
        ("http", include_str!("dynamic/http.yaml")),
        ("middlewares", include_str!("dynamic/middlewares.yaml")),
        ("tcp and udp", include_str!("dynamic/tcp_udp.yaml")),
        ("tls", include_str!("dynamic/tls.yaml")),
    ] {
        let shown = serde_json::to_value(configuration(text)).unwrap();
        let mut given: Value = serde_saphyr::from_str(text).unwrap();
        // These are shown even when they are empty.
        for (part, value) in shown.as_object().unwrap() {
            given
                .as_object_mut()
                .unwrap()
                .entry(part)
                .or_insert_with(|| value.clone());
        }
        let mut out = Vec::new();
        differences("", &given, &shown, &mut out);
        assert!(out.is_empty(), "{name}: {out:#?}");
    }
}

#[test]
fn deprecated_options_are_warned_of_with_what_to_use_instead() {
    let found = deprecations(&configuration(include_str!("dynamic/deprecated.yaml")));
    let fields: Vec<_> = found
        .iter()
        .map(|problem| format!("{}: {}", problem.object, problem.field))
        .collect();
    assert_eq!(
        fields,
        [
            "router \"r\": ruleSyntax",
            "middleware \"content\": contentType.autoDetect",
            "middleware \"forward\": forwardAuth.tls.caOptional",
            "middleware \"headers\": headers.featurePolicy",
            "middleware \"headers\": headers.sslRedirect",
            "middleware \"headers\": headers.sslTemporaryRedirect",
            "middleware \"headers\": headers.sslHost",
            "middleware \"headers\": headers.sslForceHost",
            "middleware \"list\": ipWhiteList",
            "middleware \"strip\": stripPrefix.forceSlash",
            "TCP router \"r\": ruleSyntax",
            "TCP service \"s\": loadBalancer.proxyProtocol",
            "TCP service \"s\": loadBalancer.terminationDelay",
            "TCP middleware \"list\": ipWhiteList",
            "TLS options \"o\": preferServerCipherSuites",
        ]
    );
    assert!(
        found
            .iter()
            .all(|problem| problem.message.starts_with("is deprecated: "))
    );
}

#[test]
fn defaults_are_those_of_the_reference() {
    let shown = serde_json::to_value(configuration(include_str!("dynamic/defaults.yaml"))).unwrap();
    let expected: Value =
        serde_saphyr::from_str(include_str!("dynamic/defaults_shown.yaml")).unwrap();
    let mut out = Vec::new();
    differences("", &expected, &shown, &mut out);
    assert!(out.is_empty(), "{out:#?}");
}

#[test]
fn an_object_has_exactly_one_kind() {
    let text = "
http:
  middlewares:
    none: {}
    two: {addPrefix: {prefix: /a}, stripPrefix: {prefixes: [/a]}}
    one: {addPrefix: {prefix: /a}}
tcp:
  services: {none: {}, one: {loadBalancer: {}}}
  middlewares: {two: {inFlightConn: {amount: 1}, ipAllowList: {sourceRange: [::1]}}}
udp:
  services: {two: {loadBalancer: {}, weighted: {}}}
";
    let (configuration, diagnostics) = Configuration::decode(&yaml::parse(text).unwrap());
    let mut objects: Vec<_> = diagnostics
        .iter()
        .map(|problem| problem.object.as_str())
        .collect();
    objects.sort_unstable();
    assert_eq!(
        objects,
        [
            "TCP middleware \"two\"",
            "TCP service \"none\"",
            "UDP service \"two\"",
            "middleware \"none\"",
            "middleware \"two\"",
        ]
    );
    assert_eq!(configuration.http.middlewares.len(), 1);
    assert_eq!(configuration.tcp.services.len(), 1);
}
