//! HTTP/1.1 messages as the tests see them, and the strict rules by which they are read.

/// A message head. `raw` holds every byte as received, the empty line included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The request or status line, without its line end.
    pub start: String,
    /// The field lines in order, names as spelled, values without surrounding blanks. Bytes that
    /// are not UTF-8 are replaced; `raw` has them.
    pub fields: Vec<(String, String)>,
    /// The bytes as received.
    pub raw: Vec<u8>,
}

/// A whole message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its head.
    pub head: Head,
    /// The content, chunks put together.
    pub body: Vec<u8>,
    /// The bytes of the body as received, with chunk sizes and trailers.
    pub raw_body: Vec<u8>,
    /// The trailer fields of a chunked body.
    pub trailers: Vec<(String, String)>,
    /// How the end of the body was found.
    pub framing: Framing,
}

/// How the end of a body is found (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is none: by its method or status, or a request that states none.
    None,
    /// `Content-Length`.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// Everything until the connection's end.
    UntilClose,
}

/// A message that breaks RFC 9112 as a sender. The text says what and shows the bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("malformed message: {what} in \"{}\"", .bytes.escape_ascii())]
pub struct Malformed {
    /// Which rule is broken.
    pub what: &'static str,
    /// The line at fault.
    pub bytes: Vec<u8>,
}

impl Malformed {
    pub(crate) fn new(what: &'static str, bytes: &[u8]) -> Self {
        Self {
            what,
            bytes: bytes.to_vec(),
        }
    }
}

impl Head {
    /// Reads a head whose bytes end with the empty line.
    ///
    /// # Errors
    ///
    /// Anything a sender must not write: a bare CR or LF, a folded line, a blank before the
    /// colon, a name that is no token, a control character in a value.
    pub fn parse(raw: &[u8]) -> Result<Self, Malformed> {
        let text = raw
            .strip_suffix(b"\r\n\r\n")
            .ok_or_else(|| Malformed::new("head without an empty line", raw))?;
        let mut lines = text.split(|&byte| byte == b'\n').peekable();
        let start = line(lines.next().unwrap_or_default(), lines.peek().is_none())?;
        if start.is_empty() {
            return Err(Malformed::new("empty start line", raw));
        }
        let mut fields = Vec::new();
        while let Some(bytes) = lines.next() {
            fields.push(field(line(bytes, lines.peek().is_none())?)?);
        }
        Ok(Self {
            start: String::from_utf8_lossy(start).into_owned(),
            fields,
            raw: raw.to_vec(),
        })
    }

    /// The value of the first field of that name, in any case.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The values of all fields of that name, in order.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.fields
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// The status code, if this is a response.
    pub fn status(&self) -> Option<u16> {
        let (version, rest) = self.start.split_once(' ')?;
        if !version.starts_with("HTTP/1.") {
            return None;
        }
        rest.get(..3)?.parse().ok()
    }

    /// The framing of a request with this head (RFC 9112 §6.3).
    ///
    /// # Errors
    ///
    /// `Content-Length` beside `Transfer-Encoding`, either of them twice, a length that is not
    /// all digits, a transfer coding other than `chunked`.
    pub fn request_framing(&self) -> Result<Framing, Malformed> {
        Ok(self.stated_framing()?.unwrap_or(Framing::None))
    }

    /// The framing of a response with this head, to a request with method `method`.
    ///
    /// # Errors
    ///
    /// As [`Self::request_framing`]; and a status line that is none, or a body stated where the
    /// status allows none (1xx and 204: RFC 9112 §6.1, RFC 9110 §8.6).
    pub fn response_framing(&self, method: &str) -> Result<Framing, Malformed> {
        let line = self.start.as_bytes();
        let well_formed = matches!(line, [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0' | b'1', b' ', a, b, c, b' ', ..]
            if a.is_ascii_digit() && b.is_ascii_digit() && c.is_ascii_digit());
        let status = self
            .status()
            .filter(|status| well_formed && (100..600).contains(status))
            .ok_or_else(|| Malformed::new("bad status line", line))?;
        let stated = self.stated_framing()?;
        if status < 200 || status == 204 {
            return match stated {
                Some(_) => Err(Malformed::new(
                    "body stated with a status that has none",
                    &self.raw,
                )),
                None => Ok(Framing::None),
            };
        }
        if method == "HEAD" || status == 304 || (method == "CONNECT" && status < 300) {
            return Ok(Framing::None);
        }
        Ok(stated.unwrap_or(Framing::UntilClose))
    }

    fn stated_framing(&self) -> Result<Option<Framing>, Malformed> {
        let lengths = self.all("content-length");
        let codings = self.all("transfer-encoding");
        match (lengths.as_slice(), codings.as_slice()) {
            ([], []) => Ok(None),
            ([length], []) => {
                if length.is_empty() || !length.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(Malformed::new("bad content-length", length.as_bytes()));
                }
                let length = length
                    .parse()
                    .map_err(|_| Malformed::new("content-length too large", length.as_bytes()))?;
                Ok(Some(Framing::Length(length)))
            }
            ([], ["chunked"]) => Ok(Some(Framing::Chunked)),
            ([], _) => Err(Malformed::new(
                "transfer coding other than chunked",
                &self.raw,
            )),
            (_, []) => Err(Malformed::new("content-length more than once", &self.raw)),
            _ => Err(Malformed::new(
                "content-length beside transfer-encoding",
                &self.raw,
            )),
        }
    }
}

/// Strips the CR of a line that was ended by LF, and allows no other CR. The last line's end was
/// stripped already.
fn line(bytes: &[u8], last: bool) -> Result<&[u8], Malformed> {
    let line = if last {
        bytes
    } else {
        bytes
            .strip_suffix(b"\r")
            .ok_or_else(|| Malformed::new("bare line feed", bytes))?
    };
    if line.contains(&b'\r') {
        return Err(Malformed::new("bare carriage return", bytes));
    }
    Ok(line)
}

/// Reads a field line: name, colon, value.
pub(crate) fn field(line: &[u8]) -> Result<(String, String), Malformed> {
    if line.starts_with(b" ") || line.starts_with(b"\t") {
        return Err(Malformed::new("folded line", line));
    }
    let colon = line
        .iter()
        .position(|&byte| byte == b':')
        .ok_or_else(|| Malformed::new("field line without a colon", line))?;
    let (name, value) = line.split_at(colon);
    if name.is_empty() || !name.iter().all(|&byte| is_token(byte)) {
        return Err(Malformed::new("field name that is no token", line));
    }
    let value = value.get(1..).unwrap_or_default();
    if value
        .iter()
        .any(|&byte| (byte < b' ' && byte != b'\t') || byte == 0x7f)
    {
        return Err(Malformed::new("control character in a field value", line));
    }
    Ok((
        String::from_utf8_lossy(name).into_owned(),
        String::from_utf8_lossy(value.trim_ascii()).into_owned(),
    ))
}

/// RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Head {
        Head::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn fields_keep_order_spelling_and_repetition() {
        let head = head("GET / HTTP/1.1\r\nHost: a\r\nx-B:  1 \r\nX-b:\r\n\r\n");
        assert_eq!(head.start, "GET / HTTP/1.1");
        assert_eq!(head.fields[1], ("x-B".to_owned(), "1".to_owned()));
        assert_eq!(head.all("X-B"), ["1", ""]);
        assert_eq!(head.field("host"), Some("a"));
        assert_eq!(head.status(), None);
    }

    #[test]
    fn what_a_sender_must_not_write_is_refused() {
        for (text, what) in [
            ("GET / HTTP/1.1\nHost: a\r\n\r\n", "bare line feed"),
            (
                "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n",
                "bare carriage return",
            ),
            ("GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", "folded line"),
            (
                "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
                "field name that is no token",
            ),
            (
                "GET / HTTP/1.1\r\n: a\r\n\r\n",
                "field name that is no token",
            ),
            (
                "GET / HTTP/1.1\r\nHost\r\n\r\n",
                "field line without a colon",
            ),
            (
                "GET / HTTP/1.1\r\nHost: a\0\r\n\r\n",
                "control character in a field value",
            ),
            ("\r\n\r\n", "empty start line"),
            ("GET / HTTP/1.1\r\n", "head without an empty line"),
        ] {
            assert_eq!(
                Head::parse(text.as_bytes()).unwrap_err().what,
                what,
                "{text:?}"
            );
        }
    }

    #[test]
    fn framing_follows_method_and_status() {
        let framing = |text: &str, method| head(text).response_framing(method).map_err(|e| e.what);
        let length = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";
        assert_eq!(framing(length, "GET"), Ok(Framing::Length(3)));
        assert_eq!(framing(length, "HEAD"), Ok(Framing::None));
        assert_eq!(
            framing(
                "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n",
                "GET"
            ),
            Ok(Framing::None)
        );
        assert_eq!(
            framing("HTTP/1.1 204 No Content\r\n\r\n", "GET"),
            Ok(Framing::None)
        );
        assert_eq!(
            framing("HTTP/1.1 200 OK\r\n\r\n", "GET"),
            Ok(Framing::UntilClose)
        );
        assert_eq!(
            framing(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                "GET"
            ),
            Ok(Framing::Chunked)
        );
    }

    #[test]
    fn ambiguous_framing_is_refused() {
        for (fields, what) in [
            (
                "Content-Length: 1\r\nTransfer-Encoding: chunked",
                "content-length beside transfer-encoding",
            ),
            (
                "Content-Length: 1\r\nContent-Length: 1",
                "content-length more than once",
            ),
            ("Content-Length: +1", "bad content-length"),
            (
                "Content-Length: 99999999999999999999",
                "content-length too large",
            ),
            (
                "Transfer-Encoding: gzip, chunked",
                "transfer coding other than chunked",
            ),
        ] {
            let head = head(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n"));
            assert_eq!(
                head.response_framing("GET").unwrap_err().what,
                what,
                "{fields}"
            );
        }
        let head = head("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(
            head.response_framing("GET").unwrap_err().what,
            "body stated with a status that has none"
        );
    }

    #[test]
    fn status_lines_have_three_digits_and_both_blanks() {
        for line in [
            "HTTP/1.1 20 OK",
            "HTTP/1.1 200",
            "HTTP/2 200 OK",
            "HTTP/1.1 999 x",
            "http/1.1 200 OK",
        ] {
            let head = head(&format!("{line}\r\n\r\n"));
            assert_eq!(
                head.response_framing("GET").unwrap_err().what,
                "bad status line",
                "{line}"
            );
        }
    }
}
