//! What an error becomes for the client: the one place that decides.

use http::StatusCode;
use pointsman_message::{Kind, ProxyError, Response};

/// "Client closed request", nginx's number, which Traefik logs too. Nobody gets to see it.
pub(crate) const CLIENT_CLOSED: u16 = 499;

/// The status of an error. Traefik: proxy error mapping of `pkg/proxy/httputil`.
pub(crate) fn status(error: &ProxyError) -> StatusCode {
    match error.kind {
        Kind::ClientGone => StatusCode::from_u16(CLIENT_CLOSED).unwrap_or(StatusCode::BAD_REQUEST),
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

/// The answer to a request that failed.
pub(crate) fn response(error: &ProxyError) -> Response {
    let status = status(error);
    if error.kind == Kind::NoServer {
        return Response::text(status, "no available server");
    }
    Response::new(status, status.canonical_reason().unwrap_or_default())
}
