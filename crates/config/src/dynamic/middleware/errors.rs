//! `errors` as data.

use std::collections::BTreeMap;

use crate::decode::Options;

/// Takes the body of error responses from another service. Traefik: `errors`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct ErrorPages {
    /// Answers that are replaced: status codes and ranges (`500-599`).
    pub status: Vec<String>,
    /// The status to send instead, by status code or range.
    pub status_rewrites: BTreeMap<String, i64>,
    /// The service that has the pages.
    pub service: String,
    /// Path and query of the page, with `{status}`, `{originalStatus}` and `{url}`.
    pub query: String,
    /// Headers of the request that go to the service. Absent: all; empty: none.
    pub error_request_headers: Option<Vec<String>>,
}
