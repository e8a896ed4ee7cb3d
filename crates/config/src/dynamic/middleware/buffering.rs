//! `buffering` as data.

use serde::Serialize;

use crate::dynamic::http::{is_false, is_zero};

/// Reads a whole body before it goes on, up to a limit. Traefik: `buffering`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Buffering {
    /// Largest request body, in bytes; beyond: 413; 0 = no limit. Default 0.
    #[serde(skip_serializing_if = "is_zero")]
    pub max_request_body_bytes: i64,
    /// Bytes of a request body kept in memory; the rest goes to disk. Default 1 MiB.
    #[serde(skip_serializing_if = "is_zero")]
    pub mem_request_body_bytes: i64,
    /// Largest response body, in bytes; beyond: 500; 0 = no limit. Default 0.
    #[serde(skip_serializing_if = "is_zero")]
    pub max_response_body_bytes: i64,
    /// Bytes of a response body kept in memory; the rest goes to disk. Default 1 MiB.
    #[serde(skip_serializing_if = "is_zero")]
    pub mem_response_body_bytes: i64,
    /// When to try again: `IsNetworkError()`, `Attempts()`, `ResponseCode()` with `&&`, `||`, `==`, `<` and so on.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub retry_expression: String,
    /// Stream requests. Set by the ingress-nginx provider only.
    #[serde(skip_serializing_if = "is_false")]
    pub disable_request_buffer: bool,
    /// Stream responses. Set by the ingress-nginx provider only.
    #[serde(skip_serializing_if = "is_false")]
    pub disable_response_buffer: bool,
}

impl Default for Buffering {
    fn default() -> Self {
        Self {
            max_request_body_bytes: 0,
            mem_request_body_bytes: 1_048_576,
            max_response_body_bytes: 0,
            mem_response_body_bytes: 1_048_576,
            retry_expression: String::new(),
            disable_request_buffer: false,
            disable_response_buffer: false,
        }
    }
}
