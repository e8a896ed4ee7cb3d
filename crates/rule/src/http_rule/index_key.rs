//! What a rule demands of host and path, for indexes.

use std::collections::HashMap;

use super::{Predicate, is_one_label_before};
use crate::expr::Expr;

/// A condition on host and path: both parts must hold.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IndexKey {
    /// The condition on the host.
    pub host: HostKey,
    /// The condition on the path.
    pub path: PathKey,
    /// True if every request that satisfies the condition matches the rule, so that the rule need
    /// not be evaluated any more.
    pub sufficient: bool,
}

/// A condition on the canonical host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HostKey {
    /// No condition.
    Any,
    /// This host.
    Exact(Box<str>),
    /// One label before this suffix, which starts with a dot.
    Wildcard(Box<str>),
}

/// A condition on the path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PathKey {
    /// No condition.
    Any,
    /// This path.
    Exact(Box<str>),
    /// A path that starts with these characters.
    Prefix(Box<str>),
}

impl IndexKey {
    /// No condition, which says nothing about the rule.
    pub const ANY: Self = Self {
        host: HostKey::Any,
        path: PathKey::Any,
        sufficient: false,
    };

    /// True if a request with this host and path satisfies the condition.
    #[must_use]
    pub fn admits(&self, host: &str, path: &str) -> bool {
        let host = match &self.host {
            HostKey::Any => true,
            HostKey::Exact(own) => **own == *host,
            HostKey::Wildcard(suffix) => is_one_label_before(host, suffix),
        };
        host && match &self.path {
            PathKey::Any => true,
            PathKey::Exact(own) => **own == *path,
            PathKey::Prefix(own) => path.starts_with(&**own),
        }
    }

    fn is_unconditional(&self) -> bool {
        self.host == HostKey::Any && self.path == PathKey::Any
    }

    /// The condition that both hold, or None if they cannot.
    fn and(&self, other: &Self) -> Option<Self> {
        Some(Self {
            host: self.host.and(&other.host)?,
            path: self.path.and(&other.path)?,
            sufficient: self.sufficient && other.sufficient,
        })
    }
}

impl HostKey {
    fn and(&self, other: &Self) -> Option<Self> {
        let (keep, compatible) = match (self, other) {
            (Self::Any, key) | (key, Self::Any) => (key, true),
            (exact @ Self::Exact(host), Self::Wildcard(suffix))
            | (Self::Wildcard(suffix), exact @ Self::Exact(host)) => {
                (exact, is_one_label_before(host, suffix))
            }
            (a, b) => (a, a == b),
        };
        compatible.then(|| keep.clone())
    }
}

impl PathKey {
    fn and(&self, other: &Self) -> Option<Self> {
        let (keep, compatible) = match (self, other) {
            (Self::Any, key) | (key, Self::Any) => (key, true),
            (exact @ Self::Exact(path), Self::Prefix(prefix))
            | (Self::Prefix(prefix), exact @ Self::Exact(path)) => {
                (exact, path.starts_with(&**prefix))
            }
            (Self::Prefix(a), Self::Prefix(b)) if a.len() < b.len() => (other, b.starts_with(&**a)),
            (Self::Prefix(a), Self::Prefix(b)) => (self, a.starts_with(&**b)),
            (a, b) => (a, a == b),
        };
        compatible.then(|| keep.clone())
    }
}

/// Most conditions for one rule; a conjunction that would have more is described by one of its
/// sides alone, which is still true of every match.
const MAX_KEYS: usize = 1024;

pub(super) fn keys(expr: &Expr<Predicate>) -> Vec<IndexKey> {
    let keys = match expr {
        Expr::Leaf(predicate) => vec![leaf(predicate)],
        Expr::Not(_) => vec![IndexKey::ANY],
        Expr::Any(children) => children.iter().flat_map(keys).collect(),
        Expr::All(children) => all(children),
    };
    simplify(keys)
}

fn all(children: &[Expr<Predicate>]) -> Vec<IndexKey> {
    let mut all = vec![IndexKey {
        sufficient: true,
        ..IndexKey::ANY
    }];
    for child in children {
        let more = keys(child);
        if all.len().saturating_mul(more.len()) <= MAX_KEYS {
            all = all
                .iter()
                .flat_map(|a| more.iter().filter_map(|b| a.and(b)))
                .collect();
        } else {
            if let [single] = &*all
                && single.is_unconditional()
            {
                all = more;
            }
            for key in &mut all {
                key.sufficient = false;
            }
        }
    }
    all
}

fn leaf(predicate: &Predicate) -> IndexKey {
    let (host, path, sufficient) = match predicate {
        Predicate::Host(host) => (HostKey::Exact(host.clone()), PathKey::Any, true),
        Predicate::HostSuffix(suffix) => (HostKey::Wildcard(suffix.clone()), PathKey::Any, true),
        Predicate::Path(path) => (HostKey::Any, PathKey::Exact(path.clone()), true),
        Predicate::PathPrefix(prefix) => (HostKey::Any, PathKey::Prefix(prefix.clone()), true),
        Predicate::PathRegexp(_, prefix) if !prefix.is_empty() => {
            (HostKey::Any, PathKey::Prefix(prefix.clone()), false)
        }
        Predicate::PathRegexp(..)
        | Predicate::AnyHost
        | Predicate::HostRegexp(_)
        | Predicate::Method(_)
        | Predicate::Header(..)
        | Predicate::HeaderRegexp(..)
        | Predicate::Query(..)
        | Predicate::QueryRegexp(..)
        | Predicate::FirstQuery(..)
        | Predicate::FirstQueryRegexp(..)
        | Predicate::HasQuery(_)
        | Predicate::ClientIp(_)
        | Predicate::HostHeaderField => return IndexKey::ANY,
    };
    IndexKey {
        host,
        path,
        sufficient,
    }
}

/// Without repetitions; a key without condition swallows the rest.
fn simplify(keys: Vec<IndexKey>) -> Vec<IndexKey> {
    if keys.len() <= 1 {
        return keys;
    }
    if keys.iter().any(IndexKey::is_unconditional) {
        let sufficient = keys
            .iter()
            .any(|key| key.is_unconditional() && key.sufficient);
        return vec![IndexKey {
            sufficient,
            ..IndexKey::ANY
        }];
    }
    let mut places = HashMap::new();
    let mut out: Vec<IndexKey> = Vec::with_capacity(keys.len());
    for key in keys {
        let place = *places
            .entry((key.host.clone(), key.path.clone()))
            .or_insert(out.len());
        match out.get_mut(place) {
            Some(known) => known.sufficient |= key.sufficient,
            None => out.push(key),
        }
    }
    out
}
