//! HTTP/2 on both sides: streams both ways, cancellation, what floods come to.

use std::cell::RefCell;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{HeaderMap, Request, Response, StatusCode, Version};
use pointsman_testkit::{Gate, Step, Upstream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::support::{OK, Proxy, pass, run, settle, to_servers, to_service, until};

/// A client's connection, driven on its own.
pub(crate) struct Client {
    pub(crate) send: SendRequest<Bytes>,
    pub(crate) driven: JoinHandle<Result<(), h2::Error>>,
}

impl Client {
    pub(crate) async fn over<S>(stream: S, builder: &h2::client::Builder) -> Self
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + 'static,
    {
        let (send, connection) = builder.handshake::<_, Bytes>(stream).await.unwrap();
        let driven = tokio::task::spawn_local(connection);
        Self { send, driven }
    }

    async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self::over(stream, &h2::client::Builder::new()).await
    }

    /// Sends a request without a body.
    pub(crate) async fn get(
        &mut self,
        uri: &str,
    ) -> Result<(http::response::Parts, Bytes), h2::Error> {
        let request = Request::get(uri).version(Version::HTTP_2).body(()).unwrap();
        self.send = self.send.clone().ready().await?;
        let (response, _) = self.send.send_request(request, true)?;
        let (parts, body) = response.await?.into_parts();
        Ok((parts, collect(body).await?.0))
    }

    /// Opens a stream with a body to follow.
    async fn open(
        &mut self,
        request: Request<()>,
    ) -> (h2::client::ResponseFuture, h2::SendStream<Bytes>) {
        self.send = self.send.clone().ready().await.unwrap();
        self.send.send_request(request, false).unwrap()
    }
}

fn post(uri: &str) -> Request<()> {
    Request::post(uri)
        .version(Version::HTTP_2)
        .body(())
        .unwrap()
}

async fn collect(mut body: RecvStream) -> Result<(Bytes, Option<HeaderMap>), h2::Error> {
    let mut all = Vec::new();
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        all.extend_from_slice(&data);
    }
    Ok((all.into(), body.trailers().await?))
}

type Asked = (Request<RecvStream>, SendResponse<Bytes>);

/// A server that speaks HTTP/2 without TLS and hands its streams to the test.
struct H2Upstream {
    address: SocketAddr,
    streams: mpsc::UnboundedReceiver<Asked>,
}

impl H2Upstream {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, streams) = mpsc::unbounded_channel();
        tokio::task::spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sender = sender.clone();
                tokio::task::spawn_local(async move {
                    let mut connection = h2::server::handshake(stream).await.unwrap();
                    while let Some(Ok(asked)) = connection.accept().await {
                        if sender.send(asked).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { address, streams }
    }

    fn proxy(&self) -> Proxy {
        let service = format!(
            "{{ loadBalancer: {{ servers: [ {{ url: 'h2c://{}' }} ] }} }}",
            self.address
        );
        Proxy::with("", &to_service("", &service))
    }

    async fn asked(&mut self) -> Asked {
        self.streams.recv().await.unwrap()
    }
}

fn ok() -> Response<()> {
    Response::new(())
}

#[test]
fn a_request_goes_from_http2_to_http1_and_back() {
    run(async || {
        let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nX-Kept: 1\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n").await.unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        let mut client = Client::connect(proxy.address("web")).await;
        let mut request = post("http://Shop.Example:8080/a%20b?c=d");
        for (name, value) in [
            ("cookie", "a=1"),
            ("x-n", "v"),
            ("cookie", "b=2"),
            ("te", "trailers"),
            ("x-forwarded-for", "evil"),
        ] {
            request.headers_mut().append(name, value.parse().unwrap());
        }
        let (response, mut body) = client.open(request).await;
        body.send_data(Bytes::from_static(b"abc"), false).unwrap();
        let mut trailers = HeaderMap::new();
        for name in [
            "x-up",
            "host",
            "content-length",
            "x-forwarded-for",
            "authorization",
        ] {
            trailers.insert(http::HeaderName::from_static(name), "1".parse().unwrap());
        }
        body.send_trailers(trailers).unwrap();
        let response = response.await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        for name in ["x-hop", "connection", "keep-alive", "transfer-encoding"] {
            assert!(!response.headers().contains_key(name), "{name}");
        }
        assert!(
            response.headers().contains_key("x-kept") && response.headers().contains_key("date")
        );
        let (body, trailers) = collect(response.into_body()).await.unwrap();
        assert_eq!(&body[..], b"ok");
        assert_eq!(trailers.unwrap()["x-sum"], "7");
        let seen = upstream.request().await.unwrap();
        assert_eq!(seen.head.start, "POST /a%20b?c=d HTTP/1.1");
        assert_eq!(seen.head.all("cookie"), ["a=1; b=2"]);
        assert_eq!(seen.head.all("host"), ["Shop.Example:8080"]);
        assert_eq!(seen.head.all("x-forwarded-for"), ["127.0.0.1"]);
        assert_eq!(seen.head.field("te"), Some("trailers"));
        assert_eq!(
            (&seen.body[..], seen.trailers.len()),
            (&b"abc"[..], 1),
            "{:?}",
            seen.trailers
        );
        assert_eq!(seen.trailers[0].0, "x-up");
    });
}

#[test]
fn streams_flow_both_ways_at_once_over_h2c() {
    run(async || {
        let mut upstream = H2Upstream::start().await;
        let proxy = upstream.proxy();
        let mut client = Client::connect(proxy.address("web")).await;
        let mut request = post("http://grpc.example/pkg.Service/Call");
        request
            .headers_mut()
            .insert("content-type", "application/grpc".parse().unwrap());
        request
            .headers_mut()
            .insert("te", "trailers".parse().unwrap());
        let (response, mut up) = client.open(request).await;
        let (asked, mut answer) = upstream.asked().await;
        assert_eq!(asked.uri().path(), "/pkg.Service/Call");
        assert_eq!(asked.uri().authority().unwrap(), "grpc.example");
        assert_eq!(asked.headers()["te"], "trailers");
        let mut received = asked.into_body();
        let mut down = answer.send_response(ok(), false).unwrap();
        let mut response = response.await.unwrap().into_body();
        for n in 0..20_u8 {
            let piece = Bytes::from(vec![n; 1 + usize::from(n) * 100]);
            up.send_data(piece.clone(), false).unwrap();
            let mut got = Vec::new();
            while got.len() < piece.len() {
                let data = received.data().await.unwrap().unwrap();
                received
                    .flow_control()
                    .release_capacity(data.len())
                    .unwrap();
                got.extend_from_slice(&data);
            }
            assert_eq!(got, piece);
            down.send_data(piece.clone(), false).unwrap();
            let mut got = Vec::new();
            while got.len() < piece.len() {
                let data = response.data().await.unwrap().unwrap();
                response
                    .flow_control()
                    .release_capacity(data.len())
                    .unwrap();
                got.extend_from_slice(&data);
            }
            assert_eq!(got, piece);
        }
        up.send_data(Bytes::new(), true).unwrap();
        let rest = received.data().await;
        assert!(rest.is_none_or(|data| data.unwrap().is_empty()));
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", "0".parse().unwrap());
        down.send_trailers(trailers).unwrap();
        assert!(response.data().await.is_none());
        assert_eq!(
            response.trailers().await.unwrap().unwrap()["grpc-status"],
            "0"
        );
        settle().await;
        assert_eq!(
            proxy.metric(
                "traefik_service_requests_total",
                &["protocol=\"grpc\"", "code=\"0\""]
            ),
            1.0
        );
    });
}

#[test]
fn large_bodies_pass_whole_over_http2_on_both_sides() {
    run(async || {
        let mut upstream = H2Upstream::start().await;
        let proxy = upstream.proxy();
        let mut client = Client::connect(proxy.address("web")).await;
        let whole: Bytes = (0..3_000_000_u32)
            .map(|n| (n % 251) as u8)
            .collect::<Vec<u8>>()
            .into();
        let (response, mut up) = client.open(post("http://a/")).await;
        let sent = whole.clone();
        up.reserve_capacity(sent.len());
        up.send_data(sent, true).unwrap();
        let (asked, mut answer) = upstream.asked().await;
        let echo = collect(asked.into_body()).await.unwrap().0;
        assert!(echo == whole);
        let mut down = answer.send_response(ok(), false).unwrap();
        down.send_data(echo, true).unwrap();
        let (got, _) = collect(response.await.unwrap().into_body()).await.unwrap();
        assert!(got == whole);
    });
}

#[test]
fn many_streams_share_one_connection_to_the_server() {
    run(async || {
        let mut upstream = H2Upstream::start().await;
        let proxy = upstream.proxy();
        let mut client = Client::connect(proxy.address("web")).await;
        client.send = client.send.ready().await.unwrap();
        let mut responses = Vec::new();
        for n in 0..50 {
            let request = Request::get(format!("http://a/{n}")).body(()).unwrap();
            responses.push(client.send.send_request(request, true).unwrap().0);
        }
        let mut asked = Vec::new();
        for _ in 0..50 {
            asked.push(upstream.asked().await);
        }
        // Answered in another order.
        while let Some((request, mut answer)) = asked.pop() {
            let path = request.uri().path().to_owned();
            let mut down = answer.send_response(ok(), false).unwrap();
            down.send_data(path.into(), true).unwrap();
        }
        for (n, response) in responses.into_iter().enumerate() {
            let (body, _) = collect(response.await.unwrap().into_body()).await.unwrap();
            assert_eq!(body, format!("/{n}"));
        }
    });
}

#[test]
fn a_reset_by_the_client_cancels_the_servers_request() {
    run(async || {
        // Over HTTP/2 the stream is reset, over HTTP/1 the connection closes; before the answer and inside of it.
        let mut upstream = H2Upstream::start().await;
        let proxy = upstream.proxy();
        let mut client = Client::connect(proxy.address("web")).await;
        for answered in [false, true] {
            let (response, mut up) = client.open(post("http://a/")).await;
            let (_asked, mut answer) = upstream.asked().await;
            let mut down = None;
            if answered {
                down = Some(answer.send_response(ok(), false).unwrap());
                response.await.unwrap();
            }
            up.send_reset(Reason::CANCEL);
            let reason = match &mut down {
                Some(down) => poll_fn(|cx| down.poll_reset(cx)).await,
                None => poll_fn(|cx| answer.poll_reset(cx)).await,
            };
            assert_eq!(reason.unwrap(), Reason::CANCEL, "answered: {answered}");
        }
        let upstream = Upstream::listen().await.unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        let mut client = Client::connect(proxy.address("web")).await;
        let (_response, mut up) = client.open(post("http://a/")).await;
        let mut server = upstream.accept().await.unwrap();
        server.read_head().await.unwrap();
        up.send_reset(Reason::CANCEL);
        assert!(server.read_to_end().await.unwrap_or_default().is_empty());
    });
}

#[test]
fn a_reset_by_the_server_becomes_a_bad_gateway_or_a_reset() {
    run(async || {
        let mut upstream = H2Upstream::start().await;
        let proxy = upstream.proxy();
        let mut client = Client::connect(proxy.address("web")).await;
        let (response, _up) = client.open(post("http://a/")).await;
        let (_asked, mut answer) = upstream.asked().await;
        answer.send_reset(Reason::INTERNAL_ERROR);
        assert_eq!(response.await.unwrap().status(), StatusCode::BAD_GATEWAY);

        let (response, _up) = client.open(post("http://a/")).await;
        let (_asked, mut answer) = upstream.asked().await;
        let mut down = answer.send_response(ok(), false).unwrap();
        down.send_data(Bytes::from_static(b"part"), false).unwrap();
        let mut body = response.await.unwrap().into_body();
        assert_eq!(&body.data().await.unwrap().unwrap()[..], b"part");
        down.send_reset(Reason::INTERNAL_ERROR);
        body.data()
            .await
            .unwrap()
            .expect_err("the body is not whole");
    });
}

#[test]
fn a_refused_stream_is_sent_again_with_its_whole_body_or_not_at_all() {
    run(async || {
        let mut upstream = H2Upstream::start().await;
        let proxy = upstream.proxy();
        let mut client = Client::connect(proxy.address("web")).await;
        // The first stream makes the connection one that was used.
        let first = client.open(post("http://a/first")).await;
        let (_asked, mut answer) = upstream.asked().await;
        answer.send_response(ok(), true).unwrap();
        assert_eq!(first.0.await.unwrap().status(), StatusCode::OK);

        let request = Request::get("http://a/again").body(()).unwrap();
        client.send = client.send.clone().ready().await.unwrap();
        let (response, _) = client.send.send_request(request, true).unwrap();
        let (_asked, mut answer) = upstream.asked().await;
        answer.send_reset(Reason::REFUSED_STREAM);
        let (asked, mut answer) = upstream.asked().await;
        assert_eq!(asked.uri().path(), "/again");
        answer.send_response(ok(), true).unwrap();
        assert_eq!(response.await.unwrap().status(), StatusCode::OK);

        let (response, mut up) = client.open(post("http://a/")).await;
        up.send_data(Bytes::from_static(b"first half"), false)
            .unwrap();
        let (asked, mut answer) = upstream.asked().await;
        let mut body = asked.into_body();
        assert_eq!(&body.data().await.unwrap().unwrap()[..], b"first half");
        answer.send_reset(Reason::REFUSED_STREAM);
        assert_eq!(response.await.unwrap().status(), StatusCode::BAD_GATEWAY);
        assert!(
            upstream.streams.try_recv().is_err(),
            "half a body is never sent as a whole one"
        );
    });
}

#[test]
fn interim_responses_are_passed_on() {
    run(async || {
        let upstream = Upstream::answering(format!(
            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n{OK}"
        ))
        .await
        .unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        let mut client = Client::connect(proxy.address("web")).await;
        let request = Request::get("http://a/").body(()).unwrap();
        client.send = client.send.clone().ready().await.unwrap();
        let (mut response, _) = client.send.send_request(request, true).unwrap();
        let hints = poll_fn(|cx| response.poll_informational(cx))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(hints.status(), StatusCode::EARLY_HINTS);
        assert_eq!(hints.headers()["link"], "</a>");
        assert_eq!(response.await.unwrap().status(), StatusCode::OK);
    });
}

#[test]
fn lengths_that_lie_never_make_a_whole_request() {
    run(async || {
        for (declared, body, trailers) in [
            ("5", "abc", false),
            ("5", "abc", true),
            ("2", "abc", false),
            ("5", "", false),
            ("5", "", true),
        ] {
            let upstream = Upstream::answering(OK).await.unwrap();
            let proxy = Proxy::before(&[upstream.address()]);
            let mut client = Client::connect(proxy.address("web")).await;
            let mut request = post("http://a/");
            request
                .headers_mut()
                .insert("content-length", declared.parse().unwrap());
            let (response, mut up) = client.open(request).await;
            let case = format!("{declared} {body:?} {trailers}");
            if !body.is_empty() || !trailers {
                let _ = up.send_data(Bytes::from_static(body.as_bytes()), !trailers);
            }
            if trailers {
                let mut fields = HeaderMap::new();
                fields.insert("x-t", "1".parse().unwrap());
                let _ = up.send_trailers(fields);
            }
            match response.await {
                Ok(response) => assert!(response.status().is_client_error(), "{case}"),
                Err(error) => assert!(error.is_reset(), "{case}: {error}"),
            }
            settle().await;
            assert_eq!(upstream.waiting_requests().await, 0, "{case}");
        }
    });
}

#[test]
fn a_declared_length_that_head_has_no_body_for_is_passed() {
    run(async || {
        let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
            .await
            .unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        let mut client = Client::connect(proxy.address("web")).await;
        let request = Request::head("http://a/").body(()).unwrap();
        client.send = client.send.clone().ready().await.unwrap();
        let (response, _) = client.send.send_request(request, true).unwrap();
        let response = response.await.unwrap();
        assert_eq!(response.headers()["content-length"], "5");
        assert!(response.body().is_end_stream());
    });
}

#[test]
fn a_drain_says_goaway_and_finishes_streams() {
    run(async || {
        let mut upstream = H2Upstream::start().await;
        let proxy = upstream.proxy();
        let mut client = Client::connect(proxy.address("web")).await;
        let (response, mut up) = client.open(post("http://a/")).await;
        up.send_data(Bytes::from_static(b"x"), true).unwrap();
        let (_asked, mut answer) = upstream.asked().await;
        let idle = Client::connect(proxy.address("web")).await;
        settle().await;
        proxy.drain();
        pass(Duration::from_millis(400)).await;
        idle.driven.await.unwrap().unwrap();
        assert!(!proxy.worker.is_finished());
        answer.send_response(ok(), true).unwrap();
        assert_eq!(response.await.unwrap().status(), StatusCode::OK);
        client
            .get("http://a/late")
            .await
            .expect_err("no new stream after goaway");
        drop(up);
        client.driven.await.unwrap().unwrap();
        proxy.worker.await.unwrap().unwrap();
    });
}

#[test]
fn a_client_that_opens_no_window_is_given_up() {
    run(async || {
        let upstream = Upstream::answering(OK).await.unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        let stream = TcpStream::connect(proxy.address("web")).await.unwrap();
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(0);
        let mut client = Client::over(stream, &builder).await;
        let request = Request::get("http://a/").body(()).unwrap();
        client.send = client.send.clone().ready().await.unwrap();
        let (response, _) = client.send.send_request(request, true).unwrap();
        let mut body = response.await.unwrap().into_body();
        pass(Duration::from_secs(170)).await;
        pass(Duration::from_secs(20)).await;
        body.data().await.unwrap().expect_err("the stream is reset");
        assert_eq!(proxy.control.connections(), 1, "its connection stays");
    });
}

#[test]
fn an_idle_connection_is_closed() {
    run(async || {
        let upstream = Upstream::answering(OK).await.unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        let mut client = Client::connect(proxy.address("web")).await;
        client.get("http://a/").await.unwrap();
        pass(Duration::from_secs(170)).await;
        client.get("http://a/").await.unwrap();
        pass(Duration::from_secs(170)).await;
        assert!(!client.driven.is_finished());
        pass(Duration::from_secs(20)).await;
        client.driven.await.unwrap().unwrap();
        until(|| proxy.control.connections() == 0).await;
    });
}

#[test]
fn an_idle_client_that_takes_no_goaway_is_closed_all_the_same() {
    run(async || {
        let upstream = Upstream::answering(OK).await.unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        let mut raw = Raw::connect(&proxy).await;
        raw.send(&[]).await;
        until(|| proxy.control.connections() == 1).await;
        // It never acknowledges anything.
        pass(Duration::from_secs(181)).await;
        assert_eq!(proxy.control.connections(), 1);
        pass(Duration::from_secs(10)).await;
        until(|| proxy.control.connections() == 0).await;
    });
}

#[test]
fn malformed_paths_and_methods_reach_no_server() {
    run(async || {
        let upstream = Upstream::answering(OK).await.unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        // :method, :path, further literal fields.
        for (method, path, fields) in [
            ("GET", "*", vec![]),
            ("GET", "", vec![]),
            ("GET", "a", vec![]),
            ("GET", "/a b", vec![]),
            ("GET", "/", vec![("host", "other")]),
            ("GET", "/", vec![("connection", "close")]),
            ("GET", "/", vec![("transfer-encoding", "chunked")]),
            ("GET", "/", vec![("X-Upper", "1")]),
            ("GET", "/", vec![("x:y", "1")]),
            ("GET", "/", vec![("x-a", "b\r\nx-c: d")]),
            ("GET", "/", vec![("x-a", "b\0")]),
            ("GET", "/", vec![("te", "gzip")]),
            ("GET", "/", vec![("content-length", "1")]),
            ("GET", "/", vec![("content-length", "x")]),
            ("CONNECT", "/", vec![]),
        ] {
            let mut raw = Raw::connect(&proxy).await;
            let mut block = literal(":method", method);
            block.extend(literal(":scheme", "http"));
            block.extend(literal(":authority", "a"));
            block.extend(literal(":path", path));
            for (name, value) in &fields {
                block.extend(literal(name, value));
            }
            raw.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &block))
                .await;
            let answer = raw.outcome(1).await;
            assert!(
                !matches!(answer, Outcome::Status(200)),
                "{method} {path:?} {fields:?}: {answer:?}"
            );
            settle().await;
            assert_eq!(
                upstream.waiting_requests().await,
                0,
                "{method} {path:?} {fields:?}"
            );
        }
    });
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A literal field, not indexed, not compressed (RFC 7541 §6.2.2); both parts below 127 bytes.
fn literal(name: &str, value: &str) -> Vec<u8> {
    let mut field = vec![0, name.len() as u8];
    field.extend(name.as_bytes());
    field.push(value.len() as u8);
    field.extend(value.as_bytes());
    field
}

fn get_block() -> Vec<u8> {
    [
        literal(":method", "GET"),
        literal(":scheme", "http"),
        literal(":authority", "a"),
        literal(":path", "/"),
    ]
    .concat()
}

#[derive(Debug)]
enum Outcome {
    Status(u16),
    Reset,
    Closed,
}

/// A client that writes frames as it likes.
struct Raw {
    stream: TcpStream,
}

impl Raw {
    async fn connect(proxy: &Proxy) -> Self {
        let mut stream = TcpStream::connect(proxy.address("web")).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream
            .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            .await
            .unwrap();
        stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
        Self { stream }
    }

    /// Sends; a connection that the other side has closed takes nothing.
    async fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    async fn frame(&mut self) -> Option<(u8, u32, Vec<u8>)> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        self.stream.read_exact(&mut payload).await.ok()?;
        Some((
            head[3],
            u32::from_be_bytes([head[5], head[6], head[7], head[8]]),
            payload,
        ))
    }

    /// What becomes of a stream. A status is read only where the router's encoder writes it as an index or a literal.
    async fn outcome(&mut self, stream: u32) -> Outcome {
        while let Some((kind, id, payload)) = self.frame().await {
            match kind {
                HEADERS if id == stream => {
                    // Index 8 is `:status 200` (RFC 7541, appendix A).
                    return Outcome::Status(if payload.first() == Some(&0x88) {
                        200
                    } else {
                        400
                    });
                }
                RST_STREAM if id == stream => return Outcome::Reset,
                GOAWAY => return Outcome::Closed,
                _ => {}
            }
        }
        Outcome::Closed
    }

    /// Reads until the connection ends; true if that was announced.
    async fn ends(&mut self) -> bool {
        let mut announced = false;
        while let Some((kind, ..)) = self.frame().await {
            announced |= kind == GOAWAY;
        }
        announced
    }
}

/// Sends `next` over and over, until the router ends the connection; fails if it takes more than `most` bytes.
async fn flood(
    proxy: &Proxy,
    first: Vec<u8>,
    most: usize,
    mut next: impl FnMut(u32) -> Vec<u8> + 'static,
) {
    let raw = Raw::connect(proxy).await;
    let (mut reader, mut writer) = raw.stream.into_split();
    let sent = Rc::new(RefCell::new(0));
    let counted = sent.clone();
    let writing = tokio::task::spawn_local(async move {
        if writer.write_all(&first).await.is_err() {
            return;
        }
        for n in 0.. {
            let bytes = next(n);
            *counted.borrow_mut() += bytes.len();
            if *counted.borrow() > most || writer.write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
    let mut rest = Vec::new();
    let _ = reader.read_to_end(&mut rest).await;
    writing.abort();
    assert!(*sent.borrow() <= most, "the flood was taken whole");
    until(|| proxy.control.connections() == 0).await;
}

#[test]
fn floods_end_their_connection() {
    run(async || {
        let gate = Gate::new();
        let upstream =
            Upstream::scripted(vec![vec![Step::RequestHead, Step::Wait(gate.clone())]; 1])
                .await
                .unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        // Header blocks without an end.
        let block: Vec<u8> = (0..150)
            .flat_map(|n| literal(&format!("x-{n}"), &"v".repeat(100)))
            .collect();
        let open = frame(HEADERS, END_STREAM, 1, &get_block());
        flood(&proxy, open.clone(), 2 << 20, move |_| {
            frame(CONTINUATION, 0, 1, &block)
        })
        .await;
        flood(&proxy, open, 2 << 20, |_| frame(CONTINUATION, 0, 1, &[])).await;
        // Streams that are reset at once.
        flood(&proxy, Vec::new(), 4 << 20, |n| {
            let mut both = Vec::new();
            for m in 0..100 {
                let id = 1 + 2 * (n * 100 + m);
                both.extend(frame(HEADERS, END_HEADERS | END_STREAM, id, &get_block()));
                both.extend(frame(RST_STREAM, 0, id, &8_u32.to_be_bytes()));
            }
            both
        })
        .await;
        // Streams that the router has to reset.
        flood(&proxy, Vec::new(), 4 << 20, |n| {
            let mut block = get_block();
            block.extend(literal("content-length", "1"));
            frame(HEADERS, END_HEADERS | END_STREAM, 1 + 2 * n, &block)
        })
        .await;
        // Data without data.
        let block: Vec<u8> = [
            literal(":method", "POST"),
            literal(":scheme", "http"),
            literal(":authority", "a"),
            literal(":path", "/"),
        ]
        .concat();
        flood(
            &proxy,
            frame(HEADERS, END_HEADERS, 1, &block),
            4 << 20,
            |_| frame(DATA, 0, 1, &[]),
        )
        .await;
        gate.open();
    });
}

#[test]
fn resets_that_come_one_by_one_end_their_connection_too() {
    run(async || {
        // A server that answers nothing; how many connections it gets does not matter.
        let gate = Gate::new();
        let upstream = Upstream::scripted(vec![
            vec![Step::RequestHead, Step::Wait(gate.clone())];
            2_000
        ])
        .await
        .unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        let mut client = Client::connect(proxy.address("web")).await;
        let mut resets = 0;
        while !client.driven.is_finished() {
            let Ok(send) = client.send.clone().ready().await else {
                break;
            };
            client.send = send;
            let request = Request::get("http://a/").body(()).unwrap();
            let Ok((response, mut stream)) = client.send.send_request(request, true) else {
                break;
            };
            settle().await;
            stream.send_reset(Reason::CANCEL);
            drop(response);
            settle().await;
            resets += 1;
            assert!(resets < 2_000, "resets without an end");
        }
        assert!(resets > 100, "{resets}: some resets are ordinary");
        gate.open();
    });
}

#[test]
fn pings_are_answered_and_a_flood_of_them_holds_nothing() {
    run(async || {
        let upstream = Upstream::answering(OK).await.unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        let mut raw = Raw::connect(&proxy).await;
        for _ in 0..1_000 {
            assert!(raw.send(&frame(PING, 0, 0, b"01234567")).await);
        }
        let mut acknowledged = 0;
        while acknowledged < 1_000 {
            if let Some((PING, ..)) = raw.frame().await {
                acknowledged += 1;
            }
        }
        drop(raw);
        until(|| proxy.control.connections() == 0).await;
    });
}

#[test]
fn a_header_bomb_costs_its_stream_and_little_memory() {
    run(async || {
        let upstream = Upstream::answering(OK).await.unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        let mut raw = Raw::connect(&proxy).await;
        // One entry of the dynamic table, then references to it: each one byte on the wire.
        let mut block = get_block();
        block.extend([0x40, 3]);
        block.extend(b"x-b");
        block.push(100);
        block.extend("v".repeat(100).bytes());
        block.resize(16_000, 0x80 | 62);
        raw.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &block))
            .await;
        let outcome = raw.outcome(1).await;
        assert!(!matches!(outcome, Outcome::Status(200)), "{outcome:?}");
        settle().await;
        assert_eq!(upstream.waiting_requests().await, 0);
        assert_eq!(proxy.get("a", "/").await.body, b"ok");
    });
}

#[test]
fn expect_continue_is_answered_when_the_body_is_wanted() {
    run(async || {
        let upstream = Upstream::listen().await.unwrap();
        let proxy = Proxy::before(&[upstream.address()]);
        let mut client = Client::connect(proxy.address("web")).await;
        let mut request = post("http://a/");
        request
            .headers_mut()
            .insert("expect", "100-continue".parse().unwrap());
        request
            .headers_mut()
            .insert("content-length", "3".parse().unwrap());
        let (mut response, mut up) = client.open(request).await;
        let mut server = upstream.accept().await.unwrap();
        assert_eq!(
            server.read_head().await.unwrap().field("expect"),
            Some("100-continue")
        );
        pass(Duration::from_millis(1_001)).await;
        let interim = poll_fn(|cx| response.poll_informational(cx))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(interim.status(), StatusCode::CONTINUE);
        up.send_data(Bytes::from_static(b"abc"), true).unwrap();
        assert_eq!(server.read_exact(3).await.unwrap(), b"abc");
        server.send(OK).await.unwrap();
        assert_eq!(response.await.unwrap().status(), StatusCode::OK);
    });
}

#[test]
fn a_server_that_falls_silent_inside_a_body_does_not_hold_the_stream_for_ever() {
    run(async || {
        let mut upstream = H2Upstream::start().await;
        let proxy = upstream.proxy();
        let mut client = Client::connect(proxy.address("web")).await;
        let (response, _up) = client.open(post("http://a/")).await;
        let (_asked, mut answer) = upstream.asked().await;
        let _down = answer.send_response(ok(), false).unwrap();
        let mut body = response.await.unwrap().into_body();
        pass(Duration::from_secs(3_601)).await;
        pass(Duration::from_secs(1)).await;
        body.data().await.unwrap().expect_err("the stream is reset");
    });
}

#[test]
fn http1_and_http2_share_a_port_whatever_the_first_byte() {
    run(async || {
        let upstream = Upstream::answering(OK).await.unwrap();
        let proxy = Proxy::with("", &to_servers(&[upstream.address()]));
        let mut client = proxy.client().await;
        for part in [
            "P",
            "OST / HTTP/1.1\r\nHost: a\r\n",
            "Content-Length: 1\r\n\r\nx",
        ] {
            client.send(part).await.unwrap();
            settle().await;
        }
        assert_eq!(client.read_response("POST").await.unwrap().body, b"ok");
        let mut stream = TcpStream::connect(proxy.address("web")).await.unwrap();
        for byte in b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" {
            stream.write_all(&[*byte]).await.unwrap();
            settle().await;
        }
        stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
        let mut raw = Raw { stream };
        raw.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &get_block()))
            .await;
        assert!(matches!(raw.outcome(1).await, Outcome::Status(200)));
        raw.send(&frame(GOAWAY, 0, 0, &[0; 8])).await;
        drop(raw.stream.shutdown().await);
        raw.ends().await;
    });
}
