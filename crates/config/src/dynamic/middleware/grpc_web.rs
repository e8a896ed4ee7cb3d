//! `grpcWeb` as data.

use serde::Serialize;

/// Translates gRPC-Web into gRPC. Traefik: `grpcWeb`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GrpcWeb {
    /// Origins that are allowed; `*` = all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_origins: Vec<String>,
}
