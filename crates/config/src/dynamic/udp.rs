//! UDP routers and services. Traefik: `udp`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::decode::Options;

use super::http::WeightedService;

/// The UDP part of a configuration.
#[derive(Debug, Clone, PartialEq, Options)]
pub struct UdpConfiguration {
    /// Routers by name.
    #[option(objects = "UDP router")]
    pub routers: BTreeMap<String, Arc<UdpRouter>>,
    /// Services by name.
    #[option(objects = "UDP service")]
    pub services: BTreeMap<String, Arc<UdpService>>,
}

/// Sends the datagrams of its entry points to its service. Traefik: `udp.routers.<name>`.
///
/// There is no rule: of several routers on one entry point the first in reverse alphabetical order counts.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct UdpRouter {
    /// Entry points to attach to; UDP ones are never default.
    pub entry_points: Vec<String>,
    /// The service. Required.
    pub service: String,
}

/// Takes datagrams. Exactly one kind per service. Traefik: `udp.services.<name>`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub enum UdpService {
    /// Servers.
    LoadBalancer(UdpLoadBalancer),
    /// Other services by weight.
    Weighted(UdpWeighted),
}

/// Spreads sessions over servers in turn. Traefik: `loadBalancer`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct UdpLoadBalancer {
    /// The servers.
    pub servers: Vec<UdpServer>,
}

/// One server. Traefik: `loadBalancer.servers[n]`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct UdpServer {
    /// `host:port`.
    pub address: String,
}

/// Other services by weight. Traefik: `weighted`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct UdpWeighted {
    /// The services.
    pub services: Vec<WeightedService>,
}
