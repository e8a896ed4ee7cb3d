//! `grpcWeb` as data.

use crate::decode::Options;

/// Translates gRPC-Web into gRPC. Traefik: `grpcWeb`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct GrpcWeb {
    /// Origins that are allowed; `*` = all.
    pub allow_origins: Vec<String>,
}
