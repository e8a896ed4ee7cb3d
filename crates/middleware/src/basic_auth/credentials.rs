//! The `Authorization` header of basic authentication.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderMap};
use zeroize::Zeroizing;

/// What a client says of itself.
pub(crate) struct Credentials {
    pub(crate) user: Vec<u8>,
    pub(crate) password: Arc<Zeroizing<Vec<u8>>>,
}

/// Name and password; `None` where there are none that can be read.
///
/// differs from traefik: several `Authorization` lines are refused, because the server behind might believe another
/// one than was verified.
pub(crate) fn credentials(headers: &HeaderMap) -> Option<Credentials> {
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else {
        return None;
    };
    let (scheme, encoded) = line.as_bytes().split_at_checked(b"Basic ".len())?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return None;
    }
    let decoded = Zeroizing::new(STANDARD.decode(encoded).ok()?);
    let colon = decoded.iter().position(|&b| b == b':')?;
    let (user, rest) = decoded.split_at_checked(colon)?;
    Some(Credentials {
        user: user.to_vec(),
        password: Arc::new(Zeroizing::new(rest.get(1..)?.to_vec())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::header_map;

    fn read(lines: &[&str]) -> Option<(String, String)> {
        let lines: Vec<_> = lines.iter().map(|&line| ("authorization", line)).collect();
        let found = credentials(&header_map(&lines))?;
        Some((
            String::from_utf8(found.user).unwrap(),
            String::from_utf8(found.password.to_vec()).unwrap(),
        ))
    }

    #[test]
    fn user_and_password_part_at_the_first_colon() {
        for (line, user, password) in [
            ("Basic dXNlcjpwYXNz", "user", "pass"),
            ("bAsIc dXNlcjpwYXNz", "user", "pass"),
            ("Basic dXNlcjpwYTpzcw==", "user", "pa:ss"),
            ("Basic Og==", "", ""),
        ] {
            let expected = Some((user.to_owned(), password.to_owned()));
            assert_eq!(read(&[line]), expected, "{line}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_no_credential() {
        for lines in [
            &[][..],
            &[""],
            &["Basic"],
            &["Basic "],
            &["Basic dXNlcg=="],
            &["Basic dXNlcjpwYTpzcw"],
            &["Basic ?"],
            &["Bearer dXNlcjpwYXNz"],
            &["Basic dXNlcjpwYXNz", "Basic dXNlcjpwYXNz"],
        ] {
            assert_eq!(read(lines), None, "{lines:?}");
        }
    }
}
