//! Policies: what a handshake for a name has to satisfy. One function decides, for handshakes and requests alike.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use pointsman_config::Diagnostic;
use pointsman_config::dynamic::tls::Options;
use rustls::ServerConfig;

use crate::client_auth::Requirement;
use crate::options::Spec;
use crate::resolution::{HostOptions, Resolution};
use crate::store::{CertificateStore, Tls, canonical};
use crate::tickets::Tickets;

/// Equal for policies with the same effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint(pub(crate) [u8; 32]);

impl Fingerprint {
    fn id(self) -> u64 {
        let mut first = [0; 8];
        first.copy_from_slice(&self.0[..8]);
        u64::from_be_bytes(first)
    }
}

/// What options demand of clients, without anything else of them: cheap to keep in a route. `None` for options that
/// cannot be built: nobody meets their demands. The default is to demand nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demands(Option<Arc<[Vec<u8>]>>);

impl Default for Demands {
    fn default() -> Self {
        Self(Some(Arc::new([])))
    }
}

/// What a handshake has to satisfy.
#[derive(Debug)]
pub struct Policy {
    id: u64,
    demands: Demands,
    sni_strict: bool,
    config: Option<Arc<ServerConfig>>,
}

impl Policy {
    /// Equal for policies with the same effect, in every configuration of this process; 0 for the one that refuses.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The configuration for the handshake; `None`: the options are unknown or broken, so every handshake is refused.
    pub fn config(&self) -> Option<&Arc<ServerConfig>> {
        self.config.as_ref()
    }

    /// What it demands of clients.
    pub fn demands(&self) -> &Demands {
        &self.demands
    }

    /// Does a client that came in under this policy meet the demands of the matched router's own options? If not, the
    /// request is misdirected (421).
    ///
    /// The host's policy is not always that of the router: hosts of conflicting routers, routers that match without
    /// a host or beyond it, and routers of a wildcard host below which an exact host has options of its own.
    pub fn meets(&self, demands: &Demands) -> bool {
        match (&demands.0, &self.demands.0) {
            (None, _) => false,
            (Some(demanded), _) if demanded.is_empty() => true,
            (Some(demanded), Some(met)) => demanded.iter().all(|demand| met.contains(demand)),
            (Some(_), None) => false,
        }
    }

    /// Does it ask clients for certificates?
    pub fn asks_for_certificates(&self) -> bool {
        self.demands
            .0
            .as_ref()
            .is_some_and(|demands| !demands.is_empty())
    }

    fn refusing() -> Self {
        Self {
            id: 0,
            demands: Demands(None),
            sni_strict: false,
            config: None,
        }
    }
}

/// All options of a configuration, built.
#[derive(Debug)]
pub struct PolicySet {
    by_name: BTreeMap<Box<str>, Built>,
    store: Arc<CertificateStore>,
    tickets: Arc<Tickets>,
    refusing: Arc<Policy>,
    diagnostics: Vec<Diagnostic>,
}

#[derive(Debug)]
struct Built {
    policy: Arc<Policy>,
    spec: Option<Spec>,
}

/// The policies of one entry point. Immutable; a look-up is at most two hashes.
#[derive(Debug)]
pub struct Policies {
    exact: HashMap<Box<str>, Arc<Policy>>,
    /// `*.example.com` as `example.com`.
    wildcard: HashMap<Box<str>, Arc<Policy>>,
    default: Arc<Policy>,
    store: Arc<CertificateStore>,
}

/// What to do with a ClientHello.
#[derive(Debug, Clone)]
pub enum Handshake {
    /// Go on with this policy and its configuration. The connection keeps the policy for its requests' checks.
    Accept(Arc<Policy>, Arc<ServerConfig>),
    /// Send [`crate::ALERT_UNRECOGNIZED_NAME`] and close. The text says why, for a log at debug level.
    Refuse(&'static str),
}

impl Tls {
    /// Builds all options. `options` are by qualified name, without `default`; `default` is `None` if nobody defines
    /// it, and `Some(None)` if its definitions cancel each other out, so that it does not exist.
    ///
    /// Options that cannot be built refuse every handshake. Session tickets of options that did not change in effect
    /// stay good.
    pub fn policies<'a>(
        &self,
        options: impl IntoIterator<Item = (&'a str, &'a Options)>,
        default: Option<Option<&'a Options>>,
        store: &Arc<CertificateStore>,
    ) -> PolicySet {
        self.tickets.prune();
        let mut set = PolicySet {
            by_name: BTreeMap::new(),
            store: Arc::clone(store),
            tickets: Arc::clone(&self.tickets),
            refusing: Arc::new(Policy::refusing()),
            diagnostics: Vec::new(),
        };
        match default {
            None => set.insert("default", Spec::built_in()),
            Some(Some(options)) => set.check("default", options),
            Some(None) => {}
        }
        for (name, options) in options {
            set.check(name, options);
        }
        set
    }
}

impl PolicySet {
    /// The policy of options by qualified name; `None` if they do not exist. What cannot be built is there and refuses.
    pub fn policy(&self, options: &str) -> Option<&Arc<Policy>> {
        self.by_name.get(options).map(|built| &built.policy)
    }

    /// Problems of the options, named `tls options <name>`.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// The policies of an entry point.
    pub fn entry_point(&self, resolution: &Resolution) -> Policies {
        let mut policies = Policies {
            exact: HashMap::new(),
            wildcard: HashMap::new(),
            default: self.named("default"),
            store: Arc::clone(&self.store),
        };
        let mut conflicts: BTreeMap<_, Arc<Policy>> = BTreeMap::new();
        for (host, options) in &resolution.hosts {
            let policy = match options {
                HostOptions::Agreed(name) => self.named(name),
                HostOptions::Conflict(names) => Arc::clone(
                    conflicts
                        .entry(names)
                        .or_insert_with(|| self.strictest(names.iter().map(|name| &**name))),
                ),
            };
            match host.strip_prefix("*.") {
                Some(rest) => policies.wildcard.insert(rest.into(), policy),
                None => policies.exact.insert(host.clone(), policy),
            };
        }
        policies
    }

    fn named(&self, name: &str) -> Arc<Policy> {
        Arc::clone(self.policy(name).unwrap_or(&self.refusing))
    }

    /// The default options with the client authentication of all of `names`. Options that cannot be built are left
    /// out: their routers do not serve anyway, and the others need not suffer.
    fn strictest<'a>(&self, names: impl Iterator<Item = &'a str>) -> Arc<Policy> {
        let good: Vec<&Spec> = names
            .filter_map(|name| self.by_name.get(name)?.spec.as_ref())
            .collect();
        let default = self
            .by_name
            .get("default")
            .and_then(|default| default.spec.as_ref());
        match default {
            Some(default) if !good.is_empty() => {
                let spec =
                    default.with_requirements(good.iter().flat_map(|spec| &spec.requirements));
                self.build(&spec)
                    .unwrap_or_else(|_| Arc::clone(&self.refusing))
            }
            _ => Arc::clone(&self.refusing),
        }
    }

    fn check(&mut self, name: &str, options: &Options) {
        let (spec, problems) = Spec::of(options);
        let object = format!("tls options {name}");
        for problem in problems {
            let diagnostic = if problem.is_fatal {
                Diagnostic::error
            } else {
                Diagnostic::warning
            };
            let diagnostic = diagnostic(object.clone(), problem.field.to_owned(), problem.message);
            self.diagnostics.push(diagnostic);
        }
        self.insert(name, spec);
    }

    fn insert(&mut self, name: &str, spec: Option<Spec>) {
        let policy = match spec.as_ref().map(|spec| self.build(spec)) {
            Some(Ok(policy)) => policy,
            Some(Err(error)) => {
                self.diagnostics.push(Diagnostic::error(
                    format!("tls options {name}"),
                    "",
                    format!("cannot be used together: {error}"),
                ));
                Arc::clone(&self.refusing)
            }
            None => Arc::clone(&self.refusing),
        };
        let spec = spec.filter(|_| policy.config.is_some());
        self.by_name.insert(name.into(), Built { policy, spec });
    }

    fn build(&self, spec: &Spec) -> Result<Arc<Policy>, crate::options::ConfigError> {
        Ok(Arc::new(Policy {
            id: spec.fingerprint().id(),
            demands: Demands(Some(
                spec.requirements.iter().map(Requirement::bytes).collect(),
            )),
            sni_strict: spec.sni_strict,
            config: Some(Arc::new(spec.server_config(&self.store, &self.tickets)?)),
        }))
    }
}

impl Policies {
    /// The policy of a name: that of exactly this host, else that of the wildcard for its first label, else the
    /// default one. `None` is a handshake without server name.
    ///
    /// The name is canonical: lower case, no trailing dot, no port, as `pointsman_wire` reads authorities. A request
    /// whose authority has a policy with another [`Policy::id`] than its connection's is misdirected (421).
    pub fn for_name(&self, name: Option<&str>) -> &Arc<Policy> {
        let Some(name) = name else {
            return &self.default;
        };
        if let Some(policy) = self.exact.get(name) {
            return policy;
        }
        match name.split_once('.') {
            Some((label, rest)) if !label.is_empty() => {
                self.wildcard.get(rest).unwrap_or(&self.default)
            }
            _ => &self.default,
        }
    }

    /// What to do with a complete ClientHello that asks for `server_name`, in any case.
    pub fn handshake(&self, server_name: Option<&str>) -> Handshake {
        let name = server_name.map(canonical);
        let policy = self.for_name(name.as_deref());
        let Some(config) = &policy.config else {
            return Handshake::Refuse("the TLS options of this name are unknown or broken");
        };
        if policy.sni_strict && !name.is_some_and(|name| self.store.covers(&name)) {
            return Handshake::Refuse("sniStrict: no certificate for this name");
        }
        Handshake::Accept(Arc::clone(policy), Arc::clone(config))
    }

    /// The certificates that handshakes choose from.
    pub fn store(&self) -> &Arc<CertificateStore> {
        &self.store
    }
}

#[cfg(test)]
mod tests;
