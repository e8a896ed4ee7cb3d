//! Fragments → the configuration: names, priorities and the default backend, for what may have changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pointsman_config::Diagnostic;
use pointsman_config::dynamic::{Router, Service};

use super::super::backend::{BackendKey, Outcome};
use super::super::fragment::Published;
use super::super::{DEFAULT_BACKEND, DEFAULT_ROUTER, names};
use super::{Rank, ServiceRank, Translator, Work};
use crate::snapshot::{BackendPort, ObjectName};

/// The default backend as it stands in the configuration.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DefaultRoute {
    pub(super) owner: ObjectName,
    router: Arc<Router>,
    service: Arc<Service>,
}

/// Entries of a configuration that may have changed.
pub(super) struct Edits<T> {
    pub(super) removed: BTreeSet<String>,
    set: BTreeMap<String, Arc<T>>,
}

impl<T> Default for Edits<T> {
    fn default() -> Self {
        Self {
            removed: BTreeSet::new(),
            set: BTreeMap::new(),
        }
    }
}

impl Translator {
    pub(super) fn publish(&mut self, work: &mut Work) {
        self.publish_default(work);
        self.publish_services(work);
        self.publish_routers(work);
        let routers = net(
            &self.configuration.http.routers,
            std::mem::take(&mut work.router_edits),
        );
        let services = net(
            &self.configuration.http.services,
            std::mem::take(&mut work.service_edits),
        );
        let certificates = work
            .certificates
            .then(|| self.certificates.values().cloned().collect::<Vec<_>>());
        let certificates = certificates.filter(|new| *new != self.configuration.tls.certificates);
        if routers.is_empty() && services.is_empty() && certificates.is_none() {
            return;
        }
        let configuration = Arc::make_mut(&mut self.configuration);
        apply(&mut configuration.http.routers, routers);
        apply(&mut configuration.http.services, services);
        if let Some(certificates) = certificates {
            configuration.tls.certificates = certificates;
        }
    }

    /// The oldest Ingress that can be the default backend is it.
    fn publish_default(&mut self, work: &mut Work) {
        let default = self.default_candidates.first().and_then(|(_, owner)| {
            let (router, key) = self.ingresses.get(owner)?.fragment.default.clone()?;
            match &self.backends.get(&key)?.loaded.outcome {
                Outcome::Ready(service) => Some(DefaultRoute {
                    owner: owner.clone(),
                    router,
                    service: service.clone(),
                }),
                _ => None,
            }
        });
        match (&self.default, &default) {
            (None, Some(_)) => {
                self.router_claims.add(DEFAULT_ROUTER, default_rank());
                self.service_claims
                    .add(DEFAULT_BACKEND, default_service_rank());
            }
            (Some(_), None) => {
                self.router_claims.remove(DEFAULT_ROUTER, &default_rank());
                self.service_claims
                    .remove(DEFAULT_BACKEND, &default_service_rank());
                work.router_edits.removed.insert(DEFAULT_ROUTER.to_owned());
                work.service_edits
                    .removed
                    .insert(DEFAULT_BACKEND.to_owned());
            }
            _ => {}
        }
        if self.default.is_some() != default.is_some() {
            let owners = self
                .router_claims
                .of(DEFAULT_ROUTER)
                .iter()
                .map(|(_, owner)| owner.clone());
            work.republish.extend(owners);
            work.services.insert(DEFAULT_BACKEND.to_owned());
        }
        if let Some(default) = &default {
            work.router_edits
                .set
                .insert(DEFAULT_ROUTER.to_owned(), default.router.clone());
            work.service_edits
                .set
                .insert(DEFAULT_BACKEND.to_owned(), default.service.clone());
        }
        self.default = default;
    }

    fn publish_services(&mut self, work: &mut Work) {
        for plain in std::mem::take(&mut work.services) {
            for rank in self.service_claims.of(&plain) {
                let (_, key) = rank;
                let Some(backend) = self.backends.get_mut(key) else {
                    continue;
                };
                let Outcome::Ready(service) = &mut backend.loaded.outcome else {
                    continue;
                };
                let (published, name) = if self.service_claims.is_first(&plain, rank) {
                    (Published::Plain, plain.clone())
                } else {
                    (Published::Unique, key.unique_name(&plain))
                };
                let before = std::mem::replace(&mut backend.published, published);
                if before != published {
                    work.service_edits.removed.extend(service_name(before, key));
                    work.republish.extend(backend.readers.0.iter().cloned());
                }
                if let Some(old) = self
                    .configuration
                    .http
                    .services
                    .get(&name)
                    .filter(|old| **old == *service)
                {
                    *service = old.clone();
                }
                work.service_edits.set.insert(name, service.clone());
            }
        }
    }

    fn publish_routers(&mut self, work: &mut Work) {
        let strict = self.options.strict_prefix_matching;
        for name in std::mem::take(&mut work.republish) {
            let Some(memo) = self.ingresses.get_mut(&name) else {
                continue;
            };
            let rank = (memo.created, name.clone());
            for router in &mut memo.fragment.routers {
                let published = if self.router_claims.is_first(&router.key, &rank) {
                    Published::Plain
                } else {
                    Published::Unique
                };
                let before = std::mem::replace(&mut router.published, published);
                if before != published {
                    work.router_edits.removed.extend(router.name(before, &name));
                }
                let Some(key) = router.name(published, &name) else {
                    continue;
                };
                let service = self
                    .backends
                    .get(&router.backend)
                    .filter(|backend| backend.published == Published::Unique)
                    .and_then(|backend| service_name(backend.published, &router.backend));
                let priority = self.precedences.priority(router, strict);
                let mut wanted = router.router.clone();
                if priority.is_some() || service.is_some() {
                    let edited = Arc::make_mut(&mut wanted);
                    // differs from traefik: there the prefix wins, because its rule is the longer text.
                    edited.priority = priority.unwrap_or(edited.priority);
                    if let Some(service) = service {
                        edited.service = service;
                    }
                }
                if let Some(old) = self
                    .configuration
                    .http
                    .routers
                    .get(&key)
                    .filter(|old| **old == wanted)
                {
                    // One copy of equal routers, not two.
                    if Arc::ptr_eq(&wanted, &router.router) {
                        router.router = old.clone();
                    }
                    wanted = old.clone();
                }
                work.router_edits.set.insert(key, wanted);
            }
        }
    }

    pub(super) fn diagnostics(&self, status: Option<Diagnostic>) -> Vec<Diagnostic> {
        let mut all: Vec<Diagnostic> = status.into_iter().collect();
        for name in &self.troubled {
            all.extend(
                self.ingresses
                    .get(name)
                    .into_iter()
                    .flat_map(|memo| memo.fragment.diagnostics.iter().cloned()),
            );
        }
        for key in &self.odd_backends {
            let backend = self.backends.get(key).into_iter();
            all.extend(backend.flat_map(|backend| backend.loaded.diagnostics.iter().cloned()));
        }
        let winner = self.default.as_ref().map(|default| &default.owner);
        for (_, owner) in self
            .default_candidates
            .iter()
            .filter(|(_, owner)| Some(owner) != winner)
        {
            let winner = winner.map(ToString::to_string).unwrap_or_default();
            let message = format!(
                "The default backend already exists. Ingress {winner} is older and has it; remove one of the two"
            );
            all.push(Diagnostic::error(
                format!("Ingress {owner}"),
                "spec.defaultBackend",
                message,
            ));
        }
        for (name, claimants) in self.router_claims.disputed() {
            for (_, owner) in claimants.iter().skip(1) {
                let message = format!(
                    "its router can't be named {name:?}, an older object has that name: it is {:?}",
                    names::by_owner(name, owner, "")
                );
                all.push(Diagnostic::warning(
                    format!("Ingress {owner}"),
                    "metadata.name",
                    message,
                ));
            }
        }
        for (name, claimants) in self.service_claims.disputed() {
            for (_, key) in claimants.iter().skip(1) {
                let message = format!(
                    "its service can't be named {name:?}, an older object has that name: it is {:?}",
                    key.unique_name(name)
                );
                all.push(Diagnostic::warning(
                    format!("Service {}", key.service),
                    "metadata.name",
                    message,
                ));
            }
        }
        all.sort();
        all
    }
}

/// The name of a backend's service, if the service is in the configuration.
pub(super) fn service_name(published: Published, key: &BackendKey) -> Option<String> {
    match published {
        Published::No => None,
        Published::Plain => Some(key.plain_name()),
        Published::Unique => Some(key.unique_name(&key.plain_name())),
    }
}

/// The default backend comes before every other claimant of its names.
fn default_rank() -> Rank {
    (i64::MIN, ObjectName::cluster(""))
}

fn default_service_rank() -> ServiceRank {
    (
        i64::MIN,
        BackendKey {
            service: ObjectName::cluster(""),
            port: BackendPort::default(),
        },
    )
}

/// What really changes: `None` stands for a removal.
fn net<T: PartialEq>(
    current: &BTreeMap<String, Arc<T>>,
    edits: Edits<T>,
) -> BTreeMap<String, Option<Arc<T>>> {
    let gone = edits
        .removed
        .into_iter()
        .filter(|name| !edits.set.contains_key(name) && current.contains_key(name));
    let mut net: BTreeMap<_, _> = gone.map(|name| (name, None)).collect();
    let set = edits
        .set
        .into_iter()
        .filter(|(name, value)| current.get(name).is_none_or(|old| old != value));
    // Appending keeps the cost of a fresh start low: both sides are sorted.
    net.append(&mut set.map(|(name, value)| (name, Some(value))).collect());
    net
}

fn apply<T>(entries: &mut BTreeMap<String, Arc<T>>, changes: BTreeMap<String, Option<Arc<T>>>) {
    if entries.is_empty() {
        let changes = changes.into_iter();
        *entries = changes
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
        return;
    }
    for (name, value) in changes {
        match value {
            Some(value) => entries.insert(name, value),
            None => entries.remove(&name),
        };
    }
}
