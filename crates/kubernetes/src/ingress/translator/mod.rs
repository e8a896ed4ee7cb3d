//! Remembers the parts and does again only those that a change touches; `publish.rs` puts them together.

mod publish;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::HashMap;
use pointsman_config::dynamic::tls::CertificateAndStores;
use pointsman_config::dynamic::{Configuration, Router, Service};
use publish::{DefaultRoute, Edits, service_name};

use super::backend::{self, BackendKey, Loaded, Outcome};
use super::claims::Claims;
use super::class::{self, Classes};
use super::fragment::{self, Fragment, PathRouter, Published, References, Usable};
use super::options::Options;
use super::precedence::Precedences;
use super::status::{self, WantedStatus};
use super::{Translation, certificates};
use crate::snapshot::{BackendPort, Changed, ObjectName, Snapshot};

/// Translates snapshots one after the other and does again only what changed.
#[derive(Debug, Default)]
pub struct Translator {
    started: bool,
    options: Options,
    classes: Classes,
    ingresses: BTreeMap<ObjectName, Memo>,
    /// Those whose fragments have diagnostics.
    troubled: BTreeSet<ObjectName>,
    selected: Arc<BTreeSet<ObjectName>>,
    backends: HashMap<BackendKey, BackendMemo>,
    backends_by_service: HashMap<ObjectName, Vec<BackendPort>>,
    node_backends: BTreeSet<BackendKey>,
    /// Those that have diagnostics.
    odd_backends: BTreeSet<BackendKey>,
    secrets: HashMap<ObjectName, SecretMemo>,
    router_claims: Claims<Rank>,
    service_claims: Claims<ServiceRank>,
    precedences: Precedences,
    /// Ingresses that could be the default backend.
    default_candidates: BTreeSet<Rank>,
    default: Option<DefaultRoute>,
    certificates: BTreeMap<(String, ObjectName), Arc<CertificateAndStores>>,
    configuration: Arc<Configuration>,
}

/// Age and name of an Ingress: the order in which Ingresses get what only one can have.
type Rank = (i64, ObjectName);
/// The same for backends, by the age of the Service.
type ServiceRank = (i64, BackendKey);

#[derive(Debug)]
struct Memo {
    created: i64,
    fragment: Fragment,
}

#[derive(Debug)]
struct BackendMemo {
    loaded: Loaded,
    readers: Readers,
    /// How many of them have its service in the configuration.
    uses: usize,
    /// How its service is named in the configuration.
    published: Published,
}

#[derive(Debug)]
struct SecretMemo {
    certificate: Result<Arc<CertificateAndStores>, String>,
    readers: Readers,
}

/// Ingresses that read an object, sorted.
#[derive(Debug, Default)]
struct Readers(Vec<ObjectName>);

impl Readers {
    fn insert(&mut self, name: &ObjectName) {
        if let Err(at) = self.0.binary_search(name) {
            // Most objects have one reader, and most of the memory would be unused capacity.
            if self.0.is_empty() {
                self.0.reserve_exact(1);
            }
            self.0.insert(at, name.clone());
        }
    }

    fn remove(&mut self, name: &ObjectName) {
        if let Ok(at) = self.0.binary_search(name) {
            self.0.remove(at);
        }
    }
}

/// What a change asks for.
#[derive(Default)]
struct Work {
    /// To translate again.
    ingresses: BTreeSet<ObjectName>,
    /// To compare again with the configuration: names, priorities or service names may differ.
    republish: BTreeSet<ObjectName>,
    /// Names of services whose claimants or contents changed.
    services: BTreeSet<String>,
    certificates: bool,
    router_edits: Edits<Router>,
    service_edits: Edits<Service>,
}

impl Translator {
    /// Translates `snapshot`. `changed` is what [`Snapshot::apply`] said since the last call; the first call, and every
    /// call with other options than before, looks at everything.
    pub fn translate(
        &mut self,
        snapshot: &Snapshot,
        options: &Options,
        changed: &[Changed],
    ) -> Translation {
        let mut work = Work::default();
        let mut old_certificates = BTreeMap::new();
        if !self.started || self.options != *options {
            old_certificates = self.restart(snapshot, options, &mut work);
        } else {
            self.reload(snapshot, changed, &mut work);
        }
        self.retranslate(snapshot, &mut work, &old_certificates);
        self.publish(&mut work);
        let (entries, status_problem) = status::entries(snapshot, options);
        Translation {
            configuration: self.configuration.clone(),
            diagnostics: self.diagnostics(status_problem),
            status: WantedStatus {
                entries,
                ingresses: self.selected.clone(),
            },
        }
    }

    /// Forgets everything but the configuration, whose objects stay the same where they are equal.
    fn restart(
        &mut self,
        snapshot: &Snapshot,
        options: &Options,
        work: &mut Work,
    ) -> BTreeMap<(String, ObjectName), Arc<CertificateAndStores>> {
        let old = std::mem::take(self);
        self.started = true;
        self.options = options.clone();
        self.classes = class::classes(snapshot, options);
        self.configuration = old.configuration;
        work.router_edits.removed = self.configuration.http.routers.keys().cloned().collect();
        work.service_edits.removed = self.configuration.http.services.keys().cloned().collect();
        work.certificates = true;
        work.ingresses = snapshot
            .ingresses()
            .map(|ingress| ingress.name.clone())
            .collect();
        old.certificates
    }

    /// Loads again what changed objects are read for, and finds the Ingresses to translate again.
    fn reload(&mut self, snapshot: &Snapshot, changed: &[Changed], work: &mut Work) {
        let mut backends = BTreeSet::new();
        for change in changed {
            match change {
                Changed::Ingress(name) => {
                    work.ingresses.insert(name.clone());
                }
                Changed::IngressClass => self.reload_classes(snapshot, work),
                Changed::Service(name) | Changed::Endpoints(name) => {
                    let ports = self.backends_by_service.get(name).into_iter().flatten();
                    backends.extend(ports.map(|port| BackendKey {
                        service: name.clone(),
                        port: port.clone(),
                    }));
                }
                Changed::Secret(name) => self.reload_secret(name, snapshot, work),
                Changed::Node => backends.extend(self.node_backends.iter().cloned()),
                Changed::Namespace(_) => {}
            }
        }
        for key in backends {
            self.reload_backend(&key, snapshot, work);
        }
    }

    fn reload_classes(&mut self, snapshot: &Snapshot, work: &mut Work) {
        let classes = class::classes(snapshot, &self.options);
        if classes != self.classes {
            self.classes = classes;
            let by_class = snapshot
                .ingresses()
                .filter(|ingress| ingress.class_name.is_some());
            work.ingresses
                .extend(by_class.map(|ingress| ingress.name.clone()));
        }
    }

    fn reload_secret(&mut self, name: &ObjectName, snapshot: &Snapshot, work: &mut Work) {
        let Some(memo) = self.secrets.get_mut(name) else {
            return;
        };
        let certificate = certificates::load(name, snapshot);
        match (&memo.certificate, &certificate) {
            (Ok(old), Ok(new)) if old == new => return,
            (Ok(_), Ok(new)) => {
                self.certificates.insert(certificate_key(name), new.clone());
                work.certificates = true;
            }
            (Err(old), Err(new)) if old == new => return,
            _ => work.ingresses.extend(memo.readers.0.iter().cloned()),
        }
        if certificate.is_err() {
            work.certificates |= self.certificates.remove(&certificate_key(name)).is_some();
        }
        memo.certificate = certificate;
    }

    fn reload_backend(&mut self, key: &BackendKey, snapshot: &Snapshot, work: &mut Work) {
        let Some(memo) = self.backends.get_mut(key) else {
            return;
        };
        let loaded = backend::load(key, snapshot, &self.options);
        if memo.loaded == loaded {
            return;
        }
        let old = std::mem::replace(&mut memo.loaded, loaded);
        let alike = match (&old.outcome, &memo.loaded.outcome) {
            (Outcome::Ready(_), Outcome::Ready(_)) | (Outcome::Empty, Outcome::Empty) => true,
            (Outcome::Failed(old), Outcome::Failed(new)) => old == new,
            _ => false,
        };
        if !alike
            || self
                .default
                .as_ref()
                .is_some_and(|default| memo.readers.0.binary_search(&default.owner).is_ok())
        {
            work.ingresses.extend(memo.readers.0.iter().cloned());
        }
        enlist(&mut self.node_backends, key, memo.loaded.reads_nodes);
        enlist(
            &mut self.odd_backends,
            key,
            !memo.loaded.diagnostics.is_empty(),
        );
        if memo.uses > 0 {
            let plain = key.plain_name();
            if old.created != memo.loaded.created {
                let created = memo.loaded.created;
                self.service_claims
                    .remove(&plain, &(old.created, key.clone()));
                self.service_claims.add(&plain, (created, key.clone()));
            }
            work.services.insert(plain);
        }
    }

    fn retranslate(
        &mut self,
        snapshot: &Snapshot,
        work: &mut Work,
        old_certificates: &BTreeMap<(String, ObjectName), Arc<CertificateAndStores>>,
    ) {
        let dirty = std::mem::take(&mut work.ingresses);
        let mut orphans = Orphans::default();
        for name in &dirty {
            if let Some(memo) = self.ingresses.remove(name) {
                self.detach(name, memo, work, &mut orphans);
            }
        }
        for name in dirty {
            self.attach(name, snapshot, work, old_certificates);
        }
        self.sweep(orphans, work);
    }

    fn detach(&mut self, name: &ObjectName, memo: Memo, work: &mut Work, orphans: &mut Orphans) {
        let rank = (memo.created, name.clone());
        for router in &memo.fragment.routers {
            work.router_edits
                .removed
                .extend(router.name(router.published, name));
            self.router_claims.remove(&router.key, &rank);
            self.precedences.remove(router, name);
        }
        self.note_dependents(&memo.fragment.routers, work);
        for key in &memo.fragment.services {
            let Some(backend) = self.backends.get_mut(key) else {
                continue;
            };
            backend.uses -= 1;
            if backend.uses == 0 {
                let plain = key.plain_name();
                self.service_claims
                    .remove(&plain, &(backend.loaded.created, key.clone()));
                work.service_edits
                    .removed
                    .extend(service_name(backend.published, key));
                backend.published = Published::No;
                work.services.insert(plain);
            }
        }
        for key in memo.fragment.read_backends {
            if let Some(backend) = self.backends.get_mut(&key) {
                backend.readers.remove(name);
            }
            orphans.backends.insert(key);
        }
        for secret in memo.fragment.read_secrets {
            if let Some(memo) = self.secrets.get_mut(&secret) {
                memo.readers.remove(name);
            }
            orphans.secrets.insert(secret);
        }
        self.default_candidates.remove(&rank);
        self.troubled.remove(name);
        if self.selected.contains(name) {
            Arc::make_mut(&mut self.selected).remove(name);
        }
    }

    fn attach(
        &mut self,
        name: ObjectName,
        snapshot: &Snapshot,
        work: &mut Work,
        old_certificates: &BTreeMap<(String, ObjectName), Arc<CertificateAndStores>>,
    ) {
        let Some(ingress) = snapshot.ingress(&name) else {
            return;
        };
        let fragment = if class::is_ours(ingress, &self.classes, &self.options) {
            let mut read = Read {
                snapshot,
                options: &self.options,
                backends: &mut self.backends,
                secrets: &mut self.secrets,
            };
            fragment::translate(ingress, &self.options, &mut read)
        } else {
            let diagnostics = class::note(ingress, &self.classes, &self.options)
                .into_iter()
                .collect();
            Fragment {
                diagnostics,
                ..Fragment::default()
            }
        };
        if !fragment.selected && fragment.diagnostics.is_empty() {
            return;
        }
        let rank = (ingress.created, name.clone());
        for key in &fragment.read_backends {
            self.register_reader(key, &name);
        }
        for key in &fragment.services {
            let Some(backend) = self.backends.get_mut(key) else {
                continue;
            };
            backend.uses += 1;
            if backend.uses == 1 {
                let plain = key.plain_name();
                self.service_claims
                    .add(&plain, (backend.loaded.created, key.clone()));
                work.services.insert(plain);
            }
        }
        for secret in &fragment.read_secrets {
            let Some(memo) = self.secrets.get_mut(secret) else {
                continue;
            };
            memo.readers.insert(&name);
            if let Ok(certificate) = &mut memo.certificate {
                let key = certificate_key(secret);
                if let Some(old) = old_certificates.get(&key).filter(|old| *old == certificate) {
                    *certificate = old.clone();
                }
                work.certificates |= self.certificates.insert(key, certificate.clone()).is_none();
            }
        }
        for router in &fragment.routers {
            self.router_claims.add(&router.key, rank.clone());
            self.precedences.add(router, &name);
        }
        self.note_dependents(&fragment.routers, work);
        if fragment.default.is_some() {
            self.default_candidates.insert(rank);
        }
        if !fragment.diagnostics.is_empty() {
            self.troubled.insert(name.clone());
        }
        if fragment.selected {
            Arc::make_mut(&mut self.selected).insert(name.clone());
        }
        work.republish.insert(name.clone());
        self.ingresses.insert(
            name,
            Memo {
                created: ingress.created,
                fragment,
            },
        );
    }

    fn register_reader(&mut self, key: &BackendKey, name: &ObjectName) {
        let Some(backend) = self.backends.get_mut(key) else {
            return;
        };
        if backend.readers.0.is_empty() {
            let ports = self
                .backends_by_service
                .entry(key.service.clone())
                .or_default();
            if !ports.contains(&key.port) {
                ports.reserve_exact(1);
                ports.push(key.port.clone());
            }
            enlist(&mut self.node_backends, key, backend.loaded.reads_nodes);
            enlist(
                &mut self.odd_backends,
                key,
                !backend.loaded.diagnostics.is_empty(),
            );
        }
        backend.readers.insert(name);
    }

    /// Ingresses whose names or priorities may change because these routers came or went.
    fn note_dependents(&self, routers: &[PathRouter], work: &mut Work) {
        for router in routers {
            let claimants = self.router_claims.of(&router.key);
            if claimants.len() > 1 {
                let owners = claimants.iter().map(|(_, owner)| owner.clone());
                work.republish.extend(owners);
            }
            self.precedences.dependents(
                router,
                self.options.strict_prefix_matching,
                &mut work.republish,
            );
        }
    }

    /// Forgets what no Ingress reads any more.
    fn sweep(&mut self, orphans: Orphans, work: &mut Work) {
        for key in orphans.backends {
            if self
                .backends
                .get(&key)
                .is_some_and(|backend| backend.readers.0.is_empty())
            {
                self.backends.remove(&key);
                self.node_backends.remove(&key);
                self.odd_backends.remove(&key);
                if let Some(ports) = self.backends_by_service.get_mut(&key.service) {
                    ports.retain(|port| *port != key.port);
                    if ports.is_empty() {
                        self.backends_by_service.remove(&key.service);
                    }
                }
            }
        }
        for name in orphans.secrets {
            if self
                .secrets
                .get(&name)
                .is_some_and(|secret| secret.readers.0.is_empty())
            {
                self.secrets.remove(&name);
                work.certificates |= self.certificates.remove(&certificate_key(&name)).is_some();
            }
        }
    }
}

/// Backends and Secrets that may have lost their last reader.
#[derive(Default)]
struct Orphans {
    backends: BTreeSet<BackendKey>,
    secrets: BTreeSet<ObjectName>,
}

/// Loads what an Ingress refers to, once for all Ingresses.
struct Read<'a> {
    snapshot: &'a Snapshot,
    options: &'a Options,
    backends: &'a mut HashMap<BackendKey, BackendMemo>,
    secrets: &'a mut HashMap<ObjectName, SecretMemo>,
}

impl References for Read<'_> {
    fn backend(&mut self, key: &BackendKey) -> Usable {
        if !self.backends.contains_key(key) {
            let loaded = backend::load(key, self.snapshot, self.options);
            let memo = BackendMemo {
                loaded,
                readers: Readers::default(),
                uses: 0,
                published: Published::No,
            };
            self.backends.insert(key.clone(), memo);
        }
        match self.backends.get(key).map(|memo| &memo.loaded.outcome) {
            Some(Outcome::Ready(_)) => Usable::Ready,
            Some(Outcome::Failed(reason)) => Usable::Failed(reason.clone()),
            Some(Outcome::Empty) | None => Usable::Empty,
        }
    }

    fn certificate(&mut self, name: &ObjectName) -> Result<(), String> {
        let memo = self
            .secrets
            .entry(name.clone())
            .or_insert_with(|| SecretMemo {
                certificate: certificates::load(name, self.snapshot),
                readers: Readers::default(),
            });
        memo.certificate.as_ref().map(|_| ()).map_err(Clone::clone)
    }
}

/// Puts a key into a set, or takes it out.
fn enlist(set: &mut BTreeSet<BackendKey>, key: &BackendKey, belongs: bool) {
    if belongs {
        set.insert(key.clone());
    } else {
        set.remove(key);
    }
}

/// Certificates are sorted by the text `namespace-name`, as in the reference: it decides between equal names.
fn certificate_key(name: &ObjectName) -> (String, ObjectName) {
    (format!("{}-{}", name.namespace, name.name), name.clone())
}
