//! `inFlightReq` as data.

use serde::Serialize;

use super::IpStrategy;
use crate::dynamic::http::{is_false, is_zero};

/// Limits the requests that run at the same time. Traefik: `inFlightReq`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InFlightReq {
    /// Requests per source; further ones get 429. Default 0.
    #[serde(skip_serializing_if = "is_zero")]
    pub amount: i64,
    /// What counts as one source. Default: the host of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_criterion: Option<SourceCriterion>,
}

/// What counts as one source of requests; one field only. Traefik: `sourceCriterion`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceCriterion {
    /// The client's address, found like this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_strategy: Option<IpStrategy>,
    /// The value of this request header.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub request_header_name: String,
    /// The host of the request. Default false.
    #[serde(skip_serializing_if = "is_false")]
    pub request_host: bool,
}
