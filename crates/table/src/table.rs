//! The table itself.

use std::any::Any;
use std::sync::Arc;

use http::StatusCode;
use pointsman_config::dynamic::http::KubernetesOrigin;
use pointsman_config::names::QualifiedName;
use pointsman_message::{Call, Exchange, LocalBoxFuture, Next, ProxyError, Response, Scheme, Step};
use pointsman_observe::metrics::{RouterSlot, ServiceSlot};
use pointsman_rule::{HostKey, IndexKey, PathKey, RequestView, Rule};
use pointsman_tls::{CertificateStore, Demands, Policies};
use pointsman_upstream::LoadBalancer;

use crate::index::RuleIndex;
use crate::runtime::Runtime;
use crate::view::ExchangeView;

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
        self.of_scheme(scheme).find(view)
    }

    /// The index for requests of this scheme.
    pub fn of_scheme(&self, scheme: Scheme) -> &RuleIndex<Arc<Route>, RouteOrder> {
        match scheme {
            Scheme::Http => &self.plain,
            Scheme::Https => &self.tls,
        }
    }
}

/// Decides between routes of equal priority; smaller goes first.
///
/// By the provider's rank (`providers.precedence`), then the more precise rule (an exact host, then an exact path),
/// then the older Ingress (creation time, namespace, name; those without a creation time last), then the router's name.
/// A later Ingress with a clever name cannot take over a route.
// differs from traefik: a random one wins there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RouteOrder {
    provider: usize,
    vagueness: u8,
    created: i64,
    names: Arc<OrderNames>,
}

/// The rarely compared part of a [`RouteOrder`].
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct OrderNames {
    namespace: String,
    ingress: String,
    router: QualifiedName,
}

impl RouteOrder {
    /// The place of router `name` with this rule, made from `origin` if it comes from an Ingress.
    pub fn new(
        provider: usize,
        rule: &Rule,
        origin: Option<&KubernetesOrigin>,
        name: &QualifiedName,
    ) -> Self {
        let keys = rule.index_keys();
        let all = |is_exact: fn(&IndexKey) -> bool| !keys.is_empty() && keys.iter().all(is_exact);
        let host = all(|key| matches!(key.host, HostKey::Exact(_)));
        let path = all(|key| matches!(key.path, PathKey::Exact(_)));
        Self {
            provider,
            vagueness: u8::from(!host) * 2 + u8::from(!path),
            created: origin
                .map(|origin| origin.created)
                .filter(|created| *created != 0)
                .unwrap_or(i64::MAX),
            names: Arc::new(OrderNames {
                namespace: origin.map_or_else(String::new, |origin| origin.namespace.clone()),
                ingress: origin.map_or_else(String::new, |origin| origin.ingress_name.clone()),
                router: name.clone(),
            }),
        }
    }
}

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
    /// Other routers, by their rules, once the middlewares of this one ran (multi-layer routing).
    Children(Arc<RuleIndex<Arc<Route>, RouteOrder>>),
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
            Self::Children(routes) => enter(routes, exchange).await,
        }
    }
}

/// Routes an exchange as it is now among the routers of an inner layer.
fn enter<'a>(
    routes: &'a RuleIndex<Arc<Route>, RouteOrder>,
    exchange: &'a mut Exchange,
) -> LocalBoxFuture<'a, Result<Response, ProxyError>> {
    let Some(route) = routes.find(&ExchangeView::new(exchange)) else {
        let response = Response::text(StatusCode::NOT_FOUND, "404 page not found");
        return Box::pin(std::future::ready(Ok(response)));
    };
    // Another try starts from here again.
    let taken = &mut exchange.record.inner_routes;
    let leads_here = |taken: &Arc<dyn Any + Send + Sync>| {
        taken.downcast_ref::<Route>().is_some_and(
            |route| matches!(&route.target, Target::Children(own) if std::ptr::eq(&**own, routes)),
        )
    };
    let outer = taken.iter().rposition(leads_here).map_or(0, |at| at + 1);
    taken.truncate(outer);
    taken.push(route.clone());
    Next::new(&route.steps, &route.target).run(exchange)
}

impl Call for Target {
    fn call<'a>(
        &'a self,
        exchange: &'a mut Exchange,
    ) -> LocalBoxFuture<'a, Result<Response, ProxyError>> {
        Box::pin(self.forward(exchange))
    }
}
