//! Exact paths before prefixes.
//!
//! The reference lets the longer rule text win, so that `PathPrefix("/x")` hides `Path("/x")`, and `PathPrefix("/shop")`
//! hides `Path("/shop/1")`. Kubernetes demands that the longer path wins, and of equal ones the exact one. An exact path
//! matches one path only, so that raising its priority above the prefixes that hide it changes nothing for any other
//! path. Paths without such a conflict keep the priority of their rule's length.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashMap;

use super::fragment::{PathRouter, Precedence};
use super::rule::prefix_covers;
use crate::snapshot::ObjectName;

/// Exact and prefix paths by host.
#[derive(Debug, Default)]
pub(super) struct Precedences {
    /// Sorted by path.
    hosts: HashMap<Arc<str>, Vec<Entry>>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    path: Arc<str>,
    exact: bool,
    /// Length of the rule.
    length: usize,
    owner: ObjectName,
}

impl Entry {
    fn new(router: &PathRouter, owner: &ObjectName) -> Option<Self> {
        let exact = match router.precedence {
            Precedence::Exact => true,
            Precedence::Prefix => false,
            Precedence::None => return None,
        };
        Some(Self {
            path: router.path.clone(),
            exact,
            length: router.router.rule.len(),
            owner: owner.clone(),
        })
    }
}

impl Precedences {
    pub(super) fn add(&mut self, router: &PathRouter, owner: &ObjectName) {
        let Some(entry) = Entry::new(router, owner) else {
            return;
        };
        let entries = self
            .hosts
            .entry(router.host.clone())
            .or_insert_with(|| Vec::with_capacity(1));
        // Equal entries of one owner (collapsed keys) are kept once each, so that each can be removed.
        let at = entries.partition_point(|other| *other < entry);
        entries.insert(at, entry);
    }

    pub(super) fn remove(&mut self, router: &PathRouter, owner: &ObjectName) {
        let Some(entry) = Entry::new(router, owner) else {
            return;
        };
        let Some(entries) = self.hosts.get_mut(&router.host) else {
            return;
        };
        if let Ok(at) = entries.binary_search(&entry) {
            entries.remove(at);
        }
        if entries.is_empty() {
            self.hosts.remove(&router.host);
        }
    }

    /// Owners of the exact paths whose priority may depend on `router`.
    pub(super) fn dependents(
        &self,
        router: &PathRouter,
        strict: bool,
        owners: &mut BTreeSet<ObjectName>,
    ) {
        if router.precedence != Precedence::Prefix {
            return;
        }
        let Some(entries) = self.hosts.get(&router.host) else {
            return;
        };
        let trimmed = router.path.strip_suffix('/').unwrap_or(&router.path);
        let from = entries.partition_point(|entry| &*entry.path < trimmed);
        let below = entries
            .iter()
            .skip(from)
            .take_while(|entry| entry.path.starts_with(trimmed));
        let exact =
            below.filter(|entry| entry.exact && prefix_covers(&router.path, &entry.path, strict));
        owners.extend(exact.map(|entry| entry.owner.clone()));
    }

    /// The priority that an exact path needs; `None` if the length of its rule suffices.
    pub(super) fn priority(&self, router: &PathRouter, strict: bool) -> Option<i64> {
        if router.precedence != Precedence::Exact {
            return None;
        }
        let entries = self.hosts.get(&router.host)?;
        let path = &*router.path;
        // A strict prefix may be one slash longer than the path that it matches.
        let slashed = strict.then(|| format!("{path}/"));
        let candidates = (1..=path.len())
            .filter_map(|end| path.get(..end))
            .chain(slashed.as_deref());
        let longest = candidates
            .filter(|prefix| prefix_covers(prefix, path, strict))
            .filter_map(|prefix| longest_prefix_rule(entries, prefix))
            .max()?;
        (longest >= router.router.rule.len())
            .then(|| i64::try_from(longest).unwrap_or(i64::MAX).saturating_add(1))
    }
}

fn longest_prefix_rule(entries: &[Entry], prefix: &str) -> Option<usize> {
    let from = entries.partition_point(|entry| &*entry.path < prefix);
    let same = entries
        .iter()
        .skip(from)
        .take_while(|entry| &*entry.path == prefix);
    same.filter(|entry| !entry.exact)
        .map(|entry| entry.length)
        .max()
}
