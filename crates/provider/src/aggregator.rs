//! When a provider's news goes on, as a state machine without I/O.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pointsman_config::dynamic::{
    Configuration, HttpConfiguration, tcp::TcpConfiguration, tls::TlsConfiguration,
    udp::UdpConfiguration,
};
use pointsman_config::{Diagnostic, names};

/// Longest pause after an application, however long the application took. It keeps a storm of changes from using
/// more than about half of the control thread, and it bounds how much later a change can be served for that.
pub const MAX_WINDOW: Duration = Duration::from_millis(20);

/// What a provider has to say.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// The part after the `@` of its objects' names.
    pub provider: Arc<str>,
    /// Everything it provides now. `None`: it says nothing about that (the source is silent, broken, or its answer
    /// holds no section at all), and what it provided before stays.
    pub configuration: Option<Arc<Configuration>>,
    /// All problems that it knows of now; they replace those of its previous update.
    pub diagnostics: Vec<Diagnostic>,
}

impl Update {
    /// Takes over what `older`, which nobody has seen yet, knew and this update does not.
    pub(crate) fn supersede(&mut self, older: Self) {
        if self.configuration.is_none() {
            self.configuration = older.configuration;
        }
    }
}

/// What to do next.
#[derive(Debug, PartialEq)]
pub enum Due {
    /// Apply these, in the order of the providers' names, then call [`Aggregator::applied`].
    Apply(Vec<Update>),
    /// Nothing before this instant.
    At(Instant),
    /// Nothing until something is offered or applied.
    Nothing,
}

/// Coalesces the updates of all providers.
///
/// There is no fixed throttle: the first change is due at once. While it is being applied, and for as long again
/// after that (at most [`MAX_WINDOW`]), a provider's newest update replaces its older ones. A provider's own throttle
/// comes on top. An update that equals what was passed on before is skipped.
///
/// If a provider `internal` is registered, nothing is due before it has delivered: the built-in objects are part of
/// every configuration.
// differs from traefik: `providersThrottleDuration` is 2s there; here a throttle exists only if the user sets one.
#[derive(Debug, Default)]
pub struct Aggregator {
    sources: BTreeMap<Arc<str>, Source>,
    applying: Option<Applying>,
    not_before: Option<Instant>,
}

#[derive(Debug, Default)]
struct Source {
    throttle: Duration,
    not_before: Option<Instant>,
    pending: Option<Update>,
    passed: Option<Update>,
    ready: bool,
}

#[derive(Debug)]
struct Applying {
    since: Instant,
    delivered: Vec<Arc<str>>,
}

impl Aggregator {
    /// An aggregator without providers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a provider. `throttle` is the least time between two of its updates; zero = adaptive only.
    pub fn register(&mut self, provider: Arc<str>, throttle: Duration) {
        self.sources.entry(provider).or_default().throttle = throttle;
    }

    /// Takes an update. A provider that was not registered is registered without a throttle.
    pub fn offer(&mut self, mut update: Update) {
        let source = self
            .sources
            .entry(Arc::clone(&update.provider))
            .or_default();
        if let Some(older) = source.pending.take() {
            update.supersede(older);
        }
        if let Some(passed) = &source.passed {
            match (&update.configuration, &passed.configuration) {
                (Some(new), Some(old)) if same_configuration(new, old) => {
                    update.configuration = None;
                }
                _ => {}
            }
            if update.configuration.is_none() && update.diagnostics == passed.diagnostics {
                return;
            }
        } else if update.configuration.is_none() && update.diagnostics.is_empty() {
            return;
        }
        source.pending = Some(update);
    }

    /// What is due at `now`. While an application runs, nothing is.
    pub fn due(&mut self, now: Instant) -> Due {
        if self.applying.is_some() || self.internal_is_missing() {
            return Due::Nothing;
        }
        let earliest = self
            .sources
            .values()
            .filter(|source| source.pending.is_some())
            .map(|source| source.not_before.max(self.not_before).unwrap_or(now))
            .min();
        match earliest {
            None => Due::Nothing,
            Some(at) if at > now => Due::At(at),
            Some(_) => self.begin(now),
        }
    }

    /// The application that [`Due::Apply`] asked for has ended.
    pub fn applied(&mut self, now: Instant) {
        let Some(applying) = self.applying.take() else {
            return;
        };
        let cost = now.saturating_duration_since(applying.since);
        self.not_before = Some(now + cost.min(MAX_WINDOW));
        for provider in applying.delivered {
            if let Some(source) = self.sources.get_mut(&provider) {
                source.ready = true;
            }
        }
    }

    /// Providers whose first complete configuration has not been applied yet; the process is ready when there are
    /// none.
    pub fn waiting_for(&self) -> impl Iterator<Item = &Arc<str>> {
        self.sources
            .iter()
            .filter(|(_, source)| !source.ready)
            .map(|(provider, _)| provider)
    }

    fn internal_is_missing(&self) -> bool {
        self.sources
            .get(names::INTERNAL)
            .is_some_and(|source| source.passed.is_none() && source.pending.is_none())
    }

    fn begin(&mut self, now: Instant) -> Due {
        let mut updates = Vec::new();
        let mut delivered = Vec::new();
        for (provider, source) in &mut self.sources {
            if source.not_before.is_some_and(|at| at > now) {
                continue;
            }
            let Some(update) = source.pending.take() else {
                continue;
            };
            source.not_before = (!source.throttle.is_zero()).then(|| now + source.throttle);
            if update.configuration.is_some() {
                delivered.push(Arc::clone(provider));
            }
            let mut passed = update.clone();
            if let Some(older) = source.passed.take() {
                passed.supersede(older);
            }
            source.passed = Some(passed);
            updates.push(update);
        }
        self.applying = Some(Applying {
            since: now,
            delivered,
        });
        Due::Apply(updates)
    }
}

/// Equality that looks inside only those objects that do not have the same pointer.
fn same_configuration(a: &Arc<Configuration>, b: &Arc<Configuration>) -> bool {
    if Arc::ptr_eq(a, b) {
        return true;
    }
    let Configuration {
        http,
        tls,
        tcp,
        udp,
    } = &**a;
    let HttpConfiguration {
        routers,
        services,
        middlewares,
        servers_transports,
    } = http;
    let TlsConfiguration {
        certificates,
        stores,
        options,
    } = tls;
    same_map(routers, &b.http.routers)
        && same_map(services, &b.http.services)
        && same_map(middlewares, &b.http.middlewares)
        && same_map(servers_transports, &b.http.servers_transports)
        && certificates.len() == b.tls.certificates.len()
        && certificates
            .iter()
            .zip(&b.tls.certificates)
            .all(|(x, y)| same(x, y))
        && same_map(stores, &b.tls.stores)
        && same_map(options, &b.tls.options)
        && same_tcp(tcp, &b.tcp)
        && same_udp(udp, &b.udp)
}

fn same_tcp(a: &TcpConfiguration, b: &TcpConfiguration) -> bool {
    let TcpConfiguration {
        routers,
        services,
        middlewares,
        servers_transports,
    } = a;
    same_map(routers, &b.routers)
        && same_map(services, &b.services)
        && same_map(middlewares, &b.middlewares)
        && same_map(servers_transports, &b.servers_transports)
}

fn same_udp(a: &UdpConfiguration, b: &UdpConfiguration) -> bool {
    let UdpConfiguration { routers, services } = a;
    same_map(routers, &b.routers) && same_map(services, &b.services)
}

fn same_map<T: PartialEq>(a: &BTreeMap<String, Arc<T>>, b: &BTreeMap<String, Arc<T>>) -> bool {
    a.len() == b.len()
        && a.iter()
            .zip(b)
            .all(|((name, x), (other, y))| name == other && same(x, y))
}

/// Whether two objects are equal, by pointer where possible.
pub(crate) fn same<T: PartialEq>(a: &Arc<T>, b: &Arc<T>) -> bool {
    Arc::ptr_eq(a, b) || **a == **b
}

#[cfg(test)]
mod tests;
