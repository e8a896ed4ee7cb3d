//! Routers and what they lead to, one line each, and requests that reach them.

use std::collections::{BTreeMap, BTreeSet};

use pointsman_config::dynamic::Router;
use pointsman_config::dynamic::http::RuleSyntax;
use pointsman_config::names::{INTERNAL, QualifiedName};
use pointsman_rule::{HostKey, PathKey, Rule, Syntax};
use pointsman_table::{Runtime, RuntimeRouter, Status};

/// One line for each rule with what answers it, sorted; without those of the router's own.
pub(crate) fn routes(runtime: &Runtime) -> BTreeSet<String> {
    // A router that differs between entry points is one of its author's.
    let mut entry_points: BTreeMap<(&str, String), BTreeSet<&str>> = BTreeMap::new();
    for (name, router) in runtime.routers.iter() {
        if name.provider() != INTERNAL {
            let leads_to = leads_to(runtime, name, router);
            entry_points
                .entry((&router.config.rule, leads_to))
                .or_default()
                .extend(router.using.iter().map(String::as_str));
        }
    }
    entry_points
        .into_iter()
        .map(|((rule, leads_to), entry_points)| {
            let on: Vec<&str> = entry_points.into_iter().collect();
            let on = if on.is_empty() {
                String::new()
            } else {
                format!("   [{}]", on.join(", "))
            };
            format!("{rule} -> {leads_to}{on}")
        })
        .collect()
}

/// The middlewares on the way and the servers at its end, or why there is no way.
fn leads_to(runtime: &Runtime, name: &QualifiedName, router: &RuntimeRouter) -> String {
    if router.status == Status::Disabled {
        return format!("disabled: {}", router.errors.join("; "));
    }
    let provider = name.provider();
    let service = QualifiedName::resolve(&router.config.service, provider);
    let servers = match runtime.services.get(&service) {
        Some(service) => or_none(&service.servers),
        None => service.as_str().to_owned(),
    };
    let mut steps: Vec<String> = router
        .config
        .middlewares
        .iter()
        .map(|middleware| QualifiedName::resolve(middleware, provider))
        .map(|middleware| middleware.as_str().to_owned())
        .collect();
    steps.push(servers);
    steps.join(" -> ")
}

/// A router's rule, if it is one.
pub(crate) fn rule(router: &Router) -> Option<Rule> {
    let syntax = match router.rule_syntax {
        Some(RuleSyntax::V2) => Syntax::V2,
        Some(RuleSyntax::V3 | RuleSyntax::Default) | None => Syntax::V3,
    };
    Rule::parse(&router.rule, syntax).ok()
}

/// The names in a row.
pub(crate) fn or_none(names: &[String]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

/// Host and path of requests that enabled routers of this scheme take, at most `limit`.
pub(crate) fn examples(runtime: &Runtime, tls: bool, limit: usize) -> Vec<(String, String)> {
    let mut examples = BTreeSet::new();
    for (name, router) in runtime.routers.iter() {
        let usable = router.status != Status::Disabled
            && router.config.tls.is_some() == tls
            && name.provider() != INTERNAL;
        let Some(rule) = rule(&router.config).filter(|_| usable) else {
            continue;
        };
        for key in rule.index_keys() {
            let HostKey::Exact(host) = key.host else {
                continue;
            };
            let path = match key.path {
                PathKey::Any => "/".to_owned(),
                PathKey::Exact(path) | PathKey::Prefix(path) => path.into_string(),
            };
            examples.insert((host.into_string(), path));
        }
    }
    examples.into_iter().take(limit).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pointsman_table::RuntimeService;

    use super::*;

    fn runtime() -> Runtime {
        let router = |rule: &str, service: &str, using: &[&str], errors: &[&str]| {
            Arc::new(RuntimeRouter {
                config: Arc::new(Router {
                    rule: rule.to_owned(),
                    service: service.to_owned(),
                    middlewares: vec!["slim".to_owned()],
                    ..Router::default()
                }),
                status: if errors.is_empty() {
                    Status::Enabled
                } else {
                    Status::Disabled
                },
                errors: errors.iter().map(|e| (*e).to_owned()).collect(),
                using: using.iter().map(|e| (*e).to_owned()).collect(),
                priority: None,
            })
        };
        let shop = "Host(`shop.localhost`) && PathPrefix(`/cart`)";
        let routers = [
            ("cart@file", router(shop, "cart", &["web"], &[])),
            (
                "websecure-cart@file",
                router(shop, "cart", &["websecure"], &[]),
            ),
            (
                "lost@file",
                router("Path(`/x`)", "no", &[], &["no service"]),
            ),
            (
                "api@internal",
                router("Path(`/api`)", "api", &["traefik"], &[]),
            ),
        ];
        let name = |name: &str| QualifiedName::resolve(name, "file");
        let service = RuntimeService {
            config: None,
            status: Status::Enabled,
            errors: Vec::new(),
            servers: vec!["http://a".to_owned(), "http://b".to_owned()],
        };
        Runtime {
            routers: Arc::new(
                routers
                    .into_iter()
                    .map(|(key, router)| (name(key), router))
                    .collect(),
            ),
            services: Arc::new([(name("cart"), Arc::new(service))].into()),
            ..Runtime::default()
        }
    }

    #[test]
    fn a_rule_is_one_line_with_its_servers_and_entry_points() {
        let lines: Vec<String> = routes(&runtime()).into_iter().collect();
        assert_eq!(
            lines,
            [
                "Host(`shop.localhost`) && PathPrefix(`/cart`) -> slim@file -> http://a, http://b   [web, websecure]",
                "Path(`/x`) -> disabled: no service",
            ]
        );
    }

    #[test]
    fn examples_are_requests_that_routers_take() {
        let cart = ("shop.localhost".to_owned(), "/cart".to_owned());
        assert_eq!(examples(&runtime(), false, 9), [cart]);
        assert!(examples(&runtime(), true, 9).is_empty());
        assert!(examples(&runtime(), false, 0).is_empty());
    }
}
