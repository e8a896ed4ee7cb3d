//! `contentType` as data.

use serde::Serialize;

/// Guesses the `Content-Type` of responses that have none. Traefik: `contentType`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContentType {
    /// Deprecated; no effect: the middleware's presence enables it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_detect: Option<bool>,
}
