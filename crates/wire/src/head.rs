//! Strict rules for HTTP/1 heads (RFC 9112 §2-§5), on top of what a tokeniser accepts.
//!
//! The codec tokenises with `httparse`, which is lenient in places. What it lets through and the rule
//! here that stops it:
//!
//! | accepted by httparse 1.10 | stopped by |
//! |---|---|
//! | LF alone as the end of a line (start line, fields, end of head) | [`check_raw_head`] |
//! | empty lines before the start line, without limit, LF alone too | [`leading_empty_line`] |
//! | every byte above 0x20 except DEL in the request target | [`RequestTarget::parse`], [`crate::path`] |
//! | any request-target form for any method | [`RequestTarget::parse`] |
//! | status codes below 100 | [`check_status`] |
//! | several or contradicting framing fields, several Hosts | [`crate::framing`], [`crate::authority`] |
//!
//! Obs-fold, bare CR, NUL, white space before the colon and empty names are refused by both; the raw
//! check doesn't rely on the tokeniser for the first two.

use memchr::{memchr, memchr2_iter};

use crate::blocks;
use crate::framing::trim_ows;

/// The HTTP/1 versions we speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
}

impl Version {
    /// Exactly `HTTP/1.0` or `HTTP/1.1` (RFC 9112 §2.3; case-sensitive).
    ///
    /// # Errors
    /// [`HeadError::Version`].
    pub fn parse(text: &[u8]) -> Result<Self, HeadError> {
        match text {
            b"HTTP/1.1" => Ok(Self::Http11),
            b"HTTP/1.0" => Ok(Self::Http10),
            _ => Err(HeadError::Version),
        }
    }

    /// From the minor version that a tokeniser reports.
    #[must_use]
    pub fn from_minor(minor: u8) -> Option<Self> {
        match minor {
            0 => Some(Self::Http10),
            1 => Some(Self::Http11),
            _ => None,
        }
    }

    /// As on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
        }
    }
}

/// Which rule a head breaks: 400 (request) or 502 (response), and the connection closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// LF that CR doesn't precede (RFC 9112 §2.2 allows to accept it; chains disagree on it).
    #[error("head: line feed without carriage return")]
    BareLf,
    /// CR that LF doesn't follow.
    #[error("head: carriage return without line feed")]
    BareCr,
    /// A line that begins with white space: a folded field (RFC 9112 §5.2) or white space before the
    /// first field.
    #[error("head: line begins with white space")]
    ObsFold,
    /// The method isn't a token.
    #[error("head: method is not a token")]
    Method,
    /// The request target has a form that the method doesn't allow.
    #[error("head: request target has the wrong form for the method")]
    TargetForm,
    /// A byte that can't be part of a request target: control, space, DEL.
    #[error("head: request target contains a control character or space")]
    TargetByte,
    /// A raw `#` in the request target, in path or query.
    #[error("head: request target contains #")]
    TargetFragment,
    /// Not `HTTP/1.0` or `HTTP/1.1`.
    #[error("head: unknown http version")]
    Version,
    /// The status code isn't 100 to 999.
    #[error("head: malformed status code")]
    Status,
    /// A control byte in the reason phrase.
    #[error("head: malformed reason phrase")]
    Reason,
    /// A field line without colon, or a name that isn't a token (empty, white space before the colon …).
    #[error("head: malformed field name")]
    FieldName,
    /// A control byte in a field value.
    #[error("head: control character in a field value")]
    FieldValue,
}

/// Checks line ends and line starts of a whole raw head, from its start line to the empty line that
/// ends it: CR and LF only as CR LF, and no line begins with white space.
///
/// One pass over neighbouring bytes without a branch, which the compiler vectorises.
///
/// # Errors
/// [`HeadError::BareLf`], [`HeadError::BareCr`] or [`HeadError::ObsFold`].
#[inline]
pub fn check_raw_head(head: &[u8]) -> Result<(), HeadError> {
    let bad = blocks::any_pair(head, |this, next| {
        ((this == b'\r') != (next == b'\n')) | (this == b'\n') & ((next == b' ') | (next == b'\t'))
    });
    if bad || head.first() == Some(&b'\n') || head.last() == Some(&b'\r') {
        return Err(raw_head_error(head));
    }
    Ok(())
}

/// The first problem of a head that has one.
#[cold]
fn raw_head_error(head: &[u8]) -> HeadError {
    // Position behind the last CR that LF follows.
    let mut after_cr = None;
    for at in memchr2_iter(b'\r', b'\n', head) {
        let next = head.get(at + 1);
        match head.get(at) {
            Some(b'\r') if next == Some(&b'\n') => after_cr = Some(at + 1),
            Some(b'\r') => return HeadError::BareCr,
            _ if after_cr != Some(at) => return HeadError::BareLf,
            _ if matches!(next, Some(b' ' | b'\t')) => return HeadError::ObsFold,
            _ => {}
        }
    }
    HeadError::BareLf
}

/// Length of one empty line in front of a request line, which a server should ignore (RFC 9112 §2.2).
/// A second one, or LF alone, isn't ignored: the head check then fails.
#[inline]
#[must_use]
pub fn leading_empty_line(buf: &[u8]) -> usize {
    if buf.starts_with(b"\r\n") { 2 } else { 0 }
}

/// The four forms of a request target (RFC 9112 §3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestTarget<'a> {
    /// `/path?query`, the ordinary form.
    Origin {
        /// Begins with `/`.
        path: &'a [u8],
        /// Behind the `?`; `None` without one.
        query: Option<&'a [u8]>,
    },
    /// `http://host/path?query`. Its authority counts, not the Host field's.
    Absolute {
        /// The scheme.
        scheme: Scheme,
        /// For [`crate::authority::parse`]; not checked yet, but not empty.
        authority: &'a [u8],
        /// May be empty, which means `/`.
        path: &'a [u8],
        /// Behind the `?`; `None` without one.
        query: Option<&'a [u8]>,
    },
    /// `host:port`, for CONNECT only. Not checked yet.
    Authority(&'a [u8]),
    /// `*`, for OPTIONS only.
    Asterisk,
}

/// Schemes of an absolute-form target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `http`
    Http,
    /// `https`
    Https,
}

impl Scheme {
    /// Port when the authority names none.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    /// Lower case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl<'a> RequestTarget<'a> {
    /// Reads a target by its method: authority form for CONNECT and for nothing else, `*` for OPTIONS
    /// and nothing else, origin or absolute form (`http`, `https`) for the rest.
    ///
    /// # Errors
    /// [`HeadError::TargetForm`], [`HeadError::TargetByte`] or [`HeadError::TargetFragment`].
    #[inline]
    pub fn parse(method: &[u8], target: &'a [u8]) -> Result<Self, HeadError> {
        let bad = blocks::any(target, |b| (b <= b' ') | (b == 0x7f) | (b == b'#'));
        if bad {
            return Err(target_error(target));
        }
        match target {
            _ if method == b"CONNECT" => authority_form(target),
            [b'/', ..] => {
                let (path, query) = crate::path::split_query(target);
                Ok(Self::Origin { path, query })
            }
            b"*" if method == b"OPTIONS" => Ok(Self::Asterisk),
            _ => absolute_form(target),
        }
    }
}

/// The first problem of a target that holds a byte no target has.
#[cold]
fn target_error(target: &[u8]) -> HeadError {
    match target
        .iter()
        .find(|&&b| b <= b' ' || b == 0x7f || b == b'#')
    {
        Some(b'#') => HeadError::TargetFragment,
        _ => HeadError::TargetByte,
    }
}

#[cold]
fn authority_form(target: &[u8]) -> Result<RequestTarget<'_>, HeadError> {
    if target.is_empty() || target.iter().any(|b| b"/?*@".contains(b)) || !target.contains(&b':') {
        return Err(HeadError::TargetForm);
    }
    Ok(RequestTarget::Authority(target))
}

#[cold]
fn absolute_form(target: &[u8]) -> Result<RequestTarget<'_>, HeadError> {
    let (scheme, rest) = [(Scheme::Http, "http://"), (Scheme::Https, "https://")]
        .into_iter()
        .find_map(|(scheme, prefix)| {
            let (head, rest) = target.split_at_checked(prefix.len())?;
            head.eq_ignore_ascii_case(prefix.as_bytes())
                .then_some((scheme, rest))
        })
        .ok_or(HeadError::TargetForm)?;
    let end = rest
        .iter()
        .position(|b| matches!(b, b'/' | b'?'))
        .unwrap_or(rest.len());
    let (authority, tail) = rest.split_at_checked(end).ok_or(HeadError::TargetForm)?;
    if authority.is_empty() {
        return Err(HeadError::TargetForm);
    }
    let (path, query) = crate::path::split_query(tail);
    Ok(RequestTarget::Absolute {
        scheme,
        authority,
        path,
        query,
    })
}

/// Name and trimmed value of one field line without its line end (RFC 9112 §5).
///
/// # Errors
/// [`HeadError::FieldName`] (no colon, no name, white space before the colon, a folded line) or
/// [`HeadError::FieldValue`].
pub fn field_line(line: &[u8]) -> Result<(&[u8], &[u8]), HeadError> {
    let (name, rest) = memchr(b':', line)
        .and_then(|colon| line.split_at_checked(colon))
        .ok_or(HeadError::FieldName)?;
    let value = trim_ows(rest.get(1..).unwrap_or_default());
    if !is_token(name) {
        return Err(HeadError::FieldName);
    }
    if !is_field_value(value) {
        return Err(HeadError::FieldValue);
    }
    Ok((name, value))
}

/// True for 100 to 999: three digits (RFC 9110 §15), also of classes nobody has defined.
///
/// # Errors
/// [`HeadError::Status`].
pub fn check_status(status: u16) -> Result<(), HeadError> {
    if (100..=999).contains(&status) {
        Ok(())
    } else {
        Err(HeadError::Status)
    }
}

/// A status code as on the wire, three digits.
///
/// # Errors
/// [`HeadError::Status`].
pub fn parse_status(digits: &[u8]) -> Result<u16, HeadError> {
    let [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] = digits else {
        return Err(HeadError::Status);
    };
    Ok(u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0'))
}

/// Checks a reason phrase: visible characters, space, tab, bytes above 0x7f; may be empty.
///
/// # Errors
/// [`HeadError::Reason`].
pub fn check_reason(reason: &[u8]) -> Result<(), HeadError> {
    if is_field_value(reason) {
        Ok(())
    } else {
        Err(HeadError::Reason)
    }
}

/// What an `Expect` field asks for (RFC 9110 §10.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expectation {
    /// `100-continue`, in any case.
    Continue,
    /// Anything else, several values included: answer 417 and close, as Go does; a guess would leave
    /// unclear whether a body follows.
    Unknown,
}

impl Expectation {
    /// Reads one `Expect` value.
    #[must_use]
    pub fn parse(value: &[u8]) -> Self {
        if trim_ows(value).eq_ignore_ascii_case(b"100-continue") {
            Self::Continue
        } else {
            Self::Unknown
        }
    }
}

/// True for a token (RFC 9110 §5.6.2), not empty: methods and field names.
#[inline]
#[must_use]
pub fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|&b| is_token_byte(b))
}

/// True for a byte of a token.
#[inline]
#[must_use]
pub fn is_token_byte(byte: u8) -> bool {
    TOKEN.get(usize::from(byte)).copied().unwrap_or(false)
}

/// True if `value` may be sent as a field value: no control byte except tab (RFC 9110 §5.5; bytes
/// above 0x7f are allowed). Says nothing about white space at its ends.
#[inline]
#[must_use]
pub fn is_field_value(value: &[u8]) -> bool {
    !blocks::any(value, |b| (b < b' ') & (b != b'\t') | (b == 0x7f))
}

static TOKEN: [bool; 256] = token_table();

const fn token_table() -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    loop {
        let token = matches!(byte,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_'
            | b'`' | b'|' | b'~' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z');
        #[expect(
            clippy::indexing_slicing,
            reason = "a u8 is below 256; checked at compile time"
        )]
        {
            table[byte as usize] = token;
        }
        if byte == u8::MAX {
            return table;
        }
        byte += 1;
    }
}

#[cfg(test)]
mod tests;
