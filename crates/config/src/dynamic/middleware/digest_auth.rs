//! `digestAuth` as data.

use serde::Serialize;

use crate::dynamic::http::is_false;
use crate::types::Secret;

/// HTTP digest authentication. Traefik: `digestAuth`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DigestAuth {
    /// `name:realm:hash`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<Secret<String>>,
    /// File with one such line per user; added to `users`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub users_file: String,
    /// Do not forward `Authorization`. Default false.
    #[serde(skip_serializing_if = "is_false")]
    pub remove_header: bool,
    /// Realm of the challenge. Default `traefik`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub realm: String,
    /// Header that carries the user's name to the server.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub header_field: String,
}
