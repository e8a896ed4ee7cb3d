//! HTTP routers, services and transports. Traefik: `http.routers`, `http.services`, `http.serversTransports`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::types::GoDuration;

/// Which syntax a rule is written in. Traefik: `ruleSyntax`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum RuleSyntax {
    /// The syntax of Traefik v3.
    #[serde(rename = "v3")]
    V3,
    /// The syntax of Traefik v2 (deprecated).
    #[serde(rename = "v2")]
    V2,
    /// v3 for rules that the router made itself, whatever `core.defaultRuleSyntax` says.
    #[serde(rename = "default")]
    Default,
}

/// Sends the requests that its rule matches through its middlewares to its service. Traefik: `http.routers.<name>`.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Router {
    /// Entry points to attach to. Default: the default entry points.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entry_points: Vec<String>,
    /// Middlewares, in the order in which a request meets them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub middlewares: Vec<String>,
    /// The service that answers. Empty only for the parent of other routers.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service: String,
    /// Which requests are matched; see the rule language.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub rule: String,
    /// Routers whose matches this router refines (multi-layer routing).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parent_refs: Vec<String>,
    /// Syntax of `rule`. Default: `core.defaultRuleSyntax`. Deprecated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_syntax: Option<RuleSyntax>,
    /// Higher wins. Default 0: the length of `rule` in bytes. At most `MaxInt64 - 1000`.
    #[serde(skip_serializing_if = "is_zero")]
    pub priority: i64,
    /// Present: matches requests over TLS only. Absent: plain requests only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<RouterTls>,
    /// What is recorded of its requests. Default: as the entry point says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observability: Option<RouterObservability>,
    /// Where the router comes from, for the access log's `Kubernetes…` fields; not part of Traefik's JSON.
    #[serde(skip)]
    pub origin: Option<KubernetesOrigin>,
}

/// TLS of a router. Traefik: `http.routers.<name>.tls`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RouterTls {
    /// TLS options by name. Default: `default`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub options: String,
    /// Certificate resolver that gets the certificates.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cert_resolver: String,
    /// Names to get certificates for. Default: the hosts of the rule.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<Domain>,
}

/// Names of one certificate.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Domain {
    /// The main name.
    pub main: String,
    /// Further names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sans: Vec<String>,
}

/// What is recorded of a router's requests. Traefik: `http.routers.<name>.observability`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RouterObservability {
    /// Write access-log lines. Default: as the entry point.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_logs: Option<bool>,
    /// Count metrics. Default: as the entry point.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<bool>,
    /// Trace. Default: as the entry point.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracing: Option<bool>,
    /// Detail of traces. Default: `minimal`, also where the entry point says otherwise.
    pub trace_verbosity: TraceVerbosity,
}

/// Detail of traces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TraceVerbosity {
    /// Server and client spans only.
    #[default]
    Minimal,
    /// Also spans of routers, middlewares and services.
    Detailed,
}

/// The Ingress path that a router was made from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct KubernetesOrigin {
    /// Namespace of the Ingress.
    pub namespace: String,
    /// Name of the Ingress.
    pub ingress_name: String,
    /// Name of the backend Service.
    pub service_name: String,
    /// Port of the backend Service: its name, else its number.
    pub service_port: String,
}

/// Answers requests. Exactly one kind per service. Traefik: `http.services.<name>`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// Middlewares of the service, after those of the router (since 3.7).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub middlewares: Vec<String>,
    /// What kind of service it is.
    #[serde(flatten)]
    pub kind: ServiceKind,
}

/// The kinds of service.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ServiceKind {
    /// Servers.
    LoadBalancer(Box<LoadBalancer>),
    /// Other services by weight.
    Weighted(Weighted),
    /// Other services by rendezvous hashing of the client address.
    HighestRandomWeight(HighestRandomWeight),
    /// One service, and copies of its requests to others.
    Mirroring(Mirroring),
    /// One service, and another when the first is down.
    Failover(Failover),
}

/// Spreads requests over servers. Traefik: `loadBalancer`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancer {
    /// Keeps a client on one server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sticky: Option<Sticky>,
    /// The servers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<Server>,
    /// How a server is chosen. Default `wrr`.
    pub strategy: Strategy,
    /// Active health checks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<HealthCheck>,
    /// Passive health checks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passive_health_check: Option<PassiveHealthCheck>,
    /// Forward the client's `Host`. Default true.
    pub pass_host_header: bool,
    /// How responses are flushed.
    pub response_forwarding: ResponseForwarding,
    /// Transport towards the servers. Default: `default@internal`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub servers_transport: String,
}

impl Default for LoadBalancer {
    fn default() -> Self {
        Self {
            sticky: None,
            servers: Vec::new(),
            strategy: Strategy::default(),
            health_check: None,
            passive_health_check: None,
            pass_host_header: true,
            response_forwarding: ResponseForwarding::default(),
            servers_transport: String::new(),
        }
    }
}

/// How a load balancer chooses a server. Traefik: `strategy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// Weighted round robin, smooth.
    #[default]
    Wrr,
    /// The less loaded of two random servers.
    P2c,
    /// Rendezvous hashing of the client address.
    Hrw,
    /// Least response time.
    LeastTime,
}

/// One server. Traefik: `loadBalancer.servers[n]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Server {
    /// `scheme://host:port`; the path is ignored unless `preserve_path`.
    pub url: String,
    /// Share of requests. Default 1; at most 0 means none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<i64>,
    /// Prepend the path of `url` to that of the request. Default false.
    #[serde(skip_serializing_if = "is_false")]
    pub preserve_path: bool,
    /// Gets only requests that are sticky to it already (a terminating endpoint). Default false.
    #[serde(skip_serializing_if = "is_false")]
    pub fenced: bool,
}

/// Stickiness. Traefik: `sticky`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sticky {
    /// By cookie. Absent: not sticky at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie: Option<StickyCookie>,
}

/// The cookie of a sticky service. Traefik: `sticky.cookie`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StickyCookie {
    /// Name. Default: made from the service's qualified name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// `Secure`. Default false.
    #[serde(skip_serializing_if = "is_false")]
    pub secure: bool,
    /// `HttpOnly`. Default false.
    #[serde(skip_serializing_if = "is_false")]
    pub http_only: bool,
    /// `SameSite`: `none`, `lax`, `strict`; anything else is left out of the cookie. Default: unset.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub same_site: String,
    /// `Max-Age` in seconds; 0 = session, negative = expire now. Default 0.
    #[serde(skip_serializing_if = "is_zero")]
    pub max_age: i64,
    /// `Path`. Default `/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// `Domain`. Default: host only.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub domain: String,
}

impl Default for StickyCookie {
    fn default() -> Self {
        Self {
            name: String::new(),
            secure: false,
            http_only: false,
            same_site: String::new(),
            max_age: 0,
            path: Some("/".to_owned()),
            domain: String::new(),
        }
    }
}

/// How responses are flushed. Traefik: `responseForwarding`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResponseForwarding {
    /// Longest wait before buffered bytes go to the client, as text of a Go duration; negative: at once. Default
    /// `100ms`. Bytes are always forwarded as they come, so this only shows in the API.
    pub flush_interval: String,
}

impl Default for ResponseForwarding {
    fn default() -> Self {
        Self {
            flush_interval: "100ms".to_owned(),
        }
    }
}

/// Active health checks. Traefik: `healthCheck`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthCheck {
    /// Scheme of the probe. Default: the server's.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scheme: String,
    /// `http` or `grpc`. Default `http`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mode: String,
    /// Path of the probe.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// Method of the probe. Default `GET`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub method: String,
    /// Expected status; 0 = 2xx and 3xx.
    #[serde(skip_serializing_if = "is_zero")]
    pub status: i64,
    /// Port of the probe. Default: the server's.
    #[serde(skip_serializing_if = "is_zero")]
    pub port: i64,
    /// Time between probes of a healthy server. Default 30s.
    pub interval: GoDuration,
    /// Time between probes of an unhealthy server. Default: `interval`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unhealthy_interval: Option<GoDuration>,
    /// Longest wait for an answer. Default 5s.
    pub timeout: GoDuration,
    /// `Host` of the probe.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hostname: String,
    /// Follow redirects. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub follow_redirects: Option<bool>,
    /// Headers of the probe.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

/// Passive health checks. Traefik: `passiveHealthCheck`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PassiveHealthCheck {
    /// Window in which failures count. Default 10s.
    pub failure_window: GoDuration,
    /// Failures that take a server out. Default 1.
    pub max_failed_attempts: i64,
}

impl Default for PassiveHealthCheck {
    fn default() -> Self {
        Self {
            failure_window: GoDuration::from_secs(10),
            max_failed_attempts: 1,
        }
    }
}

/// Marker that a parent service reports its children's health. Traefik: `healthCheck: {}`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ParentHealthCheck {}

/// A child of a composite service.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WeightedService {
    /// The service.
    pub name: String,
    /// Share of requests. Default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<i64>,
}

/// Other services by weight. Traefik: `weighted`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Weighted {
    /// The services.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<WeightedService>,
    /// Keeps a client on one service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sticky: Option<Sticky>,
    /// Reports the children's health upwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<ParentHealthCheck>,
}

/// Other services by rendezvous hashing. Traefik: `highestRandomWeight`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HighestRandomWeight {
    /// The services.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<WeightedService>,
    /// Reports the children's health upwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<ParentHealthCheck>,
}

/// A service and mirrors of it. Traefik: `mirroring`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mirroring {
    /// The service that answers.
    pub service: String,
    /// Copy bodies too. Default true.
    pub mirror_body: bool,
    /// Largest body that is copied, in bytes; -1 = no limit. Default -1.
    pub max_body_size: i64,
    /// Services that get copies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mirrors: Vec<Mirror>,
    /// Reports the children's health upwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<ParentHealthCheck>,
}

impl Default for Mirroring {
    fn default() -> Self {
        Self {
            service: String::new(),
            mirror_body: true,
            max_body_size: -1,
            mirrors: Vec::new(),
            health_check: None,
        }
    }
}

/// A mirror. Traefik: `mirroring.mirrors[n]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mirror {
    /// The service.
    pub name: String,
    /// Share of requests that are copied, 0 to 100.
    #[serde(skip_serializing_if = "is_zero")]
    pub percent: i64,
}

/// A service and its stand-in. Traefik: `failover`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failover {
    /// The service.
    pub service: String,
    /// The stand-in.
    pub fallback: String,
    /// Reports the children's health upwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<ParentHealthCheck>,
    /// Answers that count as failures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<FailoverErrors>,
}

/// Answers that make a failover service use its stand-in. Traefik: `failover.errors`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FailoverErrors {
    /// Status codes and ranges.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<String>,
    /// Largest request body kept for the second try, in bytes; -1 = no limit. Default -1.
    pub max_request_body_bytes: i64,
}

impl Default for FailoverErrors {
    fn default() -> Self {
        Self {
            status: Vec::new(),
            max_request_body_bytes: -1,
        }
    }
}

/// How servers are connected to. Traefik: `http.serversTransports.<name>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServersTransport {
    /// Name sent as SNI and verified. Default: the server's host.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub server_name: String,
    /// Do not verify servers' certificates. Default false.
    #[serde(skip_serializing_if = "is_false")]
    pub insecure_skip_verify: bool,
    /// Certificate authorities, as paths or PEM text. Default: those of the system.
    #[serde(rename = "rootCAs", skip_serializing_if = "Vec::is_empty")]
    pub root_cas: Vec<String>,
    /// Certificates to show to servers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<super::tls::Certificate>,
    /// Cipher suites by IANA name. Default: all that are safe.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cipher_suites: Vec<String>,
    /// Lowest TLS version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub min_version: String,
    /// Highest TLS version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub max_version: String,
    /// Idle connections kept per server; 0 = 2 (Go's default), negative = none. Default 0; 200 for `default@internal`.
    #[serde(skip_serializing_if = "is_zero")]
    pub max_idle_conns_per_host: i64,
    /// Deadlines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forwarding_timeouts: Option<ForwardingTimeouts>,
    /// Use HTTP/1.1 only. Default false.
    #[serde(rename = "disableHTTP2", skip_serializing_if = "is_false")]
    pub disable_http2: bool,
    /// URI that the server's certificate must hold. Deprecated.
    #[serde(rename = "peerCertURI", skip_serializing_if = "String::is_empty")]
    pub peer_cert_uri: String,
    /// SPIFFE identities to accept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spiffe: Option<Spiffe>,
}

/// Deadlines of a transport. Traefik: `forwardingTimeouts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ForwardingTimeouts {
    /// To connect. Default 30s.
    pub dial_timeout: GoDuration,
    /// To the head of the response; 0 = none. Default 0.
    pub response_header_timeout: GoDuration,
    /// Before an idle connection is closed. Default 90s; 0 = no limit.
    pub idle_conn_timeout: GoDuration,
    /// HTTP/2: silence before a ping; 0 = none. Default 0.
    pub read_idle_timeout: GoDuration,
    /// HTTP/2: wait for the ping's answer. Default 15s.
    pub ping_timeout: GoDuration,
}

impl Default for ForwardingTimeouts {
    fn default() -> Self {
        Self {
            dial_timeout: GoDuration::from_secs(30),
            response_header_timeout: GoDuration::default(),
            idle_conn_timeout: GoDuration::from_secs(90),
            read_idle_timeout: GoDuration::default(),
            ping_timeout: GoDuration::from_secs(15),
        }
    }
}

/// SPIFFE identities to accept. Traefik: `spiffe`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Spiffe {
    /// Identities.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<String>,
    /// Trust domain.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub trust_domain: String,
}

pub(crate) fn is_zero(value: &i64) -> bool {
    *value == 0
}

pub(crate) fn is_false(value: &bool) -> bool {
    !*value
}
