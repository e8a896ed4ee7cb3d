//! The dynamic configuration: what providers deliver and what the table is compiled from.
//!
//! Objects sit behind [`Arc`]: an unchanged object keeps its pointer from one configuration to the next, and later
//! stages recognise it by that.

pub mod http;
pub mod middleware;
pub mod tcp;
pub mod tls;
pub mod udp;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

pub use http::{Router, ServersTransport, Service};
pub use middleware::Middleware;

/// What one provider delivers. Names are unqualified; a reference without `@` means the same provider.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Configuration {
    /// HTTP routers, services, middlewares and transports. Traefik: `http`.
    pub http: HttpConfiguration,
    /// Certificates, stores and options. Traefik: `tls`.
    pub tls: tls::TlsConfiguration,
    /// TCP routers, services, middlewares and transports. Traefik: `tcp`.
    pub tcp: tcp::TcpConfiguration,
    /// UDP routers and services. Traefik: `udp`.
    pub udp: udp::UdpConfiguration,
}

/// The HTTP part of a [`Configuration`].
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpConfiguration {
    /// Routers by name.
    pub routers: BTreeMap<String, Arc<Router>>,
    /// Services by name.
    pub services: BTreeMap<String, Arc<Service>>,
    /// Middlewares by name.
    pub middlewares: BTreeMap<String, Arc<Middleware>>,
    /// Transports towards servers by name.
    pub servers_transports: BTreeMap<String, Arc<ServersTransport>>,
}
