//! Sticky cookies, bit for bit as Traefik's, so that sessions survive a migration.

use http::header::{COOKIE, HeaderMap, HeaderValue};
use sha2::{Digest, Sha256};

/// A compiled sticky cookie. Traefik: `sticky.cookie`.
#[derive(Debug)]
pub struct Sticky {
    name: String,
    /// Everything behind `name=value`.
    attributes: String,
}

/// What a request's cookie says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stuck {
    /// To this server, in today's form.
    To(usize),
    /// To this server, in a form of an earlier release: the cookie is written anew.
    ToOldForm(usize),
    /// To no server that there is.
    Nowhere,
}

impl Sticky {
    /// A cookie called `name` (made of token characters) with these attributes, `; Path=/` and so on.
    pub fn new(name: String, attributes: String) -> Self {
        Self { name, attributes }
    }

    /// Which of `servers` the request is stuck to.
    pub(crate) fn find<'a>(
        &self,
        headers: &HeaderMap,
        servers: impl Iterator<Item = (usize, &'a StickyValues)>,
    ) -> Stuck {
        let Some(value) = self.value(headers) else {
            return Stuck::Nowhere;
        };
        for (index, values) in servers {
            if value == values.current.as_bytes() {
                return Stuck::To(index);
            }
            if value == values.fnv.as_bytes() || value == values.url.as_bytes() {
                return Stuck::ToOldForm(index);
            }
        }
        Stuck::Nowhere
    }

    /// The `Set-Cookie` value that sticks a client to a server.
    pub(crate) fn set_cookie(&self, values: &StickyValues) -> Option<HeaderValue> {
        HeaderValue::try_from(format!(
            "{}={}{}",
            self.name, values.current, self.attributes
        ))
        .ok()
    }

    fn value<'h>(&self, headers: &'h HeaderMap) -> Option<&'h [u8]> {
        headers
            .get_all(COOKIE)
            .iter()
            .flat_map(|line| line.as_bytes().split(|b| *b == b';'))
            .find_map(|pair| {
                let pair = pair.trim_ascii();
                let value = pair
                    .strip_prefix(self.name.as_bytes())?
                    .strip_prefix(b"=")?;
                Some(
                    value
                        .strip_prefix(b"\"")
                        .and_then(|v| v.strip_suffix(b"\""))
                        .unwrap_or(value),
                )
            })
    }
}

/// The cookie values that mean one server.
#[derive(Debug)]
pub(crate) struct StickyValues {
    /// First 16 hexadecimal digits of the SHA-256 of the server's URL.
    current: String,
    /// FNV-1a-64 of the URL, as earlier releases wrote it.
    fnv: String,
    /// The URL itself, older still.
    url: String,
}

impl StickyValues {
    pub(crate) fn new(url: &str) -> Self {
        let digest = Sha256::digest(url.as_bytes());
        let current = digest
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self {
            current,
            fnv: format!("{:016x}", fnv1a_64(url.as_bytes())),
            url: url.to_owned(),
        }
    }
}

fn fnv1a_64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_traefik() {
        let values = StickyValues::new("http://10.10.0.1:8080");
        // sha256sum and FNV-1a-64 of the URL, worked out with other tools.
        assert_eq!(values.current.len(), 16);
        assert_eq!(fnv1a_64(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(StickyValues::new("").current, "e3b0c44298fc1c14");
    }

    #[test]
    fn a_cookie_finds_its_server_among_other_cookies() {
        let sticky = Sticky::new("_1d52e".into(), "; Path=/".into());
        let values = [StickyValues::new("http://a"), StickyValues::new("http://b")];
        let find = |cookie: &str| {
            let mut headers = HeaderMap::new();
            headers.append(COOKIE, HeaderValue::try_from("theme=dark").unwrap());
            headers.append(COOKIE, HeaderValue::try_from(cookie).unwrap());
            sticky.find(&headers, values.iter().enumerate())
        };
        assert_eq!(
            find(&format!("x=y; _1d52e={}", values[1].current)),
            Stuck::To(1)
        );
        assert_eq!(find("_1d52e=http://a"), Stuck::ToOldForm(0));
        assert_eq!(find("_1d52e=gone"), Stuck::Nowhere);
        assert_eq!(find("_1d52eX=http://a"), Stuck::Nowhere);
        assert_eq!(
            sticky.set_cookie(&values[0]).unwrap(),
            format!("_1d52e={}; Path=/", values[0].current).as_str()
        );
    }
}
