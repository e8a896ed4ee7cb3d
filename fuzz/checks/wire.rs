//! What must hold for any bytes given to the parsers of `pointsman-wire`.
//!
//! Each check says whether the input was accepted, so that a run that never gets that far is noticed.
//! Used by the fuzz targets and, with seeded random bytes on a stable toolchain, by the crate's tests.

use pointsman_wire::chunked::{Decoder, Step};
use pointsman_wire::framing::{Answered, BodyFields, Framing};
use pointsman_wire::head::{self, RequestTarget, Version};
use pointsman_wire::path::{self, EncodedCharacters, PathOptions, Semicolons};
use pointsman_wire::{authority, forwarded, go, names};

/// A path has one spelling: normalising is idempotent and leaves no dot segments.
pub(crate) fn path(data: &[u8]) -> bool {
    let mut accepted = false;
    for sanitize in [true, false] {
        let options = PathOptions { sanitize };
        let Ok(once) = path::normalise(data, options) else {
            assert!(!path::is_normal(data, options));
            continue;
        };
        accepted = true;
        assert!(path::is_normal(&once, options));
        assert_eq!(path::is_normal(data, options), *once == *data);
        assert!(once.len() <= 3 * data.len().max(1));
        assert!(once.starts_with(b"/"));
        assert!(
            once.iter()
                .all(|b| b.is_ascii_graphic() && !b"#?".contains(b))
        );
        if sanitize {
            assert!(path::rewrite_is_safe(&once));
            let inner = once.strip_suffix(b"/").unwrap_or(&once);
            let dots = |s: &[u8]| s == b"." || s == b"..";
            assert!(
                !inner
                    .split(|b| *b == b'/')
                    .skip(1)
                    .any(|s| s.is_empty() || dots(s))
            );
        }
        let routed = path::routing_path(&once);
        assert!(routed.len() <= once.len());
        assert_eq!(path::decoded_prefix_len(&once, b"/"), Some(1));
        let _ = path::first_denied(&once, EncodedCharacters::DENY_ALL);
    }
    let (_, query) = path::split_query(data);
    for semicolons in [Semicolons::Separate, Semicolons::Encode] {
        let cleaned = path::clean_query(query.unwrap_or(data), semicolons);
        assert!(!cleaned.contains(&b';'));
    }
    accepted
}

/// A host has one spelling, of few characters.
pub(crate) fn authority(data: &[u8]) -> bool {
    let Ok(found) = authority::parse(data) else {
        return false;
    };
    let again = authority::parse(found.host.as_bytes());
    assert_eq!(again.map(|a| a.host), Ok(found.host.clone()));
    assert!(!found.host.is_empty() && !found.host.ends_with('.'));
    assert!(
        found
            .host
            .bytes()
            .all(|b| { b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.:[]".contains(&b) })
    );
    let with_dot = authority::canonical_host(data);
    assert!(with_dot.is_err() || with_dot.as_deref() == Ok(&*found.host));
    true
}

/// Lines of the input are framing fields; whatever they are, a message has one framing or none.
pub(crate) fn framing(data: &[u8]) -> bool {
    let mut fields = BodyFields::new();
    let (mut lengths, mut codings) = (0, 0);
    for line in data.split(|b| *b == b'\n') {
        match line {
            [b'c', value @ ..] => {
                lengths += 1;
                fields.content_length(value);
            }
            [b't', value @ ..] => {
                codings += 1;
                fields.transfer_encoding(value);
            }
            _ => {}
        }
    }
    for version in [Version::Http10, Version::Http11] {
        let request = fields.request(version);
        match request {
            Ok(Framing::Length(length)) => {
                assert!(lengths == 1 && codings == 0 && length > 0);
                assert_eq!(fields.declared_length(), Some(length));
            }
            Ok(Framing::Chunked) => {
                assert!(lengths == 0 && codings == 1 && version == Version::Http11);
            }
            Ok(Framing::None) => assert!(lengths <= 1 && codings == 0),
            Ok(other) => panic!("a request with {other:?}"),
            Err(_) => assert!(lengths + codings > 0),
        }
        let response = fields.response(version, 200, Answered::Other);
        assert_eq!(response.is_err(), request.is_err());
        if let Ok(framing) = fields.response(version, 204, Answered::Other) {
            assert_eq!(framing, Framing::None);
        }
    }
    lengths + codings > 0 && fields.request(Version::Http11).is_ok()
}

/// Decoding gives the same bytes however the input is cut, and never more than went in.
pub(crate) fn chunked(data: &[u8]) -> bool {
    let whole = decode(data, data.len().max(1));
    for piece in [1, 3, 16] {
        assert_eq!(decode(data, piece), whole);
    }
    let (body, end, _) = whole;
    end.is_some() && !body.is_empty()
}

/// Body, end of the message if it was reached, or whether it was refused.
fn decode(data: &[u8], piece: usize) -> (Vec<u8>, Option<usize>, bool) {
    let mut decoder = Decoder::new();
    let (mut body, mut used) = (Vec::new(), 0);
    for mut rest in data.chunks(piece) {
        loop {
            match decoder.decode(rest) {
                Ok(Step::Data { consumed, data }) => {
                    assert!(!data.is_empty() && data.end <= consumed);
                    body.extend_from_slice(&rest[data]);
                    rest = &rest[consumed..];
                    used += consumed;
                }
                Ok(Step::NeedMore { consumed }) => {
                    assert_eq!(consumed, rest.len());
                    used += consumed;
                    break;
                }
                Ok(Step::Done { consumed }) => {
                    for (name, value) in decoder.trailers() {
                        assert!(head::is_token(name) && head::is_field_value(value));
                        assert!(!pointsman_wire::chunked::is_forbidden_trailer(name));
                    }
                    assert_eq!(decoder.received(), body.len() as u64);
                    return (body, Some(used + consumed), false);
                }
                Err(error) => {
                    assert_eq!(decoder.decode(rest), Err(error));
                    return (body, None, true);
                }
            }
        }
    }
    (body, None, false)
}

/// Head rules, names, client addresses and text for logs take any bytes.
pub(crate) fn head(data: &[u8]) -> bool {
    let clean = head::check_raw_head(data).is_ok();
    assert!(!clean || !data.windows(2).any(|w| w[1] == b'\n' && w[0] != b'\r'));
    for method in [&b"GET"[..], b"CONNECT", b"OPTIONS"] {
        let _ = RequestTarget::parse(method, data);
    }
    if let Ok((name, value)) = head::field_line(data) {
        assert!(head::is_token(name) && head::is_field_value(value));
        assert!(names::fold_eq(name, name));
    }
    for token in names::nominated(data) {
        assert!(!names::is_managed(token));
    }
    for entry in forwarded::entries_from_right([data]) {
        let _ = forwarded::parse_address(entry);
    }
    assert!(!go::escape(data).chars().any(char::is_control));
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(nanos) = go::parse_duration_nanos(text)
    {
        let written = go::format_duration_nanos(nanos);
        assert_eq!(go::parse_duration_nanos(&written), Ok(nanos));
    }
    head::field_line(data).is_ok()
}
