//! What a rule sees of a request or connection.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName};

/// A request as HTTP rules see it. Reading it must not allocate.
pub trait RequestView {
    /// The canonical host: lower case, without port and trailing dot. Empty if there is none.
    fn host(&self) -> &str;
    /// The path that is routed by, without query: normalised and percent-decoded, except that
    /// reserved characters and `%` stay encoded with upper-case digits. It is not what is sent on.
    fn path(&self) -> &str;
    /// The method, as sent.
    fn method(&self) -> &str;
    /// The values of the field `name`, one per field line.
    fn header<'v>(&'v self, name: &'v HeaderName) -> impl Iterator<Item = &'v [u8]>;
    /// The raw query without its `?`, semicolons already treated. None is the same as empty.
    fn query(&self) -> Option<&str>;
    /// The address of the socket's other end. X-Forwarded-For does not count here.
    fn peer_ip(&self) -> IpAddr;
}

/// A connection as TCP rules see it.
pub trait ConnectionView {
    /// The server name of the ClientHello, lower case, without trailing dot. Empty if there is
    /// none or the connection is not TLS.
    fn server_name(&self) -> &str;
    /// True if the ClientHello offers this application protocol.
    fn offers(&self, protocol: &str) -> bool;
    /// The address of the socket's other end.
    fn peer_ip(&self) -> IpAddr;
}

/// A request held in owned values: for tools such as `explain`, and for tests.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields are the methods of `RequestView`")]
pub struct Request {
    pub host: String,
    pub path: String,
    pub method: String,
    pub headers: HeaderMap,
    pub query: Option<String>,
    pub peer_ip: IpAddr,
}

impl Default for Request {
    /// `GET /` from 127.0.0.1, without host.
    fn default() -> Self {
        Self {
            host: String::new(),
            path: "/".to_owned(),
            method: "GET".to_owned(),
            headers: HeaderMap::new(),
            query: None,
            peer_ip: IpAddr::from([127, 0, 0, 1]),
        }
    }
}

impl RequestView for Request {
    fn host(&self) -> &str {
        &self.host
    }

    fn path(&self) -> &str {
        &self.path
    }

    fn method(&self) -> &str {
        &self.method
    }

    fn header<'v>(&'v self, name: &'v HeaderName) -> impl Iterator<Item = &'v [u8]> {
        self.headers
            .get_all(name)
            .iter()
            .map(http::HeaderValue::as_bytes)
    }

    fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    fn peer_ip(&self) -> IpAddr {
        self.peer_ip
    }
}

/// A connection held in owned values.
#[derive(Debug, Clone)]
#[expect(
    missing_docs,
    reason = "the fields are the methods of `ConnectionView`"
)]
pub struct Connection {
    pub server_name: String,
    pub protocols: Vec<String>,
    pub peer_ip: IpAddr,
}

impl ConnectionView for Connection {
    fn server_name(&self) -> &str {
        &self.server_name
    }

    fn offers(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|offered| offered == protocol)
    }

    fn peer_ip(&self) -> IpAddr {
        self.peer_ip
    }
}
