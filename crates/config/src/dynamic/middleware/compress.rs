//! `compress` as data.

use crate::decode::Options;

/// Compresses responses. Traefik: `compress`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Compress {
    /// Media types never compressed; `application/grpc` never is. Not together with `included_content_types`.
    pub excluded_content_types: Vec<String>,
    /// The only media types compressed. Default: all.
    pub included_content_types: Vec<String>,
    /// Smallest body worth compressing, in bytes; 0 = 1024. Default 0.
    pub min_response_body_bytes: i64,
    /// Encodings, the preferred first where the client rates them equal. Default `gzip`, `br`, `zstd`.
    #[option(default = ["gzip", "br", "zstd"].map(str::to_owned).to_vec())]
    pub encodings: Vec<String>,
    /// Encoding for clients that send no `Accept-Encoding` or `*`. Default: none.
    pub default_encoding: String,
}
