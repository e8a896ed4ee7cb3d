//! The query string as Go's `url.ParseQuery` reads it, compared in place.

use std::borrow::Cow;

/// Go refuses queries with more parameters, and then none of them is seen.
const MAX_PARAMETERS: usize = 10_000;

/// The raw values of `key`, in order. A parameter with a semicolon or a bad escape is no
/// parameter.
pub(crate) fn values<'q>(query: &'q str, key: &'q str) -> impl Iterator<Item = &'q str> {
    let separators = memchr::memchr_iter(b'&', query.as_bytes()).count();
    let query = if separators < MAX_PARAMETERS {
        query
    } else {
        ""
    };
    query.split('&').filter_map(move |parameter| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let seen = !parameter.is_empty()
            && equals(name, key)
            && !parameter.contains(';')
            && is_valid(value);
        seen.then_some(value)
    })
}

/// True if `raw`, decoded, is `text`. False if it cannot be decoded.
pub(crate) fn equals(raw: &str, text: &str) -> bool {
    if !raw.contains(['%', '+']) {
        return raw == text;
    }
    let mut expected = text.bytes();
    let mut decoder = Decoder(raw.as_bytes());
    loop {
        match decoder.next() {
            None => return expected.next().is_none(),
            Some(None) => return false,
            Some(Some(byte)) => {
                if expected.next() != Some(byte) {
                    return false;
                }
            }
        }
    }
}

fn is_valid(raw: &str) -> bool {
    !raw.contains('%') || Decoder(raw.as_bytes()).all(|byte| byte.is_some())
}

/// Calls `test` with `raw` decoded, which must be valid. Allocates only for encoded values longer
/// than a kilobyte.
pub(crate) fn with_decoded<T>(raw: &str, test: impl FnOnce(&[u8]) -> T) -> T {
    if !raw.contains(['%', '+']) {
        return test(raw.as_bytes());
    }
    let mut buffer = [0_u8; 1024];
    if raw.len() > buffer.len() {
        return test(&Decoder(raw.as_bytes()).flatten().collect::<Vec<u8>>());
    }
    let mut length = 0;
    for (slot, byte) in buffer.iter_mut().zip(Decoder(raw.as_bytes()).flatten()) {
        *slot = byte;
        length += 1;
    }
    test(buffer.get(..length).unwrap_or_default())
}

/// `raw` decoded, for people to read.
pub(crate) fn display(raw: &str) -> Cow<'_, str> {
    if raw.contains(['%', '+']) {
        let bytes: Vec<u8> = Decoder(raw.as_bytes()).flatten().collect();
        Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
    } else {
        Cow::Borrowed(raw)
    }
}

/// Bytes of `application/x-www-form-urlencoded` text; None for a bad escape.
struct Decoder<'r>(&'r [u8]);

impl Iterator for Decoder<'_> {
    type Item = Option<u8>;

    fn next(&mut self) -> Option<Option<u8>> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(match first {
            b'+' => Some(b' '),
            b'%' => {
                let digit = |b: &u8| char::from(*b).to_digit(16);
                match rest {
                    [high, low, tail @ ..] => {
                        self.0 = tail;
                        digit(high)
                            .zip(digit(low))
                            .and_then(|(high, low)| u8::try_from(high * 16 + low).ok())
                    }
                    _ => {
                        self.0 = &[];
                        None
                    }
                }
            }
            byte => Some(*byte),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_parameters_as_go_does() {
        let all = |query, key| values(query, key).map(display).collect::<Vec<_>>();
        assert_eq!(all("a=1&b=2&a=3", "a"), ["1", "3"]);
        assert_eq!(all("a&b", "a"), [""]);
        assert_eq!(
            all("a=1;b=2&a=3", "a"),
            ["3"],
            "a semicolon drops the parameter"
        );
        assert_eq!(
            all("a=%zz&a=%4", "a"),
            [""; 0],
            "a bad escape drops the parameter"
        );
        assert_eq!(all("%61=x+y%2B", "a"), ["x y+"]);
        assert_eq!(all("a=b=c", "a"), ["b=c"]);
        assert_eq!(all("&&", ""), [""; 0]);
        assert_eq!(all("=x", ""), ["x"]);
        assert_eq!(all("", "a"), [""; 0]);
        let many = format!("{}a=1", "b&".repeat(10_000));
        assert_eq!(all(&many, "a"), [""; 0], "more than 10000 parameters");
        assert_eq!(all(many.get(2..).unwrap(), "a"), ["1"]);
    }

    #[test]
    fn decodes_long_values_too() {
        let raw = "%41".repeat(1000);
        with_decoded(&raw, |bytes| assert_eq!(bytes, "A".repeat(1000).as_bytes()));
        with_decoded("a+b%20", |bytes| assert_eq!(bytes, b"a b "));
    }
}
