//! `rateLimit` as data.

use crate::decode::Options;

use super::ClientTls;
use super::in_flight_req::SourceCriterion;
use crate::types::{GoDuration, Secret};

/// Limits the rate of requests with a token bucket per source. Traefik: `rateLimit`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct RateLimit {
    /// Requests per `period`; 0 = no limit. Default 0.
    pub average: i64,
    /// What `average` refers to. Default 1s.
    #[option(default = GoDuration::from_secs(1))]
    pub period: GoDuration,
    /// Size of the bucket. Default 1.
    #[option(default = 1)]
    pub burst: i64,
    /// What counts as one source. Default: the peer's address.
    pub source_criterion: Option<SourceCriterion>,
    /// Share the buckets through Redis.
    pub redis: Option<Redis>,
}

/// A Redis that holds the buckets. Traefik: `rateLimit.redis`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Redis {
    /// `host:port`. Default `localhost:6379`.
    #[option(default = vec!["localhost:6379".to_owned()])]
    pub endpoints: Vec<String>,
    /// TLS towards it.
    pub tls: Option<ClientTls>,
    /// User.
    pub username: Option<Secret<String>>,
    /// Password.
    pub password: Option<Secret<String>>,
    /// Database. Default 0.
    pub db: i64,
    /// Connections; 0 = ten per CPU. Default 0.
    pub pool_size: i64,
    /// Idle connections kept. Default 0.
    pub min_idle_conns: i64,
    /// Most connections; 0 = no limit. Default 0.
    pub max_active_conns: i64,
    /// To read an answer. Default 3s.
    #[option(keep, default = GoDuration::from_secs(3))]
    pub read_timeout: GoDuration,
    /// To write a command. Default 3s.
    #[option(keep, default = GoDuration::from_secs(3))]
    pub write_timeout: GoDuration,
    /// To connect. Default 5s.
    #[option(keep, default = GoDuration::from_secs(5))]
    pub dial_timeout: GoDuration,
}
