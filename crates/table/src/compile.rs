//! From the merged configuration to a table, at the cost of what changed.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex};

use pointsman_config::Diagnostic;
use pointsman_config::dynamic::http::{RuleSyntax, ServiceKind};
use pointsman_config::dynamic::{Middleware, Router, ServersTransport};
use pointsman_config::names::{INTERNAL, QualifiedName};
use pointsman_config::static_::{self, EntryPoint};
use pointsman_message::{Call, Step, chain};
use pointsman_middleware::{BuildContext, HashPool};
use pointsman_observe::metrics::Metrics;
use pointsman_provider::{DefaultObject, Merged, Objects, TlsCertificate};
use pointsman_rule::{MAX_USER_PRIORITY, Rule, Syntax};
use pointsman_tls::{
    CertificateSource, CertificateStore, Conflict, Policies, PolicySet, RouterOptions, Tls, resolve,
};
use pointsman_upstream::Transport;
use rustls::pki_types::UnixTime;

use crate::build::{self, CallKey, Calls};
use crate::index::Entry;
use crate::runtime::{Runtime, RuntimeMiddleware, RuntimeRouter, RuntimeService, Status};
use crate::table::{EntryPointTable, Route, RouteMetrics, RouteOrder, RoutingTable, Target};

/// The transport of services that name none. Traefik: `default@internal`.
const DEFAULT_TRANSPORT: &str = "default";

/// What compiling needs from outside.
pub struct Environment {
    /// The static configuration, with the entry points that it implies.
    pub static_: Arc<static_::Configuration>,
    /// Where requests are counted, if they are.
    pub metrics: Option<Metrics>,
    /// The services of provider `internal`, by name.
    pub internal_services: BTreeMap<String, Arc<dyn Call>>,
    /// Reads a file that an object names.
    pub read_file: Box<dyn Fn(&Path) -> std::io::Result<Vec<u8>> + Send + Sync>,
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

/// What is known about TLS.
struct TlsState {
    memory: Tls,
    store: Arc<CertificateStore>,
    options: PolicySet,
    /// Routers with TLS by entry point: their hosts and their options.
    routers: Vec<BTreeMap<QualifiedName, (Vec<String>, Arc<str>)>>,
    policies: Vec<Arc<Policies>>,
    /// Whether `policies` are out of date.
    stale: bool,
    /// Problems of certificates, then of options.
    diagnostics: Vec<Diagnostic>,
}

struct BuiltService {
    target: Target,
    steps: Arc<[Step]>,
}

/// Where a router's routes stand, to take them out again.
struct Placed {
    runtime_name: QualifiedName,
    entry_points: Vec<usize>,
    tls: bool,
    id: u64,
}

/// An object that others may depend on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Node {
    Transport(QualifiedName),
    Middleware(QualifiedName),
    Service(QualifiedName),
    TlsOptions(QualifiedName),
    Router(QualifiedName),
}

/// Who depends on whom.
#[derive(Default)]
struct Graph {
    dependents: HashMap<Node, BTreeSet<Node>>,
    needs: HashMap<Node, Vec<Node>>,
}

impl Graph {
    /// Notes that `node` was built from `need`, which need not exist.
    fn add(&mut self, node: &Node, need: Node) {
        self.dependents
            .entry(need.clone())
            .or_default()
            .insert(node.clone());
        self.needs.entry(node.clone()).or_default().push(need);
    }

    /// Forgets what `node` was built from.
    fn forget(&mut self, node: &Node) {
        for need in self.needs.remove(node).unwrap_or_default() {
            if let Some(dependents) = self.dependents.get_mut(&need) {
                dependents.remove(node);
                if dependents.is_empty() {
                    self.dependents.remove(&need);
                }
            }
        }
    }

    /// `changed` and everything that was built from it, directly or not.
    fn affected(&self, changed: Vec<Node>) -> BTreeSet<Node> {
        let mut affected = BTreeSet::new();
        let mut queue = changed;
        while let Some(node) = queue.pop() {
            if let Some(dependents) = self.dependents.get(&node) {
                queue.extend(
                    dependents
                        .iter()
                        .filter(|d| !affected.contains(*d))
                        .cloned(),
                );
            }
            affected.insert(node);
        }
        affected
    }
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
        let affected = self.graph.affected(changed);
        for node in &affected {
            self.forget(node);
        }
        for node in affected {
            self.rebuild(node, rank);
        }
        self.update_policies();
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

    fn update_tls_options(&mut self, before: &Merged) {
        let after = &self.merged.tls;
        let same_certificates = before.tls.certificates.len() == after.certificates.len()
            && before
                .tls
                .certificates
                .iter()
                .zip(&after.certificates)
                .all(|(a, b)| Arc::ptr_eq(&a.certificate, &b.certificate));
        let same_options = before.tls.options.ptr_eq(&after.options)
            && before.tls.default_options == after.default_options
            && before.tls.default_store == after.default_store;
        if same_certificates && same_options && self.generation > 0 {
            return;
        }
        let sources: Vec<_> = after
            .certificates
            .iter()
            .enumerate()
            .map(|(index, certificate)| certificate_source(index, certificate))
            .collect();
        let default = match &after.default_store {
            DefaultObject::Defined { object, .. } => object.default_certificate.as_ref(),
            DefaultObject::BuiltIn | DefaultObject::Conflict(_) => None,
        };
        let build = self.tls.memory.store(&sources, default, UnixTime::now());
        self.tls.store = build.store;
        let default = match &after.default_options {
            DefaultObject::BuiltIn => None,
            DefaultObject::Defined { object, .. } => Some(Some(&**object)),
            DefaultObject::Conflict(_) => Some(None),
        };
        let options = after
            .options
            .iter()
            .map(|(name, options)| (name.as_str(), &**options));
        self.tls.options = self.tls.memory.policies(options, default, &self.tls.store);
        self.tls.diagnostics = build.diagnostics;
        self.tls
            .diagnostics
            .extend_from_slice(self.tls.options.diagnostics());
        self.tls.stale = true;
    }

    /// Decides which policy counts for which name, for each entry point, and tells routers whose options do not.
    fn update_policies(&mut self) {
        if !std::mem::take(&mut self.tls.stale) {
            return;
        }
        self.tls.policies.clear();
        for routers in &self.tls.routers {
            let hosts: Vec<Vec<&str>> = routers
                .values()
                .map(|(hosts, _)| hosts.iter().map(String::as_str).collect())
                .collect();
            let options: Vec<_> = routers
                .iter()
                .zip(&hosts)
                .map(|((name, (_, options)), hosts)| RouterOptions {
                    router: name.as_str(),
                    hosts,
                    options,
                })
                .collect();
            let resolution = resolve(&options);
            for (name, conflict) in &resolution.conflicted {
                let message = match conflict {
                    Conflict::Hosts(_) => {
                        "routers of the same host use different TLS options: the default ones count, with the client authentication of all of them"
                    }
                    Conflict::NoHost => {
                        "TLS options need a Host in the rule to be found by: the default ones count"
                    }
                };
                let shown = routers.keys().find(|router| router.as_str() == &**name);
                if let Some(router) =
                    shown.and_then(|name| Arc::make_mut(&mut self.runtime.routers).get_mut(name))
                {
                    let router = Arc::make_mut(router);
                    router.status = router.status.max(Status::Warning);
                    if !router.errors.iter().any(|error| error == message) {
                        router.errors.push(message.to_owned());
                    }
                }
            }
            self.tls
                .policies
                .push(Arc::new(self.tls.options.entry_point(&resolution)));
        }
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

    fn show_middleware(&mut self, name: QualifiedName) {
        let Some(config) = self.merged.middlewares.find(&name).cloned() else {
            Arc::make_mut(&mut self.runtime.middlewares).remove(&name);
            return;
        };
        let errors: Vec<String> = self.middleware(&name).err().into_iter().collect();
        let status = if errors.is_empty() {
            Status::Enabled
        } else {
            Status::Disabled
        };
        let shown = Arc::new(RuntimeMiddleware {
            config,
            status,
            errors,
        });
        Arc::make_mut(&mut self.runtime.middlewares).insert(name, shown);
    }

    fn show_service(&mut self, name: QualifiedName) {
        let Some(config) = self.merged.services.find(&name).cloned() else {
            Arc::make_mut(&mut self.runtime.services).remove(&name);
            self.positions.remove(&name);
            return;
        };
        let built = self.service(&name);
        let servers = match built.as_deref() {
            Ok(BuiltService {
                target: Target::LoadBalancer(service),
                ..
            }) => service.urls().map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        let errors: Vec<String> = built.err().into_iter().collect();
        let status = if errors.is_empty() {
            Status::Enabled
        } else {
            Status::Disabled
        };
        let shown = Arc::new(RuntimeService {
            config: Some(config),
            status,
            errors,
            servers,
        });
        Arc::make_mut(&mut self.runtime.services).insert(name, shown);
    }

    fn transport(&mut self, name: &QualifiedName) -> Result<Arc<Transport>, String> {
        if let Some(known) = self.transports.get(name) {
            return known.clone();
        }
        let default = QualifiedName::new(DEFAULT_TRANSPORT, INTERNAL);
        let data: Option<Arc<ServersTransport>> = if *name == default {
            Some(Arc::new(self.env.static_.servers_transport.to_dynamic()))
        } else {
            self.merged.servers_transports.find(name).cloned()
        };
        let built = match data {
            Some(data) => build::transport(&data)
                .map_err(|error| format!("serversTransport {:?}: {error}", name.as_str())),
            None => Err(format!("serversTransport not found {}", name.as_str())),
        };
        self.transports.insert(name.clone(), built.clone());
        built
    }

    fn middleware(&mut self, name: &QualifiedName) -> Result<Arc<[Step]>, String> {
        if let Some(known) = self.middlewares.get(name) {
            return known.clone();
        }
        // A chain that comes back to itself finds this and fails.
        self.middlewares.insert(
            name.clone(),
            Err(format!("middleware {:?} contains itself", name.as_str())),
        );
        let built = self.build_middleware(name);
        self.middlewares.insert(name.clone(), built.clone());
        built
    }

    fn build_middleware(&mut self, name: &QualifiedName) -> Result<Arc<[Step]>, String> {
        let data = self
            .merged
            .middlewares
            .find(name)
            .cloned()
            .ok_or_else(|| format!("middleware {:?} does not exist", name.as_str()))?;
        if let Middleware::Chain(chain) = &*data {
            let names: Vec<_> = chain
                .middlewares
                .iter()
                .map(|member| QualifiedName::resolve(member, name.provider()))
                .collect();
            return Ok(self.steps(&Node::Middleware(name.clone()), &names)?.into());
        }
        let calls = Calls { known: &self.calls };
        let context = BuildContext {
            name,
            calls: &calls,
            read_file: &*self.env.read_file,
            hashing: &self.env.hashing,
        };
        let step =
            pointsman_middleware::build(&data, &context).map_err(|error| error.to_string())?;
        Ok(Arc::from([step]))
    }

    /// The steps of several middlewares in a row, for `owner`.
    fn steps(&mut self, owner: &Node, names: &[QualifiedName]) -> Result<Vec<Step>, String> {
        let mut steps = Vec::new();
        let mut failed = None;
        for name in names {
            self.graph.add(owner, Node::Middleware(name.clone()));
            match self.middleware(name) {
                Ok(more) => steps.extend(more.iter().cloned()),
                Err(error) => {
                    failed.get_or_insert(error);
                }
            }
        }
        failed.map_or(Ok(steps), Err)
    }

    fn service(&mut self, name: &QualifiedName) -> Result<Arc<BuiltService>, String> {
        if let Some(known) = self.services.get(name) {
            return known.clone();
        }
        let built = self.build_service(name).map(Arc::new);
        self.services.insert(name.clone(), built.clone());
        built
    }

    fn build_service(&mut self, name: &QualifiedName) -> Result<BuiltService, String> {
        let missing = || format!("the service {:?} does not exist", name.as_str());
        if name.provider() == INTERNAL {
            let call = self
                .env
                .internal_services
                .get(name.name())
                .ok_or_else(missing)?;
            return Ok(BuiltService {
                target: Target::Internal(call.clone()),
                steps: Arc::default(),
            });
        }
        let data = self
            .merged
            .services
            .find(name)
            .cloned()
            .ok_or_else(missing)?;
        let node = Node::Service(name.clone());
        let names: Vec<_> = data
            .middlewares
            .iter()
            .map(|member| QualifiedName::resolve(member, name.provider()))
            .collect();
        let steps = self.steps(&node, &names)?.into();
        let kind = match &data.kind {
            ServiceKind::LoadBalancer(data) => {
                let transport = match data.servers_transport.as_str() {
                    "" => QualifiedName::new(DEFAULT_TRANSPORT, INTERNAL),
                    reference => QualifiedName::resolve(reference, name.provider()),
                };
                self.graph.add(&node, Node::Transport(transport.clone()));
                let transport = self.transport(&transport)?;
                let position = self.positions.entry(name.clone()).or_default().clone();
                let service = build::load_balancer(name, data, transport, position)?;
                return Ok(BuiltService {
                    target: Target::LoadBalancer(Arc::new(service)),
                    steps,
                });
            }
            ServiceKind::Weighted(_) => "weighted",
            ServiceKind::HighestRandomWeight(_) => "highestRandomWeight",
            ServiceKind::Mirroring(_) => "mirroring",
            ServiceKind::Failover(_) => "failover",
        };
        Err(format!(
            "service {:?}: kind {kind} is not built yet; use a loadBalancer",
            name.as_str()
        ))
    }

    fn take_out(&mut self, name: &QualifiedName) {
        for placed in self.routes.remove(name).unwrap_or_default() {
            Arc::make_mut(&mut self.runtime.routers).remove(&placed.runtime_name);
            if placed.tls {
                for routers in &mut self.tls.routers {
                    self.tls.stale |= routers.remove(&placed.runtime_name).is_some();
                }
            }
            for position in placed.entry_points {
                if let Some(table) = self.entry_points.get_mut(position) {
                    let index = if placed.tls {
                        &mut table.tls
                    } else {
                        &mut table.plain
                    };
                    *index = index.rebuild([placed.id], []);
                }
            }
        }
    }

    /// Builds a router and puts it into the index of each of its entry points.
    fn place(&mut self, name: &QualifiedName, router: &Arc<Router>, rank: &dyn Fn(&str) -> usize) {
        let mut problems = Vec::new();
        let wanted = if router.entry_points.is_empty() {
            self.default_entry_points.clone()
        } else {
            router.entry_points.clone()
        };
        let mut shared = Vec::new();
        let mut groups: Vec<(QualifiedName, Arc<Router>, Vec<usize>)> = Vec::new();
        for entry_point in &wanted {
            let Ok(position) = self.entry_point_names.binary_search(entry_point) else {
                problems.push(format!("entryPoint {entry_point:?} doesn't exist"));
                continue;
            };
            match self.modelled(router, entry_point) {
                None => shared.push(position),
                Some(changed) => {
                    let own_name = if wanted.len() > 1 {
                        QualifiedName::new(
                            &format!("{entry_point}-{}", name.name()),
                            name.provider(),
                        )
                    } else {
                        name.clone()
                    };
                    groups.push((own_name, Arc::new(changed), vec![position]));
                }
            }
        }
        if shared.is_empty() && groups.is_empty() {
            problems.push("no valid entryPoint for this router".to_owned());
        }
        if !shared.is_empty() || groups.is_empty() {
            let mut config = router.clone();
            if config.entry_points != wanted || !groups.is_empty() {
                let names = shared
                    .iter()
                    .filter_map(|p| self.entry_point_names.get(*p))
                    .cloned()
                    .collect();
                Arc::make_mut(&mut config).entry_points = if shared.is_empty() {
                    wanted.clone()
                } else {
                    names
                };
            }
            groups.push((name.clone(), config, shared));
        }
        let mut placed = Vec::new();
        for (runtime_name, config, positions) in groups {
            placed.push(self.place_group(
                name,
                runtime_name,
                config,
                positions,
                problems.clone(),
                rank,
            ));
        }
        self.routes.insert(name.clone(), placed);
    }

    fn place_group(
        &mut self,
        name: &QualifiedName,
        runtime_name: QualifiedName,
        config: Arc<Router>,
        positions: Vec<usize>,
        mut problems: Vec<String>,
        rank: &dyn Fn(&str) -> usize,
    ) -> Placed {
        let using: Vec<String> = positions
            .iter()
            .filter_map(|position| self.entry_point_names.get(*position))
            .cloned()
            .collect();
        let tls = config.tls.is_some();
        let id = *self.ids.entry(runtime_name.clone()).or_insert_with(|| {
            self.next_id += 1;
            self.next_id
        });
        let mut placed = Placed {
            runtime_name: runtime_name.clone(),
            entry_points: Vec::new(),
            tls,
            id,
        };
        let mut status = if problems.is_empty() {
            Status::Enabled
        } else {
            Status::Warning
        };
        let mut priority = None;
        let built = if positions.is_empty() {
            Err(Vec::new())
        } else {
            self.route(name, &runtime_name, &config)
        };
        match built {
            Ok((rule, effective, route, warnings)) => {
                if !warnings.is_empty() {
                    status = Status::Warning;
                    problems.extend(warnings);
                }
                priority = Some(effective);
                if tls {
                    for position in &positions {
                        if let Some(routers) = self.tls.routers.get_mut(*position) {
                            let known = (rule.hosts(), route.tls_options.clone());
                            routers.insert(runtime_name.clone(), known);
                            self.tls.stale = true;
                        }
                    }
                }
                let order: RouteOrder = (rank(name.provider()), runtime_name.clone());
                for position in positions {
                    if let Some(table) = self.entry_points.get_mut(position) {
                        let index = if tls {
                            &mut table.tls
                        } else {
                            &mut table.plain
                        };
                        let entry = Entry {
                            id,
                            priority: effective,
                            order: order.clone(),
                            rule: rule.clone(),
                            target: route.clone(),
                        };
                        *index = index.rebuild([], [entry]);
                        placed.entry_points.push(position);
                    }
                }
            }
            Err(errors) => {
                status = Status::Disabled;
                problems.extend(errors);
            }
        }
        let shown = Arc::new(RuntimeRouter {
            config,
            status,
            errors: problems,
            using,
            priority,
        });
        Arc::make_mut(&mut self.runtime.routers).insert(runtime_name, shown);
        placed
    }

    /// The router with what this entry point adds to it; `None` if it adds nothing. Traefik: `applyModel`.
    fn modelled(&self, router: &Router, entry_point: &str) -> Option<Router> {
        let entry = self.env.static_.entry_points.get(entry_point)?;
        let syntax = self.env.static_.core.default_rule_syntax;
        if !has_model(entry) && syntax != RuleSyntax::V2 {
            return None;
        }
        let mut changed = router.clone();
        changed.entry_points = vec![entry_point.to_owned()];
        if changed.tls.is_none() {
            changed.tls.clone_from(&entry.http.tls);
        }
        changed.middlewares = entry
            .http
            .middlewares
            .iter()
            .chain(&router.middlewares)
            .cloned()
            .collect();
        if changed.rule_syntax.is_none() && syntax == RuleSyntax::V2 {
            changed.rule_syntax = Some(RuleSyntax::V2);
        }
        Some(changed)
    }

    #[expect(
        clippy::type_complexity,
        reason = "what a router is made of, taken apart by its only caller"
    )]
    fn route(
        &mut self,
        name: &QualifiedName,
        runtime_name: &QualifiedName,
        config: &Router,
    ) -> Result<(Arc<Rule>, i64, Arc<Route>, Vec<String>), Vec<String>> {
        let mut errors = Vec::new();
        let mut warnings = Vec::new();
        let node = Node::Router(name.clone());
        let syntax = match config.rule_syntax {
            Some(RuleSyntax::V2) => Syntax::V2,
            Some(RuleSyntax::V3 | RuleSyntax::Default) | None => Syntax::V3,
        };
        let rule = Rule::parse(&config.rule, syntax)
            .map_err(|error| errors.push(error.to_string()))
            .ok();
        if let Some(rule) = &rule {
            warnings.extend(rule.warnings().iter().map(ToString::to_string));
        }
        if config.priority > MAX_USER_PRIORITY && name.provider() != INTERNAL {
            errors.push(format!(
                "the router priority {} exceeds the max user-defined priority {MAX_USER_PRIORITY}",
                config.priority
            ));
        }
        if !config.parent_refs.is_empty() || config.service.is_empty() {
            errors.push(
                "multi-layer routing is not built yet: give the router a service and no parentRefs"
                    .to_owned(),
            );
        }
        let tls_options = self.tls_options(
            &node,
            name,
            config,
            rule.as_ref().is_some_and(Rule::has_host),
            &mut errors,
            &mut warnings,
        );
        let names: Vec<_> = config
            .middlewares
            .iter()
            .map(|member| QualifiedName::resolve(member, name.provider()))
            .collect();
        let mut steps = self
            .steps(&node, &names)
            .map_err(|error| errors.push(error))
            .unwrap_or_default();
        let service_name = QualifiedName::resolve(&config.service, name.provider());
        self.graph.add(&node, Node::Service(service_name.clone()));
        let service = match config.service.is_empty() {
            true => None,
            false => self
                .service(&service_name)
                .map_err(|error| errors.push(error))
                .ok(),
        };
        let (Some(rule), Some(service), true) = (rule, service, errors.is_empty()) else {
            return Err(errors);
        };
        let priority = if config.priority == 0 {
            rule.default_priority()
        } else {
            config.priority
        };
        steps.extend(service.steps.iter().cloned());
        let observability = config.observability.as_ref();
        let entry_points: Vec<_> = config
            .entry_points
            .iter()
            .filter_map(|name| self.env.static_.entry_points.get(name))
            .collect();
        let is_internal =
            name.provider() == INTERNAL || matches!(service.target, Target::Internal(_));
        let static_ = &self.env.static_;
        let log_internals = static_
            .access_log
            .as_ref()
            .is_some_and(|log| log.add_internals);
        let count_internals = static_
            .metrics
            .as_ref()
            .is_some_and(|metrics| metrics.add_internals);
        let access_logs = observability
            .and_then(|o| o.access_logs)
            .unwrap_or_else(|| entry_points.iter().all(|e| e.observability.access_logs));
        let counted = observability
            .and_then(|o| o.metrics)
            .unwrap_or_else(|| entry_points.iter().all(|e| e.observability.metrics));
        let metrics = match &self.env.metrics {
            Some(metrics) if counted && (!is_internal || count_internals) => Some(RouteMetrics {
                router: metrics.router(runtime_name.as_str(), service_name.as_str()),
                service: metrics.service(service_name.as_str()),
            }),
            _ => None,
        };
        let route = Route {
            name: runtime_name.clone(),
            service_name,
            leading_filters: chain::leading_filters(&steps).len(),
            steps: steps.into(),
            target: service.target.clone(),
            origin: config.origin.clone(),
            access_logs: access_logs && (!is_internal || log_internals),
            metrics,
            client_demands: self
                .tls
                .options
                .policy(&tls_options)
                .map(|policy| policy.demands().clone())
                .unwrap_or_default(),
            tls_options,
        };
        Ok((Arc::new(rule), priority, Arc::new(route), warnings))
    }

    fn tls_options(
        &mut self,
        node: &Node,
        name: &QualifiedName,
        config: &Router,
        has_host: bool,
        errors: &mut Vec<String>,
        warnings: &mut Vec<String>,
    ) -> Arc<str> {
        let Some(tls) = &config.tls else {
            return "".into();
        };
        if !tls.cert_resolver.is_empty() {
            warnings.push(format!(
                "certificate resolver {:?} does not exist: certificates come from secrets and files only",
                tls.cert_resolver
            ));
        }
        if tls.options.is_empty() || tls.options == "default" {
            self.graph.add(
                node,
                Node::TlsOptions(QualifiedName::new("default", INTERNAL)),
            );
            if let DefaultObject::Conflict(providers) = &self.merged.tls.default_options {
                errors.push(format!(
                    "the default TLS options are defined by several providers: {}",
                    providers.join(", ")
                ));
            }
            return "default".into();
        }
        let options = QualifiedName::resolve(&tls.options, name.provider());
        self.graph.add(node, Node::TlsOptions(options.clone()));
        match self.tls.options.policy(options.as_str()) {
            None => errors.push(format!("building router: unknown TLS options: {}", options.as_str())),
            Some(policy) if policy.config().is_none() => {
                errors.push(format!("building router: TLS options {} cannot be built", options.as_str()));
            }
            Some(policy) if policy.asks_for_certificates() && !has_host => errors.push(format!(
                "building router: TLS options {} ask for client certificates, which needs a Host in the rule",
                options.as_str()
            )),
            Some(_) => {}
        }
        options.as_str().into()
    }
}

/// A certificate with its object's name, by which a renewed one finds the one that it replaces.
fn certificate_source(index: usize, certificate: &TlsCertificate) -> CertificateSource {
    let TlsCertificate {
        provider,
        certificate,
    } = certificate;
    let origin = certificate.origin.as_ref();
    CertificateSource {
        object: origin.map_or_else(
            || format!("tls certificate {index} of provider {provider}").into(),
            Arc::clone,
        ),
        owner: origin.map(|origin| format!("{origin} of provider {provider}").into()),
        certificate: Arc::clone(certificate),
    }
}

/// Whether an entry point adds something to its routers. Traefik: `pkg/provider/traefik` models.
fn has_model(entry: &EntryPoint) -> bool {
    let default = EntryPoint::default();
    entry.http.tls.is_some()
        || !entry.http.middlewares.is_empty()
        || entry.observability != default.observability
        || entry.http.encoded_characters != default.http.encoded_characters
}

/// Names of objects that are not the same in both lists, which are sorted by name.
fn diff<T>(
    before: &Objects<T>,
    after: &Objects<T>,
    node: impl Fn(QualifiedName) -> Node,
    changed: &mut Vec<Node>,
) {
    if before.ptr_eq(after) {
        return;
    }
    let mut old = before.iter().peekable();
    let mut new = after.iter().peekable();
    let mut seen = HashSet::new();
    loop {
        let ordering = match (old.peek(), new.peek()) {
            (None, None) => return,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some((a, _)), Some((b, _))) => a.cmp(b),
        };
        let name = match ordering {
            std::cmp::Ordering::Less => old.next().map(|(name, _)| name),
            std::cmp::Ordering::Greater => new.next().map(|(name, _)| name),
            std::cmp::Ordering::Equal => match (old.next(), new.next()) {
                (Some((_, a)), Some((name, b))) if !Arc::ptr_eq(a, b) => Some(name),
                _ => None,
            },
        };
        if let Some(name) = name
            && seen.insert(name)
        {
            changed.push(node(name.clone()));
        }
    }
}
