//! `rateLimit` as data.

use serde::Serialize;

use super::ClientTls;
use super::in_flight_req::SourceCriterion;
use crate::dynamic::http::is_zero;
use crate::types::{GoDuration, Secret};

/// Limits the rate of requests with a token bucket per source. Traefik: `rateLimit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// Requests per `period`; 0 = no limit. Default 0.
    #[serde(skip_serializing_if = "is_zero")]
    pub average: i64,
    /// What `average` refers to. Default 1s.
    pub period: GoDuration,
    /// Size of the bucket. Default 1.
    #[serde(skip_serializing_if = "is_zero")]
    pub burst: i64,
    /// What counts as one source. Default: the peer's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_criterion: Option<SourceCriterion>,
    /// Share the buckets through Redis.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redis: Option<Redis>,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self { average: 0, period: GoDuration::from_secs(1), burst: 1, source_criterion: None, redis: None }
    }
}

/// A Redis that holds the buckets. Traefik: `rateLimit.redis`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Redis {
    /// `host:port`. Default `localhost:6379`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<String>,
    /// TLS towards it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<ClientTls>,
    /// User.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<Secret<String>>,
    /// Password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret<String>>,
    /// Database. Default 0.
    #[serde(skip_serializing_if = "is_zero")]
    pub db: i64,
    /// Connections; 0 = ten per CPU. Default 0.
    #[serde(skip_serializing_if = "is_zero")]
    pub pool_size: i64,
    /// Idle connections kept. Default 0.
    #[serde(skip_serializing_if = "is_zero")]
    pub min_idle_conns: i64,
    /// Most connections; 0 = no limit. Default 0.
    #[serde(skip_serializing_if = "is_zero")]
    pub max_active_conns: i64,
    /// To read an answer. Default 3s.
    pub read_timeout: GoDuration,
    /// To write a command. Default 3s.
    pub write_timeout: GoDuration,
    /// To connect. Default 5s.
    pub dial_timeout: GoDuration,
}

impl Default for Redis {
    fn default() -> Self {
        Self {
            endpoints: vec!["localhost:6379".to_owned()],
            tls: None,
            username: None,
            password: None,
            db: 0,
            pool_size: 0,
            min_idle_conns: 0,
            max_active_conns: 0,
            read_timeout: GoDuration::from_secs(3),
            write_timeout: GoDuration::from_secs(3),
            dial_timeout: GoDuration::from_secs(5),
        }
    }
}
