//! Options that exist in Traefik and ask for something that is not there: not built yet, removed, deprecated.
//!
//! One table per kind. A feature that gets built leaves [`UNBUILT`], and nothing else needs to change.

use std::collections::BTreeSet;

use crate::decode::{Node, Problem, Shape, Value, parse_bool};
use crate::diagnostic::Severity;

/// An option whose behaviour is not built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unbuilt {
    /// Path of the option; `*` stands for any one name. Everything below it is meant too.
    pub option: &'static str,
    /// What is not there, and what to do instead if there is something.
    pub reason: &'static str,
    /// Values that ask for nothing; `false` and empty lists and maps never do.
    pub harmless: &'static [&'static str],
}

const fn unbuilt(option: &'static str, reason: &'static str) -> Unbuilt {
    Unbuilt {
        option,
        reason,
        harmless: &[],
    }
}

const CLUSTER: &str =
    "watching a cluster is not built yet: set providers.kubernetesIngress.manifests to a folder";
const DASHBOARD: &str = "the dashboard is not built yet; the API is";
const PLUGINS: &str = "plugins are not built yet";
const PROVIDER: &str = "this provider is not built yet; kubernetesIngress and file are";
const OTLP: &str = "OpenTelemetry export is not built yet";
const SPIFFE: &str = "SPIFFE is not built yet";
const ACME: &str = "certificate resolvers are not built yet: give certificates as files or Secrets";

/// Everything that is refused at start because nothing would happen.
pub const UNBUILT: &[Unbuilt] = &[
    unbuilt("accessLog.dualOutput", OTLP),
    unbuilt("accessLog.otlp", OTLP),
    unbuilt("api.dashboard", DASHBOARD),
    unbuilt("api.dashboardName", DASHBOARD),
    unbuilt("api.debug", "the debug endpoints are not built yet"),
    unbuilt("certificatesResolvers", ACME),
    unbuilt("entryPoints.*.allowACMEByPass", ACME),
    unbuilt("entryPoints.*.http.tls.certResolver", ACME),
    Unbuilt {
        option: "entryPoints.*.http2.maxEncoderHeaderTableSize",
        reason: "the HPACK table for responses cannot be set yet",
        harmless: &["4096"],
    },
    unbuilt("entryPoints.*.http3", "HTTP/3 is not built yet"),
    Unbuilt {
        option: "entryPoints.*.observability.traceVerbosity",
        reason: "tracing is not built yet",
        harmless: &["minimal"],
    },
    unbuilt(
        "entryPoints.*.observability.tracing",
        "tracing is not built yet: leave it out or set it to false",
    ),
    unbuilt(
        "entryPoints.*.proxyProtocol",
        "the PROXY protocol is not built yet",
    ),
    unbuilt("entryPoints.*.udp", "UDP is not built yet"),
    unbuilt("experimental.abortOnPluginFailure", PLUGINS),
    unbuilt(
        "experimental.fastProxy",
        "there is only one HTTP/1.1 client here, and it is always on: leave the option out",
    ),
    unbuilt("experimental.knative", PROVIDER),
    unbuilt("experimental.localPlugins", PLUGINS),
    unbuilt("experimental.otlpLogs", OTLP),
    unbuilt("experimental.plugins", PLUGINS),
    unbuilt(
        "global.sendAnonymousUsage",
        "nothing is ever sent to anybody: leave the option out or set it to false",
    ),
    unbuilt(
        "hostResolver",
        "resolving host names of requests is not built yet",
    ),
    unbuilt("log.otlp", OTLP),
    unbuilt(
        "metrics.datadog",
        "metrics for Datadog are not built yet; metrics.prometheus is",
    ),
    unbuilt(
        "metrics.influxDB2",
        "metrics for InfluxDB are not built yet; metrics.prometheus is",
    ),
    unbuilt("metrics.otlp", OTLP),
    unbuilt(
        "metrics.statsD",
        "metrics for StatsD are not built yet; metrics.prometheus is",
    ),
    unbuilt("ocsp", "OCSP stapling is not built yet"),
    unbuilt("providers.consul", PROVIDER),
    unbuilt("providers.consulCatalog", PROVIDER),
    unbuilt("providers.docker", PROVIDER),
    unbuilt("providers.ecs", PROVIDER),
    unbuilt("providers.etcd", PROVIDER),
    unbuilt(
        "providers.file.debugLogGeneratedTemplate",
        "Go templates in files are not built yet",
    ),
    unbuilt("providers.http", PROVIDER),
    unbuilt("providers.knative", PROVIDER),
    unbuilt("providers.kubernetesCRD", PROVIDER),
    unbuilt("providers.kubernetesGateway", PROVIDER),
    unbuilt("providers.kubernetesIngress.certAuthFilePath", CLUSTER),
    unbuilt("providers.kubernetesIngress.endpoint", CLUSTER),
    unbuilt("providers.kubernetesIngress.token", CLUSTER),
    unbuilt("providers.kubernetesIngressNGINX", PROVIDER),
    unbuilt("providers.nomad", PROVIDER),
    unbuilt("providers.plugin", PLUGINS),
    unbuilt("providers.redis", PROVIDER),
    unbuilt("providers.rest", PROVIDER),
    unbuilt("providers.swarm", PROVIDER),
    unbuilt("providers.zooKeeper", PROVIDER),
    unbuilt("serversTransport.spiffe", SPIFFE),
    unbuilt("spiffe", SPIFFE),
    unbuilt("tcpServersTransport", "TCP routing is not built yet"),
    unbuilt("tracing", "tracing is not built yet"),
];

/// Options of Traefik v2 that are gone, and what takes their place. `**` stands for any names.
const REMOVED: &[(&str, &str)] = &[
    (
        "pilot",
        "was removed in v3: Traefik Pilot is no more; delete the section",
    ),
    (
        "providers.marathon",
        "was removed in v3: use another provider",
    ),
    (
        "providers.rancher",
        "was removed in v3: use the Kubernetes providers",
    ),
    (
        "providers.docker.swarmMode",
        "was removed in v3: use providers.swarm",
    ),
    (
        "**.tls.caOptional",
        "was removed in v3: whether a client shows a certificate is the server's choice; delete it",
    ),
    (
        "providers.consul.namespace",
        "was removed in v3: use providers.consul.namespaces",
    ),
    (
        "providers.consulCatalog.namespace",
        "was removed in v3: use providers.consulCatalog.namespaces",
    ),
    (
        "providers.nomad.namespace",
        "was removed in v3: use providers.nomad.namespaces",
    ),
    ("tracing.jaeger", "was removed in v3: use tracing.otlp"),
    ("tracing.zipkin", "was removed in v3: use tracing.otlp"),
    ("tracing.datadog", "was removed in v3: use tracing.otlp"),
    ("tracing.instana", "was removed in v3: use tracing.otlp"),
    ("tracing.haystack", "was removed in v3: use tracing.otlp"),
    ("tracing.elastic", "was removed in v3: use tracing.otlp"),
    (
        "tracing.spanNameLimit",
        "was removed in v3: names of spans are not cut any more; delete it",
    ),
];

/// Options that are read, but have no or another effect than their author may believe.
const REMARKS: &[(&str, &str)] = &[
    (
        "core.defaultRuleSyntax",
        "is deprecated: write rules in the v3 syntax",
    ),
    (
        "experimental.http3",
        "is deprecated and has no effect: HTTP/3 is no experiment any more",
    ),
    (
        "experimental.kubernetesGateway",
        "is deprecated and has no effect: the provider needs no permission any more",
    ),
    (
        "experimental.kubernetesIngressNGINX",
        "has no effect: the provider needs no permission any more",
    ),
    (
        "global.checkNewVersion",
        "has no effect: no new version is ever looked up",
    ),
    (
        "global.notAppendXForwardedFor",
        "has no effect, as in traefik: set entryPoints.<name>.forwardedHeaders.notAppendXForwardedFor",
    ),
    (
        "log.compress",
        "has no effect, as in traefik: rotated files are always compressed",
    ),
    (
        "providers.kubernetesIngress.disableIngressClassLookup",
        "is deprecated: use providers.kubernetesIngress.disableClusterScopeResources",
    ),
    (
        "tracing.globalAttributes",
        "is deprecated: use tracing.resourceAttributes",
    ),
];

/// Options that are known to [`REMARKS`] alone: no type has them.
const GONE: &[&str] = &["experimental.http3"];

/// What is said about the options that `node` sets: errors for what is removed or not built, warnings for remarks.
pub fn check(node: &Node, shape: &Shape) -> Vec<Problem> {
    let mut problems = BTreeSet::new();
    node.each_path(&mut |path, value| {
        for entry in UNBUILT
            .iter()
            .filter(|entry| begins_with(path, entry.option))
        {
            let depth = entry.option.split('.').count();
            if path.len() > depth || !asks_for_nothing(path, value, entry, shape) {
                problems.insert(problem(
                    path,
                    depth,
                    value,
                    Severity::Error,
                    entry.reason,
                    shape,
                ));
            }
        }
        for (option, text) in REMOVED {
            if let Some(depth) = match_removed(path, option) {
                problems.insert(problem(path, depth, value, Severity::Error, text, shape));
            }
        }
        for (option, text) in REMARKS
            .iter()
            .filter(|(option, _)| begins_with(path, option))
        {
            let depth = option.split('.').count();
            if path.len() > depth || !is_false(value) {
                problems.insert(problem(path, depth, value, Severity::Warning, text, shape));
            }
        }
    });
    // One option may be set by many values below it; say it once, where it first stands.
    let mut seen = BTreeSet::new();
    problems
        .into_iter()
        .filter(|problem| seen.insert((problem.path.clone(), problem.message.clone())))
        .collect()
}

/// Whether a problem of decoding is about an option that [`check`] explains better.
pub fn explains(path: &str) -> bool {
    let path: Vec<String> = path
        .split(['.', '['])
        .map(|step| step.trim_end_matches(']').to_owned())
        .collect();
    REMOVED
        .iter()
        .any(|(option, _)| match_removed(&path, option).is_some())
        || GONE.iter().any(|option| begins_with(&path, option))
}

/// The reason why the option at `path` (with `<name>` for names of the user's choice) is refused, if it is.
pub fn reason(path: &str) -> Option<&'static str> {
    let path: Vec<String> = path.split('.').map(str::to_owned).collect();
    UNBUILT
        .iter()
        .find(|entry| begins_with(&path, entry.option))
        .map(|entry| entry.reason)
}

fn begins_with(path: &[String], option: &str) -> bool {
    let mut steps = path.iter();
    option.split('.').all(|wanted| {
        steps
            .next()
            .is_some_and(|step| wanted == "*" || step.eq_ignore_ascii_case(wanted))
    })
}

/// How many steps of `path` the removed `option` takes, if it is that option.
fn match_removed(path: &[String], option: &str) -> Option<usize> {
    match option.strip_prefix("**.") {
        None => begins_with(path, option).then(|| option.split('.').count()),
        Some(tail) => (0..path.len()).find_map(|skip| {
            let rest = path.get(skip..)?;
            begins_with(rest, tail).then(|| skip + tail.split('.').count())
        }),
    }
}

fn asks_for_nothing(path: &[String], value: &Node, entry: &Unbuilt, shape: &Shape) -> bool {
    let steps: Vec<&str> = path.iter().map(String::as_str).collect();
    let collection = shape
        .find(&steps)
        .is_some_and(|found| matches!(found.shape, Shape::Map(_) | Shape::List(_)));
    match &value.value {
        Value::Text(text) => {
            (text.is_empty() && collection)
                || is_false(value)
                || entry.harmless.contains(&text.as_str())
        }
        Value::List(nodes) => nodes.is_empty() && collection,
        Value::Map(entries) => entries.is_empty() && collection,
        Value::Null => true,
        Value::Repeated(_) => false,
    }
}

fn is_false(value: &Node) -> bool {
    matches!(&value.value, Value::Text(text) if parse_bool(text) == Some(false))
}

fn problem(
    path: &[String],
    depth: usize,
    value: &Node,
    severity: Severity,
    text: &str,
    shape: &Shape,
) -> Problem {
    let steps: Vec<&str> = path.iter().take(depth).map(String::as_str).collect();
    let path = shape
        .find(&steps)
        .map_or_else(|| steps.join("."), |found| found.path);
    Problem {
        object: String::new(),
        path,
        source: value.source.clone(),
        severity,
        message: text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Decode;

    #[test]
    fn every_table_names_options_that_exist() {
        let shape = crate::static_::Configuration::shape();
        let exists = |option: &str| shape.find(&option.split('.').collect::<Vec<_>>()).is_some();
        for entry in UNBUILT {
            assert!(exists(entry.option), "{}", entry.option);
        }
        for (option, _) in REMARKS {
            assert!(exists(option) || GONE.contains(option), "{option}");
        }
        for (option, _) in REMOVED {
            assert!(!exists(option), "{option} is still there");
        }
    }
}
