//! The provider `internal`: routers and middlewares that follow from the static configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use pointsman_config::dynamic::http::{Router, RuleSyntax};
use pointsman_config::dynamic::middleware::RedirectScheme;
use pointsman_config::dynamic::{Configuration, HttpConfiguration, Middleware};
use pointsman_config::static_::{self, EntryPoint};

/// Routers and middlewares of `internal` for this static configuration. Traefik: `pkg/provider/traefik`.
pub fn configuration(static_: &static_::Configuration) -> Configuration {
    let mut http = HttpConfiguration::default();
    if let Some(api) = &static_.api
        && api.insecure
    {
        let base = api.base_path.trim_end_matches('/');
        router(
            &mut http,
            "api",
            "traefik",
            &format!("PathPrefix(`{base}/api`)"),
            i64::MAX - 1,
            "api@internal",
        );
    }
    if let Some(ping) = &static_.ping
        && !ping.manual_routing
    {
        router(
            &mut http,
            "ping",
            &ping.entry_point,
            "PathPrefix(`/ping`)",
            i64::MAX,
            "ping@internal",
        );
    }
    if let Some(prometheus) = static_
        .metrics
        .as_ref()
        .and_then(|metrics| metrics.prometheus.as_ref())
        && !prometheus.manual_routing
    {
        let rule = "PathPrefix(`/metrics`)";
        router(
            &mut http,
            "prometheus",
            &prometheus.entry_point,
            rule,
            i64::MAX,
            "prometheus@internal",
        );
    }
    for (name, entry_point) in &static_.entry_points {
        redirection(&mut http, static_, name, entry_point);
    }
    Configuration {
        http,
        ..Configuration::default()
    }
}

fn router(
    http: &mut HttpConfiguration,
    name: &str,
    entry_point: &str,
    rule: &str,
    priority: i64,
    service: &str,
) {
    let router = Router {
        entry_points: vec![entry_point.to_owned()],
        rule: rule.to_owned(),
        rule_syntax: Some(RuleSyntax::Default),
        priority,
        service: service.to_owned(),
        ..Router::default()
    };
    http.routers.insert(name.to_owned(), Arc::new(router));
}

fn redirection(
    http: &mut HttpConfiguration,
    static_: &static_::Configuration,
    name: &str,
    entry_point: &EntryPoint,
) {
    let Some(to) = entry_point
        .http
        .redirections
        .as_ref()
        .and_then(|r| r.entry_point.as_ref())
    else {
        return;
    };
    let port = match to.to.strip_prefix(':') {
        Some(port) => port.to_owned(),
        None => match static_.entry_points.get(&to.to) {
            Some(target) => target.address.port().to_string(),
            // Validation has told; the redirect is then left out rather than sent to nowhere.
            None => return,
        },
    };
    let label = to.to.trim_start_matches(':');
    let id = format!("{name}-to-{label}");
    let middleware = format!("redirect-{id}");
    let redirect = RedirectScheme {
        scheme: to.scheme.clone(),
        port,
        permanent: to.permanent,
    };
    http.middlewares.insert(
        middleware.clone(),
        Arc::new(Middleware::RedirectScheme(redirect)),
    );
    let rule = if entry_point.allow_acme_by_pass {
        "HostRegexp(`^.+$`) && !PathPrefix(`/.well-known/acme-challenge/`)"
    } else {
        "HostRegexp(`^.+$`)"
    };
    router(http, &id, name, rule, to.priority, "noop@internal");
    if let Some(router) = http.routers.get_mut(&id) {
        Arc::make_mut(router).middlewares = vec![middleware];
    }
}

/// Names of all services of the router's own, with whether this static configuration turns them on.
pub fn services(static_: &static_::Configuration) -> BTreeMap<&'static str, bool> {
    BTreeMap::from([
        ("api", static_.api.is_some()),
        ("dashboard", false),
        ("noop", true),
        ("ping", static_.ping.is_some()),
        (
            "prometheus",
            static_
                .metrics
                .as_ref()
                .is_some_and(|metrics| metrics.prometheus.is_some()),
        ),
    ])
}
