//! UDP routers and services. Traefik: `udp`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::http::WeightedService;

/// The UDP part of a configuration.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UdpConfiguration {
    /// Routers by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub routers: BTreeMap<String, Arc<UdpRouter>>,
    /// Services by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub services: BTreeMap<String, Arc<UdpService>>,
}

/// Sends the datagrams of its entry points to its service. Traefik: `udp.routers.<name>`.
///
/// There is no rule: of several routers on one entry point the first in reverse alphabetical order counts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UdpRouter {
    /// Entry points to attach to; UDP ones are never default.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entry_points: Vec<String>,
    /// The service. Required.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service: String,
}

/// Takes datagrams. Exactly one kind per service. Traefik: `udp.services.<name>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum UdpService {
    /// Servers.
    LoadBalancer(UdpLoadBalancer),
    /// Other services by weight.
    Weighted(UdpWeighted),
}

/// Spreads sessions over servers in turn. Traefik: `loadBalancer`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UdpLoadBalancer {
    /// The servers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<UdpServer>,
}

/// One server. Traefik: `loadBalancer.servers[n]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UdpServer {
    /// `host:port`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub address: String,
}

/// Other services by weight. Traefik: `weighted`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UdpWeighted {
    /// The services.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<WeightedService>,
}
