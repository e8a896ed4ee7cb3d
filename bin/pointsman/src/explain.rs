//! `pointsman explain`: what a request would get, and why. Nothing is sent.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::{Context, bail};
use http::header::HOST;
use http::{HeaderMap, HeaderName, HeaderValue};
use pointsman_config::names::QualifiedName;
use pointsman_config::static_::EntryPoint;
use pointsman_message::Scheme;
use pointsman_rule::Request;
use pointsman_table::index::RunnerUp;
use pointsman_table::{EntryPointTable, Route, RouteOrder, RoutingTable, Status};
use pointsman_wire::authority;
use pointsman_wire::head::Version;
use pointsman_wire::path::{self, PathOptions, Semicolons};

use crate::cli::{Explain, ExplainSource, Target};
use crate::listing;
use crate::offline::{self, Offline};

/// Routers that lost and are told.
const MAX_RUNNERS_UP: usize = 5;

/// Prints the explanation; fails if no router would take the request.
pub(crate) fn run(explain: Explain) -> anyhow::Result<ExitCode> {
    // Of a folder it is unknown on which ports it will be served.
    let (offline, any_port) = match explain.source {
        ExplainSource::Manifests(dir) => (offline::of_folder(&dir)?, true),
        ExplainSource::Static(loaded) => (offline::of_static(loaded.configuration)?, false),
    };
    let name = entry_point(&offline, &explain.target, any_port)?;
    let entry_point = &offline.static_.entry_points[&name];
    let request = request(
        explain.method,
        &explain.target,
        explain.headers,
        entry_point,
    )?;
    let scheme = if explain.target.tls {
        Scheme::Https
    } else {
        Scheme::Http
    };
    let (text, is_routed) = tell(&offline, &name, scheme, &request);
    crate::say(&text);
    Ok(if is_routed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The name of the entry point that a request to `target` comes in by: the one on its port, else (the port is not
/// named or not known) the first of the default ones that has routes for its scheme.
fn entry_point(offline: &Offline, target: &Target, any_port: bool) -> anyhow::Result<String> {
    let entry_points = &offline.static_.entry_points;
    let port = target.port.unwrap_or(if target.tls { 443 } else { 80 });
    let on_port = entry_points
        .iter()
        .find(|(_, entry_point)| entry_point.address.port() == port);
    if let Some((name, _)) = on_port {
        return Ok(name.clone());
    }
    if target.port.is_some() && !any_port {
        let known: Vec<String> = entry_points
            .iter()
            .map(|(name, entry)| format!("{name} ({})", entry.address.host_and_port()))
            .collect();
        bail!(
            "no entry point on port {port}; there are {}",
            known.join(", ")
        );
    }
    let scheme = if target.tls {
        Scheme::Https
    } else {
        Scheme::Http
    };
    let defaults = offline.static_.default_entry_points();
    let has_routes = |name: &&String| {
        position(offline, name)
            .and_then(|position| offline.table.entry_points.get(position))
            .is_some_and(|table| !index(table, scheme).is_empty())
    };
    defaults
        .iter()
        .find(has_routes)
        .or(defaults.first())
        .cloned()
        .context("there is no entry point")
}

/// The request in the form in which rules see it, made as the entry point makes it.
fn request(
    method: String,
    target: &Target,
    headers: Vec<(String, String)>,
    entry_point: &EntryPoint,
) -> anyhow::Result<Request> {
    let mut fields = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes())
            .with_context(|| format!("{name:?} is no header name"))?;
        let value = HeaderValue::from_str(&value)
            .with_context(|| format!("{value:?} is no header value"))?;
        fields.append(name, value);
    }
    let host = fields.remove(HOST);
    let host = host
        .as_ref()
        .map_or(target.host.as_bytes(), HeaderValue::as_bytes);
    let refused = "the request is refused with 400 Bad Request";
    let authority = authority::of_request(Version::Http11, [host], None).context(refused)?;
    let (path, query) = path::split_query(target.path_and_query.as_bytes());
    let sanitize = entry_point.http.sanitize_path;
    let path = path::normalise(path, PathOptions { sanitize }).context(refused)?;
    let path = path::routing_path(&path);
    let semicolons = if entry_point.http.encode_query_semicolons {
        Semicolons::Encode
    } else {
        Semicolons::Separate
    };
    let query = query.map(|query| path::clean_query(query, semicolons));
    Ok(Request {
        host: authority.host.into_owned(),
        path: String::from_utf8_lossy(&path).into_owned(),
        method,
        headers: fields,
        query: query.map(|query| String::from_utf8_lossy(&query).into_owned()),
        ..Request::default()
    })
}

/// The explanation, and whether there is a router for the request.
fn tell(offline: &Offline, name: &str, scheme: Scheme, request: &Request) -> (String, bool) {
    let empty = EntryPointTable::default();
    let table = position(offline, name)
        .and_then(|position| offline.table.entry_points.get(position))
        .unwrap_or(&empty);
    let mut text = String::new();
    let query = request.query.as_ref().map(|query| format!("?{query}"));
    let _ = writeln!(
        text,
        "{} {}://{}{}{}",
        request.method,
        scheme.as_str(),
        request.host,
        request.path,
        query.unwrap_or_default()
    );
    if let Some(entry_point) = offline.static_.entry_points.get(name) {
        let address = entry_point.address.host_and_port();
        line(&mut text, "entry point", &format!("{name} ({address})"));
    }
    let index = index(table, scheme);
    let winner = index.find_all(request).into_iter().next();
    match &winner {
        Some(entry) => {
            let route = &entry.target;
            line(
                &mut text,
                "router",
                &format!("{} (priority {})", route.name.as_str(), entry.priority),
            );
            line(&mut text, "rule", entry.rule.source());
            tell_route(&mut text, offline, route, scheme, request);
        }
        None => {
            let other = match scheme {
                Scheme::Http => &table.tls,
                Scheme::Https => &table.plain,
            };
            line(
                &mut text,
                "router",
                "none: the answer is 404 page not found",
            );
            if let Some(route) = other.find(request) {
                let transport = match scheme {
                    Scheme::Http => "over TLS only",
                    Scheme::Https => "without TLS only",
                };
                line(
                    &mut text,
                    "but",
                    &format!("{} would take it {transport}", route.name.as_str()),
                );
            }
        }
    }
    let losers = index.runners_up(request, MAX_RUNNERS_UP);
    if !losers.is_empty() {
        text.push_str("\nother routers for this host, and why they did not get it:\n");
        for loser in &losers {
            let _ = writeln!(
                text,
                "  {}",
                why_not(loser, winner.as_deref().map(|w| w.priority))
            );
        }
    }
    let disabled = disabled(&offline.table, name, scheme, request);
    if !disabled.is_empty() {
        text.push_str("\ndisabled routers whose rules match:\n");
        for line in disabled {
            let _ = writeln!(text, "  {line}");
        }
    }
    (text, winner.is_some())
}

/// What is behind a router.
fn tell_route(
    text: &mut String,
    offline: &Offline,
    route: &Route,
    scheme: Scheme,
    request: &Request,
) {
    let runtime = &offline.table.runtime;
    if let Some(origin) = &route.origin {
        let made_from = format!("Ingress {}/{}", origin.namespace, origin.ingress_name);
        line(text, "made from", &made_from);
    }
    let router = runtime.routers.get(&route.name);
    let service = runtime.services.get(&route.service_name);
    let of_router = router.map(|router| (&router.config.middlewares, &route.name));
    let of_service = service
        .and_then(|service| service.config.as_ref())
        .map(|config| (&config.middlewares, &route.service_name));
    let middlewares: Vec<String> = of_router
        .into_iter()
        .chain(of_service)
        .flat_map(|(names, owner)| {
            names
                .iter()
                .map(|name| QualifiedName::resolve(name, owner.provider()))
        })
        .map(|name| name.as_str().to_owned())
        .collect();
    line(text, "middlewares", &listing::or_none(&middlewares));
    line(text, "service", route.service_name.as_str());
    if let Some(service) = service {
        line(text, "servers", &listing::or_none(&service.servers));
    }
    if scheme == Scheme::Https {
        line(text, "TLS options", &route.tls_options);
        let certificate = match offline.table.certificates.covers(&request.host) {
            true => "one for this host",
            false => "the default one: none is for this host",
        };
        line(text, "certificate", certificate);
    }
    for error in router.iter().flat_map(|router| &router.errors) {
        line(text, "warning", error);
    }
}

fn why_not(loser: &RunnerUp<std::sync::Arc<Route>, RouteOrder>, best: Option<i64>) -> String {
    let name = loser.entry.target.name.as_str();
    let priority = loser.entry.priority;
    let reason = if !loser.mismatches.is_empty() {
        let mismatches: Vec<String> = loser.mismatches.iter().map(ToString::to_string).collect();
        mismatches.join("; ")
    } else if best == Some(priority) {
        "matches with the same priority, and comes later by provider, precision, age and name"
            .to_owned()
    } else {
        "matches, but its priority is lower".to_owned()
    };
    format!("{name} (priority {priority}): {reason}")
}

/// Routers that would match if they were not disabled, with what disables them.
fn disabled(table: &RoutingTable, name: &str, scheme: Scheme, request: &Request) -> Vec<String> {
    let mut lines = Vec::new();
    for (router_name, router) in table.runtime.routers.iter() {
        let config = &router.config;
        let here = config.entry_points.is_empty()
            || config.entry_points.iter().any(|wanted| wanted == name);
        if router.status != Status::Disabled
            || !here
            || config.tls.is_some() != (scheme == Scheme::Https)
        {
            continue;
        }
        if listing::rule(config).is_some_and(|rule| rule.matches(request)) {
            lines.push(format!(
                "{}: {}",
                router_name.as_str(),
                router.errors.join("; ")
            ));
        }
    }
    lines
}

fn position(offline: &Offline, name: &str) -> Option<usize> {
    offline
        .static_
        .entry_points
        .keys()
        .position(|key| key == name)
}

fn index(
    table: &EntryPointTable,
    scheme: Scheme,
) -> &pointsman_table::index::RuleIndex<std::sync::Arc<Route>, RouteOrder> {
    match scheme {
        Scheme::Http => &table.plain,
        Scheme::Https => &table.tls,
    }
}

fn line(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "  {name:<12} {value}");
}

#[cfg(test)]
mod tests;
