//! Workers: one thread, one runtime, its own listening sockets, connections and kept connections to servers.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use bytes::BytesMut;
use http::HeaderValue;
use pointsman_message::{ConnectionInfo, TlsInfo};
use pointsman_net::{Accepted, Acceptor, Listener, Stream};
use pointsman_observe::metrics::{OpenConnection, TransportLabel};
use pointsman_table::RoutingTable;
use pointsman_tls::{ALERT_UNRECOGNIZED_NAME, Handshake};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::LazyConfigAcceptor;

use crate::record::{Observers, Recorder};
use crate::settings::Settings;
use crate::{h1, h2};

/// The HTTP/2 connection preface (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// First byte of a TLS record that holds a handshake.
const TLS_HANDSHAKE: u8 = 0x16;
/// Most connections of a worker that may keep their buffers between two requests; some hundred KiB in all.
const MAX_HOT: usize = 128;
/// How long a listener's queue must be empty before its socket is closed.
const QUIET: Duration = Duration::from_millis(300);
/// How often kept connections are looked through.
const SWEEP: Duration = Duration::from_secs(5);
/// For the first byte and the TLS handshake where no read timeout is set (I10).
const HANDSHAKE: Duration = Duration::from_secs(60);

/// What all workers share. Written by the control side, read by workers.
pub struct Shared {
    table: ArcSwap<RoutingTable>,
    generation: AtomicU64,
    phase: watch::Sender<Phase>,
    connections: AtomicUsize,
}

/// Where the process is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Serving.
    Running,
    /// About to stop: still accepting, so that load balancers have time to notice.
    Announced,
    /// Accepting no more; what runs is finished.
    Draining,
}

/// The control side of all workers.
#[derive(Clone)]
pub struct Control(Arc<Shared>);

impl Control {
    /// Control over workers that begin with this table.
    pub fn new(table: RoutingTable) -> Self {
        Self(Arc::new(Shared {
            generation: AtomicU64::new(table.generation),
            table: ArcSwap::from_pointee(table),
            phase: watch::Sender::new(Phase::Running),
            connections: AtomicUsize::new(0),
        }))
    }

    /// Gives all workers another table. Requests that run keep theirs.
    pub fn swap(&self, table: RoutingTable) {
        let generation = table.generation;
        self.0.table.store(Arc::new(table));
        self.0.generation.store(generation, Ordering::Release);
    }

    /// The current table.
    pub fn table(&self) -> Arc<RoutingTable> {
        self.0.table.load_full()
    }

    /// Moves on in life.
    pub fn enter(&self, phase: Phase) {
        self.0.phase.send_replace(phase);
    }

    /// Where the process is in its life.
    pub fn phase(&self) -> Phase {
        *self.0.phase.borrow()
    }

    /// Connections that are open.
    pub fn connections(&self) -> usize {
        self.0.connections.load(Ordering::Relaxed)
    }

    /// What workers are made with.
    pub fn shared(&self) -> Arc<Shared> {
        self.0.clone()
    }
}

/// One thread's part of the data plane.
pub struct Worker {
    shared: Arc<Shared>,
    #[expect(
        clippy::redundant_allocation,
        reason = "a request's hold on the table is a count of this thread, not one that all workers share"
    )]
    table: RefCell<Rc<Arc<RoutingTable>>>,
    members: RefCell<Members>,
    server_name: HeaderValue,
    recorder: Recorder,
    /// Connections that wait for their next request with everything at hand.
    hot: Cell<usize>,
    date: RefCell<(u64, HeaderValue)>,
}

#[derive(Default)]
struct Members {
    draining: bool,
    next: u64,
    wakers: HashMap<u64, Rc<RefCell<Option<Waker>>>>,
}

/// A connection's membership in its worker: how it learns that the worker drains, and how it is counted.
pub(crate) struct Member {
    worker: Rc<Worker>,
    id: u64,
    waker: Rc<RefCell<Option<Waker>>>,
    _open: Option<OpenConnection>,
}

impl Member {
    fn join(worker: &Rc<Worker>, settings: &Settings) -> Self {
        let waker = Rc::new(RefCell::new(None));
        let mut members = worker.members.borrow_mut();
        members.next += 1;
        let id = members.next;
        members.wakers.insert(id, waker.clone());
        worker.shared.connections.fetch_add(1, Ordering::Relaxed);
        let _open = match (&worker.recorder.metrics, &settings.metrics) {
            (Some(metrics), Some(slot)) => Some(metrics.connection(slot, TransportLabel::Tcp)),
            _ => None,
        };
        Self {
            worker: worker.clone(),
            id,
            waker,
            _open,
        }
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.worker.is_draining()
    }

    /// Ready once the worker drains.
    pub(crate) fn poll_draining(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_draining() {
            return Poll::Ready(());
        }
        let mut waker = self.waker.borrow_mut();
        if !waker
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()))
        {
            *waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.worker.members.borrow_mut().wakers.remove(&self.id);
        self.worker
            .shared
            .connections
            .fetch_sub(1, Ordering::Relaxed);
    }
}

impl Worker {
    /// Serves `listeners` on the calling thread until the workers drain and every connection has ended, or the grace
    /// period has. Needs a local runtime.
    ///
    /// # Errors
    /// If a listener cannot be registered.
    pub async fn run(
        shared: Arc<Shared>,
        listeners: Vec<(Arc<Settings>, Listener)>,
        host_name: &str,
        observers: &Observers,
    ) -> std::io::Result<()> {
        let worker = Rc::new(Self {
            table: RefCell::new(Rc::new(shared.table.load_full())),
            members: RefCell::default(),
            server_name: HeaderValue::from_str(host_name)
                .unwrap_or(HeaderValue::from_static("pointsman")),
            recorder: Recorder::new(observers),
            hot: Cell::new(0),
            date: RefCell::new((0, HeaderValue::from_static(""))),
            shared,
        });
        let grace = listeners
            .iter()
            .map(|(settings, _)| settings.grace)
            .max()
            .unwrap_or_default();
        let mut tasks = tokio::task::JoinSet::new();
        for (settings, listener) in listeners {
            let acceptor = listener.into_acceptor()?;
            tasks.spawn_local(accept(worker.clone(), settings, acceptor));
        }
        let mut phase = worker.shared.phase.subscribe();
        let mut sweep = tokio::time::interval(SWEEP);
        loop {
            tokio::select! {
                changed = phase.changed() => {
                    if changed.is_err() || *phase.borrow() == Phase::Draining {
                        break;
                    }
                }
                _ = sweep.tick() => pointsman_upstream::pool::sweep(),
            }
        }
        let finish = async {
            while tasks.join_next().await.is_some() {}
            worker.drain();
            worker.wait_for_members().await;
        };
        // What is still open then is closed with the runtime.
        let _ = tokio::time::timeout(grace, finish).await;
        Ok(())
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.members.borrow().draining
    }

    fn drain(&self) {
        let mut members = self.members.borrow_mut();
        members.draining = true;
        for waker in members.wakers.values() {
            if let Some(waker) = waker.borrow_mut().take() {
                waker.wake();
            }
        }
    }

    async fn wait_for_members(&self) {
        let mut tick = tokio::time::interval(Duration::from_millis(10));
        while !self.members.borrow().wakers.is_empty() {
            tick.tick().await;
        }
    }

    /// The current table. A request loads it once.
    #[expect(
        clippy::redundant_allocation,
        reason = "a request's hold on the table is a count of this thread, not one that all workers share"
    )]
    pub(crate) fn table(&self) -> Rc<Arc<RoutingTable>> {
        let generation = self.shared.generation.load(Ordering::Acquire);
        if self.table.borrow().generation != generation {
            *self.table.borrow_mut() = Rc::new(self.shared.table.load_full());
        }
        self.table.borrow().clone()
    }

    /// A place among the connections that keep what they hold while they wait; `None` if there are many already.
    pub(crate) fn stay_hot(&self) -> Option<Hot<'_>> {
        let hot = self.hot.get();
        (hot < MAX_HOT).then(|| {
            self.hot.set(hot + 1);
            Hot(&self.hot)
        })
    }

    pub(crate) fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    pub(crate) fn server_name(&self) -> &HeaderValue {
        &self.server_name
    }

    /// The current date as a header value, made once a second.
    pub(crate) fn date(&self) -> HeaderValue {
        let now = SystemTime::now();
        let second = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let mut date = self.date.borrow_mut();
        if date.0 != second
            && let Ok(value) = HeaderValue::from_str(&httpdate::fmt_http_date(now))
        {
            *date = (second, value);
        }
        date.1.clone()
    }
}

/// A place among the hot connections, given back when dropped.
pub(crate) struct Hot<'w>(&'w Cell<usize>);

impl Drop for Hot<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// Accepts connections of one entry point until the worker drains.
async fn accept(worker: Rc<Worker>, settings: Arc<Settings>, mut acceptor: Acceptor) {
    let mut phase = worker.shared.phase.subscribe();
    loop {
        let accepted = tokio::select! {
            biased;
            changed = phase.changed() => {
                if changed.is_err() || *phase.borrow() == Phase::Draining {
                    break;
                }
                continue;
            }
            accepted = acceptor.accept() => accepted,
        };
        match accepted {
            Ok(accepted) => start(&worker, &settings, accepted, acceptor.local_addr()),
            Err(error) => {
                tracing::error!(entryPointName = &*settings.name, %error, "listener failed");
                return;
            }
        }
    }
    // Clients whose handshake is complete are served: closing the socket would reset them.
    if let Err(error) = acceptor.close_gate() {
        tracing::debug!(entryPointName = &*settings.name, %error, "new connections may be reset while stopping");
    }
    while let Ok(Some(accepted)) = acceptor.accept_rest(QUIET).await {
        start(&worker, &settings, accepted, acceptor.local_addr());
    }
}

/// Starts a connection's task. A panic in it ends this connection and nothing else (I13).
fn start(worker: &Rc<Worker>, settings: &Arc<Settings>, accepted: Accepted, local: SocketAddr) {
    let stream = match TcpStream::from_std(accepted.stream) {
        Ok(stream) => stream,
        Err(error) => {
            tracing::debug!(entryPointName = &*settings.name, %error, "connection not registered");
            return;
        }
    };
    let member = Member::join(worker, settings);
    let task = connection(
        worker.clone(),
        settings.clone(),
        stream,
        accepted.peer,
        local,
        member,
    );
    tokio::task::spawn_local(task);
}

/// Finds out what a connection speaks, and serves it.
async fn connection(
    worker: Rc<Worker>,
    settings: Arc<Settings>,
    stream: TcpStream,
    peer: SocketAddr,
    local: SocketAddr,
    member: Member,
) {
    let limit = settings.read_timeout.unwrap_or(HANDSHAKE);
    let mut first = [0; 1];
    let peeked = tokio::time::timeout(limit, first_byte(&stream, &mut first, &member)).await;
    if !matches!(peeked, Ok(Some(1))) {
        return;
    }
    let [byte] = first;
    let facts = settings.clone();
    let info = |tls| {
        let settings = &facts;
        let ip = peer.ip().to_canonical();
        Rc::new(ConnectionInfo {
            entry_point: settings.name.clone(),
            peer: SocketAddr::new(ip, peer.port()),
            local,
            peer_ip_value: HeaderValue::from_str(&ip.to_string())
                .unwrap_or(HeaderValue::from_static("")),
            trusted: settings.trusts(ip),
            append_forwarded_for: settings.append_forwarded_for,
            tls,
        })
    };
    match byte {
        TLS_HANDSHAKE => {
            let handshake = Box::pin(handshake(&worker, &settings, stream));
            let Ok(Some((tls, facts))) = tokio::time::timeout(limit, handshake).await else {
                return;
            };
            let http2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
            let info = info(Some(facts));
            let stream = Stream::Server(tls);
            if http2 {
                Box::pin(h2::serve(worker, settings, stream, info, member)).await;
            } else {
                h1::serve(worker, settings, stream, info, member).await;
            }
        }
        // Few methods begin like the preface; those that do are told apart by the rest of it.
        b'P' => {
            let mut stream = stream;
            let read = tokio::time::timeout(limit, preface(&mut stream)).await;
            let Ok(Some((read, is_http2))) = read else {
                return;
            };
            let stream = Stream::Tcp(stream);
            if is_http2 {
                let rewound = h2::Rewound {
                    read: read.freeze(),
                    stream,
                };
                Box::pin(h2::serve(worker, settings, rewound, info(None), member)).await;
            } else {
                h1::serve_from(worker, settings, stream, info(None), member, read).await;
            }
        }
        _ => h1::serve(worker, settings, Stream::Tcp(stream), info(None), member).await,
    }
}

/// Waits for the first byte without taking it; a connection that is still silent when the worker drains is closed.
async fn first_byte(stream: &TcpStream, byte: &mut [u8], member: &Member) -> Option<usize> {
    let mut buf = ReadBuf::new(byte);
    poll_fn(|cx| {
        if let Poll::Ready(peeked) = stream.poll_peek(cx, &mut buf) {
            return Poll::Ready(peeked.ok());
        }
        member.poll_draining(cx).map(|()| None)
    })
    .await
}

/// Reads until it is clear whether the connection begins with the HTTP/2 preface. What was read is returned.
async fn preface(stream: &mut TcpStream) -> Option<(BytesMut, bool)> {
    let mut read = pointsman_http1::buffer::take();
    loop {
        let length = read.len().min(PREFACE.len());
        if read.get(..length) != PREFACE.get(..length) {
            return Some((read, false));
        }
        if length == PREFACE.len() {
            return Some((read, true));
        }
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    }
}

async fn handshake(
    worker: &Worker,
    settings: &Settings,
    stream: TcpStream,
) -> Option<(Box<tokio_rustls::server::TlsStream<TcpStream>>, TlsInfo)> {
    let start = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream)
        .await
        .ok()?;
    let name = start.client_hello().server_name().map(str::to_owned);
    let table = worker.table();
    let (policy, config) = match table.tls.get(settings.index)?.handshake(name.as_deref()) {
        Handshake::Accept(policy, config) => (policy.id(), config),
        Handshake::Refuse(reason) => {
            tracing::debug!(
                entryPointName = &*settings.name,
                server_name = name,
                reason,
                "tls handshake refused"
            );
            let mut stream = start.io;
            let _ = stream.write_all(&ALERT_UNRECOGNIZED_NAME).await;
            return None;
        }
    };
    drop(table);
    // Boxed where it is made: the future of the connection, which lasts as long as it does, holds no place for it.
    let tls = match start.into_stream(config).await {
        Ok(tls) => Box::new(tls),
        Err(error) => {
            tracing::debug!(entryPointName = &*settings.name, %error, "tls handshake failed");
            return None;
        }
    };
    let session = tls.get_ref().1;
    let version = match session.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_3) => "1.3",
        _ => "1.2",
    };
    let cipher = session
        .negotiated_cipher_suite()
        .and_then(|suite| suite.suite().as_str())
        .unwrap_or("");
    let server_name = name.map(|name| name.trim_end_matches('.').to_ascii_lowercase().into());
    Some((
        tls,
        TlsInfo {
            server_name,
            policy,
            version,
            cipher,
            client_subject: None,
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Size of the future that a function returns.
    macro_rules! size_of_future {
        ($function:expr, $($argument:ident),*) => {{
            fn size<Future, $($argument),*>(
                _: impl FnOnce($($argument),*) -> Future,
            ) -> usize {
                size_of::<Future>()
            }
            size($function)
        }};
    }

    #[test]
    fn the_futures_of_an_idle_connection_are_small() {
        // What a connection costs before it has a buffer: thousands of them wait at a time.
        let task = size_of_future!(connection, A, B, C, D, E, F);
        let http1 = size_of_future!(h1::serve, A, B, C, D, E);
        assert!(task < 1024, "connection: {task}");
        assert!(http1 < 512, "http/1: {http1}");
    }
}
