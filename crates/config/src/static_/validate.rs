//! What must fit together in a static configuration.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::entry_points::{EntryPoint, RedirectEntryPoint};
use super::observability::{LogOtlp, OtlpGrpc};
use super::providers::PRECEDENCE;
use super::{Configuration, Protocol};
use crate::decode::{Problem, Source};
use crate::diagnostic::Severity;
use crate::dynamic::http::RuleSyntax;

/// Every mistake in `configuration`, whose implied entry points are there already.
pub(super) fn check(configuration: &Configuration) -> Vec<Problem> {
    let mut found = Found::default();
    for (name, entry_point) in &configuration.entry_points {
        check_entry_point(&mut found, configuration, name, entry_point);
    }
    check_shared_addresses(&mut found, configuration);
    check_observability(&mut found, configuration);
    check_providers(&mut found, configuration);
    check_certificates(&mut found, configuration);
    if configuration.core.default_rule_syntax == RuleSyntax::Default {
        found.error("core.defaultRuleSyntax", "\"default\" is not one of v3, v2");
    }
    found.0
}

#[derive(Default)]
struct Found(Vec<Problem>);

impl Found {
    fn error(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.0.push(Problem {
            object: String::new(),
            path: path.into(),
            source: Source::Unknown,
            severity: Severity::Error,
            message: message.into(),
        });
    }
}

fn check_entry_point(
    found: &mut Found,
    configuration: &Configuration,
    name: &str,
    entry_point: &EntryPoint,
) {
    let path = |option: &str| format!("entryPoints.{name}.{option}");
    if !entry_point.address.is_given() {
        found.error(path("address"), "is required: [host]:port, such as :80");
    } else if entry_point.address.protocol() == Protocol::Udp {
        found.error(
            path("address"),
            format!("\"{}\": UDP is not built yet", entry_point.address),
        );
    }
    check_addresses(
        found,
        &path("forwardedHeaders.trustedIPs"),
        &entry_point.forwarded_headers.trusted_ips,
    );
    if let Some(proxy_protocol) = &entry_point.proxy_protocol {
        check_addresses(
            found,
            &path("proxyProtocol.trustedIPs"),
            &proxy_protocol.trusted_ips,
        );
    }
    let redirect = entry_point
        .http
        .redirections
        .as_ref()
        .and_then(|redirections| redirections.entry_point.as_ref());
    if let Some(redirect) = redirect {
        check_redirect(
            found,
            configuration,
            &path("http.redirections.entryPoint.to"),
            redirect,
        );
    }
}

fn check_redirect(
    found: &mut Found,
    configuration: &Configuration,
    path: &str,
    redirect: &RedirectEntryPoint,
) {
    let to = &redirect.to;
    match to.strip_prefix(':') {
        _ if to.is_empty() => {
            found.error(path, "is required: an entry point, or a port such as :443")
        }
        Some(port) if port.parse::<u16>().is_ok_and(|port| port > 0) => {}
        Some(_) => found.error(path, format!("{to:?} is no port: write it as :443")),
        None => check_entry_point_name(found, configuration, path, to),
    }
}

fn check_entry_point_name(
    found: &mut Found,
    configuration: &Configuration,
    path: &str,
    name: &str,
) {
    if !configuration.entry_points.contains_key(name) {
        let known: Vec<_> = configuration
            .entry_points
            .keys()
            .map(String::as_str)
            .collect();
        found.error(
            path,
            format!(
                "entry point {name:?} does not exist; there are {}",
                known.join(", ")
            ),
        );
    }
}

/// Every worker listens on its own socket of one port, so that the system would spread the connections of two entry
/// points on one address over both at random, instead of refusing the second.
fn check_shared_addresses(found: &mut Found, configuration: &Configuration) {
    let mut first = BTreeMap::new();
    for (name, entry_point) in &configuration.entry_points {
        let address = &entry_point.address;
        if !address.is_given() || address.port() == 0 {
            continue;
        }
        let key = (address.host_and_port(), address.protocol() == Protocol::Udp);
        if let Some(other) = first.insert(key, name) {
            found.error(
                format!("entryPoints.{name}.address"),
                format!(
                    "\"{address}\" is the address of entry point {other:?} too: give each its own"
                ),
            );
        }
    }
}

fn check_addresses(found: &mut Found, path: &str, addresses: &[String]) {
    for (index, address) in addresses.iter().enumerate() {
        if !is_address_or_network(address) {
            found.error(
                format!("{path}[{index}]"),
                format!("{address:?} is neither an IP address nor a CIDR such as 10.0.0.0/8"),
            );
        }
    }
}

fn is_address_or_network(text: &str) -> bool {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let Ok(address) = address.parse::<IpAddr>() else {
        return false;
    };
    let longest = if address.is_ipv4() { 32 } else { 128 };
    prefix.is_none_or(|prefix| prefix.parse::<u8>().is_ok_and(|prefix| prefix <= longest))
}

fn check_observability(found: &mut Found, configuration: &Configuration) {
    let otlp_logs = configuration
        .experimental
        .as_ref()
        .is_some_and(|experimental| experimental.otlp_logs);
    let mut logs = |path: &str, otlp: Option<&LogOtlp>| {
        let Some(otlp) = otlp else { return };
        if !otlp_logs {
            found.error(path, "needs experimental.otlpLogs");
        }
        check_grpc(found, path, otlp.grpc.as_ref());
    };
    logs(
        "log.otlp",
        configuration.log.as_ref().and_then(|log| log.otlp.as_ref()),
    );
    logs(
        "accessLog.otlp",
        configuration
            .access_log
            .as_ref()
            .and_then(|log| log.otlp.as_ref()),
    );
    let metrics = configuration.metrics.as_ref();
    let grpc = metrics
        .and_then(|metrics| metrics.otlp.as_ref())
        .and_then(|otlp| otlp.grpc.as_ref());
    check_grpc(found, "metrics.otlp", grpc);
    let tracing = configuration.tracing.as_ref();
    let grpc = tracing
        .and_then(|tracing| tracing.otlp.as_ref())
        .and_then(|otlp| otlp.grpc.as_ref());
    check_grpc(found, "tracing.otlp", grpc);
    if let Some(prometheus) = metrics.and_then(|metrics| metrics.prometheus.as_ref()) {
        if !prometheus.manual_routing {
            let path = "metrics.prometheus.entryPoint";
            check_entry_point_name(found, configuration, path, &prometheus.entry_point);
        }
        if prometheus
            .buckets
            .windows(2)
            .any(|pair| matches!(pair, [low, high] if low >= high))
        {
            found.error(
                "metrics.prometheus.buckets",
                "must grow from each to the next",
            );
        }
    }
    if let Some(ping) = &configuration.ping {
        if !ping.manual_routing {
            check_entry_point_name(found, configuration, "ping.entryPoint", &ping.entry_point);
        }
        if !(100..=599).contains(&ping.terminating_status_code) {
            let message = format!(
                "{} is no status code from 100 to 599",
                ping.terminating_status_code
            );
            found.error("ping.terminatingStatusCode", message);
        }
    }
    if let Some(api) = &configuration.api {
        // traefik: `^/[a-zA-Z0-9/_.:~-]*$`.
        let allowed = |c: char| c.is_ascii_alphanumeric() || "/_.:~-".contains(c);
        if !api.base_path.starts_with('/') || !api.base_path.chars().all(allowed) {
            let message = format!(
                "{:?} must begin with / and hold only letters, digits and /_.:~-",
                api.base_path
            );
            found.error("api.basePath", message);
        }
    }
    let filters = configuration
        .access_log
        .as_ref()
        .and_then(|log| log.filters.as_ref());
    for (index, codes) in filters
        .iter()
        .flat_map(|filters| filters.status_codes.iter().enumerate())
    {
        if !is_status_range(codes) {
            let message = format!("{codes:?} is neither a status code nor a range such as 500-599");
            found.error(format!("accessLog.filters.statusCodes[{index}]"), message);
        }
    }
}

fn is_status_range(text: &str) -> bool {
    let code = |text: &str| {
        text.trim()
            .parse::<u16>()
            .ok()
            .filter(|code| (100..=999).contains(code))
    };
    match text.split_once('-') {
        Some((low, high)) => {
            matches!((code(low), code(high)), (Some(low), Some(high)) if low <= high)
        }
        None => code(text).is_some(),
    }
}

fn check_grpc(found: &mut Found, path: &str, grpc: Option<&OtlpGrpc>) {
    if grpc.is_some_and(|grpc| grpc.insecure && grpc.tls.is_some()) {
        found.error(
            format!("{path}.grpc"),
            "has both insecure and tls: leave one",
        );
    }
}

fn check_providers(found: &mut Found, configuration: &Configuration) {
    let providers = &configuration.providers;
    for (index, name) in providers.precedence.iter().enumerate() {
        if !PRECEDENCE
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name))
        {
            let message = format!(
                "{name:?} is no provider; there are {}",
                PRECEDENCE.join(", ")
            );
            found.error(format!("providers.precedence[{index}]"), message);
        }
    }
    if let Some(file) = &providers.file
        && file.directory.is_empty()
        && file.filename.is_empty()
    {
        found.error("providers.file", "needs directory or filename");
    }
    // A cluster cannot be watched yet, so that the provider would silently do nothing.
    if let Some(ingress) = &providers.kubernetes_ingress
        && ingress.manifests.is_empty()
    {
        found.error(
            "providers.kubernetesIngress",
            "watching a cluster is not built yet: set providers.kubernetesIngress.manifests to a folder",
        );
    }
    let knative = configuration
        .experimental
        .as_ref()
        .is_some_and(|experimental| experimental.knative);
    if providers.knative.is_some() && !knative {
        found.error("providers.knative", "needs experimental.knative");
    }
}

fn check_certificates(found: &mut Found, configuration: &Configuration) {
    for (name, resolver) in &configuration.certificates_resolvers {
        let path = format!("certificatesResolvers.{name}");
        match (&resolver.acme, &resolver.tailscale) {
            (Some(_), Some(_)) => found.error(path, "has both acme and tailscale: leave one"),
            (Some(acme), None) if acme.storage.is_empty() => {
                found.error(
                    format!("{path}.acme.storage"),
                    "is required: a file for account and certificates",
                );
            }
            (None, None) => found.error(path, "needs acme or tailscale"),
            (Some(_), None) | (None, Some(_)) => {}
        }
    }
}
