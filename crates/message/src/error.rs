//! The one error of the request path.

use std::borrow::Cow;

use http::StatusCode;

use crate::head::ResponseHead;

/// "Client closed request", nginx's number, which Traefik logs too. Nobody gets to see it.
const CLIENT_CLOSED: u16 = 499;

/// Why an exchange failed. What it becomes for the client is decided in one place, [`ProxyError::status`]; the proxy
/// crate makes the answer.
#[derive(Debug, thiserror::Error)]
#[error("{kind:?}: {reason}")]
pub struct ProxyError {
    /// What went wrong.
    pub kind: Kind,
    /// Whether another try may help.
    pub retry: Retry,
    /// For the log: lower case, no full stop.
    pub reason: Cow<'static, str>,
    /// What filters made of the head of the answer that the error will become, if any has seen it: see
    /// [`head_mut`](Self::head_mut).
    head: Option<Box<ResponseHead>>,
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The client went away, or reset its stream.
    ClientGone,
    /// The client sent something that is no HTTP, or that a policy refuses.
    BadRequest,
    /// The client was too slow.
    ClientTimeout,
    /// The client's body is larger than allowed.
    BodyTooLarge,
    /// No connection to the server could be made.
    Connect,
    /// No connection to the server could be made in time.
    ConnectTimeout,
    /// The TLS handshake with the server failed.
    UpstreamTls,
    /// The connection to the server broke.
    UpstreamBroken,
    /// The server sent something that is no HTTP.
    UpstreamProtocol,
    /// The server was too slow.
    UpstreamTimeout,
    /// There is no server that may take the request.
    NoServer,
    /// A defect of the router.
    Internal,
}

/// Whose fault an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The client's.
    Downstream,
    /// The server's, or the network's between it and the router.
    Upstream,
    /// The router's.
    Internal,
}

/// Whether an exchange may be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Retry {
    /// It may have had an effect.
    Never,
    /// Nothing of the request reached the server.
    Unsent,
    /// A kept connection was closed before a byte of the response came; a request without side effects may be sent
    /// again (RFC 9110 §9.2.2).
    StaleConnection,
}

impl ProxyError {
    /// An error that must not be tried again.
    pub fn new(kind: Kind, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            retry: Retry::Never,
            reason: reason.into(),
            head: None,
        }
    }

    /// The status of the answer that it becomes. Traefik: proxy error mapping of `pkg/proxy/httputil`.
    pub fn status(&self) -> StatusCode {
        match self.kind {
            Kind::ClientGone => {
                StatusCode::from_u16(CLIENT_CLOSED).unwrap_or(StatusCode::BAD_REQUEST)
            }
            Kind::BadRequest => StatusCode::BAD_REQUEST,
            Kind::ClientTimeout => StatusCode::REQUEST_TIMEOUT,
            Kind::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            // differs from traefik: a failed TLS handshake with a server is a bad gateway, not an error of the router's.
            Kind::Connect | Kind::UpstreamTls | Kind::UpstreamBroken | Kind::UpstreamProtocol => {
                StatusCode::BAD_GATEWAY
            }
            Kind::ConnectTimeout | Kind::UpstreamTimeout => StatusCode::GATEWAY_TIMEOUT,
            Kind::NoServer => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The head of the answer that it becomes. Filters of a chain edit it on the error's way back as they edit that of
    /// a response; a wrap in between still sees the error, and who tries again drops the head with it.
    pub fn head_mut(&mut self) -> &mut ResponseHead {
        let status = self.status();
        self.head
            .get_or_insert_with(|| Box::new(ResponseHead::new(status)))
    }

    /// Takes the head out, if a filter has seen it.
    pub fn take_head(&mut self) -> Option<ResponseHead> {
        self.head.take().map(|head| *head)
    }

    /// The same error, with another advice about retrying.
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Whose fault it is.
    pub const fn fault(&self) -> Fault {
        match self.kind {
            Kind::ClientGone | Kind::BadRequest | Kind::ClientTimeout | Kind::BodyTooLarge => {
                Fault::Downstream
            }
            Kind::Connect
            | Kind::ConnectTimeout
            | Kind::UpstreamTls
            | Kind::UpstreamBroken
            | Kind::UpstreamProtocol
            | Kind::UpstreamTimeout
            | Kind::NoServer => Fault::Upstream,
            Kind::Internal => Fault::Internal,
        }
    }
}
