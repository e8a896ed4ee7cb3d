//! Which server gets a request, what happens when it fails, and what is recorded of it.

use std::net::SocketAddr;
use std::time::Duration;

use pointsman_testkit::{Gate, Step, Upstream, Wire};

use crate::support::{OK, Proxy, load_balancer, pass, run, settle, to_servers, to_service};

fn named(name: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}",
        name.len()
    )
}

async fn three() -> (Vec<Upstream>, Vec<SocketAddr>) {
    let mut upstreams = Vec::new();
    for name in ["a", "b", "c"] {
        upstreams.push(Upstream::answering(named(name)).await.unwrap());
    }
    let addresses = upstreams.iter().map(Upstream::address).collect();
    (upstreams, addresses)
}

async fn bodies(proxy: &Proxy, count: usize) -> String {
    let mut got = String::new();
    for _ in 0..count {
        got.push_str(&String::from_utf8(proxy.get("x", "/").await.body).unwrap());
    }
    got
}

/// A port that nobody listens on.
async fn nobody() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

#[test]
fn servers_take_turns_by_weight() {
    run(async || {
        let (_upstreams, at) = three().await;
        let proxy = Proxy::before(&at);
        assert_eq!(bodies(&proxy, 6).await, "abcabc");
        let weighted = format!(
            "{{ loadBalancer: {{ servers: [ {{ url: 'http://{}', weight: 3 }}, {{ url: 'http://{}', weight: 1 }}, {{ url: 'http://{}', weight: 0 }} ] }} }}",
            at[0], at[1], at[2]
        );
        let proxy = Proxy::with("", &to_service("", &weighted));
        assert_eq!(bodies(&proxy, 8).await, "aabaaaba");
    });
}

#[test]
fn the_turn_is_kept_over_a_swap() {
    run(async || {
        let (_upstreams, at) = three().await;
        let mut proxy = Proxy::before(&at);
        assert_eq!(bodies(&proxy, 2).await, "ab");
        proxy.swap(&to_service(
            "x: { addPrefix: { prefix: /p } }",
            &load_balancer(&at, ""),
        ));
        assert_eq!(bodies(&proxy, 2).await, "ca");
    });
}

#[test]
fn a_sticky_cookie_is_set_and_honoured_also_by_a_fenced_server() {
    run(async || {
        let (_upstreams, at) = three().await;
        let service = |fence: &str| {
            format!(
                "{{ loadBalancer: {{ sticky: {{ cookie: {{ name: stick, httpOnly: true }} }}, servers: [ {{ url: 'http://{}' }}, {{ url: 'http://{}'{fence} }}, {{ url: 'http://{}' }} ] }} }}",
                at[0], at[1], at[2]
            )
        };
        let mut proxy = Proxy::with("", &to_service("", &service("")));
        assert_eq!(bodies(&proxy, 1).await, "a");
        let answer = proxy.get("x", "/").await;
        assert_eq!(answer.body, b"b");
        let cookie = answer.head.field("set-cookie").unwrap().to_owned();
        assert!(
            cookie.starts_with("stick=") && cookie.contains("; HttpOnly"),
            "{cookie}"
        );
        let pair = cookie.split(';').next().unwrap().to_owned();
        let stuck = format!("GET / HTTP/1.1\r\nHost: x\r\nCookie: other=1; {pair}\r\n\r\n");
        for _ in 0..3 {
            let answer = proxy.ask(&stuck).await;
            assert_eq!(
                (&answer.body[..], answer.head.field("set-cookie")),
                (&b"b"[..], None)
            );
        }
        proxy.swap(&to_service("", &service(", fenced: true")));
        assert_eq!(
            proxy.ask(&stuck).await.body,
            b"b",
            "a terminating server keeps its own"
        );
        assert!(
            !bodies(&proxy, 6).await.contains('b'),
            "and gets nobody new"
        );
        let gone = "GET / HTTP/1.1\r\nHost: x\r\nCookie: stick=0000000000000000\r\n\r\n";
        assert!(proxy.ask(gone).await.head.field("set-cookie").is_some());
    });
}

#[test]
fn a_kept_connection_that_breaks_is_replaced_for_get_and_not_for_post() {
    run(async || {
        for (request, status, again) in [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 200, true),
            ("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", 200, true),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
                502,
                false,
            ),
            ("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", 502, false),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nIdempotency-Key: 1\r\nContent-Length: 3\r\n\r\nabc",
                200,
                true,
            ),
        ] {
            // The second request is read on the kept connection, which then ends without an answer.
            let upstream = Upstream::scripted(vec![
                vec![Step::Request, Step::send(OK), Step::Request],
                vec![Step::Request, Step::send(OK), Step::Repeat],
            ])
            .await
            .unwrap();
            let proxy = Proxy::before(&[upstream.address()]);
            let mut client = proxy.client().await;
            client
                .send("GET /first HTTP/1.1\r\nHost: a\r\n\r\n")
                .await
                .unwrap();
            client.read_response("GET").await.unwrap();
            upstream.request().await.unwrap();
            client.send(request).await.unwrap();
            let method = request.split(' ').next().unwrap();
            let answer = client.read_response(method).await.unwrap();
            assert_eq!(answer.head.status(), Some(status), "{request}");
            let first = upstream.request().await.unwrap();
            if again {
                let second = upstream.request().await.unwrap();
                assert_eq!(
                    (second.head.start, second.body),
                    (first.head.start, first.body),
                    "{request}"
                );
            } else {
                assert_eq!(upstream.waiting_requests().await, 0, "{request}");
            }
        }
    });
}

#[test]
fn a_connection_that_closed_while_idle_is_not_used_for_a_post() {
    run(async || {
        let upstream = Upstream::scripted(vec![
            vec![Step::Request, Step::send(OK)],
            vec![Step::Request, Step::send(OK)],
        ])
        .await
        .unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        for _ in 0..2 {
            let answer = proxy
                .ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
                .await;
            assert_eq!(answer.head.status(), Some(200));
            settle().await;
            assert_eq!(upstream.request().await.unwrap().body, b"abc");
        }
    });
}

#[test]
fn a_first_connection_that_breaks_is_not_replaced() {
    run(async || {
        let upstream = Upstream::scripted(vec![
            vec![Step::Request],
            vec![Step::Request, Step::send(OK)],
        ])
        .await
        .unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        assert_eq!(proxy.get("a", "/").await.head.status(), Some(502));
    });
}

#[test]
fn retry_goes_to_the_next_server_with_the_whole_body_and_one_forwarded_for() {
    run(async || {
        let upstream = Upstream::answering(OK).await.unwrap();
        let dead = nobody().await;
        let service = load_balancer(&[dead, upstream.address()], "");
        let proxy = Proxy::with(
            "",
            &to_service("again: { retry: { attempts: 2 } }", &service),
        );
        let answer = proxy
            .ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
            .await;
        assert_eq!(answer.head.status(), Some(200));
        let seen = upstream.request().await.unwrap();
        assert_eq!(seen.body, b"abc");
        assert_eq!(seen.head.all("x-forwarded-for"), ["127.0.0.1"]);
        assert_eq!(
            proxy.metric("traefik_service_retries_total", &["all@file"]),
            1.0
        );
    });
}

#[test]
fn filters_behind_a_wrap_see_the_answer_that_an_error_becomes() {
    run(async || {
        let dead = nobody().await;
        let upstream = Upstream::answering(OK).await.unwrap();
        let chain = "again: { retry: { attempts: 2 } }\nmark: { headers: { customResponseHeaders: { X-Marked: 'yes' } } }";
        let proxy = Proxy::with("", &to_service(chain, &load_balancer(&[dead], "")));
        let answer = proxy.get("a", "/").await;
        assert_eq!(answer.head.status(), Some(502));
        assert_eq!(answer.head.all("x-marked"), ["yes"]);
        assert_eq!(answer.body, b"Bad Gateway");
        let proxy = Proxy::with(
            "",
            &to_service(chain, &load_balancer(&[dead, upstream.address()], "")),
        );
        let answer = proxy.get("a", "/").await;
        assert_eq!(
            (answer.head.status(), answer.head.all("x-marked")),
            (Some(200), vec!["yes"])
        );
    });
}

#[test]
fn failures_have_traefiks_statuses() {
    run(async || {
        let dead = nobody().await;
        let proxy = Proxy::before(&[dead]);
        let refused = proxy.get("a", "/").await;
        assert_eq!(
            (refused.head.status(), &refused.body[..]),
            (Some(502), &b"Bad Gateway"[..])
        );

        let proxy = Proxy::before(&[]);
        let empty = proxy.get("a", "/").await;
        assert_eq!(
            (empty.head.status(), &empty.body[..]),
            (Some(503), &b"no available server\n"[..])
        );

        let proxy = Proxy::with("", "http: {}");
        let nowhere = proxy.get("a", "/").await;
        assert_eq!(
            (nowhere.head.status(), &nowhere.body[..]),
            (Some(404), &b"404 page not found\n"[..])
        );
        assert_eq!(
            nowhere.head.field("x-content-type-options"),
            Some("nosniff")
        );

        let upstream = Upstream::scripted(vec![vec![Step::Request, Step::Reset]])
            .await
            .unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        assert_eq!(proxy.get("a", "/").await.head.status(), Some(502));
    });
}

#[test]
fn a_server_that_sends_no_head_in_time_is_504() {
    run(async || {
        let upstream = Upstream::listen().await.unwrap();
        let transport =
            "serversTransports: { slow: { forwardingTimeouts: { responseHeaderTimeout: 5s } } }";
        let dynamic = to_service(
            "",
            &load_balancer(&[upstream.address()], ", serversTransport: slow"),
        )
        .replacen("http: {", &format!("http: {{ {transport}, "), 1);
        let proxy = Proxy::with("", &dynamic);
        let mut client = proxy.client().await;
        client
            .send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc")
            .await
            .unwrap();
        let mut server = upstream.accept().await.unwrap();
        server.read_head().await.unwrap();
        assert_eq!(server.read_exact(3).await.unwrap(), b"abc");
        // The time of the upload is the client's.
        pass(Duration::from_secs(20)).await;
        client.send("def").await.unwrap();
        assert_eq!(server.read_exact(3).await.unwrap(), b"def");
        pass(Duration::from_secs(4)).await;
        pass(Duration::from_secs(2)).await;
        let answer = client.read_response("POST").await.unwrap();
        assert_eq!(
            (answer.head.status(), &answer.body[..]),
            (Some(504), &b"Gateway Timeout"[..])
        );
        assert!(server.read_to_end().await.unwrap().is_empty());
    });
}

#[test]
fn every_exchange_is_counted_and_logged() {
    run(async || {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        let upstream = Upstream::answering(OK).await.unwrap();
        let static_ = format!(
            "accessLog: {{ filePath: '{}', format: json }}",
            path.display()
        );
        let proxy = Proxy::with(&static_, &to_servers(&[upstream.address()]));
        let mut client = proxy.client().await;
        client
            .send("POST /a?b=c HTTP/1.1\r\nHost: shop\r\nContent-Length: 3\r\n\r\nabc")
            .await
            .unwrap();
        client.read_response("POST").await.unwrap();
        client
            .send("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n")
            .await
            .unwrap();
        assert_eq!(
            client.read_response("GET").await.unwrap().head.status(),
            Some(400)
        );
        settle().await;
        assert_eq!(
            proxy.metric(
                "traefik_service_requests_total",
                &[
                    "code=\"200\"",
                    "method=\"POST\"",
                    "protocol=\"http\"",
                    "service=\"all@file\""
                ]
            ),
            1.0
        );
        assert_eq!(
            proxy.metric(
                "traefik_router_requests_total",
                &["code=\"200\"", "router=\"all@file\""]
            ),
            1.0
        );
        assert_eq!(
            proxy.metric(
                "traefik_entrypoint_requests_total",
                &["code=\"200\"", "entrypoint=\"web\""]
            ),
            1.0
        );
        assert_eq!(
            proxy.metric("traefik_service_requests_bytes_total", &[]),
            3.0
        );
        assert_eq!(
            proxy.metric("traefik_service_responses_bytes_total", &[]),
            2.0
        );
        proxy.access_log.as_ref().unwrap().flush();
        proxy.access_log.as_ref().unwrap().shutdown();
        let log = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = log.lines().collect();
        assert_eq!(lines.len(), 2, "{log}");
        for part in [
            "\"RequestPath\":\"/a?b=c\"",
            "\"DownstreamStatus\":200",
            "\"OriginStatus\":200",
            "\"RequestMethod\":\"POST\"",
            "\"RequestHost\":\"shop\"",
            "\"RouterName\":\"all@file\"",
            "\"ServiceName\":\"all@file\"",
            "\"RequestContentSize\":3",
            "\"DownstreamContentSize\":2",
        ] {
            assert!(lines[0].contains(part), "{part} in {}", lines[0]);
        }
        assert!(
            lines[1].contains("\"DownstreamStatus\":400"),
            "{}",
            lines[1]
        );
    });
}

#[test]
fn grpc_is_counted_by_the_status_in_its_trailers() {
    run(async || {
        let upstream = Upstream::answering(
            "HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nGrpc-Status: 5\r\n\r\n",
        )
        .await
        .unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        let answer = proxy
            .ask("POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nContent-Type: application/grpc\r\nContent-Length: 1\r\n\r\nx")
            .await;
        assert_eq!(answer.trailers.len(), 1);
        settle().await;
        assert_eq!(
            proxy.metric(
                "traefik_service_requests_total",
                &["protocol=\"grpc\"", "code=\"5\""]
            ),
            1.0
        );
    });
}

#[test]
fn preserve_path_and_pass_host_header_act_on_the_servers_request_only() {
    run(async || {
        let upstream = Upstream::answering(OK).await.unwrap();
        let service = format!(
            "{{ loadBalancer: {{ passHostHeader: false, servers: [ {{ url: 'http://{}/base/', preservePath: true }} ] }} }}",
            upstream.address()
        );
        let proxy = Proxy::with("", &to_service("", &service));
        proxy.get("shop", "/a?b").await;
        let seen = upstream.request().await.unwrap();
        assert_eq!(seen.head.start, "GET /base/a?b HTTP/1.1");
        assert_eq!(
            seen.head.field("host"),
            Some(upstream.address().to_string().as_str())
        );
        assert_eq!(seen.head.field("x-forwarded-host"), Some("shop"));
    });
}

#[test]
fn tables_are_swapped_under_load_without_a_loss_or_a_wrong_server() {
    run(async || {
        let mut upstreams = Vec::new();
        for generation in 0..4 {
            upstreams.push(
                Upstream::answering(named(&format!("g{generation}")))
                    .await
                    .unwrap(),
            );
        }
        // Host h<n> always goes to server n; which hosts share the table with it changes all the time.
        let at: Vec<SocketAddr> = upstreams.iter().map(Upstream::address).collect();
        let table = |round: usize| {
            let mut routers = String::new();
            let mut services = String::new();
            for (n, address) in at.iter().enumerate() {
                routers.push_str(&format!(
                    "r{n}: {{ rule: 'Host(`h{n}`)', service: s{n} }}, "
                ));
                let options = if round % 2 == n % 2 {
                    ", passHostHeader: false"
                } else {
                    ""
                };
                services.push_str(&format!("s{n}: {}, ", load_balancer(&[*address], options)));
            }
            for extra in 0..round % 7 {
                routers.push_str(&format!("x{extra}: {{ rule: 'Host(`h{extra}`) && Path(`/other{round}`)', service: s0 }}, "));
            }
            format!("http: {{ routers: {{ {routers} }}, services: {{ {services} }} }}")
        };
        let mut proxy = Proxy::with("", &table(0));
        let stop = Gate::new();
        let stopped = std::rc::Rc::new(std::cell::Cell::new(false));
        let mut clients = tokio::task::JoinSet::new();
        for client in 0..8_usize {
            let address = proxy.address("web");
            let stopped = stopped.clone();
            clients.spawn_local(async move {
                let mut wire = Wire::connect(address).await.unwrap();
                let mut done = 0;
                while !stopped.get() {
                    let n = (client + done) % 4;
                    wire.send(format!("GET /x HTTP/1.1\r\nHost: h{n}\r\n\r\n"))
                        .await
                        .unwrap();
                    let answer = wire.read_response("GET").await.unwrap();
                    assert_eq!(answer.head.status(), Some(200));
                    assert_eq!(answer.body, format!("g{n}").as_bytes());
                    assert_eq!(
                        answer.head.field("connection"),
                        None,
                        "no connection is closed"
                    );
                    done += 1;
                }
                done
            });
        }
        for round in 1..=300 {
            proxy.swap(&table(round));
            settle().await;
        }
        stopped.set(true);
        stop.open();
        let mut total = 0;
        while let Some(done) = clients.join_next().await {
            total += done.unwrap();
        }
        assert!(total > 300, "{total} requests ran beside the swaps");
    });
}

#[test]
fn a_request_keeps_the_table_that_it_began_with() {
    run(async || {
        let upstream = Upstream::listen().await.unwrap();
        let mut proxy = Proxy::before(&[upstream.address()]);
        let mut client = proxy.client().await;
        client
            .send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .unwrap();
        let mut server = upstream.accept().await.unwrap();
        server.read_request().await.unwrap();
        proxy.swap("http: {}");
        server.send(OK).await.unwrap();
        assert_eq!(client.read_response("GET").await.unwrap().body, b"ok");
        client
            .send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .unwrap();
        assert_eq!(
            client.read_response("GET").await.unwrap().head.status(),
            Some(404)
        );
    });
}
