//! `replacePath` and `replacePathRegex` as data.

use crate::decode::Options;

/// Replaces the path; the old one goes into `X-Replaced-Path`. Traefik: `replacePath`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct ReplacePath {
    /// The new path.
    pub path: String,
}

/// Replaces the path by regular expression. Traefik: `replacePathRegex`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct ReplacePathRegex {
    /// Matched against the path.
    pub regex: String,
    /// The new path, with `$1` for groups.
    pub replacement: String,
}
