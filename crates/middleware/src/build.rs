//! From a middleware's data to its behaviour.

use std::path::Path;
use std::sync::Arc;

use pointsman_config::dynamic::Middleware;
use pointsman_config::dynamic::middleware::ClientTls;
use pointsman_config::names::QualifiedName;
use pointsman_message::{Call, HeadFilter, Scheme, Step, Wrap};

use crate::add_prefix::AddPrefix;
use crate::basic_auth::BasicAuth;
use crate::basic_auth::pool::HashPool;
use crate::error::{BuildError, OptionError};
use crate::forward_auth::ForwardAuth;
use crate::headers::Headers;
use crate::ip_allow_list::IpAllowList;
use crate::redirect_regex::RedirectRegex;
use crate::redirect_scheme::RedirectScheme;
use crate::retry::Retry;
use crate::strip_prefix::StripPrefix;

/// What building may use.
#[derive(Clone, Copy)]
pub struct BuildContext<'a> {
    /// The middleware's name.
    pub name: &'a QualifiedName,
    /// Ways to servers that a middleware asks.
    pub calls: &'a dyn OpenCall,
    /// Reads a file as a whole (`usersFile`).
    pub read_file: &'a dyn Fn(&Path) -> std::io::Result<Vec<u8>>,
    /// Where passwords are hashed; one for the process, so that all middlewares together are bounded.
    pub hashing: &'a Arc<HashPool>,
}

/// Gives a way to a server that a middleware asks (`forwardAuth.address`).
///
/// What the returned [`Call`] gets has scheme, authority, target and headers as they are to be sent: it adds no
/// forwarded headers, follows no redirect and answers with the final response.
pub trait OpenCall {
    /// A way to `origin`. Equal arguments may share connections.
    ///
    /// # Errors
    /// Why there is none: the text for the operator, such as a certificate that cannot be read.
    fn open_call(&self, origin: &Origin, tls: Option<&ClientTls>) -> Result<Arc<dyn Call>, String>;
}

/// A server as a URL names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    /// Plain or TLS.
    pub scheme: Scheme,
    /// Host name or address, lower case; IPv6 in brackets.
    pub host: String,
    /// Port; the scheme's own where the URL has none.
    pub port: u16,
}

/// The behaviour of `middleware`.
///
/// # Errors
/// [`BuildError`]: the routers that use it must not run without it.
pub fn build(middleware: &Middleware, context: &BuildContext<'_>) -> Result<Step, BuildError> {
    let not_built = |kind| {
        Err(BuildError::NotBuilt {
            middleware: context.name.clone(),
            kind,
        })
    };
    let built = match middleware {
        Middleware::AddPrefix(data) => AddPrefix::build(data).map(filter),
        Middleware::BasicAuth(data) => BasicAuth::build(data, context).map(wrap),
        Middleware::ForwardAuth(data) => ForwardAuth::build(data, context).map(wrap),
        Middleware::Headers(data) => Headers::build(data, context.name).map(filter),
        Middleware::IpAllowList(data) => IpAllowList::build(data).map(filter),
        Middleware::IpWhiteList(data) => IpAllowList::build_deprecated(data).map(filter),
        Middleware::RedirectRegex(data) => RedirectRegex::build(data).map(filter),
        Middleware::RedirectScheme(data) => RedirectScheme::build(data).map(filter),
        Middleware::Retry(data) => Retry::build(data).map(wrap),
        Middleware::StripPrefix(data) => StripPrefix::build(data, context.name).map(filter),
        Middleware::Chain(_) => {
            return Err(BuildError::Chain {
                middleware: context.name.clone(),
            });
        }
        Middleware::Buffering(_) => return not_built("buffering"),
        Middleware::CircuitBreaker(_) => return not_built("circuitBreaker"),
        Middleware::Compress(_) => return not_built("compress"),
        Middleware::ContentType(_) => return not_built("contentType"),
        Middleware::DigestAuth(_) => return not_built("digestAuth"),
        Middleware::EncodedCharacters(_) => return not_built("encodedCharacters"),
        Middleware::Errors(_) => return not_built("errors"),
        Middleware::GrpcWeb(_) => return not_built("grpcWeb"),
        Middleware::InFlightReq(_) => return not_built("inFlightReq"),
        Middleware::PassTlsClientCert(_) => return not_built("passTLSClientCert"),
        Middleware::Plugin(_) => return not_built("plugin"),
        Middleware::RateLimit(_) => return not_built("rateLimit"),
        Middleware::ReplacePath(_) => return not_built("replacePath"),
        Middleware::ReplacePathRegex(_) => return not_built("replacePathRegex"),
        Middleware::StripPrefixRegex(_) => return not_built("stripPrefixRegex"),
    };
    built.map_err(|OptionError { option, problem }| BuildError::Option {
        middleware: context.name.clone(),
        option,
        problem,
    })
}

fn filter(filter: impl HeadFilter + 'static) -> Step {
    Step::Filter(Arc::new(filter))
}

fn wrap(wrap: impl Wrap + 'static) -> Step {
    Step::Wrap(Arc::new(wrap))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use pointsman_config::dynamic::middleware as config;

    use crate::testing::{build_alone, build_error};

    use super::*;

    #[test]
    fn a_chain_has_no_behaviour_of_its_own() {
        assert_eq!(
            build_error(Middleware::Chain(config::Chain::default())),
            "middleware \"mine@file\": chain is flattened by compile"
        );
    }

    #[test]
    fn what_is_not_built_yet_is_refused_by_name() {
        for (middleware, kind) in [
            (Middleware::Buffering(Default::default()), "buffering"),
            (
                Middleware::CircuitBreaker(Default::default()),
                "circuitBreaker",
            ),
            (Middleware::Compress(Default::default()), "compress"),
            (Middleware::ContentType(Default::default()), "contentType"),
            (Middleware::DigestAuth(Default::default()), "digestAuth"),
            (
                Middleware::EncodedCharacters(Default::default()),
                "encodedCharacters",
            ),
            (Middleware::Errors(Default::default()), "errors"),
            (Middleware::GrpcWeb(Default::default()), "grpcWeb"),
            (Middleware::InFlightReq(Default::default()), "inFlightReq"),
            (
                Middleware::PassTlsClientCert(Default::default()),
                "passTLSClientCert",
            ),
            (Middleware::Plugin(BTreeMap::new()), "plugin"),
            (Middleware::RateLimit(Default::default()), "rateLimit"),
            (Middleware::ReplacePath(Default::default()), "replacePath"),
            (
                Middleware::ReplacePathRegex(Default::default()),
                "replacePathRegex",
            ),
            (
                Middleware::StripPrefixRegex(Default::default()),
                "stripPrefixRegex",
            ),
        ] {
            assert_eq!(
                build_error(middleware),
                format!(
                    "middleware \"mine@file\": {kind} is not built yet, take it out of the router"
                )
            );
        }
    }

    #[test]
    fn most_are_head_filters() {
        let strip = build_alone(Middleware::StripPrefix(config::StripPrefix::default()));
        assert!(matches!(strip, Ok(Step::Filter(_))));
        let retry = build_alone(Middleware::Retry(config::Retry {
            attempts: 2,
            ..config::Retry::default()
        }));
        assert!(matches!(retry, Ok(Step::Wrap(_))));
    }
}
