//! Hashes of passwords as `htpasswd` writes them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use sha1::Sha1;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// A hash as configured.
pub(crate) struct Hash {
    text: Zeroizing<String>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `$2a$`, `$2b$`, `$2x$`, `$2y$` with this cost: 2^cost rounds.
    Bcrypt(u32),
    /// `$apr1$salt$…` and, by the same algorithm, `$1$salt$…`: 1000 rounds of MD5.
    Md5,
    /// `{SHA}` and the Base64 of one SHA-1.
    Sha1,
    /// Nothing that is known; no password matches.
    Unusable,
}

impl Hash {
    /// Reads a hash.
    pub(crate) fn read(text: &str) -> Self {
        Self {
            kind: kind(text),
            text: Zeroizing::new(text.to_owned()),
        }
    }

    /// As configured.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// True if some password may match.
    pub(crate) fn is_usable(&self) -> bool {
        self.kind != Kind::Unusable
    }

    /// True if it can be computed where a worker waits: below two microseconds.
    pub(crate) fn is_fast(&self) -> bool {
        matches!(self.kind, Kind::Sha1 | Kind::Unusable)
    }

    /// Larger for more work.
    pub(crate) fn cost(&self) -> u32 {
        match self.kind {
            Kind::Unusable => 0,
            Kind::Sha1 => 1,
            Kind::Md5 => 2,
            // The lowest is 4: 16 rounds, about as long as one MD5 crypt.
            Kind::Bcrypt(cost) => cost + 3,
        }
    }

    /// True if `password` is the one that was hashed.
    pub(crate) fn matches(&self, password: &[u8]) -> bool {
        match self.kind {
            // An error is a hash that bcrypt cannot read, or a password with a NUL, which it cannot hash.
            Kind::Bcrypt(_) => bcrypt::verify(password, &self.text).unwrap_or(false),
            Kind::Md5 => self.matches_md5(password),
            Kind::Sha1 => {
                let encoded = STANDARD.encode(Sha1::digest(password));
                let expected = self.text.strip_prefix("{SHA}").unwrap_or_default();
                expected.as_bytes().ct_eq(encoded.as_bytes()).into()
            }
            Kind::Unusable => false,
        }
    }

    fn matches_md5(&self, password: &[u8]) -> bool {
        let Some((magic, salt)) = magic_and_salt(&self.text) else {
            return false;
        };
        let computed = md5_crypt(password, salt, magic);
        self.text.as_bytes().ct_eq(computed.as_bytes()).into()
    }
}

fn kind(text: &str) -> Kind {
    if text.starts_with("{SHA}") {
        return Kind::Sha1;
    }
    let is_bcrypt = ["$2a$", "$2b$", "$2x$", "$2y$"]
        .iter()
        .any(|prefix| text.starts_with(prefix));
    if is_bcrypt {
        let cost = text.get(4..6).and_then(|digits| digits.parse().ok());
        return match cost {
            Some(cost @ 4..=31) if text.len() == 60 => Kind::Bcrypt(cost),
            _ => Kind::Unusable,
        };
    }
    match magic_and_salt(text) {
        Some(("$apr1$" | "$1$", _)) => Kind::Md5,
        _ => Kind::Unusable,
    }
}

/// `$apr1$` and `salt` of `$apr1$salt$hash`.
fn magic_and_salt(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix('$')?;
    let (name, rest) = inside.split_once('$')?;
    let (salt, _) = rest.split_once('$')?;
    Some((text.get(..name.len() + 2)?, salt))
}

/// The MD5 crypt of FreeBSD, which Apache took over with another magic.
fn md5_crypt(password: &[u8], salt: &str, magic: &str) -> String {
    let salt = salt.as_bytes();
    let mixin = Md5::new()
        .chain_update(password)
        .chain_update(salt)
        .chain_update(password)
        .finalize();
    let mut first = Md5::new()
        .chain_update(password)
        .chain_update(magic)
        .chain_update(salt);
    for chunk in password.chunks(mixin.len()) {
        first.update(mixin.get(..chunk.len()).unwrap_or(&mixin));
    }
    let mut length = password.len();
    while length > 0 {
        match length & 1 {
            1 => first.update([0]),
            _ => first.update(password.get(..1).unwrap_or_default()),
        }
        length >>= 1;
    }
    let mut digest = first.finalize();
    for round in 0..1000 {
        let odd = round % 2 == 1;
        let mut hasher = Md5::new();
        hasher.update(if odd { password } else { &digest });
        if round % 3 != 0 {
            hasher.update(salt);
        }
        if round % 7 != 0 {
            hasher.update(password);
        }
        hasher.update(if odd { &digest[..] } else { password });
        digest = hasher.finalize();
    }
    let hash = encode(&digest);
    format!("{magic}{}${hash}", String::from_utf8_lossy(salt))
}

/// The digest in crypt's own Base64, in its own order.
fn encode(digest: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const ORDER: [[usize; 3]; 5] = [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5]];
    let byte = |at: usize| u32::from(digest.get(at).copied().unwrap_or_default());
    let mut out = String::with_capacity(22);
    let mut push = |mut value: u32, digits: usize| {
        for _ in 0..digits {
            let letter = ALPHABET.get((value & 0x3f) as usize).copied();
            out.push(char::from(letter.unwrap_or(b'.')));
            value >>= 6;
        }
    };
    for [high, middle, low] in ORDER {
        push(byte(high) << 16 | byte(middle) << 8 | byte(low), 4);
    }
    push(byte(11), 2);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made with openssl and crypt(3).
    #[test]
    fn right_passwords_match_and_wrong_ones_do_not() {
        for (hash, password) in [
            ("$apr1$H6uskkkW$IgXLP6ewTrSuBkTrqE8wj/", "test"),
            ("$apr1$d9hr9HBB$4HxwgUir3HP4EsggP/QNo0", "test2"),
            ("$1$3azHgidD$AL5P1n/E5AdIhCWu87wcI0", "hello"),
            ("{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=", "test"),
            ("{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk=", ""),
            (
                "$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC",
                "myPassword",
            ),
        ] {
            let hash = Hash::read(hash);
            assert!(hash.is_usable(), "{}", hash.text());
            assert!(hash.matches(password.as_bytes()), "{}", hash.text());
            for wrong in ["wrong", "Test", "testt", "tes", "\0"] {
                assert!(!hash.matches(wrong.as_bytes()), "{} {wrong}", hash.text());
            }
        }
    }

    #[test]
    fn what_is_no_hash_never_matches() {
        for text in [
            "",
            "plain",
            "$2y$05$short",
            "$2y$99$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC",
            "$apr1$",
            "$5$salt$hash",
            "$",
            "$2z$",
        ] {
            let hash = Hash::read(text);
            assert!(!hash.is_usable(), "{text}");
            assert!(!hash.matches(text.as_bytes()), "{text}");
            assert!(!hash.matches(b""), "{text}");
        }
    }

    #[test]
    fn slow_hashes_are_known_to_be_slow() {
        let cheap = Hash::read("{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=");
        let md5 = Hash::read("$apr1$H6uskkkW$IgXLP6ewTrSuBkTrqE8wj/");
        let bcrypt = Hash::read("$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC");
        assert!(cheap.is_fast() && !md5.is_fast() && !bcrypt.is_fast());
        assert!(cheap.cost() < md5.cost() && md5.cost() < bcrypt.cost());
    }
}
