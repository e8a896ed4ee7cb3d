//! `contentType` as data.

use crate::decode::Options;

/// Guesses the `Content-Type` of responses that have none. Traefik: `contentType`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct ContentType {
    /// Deprecated; no effect: the middleware's presence enables it.
    pub auto_detect: Option<bool>,
}
