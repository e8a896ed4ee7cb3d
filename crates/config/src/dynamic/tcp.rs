//! TCP routers, services, middlewares and transports. Traefik: `tcp`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::http::{Domain, ParentHealthCheck, RuleSyntax, Spiffe, WeightedService, is_false, is_zero};
use super::tls::Certificate;
use crate::types::GoDuration;

/// The TCP part of a configuration.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TcpConfiguration {
    /// Routers by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub routers: BTreeMap<String, Arc<TcpRouter>>,
    /// Services by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub services: BTreeMap<String, Arc<TcpService>>,
    /// Middlewares by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub middlewares: BTreeMap<String, Arc<TcpMiddleware>>,
    /// Transports towards servers by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub servers_transports: BTreeMap<String, Arc<TcpServersTransport>>,
}

/// Sends the connections that its rule matches to its service. Traefik: `tcp.routers.<name>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TcpRouter {
    /// Entry points to attach to. Default: the default entry points.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entry_points: Vec<String>,
    /// Middlewares, in the order in which a connection meets them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub middlewares: Vec<String>,
    /// The service. Required.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service: String,
    /// `HostSNI`, `HostSNIRegexp`, `ALPN`, `ClientIP`. Required.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub rule: String,
    /// Syntax of `rule`. Default: `core.defaultRuleSyntax`. Deprecated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_syntax: Option<RuleSyntax>,
    /// Higher wins. Default 0: the length of `rule` in bytes; -1 for ``HostSNI(`*`)`` alone.
    #[serde(skip_serializing_if = "is_zero")]
    pub priority: i64,
    /// Present: matches TLS connections only. Absent: plain connections only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TcpRouterTls>,
}

/// TLS of a TCP router. Traefik: `tcp.routers.<name>.tls`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TcpRouterTls {
    /// Forward the TLS bytes as they are. Default false: terminate TLS.
    pub passthrough: bool,
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

/// Takes connections. Exactly one kind per service. Traefik: `tcp.services.<name>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum TcpService {
    /// Servers.
    LoadBalancer(TcpLoadBalancer),
    /// Other services by weight.
    Weighted(TcpWeighted),
}

/// Spreads connections over servers in turn. Traefik: `loadBalancer`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TcpLoadBalancer {
    /// The servers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<TcpServer>,
    /// Transport towards the servers. Default: `default@internal`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub servers_transport: String,
    /// Deprecated: use that of the transport.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_protocol: Option<ProxyProtocol>,
    /// Deprecated: use that of the transport. Milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub termination_delay: Option<i64>,
    /// Active health checks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<TcpHealthCheck>,
}

/// One server. Traefik: `loadBalancer.servers[n]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TcpServer {
    /// `host:port`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub address: String,
    /// Speak TLS to it. Default false.
    #[serde(skip_serializing_if = "is_false")]
    pub tls: bool,
}

/// The PROXY protocol towards servers. Traefik: `proxyProtocol`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProxyProtocol {
    /// 1 or 2. Default 2.
    #[serde(skip_serializing_if = "is_zero")]
    pub version: i64,
}

impl Default for ProxyProtocol {
    fn default() -> Self {
        Self { version: 2 }
    }
}

/// Active health checks. Traefik: `healthCheck`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TcpHealthCheck {
    /// Port of the probe. Default: the server's.
    #[serde(skip_serializing_if = "is_zero")]
    pub port: i64,
    /// Bytes to send.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub send: String,
    /// Bytes that must come back.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub expect: String,
    /// Time between probes of a healthy server. Default 30s.
    pub interval: GoDuration,
    /// Time between probes of an unhealthy server. Default: `interval`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unhealthy_interval: Option<GoDuration>,
    /// Longest wait for an answer. Default 5s.
    pub timeout: GoDuration,
}

impl Default for TcpHealthCheck {
    fn default() -> Self {
        Self {
            port: 0,
            send: String::new(),
            expect: String::new(),
            interval: GoDuration::from_secs(30),
            unhealthy_interval: None,
            timeout: GoDuration::from_secs(5),
        }
    }
}

/// Other services by weight. Traefik: `weighted`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TcpWeighted {
    /// The services.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<WeightedService>,
    /// Reports the children's health upwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<ParentHealthCheck>,
}

/// One TCP middleware; exactly one kind per name. Traefik: `tcp.middlewares.<name>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum TcpMiddleware {
    /// Limits the connections of one client address.
    InFlightConn(InFlightConn),
    /// Lets only some client addresses pass.
    IpAllowList(TcpIpAllowList),
    /// Deprecated name of `ipAllowList`.
    IpWhiteList(TcpIpAllowList),
}

/// Limits the connections of one client address. Traefik: `inFlightConn`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InFlightConn {
    /// Connections open at the same time. Default 0.
    #[serde(skip_serializing_if = "is_zero")]
    pub amount: i64,
}

/// Lets only some client addresses pass. Traefik: `ipAllowList`, `ipWhiteList`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TcpIpAllowList {
    /// Addresses and CIDRs. Required.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_range: Vec<String>,
}

/// How servers are connected to. Traefik: `tcp.serversTransports.<name>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TcpServersTransport {
    /// Time between TCP keep-alive probes; 0 = the system's, negative = none. Default 15s.
    pub dial_keep_alive: GoDuration,
    /// To connect. Default 30s.
    pub dial_timeout: GoDuration,
    /// How long the other direction may go on once one has ended. Default 100ms.
    pub termination_delay: GoDuration,
    /// Send the PROXY protocol. Absent: do not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_protocol: Option<ProxyProtocol>,
    /// TLS towards the servers that ask for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TcpClientTls>,
}

impl Default for TcpServersTransport {
    fn default() -> Self {
        Self {
            dial_keep_alive: GoDuration::from_secs(15),
            dial_timeout: GoDuration::from_secs(30),
            termination_delay: GoDuration::from_millis(100),
            proxy_protocol: None,
            tls: None,
        }
    }
}

/// TLS towards servers. Traefik: `tcp.serversTransports.<name>.tls`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TcpClientTls {
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
    pub certificates: Vec<Certificate>,
    /// URI that the server's certificate must hold. Deprecated.
    #[serde(rename = "peerCertURI", skip_serializing_if = "String::is_empty")]
    pub peer_cert_uri: String,
    /// SPIFFE identities to accept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spiffe: Option<Spiffe>,
}
