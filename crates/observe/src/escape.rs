//! Text of strangers, made harmless for log lines (I18).
//!
//! No control character and no character that turns text around leaves here, in whatever field a client puts it.

use itoa::Buffer;

/// Appends a number.
pub(crate) fn number(out: &mut Vec<u8>, value: impl itoa::Integer) {
    out.extend_from_slice(Buffer::new().format(value).as_bytes());
}

/// Appends the inside of a JSON string. Bytes that aren't UTF-8 become U+FFFD, as Go's encoder does.
pub(crate) fn json(out: &mut Vec<u8>, text: &[u8]) {
    if is_plain(text) {
        return out.extend_from_slice(text);
    }
    for chunk in text.utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                '"' => out.extend_from_slice(b"\\\""),
                '\\' => out.extend_from_slice(b"\\\\"),
                '\n' => out.extend_from_slice(b"\\n"),
                '\r' => out.extend_from_slice(b"\\r"),
                '\t' => out.extend_from_slice(b"\\t"),
                harmful if is_harmful(harmful) => {
                    // Every harmful character is below U+10000.
                    out.extend_from_slice(format!("\\u{:04x}", u32::from(harmful)).as_bytes());
                }
                other => {
                    out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
        }
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

/// Appends text to a line of the common log format: `\"`, `\\`, and `\xHH` for each byte of what is harmful or no
/// UTF-8.
///
/// differs from traefik: it escapes quotes only, so that a backslash at the end of a header breaks out of its field.
pub(crate) fn common(out: &mut Vec<u8>, text: &[u8]) {
    if is_plain(text) {
        return out.extend_from_slice(text);
    }
    for chunk in text.utf8_chunks() {
        for char in chunk.valid().chars() {
            let mut bytes = [0; 4];
            let bytes = char.encode_utf8(&mut bytes).as_bytes();
            match char {
                '"' => out.extend_from_slice(b"\\\""),
                '\\' => out.extend_from_slice(b"\\\\"),
                harmful if is_harmful(harmful) => hex(out, bytes),
                _ => out.extend_from_slice(bytes),
            }
        }
        hex(out, chunk.invalid());
    }
}

/// As [`common`], for a field that stands between blanks without quotes.
pub(crate) fn common_word(out: &mut Vec<u8>, text: &[u8]) {
    let mut parts = text.split(|byte| *byte == b' ');
    common(out, parts.next().unwrap_or_default());
    for part in parts {
        out.extend_from_slice(b"\\x20");
        common(out, part);
    }
}

/// Appends text that stands for itself, as a message does: only what is harmful is escaped, as in JSON.
pub(crate) fn message(out: &mut Vec<u8>, text: &str) {
    for char in text.chars() {
        if is_harmful(char) {
            json(out, char.encode_utf8(&mut [0; 4]).as_bytes());
        } else {
            out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
}

fn hex(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or(b'0');
        out.extend_from_slice(&[b'\\', b'x', digit(byte >> 4), digit(byte & 0xf)]);
    }
}

/// ASCII without controls, quotes and backslashes, which is nearly everything. Eight bytes at a time, because this is
/// asked for each field of each request.
fn is_plain(text: &[u8]) -> bool {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const TOPS: u64 = ONES << 7;
    // A byte's top bit is set where the byte is 0; above such a byte, others may be set too.
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & TOPS;
    let is_odd = |word: u64| {
        let control = word.wrapping_sub(ONES * 0x20) & !word & TOPS;
        let found = control
            | (word & TOPS)
            | zero(word ^ (ONES * 0x7f))
            | zero(word ^ (ONES * u64::from(b'"')))
            | zero(word ^ (ONES * u64::from(b'\\')));
        found != 0
    };
    let (words, rest) = text.as_chunks::<8>();
    let mut last = [b' '; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    !words.iter().any(|word| is_odd(u64::from_ne_bytes(*word))) && !is_odd(u64::from_ne_bytes(last))
}

/// Controls (C0, DEL, C1), line and paragraph separators, and marks that turn the direction of text.
const fn is_harmful(char: char) -> bool {
    matches!(char,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{61c}' | '\u{200e}' | '\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(escape: fn(&mut Vec<u8>, &[u8]), text: &[u8]) -> String {
        let mut out = Vec::new();
        escape(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_text_holds_nothing_harmful() {
        for (text, wanted) in [
            (&b"plain /path?x=1"[..], "plain /path?x=1"),
            (b"a\"b\\c", r#"a\"b\\c"#),
            (
                b"a\r\nb\tc\0d\x1b[31m\x7f",
                r"a\r\nb\tc\u0000d\u001b[31m\u007f",
            ),
            (
                "ü \u{202e}x\u{2028}\u{9b}".as_bytes(),
                "ü \\u202ex\\u2028\\u009b",
            ),
            (b"a\xffb", "a\u{fffd}b"),
        ] {
            assert_eq!(run(json, text), wanted);
        }
    }

    #[test]
    fn common_text_can_not_leave_its_field() {
        for (text, wanted) in [
            (&b"Mozilla/5.0 (X11)"[..], "Mozilla/5.0 (X11)"),
            (b"evil\" 200 -\\", r#"evil\" 200 -\\"#),
            (b"a\r\nb\x1b", r"a\x0d\x0ab\x1b"),
            ("é\u{202e}".as_bytes(), r"é\xe2\x80\xae"),
            (b"\xff", r"\xff"),
        ] {
            assert_eq!(run(common, text), wanted);
        }
        assert_eq!(run(common_word, b"joe [x] y"), r"joe\x20[x]\x20y");
    }

    #[test]
    fn each_byte_is_told_apart_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            let is_odd = !(0x20..0x7f).contains(&byte) || byte == b'"' || byte == b'\\';
            for length in 1..20 {
                for at in 0..length {
                    let mut text = vec![b'a'; length];
                    text[at] = byte;
                    assert_eq!(is_plain(&text), !is_odd, "{byte} at {at} of {length}");
                }
            }
        }
        assert!(is_plain(b""));
    }

    #[test]
    fn no_control_byte_is_ever_written() {
        for byte in 0..=u8::MAX {
            for escape in [json, common, common_word] {
                let mut out = Vec::new();
                escape(&mut out, &[b'a', byte, b'b']);
                assert!(
                    out.iter().all(|byte| *byte >= 0x20 && *byte != 0x7f),
                    "{byte}"
                );
            }
        }
    }
}
