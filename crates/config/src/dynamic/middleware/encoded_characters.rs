//! `encodedCharacters` as data.

use crate::decode::Options;

/// Answers 400 to paths with these characters percent-encoded, unless allowed. Traefik: `encodedCharacters`.
///
/// Every default is false, the opposite of the option of the same name on entry points.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct EncodedCharacters {
    /// Allow `%2F`. Default false.
    pub allow_encoded_slash: bool,
    /// Allow `%5C`. Default false.
    pub allow_encoded_back_slash: bool,
    /// Allow `%00`. Default false.
    pub allow_encoded_null_character: bool,
    /// Allow `%3B`. Default false.
    pub allow_encoded_semicolon: bool,
    /// Allow `%25`. Default false.
    pub allow_encoded_percent: bool,
    /// Allow `%3F`. Default false.
    pub allow_encoded_question_mark: bool,
    /// Allow `%23`. Default false.
    pub allow_encoded_hash: bool,
}
