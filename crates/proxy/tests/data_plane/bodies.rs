//! Bodies both ways: early answers, interim responses, framing of what has no body, trailers, lengths that lie.

use pointsman_testkit::{Framing, Gate, Step, Upstream};

use crate::support::{OK, Proxy, load_balancer, pass, run, settle, to_service, until};

#[test]
fn an_early_answer_closes_the_connection_and_the_unread_body_is_no_request() {
    run(async || {
        let big = "x".repeat(100_000);
        let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
        // The server answers after the head, and never reads the body.
        let upstream = Upstream::scripted(vec![
            vec![
                Step::RequestHead,
                Step::send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"),
                Step::Wait(Gate::new()),
            ],
            vec![Step::Request, Step::send(OK), Step::Repeat],
        ])
        .await
        .unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        let mut client = proxy.client().await;
        client
            .send(format!(
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\nabc",
                3 + big.len() + smuggled.len()
            ))
            .await
            .unwrap();
        let answer = client.read_response("POST").await.unwrap();
        assert_eq!(
            (answer.head.status(), &answer.body[..]),
            (Some(403), &b"no"[..])
        );
        assert_eq!(answer.head.field("connection"), Some("close"));
        let _ = client.send(big + smuggled).await;
        assert!(client.read_to_end().await.is_ok_and(|rest| rest.is_empty()));
        upstream.request().await.unwrap();
        assert_eq!(proxy.get("a", "/canary").await.body, b"ok");
        assert_eq!(
            upstream.request().await.unwrap().head.start,
            "GET /canary HTTP/1.1"
        );
    });
}

#[test]
fn an_answer_of_a_middleware_leaves_no_body_behind() {
    run(async || {
        let upstream = Upstream::answering(OK).await.unwrap();
        let service = load_balancer(&[upstream.address()], "");
        let proxy = Proxy::with(
            "",
            &to_service(
                "deny: { ipAllowList: { sourceRange: [ 192.0.2.1 ] } }",
                &service,
            ),
        );
        for body in ["", "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n", "x"] {
            let mut client = proxy.client().await;
            // One byte more is promised than comes.
            client
                .send(format!(
                    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len() + 1
                ))
                .await
                .unwrap();
            let answer = client.read_response("POST").await.unwrap();
            assert_eq!(answer.head.status(), Some(403));
            let _ = client
                .send("\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
                .await;
            assert!(
                client.read_to_end().await.is_ok_and(|rest| rest.is_empty()),
                "{body:?}"
            );
        }
        assert_eq!(upstream.waiting_requests().await, 0);
    });
}

#[test]
fn an_answer_that_begins_while_the_body_is_sent_is_streamed_both_ways() {
    run(async || {
        let upstream = Upstream::listen().await.unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        let mut client = proxy.client().await;
        client
            .send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
            .await
            .unwrap();
        let mut server = upstream.accept().await.unwrap();
        server.read_head().await.unwrap();
        assert_eq!(
            server.read_until(b"one\r\n").await.unwrap(),
            b"3\r\none\r\n"
        );
        server
            .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nuno\r\n")
            .await
            .unwrap();
        client.read_head().await.unwrap();
        assert_eq!(
            client.read_until(b"uno\r\n").await.unwrap(),
            b"3\r\nuno\r\n"
        );
        client.send("3\r\ntwo\r\n0\r\n\r\n").await.unwrap();
        assert_eq!(
            server.read_until(b"0\r\n\r\n").await.unwrap(),
            b"3\r\ntwo\r\n0\r\n\r\n"
        );
        server.send("3\r\ndue\r\n0\r\n\r\n").await.unwrap();
        assert_eq!(
            client.read_until(b"0\r\n\r\n").await.unwrap(),
            b"3\r\ndue\r\n0\r\n\r\n"
        );
    });
}

#[test]
fn early_hints_and_continue_are_passed_on_in_order() {
    run(async || {
        let upstream = Upstream::listen().await.unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        let mut client = proxy.client().await;
        client
            .send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
            .await
            .unwrap();
        let mut server = upstream.accept().await.unwrap();
        let head = server.read_head().await.unwrap();
        assert_eq!(
            head.field("expect"),
            Some("100-continue"),
            "the server is asked"
        );
        server
            .send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
            .await
            .unwrap();
        let hints = client.read_response("POST").await.unwrap();
        assert_eq!(
            (hints.head.status(), hints.head.field("link")),
            (Some(103), Some("</a>"))
        );
        server.send("HTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
        assert_eq!(
            client.read_response("POST").await.unwrap().head.status(),
            Some(100)
        );
        client.send("abc").await.unwrap();
        assert_eq!(server.read_exact(3).await.unwrap(), b"abc");
        server.send(OK).await.unwrap();
        let answer = client.read_response("POST").await.unwrap();
        assert_eq!(answer.head.status(), Some(200));
        assert_eq!(
            answer.head.field("connection"),
            None,
            "the connection stays"
        );
    });
}

#[test]
fn continue_is_said_after_a_second_if_the_server_says_nothing() {
    run(async || {
        let upstream = Upstream::listen().await.unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        let mut client = proxy.client().await;
        client
            .send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
            .await
            .unwrap();
        let mut server = upstream.accept().await.unwrap();
        server.read_head().await.unwrap();
        pass(std::time::Duration::from_millis(1001)).await;
        assert_eq!(
            client.read_response("POST").await.unwrap().head.status(),
            Some(100)
        );
        client.send("abc").await.unwrap();
        assert_eq!(server.read_exact(3).await.unwrap(), b"abc");
        server.send(OK).await.unwrap();
        assert_eq!(
            client.read_response("POST").await.unwrap().head.status(),
            Some(200)
        );
    });
}

#[test]
fn a_final_answer_instead_of_continue_closes_and_no_continue_gets_into_it() {
    run(async || {
        for body in ["2\r\nno\r\n0\r\n\r\n", ""] {
            let upstream = Upstream::listen().await.unwrap();
            let proxy = Proxy::before(&[upstream.address()]);
            let mut client = proxy.client().await;
            client
                .send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
                .await
                .unwrap();
            let mut server = upstream.accept().await.unwrap();
            server.read_head().await.unwrap();
            server
                .send("HTTP/1.1 413 Too Large\r\nTransfer-Encoding: chunked\r\n\r\n")
                .await
                .unwrap();
            settle().await;
            server
                .send(if body.is_empty() {
                    "2\r\nno\r\n0\r\n\r\n"
                } else {
                    body
                })
                .await
                .unwrap();
            let answer = client.read_response("POST").await.unwrap();
            assert_eq!(
                (answer.head.status(), &answer.body[..]),
                (Some(413), &b"no"[..])
            );
            assert_eq!(answer.head.field("connection"), Some("close"));
            assert!(client.read_to_end().await.unwrap().is_empty());
            assert!(
                server.read_to_end().await.unwrap().is_empty(),
                "nothing of a body was sent"
            );
        }
    });
}

#[test]
fn a_flood_of_interim_responses_is_a_bad_gateway() {
    run(async || {
        let flood = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1000) + OK;
        let upstream = Upstream::answering(flood).await.unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        let mut client = proxy.client().await;
        client
            .send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .unwrap();
        let mut hints = 0;
        let last = loop {
            let answer = client.read_response("GET").await.unwrap();
            match answer.head.status() {
                Some(103) => hints += 1,
                _ => break answer,
            }
        };
        assert_eq!(last.head.status(), Some(502));
        assert!(hints <= 64, "{hints}");
    });
}

#[test]
fn what_has_no_body_gets_none() {
    run(async || {
        for (method, answer, status, length) in [
            (
                "HEAD",
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
                200,
                Some("5"),
            ),
            (
                "HEAD",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                200,
                None,
            ),
            ("HEAD", "HTTP/1.1 200 OK\r\n\r\n", 200, None),
            ("GET", "HTTP/1.1 204 No Content\r\n\r\n", 204, None),
            (
                "GET",
                "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: x\r\n\r\n",
                304,
                Some("5"),
            ),
            (
                "GET",
                "HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n",
                304,
                None,
            ),
            (
                "GET",
                "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                200,
                Some("0"),
            ),
            (
                "POST",
                "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
                201,
                Some("0"),
            ),
        ] {
            let upstream = Upstream::answering(answer).await.unwrap();
            let proxy = Proxy::before(&[upstream.address()]);
            let mut client = proxy.client().await;
            for _ in 0..2 {
                client
                    .send(format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n"))
                    .await
                    .unwrap();
                let got = client.read_response(method).await.unwrap();
                assert_eq!(got.head.status(), Some(status), "{method} {answer:?}");
                assert_eq!(
                    got.head.field("content-length"),
                    length,
                    "{method} {answer:?}"
                );
                assert_eq!(
                    got.head.field("transfer-encoding"),
                    None,
                    "{method} {answer:?}"
                );
                assert!(got.body.is_empty());
            }
        }
    });
}

#[test]
fn a_204_that_promises_a_body_is_passed_without_and_its_connection_not_used_again() {
    run(async || {
        let upstream = Upstream::scripted(vec![
            vec![
                Step::Request,
                Step::send("HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nevil"),
                Step::Request,
            ],
            vec![Step::Request, Step::send(OK)],
        ])
        .await
        .unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        let mut client = proxy.client().await;
        for status in [204, 200] {
            client
                .send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                .await
                .unwrap();
            let got = client.read_response("GET").await.unwrap();
            assert_eq!(got.head.status(), Some(status));
        }
    });
}

#[test]
fn a_refused_head_request_gets_no_body() {
    run(async || {
        let upstream = Upstream::answering(OK).await.unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        let mut client = proxy.client().await;
        client
            .send("HEAD / HTTP/1.1\r\nHost: a,b\r\n\r\n")
            .await
            .unwrap();
        let got = client.read_response("HEAD").await.unwrap();
        assert_eq!(got.head.status(), Some(400));
        assert!(client.read_to_end().await.unwrap().is_empty());
    });
}

#[test]
fn trailers_pass_both_ways_but_for_those_that_may_not() {
    run(async || {
        let upstream = Upstream::answering(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\nContent-Length: 9\r\nSet-Cookie: a=b\r\n\r\n",
        )
        .await
        .unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        let answer = proxy
            .ask(
                "POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Up: 1\r\nHost: evil\r\nX_Forwarded_For: evil\r\nTransfer-Encoding: chunked\r\nAuthorization: evil\r\n\r\n",
            )
            .await;
        let lower = |trailers: &[(String, String)]| -> Vec<String> {
            trailers
                .iter()
                .map(|(name, _)| name.to_lowercase())
                .collect()
        };
        assert!(lower(&answer.trailers).contains(&"x-sum".to_owned()));
        assert!(!lower(&answer.trailers).contains(&"content-length".to_owned()));
        assert!(answer.head.field("x-sum").is_none(), "never merged");
        let seen = upstream.request().await.unwrap();
        assert_eq!(lower(&seen.trailers), ["x-up"]);
        assert_eq!(seen.head.field("te"), Some("trailers"));
    });
}

#[test]
fn te_named_by_connection_still_says_trailers() {
    run(async || {
        let upstream = Upstream::answering(OK).await.unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        proxy
            .ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: TE\r\nTE: trailers, deflate;q=0.5\r\n\r\n")
            .await;
        let seen = upstream.request().await.unwrap();
        assert_eq!(seen.head.all("te"), ["trailers"]);
    });
}

#[test]
fn a_request_cut_short_is_never_a_whole_one() {
    run(async || {
        for (fields, part) in [
            ("Content-Length: 10", "12345"),
            ("Transfer-Encoding: chunked", "5\r\n12345\r\n"),
        ] {
            let upstream = Upstream::listen().await.unwrap();
            let proxy = Proxy::before(&[upstream.address()]);
            let mut client = proxy.client().await;
            client
                .send(format!(
                    "POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n{part}"
                ))
                .await
                .unwrap();
            let mut server = upstream.accept().await.unwrap();
            let head = server.read_head().await.unwrap();
            assert!(head.raw.len() > 10);
            assert_eq!(
                server.read_exact(part.len()).await.unwrap(),
                part.as_bytes()
            );
            drop(client);
            let rest = server.read_to_end().await.unwrap_or_default();
            assert!(rest.is_empty(), "{fields}: {rest:?}");
        }
    });
}

#[test]
fn a_response_cut_short_closes_the_clients_connection_too() {
    run(async || {
        for answer in [
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\nzz\r\n",
        ] {
            let upstream = Upstream::scripted(vec![vec![Step::Request, Step::send(answer)]])
                .await
                .unwrap();
            let proxy = Proxy::before(&[upstream.address()]);
            let mut client = proxy.client().await;
            client
                .send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                .await
                .unwrap();
            client.read_response("GET").await.expect_err(answer);
        }
    });
}

#[test]
fn large_bodies_pass_whole_whatever_their_framing() {
    run(async || {
        let body: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
        let mut answer =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
        answer.extend_from_slice(&body);
        let mut chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        for part in body.chunks(77_777) {
            chunked.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
            chunked.extend_from_slice(part);
            chunked.extend_from_slice(b"\r\n");
        }
        chunked.extend_from_slice(b"0\r\n\r\n");
        for answer in [answer, chunked] {
            let upstream = Upstream::answering(&answer).await.unwrap();
            let proxy = Proxy::before(&[upstream.address()]);
            let mut client = proxy.client().await;
            let mut request = format!(
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n",
                body.len()
            )
            .into_bytes();
            request.extend_from_slice(&body);
            for _ in 0..2 {
                client.send(&request).await.unwrap();
                assert!(client.read_response("POST").await.unwrap().body == body);
                assert!(upstream.request().await.unwrap().body == body);
            }
        }
    });
}

#[test]
fn a_client_that_leaves_a_silent_answer_frees_the_server() {
    run(async || {
        let upstream = Upstream::listen().await.unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        let mut client = proxy.client().await;
        client
            .send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .unwrap();
        let mut server = upstream.accept().await.unwrap();
        server.read_request().await.unwrap();
        server
            .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n: \r\n")
            .await
            .unwrap();
        client.read_head().await.unwrap();
        drop(client);
        settle().await;
        pass(std::time::Duration::from_secs(3)).await;
        assert!(server.read_to_end().await.unwrap_or_default().is_empty());
        until(|| proxy.control.connections() == 0).await;
    });
}

#[test]
fn a_client_that_leaves_before_the_answer_is_499_in_the_metrics() {
    run(async || {
        let upstream = Upstream::listen().await.unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        let mut client = proxy.client().await;
        client
            .send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .unwrap();
        let mut server = upstream.accept().await.unwrap();
        server.read_request().await.unwrap();
        client.reset().unwrap();
        assert!(server.read_to_end().await.unwrap_or_default().is_empty());
        until(|| proxy.control.connections() == 0).await;
        let counted = proxy.metric("traefik_service_requests_total", &["code=\"499\""]);
        assert_eq!(counted, 1.0);
    });
}

#[test]
fn a_half_closed_client_still_gets_its_answer() {
    run(async || {
        let upstream = Upstream::listen().await.unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        let mut client = proxy.client().await;
        client
            .send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .unwrap();
        client.finish_sending().await.unwrap();
        let mut server = upstream.accept().await.unwrap();
        server.read_request().await.unwrap();
        settle().await;
        server.send(OK).await.unwrap();
        assert_eq!(
            client.read_response("GET").await.unwrap().framing,
            Framing::Length(2)
        );
        assert!(client.read_to_end().await.unwrap().is_empty());
    });
}

#[test]
fn a_long_body_moves_in_the_kernel_and_leaves_both_connections_clean() {
    run(async || {
        let body: Vec<u8> = (0..2_000_000_u32).map(|n| (n % 253) as u8).collect();
        let mut answer =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
        answer.extend_from_slice(&body);
        // One connection for both requests: the second proves that the first left not a byte behind.
        let upstream = Upstream::scripted(vec![vec![
            Step::Request,
            Step::send(answer),
            Step::Request,
            Step::send(OK),
            Step::Wait(Gate::new()),
        ]])
        .await
        .unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        let mut client = proxy.client().await;
        client
            .send("GET /long HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .unwrap();
        let long = client.read_response("GET").await.unwrap();
        assert!(long.body == body, "{} bytes came", long.body.len());
        client
            .send("GET /short HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .unwrap();
        assert_eq!(client.read_response("GET").await.unwrap().body, b"ok");
    });
}

#[test]
fn a_long_body_that_ends_early_ends_the_connection() {
    run(async || {
        let upstream = Upstream::scripted(vec![vec![
            Step::Request,
            Step::send(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n{}",
                "x".repeat(200_000)
            )),
        ]])
        .await
        .unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        let mut client = proxy.client().await;
        client
            .send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .unwrap();
        assert!(client.read_response("GET").await.is_err());
    });
}
