//! Options of the providers that read something else than Kubernetes objects.

use std::collections::BTreeMap;

use crate::decode::Options;
use crate::static_::ClientTls;
use crate::types::{GoDuration, Secret};

/// The rule of routers that have none.
const DEFAULT_RULE: &str = "Host(`{{ normalize .Name }}`)";

/// Files. Traefik: `providers.file`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct File {
    /// Log files after their templates are filled in.
    pub debug_log_generated_template: bool,
    /// Folder, with those below, of `.yml`, `.yaml` and `.toml` files; wins over `filename`.
    pub directory: String,
    /// File.
    pub filename: String,
    /// Take changes over.
    #[option(default = true, keep)]
    pub watch: bool,
}

/// A document fetched over HTTP. Traefik: `providers.http`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Http {
    /// URL.
    pub endpoint: String,
    /// Headers to send.
    pub headers: BTreeMap<String, Secret<String>>,
    /// Largest answer, in bytes; -1 = no limit.
    #[option(default = -1)]
    pub max_response_body_size: i64,
    /// Time between two requests.
    #[option(default = GoDuration::from_secs(5))]
    pub poll_interval: GoDuration,
    /// Longest wait for an answer.
    #[option(default = GoDuration::from_secs(5))]
    pub poll_timeout: GoDuration,
    /// TLS.
    pub tls: Option<ClientTls>,
}

/// A document sent to the API. Traefik: `providers.rest`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Rest {
    /// Take `PUT /api/providers/rest` without authentication on the entry point `traefik`.
    pub insecure: bool,
}

/// Docker containers. Traefik: `providers.docker`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Docker {
    /// Keep services whose containers are all unhealthy; they answer 503.
    pub allow_empty_services: bool,
    /// Which containers are taken, by their labels.
    pub constraints: String,
    /// Rule of routers that have none, as a Go template.
    #[option(default = DEFAULT_RULE.to_owned())]
    pub default_rule: String,
    /// URL of the daemon.
    #[option(default = "unix:///var/run/docker.sock".to_owned())]
    pub endpoint: String,
    /// Take containers without the label `traefik.enable` too.
    #[option(default = true, keep)]
    pub exposed_by_default: bool,
    /// Longest wait for an answer; 0 = no limit.
    pub http_client_timeout: GoDuration,
    /// Network of the containers' addresses.
    pub network: String,
    /// Password for the daemon.
    pub password: Secret<String>,
    /// TLS towards the daemon.
    pub tls: Option<ClientTls>,
    /// Use the published address and port.
    #[option(name = "useBindPortIP")]
    pub use_bind_port_ip: bool,
    /// User for the daemon.
    pub username: String,
    /// Take changes over.
    #[option(default = true, keep)]
    pub watch: bool,
}

/// Docker Swarm services. Traefik: `providers.swarm`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Swarm {
    /// Keep services without running tasks; they answer 503.
    pub allow_empty_services: bool,
    /// Which services are taken, by their labels.
    pub constraints: String,
    /// Rule of routers that have none, as a Go template.
    #[option(default = DEFAULT_RULE.to_owned())]
    pub default_rule: String,
    /// URL of the daemon.
    #[option(default = "unix:///var/run/docker.sock".to_owned())]
    pub endpoint: String,
    /// Take services without the label `traefik.enable` too.
    #[option(default = true, keep)]
    pub exposed_by_default: bool,
    /// Longest wait for an answer; 0 = no limit.
    pub http_client_timeout: GoDuration,
    /// Network of the tasks' addresses.
    pub network: String,
    /// Password for the daemon.
    pub password: Secret<String>,
    /// Time between two readings.
    #[option(default = GoDuration::from_secs(15))]
    pub refresh_seconds: GoDuration,
    /// TLS towards the daemon.
    pub tls: Option<ClientTls>,
    /// Use the published address and port.
    #[option(name = "useBindPortIP")]
    pub use_bind_port_ip: bool,
    /// User for the daemon.
    pub username: String,
    /// Take changes over.
    #[option(default = true, keep)]
    pub watch: bool,
}

/// Consul's service catalogue. Traefik: `providers.consulCatalog`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct ConsulCatalog {
    /// Let agents answer from their cache.
    pub cache: bool,
    /// Speak Consul Connect to services that have it.
    pub connect_aware: bool,
    /// Treat every service as one of Consul Connect.
    pub connect_by_default: bool,
    /// Which services are taken, by their tags.
    pub constraints: String,
    /// Rule of routers that have none, as a Go template.
    #[option(default = DEFAULT_RULE.to_owned())]
    pub default_rule: String,
    /// The agent.
    pub endpoint: ConsulEndpoint,
    /// Take services without the tag `traefik.enable` too.
    #[option(default = true, keep)]
    pub exposed_by_default: bool,
    /// Namespaces to read.
    pub namespaces: Vec<String>,
    /// Prefix of tags.
    #[option(default = "traefik".to_owned())]
    pub prefix: String,
    /// Time between two readings.
    #[option(default = GoDuration::from_secs(15))]
    pub refresh_interval: GoDuration,
    /// Take only consistent answers.
    pub require_consistent: bool,
    /// Name of this router's own service in Consul Connect.
    #[option(default = "traefik".to_owned())]
    pub service_name: String,
    /// Take stale answers.
    pub stale: bool,
    /// Health states that count as healthy.
    #[option(default = ["passing", "warning"].map(str::to_owned).to_vec())]
    pub strict_checks: Vec<String>,
    /// Take changes over as they come.
    pub watch: bool,
}

/// A Consul agent. Traefik: `consulCatalog.endpoint`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct ConsulEndpoint {
    /// Address.
    pub address: String,
    /// Data centre.
    pub datacenter: String,
    /// Longest wait of a watch; 0 = the agent's.
    pub endpoint_wait_time: GoDuration,
    /// Basic authentication.
    pub http_auth: Option<HttpAuth>,
    /// `http` or `https`.
    pub scheme: String,
    /// TLS.
    pub tls: Option<ClientTls>,
    /// Token.
    pub token: Secret<String>,
}

/// Basic authentication. Traefik: `httpAuth`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct HttpAuth {
    /// Password.
    pub password: Secret<String>,
    /// User.
    pub username: String,
}

/// HashiCorp Nomad. Traefik: `providers.nomad`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Nomad {
    /// Keep services without allocations; they answer 503.
    pub allow_empty_services: bool,
    /// Which services are taken, by their tags.
    pub constraints: String,
    /// Rule of routers that have none, as a Go template.
    #[option(default = DEFAULT_RULE.to_owned())]
    pub default_rule: String,
    /// The server.
    pub endpoint: NomadEndpoint,
    /// Take services without the tag `traefik.enable` too.
    #[option(default = true, keep)]
    pub exposed_by_default: bool,
    /// Namespaces to read.
    pub namespaces: Vec<String>,
    /// Prefix of tags.
    #[option(default = "traefik".to_owned())]
    pub prefix: String,
    /// Time between two readings.
    #[option(default = GoDuration::from_secs(15))]
    pub refresh_interval: GoDuration,
    /// Take stale answers.
    pub stale: bool,
    /// Least time between two configurations.
    pub throttle_duration: GoDuration,
    /// Take changes over as they come.
    pub watch: bool,
}

/// A Nomad server. Traefik: `nomad.endpoint`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct NomadEndpoint {
    /// URL.
    #[option(default = "http://127.0.0.1:4646".to_owned())]
    pub address: String,
    /// Longest wait of a watch; 0 = the server's.
    pub endpoint_wait_time: GoDuration,
    /// Region.
    pub region: String,
    /// TLS.
    pub tls: Option<ClientTls>,
    /// Token.
    pub token: Secret<String>,
}

/// Amazon ECS. Traefik: `providers.ecs`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Ecs {
    /// Access key.
    #[option(name = "accessKeyID")]
    pub access_key_id: Secret<String>,
    /// Find the clusters.
    pub auto_discover_clusters: bool,
    /// Clusters to read.
    #[option(default = vec!["default".to_owned()])]
    pub clusters: Vec<String>,
    /// Which containers are taken, by their labels.
    pub constraints: String,
    /// Rule of routers that have none, as a Go template.
    #[option(default = DEFAULT_RULE.to_owned())]
    pub default_rule: String,
    /// Read ECS Anywhere too.
    pub ecs_anywhere: bool,
    /// Take containers without the label `traefik.enable` too.
    #[option(default = true, keep)]
    pub exposed_by_default: bool,
    /// Take only tasks that are healthy.
    pub healthy_tasks_only: bool,
    /// Seconds between two readings.
    #[option(default = 15)]
    pub refresh_seconds: u32,
    /// Region.
    pub region: String,
    /// Secret key.
    pub secret_access_key: Secret<String>,
}

/// Consul's key-value store. Traefik: `providers.consul`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Consul {
    /// Servers.
    #[option(default = vec!["127.0.0.1:8500".to_owned()])]
    pub endpoints: Vec<String>,
    /// Namespaces to read.
    pub namespaces: Vec<String>,
    /// Key below which the configuration is.
    #[option(default = "traefik".to_owned())]
    pub root_key: String,
    /// TLS.
    pub tls: Option<ClientTls>,
    /// Token.
    pub token: Secret<String>,
}

/// etcd. Traefik: `providers.etcd`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Etcd {
    /// Servers.
    #[option(default = vec!["127.0.0.1:2379".to_owned()])]
    pub endpoints: Vec<String>,
    /// Password.
    pub password: Secret<String>,
    /// Key below which the configuration is.
    #[option(default = "traefik".to_owned())]
    pub root_key: String,
    /// TLS.
    pub tls: Option<ClientTls>,
    /// User.
    pub username: String,
}

/// ZooKeeper. Traefik: `providers.zooKeeper`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct ZooKeeper {
    /// Servers.
    #[option(default = vec!["127.0.0.1:2181".to_owned()])]
    pub endpoints: Vec<String>,
    /// Password.
    pub password: Secret<String>,
    /// Key below which the configuration is.
    #[option(default = "traefik".to_owned())]
    pub root_key: String,
    /// User.
    pub username: String,
}

/// Redis. Traefik: `providers.redis`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Redis {
    /// Database.
    pub db: u32,
    /// Servers.
    #[option(default = vec!["127.0.0.1:6379".to_owned()])]
    pub endpoints: Vec<String>,
    /// Password.
    pub password: Secret<String>,
    /// Key below which the configuration is.
    #[option(default = "traefik".to_owned())]
    pub root_key: String,
    /// Sentinels that know the servers.
    pub sentinel: Option<RedisSentinel>,
    /// TLS.
    pub tls: Option<ClientTls>,
    /// User.
    pub username: String,
}

/// Redis Sentinel. Traefik: `redis.sentinel`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct RedisSentinel {
    /// Read from the nearest server.
    pub latency_strategy: bool,
    /// Name of the master.
    pub master_name: String,
    /// Password.
    pub password: Secret<String>,
    /// Read from a random server.
    pub random_strategy: bool,
    /// Read from replicas.
    pub replica_strategy: bool,
    /// Read from replicas that lost their master too.
    pub use_disconnected_replicas: bool,
    /// User.
    pub username: String,
}
