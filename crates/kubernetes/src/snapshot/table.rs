//! A two-level map that is cheap to clone and copies only what it changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ObjectName;

/// Values by namespace and name, in that order. Cluster-scoped objects have the namespace `""`.
#[derive(Debug, PartialEq)]
pub(super) struct Table<T> {
    namespaces: Arc<BTreeMap<Arc<str>, Names<T>>>,
    len: usize,
}

type Names<T> = Arc<BTreeMap<Arc<str>, Arc<T>>>;

impl<T> Clone for Table<T> {
    fn clone(&self) -> Self {
        Self {
            namespaces: self.namespaces.clone(),
            len: self.len,
        }
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            namespaces: Arc::default(),
            len: 0,
        }
    }
}

impl<T> Table<T> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn find(&self, name: &ObjectName) -> Option<&Arc<T>> {
        self.find_parts(&name.namespace, &name.name)
    }

    pub(super) fn find_parts(&self, namespace: &str, name: &str) -> Option<&Arc<T>> {
        self.namespaces.get(namespace)?.get(name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<T>> {
        self.namespaces.values().flat_map(|names| names.values())
    }

    pub(super) fn remove(&mut self, name: &ObjectName) -> Option<Arc<T>> {
        self.find(name)?;
        let namespaces = Arc::make_mut(&mut self.namespaces);
        let names = Arc::make_mut(namespaces.get_mut(&name.namespace)?);
        let old = names.remove(&name.name)?;
        if names.is_empty() {
            namespaces.remove(&name.namespace);
        }
        self.len -= 1;
        Some(old)
    }

    fn names(&mut self, namespace: &Arc<str>) -> &mut BTreeMap<Arc<str>, Arc<T>> {
        Arc::make_mut(
            Arc::make_mut(&mut self.namespaces)
                .entry(namespace.clone())
                .or_default(),
        )
    }
}

impl<T: PartialEq> Table<T> {
    /// Whether anything changed: an equal value leaves the old one, and its identity, in place.
    pub(super) fn insert(&mut self, name: &ObjectName, value: Arc<T>) -> bool {
        match self.find(name) {
            Some(old) if *old == value => return false,
            Some(_) => {}
            None => self.len += 1,
        }
        self.names(&name.namespace).insert(name.name.clone(), value);
        true
    }
}

impl<T: Clone + Default> Table<T> {
    /// Edits a value in place, starting from the default when there is none.
    pub(super) fn update<R>(&mut self, name: &ObjectName, edit: impl FnOnce(&mut T) -> R) -> R {
        if self.find(name).is_none() {
            self.len += 1;
        }
        edit(Arc::make_mut(
            self.names(&name.namespace)
                .entry(name.name.clone())
                .or_default(),
        ))
    }
}
