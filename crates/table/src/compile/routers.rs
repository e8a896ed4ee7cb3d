//! Routers: where they stand and what they are made of.

use std::sync::Arc;

use pointsman_config::dynamic::Router;
use pointsman_config::dynamic::http::RuleSyntax;
use pointsman_config::names::{INTERNAL, QualifiedName};
use pointsman_config::static_::EntryPoint;
use pointsman_message::chain;
use pointsman_rule::{MAX_USER_PRIORITY, Rule, Syntax};

use super::Compiler;
use super::graph::Node;
use super::services::BuiltService;
use crate::index::Entry;
use crate::runtime::{RuntimeRouter, Status};
use crate::table::{Route, RouteMetrics, RouteOrder, Target};

/// Where a router's routes stand, to take them out again.
pub(super) struct Placed {
    runtime_name: QualifiedName,
    entry_points: Vec<usize>,
    tls: bool,
    id: u64,
}

impl Compiler {
    pub(super) fn take_out(&mut self, name: &QualifiedName) {
        self.layers.built.remove(name);
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
    pub(super) fn place(
        &mut self,
        name: &QualifiedName,
        router: &Arc<Router>,
        rank: &dyn Fn(&str) -> usize,
    ) {
        let mut problems = self.layers.notes(name).warnings;
        if !router.parent_refs.is_empty() {
            let config = router.clone();
            let placed = self.place_group(name, name.clone(), config, Vec::new(), problems, rank);
            self.routes.insert(name.clone(), vec![placed]);
            return;
        }
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
                Arc::make_mut(&mut config).entry_points =
                    if shared.is_empty() { wanted } else { names };
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

    pub(super) fn place_group(
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
        let is_child = !config.parent_refs.is_empty();
        let built = if positions.is_empty() && !is_child {
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
                let order = RouteOrder::new(
                    rank(name.provider()),
                    &rule,
                    config.origin.as_ref(),
                    &runtime_name,
                );
                let entry = Entry {
                    id,
                    priority: effective,
                    order,
                    rule,
                    target: route,
                };
                for position in positions {
                    if let Some(table) = self.entry_points.get_mut(position) {
                        let index = if tls {
                            &mut table.tls
                        } else {
                            &mut table.plain
                        };
                        *index = index.rebuild([], [entry.clone()]);
                        placed.entry_points.push(position);
                    }
                }
                if is_child {
                    self.layers.built.insert(runtime_name.clone(), entry);
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
    pub(super) fn modelled(&self, router: &Router, entry_point: &str) -> Option<Router> {
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

    /// What answers behind a router: its service, or its children.
    fn router_service(
        &mut self,
        name: &QualifiedName,
        runtime_name: &QualifiedName,
        config: &Router,
        errors: &mut Vec<String>,
    ) -> (QualifiedName, Option<Arc<BuiltService>>) {
        let children = self.layers.children(name);
        if config.service.is_empty() {
            // Prints as `router@provider-muxer`, as in Traefik's metrics.
            let muxer = format!("{}-muxer", runtime_name.provider());
            let muxer = QualifiedName::new(runtime_name.name(), &muxer);
            if children.is_empty() {
                errors.push("router has no service and no child routers".to_owned());
                return (muxer, None);
            }
            let routes: Vec<_> = children
                .iter()
                .filter_map(|child| self.layers.built.get(child))
                .cloned()
                .collect();
            if routes.is_empty() {
                errors.push(format!(
                    "no child routers could be added to muxer ({} skipped)",
                    children.len()
                ));
                return (muxer, None);
            }
            let service = BuiltService {
                target: Target::Children(Arc::new(routes.into_iter().collect())),
                steps: Arc::default(),
            };
            return (muxer, Some(Arc::new(service)));
        }
        if !children.is_empty() {
            errors.push(
                "router has both a service and is referenced as a parent by other routers"
                    .to_owned(),
            );
        }
        let service_name = QualifiedName::resolve(&config.service, name.provider());
        let node = Node::Router(name.clone());
        self.graph.add(&node, Node::Service(service_name.clone()));
        let service = self
            .service(&service_name)
            .map_err(|error| errors.push(error))
            .ok();
        (service_name, service)
    }

    #[expect(
        clippy::type_complexity,
        reason = "what a router is made of, taken apart by its only caller"
    )]
    pub(super) fn route(
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
        errors.extend(self.layers.notes(name).errors);
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
        let (service_name, service) = self.router_service(name, runtime_name, config, &mut errors);
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
}

/// Whether an entry point adds something to its routers. Traefik: `pkg/provider/traefik` models.
fn has_model(entry: &EntryPoint) -> bool {
    let default = EntryPoint::default();
    entry.http.tls.is_some()
        || !entry.http.middlewares.is_empty()
        || entry.observability != default.observability
        || entry.http.encoded_characters != default.http.encoded_characters
}
