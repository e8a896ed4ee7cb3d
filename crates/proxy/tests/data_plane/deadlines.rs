//! Every state of a connection ends by itself (I10), and a worker that drains loses nothing.

use std::time::Duration;

use pointsman_proxy::Phase;
use pointsman_testkit::{Upstream, Wire};

use crate::support::{OK, Proxy, load_balancer, pass, run, settle, to_servers, to_service, until};

const TIMEOUTS: &str = "entryPoints: { web: { address: ':0', transport: { respondingTimeouts: { readTimeout: 10s, idleTimeout: 30s }, lifeCycle: { graceTimeOut: 5s } } } }";

/// Everything that is left to read; a reset counts as the end.
async fn end(mut client: Wire) -> Vec<u8> {
    client.read_to_end().await.unwrap_or_default()
}

#[test]
fn a_connection_that_says_nothing_is_closed() {
    run(async || {
        let upstream = Upstream::answering(OK).await.unwrap();
        let proxy = Proxy::with(TIMEOUTS, &to_servers(&[upstream.address()]));
        let client = proxy.client().await;
        until(|| proxy.control.connections() == 1).await;
        pass(Duration::from_secs(9)).await;
        assert_eq!(proxy.control.connections(), 1);
        pass(Duration::from_secs(2)).await;
        assert!(end(client).await.is_empty());
        assert_eq!(proxy.control.connections(), 0);
    });
}

#[test]
fn a_head_that_comes_byte_by_byte_is_given_up() {
    run(async || {
        let upstream = Upstream::answering(OK).await.unwrap();
        let proxy = Proxy::with(TIMEOUTS, &to_servers(&[upstream.address()]));
        let mut client = proxy.client().await;
        client.send("GET / HTTP/1.1\r\n").await.unwrap();
        for _ in 0..10 {
            let _ = client.send("X").await;
            pass(Duration::from_millis(1_100)).await;
        }
        assert!(end(client).await.is_empty());
        until(|| proxy.control.connections() == 0).await;
        assert_eq!(upstream.waiting_requests().await, 0);
    });
}

#[test]
fn a_body_that_stalls_is_408_and_frees_the_server() {
    run(async || {
        let upstream = Upstream::listen().await.unwrap();
        let proxy = Proxy::with(TIMEOUTS, &to_servers(&[upstream.address()]));
        let mut client = proxy.client().await;
        client
            .send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc")
            .await
            .unwrap();
        let mut server = upstream.accept().await.unwrap();
        server.read_head().await.unwrap();
        pass(Duration::from_secs(11)).await;
        let answer = client.read_response("POST").await.unwrap();
        assert_eq!(answer.head.status(), Some(408));
        assert_eq!(server.read_to_end().await.unwrap(), b"abc");
    });
}

#[test]
fn an_idle_connection_is_closed_after_its_timeout_and_not_before() {
    run(async || {
        let upstream = Upstream::answering(OK).await.unwrap();
        let proxy = Proxy::with(TIMEOUTS, &to_servers(&[upstream.address()]));
        let mut client = proxy.client().await;
        for wait in [0, 25, 25] {
            pass(Duration::from_secs(wait)).await;
            client
                .send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                .await
                .unwrap();
            assert_eq!(client.read_response("GET").await.unwrap().body, b"ok");
        }
        pass(Duration::from_secs(2)).await;
        pass(Duration::from_secs(30)).await;
        assert!(client.read_to_end().await.unwrap().is_empty());
    });
}

#[test]
fn a_client_that_reads_nothing_is_given_up() {
    run(async || {
        // Larger than what the sockets take, in one piece, in chunks, and as a body that may go through the kernel.
        let body = "x".repeat(16 << 20);
        for answer in [
            format!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
                body.len()
            ),
            format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ),
        ] {
            let upstream = Upstream::answering(answer).await.unwrap();
            let proxy = Proxy::with(TIMEOUTS, &to_servers(&[upstream.address()]));
            let mut client = proxy.client().await;
            client
                .send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                .await
                .unwrap();
            client.read_head().await.unwrap();
            for _ in 0..50 {
                settle().await;
            }
            pass(Duration::from_secs(100)).await;
            assert_eq!(proxy.control.connections(), 1);
            for _ in 0..4 {
                pass(Duration::from_secs(100)).await;
            }
            assert_eq!(proxy.control.connections(), 0);
        }
    });
}

#[test]
fn a_server_that_accepts_no_connection_in_time_is_504() {
    run(async || {
        // 192.0.2.0/24 is nobody's (RFC 5737); where the machine knows that at once there is nothing to wait for.
        let dead = "192.0.2.1:9".parse().unwrap();
        let transport = "serversTransports: { slow: { forwardingTimeouts: { dialTimeout: 3s } } }";
        let dynamic = to_service("", &load_balancer(&[dead], ", serversTransport: slow")).replacen(
            "http: {",
            &format!("http: {{ {transport}, "),
            1,
        );
        let proxy = Proxy::with("", &dynamic);
        let mut client = proxy.client().await;
        client
            .send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .unwrap();
        settle().await;
        pass(Duration::from_secs(4)).await;
        let answer = client.read_response("GET").await.unwrap();
        assert!(
            matches!(answer.head.status(), Some(504 | 502)),
            "{:?}",
            answer.head.start
        );
    });
}

#[test]
fn a_drain_closes_idle_connections_finishes_requests_and_ends() {
    run(async || {
        let upstream = Upstream::listen().await.unwrap();
        let proxy = Proxy::with(TIMEOUTS, &to_servers(&[upstream.address()]));
        let mut idle = proxy.client().await;
        idle.send("GET /idle HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .unwrap();
        let mut server = upstream.accept().await.unwrap();
        server.read_request().await.unwrap();
        server.send(OK).await.unwrap();
        idle.read_response("GET").await.unwrap();
        let silent = proxy.client().await;
        let mut busy = proxy.client().await;
        busy.send("GET /busy HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .unwrap();
        server.read_request().await.unwrap();

        proxy.control.enter(Phase::Announced);
        settle().await;
        let mut late = proxy.client().await;
        late.send("GET /late HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .unwrap();
        let mut second = upstream.accept().await.unwrap();
        second.read_request().await.unwrap();

        proxy.drain();
        pass(Duration::from_millis(400)).await;
        assert!(idle.read_to_end().await.unwrap().is_empty());
        assert!(end(silent).await.is_empty());
        assert!(!proxy.worker.is_finished(), "two requests run");
        for (server, client) in [(&mut server, &mut busy), (&mut second, &mut late)] {
            server.send(OK).await.unwrap();
            let answer = client.read_response("GET").await.unwrap();
            assert_eq!(answer.body, b"ok");
            assert_eq!(answer.head.field("connection"), Some("close"));
            assert!(client.read_to_end().await.unwrap().is_empty());
        }
        let address = proxy.address("web");
        proxy.worker.await.unwrap().unwrap();
        Wire::connect(address)
            .await
            .expect_err("nobody listens any more");
    });
}

#[test]
fn a_drain_ends_with_the_grace_period_whatever_runs() {
    run(async || {
        let upstream = Upstream::listen().await.unwrap();
        let proxy = Proxy::with(TIMEOUTS, &to_servers(&[upstream.address()]));
        let mut client = proxy.client().await;
        client
            .send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .unwrap();
        let mut server = upstream.accept().await.unwrap();
        server.read_request().await.unwrap();
        proxy.drain();
        pass(Duration::from_secs(4)).await;
        assert!(!proxy.worker.is_finished());
        pass(Duration::from_secs(2)).await;
        proxy.worker.await.unwrap().unwrap();
    });
}

#[test]
fn keep_alive_limits_close_connections_after_a_response() {
    run(async || {
        let upstream = Upstream::answering(OK).await.unwrap();
        let static_ = "entryPoints: { web: { address: ':0', transport: { keepAliveMaxRequests: 3, keepAliveMaxTime: 60s } } }";
        let proxy = Proxy::with(static_, &to_servers(&[upstream.address()]));
        let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let mut client = proxy.client().await;
        for close in [None, None, Some("close")] {
            client.send(get).await.unwrap();
            let answer = client.read_response("GET").await.unwrap();
            assert_eq!(answer.head.field("connection"), close);
        }
        assert!(client.read_to_end().await.unwrap().is_empty());
        let mut client = proxy.client().await;
        client.send(get).await.unwrap();
        assert_eq!(
            client
                .read_response("GET")
                .await
                .unwrap()
                .head
                .field("connection"),
            None
        );
        pass(Duration::from_secs(61)).await;
        client.send(get).await.unwrap();
        assert_eq!(
            client
                .read_response("GET")
                .await
                .unwrap()
                .head
                .field("connection"),
            Some("close")
        );
    });
}
