//! Providers' options as data. Traefik: `providers`.

mod kubernetes;
mod others;

use std::collections::BTreeMap;

pub use kubernetes::{
    IngressEndpoint, IpAllowListStrategy, Knative, KubernetesCrd, KubernetesGateway,
    KubernetesIngress, KubernetesIngressNginx, ServiceName, StatusAddress,
};
pub use others::{
    Consul, ConsulCatalog, ConsulEndpoint, Docker, Ecs, Etcd, File, Http, HttpAuth, Nomad,
    NomadEndpoint, Redis, RedisSentinel, Rest, Swarm, ZooKeeper,
};

use crate::decode::{Node, Options};
use crate::types::GoDuration;

/// Names of providers, as they stand after the `@` of qualified names, the most important first.
pub const PRECEDENCE: [&str; 17] = [
    "kubernetesgateway",
    "kubernetescrd",
    "kubernetes",
    "kubernetesingressnginx",
    "swarm",
    "docker",
    "file",
    "redis",
    "knative",
    "consul",
    "consulcatalog",
    "nomad",
    "etcd",
    "ecs",
    "http",
    "zookeeper",
    "rest",
];

/// Where the dynamic configuration comes from. Traefik: `providers`.
#[derive(Debug, Clone, PartialEq, Options)]
pub struct Providers {
    /// Consul's key-value store.
    pub consul: Option<Consul>,
    /// Consul's service catalogue.
    pub consul_catalog: Option<ConsulCatalog>,
    /// Docker containers.
    pub docker: Option<Docker>,
    /// Amazon ECS.
    pub ecs: Option<Ecs>,
    /// etcd.
    pub etcd: Option<Etcd>,
    /// Files.
    pub file: Option<File>,
    /// A document fetched over HTTP.
    pub http: Option<Http>,
    /// Knative.
    pub knative: Option<Knative>,
    /// Traefik's own Kubernetes resources.
    #[option(name = "kubernetesCRD")]
    pub kubernetes_crd: Option<KubernetesCrd>,
    /// Kubernetes Gateway API.
    pub kubernetes_gateway: Option<KubernetesGateway>,
    /// Kubernetes Ingress.
    pub kubernetes_ingress: Option<KubernetesIngress>,
    /// Kubernetes Ingress with the annotations of ingress-nginx.
    #[option(name = "kubernetesIngressNGINX")]
    pub kubernetes_ingress_nginx: Option<KubernetesIngressNginx>,
    /// HashiCorp Nomad.
    pub nomad: Option<Nomad>,
    /// Providers that are plugins, by name.
    pub plugin: BTreeMap<String, Node>,
    /// Which provider's router wins at equal priority, the most important first.
    #[option(default = PRECEDENCE.map(str::to_owned).to_vec())]
    pub precedence: Vec<String>,
    /// Least time between two configurations of one provider; the newest wins. Without it a change is taken over at
    /// once, and a storm of changes as fast as it can be applied.
    // differs from traefik: the default is 2s there, which is how long a change takes to be served.
    #[option(keep)]
    pub providers_throttle_duration: GoDuration,
    /// Redis.
    pub redis: Option<Redis>,
    /// A document sent to the API.
    pub rest: Option<Rest>,
    /// Docker Swarm services.
    pub swarm: Option<Swarm>,
    /// ZooKeeper.
    pub zoo_keeper: Option<ZooKeeper>,
}
