//! Heads of requests and responses.

use http::header::HeaderMap;
use http::{Method, StatusCode, Version};

use crate::body::Body;

/// The scheme of a request, as a fact of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// `http` or `https`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// The canonical head of a request: parsed once, and the only thing that later stages read (I1).
///
/// A codec keeps one per connection and fills it anew for each request, so that its buffers are allocated once.
#[derive(Debug, Clone)]
pub struct RequestHead {
    /// The method; its case is the client's.
    pub method: Method,
    /// Plain or TLS.
    pub scheme: Scheme,
    /// The version that the client speaks.
    pub version: Version,
    /// Header fields; `Host` is not among them (see [`authority`](Self::authority)), nor are fields of framing
    /// (`Content-Length`, `Transfer-Encoding`), which the codecs make from the body.
    pub headers: HeaderMap,
    authority: String,
    host: String,
    target: String,
    path_len: usize,
    path_is_empty: bool,
}

impl Default for RequestHead {
    fn default() -> Self {
        Self {
            method: Method::GET,
            scheme: Scheme::Http,
            version: Version::HTTP_11,
            headers: HeaderMap::new(),
            authority: String::new(),
            host: String::new(),
            target: String::from("/"),
            path_len: 1,
            path_is_empty: false,
        }
    }
}

impl RequestHead {
    /// Makes it a new request's head; buffers are kept.
    pub fn reset(&mut self, method: Method, scheme: Scheme, version: Version) {
        self.method = method;
        self.scheme = scheme;
        self.version = version;
        self.headers.clear();
        self.authority.clear();
        self.host.clear();
        self.set_target("/", None);
    }

    /// Host and port as the client sent them; empty for an HTTP/1.0 request without `Host`.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The host in canonical form: lower case, without port and trailing dot.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Sets both forms of the host.
    pub fn set_authority(&mut self, authority: &str, canonical_host: &str) {
        self.authority.clear();
        self.authority.push_str(authority);
        self.host.clear();
        self.host.push_str(canonical_host);
    }

    /// The path: normalised, reserved characters still percent-encoded. `*` for `OPTIONS *`. Empty where a middleware
    /// took all of it; on the wire that is `/`.
    pub fn path(&self) -> &str {
        if self.path_is_empty {
            return "";
        }
        self.target.get(..self.path_len).unwrap_or("/")
    }

    /// The query without its `?`; `None` when there is no `?`.
    pub fn query(&self) -> Option<&str> {
        self.target.get(self.path_len + 1..)
    }

    /// Path and query, as they go on the wire.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Sets path and query.
    pub fn set_target(&mut self, path: &str, query: Option<&str>) {
        self.path_is_empty = path.is_empty();
        let path = if self.path_is_empty { "/" } else { path };
        self.target.clear();
        self.target.push_str(path);
        self.path_len = path.len();
        if let Some(query) = query {
            self.target.push('?');
            self.target.push_str(query);
        }
    }

    /// Puts another path before the same query.
    pub fn set_path(&mut self, path: &str) {
        self.path_is_empty = path.is_empty();
        let path = if self.path_is_empty { "/" } else { path };
        self.target.replace_range(..self.path_len, path);
        self.path_len = path.len();
    }

    /// Puts another query behind the same path.
    pub fn set_query(&mut self, query: Option<&str>) {
        self.target.truncate(self.path_len);
        if let Some(query) = query {
            self.target.push('?');
            self.target.push_str(query);
        }
    }
}

/// The head of a response.
#[derive(Debug, Clone)]
pub struct ResponseHead {
    /// The status.
    pub status: StatusCode,
    /// Header fields, without those of framing.
    pub headers: HeaderMap,
    /// `Content-Length` of a response that has no body to take it from (to HEAD, or 304).
    pub declared_length: Option<u64>,
}

impl ResponseHead {
    /// A head without fields.
    pub fn new(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            declared_length: None,
        }
    }
}

/// A response: its head, and its body as it comes.
#[derive(Debug)]
pub struct Response {
    /// The head.
    pub head: ResponseHead,
    /// The body.
    pub body: Body,
}

impl Response {
    /// A response with a body that is known.
    pub fn new(status: StatusCode, body: impl Into<Body>) -> Self {
        Self {
            head: ResponseHead::new(status),
            body: body.into(),
        }
    }

    /// A plain-text answer with a line end, as Go's `http.Error` writes it.
    pub fn text(status: StatusCode, text: &str) -> Self {
        let mut response = Self::new(status, Body::from(format!("{text}\n")));
        response.head.headers.insert(
            http::header::CONTENT_TYPE,
            http::HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        response.head.headers.insert(
            http::header::X_CONTENT_TYPE_OPTIONS,
            http::HeaderValue::from_static("nosniff"),
        );
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_and_query_change_apart() {
        let mut head = RequestHead::default();
        head.set_target("/a/b", Some("x=1"));
        assert_eq!(
            (head.path(), head.query(), head.target()),
            ("/a/b", Some("x=1"), "/a/b?x=1")
        );
        head.set_path("/longer/path");
        assert_eq!((head.path(), head.query()), ("/longer/path", Some("x=1")));
        head.set_query(None);
        assert_eq!((head.target(), head.query()), ("/longer/path", None));
        head.set_query(Some(""));
        assert_eq!((head.target(), head.query()), ("/longer/path?", Some("")));
        head.set_path("");
        assert_eq!((head.path(), head.target()), ("", "/?"));
        head.set_path("/a");
        assert_eq!((head.path(), head.target()), ("/a", "/a?"));
    }

    #[test]
    fn reset_leaves_nothing_of_the_request_before() {
        let mut head = RequestHead::default();
        head.set_target("/secret", Some("token=1"));
        head.set_authority("Shop.Example:80", "shop.example");
        head.headers
            .insert("cookie", http::HeaderValue::from_static("a=b"));
        head.reset(Method::POST, Scheme::Https, Version::HTTP_11);
        assert_eq!(
            (head.target(), head.host(), head.authority()),
            ("/", "", "")
        );
        assert!(head.headers.is_empty());
    }
}
