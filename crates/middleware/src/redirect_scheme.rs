//! `redirectScheme`: redirects to another scheme or port.

use http::header::HeaderName;

use pointsman_config::dynamic::middleware as config;
use pointsman_message::{Exchange, Flow, HeadFilter, Scheme};

use crate::error::{OptionError, Problem};
use crate::redirect::redirect;
use crate::url::Url;

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

pub(crate) struct RedirectScheme {
    scheme: String,
    /// With its colon; empty for the scheme's own port.
    port: String,
    permanent: bool,
}

impl RedirectScheme {
    pub(crate) fn build(data: &config::RedirectScheme) -> Result<Self, OptionError> {
        if data.scheme.is_empty() {
            return Err(Problem::Empty {
                cure: "write the scheme, such as https",
            }
            .of("redirectScheme.scheme"));
        }
        let port = match (data.scheme.as_str(), data.port.as_str()) {
            (_, "") | ("http", "80") | ("https", "443") => String::new(),
            (_, port) => format!(":{port}"),
        };
        // differs from traefik: found out now, not by a 500 for every request.
        let example = format!("{}://host{port}/", data.scheme);
        match Url::parse(&example) {
            Ok(url) if url.authority == format!("host{port}") => {}
            Ok(_) => return Err(Problem::NotHttp { url: example }.of("redirectScheme")),
            Err(problem) => {
                return Err(Problem::Url {
                    url: example,
                    problem,
                }
                .of("redirectScheme"));
            }
        }
        Ok(Self {
            scheme: data.scheme.clone(),
            port,
            permanent: data.permanent,
        })
    }
}

impl HeadFilter for RedirectScheme {
    fn on_request(&self, exchange: &mut Exchange) -> Flow {
        let request = &exchange.request;
        let scheme = current_scheme(exchange);
        let (host, port) = split_port(request.authority());
        let port = match (scheme, port) {
            ("http", ":80") | ("https", ":443") => "",
            (_, port) => port,
        };
        if scheme == self.scheme && port == self.port {
            return Flow::Continue;
        }
        let target = request.target();
        let old = format!("{scheme}://{host}{port}{target}");
        let new = format!("{}://{host}{}{target}", self.scheme, self.port);
        redirect(&request.method, &old, &new, self.permanent)
    }
}

/// The scheme that the client used: `X-Forwarded-Proto`, which only believed peers can set, else the connection's.
/// A WebSocket handshake is HTTP still.
fn current_scheme(exchange: &Exchange) -> &'static str {
    let forwarded = exchange.request.headers.get(FORWARDED_PROTO);
    let forwarded = forwarded.map_or(&b""[..], |value| value.as_bytes());
    if forwarded.eq_ignore_ascii_case(b"http") || forwarded.eq_ignore_ascii_case(b"ws") {
        Scheme::Http.as_str()
    } else if forwarded.eq_ignore_ascii_case(b"https") || forwarded.eq_ignore_ascii_case(b"wss") {
        Scheme::Https.as_str()
    } else {
        exchange.request.scheme.as_str()
    }
}

/// Host and `:port`.
///
/// differs from traefik: an IPv6 address with a port keeps its brackets.
fn split_port(authority: &str) -> (&str, &str) {
    let after_address = authority.rfind(']').map_or(0, |at| at + 1);
    match authority.rfind(':') {
        Some(at) if at >= after_address => authority.split_at(at),
        _ => (authority, ""),
    }
}

#[cfg(test)]
mod tests {
    use pointsman_config::dynamic::Middleware;

    use crate::testing::{build_error, build_filter, exchange, request, text, values};

    use super::*;

    fn data(scheme: &str, port: &str, permanent: bool) -> Middleware {
        Middleware::RedirectScheme(config::RedirectScheme {
            scheme: scheme.to_owned(),
            port: port.to_owned(),
            permanent,
        })
    }

    /// Where a GET for `url` is sent; `-` if it goes on.
    fn location(middleware: Middleware, url: &str, headers: &[(&str, &str)]) -> String {
        let mut exchange = exchange("GET", url, headers);
        match request(&*build_filter(middleware), &mut exchange) {
            None => "-".to_owned(),
            Some(response) => values(&response.head.headers, "location"),
        }
    }

    #[test]
    fn scheme_and_port_are_replaced_and_the_rest_stays() {
        for (scheme, port, url, expected) in [
            ("https", "", "http://foo/", "https://foo/"),
            ("https", "", "http://foo/a?b=c", "https://foo/a?b=c"),
            ("https", "443", "http://foo/", "https://foo/"),
            ("https", "8443", "http://foo/", "https://foo:8443/"),
            ("https", "", "http://foo:8080/", "https://foo/"),
            ("http", "80", "https://foo:443/", "http://foo/"),
            ("http", "8080", "https://foo/", "http://foo:8080/"),
            ("https", "", "http://Foo.Example/", "https://Foo.Example/"),
            ("https", "", "http://[::1]:80/a", "https://[::1]/a"),
            ("https", "8443", "http://[::1]/a", "https://[::1]:8443/a"),
            ("wss", "9443", "http://foo/", "wss://foo:9443/"),
            ("https", "8443", "https://foo:9443/", "https://foo:8443/"),
            ("https", "", "https://foo:9443/", "https://foo/"),
            ("https", "", "http://foo/a%2Fb", "https://foo/a%2Fb"),
        ] {
            assert_eq!(
                location(data(scheme, port, false), url, &[]),
                expected,
                "{scheme} {port} {url}"
            );
        }
    }

    #[test]
    fn a_request_that_is_there_already_goes_on() {
        for (scheme, port, url) in [
            ("https", "", "https://foo/"),
            ("https", "443", "https://foo/"),
            ("https", "", "https://foo:443/"),
            ("http", "", "http://foo:80/"),
            ("https", "8443", "https://foo:8443/"),
        ] {
            assert_eq!(
                location(data(scheme, port, false), url, &[]),
                "-",
                "{scheme} {port} {url}"
            );
        }
    }

    #[test]
    fn the_forwarded_scheme_counts_where_the_entry_point_left_it() {
        for (proto, url, expected) in [
            ("https", "http://foo/", "-"),
            ("wss", "http://foo/", "-"),
            ("HTTPS", "http://foo/", "-"),
            ("http", "http://foo/", "https://foo/"),
            ("ws", "https://foo/", "https://foo/"),
            ("http", "https://foo:443/", "https://foo/"),
            ("gopher", "http://foo/", "https://foo/"),
            ("gopher", "https://foo/", "-"),
        ] {
            assert_eq!(
                location(
                    data("https", "", false),
                    url,
                    &[("x-forwarded-proto", proto)]
                ),
                expected,
                "{proto} {url}"
            );
        }
    }

    #[test]
    fn the_status_follows_method_and_permanence() {
        for (method, permanent, status, body) in [
            ("GET", false, 302, "Found"),
            ("GET", true, 301, "Moved Permanently"),
            ("PUT", false, 307, "Temporary Redirect"),
            ("HEAD", true, 308, "Permanent Redirect"),
        ] {
            let mut exchange = exchange(method, "http://foo/", &[]);
            let filter = build_filter(data("https", "", permanent));
            let response = request(&*filter, &mut exchange).unwrap();
            assert_eq!(response.head.status, status, "{method}");
            assert_eq!(text(&response.body), body);
        }
    }

    #[test]
    fn a_scheme_or_port_that_makes_no_url_is_not_built() {
        assert_eq!(
            build_error(data("", "", false)),
            "middleware \"mine@file\": redirectScheme.scheme: is empty: write the scheme, such as https"
        );
        for (scheme, port) in [("ht tp", ""), ("https", "x"), ("https", "1/a"), ("/", "")] {
            assert!(
                build_error(data(scheme, port, false)).contains("redirectScheme: "),
                "{scheme} {port}"
            );
        }
    }
}
