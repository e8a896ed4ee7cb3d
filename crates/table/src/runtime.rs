//! What became of the configuration: for the API, `explain` and diagnostics.

use std::collections::BTreeMap;
use std::sync::Arc;

use pointsman_config::dynamic::{Middleware, Router, Service};
use pointsman_config::names::QualifiedName;

/// Whether an object is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// It is.
    Enabled,
    /// It is, but not as its author may believe.
    Warning,
    /// It is not.
    Disabled,
}

impl Status {
    /// As Traefik's API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Warning => "warning",
            Self::Disabled => "disabled",
        }
    }
}

/// All objects with what became of them. Cheap to clone; unchanged objects are shared.
#[derive(Debug, Clone, Default)]
pub struct Runtime {
    /// Routers, as they run: one that differs between entry points stands here once for each.
    pub routers: Arc<BTreeMap<QualifiedName, Arc<RuntimeRouter>>>,
    /// Services.
    pub services: Arc<BTreeMap<QualifiedName, Arc<RuntimeService>>>,
    /// Middlewares.
    pub middlewares: Arc<BTreeMap<QualifiedName, Arc<RuntimeMiddleware>>>,
}

/// A router and what became of it.
#[derive(Debug, Clone)]
pub struct RuntimeRouter {
    /// The router, with everything that the entry point adds to it.
    pub config: Arc<Router>,
    /// Its state.
    pub status: Status,
    /// Why it is not [`Status::Enabled`].
    pub errors: Vec<String>,
    /// The entry points that it is attached to.
    pub using: Vec<String>,
    /// Its priority; `None` if it was not built.
    pub priority: Option<i64>,
}

/// A service and what became of it.
#[derive(Debug, Clone)]
pub struct RuntimeService {
    /// The service; `None` for those of the router's own.
    pub config: Option<Arc<Service>>,
    /// Its state.
    pub status: Status,
    /// Why it is not enabled.
    pub errors: Vec<String>,
    /// Servers by URL, all of them up as long as nothing checks them.
    pub servers: Vec<String>,
}

/// A middleware and what became of it.
#[derive(Debug, Clone)]
pub struct RuntimeMiddleware {
    /// The middleware.
    pub config: Arc<Middleware>,
    /// Its state.
    pub status: Status,
    /// Why it is not enabled.
    pub errors: Vec<String>,
}
