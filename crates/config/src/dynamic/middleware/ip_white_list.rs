//! `ipWhiteList` as data.

use crate::decode::Options;

use super::IpStrategy;

/// Lets only some client addresses pass. Deprecated name of `ipAllowList`. Traefik: `ipWhiteList`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct IpWhiteList {
    /// Addresses and CIDRs. Required.
    pub source_range: Vec<String>,
    /// How the client's address is found. Default: the peer's.
    pub ip_strategy: Option<IpStrategy>,
}
