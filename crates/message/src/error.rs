//! The one error of the request path.

use std::borrow::Cow;

/// Why an exchange failed. What it becomes for the client (status, gRPC status, log reason) is decided in one place,
/// by the proxy crate.
#[derive(Debug, thiserror::Error)]
#[error("{kind:?}: {reason}")]
pub struct ProxyError {
    /// What went wrong.
    pub kind: Kind,
    /// Whether another try may help.
    pub retry: Retry,
    /// For the log: lower case, no full stop.
    pub reason: Cow<'static, str>,
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
        }
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
