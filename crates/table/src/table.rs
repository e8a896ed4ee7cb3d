//! The table itself.

use std::sync::Arc;

use pointsman_config::dynamic::http::KubernetesOrigin;
use pointsman_config::names::QualifiedName;
use pointsman_message::{Call, Exchange, LocalBoxFuture, ProxyError, Response, Scheme, Step};
use pointsman_observe::metrics::{RouterSlot, ServiceSlot};
use pointsman_rule::RequestView;
use pointsman_tls::{CertificateStore, Demands, Policies};
use pointsman_upstream::LoadBalancer;

use crate::index::RuleIndex;
use crate::runtime::Runtime;

/// What a request is routed by. Immutable; a request keeps the one that it began with.
pub struct RoutingTable {
    /// Counts up with every table.
    pub generation: u64,
    /// By the position of the entry point in the static configuration (names in order).
    pub entry_points: Vec<EntryPointTable>,
    /// Which TLS policy counts for which name, by the position of the entry point.
    pub tls: Vec<Arc<Policies>>,
    /// The certificates that handshakes choose from.
    pub certificates: Arc<CertificateStore>,
    /// What the API shows.
    pub runtime: Runtime,
}

/// The routes of one entry point.
#[derive(Clone, Default)]
pub struct EntryPointTable {
    /// Of plain requests.
    pub plain: RuleIndex<Arc<Route>, RouteOrder>,
    /// Of requests over TLS.
    pub tls: RuleIndex<Arc<Route>, RouteOrder>,
}

impl EntryPointTable {
    /// The route of a request.
    pub fn find(&self, scheme: Scheme, view: &impl RequestView) -> Option<&Arc<Route>> {
        self.index(scheme).find(view)
    }

    /// The index for requests of this scheme.
    pub fn index(&self, scheme: Scheme) -> &RuleIndex<Arc<Route>, RouteOrder> {
        match scheme {
            Scheme::Http => &self.plain,
            Scheme::Https => &self.tls,
        }
    }
}

/// Decides between routes of equal priority: the provider's rank (`providers.precedence`), then the name.
pub type RouteOrder = (usize, QualifiedName);

/// A router on one entry point, compiled.
pub struct Route {
    /// Name of the router, as metrics and the access log show it.
    pub name: QualifiedName,
    /// Name of its service.
    pub service_name: QualifiedName,
    /// Middlewares of the entry point, the router and the service, in the order in which a request meets them.
    pub steps: Box<[Step]>,
    /// How many of `steps` are head filters before the first wrap.
    pub leading_filters: usize,
    /// What answers.
    pub target: Target,
    /// The Ingress path that it was made from.
    pub origin: Option<KubernetesOrigin>,
    /// Whether its requests are written to the access log.
    pub access_logs: bool,
    /// Where its requests are counted; `None` if they are not.
    pub metrics: Option<RouteMetrics>,
    /// Identity of the TLS policy that its host is served under; see I8.
    pub tls_options: Arc<str>,
    /// What its own TLS options demand of clients, whatever policy its host is served under.
    pub client_demands: Demands,
}

/// Where the requests of a route are counted.
#[derive(Debug, Clone)]
pub struct RouteMetrics {
    /// By router.
    pub router: RouterSlot,
    /// By service.
    pub service: ServiceSlot,
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Route")
            .field("name", &self.name)
            .field("service", &self.service_name)
            .finish_non_exhaustive()
    }
}

/// What answers the requests of a route.
#[derive(Clone)]
pub enum Target {
    /// Servers.
    LoadBalancer(Arc<LoadBalancer>),
    /// A service of the router's own.
    Internal(Arc<dyn Call>),
}

impl Target {
    /// Answers an exchange.
    ///
    /// # Errors
    /// What the service fails with.
    pub async fn forward(&self, exchange: &mut Exchange) -> Result<Response, ProxyError> {
        match self {
            Self::LoadBalancer(service) => service.forward(exchange).await,
            Self::Internal(service) => service.call(exchange).await,
        }
    }
}

impl Call for Target {
    fn call<'a>(
        &'a self,
        exchange: &'a mut Exchange,
    ) -> LocalBoxFuture<'a, Result<Response, ProxyError>> {
        Box::pin(self.forward(exchange))
    }
}
