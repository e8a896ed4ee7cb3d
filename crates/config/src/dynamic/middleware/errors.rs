//! `errors` as data.

use std::collections::BTreeMap;

use serde::Serialize;

/// Takes the body of error responses from another service. Traefik: `errors`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorPages {
    /// Answers that are replaced: status codes and ranges (`500-599`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<String>,
    /// The status to send instead, by status code or range.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub status_rewrites: BTreeMap<String, i64>,
    /// The service that has the pages.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service: String,
    /// Path and query of the page, with `{status}`, `{originalStatus}` and `{url}`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub query: String,
    /// Headers of the request that go to the service. Absent: all; empty: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_request_headers: Option<Vec<String>>,
}
