//! New connections.

use std::net::SocketAddr;
use std::time::Duration;

use pointsman_message::{Kind, ProxyError, Retry};
use pointsman_net::Stream;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::endpoint::{Endpoint, UpstreamScheme};
use crate::transport::Transport;

/// A new connection, and whether it speaks HTTP/2.
pub(crate) struct Connected {
    pub(crate) stream: Stream,
    pub(crate) http2: bool,
}

/// Whether a request may go over HTTP/2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocols {
    /// What the server likes best.
    Any,
    /// HTTP/1.1: the request is an upgrade.
    Http1,
}

/// Connects to `endpoint`.
///
/// # Errors
/// [`Kind::Connect`], [`Kind::ConnectTimeout`] or [`Kind::UpstreamTls`]; nothing was sent.
pub(crate) async fn connect(
    endpoint: &Endpoint,
    transport: &Transport,
    protocols: Protocols,
) -> Result<Connected, ProxyError> {
    let tcp = within(
        transport.timeouts.dial,
        dial(endpoint),
        Kind::ConnectTimeout,
        "connect timed out",
    )
    .await?;
    // Small writes go out at once; an unset option costs latency and nothing else.
    let _ = tcp.set_nodelay(true);
    match endpoint.scheme {
        UpstreamScheme::Http => Ok(Connected {
            stream: Stream::Tcp(tcp),
            http2: false,
        }),
        UpstreamScheme::H2c => Ok(Connected {
            stream: Stream::Tcp(tcp),
            http2: protocols == Protocols::Any,
        }),
        UpstreamScheme::Https => {
            let handshake = handshake(tcp, endpoint, transport, protocols);
            let limit = Some(transport.timeouts.tls_handshake);
            within(
                limit,
                handshake,
                Kind::ConnectTimeout,
                "tls handshake timed out",
            )
            .await
        }
    }
}

async fn dial(endpoint: &Endpoint) -> Result<TcpStream, ProxyError> {
    let failed = |error: std::io::Error| {
        ProxyError::new(
            Kind::Connect,
            format!("connect to {}: {error}", endpoint.authority),
        )
        .with_retry(Retry::Unsent)
    };
    if let Some(address) = endpoint.address {
        return TcpStream::connect(address).await.map_err(failed);
    }
    let addresses: Vec<SocketAddr> =
        tokio::net::lookup_host((endpoint.host.as_str(), endpoint.port))
            .await
            .map_err(failed)?
            .collect();
    TcpStream::connect(addresses.as_slice())
        .await
        .map_err(failed)
}

async fn handshake(
    tcp: TcpStream,
    endpoint: &Endpoint,
    transport: &Transport,
    protocols: Protocols,
) -> Result<Connected, ProxyError> {
    let refuse =
        |reason: String| ProxyError::new(Kind::UpstreamTls, reason).with_retry(Retry::Unsent);
    let config = match protocols {
        Protocols::Any => transport.tls.config(),
        Protocols::Http1 => transport.tls.config_http1(),
    };
    let name = transport.tls.server_name(&endpoint.host).map_err(|_| {
        refuse(format!(
            "server name {:?} can not be verified; set serverName",
            endpoint.host
        ))
    })?;
    let tls = TlsConnector::from(config.clone())
        .connect(name, tcp)
        .await
        .map_err(|error| {
            refuse(format!(
                "tls handshake with {}: {error}",
                endpoint.authority
            ))
        })?;
    let http2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
    Ok(Connected {
        stream: Stream::Client(Box::new(tls)),
        http2,
    })
}

pub(crate) async fn within<T>(
    limit: Option<Duration>,
    work: impl Future<Output = Result<T, ProxyError>>,
    kind: Kind,
    reason: &'static str,
) -> Result<T, ProxyError> {
    match limit {
        None => work.await,
        Some(limit) => timeout(limit, work)
            .await
            .unwrap_or_else(|_| Err(ProxyError::new(kind, reason).with_retry(Retry::Unsent))),
    }
}
