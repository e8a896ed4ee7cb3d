//! `digestAuth` as data.

use crate::decode::Options;
use crate::types::Secret;

/// HTTP digest authentication. Traefik: `digestAuth`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct DigestAuth {
    /// `name:realm:hash`.
    pub users: Vec<Secret<String>>,
    /// File with one such line per user; added to `users`.
    pub users_file: String,
    /// Do not forward `Authorization`. Default false.
    pub remove_header: bool,
    /// Realm of the challenge. Default `traefik`.
    pub realm: String,
    /// Header that carries the user's name to the server.
    pub header_field: String,
}
