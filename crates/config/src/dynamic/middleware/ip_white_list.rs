//! `ipWhiteList` as data.

use serde::Serialize;

use super::IpStrategy;

/// Lets only some client addresses pass. Deprecated name of `ipAllowList`. Traefik: `ipWhiteList`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IpWhiteList {
    /// Addresses and CIDRs. Required.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_range: Vec<String>,
    /// How the client's address is found. Default: the peer's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_strategy: Option<IpStrategy>,
}
