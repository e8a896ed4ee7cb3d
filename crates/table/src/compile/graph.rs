//! Which object was built from which.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use pointsman_config::names::QualifiedName;
use pointsman_provider::Objects;

/// An object that others may depend on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Node {
    Transport(QualifiedName),
    Middleware(QualifiedName),
    Service(QualifiedName),
    TlsOptions(QualifiedName),
    Router(QualifiedName),
}

/// Who depends on whom.
#[derive(Default)]
pub(super) struct Graph {
    dependents: HashMap<Node, BTreeSet<Node>>,
    needs: HashMap<Node, Vec<Node>>,
}

impl Graph {
    /// Notes that `node` was built from `need`, which need not exist.
    pub(super) fn add(&mut self, node: &Node, need: Node) {
        self.dependents
            .entry(need.clone())
            .or_default()
            .insert(node.clone());
        self.needs.entry(node.clone()).or_default().push(need);
    }

    /// Forgets what `node` was built from.
    pub(super) fn forget(&mut self, node: &Node) {
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
    pub(super) fn affected(&self, changed: Vec<Node>) -> BTreeSet<Node> {
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

/// Names of objects that are not the same in both lists, which are sorted by name.
pub(super) fn diff<T>(
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
