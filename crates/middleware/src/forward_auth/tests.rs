//! Expectations: Traefik v3.7 `forwardAuth` reference; tables 2.D and 2.E of the security notes.

use std::sync::Mutex;

use pointsman_config::dynamic::Middleware;
use pointsman_config::dynamic::middleware::ClientTls;
use pointsman_message::{BodyStream, Frame, Kind, Scheme, Step};

use crate::Origin;
use crate::testing::{
    Calls, Pieces, Seen, Server, answer, build_error, build_with, build_with_calls, exchange,
    header_map, run, text, values,
};

use super::*;

fn data(edit: impl FnOnce(&mut config::ForwardAuth)) -> Middleware {
    let mut data = config::ForwardAuth {
        address: "http://auth.example:9000/check?a=b".to_owned(),
        trust_forward_header: Some(false),
        ..config::ForwardAuth::default()
    };
    edit(&mut data);
    Middleware::ForwardAuth(data)
}

fn list(items: &[&str]) -> Vec<String> {
    items.iter().map(|&item| item.to_owned()).collect()
}

/// How an exchange went.
struct Sent {
    result: Result<Response, ProxyError>,
    auth: Vec<Seen>,
    server: Vec<Seen>,
}

impl Sent {
    fn response(&self) -> &Response {
        self.result.as_ref().unwrap()
    }

    fn status(&self) -> u16 {
        self.response().head.status.as_u16()
    }
}

/// Sends `exchange` past an authentication server that answers as told.
async fn send(
    middleware: Middleware,
    exchange: &mut Exchange,
    mut auth: impl FnMut() -> Result<Response, ProxyError> + Send + 'static,
) -> Sent {
    let auth = Server::new(move |_| auth());
    let server = Server::new(|_| {
        Ok(answer(
            200,
            &[("set-cookie", "own=1"), ("set-cookie", "session=server")],
            "served",
        ))
    });
    let step = build_with(middleware, auth.clone()).unwrap();
    let result = run(&[step], exchange, &*server).await;
    Sent {
        result,
        auth: auth.seen(),
        server: server.seen(),
    }
}

fn ok() -> Result<Response, ProxyError> {
    Ok(answer(200, &[], "fine"))
}

#[tokio::test]
async fn a_2xx_answer_lets_the_request_pass() {
    for status in [200, 204, 299] {
        let mut exchange = exchange("POST", "http://foo/a?b=c", &[("cookie", "a=b")]);
        exchange.body = Pieces::new(&["body"]).body();
        let sent = send(data(|_| {}), &mut exchange, move || {
            Ok(answer(status, &[("x-secret", "1")], "ignored"))
        })
        .await;
        assert_eq!(
            (sent.status(), text(&sent.response().body).as_str()),
            (200, "served")
        );
        assert_eq!(sent.server[0].body, "body");
        assert_eq!(values(&sent.server[0].headers, "x-secret"), "-");
        let asked = &sent.auth[0];
        assert_eq!(
            (
                asked.method.as_str(),
                asked.target.as_str(),
                asked.authority.as_str()
            ),
            ("GET", "/check?a=b", "auth.example:9000")
        );
        assert_eq!(asked.body, "");
        assert_eq!(values(&asked.headers, "cookie"), "a=b");
    }
}

#[tokio::test]
async fn every_other_answer_goes_to_the_client() {
    for status in [301, 401, 403, 404, 500, 503] {
        let mut exchange = exchange("GET", "http://foo/", &[]);
        let sent = send(data(|_| {}), &mut exchange, move || {
            Ok(answer(
                status,
                &[
                    ("www-authenticate", "Basic"),
                    ("set-cookie", "a=1"),
                    ("set-cookie", "b=2"),
                    ("keep-alive", "5"),
                    ("connection", "close"),
                    ("upgrade", "h2c"),
                ],
                "refused",
            ))
        })
        .await;
        assert_eq!(sent.status(), status);
        assert!(sent.server.is_empty());
        // Redirects are the client's to follow: an answer sends the router nowhere.
        assert_eq!(sent.auth.len(), 1);
        assert_eq!(text(&sent.response().body), "refused");
        let headers = &sent.response().head.headers;
        assert_eq!(values(headers, "www-authenticate"), "Basic");
        assert_eq!(values(headers, "set-cookie"), "a=1|b=2");
        assert_eq!(headers.len(), 3, "{headers:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_reached_is_a_500() {
    for kind in [
        Kind::Connect,
        Kind::UpstreamTimeout,
        Kind::NoServer,
        Kind::UpstreamTls,
    ] {
        let mut exchange = exchange("GET", "http://foo/", &[]);
        let sent = send(data(|_| {}), &mut exchange, move || {
            Err(ProxyError::new(kind, "no connection"))
        })
        .await;
        assert_eq!(sent.status(), 500, "{kind:?}");
        assert_eq!(text(&sent.response().body), "");
        assert!(sent.server.is_empty());
        assert!(exchange.record.failure.unwrap().contains("no connection"));
    }
}

#[tokio::test]
async fn a_client_that_went_away_stays_its_own_fault() {
    let mut exchange = exchange("POST", "http://foo/", &[]);
    exchange.body = Pieces::new(&["a"])
        .failing(ProxyError::new(Kind::ClientGone, "reset"))
        .body();
    let sent = send(data(|data| data.forward_body = true), &mut exchange, ok).await;
    assert_eq!(sent.result.unwrap_err().kind, Kind::ClientGone);
    assert!(sent.auth.is_empty() && sent.server.is_empty());
}

/// A call that never answers.
struct Silent;

impl Call for Silent {
    fn call<'a>(&'a self, _: &'a mut Exchange) -> LocalBoxFuture<'a, Result<Response, ProxyError>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_is_a_500_after_thirty_seconds() {
    let start = tokio::time::Instant::now();
    let step = build_with(data(|_| {}), Arc::new(Silent)).unwrap();
    let server = Server::new(|_| ok());
    let mut exchange = exchange("GET", "http://foo/", &[]);
    let response = run(&[step], &mut exchange, &*server).await.unwrap();
    assert_eq!(response.head.status, 500);
    assert_eq!(start.elapsed().as_secs(), 30);
    assert!(server.seen().is_empty());
}

/// What the authentication server gets of a request from 192.0.2.7 with `headers`.
async fn asked(
    edit: impl FnOnce(&mut config::ForwardAuth),
    url: &str,
    headers: &[(&str, &str)],
) -> http::HeaderMap {
    let mut exchange = exchange("PUT", url, headers);
    send(data(edit), &mut exchange, ok).await.auth[0]
        .headers
        .clone()
}

const SENT_BY_CLIENT: &[(&str, &str)] = &[
    ("x-forwarded-for", "10.0.0.1"),
    ("x-forwarded-host", "evil"),
    ("x-forwarded-method", "TRACE"),
    ("x-forwarded-port", "1"),
    ("x-forwarded-prefix", "/evil"),
    ("x-forwarded-proto", "wss"),
    ("x-forwarded-server", "evil"),
    ("x-forwarded-uri", "/evil"),
    ("x-forwarded-tls-client-cert", "evil"),
    ("x-real-ip", "10.0.0.1"),
    ("x_forwarded_proto", "evil"),
    ("X_Forwarded_Uri", "evil"),
    ("x-other", "kept"),
];

// CVE-2026-35051, CVE-2026-54764, CVE-2026-40575, CVE-2026-39858
#[tokio::test]
async fn without_trust_all_forwarded_headers_are_made_anew() {
    let headers = asked(|_| {}, "https://foo:8443/a?b=c", SENT_BY_CLIENT).await;
    for (name, value) in [
        ("x-forwarded-for", "192.0.2.7"),
        ("x-forwarded-host", "foo:8443"),
        ("x-forwarded-method", "PUT"),
        ("x-forwarded-port", "8443"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-uri", "/a?b=c"),
        ("x-other", "kept"),
    ] {
        assert_eq!(values(&headers, name), value, "{name}");
    }
    assert_eq!(headers.len(), 7, "{headers:?}");
    for (url, port) in [
        ("http://foo/", "80"),
        ("https://foo/", "443"),
        ("https://[::1]/", "443"),
    ] {
        let headers = asked(|_| {}, url, SENT_BY_CLIENT).await;
        assert_eq!(values(&headers, "x-forwarded-port"), port, "{url}");
    }
}

#[tokio::test]
async fn with_trust_what_the_entry_point_left_is_kept_and_completed() {
    let trust = |data: &mut config::ForwardAuth| data.trust_forward_header = Some(true);
    let headers = asked(trust, "http://foo/a", SENT_BY_CLIENT).await;
    for (name, value) in [
        ("x-forwarded-for", "10.0.0.1, 192.0.2.7"),
        ("x-forwarded-host", "evil"),
        ("x-forwarded-method", "TRACE"),
        ("x-forwarded-port", "1"),
        ("x-forwarded-prefix", "/evil"),
        ("x-forwarded-proto", "wss"),
        ("x-forwarded-uri", "/evil"),
        ("x-real-ip", "10.0.0.1"),
    ] {
        assert_eq!(values(&headers, name), value, "{name}");
    }
    let headers = asked(trust, "http://foo/a", &[("x-forwarded-proto", "https")]).await;
    for (name, value) in [
        ("x-forwarded-for", "192.0.2.7"),
        ("x-forwarded-host", "foo"),
        ("x-forwarded-method", "PUT"),
        ("x-forwarded-port", "443"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-uri", "/a"),
    ] {
        assert_eq!(values(&headers, name), value, "{name}");
    }
}

#[tokio::test]
async fn with_trust_unset_five_are_made_anew_and_others_kept() {
    let unset = |data: &mut config::ForwardAuth| data.trust_forward_header = None;
    let headers = asked(unset, "http://foo/a", SENT_BY_CLIENT).await;
    for (name, value) in [
        ("x-forwarded-for", "192.0.2.7"),
        ("x-forwarded-host", "foo"),
        ("x-forwarded-method", "PUT"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-uri", "/a"),
        ("x-forwarded-prefix", "/evil"),
        ("x-forwarded-port", "1"),
        // Spellings of what was made anew are gone all the same.
        ("x_forwarded_proto", "-"),
        ("x_forwarded_uri", "-"),
    ] {
        assert_eq!(values(&headers, name), value, "{name}");
    }
    let headers = asked(unset, "http://foo/a", &[]).await;
    assert_eq!(headers.len(), 5, "{headers:?}");
}

#[tokio::test]
async fn only_listed_request_headers_are_sent() {
    let sent: Vec<_> = SENT_BY_CLIENT
        .iter()
        .copied()
        .chain([
            ("cookie", "a=b"),
            ("authorization", "Basic x"),
            ("accept", "*/*"),
        ])
        .collect();
    let listed = |data: &mut config::ForwardAuth| {
        data.auth_request_headers = list(&["Accept", "accept", "X-Missing", "X-Forwarded-Prefix"]);
    };
    let headers = asked(listed, "http://foo/a", &sent).await;
    assert_eq!(values(&headers, "accept"), "*/*");
    assert_eq!(headers.len(), 7, "{headers:?}");
    let headers = asked(
        |data| {
            listed(data);
            data.trust_forward_header = Some(true);
        },
        "http://foo/a",
        &sent,
    )
    .await;
    assert_eq!(values(&headers, "x-forwarded-prefix"), "/evil");
    assert_eq!(values(&headers, "x-real-ip"), "10.0.0.1");
    assert_eq!(values(&headers, "cookie"), "-");
    assert_eq!(values(&headers, "authorization"), "-");
}

#[tokio::test]
async fn headers_of_one_hop_are_not_sent() {
    let headers = asked(
        |_| {},
        "http://foo/",
        &[
            ("connection", "keep-alive, X-Hop"),
            ("x-hop", "1"),
            ("keep-alive", "5"),
            ("te", "trailers"),
            ("trailer", "t"),
            ("upgrade", "websocket"),
            ("transfer-encoding", "chunked"),
            ("expect", "100-continue"),
            ("proxy-authorization", "Basic x"),
        ],
    )
    .await;
    assert_eq!(values(&headers, "proxy-authorization"), "Basic x");
    assert_eq!(headers.len(), 7, "{headers:?}");
}

#[tokio::test]
async fn the_method_is_get_unless_it_is_preserved() {
    for (preserve, method, expected) in [
        (false, "POST", "GET"),
        (true, "POST", "POST"),
        (true, "HEAD", "HEAD"),
    ] {
        let mut exchange = exchange(method, "http://foo/", &[]);
        let middleware = data(|data| data.preserve_request_method = preserve);
        let sent = send(middleware, &mut exchange, ok).await;
        assert_eq!(sent.auth[0].method, expected);
        assert_eq!(values(&sent.auth[0].headers, "x-forwarded-method"), method);
        assert_eq!(sent.server[0].method, method);
    }
}

// CVE-2026-50197: no way around the limit by another framing.
#[tokio::test]
async fn a_body_goes_to_both_servers_or_to_none() {
    for (pieces, declared, limit, status) in [
        (&["ab", "cd"][..], None, -1, 200),
        (&["ab", "cd"], None, 4, 200),
        (&["ab", "cd"], Some(4), 4, 200),
        (&["ab", "cd"], None, 3, 401),
        (&["ab", "cd"], Some(4), 3, 401),
        (&["a"], None, 0, 401),
        (&[], None, 0, 200),
        (&[], Some(0), 0, 200),
    ] {
        let mut exchange = exchange("POST", "http://foo/", &[]);
        let mut body = Pieces::new(pieces);
        if let Some(length) = declared {
            body = body.declared(length);
        }
        exchange.body = body.trailers(&[("t", "1")]).body();
        let middleware = data(|data| {
            data.forward_body = true;
            data.max_body_size = limit;
        });
        let sent = send(middleware, &mut exchange, ok).await;
        assert_eq!(sent.status(), status, "{pieces:?} {limit}");
        if status == 200 {
            assert_eq!(sent.auth[0].body, pieces.concat());
            assert_eq!(sent.server[0].body, pieces.concat());
        } else {
            assert!(sent.auth.is_empty() && sent.server.is_empty());
            assert_eq!(text(&sent.response().body), "");
        }
    }
}

#[tokio::test]
async fn trailers_of_a_copied_body_reach_the_server() {
    let mut exchange = exchange("POST", "http://foo/", &[]);
    exchange.body = Pieces::new(&["ab"])
        .trailers(&[("t", "1"), ("x_user", "evil")])
        .body();
    let middleware = data(|data| {
        data.forward_body = true;
        data.auth_response_headers = list(&["X-User"]);
    });
    let sent = send(middleware, &mut exchange, ok).await;
    assert_eq!(sent.auth[0].trailers, None);
    let trailers = sent.server[0].trailers.as_ref().unwrap();
    assert_eq!(trailers.keys().collect::<Vec<_>>(), ["t"]);
}

#[tokio::test]
async fn a_tunnel_behind_connect_is_not_read() {
    for (declared, asked) in [(None, ""), (Some(6), "tunnel")] {
        let mut exchange = exchange("CONNECT", "http://foo/", &[]);
        let mut body = Pieces::new(&["tunnel"]);
        if let Some(length) = declared {
            body = body.declared(length);
        }
        exchange.body = body.body();
        let sent = send(data(|data| data.forward_body = true), &mut exchange, ok).await;
        assert_eq!(sent.auth[0].body, asked);
        assert_eq!(sent.server[0].body, "tunnel");
    }
}

// CVE-2026-50197
#[tokio::test]
async fn an_upgrade_header_hides_no_body() {
    for (limit, status) in [(4, 200), (3, 401)] {
        let mut exchange = exchange("POST", "http://foo/", &[("upgrade", "websocket")]);
        exchange.body = Pieces::new(&["body"]).body();
        let middleware = data(|data| {
            data.forward_body = true;
            data.max_body_size = limit;
        });
        let sent = send(middleware, &mut exchange, ok).await;
        assert_eq!(sent.status(), status);
        if status == 200 {
            assert_eq!(sent.auth[0].body, "body");
        }
    }
}

// CVE-2026-26998
#[tokio::test]
async fn an_answer_above_the_limit_is_a_401() {
    for (status, pieces, limit, expected) in [
        (200, &["abc"][..], 3, 200),
        (403, &["abc"], 3, 403),
        (200, &["abc", "d"], 3, 401),
        (403, &["abc", "d"], 3, 401),
        (403, &["a"], 0, 401),
        (200, &[], 0, 200),
    ] {
        let mut exchange = exchange("GET", "http://foo/", &[]);
        let middleware = data(|data| data.max_response_body_size = limit);
        let sent = send(middleware, &mut exchange, move || {
            Ok(answer(status, &[], Body::Empty)).map(|mut response: Response| {
                response.body = Pieces::new(pieces).body();
                response
            })
        })
        .await;
        assert_eq!(sent.status(), expected, "{status} {pieces:?} {limit}");
        assert_eq!(sent.server.len(), usize::from(expected == 200));
    }
}

#[tokio::test]
async fn a_body_that_nobody_gets_is_read_so_that_the_connection_can_be_kept() {
    for (status, signin, read) in [(200, "", 2), (401, "/login", 2), (401, "", 0)] {
        let mut exchange = exchange("GET", "http://foo/", &[]);
        let middleware = data(|data| data.auth_signin_url = signin.to_owned());
        let taken = Arc::new(Mutex::new(0));
        let counter = Arc::clone(&taken);
        let sent = send(middleware, &mut exchange, move || {
            let mut response = answer(status, &[], Body::Empty);
            response.body =
                Body::Stream(Box::new(Counted(Arc::clone(&counter), Pieces::new(&["a"]))));
            Ok(response)
        })
        .await;
        assert_eq!(*taken.lock().unwrap(), read, "{status} {signin}");
        drop(sent);
    }
}

/// A body that counts how often it is asked.
struct Counted(Arc<Mutex<u64>>, Pieces);

impl BodyStream for Counted {
    fn poll_frame(
        &mut self,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame, ProxyError>>> {
        *self.0.lock().unwrap() += 1;
        self.1.poll_frame(cx)
    }

    fn remaining(&self) -> Option<u64> {
        None
    }
}

#[tokio::test]
async fn the_call_is_told_that_forwarded_headers_are_complete() {
    let mut exchange = exchange("GET", "http://foo/", &[]);
    let sent = send(data(|_| {}), &mut exchange, ok).await;
    assert!(sent.auth[0].forwarded_for_done);
    assert!(!sent.server[0].forwarded_for_done);
}

/// A body without end.
struct Endless(Arc<Mutex<u64>>);

impl BodyStream for Endless {
    fn poll_frame(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame, ProxyError>>> {
        *self.0.lock().unwrap() += 1;
        std::task::Poll::Ready(Some(Ok(Frame::Data(bytes::Bytes::from_static(&[0; 1024])))))
    }

    fn remaining(&self) -> Option<u64> {
        None
    }
}

// CVE-2026-26998
#[tokio::test]
async fn an_answer_without_end_is_never_kept() {
    for (limit, status) in [(-1, 403), (-1, 200), (10_000, 401)] {
        let read = Arc::new(Mutex::new(0));
        let counter = Arc::clone(&read);
        let mut exchange = exchange("GET", "http://foo/", &[]);
        let middleware = data(|data| data.max_response_body_size = limit);
        let answered = if limit < 0 { status } else { 403 };
        let sent = send(middleware, &mut exchange, move || {
            let mut response = answer(answered, &[], Body::Empty);
            response.body = Body::Stream(Box::new(Endless(Arc::clone(&counter))));
            Ok(response)
        })
        .await;
        assert_eq!(sent.status(), status);
        assert!(*read.lock().unwrap() <= MAX_DISCARDED / 1024 + 1, "{limit}");
    }
}

// CVE-2026-30851, CVE-2026-52845 (Caddy), CVE-2025-64484 (oauth2-proxy)
#[tokio::test]
async fn identity_comes_from_the_answer_only() {
    let mut exchange = exchange(
        "GET",
        "http://foo/",
        &[
            ("x-auth-user", "evil"),
            ("x_auth_user", "evil"),
            ("X-Auth-Group", "evil"),
            ("x_auth_group", "evil"),
            ("x-other", "kept"),
        ],
    );
    let middleware = data(|data| {
        data.auth_response_headers = list(&["x-auth-USER", "X-Auth-Group", "X-Auth-Roles"]);
    });
    let sent = send(middleware, &mut exchange, || {
        Ok(answer(
            200,
            &[
                ("x-auth-user", "alice"),
                ("x-auth-roles", "a"),
                ("x-auth-roles", "b"),
                ("x-unlisted", "1"),
            ],
            "",
        ))
    })
    .await;
    let headers = &sent.server[0].headers;
    for (name, value) in [
        ("x-auth-user", "alice"),
        ("x_auth_user", "-"),
        ("x-auth-group", "-"),
        ("x_auth_group", "-"),
        ("x-auth-roles", "a|b"),
        ("x-other", "kept"),
        ("x-unlisted", "-"),
    ] {
        assert_eq!(values(headers, name), value, "{name}");
    }
}

#[tokio::test]
async fn identity_by_pattern_comes_from_the_answer_only() {
    let mut exchange = exchange(
        "GET",
        "http://foo/",
        &[
            ("x-auth-user", "evil"),
            ("x_auth_group", "evil"),
            ("x-auth", "kept"),
        ],
    );
    let middleware = data(|data| {
        data.auth_response_headers_regex = "^X-Auth-".to_owned();
        data.auth_response_headers = list(&["X-Auth-User"]);
    });
    let sent = send(middleware, &mut exchange, || {
        Ok(answer(
            200,
            &[
                ("x-auth-user", "alice"),
                ("x-auth-roles", "a"),
                ("x-auth-roles", "b"),
            ],
            "",
        ))
    })
    .await;
    let headers = &sent.server[0].headers;
    for (name, value) in [
        ("x-auth-user", "alice"),
        ("x-auth-roles", "a|b"),
        ("x_auth_group", "-"),
        ("x-auth", "kept"),
    ] {
        assert_eq!(values(headers, name), value, "{name}");
    }
}

#[tokio::test]
async fn an_answer_cannot_set_framing() {
    let mut exchange = exchange("GET", "http://foo/", &[]);
    let middleware = data(|data| {
        data.auth_response_headers = list(&["Transfer-Encoding", "Connection", "Host"]);
        data.auth_response_headers_regex = ".*".to_owned();
    });
    let sent = send(middleware, &mut exchange, || {
        Ok(answer(
            200,
            &[
                ("transfer-encoding", "chunked"),
                ("connection", "close"),
                ("x-a", "b"),
            ],
            "",
        ))
    })
    .await;
    let headers = &sent.server[0].headers;
    assert_eq!(headers.keys().collect::<Vec<_>>(), ["x-a"]);
}

#[tokio::test]
async fn the_user_is_recorded_for_the_access_log() {
    for status in [200, 403] {
        let mut exchange = exchange("GET", "http://foo/", &[("x-auth-user", "evil")]);
        let middleware = data(|data| data.header_field = "X-Auth-User".to_owned());
        send(middleware, &mut exchange, move || {
            Ok(answer(status, &[("x-auth-user", "alice")], ""))
        })
        .await;
        assert_eq!(exchange.record.user.as_deref(), Some("alice"));
    }
}

#[tokio::test]
async fn listed_cookies_of_the_answer_replace_those_of_the_response() {
    for (listed, answered, expected) in [
        (
            &["session"][..],
            &["session=auth; Path=/", "x=1"][..],
            "own=1|session=auth; Path=/",
        ),
        (&["session"], &["x=1"], "own=1"),
        (&["session"], &[], "own=1|session=server"),
        (&[], &["session=auth"], "own=1|session=server"),
        (&["own", "new"], &["new=1"], "session=server|new=1"),
    ] {
        let mut exchange = exchange("GET", "http://foo/", &[]);
        let middleware = data(|data| data.add_auth_cookies_to_response = list(listed));
        let sent = send(middleware, &mut exchange, move || {
            let mut response = answer(200, &[], "");
            let cookies: Vec<_> = answered
                .iter()
                .map(|&cookie| ("set-cookie", cookie))
                .collect();
            response.head.headers = header_map(&cookies);
            Ok(response)
        })
        .await;
        assert_eq!(
            values(&sent.response().head.headers, "set-cookie"),
            expected,
            "{listed:?} {answered:?}"
        );
    }
}

#[tokio::test]
async fn a_location_is_made_absolute_unless_it_is_preserved() {
    for (preserve, location, expected) in [
        (false, "/login?x=1", "http://auth.example:9000/login?x=1"),
        (false, "login", "http://auth.example:9000/login"),
        (false, "//other/login", "http://other/login"),
        (false, "https://sso.example/", "https://sso.example/"),
        (true, "/login?x=1", "/login?x=1"),
        (true, "https://sso.example/", "https://sso.example/"),
    ] {
        let mut exchange = exchange("GET", "http://foo/", &[]);
        let middleware = data(|data| data.preserve_location_header = preserve);
        let sent = send(middleware, &mut exchange, move || {
            Ok(answer(302, &[("location", location)], ""))
        })
        .await;
        assert_eq!(sent.status(), 302);
        assert_eq!(values(&sent.response().head.headers, "location"), expected);
    }
}

#[tokio::test]
async fn a_location_that_is_no_url_is_a_500() {
    let mut exchange = exchange("GET", "http://foo/", &[]);
    let sent = send(data(|_| {}), &mut exchange, || {
        Ok(answer(
            302,
            &[("location", "http://a b/"), ("set-cookie", "a=b")],
            "",
        ))
    })
    .await;
    assert_eq!(sent.status(), 500);
    assert!(sent.response().head.headers.is_empty());
}

#[tokio::test]
async fn a_401_is_sent_to_sign_in() {
    for (url, status, expected, location) in [
        ("https://sso/?a=b", 401, 302, "https://sso/?a=b"),
        ("/login", 401, 302, "/login"),
        ("login?x=1", 401, 302, "/a/login?x=1"),
        ("https://sso/\u{e9}", 401, 302, "https://sso/%C3%A9"),
        ("https://sso/", 403, 403, "-"),
        ("https://sso/", 200, 200, "-"),
        ("", 401, 401, "-"),
    ] {
        let mut exchange = exchange("GET", "http://foo/a/b", &[]);
        let middleware = data(|data| data.auth_signin_url = url.to_owned());
        let sent = send(middleware, &mut exchange, move || {
            Ok(answer(status, &[("x-a", "b")], "no"))
        })
        .await;
        assert_eq!(sent.status(), expected, "{url} {status}");
        let headers = &sent.response().head.headers;
        assert_eq!(values(headers, "location"), location);
        if expected == 302 {
            assert_eq!(headers.len(), 1);
            assert_eq!(text(&sent.response().body), "");
        }
    }
}

#[tokio::test]
async fn credentials_of_the_address_are_sent_when_the_client_has_none() {
    for (client, expected) in [
        (&[][..], "Basic dXNlcjpwQHNz"),
        (&[("authorization", "Bearer x")], "Bearer x"),
    ] {
        let headers = asked(
            |data| data.address = "http://user:p%40ss@auth/".to_owned(),
            "http://foo/",
            client,
        )
        .await;
        assert_eq!(values(&headers, "authorization"), expected);
    }
}

#[test]
fn the_call_is_opened_for_the_addresss_origin() {
    for (address, scheme, host, port) in [
        ("http://Auth.Example/x", Scheme::Http, "auth.example", 80),
        ("https://auth/x", Scheme::Https, "auth", 443),
        ("https://auth:8443", Scheme::Https, "auth", 8443),
        ("http://[::1]:9/x", Scheme::Http, "[::1]", 9),
    ] {
        let calls = Calls::new(Server::new(|_| panic!("nobody is called")));
        let tls = ClientTls {
            insecure_skip_verify: true,
            ..ClientTls::default()
        };
        let middleware = data(|data| {
            data.address = address.to_owned();
            data.tls = Some(tls.clone());
        });
        assert!(matches!(
            build_with_calls(middleware, &calls),
            Ok(Step::Wrap(_))
        ));
        let origin = Origin {
            scheme,
            host: host.to_owned(),
            port,
        };
        assert_eq!(*calls.opened.lock().unwrap(), [(origin, Some(tls))]);
    }
}

// I7
#[test]
fn what_cannot_protect_is_not_built() {
    type Edit = fn(&mut config::ForwardAuth);
    let cases: [(Edit, &str); 9] = [
        (
            |data| data.address.clear(),
            "forwardAuth.address: is empty: write the url of the authentication server",
        ),
        (
            |data| data.address = "auth:9000/x".to_owned(),
            "forwardAuth.address: \"auth:9000/x\" is no http or https url with a host",
        ),
        (
            |data| data.address = "http:///x".to_owned(),
            "forwardAuth.address: \"http:///x\" is no http or https url",
        ),
        (
            |data| data.address = "ftp://user:secret@a/".to_owned(),
            "forwardAuth.address: \"ftp://xxxx@a/\" is no http",
        ),
        (
            |data| {
                data.tls = Some(ClientTls {
                    ca: "missing.pem".to_owned(),
                    ..ClientTls::default()
                });
            },
            "forwardAuth.tls: cannot read \"missing.pem\"",
        ),
        (
            |data| data.auth_response_headers = list(&["X-Ok", "a b"]),
            "forwardAuth.authResponseHeaders[1]: \"a b\" is no header name",
        ),
        (
            |data| data.auth_request_headers = list(&["a b"]),
            "forwardAuth.authRequestHeaders[0]: \"a b\" is no header name",
        ),
        (
            |data| data.auth_response_headers_regex = "(".to_owned(),
            "forwardAuth.authResponseHeadersRegex: regular expression",
        ),
        (
            |data| data.auth_signin_url = "http://a b/".to_owned(),
            "forwardAuth.authSigninURL: \"http://a b/\" is no url",
        ),
    ];
    for (edit, text) in cases {
        let error = build_error(data(edit));
        assert!(error.contains(text), "{error}");
    }
}
