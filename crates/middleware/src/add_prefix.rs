//! `addPrefix`: puts a prefix before the path.

use pointsman_config::dynamic::middleware as config;
use pointsman_message::{Exchange, Flow, HeadFilter};
use pointsman_wire::path::rewrite_is_safe;

use crate::error::{OptionError, Problem};
use crate::strip_prefix::{bad_request, with_leading_slash};
use crate::url::escape;

/// The prefix, percent-encoded.
pub(crate) struct AddPrefix {
    prefix: String,
}

impl AddPrefix {
    pub(crate) fn build(data: &config::AddPrefix) -> Result<Self, OptionError> {
        if data.prefix.is_empty() {
            return Err(Problem::Empty {
                cure: "write the prefix, such as /api",
            }
            .of("addPrefix.prefix"));
        }
        // The option is plain text: a % in it is a percent sign.
        let prefix =
            with_leading_slash(&escape(&data.prefix, b"-_.~!$&'()*+,;=:@/[]")).into_owned();
        if !rewrite_is_safe(prefix.as_bytes()) {
            return Err(Problem::Prefix {
                prefix: data.prefix.clone(),
            }
            .of("addPrefix.prefix"));
        }
        Ok(Self { prefix })
    }
}

impl HeadFilter for AddPrefix {
    fn on_request(&self, exchange: &mut Exchange) -> Flow {
        let old = exchange.request.path();
        if old == "*" {
            return Flow::Continue;
        }
        // differs from traefik: /a/ before /b is /a/b, not /a//b, which would not be in normal form.
        let prefix = match old.as_bytes() {
            [b'/', ..] => self.prefix.strip_suffix('/').unwrap_or(&self.prefix),
            _ => &self.prefix,
        };
        let mut path = String::with_capacity(prefix.len() + old.len());
        path.push_str(prefix);
        path.push_str(old);
        if !rewrite_is_safe(path.as_bytes()) {
            return bad_request();
        }
        exchange.request.set_path(&path);
        Flow::Continue
    }
}

#[cfg(test)]
mod tests {
    use pointsman_config::dynamic::Middleware;
    use proptest::prelude::*;

    use crate::testing::{build_error, build_filter, exchange, request};

    use super::*;

    fn data(prefix: &str) -> Middleware {
        Middleware::AddPrefix(config::AddPrefix {
            prefix: prefix.to_owned(),
        })
    }

    #[test]
    fn the_prefix_stands_before_the_path_and_the_query_stays() {
        for (prefix, target, expected) in [
            ("/a", "/b?c=d", "/a/b?c=d"),
            ("/a", "/", "/a/"),
            ("/a", "/b/", "/a/b/"),
            ("a", "/b", "/a/b"),
            ("/a/", "/b", "/a/b"),
            ("/", "/b", "/b"),
            ("/a b", "/c", "/a%20b/c"),
            ("/a%2Fb?", "/c", "/a%252Fb%3F/c"),
            ("/\u{e9}", "/c", "/%C3%A9/c"),
            ("/a", "/b%2Fc", "/a/b%2Fc"),
        ] {
            let mut exchange = exchange("GET", &format!("http://shop.example{target}"), &[]);
            assert!(request(&*build_filter(data(prefix)), &mut exchange).is_none());
            assert_eq!(exchange.request.target(), expected, "{prefix} {target}");
        }
    }

    #[test]
    fn a_path_that_was_stripped_to_nothing_becomes_the_prefix() {
        let mut exchange = exchange("GET", "http://shop.example/", &[]);
        exchange.request.set_path("");
        assert!(request(&*build_filter(data("/v1")), &mut exchange).is_none());
        assert_eq!(exchange.request.target(), "/v1");
    }

    #[test]
    fn the_asterisk_of_options_gets_no_prefix() {
        let mut exchange = exchange("OPTIONS", "http://shop.example/", &[]);
        exchange.request.set_path("*");
        assert!(request(&*build_filter(data("/v1")), &mut exchange).is_none());
        assert_eq!(exchange.request.target(), "*");
    }

    // I5: with sanitizePath off such paths get here.
    #[test]
    fn a_path_that_is_not_normal_behind_the_prefix_is_refused() {
        for path in ["//b", "/../b", "/b/./c"] {
            let mut exchange = exchange("GET", "http://shop.example/", &[]);
            exchange.request.set_path(path);
            let response = request(&*build_filter(data("/a")), &mut exchange).unwrap();
            assert_eq!(response.head.status, 400, "{path}");
        }
    }

    proptest! {
        // I5: whatever comes in, what goes on is in normal form.
        #[test]
        fn whatever_is_added_the_result_is_normal(
            prefix in "/?[a%/ ?.]{1,5}",
            path in "/([a./]|%2[F5E]|%20){0,12}",
        ) {
            if let Ok(filter) = AddPrefix::build(&config::AddPrefix { prefix }) {
                let mut exchange = exchange("GET", "http://shop.example/", &[]);
                exchange.request.set_path(&path);
                let passed = request(&filter, &mut exchange).is_none();
                prop_assert_eq!(passed, rewrite_is_safe(path.as_bytes()));
                prop_assert!(!passed || rewrite_is_safe(exchange.request.path().as_bytes()));
            }
        }
    }

    #[test]
    fn a_prefix_that_cannot_work_is_not_built() {
        assert_eq!(
            build_error(data("")),
            "middleware \"mine@file\": addPrefix.prefix: is empty: write the prefix, such as /api"
        );
        for prefix in ["/a/../b", "//a", "/.", "/a/..", "\n/.."] {
            assert!(
                build_error(data(prefix)).contains("is not in normal form"),
                "{prefix:?}"
            );
        }
    }
}
