//! Values of labels, each from a set of known size.

use http::{HeaderMap, HeaderName, Method, header};

/// Value of the label `method`. Traefik: everything but the well-known methods is `EXTENSION_METHOD`, so that clients
/// can't make series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MethodLabel(u8);

const METHODS: [&str; 11] = [
    "EXTENSION_METHOD",
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "CONNECT",
    "OPTIONS",
    "TRACE",
    "PATCH",
    "PRI",
];

impl MethodLabel {
    /// The label of `method`.
    pub fn of(method: &Method) -> Self {
        Self(match *method {
            Method::GET => 1,
            Method::HEAD => 2,
            Method::POST => 3,
            Method::PUT => 4,
            Method::DELETE => 5,
            Method::CONNECT => 6,
            Method::OPTIONS => 7,
            Method::TRACE => 8,
            Method::PATCH => 9,
            _ if method.as_str() == "PRI" => 10,
            _ => 0,
        })
    }

    /// As it is printed.
    pub fn as_str(self) -> &'static str {
        METHODS
            .get(usize::from(self.0))
            .copied()
            .unwrap_or("EXTENSION_METHOD")
    }

    pub(super) const fn bits(self) -> u32 {
        self.0 as u32
    }

    pub(super) const fn from_bits(bits: u32) -> Self {
        Self((bits & 0xf) as u8)
    }
}

/// Value of the label `protocol` of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProtocolLabel {
    /// Plain HTTP.
    Http,
    /// A WebSocket handshake.
    WebSocket,
    /// A subscription to server-sent events.
    Sse,
    /// gRPC-Web.
    GrpcWeb,
    /// gRPC.
    Grpc,
}

impl ProtocolLabel {
    /// What a request with these headers asks for; the first that fits, in Traefik's order.
    pub fn of(headers: &HeaderMap) -> Self {
        if headers.contains_key(header::UPGRADE)
            && first_value_has(headers, header::CONNECTION, "upgrade")
            && first_value_has(headers, header::UPGRADE, "websocket")
        {
            return Self::WebSocket;
        }
        if first_value_has(headers, header::ACCEPT, "text/event-stream") {
            return Self::Sse;
        }
        match headers
            .get(header::CONTENT_TYPE)
            .map(|value| value.as_bytes())
        {
            Some(value) if value.starts_with(b"application/grpc-web") => Self::GrpcWeb,
            Some(value) if value.starts_with(b"application/grpc") => Self::Grpc,
            _ => Self::Http,
        }
    }

    /// As it is printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::WebSocket => "websocket",
            Self::Sse => "sse",
            Self::GrpcWeb => "grpc-web",
            Self::Grpc => "grpc",
        }
    }

    /// Whether the label `code` is the gRPC status and not that of HTTP; see [`grpc_code`].
    pub const fn is_grpc(self) -> bool {
        matches!(self, Self::Grpc | Self::GrpcWeb)
    }

    pub(super) const fn bits(self) -> u32 {
        self as u32
    }

    pub(super) const fn from_bits(bits: u32) -> Self {
        match bits & 0x7 {
            1 => Self::WebSocket,
            2 => Self::Sse,
            3 => Self::GrpcWeb,
            4 => Self::Grpc,
            _ => Self::Http,
        }
    }
}

/// Status code of a gRPC response, from its trailers, else its head (a response without a body). 2 (unknown) where
/// neither has one, or an unknown one.
pub fn grpc_code(head: &HeaderMap, trailers: Option<&HeaderMap>) -> u16 {
    const UNKNOWN: u16 = 2;
    const LAST: u16 = 16;
    trailers
        .and_then(|trailers| trailers.get("grpc-status"))
        .or_else(|| head.get("grpc-status"))
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .filter(|code| *code <= LAST)
        .unwrap_or(UNKNOWN)
}

/// Value of the label `protocol` of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TransportLabel {
    /// A TCP connection.
    Tcp,
    /// A UDP session.
    Udp,
}

impl TransportLabel {
    /// As it is printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        }
    }
}

fn first_value_has(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    headers.get(name).is_some_and(|value| {
        value
            .as_bytes()
            .split(|byte| *byte == b',')
            .any(|item| item.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        fields
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    http::HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn methods_beyond_the_known_ones_share_a_label() {
        for (method, label) in [
            ("GET", "GET"),
            ("HEAD", "HEAD"),
            ("POST", "POST"),
            ("PUT", "PUT"),
            ("DELETE", "DELETE"),
            ("CONNECT", "CONNECT"),
            ("OPTIONS", "OPTIONS"),
            ("TRACE", "TRACE"),
            ("PATCH", "PATCH"),
            ("PRI", "PRI"),
            ("PROPFIND", "EXTENSION_METHOD"),
            ("get", "EXTENSION_METHOD"),
        ] {
            let method = MethodLabel::of(&method.parse().unwrap());
            assert_eq!(method.as_str(), label);
            assert_eq!(MethodLabel::from_bits(method.bits()), method);
        }
    }

    #[test]
    fn protocols_are_told_by_the_headers() {
        for (fields, label) in [
            (&[][..], "http"),
            (
                &[
                    ("connection", "keep-alive, Upgrade"),
                    ("upgrade", "WebSocket"),
                ],
                "websocket",
            ),
            (&[("connection", "upgrade"), ("upgrade", "h2c")], "http"),
            (&[("upgrade", "websocket")], "http"),
            (&[("accept", "text/html, text/event-stream")], "sse"),
            (&[("accept", "text/event-stream;q=1")], "http"),
            (
                &[("content-type", "application/grpc-web+proto")],
                "grpc-web",
            ),
            (&[("content-type", "application/grpc+proto")], "grpc"),
            (&[("content-type", "application/json")], "http"),
        ] {
            let protocol = ProtocolLabel::of(&headers(fields));
            assert_eq!(protocol.as_str(), label, "{fields:?}");
            assert_eq!(ProtocolLabel::from_bits(protocol.bits()), protocol);
        }
    }

    #[test]
    fn a_grpc_status_is_looked_for_in_trailers_then_in_the_head() {
        let none = HeaderMap::new();
        let five = headers(&[("grpc-status", "5")]);
        let zero = headers(&[("grpc-status", "0")]);
        assert_eq!(grpc_code(&none, Some(&five)), 5);
        assert_eq!(grpc_code(&five, Some(&zero)), 0);
        assert_eq!(grpc_code(&five, None), 5);
        assert_eq!(grpc_code(&none, None), 2);
        for odd in ["17", "-1", "x", "99999999"] {
            let mut head = HeaderMap::new();
            head.insert("grpc-status", odd.parse().unwrap());
            assert_eq!(grpc_code(&head, None), 2, "{odd}");
        }
    }
}
