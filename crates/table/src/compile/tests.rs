//! Small configurations, and what becomes of them.

use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use http::{HeaderValue, Method, StatusCode};
use pointsman_config::decode::{decode, yaml};
use pointsman_config::dynamic::Configuration;
use pointsman_config::dynamic::http::KubernetesOrigin;
use pointsman_config::names::QualifiedName;
use pointsman_config::static_;
use pointsman_message::{
    Call, ConnectionInfo, Exchange, LocalBoxFuture, Next, ProxyError, Response, Scheme,
};
use pointsman_middleware::HashPool;
use pointsman_provider::{Merger, Update};
use pointsman_rule::Request;

use super::{Compiler, Environment};
use crate::table::{Route, RoutingTable};

const TWO_ENTRY_POINTS: &str =
    "entryPoints: { web: { address: ':80' }, websecure: { address: ':443' } }";

/// Answers 418.
struct Teapot;

impl Call for Teapot {
    fn call<'a>(&'a self, _: &'a mut Exchange) -> LocalBoxFuture<'a, Result<Response, ProxyError>> {
        let response = Response::new(StatusCode::IM_A_TEAPOT, "");
        Box::pin(std::future::ready(Ok(response)))
    }
}

struct Setup {
    compiler: Compiler,
    merger: Merger,
}

impl Setup {
    fn new(static_yaml: &str) -> Self {
        let (static_, problems) =
            decode::<static_::Configuration>(&yaml::parse(static_yaml).unwrap());
        assert!(problems.is_empty(), "{problems:?}");
        let noop: Arc<dyn Call> = Arc::new(Teapot);
        let names = ["noop", "api", "ping", "prometheus"];
        let compiler = Compiler::new(Environment {
            static_: Arc::new(static_),
            metrics: None,
            internal_services: names
                .map(|name| (name.to_owned(), noop.clone()))
                .into_iter()
                .collect(),
            read_file: Box::new(|path| std::fs::read(path)),
            hashing: HashPool::new(1).unwrap(),
        });
        Self {
            compiler,
            merger: Merger::new(&[]),
        }
    }

    fn offer(&mut self, provider: &str, configuration: Configuration) {
        self.merger.update(&Update {
            provider: provider.into(),
            configuration: Some(Arc::new(configuration)),
            diagnostics: Vec::new(),
        });
    }

    fn compile(&mut self) -> RoutingTable {
        let merger = &self.merger;
        self.compiler
            .compile(merger.merged(), &|provider| merger.rank(provider))
    }

    /// The table once the provider `file` says this.
    fn apply(&mut self, dynamic_yaml: &str) -> RoutingTable {
        self.offer("file", dynamic(dynamic_yaml));
        self.compile()
    }
}

fn dynamic(text: &str) -> Configuration {
    let (configuration, problems) = Configuration::decode(&yaml::parse(text).unwrap());
    assert!(problems.is_empty(), "{problems:?}");
    configuration
}

/// The table of two entry points, `web` and `websecure`, and this configuration.
fn table(dynamic_yaml: &str) -> RoutingTable {
    Setup::new(TWO_ENTRY_POINTS).apply(dynamic_yaml)
}

/// A configuration with these routers beside a good one, and a service `s`.
fn routers(routers: &str) -> String {
    with(routers, "")
}

fn with(routers: &str, more: &str) -> String {
    format!(
        "http: {{ routers: {{ good: {{ rule: 'Host(`good`)', service: s }}, {routers} }}, \
         services: {{ s: {{ loadBalancer: {{ servers: [ {{ url: 'http://127.0.0.1:1' }} ] }} }} }} \
         {more} }}"
    )
}

/// Status and errors of a router.
fn state(table: &RoutingTable, name: &str) -> (&'static str, String) {
    let router = &table.runtime.routers[&QualifiedName::resolve(name, "file")];
    (router.status.as_str(), router.errors.join("; "))
}

/// All routers with their states: what the API shows.
fn shown(table: &RoutingTable) -> Vec<String> {
    let routers = table.runtime.routers.iter();
    let services = table.runtime.services.iter();
    let middlewares = table.runtime.middlewares.iter();
    routers
        .map(|(name, r)| {
            format!(
                "{name} {} {:?} {:?} {:?}",
                r.status.as_str(),
                r.errors,
                r.using,
                r.priority
            )
        })
        .chain(
            services
                .map(|(name, s)| format!("{name} {:?} {:?} {:?}", s.status, s.errors, s.servers)),
        )
        .chain(middlewares.map(|(name, m)| format!("{name} {:?} {:?}", m.status, m.errors)))
        .collect()
}

fn find<'t>(table: &'t RoutingTable, host: &str, path: &str) -> Option<&'t Arc<Route>> {
    let request = Request {
        host: host.to_owned(),
        path: path.to_owned(),
        ..Request::default()
    };
    // `web` stands before `websecure`.
    table.entry_points[0].find(Scheme::Http, &request)
}

fn winner(table: &RoutingTable, host: &str, path: &str) -> String {
    find(table, host, path).map_or_else(|| "-".to_owned(), |route| route.name.to_string())
}

/// `broken` is disabled with this text, and `good` is not touched.
#[track_caller]
fn disables(configuration: &str, text: &str) {
    let table = table(configuration);
    let (status, errors) = state(&table, "broken");
    assert_eq!(status, "disabled", "{errors}");
    assert!(errors.contains(text), "{errors}");
    assert_eq!(state(&table, "good"), ("enabled", String::new()));
    assert_eq!(winner(&table, "good", "/"), "good@file");
    assert_eq!(winner(&table, "broken", "/"), "-");
}

#[test]
fn what_is_missing_disables_only_its_router() {
    disables(
        &routers("broken: { rule: 'Host(`broken`)', service: gone }"),
        "the service \"gone@file\" does not exist",
    );
    disables(
        &routers("broken: { rule: 'Host(`broken`)', service: s, middlewares: [ gone ] }"),
        "middleware \"gone@file\" does not exist",
    );
    disables(
        &with(
            "broken: { rule: 'Host(`broken`)', service: t }",
            "",
        )
        .replace(
            "services: {",
            "services: { t: { loadBalancer: { serversTransport: gone, servers: [ { url: 'http://127.0.0.1:1' } ] } },",
        ),
        "serversTransport not found gone@file",
    );
    disables(
        &routers("broken: { rule: 'Host(`broken`)', service: s, tls: { options: gone } }"),
        "unknown TLS options: gone@file",
    );
}

#[test]
fn entry_points_that_do_not_exist_are_warned_of() {
    let table = table(&routers(
        "some: { rule: 'Host(`some`)', service: s, entryPoints: [ web, nope ] }, \
         none: { rule: 'Host(`none`)', service: s, entryPoints: [ nope ] }, \
         empty: { rule: 'Host(`empty`)', service: s, entryPoints: [ web, '' ] }",
    ));
    assert_eq!(
        state(&table, "some"),
        ("warning", "entryPoint \"nope\" doesn't exist".to_owned())
    );
    assert_eq!(state(&table, "empty").0, "warning");
    assert_eq!(winner(&table, "some", "/"), "some@file");
    let (status, errors) = state(&table, "none");
    assert_eq!(status, "disabled");
    assert!(
        errors.contains("no valid entryPoint for this router"),
        "{errors}"
    );
    let none = &table.runtime.routers[&QualifiedName::new("none", "file")];
    assert_eq!(none.priority, None);
}

#[test]
fn what_an_entry_point_adds_splits_routers() {
    let mut setup = Setup::new(
        "entryPoints: { web: { address: ':80' }, websecure: { address: ':443', http: { tls: {} } } }",
    );
    let table = setup.apply(&routers(
        "one: { rule: 'Host(`one`)', service: s, entryPoints: [ websecure ] }, \
         two: { rule: 'Host(`two`)', service: s, entryPoints: [ web, websecure ] }",
    ));
    let names: Vec<_> = table
        .runtime
        .routers
        .keys()
        .map(|name| name.name())
        .collect();
    assert!(
        names.contains(&"websecure-two") && names.contains(&"two"),
        "{names:?}"
    );
    assert!(
        names.contains(&"one") && !names.contains(&"websecure-one"),
        "{names:?}"
    );
    let using = |name: &str| {
        table.runtime.routers[&QualifiedName::new(name, "file")]
            .using
            .clone()
    };
    assert_eq!(
        (using("two"), using("websecure-two")),
        (vec!["web".to_owned()], vec!["websecure".to_owned()])
    );
}

#[test]
fn the_v2_syntax_splits_routers_at_every_entry_point() {
    let mut setup = Setup::new(&format!(
        "{TWO_ENTRY_POINTS}\ncore: {{ defaultRuleSyntax: v2 }}"
    ));
    let table = setup.apply(&routers(
        "two: { rule: 'Host(`a`, `b`)', service: s, entryPoints: [ web, websecure ] }",
    ));
    assert_eq!(winner(&table, "b", "/"), "web-two@file");
    assert!(
        table
            .runtime
            .routers
            .contains_key(&QualifiedName::new("websecure-two", "file"))
    );
    assert!(
        !table
            .runtime
            .routers
            .contains_key(&QualifiedName::new("two", "file"))
    );
}

#[test]
fn rules_and_priorities_out_of_bounds_disable() {
    let table = table(&routers(
        "empty: { service: s }, \
         high: { rule: 'Host(`high`)', service: s, priority: 9223372036854774808 }, \
         low: { rule: 'Host(`low`)', service: s, priority: -5 }",
    ));
    let empty = &table.runtime.routers[&QualifiedName::new("empty", "file")];
    assert_eq!((empty.status.as_str(), empty.priority), ("disabled", None));
    let (status, errors) = state(&table, "high");
    assert_eq!(status, "disabled");
    assert!(
        errors.contains("exceeds the max user-defined priority"),
        "{errors}"
    );
    let low = &table.runtime.routers[&QualifiedName::new("low", "file")];
    assert_eq!((low.status.as_str(), low.priority), ("enabled", Some(-5)));
}

#[test]
fn chains_are_laid_out_and_cycles_disable() {
    let table = table(&with(
        "chained: { rule: 'Host(`chained`)', service: s, middlewares: [ all ] }, \
         broken: { rule: 'Host(`broken`)', service: s, middlewares: [ a ] }",
        ", middlewares: { all: { chain: { middlewares: [ x, y ] } }, \
         x: { addPrefix: { prefix: /x } }, y: { addPrefix: { prefix: /y } }, \
         a: { chain: { middlewares: [ b ] } }, b: { chain: { middlewares: [ a ] } } }",
    ));
    assert_eq!(find(&table, "chained", "/").unwrap().steps.len(), 2);
    assert_eq!(state(&table, "broken").0, "disabled");
    assert_eq!(state(&table, "chained").0, "enabled");
}

#[test]
fn services_that_are_not_built_yet_disable() {
    for kind in [
        "weighted: { services: [ { name: s } ] }",
        "mirroring: { service: s }",
        "failover: { service: s, fallback: s }",
    ] {
        let configuration = routers("broken: { rule: 'Host(`broken`)', service: k }")
            .replace("services: {", &format!("services: {{ k: {{ {kind} }},"));
        disables(&configuration, "is not built yet");
    }
}

#[test]
fn resolvers_of_certificates_are_warned_of() {
    let table = table(&routers(
        "acme: { rule: 'Host(`acme`)', service: s, tls: { certResolver: le } }",
    ));
    let (status, errors) = state(&table, "acme");
    assert_eq!(status, "warning");
    assert!(errors.contains("\"le\""), "{errors}");
}

#[test]
fn default_options_of_two_providers_disable_who_needs_them() {
    let mut setup = Setup::new(TWO_ENTRY_POINTS);
    let options = "tls: { options: { default: { minVersion: VersionTLS13 } } }";
    setup.offer("other", dynamic(options));
    let table = setup.apply(&format!(
        "{}\n{options}",
        routers("broken: { rule: 'Host(`broken`)', service: s, tls: {} }")
    ));
    assert_eq!(state(&table, "broken").0, "disabled");
    assert_eq!(state(&table, "good").0, "enabled");
}

#[test]
fn a_conflict_of_options_is_forgotten_with_its_cause() {
    let mut setup = Setup::new(TWO_ENTRY_POINTS);
    let configuration = |second: &str| {
        format!(
            "{}\ntls: {{ options: {{ a: {{ minVersion: VersionTLS13 }} }} }}",
            routers(&format!(
                "one: {{ rule: 'Host(`h`)', service: s, tls: {{ options: a }} }}, {second}"
            ))
        )
    };
    let two = "two: { rule: 'Host(`h`) && Path(`/x`)', service: s, tls: {} }";
    let conflicted = setup.apply(&configuration(two));
    assert_eq!(state(&conflicted, "one").0, "warning");
    assert_eq!(state(&conflicted, "two").0, "warning");
    let alone = setup.apply(&configuration(""));
    assert_eq!(state(&alone, "one"), ("enabled", String::new()));
}

#[test]
fn internal_routers_follow_the_static_configuration() {
    let text = "entryPoints: { web: { address: ':80', http: { redirections: { entryPoint: { to: websecure } } } }, \
                websecure: { address: ':443' }, traefik: { address: ':8080' } }\n\
                api: { insecure: true }\nping: {}\nmetrics: { prometheus: {} }";
    let mut setup = Setup::new(text);
    let (static_, _) = decode::<static_::Configuration>(&yaml::parse(text).unwrap());
    setup.offer("internal", crate::internal::configuration(&static_));
    let table = setup.compile();
    for (name, priority) in [
        ("api", i64::MAX - 1),
        ("ping", i64::MAX),
        ("prometheus", i64::MAX),
        ("web-to-websecure", i64::MAX - 1),
    ] {
        let router = &table.runtime.routers[&QualifiedName::new(name, "internal")];
        assert_eq!(
            (router.status.as_str(), router.priority),
            ("enabled", Some(priority)),
            "{name}: {:?}",
            router.errors
        );
    }
    let any = Request {
        host: "any".to_owned(),
        ..Request::default()
    };
    // In order of names: `traefik`, `web`, `websecure`.
    let redirect = table.entry_points[1].find(Scheme::Http, &any).unwrap();
    assert_eq!(redirect.name.as_str(), "web-to-websecure@internal");
}

/// A Kubernetes router for `Host(h)` and this path condition.
fn kubernetes(entries: &[(&str, &str, i64, &str)]) -> Configuration {
    let mut configuration = dynamic(&routers(""));
    for (name, rule, created, ingress) in entries {
        let mut router = (*dynamic(&routers(&format!(
            "r: {{ rule: '{rule}', service: s, priority: 100 }}"
        )))
        .http
        .routers["r"])
            .clone();
        router.origin = Some(KubernetesOrigin {
            namespace: "shop".into(),
            ingress_name: (*ingress).into(),
            created: *created,
            ..KubernetesOrigin::default()
        });
        configuration
            .http
            .routers
            .insert((*name).to_owned(), Arc::new(router));
    }
    configuration
}

#[test]
fn a_later_ingress_takes_over_no_route_of_equal_priority() {
    let rule = "Host(`h`) && PathPrefix(`/a`)";
    let win = |entries: &[_], path: &str| {
        let mut setup = Setup::new(TWO_ENTRY_POINTS);
        setup.offer("kubernetes", kubernetes(entries));
        winner(&setup.compile(), "h", path)
    };
    assert_eq!(
        win(&[("z", rule, 10, "z"), ("a", rule, 20, "a")], "/a"),
        "z@kubernetes"
    );
    // Of equal age the namespace and name decide, and those without a creation time come last.
    assert_eq!(
        win(&[("z", rule, 10, "first"), ("a", rule, 10, "second")], "/a"),
        "z@kubernetes"
    );
    assert_eq!(
        win(&[("a", rule, 0, "a"), ("z", rule, 10, "z")], "/a"),
        "z@kubernetes"
    );
    // The exact path goes first whatever its age, and so does the exact host.
    assert_eq!(
        win(
            &[
                ("a", rule, 1, "a"),
                ("b", "Host(`h`) && Path(`/a`)", 2, "b")
            ],
            "/a"
        ),
        "b@kubernetes"
    );
    assert_eq!(
        win(
            &[
                ("a", "HostRegexp(`^h$`) && Path(`/a`)", 1, "a"),
                ("b", rule, 2, "b")
            ],
            "/a"
        ),
        "b@kubernetes"
    );
}

fn exchange(host: &str, path: &str) -> Exchange {
    let connection = ConnectionInfo {
        entry_point: "web".into(),
        peer: "127.0.0.1:1".parse().unwrap(),
        local: "127.0.0.1:80".parse().unwrap(),
        peer_ip_value: HeaderValue::from_static("127.0.0.1"),
        trusted: false,
        append_forwarded_for: true,
        tls: None,
    };
    let mut exchange = Exchange::new(Rc::new(connection));
    exchange.request.method = Method::GET;
    exchange.request.set_authority(host, host);
    exchange.request.set_target(path, None);
    exchange
}

/// The status of the answer, and the routers that the request took.
fn ask(table: &RoutingTable, host: &str, path: &str) -> (u16, Vec<String>) {
    let route = find(table, host, path).unwrap();
    let mut exchange = exchange(host, path);
    let status = {
        let run = Next::new(&route.steps, &route.target).run(&mut exchange);
        let mut run = std::pin::pin!(run);
        match run.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(response)) => response.head.status.as_u16(),
            Poll::Ready(Err(error)) => panic!("{error}"),
            Poll::Pending => panic!("nothing here waits"),
        }
    };
    let inner = exchange.record.inner_routes.iter();
    let inner = inner.map(|route| route.downcast_ref::<Route>().unwrap().name.to_string());
    (
        status,
        std::iter::once(route.name.to_string())
            .chain(inner)
            .collect(),
    )
}

const LAYERS: &str = "http: { routers: { \
    top: { rule: 'Host(`h`)', middlewares: [ mark ] }, \
    blue: { rule: 'Header(`X-Colour`, `blue`)', parentRefs: [ top ] }, \
    red: { rule: 'Header(`X-Colour`, `red`)', parentRefs: [ top ], service: noop@internal }, \
    deep: { rule: 'PathPrefix(`/deep`)', parentRefs: [ blue ], service: noop@internal } }, \
    middlewares: { mark: { headers: { customRequestHeaders: { X-Colour: blue } } } } }";

#[test]
fn children_see_what_the_middlewares_of_their_parent_did() {
    let mut setup = Setup::new(TWO_ENTRY_POINTS);
    let first = setup.apply(LAYERS);
    let path = ["top@file", "blue@file", "deep@file"]
        .map(String::from)
        .to_vec();
    assert_eq!(ask(&first, "h", "/deep/x"), (418, path));
    // Nothing of the inner layer matches.
    assert_eq!(ask(&first, "h", "/else").0, 404);
    assert_eq!(
        find(&first, "h", "/").unwrap().service_name.as_str(),
        "top@file-muxer"
    );
    // A child is in no entry point's own index.
    assert_eq!(winner(&first, "other", "/deep"), "-");
    // Another middleware, and another child answers.
    let second = setup.apply(&LAYERS.replace("X-Colour: blue", "X-Colour: red"));
    assert_eq!(ask(&second, "h", "/deep/x").1, ["top@file", "red@file"]);
    // A child that goes takes only itself along, and the request that has the old table keeps it.
    let third = setup.apply(&LAYERS.replace("`red`)', parentRefs: [ top ]", "`red`)'"));
    assert_eq!(ask(&third, "h", "/deep/x").1.len(), 3);
    assert_eq!(ask(&second, "h", "/deep/x").1, ["top@file", "red@file"]);
}

#[test]
fn mistakes_among_layers_disable_their_routers() {
    let table = table(
        "http: { routers: { \
        top: { rule: 'Host(`h`)' }, ok: { rule: 'Path(`/`)', parentRefs: [ top ], service: noop@internal }, \
        lost: { rule: 'Path(`/`)', parentRefs: [ gone ], service: noop@internal }, \
        x: { rule: 'Path(`/`)', parentRefs: [ y ] }, y: { rule: 'Path(`/`)', parentRefs: [ x ] }, \
        dead: { rule: 'Host(`dead`)' }, \
        both: { rule: 'Host(`both`)', service: noop@internal }, \
        under: { rule: 'Path(`/`)', parentRefs: [ both ], service: noop@internal }, \
        tls: { rule: 'Path(`/`)', parentRefs: [ top ], service: noop@internal, tls: {} }, \
        points: { rule: 'Path(`/`)', parentRefs: [ top ], service: noop@internal, entryPoints: [ web ] }, \
        seen: { rule: 'Path(`/`)', parentRefs: [ top ], service: noop@internal, observability: { metrics: false } }, \
        hollow: { rule: 'Host(`hollow`)' }, \
        bad: { rule: 'Path(`/`)', parentRefs: [ hollow ], service: gone } } }",
    );
    for (name, text) in [
        ("lost", "parent router \"gone@file\" does not exist"),
        ("x", "router is not reachable"),
        ("y", "router is not reachable"),
        ("dead", "router has no service and no child routers"),
        (
            "both",
            "router has both a service and is referenced as a parent by other routers",
        ),
        ("tls", "non-root router cannot have TLS configuration"),
        (
            "points",
            "non-root router cannot have Entrypoints configuration",
        ),
        (
            "seen",
            "non-root router cannot have Observability configuration",
        ),
        (
            "hollow",
            "no child routers could be added to muxer (1 skipped)",
        ),
        ("bad", "the service \"gone@file\" does not exist"),
    ] {
        let (status, errors) = state(&table, name);
        assert_eq!(status, "disabled", "{name}: {errors}");
        assert!(errors.contains(text), "{name}: {errors}");
    }
    assert_eq!(state(&table, "ok"), ("enabled", String::new()));
    assert_eq!(ask(&table, "h", "/").1, ["top@file", "ok@file"]);
}

#[test]
fn a_link_that_leads_back_is_cut_with_a_warning() {
    let table = table(
        "http: { routers: { top: { rule: 'Host(`h`)' }, \
        a: { rule: 'PathPrefix(`/`)', parentRefs: [ top, b ] }, \
        b: { rule: 'PathPrefix(`/`)', parentRefs: [ a ] }, \
        c: { rule: 'PathPrefix(`/`)', parentRefs: [ b ], service: noop@internal } } }",
    );
    let text = "cyclic reference detected in router tree: a@file -> b@file -> a@file";
    assert_eq!(state(&table, "a"), ("warning", text.to_owned()));
    assert_eq!(
        ask(&table, "h", "/").1,
        ["top@file", "a@file", "b@file", "c@file"]
    );
}

#[test]
fn layers_beyond_the_limit_are_refused() {
    let mut text =
        String::from("top: { rule: 'Host(`h`)' }, r0: { rule: 'Path(`/`)', parentRefs: [ top ] }");
    for level in 1..3_000 {
        text += &format!(
            ", r{level}: {{ rule: 'Path(`/`)', parentRefs: [ r{} ] }}",
            level - 1
        );
    }
    text += ", end: { rule: 'Path(`/`)', parentRefs: [ r2999 ], service: noop@internal }";
    let table = table(&routers(&text));
    assert!(
        state(&table, "top")
            .1
            .contains("layers of routers below it")
    );
    assert_eq!(state(&table, "end").0, "enabled");
    assert_eq!(state(&table, "good").0, "enabled");
}

/// A random small configuration, sometimes wrong.
fn random_configuration(random: &mut fastrand::Rng) -> String {
    let mut text = String::new();
    for name in 0..7 {
        if random.u8(..4) == 0 {
            continue;
        }
        let host = random.u8(..3);
        let mut options = match random.u8(..5) {
            0 => String::from("service: gone"),
            1 => String::new(),
            _ => format!("service: s{}", random.u8(..3)),
        };
        for (chance, option) in [
            (3, format!("middlewares: [ m{} ]", random.u8(..3))),
            (3, format!("tls: {{ options: o{} }}", random.u8(..3))),
            (4, "tls: {}".to_owned()),
            (3, format!("parentRefs: [ r{} ]", random.u8(..7))),
            (3, format!("priority: {}", random.u8(..3))),
            (5, "entryPoints: [ web, nope ]".to_owned()),
        ] {
            let key = option.split(':').next().unwrap_or_default();
            if random.u8(..chance) == 0 && !options.contains(key) {
                options += &format!("{}{option}", if options.is_empty() { "" } else { ", " });
            }
        }
        let comma = if options.is_empty() { "" } else { ", " };
        text += &format!("r{name}: {{ rule: 'Host(`h{host}`)'{comma}{options} }}, ");
    }
    let mut middlewares = String::new();
    for name in 0..3 {
        if random.bool() {
            middlewares += &match random.bool() {
                true => format!(
                    "m{name}: {{ addPrefix: {{ prefix: /{} }} }}, ",
                    random.u8(..3)
                ),
                false => format!(
                    "m{name}: {{ chain: {{ middlewares: [ m{} ] }} }}, ",
                    random.u8(..3)
                ),
            };
        }
    }
    let mut services = String::new();
    for name in 0..3 {
        if random.u8(..4) > 0 {
            services += &format!(
                "s{name}: {{ loadBalancer: {{ servers: [ {{ url: 'http://127.0.0.1:{}' }} ] }} }}, ",
                1 + random.u8(..2)
            );
        }
    }
    let mut options = String::new();
    for name in 0..3 {
        if random.bool() {
            options += &format!(
                "o{name}: {{ minVersion: VersionTLS1{} }}, ",
                2 + random.u8(..2)
            );
        }
    }
    let section = |name: &str, entries: &str| match entries.is_empty() {
        true => String::new(),
        false => format!("{name}: {{ {entries} }}, "),
    };
    format!(
        "{{ http: {{ {}{}{} x: {{}} }}, tls: {{ {} }} }}",
        section("routers", &text),
        section("services", &services),
        section("middlewares", &middlewares),
        section("options", &options),
    )
    .replace(" x: {}", "")
}

#[test]
fn an_update_gives_what_compiling_from_scratch_gives() {
    let mut answered = 0;
    for seed in 0..150 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut updated = Setup::new(TWO_ENTRY_POINTS);
        for step in 0..6 {
            let text = random_configuration(&mut random);
            let after_update = updated.apply(&text);
            let from_scratch = table(&text);
            assert_eq!(
                shown(&after_update),
                shown(&from_scratch),
                "seed {seed}, step {step}: {text}"
            );
            for host in ["h0", "h1", "h2"] {
                for (point, scheme) in [(0, Scheme::Http), (1, Scheme::Https)] {
                    let request = Request {
                        host: host.into(),
                        ..Request::default()
                    };
                    let find = |table: &RoutingTable| {
                        let route = table.entry_points[point].find(scheme, &request);
                        route.map(|route| {
                            (
                                route.name.to_string(),
                                route.service_name.to_string(),
                                route.steps.len(),
                            )
                        })
                    };
                    let found = find(&after_update);
                    answered += usize::from(found.is_some());
                    assert_eq!(
                        found,
                        find(&from_scratch),
                        "seed {seed}, step {step}: {text}"
                    );
                }
            }
        }
    }
    assert!(answered > 500, "only {answered} requests found a router");
}

#[test]
fn an_unrelated_change_leaves_routes_and_positions() {
    let mut setup = Setup::new(TWO_ENTRY_POINTS);
    let before = setup.apply(
        LAYERS
            .replacen(
                "top:",
                "good: { rule: 'Host(`good`)', service: noop@internal }, top:",
                1,
            )
            .as_str(),
    );
    let after = setup.apply(
        LAYERS
            .replacen(
                "top:",
                "good: { rule: 'Host(`good`)', service: noop@internal, priority: 3 }, top:",
                1,
            )
            .as_str(),
    );
    assert!(Arc::ptr_eq(
        find(&before, "h", "/").unwrap(),
        find(&after, "h", "/").unwrap()
    ));
    assert!(!Arc::ptr_eq(
        find(&before, "good", "/").unwrap(),
        find(&after, "good", "/").unwrap()
    ));

    let name = QualifiedName::new("s", "file");
    setup.apply(&routers(""));
    let position = setup.compiler.positions[&name].clone();
    setup.apply(&routers("").replace("127.0.0.1:1", "127.0.0.1:2"));
    assert!(Arc::ptr_eq(&position, &setup.compiler.positions[&name]));
}

#[test]
fn ways_to_authentication_servers_are_shared_and_dropped() {
    let mut setup = Setup::new(TWO_ENTRY_POINTS);
    let guarded = |middlewares: &str| {
        with(
            "guarded: { rule: 'Host(`guarded`)', service: s, middlewares: [ a ] }",
            middlewares,
        )
    };
    let auth =
        |name: &str| format!("{name}: {{ forwardAuth: {{ address: 'http://127.0.0.1:9/' }} }}");
    setup.apply(&guarded(&format!(
        ", middlewares: {{ {}, {} }}",
        auth("a"),
        auth("b")
    )));
    assert_eq!(setup.compiler.calls.lock().unwrap().len(), 1);
    setup.apply(&guarded(""));
    assert_eq!(setup.compiler.calls.lock().unwrap().len(), 0);
}

#[test]
fn a_way_is_told_apart_by_the_content_of_its_files() {
    use std::sync::Mutex;

    use pointsman_config::dynamic::middleware::ClientTls;

    let content = Mutex::new(b"one".to_vec());
    let calls = Mutex::default();
    let read = |_: &std::path::Path| Ok(content.lock().unwrap().clone());
    let calls = crate::build::Calls {
        known: &calls,
        read_file: &read,
    };
    let tls = ClientTls {
        ca: "/etc/ca.pem".into(),
        ..ClientTls::default()
    };
    let first = calls.identity(Some(&tls));
    assert_eq!(first, calls.identity(Some(&tls)));
    *content.lock().unwrap() = b"two".to_vec();
    assert_ne!(first, calls.identity(Some(&tls)));
}

#[test]
fn options_that_ask_for_certificates_need_a_host() {
    let options = "tls: { options: { m: { clientAuth: { clientAuthType: RequestClientCert } } } }";
    let router = |rule: &str| {
        let router = format!("broken: {{ rule: '{rule}', service: s, tls: {{ options: m }} }}");
        format!("{}\n{options}", routers(&router))
    };
    disables(&router("PathPrefix(`/only`)"), "needs a Host in the rule");
    let table = table(&router("Host(`broken`)"));
    assert_eq!(state(&table, "broken"), ("enabled", String::new()));
}
