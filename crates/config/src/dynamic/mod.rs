//! The dynamic configuration: what providers deliver and what the table is compiled from.
//!
//! Objects sit behind [`Arc`]: an unchanged object keeps its pointer from one configuration to the next, and later
//! stages recognise it by that.

mod deprecated;
pub mod http;
pub mod middleware;
pub mod tcp;
pub mod tls;
pub mod udp;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::decode::{self, Node, Options};
use crate::diagnostic::Diagnostic;

pub use deprecated::deprecations;
pub use http::{Router, ServersTransport, Service};
pub use middleware::Middleware;

/// What one provider delivers. Names are unqualified; a reference without `@` means the same provider.
#[derive(Debug, Clone, PartialEq, Options)]
pub struct Configuration {
    /// HTTP routers, services, middlewares and transports. Traefik: `http`.
    pub http: HttpConfiguration,
    /// Certificates, stores and options. Traefik: `tls`.
    pub tls: tls::TlsConfiguration,
    /// TCP routers, services, middlewares and transports. Traefik: `tcp`.
    #[option(keep)]
    pub tcp: tcp::TcpConfiguration,
    /// UDP routers and services. Traefik: `udp`.
    #[option(keep)]
    pub udp: udp::UdpConfiguration,
}

/// The HTTP part of a [`Configuration`].
#[derive(Debug, Clone, PartialEq, Options)]
pub struct HttpConfiguration {
    /// Routers by name.
    #[option(objects = "router")]
    pub routers: BTreeMap<String, Arc<Router>>,
    /// Services by name.
    #[option(objects = "service")]
    pub services: BTreeMap<String, Arc<Service>>,
    /// Middlewares by name.
    #[option(objects = "middleware")]
    pub middlewares: BTreeMap<String, Arc<Middleware>>,
    /// Transports towards servers by name.
    #[option(objects = "servers transport")]
    pub servers_transports: BTreeMap<String, Arc<ServersTransport>>,
}

impl Configuration {
    /// Reads a dynamic configuration. A mistake inside an object (a router, a service, a certificate …) removes that
    /// object and nothing else; its diagnostic names the object and the field. Other mistakes name the path from the
    /// root.
    pub fn decode(node: &Node) -> (Self, Vec<Diagnostic>) {
        let (configuration, problems) = decode::decode::<Self>(node);
        let diagnostics = problems
            .into_iter()
            .map(|problem| problem.into_diagnostic("dynamic configuration"))
            .collect();
        (configuration, diagnostics)
    }
}
