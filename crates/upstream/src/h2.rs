//! The client's side of HTTP/2: connections that exchanges share, `h2` driven directly.

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::client::SendRequest;
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Method, Request, Uri, Version, header, uri};
use pointsman_message::{
    Body, BodySink, BodyStream, Exchange, Frame, Kind, ProxyError, RequestHead, Response,
    ResponseHead, Retry, poll_pump,
};
use pointsman_net::{Deadline, Stream};
use pointsman_wire::chunked::is_forbidden_trailer;
use tokio::time::Instant;

use crate::connect::within;
use crate::endpoint::UpstreamScheme;
use crate::h1::Home;
use crate::transport::Transport;

/// Window of a stream, and of a connection, in bytes.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// Most decoded header bytes of one response.
const MAX_HEADER_LIST: u32 = 64 * 1024;
/// A body's piece is handed on in parts of at most this size, so that what waits in a connection is bounded.
const SEND_MAX: usize = 16 * 1024;

/// An HTTP/2 connection to a server, shared by the exchanges of one worker.
#[derive(Clone)]
pub(crate) struct Shared {
    send: SendRequest<Bytes>,
    state: Rc<State>,
}

struct State {
    open: Cell<bool>,
    in_flight: Cell<usize>,
    last_used: Cell<Instant>,
    transport: Arc<Transport>,
    scheme: uri::Scheme,
}

impl Shared {
    /// Starts HTTP/2 on a new connection.
    ///
    /// # Errors
    /// [`Kind::Connect`]; nothing was sent.
    pub(crate) async fn start(stream: Stream, home: &Home) -> Result<Self, ProxyError> {
        let failed = |error: h2::Error| {
            ProxyError::new(
                Kind::Connect,
                format!("http/2 with {}: {error}", home.endpoint.authority),
            )
            .with_retry(Retry::Unsent)
        };
        let mut builder = h2::client::Builder::new();
        builder
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(MAX_HEADER_LIST)
            .max_send_buffer_size(SEND_MAX * 4)
            .max_concurrent_reset_streams(16);
        let handshake = async { builder.handshake::<_, Bytes>(stream).await.map_err(failed) };
        let limit = home.transport.timeouts.dial;
        let (send, connection) = within(
            limit,
            handshake,
            Kind::ConnectTimeout,
            "http/2 preface timed out",
        )
        .await?;
        let state = Rc::new(State {
            open: Cell::new(true),
            in_flight: Cell::new(0),
            last_used: Cell::new(Instant::now()),
            transport: home.transport.clone(),
            scheme: match home.endpoint.scheme {
                UpstreamScheme::Https => uri::Scheme::HTTPS,
                UpstreamScheme::Http | UpstreamScheme::H2c => uri::Scheme::HTTP,
            },
        });
        let driven = state.clone();
        // Owned by the connection: it ends when the server closes, or when the pool and every exchange let go of it.
        tokio::task::spawn_local(async move {
            let _ = connection.await;
            driven.open.set(false);
        });
        Ok(Self { send, state })
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state.open.get()
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.state.in_flight.get()
    }

    pub(crate) fn has_room(&self) -> bool {
        self.is_open() && self.in_flight() < self.send.current_max_send_streams()
    }

    pub(crate) fn is_worth_keeping(&self) -> bool {
        let idle = self.state.transport.timeouts.idle;
        self.is_open()
            && (self.in_flight() > 0
                || idle.is_none_or(|idle| self.state.last_used.get().elapsed() < idle))
    }

    /// Sends the exchange's request as a stream and waits for the head of the response.
    ///
    /// # Errors
    /// [`ProxyError`].
    pub(crate) async fn exchange(
        self,
        exchange: &mut Exchange,
        authority: &str,
        transport: &Transport,
    ) -> Result<Response, ProxyError> {
        let flight = Flight::begin(&self.state);
        let mut send = self
            .send
            .ready()
            .await
            .map_err(|error| failed(&error).with_retry(Retry::Unsent))?;
        let mut request = request(&exchange.request, authority, &self.state.scheme)?;
        let ends = exchange.body.is_end();
        if let Some(length) = exchange.body.remaining().filter(|_| !ends) {
            request
                .headers_mut()
                .insert(header::CONTENT_LENGTH, length.into());
        }
        let (mut response, stream) = send
            .send_request(request, ends)
            .map_err(|error| failed(&error).with_retry(Retry::Unsent))?;
        let mut upload = (!ends).then(|| Upload {
            sink: StreamSink::new(stream),
            body: Body::Empty,
        });
        let mut deadline = Deadline::default();
        let mut touched = false;

        let head = poll_fn(|cx| {
            if let Some(up) = &mut upload {
                let progress = poll_pump(&mut exchange.body, &mut up.sink, cx);
                touched |= up.sink.touched;
                match progress {
                    Poll::Pending => {}
                    Poll::Ready(Ok(())) => upload = None,
                    // The server may have answered without reading everything.
                    Poll::Ready(Err(error)) if error.kind == Kind::UpstreamBroken => upload = None,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                }
            }
            while let Poll::Ready(Some(Ok(interim))) = response.poll_informational(cx) {
                if let Some(client) = &exchange.interim {
                    let mut head = ResponseHead::new(interim.status());
                    head.headers = interim.into_parts().0.headers;
                    client.send(&head);
                }
            }
            if let Poll::Ready(result) = std::pin::Pin::new(&mut response).poll(cx) {
                return Poll::Ready(result.map_err(|error| failed(&error)));
            }
            // Runs from the moment when the request is sent.
            if upload.is_none() && !deadline.is_set() {
                deadline.after(transport.timeouts.response_header);
            }
            if deadline.poll(cx).is_ready() {
                return Poll::Ready(Err(ProxyError::new(
                    Kind::UpstreamTimeout,
                    "the server sent no response head in time",
                )));
            }
            Poll::Pending
        })
        .await
        // A stream that was read from is not whole any more, whatever the server has made of it.
        .map_err(|error| match exchange.body {
            Body::Stream(_) if touched => error.with_retry(Retry::Never),
            _ => error,
        })?;

        let (parts, recv) = head.into_parts();
        let mut head = ResponseHead::new(parts.status);
        head.headers = parts.headers;
        let declared = take_length(&mut head.headers);
        strip_connection_fields(&mut head.headers);
        if exchange.request.method == Method::HEAD || parts.status == http::StatusCode::NOT_MODIFIED
        {
            head.declared_length = declared;
        }
        if let Some(upload) = &mut upload {
            upload.body = std::mem::take(&mut exchange.body);
        }
        if recv.is_end_stream() && upload.is_none() {
            return Ok(Response {
                head,
                body: Body::Empty,
            });
        }
        let body = StreamBody::new(recv, declared, Some(flight), upload, transport.timeouts.gap);
        Ok(Response {
            head,
            body: Body::Stream(Box::new(body)),
        })
    }
}

/// Counts a stream of a connection while it lasts.
struct Flight(Rc<State>);

impl Flight {
    fn begin(state: &Rc<State>) -> Self {
        state.in_flight.set(state.in_flight.get() + 1);
        Self(state.clone())
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.in_flight.set(self.0.in_flight.get() - 1);
        self.0.last_used.set(Instant::now());
    }
}

fn failed(error: &h2::Error) -> ProxyError {
    // REFUSED_STREAM was not processed (RFC 9113 §8.7). A stream that ends with its connection may be one beyond the
    // server's GOAWAY, or not: it is treated as one on a kept connection that turned out to be closed.
    let unsent = error.reason() == Some(h2::Reason::REFUSED_STREAM);
    let stale = error.is_io() || error.is_go_away();
    let kind = if error.is_io() || error.is_go_away() || error.is_reset() {
        Kind::UpstreamBroken
    } else {
        Kind::UpstreamProtocol
    };
    let error = ProxyError::new(kind, format!("http/2: {error}"));
    match (unsent, stale) {
        (true, _) => error.with_retry(Retry::Unsent),
        (false, true) => error.with_retry(Retry::StaleConnection),
        (false, false) => error,
    }
}

fn request(
    head: &RequestHead,
    authority: &str,
    scheme: &uri::Scheme,
) -> Result<Request<()>, ProxyError> {
    let uri = Uri::builder()
        .scheme(scheme.clone())
        .authority(authority)
        .path_and_query(head.target())
        .build()
        .map_err(|error| ProxyError::new(Kind::BadRequest, format!("request target: {error}")))?;
    let mut request = Request::new(());
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = uri;
    *request.version_mut() = Version::HTTP_2;
    *request.headers_mut() = head.headers.clone();
    request.headers_mut().remove(header::UPGRADE);
    Ok(request)
}

/// Takes `Content-Length` off: lengths are facts of a body, not fields.
pub fn take_length(headers: &mut HeaderMap) -> Option<u64> {
    headers
        .remove(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

fn strip_connection_fields(headers: &mut HeaderMap) {
    for name in [
        header::CONNECTION,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
    ] {
        headers.remove(name);
    }
}

/// What of a request's body is still to be sent while the response is coming.
struct Upload {
    sink: StreamSink,
    body: Body,
}

/// The sending half of a stream, on either side.
pub struct StreamSink {
    stream: SendStream<Bytes>,
    /// A piece that waits for window.
    waiting: Bytes,
    ended: bool,
    /// Whether it has taken anything.
    touched: bool,
}

impl StreamSink {
    /// A sink into `stream`.
    pub fn new(stream: SendStream<Bytes>) -> Self {
        Self {
            stream,
            waiting: Bytes::new(),
            ended: false,
            touched: false,
        }
    }

    /// The stream, to reset it.
    pub fn stream_mut(&mut self) -> &mut SendStream<Bytes> {
        &mut self.stream
    }

    fn broken(error: h2::Error) -> ProxyError {
        ProxyError::new(Kind::UpstreamBroken, format!("http/2: {error}"))
    }

    /// Sends what waits, as window comes; with the last part also the end of the stream if `end`.
    fn poll_drain(&mut self, cx: &mut Context<'_>, end: bool) -> Poll<Result<(), ProxyError>> {
        if let Poll::Ready(reason) = self.stream.poll_reset(cx).map_err(Self::broken)? {
            return Poll::Ready(Err(Self::broken(reason.into())));
        }
        while !self.waiting.is_empty() {
            self.stream
                .reserve_capacity(self.waiting.len().min(SEND_MAX));
            let room = match self.stream.capacity() {
                0 => match ready!(self.stream.poll_capacity(cx)) {
                    Some(Ok(room)) => room,
                    Some(Err(error)) => return Poll::Ready(Err(Self::broken(error))),
                    None => {
                        return Poll::Ready(Err(ProxyError::new(
                            Kind::UpstreamBroken,
                            "http/2: stream is closed",
                        )));
                    }
                },
                room => room,
            };
            let run = room.min(self.waiting.len()).min(SEND_MAX);
            if run == 0 {
                continue;
            }
            let part = self.waiting.split_to(run);
            let last = end && self.waiting.is_empty();
            self.stream.send_data(part, last).map_err(Self::broken)?;
            self.ended |= last;
        }
        Poll::Ready(Ok(()))
    }
}

impl BodySink for StreamSink {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ProxyError>> {
        self.poll_drain(cx, false)
    }

    fn send(&mut self, frame: Frame) -> Result<(), ProxyError> {
        self.touched = true;
        match frame {
            Frame::Data(data) => self.waiting = data,
            Frame::Trailers(trailers) => {
                self.stream.send_trailers(trailers).map_err(Self::broken)?;
                self.ended = true;
            }
        }
        Ok(())
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ProxyError>> {
        self.poll_drain(cx, false)
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ProxyError>> {
        ready!(self.poll_drain(cx, true))?;
        if !self.ended {
            self.stream
                .send_data(Bytes::new(), true)
                .map_err(Self::broken)?;
            self.ended = true;
        }
        Poll::Ready(Ok(()))
    }
}

/// The receiving half of a stream, on either side, as a body.
pub struct StreamBody {
    recv: RecvStream,
    declared: Option<u64>,
    data_done: bool,
    of_client: bool,
    upload: Option<Upload>,
    deadline: Deadline,
    gap: std::time::Duration,
    _flight: Option<Flight>,
}

impl StreamBody {
    fn new(
        recv: RecvStream,
        declared: Option<u64>,
        flight: Option<Flight>,
        upload: Option<Upload>,
        gap: std::time::Duration,
    ) -> Self {
        Self {
            recv,
            declared,
            data_done: false,
            of_client: false,
            upload,
            deadline: Deadline::default(),
            gap,
            _flight: flight,
        }
    }

    /// The body of a request that a client sends. `declared` is its `Content-Length`, which `h2` checks.
    pub fn of_request(recv: RecvStream, declared: Option<u64>, gap: std::time::Duration) -> Self {
        Self {
            of_client: true,
            ..Self::new(recv, declared, None, None, gap)
        }
    }

    fn error(&self, error: &h2::Error) -> ProxyError {
        let kind = if self.of_client {
            Kind::ClientGone
        } else {
            Kind::UpstreamBroken
        };
        ProxyError::new(kind, format!("http/2: {error}"))
    }

    /// Fails once the peer was silent for too long.
    fn poll_silent(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, ProxyError>>> {
        if !self.deadline.is_set() {
            self.deadline.after(Some(self.gap));
        }
        self.deadline.poll(cx).map(|()| {
            let kind = if self.of_client {
                Kind::ClientTimeout
            } else {
                Kind::UpstreamTimeout
            };
            Some(Err(ProxyError::new(kind, "a body fell silent")))
        })
    }
}

/// Trailers that frame, route or authenticate a message are dropped, as the HTTP/1 decoder drops them.
fn drop_forbidden(trailers: &mut HeaderMap) {
    while let Some(name) = trailers
        .keys()
        .find(|name| is_forbidden_trailer(name.as_str().as_bytes()))
        .cloned()
    {
        trailers.remove(name);
    }
}

impl BodyStream for StreamBody {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, ProxyError>>> {
        if let Some(upload) = &mut self.upload
            && poll_pump(&mut upload.body, &mut upload.sink, cx).is_ready()
        {
            self.upload = None;
        }
        if !self.data_done {
            match self.recv.poll_data(cx) {
                Poll::Ready(Some(Ok(data))) => {
                    self.deadline.set(None);
                    // Taken means consumed: whoever pulls a frame has room for it, so the window may open again.
                    let _ = self.recv.flow_control().release_capacity(data.len());
                    if let Some(left) = &mut self.declared {
                        *left = left.saturating_sub(data.len() as u64);
                    }
                    if data.is_empty() {
                        // Not a frame in our sense; `h2` bounds how many of them come.
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    return Poll::Ready(Some(Ok(Frame::Data(data))));
                }
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Some(Err(self.error(&error))));
                }
                Poll::Ready(None) => self.data_done = true,
                Poll::Pending => return self.poll_silent(cx),
            }
        }
        match self.recv.poll_trailers(cx) {
            Poll::Ready(Ok(Some(mut trailers))) => {
                drop_forbidden(&mut trailers);
                Poll::Ready(Some(Ok(Frame::Trailers(trailers))))
            }
            Poll::Ready(Ok(None)) => Poll::Ready(None),
            Poll::Ready(Err(error)) => Poll::Ready(Some(Err(self.error(&error)))),
            Poll::Pending => self.poll_silent(cx),
        }
    }

    fn remaining(&self) -> Option<u64> {
        self.declared
    }

    fn is_end(&self) -> bool {
        self.recv.is_end_stream()
    }
}
