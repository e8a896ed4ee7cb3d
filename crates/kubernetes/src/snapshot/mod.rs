//! All objects that a provider reads, as slim plain data.
//!
//! A [`Snapshot`] is cheap to clone: tables and values are shared, and a change copies only the table of the
//! namespace that it touches. Objects keep their `Arc` until their content changes, so identity means "unchanged".

mod objects;
mod table;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use objects::{
    Address, Backend, BackendPort, Endpoint, EndpointSlice, Ingress, IngressClass, IngressPath,
    IngressRule, Kind, LoadBalancerIngress, Namespace, Node, Object, ObjectId, ObjectName,
    PathType, PortStatus, Secret, Service, ServicePort, ServiceType, SlicePort, StringMap,
};
use table::Table;

/// One object that came, changed or went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The object exists now and looks like this.
    Upsert(Object),
    /// The object exists no more.
    Delete(ObjectId),
}

/// What a [`Change`] touched, in the terms in which readers depend on it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Changed {
    /// An Ingress.
    Ingress(ObjectName),
    /// Some IngressClass.
    IngressClass,
    /// A Service.
    Service(ObjectName),
    /// Endpoints of the Service of this name, which need not exist.
    Endpoints(ObjectName),
    /// A Secret.
    Secret(ObjectName),
    /// Some Node.
    Node,
    /// A Namespace.
    Namespace(Arc<str>),
}

/// Every object, by kind, namespace and name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    ingresses: Table<Ingress>,
    classes: Table<IngressClass>,
    services: Table<Service>,
    slices: Table<EndpointSlice>,
    slices_by_service: Table<Vec<Arc<EndpointSlice>>>,
    secrets: Table<Secret>,
    nodes: Table<Node>,
    namespaces: Table<Namespace>,
}

impl Snapshot {
    /// Takes over one change and says what it touched; nothing when the object is as it was.
    ///
    /// An EndpointSlice that moves to another Service touches two.
    pub fn apply(&mut self, change: Change) -> Vec<Changed> {
        match change {
            Change::Upsert(object) => self.upsert(object),
            Change::Delete(id) => self.delete(&id),
        }
    }

    /// Takes over many changes; what they touched comes sorted and once each.
    pub fn apply_all(&mut self, changes: impl IntoIterator<Item = Change>) -> Vec<Changed> {
        let mut touched: Vec<Changed> = changes
            .into_iter()
            .flat_map(|change| self.apply(change))
            .collect();
        touched.sort_unstable();
        touched.dedup();
        touched
    }

    /// The Ingress of this name.
    pub fn ingress(&self, name: &ObjectName) -> Option<&Arc<Ingress>> {
        self.ingresses.find(name)
    }

    /// All Ingresses by namespace and name.
    pub fn ingresses(&self) -> impl Iterator<Item = &Arc<Ingress>> {
        self.ingresses.iter()
    }

    /// All IngressClasses by name.
    pub fn ingress_classes(&self) -> impl Iterator<Item = &Arc<IngressClass>> {
        self.classes.iter()
    }

    /// The Service of this name.
    pub fn service(&self, name: &ObjectName) -> Option<&Arc<Service>> {
        self.services.find(name)
    }

    /// All Services by namespace and name.
    pub fn services(&self) -> impl Iterator<Item = &Arc<Service>> {
        self.services.iter()
    }

    /// The EndpointSlices of a Service: oldest first, then by name.
    ///
    /// Slices that were read from a legacy `Endpoints` object count only while the Service has no real ones.
    pub fn endpoint_slices(
        &self,
        service: &ObjectName,
    ) -> impl Iterator<Item = &Arc<EndpointSlice>> {
        let all: &[Arc<EndpointSlice>] = self
            .slices_by_service
            .find(service)
            .map_or(&[], |slices| slices.as_slice());
        let legacy = all.iter().all(|slice| slice.legacy);
        all.iter().filter(move |slice| slice.legacy == legacy)
    }

    /// The Secret of this name.
    pub fn secret(&self, name: &ObjectName) -> Option<&Arc<Secret>> {
        self.secrets.find(name)
    }

    /// All Nodes: oldest first, then by name.
    pub fn nodes(&self) -> Vec<&Arc<Node>> {
        let mut nodes: Vec<_> = self.nodes.iter().collect();
        nodes.sort_by(|a, b| (a.created, &a.name).cmp(&(b.created, &b.name)));
        nodes
    }

    /// The Namespace of this name.
    pub fn namespace(&self, name: &str) -> Option<&Arc<Namespace>> {
        self.namespaces.find_parts("", name)
    }

    /// Number of objects per kind, for logs and the API.
    pub fn counts(&self) -> BTreeMap<Kind, usize> {
        BTreeMap::from([
            (Kind::Ingress, self.ingresses.len()),
            (Kind::IngressClass, self.classes.len()),
            (Kind::Service, self.services.len()),
            (Kind::EndpointSlice, self.slices.len()),
            (Kind::Secret, self.secrets.len()),
            (Kind::Node, self.nodes.len()),
            (Kind::Namespace, self.namespaces.len()),
        ])
    }

    fn upsert(&mut self, object: Object) -> Vec<Changed> {
        match object {
            Object::Ingress(new) => {
                let name = new.name.clone();
                touched(self.ingresses.insert(&name, new), Changed::Ingress(name))
            }
            Object::IngressClass(new) => {
                let name = ObjectName::cluster(new.name.clone());
                touched(self.classes.insert(&name, new), Changed::IngressClass)
            }
            Object::Service(new) => {
                let name = new.name.clone();
                touched(self.services.insert(&name, new), Changed::Service(name))
            }
            Object::EndpointSlice(new) => self.upsert_slice(new),
            Object::Secret(new) => {
                let name = new.name.clone();
                touched(self.secrets.insert(&name, new), Changed::Secret(name))
            }
            Object::Node(new) => {
                let name = ObjectName::cluster(new.name.clone());
                touched(self.nodes.insert(&name, new), Changed::Node)
            }
            Object::Namespace(new) => {
                let name = new.name.clone();
                touched(
                    self.namespaces
                        .insert(&ObjectName::cluster(name.clone()), new),
                    Changed::Namespace(name),
                )
            }
        }
    }

    fn delete(&mut self, id: &ObjectId) -> Vec<Changed> {
        let name = &id.name;
        match id.kind {
            Kind::Ingress => touched(
                self.ingresses.remove(name).is_some(),
                Changed::Ingress(name.clone()),
            ),
            Kind::IngressClass => {
                touched(self.classes.remove(name).is_some(), Changed::IngressClass)
            }
            Kind::Service => touched(
                self.services.remove(name).is_some(),
                Changed::Service(name.clone()),
            ),
            Kind::EndpointSlice => match self.slices.remove(name) {
                Some(old) => {
                    self.unlink_slice(&old);
                    vec![Changed::Endpoints(old.service_name())]
                }
                None => Vec::new(),
            },
            Kind::Secret => touched(
                self.secrets.remove(name).is_some(),
                Changed::Secret(name.clone()),
            ),
            Kind::Node => touched(self.nodes.remove(name).is_some(), Changed::Node),
            Kind::Namespace => touched(
                self.namespaces.remove(name).is_some(),
                Changed::Namespace(name.name.clone()),
            ),
        }
    }

    fn upsert_slice(&mut self, new: Arc<EndpointSlice>) -> Vec<Changed> {
        let old = self.slices.find(&new.name).cloned();
        if !self.slices.insert(&new.name.clone(), new.clone()) {
            return Vec::new();
        }
        let mut changed = vec![Changed::Endpoints(new.service_name())];
        if let Some(old) = old {
            self.unlink_slice(&old);
            if old.service != new.service {
                changed.push(Changed::Endpoints(old.service_name()));
            }
        }
        self.slices_by_service
            .update(&new.service_name(), |slices| {
                slices.push(new);
                slices.sort_by(|a, b| (a.created, &a.name).cmp(&(b.created, &b.name)));
            });
        changed
    }

    fn unlink_slice(&mut self, old: &EndpointSlice) {
        let service = old.service_name();
        let emptied = self.slices_by_service.update(&service, |slices| {
            slices.retain(|slice| slice.name != old.name);
            slices.is_empty()
        });
        if emptied {
            self.slices_by_service.remove(&service);
        }
    }
}

fn touched(changed: bool, what: Changed) -> Vec<Changed> {
    if changed { vec![what] } else { Vec::new() }
}

#[cfg(test)]
mod tests;
