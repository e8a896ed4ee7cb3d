//! Where a server is.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// How a server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UpstreamScheme {
    /// HTTP/1.1.
    Http,
    /// TLS; HTTP/2 or HTTP/1.1 as the handshake agrees.
    Https,
    /// HTTP/2 without TLS, by prior knowledge.
    H2c,
}

/// Why a server's URL is no URL of a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Not `scheme://host`.
    #[error("server url {url:?} has no scheme; write http://host:port")]
    NoScheme {
        /// The URL.
        url: String,
    },
    /// A scheme that is none of ours.
    #[error("server url {url:?} has the unknown scheme {scheme:?}; use http, https or h2c")]
    UnknownScheme {
        /// The URL.
        url: String,
        /// Its scheme.
        scheme: String,
    },
    /// The host or the port is missing or malformed.
    #[error("server url {url:?} has no valid host and port")]
    Authority {
        /// The URL.
        url: String,
    },
}

/// A server's address, parsed once when the table is compiled.
#[derive(Debug)]
pub struct Endpoint {
    /// The URL as configured.
    pub url: Arc<str>,
    /// How it is spoken to.
    pub scheme: UpstreamScheme,
    /// Host and port as they go into `Host` when the client's is not passed on.
    pub authority: String,
    /// Host without port and brackets.
    pub host: String,
    /// Port; the scheme's own if the URL has none.
    pub port: u16,
    /// The address, if the host is one. Otherwise the name is resolved when a connection is made.
    pub address: Option<SocketAddr>,
    /// Path of the URL without a trailing slash, for `preservePath`.
    pub path: String,
}

impl Endpoint {
    /// Parses `scheme://host[:port][/path]`.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub fn parse(url: &str) -> Result<Self, EndpointError> {
        let (scheme_text, rest) = url
            .split_once("://")
            .ok_or_else(|| EndpointError::NoScheme {
                url: url.to_owned(),
            })?;
        let scheme = match scheme_text.to_ascii_lowercase().as_str() {
            "http" | "ws" => UpstreamScheme::Http,
            "https" | "wss" => UpstreamScheme::Https,
            "h2c" => UpstreamScheme::H2c,
            _ => {
                return Err(EndpointError::UnknownScheme {
                    url: url.to_owned(),
                    scheme: scheme_text.to_owned(),
                });
            }
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        let path = tail.split(['?', '#']).next().unwrap_or("");
        let invalid = || EndpointError::Authority {
            url: url.to_owned(),
        };
        let (host, port) = split_authority(authority).ok_or_else(invalid)?;
        let default_port = if scheme == UpstreamScheme::Https {
            443
        } else {
            80
        };
        let port = match port {
            Some(text) => text
                .parse()
                .ok()
                .filter(|port| *port != 0)
                .ok_or_else(invalid)?,
            None => default_port,
        };
        if host.is_empty()
            || host
                .bytes()
                .any(|b| b <= b' ' || b == 0x7f || b == b'@' || b == b',')
        {
            return Err(invalid());
        }
        Ok(Self {
            url: url.into(),
            scheme,
            authority: authority.to_owned(),
            address: host
                .parse::<IpAddr>()
                .ok()
                .map(|ip| SocketAddr::new(ip, port)),
            host: host.to_owned(),
            port,
            path: path.trim_end_matches('/').to_owned(),
        })
    }

    /// Identity of the place that connections go to, for the pool.
    pub(crate) fn place(&self) -> (UpstreamScheme, &str, u16) {
        (self.scheme, &self.host, self.port)
    }
}

/// Host (without brackets) and the text of the port.
fn split_authority(authority: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, tail) = rest.split_once(']')?;
        return match tail.strip_prefix(':') {
            Some(port) => Some((host, Some(port))),
            None if tail.is_empty() => Some((host, None)),
            None => None,
        };
    }
    match authority.rsplit_once(':') {
        Some((host, _)) if host.contains(':') => None,
        Some((host, port)) => Some((host, Some(port))),
        None => Some((authority, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_servers() {
        let server = Endpoint::parse("http://10.0.0.1:8080").unwrap();
        assert_eq!(server.address, Some("10.0.0.1:8080".parse().unwrap()));
        let server = Endpoint::parse("https://[2001:db8::1]/base/").unwrap();
        assert_eq!((server.port, server.path.as_str()), (443, "/base"));
        assert_eq!(server.address, Some("[2001:db8::1]:443".parse().unwrap()));
        let server = Endpoint::parse("h2c://shop.svc:50051").unwrap();
        assert_eq!((server.scheme, server.address), (UpstreamScheme::H2c, None));
        assert_eq!(server.authority, "shop.svc:50051");
    }

    #[test]
    fn what_is_no_server_says_so() {
        for url in [
            "10.0.0.1:80",
            "protocol://a:80",
            "http://",
            "http://a:0",
            "http://a:x",
            "http://[::1",
            "http://a b",
        ] {
            assert!(Endpoint::parse(url).is_err(), "{url}");
        }
    }
}
