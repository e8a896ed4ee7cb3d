//! Small pieces of Go's standard library that users see in Traefik's options and output:
//! durations, booleans, canonical header names, status texts, quoted text in logs.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use crate::blocks;
use crate::head::is_token;

const NANOSECOND: u64 = 1;
const MICROSECOND: u64 = 1000 * NANOSECOND;
const MILLISECOND: u64 = 1000 * MICROSECOND;
const SECOND: u64 = 1000 * MILLISECOND;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

/// Why a text is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Not a number, or numbers without structure.
    #[error(
        "invalid duration {text:?}: write a number of seconds, or numbers with units such as 1m30s"
    )]
    Malformed {
        /// As given.
        text: String,
    },
    /// A number without unit among numbers with units.
    #[error("invalid duration {text:?}: unit missing, use ns, us, ms, s, m or h")]
    MissingUnit {
        /// As given.
        text: String,
    },
    /// A unit that doesn't exist.
    #[error("invalid duration {text:?}: unknown unit {unit:?}, use ns, us, ms, s, m or h")]
    UnknownUnit {
        /// As given.
        text: String,
        /// The unit.
        unit: String,
    },
    /// More than about 292 years.
    #[error("invalid duration {text:?}: out of range, at most 2562047h47m16s")]
    OutOfRange {
        /// As given.
        text: String,
    },
    /// Below zero where that has no meaning.
    #[error("invalid duration {text:?}: must not be negative")]
    Negative {
        /// As given.
        text: String,
    },
}

/// A duration in nanoseconds as Traefik reads it: a bare integer is seconds, else Go's
/// `time.ParseDuration` (`300ms`, `-1.5h`, `2h45m`).
///
/// # Errors
/// [`DurationError`].
pub fn parse_duration_nanos(text: &str) -> Result<i64, DurationError> {
    let out_of_range = || DurationError::OutOfRange {
        text: text.to_owned(),
    };
    let (negative, unsigned) = match text.as_bytes().first() {
        Some(b'-') => (true, text.get(1..).unwrap_or_default()),
        Some(b'+') => (false, text.get(1..).unwrap_or_default()),
        _ => (false, text),
    };
    if unsigned.is_empty() {
        return Err(DurationError::Malformed {
            text: text.to_owned(),
        });
    }
    let nanos = if unsigned.bytes().all(|b| b.is_ascii_digit()) {
        unsigned
            .parse::<u64>()
            .ok()
            .and_then(|seconds| seconds.checked_mul(SECOND))
            .ok_or_else(out_of_range)?
    } else {
        parse_units(text, unsigned)?
    };
    if negative {
        0_i64.checked_sub_unsigned(nanos).ok_or_else(out_of_range)
    } else {
        i64::try_from(nanos).map_err(|_| out_of_range())
    }
}

/// [`parse_duration_nanos`] for options that can't be negative.
///
/// # Errors
/// [`DurationError`].
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let nanos = parse_duration_nanos(text)?;
    u64::try_from(nanos)
        .map(Duration::from_nanos)
        .map_err(|_| DurationError::Negative {
            text: text.to_owned(),
        })
}

fn parse_units(text: &str, unsigned: &str) -> Result<u64, DurationError> {
    let out_of_range = || DurationError::OutOfRange {
        text: text.to_owned(),
    };
    let mut rest = unsigned;
    let mut total = 0_u64;
    while !rest.is_empty() {
        let (whole, behind) = take_while(rest, |b| b.is_ascii_digit());
        let (fraction, behind) = match behind.strip_prefix('.') {
            Some(behind) => take_while(behind, |b| b.is_ascii_digit()),
            None => ("", behind),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(DurationError::Malformed {
                text: text.to_owned(),
            });
        }
        let (unit, behind) = take_while(behind, |b| b != b'.' && !b.is_ascii_digit());
        let unit = unit_nanos(unit).ok_or_else(|| match unit {
            "" => DurationError::MissingUnit {
                text: text.to_owned(),
            },
            unit => DurationError::UnknownUnit {
                text: text.to_owned(),
                unit: unit.to_owned(),
            },
        })?;
        let whole = match whole {
            "" => 0,
            whole => whole.parse::<u64>().map_err(|_| out_of_range())?,
        };
        total = whole
            .checked_mul(unit)
            .and_then(|nanos| nanos.checked_add(fraction_nanos(fraction, unit)))
            .and_then(|nanos| total.checked_add(nanos))
            .filter(|&nanos| nanos <= 1 << 63)
            .ok_or_else(out_of_range)?;
        rest = behind;
    }
    Ok(total)
}

fn take_while(text: &str, wanted: impl Fn(u8) -> bool) -> (&str, &str) {
    let end = text.bytes().position(|b| !wanted(b)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn unit_nanos(unit: &str) -> Option<u64> {
    match unit {
        "ns" => Some(NANOSECOND),
        // U+00B5 and U+03BC
        "us" | "\u{b5}s" | "\u{3bc}s" => Some(MICROSECOND),
        "ms" => Some(MILLISECOND),
        "s" => Some(SECOND),
        "m" => Some(MINUTE),
        "h" => Some(HOUR),
        _ => None,
    }
}

/// `0.<digits>` of `unit`, with Go's floating-point rounding. Digits beyond 63 bits don't count.
fn fraction_nanos(digits: &str, unit: u64) -> u64 {
    let (mut value, mut scale) = (0_u64, 1.0_f64);
    for digit in digits.bytes().map(|b| u64::from(b - b'0')) {
        match value.checked_mul(10).and_then(|v| v.checked_add(digit)) {
            Some(next) if next <= i64::MAX as u64 => value = next,
            _ => break,
        }
        scale *= 10.0;
    }
    // Below `unit`, so the conversion back is exact enough and can't overflow.
    (value as f64 * (unit as f64 / scale)) as u64
}

/// `time.Duration.String()` of Go: `1m30s`, `1.5s`, `300ms`, `0s`.
#[must_use]
pub fn format_duration_nanos(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let abs = nanos.unsigned_abs();
    if abs < SECOND {
        let (unit, name) = match abs {
            0 => return "0s".to_owned(),
            1..MICROSECOND => (NANOSECOND, "ns"),
            MICROSECOND..MILLISECOND => (MICROSECOND, "\u{b5}s"),
            _ => (MILLISECOND, "ms"),
        };
        return format!("{sign}{}{name}", decimal(abs, unit));
    }
    let (hours, minutes) = (abs / HOUR, abs / MINUTE % 60);
    let seconds = decimal(abs % MINUTE, SECOND);
    match (hours, minutes) {
        (0, 0) => format!("{sign}{seconds}s"),
        (0, _) => format!("{sign}{minutes}m{seconds}s"),
        _ => format!("{sign}{hours}h{minutes}m{seconds}s"),
    }
}

/// [`format_duration_nanos`] of a [`Duration`]; beyond 292 years, 292 years.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    format_duration_nanos(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
}

fn decimal(value: u64, unit: u64) -> String {
    let fraction = value % unit;
    if fraction == 0 {
        return (value / unit).to_string();
    }
    let width = unit.ilog10() as usize;
    let text = format!("{}.{fraction:0width$}", value / unit);
    text.trim_end_matches('0').to_owned()
}

/// `strconv.ParseBool` of Go: `1 t T TRUE true True 0 f F FALSE false False`, nothing else.
#[must_use]
pub fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// `http.CanonicalHeaderKey` of Go: `content-type` becomes `Content-Type`; a name that isn't a token
/// stays as it is.
#[must_use]
pub fn canonical_header(name: &str) -> Cow<'_, str> {
    if !is_token(name.as_bytes()) {
        return Cow::Borrowed(name);
    }
    let mut upper = true;
    let canonical = name.bytes().all(|b| {
        let right = if upper {
            !b.is_ascii_lowercase()
        } else {
            !b.is_ascii_uppercase()
        };
        upper = b == b'-';
        right
    });
    if canonical {
        return Cow::Borrowed(name);
    }
    let mut upper = true;
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        out.push(if upper {
            c.to_ascii_uppercase()
        } else {
            c.to_ascii_lowercase()
        });
        upper = c == '-';
    }
    Cow::Owned(out)
}

/// Appends a header name in canonical case, for writing heads. `name` is a token already (no check).
#[inline]
pub fn append_canonical_header(out: &mut Vec<u8>, name: &[u8]) {
    let start = out.len();
    let mut starts_word = true;
    let (words, tail) = name.as_chunks::<8>();
    for word in words {
        let (cased, next) = canonical_word(u64::from_le_bytes(*word), starts_word);
        out.extend_from_slice(&cased.to_le_bytes());
        starts_word = next;
    }
    if tail.is_empty() {
        return;
    }
    let word = tail
        .iter()
        .rev()
        .fold(0, |word, &byte| word << 8 | u64::from(byte));
    let (cased, _) = canonical_word(word, starts_word);
    // Eight bytes at once, then the ones too many are taken back.
    out.extend_from_slice(&cased.to_le_bytes());
    out.truncate(start + name.len());
}

/// Changes a header name to canonical case where it stands, eight bytes at a time.
#[inline]
pub fn make_canonical_header(name: &mut [u8]) {
    let mut starts_word = true;
    let (words, tail) = name.as_chunks_mut::<8>();
    for word in words {
        let (cased, next) = canonical_word(u64::from_le_bytes(*word), starts_word);
        *word = cased.to_le_bytes();
        starts_word = next;
    }
    for byte in tail {
        *byte = if starts_word {
            byte.to_ascii_uppercase()
        } else {
            byte.to_ascii_lowercase()
        };
        starts_word = *byte == b'-';
    }
}

/// Eight bytes in canonical case, the first one lowest. `starts_word`: the byte before was a hyphen.
/// Returns the same for the byte after.
#[inline]
fn canonical_word(word: u64, starts_word: bool) -> (u64, bool) {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    // Seven bits per byte, so that no sum below carries into the next byte.
    let seven = word & !HIGH;
    let ascii = !word & HIGH;
    // The high bit of each byte: is it `from` or above?
    let at_least = |from: u8| seven + (0x80 - u64::from(from)) * ONES;
    let hyphens = !((seven ^ (u64::from(b'-') * ONES)) + 0x7f * ONES) & ascii;
    let starts = hyphens << 8 | if starts_word { 0x80 } else { 0 };
    let lower = at_least(b'a') & !at_least(b'z' + 1) & ascii;
    let upper = at_least(b'A') & !at_least(b'Z' + 1) & ascii;
    let flip = (starts & lower | !starts & upper) >> 2;
    (word ^ flip, hyphens >> 63 == 1)
}

/// `http.StatusText` of Go; empty for statuses without one.
#[must_use]
pub fn status_text(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        102 => "Processing",
        103 => "Early Hints",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        207 => "Multi-Status",
        208 => "Already Reported",
        226 => "IM Used",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        305 => "Use Proxy",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Request Entity Too Large",
        414 => "Request URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Requested Range Not Satisfiable",
        417 => "Expectation Failed",
        418 => "I'm a teapot",
        421 => "Misdirected Request",
        422 => "Unprocessable Entity",
        423 => "Locked",
        424 => "Failed Dependency",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        506 => "Variant Also Negotiates",
        507 => "Insufficient Storage",
        508 => "Loop Detected",
        510 => "Not Extended",
        511 => "Network Authentication Required",
        _ => "",
    }
}

/// Appends `text` as `strconv.Quote` of Go would, without the quotes around it: control characters,
/// `"`, `\`, bytes that aren't UTF-8 and characters that show nothing or turn text around are escaped
/// (invariant I18). The common case is one scan and one copy.
pub fn append_escaped(out: &mut String, text: &[u8]) {
    if let Some(plain) = plain_ascii(text) {
        out.push_str(plain);
        return;
    }
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            append_escaped_char(out, c);
        }
        for byte in chunk.invalid() {
            append_hex_byte(out, *byte);
        }
    }
}

/// [`append_escaped`] as a value; borrowed if nothing had to be escaped and all is ASCII.
#[must_use]
pub fn escape(text: &[u8]) -> Cow<'_, str> {
    if let Some(plain) = plain_ascii(text) {
        return Cow::Borrowed(plain);
    }
    let mut out = String::with_capacity(text.len() + 8);
    append_escaped(&mut out, text);
    Cow::Owned(out)
}

#[inline]
fn plain_ascii(text: &[u8]) -> Option<&str> {
    if blocks::any(text, |b| {
        !matches!(b, b' '..=b'~') | (b == b'"') | (b == b'\\')
    }) {
        return None;
    }
    std::str::from_utf8(text).ok()
}

fn append_escaped_char(out: &mut String, c: char) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\x07' => out.push_str("\\a"),
        '\x08' => out.push_str("\\b"),
        '\x0c' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\x0b' => out.push_str("\\v"),
        '\0'..' ' | '\x7f' => append_hex_byte(out, u8::try_from(c).unwrap_or_default()),
        _ if is_printable(c) => out.push(c),
        // Writing to a String doesn't fail.
        '\u{10000}'.. => {
            let _ = write!(out, "\\U{:08x}", u32::from(c));
        }
        _ => {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        }
    }
}

fn append_hex_byte(out: &mut String, byte: u8) {
    let _ = write!(out, "\\x{byte:02x}");
}

/// False for control, format, space and private-use characters beyond ASCII.
fn is_printable(c: char) -> bool {
    !matches!(c,
        '\u{80}'..='\u{a0}' | '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
        | '\u{1680}' | '\u{180e}' | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}'
        | '\u{205f}'..='\u{206f}' | '\u{3000}' | '\u{e000}'..='\u{f8ff}' | '\u{feff}'
        | '\u{fff0}'..='\u{fffb}' | '\u{fffe}'..='\u{ffff}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e00ff}' | '\u{e01f0}'..)
}

#[cfg(test)]
mod tests;
