//! From the merged configuration to a table, at the cost of what changed.
//!
//! [`Compiler::compile`] finds out what changed and what was built from it, forgets that and builds it anew. Each kind
//! of object has its file in `compile/`.

mod graph;
mod layers;
mod middlewares;
mod routers;
mod services;
#[cfg(test)]
mod tests;
mod tls;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, PoisonError};

use pointsman_config::Diagnostic;
use pointsman_config::names::{INTERNAL, QualifiedName};
use pointsman_config::static_;
use pointsman_message::{Call, Step};
use pointsman_middleware::HashPool;
use pointsman_observe::metrics::Metrics;
use pointsman_provider::Merged;
use pointsman_tls::{CertificateStore, Tls};
use pointsman_upstream::Transport;

use self::graph::{Graph, Node, diff};
use self::layers::Layers;
use self::routers::Placed;
use self::services::BuiltService;
use self::tls::TlsState;
use crate::build::CallKey;
use crate::runtime::Runtime;
use crate::table::{EntryPointTable, RoutingTable};

/// Reads a whole file.
pub type ReadFile = Box<dyn Fn(&Path) -> std::io::Result<Vec<u8>> + Send + Sync>;

/// What compiling needs from outside.
pub struct Environment {
    /// The static configuration, with the entry points that it implies.
    pub static_: Arc<static_::Configuration>,
    /// Where requests are counted, if they are.
    pub metrics: Option<Metrics>,
    /// The services of provider `internal`, by name.
    pub internal_services: BTreeMap<String, Arc<dyn Call>>,
    /// Reads a file that an object names.
    pub read_file: ReadFile,
    /// Where passwords are hashed.
    pub hashing: Arc<HashPool>,
}

/// Compiles tables, each from the one before.
pub struct Compiler {
    env: Environment,
    entry_point_names: Vec<String>,
    default_entry_points: Vec<String>,
    merged: Merged,
    generation: u64,
    graph: Graph,
    layers: Layers,
    transports: HashMap<QualifiedName, Result<Arc<Transport>, String>>,
    middlewares: HashMap<QualifiedName, Result<Arc<[Step]>, String>>,
    services: HashMap<QualifiedName, Result<Arc<BuiltService>, String>>,
    routes: HashMap<QualifiedName, Vec<Placed>>,
    ids: HashMap<QualifiedName, u64>,
    next_id: u64,
    calls: Mutex<HashMap<CallKey, Arc<dyn Call>>>,
    /// Live state: where each service's round robin stands.
    positions: HashMap<QualifiedName, Arc<AtomicU32>>,
    entry_points: Vec<EntryPointTable>,
    runtime: Runtime,
    tls: TlsState,
}

impl Compiler {
    /// A compiler that has seen nothing yet.
    pub fn new(env: Environment) -> Self {
        let entry_point_names: Vec<String> = env.static_.entry_points.keys().cloned().collect();
        let memory = Tls::new();
        let store = Arc::<CertificateStore>::default();
        let tls = TlsState {
            options: memory.policies([], None, &store),
            memory,
            store,
            routers: vec![BTreeMap::new(); entry_point_names.len()],
            policies: Vec::new(),
            stale: true,
            conflicted: BTreeSet::new(),
            diagnostics: Vec::new(),
        };
        Self {
            tls,
            default_entry_points: env.static_.default_entry_points(),
            entry_points: vec![EntryPointTable::default(); entry_point_names.len()],
            entry_point_names,
            env,
            merged: Merged::default(),
            generation: 0,
            graph: Graph::default(),
            layers: Layers::default(),
            transports: HashMap::new(),
            middlewares: HashMap::new(),
            services: HashMap::new(),
            routes: HashMap::new(),
            ids: HashMap::new(),
            next_id: 0,
            calls: Mutex::default(),
            positions: HashMap::new(),
            runtime: Runtime::default(),
        }
    }

    /// Names of the entry points, in the order of [`RoutingTable::entry_points`].
    pub fn entry_point_names(&self) -> &[String] {
        &self.entry_point_names
    }

    /// The table for `merged`. `rank` orders providers whose routers have equal priority (`providers.precedence`).
    pub fn compile(&mut self, merged: Merged, rank: &dyn Fn(&str) -> usize) -> RoutingTable {
        let before = std::mem::replace(&mut self.merged, merged);
        let mut changed = Vec::new();
        let after = &self.merged;
        diff(
            &before.servers_transports,
            &after.servers_transports,
            Node::Transport,
            &mut changed,
        );
        diff(
            &before.middlewares,
            &after.middlewares,
            Node::Middleware,
            &mut changed,
        );
        diff(
            &before.services,
            &after.services,
            Node::Service,
            &mut changed,
        );
        diff(
            &before.tls.options,
            &after.tls.options,
            Node::TlsOptions,
            &mut changed,
        );
        diff(&before.routers, &after.routers, Node::Router, &mut changed);
        if before.tls.default_options != after.tls.default_options {
            changed.push(Node::TlsOptions(QualifiedName::new("default", INTERNAL)));
        }
        self.update_tls_options(&before);
        let mut members = self.layers.members();
        for node in &changed {
            if let Node::Router(name) = node {
                let router = self.merged.routers.find(name);
                self.layers.update(name, router.map(|router| &**router));
            }
        }
        members.extend(self.layers.members());
        let mut affected = self.graph.affected(changed);
        if affected
            .iter()
            .any(|node| matches!(node, Node::Router(name) if members.contains(name)))
        {
            affected.extend(members.into_iter().map(Node::Router));
            self.layers.plan(&self.merged.routers);
        }
        for node in &affected {
            self.forget(node);
        }
        let mut affected: Vec<Node> = affected.into_iter().collect();
        affected.sort_by_key(|node| match node {
            Node::Router(name) => (1, self.layers.place(name)),
            _ => (0, 0),
        });
        for node in affected {
            self.rebuild(node, rank);
        }
        self.update_policies();
        let calls = self.calls.get_mut();
        let calls = calls.unwrap_or_else(PoisonError::into_inner);
        calls.retain(|_, call| Arc::strong_count(call) > 1);
        self.generation += 1;
        RoutingTable {
            generation: self.generation,
            tls: self.tls.policies.clone(),
            certificates: self.tls.store.clone(),
            entry_points: self.entry_points.clone(),
            runtime: self.runtime.clone(),
        }
    }

    /// Problems of certificates and TLS options.
    pub fn tls_diagnostics(&self) -> &[Diagnostic] {
        &self.tls.diagnostics
    }

    fn forget(&mut self, node: &Node) {
        self.graph.forget(node);
        match node {
            Node::Transport(name) => {
                self.transports.remove(name);
            }
            Node::Middleware(name) => {
                self.middlewares.remove(name);
            }
            Node::Service(name) => {
                self.services.remove(name);
            }
            Node::TlsOptions(_) => {}
            Node::Router(name) => self.take_out(name),
        }
    }

    /// Builds an object anew, or takes its last traces away if there is none any more. Objects that others need are
    /// built when they are first asked for.
    fn rebuild(&mut self, node: Node, rank: &dyn Fn(&str) -> usize) {
        match node {
            Node::TlsOptions(_) | Node::Transport(_) => {}
            Node::Middleware(name) => self.show_middleware(name),
            Node::Service(name) => self.show_service(name),
            Node::Router(name) => {
                if let Some(router) = self.merged.routers.find(&name).cloned() {
                    self.place(&name, &router, rank);
                }
            }
        }
    }
}
