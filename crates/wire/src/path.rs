//! The path and query of a request target: one spelling before routing (RFC 3986 §6.2.2).
//!
//! Order, as Traefik's entry points do it: refuse a raw `#`, decode percent-encoded unreserved
//! characters and upper-case the remaining hex digits (always), then collapse `.`, `..` and `//`
//! (`sanitizePath`, on by default). Reserved characters stay percent-encoded for routing and for the
//! server. Bytes that RFC 3986 doesn't allow in a path (`"`, `<`, `|`, non-ASCII …) become `%XX`.
//!
//! differs from traefik: when a path holds one such byte, Go re-encodes the whole decoded path, so
//! that `/a"b%2Fc` reaches the server as `/a%22b/c`. Here only the byte itself is encoded, and `%2F`
//! stays what it was.

use std::borrow::Cow;
use std::fmt;

use memchr::{memchr, memchr_iter, memrchr};

use crate::blocks;

/// How [`normalise`] treats a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathOptions {
    /// Collapse `.`, `..` and `//`. Default true. Traefik: `entryPoints.<name>.http.sanitizePath`.
    pub sanitize: bool,
}

impl Default for PathOptions {
    fn default() -> Self {
        Self { sanitize: true }
    }
}

/// Why a path is refused; each is a 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// A raw `#`: a fragment never belongs in a request (CVE-2023-47106).
    #[error("path: raw # at byte {at}")]
    RawHash {
        /// Offset in the path as received.
        at: usize,
    },
    /// `%` that two hexadecimal digits don't follow.
    #[error("path: invalid percent-encoding at byte {at}")]
    BadEscape {
        /// Offset of the `%` in the path as received.
        at: usize,
    },
    /// A control character or DEL.
    #[error("path: control character at byte {at}")]
    Control {
        /// Offset in the path as received.
        at: usize,
    },
    /// The path doesn't begin with `/`.
    #[error("path: does not begin with /")]
    NotRooted,
}

/// The one spelling of `path` (without query). Borrowed when it already is in normal form.
///
/// An empty path is `/` (RFC 9110 §4.2.3). A trailing `/` is kept; a trailing `.` or `..` segment
/// leaves none, as Go's `path.Clean` followed by Traefik's rule. Linear time. The result is at most
/// three times as long as the input, and never longer when every input byte is allowed in a path.
///
/// # Errors
/// [`PathError`], the first problem from the left.
#[inline]
pub fn normalise(path: &[u8], options: PathOptions) -> Result<Cow<'_, [u8]>, PathError> {
    match scan(path, options.sanitize)? {
        Form::Normal => Ok(Cow::Borrowed(path)),
        Form::Other => change(path, options.sanitize).map(Cow::Owned),
    }
}

/// True if [`normalise`] would answer with the same bytes.
#[inline]
#[must_use]
pub fn is_normal(path: &[u8], options: PathOptions) -> bool {
    matches!(scan(path, options.sanitize), Ok(Form::Normal))
}

/// True if a path that a middleware produced may go on: it equals its own normal form, dot segments
/// and `//` included, whatever `sanitizePath` says. Otherwise the request is answered 400.
///
/// An empty path is safe: it is sent as `/`. Traefik 3.7.3: `stripPrefix` answers 400 (CVE-2026-48020,
/// CVE-2026-65600); here every rewrite does.
#[inline]
#[must_use]
pub fn rewrite_is_safe(path: &[u8]) -> bool {
    path.is_empty() || is_normal(path, PathOptions { sanitize: true })
}

/// What rules are matched against: the path in normal form with every percent-encoding decoded that
/// doesn't stand for a reserved character (RFC 3986 §2.2) or `%`.
///
/// Borrowed when there is nothing to decode. Only for matching; what is sent on is always the encoded
/// form. Traefik: `withRoutingPath` in `pkg/muxer/http/mux.go`.
#[must_use]
pub fn routing_path(normal: &[u8]) -> Cow<'_, [u8]> {
    if !memchr_iter(b'%', normal).any(|at| decodable_for_routing(normal, at).is_some()) {
        return Cow::Borrowed(normal);
    }
    let mut out = Vec::with_capacity(normal.len());
    let mut at = 0;
    while let Some(&byte) = normal.get(at) {
        if byte == b'%'
            && let Some(decoded) = decodable_for_routing(normal, at)
        {
            out.push(decoded);
            at += 3;
        } else {
            out.push(byte);
            at += 1;
        }
    }
    Cow::Owned(out)
}

/// Length, in the encoded `path`, of the prefix whose decoded form is `prefix`; `None` if the decoded
/// path doesn't begin with it.
///
/// Both lengths are found in one walk, so that an offset never comes from one encoding and is applied
/// to the other (CVE-2026-40912). `prefix` is taken literally.
#[must_use]
pub fn decoded_prefix_len(path: &[u8], prefix: &[u8]) -> Option<usize> {
    let mut at = 0;
    for &wanted in prefix {
        let (byte, width) = match *path.get(at)? {
            b'%' => escape_at(path, at).map_or((b'%', 1), |decoded| (decoded, 3)),
            byte => (byte, 1),
        };
        if byte != wanted {
            return None;
        }
        at += width;
    }
    Some(at)
}

/// A character whose percent-encoded form an operator may refuse in paths.
/// Traefik: `allowEncoded…` of entry points and of the `encodedCharacters` middleware.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum EncodedCharacter {
    /// `%2F`, `allowEncodedSlash`.
    Slash = 1,
    /// `%5C`, `allowEncodedBackSlash`.
    BackSlash = 1 << 1,
    /// `%00`, `allowEncodedNullCharacter`.
    NullCharacter = 1 << 2,
    /// `%3B`, `allowEncodedSemicolon`.
    Semicolon = 1 << 3,
    /// `%25`, `allowEncodedPercent`.
    Percent = 1 << 4,
    /// `%3F`, `allowEncodedQuestionMark`.
    QuestionMark = 1 << 5,
    /// `%23`, `allowEncodedHash`.
    Hash = 1 << 6,
}

impl EncodedCharacter {
    /// The percent-encoded form, upper case.
    #[must_use]
    pub fn encoded(self) -> &'static str {
        match self {
            Self::Slash => "%2F",
            Self::BackSlash => "%5C",
            Self::NullCharacter => "%00",
            Self::Semicolon => "%3B",
            Self::Percent => "%25",
            Self::QuestionMark => "%3F",
            Self::Hash => "%23",
        }
    }

    fn of(decoded: u8) -> Option<Self> {
        match decoded {
            b'/' => Some(Self::Slash),
            b'\\' => Some(Self::BackSlash),
            0 => Some(Self::NullCharacter),
            b';' => Some(Self::Semicolon),
            b'%' => Some(Self::Percent),
            b'?' => Some(Self::QuestionMark),
            b'#' => Some(Self::Hash),
            _ => None,
        }
    }
}

impl fmt::Display for EncodedCharacter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.encoded())
    }
}

/// A set of [`EncodedCharacter`]s that may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncodedCharacters(u8);

impl EncodedCharacters {
    /// All may pass: the default of an entry point.
    pub const ALLOW_ALL: Self = Self(0x7f);
    /// None may pass: the default of the `encodedCharacters` middleware.
    pub const DENY_ALL: Self = Self(0);

    /// This set with `character` added or removed.
    #[must_use]
    pub const fn with(self, character: EncodedCharacter, allowed: bool) -> Self {
        if allowed {
            Self(self.0 | character as u8)
        } else {
            Self(self.0 & !(character as u8))
        }
    }

    /// True if `character` may pass.
    #[must_use]
    pub const fn allows(self, character: EncodedCharacter) -> bool {
        self.0 & character as u8 != 0
    }
}

/// The first percent-encoded character of `path` that `allowed` doesn't hold; the request is then
/// answered 400. Upper and lower case hex digits count alike.
#[inline]
#[must_use]
pub fn first_denied(path: &[u8], allowed: EncodedCharacters) -> Option<EncodedCharacter> {
    if allowed == EncodedCharacters::ALLOW_ALL {
        return None;
    }
    memchr_iter(b'%', path)
        .filter_map(|at| EncodedCharacter::of(escape_at(path, at)?))
        .find(|&character| !allowed.allows(character))
}

/// Path and query of an origin-form target, parted at the first `?`. The query is without its `?`;
/// `None` if there is no `?`.
#[inline]
#[must_use]
pub fn split_query(target: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr(b'?', target).and_then(|at| target.split_at_checked(at)) {
        Some((path, rest)) => (path, rest.get(1..)),
        None => (target, None),
    }
}

/// What becomes of `;` in a query. Traefik: `entryPoints.<name>.http.encodeQuerySemicolons`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Semicolons {
    /// `;` becomes `&`, for rules and for the server (`encodeQuerySemicolons: false`, the default).
    #[default]
    Separate,
    /// `;` becomes `%3B` (`encodeQuerySemicolons: true`).
    Encode,
}

/// The query as rules see it and the server gets it. Borrowed if it holds no `;`.
#[inline]
#[must_use]
pub fn clean_query(query: &[u8], semicolons: Semicolons) -> Cow<'_, [u8]> {
    if memchr(b';', query).is_none() {
        return Cow::Borrowed(query);
    }
    let mut out = Vec::with_capacity(query.len() + 8);
    for &byte in query {
        match (byte, semicolons) {
            (b';', Semicolons::Separate) => out.push(b'&'),
            (b';', Semicolons::Encode) => out.extend_from_slice(b"%3B"),
            _ => out.push(byte),
        }
    }
    Cow::Owned(out)
}

enum Form {
    Normal,
    Other,
}

/// One pass that allocates nothing. `Other` as soon as something has to be changed: what is wrong
/// behind that point is found by [`change`].
#[inline]
fn scan(path: &[u8], sanitize: bool) -> Result<Form, PathError> {
    match path.first() {
        Some(b'/') => {}
        None => return Ok(Form::Other),
        Some(_) => return Err(first_error(path).unwrap_or(PathError::NotRooted)),
    }
    if is_plain(path) {
        return Ok(Form::Normal);
    }
    // What the current segment is so far.
    const OPEN: u8 = 0; // some name
    const START: u8 = 1; // nothing
    const DOT: u8 = 2; // "."
    const DOTS: u8 = 3; // ".."
    let mut segment = OPEN;
    let mut at = 0;
    while let Some(&byte) = path.get(at) {
        let class = class(byte);
        // Nearly every byte; a branch of its own is cheaper than a jump table.
        if class == Class::Plain {
            segment = OPEN;
            at += 1;
            continue;
        }
        match class {
            Class::Plain => {}
            Class::Slash => {
                if sanitize && segment != OPEN {
                    return Ok(Form::Other);
                }
                segment = START;
            }
            Class::Dot => {
                segment = match segment {
                    START => DOT,
                    DOT => DOTS,
                    _ => OPEN,
                }
            }
            Class::Percent => {
                let (Some(&high), Some(&low)) = (path.get(at + 1), path.get(at + 2)) else {
                    return Err(PathError::BadEscape { at });
                };
                let Some(decoded) = decode_pair(high, low) else {
                    return Err(PathError::BadEscape { at });
                };
                if is_unreserved(decoded) || high.is_ascii_lowercase() || low.is_ascii_lowercase() {
                    return Ok(Form::Other);
                }
                segment = OPEN;
                at += 2;
            }
            Class::Encode => return Ok(Form::Other),
            Class::Hash => return Err(PathError::RawHash { at }),
            Class::Control => return Err(PathError::Control { at }),
        }
        at += 1;
    }
    if sanitize && segment >= DOT {
        return Ok(Form::Other);
    }
    Ok(Form::Normal)
}

/// True for most paths in normal form: a rooted path of bytes that need no encoding, with no `/`
/// before a `/` or `.`. Vectorised; [`scan`] decides about the rest.
#[inline]
fn is_plain(path: &[u8]) -> bool {
    !blocks::any_pair(path, |this, b| {
        (this == b'/') & ((b == b'/') | (b == b'.'))
            | !b.is_ascii_graphic()
            | (b == b'"')
            | (b == b'#')
            | (b == b'%')
            | (b == b'<')
            | (b == b'>')
            | (b == b'?')
            | (b == b'\\')
            | (b == b'^')
            | (b == b'`')
            | matches!(b, b'{'..=b'}')
    })
}

#[cold]
fn first_error(path: &[u8]) -> Option<PathError> {
    path.iter().enumerate().find_map(|(at, &b)| match class(b) {
        Class::Hash => Some(PathError::RawHash { at }),
        Class::Control => Some(PathError::Control { at }),
        Class::Percent if escape_at(path, at).is_none() => Some(PathError::BadEscape { at }),
        _ => None,
    })
}

#[cold]
fn change(path: &[u8], sanitize: bool) -> Result<Vec<u8>, PathError> {
    let decoded = decode(path)?;
    if sanitize || decoded.is_empty() {
        return Ok(collapse(&decoded));
    }
    Ok(decoded)
}

fn decode(path: &[u8]) -> Result<Vec<u8>, PathError> {
    let mut out = Vec::with_capacity(path.len() + 8);
    let mut at = 0;
    while let Some(&byte) = path.get(at) {
        match class(byte) {
            Class::Plain | Class::Slash | Class::Dot => out.push(byte),
            Class::Percent => {
                let decoded = escape_at(path, at).ok_or(PathError::BadEscape { at })?;
                if is_unreserved(decoded) {
                    out.push(decoded);
                } else {
                    push_escape(&mut out, decoded);
                }
                at += 2;
            }
            Class::Encode => push_escape(&mut out, byte),
            Class::Hash => return Err(PathError::RawHash { at }),
            Class::Control => return Err(PathError::Control { at }),
        }
        at += 1;
    }
    Ok(out)
}

/// `path.Clean` of Go for a rooted path, with the trailing slash kept (RFC 3986 §5.2.4 plus `//`).
/// Linear: a segment is written once and removed at most once.
fn collapse(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len() + 1);
    for segment in path.split(|&b| b == b'/') {
        match segment {
            b"" | b"." => {}
            b".." => out.truncate(memrchr(b'/', &out).unwrap_or(0)),
            name => {
                out.push(b'/');
                out.extend_from_slice(name);
            }
        }
    }
    if out.is_empty() || path.ends_with(b"/") {
        out.push(b'/');
    }
    out
}

fn push_escape(out: &mut Vec<u8>, byte: u8) {
    out.extend_from_slice(&[b'%', hex_digit(byte >> 4), hex_digit(byte & 0xf)]);
}

fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 {
        b'0' + nibble
    } else {
        b'A' + nibble - 10
    }
}

/// The byte that `%XX` at `at` stands for; `None` if there is no whole escape.
#[inline]
fn escape_at(path: &[u8], at: usize) -> Option<u8> {
    decode_pair(*path.get(at + 1)?, *path.get(at + 2)?)
}

#[inline]
fn decode_pair(high: u8, low: u8) -> Option<u8> {
    let digit = |b: u8| char::from(b).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

fn decodable_for_routing(path: &[u8], at: usize) -> Option<u8> {
    escape_at(path, at).filter(|decoded| !b":/?#[]@!$&'()*+,;=%".contains(decoded))
}

fn is_unreserved(byte: u8) -> bool {
    matches!(class(byte), Class::Plain | Class::Dot) && !b"!$&'()*+,;=:@[]".contains(&byte)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Class {
    /// Unreserved except `.`, sub-delims, `:`, `@`; `[` and `]`, which Go leaves alone.
    Plain,
    Slash,
    Dot,
    Percent,
    /// Not allowed in a path, but unambiguous once encoded.
    Encode,
    Hash,
    Control,
}

#[inline]
fn class(byte: u8) -> Class {
    CLASSES
        .get(usize::from(byte))
        .copied()
        .unwrap_or(Class::Control)
}

static CLASSES: [Class; 256] = classes();

const fn classes() -> [Class; 256] {
    let mut table = [Class::Encode; 256];
    let mut byte = 0_u8;
    loop {
        let class = match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => Class::Plain,
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' => {
                Class::Plain
            }
            b':' | b'@' | b'[' | b']' => Class::Plain,
            b'/' => Class::Slash,
            b'.' => Class::Dot,
            b'%' => Class::Percent,
            b'#' => Class::Hash,
            0..=0x1f | 0x7f => Class::Control,
            _ => Class::Encode,
        };
        #[expect(
            clippy::indexing_slicing,
            reason = "a u8 is below 256; checked at compile time"
        )]
        {
            table[byte as usize] = class;
        }
        if byte == u8::MAX {
            return table;
        }
        byte += 1;
    }
}

#[cfg(test)]
mod tests;
