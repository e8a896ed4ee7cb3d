//! What the API shows, as plain data.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use pointsman_config::dynamic::tcp::{TcpMiddleware, TcpRouter, TcpService};
use pointsman_config::dynamic::udp::{UdpRouter, UdpService};
use pointsman_config::dynamic::{Middleware, Router, Service};
use pointsman_config::names::QualifiedName;
use pointsman_config::static_::{Configuration, Providers};
use serde_json::{Map, Value};

use crate::certificates::CertificateView;

/// Everything that the API shows. `usedBy` is worked out from the routers.
#[derive(Debug, Clone, Default)]
pub struct RuntimeView {
    /// What the static configuration says.
    pub static_: StaticView,
    /// What runs, and since when.
    pub version: Version,
    /// HTTP routers, as they run: one that differs between entry points stands here once for each.
    pub routers: BTreeMap<QualifiedName, RouterView>,
    /// HTTP services, those of the router's own (`api@internal`) too.
    pub services: BTreeMap<QualifiedName, ServiceView>,
    /// HTTP middlewares.
    pub middlewares: BTreeMap<QualifiedName, MiddlewareView>,
    /// TCP objects.
    pub tcp: TcpView,
    /// UDP objects.
    pub udp: UdpView,
    /// The certificates that are served, without the one that the router made for itself.
    pub certificates: Vec<CertificateView>,
}

/// Whether an object is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Status {
    /// It is.
    #[default]
    Enabled,
    /// It is, but not as its author may believe.
    Warning,
    /// It is not.
    Disabled,
}

impl Status {
    /// As the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Warning => "warning",
            Self::Disabled => "disabled",
        }
    }
}

/// An object and what became of it.
#[derive(Debug, Clone)]
pub struct ObjectView<C> {
    /// As it is configured.
    pub config: C,
    /// Its state.
    pub status: Status,
    /// Why it is not [`Status::Enabled`].
    pub errors: Vec<String>,
}

/// A router and what became of it.
#[derive(Debug, Clone)]
pub struct RouterView<C = Router> {
    /// The router, with everything that its entry point adds.
    pub object: ObjectView<Arc<C>>,
    /// The entry points that it is attached to.
    pub using: Vec<String>,
    /// Its priority in force; `None` if it was not built, and for UDP.
    pub priority: Option<i64>,
}

/// A service and what became of it.
#[derive(Debug, Clone)]
pub struct ServiceView<C = Service> {
    /// The service; without a configuration for those of the router's own.
    pub object: ObjectView<Option<Arc<C>>>,
    /// Servers by URL (TCP: by address), and whether each is up; empty if the service was not built, and for UDP.
    pub servers: BTreeMap<String, bool>,
}

/// A middleware and what became of it.
pub type MiddlewareView<C = Middleware> = ObjectView<Arc<C>>;

/// TCP objects and what became of them.
#[derive(Debug, Clone, Default)]
pub struct TcpView {
    /// Routers.
    pub routers: BTreeMap<QualifiedName, RouterView<TcpRouter>>,
    /// Services.
    pub services: BTreeMap<QualifiedName, ServiceView<TcpService>>,
    /// Middlewares.
    pub middlewares: BTreeMap<QualifiedName, MiddlewareView<TcpMiddleware>>,
}

/// UDP objects and what became of them.
#[derive(Debug, Clone, Default)]
pub struct UdpView {
    /// Routers.
    pub routers: BTreeMap<QualifiedName, RouterView<UdpRouter>>,
    /// Services.
    pub services: BTreeMap<QualifiedName, ServiceView<UdpService>>,
}

/// What the API shows of the static configuration.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StaticView {
    /// `api.basePath`.
    pub base_path: String,
    /// `api.dashboardName`; empty = none.
    pub dashboard_name: String,
    /// `api.disableDashboardAd`.
    pub disable_dashboard_ad: bool,
    /// Entry points by name, as configured.
    pub entry_points: BTreeMap<String, Map<String, Value>>,
    /// Providers that are on, by Traefik's names: `File`, `KubernetesIngress`.
    pub providers: Vec<String>,
    /// Features that are on.
    pub features: Features,
}

/// Features that are on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Features {
    /// `OTLP`, or empty.
    pub tracing: &'static str,
    /// `Prometheus`, `Datadog`, `StatsD`, `InfluxDB2`, `OTLP`: the first that is on; or empty.
    pub metrics: &'static str,
    /// Whether there is an access log.
    pub access_log: bool,
}

/// What runs, and since when.
#[derive(Debug, Clone)]
pub struct Version {
    /// Version of the router.
    pub version: String,
    /// Name of the release.
    pub codename: String,
    /// When the process began.
    pub start: SystemTime,
}

impl Default for Version {
    fn default() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            codename: String::new(),
            start: SystemTime::UNIX_EPOCH,
        }
    }
}

impl From<&Configuration> for StaticView {
    fn from(configuration: &Configuration) -> Self {
        let api = configuration.api.clone().unwrap_or_default();
        let entry_points = configuration
            .entry_points
            .iter()
            .map(|(name, entry_point)| (name.clone(), crate::objects::to_map(entry_point)));
        Self {
            base_path: api.base_path,
            dashboard_name: api.dashboard_name,
            disable_dashboard_ad: api.disable_dashboard_ad,
            entry_points: entry_points.collect(),
            providers: providers(&configuration.providers),
            features: features(configuration),
        }
    }
}

/// In the order in which Traefik lists them.
fn providers(providers: &Providers) -> Vec<String> {
    let known = [
        ("Docker", providers.docker.is_some()),
        ("Swarm", providers.swarm.is_some()),
        ("File", providers.file.is_some()),
        ("KubernetesIngress", providers.kubernetes_ingress.is_some()),
        (
            "KubernetesIngressNGINX",
            providers.kubernetes_ingress_nginx.is_some(),
        ),
        ("KubernetesCRD", providers.kubernetes_crd.is_some()),
        ("KubernetesGateway", providers.kubernetes_gateway.is_some()),
        ("Knative", providers.knative.is_some()),
        ("Rest", providers.rest.is_some()),
        ("ConsulCatalog", providers.consul_catalog.is_some()),
        ("Nomad", providers.nomad.is_some()),
        ("Ecs", providers.ecs.is_some()),
        ("Consul", providers.consul.is_some()),
        ("Etcd", providers.etcd.is_some()),
        ("ZooKeeper", providers.zoo_keeper.is_some()),
        ("Redis", providers.redis.is_some()),
        ("HTTP", providers.http.is_some()),
    ];
    let known = known
        .into_iter()
        .filter(|(_, is_on)| *is_on)
        .map(|(name, _)| name.to_owned());
    let plugins = providers.plugin.keys().map(|name| format!("plugin-{name}"));
    known.chain(plugins).collect()
}

fn features(configuration: &Configuration) -> Features {
    let metrics = configuration.metrics.as_ref().map_or("", |metrics| {
        [
            ("Prometheus", metrics.prometheus.is_some()),
            ("Datadog", metrics.datadog.is_some()),
            ("StatsD", metrics.stats_d.is_some()),
            ("InfluxDB2", metrics.influx_db2.is_some()),
            ("OTLP", metrics.otlp.is_some()),
        ]
        .into_iter()
        .find(|(_, is_on)| *is_on)
        .map_or("", |(name, _)| name)
    });
    let is_traced = configuration
        .tracing
        .as_ref()
        .is_some_and(|tracing| tracing.otlp.is_some());
    Features {
        tracing: if is_traced { "OTLP" } else { "" },
        metrics,
        access_log: configuration.access_log.is_some(),
    }
}
