//! `stripPrefixRegex` as data.

use serde::Serialize;

/// Takes a prefix that a regular expression matches off the path. Traefik: `stripPrefixRegex`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StripPrefixRegex {
    /// Expressions; the first that matches at the beginning counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub regex: Vec<String>,
}
