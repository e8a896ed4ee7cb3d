//! `stripPrefixRegex` as data.

use crate::decode::Options;

/// Takes a prefix that a regular expression matches off the path. Traefik: `stripPrefixRegex`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct StripPrefixRegex {
    /// Expressions; the first that matches at the beginning counts.
    pub regex: Vec<String>,
}
