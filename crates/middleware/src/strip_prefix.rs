//! `stripPrefix`: takes a prefix off the path and says in `X-Forwarded-Prefix` which.

use std::borrow::Cow;

use http::StatusCode;
use http::header::{HeaderName, HeaderValue};

use pointsman_config::dynamic::middleware as config;
use pointsman_config::names::QualifiedName;
use pointsman_message::{Exchange, Flow, HeadFilter, Response};
use pointsman_wire::path::{decoded_prefix_len, rewrite_is_safe};

use crate::error::OptionError;
use crate::owned::header_value;

const FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// The prefixes in order, each with its header value.
pub(crate) struct StripPrefix {
    prefixes: Vec<(String, HeaderValue)>,
    force_slash: bool,
}

impl StripPrefix {
    pub(crate) fn build(
        data: &config::StripPrefix,
        name: &QualifiedName,
    ) -> Result<Self, OptionError> {
        if data.force_slash.is_some() {
            tracing::warn!(
                middleware = %name,
                "stripPrefix.forceSlash is deprecated, take it out of the configuration"
            );
        }
        let prefixes = data
            .prefixes
            .iter()
            .enumerate()
            .map(|(index, prefix)| {
                let prefix = prefix.trim().to_owned();
                header_value(&prefix)
                    .map(|value| (prefix, value))
                    .map_err(|problem| problem.of(format!("stripPrefix.prefixes[{index}]")))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            prefixes,
            force_slash: data.force_slash == Some(true),
        })
    }
}

impl HeadFilter for StripPrefix {
    fn on_request(&self, exchange: &mut Exchange) -> Flow {
        let path = exchange.request.path();
        let found = self.prefixes.iter().find_map(|(prefix, value)| {
            let length = decoded_prefix_len(path.as_bytes(), prefix.as_bytes())?;
            // A prefix may end inside a character of the client's; what is left is then no text of its own.
            Some((path.get(length..)?, value))
        });
        let Some((rest, value)) = found else {
            return Flow::Continue;
        };
        let stripped = if self.force_slash {
            Cow::Owned(format!("/{}", rest.strip_prefix('/').unwrap_or(rest)))
        } else {
            with_leading_slash(rest)
        };
        // CVE-2026-48020: /api../x without /api would be /../x.
        if !rewrite_is_safe(stripped.as_bytes()) {
            return bad_request();
        }
        let stripped = stripped.into_owned();
        exchange.request.set_path(&stripped);
        exchange
            .request
            .headers
            .append(FORWARDED_PREFIX, value.clone());
        Flow::Continue
    }
}

/// The path with a slash before it; nothing stays nothing, as Traefik has it.
pub(crate) fn with_leading_slash(path: &str) -> Cow<'_, str> {
    if path.is_empty() || path.starts_with('/') {
        Cow::Borrowed(path)
    } else {
        Cow::Owned(format!("/{path}"))
    }
}

/// The answer to a path that a rewrite would make ambiguous.
pub(crate) fn bad_request() -> Flow {
    Flow::Respond(Box::new(Response::text(
        StatusCode::BAD_REQUEST,
        "Bad Request",
    )))
}

#[cfg(test)]
mod tests {
    use pointsman_config::dynamic::Middleware;
    use proptest::prelude::*;

    use crate::testing::{build_error, build_filter, exchange, request, text, values};

    use super::*;

    fn data(prefixes: &[&str], force_slash: Option<bool>) -> Middleware {
        Middleware::StripPrefix(config::StripPrefix {
            prefixes: prefixes.iter().map(|&prefix| prefix.to_owned()).collect(),
            force_slash,
        })
    }

    #[test]
    fn the_first_prefix_that_fits_is_taken_off_and_named() {
        for (prefixes, target, path, header) in [
            (&["/api"][..], "/api/x?a=b", "/x", "/api"),
            (&["/api"], "/other", "/other", "-"),
            (&["/api"], "/api", "", "/api"),
            (&["/api"], "/api/", "/", "/api"),
            (&["/api/"], "/api/x", "/x", "/api/"),
            (&["/api"], "/apix", "/x", "/api"),
            (&[" /api "], "/api/x", "/x", "/api"),
            (&["/a", "/a/b"], "/a/b/c", "/b/c", "/a"),
            (&["/x", "/a"], "/a/b", "/b", "/a"),
            (&[], "/a", "/a", "-"),
            (&[""], "/a", "/a", ""),
            (&["/API"], "/api", "/api", "-"),
        ] {
            let mut exchange = exchange("GET", &format!("http://shop.example{target}"), &[]);
            assert!(request(&*build_filter(data(prefixes, None)), &mut exchange).is_none());
            assert_eq!(exchange.request.path(), path, "{prefixes:?} {target}");
            assert_eq!(
                values(&exchange.request.headers, "x-forwarded-prefix"),
                header,
                "{prefixes:?} {target}"
            );
        }
    }

    #[test]
    fn a_path_stripped_to_nothing_goes_out_as_a_slash() {
        let mut exchange = exchange("GET", "http://shop.example/api?a=b", &[]);
        assert!(request(&*build_filter(data(&["/api"], None)), &mut exchange).is_none());
        assert_eq!(exchange.request.target(), "/?a=b");
    }

    // CVE-2026-40912: lengths in the decoded path are not lengths in the path.
    #[test]
    fn what_is_left_stays_encoded() {
        for (prefix, target, path) in [
            ("/a b", "/a%20b/c%2Fd", "/c%2Fd"),
            ("/a/b", "/a%2Fb/c", "/c"),
            ("/stat", "/stat%2Fus", "/%2Fus"),
            ("/\u{e9}", "/%C3%A9/x", "/x"),
            ("/a%2Fb", "/a%2Fb/c", "/a%2Fb/c"),
        ] {
            let mut exchange = exchange("GET", &format!("http://shop.example{target}"), &[]);
            assert!(request(&*build_filter(data(&[prefix], None)), &mut exchange).is_none());
            assert_eq!(exchange.request.path(), path, "{prefix} {target}");
        }
    }

    // CVE-2026-48020, CVE-2025-32431
    #[test]
    fn a_result_with_dot_segments_is_refused() {
        for (prefix, target) in [
            ("/api", "/api../x"),
            ("/api", "/api./x"),
            ("/api", "/api.."),
            ("/api/", "/api///x"),
            ("/api", "/api//x"),
            ("/a", "/a..%2Fx/../y"),
        ] {
            let mut exchange = exchange("GET", &format!("http://shop.example{target}"), &[]);
            let response = request(&*build_filter(data(&[prefix], None)), &mut exchange).unwrap();
            assert_eq!(response.head.status, 400, "{target}");
            assert_eq!(text(&response.body), "Bad Request\n");
            assert_eq!(values(&exchange.request.headers, "x-forwarded-prefix"), "-");
        }
    }

    #[test]
    fn force_slash_leaves_a_slash() {
        for (target, path) in [("/api", "/"), ("/api/x", "/x"), ("/apix", "/x")] {
            let mut exchange = exchange("GET", &format!("http://shop.example{target}"), &[]);
            assert!(request(&*build_filter(data(&["/api"], Some(true))), &mut exchange).is_none());
            assert_eq!(exchange.request.path(), path, "{target}");
        }
    }

    #[test]
    fn a_prefix_that_was_named_before_stays_named() {
        let mut exchange = exchange(
            "GET",
            "http://shop.example/b/c",
            &[("x-forwarded-prefix", "/a")],
        );
        assert!(request(&*build_filter(data(&["/b"], None)), &mut exchange).is_none());
        assert_eq!(
            values(&exchange.request.headers, "x-forwarded-prefix"),
            "/a|/b"
        );
    }

    #[test]
    fn a_prefix_that_is_no_header_value_is_not_built() {
        assert_eq!(
            build_error(data(&["/ok", "/a\nb"], None)),
            "middleware \"mine@file\": stripPrefix.prefixes[1]: is no header value: take out control characters"
        );
    }

    proptest! {
        // I5: whatever comes in, what goes on is empty or in normal form.
        #[test]
        fn whatever_is_stripped_the_result_is_normal(
            prefix in "/[a.%/ ]{0,4}",
            path in "/([a./]|%2[F5E]|%20){0,12}",
            force in proptest::option::of(any::<bool>()),
        ) {
            let mut exchange = exchange("GET", "http://shop.example/", &[]);
            exchange.request.set_path(&path);
            let filter = build_filter(data(&[&prefix], force));
            let answered = request(&*filter, &mut exchange).is_some();
            let stripped = exchange.request.headers.contains_key("x-forwarded-prefix");
            prop_assert!(!(answered && stripped));
            prop_assert!(!stripped || rewrite_is_safe(exchange.request.path().as_bytes()));
            prop_assert!(stripped || exchange.request.path() == path);
        }
    }
}
