//! HTTP routers, services and transports. Traefik: `http.routers`, `http.services`, `http.serversTransports`.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use crate::decode::{self, Context, Decode, Node, OptionDoc, Options, Section, Shape};
use crate::types::GoDuration;

/// Which syntax a rule is written in. Traefik: `ruleSyntax`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Options)]
pub enum RuleSyntax {
    /// The syntax of Traefik v3.
    #[option(name = "v3")]
    V3,
    /// The syntax of Traefik v2 (deprecated).
    #[option(name = "v2")]
    V2,
    /// v3 for rules that the router made itself, whatever `core.defaultRuleSyntax` says.
    #[option(name = "default")]
    Default,
}

/// Sends the requests that its rule matches through its middlewares to its service. Traefik: `http.routers.<name>`.
#[derive(Debug, Clone, PartialEq, Options)]
pub struct Router {
    /// Entry points to attach to. Default: the default entry points.
    pub entry_points: Vec<String>,
    /// Middlewares, in the order in which a request meets them.
    pub middlewares: Vec<String>,
    /// The service that answers. Empty only for the parent of other routers.
    pub service: String,
    /// Which requests are matched; see the rule language.
    pub rule: String,
    /// Routers whose matches this router refines (multi-layer routing).
    pub parent_refs: Vec<String>,
    /// Syntax of `rule`. Default: `core.defaultRuleSyntax`. Deprecated.
    pub rule_syntax: Option<RuleSyntax>,
    /// Higher wins. Default 0: the length of `rule` in bytes. At most `MaxInt64 - 1000`.
    pub priority: i64,
    /// Present: matches requests over TLS only. Absent: plain requests only.
    pub tls: Option<RouterTls>,
    /// What is recorded of its requests. Default: as the entry point says.
    pub observability: Option<RouterObservability>,
    /// Where the router comes from, for the access log's `Kubernetes…` fields; not part of Traefik's JSON.
    #[option(skip)]
    pub origin: Option<KubernetesOrigin>,
}

/// TLS of a router. Traefik: `http.routers.<name>.tls`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct RouterTls {
    /// TLS options by name. Default: `default`.
    pub options: String,
    /// Certificate resolver that gets the certificates.
    pub cert_resolver: String,
    /// Names to get certificates for. Default: the hosts of the rule.
    pub domains: Vec<Domain>,
}

/// Names of one certificate.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Domain {
    /// The main name.
    pub main: String,
    /// Further names.
    pub sans: Vec<String>,
}

/// What is recorded of a router's requests. Traefik: `http.routers.<name>.observability`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct RouterObservability {
    /// Write access-log lines. Default: as the entry point.
    pub access_logs: Option<bool>,
    /// Count metrics. Default: as the entry point.
    pub metrics: Option<bool>,
    /// Trace. Default: as the entry point.
    pub tracing: Option<bool>,
    /// Detail of traces. Default: `minimal`, also where the entry point says otherwise.
    #[option(keep)]
    pub trace_verbosity: TraceVerbosity,
}

/// Detail of traces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Options)]
pub enum TraceVerbosity {
    /// Server and client spans only.
    #[default]
    Minimal,
    /// Also spans of routers, middlewares and services.
    Detailed,
}

/// The Ingress path that a router was made from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KubernetesOrigin {
    /// Namespace of the Ingress.
    pub namespace: String,
    /// Name of the Ingress.
    pub ingress_name: String,
    /// Name of the backend Service.
    pub service_name: String,
    /// Port of the backend Service: its name, else its number.
    pub service_port: String,
    /// When the Ingress was created, in seconds since 1970; 0 if unknown. Of routers with equal priority the oldest wins.
    pub created: i64,
}

/// Answers requests. Exactly one kind per service. Traefik: `http.services.<name>`.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// Middlewares of the service, after those of the router (since 3.7).
    pub middlewares: Vec<String>,
    /// What kind of service it is.
    pub kind: ServiceKind,
}

impl Decode for Service {
    const SECTION: bool = true;

    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let names = &["middlewares"];
        let mut middlewares = Vec::new();
        let kind = decode::section_with_rest(node, cx, names, &mut |_, node, cx| {
            decode::assign(&mut middlewares, node, cx);
        })?;
        let kind = cx.beside(names, |cx| ServiceKind::decode(&kind, cx))?;
        Some(Self { middlewares, kind })
    }

    fn shape() -> Shape {
        let kinds = ServiceKind::shape();
        let middlewares = OptionDoc {
            name: "middlewares",
            doc: "Middlewares of the service, after those of the router (since 3.7).",
            shape: Shape::List(Box::new(Shape::Text)),
            default: serde_json::Value::Null,
        };
        Shape::Kinds(Section {
            name: "Service",
            doc: "Answers requests. Exactly one kind per service, and `middlewares` beside it.",
            options: std::iter::once(middlewares)
                .chain(kinds.into_options())
                .collect(),
        })
    }
}

impl Serialize for Service {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serde_json::Map::new();
        decode::insert_unless_empty::<_, S::Error>(&mut map, "middlewares", &self.middlewares)?;
        decode::flatten::<_, S::Error>(&mut map, &self.kind)?;
        map.serialize(serializer)
    }
}

/// The kinds of service.
#[derive(Debug, Clone, PartialEq, Options)]
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
#[derive(Debug, Clone, PartialEq, Options)]
pub struct LoadBalancer {
    /// Keeps a client on one server.
    pub sticky: Option<Sticky>,
    /// The servers.
    pub servers: Vec<Server>,
    /// How a server is chosen. Default `wrr`.
    #[option(keep)]
    pub strategy: Strategy,
    /// Active health checks.
    pub health_check: Option<HealthCheck>,
    /// Passive health checks.
    pub passive_health_check: Option<PassiveHealthCheck>,
    /// Forward the client's `Host`. Default true.
    #[option(keep, default = true)]
    pub pass_host_header: bool,
    /// How responses are flushed.
    pub response_forwarding: ResponseForwarding,
    /// Transport towards the servers. Default: `default@internal`.
    pub servers_transport: String,
}

/// How a load balancer chooses a server. Traefik: `strategy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Options)]
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
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Server {
    /// `scheme://host:port`; the path is ignored unless `preserve_path`.
    pub url: String,
    /// Share of requests. Default 1; at most 0 means none.
    pub weight: Option<i64>,
    /// Prepend the path of `url` to that of the request. Default false.
    pub preserve_path: bool,
    /// Gets only requests that are sticky to it already (a terminating endpoint). Default false.
    pub fenced: bool,
}

/// Stickiness. Traefik: `sticky`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Sticky {
    /// By cookie. Absent: not sticky at all.
    pub cookie: Option<StickyCookie>,
}

/// The cookie of a sticky service. Traefik: `sticky.cookie`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct StickyCookie {
    /// Name. Default: made from the service's qualified name.
    pub name: String,
    /// `Secure`. Default false.
    pub secure: bool,
    /// `HttpOnly`. Default false.
    pub http_only: bool,
    /// `SameSite`: `none`, `lax`, `strict`; anything else is left out of the cookie. Default: unset.
    pub same_site: String,
    /// `Max-Age` in seconds; 0 = session, negative = expire now. Default 0.
    pub max_age: i64,
    /// `Path`. Default `/`.
    #[option(default = Some("/".to_owned()))]
    pub path: Option<String>,
    /// `Domain`. Default: host only.
    pub domain: String,
}

/// How responses are flushed. Traefik: `responseForwarding`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct ResponseForwarding {
    /// Longest wait before buffered bytes go to the client, as text of a Go duration; negative: at once. Default
    /// `100ms`. Bytes are always forwarded as they come, so this only shows in the API.
    #[option(keep, default = "100ms".to_owned())]
    pub flush_interval: String,
}

/// Active health checks. Traefik: `healthCheck`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct HealthCheck {
    /// Scheme of the probe. Default: the server's.
    pub scheme: String,
    /// `http` or `grpc`. Default `http`.
    #[option(default = "http".to_owned())]
    pub mode: String,
    /// Path of the probe.
    pub path: String,
    /// Method of the probe. Default `GET`.
    pub method: String,
    /// Expected status; 0 = 2xx and 3xx.
    pub status: i64,
    /// Port of the probe. Default: the server's.
    pub port: i64,
    /// Time between probes of a healthy server. Default 30s.
    #[option(default = GoDuration::from_secs(30))]
    pub interval: GoDuration,
    /// Time between probes of an unhealthy server. Default: `interval`.
    pub unhealthy_interval: Option<GoDuration>,
    /// Longest wait for an answer. Default 5s.
    #[option(default = GoDuration::from_secs(5))]
    pub timeout: GoDuration,
    /// `Host` of the probe.
    pub hostname: String,
    /// Follow redirects. Default true.
    #[option(default = Some(true))]
    pub follow_redirects: Option<bool>,
    /// Headers of the probe.
    pub headers: BTreeMap<String, String>,
}

/// Passive health checks. Traefik: `passiveHealthCheck`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct PassiveHealthCheck {
    /// Window in which failures count. Default 10s.
    #[option(default = GoDuration::from_secs(10))]
    pub failure_window: GoDuration,
    /// Failures that take a server out. Default 1.
    #[option(default = 1)]
    pub max_failed_attempts: i64,
}

/// Marker that a parent service reports its children's health. Traefik: `healthCheck: {}`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct ParentHealthCheck {}

/// A child of a composite service.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct WeightedService {
    /// The service.
    pub name: String,
    /// Share of requests. Default 1.
    #[option(default = Some(1))]
    pub weight: Option<i64>,
}

/// Other services by weight. Traefik: `weighted`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Weighted {
    /// The services.
    pub services: Vec<WeightedService>,
    /// Keeps a client on one service.
    pub sticky: Option<Sticky>,
    /// Reports the children's health upwards.
    pub health_check: Option<ParentHealthCheck>,
}

/// Other services by rendezvous hashing. Traefik: `highestRandomWeight`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct HighestRandomWeight {
    /// The services.
    pub services: Vec<WeightedService>,
    /// Reports the children's health upwards.
    pub health_check: Option<ParentHealthCheck>,
}

/// A service and mirrors of it. Traefik: `mirroring`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Mirroring {
    /// The service that answers.
    pub service: String,
    /// Copy bodies too. Default true.
    #[option(keep, default = true)]
    pub mirror_body: bool,
    /// Largest body that is copied, in bytes; -1 = no limit. Default -1.
    #[option(keep, default = -1)]
    pub max_body_size: i64,
    /// Services that get copies.
    pub mirrors: Vec<Mirror>,
    /// Reports the children's health upwards.
    pub health_check: Option<ParentHealthCheck>,
}

/// A mirror. Traefik: `mirroring.mirrors[n]`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Mirror {
    /// The service.
    pub name: String,
    /// Share of requests that are copied, 0 to 100.
    pub percent: i64,
}

/// A service and its stand-in. Traefik: `failover`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Failover {
    /// The service.
    pub service: String,
    /// The stand-in.
    pub fallback: String,
    /// Reports the children's health upwards.
    pub health_check: Option<ParentHealthCheck>,
    /// Answers that count as failures.
    pub errors: Option<FailoverErrors>,
}

/// Answers that make a failover service use its stand-in. Traefik: `failover.errors`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct FailoverErrors {
    /// Status codes and ranges.
    pub status: Vec<String>,
    /// Largest request body kept for the second try, in bytes; -1 = no limit. Default -1.
    #[option(keep, default = -1)]
    pub max_request_body_bytes: i64,
}

/// How servers are connected to. Traefik: `http.serversTransports.<name>`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct ServersTransport {
    /// Name sent as SNI and verified. Default: the server's host.
    pub server_name: String,
    /// Do not verify servers' certificates. Default false.
    pub insecure_skip_verify: bool,
    /// Certificate authorities, as paths or PEM text. Default: those of the system.
    #[option(name = "rootCAs")]
    pub root_cas: Vec<String>,
    /// Certificates to show to servers.
    pub certificates: Vec<super::tls::Certificate>,
    /// Cipher suites by IANA name. Default: all that are safe.
    pub cipher_suites: Vec<String>,
    /// Lowest TLS version.
    pub min_version: String,
    /// Highest TLS version.
    pub max_version: String,
    /// Idle connections kept per server; 0 = 2 (Go's default), negative = none. Default 0; 200 for `default@internal`.
    pub max_idle_conns_per_host: i64,
    /// Deadlines.
    pub forwarding_timeouts: Option<ForwardingTimeouts>,
    /// Use HTTP/1.1 only. Default false.
    #[option(name = "disableHTTP2")]
    pub disable_http2: bool,
    /// URI that the server's certificate must hold. Deprecated.
    #[option(name = "peerCertURI")]
    pub peer_cert_uri: String,
    /// SPIFFE identities to accept.
    pub spiffe: Option<Spiffe>,
}

/// Deadlines of a transport. Traefik: `forwardingTimeouts`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct ForwardingTimeouts {
    /// To connect. Default 30s.
    #[option(default = GoDuration::from_secs(30))]
    pub dial_timeout: GoDuration,
    /// To the head of the response; 0 = none. Default 0.
    pub response_header_timeout: GoDuration,
    /// Before an idle connection is closed. Default 90s; 0 = no limit.
    #[option(default = GoDuration::from_secs(90))]
    pub idle_conn_timeout: GoDuration,
    /// HTTP/2: silence before a ping; 0 = none. Default 0.
    pub read_idle_timeout: GoDuration,
    /// HTTP/2: wait for the ping's answer. Default 15s.
    #[option(default = GoDuration::from_secs(15))]
    pub ping_timeout: GoDuration,
}

/// SPIFFE identities to accept. Traefik: `spiffe`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Spiffe {
    /// Identities.
    pub ids: Vec<String>,
    /// Trust domain.
    pub trust_domain: String,
}
