//! The client's side of HTTP/1: one exchange at a time on a connection that may be kept.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use http::header;
use pointsman_http1::write::LengthError;
use pointsman_http1::{
    BodyDecoder, BodyFraming, Decoded, HeadLimits, ParsedResponse, Writer, buffer, parse,
    parse_response,
};
use pointsman_message::body::Duplex;
use pointsman_message::{
    Body, BodySink, BodyStream, Exchange, Frame, Kind, ProxyError, Response, ResponseHead, Retry,
    poll_pump,
};
use pointsman_net::{Deadline, Splice, SpliceEnd, SpliceError, Stream};
use pointsman_wire::framing::{Answered, Framing};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::endpoint::Endpoint;
use crate::pool::{self, PlaceKey};
use crate::transport::Transport;

/// How long a request's body waits for `100 Continue`. Traefik: expect-continue timeout, 1s.
const CONTINUE_WAIT: Duration = Duration::from_secs(1);
/// Most interim responses to one request.
const MAX_INTERIM: u32 = 32;
/// While a long body flows, reads are of this size.
const BODY_READ: usize = 64 * 1024;

/// Bodies that are at least this long are moved in the kernel where both connections are plain.
const SPLICE_MIN: u64 = 64 * 1024;

/// A connection to a server.
pub(crate) struct Connection {
    stream: Stream,
    read: BytesMut,
    writer: Writer,
    deadline: Deadline,
    /// What of the request's body is still to be sent while the response is already coming.
    upload: Option<Upload>,
    decoder: BodyDecoder,
    /// The transfer of the rest of the body, once it has begun in the kernel.
    splice: Option<Splice>,
    /// Whether the kernel has refused to do that.
    no_splice: bool,
    /// Whether the connection may be kept once the response is complete.
    keep: bool,
    used: bool,
    home: Home,
}

/// Where a connection belongs.
#[derive(Clone)]
pub(crate) struct Home {
    pub(crate) key: PlaceKey,
    pub(crate) transport: Arc<Transport>,
    pub(crate) endpoint: Arc<Endpoint>,
}

struct Upload {
    body: Body,
    framing: BodyFraming,
}

impl Connection {
    pub(crate) fn new(stream: Stream, home: Home) -> Box<Self> {
        Box::new(Self {
            stream,
            read: BytesMut::new(),
            writer: Writer::default(),
            deadline: Deadline::default(),
            upload: None,
            decoder: BodyDecoder::Done,
            splice: None,
            no_splice: false,
            keep: false,
            used: false,
            home,
        })
    }

    /// Whether nothing came on a kept connection.
    pub(crate) fn is_quiet(&self) -> bool {
        self.stream.is_quiet()
    }

    pub(crate) fn home(&self) -> &Home {
        &self.home
    }

    /// Gives memory back. Not when the exchange ends: fields of its response still lie in the buffer then, and the
    /// next exchange most likely comes soon.
    pub(crate) fn shrink(&mut self) {
        buffer::give(std::mem::take(&mut self.read));
        self.writer.shrink();
    }

    pub(crate) fn idle_timeout(&self) -> Option<Duration> {
        self.home.transport.timeouts.idle
    }

    /// Sends the exchange's request and waits for the head of the response.
    ///
    /// The body is taken from `exchange` only as far as it is sent; after an error with [`Retry::Unsent`] or
    /// [`Retry::StaleConnection`] the exchange may be sent again if its body is whole.
    ///
    /// # Errors
    /// [`ProxyError`].
    pub(crate) async fn exchange(
        mut self: Box<Self>,
        exchange: &mut Exchange,
        authority: &str,
    ) -> Result<Response, ProxyError> {
        let mut framing = match (&exchange.body, exchange.body.remaining()) {
            (Body::Empty, _) => BodyFraming::None,
            (_, Some(0)) if exchange.body.is_end() => BodyFraming::None,
            (_, Some(length)) => BodyFraming::Length(length),
            (_, None) => BodyFraming::Chunked,
        };
        self.writer
            .request_head(&exchange.request, authority, framing);
        let answered = Answered::method(exchange.request.method.as_str().as_bytes());
        let mut waiting_for_continue = (framing != BodyFraming::None
            && exchange.request.headers.contains_key(header::EXPECT))
        .then(|| Instant::now() + CONTINUE_WAIT);
        let mut uploading = framing != BodyFraming::None;
        let mut upload_error = None;
        let mut scan = parse::Scan::default();
        let mut headers = buffer::take_headers();
        let mut interim = 0;
        let header_timeout = self.home.transport.timeouts.response_header;
        // Runs from the moment when the request is sent.
        let mut header_deadline = None;

        let parsed = poll_fn(|cx| -> Poll<Result<ParsedResponse, ProxyError>> {
            loop {
                if let Some(until) = waiting_for_continue {
                    self.deadline.set(Some(until));
                    if self.deadline.poll(cx).is_ready() {
                        waiting_for_continue = None;
                    }
                }
                if upload_error.is_none() {
                    let progress = if uploading && waiting_for_continue.is_none() {
                        let mut sink = Sink {
                            conn: &mut self,
                            framing: &mut framing,
                        };
                        poll_pump(&mut exchange.body, &mut sink, cx)
                    } else {
                        self.poll_flush(cx)
                    };
                    match progress {
                        Poll::Ready(Ok(())) if waiting_for_continue.is_none() => uploading = false,
                        Poll::Ready(Ok(())) | Poll::Pending => {}
                        // A client that fails ends the exchange. A server that takes no more may have answered.
                        Poll::Ready(Err(error)) if error.kind == Kind::UpstreamBroken => {
                            upload_error = Some(error)
                        }
                        Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    }
                }
                if waiting_for_continue.is_none() {
                    if !uploading && header_deadline.is_none() {
                        header_deadline = header_timeout.map(|timeout| Instant::now() + timeout);
                    }
                    self.deadline.set(header_deadline);
                    if self.deadline.poll(cx).is_ready() {
                        return Poll::Ready(Err(ProxyError::new(
                            Kind::UpstreamTimeout,
                            "the server sent no response head in time",
                        )));
                    }
                }
                if !self.read.is_empty() {
                    let limits = HeadLimits::default();
                    let parsed =
                        parse_response(&mut self.read, &mut scan, &mut headers, answered, limits)
                            .map_err(|error| {
                            ProxyError::new(Kind::UpstreamProtocol, error.to_string())
                        })?;
                    match parsed {
                        Some(parsed) if is_interim(&parsed) => {
                            interim += 1;
                            if interim > MAX_INTERIM {
                                let error = ProxyError::new(
                                    Kind::UpstreamProtocol,
                                    "too many interim responses",
                                );
                                return Poll::Ready(Err(error));
                            }
                            waiting_for_continue = None;
                            // The server has begun to answer: its end is not that of an idle connection.
                            self.used = false;
                            if let Some(client) = &exchange.interim {
                                let mut head = ResponseHead::new(parsed.status);
                                std::mem::swap(&mut head.headers, &mut headers);
                                client.send(&head);
                            }
                            headers.clear();
                            continue;
                        }
                        Some(parsed) => return Poll::Ready(Ok(parsed)),
                        None => {}
                    }
                }
                match ready!(self.poll_fill(cx, 1)) {
                    Ok(0) => {
                        return Poll::Ready(Err(
                            self.broken("the server closed the connection", upload_error.take())
                        ));
                    }
                    Ok(_) => {}
                    Err(error) => {
                        return Poll::Ready(Err(
                            self.broken(&error.to_string(), upload_error.take())
                        ));
                    }
                }
            }
        })
        .await?;

        self.deadline.set(None);
        let mut head = ResponseHead::new(parsed.status);
        head.headers = headers;
        // Who answers instead of `100 Continue` may or may not read the body; it is not sent (RFC 9110 §10.1.1), so
        // the connection is of no use any more.
        let unsent = waiting_for_continue.is_some();
        self.keep = parsed.keep_alive && upload_error.is_none() && !unsent;
        self.decoder = BodyDecoder::new(parsed.framing);
        if uploading && upload_error.is_none() && !unsent {
            self.upload = Some(Upload {
                body: std::mem::take(&mut exchange.body),
                framing,
            });
        }
        let body = match parsed.framing {
            Framing::Tunnel => return self.upgraded(exchange, head),
            Framing::None => {
                head.declared_length = parsed.declared_length;
                self.finish();
                Body::Empty
            }
            Framing::Length(length) if length <= self.read.len() as u64 => {
                let body = self.read.split_to(length as usize).freeze();
                self.decoder = BodyDecoder::Done;
                self.finish();
                Body::Bytes(body)
            }
            Framing::Length(_) | Framing::Chunked | Framing::UntilClose => {
                Body::Stream(Box::new(ResponseBody { conn: Some(self) }))
            }
        };
        Ok(Response { head, body })
    }

    /// Keeps the connection if the exchange left it clean, else closes it.
    fn finish(mut self: Box<Self>) {
        if self.keep && self.upload.is_none() && self.read.is_empty() && self.writer.is_empty() {
            self.used = true;
            pool::give(self);
        }
    }

    fn upgraded(
        self: Box<Self>,
        exchange: &Exchange,
        head: ResponseHead,
    ) -> Result<Response, ProxyError> {
        let asked = exchange.request.headers.get(header::UPGRADE);
        if asked.is_none() || !head.headers.contains_key(header::UPGRADE) {
            return Err(ProxyError::new(
                Kind::UpstreamProtocol,
                "the server switched protocols unasked",
            ));
        }
        Ok(Response {
            head,
            body: Body::Stream(Box::new(Tunnel { conn: Some(self) })),
        })
    }

    fn broken(&self, reason: &str, upload_error: Option<ProxyError>) -> ProxyError {
        let error = ProxyError::new(
            Kind::UpstreamBroken,
            format!("{}: {reason}", self.home.endpoint.authority),
        );
        match upload_error {
            Some(first) if first.retry == Retry::Unsent => first,
            _ if self.used && self.read.is_empty() => error.with_retry(Retry::StaleConnection),
            _ => error,
        }
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>, at_least: usize) -> Poll<io::Result<usize>> {
        buffer::make_room(&mut self.read, at_least);
        poll_read_buf(&mut self.stream, cx, &mut self.read)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ProxyError>> {
        let result = ready!(self.writer.poll_flush(cx, &mut self.stream));
        Poll::Ready(result.map_err(|error| self.write_failed(&error)))
    }

    fn write_failed(&self, error: &io::Error) -> ProxyError {
        ProxyError::new(
            Kind::UpstreamBroken,
            format!("write to {}: {error}", self.home.endpoint.authority),
        )
    }
}

fn is_interim(parsed: &ParsedResponse) -> bool {
    parsed.status.is_informational() && parsed.status != http::StatusCode::SWITCHING_PROTOCOLS
}

/// Reads once into the free part of `buf`. `Ok(0)` is the end.
fn poll_read_buf(
    stream: &mut Stream,
    cx: &mut Context<'_>,
    buf: &mut BytesMut,
) -> Poll<io::Result<usize>> {
    tokio_read(Pin::new(stream), cx, buf)
}

fn tokio_read(
    stream: Pin<&mut Stream>,
    cx: &mut Context<'_>,
    buf: &mut BytesMut,
) -> Poll<io::Result<usize>> {
    use std::future::Future;
    // `read_buf` is the safe way to read into memory that was never written.
    let read = tokio::io::AsyncReadExt::read_buf(stream.get_mut(), buf);
    std::pin::pin!(read).poll(cx)
}

struct Sink<'c> {
    conn: &'c mut Connection,
    framing: &'c mut BodyFraming,
}

impl Sink<'_> {
    fn misfit(error: LengthError) -> ProxyError {
        ProxyError::new(Kind::BadRequest, format!("request {error}"))
    }
}

impl BodySink for Sink<'_> {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ProxyError>> {
        if self.conn.writer.is_full() {
            self.conn.poll_flush(cx)
        } else {
            Poll::Ready(Ok(()))
        }
    }

    fn send(&mut self, frame: Frame) -> Result<(), ProxyError> {
        self.conn
            .writer
            .frame(self.framing, frame)
            .map_err(Self::misfit)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ProxyError>> {
        self.conn.poll_flush(cx)
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ProxyError>> {
        self.conn.writer.end(self.framing).map_err(Self::misfit)?;
        self.conn.poll_flush(cx)
    }
}

/// The body of a response that is still coming.
struct ResponseBody {
    conn: Option<Box<Connection>>,
}

impl BodyStream for ResponseBody {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, ProxyError>>> {
        let Some(conn) = &mut self.conn else {
            return Poll::Ready(None);
        };
        if let Some(upload) = &mut conn.upload {
            // The body travels with the connection; it is moved out so that both can be borrowed.
            let mut body = std::mem::take(&mut upload.body);
            let mut framing = upload.framing;
            let progress = poll_pump(
                &mut body,
                &mut Sink {
                    conn,
                    framing: &mut framing,
                },
                cx,
            );
            conn.upload = match progress {
                Poll::Pending => Some(Upload { body, framing }),
                Poll::Ready(Ok(())) => None,
                Poll::Ready(Err(_)) => {
                    // The response may be whole all the same; the connection is not used again.
                    conn.keep = false;
                    None
                }
            };
        }
        loop {
            match conn.decoder.decode(&mut conn.read) {
                Ok(Decoded::Frame(frame)) => {
                    conn.deadline.set(None);
                    return Poll::Ready(Some(Ok(frame)));
                }
                Ok(Decoded::End) => {
                    if let Some(conn) = self.conn.take() {
                        conn.finish();
                    }
                    return Poll::Ready(None);
                }
                Ok(Decoded::NeedMore) => {}
                Err(error) => {
                    let error = ProxyError::new(Kind::UpstreamProtocol, error.to_string());
                    self.conn = None;
                    return Poll::Ready(Some(Err(error)));
                }
            }
            let want = match &conn.decoder {
                BodyDecoder::Length(left) => {
                    usize::try_from(*left).map_or(BODY_READ, |left| left.min(BODY_READ))
                }
                _ => buffer::READ_BUFFER / 2,
            };
            match conn.poll_fill(cx, want) {
                Poll::Ready(Ok(0)) => {
                    let complete = matches!(conn.decoder, BodyDecoder::UntilClose);
                    let error = conn.broken("the response ended early", None);
                    self.conn = None;
                    return Poll::Ready((!complete).then_some(Err(error)));
                }
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => {
                    let error = conn
                        .broken(&error.to_string(), None)
                        .with_retry(Retry::Never);
                    self.conn = None;
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Pending => {
                    if conn.deadline.poll(cx).is_ready() {
                        self.conn = None;
                        let error = ProxyError::new(
                            Kind::UpstreamTimeout,
                            "the server fell silent inside a response",
                        );
                        return Poll::Ready(Some(Err(error)));
                    }
                    let gap = conn.home.transport.timeouts.gap;
                    conn.deadline.after(Some(gap));
                    let _ = conn.deadline.poll(cx);
                    return Poll::Pending;
                }
            }
        }
    }

    fn can_splice(&self) -> bool {
        self.conn.as_ref().is_some_and(|conn| {
            !conn.no_splice
                && conn.read.is_empty()
                && conn.upload.is_none()
                && conn.stream.plain().is_some()
                && (conn.splice.is_some()
                    || matches!(conn.decoder, BodyDecoder::Length(left) if left >= SPLICE_MIN))
        })
    }

    fn poll_splice(
        &mut self,
        cx: &mut Context<'_>,
        target: &TcpStream,
        moved: &mut u64,
    ) -> Poll<Option<Result<(), ProxyError>>> {
        match &mut self.conn {
            Some(conn) => poll_splice(conn, cx, target, moved),
            None => Poll::Ready(None),
        }
    }

    fn remaining(&self) -> Option<u64> {
        self.conn
            .as_ref()
            .map_or(Some(0), |conn| conn.decoder.remaining())
    }
}

/// Moves the rest of a body in the kernel. Its source is the server's connection, its target the client's.
fn poll_splice(
    conn: &mut Connection,
    cx: &mut Context<'_>,
    target: &TcpStream,
    moved: &mut u64,
) -> Poll<Option<Result<(), ProxyError>>> {
    let (BodyDecoder::Length(left), Some(source)) = (&mut conn.decoder, conn.stream.plain()) else {
        return Poll::Ready(None);
    };
    let splice = conn.splice.get_or_insert_with(|| Splice::exactly(*left));
    let before = splice.moved();
    let progress = splice.poll_pump(cx, source, target);
    let step = splice.moved() - before;
    *moved += step;
    *left -= step;
    let error = match progress {
        Poll::Pending => return Poll::Pending,
        Poll::Ready(Ok(SpliceEnd::Limit)) => {
            conn.splice = None;
            conn.decoder = BodyDecoder::Done;
            return Poll::Ready(Some(Ok(())));
        }
        Poll::Ready(Err(SpliceError::Unsupported(_))) => {
            conn.splice = None;
            conn.no_splice = true;
            return Poll::Ready(None);
        }
        Poll::Ready(Ok(SpliceEnd::Source)) => conn
            .broken("the response ended early", None)
            .with_retry(Retry::Never),
        Poll::Ready(Err(SpliceError::Source(error))) => conn
            .broken(&error.to_string(), None)
            .with_retry(Retry::Never),
        Poll::Ready(Err(SpliceError::Target(error))) => {
            ProxyError::new(Kind::ClientGone, error.to_string())
        }
    };
    Poll::Ready(Some(Err(error)))
}

/// A connection that stopped being HTTP. Never kept (I4).
struct Tunnel {
    conn: Option<Box<Connection>>,
}

impl BodyStream for Tunnel {
    fn poll_frame(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Frame, ProxyError>>> {
        Poll::Ready(None)
    }

    fn remaining(&self) -> Option<u64> {
        None
    }

    fn take_tunnel(&mut self) -> Option<Box<dyn Duplex>> {
        self.conn.take().map(|conn| conn as Box<dyn Duplex>)
    }
}

impl Duplex for Connection {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if !self.read.is_empty() {
            let run = self.read.len().min(buf.len());
            let taken = self.read.split_to(run);
            if let Some(space) = buf.get_mut(..run) {
                space.copy_from_slice(&taken);
            }
            return Poll::Ready(Ok(run));
        }
        let mut buf = ReadBuf::new(buf);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buf))?;
        Poll::Ready(Ok(buf.filled().len()))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, data)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
