//! How long a message body is (RFC 9112 §6), decided once and strictly: one framing or none.
//!
//! Feed every `Content-Length` and `Transfer-Encoding` line of a head to [`BodyFields`], then ask
//! [`BodyFields::request`] or [`BodyFields::response`]. An error means 400 (request) or 502
//! (response), and the connection closes: what follows the head has no known meaning.
//!
//! Stricter than the RFC on purpose, because a chain of parsers agrees only on the plain forms:
//! repeated equal lengths, `01`, codings besides exactly `chunked`, and any transfer coding in
//! HTTP/1.0 are errors, in requests and in responses.

use crate::head::Version;

/// How the end of a body is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is no body; the message ends with its head.
    None,
    /// Exactly this many bytes follow.
    Length(u64),
    /// `Transfer-Encoding: chunked`, see [`crate::chunked`].
    Chunked,
    /// The body ends when the peer closes (responses only). Such a connection is never used again.
    UntilClose,
    /// What follows isn't HTTP any more: after 101, and after a 2xx answer to CONNECT.
    Tunnel,
}

/// Why a message has no provable length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// `Content-Length` and `Transfer-Encoding` in one message (RFC 9112 §6.1: may be smuggling).
    #[error("both content-length and transfer-encoding are present")]
    LengthAndCoding,
    /// More than one `Content-Length`, as lines or as a list, equal or not.
    #[error("content-length is present more than once")]
    SeveralLengths,
    /// `Content-Length` isn't a plain decimal number: empty, signed, with spaces, leading zeros …
    #[error("content-length is not a plain decimal number")]
    MalformedLength,
    /// `Content-Length` doesn't fit 63 bits.
    #[error("content-length is too large")]
    LengthOverflow,
    /// `Transfer-Encoding` is something else than one line that says exactly `chunked`.
    #[error("transfer-encoding is not exactly chunked")]
    UnsupportedCoding,
    /// `Transfer-Encoding` in an HTTP/1.0 message (RFC 9112 §6.1: the framing is faulty).
    #[error("transfer-encoding in an http/1.0 message")]
    CodingInHttp10,
}

/// The request that a response answers, as far as framing depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// HEAD: the response never has a body.
    Head,
    /// CONNECT: a 2xx opens a tunnel.
    Connect,
    /// Every other method.
    Other,
}

impl Answered {
    /// The kind of `method`. Methods are case-sensitive (RFC 9110 §9.1).
    #[must_use]
    pub fn method(method: &[u8]) -> Self {
        match method {
            b"HEAD" => Self::Head,
            b"CONNECT" => Self::Connect,
            _ => Self::Other,
        }
    }
}

/// Collects the framing fields of one head, in any order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BodyFields {
    length: Option<u64>,
    chunked: bool,
    error: Option<FramingError>,
}

impl BodyFields {
    /// No framing field seen yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the value of one `Content-Length` line. Spaces and tabs around it don't count.
    pub fn content_length(&mut self, value: &[u8]) {
        if self.length.is_some() {
            self.fail(FramingError::SeveralLengths);
        }
        match parse_length(value) {
            Ok(length) => self.length = Some(length),
            Err(error) => {
                self.length = Some(0);
                self.fail(error);
            }
        }
    }

    /// Takes the value of one `Transfer-Encoding` line. Spaces and tabs around it don't count.
    pub fn transfer_encoding(&mut self, value: &[u8]) {
        if self.chunked || !trim_ows(value).eq_ignore_ascii_case(b"chunked") {
            self.fail(FramingError::UnsupportedCoding);
        }
        self.chunked = true;
    }

    /// The declared `Content-Length`, if there was one and it was well-formed.
    #[must_use]
    pub fn declared_length(&self) -> Option<u64> {
        if self.error.is_some() {
            return None;
        }
        self.length
    }

    /// The framing of a request (RFC 9112 §6.3): a length, chunked, or no body; the method and the
    /// version never imply one.
    ///
    /// # Errors
    /// [`FramingError`]: answer 400 and close.
    pub fn request(&self, version: Version) -> Result<Framing, FramingError> {
        self.check(version)?;
        Ok(match (self.chunked, self.length) {
            (true, _) => Framing::Chunked,
            (false, None | Some(0)) => Framing::None,
            (false, Some(length)) => Framing::Length(length),
        })
    }

    /// The framing of a response with this status to a request of this kind.
    ///
    /// 1xx, 204, 304 and answers to HEAD end with their head, whatever they declare; bytes that follow
    /// anyway aren't part of it, so the connection must not be used again
    /// ([`BodyFields::promises_forbidden_body`]).
    ///
    /// # Errors
    /// [`FramingError`], also for responses without a body: answer 502 and close.
    pub fn response(
        &self,
        version: Version,
        status: u16,
        answered: Answered,
    ) -> Result<Framing, FramingError> {
        self.check(version)?;
        Ok(match (status, answered) {
            (101, _) | (200..=299, Answered::Connect) => Framing::Tunnel,
            (100..=199 | 204 | 304, _) | (_, Answered::Head) => Framing::None,
            _ => match (self.chunked, self.length) {
                (true, _) => Framing::Chunked,
                (false, Some(0)) => Framing::None,
                (false, Some(length)) => Framing::Length(length),
                (false, None) => Framing::UntilClose,
            },
        })
    }

    /// True if a response of a status that never has a body (1xx, 204) declares one all the same
    /// (RFC 9110 §8.6, RFC 9112 §6.1 forbid it). Its bytes may follow: don't use the connection again,
    /// and don't pass the fields on.
    #[must_use]
    pub fn promises_forbidden_body(&self, status: u16) -> bool {
        matches!(status, 100..=199 | 204) && (self.chunked || self.length.is_some_and(|n| n > 0))
    }

    fn check(&self, version: Version) -> Result<(), FramingError> {
        if self.chunked && self.length.is_some() {
            return Err(FramingError::LengthAndCoding);
        }
        if let Some(error) = self.error {
            return Err(error);
        }
        if self.chunked && version == Version::Http10 {
            return Err(FramingError::CodingInHttp10);
        }
        Ok(())
    }

    fn fail(&mut self, error: FramingError) {
        self.error.get_or_insert(error);
    }
}

/// One `Content-Length` value: `0`, or digits that don't begin with 0 (RFC 9110 §8.6 would allow
/// leading zeros; some parsers read them as octal).
///
/// # Errors
/// [`FramingError::MalformedLength`], [`FramingError::SeveralLengths`] (a comma list) or
/// [`FramingError::LengthOverflow`] above 2^63-1, the largest length that other implementations hold.
pub fn parse_length(value: &[u8]) -> Result<u64, FramingError> {
    let digits = trim_ows(value);
    match digits {
        [b'0'] => return Ok(0),
        [b'1'..=b'9', ..] => {}
        _ => return Err(FramingError::MalformedLength),
    }
    let mut length = 0_u64;
    for &byte in digits {
        match byte {
            b'0'..=b'9' => {}
            b',' => return Err(FramingError::SeveralLengths),
            _ => return Err(FramingError::MalformedLength),
        }
        length = length
            .checked_mul(10)
            .and_then(|n| n.checked_add(u64::from(byte - b'0')))
            .filter(|&n| n <= i64::MAX as u64)
            .ok_or(FramingError::LengthOverflow)?;
    }
    Ok(length)
}

/// `value` without optional white space (space, tab) at both ends (RFC 9110 §5.6.3).
pub(crate) fn trim_ows(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = value {
        value = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

#[cfg(test)]
mod tests;
