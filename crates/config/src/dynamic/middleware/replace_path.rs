//! `replacePath` and `replacePathRegex` as data.

use serde::Serialize;

/// Replaces the path; the old one goes into `X-Replaced-Path`. Traefik: `replacePath`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplacePath {
    /// The new path.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
}

/// Replaces the path by regular expression. Traefik: `replacePathRegex`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplacePathRegex {
    /// Matched against the path.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub regex: String,
    /// The new path, with `$1` for groups.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub replacement: String,
}
