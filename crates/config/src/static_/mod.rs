//! The static configuration: read once at start.
//!
//! [`load`] finds it in one source (file, flags or environment), reports every mistake at once and refuses what is not
//! built yet ([`unbuilt`]). Its types are plain data; what they do stands in other crates.
//!
//! Start reading at [`Configuration`], then [`load`].

pub mod certificates;
pub mod entry_points;
mod load;
pub mod observability;
pub mod providers;
pub mod unbuilt;
mod validate;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use certificates::CertificatesResolver;
pub use entry_points::{Address, EntryPoint, Protocol};
pub use load::{ConfigSource, Files, LoadError, Loaded, OsFiles, load};
pub use providers::Providers;

use crate::decode::Options;
use crate::dynamic;
use crate::dynamic::http::RuleSyntax;
use crate::types::{GoDuration, Secret};

/// Name of the entry point of API, ping and metrics.
pub const INTERNAL_ENTRY_POINT: &str = "traefik";

/// The static configuration.
#[derive(Debug, Clone, PartialEq, Options)]
pub struct Configuration {
    /// The access log.
    pub access_log: Option<observability::AccessLog>,
    /// The API and the dashboard.
    pub api: Option<observability::Api>,
    /// Where certificates come from, by name.
    pub certificates_resolvers: BTreeMap<String, CertificatesResolver>,
    /// What concerns the whole process.
    pub core: Core,
    /// Where clients connect, by name. Without any, `http` on `:80`.
    pub entry_points: BTreeMap<String, EntryPoint>,
    /// What may change without notice.
    pub experimental: Option<Experimental>,
    /// What concerns the product.
    pub global: Global,
    /// How host names of requests are resolved before they are matched.
    pub host_resolver: Option<HostResolver>,
    /// The own log.
    pub log: Option<observability::Log>,
    /// Metrics.
    pub metrics: Option<observability::Metrics>,
    /// OCSP stapling.
    pub ocsp: Option<certificates::Ocsp>,
    /// The health answer.
    pub ping: Option<observability::Ping>,
    /// Where the dynamic configuration comes from.
    pub providers: Providers,
    /// How HTTP servers are connected to, where their service does not say otherwise.
    pub servers_transport: ServersTransport,
    /// The SPIFFE workload API.
    pub spiffe: Option<certificates::Spiffe>,
    /// How TCP servers are connected to, where their service does not say otherwise.
    pub tcp_servers_transport: Option<TcpServersTransport>,
    /// Traces.
    pub tracing: Option<observability::Tracing>,
}

impl Configuration {
    /// Adds the entry points that nobody wrote: `http` on `:80` where there is none at all, and `traefik` on `:8080`
    /// where API, ping, metrics or REST provider need it.
    pub fn add_implied_entry_points(&mut self) {
        let entry_point = |port: u16| EntryPoint {
            address: Address::on_port(port),
            ..EntryPoint::default()
        };
        if self.entry_points.is_empty() {
            self.entry_points.insert("http".to_owned(), entry_point(80));
        }
        if self.needs_internal_entry_point()
            && !self.entry_points.contains_key(INTERNAL_ENTRY_POINT)
        {
            self.entry_points
                .insert(INTERNAL_ENTRY_POINT.to_owned(), entry_point(8080));
        }
    }

    /// Names of the entry points of routers that name none: those that say so, else all of TCP but `traefik`.
    pub fn default_entry_points(&self) -> Vec<String> {
        let tcp = || {
            self.entry_points
                .iter()
                .filter(|(_, entry)| entry.address.protocol() == Protocol::Tcp)
        };
        let marked: Vec<_> = tcp()
            .filter(|(_, entry)| entry.as_default)
            .map(|(name, _)| name.clone())
            .collect();
        if !marked.is_empty() {
            return marked;
        }
        tcp()
            .filter(|(name, _)| *name != INTERNAL_ENTRY_POINT)
            .map(|(name, _)| name.clone())
            .collect()
    }

    fn needs_internal_entry_point(&self) -> bool {
        let api = self.api.as_ref().is_some_and(|api| api.insecure);
        let ping = self
            .ping
            .as_ref()
            .is_some_and(|ping| !ping.manual_routing && ping.entry_point == INTERNAL_ENTRY_POINT);
        let prometheus = self
            .metrics
            .as_ref()
            .and_then(|metrics| metrics.prometheus.as_ref());
        let prometheus = prometheus.is_some_and(|metrics| {
            !metrics.manual_routing && metrics.entry_point == INTERNAL_ENTRY_POINT
        });
        let rest = self
            .providers
            .rest
            .as_ref()
            .is_some_and(|rest| rest.insecure);
        api || ping || prometheus || rest
    }
}

/// TLS of a client: what a provider or a collector talks through. Traefik: `ClientTLS`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct ClientTls {
    /// Certificate authority, path or PEM text. Empty: those of the system.
    pub ca: String,
    /// Certificate to show, path or PEM text; together with `key`.
    pub cert: String,
    /// Do not verify the server's certificate.
    pub insecure_skip_verify: bool,
    /// Key of `cert`, path or PEM text.
    pub key: Secret<String>,
}

/// What concerns the product. Traefik: `global`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Global {
    /// Has no effect: nothing is ever looked up.
    #[option(default = true, keep)]
    pub check_new_version: bool,
    /// Has no effect, as in Traefik: entry points have an option of that name.
    pub not_append_x_forwarded_for: bool,
    /// Cannot be switched on: nothing is ever sent.
    pub send_anonymous_usage: bool,
}

/// What concerns the whole process. Traefik: `core`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Core {
    /// Deprecated. Syntax of rules whose router does not say otherwise: `v3` or `v2`.
    #[option(default = RuleSyntax::V3)]
    pub default_rule_syntax: RuleSyntax,
    /// Threads that serve traffic; 0 = the CPUs that are available, by affinity and cgroup quota. Not in Traefik.
    pub workers: u32,
}

/// How HTTP servers are connected to. Traefik: `serversTransport`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct ServersTransport {
    /// Deadlines.
    pub forwarding_timeouts: ForwardingTimeouts,
    /// Do not verify servers' certificates.
    pub insecure_skip_verify: bool,
    /// Idle connections kept per server; 0 = 2, negative = none.
    #[option(default = 200)]
    pub max_idle_conns_per_host: i64,
    /// Certificate authorities, as paths or PEM text. Empty: those of the system.
    #[option(name = "rootCAs")]
    pub root_cas: Vec<String>,
    /// SPIFFE identities to accept.
    pub spiffe: Option<dynamic::http::Spiffe>,
}

impl ServersTransport {
    /// The same as the transport `default@internal`.
    pub fn to_dynamic(&self) -> dynamic::ServersTransport {
        dynamic::ServersTransport {
            insecure_skip_verify: self.insecure_skip_verify,
            root_cas: self.root_cas.clone(),
            max_idle_conns_per_host: self.max_idle_conns_per_host,
            forwarding_timeouts: Some(dynamic::http::ForwardingTimeouts {
                dial_timeout: self.forwarding_timeouts.dial_timeout,
                response_header_timeout: self.forwarding_timeouts.response_header_timeout,
                idle_conn_timeout: self.forwarding_timeouts.idle_conn_timeout,
                ..dynamic::http::ForwardingTimeouts::default()
            }),
            spiffe: self.spiffe.clone(),
            ..dynamic::ServersTransport::default()
        }
    }
}

/// Deadlines towards HTTP servers. Traefik: `serversTransport.forwardingTimeouts`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct ForwardingTimeouts {
    /// To connect; 0 = no limit.
    #[option(default = GoDuration::from_secs(30), keep)]
    pub dial_timeout: GoDuration,
    /// Before an idle connection is closed; 0 = no limit.
    #[option(default = GoDuration::from_secs(90), keep)]
    pub idle_conn_timeout: GoDuration,
    /// To the head of the response; 0 = no limit.
    pub response_header_timeout: GoDuration,
}

/// How TCP servers are connected to. Traefik: `tcpServersTransport`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct TcpServersTransport {
    /// Time between TCP keep-alive probes; 0 = the system's.
    #[option(default = GoDuration::from_secs(15), keep)]
    pub dial_keep_alive: GoDuration,
    /// To connect; 0 = no limit.
    #[option(default = GoDuration::from_secs(30), keep)]
    pub dial_timeout: GoDuration,
    /// How long the other direction may go on once one has ended.
    pub termination_delay: GoDuration,
    /// TLS.
    pub tls: Option<TcpClientTls>,
}

/// TLS towards TCP servers. Traefik: `tcpServersTransport.tls`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct TcpClientTls {
    /// Do not verify servers' certificates.
    pub insecure_skip_verify: bool,
    /// Certificate authorities, as paths or PEM text. Empty: those of the system.
    #[option(name = "rootCAs")]
    pub root_cas: Vec<String>,
    /// SPIFFE identities to accept.
    pub spiffe: Option<dynamic::http::Spiffe>,
}

/// How host names of requests are resolved before they are matched. Traefik: `hostResolver`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct HostResolver {
    /// Follow CNAME records and match the last name too.
    pub cname_flattening: bool,
    /// File that names the DNS servers.
    #[option(default = "/etc/resolv.conf".to_owned())]
    pub resolv_config: String,
    /// Longest chain of CNAME records.
    #[option(default = 5)]
    pub resolv_depth: u32,
}

/// What may change without notice. Traefik: `experimental`.
#[derive(Debug, Clone, PartialEq, Options)]
pub struct Experimental {
    /// End the start when a plugin fails, instead of going without plugins.
    pub abort_on_plugin_failure: bool,
    /// Traefik's other HTTP/1.1 client. There is only one here.
    pub fast_proxy: Option<FastProxy>,
    /// Needed for the Knative provider.
    pub knative: bool,
    /// Deprecated: has no effect, the provider needs no permission any more.
    pub kubernetes_gateway: bool,
    /// Deprecated: has no effect, the provider needs no permission any more.
    #[option(name = "kubernetesIngressNGINX")]
    pub kubernetes_ingress_nginx: bool,
    /// Plugins from `./plugins-local/`, by name.
    pub local_plugins: BTreeMap<String, LocalPlugin>,
    /// Needed for sending logs to an OpenTelemetry collector.
    #[option(name = "otlpLogs")]
    pub otlp_logs: bool,
    /// Plugins, by name.
    pub plugins: BTreeMap<String, Plugin>,
}

/// Traefik's other HTTP/1.1 client. Traefik: `experimental.fastProxy`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct FastProxy {
    /// Mark its responses.
    pub debug: bool,
}

/// A plugin from the disk. Traefik: `experimental.localPlugins.<name>`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct LocalPlugin {
    /// Name of its module.
    pub module_name: String,
    /// What it may use.
    pub settings: Option<PluginSettings>,
}

/// A plugin. Traefik: `experimental.plugins.<name>`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Plugin {
    /// Hash of its archive.
    pub hash: String,
    /// Name of its module.
    pub module_name: String,
    /// What it may use.
    pub settings: Option<PluginSettings>,
    /// Version.
    pub version: String,
}

/// What a plugin may use. Traefik: `settings`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct PluginSettings {
    /// Environment variables.
    pub envs: Vec<String>,
    /// Folders.
    pub mounts: Vec<String>,
    /// Unsafe packages.
    pub use_unsafe: bool,
}
