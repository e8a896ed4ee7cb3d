//! Host and authority: one spelling of a host before anything is decided by it
//! (RFC 9110 §7.2, RFC 9112 §3.2, RFC 3986 §3.2).
//!
//! Canonical: lower case, no port, no trailing dot, IPv6 in its shortest form in brackets. Refused
//! although RFC 3986 would let some of it pass: commas, userinfo, percent-encoding and every other
//! character besides letters, digits, `-`, `_` and `.`; IPv6 zones; `xn--` labels that decode to
//! plain ASCII (a second spelling of one name, RUSTSEC-2024-0421).

use std::borrow::Cow;
use std::net::Ipv6Addr;

use crate::head::{Scheme, Version};

/// Longest host in bytes, as DNS allows plus a trailing dot.
pub const MAX_HOST: usize = 255;

/// A canonical host and the port that was named with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Authority<'a> {
    /// Canonical; empty if the request names no host (HTTP/1.0, or an empty `Host`), else never.
    pub host: Cow<'a, str>,
    /// `None` if none was named (`host` or `host:`).
    pub port: Option<u16>,
}

impl Authority<'_> {
    /// The same with owned text.
    #[must_use]
    pub fn into_owned(self) -> Authority<'static> {
        Authority {
            host: Cow::Owned(self.host.into_owned()),
            port: self.port,
        }
    }

    fn port_or_default(&self, scheme: Scheme) -> u16 {
        self.port.unwrap_or(scheme.default_port())
    }
}

/// Why a request's host is refused; each is a 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityError {
    /// No host text, or only a port.
    #[error("host: empty")]
    Empty,
    /// Above [`MAX_HOST`].
    #[error("host: longer than 255 bytes")]
    TooLong,
    /// A comma: read as a list by some, as a name by others.
    #[error("host: contains a comma")]
    Comma,
    /// `user@host`.
    #[error("host: contains user information")]
    Userinfo,
    /// Any other byte that no host name has.
    #[error("host: contains a character that no host name has")]
    Character,
    /// `a..b`, `.a` or only dots.
    #[error("host: empty label")]
    EmptyLabel,
    /// An `xn--` label that decodes to ASCII.
    #[error("host: xn-- label decodes to ascii")]
    Punycode,
    /// Not digits, or above 65535.
    #[error("host: malformed port")]
    Port,
    /// Brackets without an IPv6 address in them, or a zone.
    #[error("host: malformed ipv6 address")]
    Ipv6,
    /// More than one `Host` line, equal or not (RFC 9112 §3.2).
    #[error("host: present more than once")]
    SeveralHosts,
    /// An HTTP/1.1 request without `Host` (RFC 9112 §3.2).
    #[error("host: missing in an http/1.1 request")]
    Missing,
    /// `Host` and the target's authority (`:authority`, absolute form) name different places.
    #[error("host: differs from the request target")]
    Mismatch,
}

/// The authority of an HTTP/1 request.
///
/// `hosts` are the values of all `Host` lines, `absolute` is the authority of an absolute-form target.
/// RFC 9112 §3.2.2 would ignore a `Host` that differs from the target; some servers behind us don't,
/// so the request is refused.
///
/// # Errors
/// [`AuthorityError`]: answer 400.
#[inline]
pub fn of_request<'a>(
    version: Version,
    hosts: impl IntoIterator<Item = &'a [u8]>,
    absolute: Option<(Scheme, &'a [u8])>,
) -> Result<Authority<'a>, AuthorityError> {
    let mut hosts = hosts.into_iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(AuthorityError::SeveralHosts);
    }
    if host.is_none() && version == Version::Http11 {
        return Err(AuthorityError::Missing);
    }
    combine(host, absolute).map(Option::unwrap_or_default)
}

/// Joins at most one `Host` value and the target's authority (absolute form, or `:authority` with
/// `:scheme` in HTTP/2 and 3). `None` if there is neither. An empty `Host` alone gives an empty host.
///
/// # Errors
/// [`AuthorityError`]: answer 400.
pub fn combine<'a>(
    host: Option<&'a [u8]>,
    target: Option<(Scheme, &'a [u8])>,
) -> Result<Option<Authority<'a>>, AuthorityError> {
    match (host, target) {
        (None, None) => Ok(None),
        (Some(b""), None) => Ok(Some(Authority::default())),
        (Some(host), None) => parse(host).map(Some),
        (None, Some((_, authority))) => parse(authority).map(Some),
        (Some(host), Some((scheme, authority))) => {
            let target = parse(authority)?;
            if host == authority {
                return Ok(Some(target));
            }
            let host = parse(host).map_err(|error| match error {
                AuthorityError::Empty => AuthorityError::Mismatch,
                error => error,
            })?;
            if host.host != target.host
                || host.port_or_default(scheme) != target.port_or_default(scheme)
            {
                return Err(AuthorityError::Mismatch);
            }
            Ok(Some(target))
        }
    }
}

/// Parses `host`, `host:port`, `[ipv6]` or `[ipv6]:port`. Borrows the host if it already is canonical.
///
/// # Errors
/// [`AuthorityError`].
#[inline]
pub fn parse(text: &[u8]) -> Result<Authority<'_>, AuthorityError> {
    if text.first() == Some(&b'[') {
        return parse_ipv6(text);
    }
    let mut label_start = 0;
    let mut upper = false;
    let mut end = text.len();
    for (at, &byte) in text.iter().enumerate() {
        if is_canonical_byte(byte) {
            continue;
        }
        match byte {
            b'A'..=b'Z' => upper = true,
            b'.' => {
                check_label(text.get(label_start..at).unwrap_or_default())?;
                label_start = at + 1;
            }
            b':' => {
                end = at;
                break;
            }
            _ => return Err(refused(text, byte)),
        }
    }
    let (name, rest) = text.split_at_checked(end).unwrap_or((text, b""));
    // The colon ended the scan, so user information behind it has to be looked for.
    let port = parse_port(rest).map_err(|error| {
        if rest.contains(&b'@') {
            AuthorityError::Userinfo
        } else {
            error
        }
    })?;
    let name = match name {
        [] => return Err(AuthorityError::Empty),
        // The label before the dot has been checked.
        [before @ .., b'.'] => before,
        name => {
            check_label(name.get(label_start..).unwrap_or_default())?;
            name
        }
    };
    if name.len() > MAX_HOST {
        return Err(AuthorityError::TooLong);
    }
    let host = std::str::from_utf8(name).map_err(|_| AuthorityError::Character)?;
    Ok(Authority {
        host: if upper {
            Cow::Owned(host.to_ascii_lowercase())
        } else {
            Cow::Borrowed(host)
        },
        port,
    })
}

/// The canonical form of a bare host: a TLS server name, or a host from a configuration.
///
/// # Errors
/// [`AuthorityError`]; a port is [`AuthorityError::Port`].
pub fn canonical_host(name: &[u8]) -> Result<Cow<'_, str>, AuthorityError> {
    let authority = parse(name)?;
    if authority.port.is_some() || name.last() == Some(&b':') {
        return Err(AuthorityError::Port);
    }
    Ok(authority.host)
}

/// Lower-case letters, digits, `-` and `_`: nearly every byte, so one look-up.
#[inline]
fn is_canonical_byte(byte: u8) -> bool {
    static CANONICAL: [bool; 256] = {
        let mut table = [false; 256];
        let mut byte = 0;
        while byte < 128 {
            #[expect(
                clippy::indexing_slicing,
                reason = "below 128; checked at compile time"
            )]
            {
                table[byte as usize] = matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
            }
            byte += 1_u8;
        }
        table
    };
    CANONICAL.get(usize::from(byte)).copied().unwrap_or(false)
}

#[cold]
fn refused(text: &[u8], byte: u8) -> AuthorityError {
    match byte {
        _ if text.contains(&b'@') => AuthorityError::Userinfo,
        b',' => AuthorityError::Comma,
        _ => AuthorityError::Character,
    }
}

/// `label` holds only letters, digits, `-` and `_`.
#[inline]
fn check_label(label: &[u8]) -> Result<(), AuthorityError> {
    let encoded = match label {
        [] => return Err(AuthorityError::EmptyLabel),
        [b'x' | b'X', b'n' | b'N', b'-', b'-', encoded @ ..] => encoded,
        _ => return Ok(()),
    };
    // Punycode inserts code points from U+0080 on, one per number behind the last hyphen: with
    // nothing behind it, or nothing at all, the label is plain ASCII (RFC 3492 §6.2).
    match encoded {
        [] | [.., b'-'] => Err(AuthorityError::Punycode),
        _ => Ok(()),
    }
}

/// `rest` is empty or begins with `:`.
#[inline]
fn parse_port(rest: &[u8]) -> Result<Option<u16>, AuthorityError> {
    let digits = match rest {
        [] | [b':'] => return Ok(None),
        [b':', digits @ ..] if digits.len() <= 5 => digits,
        _ => return Err(AuthorityError::Port),
    };
    let mut port = 0_u32;
    for &byte in digits {
        if !byte.is_ascii_digit() {
            return Err(AuthorityError::Port);
        }
        port = port * 10 + u32::from(byte - b'0');
    }
    u16::try_from(port)
        .map(Some)
        .map_err(|_| AuthorityError::Port)
}

fn parse_ipv6(text: &[u8]) -> Result<Authority<'_>, AuthorityError> {
    let end = memchr::memchr(b']', text).ok_or(AuthorityError::Ipv6)?;
    let (bracketed, rest) = text.split_at_checked(end + 1).ok_or(AuthorityError::Ipv6)?;
    let bracketed = std::str::from_utf8(bracketed).map_err(|_| AuthorityError::Ipv6)?;
    // `Ipv6Addr` takes no zone, which means nothing to another machine.
    let address: Ipv6Addr = bracketed
        .strip_prefix('[')
        .and_then(|inner| inner.strip_suffix(']'))
        .and_then(|inner| inner.parse().ok())
        .ok_or(AuthorityError::Ipv6)?;
    let port = match rest {
        [] | [b':', ..] => parse_port(rest)?,
        _ => return Err(AuthorityError::Ipv6),
    };
    let canonical = format!("[{address}]");
    Ok(Authority {
        host: if canonical == bracketed {
            Cow::Borrowed(bracketed)
        } else {
            Cow::Owned(canonical)
        },
        port,
    })
}

#[cfg(test)]
mod tests;
