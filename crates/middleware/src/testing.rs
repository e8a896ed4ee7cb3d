//! What the tests of this crate share: exchanges, bodies in pieces, servers that answer as told.

use std::cell::Cell;
use std::collections::VecDeque;
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode, Version};

use pointsman_config::dynamic::Middleware;
use pointsman_config::dynamic::middleware::ClientTls;
use pointsman_config::names::QualifiedName;
use pointsman_message::{
    Body, BodyError, BodyStream, Call, ConnectionInfo, Exchange, Flow, Frame, HeadFilter,
    LocalBoxFuture, Next, ProxyError, Response, ResponseHead, Scheme, Step, TlsInfo,
};

use crate::{BuildContext, BuildError, HashPool, OpenCall, Origin, build};

pub(crate) fn header_map(fields: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        map.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    map
}

/// The values of `name`, joined by `|`; `-` when there is none.
pub(crate) fn values(headers: &HeaderMap, name: &str) -> String {
    let values: Vec<_> = headers
        .get_all(name)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .collect();
    if values.is_empty() {
        "-".to_owned()
    } else {
        values.join("|")
    }
}

pub(crate) fn connection(peer: &str, tls: bool) -> Rc<ConnectionInfo> {
    let peer: std::net::SocketAddr = peer.parse().unwrap();
    Rc::new(ConnectionInfo {
        entry_point: "web".into(),
        peer,
        local: "127.0.0.1:80".parse().unwrap(),
        peer_ip_value: HeaderValue::from_str(&peer.ip().to_string()).unwrap(),
        trusted: false,
        append_forwarded_for: true,
        tls: tls.then_some(TlsInfo {
            server_name: None,
            policy: 0,
            version: "1.3",
            cipher: "TLS_AES_128_GCM_SHA256",
            client_subject: None,
        }),
    })
}

/// A request for `url` from `192.0.2.7`.
pub(crate) fn exchange(method: &str, url: &str, headers: &[(&str, &str)]) -> Exchange {
    let (scheme, rest) = url.split_once("://").unwrap();
    let scheme = if scheme == "https" {
        Scheme::Https
    } else {
        Scheme::Http
    };
    let slash = rest.find('/').unwrap();
    let (authority, target) = rest.split_at(slash);
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let mut exchange = Exchange::new(connection("192.0.2.7:1234", scheme == Scheme::Https));
    exchange.request.reset(
        Method::from_bytes(method.as_bytes()).unwrap(),
        scheme,
        Version::HTTP_11,
    );
    let host = pointsman_wire::authority::parse(authority.as_bytes())
        .map(|authority| authority.host.into_owned())
        .unwrap_or_default();
    exchange.request.set_authority(authority, &host);
    exchange.request.set_target(path, query);
    exchange.request.headers = header_map(headers);
    exchange
}

/// Runs a request through `filter`; `None` when it goes on.
pub(crate) fn request(filter: &dyn HeadFilter, exchange: &mut Exchange) -> Option<Response> {
    match filter.on_request(exchange) {
        Flow::Continue => None,
        Flow::Respond(response) => Some(*response),
    }
}

/// Runs a response with `headers` through `filter`.
pub(crate) fn response(
    filter: &dyn HeadFilter,
    exchange: &mut Exchange,
    headers: &[(&str, &str)],
) -> ResponseHead {
    let mut head = ResponseHead::new(StatusCode::OK);
    head.headers = header_map(headers);
    filter.on_response(exchange, &mut head);
    head
}

/// The text of a body that is known.
pub(crate) fn text(body: &Body) -> String {
    match body {
        Body::Empty => String::new(),
        Body::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Body::Stream(_) => panic!("body is a stream"),
    }
}

/// A body that comes in pieces.
pub(crate) struct Pieces {
    frames: VecDeque<Result<Frame, BodyError>>,
    declared: Option<u64>,
    polled: Rc<Cell<usize>>,
}

impl Pieces {
    pub(crate) fn new(pieces: &[&'static str]) -> Self {
        Self {
            frames: pieces
                .iter()
                .map(|piece| Ok(Frame::Data(Bytes::from_static(piece.as_bytes()))))
                .collect(),
            declared: None,
            polled: Rc::new(Cell::new(0)),
        }
    }

    pub(crate) fn trailers(mut self, fields: &[(&str, &str)]) -> Self {
        self.frames
            .push_back(Ok(Frame::Trailers(header_map(fields))));
        self
    }

    pub(crate) fn failing(mut self, error: BodyError) -> Self {
        self.frames.push_back(Err(error));
        self
    }

    pub(crate) fn declared(mut self, length: u64) -> Self {
        self.declared = Some(length);
        self
    }

    /// How many pieces were taken from it.
    pub(crate) fn counter(&self) -> Rc<Cell<usize>> {
        Rc::clone(&self.polled)
    }

    pub(crate) fn body(self) -> Body {
        Body::Stream(Box::new(self))
    }
}

impl BodyStream for Pieces {
    fn poll_frame(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Frame, BodyError>>> {
        self.polled.set(self.polled.get() + 1);
        Poll::Ready(self.frames.pop_front())
    }

    fn remaining(&self) -> Option<u64> {
        self.declared
    }
}

/// Reads a body that never waits: its bytes and its trailers.
pub(crate) fn poll_all(body: &mut Body) -> Result<(String, Option<HeaderMap>), BodyError> {
    let mut cx = Context::from_waker(Waker::noop());
    let mut data = String::new();
    let mut trailers = None;
    loop {
        match body.poll_frame(&mut cx) {
            Poll::Pending => panic!("body waits"),
            Poll::Ready(None) => return Ok((data, trailers)),
            Poll::Ready(Some(frame)) => match frame? {
                Frame::Data(bytes) => data.push_str(std::str::from_utf8(&bytes).unwrap()),
                Frame::Trailers(fields) => trailers = Some(fields),
            },
        }
    }
}

/// What a server saw of a request.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) authority: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    pub(crate) trailers: Option<HeaderMap>,
    pub(crate) forwarded_for_done: bool,
}

type Answer = Box<dyn FnMut(&Seen) -> Result<Response, ProxyError> + Send>;

/// A server that reads the whole request and answers as told.
pub(crate) struct Server {
    answer: Mutex<Answer>,
    seen: Mutex<Vec<Seen>>,
    reads_body: bool,
}

impl Server {
    pub(crate) fn new(
        answer: impl FnMut(&Seen) -> Result<Response, ProxyError> + Send + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            answer: Mutex::new(Box::new(answer)),
            seen: Mutex::default(),
            reads_body: true,
        })
    }

    /// A server that fails before it reads the body.
    pub(crate) fn without_reading(
        answer: impl FnMut(&Seen) -> Result<Response, ProxyError> + Send + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            answer: Mutex::new(Box::new(answer)),
            seen: Mutex::default(),
            reads_body: false,
        })
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Call for Server {
    fn call<'a>(
        &'a self,
        exchange: &'a mut Exchange,
    ) -> LocalBoxFuture<'a, Result<Response, ProxyError>> {
        Box::pin(async move {
            let mut body = std::mem::take(&mut exchange.body);
            let (mut data, mut trailers) = (String::new(), None);
            if self.reads_body {
                while let Some(frame) = body.frame().await {
                    match frame? {
                        Frame::Data(bytes) => data.push_str(std::str::from_utf8(&bytes).unwrap()),
                        Frame::Trailers(fields) => trailers = Some(fields),
                    }
                }
            }
            let seen = Seen {
                method: exchange.request.method.to_string(),
                target: exchange.request.target().to_owned(),
                authority: exchange.request.authority().to_owned(),
                headers: exchange.request.headers.clone(),
                body: data,
                trailers,
                forwarded_for_done: exchange.record.forwarded_for_done,
            };
            self.seen.lock().unwrap().push(seen.clone());
            (self.answer.lock().unwrap())(&seen)
        })
    }
}

/// A response with headers.
pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> Response {
    let mut response = Response::new(StatusCode::from_u16(status).unwrap(), body);
    response.head.headers = header_map(headers);
    response
}

/// Runs `steps` over a request, with `end` behind them.
pub(crate) async fn run(
    steps: &[Step],
    exchange: &mut Exchange,
    end: &dyn Call,
) -> Result<Response, ProxyError> {
    Next::new(steps, end).run(exchange).await
}

/// Lends the same call for every origin and remembers what was asked for.
pub(crate) struct Calls {
    call: Arc<dyn Call>,
    pub(crate) opened: Mutex<Vec<(Origin, Option<ClientTls>)>>,
}

impl Calls {
    pub(crate) fn new(call: Arc<dyn Call>) -> Self {
        Self {
            call,
            opened: Mutex::default(),
        }
    }
}

impl OpenCall for Calls {
    fn open_call(&self, origin: &Origin, tls: Option<&ClientTls>) -> Result<Arc<dyn Call>, String> {
        if tls.is_some_and(|tls| tls.ca == "missing.pem") {
            return Err("cannot read \"missing.pem\"".to_owned());
        }
        self.opened
            .lock()
            .unwrap()
            .push((origin.clone(), tls.cloned()));
        Ok(Arc::clone(&self.call))
    }
}

/// Builds `middleware` under the name `mine@file`, with `call` behind every URL and one file, `users.txt`.
pub(crate) fn build_with(middleware: Middleware, call: Arc<dyn Call>) -> Result<Step, BuildError> {
    build_with_calls(middleware, &Calls::new(call))
}

pub(crate) fn build_with_calls(middleware: Middleware, calls: &Calls) -> Result<Step, BuildError> {
    let name = QualifiedName::new("mine", "file");
    let hashing = HashPool::new(2).unwrap();
    build(
        &middleware,
        &BuildContext {
            name: &name,
            calls,
            read_file: &|path: &Path| {
                if path == Path::new("users.txt") {
                    Ok(b"# comment\n\n  carol:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=  \r\n".to_vec())
                } else {
                    Err(std::io::Error::from(std::io::ErrorKind::NotFound))
                }
            },
            hashing: &hashing,
        },
    )
}

/// Builds a middleware that calls nobody.
pub(crate) fn build_alone(middleware: Middleware) -> Result<Step, BuildError> {
    build_with(middleware, Server::new(|_| panic!("nobody is called")))
}

/// Builds a head filter that calls nobody.
pub(crate) fn build_filter(middleware: Middleware) -> Arc<dyn HeadFilter> {
    match build_alone(middleware).unwrap() {
        Step::Filter(filter) => filter,
        Step::Wrap(_) => panic!("is a wrap"),
    }
}

/// The text of the error that building `middleware` ends in.
pub(crate) fn build_error(middleware: Middleware) -> String {
    build_alone(middleware).unwrap_err().to_string()
}
