//! `circuitBreaker` as data.

use serde::Serialize;

use crate::dynamic::http::is_zero;
use crate::types::GoDuration;

/// Stops sending requests to a service that fails. Traefik: `circuitBreaker`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CircuitBreaker {
    /// When to open: `NetworkErrorRatio()`, `ResponseCodeRatio(from, to, dividedByFrom, dividedByTo)`,
    /// `LatencyAtQuantileMS(quantile)`. Required.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub expression: String,
    /// Time between evaluations. Default 100ms.
    pub check_period: GoDuration,
    /// How long it stays open. Default 10s.
    pub fallback_duration: GoDuration,
    /// How long the share of requests grows from none to all afterwards. Default 10s.
    pub recovery_duration: GoDuration,
    /// Status of refused requests. Default 503.
    #[serde(skip_serializing_if = "is_zero")]
    pub response_code: i64,
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        Self {
            expression: String::new(),
            check_period: GoDuration::from_millis(100),
            fallback_duration: GoDuration::from_secs(10),
            recovery_duration: GoDuration::from_secs(10),
            response_code: 503,
        }
    }
}
