//! `compress` as data.

use serde::Serialize;

use crate::dynamic::http::is_zero;

/// Compresses responses. Traefik: `compress`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Compress {
    /// Media types never compressed; `application/grpc` never is. Not together with `included_content_types`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excluded_content_types: Vec<String>,
    /// The only media types compressed. Default: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub included_content_types: Vec<String>,
    /// Smallest body worth compressing, in bytes; 0 = 1024. Default 0.
    #[serde(skip_serializing_if = "is_zero")]
    pub min_response_body_bytes: i64,
    /// Encodings, the preferred first where the client rates them equal. Default `gzip`, `br`, `zstd`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub encodings: Vec<String>,
    /// Encoding for clients that send no `Accept-Encoding` or `*`. Default: none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub default_encoding: String,
}

impl Default for Compress {
    fn default() -> Self {
        Self {
            excluded_content_types: Vec::new(),
            included_content_types: Vec::new(),
            min_response_body_bytes: 0,
            encodings: ["gzip", "br", "zstd"].map(str::to_owned).into(),
            default_encoding: String::new(),
        }
    }
}
