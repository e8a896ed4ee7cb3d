//! Options that Traefik calls deprecated.

use super::tcp::{TcpMiddleware, TcpService};
use super::{Configuration, Middleware};
use crate::diagnostic::Diagnostic;

/// A warning for every deprecated option that `configuration` uses, with what to use instead. The objects are named as
/// in the diagnostics of [`Configuration::decode`].
pub fn deprecations(configuration: &Configuration) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (name, router) in &configuration.http.routers {
        if router.rule_syntax.is_some() {
            found.push(warning("router", name, RULE_SYNTAX));
        }
    }
    for (name, middleware) in &configuration.http.middlewares {
        for deprecated in of_middleware(middleware) {
            found.push(warning("middleware", name, deprecated));
        }
    }
    for (name, router) in &configuration.tcp.routers {
        if router.rule_syntax.is_some() {
            found.push(warning("TCP router", name, RULE_SYNTAX));
        }
    }
    for (name, service) in &configuration.tcp.services {
        let TcpService::LoadBalancer(balancer) = &**service else {
            continue;
        };
        let options = [
            (
                balancer.proxy_protocol.is_some(),
                "loadBalancer.proxyProtocol",
            ),
            (
                balancer.termination_delay.is_some(),
                "loadBalancer.terminationDelay",
            ),
        ];
        for (_, field) in options.into_iter().filter(|(used, _)| *used) {
            found.push(warning(
                "TCP service",
                name,
                (field, "set it in a serversTransport"),
            ));
        }
    }
    for (name, middleware) in &configuration.tcp.middlewares {
        if let TcpMiddleware::IpWhiteList(_) = &**middleware {
            found.push(warning("TCP middleware", name, IP_WHITE_LIST));
        }
    }
    for (name, options) in &configuration.tls.options {
        if options.prefer_server_cipher_suites.is_some() {
            let deprecated = ("preferServerCipherSuites", "it has no effect, leave it out");
            found.push(warning("TLS options", name, deprecated));
        }
    }
    found
}

/// The path of a deprecated option and the cure.
type Deprecated = (&'static str, &'static str);

const RULE_SYNTAX: Deprecated = (
    "ruleSyntax",
    "write the rule in the v3 syntax and leave it out",
);
const IP_WHITE_LIST: Deprecated = ("ipWhiteList", "use ipAllowList");

fn of_middleware(middleware: &Middleware) -> Vec<Deprecated> {
    let options: Vec<(bool, Deprecated)> = match middleware {
        Middleware::Headers(headers) => vec![
            (
                headers.feature_policy.is_some(),
                (
                    "headers.featurePolicy",
                    "it has no effect, use permissionsPolicy",
                ),
            ),
            (
                headers.ssl_redirect.is_some(),
                ("headers.sslRedirect", NO_REDIRECT),
            ),
            (
                headers.ssl_temporary_redirect.is_some(),
                ("headers.sslTemporaryRedirect", NO_REDIRECT),
            ),
            (
                headers.ssl_host.is_some(),
                ("headers.sslHost", "it has no effect, use redirectRegex"),
            ),
            (
                headers.ssl_force_host.is_some(),
                (
                    "headers.sslForceHost",
                    "it has no effect, use redirectRegex",
                ),
            ),
        ],
        Middleware::ContentType(content_type) => vec![(
            content_type.auto_detect.is_some(),
            ("contentType.autoDetect", "it has no effect, leave it out"),
        )],
        Middleware::StripPrefix(strip_prefix) => vec![(
            strip_prefix.force_slash.is_some(),
            ("stripPrefix.forceSlash", "leave it out"),
        )],
        Middleware::ForwardAuth(forward_auth) => vec![(
            forward_auth
                .tls
                .as_ref()
                .is_some_and(|tls| tls.ca_optional.is_some()),
            (
                "forwardAuth.tls.caOptional",
                "it has no effect, leave it out",
            ),
        )],
        Middleware::IpWhiteList(_) => vec![(true, IP_WHITE_LIST)],
        _ => Vec::new(),
    };
    let used = options.into_iter().filter(|(used, _)| *used);
    used.map(|(_, deprecated)| deprecated).collect()
}

const NO_REDIRECT: &str =
    "it has no effect, use the entry point's http.redirections or the middleware redirectScheme";

fn warning(kind: &str, name: &str, (field, cure): Deprecated) -> Diagnostic {
    Diagnostic::warning(
        format!("{kind} {name:?}"),
        field,
        format!("is deprecated: {cure}"),
    )
}
