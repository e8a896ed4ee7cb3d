//! Multi-layer routing: which routers refine which, and what is wrong with that. Traefik: `ParseRouterTree`.
//!
//! All routers that take part are built again when one of them changes: each decides about the state of others.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use pointsman_config::dynamic::Router;
use pointsman_config::names::QualifiedName;
use pointsman_provider::Objects;

use crate::index::Entry;
use crate::table::{Route, RouteOrder};

/// More layers below a router than anyone needs; dropping and running layers recurses.
const MAX_LAYERS: usize = 16;

/// Names of a cycle that are shown.
const SHOWN_NAMES: usize = 8;

/// The routers that take part in multi-layer routing.
#[derive(Default)]
pub(super) struct Layers {
    /// Routers with `parentRefs`, and these.
    parents: BTreeMap<QualifiedName, Vec<QualifiedName>>,
    /// Children by parent, without the links that close a cycle.
    children: HashMap<QualifiedName, Vec<QualifiedName>>,
    /// Where each reachable router stands in the order of building: children before their parents.
    places: HashMap<QualifiedName, usize>,
    notes: HashMap<QualifiedName, Notes>,
    /// Children that were built.
    pub(super) built: HashMap<QualifiedName, Entry<Arc<Route>, RouteOrder>>,
}

/// What is wrong with a router's place among the layers.
#[derive(Default, Clone)]
pub(super) struct Notes {
    /// What disables it.
    pub(super) errors: Vec<String>,
    /// What does not.
    pub(super) warnings: Vec<String>,
}

impl Layers {
    /// Takes over what router `name` says about its parents now; `None` if there is no such router.
    pub(super) fn update(&mut self, name: &QualifiedName, router: Option<&Router>) {
        match router {
            Some(router) if !router.parent_refs.is_empty() => {
                let parents = router
                    .parent_refs
                    .iter()
                    .map(|parent| QualifiedName::resolve(parent, name.provider()))
                    .collect();
                self.parents.insert(name.clone(), parents);
            }
            _ => {
                self.parents.remove(name);
            }
        }
    }

    /// Children and parents.
    pub(super) fn members(&self) -> BTreeSet<QualifiedName> {
        let parents = self.parents.values().flatten();
        self.parents.keys().chain(parents).cloned().collect()
    }

    /// The children of a router that may be reached through it.
    pub(super) fn children(&self, name: &QualifiedName) -> &[QualifiedName] {
        self.children.get(name).map_or(&[], Vec::as_slice)
    }

    /// What is wrong with a router's place.
    pub(super) fn notes(&self, name: &QualifiedName) -> Notes {
        self.notes.get(name).cloned().unwrap_or_default()
    }

    /// Sorts routers into the order in which they can be built.
    pub(super) fn place(&self, name: &QualifiedName) -> usize {
        self.places.get(name).copied().unwrap_or(usize::MAX)
    }

    /// Finds out who is whose child, cuts cycles and looks for mistakes.
    pub(super) fn plan(&mut self, routers: &Objects<Router>) {
        self.children.clear();
        self.notes.clear();
        for (child, parents) in &self.parents {
            for parent in parents {
                if routers.find(parent).is_some() {
                    let children = self.children.entry(parent.clone()).or_default();
                    if children.last() != Some(child) {
                        children.push(child.clone());
                    }
                } else {
                    let notes = self.notes.entry(child.clone()).or_default();
                    notes.errors.push(format!(
                        "parent router {:?} does not exist",
                        parent.as_str()
                    ));
                }
            }
            let mistake = routers.find(child).and_then(|router| forbidden(router));
            if let Some(what) = mistake {
                let notes = self.notes.entry(child.clone()).or_default();
                notes
                    .errors
                    .push(format!("non-root router cannot have {what} configuration"));
            }
        }
        let members = self.members();
        let heights = self.walk(
            members
                .iter()
                .filter(|name| !self.parents.contains_key(*name) && routers.find(name).is_some())
                .cloned()
                .collect(),
        );
        for name in members {
            let error = match heights.get(&name) {
                None => "router is not reachable".to_owned(),
                Some(height) if *height > MAX_LAYERS => {
                    format!("router has more than {MAX_LAYERS} layers of routers below it")
                }
                Some(_) => continue,
            };
            self.notes.entry(name).or_default().errors.push(error);
        }
    }

    /// Goes through the layers from the roots, cuts links that lead back, notes the order and returns how many layers
    /// stand below each router that is reached.
    fn walk(&mut self, roots: Vec<QualifiedName>) -> HashMap<QualifiedName, usize> {
        struct Visit {
            name: QualifiedName,
            next: usize,
            height: usize,
        }
        let visit = |name| Visit {
            name,
            next: 0,
            height: 0,
        };
        self.places.clear();
        let mut heights = HashMap::new();
        for root in roots {
            let mut on_path = HashSet::from([root.clone()]);
            let mut path = vec![visit(root)];
            while let Some(top) = path.last_mut() {
                let children = self.children.get_mut(&top.name);
                match children.as_ref().and_then(|c| c.get(top.next)).cloned() {
                    None => {
                        let done = path.pop();
                        let Some(Visit { name, height, .. }) = done else {
                            break;
                        };
                        if let Some(parent) = path.last_mut() {
                            parent.height = parent.height.max(height + 1);
                        }
                        on_path.remove(&name);
                        self.places.insert(name.clone(), self.places.len());
                        heights.insert(name, height);
                    }
                    Some(child) if on_path.contains(&child) => {
                        if let Some(children) = children {
                            children.remove(top.next);
                        }
                        let names: Vec<&str> = path
                            .iter()
                            .skip_while(|visit| visit.name != child)
                            .take(SHOWN_NAMES)
                            .map(|visit| visit.name.as_str())
                            .chain([child.as_str()])
                            .collect();
                        let text = format!(
                            "cyclic reference detected in router tree: {}",
                            names.join(" -> ")
                        );
                        self.notes.entry(child).or_default().warnings.push(text);
                    }
                    Some(child) => {
                        top.next += 1;
                        if let Some(height) = heights.get(&child) {
                            top.height = top.height.max(height + 1);
                        } else {
                            on_path.insert(child.clone());
                            path.push(visit(child));
                        }
                    }
                }
            }
        }
        heights
    }
}

/// What a router with parents must leave to the outermost one.
fn forbidden(router: &Router) -> Option<&'static str> {
    if router.tls.is_some() {
        Some("TLS")
    } else if router.observability.is_some() {
        Some("Observability")
    } else if !router.entry_points.is_empty() {
        Some("Entrypoints")
    } else {
        None
    }
}
