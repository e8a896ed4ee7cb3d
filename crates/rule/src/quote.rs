//! Go string literals: what `%q` writes and what `strconv.Unquote` reads.

#[path = "quote_printable.rs"]
mod printable;

use std::fmt::Write as _;

use crate::error::Problem;

/// Writes `text` as Go's `%q` does: in double quotes, with backslash escapes for quotes,
/// backslashes and whatever Go holds for unprintable.
#[must_use]
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        push_escaped(&mut out, c);
    }
    out.push('"');
    out
}

fn push_escaped(out: &mut String, c: char) {
    match c {
        '"' | '\\' => {
            out.push('\\');
            out.push(c);
        }
        '\u{7}' => out.push_str(r"\a"),
        '\u{8}' => out.push_str(r"\b"),
        '\u{c}' => out.push_str(r"\f"),
        '\n' => out.push_str(r"\n"),
        '\r' => out.push_str(r"\r"),
        '\t' => out.push_str(r"\t"),
        '\u{b}' => out.push_str(r"\v"),
        _ if printable::is_printable(c) => out.push(c),
        _ => {
            let code = u32::from(c);
            // Writing to a String cannot fail.
            let _ = match code {
                0..0x20 | 0x7f => write!(out, "\\x{code:02x}"),
                0x80..0x1_0000 => write!(out, "\\u{code:04x}"),
                _ => write!(out, "\\U{code:08x}"),
            };
        }
    }
}

/// Reads one Go string literal, in backticks or double quotes, from the start of `source`.
///
/// Returns the value and the number of bytes read. Carriage returns in a backtick literal are
/// dropped, as Go does.
///
/// # Errors
/// The problem and its byte offset within `source`.
pub(crate) fn unquote_prefix(source: &str) -> Result<(String, usize), (Problem, usize)> {
    let mut chars = source.char_indices();
    match chars.next() {
        Some((_, '`')) => raw(source),
        Some((_, '"')) => interpreted(source),
        _ => Err((Problem::ExpectedString, 0)),
    }
}

fn raw(source: &str) -> Result<(String, usize), (Problem, usize)> {
    let body = source.get(1..).unwrap_or_default();
    let end = body
        .find('`')
        .ok_or((Problem::UnterminatedString { quote: '`' }, 0))?;
    let value = body.get(..end).unwrap_or_default().replace('\r', "");
    Ok((value, end + 2))
}

fn interpreted(source: &str) -> Result<(String, usize), (Problem, usize)> {
    // Bytes, because `\xc3\xa9` spells one character in two escapes.
    let mut value = Vec::new();
    let mut rest = source.char_indices().skip(1).peekable();
    let unterminated = (Problem::UnterminatedString { quote: '"' }, 0);
    loop {
        let Some((at, c)) = rest.next() else {
            return Err(unterminated);
        };
        match c {
            '\n' => return Err(unterminated),
            '"' => {
                let value = String::from_utf8(value).map_err(|_| (Problem::NotUtf8, 0))?;
                return Ok((value, at + 1));
            }
            '\\' => {
                let Some((_, kind)) = rest.next() else {
                    return Err(unterminated);
                };
                let bad = || (Problem::BadEscape { escape: kind }, at);
                let simple = match kind {
                    'a' => Some(7),
                    'b' => Some(8),
                    'f' => Some(12),
                    'n' => Some(b'\n'),
                    'r' => Some(b'\r'),
                    't' => Some(b'\t'),
                    'v' => Some(11),
                    '\\' | '"' => Some(kind as u8),
                    _ => None,
                };
                if let Some(byte) = simple {
                    value.push(byte);
                    continue;
                }
                let (mut code, digits, radix) = match kind {
                    'x' => (0, 2, 16),
                    'u' => (0, 4, 16),
                    'U' => (0, 8, 16),
                    '0'..='7' => (u32::from(kind) - u32::from('0'), 2, 8),
                    _ => return Err(bad()),
                };
                for _ in 0..digits {
                    let digit = rest.next().and_then(|(_, d)| d.to_digit(radix));
                    let digit = digit.ok_or_else(bad)?;
                    code = code
                        .checked_mul(radix)
                        .and_then(|code| code.checked_add(digit))
                        .ok_or_else(bad)?;
                }
                if matches!(kind, 'u' | 'U') {
                    let c = char::from_u32(code).ok_or_else(bad)?;
                    value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                } else {
                    value.push(u8::try_from(code).map_err(|_| bad())?);
                }
            }
            _ => value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_as_go_does() {
        // Expectations printed by go1.26 `fmt.Printf("%q")`.
        for (text, expected) in [
            ("", r#""""#),
            ("foo.com", r#""foo.com""#),
            ("a\"b\\c`d'", r#""a\"b\\c`d'""#),
            ("\u{7}\u{8}\u{c}\n\r\t\u{b}", r#""\a\b\f\n\r\t\v""#),
            ("\0\u{1f}\u{7f}", r#""\x00\x1f\x7f""#),
            ("\u{80}\u{a0}\u{ad}", r#""\u0080\u00a0\u00ad""#),
            ("é世界", r#""é世界""#),
            ("\u{200b}\u{3000}\u{feff}", r#""\u200b\u3000\ufeff""#),
            (
                "\u{1f600}\u{e0001}\u{10ffff}",
                "\"\u{1f600}\\U000e0001\\U0010ffff\"",
            ),
            ("\u{fffd}", "\"\u{fffd}\""),
        ] {
            assert_eq!(quote(text), expected);
        }
    }

    #[test]
    fn reads_go_escapes() {
        for (source, expected) in [
            (r#""\101\x41\u0041\U00000041""#, "AAAA"),
            (r#""\xc3\xa9""#, "é"),
            (
                r#""\a\b\f\n\r\t\v\\\"'`""#,
                "\u{7}\u{8}\u{c}\n\r\t\u{b}\\\"'`",
            ),
            ("`a\\n\"\r\nb`", "a\\n\"\nb"),
        ] {
            let (value, read) = unquote_prefix(source).unwrap();
            assert_eq!(value, expected);
            assert_eq!(read, source.len());
        }
    }

    #[test]
    fn refuses_what_go_refuses() {
        for source in [
            r#""\'""#,
            r#""\q""#,
            r#""\400""#,
            r#""\08""#,
            r#""\x4""#,
            r#""\ud800""#,
            r#""\U00110000""#,
            "\"a\nb\"",
            "\"a",
            "`a",
            r#""\"#,
            "'a'",
        ] {
            assert!(unquote_prefix(source).is_err(), "{source}");
        }
        assert_eq!(
            unquote_prefix(r#""\xff""#),
            Err((Problem::NotUtf8, 0)),
            "Go holds bytes, a rule holds text"
        );
    }
}
