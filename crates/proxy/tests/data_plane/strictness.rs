//! What two parsers could read differently is refused (security tables 2.A and 2.B): the server sees nothing of it, and
//! the next request on another connection is untouched.

use pointsman_testkit::{Step, Upstream, Wire};

use crate::support::{OK, Proxy, run};

/// Sends `bytes` on a connection of their own; returns the status of the first answer, and whether a second one came.
async fn first_status(proxy: &Proxy, bytes: &[u8]) -> (u16, bool) {
    let mut client = proxy.client().await;
    client.send(bytes).await.unwrap();
    let answer = client.read_response("GET").await.unwrap();
    let status = answer.head.status().unwrap();
    let rest = client.read_to_end().await.unwrap();
    (status, !rest.is_empty())
}

/// The server has seen nothing, and sees the canary exactly.
async fn canary(proxy: &Proxy, upstream: &Upstream, case: &str) {
    let answer = proxy.get("canary.example", "/canary").await;
    assert_eq!(answer.body, b"ok", "{case}");
    let seen = upstream.request().await.unwrap();
    assert_eq!(seen.head.start, "GET /canary HTTP/1.1", "{case}");
    assert_eq!(upstream.waiting_requests().await, 0, "{case}");
}

/// Each of `requests` is answered with `status`, its connection closes, and nothing of it reaches the server.
fn refused(status: u16, requests: &'static [&'static str]) {
    refused_as(vec![status], requests);
}

/// As [`refused`], where several statuses say the same.
fn refused_as(statuses: Vec<u16>, requests: &'static [&'static str]) {
    run(async move || {
        let upstream = Upstream::answering(OK).await.unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        for case in requests {
            let bytes = format!("{case}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
            let (got, more) = first_status(&proxy, bytes.as_bytes()).await;
            assert!(statuses.contains(&got), "{got} for {case:?}");
            assert!(!more, "a second answer to {case:?}");
            canary(&proxy, &upstream, case).await;
        }
    });
}

/// Each of `requests` reaches the server with a start line and body as told, and the request behind it too.
fn accepted(requests: &'static [(&'static str, &'static str, &'static str)]) {
    run(async move || {
        let upstream = Upstream::answering(OK).await.unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        for (case, start, body) in requests {
            let mut client = proxy.client().await;
            client
                .send(format!("{case}GET /next HTTP/1.1\r\nHost: a\r\n\r\n"))
                .await
                .unwrap();
            for _ in 0..2 {
                let answer = client.read_response("GET").await.unwrap();
                assert_eq!(answer.head.status(), Some(200), "{case:?}");
            }
            let seen = upstream.request().await.unwrap();
            assert_eq!(seen.head.start, *start, "{case:?}");
            assert_eq!(seen.body, body.as_bytes(), "{case:?}");
            let next = upstream.request().await.unwrap();
            assert_eq!(next.head.start, "GET /next HTTP/1.1", "{case:?}");
        }
    });
}

#[test]
fn content_length_that_is_no_plain_number_is_refused() {
    refused(
        400,
        &[
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\nx",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1_0\r\n\r\nx",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\nx",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1 1\r\n\r\nx",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1,1\r\n\r\nx",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 01\r\n\r\nx",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1.0\r\n\r\nx",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\nx",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        ],
    );
}

#[test]
fn length_beside_coding_is_refused_in_either_order_and_version() {
    refused(
        400,
        &[
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ],
    );
}

#[test]
fn codings_other_than_exactly_chunked_are_refused() {
    refused(
        501,
        &[
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \u{a0}chunked\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n0\r\n\r\n",
        ],
    );
}

#[test]
fn heads_that_lines_or_names_spoil_are_refused() {
    refused(
        400,
        &[
            "GET / HTTP/1.1\nHost: a\n\n",
            "GET / HTTP/1.1\r\nHost: a\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: b\rc\r\n\r\n",
            "GET / HTTP/1.1\rHost: a\r\n\r\n",
            "\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\tc\r\n\r\n",
            "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length : 3\r\n\r\nabc",
            "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: b\u{1}\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: b\u{7f}\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX(y): b\r\n\r\n",
        ],
    );
}

#[test]
fn start_lines_that_are_none_are_refused() {
    refused_as(
        vec![400, 505],
        &[
            "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /  HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
            " GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "G@T / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /?a#b HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /\u{1} HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /\u{7f} HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET a HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n",
            "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET ?a HTTP/1.1\r\nHost: a\r\n\r\n",
        ],
    );
}

#[test]
fn versions_other_than_1_0_and_1_1_are_refused() {
    refused_as(
        vec![400, 505],
        &[
            "GET / HTTP/1.2\r\nHost: a\r\n\r\n",
            "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
            "GET / HTTP/0.9\r\nHost: a\r\n\r\n",
            "GET / http/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1a\r\nHost: a\r\n\r\n",
            "GET / HTTP/11\r\nHost: a\r\n\r\n",
        ],
    );
}

#[test]
fn hosts_that_are_several_missing_or_malformed_are_refused() {
    refused(
        400,
        &[
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a%41\r\n\r\n",
            "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n",
            "GET http://a/ HTTP/1.1\r\nHost: a:81\r\n\r\n",
            "GET http://a,b/ HTTP/1.1\r\nHost: a,b\r\n\r\n",
            "GET http://a/ HTTP/1.1\r\n\r\n",
        ],
    );
}

#[test]
fn unknown_expectations_are_417() {
    refused(
        417,
        &[
            "POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\nContent-Length: 1\r\n\r\nx",
            "GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
            "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue, x\r\nContent-Length: 1\r\n\r\nx",
        ],
    );
}

#[test]
fn connect_is_501_and_ends_the_connection() {
    refused(
        501,
        &[
            "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
            "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nContent-Length: 3\r\n\r\nabc",
        ],
    );
}

#[test]
fn malformed_chunks_break_the_exchange_and_never_complete_a_request() {
    run(async || {
        let upstream = Upstream::answering(OK).await.unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        for chunks in [
            "3\nabc\r\n0\r\n\r\n",
            "3\r\nabc\n0\r\n\r\n",
            "3\r\nabc\r\n0\n\r\n",
            "3\r\nabc\r\n0\r\n\n",
            "3\rabc\r\n0\r\n\r\n",
            "3 \r\nabc\r\n0\r\n\r\n",
            " 3\r\nabc\r\n0\r\n\r\n",
            "0x3\r\nabc\r\n0\r\n\r\n",
            "+3\r\nabc\r\n0\r\n\r\n",
            "-3\r\nabc\r\n0\r\n\r\n",
            "\r\nabc\r\n0\r\n\r\n",
            ";\r\nabc\r\n0\r\n\r\n",
            "3;a\nb\r\nabc\r\n0\r\n\r\n",
            "3;a\rb\r\nabc\r\n0\r\n\r\n",
            "3;a=\"b\r\nabc\r\n0\r\n\r\n",
            "4\r\nabc\r\n0\r\n\r\n",
            "2\r\nabc\r\n0\r\n\r\n",
            "10000000000000003\r\nabc\r\n0\r\n\r\n",
            "ffffffffffffffff\r\nabc\r\n1\r\nx\r\n0\r\n\r\n",
            "3\r\nabc\r\n0\r\nX : y\r\n\r\n",
            "3\r\nabc\r\n0\r\nX: y\r\n z\r\n\r\n",
            "3\r\nabc\r\n0\r\nX: y\n\r\n",
        ] {
            let mut client = proxy.client().await;
            let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
            client
                .send(format!(
                    "{head}{chunks}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
                ))
                .await
                .unwrap();
            // A size that is legal and larger than what comes ends with the client's side.
            client.finish_sending().await.unwrap();
            let answer = client.read_to_end().await.unwrap();
            let text = String::from_utf8_lossy(&answer);
            assert!(!text.contains("200 OK"), "{chunks:?}: {text}");
            assert!(text.matches("HTTP/1.1 ").count() <= 1, "{chunks:?}: {text}");
            canary(&proxy, &upstream, chunks).await;
        }
    });
}

#[test]
fn well_formed_variants_reach_the_server_in_canonical_form() {
    accepted(&[
        (
            "\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /a HTTP/1.1",
            "",
        ),
        (
            "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
            "POST /a HTTP/1.1",
            "abc",
        ),
        (
            "GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
            "GET /a HTTP/1.1",
            "abc",
        ),
        (
            "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n3;x=\"y;z\";w\r\nabc\r\n02 ;q\r\nde\r\n000\r\nX-T: 1\r\n\r\n",
            "POST /a HTTP/1.1",
            "abcde",
        ),
        (
            "GET http://a/b?c HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /b?c HTTP/1.1",
            "",
        ),
        (
            "GET http://A:80?c HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /?c HTTP/1.1",
            "",
        ),
        ("get /a HTTP/1.1\r\nHost: a\r\n\r\n", "get /a HTTP/1.1", ""),
        (
            "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            "GET /a HTTP/1.1",
            "",
        ),
        (
            "GET /a HTTP/1.1\r\nHost:a\r\nX:\t b \t\r\n\r\n",
            "GET /a HTTP/1.1",
            "",
        ),
    ]);
}

#[test]
fn options_asterisk_is_answered_by_the_router() {
    run(async || {
        let upstream = Upstream::answering(OK).await.unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        let answer = proxy.ask("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(answer.head.status(), Some(200));
        canary(&proxy, &upstream, "OPTIONS *").await;
    });
}

#[test]
fn pipelined_requests_are_answered_in_order_also_after_half_close() {
    run(async || {
        let upstream = Upstream::answering(OK).await.unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        let mut client = proxy.client().await;
        let requests: String = (0..5)
            .map(|n| format!("GET /{n} HTTP/1.1\r\nHost: a\r\n\r\n"))
            .collect();
        client.send(requests).await.unwrap();
        client.finish_sending().await.unwrap();
        for n in 0..5 {
            assert_eq!(client.read_response("GET").await.unwrap().body, b"ok");
            let seen = upstream.request().await.unwrap();
            assert_eq!(seen.head.start, format!("GET /{n} HTTP/1.1"));
        }
        assert!(client.read_to_end().await.unwrap().is_empty());
    });
}

#[test]
fn an_http_1_0_client_gets_no_chunks_and_a_close() {
    run(async || {
        let upstream = Upstream::answering(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        )
        .await
        .unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        let mut client = proxy.client().await;
        client.send("GET / HTTP/1.0\r\n\r\n").await.unwrap();
        let answer = client.read_response("GET").await.unwrap();
        assert_eq!(answer.head.start, "HTTP/1.0 200 OK");
        assert_eq!(answer.framing, pointsman_testkit::Framing::UntilClose);
        assert_eq!(answer.body, b"abc");
    });
}

#[test]
fn an_http_1_0_client_gets_no_interim_response() {
    run(async || {
        let upstream = Upstream::answering(OK).await.unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        let mut client = proxy.client().await;
        client
            .send("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nabc")
            .await
            .unwrap();
        crate::support::settle().await;
        client.send("de").await.unwrap();
        let answer = client.read_response("POST").await.unwrap();
        assert_eq!(answer.head.status(), Some(200));
        assert_eq!(upstream.request().await.unwrap().body, b"abcde");
    });
}

#[test]
fn bytes_behind_an_upgrade_wait_for_101() {
    run(async || {
        for (answer, tunnel) in [
            (
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
                true,
            ),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false),
            (
                "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n",
                false,
            ),
        ] {
            let upstream = Upstream::listen().await.unwrap();
            let proxy = Proxy::before(&[upstream.address()]);
            let mut client = proxy.client().await;
            client
                .send(
                    "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\
                     GET /second HTTP/1.1\r\nHost: a\r\n\r\n",
                )
                .await
                .unwrap();
            let mut server = upstream.accept().await.unwrap();
            let request = server.read_request().await.unwrap();
            assert_eq!(request.head.field("upgrade"), Some("websocket"));
            assert_eq!(request.head.field("connection"), Some("Upgrade"));
            crate::support::settle().await;
            server.send(answer).await.unwrap();
            let status = client.read_response("GET").await.unwrap();
            assert_eq!(
                status.head.status(),
                answer.get(9..12).unwrap().parse().ok()
            );
            if tunnel {
                // Now the bytes are the other protocol's, whatever they look like.
                let bytes = server.read_until(b"\r\n\r\n").await.unwrap();
                assert!(bytes.starts_with(b"GET /second HTTP/1.1\r\nHost: a\r\n"));
                server.send("down").await.unwrap();
                assert_eq!(client.read_exact(4).await.unwrap(), b"down");
                client.finish_sending().await.unwrap();
                assert!(server.read_to_end().await.unwrap().is_empty());
                server.send("late").await.unwrap();
                drop(server);
                assert_eq!(client.read_to_end().await.unwrap(), b"late");
            } else {
                // They are a request like any other.
                let second = server.read_request().await.unwrap();
                assert_eq!(second.head.start, "GET /second HTTP/1.1");
                assert!(second.head.field("x-forwarded-for").is_some());
            }
        }
    });
}

#[test]
fn a_server_that_switches_unasked_is_a_bad_gateway() {
    run(async || {
        for (request, answer) in [
            (
                "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
            ),
            (
                "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
                "HTTP/1.1 101 Switching Protocols\r\n\r\n",
            ),
        ] {
            let upstream = Upstream::answering(answer).await.unwrap();
            let proxy = Proxy::before(&[upstream.address()]);
            assert_eq!(proxy.ask(request).await.head.status(), Some(502));
        }
    });
}

#[test]
fn an_upgrade_to_h2c_is_never_forwarded() {
    run(async || {
        let upstream = Upstream::answering(OK).await.unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        for upgrade in [
            "Upgrade: h2c",
            "Upgrade: H2C",
            "Upgrade: websocket, h2c",
            "Upgrade: h2c, websocket",
            "Upgrade: websocket\r\nUpgrade: h2c",
            "upgrade:\th2c \t",
        ] {
            let answer = proxy
                .ask(format!(
                    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\n{upgrade}\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n"
                ))
                .await;
            assert_eq!(answer.head.status(), Some(200));
            let seen = upstream.request().await.unwrap();
            assert!(
                !String::from_utf8_lossy(&seen.head.raw)
                    .to_lowercase()
                    .contains("h2c"),
                "{upgrade}"
            );
            assert_eq!(seen.head.field("http2-settings"), None);
        }
    });
}

#[test]
fn an_upgrade_of_a_request_with_a_body_is_none() {
    run(async || {
        let upstream = Upstream::answering(OK).await.unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        let answer = proxy
            .ask("POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\nContent-Length: 3\r\n\r\nabc")
            .await;
        assert_eq!(answer.head.status(), Some(200));
        let seen = upstream.request().await.unwrap();
        assert_eq!(
            (seen.head.field("upgrade"), &seen.body[..]),
            (None, &b"abc"[..])
        );
    });
}

#[test]
fn malformed_responses_are_502_and_never_reach_the_client() {
    run(async || {
        for answer in [
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
            "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok",
            "HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 2\r\n\r\nok",
            "HTTP/1.1 200 OK\r\nX: a\0\r\nContent-Length: 2\r\n\r\nok",
            "HTTP/1.1 099 X\r\nContent-Length: 2\r\n\r\nok",
            "HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
            "220 smtp.example ESMTP\r\n\r\n",
            "<html>no http at all</html>\r\n\r\n",
            "",
        ] {
            let upstream = Upstream::scripted(vec![
                vec![Step::Request, Step::send(answer)],
                vec![Step::Request, Step::send(OK)],
            ])
            .await
            .unwrap();
            let proxy = Proxy::before(&[upstream.address()]);
            let got = proxy.get("a", "/").await;
            assert_eq!(got.head.status(), Some(502), "{answer:?}");
            assert_eq!(got.body, b"Bad Gateway", "{answer:?}");
            assert_eq!(proxy.get("a", "/").await.body, b"ok", "{answer:?}");
        }
    });
}

#[test]
fn an_answer_too_many_never_reaches_another_client() {
    run(async || {
        for first in [
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok\r\n",
        ] {
            let upstream = Upstream::scripted(vec![
                vec![Step::Request, Step::send(first), Step::Request],
                vec![Step::Request, Step::send(OK), Step::Repeat],
            ])
            .await
            .unwrap();
            let proxy = Proxy::before(&[upstream.address()]);
            let mut client = proxy.client().await;
            for _ in 0..3 {
                client
                    .send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    .await
                    .unwrap();
                assert_eq!(client.read_response("GET").await.unwrap().body, b"ok");
            }
            for _ in 0..3 {
                assert_eq!(proxy.get("b", "/").await.body, b"ok");
            }
        }
    });
}

#[test]
fn an_answer_on_an_idle_connection_never_reaches_a_client() {
    run(async || {
        let upstream = Upstream::listen().await.unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        let mut client = proxy.client().await;
        client
            .send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .unwrap();
        let mut server = upstream.accept().await.unwrap();
        server.read_request().await.unwrap();
        server.send(OK).await.unwrap();
        assert_eq!(client.read_response("GET").await.unwrap().body, b"ok");
        server
            .send("HTTP/1.1 408 Request Timeout\r\nContent-Length: 4\r\n\r\nevil")
            .await
            .unwrap();
        client
            .send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .unwrap();
        let mut second = upstream.accept().await.unwrap();
        assert_eq!(
            second.read_request().await.unwrap().head.start,
            "GET /2 HTTP/1.1"
        );
        second.send(OK).await.unwrap();
        assert_eq!(
            client.read_response("GET").await.unwrap().head.status(),
            Some(200)
        );
    });
}

#[test]
fn a_close_delimited_answer_ends_with_its_connection() {
    run(async || {
        let upstream = Upstream::scripted(vec![
            vec![
                Step::Request,
                Step::send(
                    "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
                ),
            ],
            vec![Step::Request, Step::send(OK)],
        ])
        .await
        .unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        let mut client = proxy.client().await;
        client
            .send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .unwrap();
        let answer = client.read_response("GET").await.unwrap();
        assert_eq!(answer.framing, pointsman_testkit::Framing::Chunked);
        assert!(
            answer.body.ends_with(b"evil"),
            "it is the body of this answer and no other"
        );
        client
            .send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .unwrap();
        assert_eq!(client.read_response("GET").await.unwrap().body, b"ok");
    });
}

#[test]
fn heads_larger_than_allowed_are_431() {
    run(async || {
        let upstream = Upstream::answering(OK).await.unwrap();
        let static_ = "entryPoints: { web: { address: ':0', http: { maxHeaderBytes: 2000 } } }";
        let proxy = Proxy::with(static_, &crate::support::to_servers(&[upstream.address()]));
        for request in [
            format!(
                "GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
                "x".repeat(2000)
            ),
            format!(
                "GET / HTTP/1.1\r\nHost: a\r\n{}\r\n",
                "X: y\r\n".repeat(201)
            ),
            format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(2000)),
        ] {
            let mut client: Wire = proxy.client().await;
            client.send(request).await.unwrap();
            let answer = client.read_response("GET").await.unwrap();
            assert_eq!(answer.head.status(), Some(431));
            assert!(client.read_to_end().await.unwrap().is_empty());
        }
        canary(&proxy, &upstream, "431").await;
    });
}
