//! `buffering` as data.

use crate::decode::Options;

/// Reads a whole body before it goes on, up to a limit. Traefik: `buffering`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Buffering {
    /// Largest request body, in bytes; beyond: 413; 0 = no limit. Default 0.
    pub max_request_body_bytes: i64,
    /// Bytes of a request body kept in memory; the rest goes to disk. Default 1 MiB.
    #[option(default = 1_048_576)]
    pub mem_request_body_bytes: i64,
    /// Largest response body, in bytes; beyond: 500; 0 = no limit. Default 0.
    pub max_response_body_bytes: i64,
    /// Bytes of a response body kept in memory; the rest goes to disk. Default 1 MiB.
    #[option(default = 1_048_576)]
    pub mem_response_body_bytes: i64,
    /// When to try again: `IsNetworkError()`, `Attempts()`, `ResponseCode()` with `&&`, `||`, `==`, `<` and so on.
    pub retry_expression: String,
    /// Stream requests. Set by the ingress-nginx provider only.
    pub disable_request_buffer: bool,
    /// Stream responses. Set by the ingress-nginx provider only.
    pub disable_response_buffer: bool,
}
