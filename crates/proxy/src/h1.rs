//! The server's side of HTTP/1: the loop of one connection.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, StatusCode, Version};
use pointsman_http1::parse::Scan;
use pointsman_http1::write::LengthError;
use pointsman_http1::{
    BodyDecoder, BodyFraming, Decoded, ParseError, ParsedRequest, Writer, buffer, parse_request,
};
use pointsman_message::body::Duplex;
use pointsman_message::{
    Body, BodySink, BodyStream, ConnectionInfo, Exchange, Frame, Interim, Kind, ProxyError,
    Response, ResponseHead, Scheme, poll_pump,
};
use pointsman_net::{Deadline, Stream};
use pointsman_wire::framing::{Framing, FramingError};
use pointsman_wire::head;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::canonical::{self, Asked, Refused};
use crate::driver::{self, Handled, Progress};
use crate::record::{Finished, grpc_status};
use crate::settings::Settings;
use crate::worker::{Member, Worker};

/// A client that ended its direction may have gone, or may wait for the answer with its half of the connection closed.
/// An answer that comes within this time reaches the second kind; after it the exchange is given up (499).
const HALF_CLOSE_GRACE: Duration = Duration::from_secs(2);
/// How long a draining worker waits for the first request of a connection.
const FIRST_REQUEST: Duration = Duration::from_secs(1);
/// Within this time behind a response the next request finds everything at hand; then the connection gives back what
/// it holds.
const HOT: Duration = Duration::from_secs(1);
/// Longest silence of a server inside a body that the kernel moves.
const SERVER_GAP: Duration = Duration::from_secs(3_600);
/// Bytes of further requests that are read while one is answered.
const PIPELINE_MAX: usize = 64 * 1024;
/// A refused client gets this long, and this many bytes, to read why before the connection closes.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_MAX: usize = 256 * 1024;

/// What the loop and the body of the current request share.
struct Shared {
    stream: RefCell<Stream>,
    read: RefCell<BytesMut>,
    writer: RefCell<Writer>,
    decoder: RefCell<BodyDecoder>,
    /// The deadline of reading: of the head, then of the body.
    reading: RefCell<Deadline>,
    /// Whether the client waits for `100 Continue`.
    continue_wanted: Cell<bool>,
    /// Body bytes of the current request.
    received: Cell<u64>,
    ended: Cell<bool>,
}

/// Serves a connection until it closes.
pub(crate) async fn serve(
    worker: Rc<Worker>,
    settings: Arc<Settings>,
    stream: Stream,
    info: Rc<ConnectionInfo>,
    member: Member,
) {
    serve_from(worker, settings, stream, info, member, BytesMut::new()).await;
}

/// Serves a connection whose first bytes were read already.
pub(crate) async fn serve_from(
    worker: Rc<Worker>,
    settings: Arc<Settings>,
    stream: Stream,
    info: Rc<ConnectionInfo>,
    member: Member,
    read: BytesMut,
) {
    let shared = Rc::new(Shared {
        stream: RefCell::new(stream),
        read: RefCell::new(read),
        writer: RefCell::default(),
        decoder: RefCell::new(BodyDecoder::Done),
        reading: RefCell::default(),
        continue_wanted: Cell::new(false),
        received: Cell::new(0),
        ended: Cell::new(false),
    });
    let opened = Instant::now();
    let mut requests: u64 = 0;
    loop {
        let patience = if requests == 0 {
            Patience::First
        } else {
            Patience::Idle
        };
        match shared.wait_for_bytes(&settings, &member, patience).await {
            Waited::Bytes => {}
            Waited::Quiet | Waited::Closed => return,
        }
        // Everything that a request needs is made here and gone when the connection is idle again, so that an idle
        // connection is small.
        let burst = Box::pin(burst(
            &worker,
            &settings,
            &shared,
            &info,
            &member,
            &mut requests,
            opened,
        ));
        if burst.await == Next::Close {
            return;
        }
    }
}

#[derive(PartialEq, Eq)]
enum Next {
    Idle,
    Close,
}

#[derive(Clone, Copy)]
enum Waited {
    Bytes,
    /// Nothing came for a while.
    Quiet,
    Closed,
}

/// How long a connection waits for the first byte of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    /// A new connection: as long as a request may take.
    First,
    /// Behind a request: as long as it is worth keeping everything at hand.
    Hot,
    /// As long as an idle connection may live.
    Idle,
}

/// Answers requests until there are no bytes of a further one.
async fn burst(
    worker: &Worker,
    settings: &Settings,
    shared: &Rc<Shared>,
    info: &Rc<ConnectionInfo>,
    member: &Member,
    requests: &mut u64,
    opened: Instant,
) -> Next {
    let mut exchange = Exchange::with_request(info.clone(), buffer::take_request());
    loop {
        let parsed = match shared
            .read_head(settings, &mut exchange.request.headers)
            .await
        {
            Ok(Some(parsed)) => parsed,
            Ok(None) => return Next::Close,
            Err(refused) => {
                shared
                    .refuse(worker, settings, &mut exchange, refused)
                    .await;
                return Next::Close;
            }
        };
        *requests += 1;
        let last = member.is_draining()
            || (settings.max_requests > 0 && *requests >= settings.max_requests)
            || settings.max_age.is_some_and(|age| opened.elapsed() >= age);
        match one(worker, settings, shared, &mut exchange, parsed, last).await {
            Next::Close => return Next::Close,
            Next::Idle => {}
        }
        if shared.read.borrow().is_empty() {
            exchange.request.headers.clear();
            buffer::give(std::mem::take(&mut *shared.read.borrow_mut()));
            let Some(_hot) = worker.stay_hot() else { break };
            match shared.wait_for_bytes(settings, member, Patience::Hot).await {
                Waited::Bytes => {}
                Waited::Quiet => break,
                Waited::Closed => return Next::Close,
            }
        }
    }
    buffer::give_request(std::mem::take(&mut exchange.request));
    shared.writer.borrow_mut().shrink();
    Next::Idle
}

/// Answers one request.
async fn one(
    worker: &Worker,
    settings: &Settings,
    shared: &Rc<Shared>,
    exchange: &mut Exchange,
    parsed: ParsedRequest,
    last: bool,
) -> Next {
    let headers = std::mem::take(&mut exchange.request.headers);
    let scheme = if exchange.connection.tls.is_some() {
        Scheme::Https
    } else {
        Scheme::Http
    };
    let version = match parsed.version {
        head::Version::Http10 => Version::HTTP_10,
        head::Version::Http11 => Version::HTTP_11,
    };
    exchange
        .request
        .reset(parsed.method.clone(), scheme, version);
    exchange.request.headers = headers;
    exchange.record = Default::default();
    exchange.interim = (version == Version::HTTP_11).then(|| shared.clone() as Rc<dyn Interim>);
    shared.received.set(0);
    // A client of HTTP/1.0 knows no interim responses (RFC 9110 §10.1.1).
    let continues = parsed.expect == Some(head::Expectation::Continue)
        && parsed.framing != Framing::None
        && version == Version::HTTP_11;
    if continues {
        let value = HeaderValue::from_static("100-continue");
        exchange.request.headers.insert(header::EXPECT, value);
    }
    shared.continue_wanted.set(continues);
    *shared.decoder.borrow_mut() = BodyDecoder::new(parsed.framing);
    exchange.body = shared.body();

    let mut progress = Progress::default();
    let handled = match admit(worker, settings, exchange, &parsed) {
        Err(refused) => {
            shared.refuse(worker, settings, exchange, refused).await;
            return Next::Close;
        }
        Ok(Asked::Server) => Response::new(StatusCode::OK, Body::Empty).into(),
        Ok(Asked::Tunnel) => Response::new(StatusCode::NOT_IMPLEMENTED, "Not Implemented").into(),
        Ok(Asked::Route) => match shared
            .watched(driver::handle(worker, settings, exchange, &mut progress))
            .await
        {
            Some(response) => progress.with(response),
            None => {
                let error = ProxyError::new(Kind::ClientGone, "the client closed the connection");
                let handled = progress.with(driver::failed(exchange, error));
                shared.note(worker, settings, exchange, &handled, 0, None);
                return Next::Close;
            }
        },
    };
    exchange.body = Body::Empty;
    shared
        .respond(
            worker,
            settings,
            exchange,
            handled,
            parsed.keep_alive
                && !last
                // Told as late as can be: the worker may have begun to drain while the server worked.
                && !worker.is_draining()
                && exchange.request.method != Method::CONNECT,
        )
        .await
}

/// Makes a request canonical, in the order of Traefik's entry points.
fn admit(
    worker: &Worker,
    settings: &Settings,
    exchange: &mut Exchange,
    parsed: &ParsedRequest,
) -> Result<Asked, Refused> {
    if parsed.expect == Some(head::Expectation::Unknown) {
        return Err(Refused {
            status: StatusCode::EXPECTATION_FAILED,
            reason: "unknown expectation".to_owned(),
        });
    }
    let request = &mut exchange.request;
    canonical::underscores(&mut request.headers, settings)?;
    let asked = canonical::http1(
        request,
        &parsed.target,
        parsed.host.as_deref(),
        parsed.version,
        settings,
    )?;
    canonical::drop_nominated(&mut request.headers, &parsed.nominated, settings);
    canonical::forwarded(
        request,
        &exchange.connection,
        settings,
        worker.server_name(),
    );
    Ok(asked)
}

impl Shared {
    /// Waits, without a buffer, for the first byte of a request.
    async fn wait_for_bytes(
        &self,
        settings: &Settings,
        member: &Member,
        patience: Patience,
    ) -> Waited {
        if !self.read.borrow().is_empty() {
            return Waited::Bytes;
        }
        let first = patience == Patience::First;
        let over = match patience {
            Patience::First | Patience::Idle => Waited::Closed,
            Patience::Hot => Waited::Quiet,
        };
        let timeout = match patience {
            Patience::First => settings.read_timeout.or(settings.idle_timeout),
            Patience::Hot => Some(settings.idle_timeout.map_or(HOT, |idle| idle.min(HOT))),
            Patience::Idle => settings.idle_timeout.map(|idle| idle.saturating_sub(HOT)),
        };
        self.reading.borrow_mut().after(timeout);
        let mut hurried = !first;
        poll_fn(|cx| {
            // What has come is answered, even if the worker drains: closing would reset the client.
            if let Poll::Ready(waited) = self.poll_first_bytes(cx) {
                return Poll::Ready(waited);
            }
            if !(hurried && first) && member.poll_draining(cx).is_ready() {
                if hurried {
                    return Poll::Ready(Waited::Closed);
                }
                // The first request of a new connection may be on its way.
                hurried = true;
                self.reading.borrow_mut().after(Some(FIRST_REQUEST));
            }
            self.reading.borrow_mut().poll(cx).map(|()| over)
        })
        .await
    }

    fn poll_first_bytes(&self, cx: &mut Context<'_>) -> Poll<Waited> {
        // TLS may hold bytes that the socket knows nothing of any more, so there only a read tells.
        let plain = self.stream.borrow().plain().is_some();
        if plain && ready!(self.stream.borrow().poll_readable(cx)).is_err() {
            return Poll::Ready(Waited::Closed);
        }
        *self.read.borrow_mut() = buffer::take();
        match self.poll_fill(cx) {
            Poll::Ready(Ok(0) | Err(_)) => Poll::Ready(Waited::Closed),
            Poll::Ready(Ok(_)) => Poll::Ready(Waited::Bytes),
            // TLS: the record is not complete yet.
            Poll::Pending => {
                buffer::give(std::mem::take(&mut *self.read.borrow_mut()));
                Poll::Pending
            }
        }
    }

    /// Reads a head; `None` when the client went away inside of it.
    async fn read_head(
        &self,
        settings: &Settings,
        headers: &mut HeaderMap,
    ) -> Result<Option<ParsedRequest>, Refused> {
        // As in Go, the deadline of the head is that of the whole request.
        self.reading.borrow_mut().after(settings.read_timeout);
        let mut scan = Scan::default();
        headers.clear();
        poll_fn(|cx| {
            loop {
                let parsed = parse_request(
                    &mut self.read.borrow_mut(),
                    &mut scan,
                    headers,
                    settings.limits,
                );
                match parsed {
                    Ok(Some(parsed)) => return Poll::Ready(Ok(Some(parsed))),
                    Ok(None) => {}
                    Err(error) => return Poll::Ready(Err(refused(error))),
                }
                if self.reading.borrow_mut().poll(cx).is_ready() {
                    return Poll::Ready(Ok(None));
                }
                match ready!(self.poll_fill(cx)) {
                    Ok(0) | Err(_) => return Poll::Ready(Ok(None)),
                    Ok(_) => {}
                }
            }
        })
        .await
    }

    /// The body of the request whose head was just read.
    fn body(self: &Rc<Self>) -> Body {
        let mut decoder = self.decoder.borrow_mut();
        match *decoder {
            BodyDecoder::Done => Body::Empty,
            // What came with the head is a body that can be sent again, and costs nothing to look at.
            BodyDecoder::Length(length)
                if !self.continue_wanted.get() && length <= self.read.borrow().len() as u64 =>
            {
                *decoder = BodyDecoder::Done;
                self.received.set(length);
                Body::Bytes(self.read.borrow_mut().split_to(length as usize).freeze())
            }
            _ => Body::Stream(Box::new(RequestBody {
                shared: self.clone(),
            })),
        }
    }

    /// Runs `work` and looks out for the client meanwhile; `None` when it has gone.
    async fn watched(&self, work: impl Future<Output = Response>) -> Option<Response> {
        let mut work = pin!(work);
        let mut grace = Deadline::default();
        poll_fn(|cx| {
            if let Poll::Ready(response) = work.as_mut().poll(cx) {
                return Poll::Ready(Some(response));
            }
            if let Poll::Ready(Err(_)) = self.poll_flush(cx) {
                return Poll::Ready(None);
            }
            // While the body is read, whoever reads it sees the client go.
            if !self.decoder.borrow().is_done() {
                return Poll::Pending;
            }
            self.poll_gone(cx, &mut grace).map(|()| None)
        })
        .await
    }

    /// Ready when the client has gone: at once if its connection broke, after a grace if it only sends no more.
    /// What it sends meanwhile is kept for later.
    fn poll_gone(&self, cx: &mut Context<'_>, grace: &mut Deadline) -> Poll<()> {
        while !self.ended.get() && self.read.borrow().len() < PIPELINE_MAX {
            if ready!(self.stream.borrow().poll_readable(cx)).is_err() {
                return Poll::Ready(());
            }
            match ready!(self.poll_fill(cx)) {
                Ok(0) => self.ended.set(true),
                Ok(_) => {}
                Err(_) => return Poll::Ready(()),
            }
        }
        if self.ended.get() && !grace.is_set() {
            grace.after(Some(HALF_CLOSE_GRACE));
        }
        grace.poll(cx)
    }

    /// Writes a response and its body, and settles what becomes of the connection.
    async fn respond(
        self: &Rc<Self>,
        worker: &Worker,
        settings: &Settings,
        exchange: &mut Exchange,
        mut handled: Handled,
        keep_alive: bool,
    ) -> Next {
        let version = exchange.request.version;
        let response = &mut handled.response;
        if response.head.status == StatusCode::SWITCHING_PROTOCOLS {
            return self.switch(worker, settings, exchange, handled).await;
        }
        let bodiless = exchange.request.method == Method::HEAD
            || matches!(
                response.head.status,
                StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
            );
        let mut framing = match response.body.remaining() {
            _ if bodiless => BodyFraming::None,
            Some(length) => BodyFraming::Length(length),
            None if version == Version::HTTP_10 => BodyFraming::UntilClose,
            None => BodyFraming::Chunked,
        };
        let declared = if bodiless && response.head.status != StatusCode::NO_CONTENT {
            response
                .head
                .declared_length
                .or_else(|| response.body.remaining().filter(|length| *length > 0))
        } else {
            None
        };
        // Whoever still waits for `100 Continue` has its final answer; nothing may get in between.
        self.continue_wanted.set(false);
        // I3: what is left of a request's body would be read as the next request. After the client's end only what
        // has come already can be another one.
        let clean =
            self.decoder.borrow().is_done() && !(self.ended.get() && self.read.borrow().is_empty());
        let keep = keep_alive && clean && framing != BodyFraming::UntilClose;
        let connection = match (keep, version) {
            (false, Version::HTTP_11) => Some("close"),
            (true, Version::HTTP_10) => Some("keep-alive"),
            _ => None,
        };
        if !response.head.headers.contains_key(header::DATE) {
            response.head.headers.insert(header::DATE, worker.date());
        }
        self.writer.borrow_mut().response_head(
            &response.head,
            version,
            framing,
            declared,
            connection,
        );
        let mut sent = 0;
        let mut grpc = None;
        let mut body = if bodiless {
            Body::Empty
        } else {
            std::mem::take(&mut response.body)
        };
        let result = {
            let mut sink = Sink {
                shared: self,
                framing: &mut framing,
                sent: &mut sent,
                grpc: &mut grpc,
                stall: Deadline::default(),
                settings,
                until: settings
                    .write_timeout
                    .map(|timeout| Instant::now() + timeout),
            };
            let mut grace = Deadline::default();
            let mut before = 0;
            poll_fn(|cx| {
                if let Poll::Ready(result) = poll_pump(&mut body, &mut sink, cx) {
                    return Poll::Ready(result);
                }
                // Bytes that the client does not take are the sink's matter.
                if !self.writer.borrow().is_empty() || !self.decoder.borrow().is_done() {
                    return Poll::Pending;
                }
                if before != *sink.sent {
                    before = *sink.sent;
                    grace.set(None);
                }
                self.poll_gone(cx, &mut grace)
                    .map(|()| Err(gone("the client closed the connection")))
            })
            .await
        };
        if let Err(error) = &result {
            tracing::debug!(entryPointName = &*settings.name, %error, "response not completed");
            exchange
                .record
                .failure
                .get_or_insert_with(|| error.to_string());
        }
        self.note(worker, settings, exchange, &handled, sent, grpc);
        buffer::give_headers(std::mem::take(&mut handled.response.head.headers));
        if result.is_err() {
            return Next::Close;
        }
        if keep && self.decoder.borrow().is_done() {
            return Next::Idle;
        }
        self.close().await;
        Next::Close
    }

    /// Hands the connection over to the protocol that the server agreed to.
    async fn switch(
        self: &Rc<Self>,
        worker: &Worker,
        settings: &Settings,
        exchange: &mut Exchange,
        mut handled: Handled,
    ) -> Next {
        let tunnel = match &mut handled.response.body {
            Body::Stream(stream) => stream.take_tunnel(),
            Body::Empty | Body::Bytes(_) => None,
        };
        let Some(mut server) = tunnel else {
            return Next::Close;
        };
        let head = &handled.response.head;
        self.writer.borrow_mut().response_head(
            head,
            Version::HTTP_11,
            BodyFraming::None,
            None,
            Some("Upgrade"),
        );
        let mut client = Client(self.clone());
        let (up, down) = crate::tunnel::join(&mut client, &mut *server).await;
        self.received.set(up);
        self.note(worker, settings, exchange, &handled, down, None);
        Next::Close
    }

    /// Answers what gets no further than its head, and closes.
    async fn refuse(
        &self,
        worker: &Worker,
        settings: &Settings,
        exchange: &mut Exchange,
        refused: Refused,
    ) {
        tracing::debug!(
            entryPointName = &*settings.name,
            reason = refused.reason,
            "request refused"
        );
        exchange
            .record
            .start
            .get_or_insert_with(std::time::Instant::now);
        exchange.record.failure = Some(refused.reason);
        let text = format!(
            "{} {}",
            refused.status.as_str(),
            refused.status.canonical_reason().unwrap_or_default()
        );
        let mut response = Response::new(refused.status, Body::Empty);
        let headers = &mut response.head.headers;
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        {
            let mut writer = self.writer.borrow_mut();
            let framing = BodyFraming::Length(text.len() as u64);
            writer.response_head(
                &response.head,
                Version::HTTP_11,
                framing,
                None,
                Some("close"),
            );
            if exchange.request.method != Method::HEAD {
                writer.raw(text.as_bytes());
            }
        }
        self.note(
            worker,
            settings,
            exchange,
            &response.into(),
            text.len() as u64,
            None,
        );
        self.close().await;
    }

    fn note(
        &self,
        worker: &Worker,
        settings: &Settings,
        exchange: &Exchange,
        handled: &Handled,
        sent: u64,
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
            bytes: (self.received.get(), sent),
        });
    }

    /// Closes in a way that lets the client read the last response: closing with unread bytes would reset it away.
    async fn close(&self) {
        let mut deadline = Deadline::default();
        deadline.after(Some(LINGER));
        let mut discarded = 0;
        let mut shut = false;
        poll_fn(|cx| {
            if deadline.poll(cx).is_ready() {
                return Poll::Ready(());
            }
            if !shut {
                if ready!(self.poll_flush(cx)).is_err() {
                    return Poll::Ready(());
                }
                if ready!(Pin::new(&mut *self.stream.borrow_mut()).poll_shutdown(cx)).is_err() {
                    return Poll::Ready(());
                }
                shut = true;
            }
            loop {
                self.read.borrow_mut().clear();
                match ready!(self.poll_fill(cx)) {
                    Ok(read) if read > 0 && discarded < LINGER_MAX => discarded += read,
                    _ => return Poll::Ready(()),
                }
            }
        })
        .await;
    }

    fn poll_fill(&self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut read = self.read.borrow_mut();
        buffer::make_room(&mut read, 1);
        let mut stream = self.stream.borrow_mut();
        // `read_buf` is the safe way to read into memory that was never written.
        pin!(stream.read_buf(&mut *read)).poll(cx)
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut writer = self.writer.borrow_mut();
        if writer.is_empty() && self.stream.borrow().plain().is_some() {
            return Poll::Ready(Ok(()));
        }
        writer.poll_flush(cx, &mut *self.stream.borrow_mut())
    }
}

impl Interim for Shared {
    fn send(&self, head: &ResponseHead) {
        if head.status == StatusCode::CONTINUE && !self.continue_wanted.replace(false) {
            // Sent already, or not asked for.
            return;
        }
        self.writer.borrow_mut().response_head(
            head,
            Version::HTTP_11,
            BodyFraming::None,
            None,
            None,
        );
    }
}

fn refused(error: ParseError) -> Refused {
    let status = match error {
        ParseError::TooLarge { .. } => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        ParseError::Head(head::HeadError::Version) => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
        ParseError::Framing(FramingError::UnsupportedCoding) => StatusCode::NOT_IMPLEMENTED,
        _ => StatusCode::BAD_REQUEST,
    };
    Refused {
        status,
        reason: error.to_string(),
    }
}

/// The body of the current request.
struct RequestBody {
    shared: Rc<Shared>,
}

impl BodyStream for RequestBody {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, ProxyError>>> {
        let shared = &self.shared;
        if shared.continue_wanted.get() {
            shared.send(&ResponseHead::new(StatusCode::CONTINUE));
        }
        if let Poll::Ready(Err(error)) = shared.poll_flush(cx) {
            return Poll::Ready(Some(Err(gone(&error.to_string()))));
        }
        loop {
            let decoded = shared
                .decoder
                .borrow_mut()
                .decode(&mut shared.read.borrow_mut());
            match decoded {
                Ok(Decoded::Frame(frame)) => {
                    if let Frame::Data(data) = &frame {
                        shared
                            .received
                            .set(shared.received.get() + data.len() as u64);
                    }
                    return Poll::Ready(Some(Ok(frame)));
                }
                Ok(Decoded::End) => return Poll::Ready(None),
                Ok(Decoded::NeedMore) => {}
                Err(error) => {
                    return Poll::Ready(Some(Err(ProxyError::new(
                        Kind::BadRequest,
                        error.to_string(),
                    ))));
                }
            }
            if shared.reading.borrow_mut().poll(cx).is_ready() {
                let error =
                    ProxyError::new(Kind::ClientTimeout, "the request did not come in time");
                return Poll::Ready(Some(Err(error)));
            }
            match ready!(shared.poll_fill(cx)) {
                Ok(0) => {
                    shared.ended.set(true);
                    return Poll::Ready(Some(Err(gone("the request ended early"))));
                }
                Ok(_) => {}
                Err(error) => return Poll::Ready(Some(Err(gone(&error.to_string())))),
            }
        }
    }

    fn remaining(&self) -> Option<u64> {
        self.shared.decoder.borrow().remaining()
    }
}

fn gone(reason: &str) -> ProxyError {
    ProxyError::new(Kind::ClientGone, reason.to_owned())
}

/// Takes the body of a response.
struct Sink<'c> {
    shared: &'c Shared,
    framing: &'c mut BodyFraming,
    sent: &'c mut u64,
    /// Status of a gRPC response, once its trailers went by.
    grpc: &'c mut Option<u16>,
    stall: Deadline,
    settings: &'c Settings,
    until: Option<Instant>,
}

impl Sink<'_> {
    fn misfit(error: LengthError) -> ProxyError {
        ProxyError::new(Kind::UpstreamProtocol, format!("response {error}"))
    }

    /// Writes; fails when the client takes nothing for too long.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ProxyError>> {
        match self.shared.poll_flush(cx) {
            Poll::Ready(result) => {
                self.stall.set(None);
                Poll::Ready(result.map_err(|error| gone(&error.to_string())))
            }
            Poll::Pending => {
                // Set once for what waits: neither a poll for another reason nor a drip of bytes buys time.
                if !self.stall.is_set() {
                    let stall = Instant::now() + self.settings.write_stall;
                    self.stall
                        .set(Some(self.until.map_or(stall, |until| until.min(stall))));
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

impl BodySink for Sink<'_> {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ProxyError>> {
        if self.shared.writer.borrow().is_full() {
            self.poll_write(cx)
        } else {
            Poll::Ready(Ok(()))
        }
    }

    fn send(&mut self, frame: Frame) -> Result<(), ProxyError> {
        match &frame {
            Frame::Data(data) => *self.sent += data.len() as u64,
            Frame::Trailers(trailers) => *self.grpc = grpc_status(trailers),
        }
        self.shared
            .writer
            .borrow_mut()
            .frame(self.framing, frame)
            .map_err(Self::misfit)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ProxyError>> {
        self.poll_write(cx)
    }

    fn poll_splice(
        &mut self,
        body: &mut Body,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<(), ProxyError>>> {
        let (Body::Stream(source), BodyFraming::Length(_)) = (body, &*self.framing) else {
            return Poll::Ready(None);
        };
        if !source.can_splice() || self.shared.stream.borrow().plain().is_none() {
            return Poll::Ready(None);
        }
        if !self.shared.writer.borrow().is_empty()
            && let Err(error) = ready!(self.poll_write(cx))
        {
            return Poll::Ready(Some(Err(error)));
        }
        let stream = self.shared.stream.borrow();
        let Some(target) = stream.plain() else {
            return Poll::Ready(None);
        };
        let mut moved = 0;
        let progress = source.poll_splice(cx, target, &mut moved);
        *self.sent += moved;
        if let BodyFraming::Length(left) = &mut *self.framing {
            *left = left.saturating_sub(moved);
        }
        if progress.is_pending() {
            // A client that has room is not the one that is waited for.
            let client_has_room = target.poll_write_ready(cx).is_ready();
            if client_has_room {
                self.stall.after(Some(SERVER_GAP));
            } else if moved > 0 || !self.stall.is_set() {
                let stall = Instant::now() + self.settings.write_stall;
                self.stall
                    .set(Some(self.until.map_or(stall, |until| until.min(stall))));
            }
            if self.stall.poll(cx).is_ready() {
                let error = if client_has_room {
                    ProxyError::new(
                        Kind::UpstreamTimeout,
                        "the server fell silent inside a response",
                    )
                } else {
                    ProxyError::new(Kind::ClientTimeout, "the client reads nothing")
                };
                return Poll::Ready(Some(Err(error)));
            }
        }
        progress
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ProxyError>> {
        self.shared
            .writer
            .borrow_mut()
            .end(self.framing)
            .map_err(Self::misfit)?;
        self.poll_write(cx)
    }
}

/// The client's connection as one end of a tunnel.
struct Client(Rc<Shared>);

impl Duplex for Client {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let waiting = &mut *self.0.read.borrow_mut();
        if !waiting.is_empty() {
            let run = waiting.len().min(buf.len());
            let taken: Bytes = waiting.split_to(run).freeze();
            if let Some(space) = buf.get_mut(..run) {
                space.copy_from_slice(&taken);
            }
            return Poll::Ready(Ok(run));
        }
        if self.0.ended.get() {
            return Poll::Ready(Ok(0));
        }
        let mut buf = ReadBuf::new(buf);
        ready!(Pin::new(&mut *self.0.stream.borrow_mut()).poll_read(cx, &mut buf))?;
        Poll::Ready(Ok(buf.filled().len()))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.0.poll_flush(cx))?;
        Pin::new(&mut *self.0.stream.borrow_mut()).poll_write(cx, data)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_flush(cx)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.0.poll_flush(cx))?;
        Pin::new(&mut *self.0.stream.borrow_mut()).poll_shutdown(cx)
    }
}
