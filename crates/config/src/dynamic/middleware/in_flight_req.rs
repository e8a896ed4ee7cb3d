//! `inFlightReq` as data.

use crate::decode::Options;

use super::IpStrategy;

/// Limits the requests that run at the same time. Traefik: `inFlightReq`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct InFlightReq {
    /// Requests per source; further ones get 429. Default 0.
    pub amount: i64,
    /// What counts as one source. Default: the host of the request.
    pub source_criterion: Option<SourceCriterion>,
}

/// What counts as one source of requests; one field only. Traefik: `sourceCriterion`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct SourceCriterion {
    /// The client's address, found like this.
    pub ip_strategy: Option<IpStrategy>,
    /// The value of this request header.
    pub request_header_name: String,
    /// The host of the request. Default false.
    pub request_host: bool,
}
