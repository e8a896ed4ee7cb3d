//! All providers' configurations as one, with qualified names.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;

use pointsman_config::Diagnostic;
use pointsman_config::dynamic::tcp::{TcpMiddleware, TcpRouter, TcpServersTransport, TcpService};
use pointsman_config::dynamic::tls::{CertificateAndStores, Options, Store};
use pointsman_config::dynamic::udp::{UdpRouter, UdpService};
use pointsman_config::dynamic::{Configuration, Middleware, Router, ServersTransport, Service};
use pointsman_config::names::{INTERNAL, QualifiedName};

use crate::aggregator::{Update, same};

/// The store and the options that every provider may name without its own name behind them.
const DEFAULT: &str = "default";

/// The store of certificates that answer TLS-ALPN-01 challenges. Traefik: `tlsalpn01.ACMETLS1Protocol`.
const CHALLENGE_STORE: &str = "acme-tls/1";

/// The provider that may put certificates into [`CHALLENGE_STORE`].
const CHALLENGE_PROVIDER: &str = "tlsalpn.acme";

/// Merges the configurations of all providers.
///
/// It remembers what it made of each provider's last configuration: names of objects that stay are not made again,
/// and an object that equals its predecessor is replaced by it, so that later stages recognise it by its pointer.
/// An update costs a walk over the objects of its provider.
#[derive(Debug, Default)]
pub struct Merger {
    precedence: Vec<String>,
    providers: BTreeMap<Arc<str>, Provided>,
}

/// All providers' objects, sorted by qualified name. References inside objects are as their authors wrote them:
/// resolve them with [`QualifiedName::resolve`] and the provider of the referring object.
#[derive(Debug, Clone, Default)]
pub struct Merged {
    /// HTTP routers.
    pub routers: Objects<Router>,
    /// HTTP services.
    pub services: Objects<Service>,
    /// HTTP middlewares.
    pub middlewares: Objects<Middleware>,
    /// HTTP transports.
    pub servers_transports: Objects<ServersTransport>,
    /// Certificates, stores and options.
    pub tls: MergedTls,
    /// TCP routers.
    pub tcp_routers: Objects<TcpRouter>,
    /// TCP services.
    pub tcp_services: Objects<TcpService>,
    /// TCP middlewares.
    pub tcp_middlewares: Objects<TcpMiddleware>,
    /// TCP transports.
    pub tcp_servers_transports: Objects<TcpServersTransport>,
    /// UDP routers.
    pub udp_routers: Objects<UdpRouter>,
    /// UDP services.
    pub udp_services: Objects<UdpService>,
    /// Problems of the merge itself.
    pub diagnostics: Vec<Diagnostic>,
    /// Problems that the providers reported, by provider.
    pub provider_diagnostics: Vec<(Arc<str>, Arc<[Diagnostic]>)>,
}

/// The TLS part of [`Merged`].
#[derive(Debug, Clone, Default)]
pub struct MergedTls {
    /// Certificates. Providers with precedence come first; within one the order is its own.
    // differs from traefik: the order of providers is random there, and with it which of two certificates for the
    // same names is served.
    pub certificates: Vec<TlsCertificate>,
    /// The store `default`, the only one with an effect.
    pub default_store: DefaultObject<Store>,
    /// Other stores.
    pub stores: Objects<Store>,
    /// The options `default`. In [`DefaultObject::Conflict`] routers that use the default options must fail.
    pub default_options: DefaultObject<Options>,
    /// Other options.
    pub options: Objects<Options>,
}

/// A certificate and where it comes from.
#[derive(Debug, Clone)]
pub struct TlsCertificate {
    /// The provider.
    pub provider: Arc<str>,
    /// The certificate.
    pub certificate: Arc<CertificateAndStores>,
}

/// An object that at most one provider may define.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum DefaultObject<T> {
    /// No provider defines it: the built-in one counts.
    #[default]
    BuiltIn,
    /// One provider defines it.
    Defined {
        /// The provider.
        provider: Arc<str>,
        /// The object.
        object: Arc<T>,
    },
    /// These providers define it, so that none of their definitions counts, nor the built-in one.
    Conflict(Vec<Arc<str>>),
}

/// Objects of one kind, sorted by qualified name. Cheap to clone.
#[derive(Debug)]
pub struct Objects<T>(Arc<Vec<(QualifiedName, Arc<T>)>>);

/// What one provider provides, with its objects' names qualified.
#[derive(Debug, Default)]
struct Provided {
    routers: Memo<Router>,
    services: Memo<Service>,
    middlewares: Memo<Middleware>,
    servers_transports: Memo<ServersTransport>,
    certificates: Vec<Arc<CertificateAndStores>>,
    stores: Memo<Store>,
    options: Memo<Options>,
    tcp_routers: Memo<TcpRouter>,
    tcp_services: Memo<TcpService>,
    tcp_middlewares: Memo<TcpMiddleware>,
    tcp_servers_transports: Memo<TcpServersTransport>,
    udp_routers: Memo<UdpRouter>,
    udp_services: Memo<UdpService>,
    diagnostics: Arc<[Diagnostic]>,
}

/// One provider's objects of one kind, twice: in the order of their own names, to compare with the next
/// configuration, and in that of their qualified names, which may differ (`a@p` follows `a-b@p`).
#[derive(Debug)]
struct Memo<T> {
    by_name: Vec<(QualifiedName, Arc<T>)>,
    sorted: Objects<T>,
}

impl Merger {
    /// A merger without providers. `precedence` is `providers.precedence`, the strongest first.
    pub fn new(precedence: &[String]) -> Self {
        Self {
            precedence: precedence
                .iter()
                .map(|name| name.to_ascii_lowercase())
                .collect(),
            providers: BTreeMap::new(),
        }
    }

    /// Takes an update over. Without a configuration in it only the provider's diagnostics change.
    pub fn update(&mut self, update: &Update) {
        let provided = self
            .providers
            .entry(Arc::clone(&update.provider))
            .or_default();
        if let Some(configuration) = &update.configuration {
            provided.take_over(configuration, &update.provider);
        }
        if *provided.diagnostics != *update.diagnostics {
            provided.diagnostics = update.diagnostics.as_slice().into();
        }
    }

    /// The merged view of what was taken over so far.
    pub fn merged(&self) -> Merged {
        let all = || self.providers.values();
        let mut diagnostics = Vec::new();
        Merged {
            routers: Objects::join(all().map(|provided| &provided.routers.sorted)),
            services: Objects::join(all().map(|provided| &provided.services.sorted)),
            middlewares: Objects::join(all().map(|provided| &provided.middlewares.sorted)),
            servers_transports: Objects::join(
                all().map(|provided| &provided.servers_transports.sorted),
            ),
            tls: self.tls(&mut diagnostics),
            tcp_routers: Objects::join(all().map(|provided| &provided.tcp_routers.sorted)),
            tcp_services: Objects::join(all().map(|provided| &provided.tcp_services.sorted)),
            tcp_middlewares: Objects::join(all().map(|provided| &provided.tcp_middlewares.sorted)),
            tcp_servers_transports: Objects::join(
                all().map(|provided| &provided.tcp_servers_transports.sorted),
            ),
            udp_routers: Objects::join(all().map(|provided| &provided.udp_routers.sorted)),
            udp_services: Objects::join(all().map(|provided| &provided.udp_services.sorted)),
            diagnostics,
            provider_diagnostics: self
                .providers
                .iter()
                .filter(|(_, provided)| !provided.diagnostics.is_empty())
                .map(|(provider, provided)| {
                    (Arc::clone(provider), Arc::clone(&provided.diagnostics))
                })
                .collect(),
        }
    }

    /// Where `provider` stands among routers of equal priority: the lower wins. Providers of the built-in objects
    /// stand first, those that `providers.precedence` does not list last. A provider of one namespace (`consul-eu`)
    /// stands where its kind (`consul`) does.
    pub fn rank(&self, provider: &str) -> usize {
        if provider == INTERNAL {
            return 0;
        }
        let position = |name: &str| {
            self.precedence
                .iter()
                .position(|listed| listed.eq_ignore_ascii_case(name))
        };
        position(provider)
            .or_else(|| {
                provider
                    .split_once('-')
                    .and_then(|(kind, _)| position(kind))
            })
            .map_or(usize::MAX, |position| position + 1)
    }

    fn tls(&self, diagnostics: &mut Vec<Diagnostic>) -> MergedTls {
        let default_store = self.default_object(|provided| &provided.stores);
        if let DefaultObject::Conflict(providers) = &default_store {
            diagnostics.push(Diagnostic::error(
                "tls store default",
                "",
                format!(
                    "defined by the providers {}: none of the definitions is used and the certificate for unknown \
                     names is self-signed; keep one of them",
                    providers.join(", ")
                ),
            ));
        }
        let default_options = self.default_object(|provided| &provided.options);
        if let DefaultObject::Conflict(providers) = &default_options {
            diagnostics.push(Diagnostic::error(
                "tls options default",
                "",
                format!(
                    "defined by the providers {}: none of the definitions is used and every router that uses the \
                     default TLS options is disabled; keep one of them",
                    providers.join(", ")
                ),
            ));
        }
        MergedTls {
            certificates: self.certificates(diagnostics),
            default_store,
            stores: Objects::join(
                self.providers
                    .values()
                    .map(|provided| &provided.stores.sorted),
            )
            .without_default(),
            default_options,
            options: Objects::join(
                self.providers
                    .values()
                    .map(|provided| &provided.options.sorted),
            )
            .without_default(),
        }
    }

    fn default_object<T>(&self, memo: impl Fn(&Provided) -> &Memo<T>) -> DefaultObject<T> {
        let mut defined = self.providers.iter().filter_map(|(provider, provided)| {
            let object = memo(provided).default_object()?;
            Some((Arc::clone(provider), Arc::clone(object)))
        });
        match (defined.next(), defined.next()) {
            (None, _) => DefaultObject::BuiltIn,
            (Some((provider, object)), None) => DefaultObject::Defined { provider, object },
            (Some((first, _)), Some((second, _))) => DefaultObject::Conflict(
                [first, second]
                    .into_iter()
                    .chain(defined.map(|(provider, _)| provider))
                    .collect(),
            ),
        }
    }

    fn certificates(&self, diagnostics: &mut Vec<Diagnostic>) -> Vec<TlsCertificate> {
        let mut providers: Vec<_> = self.providers.iter().collect();
        providers.sort_by_key(|(provider, _)| self.rank(provider));
        let mut certificates = Vec::new();
        for (provider, provided) in providers {
            for (index, certificate) in provided.certificates.iter().enumerate() {
                if certificate
                    .stores
                    .iter()
                    .any(|store| store == CHALLENGE_STORE)
                    && **provider != *CHALLENGE_PROVIDER
                {
                    diagnostics.push(Diagnostic::error(
                        format!("tls certificate of provider {provider}"),
                        format!("tls.certificates[{index}].stores"),
                        format!(
                            "store \"{CHALLENGE_STORE}\" is reserved for ACME challenges and the certificate is \
                             ignored; name another store or none"
                        ),
                    ));
                    continue;
                }
                certificates.push(TlsCertificate {
                    provider: Arc::clone(provider),
                    certificate: Arc::clone(certificate),
                });
            }
        }
        certificates
    }
}

impl Merged {
    /// All problems: those of the providers, by provider, then those of the merge.
    pub fn all_diagnostics(&self) -> impl Iterator<Item = &Diagnostic> {
        self.provider_diagnostics
            .iter()
            .flat_map(|(_, diagnostics)| diagnostics.iter())
            .chain(&self.diagnostics)
    }
}

impl<T> Objects<T> {
    /// The objects, sorted by name.
    pub fn iter(&self) -> std::slice::Iter<'_, (QualifiedName, Arc<T>)> {
        self.0.iter()
    }

    /// The object `name`.
    pub fn find(&self, name: &QualifiedName) -> Option<&Arc<T>> {
        let at = self.0.binary_search_by(|(other, _)| other.cmp(name)).ok()?;
        self.0.get(at).map(|(_, object)| object)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether both are the very same list, which they are when nothing changed between two merges. (The opposite
    /// is not a promise.)
    pub fn ptr_eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn sort(mut objects: Vec<(QualifiedName, Arc<T>)>) -> Self {
        objects.sort_by(|(a, _), (b, _)| a.cmp(b));
        Self(Arc::new(objects))
    }

    /// Without those called `default`, which stand apart.
    fn without_default(self) -> Self {
        if self.iter().all(|(name, _)| name.name() != DEFAULT) {
            return self;
        }
        Self(Arc::new(
            self.iter()
                .filter(|(name, _)| name.name() != DEFAULT)
                .cloned()
                .collect(),
        ))
    }

    /// One list of several; the very same list if only one of them holds anything.
    fn join<'a>(lists: impl Iterator<Item = &'a Self> + Clone) -> Self
    where
        T: 'a,
    {
        let mut filled = lists.clone().filter(|list| !list.is_empty());
        match (filled.next(), filled.next()) {
            (None, _) => Self::default(),
            (Some(only), None) => only.clone(),
            _ => Self::sort(lists.flat_map(Self::iter).cloned().collect()),
        }
    }
}

impl<T> Clone for Objects<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Objects<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<'a, T> IntoIterator for &'a Objects<T> {
    type Item = &'a (QualifiedName, Arc<T>);
    type IntoIter = std::slice::Iter<'a, (QualifiedName, Arc<T>)>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Provided {
    fn take_over(&mut self, configuration: &Configuration, provider: &str) {
        let Configuration {
            http,
            tls,
            tcp,
            udp,
        } = configuration;
        self.routers.take_over(&http.routers, provider);
        self.services.take_over(&http.services, provider);
        self.middlewares.take_over(&http.middlewares, provider);
        self.servers_transports
            .take_over(&http.servers_transports, provider);
        self.take_over_certificates(&tls.certificates);
        self.stores.take_over(&tls.stores, provider);
        self.options.take_over(&tls.options, provider);
        self.tcp_routers.take_over(&tcp.routers, provider);
        self.tcp_services.take_over(&tcp.services, provider);
        self.tcp_middlewares.take_over(&tcp.middlewares, provider);
        self.tcp_servers_transports
            .take_over(&tcp.servers_transports, provider);
        self.udp_routers.take_over(&udp.routers, provider);
        self.udp_services.take_over(&udp.services, provider);
    }

    /// Certificates have no names: an equal one at the same place is taken for the same.
    fn take_over_certificates(&mut self, certificates: &[Arc<CertificateAndStores>]) {
        self.certificates.truncate(certificates.len());
        let kept = self.certificates.len();
        for (old, new) in self.certificates.iter_mut().zip(certificates) {
            if !same(old, new) {
                *old = Arc::clone(new);
            }
        }
        self.certificates
            .extend(certificates.iter().skip(kept).cloned());
    }
}

impl<T> Memo<T> {
    fn default_object(&self) -> Option<&Arc<T>> {
        let at = self
            .by_name
            .binary_search_by(|(name, _)| name.name().cmp(DEFAULT))
            .ok()?;
        self.by_name.get(at).map(|(_, object)| object)
    }
}

impl<T: PartialEq> Memo<T> {
    /// Walks both lists side by side, as both are sorted by the objects' own names.
    fn take_over(&mut self, objects: &BTreeMap<String, Arc<T>>, provider: &str) {
        let mut changed = self.by_name.len() != objects.len();
        let mut old = mem::take(&mut self.by_name).into_iter().peekable();
        self.by_name.reserve_exact(objects.len());
        for (name, object) in objects {
            while old
                .next_if(|(known, _)| known.name() < name.as_str())
                .is_some()
            {
                changed = true;
            }
            let entry = match old.next_if(|(known, _)| known.name() == name) {
                Some((known, before)) if same(&before, object) => (known, before),
                Some((known, _)) => {
                    changed = true;
                    (known, Arc::clone(object))
                }
                None => {
                    changed = true;
                    (QualifiedName::new(name, provider), Arc::clone(object))
                }
            };
            self.by_name.push(entry);
        }
        if changed {
            self.sorted = Objects::sort(self.by_name.clone());
        }
    }
}

impl<T> Default for Memo<T> {
    fn default() -> Self {
        Self {
            by_name: Vec::new(),
            sorted: Objects::default(),
        }
    }
}

#[cfg(test)]
mod tests;
