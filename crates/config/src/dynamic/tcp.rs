//! TCP routers, services, middlewares and transports. Traefik: `tcp`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::decode::Options;

use super::http::{Domain, ParentHealthCheck, RuleSyntax, Spiffe, WeightedService};
use super::tls::Certificate;
use crate::types::GoDuration;

/// The TCP part of a configuration.
#[derive(Debug, Clone, PartialEq, Options)]
pub struct TcpConfiguration {
    /// Routers by name.
    #[option(objects = "TCP router")]
    pub routers: BTreeMap<String, Arc<TcpRouter>>,
    /// Services by name.
    #[option(objects = "TCP service")]
    pub services: BTreeMap<String, Arc<TcpService>>,
    /// Middlewares by name.
    #[option(objects = "TCP middleware")]
    pub middlewares: BTreeMap<String, Arc<TcpMiddleware>>,
    /// Transports towards servers by name.
    #[option(objects = "TCP servers transport")]
    pub servers_transports: BTreeMap<String, Arc<TcpServersTransport>>,
}

/// Sends the connections that its rule matches to its service. Traefik: `tcp.routers.<name>`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct TcpRouter {
    /// Entry points to attach to. Default: the default entry points.
    pub entry_points: Vec<String>,
    /// Middlewares, in the order in which a connection meets them.
    pub middlewares: Vec<String>,
    /// The service. Required.
    pub service: String,
    /// `HostSNI`, `HostSNIRegexp`, `ALPN`, `ClientIP`. Required.
    pub rule: String,
    /// Syntax of `rule`. Default: `core.defaultRuleSyntax`. Deprecated.
    pub rule_syntax: Option<RuleSyntax>,
    /// Higher wins. Default 0: the length of `rule` in bytes; -1 for ``HostSNI(`*`)`` alone.
    pub priority: i64,
    /// Present: matches TLS connections only. Absent: plain connections only.
    pub tls: Option<TcpRouterTls>,
}

/// TLS of a TCP router. Traefik: `tcp.routers.<name>.tls`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct TcpRouterTls {
    /// Forward the TLS bytes as they are. Default false: terminate TLS.
    #[option(keep)]
    pub passthrough: bool,
    /// TLS options by name. Default: `default`.
    pub options: String,
    /// Certificate resolver that gets the certificates.
    pub cert_resolver: String,
    /// Names to get certificates for. Default: the hosts of the rule.
    pub domains: Vec<Domain>,
}

/// Takes connections. Exactly one kind per service. Traefik: `tcp.services.<name>`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub enum TcpService {
    /// Servers.
    LoadBalancer(TcpLoadBalancer),
    /// Other services by weight.
    Weighted(TcpWeighted),
}

/// Spreads connections over servers in turn. Traefik: `loadBalancer`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct TcpLoadBalancer {
    /// The servers.
    pub servers: Vec<TcpServer>,
    /// Transport towards the servers. Default: `default@internal`.
    pub servers_transport: String,
    /// Deprecated: use that of the transport.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// Deprecated: use that of the transport. Milliseconds.
    pub termination_delay: Option<i64>,
    /// Active health checks.
    pub health_check: Option<TcpHealthCheck>,
}

/// One server. Traefik: `loadBalancer.servers[n]`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct TcpServer {
    /// `host:port`.
    pub address: String,
    /// Speak TLS to it. Default false.
    pub tls: bool,
}

/// The PROXY protocol towards servers. Traefik: `proxyProtocol`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct ProxyProtocol {
    /// 1 or 2. Default 2.
    #[option(default = 2)]
    pub version: i64,
}

/// Active health checks. Traefik: `healthCheck`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct TcpHealthCheck {
    /// Port of the probe. Default: the server's.
    pub port: i64,
    /// Bytes to send.
    pub send: String,
    /// Bytes that must come back.
    pub expect: String,
    /// Time between probes of a healthy server. Default 30s.
    #[option(default = GoDuration::from_secs(30))]
    pub interval: GoDuration,
    /// Time between probes of an unhealthy server. Default: `interval`.
    pub unhealthy_interval: Option<GoDuration>,
    /// Longest wait for an answer. Default 5s.
    #[option(default = GoDuration::from_secs(5))]
    pub timeout: GoDuration,
}

/// Other services by weight. Traefik: `weighted`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct TcpWeighted {
    /// The services.
    pub services: Vec<WeightedService>,
    /// Reports the children's health upwards.
    pub health_check: Option<ParentHealthCheck>,
}

/// One TCP middleware; exactly one kind per name. Traefik: `tcp.middlewares.<name>`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub enum TcpMiddleware {
    /// Limits the connections of one client address.
    InFlightConn(InFlightConn),
    /// Lets only some client addresses pass.
    IpAllowList(TcpIpAllowList),
    /// Deprecated name of `ipAllowList`.
    IpWhiteList(TcpIpAllowList),
}

/// Limits the connections of one client address. Traefik: `inFlightConn`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct InFlightConn {
    /// Connections open at the same time. Default 0.
    pub amount: i64,
}

/// Lets only some client addresses pass. Traefik: `ipAllowList`, `ipWhiteList`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct TcpIpAllowList {
    /// Addresses and CIDRs. Required.
    pub source_range: Vec<String>,
}

/// How servers are connected to. Traefik: `tcp.serversTransports.<name>`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct TcpServersTransport {
    /// Time between TCP keep-alive probes; 0 = the system's, negative = none. Default 15s.
    #[option(default = GoDuration::from_secs(15))]
    pub dial_keep_alive: GoDuration,
    /// To connect. Default 30s.
    #[option(default = GoDuration::from_secs(30))]
    pub dial_timeout: GoDuration,
    /// How long the other direction may go on once one has ended. Default 100ms.
    #[option(default = GoDuration::from_millis(100))]
    pub termination_delay: GoDuration,
    /// Send the PROXY protocol. Absent: do not.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// TLS towards the servers that ask for it.
    pub tls: Option<TcpClientTls>,
}

/// TLS towards servers. Traefik: `tcp.serversTransports.<name>.tls`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct TcpClientTls {
    /// Name sent as SNI and verified. Default: the server's host.
    pub server_name: String,
    /// Do not verify servers' certificates. Default false.
    pub insecure_skip_verify: bool,
    /// Certificate authorities, as paths or PEM text. Default: those of the system.
    #[option(name = "rootCAs")]
    pub root_cas: Vec<String>,
    /// Certificates to show to servers.
    pub certificates: Vec<Certificate>,
    /// URI that the server's certificate must hold. Deprecated.
    #[option(name = "peerCertURI")]
    pub peer_cert_uri: String,
    /// SPIFFE identities to accept.
    pub spiffe: Option<Spiffe>,
}
