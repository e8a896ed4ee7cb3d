//! The certificate store: which certificate is shown for which name.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use pointsman_config::Diagnostic;
use pointsman_config::dynamic::tls::{Certificate as Configured, CertificateAndStores};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::UnixTime;

use crate::certificate::{Certificate, CertificateError, PemPair, read};
use crate::describe::Description;
use crate::tickets::Tickets;
use crate::{self_signed, source};

/// Older versions of one certificate that are kept for names which the newest does not cover.
const KEPT_VERSIONS: usize = 4;

/// The only store with an effect.
const DEFAULT_STORE: &str = "default";

/// What outlives a configuration: parsed certificates, the last good version of each, and ticket keys.
///
/// One per process, owned by whoever builds routing tables.
#[derive(Debug, Default)]
pub struct Tls {
    by_pointer: HashMap<usize, Known>,
    by_content: HashMap<[u8; 32], Parsed>,
    versions: HashMap<Identity, Versions>,
    /// Counts stores, to tell what the latest one used.
    build: u64,
    pub(crate) tickets: Arc<Tickets>,
}

/// A certificate of the configuration and what its owner calls it.
#[derive(Debug, Clone)]
pub struct CertificateSource {
    /// The object as diagnostics name it: `Secret shop/tls`, `tls.certificates[2] of provider file`.
    pub object: Arc<str>,
    /// What stays the same when the certificate is renewed, so that a broken version cannot replace a good one:
    /// `kubernetes/shop/tls`. `None`: the path of its file, and for PEM text nothing.
    pub owner: Option<Arc<str>>,
    /// The certificate.
    pub certificate: Arc<CertificateAndStores>,
}

/// A new store and what was wrong on the way.
#[derive(Debug)]
pub struct StoreBuild {
    /// The store.
    pub store: Arc<CertificateStore>,
    /// One per certificate that is not served, or served with a flaw.
    pub diagnostics: Vec<Diagnostic>,
}

/// Certificates by name. Immutable; a look-up is one or two hashes, however many certificates there are.
#[derive(Debug, Default)]
pub struct CertificateStore {
    exact: HashMap<Box<str>, Candidate>,
    /// `*.example.com` as `example.com`.
    wildcard: HashMap<Box<str>, Candidate>,
    default: Option<Arc<Certificate>>,
    descriptions: Vec<Arc<Description>>,
}

type Parsed = Result<Arc<Certificate>, Arc<CertificateError>>;

/// A certificate of PEM text that was parsed.
#[derive(Debug)]
struct Known {
    /// Held so that its address means the same object.
    certificate: Arc<CertificateAndStores>,
    parsed: Parsed,
    used_in: u64,
}

/// What finds a certificate's predecessor.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Identity {
    Owner(Arc<str>),
    Path(String),
    DefaultStore,
}

/// The versions of one certificate that are served.
#[derive(Debug, Default)]
struct Versions {
    current: Option<Arc<Certificate>>,
    /// Older ones, for names that `current` does not cover; newest first.
    kept: Vec<Arc<Certificate>>,
    used_in: u64,
}

/// A certificate that competes for a name.
#[derive(Debug, Clone)]
struct Candidate {
    certificate: Arc<Certificate>,
    rank: Rank,
}

/// Never a worse certificate: what is valid in time comes before what is not, whatever the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// Expired, or not valid yet.
    Invalid,
    /// An older version, for a name that the newest lost.
    Kept,
    Current,
}

impl Tls {
    /// Nothing parsed yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The store for these certificates, in order of precedence, and this default certificate
    /// (`tls.stores.default.defaultCertificate`).
    ///
    /// Costs a parse per certificate that is new and a hash per one whose text is not the same object as before.
    /// Files are read each time, as only their content tells whether they changed. A certificate that is broken, or
    /// not valid at `now` while its predecessor is, leaves the predecessor in place; one that no longer covers a name
    /// of its predecessor leaves it in place for that name. What is no longer in `sources` is gone.
    ///
    /// differs from traefik: there the newest version replaces a good one whatever its state; and of two certificates
    /// for the same names the first is kept even when it has expired.
    pub fn store(
        &mut self,
        sources: &[CertificateSource],
        default: Option<&Configured>,
        now: UnixTime,
    ) -> StoreBuild {
        self.build += 1;
        let mut build = Build {
            store: CertificateStore {
                exact: HashMap::with_capacity(sources.len()),
                ..CertificateStore::default()
            },
            tls: self,
            diagnostics: Vec::new(),
            now,
        };
        for source in sources {
            build.add(source);
        }
        if let Some(default) = default {
            build.set_default(default);
        }
        let Build {
            store, diagnostics, ..
        } = build;
        self.forget_unused();
        StoreBuild {
            store: Arc::new(store),
            diagnostics,
        }
    }

    fn forget_unused(&mut self) {
        let build = self.build;
        self.by_pointer.retain(|_, known| known.used_in == build);
        self.versions
            .retain(|_, versions| versions.used_in == build);
        // What only this map still holds was used by none of the others.
        self.by_content.retain(|_, parsed| match parsed {
            Ok(certificate) => Arc::strong_count(certificate) > 1,
            Err(error) => Arc::strong_count(error) > 1,
        });
    }
}

struct Build<'a> {
    tls: &'a mut Tls,
    store: CertificateStore,
    diagnostics: Vec<Diagnostic>,
    now: UnixTime,
}

impl Build<'_> {
    fn add(&mut self, source: &CertificateSource) {
        let stores = &source.certificate.stores;
        if !stores.is_empty() && !stores.iter().any(|store| store == DEFAULT_STORE) {
            self.diagnostics.push(Diagnostic::warning(
                &*source.object,
                "stores",
                format!(
                    "belongs to {} only, which nothing serves: add the store \"default\" or leave stores out",
                    stores.join(", ")
                ),
            ));
            return;
        }
        let parsed = self.parse(&source.certificate);
        let identity = match &source.owner {
            Some(owner) => Some(Identity::Owner(Arc::clone(owner))),
            None => path_of(&source.certificate.certificate),
        };
        let versions = self.choose(&source.object, "", identity.as_ref(), parsed);
        if let Some(current) = &versions.current {
            self.store.insert(current, Rank::Current, self.now);
        }
        for kept in &versions.kept {
            self.store.insert(kept, Rank::Kept, self.now);
        }
        self.remember(identity, versions);
    }

    fn set_default(&mut self, default: &Configured) {
        let parsed = self.parse_content(default);
        let identity = Identity::DefaultStore;
        let mut versions = self.choose(
            "tls store default",
            "defaultCertificate",
            Some(&identity),
            parsed,
        );
        // It is shown for any name, so that none is lost with an older version.
        versions.kept.clear();
        if let Some(current) = &versions.current {
            self.store.describe(current);
        }
        self.store.default.clone_from(&versions.current);
        self.remember(Some(identity), versions);
    }

    fn remember(&mut self, identity: Option<Identity>, versions: Versions) {
        if let Some(identity) = identity {
            let used_in = self.tls.build;
            self.tls.versions.insert(
                identity,
                Versions {
                    used_in,
                    ..versions
                },
            );
        }
    }

    /// What is served of a certificate whose newest version is `parsed`.
    fn choose(
        &mut self,
        object: &str,
        field: &str,
        identity: Option<&Identity>,
        parsed: Parsed,
    ) -> Versions {
        let previous = identity
            .and_then(|identity| self.tls.versions.remove(identity))
            .unwrap_or_default();
        let (versions, diagnostic) = choose(previous, parsed, self.now);
        if let Some((is_error, message)) = diagnostic {
            let diagnostic = if is_error {
                Diagnostic::error
            } else {
                Diagnostic::warning
            };
            self.diagnostics
                .push(diagnostic(object.to_owned(), field.to_owned(), message));
        }
        versions
    }

    fn parse(&mut self, certificate: &Arc<CertificateAndStores>) -> Parsed {
        let address = Arc::as_ptr(certificate).addr();
        let used_in = self.tls.build;
        if let Some(known) = self.tls.by_pointer.get_mut(&address) {
            known.used_in = used_in;
            return known.parsed.clone();
        }
        let parsed = self.parse_content(&certificate.certificate);
        // A file can change under the same object; a text cannot.
        if source::is_text(&certificate.certificate.cert_file)
            && source::is_text(certificate.certificate.key_file.expose())
        {
            let known = Known {
                certificate: Arc::clone(certificate),
                parsed: parsed.clone(),
                used_in,
            };
            debug_assert_eq!(Arc::as_ptr(&known.certificate).addr(), address);
            self.tls.by_pointer.insert(address, known);
        }
        parsed
    }

    fn parse_content(&mut self, certificate: &Configured) -> Parsed {
        let pem = read(certificate).map_err(Arc::new)?;
        let parse = || Certificate::parse(&pem).map(Arc::new).map_err(Arc::new);
        self.tls
            .by_content
            .entry(hash(&pem))
            .or_insert_with(parse)
            .clone()
    }
}

/// Decides between a certificate's newest version and what was served before. The message's flag: is it an error?
fn choose(previous: Versions, parsed: Parsed, now: UnixTime) -> (Versions, Option<(bool, String)>) {
    let good_before = previous
        .current
        .as_ref()
        .filter(|current| current.is_valid_at(now));
    let new = match (parsed, good_before) {
        (Err(error), Some(good)) => {
            let message = format!("{error}; {} stays in use", described(good));
            return (previous, Some((true, message)));
        }
        (Err(error), None) => {
            let message = format!("{error}; until then its names get the default certificate");
            return (Versions::default(), Some((true, message)));
        }
        (Ok(new), Some(good)) if !new.is_valid_at(now) => {
            let message = format!(
                "{} {}; {} stays in use: renew it",
                described(&new),
                invalidity(&new, now),
                described(good)
            );
            return (previous, Some((true, message)));
        }
        (Ok(new), _) => new,
    };
    let replaced = previous
        .current
        .filter(|current| !Arc::ptr_eq(current, &new));
    let mut kept: Vec<_> = replaced
        .into_iter()
        .chain(previous.kept)
        .filter(|old| old.is_valid_at(now) && !covers_all(&new, old))
        .collect();
    kept.truncate(KEPT_VERSIONS);
    let message = if !new.is_valid_at(now) {
        // differs from traefik: it serves such a certificate without a word.
        Some(format!(
            "{} {} and is served all the same: renew it",
            described(&new),
            invalidity(&new, now)
        ))
    } else {
        let lost = kept
            .iter()
            .flat_map(|old| &old.names)
            .find(|name| !covers(&new, name));
        lost.map(|name| {
            format!(
                "{} no longer covers \"{name}\", for which the previous one stays in use until it ends or the object \
                 is deleted: add the name if it is still needed",
                described(&new)
            )
        })
    };
    let versions = Versions {
        current: Some(new),
        kept,
        used_in: previous.used_in,
    };
    (versions, message.map(|message| (false, message)))
}

impl CertificateStore {
    /// The certificate whose names cover `name`: one with exactly this name, else one with the wildcard for its first
    /// label. `name` is lower case without a trailing dot. Among several, the one whose comma-joined sorted names are
    /// the greatest, and of equal ones the first (Traefik's order, where it has one).
    pub fn find(&self, name: &str) -> Option<&Arc<CertifiedKey>> {
        self.candidate(name)
            .map(|candidate| &candidate.certificate.key)
    }

    /// What is shown to a client that asks for `name`, or for none: [`CertificateStore::find`], else the default
    /// certificate, else a self-signed one. `None` only if that could not be made.
    pub fn choose(&self, name: Option<&str>) -> Option<&Arc<CertifiedKey>> {
        name.and_then(|name| self.find(name))
            .or_else(|| self.default_certificate())
    }

    /// Is there a certificate for `name` other than the default one?
    pub fn covers(&self, name: &str) -> bool {
        self.candidate(name).is_some()
    }

    /// All certificates of the configuration that are served, the default certificate included unless it is the
    /// self-signed one. Traefik: `/api/certificates`, `traefik_tls_certs_not_after`.
    pub fn certificates(&self) -> &[Arc<Description>] {
        &self.descriptions
    }

    fn default_certificate(&self) -> Option<&Arc<CertifiedKey>> {
        let certificate = match &self.default {
            Some(certificate) => certificate,
            None => self_signed::certificate()?,
        };
        Some(&certificate.key)
    }

    fn candidate(&self, name: &str) -> Option<&Candidate> {
        if let Some(candidate) = self.exact.get(name) {
            return Some(candidate);
        }
        let (label, rest) = name.split_once('.')?;
        if label.is_empty() {
            return None;
        }
        self.wildcard.get(rest)
    }

    fn insert(&mut self, certificate: &Arc<Certificate>, rank: Rank, now: UnixTime) {
        let rank = if certificate.is_valid_at(now) {
            rank
        } else {
            Rank::Invalid
        };
        for name in &certificate.names {
            let (map, name) = match name.strip_prefix("*.") {
                Some(rest) => (&mut self.wildcard, rest),
                None => (&mut self.exact, &**name),
            };
            let candidate = Candidate {
                certificate: Arc::clone(certificate),
                rank,
            };
            match map.get_mut(name) {
                Some(known) if candidate.is_better_than(known) => *known = candidate,
                Some(_) => {}
                None => {
                    map.insert(name.into(), candidate);
                }
            }
        }
        self.describe(certificate);
    }

    fn describe(&mut self, certificate: &Arc<Certificate>) {
        self.descriptions.push(Arc::clone(&certificate.description));
    }
}

impl Candidate {
    fn is_better_than(&self, other: &Self) -> bool {
        fn key(candidate: &Candidate) -> (Rank, &str) {
            (candidate.rank, &candidate.certificate.joined_names)
        }
        key(self) > key(other)
    }
}

/// A store as rustls asks it.
#[derive(Debug)]
pub(crate) struct Resolver {
    pub(crate) store: Arc<CertificateStore>,
    /// No default certificate. Traefik: `sniStrict`.
    pub(crate) sni_strict: bool,
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = client_hello.server_name().map(canonical);
        let found = if self.sni_strict {
            self.store.find(name.as_deref()?)
        } else {
            self.store.choose(name.as_deref())
        };
        found.cloned()
    }
}

/// A server name as names are looked up: lower case, no trailing dot.
pub(crate) fn canonical(name: &str) -> std::borrow::Cow<'_, str> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        name.to_ascii_lowercase().into()
    } else {
        name.into()
    }
}

fn covers_all(new: &Certificate, old: &Certificate) -> bool {
    old.names.iter().all(|name| covers(new, name))
}

fn covers(certificate: &Certificate, name: &str) -> bool {
    let has = |wanted: &str| {
        certificate
            .names
            .binary_search_by(|name| (**name).cmp(wanted))
            .is_ok()
    };
    has(name)
        || name
            .split_once('.')
            .is_some_and(|(label, rest)| label != "*" && has(&format!("*.{rest}")))
}

/// The certificate for a message.
fn described(certificate: &Certificate) -> String {
    const SHOWN: usize = 3;
    let names = certificate.names.iter().take(SHOWN);
    let mut text = names.map(|name| &**name).collect::<Vec<_>>().join(", ");
    if certificate.names.len() > SHOWN {
        text.push_str(", …");
    }
    format!(
        "the certificate for {text} (serial number {})",
        certificate.description.serial_number
    )
}

fn invalidity(certificate: &Certificate, now: UnixTime) -> String {
    let description = &certificate.description;
    let days = description.days_left(now);
    if days < 0 {
        format!("has been expired for {} days", -days)
    } else {
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let hours = description.not_before.saturating_sub(now) / 3600 + 1;
        format!("is not valid for the next {hours} hours (check the clock)")
    }
}

fn path_of(certificate: &Configured) -> Option<Identity> {
    (!source::is_text(&certificate.cert_file))
        .then(|| Identity::Path(certificate.cert_file.clone()))
}

fn hash(pem: &PemPair<'_>) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(&pem.chain.len().to_be_bytes());
    context.update(&pem.chain);
    context.update(&pem.key);
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

#[cfg(test)]
mod tests;
