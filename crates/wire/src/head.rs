//! Strict rules for HTTP/1 heads (RFC 9112 §2-§5), on top of what a tokeniser accepts.

/// The HTTP/1 versions we speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
}
