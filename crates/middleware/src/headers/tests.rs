//! Expectations: Traefik v3.7 `headers` reference and unrolled/secure.

use pointsman_config::dynamic::Middleware;
use pointsman_message::Body;

use crate::testing::{
    Pieces, build_error, build_filter, exchange, poll_all, request, response, text, values,
};

use super::*;

fn data(edit: impl FnOnce(&mut config::Headers)) -> Middleware {
    let mut data = config::Headers::default();
    edit(&mut data);
    Middleware::Headers(Box::new(data))
}

fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn list(items: &[&str]) -> Vec<String> {
    items.iter().map(|&item| item.to_owned()).collect()
}

#[test]
fn nothing_set_is_not_built() {
    assert_eq!(
        build_error(data(|_| {})),
        "middleware \"mine@file\": headers: is empty: set at least one option"
    );
}

#[test]
fn deprecated_options_alone_are_built_and_do_nothing() {
    type Edit = fn(&mut config::Headers);
    let cases: [Edit; 5] = [
        |data| data.ssl_redirect = Some(true),
        |data| data.ssl_temporary_redirect = Some(true),
        |data| data.ssl_force_host = Some(true),
        |data| data.ssl_host = Some("b.example".to_owned()),
        |data| data.feature_policy = Some("camera 'none'".to_owned()),
    ];
    for edit in cases {
        let filter = build_filter(data(edit));
        let mut exchange = exchange("GET", "http://foo/", &[]);
        assert!(request(&*filter, &mut exchange).is_none());
        assert!(response(&*filter, &mut exchange, &[]).headers.is_empty());
    }
}

#[test]
fn custom_request_headers_are_set_and_deleted() {
    let filter = build_filter(data(|data| {
        data.custom_request_headers = map(&[
            ("X-Script-Name", "test"),
            ("X-Gone", ""),
            ("x-empty-before", "now"),
        ]);
    }));
    let mut exchange = exchange(
        "GET",
        "http://foo/",
        &[
            ("x-script-name", "client"),
            ("x-script-name", "client again"),
            ("x-gone", "1"),
            ("x-kept", "1"),
        ],
    );
    assert!(request(&*filter, &mut exchange).is_none());
    let headers = &exchange.request.headers;
    assert_eq!(values(headers, "x-script-name"), "test");
    assert_eq!(values(headers, "x-gone"), "-");
    assert_eq!(values(headers, "x-empty-before"), "now");
    assert_eq!(values(headers, "x-kept"), "1");
}

// CVE-2025-64484, CVE-2026-39858
#[test]
fn underscore_spellings_of_custom_request_headers_do_not_pass() {
    let filter = build_filter(data(|data| {
        data.custom_request_headers = map(&[("X-Script-Name", "test"), ("X-Gone", "")]);
    }));
    let mut exchange = exchange(
        "GET",
        "http://foo/",
        &[
            ("x_script_name", "evil"),
            ("X-Script_Name", "evil"),
            ("x_gone", "evil"),
        ],
    );
    exchange.body = Pieces::new(&["a"])
        .trailers(&[("x-script-name", "evil"), ("x_gone", "evil"), ("t", "1")])
        .body();
    assert!(request(&*filter, &mut exchange).is_none());
    assert_eq!(exchange.request.headers.len(), 1);
    let (_, trailers) = poll_all(&mut exchange.body).unwrap();
    assert_eq!(trailers.unwrap().keys().collect::<Vec<_>>(), ["t"]);
}

#[test]
fn host_is_settable() {
    let filter = build_filter(data(|data| {
        data.custom_request_headers = map(&[("host", "Other.Example:8080")]);
    }));
    let mut exchange = exchange("GET", "http://foo/", &[]);
    assert!(request(&*filter, &mut exchange).is_none());
    assert_eq!(exchange.request.authority(), "Other.Example:8080");
    assert_eq!(exchange.request.host(), "other.example");
    assert!(exchange.request.headers.is_empty());
}

#[test]
fn an_empty_forwarded_for_keeps_the_peer_out_too() {
    let filter = build_filter(data(|data| {
        data.custom_request_headers = map(&[("X-Forwarded-For", "")]);
    }));
    let mut exchange = exchange("GET", "http://foo/", &[("x-forwarded-for", "1.1.1.1")]);
    assert!(request(&*filter, &mut exchange).is_none());
    assert!(exchange.request.headers.is_empty());
    assert!(exchange.record.forwarded_for_done);
}

// I2: framing is made from the message.
#[test]
fn headers_of_the_connection_are_not_set() {
    let filter = build_filter(data(|data| {
        data.custom_request_headers = map(&[
            ("Transfer-Encoding", "chunked"),
            ("Connection", "X-Forwarded-For"),
        ]);
        data.custom_response_headers = map(&[("Content-Length", "3"), ("X-A", "b")]);
    }));
    let mut exchange = exchange("GET", "http://foo/", &[]);
    assert!(request(&*filter, &mut exchange).is_none());
    assert!(exchange.request.headers.is_empty());
    let head = response(&*filter, &mut exchange, &[]);
    assert_eq!(head.headers.keys().collect::<Vec<_>>(), ["x-a"]);
}

#[test]
fn custom_response_headers_are_set_and_deleted() {
    let filter = build_filter(data(|data| {
        data.custom_response_headers = map(&[("X-Set", "a"), ("Server", ""), ("X-Over", "b")]);
    }));
    let mut exchange = exchange("GET", "http://foo/", &[]);
    let head = response(
        &*filter,
        &mut exchange,
        &[
            ("server", "x"),
            ("x-over", "1"),
            ("x-over", "2"),
            ("x-kept", "1"),
        ],
    );
    assert_eq!(values(&head.headers, "x-set"), "a");
    assert_eq!(values(&head.headers, "server"), "-");
    assert_eq!(values(&head.headers, "x-over"), "b");
    assert_eq!(values(&head.headers, "x-kept"), "1");
}

#[test]
fn names_and_values_that_cannot_be_sent_are_not_built() {
    type Edit = fn(&mut config::Headers);
    let cases: [(Edit, &str); 7] = [
        (
            |data| data.custom_request_headers = map(&[("a b", "c")]),
            "headers.customRequestHeaders.a b: \"a b\" is no header name",
        ),
        (
            |data| data.custom_response_headers = map(&[("a", "b\r\nc: d")]),
            "headers.customResponseHeaders.a: is no header value",
        ),
        (
            |data| data.custom_request_headers = map(&[("Host", "a b")]),
            "headers.customRequestHeaders.Host: \"a b\" is no host",
        ),
        (
            |data| data.hosts_proxy_headers = list(&["X-Ok", "x:y"]),
            "headers.hostsProxyHeaders[1]: \"x:y\" is no header name",
        ),
        (
            |data| data.ssl_proxy_headers = map(&[("é", "https")]),
            "headers.sslProxyHeaders.é: \"é\" is no header name",
        ),
        (
            |data| data.access_control_allow_origin_list_regex = list(&["("]),
            "headers.accessControlAllowOriginListRegex[0]: regular expression",
        ),
        (
            |data| data.referrer_policy = "a\nb".to_owned(),
            "headers.referrerPolicy: is no header value",
        ),
    ];
    for (edit, text) in cases {
        let error = build_error(data(edit));
        assert!(error.contains(text), "{error}");
    }
}

/// The preflight of `https://a.example` for PUT with `X-Foo`.
fn preflight(edit: impl FnOnce(&mut config::Headers)) -> HeaderMap {
    let mut exchange = exchange(
        "OPTIONS",
        "http://foo/",
        &[
            ("origin", "https://a.example"),
            ("access-control-request-method", "PUT"),
            ("access-control-request-headers", "X-Foo"),
        ],
    );
    let answer = request(&*build_filter(data(edit)), &mut exchange).unwrap();
    assert_eq!(answer.head.status, 200);
    assert!(matches!(answer.body, Body::Empty));
    answer.head.headers
}

#[test]
fn a_preflight_is_answered_from_the_options() {
    let headers = preflight(|data| {
        data.access_control_allow_origin_list = list(&["https://a.example"]);
        data.access_control_allow_methods = list(&["GET", "PUT"]);
        data.access_control_allow_headers = list(&["origin", "X-Foo"]);
        data.access_control_expose_headers = list(&["X-A", "X-B"]);
        data.access_control_max_age = Some(600);
        data.add_vary_header = true;
    });
    for (name, value) in [
        ("access-control-allow-origin", "https://a.example"),
        ("access-control-allow-methods", "GET,PUT"),
        ("access-control-allow-headers", "origin,X-Foo"),
        ("access-control-expose-headers", "X-A,X-B"),
        ("access-control-max-age", "600"),
        ("access-control-allow-credentials", "-"),
        ("vary", "-"),
    ] {
        assert_eq!(values(&headers, name), value, "{name}");
    }
}

#[test]
fn wildcards_with_credentials_become_what_was_asked_for() {
    let headers = preflight(|data| {
        data.access_control_allow_origin_list = list(&["*"]);
        data.access_control_allow_methods = list(&["*"]);
        data.access_control_allow_headers = list(&["*"]);
        data.access_control_expose_headers = list(&["*"]);
        data.access_control_allow_credentials = true;
    });
    for (name, value) in [
        ("access-control-allow-origin", "https://a.example"),
        ("access-control-allow-methods", "PUT"),
        ("access-control-allow-headers", "X-Foo"),
        ("access-control-expose-headers", "-"),
        ("access-control-allow-credentials", "true"),
    ] {
        assert_eq!(values(&headers, name), value, "{name}");
    }
}

#[test]
fn wildcards_without_credentials_stay() {
    let headers = preflight(|data| {
        data.access_control_allow_origin_list = list(&["*"]);
        data.access_control_allow_methods = list(&["*"]);
        data.access_control_allow_headers = list(&["*"]);
        data.access_control_max_age = Some(0);
    });
    for (name, value) in [
        ("access-control-allow-origin", "*"),
        ("access-control-allow-methods", "*"),
        ("access-control-allow-headers", "*"),
        ("access-control-max-age", "0"),
    ] {
        assert_eq!(values(&headers, name), value, "{name}");
    }
}

#[test]
fn a_preflight_from_another_origin_is_answered_without_permission() {
    let headers = preflight(|data| {
        data.access_control_allow_origin_list = list(&["https://b.example"]);
    });
    assert_eq!(values(&headers, "access-control-allow-origin"), "-");
}

#[test]
fn what_is_no_preflight_goes_on() {
    let filter = build_filter(data(|data| {
        data.access_control_allow_origin_list = list(&["*"]);
    }));
    for (method, headers) in [
        ("OPTIONS", &[("origin", "https://a.example")][..]),
        ("OPTIONS", &[("access-control-request-method", "PUT")]),
        (
            "GET",
            &[
                ("origin", "https://a.example"),
                ("access-control-request-method", "PUT"),
            ],
        ),
    ] {
        let mut exchange = exchange(method, "http://foo/", headers);
        assert!(request(&*filter, &mut exchange).is_none(), "{method}");
    }
    let without_cors = build_filter(data(|data| data.frame_deny = true));
    let mut exchange = exchange(
        "OPTIONS",
        "http://foo/",
        &[("origin", "a"), ("access-control-request-method", "PUT")],
    );
    assert!(request(&*without_cors, &mut exchange).is_none());
}

#[test]
fn responses_say_which_origin_may_read_them() {
    for (origins, regexes, credentials, origin, expected) in [
        (&["https://a"][..], &[][..], false, "https://a", "https://a"),
        (&["https://a"], &[], false, "https://b", "-"),
        (
            &["https://b", "https://a"],
            &[],
            false,
            "https://a",
            "https://a",
        ),
        (&["*"], &[], false, "https://a", "*"),
        (&["*"], &[], true, "https://a", "https://a"),
        (&["*"], &[], true, "", ""),
        (&[], &["^https://[a-z]$"], false, "https://a", "https://a"),
        (&[], &["^https://[a-z]$"], false, "https://aa", "-"),
        (&[], &["^https://[a-z]$"], false, "", "-"),
        (&["null"], &[], false, "null", "null"),
    ] {
        let filter = build_filter(data(|data| {
            data.access_control_allow_origin_list = list(origins);
            data.access_control_allow_origin_list_regex = list(regexes);
            data.access_control_allow_credentials = credentials;
        }));
        let headers: &[_] = if origin.is_empty() {
            &[]
        } else {
            &[("origin", origin)]
        };
        let mut exchange = exchange("GET", "http://foo/", headers);
        let head = response(&*filter, &mut exchange, &[]);
        assert_eq!(
            values(&head.headers, "access-control-allow-origin"),
            expected,
            "{origins:?} {regexes:?} {origin}"
        );
    }
}

#[test]
fn vary_gets_origin_once_and_loses_nothing() {
    let filter = build_filter(data(|data| data.add_vary_header = true));
    for (before, after) in [
        (&[][..], "Origin"),
        (&[("vary", "Origin")], "Origin"),
        (&[("vary", "Accept-Encoding")], "Accept-Encoding,Origin"),
        (&[("vary", "A"), ("vary", "B")], "A,B,Origin"),
    ] {
        let mut exchange = exchange("GET", "http://foo/", &[]);
        let head = response(&*filter, &mut exchange, before);
        assert_eq!(values(&head.headers, "vary"), after);
    }
}

#[test]
fn each_security_option_sets_its_header() {
    type Edit = fn(&mut config::Headers);
    let cases: [(Edit, &str, &str); 14] = [
        (|data| data.frame_deny = true, "x-frame-options", "DENY"),
        (
            |data| {
                data.frame_deny = true;
                data.custom_frame_options_value = "SAMEORIGIN".to_owned();
            },
            "x-frame-options",
            "SAMEORIGIN",
        ),
        (
            |data| data.content_type_nosniff = true,
            "x-content-type-options",
            "nosniff",
        ),
        (
            |data| data.browser_xss_filter = true,
            "x-xss-protection",
            "1; mode=block",
        ),
        (
            |data| {
                data.browser_xss_filter = true;
                data.custom_browser_xss_value = "0".to_owned();
            },
            "x-xss-protection",
            "0",
        ),
        (
            |data| data.content_security_policy = "default-src 'self'".to_owned(),
            "content-security-policy",
            "default-src 'self'",
        ),
        (
            |data| data.content_security_policy_report_only = "default-src a".to_owned(),
            "content-security-policy-report-only",
            "default-src a",
        ),
        (
            |data| data.public_key = "pin-sha256=\"a\"".to_owned(),
            "public-key-pins",
            "pin-sha256=\"a\"",
        ),
        (
            |data| data.referrer_policy = "same-origin".to_owned(),
            "referrer-policy",
            "same-origin",
        ),
        (
            |data| data.permissions_policy = "camera=()".to_owned(),
            "permissions-policy",
            "camera=()",
        ),
        (
            |data| {
                data.sts_seconds = 31;
                data.force_sts_header = true;
            },
            "strict-transport-security",
            "max-age=31",
        ),
        (
            |data| {
                data.sts_seconds = 31;
                data.force_sts_header = true;
                data.sts_include_subdomains = true;
                data.sts_preload = true;
            },
            "strict-transport-security",
            "max-age=31; includeSubDomains; preload",
        ),
        (
            |data| {
                data.force_sts_header = true;
                data.sts_preload = true;
            },
            "strict-transport-security",
            "-",
        ),
        (
            |data| {
                data.sts_seconds = 31;
                data.force_sts_header = true;
                data.is_development = true;
            },
            "strict-transport-security",
            "-",
        ),
    ];
    for (edit, name, value) in cases {
        let filter = build_filter(data(edit));
        let mut exchange = exchange("GET", "http://foo/", &[]);
        let head = response(&*filter, &mut exchange, &[(name, "from the server")]);
        let expected = if value == "-" {
            "from the server"
        } else {
            value
        };
        assert_eq!(values(&head.headers, name), expected, "{name} {value}");
    }
}

#[test]
fn strict_transport_security_needs_tls() {
    for (url, headers, sent) in [
        ("http://foo/", &[][..], false),
        ("https://foo/", &[], true),
        ("http://foo/", &[("x-forwarded-proto", "https")], true),
        ("http://foo/", &[("x-forwarded-proto", "http")], false),
    ] {
        let filter = build_filter(data(|data| {
            data.sts_seconds = 1;
            data.ssl_proxy_headers = map(&[("X-Forwarded-Proto", "https")]);
        }));
        let mut exchange = exchange("GET", url, headers);
        let head = response(&*filter, &mut exchange, &[]);
        assert_eq!(
            head.headers.contains_key("strict-transport-security"),
            sent,
            "{url} {headers:?}"
        );
    }
}

#[test]
fn a_nonce_is_new_each_time_and_the_same_in_both_policies() {
    let filter = build_filter(data(|data| {
        data.content_security_policy = "script-src $NONCE; style-src $NONCE".to_owned();
        data.content_security_policy_report_only = "img-src $NONCE".to_owned();
    }));
    let nonce = || {
        let mut exchange = exchange("GET", "http://foo/", &[]);
        let head = response(&*filter, &mut exchange, &[]);
        let policy = values(&head.headers, "content-security-policy");
        let report = values(&head.headers, "content-security-policy-report-only");
        let nonce = report.strip_prefix("img-src ").unwrap().to_owned();
        assert_eq!(policy, format!("script-src {nonce}; style-src {nonce}"));
        assert!(nonce.starts_with("'nonce-") && nonce.len() == "'nonce-'".len() + 24);
        nonce
    };
    assert_ne!(nonce(), nonce());
}

#[test]
fn hosts_that_are_not_allowed_are_refused() {
    for (url, headers, development, allowed) in [
        ("http://a.example/", &[][..], false, true),
        ("http://A.Example/", &[], false, true),
        ("http://a.example:8000/", &[], false, false),
        ("http://b.example/", &[], false, false),
        ("http://b.example/", &[], true, true),
        (
            "http://b.example/",
            &[("x-forwarded-host", "a.example")],
            false,
            true,
        ),
        (
            "http://a.example/",
            &[("x-forwarded-host", "b.example")],
            false,
            false,
        ),
        (
            "http://a.example/",
            &[("x-forwarded-host", "")],
            false,
            true,
        ),
    ] {
        let filter = build_filter(data(|data| {
            data.allowed_hosts = list(&["c.example", "a.example"]);
            data.hosts_proxy_headers = list(&["X-Host", "X-Forwarded-Host"]);
            data.is_development = development;
            data.custom_response_headers = map(&[("X-Custom", "a")]);
        }));
        let mut exchange = exchange("GET", url, headers);
        let answer = request(&*filter, &mut exchange);
        assert_eq!(answer.is_none(), allowed, "{url} {headers:?}");
        if let Some(answer) = answer {
            assert_eq!(answer.head.status, 500);
            assert_eq!(text(&answer.body), "Bad Host\n");
            assert_eq!(values(&answer.head.headers, "x-custom"), "a");
        }
    }
}

#[test]
fn custom_response_headers_have_the_last_word() {
    let filter = build_filter(data(|data| {
        data.frame_deny = true;
        data.custom_response_headers = map(&[("X-Frame-Options", "")]);
    }));
    let mut exchange = exchange("GET", "http://foo/", &[]);
    let head = response(&*filter, &mut exchange, &[]);
    assert_eq!(values(&head.headers, "x-frame-options"), "-");
}
