//! A service of servers, compiled.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Instant;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue, SET_COOKIE, UPGRADE};
use http::{Method, header};
use pointsman_message::{Body, Call, Exchange, Kind, LocalBoxFuture, ProxyError, Response, Retry};

use crate::balance::WeightedRoundRobin;
use crate::connect::{Protocols, connect};
use crate::endpoint::{Endpoint, UpstreamScheme};
use crate::h1::{Connection, Home};
use crate::h2::Shared;
use crate::pool::{self, PlaceKey};
use crate::sticky::{Sticky, StickyValues, Stuck};
use crate::transport::Transport;

/// Tries of one request over kept connections that turn out to be closed, before a new connection is made.
const STALE_TRIES: u32 = 3;

/// Servers, and how one of them is chosen. Shared by all workers.
pub struct LoadBalancer {
    servers: Box<[Server]>,
    robin: WeightedRoundRobin,
    sticky: Option<Sticky>,
    pass_host: bool,
    transport: Arc<Transport>,
}

/// One server of a service.
#[derive(Debug)]
pub struct Server {
    endpoint: Arc<Endpoint>,
    key: PlaceKey,
    preserve_path: bool,
    weight: u32,
    /// Where the service is sticky.
    sticky: Option<Box<StickyValues>>,
}

impl Server {
    /// A server at `endpoint`, reached through `transport`. `weight` 0: gets only requests that are stuck to it.
    pub fn new(
        endpoint: Endpoint,
        transport: &Transport,
        weight: u32,
        preserve_path: bool,
    ) -> Self {
        Self {
            key: PlaceKey::new(transport, &endpoint),
            sticky: None,
            endpoint: Arc::new(endpoint),
            preserve_path,
            weight,
        }
    }
}

impl LoadBalancer {
    /// A service of `servers`. `position` is where the round robin goes on.
    pub fn new(
        servers: Vec<Server>,
        sticky: Option<Sticky>,
        pass_host: bool,
        transport: Arc<Transport>,
        position: Arc<AtomicU32>,
    ) -> Self {
        let mut servers = servers;
        if sticky.is_some() {
            for server in &mut servers {
                server.sticky = Some(Box::new(StickyValues::new(&server.endpoint.url)));
            }
        }
        let weights: Vec<u32> = servers.iter().map(|server| server.weight).collect();
        Self {
            robin: WeightedRoundRobin::new(&weights, position),
            servers: servers.into(),
            sticky,
            pass_host,
            transport,
        }
    }

    /// URLs of the servers, as configured.
    pub fn urls(&self) -> impl Iterator<Item = &str> {
        self.servers.iter().map(|server| &*server.endpoint.url)
    }

    /// Sends the exchange to one of the servers.
    ///
    /// # Errors
    /// [`ProxyError`]; [`Kind::NoServer`] if none may take it.
    pub async fn forward(&self, exchange: &mut Exchange) -> Result<Response, ProxyError> {
        let stuck = self.sticky.as_ref().map(|sticky| {
            let servers = self
                .servers
                .iter()
                .enumerate()
                .filter_map(|(index, server)| Some((index, server.sticky.as_deref()?)));
            sticky.find(&exchange.request.headers, servers)
        });
        let index = match stuck {
            Some(Stuck::To(index) | Stuck::ToOldForm(index)) => Some(index),
            Some(Stuck::Nowhere) | None => self.robin.next(),
        };
        let server = index
            .and_then(|index| self.servers.get(index))
            .ok_or_else(|| ProxyError::new(Kind::NoServer, "no available server"))?;
        append_forwarded_for(exchange);
        exchange.record.server_url = Some(server.endpoint.url.clone());
        exchange
            .record
            .upstream_start
            .get_or_insert_with(Instant::now);
        let mut response = if server.preserve_path && !server.endpoint.path.is_empty() {
            let original = exchange.request.path().to_owned();
            exchange
                .request
                .set_path(&format!("{}{original}", server.endpoint.path));
            let response = self.send(exchange, server).await;
            exchange.request.set_path(&original);
            response?
        } else {
            self.send(exchange, server).await?
        };
        exchange.record.upstream_head = Some(Instant::now());
        exchange.record.origin_status = Some(response.head.status);
        if exchange.record.keep_origin_headers {
            exchange.record.origin_headers = Some(response.head.headers.clone());
        }
        if let (Some(sticky), Some(Stuck::Nowhere | Stuck::ToOldForm(_))) = (&self.sticky, stuck)
            && let Some(cookie) = server
                .sticky
                .as_deref()
                .and_then(|values| sticky.set_cookie(values))
        {
            response.head.headers.append(SET_COOKIE, cookie);
        }
        Ok(response)
    }

    async fn send(&self, exchange: &mut Exchange, server: &Server) -> Result<Response, ProxyError> {
        let endpoint = &server.endpoint;
        // The head is lent to the connection, so the authority has to be a copy; its buffer is small.
        let authority = if self.pass_host && !exchange.request.authority().is_empty() {
            exchange.request.authority().to_owned()
        } else {
            endpoint.authority.clone()
        };
        let upgrade = exchange.request.headers.contains_key(UPGRADE);
        let protocols = if upgrade {
            Protocols::Http1
        } else {
            Protocols::Any
        };
        let mut stale = 0;
        loop {
            // Sending takes the body; one that is known as a whole costs nothing to keep.
            let whole = match &exchange.body {
                Body::Empty => Some(Bytes::new()),
                Body::Bytes(bytes) => Some(bytes.clone()),
                Body::Stream(stream) => stream.is_end().then(Bytes::new),
            };
            let result = if stale < STALE_TRIES {
                self.over_kept(exchange, server, &authority, protocols)
                    .await
            } else {
                None
            };
            let reused = result.is_some();
            let result = match result {
                Some(result) => result,
                None => self.over_new(exchange, server, &authority, protocols).await,
            };
            match result {
                Err(error) if reused && may_repeat(&error, exchange, whole.is_some()) => {
                    stale += 1;
                    if let Some(bytes) = whole {
                        exchange.body = bytes.into();
                    }
                }
                result => return result,
            }
        }
    }

    /// Over a connection that is there; `None` if there is none.
    async fn over_kept(
        &self,
        exchange: &mut Exchange,
        server: &Server,
        authority: &str,
        protocols: Protocols,
    ) -> Option<Result<Response, ProxyError>> {
        let endpoint = &server.endpoint;
        if endpoint.scheme != UpstreamScheme::Http
            && protocols == Protocols::Any
            && let Some(shared) = pool::shared(server.key, &self.transport, endpoint)
        {
            return Some(shared.exchange(exchange, authority, &self.transport).await);
        }
        let connection = pool::take(server.key, &self.transport, endpoint)?;
        Some(connection.exchange(exchange, authority).await)
    }

    async fn over_new(
        &self,
        exchange: &mut Exchange,
        server: &Server,
        authority: &str,
        protocols: Protocols,
    ) -> Result<Response, ProxyError> {
        let home = Home {
            key: server.key,
            transport: self.transport.clone(),
            endpoint: server.endpoint.clone(),
        };
        // Boxed: connecting is rare, and its future is large.
        let connected = Box::pin(connect(&home.endpoint, &home.transport, protocols)).await?;
        if !connected.http2 {
            return Connection::new(connected.stream, home)
                .exchange(exchange, authority)
                .await;
        }
        let shared = Box::pin(Shared::start(connected.stream, &home)).await?;
        pool::share(home.key, &home.transport, &home.endpoint, shared.clone());
        shared.exchange(exchange, authority, &self.transport).await
    }
}

impl Call for LoadBalancer {
    fn call<'a>(
        &'a self,
        exchange: &'a mut Exchange,
    ) -> LocalBoxFuture<'a, Result<Response, ProxyError>> {
        Box::pin(self.forward(exchange))
    }
}

/// Whether a request that failed on a kept connection may go to another one.
fn may_repeat(error: &ProxyError, exchange: &Exchange, whole: bool) -> bool {
    match error.retry {
        Retry::Never => false,
        Retry::Unsent => true,
        Retry::StaleConnection => whole && is_repeatable(exchange),
    }
}

/// As Go's transport decides: methods without side effects, or a request that says that it may be repeated.
fn is_repeatable(exchange: &Exchange) -> bool {
    static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
    static X_IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("x-idempotency-key");
    let request = &exchange.request;
    matches!(
        request.method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE
    ) || request.headers.contains_key(&IDEMPOTENCY_KEY)
        || request.headers.contains_key(&X_IDEMPOTENCY_KEY)
}

fn append_forwarded_for(exchange: &mut Exchange) {
    static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
    if exchange.record.forwarded_for_done || !exchange.connection.append_forwarded_for {
        return;
    }
    exchange.record.forwarded_for_done = true;
    let peer = &exchange.connection.peer_ip_value;
    let headers = &mut exchange.request.headers;
    let value = match headers.entry(&X_FORWARDED_FOR) {
        header::Entry::Vacant(vacant) => {
            vacant.insert(peer.clone());
            return;
        }
        header::Entry::Occupied(occupied) => {
            let mut joined = Vec::new();
            for value in occupied.iter().chain([peer]) {
                if !joined.is_empty() {
                    joined.extend_from_slice(b", ");
                }
                joined.extend_from_slice(value.as_bytes());
            }
            HeaderValue::from_maybe_shared(Bytes::from(joined))
        }
    };
    // Values that were valid one by one are valid joined.
    if let Ok(value) = value {
        headers.insert(&X_FORWARDED_FOR, value);
    }
}
