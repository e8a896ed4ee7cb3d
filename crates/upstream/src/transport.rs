//! How servers are connected to: a compiled servers transport.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pointsman_tls::client;

/// Deadlines towards servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// To connect. Traefik: `dialTimeout`, default 30s.
    pub dial: Option<Duration>,
    /// For the TLS handshake. 10s.
    pub tls_handshake: Duration,
    /// From the sent request to the head of the response. Traefik: `responseHeaderTimeout`, default none.
    pub response_header: Option<Duration>,
    /// Age at which a kept connection that nobody used is closed. Traefik: `idleConnTimeout`, default 90s.
    pub idle: Option<Duration>,
    /// Longest silence of a server inside a response, so that a dead one cannot hold a connection for ever (I10).
    pub gap: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            dial: Some(Duration::from_secs(30)),
            tls_handshake: Duration::from_secs(10),
            response_header: None,
            idle: Some(Duration::from_secs(90)),
            gap: Duration::from_secs(3_600),
        }
    }
}

/// A compiled servers transport. Its identity separates pools: connections made under one are never used by another.
#[derive(Debug)]
pub struct Transport {
    id: u64,
    /// TLS towards servers.
    pub tls: client::Transport,
    /// Idle connections that a worker keeps per server.
    pub max_idle_per_host: usize,
    /// Deadlines.
    pub timeouts: Timeouts,
}

impl Transport {
    /// A transport with an identity of its own.
    pub fn new(tls: client::Transport, max_idle_per_host: usize, timeouts: Timeouts) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            tls,
            max_idle_per_host,
            timeouts,
        }
    }

    /// The identity.
    pub fn id(&self) -> u64 {
        self.id
    }
}
