//! Annotations → typed settings. Traefik: `ingress/annotations.go` and its label decoder.
//!
//! `traefik.ingress.kubernetes.io/router.tls.domains.0.main` and `pointsman.io/router.tls.domains.0.main` mean the
//! same. Router annotations are read from the Ingress, service annotations from the Service; those of the wrong family
//! are ignored, unknown fields of the right family are errors.

use std::collections::BTreeMap;

use pointsman_config::dynamic::http::{
    Domain, RouterObservability, RouterTls, RuleSyntax, Sticky, StickyCookie, TraceVerbosity,
};

use crate::manifests::ANNOTATION_PREFIXES;
use crate::snapshot::StringMap;

/// What the annotations of an Ingress say about its routers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RouterConfig {
    /// Not validated here: it concerns only paths without a path type of their own.
    pub(super) path_matcher: String,
    pub(super) entry_points: Vec<String>,
    pub(super) middlewares: Vec<String>,
    /// 0: none.
    pub(super) priority: i64,
    pub(super) rule_syntax: Option<RuleSyntax>,
    pub(super) tls: Option<RouterTls>,
    pub(super) observability: Option<RouterObservability>,
}

impl Default for RouterConfig {
    fn default() -> Self {
        Self {
            path_matcher: "PathPrefix".to_owned(),
            entry_points: Vec::new(),
            middlewares: Vec::new(),
            priority: 0,
            rule_syntax: None,
            tls: None,
            observability: None,
        }
    }
}

/// What the annotations of a Service say.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ServiceConfig {
    pub(super) servers_scheme: String,
    pub(super) servers_transport: String,
    pub(super) pass_host_header: bool,
    pub(super) middlewares: Vec<String>,
    pub(super) native_lb: Option<bool>,
    pub(super) node_port_lb: bool,
    pub(super) sticky: Option<Sticky>,
}

impl Default for ServiceConfig {
    fn default() -> Self {
        Self {
            servers_scheme: String::new(),
            servers_transport: String::new(),
            pass_host_header: true,
            middlewares: Vec::new(),
            native_lb: None,
            node_port_lb: false,
            sticky: None,
        }
    }
}

/// One problem of an annotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// The annotation's key as it was written.
    pub(super) key: String,
    pub(super) message: String,
}

/// Settings and what is odd about them; errors instead of settings.
pub(super) type Decoded<T> = Result<(Option<T>, Vec<Problem>), Vec<Problem>>;

/// Reads the router annotations of an Ingress. `None` when there are none at all.
pub(super) fn router(annotations: &StringMap) -> Decoded<RouterConfig> {
    let mut reader = Reader::new(annotations, "router");
    let mut config = RouterConfig::default();
    let tls = reader.strict_marker("tls");
    let observability = reader.marker("observability");
    let mut domains: BTreeMap<u64, Domain> = BTreeMap::new();
    let mut router_tls = RouterTls::default();
    let mut watch = RouterObservability::default();

    for entry in std::mem::take(&mut reader.entries).into_values() {
        let path: Vec<&str> = entry.path.split('.').collect();
        match path.as_slice() {
            ["pathmatcher"] => entry.value.clone_into(&mut config.path_matcher),
            ["entrypoints"] => config.entry_points = list(entry.value),
            ["middlewares"] => config.middlewares = list(entry.value),
            ["priority"] => reader.integer(&entry, &mut config.priority),
            ["rulesyntax"] => match entry.value {
                "" => config.rule_syntax = None,
                "v2" => config.rule_syntax = Some(RuleSyntax::V2),
                "v3" => config.rule_syntax = Some(RuleSyntax::V3),
                // differs from traefik: there nobody learns of the typo.
                _ => reader.odd(&entry, "is unknown, the default is used: use v3 or v2"),
            },
            ["tls" | "observability"] => {}
            ["tls", "certresolver"] => entry.value.clone_into(&mut router_tls.cert_resolver),
            ["tls", "options"] => entry.value.clone_into(&mut router_tls.options),
            ["tls", "domains", index, field @ ("main" | "sans")]
                if let Some(index) = list_index(index) =>
            {
                let domain = domains.entry(index).or_default();
                if *field == "main" {
                    entry.value.clone_into(&mut domain.main);
                } else {
                    domain.sans = list(entry.value);
                }
            }
            ["observability", field] if !observability.is_on() && OBSERVABILITY.contains(field) => {
            }
            ["observability", "accesslogs"] => reader.switch(&entry, &mut watch.access_logs),
            ["observability", "metrics"] => reader.switch(&entry, &mut watch.metrics),
            ["observability", "tracing"] => reader.switch(&entry, &mut watch.tracing),
            ["observability", "traceverbosity"] => match entry.value {
                "minimal" => watch.trace_verbosity = TraceVerbosity::Minimal,
                "detailed" => watch.trace_verbosity = TraceVerbosity::Detailed,
                _ => reader.odd(
                    &entry,
                    "is unknown, the default is used: use minimal or detailed",
                ),
            },
            _ => reader.unknown(&entry, ROUTER),
        }
    }
    router_tls.domains = domains.into_values().collect();
    config.tls = tls.is_on().then_some(router_tls);
    config.observability = observability.is_on().then_some(watch);
    reader.finish(config)
}

/// Reads the service annotations of a Service. `None` when there are none at all.
pub(super) fn service(annotations: &StringMap) -> Decoded<ServiceConfig> {
    let mut reader = Reader::new(annotations, "service");
    let mut config = ServiceConfig::default();
    let sticky = reader.marker("sticky");
    let cookie = if sticky == Marker::Off {
        Marker::Off
    } else {
        reader.marker("sticky.cookie")
    };
    let mut sticky_cookie = StickyCookie::default();

    for entry in std::mem::take(&mut reader.entries).into_values() {
        let path: Vec<&str> = entry.path.split('.').collect();
        match path.as_slice() {
            ["serversscheme"] => entry.value.clone_into(&mut config.servers_scheme),
            ["serverstransport"] => entry.value.clone_into(&mut config.servers_transport),
            ["passhostheader"] => reader.boolean(&entry, &mut config.pass_host_header),
            ["middlewares"] => config.middlewares = list(entry.value),
            ["nativelb"] => reader.switch(&entry, &mut config.native_lb),
            ["nodeportlb"] => reader.boolean(&entry, &mut config.node_port_lb),
            ["sticky"] | ["sticky", "cookie"] => {}
            ["sticky", "cookie", field] if cookie == Marker::Off && COOKIE.contains(field) => {}
            ["sticky", "cookie", "name"] => entry.value.clone_into(&mut sticky_cookie.name),
            ["sticky", "cookie", "secure"] => reader.boolean(&entry, &mut sticky_cookie.secure),
            ["sticky", "cookie", "httponly"] => {
                reader.boolean(&entry, &mut sticky_cookie.http_only)
            }
            ["sticky", "cookie", "samesite"] => {
                if !matches!(entry.value, "" | "none" | "lax" | "strict") {
                    let cure = "is unknown and left out of the cookie: use none, lax or strict";
                    reader.odd(&entry, cure);
                }
                entry.value.clone_into(&mut sticky_cookie.same_site);
            }
            ["sticky", "cookie", "domain"] => entry.value.clone_into(&mut sticky_cookie.domain),
            ["sticky", "cookie", "maxage"] => reader.integer(&entry, &mut sticky_cookie.max_age),
            ["sticky", "cookie", "path"] => sticky_cookie.path = Some(entry.value.to_owned()),
            _ => reader.unknown(&entry, SERVICE),
        }
    }
    config.sticky = sticky.is_on().then(|| Sticky {
        cookie: cookie.is_on().then_some(sticky_cookie),
    });
    reader.finish(config)
}

const ROUTER: &[&str] = &[
    "pathmatcher",
    "entrypoints",
    "middlewares",
    "priority",
    "rulesyntax",
    "tls",
    "tls.certresolver",
    "tls.options",
    "tls.domains.<n>.main",
    "tls.domains.<n>.sans",
    "observability.accesslogs",
    "observability.metrics",
    "observability.tracing",
    "observability.traceverbosity",
];
const SERVICE: &[&str] = &[
    "serversscheme",
    "serverstransport",
    "passhostheader",
    "middlewares",
    "nativelb",
    "nodeportlb",
    "sticky.cookie",
    "sticky.cookie.name",
    "sticky.cookie.secure",
    "sticky.cookie.httponly",
    "sticky.cookie.samesite",
    "sticky.cookie.domain",
    "sticky.cookie.maxage",
    "sticky.cookie.path",
];
const OBSERVABILITY: &[&str] = &["accesslogs", "metrics", "tracing", "traceverbosity"];
const COOKIE: &[&str] = &[
    "name", "secure", "httponly", "samesite", "domain", "maxage", "path",
];

/// Errors that are reported of one object; one suffices to reject it.
const MAX_ERRORS: usize = 16;

/// Whether a node that may stand alone is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marker {
    /// Neither it nor anything below it is set.
    Absent,
    On,
    /// Set to something else than `true`: everything below it is off, too.
    Off,
}

impl Marker {
    fn is_on(self) -> bool {
        self == Self::On
    }
}

/// One annotation of the family that is read.
struct Entry<'a> {
    /// The annotation's key.
    key: &'a str,
    /// Path below the family, as it was written.
    written: String,
    /// The same in lower case: field names ignore case.
    path: String,
    value: &'a str,
}

struct Reader<'a> {
    /// By path.
    entries: BTreeMap<String, Entry<'a>>,
    any: bool,
    odd: Vec<Problem>,
    errors: Vec<Problem>,
}

impl<'a> Reader<'a> {
    fn new(annotations: &'a StringMap, family: &str) -> Self {
        let mut reader = Self {
            entries: BTreeMap::new(),
            any: false,
            odd: Vec::new(),
            errors: Vec::new(),
        };
        for prefix in ANNOTATION_PREFIXES {
            for (key, value) in annotations.iter() {
                let Some(rest) = key.strip_prefix(prefix) else {
                    continue;
                };
                reader.any = true;
                let Some((first, written)) = rest.split_once('.') else {
                    continue;
                };
                if !first.eq_ignore_ascii_case(family) {
                    continue;
                }
                let written = written.replace('[', ".").replace(']', "");
                reader.add(Entry {
                    key,
                    path: written.to_lowercase(),
                    written,
                    value,
                });
            }
        }
        reader
    }

    /// Of two spellings of one annotation the later one counts; those of `pointsman.io/` come last.
    fn add(&mut self, entry: Entry<'a>) {
        let (key, value) = (entry.key, entry.value);
        let Some(old) = self.entries.insert(entry.path.clone(), entry) else {
            return;
        };
        if old.value != value {
            let message = format!("{key} says otherwise and counts: remove one of the two");
            self.odd.push(Problem {
                key: old.key.to_owned(),
                message,
            });
        }
    }

    fn marker(&self, node: &str) -> Marker {
        match self.entries.get(node) {
            Some(entry) if entry.value.is_empty() || entry.value.eq_ignore_ascii_case("true") => {
                Marker::On
            }
            Some(_) => Marker::Off,
            None => {
                let below = format!("{node}.");
                let next = self.entries.range(below.clone()..).next();
                if next.is_some_and(|(path, _)| path.starts_with(&below)) {
                    Marker::On
                } else {
                    Marker::Absent
                }
            }
        }
    }

    /// As [`Self::marker`], for a node that protects.
    fn strict_marker(&mut self, node: &str) -> Marker {
        let Some(entry) = self.entries.get(node) else {
            return self.marker(node);
        };
        match parse_bool(entry.value) {
            _ if entry.value.is_empty() => Marker::On,
            Some(true) => Marker::On,
            Some(false) => Marker::Off,
            None => {
                // differs from traefik: there any value but `true` turns TLS off, which serves plaintext by mistake.
                let message = not_bool(entry.value);
                self.errors.push(Problem {
                    key: entry.key.to_owned(),
                    message,
                });
                Marker::Off
            }
        }
    }

    fn boolean(&mut self, entry: &Entry<'_>, target: &mut bool) {
        match parse_bool(entry.value) {
            Some(value) => *target = value,
            None => self.fail(entry, not_bool(entry.value)),
        }
    }

    /// A boolean whose absence means something of its own.
    fn switch(&mut self, entry: &Entry<'_>, target: &mut Option<bool>) {
        self.boolean(entry, target.insert(false));
    }

    fn integer(&mut self, entry: &Entry<'_>, target: &mut i64) {
        match entry.value.parse() {
            Ok(value) => *target = value,
            Err(_) => self.fail(
                entry,
                format!(
                    "{:?} is no integer: write it in decimal, without spaces",
                    entry.value
                ),
            ),
        }
    }

    fn unknown(&mut self, entry: &Entry<'_>, known: &[&str]) {
        if self.errors.len() >= MAX_ERRORS {
            return;
        }
        let path: Vec<&str> = entry.path.split('.').collect();
        let depth = known
            .iter()
            .map(|field| common_depth(field, &path))
            .max()
            .unwrap_or(0);
        let message = match entry.written.split('.').nth(depth) {
            Some(node) => {
                let near = nearest(&entry.path, known)
                    .map(|field| format!(" (did you mean {field}?)"))
                    .unwrap_or_default();
                format!("field not found, node: {node}{near}")
            }
            // A list of structures that is set as if it were text.
            None => format!(
                "{} can't have a value of its own: set the fields below it",
                entry.written
            ),
        };
        self.fail(entry, message);
    }

    fn fail(&mut self, entry: &Entry<'_>, message: String) {
        if self.errors.len() >= MAX_ERRORS {
            return;
        }
        self.errors.push(Problem {
            key: entry.key.to_owned(),
            message,
        });
    }

    /// A value that is not understood, but does no harm.
    fn odd(&mut self, entry: &Entry<'_>, cure: &str) {
        let message = format!("{:?} {cure}", entry.value);
        self.odd.push(Problem {
            key: entry.key.to_owned(),
            message,
        });
    }

    fn finish<T>(self, config: T) -> Decoded<T> {
        if self.errors.is_empty() {
            Ok((self.any.then_some(config), self.odd))
        } else {
            Err(self.errors)
        }
    }
}

/// Go's `strconv.ParseBool`.
fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

fn not_bool(text: &str) -> String {
    format!("{text:?} is no boolean: use true or false")
}

/// Comma-separated, trimmed. A trailing comma gives an empty item, as in the reference; an empty text no items.
fn list(text: &str) -> Vec<String> {
    if text.is_empty() {
        return Vec::new();
    }
    let mut items = Vec::with_capacity(text.bytes().filter(|byte| *byte == b',').count() + 1);
    items.extend(text.split(',').map(|item| item.trim().to_owned()));
    items
}

/// differs from traefik: lists come in the order of the numbers, there in that of their digits (10 before 2).
fn list_index(text: &str) -> Option<u64> {
    text.bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

/// How many leading elements of `path` fit the known field.
fn common_depth(field: &str, path: &[&str]) -> usize {
    let fits = |(known, found): &(&str, &&str)| {
        known == *found || *known == "<n>" && list_index(found).is_some()
    };
    field.split('.').zip(path).take_while(fits).count()
}

/// The known field with the fewest differences, if they are few.
fn nearest<'f>(path: &str, known: &[&'f str]) -> Option<&'f str> {
    known
        .iter()
        .map(|field| (edit_distance(path, field), *field))
        .filter(|(distance, field)| *distance <= field.len() / 3)
        .min()
        .map(|(_, field)| field)
}

fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().take(64).enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, cb) in row.iter_mut().skip(1).zip(&b) {
            let cost = (diagonal + usize::from(ca != *cb))
                .min(left + 1)
                .min(*cell + 1);
            diagonal = std::mem::replace(cell, cost);
            left = cost;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn annotations(pairs: &[(&str, &str)]) -> StringMap {
        let full = |key: &str| {
            if key.contains('/') {
                key.to_owned()
            } else {
                format!("{}{key}", ANNOTATION_PREFIXES[0])
            }
        };
        pairs
            .iter()
            .map(|(key, value)| (Arc::from(full(key)), Arc::from(*value)))
            .collect()
    }

    fn router_of(pairs: &[(&str, &str)]) -> RouterConfig {
        router(&annotations(pairs)).unwrap().0.unwrap()
    }

    fn service_of(pairs: &[(&str, &str)]) -> ServiceConfig {
        service(&annotations(pairs)).unwrap().0.unwrap()
    }

    fn router_errors(pairs: &[(&str, &str)]) -> Vec<String> {
        router(&annotations(pairs))
            .unwrap_err()
            .into_iter()
            .map(|problem| problem.message)
            .collect()
    }

    fn texts(items: &[&str]) -> Vec<String> {
        items.iter().map(|item| (*item).to_owned()).collect()
    }

    #[test]
    fn row_094_all_router_annotations_are_read() {
        let config = router_of(&[
            ("ingress.kubernetes.io/foo", "bar"),
            ("foo", "bar"),
            ("router.pathmatcher", "foobar"),
            ("router.entrypoints", "foobar,foobar"),
            ("router.middlewares", "foobar,foobar"),
            ("router.priority", "42"),
            ("router.rulesyntax", "v2"),
            ("router.tls", "true"),
            ("router.tls.certresolver", "foobar"),
            ("router.tls.domains.0.main", "foobar"),
            ("router.tls.domains.0.sans", "foobar,foobar"),
            ("router.tls.domains.1.main", "foobar"),
            ("router.tls.domains.1.sans", "foobar,foobar"),
            ("router.tls.options", "foobar"),
            ("router.observability.accessLogs", "true"),
            ("router.observability.metrics", "true"),
            ("router.observability.tracing", "true"),
        ]);
        let two = texts(&["foobar", "foobar"]);
        let domain = Domain {
            main: "foobar".to_owned(),
            sans: two.clone(),
        };
        let expected = RouterConfig {
            path_matcher: "foobar".to_owned(),
            entry_points: two.clone(),
            middlewares: two,
            priority: 42,
            rule_syntax: Some(RuleSyntax::V2),
            tls: Some(RouterTls {
                options: "foobar".to_owned(),
                cert_resolver: "foobar".to_owned(),
                domains: vec![domain.clone(), domain],
            }),
            observability: Some(RouterObservability {
                access_logs: Some(true),
                metrics: Some(true),
                tracing: Some(true),
                trace_verbosity: TraceVerbosity::Minimal,
            }),
        };
        assert_eq!(config, expected);
    }

    #[test]
    fn row_095_tls_alone_leaves_the_defaults() {
        let expected = RouterConfig {
            tls: Some(RouterTls::default()),
            ..RouterConfig::default()
        };
        assert_eq!(router_of(&[("router.tls", "true")]), expected);
        assert_eq!(expected.path_matcher, "PathPrefix");
    }

    #[test]
    fn row_096_no_annotations_give_nothing() {
        assert_eq!(router(&StringMap::default()), Ok((None, Vec::new())));
        assert_eq!(service(&StringMap::default()), Ok((None, Vec::new())));
    }

    #[test]
    fn row_097_all_service_annotations_are_read() {
        let config = service_of(&[
            ("ingress.kubernetes.io/foo", "bar"),
            ("foo", "bar"),
            ("service.serversscheme", "protocol"),
            ("service.serverstransport", "foobar@file"),
            ("service.passhostheader", "true"),
            ("service.nativelb", "true"),
            ("service.sticky.cookie", "true"),
            ("service.sticky.cookie.httponly", "true"),
            ("service.sticky.cookie.name", "foobar"),
            ("service.sticky.cookie.secure", "true"),
            ("service.sticky.cookie.samesite", "none"),
            ("service.sticky.cookie.domain", "foo.com"),
            ("service.sticky.cookie.path", "foobar"),
        ]);
        let expected = ServiceConfig {
            servers_scheme: "protocol".to_owned(),
            servers_transport: "foobar@file".to_owned(),
            pass_host_header: true,
            middlewares: Vec::new(),
            native_lb: Some(true),
            node_port_lb: false,
            sticky: Some(Sticky {
                cookie: Some(StickyCookie {
                    name: "foobar".to_owned(),
                    secure: true,
                    http_only: true,
                    same_site: "none".to_owned(),
                    max_age: 0,
                    path: Some("foobar".to_owned()),
                    domain: "foo.com".to_owned(),
                }),
            }),
        };
        assert_eq!(config, expected);
    }

    #[test]
    fn row_098_a_cookie_alone_has_the_root_path() {
        let config = service_of(&[("service.sticky.cookie", "true")]);
        let cookie = config.sticky.unwrap().cookie.unwrap();
        assert_eq!(
            (cookie.name.as_str(), cookie.path.as_deref()),
            ("", Some("/"))
        );
        assert!(config.pass_host_header);
    }

    #[test]
    fn row_099_service_middlewares_are_a_list() {
        let config = service_of(&[("service.middlewares", "middleware1,middleware2")]);
        assert_eq!(config.middlewares, ["middleware1", "middleware2"]);
    }

    /// `router.tls.domains.0.main` is an element of a list, numbers elsewhere are not.
    #[test]
    fn row_100_numbers_in_keys_are_list_indices() {
        let config = router_of(&[
            ("router.tls.domains.0.main", "a"),
            ("router.tls.domains[1].main", "b"),
        ]);
        let mains: Vec<String> = config
            .tls
            .unwrap()
            .domains
            .into_iter()
            .map(|domain| domain.main)
            .collect();
        assert_eq!(mains, ["a", "b"]);
        assert_eq!(
            router_errors(&[("router.0.x.0.y", "1")]),
            ["field not found, node: 0"]
        );
    }

    #[test]
    fn unknown_fields_are_named_with_the_nearest_known_one() {
        assert_eq!(
            router_errors(&[("router.entrypoint", "web")]),
            ["field not found, node: entrypoint (did you mean entrypoints?)"]
        );
        assert_eq!(
            router_errors(&[("router.tls.foo", "x")]),
            ["field not found, node: foo"]
        );
        assert_eq!(
            router_errors(&[("router.tls.domains.0.name", "x")]),
            ["field not found, node: name (did you mean tls.domains.<n>.main?)"]
        );
        assert!(service(&annotations(&[("service.sticky.cookies", "true")])).is_err());
    }

    #[test]
    fn fields_of_the_other_family_are_ignored() {
        assert_eq!(
            router_of(&[("service.nonsense", "x")]),
            RouterConfig::default()
        );
        assert_eq!(
            service_of(&[("router.priority", "x")]),
            ServiceConfig::default()
        );
        assert_eq!(router_of(&[("router", "x")]), RouterConfig::default());
    }

    #[test]
    fn names_ignore_case_but_prefixes_do_not() {
        assert_eq!(router_of(&[("Router.PRIORITY", "7")]).priority, 7);
        assert_eq!(
            router(&annotations(&[(
                "Traefik.ingress.kubernetes.io/router.priority",
                "7"
            )])),
            Ok((None, Vec::new()))
        );
    }

    #[test]
    fn a_marker_that_is_off_hides_what_is_below_it() {
        let config = router_of(&[
            ("router.observability", "no"),
            ("router.observability.metrics", "not a bool"),
        ]);
        assert_eq!(config.observability, None);
        assert_eq!(
            router_errors(&[
                ("router.observability", "no"),
                ("router.observability.metricz", "1")
            ]),
            ["field not found, node: metricz (did you mean observability.metrics?)"]
        );
        assert_eq!(
            service_of(&[("service.sticky", "no"), ("service.sticky.cookie", "true")]).sticky,
            None
        );
    }

    #[test]
    fn booleans_are_those_of_go() {
        for (text, value) in [
            ("1", true),
            ("t", true),
            ("TRUE", true),
            ("True", true),
            ("0", false),
            ("F", false),
        ] {
            assert_eq!(
                service_of(&[("service.nativelb", text)]).native_lb,
                Some(value)
            );
        }
        for text in ["", "yes", "tRUE", "2", " true"] {
            assert!(
                service(&annotations(&[("service.nativelb", text)])).is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn our_own_prefix_wins_and_a_contradiction_is_reported() {
        let both = annotations(&[
            ("router.priority", "1"),
            ("pointsman.io/router.priority", "2"),
        ]);
        let (config, odd) = router(&both).unwrap();
        assert_eq!(config.unwrap().priority, 2);
        assert_eq!(odd[0].key, "traefik.ingress.kubernetes.io/router.priority");
        let alike = annotations(&[
            ("router.priority", "1"),
            ("pointsman.io/router.priority", "1"),
        ]);
        assert_eq!(router(&alike).unwrap().1, []);
    }

    #[test]
    fn lists_are_trimmed_and_keep_empty_items() {
        assert_eq!(list(" web , websecure ,"), ["web", "websecure", ""]);
        assert_eq!(list(""), [""; 0]);
    }
}
