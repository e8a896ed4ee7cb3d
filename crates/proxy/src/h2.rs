//! The server's side of HTTP/2: `h2` driven directly, each stream a task of its connection's worker.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::header::{self, HeaderMap};
use http::{Method, Request, Response as H2Response, StatusCode, Version};
use pointsman_http1::buffer;
use pointsman_message::{
    Body, BodySink, ConnectionInfo, Exchange, Frame, Interim, Kind, ProxyError, Response,
    ResponseHead, Scheme, poll_pump,
};
use pointsman_net::{Deadline, Stream};
use pointsman_upstream::h2::{StreamBody, StreamSink, take_length};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::canonical::{self, Asked};
use crate::driver::{self, Handled, Progress};
use crate::record::{Finished, grpc_status};
use crate::settings::Settings;
use crate::worker::{Member, Worker};

/// Window of a stream, and of a connection, in bytes: what a client may send before a server reads it.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// Bytes that wait for a client's window, per stream.
const SEND_BUFFER: usize = 64 * 1024;
/// Streams that a client may have reset before they were looked at (I12).
const PENDING_RESETS: usize = 20;
/// Streams that a client may have reset before they were answered, beyond those that were answered (I12).
const CANCELLED: usize = 500;
/// Streams that we may have to reset for a client's mistakes before the connection is closed (I12).
const LOCAL_RESETS: usize = 64;
/// For the preface and the first settings where no read timeout is set (I10).
const PREFACE: Duration = Duration::from_secs(10);
/// For a client to take GOAWAY, once no stream runs.
const GOODBYE: Duration = Duration::from_secs(5);

/// Serves a connection until it closes.
pub(crate) async fn serve<S>(
    worker: Rc<Worker>,
    settings: Arc<Settings>,
    stream: S,
    info: Rc<ConnectionInfo>,
    member: Member,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut builder = h2::server::Builder::new();
    builder
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(settings.max_streams)
        .max_header_list_size(settings.max_http2_headers)
        .header_table_size(settings.header_table_size)
        .max_send_buffer_size(SEND_BUFFER)
        .max_concurrent_reset_streams(PENDING_RESETS)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(Some(LOCAL_RESETS));
    let handshake = builder.handshake::<_, Bytes>(stream);
    let timeout = settings.read_timeout.unwrap_or(PREFACE);
    let Ok(Ok(mut connection)) = tokio::time::timeout(timeout, handshake).await else {
        return;
    };

    let streams = Rc::new(Cell::new(0_usize));
    let cancelled = Rc::new(Cell::new(0_usize));
    let mut idle = Deadline::default();
    let mut ending = false;
    let mut requests: u64 = 0;
    let opened = tokio::time::Instant::now();
    let mut last = Deadline::default();
    loop {
        let next = poll_fn(|cx| {
            if !ending {
                let old = settings.max_age.is_some_and(|age| opened.elapsed() >= age)
                    || (settings.max_requests > 0 && requests >= settings.max_requests);
                if streams.get() > 0 {
                    idle.set(None);
                } else if !idle.is_set() {
                    idle.after(settings.idle_timeout);
                }
                if old || member.poll_draining(cx).is_ready() || idle.poll(cx).is_ready() {
                    ending = true;
                    connection.graceful_shutdown();
                }
            }
            // However slowly they come: each of them had a server work for nothing.
            if cancelled.get() > CANCELLED {
                connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                ending = true;
            }
            let accepted = connection.poll_accept(cx);
            if accepted.is_pending() && ending {
                // A peer that neither answers nor reads must not keep what nothing runs on any more.
                if streams.get() > 0 {
                    last.set(None);
                } else if !last.is_set() {
                    last.after(Some(GOODBYE));
                }
                if last.poll(cx).is_ready() {
                    return Poll::Ready(None);
                }
            }
            accepted
        });
        match next.await {
            Some(Ok((request, respond))) => {
                requests += 1;
                let count = Count::one_more(&streams, &cancelled);
                let (worker, settings, info) = (worker.clone(), settings.clone(), info.clone());
                // Owned by the connection: when that closes, every await of the stream fails. Boxed inside, because
                // a task is moved several times before it has its place, and this one is large.
                tokio::task::spawn_local(async move {
                    Box::pin(one(worker, settings, info, request, respond, count)).await;
                });
            }
            Some(Err(error)) => {
                tracing::debug!(entryPointName = &*settings.name, %error, "http/2 connection failed");
                return;
            }
            None => return,
        }
    }
}

/// Counts the streams of a connection.
struct Count {
    streams: Rc<Cell<usize>>,
    cancelled: Rc<Cell<usize>>,
    is_cancelled: bool,
}

impl Count {
    fn one_more(streams: &Rc<Cell<usize>>, cancelled: &Rc<Cell<usize>>) -> Self {
        streams.set(streams.get() + 1);
        Self {
            streams: streams.clone(),
            cancelled: cancelled.clone(),
            is_cancelled: false,
        }
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        self.streams.set(self.streams.get() - 1);
        let cancelled = self.cancelled.get();
        self.cancelled.set(if self.is_cancelled {
            cancelled + 1
        } else {
            cancelled.saturating_sub(1)
        });
    }
}

/// Answers one stream.
async fn one(
    worker: Rc<Worker>,
    settings: Arc<Settings>,
    info: Rc<ConnectionInfo>,
    request: Request<RecvStream>,
    respond: SendResponse<Bytes>,
    mut count: Count,
) {
    let mut exchange = Exchange::with_request(info, buffer::take_request());
    let (parts, recv) = request.into_parts();
    let scheme = if exchange.connection.tls.is_some() {
        Scheme::Https
    } else {
        Scheme::Http
    };
    exchange
        .request
        .reset(parts.method, scheme, Version::HTTP_2);
    exchange.request.headers = parts.headers;
    let declared = take_length(&mut exchange.request.headers);
    let received = Rc::new(Cell::new(0));
    let interims = Rc::new(Interims {
        continue_wanted: Cell::new(
            exchange
                .request
                .headers
                .get(header::EXPECT)
                .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue")),
        ),
        respond: Rc::new(std::cell::RefCell::new(respond)),
    });
    let respond = interims.respond.clone();
    if !recv.is_end_stream() {
        let gap = settings.read_timeout.unwrap_or(settings.write_stall);
        let body = Counted {
            inner: StreamBody::of_request(recv, declared, gap),
            received: received.clone(),
            interims: interims.clone(),
        };
        exchange.body = Body::Stream(Box::new(body));
    }
    exchange.interim = Some(interims);

    let mut progress = Progress::default();
    let handled = match admit(&worker, &settings, &mut exchange, &parts.uri) {
        Err(refused) => {
            exchange.record.failure = Some(refused.reason);
            Response::new(
                refused.status,
                refused.status.canonical_reason().unwrap_or_default(),
            )
            .into()
        }
        Ok(Asked::Server) => Response::new(StatusCode::OK, Body::Empty).into(),
        Ok(Asked::Tunnel) => Response::new(StatusCode::NOT_IMPLEMENTED, "Not Implemented").into(),
        Ok(Asked::Route) => {
            let work = driver::handle(&worker, &settings, &mut exchange, &mut progress);
            match watched(work, &respond).await {
                Some(response) => progress.with(response),
                None => {
                    count.is_cancelled = true;
                    let error = ProxyError::new(Kind::ClientGone, "the client reset the stream");
                    let handled = progress.with(driver::failed(&mut exchange, error));
                    note(
                        &worker,
                        &settings,
                        &exchange,
                        &handled,
                        (received.get(), 0),
                        None,
                    );
                    return;
                }
            }
        }
    };
    respond_to(
        &worker,
        &settings,
        &mut exchange,
        handled,
        &respond,
        &received,
    )
    .await;
}

fn admit(
    worker: &Worker,
    settings: &Settings,
    exchange: &mut Exchange,
    uri: &http::Uri,
) -> Result<Asked, canonical::Refused> {
    let request = &mut exchange.request;
    // RFC 9113 §8.2.2: fields of a connection have no place in HTTP/2.
    for name in [
        header::CONNECTION,
        header::UPGRADE,
        header::TRANSFER_ENCODING,
    ] {
        request.headers.remove(name);
    }
    canonical::underscores(&mut request.headers, settings)?;
    join_cookies(&mut request.headers);
    let asked = canonical::http2(request, uri, settings)?;
    canonical::forwarded(
        request,
        &exchange.connection,
        settings,
        worker.server_name(),
    );
    Ok(asked)
}

/// HTTP/2 may split a cookie over several fields; everyone else expects one (RFC 9113 §8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let mut crumbs = headers.get_all(header::COOKIE).iter();
    if crumbs.nth(1).is_none() {
        return;
    }
    let joined: Vec<_> = headers
        .get_all(header::COOKIE)
        .iter()
        .map(|crumb| crumb.as_bytes())
        .collect();
    if let Ok(value) = http::HeaderValue::from_bytes(&joined.join(&b"; "[..])) {
        headers.insert(header::COOKIE, value);
    }
}

type Respond = Rc<std::cell::RefCell<SendResponse<Bytes>>>;

/// Runs `work` and looks out for a reset; `None` when the client does not want the answer any more.
async fn watched(work: impl Future<Output = Response>, respond: &Respond) -> Option<Response> {
    let mut work = pin!(work);
    poll_fn(|cx| {
        if let Poll::Ready(response) = work.as_mut().poll(cx) {
            return Poll::Ready(Some(response));
        }
        respond.borrow_mut().poll_reset(cx).map(|_| None)
    })
    .await
}

async fn respond_to(
    worker: &Worker,
    settings: &Settings,
    exchange: &mut Exchange,
    mut handled: Handled,
    respond: &Respond,
    received: &Cell<u64>,
) {
    let response = &mut handled.response;
    let bodiless = exchange.request.method == Method::HEAD
        || matches!(
            response.head.status,
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
        );
    if !response.head.headers.contains_key(header::DATE) {
        response.head.headers.insert(header::DATE, worker.date());
    }
    let length = if bodiless {
        response.head.declared_length
    } else {
        response.body.remaining()
    };
    let mut head = H2Response::new(());
    *head.status_mut() = response.head.status;
    *head.headers_mut() = if worker
        .recorder()
        .wants_response_headers(handled.progress.noted.as_ref())
    {
        response.head.headers.clone()
    } else {
        std::mem::take(&mut response.head.headers)
    };
    if let Some(length) = length.filter(|length| *length > 0 || !bodiless) {
        head.headers_mut()
            .insert(header::CONTENT_LENGTH, length.into());
    }
    let mut body = if bodiless {
        Body::Empty
    } else {
        std::mem::take(&mut response.body)
    };
    let ends = body.is_end();
    let stream = respond.borrow_mut().send_response(head, ends);
    let mut sent = 0;
    let mut grpc = None;
    match stream {
        Err(error) => {
            exchange
                .record
                .failure
                .get_or_insert_with(|| error.to_string());
        }
        Ok(_) if ends => {}
        Ok(stream) => {
            let mut sink = CountedSink {
                inner: StreamSink::new(stream),
                sent: &mut sent,
                grpc: &mut grpc,
                stall: Deadline::default(),
                timeout: settings.write_timeout.unwrap_or(settings.write_stall),
            };
            if let Err(error) = poll_fn(|cx| poll_pump(&mut body, &mut sink, cx)).await {
                tracing::debug!(entryPointName = &*settings.name, %error, "response not completed");
                sink.inner.stream_mut().send_reset(Reason::INTERNAL_ERROR);
                exchange
                    .record
                    .failure
                    .get_or_insert_with(|| error.to_string());
            }
        }
    }
    note(
        worker,
        settings,
        exchange,
        &handled,
        (received.get(), sent),
        grpc,
    );
    buffer::give_request(std::mem::take(&mut exchange.request));
}

fn note(
    worker: &Worker,
    settings: &Settings,
    exchange: &Exchange,
    handled: &Handled,
    bytes: (u64, u64),
    grpc_code: Option<u16>,
) {
    worker.recorder().record(&Finished {
        exchange,
        settings,
        route: handled.progress.route.as_deref(),
        noted: handled.progress.noted.as_ref(),
        status: handled.response.head.status,
        response_headers: &handled.response.head.headers,
        grpc_code,
        bytes,
    });
}

struct Interims {
    respond: Respond,
    /// Whether the client waits for `100 Continue`.
    continue_wanted: Cell<bool>,
}

impl Interim for Interims {
    fn send(&self, head: &ResponseHead) {
        if head.status == StatusCode::CONTINUE && !self.continue_wanted.replace(false) {
            // Sent already, or not asked for.
            return;
        }
        let mut interim = H2Response::new(());
        *interim.status_mut() = head.status;
        *interim.headers_mut() = head.headers.clone();
        // A stream that takes no more has told so to everyone else.
        let _ = self.respond.borrow_mut().send_informational(interim);
    }
}

/// A request's body, counted.
struct Counted {
    inner: StreamBody,
    received: Rc<Cell<u64>>,
    interims: Rc<Interims>,
}

impl pointsman_message::BodyStream for Counted {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, ProxyError>>> {
        if self.interims.continue_wanted.get() {
            self.interims.send(&ResponseHead::new(StatusCode::CONTINUE));
        }
        let frame = self.inner.poll_frame(cx);
        if let Poll::Ready(Some(Ok(Frame::Data(data)))) = &frame {
            self.received.set(self.received.get() + data.len() as u64);
        }
        frame
    }
    fn remaining(&self) -> Option<u64> {
        self.inner.remaining()
    }
    fn is_end(&self) -> bool {
        self.inner.is_end()
    }
}

/// A response's sink, counted, with a deadline on a client that opens no window.
struct CountedSink<'c> {
    inner: StreamSink,
    sent: &'c mut u64,
    /// Status of a gRPC response, once its trailers went by.
    grpc: &'c mut Option<u16>,
    stall: Deadline,
    timeout: Duration,
}

impl CountedSink<'_> {
    fn timed(
        &mut self,
        cx: &mut Context<'_>,
        progress: Poll<Result<(), ProxyError>>,
    ) -> Poll<Result<(), ProxyError>> {
        match progress {
            Poll::Ready(result) => {
                self.stall.set(None);
                Poll::Ready(result.map_err(|error| ProxyError::new(Kind::ClientGone, error.reason)))
            }
            Poll::Pending => {
                // Not moved by drips: a window that opens byte by byte does not buy time for ever.
                if !self.stall.is_set() {
                    self.stall.after(Some(self.timeout));
                }
                self.stall.poll(cx).map(|()| {
                    Err(ProxyError::new(
                        Kind::ClientTimeout,
                        "the client reads nothing",
                    ))
                })
            }
        }
    }
}

impl BodySink for CountedSink<'_> {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ProxyError>> {
        let progress = self.inner.poll_ready(cx);
        self.timed(cx, progress)
    }
    fn send(&mut self, frame: Frame) -> Result<(), ProxyError> {
        match &frame {
            Frame::Data(data) => *self.sent += data.len() as u64,
            Frame::Trailers(trailers) => *self.grpc = grpc_status(trailers),
        }
        self.inner.send(frame)
    }
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ProxyError>> {
        let progress = self.inner.poll_flush(cx);
        self.timed(cx, progress)
    }
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ProxyError>> {
        let progress = self.inner.poll_end(cx);
        self.timed(cx, progress)
    }
}

/// A plain connection whose first bytes were read already, to see what it speaks.
pub(crate) struct Rewound {
    pub(crate) read: Bytes,
    pub(crate) stream: Stream,
}

impl AsyncRead for Rewound {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if !self.read.is_empty() {
            let run = self.read.len().min(buf.remaining());
            buf.put_slice(&self.read.split_to(run));
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Rewound {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, data)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }
    fn is_write_vectored(&self) -> bool {
        true
    }
}
