//! `circuitBreaker` as data.

use crate::decode::Options;
use crate::types::GoDuration;

/// Stops sending requests to a service that fails. Traefik: `circuitBreaker`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct CircuitBreaker {
    /// When to open: `NetworkErrorRatio()`, `ResponseCodeRatio(from, to, dividedByFrom, dividedByTo)`,
    /// `LatencyAtQuantileMS(quantile)`. Required.
    pub expression: String,
    /// Time between evaluations. Default 100ms.
    #[option(default = GoDuration::from_millis(100))]
    pub check_period: GoDuration,
    /// How long it stays open. Default 10s.
    #[option(default = GoDuration::from_secs(10))]
    pub fallback_duration: GoDuration,
    /// How long the share of requests grows from none to all afterwards. Default 10s.
    #[option(default = GoDuration::from_secs(10))]
    pub recovery_duration: GoDuration,
    /// Status of refused requests. Default 503.
    #[option(default = 503)]
    pub response_code: i64,
}
