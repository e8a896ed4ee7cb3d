//! One request on its way, with the facts of the connection that it came by.

use std::any::Any;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, HeaderValue, StatusCode};

use crate::body::Body;
use crate::head::{RequestHead, ResponseHead};

/// One request, its body, and what is recorded of it. Lives on one worker thread.
pub struct Exchange {
    /// The canonical head.
    pub request: RequestHead,
    /// The body; whoever forwards the request takes it.
    pub body: Body,
    /// The connection that it came by.
    pub connection: Rc<ConnectionInfo>,
    /// Sends interim responses (1xx) to the client; `None` where the client's protocol has none (HTTP/1.0).
    pub interim: Option<Rc<dyn Interim>>,
    /// What is recorded for access log, metrics and errors.
    pub record: Record,
}

impl Exchange {
    /// A request that came by `connection`, not yet read.
    pub fn new(connection: Rc<ConnectionInfo>) -> Self {
        Self::with_request(connection, RequestHead::default())
    }

    /// The same, with a head that was used before.
    pub fn with_request(connection: Rc<ConnectionInfo>, request: RequestHead) -> Self {
        Self {
            request,
            body: Body::Empty,
            connection,
            interim: None,
            record: Record::default(),
        }
    }
}

/// Sends interim responses to the client.
pub trait Interim {
    /// Sends `head` (103 Early Hints, 100 Continue and so on), as soon as the connection takes it.
    fn send(&self, head: &ResponseHead);
}

/// Facts of a client's connection, found out once.
#[derive(Debug)]
pub struct ConnectionInfo {
    /// Name of the entry point.
    pub entry_point: Arc<str>,
    /// The socket's peer (after the PROXY protocol, if that is on).
    pub peer: SocketAddr,
    /// The socket's own address.
    pub local: SocketAddr,
    /// `peer`'s address as a header value.
    pub peer_ip_value: HeaderValue,
    /// Whether `X-Forwarded-*` of this peer are believed.
    pub trusted: bool,
    /// Whether servers get the peer's address at the end of `X-Forwarded-For`.
    pub append_forwarded_for: bool,
    /// TLS, if there is any.
    pub tls: Option<TlsInfo>,
}

/// Facts of a TLS session.
#[derive(Debug, Clone)]
pub struct TlsInfo {
    /// Server name that the client asked for, canonical; `None` when it sent none.
    pub server_name: Option<Arc<str>>,
    /// Which policy (TLS options) the handshake was made under; equal numbers, equal policy (I8).
    pub policy: u64,
    /// `1.2` or `1.3`.
    pub version: &'static str,
    /// IANA name of the cipher suite.
    pub cipher: &'static str,
    /// Subject of the client's certificate, if one was shown and verified.
    pub client_subject: Option<Arc<str>>,
}

/// What is recorded of an exchange. Filled by the stages that know; read by access log and metrics.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// When the head was complete.
    pub start: Option<Instant>,
    /// URL of the server that answered, as configured.
    pub server_url: Option<Arc<str>>,
    /// When the request went to the server.
    pub upstream_start: Option<Instant>,
    /// When the server's head came.
    pub upstream_head: Option<Instant>,
    /// The server's status, before middlewares.
    pub origin_status: Option<StatusCode>,
    /// Whether `X-Forwarded-For` has the peer's address already (another try must not append it twice).
    pub forwarded_for_done: bool,
    /// Tries after the first.
    pub retries: u32,
    /// Whether [`origin_headers`](Self::origin_headers) are to be kept.
    pub keep_origin_headers: bool,
    /// The server's headers, before middlewares.
    pub origin_headers: Option<HeaderMap>,
    /// Name of the authenticated user.
    pub user: Option<String>,
    /// Routes of inner layers that it took after the first one, in order: values of the routing table's own type.
    pub inner_routes: Vec<Arc<dyn Any + Send + Sync>>,
    /// Why the exchange failed, if it did.
    pub failure: Option<String>,
}
