//! `redirectRegex`: redirects what a regular expression matches.

use std::fmt::Write as _;

use pointsman_config::dynamic::middleware as config;
use pointsman_message::{Exchange, Flow, HeadFilter};
use pointsman_rule::GoRegex;

use crate::error::{OptionError, Problem};
use crate::redirect::redirect;

pub(crate) struct RedirectRegex {
    regex: GoRegex,
    replacement: String,
    permanent: bool,
}

impl RedirectRegex {
    pub(crate) fn build(data: &config::RedirectRegex) -> Result<Self, OptionError> {
        Ok(Self {
            regex: GoRegex::compile(&data.regex)
                .map_err(|error| Problem::Regex(error).of("redirectRegex.regex"))?,
            replacement: data.replacement.clone(),
            permanent: data.permanent,
        })
    }
}

impl HeadFilter for RedirectRegex {
    fn on_request(&self, exchange: &mut Exchange) -> Flow {
        let request = &exchange.request;
        // The scheme is the connection's, not what X-Forwarded-Proto says: Traefik, redirect_regex.go.
        let (scheme, authority, target) = (
            request.scheme.as_str(),
            request.authority(),
            request.target(),
        );
        let mut old = String::with_capacity(scheme.len() + 3 + authority.len() + target.len());
        // Writing to a String does not fail.
        let _ = write!(old, "{scheme}://{authority}{target}");
        if !self.regex.is_match(&old) {
            return Flow::Continue;
        }
        let new = self.regex.replace(&old, &self.replacement);
        redirect(&request.method, &old, &new, self.permanent)
    }
}

#[cfg(test)]
mod tests {
    use pointsman_config::dynamic::Middleware;

    use crate::testing::{build_error, build_filter, exchange, request, text, values};

    use super::*;

    fn data(regex: &str, replacement: &str, permanent: bool) -> Middleware {
        Middleware::RedirectRegex(config::RedirectRegex {
            regex: regex.to_owned(),
            replacement: replacement.to_owned(),
            permanent,
        })
    }

    #[test]
    fn the_whole_url_is_matched_and_groups_are_filled_in() {
        for (regex, replacement, url, location) in [
            (
                "^http://(.*)$",
                "https://${1}",
                "http://shop.example:8000/a?b=c",
                "https://shop.example:8000/a?b=c",
            ),
            (
                "^https?://www\\.(.*)",
                "https://$1",
                "https://www.shop.example/a",
                "https://shop.example/a",
            ),
            (
                "^http://shop.example/(?P<path>.*)$",
                "https://new.example/${path}",
                "http://shop.example/x/y",
                "https://new.example/x/y",
            ),
            // The part that doesn't match stays.
            (
                "example",
                "test",
                "http://shop.example/example",
                "http://shop.test/test",
            ),
            (
                "^http://shop.example(.*)$",
                "/moved$1",
                "http://shop.example/a",
                "/moved/a",
            ),
            (
                "(.*)",
                "${1}\u{e9}",
                "http://shop.example/a%2Fb",
                "http://shop.example/a%2Fb%C3%A9",
            ),
        ] {
            let mut exchange = exchange("GET", url, &[]);
            let response = request(
                &*build_filter(data(regex, replacement, false)),
                &mut exchange,
            )
            .unwrap();
            assert_eq!(response.head.status, 302, "{regex}");
            assert_eq!(values(&response.head.headers, "location"), location);
            assert_eq!(values(&response.head.headers, "content-type"), "-");
            assert_eq!(text(&response.body), "Found");
        }
    }

    #[test]
    fn what_does_not_match_or_does_not_change_goes_on() {
        for (regex, replacement) in [("^https://", "http://"), ("^http://", "http://")] {
            let mut exchange = exchange("GET", "http://shop.example/a", &[]);
            let filter = build_filter(data(regex, replacement, false));
            assert!(request(&*filter, &mut exchange).is_none(), "{regex}");
            assert_eq!(exchange.request.target(), "/a");
        }
    }

    #[test]
    fn the_status_follows_method_and_permanence() {
        for (method, permanent, status, body) in [
            ("GET", false, 302, "Found"),
            ("GET", true, 301, "Moved Permanently"),
            ("POST", false, 307, "Temporary Redirect"),
            ("HEAD", true, 308, "Permanent Redirect"),
        ] {
            let mut exchange = exchange(method, "http://a/", &[]);
            let filter = build_filter(data("^http", "https", permanent));
            let response = request(&*filter, &mut exchange).unwrap();
            assert_eq!(response.head.status, status, "{method}");
            assert_eq!(text(&response.body), body);
        }
    }

    // CVE-2024-52003 and its like: the scheme is a fact of the connection.
    #[test]
    fn forwarded_headers_do_not_change_the_url() {
        let mut exchange = exchange(
            "GET",
            "http://shop.example/a",
            &[("x-forwarded-proto", "https"), ("x-forwarded-host", "evil")],
        );
        let filter = build_filter(data("^http://(.*)", "https://$1", false));
        let response = request(&*filter, &mut exchange).unwrap();
        assert_eq!(
            values(&response.head.headers, "location"),
            "https://shop.example/a"
        );
    }

    #[test]
    fn a_replacement_that_is_no_url_is_answered_500() {
        let mut exchange = exchange("GET", "http://shop.example/a", &[]);
        let filter = build_filter(data("^http://.*", "https://a b/", false));
        let response = request(&*filter, &mut exchange).unwrap();
        assert_eq!(response.head.status, 500);
        assert_eq!(text(&response.body), "Internal Server Error");
    }

    #[test]
    fn a_regular_expression_that_go_refuses_is_not_built() {
        let error = build_error(data("(?=a)", "", false));
        assert!(
            error.starts_with("middleware \"mine@file\": redirectRegex.regex: "),
            "{error}"
        );
    }
}
