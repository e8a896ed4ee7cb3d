//! One Ingress → its part of the configuration, before names are compared with those of other Ingresses.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashSet;
use pointsman_config::Diagnostic;
use pointsman_config::dynamic::Router;
use pointsman_config::dynamic::http::{KubernetesOrigin, RuleSyntax};
use pointsman_rule::Tree;

use super::annotations::{self, RouterConfig};
use super::backend::BackendKey;
use super::options::{DefaultRuleSyntax, Options};
use super::rule::{self, HostSyntax, PathMatcher};
use super::{DEFAULT_BACKEND, names};
use crate::snapshot::{Backend, Ingress, IngressPath, IngressRule, ObjectName, PathType};

/// What one Ingress contributes, and what it read.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Fragment {
    /// Whether it is ours at all; only then its status is written.
    pub(super) selected: bool,
    pub(super) routers: Vec<PathRouter>,
    /// Router and backend of an Ingress without rules.
    pub(super) default: Option<(Arc<Router>, BackendKey)>,
    /// Backends whose services are in the configuration, each once.
    pub(super) services: Vec<BackendKey>,
    /// Backends that were read, each once.
    pub(super) read_backends: Vec<BackendKey>,
    /// Secrets that were read, each once.
    pub(super) read_secrets: Vec<ObjectName>,
    /// Those that hold a certificate.
    pub(super) certificates: Vec<ObjectName>,
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// The router of one path.
#[derive(Debug, PartialEq)]
pub(super) struct PathRouter {
    /// Its name, as long as no other Ingress has the same.
    pub(super) key: String,
    /// With the plain name of its service.
    pub(super) router: Arc<Router>,
    pub(super) backend: BackendKey,
    pub(super) host: Arc<str>,
    pub(super) path: Arc<str>,
    pub(super) precedence: Precedence,
    /// How it is named in the configuration.
    pub(super) published: Published,
}

impl PathRouter {
    /// Its name in the configuration, if it is there.
    pub(super) fn name(&self, published: Published, owner: &ObjectName) -> Option<String> {
        match published {
            Published::No => None,
            Published::Plain => Some(self.key.clone()),
            Published::Unique => Some(names::by_owner(&self.key, owner, "")),
        }
    }
}

/// How an object is named in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Published {
    /// It is not there.
    No,
    /// By its key.
    Plain,
    /// By its key and its identity: an older object has the key.
    Unique,
}

/// Longest path that takes part in [`Precedence`]: all its prefixes are looked up.
const MAX_COMPARED_PATH: usize = 2_048;

/// What a path means for the precedence of others on the same host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Precedence {
    /// `pathType: Exact` without a priority of its own: must beat the prefixes that match it.
    Exact,
    /// A prefix without a priority of its own.
    Prefix,
    /// Neither takes part.
    None,
}

/// What a backend is, as far as routers depend on it.
pub(super) enum Usable {
    Ready,
    Empty,
    Failed(String),
}

/// What an Ingress refers to.
pub(super) trait References {
    fn backend(&mut self, key: &BackendKey) -> Usable;
    /// The reason if the Secret holds no certificate.
    fn certificate(&mut self, name: &ObjectName) -> Result<(), String>;
}

/// Translates an Ingress that is ours.
pub(super) fn translate(
    ingress: &Ingress,
    options: &Options,
    references: &mut dyn References,
) -> Fragment {
    let mut build = Build {
        ingress,
        options,
        config: RouterConfig::default(),
        references,
        fragment: Fragment {
            selected: true,
            ..Fragment::default()
        },
        seen: Seen::default(),
    };
    if build.configure() {
        build.certificates();
        if ingress.rules.is_empty() {
            build.default_backend();
        } else {
            build.rules();
        }
    }
    build.fragment.shrink();
    build.fragment
}

impl Fragment {
    /// Fragments are kept for long: unused capacity would be most of their memory.
    fn shrink(&mut self) {
        self.routers.shrink_to_fit();
        self.services.shrink_to_fit();
        self.read_backends.shrink_to_fit();
        self.read_secrets.shrink_to_fit();
        self.certificates.shrink_to_fit();
        self.diagnostics.shrink_to_fit();
    }
}

struct Build<'a> {
    ingress: &'a Ingress,
    options: &'a Options,
    config: RouterConfig,
    references: &'a mut dyn References,
    fragment: Fragment,
    /// What the fragment has of each already; an Ingress may have thousands of paths.
    seen: Seen,
}

#[derive(Default)]
struct Seen {
    services: HashSet<BackendKey>,
    backends: HashSet<BackendKey>,
    secrets: HashSet<ObjectName>,
}

impl Build<'_> {
    /// Reads the annotations; false if they make the whole Ingress unusable.
    fn configure(&mut self) -> bool {
        let field = |key: &str| format!("metadata.annotations[{key}]");
        match annotations::router(&self.ingress.annotations) {
            Ok((config, odd)) => {
                self.config = config.unwrap_or_default();
                for problem in odd {
                    self.warn(field(&problem.key), problem.message);
                }
            }
            Err(problems) => {
                for problem in problems {
                    let message = format!(
                        "Failed to parse annotations: {}; the Ingress is ignored until this is corrected",
                        problem.message
                    );
                    self.fail(field(&problem.key), message);
                }
                return false;
            }
        }
        let namespace = &self.ingress.name.namespace;
        if self.options.may_cross_providers(namespace) {
            return true;
        }
        let refused = if !self.config.middlewares.is_empty() {
            "middleware"
        } else if self
            .config
            .tls
            .as_ref()
            .is_some_and(|tls| !tls.options.is_empty())
        {
            "TLS option"
        } else {
            return true;
        };
        let message = format!(
            "Skipping Ingress: cross-provider {refused} reference is not allowed from namespace {namespace:?}; add it to \
             providers.kubernetesIngress.crossProviderNamespaces or remove the annotation"
        );
        self.fail("metadata.annotations".to_owned(), message);
        false
    }

    fn certificates(&mut self) {
        for (index, secret) in self.ingress.tls.iter().enumerate() {
            // The reference logs this for debugging only: an entry without a name is no mistake.
            let Some(secret) = secret else { continue };
            let name = ObjectName {
                namespace: self.ingress.name.namespace.clone(),
                name: secret.clone(),
            };
            if !self.seen.secrets.insert(name.clone()) {
                continue;
            }
            self.fragment.read_secrets.push(name.clone());
            match self.references.certificate(&name) {
                Ok(()) => self.fragment.certificates.push(name),
                // differs from traefik: there the first bad Secret costs the Ingress its other certificates, too.
                Err(reason) => {
                    self.fail(
                        format!("spec.tls[{index}].secretName"),
                        format!("Error configuring TLS: {reason}"),
                    );
                }
            }
        }
    }

    fn default_backend(&mut self) {
        let Some(backend) = &self.ingress.default_backend else {
            return;
        };
        let field = "spec.defaultBackend";
        let key = match backend {
            Backend::Resource => {
                return self.fail(
                    field.to_owned(),
                    "Resource is not supported for default backend: use a service".to_owned(),
                );
            }
            Backend::Missing => {
                return self.fail(
                    field.to_owned(),
                    "Default backend is missing service definition: add service".to_owned(),
                );
            }
            Backend::Service { name, port } => self.backend_key(name, port),
        };
        if !self.is_usable(&key, field) {
            return;
        }
        let router = Router {
            rule: Tree::path_prefix("/").to_string(),
            rule_syntax: Some(RuleSyntax::Default),
            priority: i32::MIN.into(),
            service: DEFAULT_BACKEND.to_owned(),
            ..self.router(&key)
        };
        self.fragment.default = Some((Arc::new(router), key));
    }

    fn rules(&mut self) {
        let ingress = self.ingress;
        if ingress.default_backend.is_some() {
            self.warn(
                "spec.defaultBackend".to_owned(),
                "ignored: a default backend counts only in an Ingress without rules; move it to an Ingress of its own"
                    .to_owned(),
            );
        }
        for (r, rule) in ingress.rules.iter().enumerate() {
            for (p, path) in rule.paths.iter().enumerate() {
                self.path(rule, path, &format!("spec.rules[{r}].http.paths[{p}]"));
            }
        }
        self.settle_keys();
    }

    fn path(&mut self, rule: &IngressRule, path: &IngressPath, field: &str) {
        let key = match &path.backend {
            Backend::Resource => {
                return self.fail(
                    format!("{field}.backend.resource"),
                    "Resource backends are not supported: use a service".to_owned(),
                );
            }
            Backend::Missing => {
                return self.fail(
                    format!("{field}.backend"),
                    "Missing service definition: add backend.service".to_owned(),
                );
            }
            Backend::Service { name, port } => self.backend_key(name, port),
        };
        if !self.is_usable(&key, &format!("{field}.backend.service")) {
            return;
        }
        if self.seen.services.insert(key.clone()) {
            self.fragment.services.push(key.clone());
        }
        let matcher = match self.matcher(path.path_type) {
            Ok(matcher) => matcher,
            Err(reason) => {
                return self.fail(
                    format!("{field}.pathType"),
                    format!("Skipping path: {reason}"),
                );
            }
        };
        self.hint(&path.path, matcher, field);
        let strict = self.options.strict_prefix_matching;
        let tree = rule::rule(&rule.host, self.host_syntax(), &path.path, matcher, strict);
        if tree.is_none() {
            self.warn(
                field.to_owned(),
                "neither host nor path: the router has an empty rule and is disabled".to_owned(),
            );
        }
        // In the v2 syntax braces make an expression of a path.
        let literal = self.host_syntax() == HostSyntax::V3 || !path.path.contains('{');
        let takes_part =
            self.config.priority == 0 && literal && path.path.len() <= MAX_COMPARED_PATH;
        let precedence = match (path.path_type, matcher) {
            (PathType::Exact, PathMatcher::Path) if takes_part => Precedence::Exact,
            (_, PathMatcher::PathPrefix) if takes_part => Precedence::Prefix,
            _ => Precedence::None,
        };
        let name = &self.ingress.name;
        let router_key = names::normalize(&format!(
            "{}-{}-{}{}",
            name.namespace, name.name, rule.host, path.path
        ));
        let router = Router {
            rule: tree.map(|tree| tree.to_string()).unwrap_or_default(),
            rule_syntax: self.config.rule_syntax,
            priority: self.config.priority,
            service: key.plain_name(),
            ..self.router(&key)
        };
        self.fragment.routers.push(PathRouter {
            key: router_key,
            router: Arc::new(router),
            backend: key,
            host: rule.host.clone(),
            path: path.path.clone(),
            precedence,
            published: Published::No,
        });
    }

    /// The parts of a router that all paths of an Ingress share.
    fn router(&self, key: &BackendKey) -> Router {
        Router {
            entry_points: self.config.entry_points.clone(),
            middlewares: self.config.middlewares.clone(),
            tls: self.config.tls.clone(),
            observability: self.config.observability.clone(),
            origin: Some(KubernetesOrigin {
                namespace: self.ingress.name.namespace.as_ref().to_owned(),
                ingress_name: self.ingress.name.name.as_ref().to_owned(),
                service_name: key.service.name.as_ref().to_owned(),
                service_port: key.port.to_string(),
                created: self.ingress.created,
            }),
            ..Router::default()
        }
    }

    fn matcher(&self, path_type: PathType) -> Result<PathMatcher, String> {
        match path_type {
            PathType::Exact => Ok(PathMatcher::Path),
            PathType::Prefix => Ok(PathMatcher::PathPrefix),
            PathType::ImplementationSpecific => match self.config.path_matcher.as_str() {
                "Path" => Ok(PathMatcher::Path),
                "" | "PathPrefix" => Ok(PathMatcher::PathPrefix),
                "PathRegexp" => Ok(PathMatcher::PathRegexp),
                other => Err(format!(
                    "invalid router path matcher {other:?}: must be one of Path, PathPrefix, PathRegexp"
                )),
            },
        }
    }

    fn host_syntax(&self) -> HostSyntax {
        match (self.config.rule_syntax, self.options.default_rule_syntax) {
            (Some(RuleSyntax::V2), _) | (None, DefaultRuleSyntax::V2) => HostSyntax::V2,
            _ => HostSyntax::V3,
        }
    }

    /// Names paths that will match something else than their author may believe.
    fn hint(&mut self, path: &str, matcher: PathMatcher, field: &str) {
        let v2 = self.host_syntax() == HostSyntax::V2;
        let message = if matcher == PathMatcher::PathRegexp {
            if path.starts_with('^') {
                return;
            }
            "the expression matches anywhere in a path: begin it with ^ to anchor it"
        } else if path.contains('%') {
            "paths are compared after decoding, so that a path with % never matches: write the decoded character"
        } else if path.contains('{') && !v2 {
            "{ is matched literally: only the v2 rule syntax has templates; use path matcher PathRegexp for expressions"
        } else {
            return;
        };
        self.warn(format!("{field}.path"), message.to_owned());
    }

    fn backend_key(&self, name: &Arc<str>, port: &crate::snapshot::BackendPort) -> BackendKey {
        let namespace = self.ingress.name.namespace.clone();
        BackendKey {
            service: ObjectName {
                namespace,
                name: name.clone(),
            },
            port: port.clone(),
        }
    }

    fn is_usable(&mut self, key: &BackendKey, field: &str) -> bool {
        if self.seen.backends.insert(key.clone()) {
            self.fragment.read_backends.push(key.clone());
        }
        let message = match self.references.backend(key) {
            Usable::Ready => return true,
            Usable::Empty => format!(
                "Skipping service: no endpoints found: no EndpointSlice of Service {} has a serving address for port {}; \
                 start pods, or set providers.kubernetesIngress.allowEmptyServices to answer 503",
                key.service, key.port
            ),
            Usable::Failed(reason) => format!("Cannot create service: {reason}"),
        };
        self.fail(field.to_owned(), message);
        false
    }

    /// Paths with the same key: all are named by their rule; of those with the same rule the last one stays.
    fn settle_keys(&mut self) {
        let routers = &mut self.fragment.routers;
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for router in routers.iter() {
            *counts.entry(&router.key).or_default() += 1;
        }
        let shared: Vec<bool> = routers
            .iter()
            .map(|router| counts.get(router.key.as_str()) > Some(&1))
            .collect();
        if !shared.contains(&true) {
            return;
        }
        for (router, shared) in routers.iter_mut().zip(shared) {
            if shared {
                router.key = names::by_rule(&router.key, &router.router.rule);
            }
        }
        let mut seen = std::collections::BTreeSet::new();
        routers.reverse();
        routers.retain(|router| seen.insert(router.key.clone()));
        routers.reverse();
    }

    fn fail(&mut self, field: String, message: String) {
        self.fragment
            .diagnostics
            .push(Diagnostic::error(self.object(), field, message));
    }

    fn warn(&mut self, field: String, message: String) {
        self.fragment
            .diagnostics
            .push(Diagnostic::warning(self.object(), field, message));
    }

    fn object(&self) -> String {
        format!("Ingress {}", self.ingress.name)
    }
}
