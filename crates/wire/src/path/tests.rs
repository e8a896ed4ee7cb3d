use std::time::Instant;

use proptest::prelude::*;

use super::*;

const SANITIZE: PathOptions = PathOptions { sanitize: true };
const KEEP: PathOptions = PathOptions { sanitize: false };

fn text(path: &str, options: PathOptions) -> String {
    String::from_utf8(normalise(path.as_bytes(), options).unwrap().into_owned()).unwrap()
}

/// (received, without sanitizePath, with it), as Go 1.26's net/url with Traefik's two steps does it.
const GO: &[(&str, &str, &str)] = &[
    ("/", "/", "/"),
    ("//", "//", "/"),
    ("/a", "/a", "/a"),
    ("/a/", "/a/", "/a/"),
    ("/a//b", "/a//b", "/a/b"),
    ("//a", "//a", "/a"),
    ("/.", "/.", "/"),
    ("/./", "/./", "/"),
    ("/..", "/..", "/"),
    ("/../", "/../", "/"),
    ("/a/.", "/a/.", "/a"),
    ("/a/./", "/a/./", "/a/"),
    ("/a/..", "/a/..", "/"),
    ("/a/../", "/a/../", "/"),
    ("/a/b/..", "/a/b/..", "/a"),
    ("/a/b/../", "/a/b/../", "/a/"),
    ("/a/../..", "/a/../..", "/"),
    ("/a/../../", "/a/../../", "/"),
    ("/...", "/...", "/..."),
    ("/.../", "/.../", "/.../"),
    ("/.a", "/.a", "/.a"),
    ("/..a", "/..a", "/..a"),
    ("/a..", "/a..", "/a.."),
    ("/a../b", "/a../b", "/a../b"),
    ("/a/...", "/a/...", "/a/..."),
    ("/a/.b/", "/a/.b/", "/a/.b/"),
    ("/a%2fb", "/a%2Fb", "/a%2Fb"),
    ("/a%2Fb", "/a%2Fb", "/a%2Fb"),
    ("/%2e%2e/a", "/../a", "/a"),
    ("/%2E%2e/a", "/../a", "/a"),
    ("/a/%2e%2e", "/a/..", "/"),
    ("/a/%2e/", "/a/./", "/a/"),
    ("/%41%7e", "/A~", "/A~"),
    ("/%7E", "/~", "/~"),
    ("/%252e", "/%252e", "/%252e"),
    ("/%2F..", "/%2F..", "/%2F.."),
    ("/..%2f", "/..%2F", "/..%2F"),
    ("/a%2f../b", "/a%2F../b", "/a%2F../b"),
    ("/a;x/../b", "/a;x/../b", "/b"),
    ("/a!b", "/a!b", "/a!b"),
    ("/a[b]", "/a[b]", "/a[b]"),
    ("/a\"b", "/a%22b", "/a%22b"),
    ("/é", "/%C3%A9", "/%C3%A9"),
    ("/a\\b", "/a%5Cb", "/a%5Cb"),
    ("/a%5cb", "/a%5Cb", "/a%5Cb"),
    ("/a|b", "/a%7Cb", "/a%7Cb"),
    ("/%c3%a9", "/%C3%A9", "/%C3%A9"),
    ("/%c0%ae%c0%ae/", "/%C0%AE%C0%AE/", "/%C0%AE%C0%AE/"),
    ("/a%00b", "/a%00b", "/a%00b"),
    ("/a%20b", "/a%20b", "/a%20b"),
    ("/a+b", "/a+b", "/a+b"),
    ("/*", "/*", "/*"),
    ("/a^`", "/a%5E%60", "/a%5E%60"),
    ("/..;/a", "/..;/a", "/..;/a"),
    ("/a/..;/b", "/a/..;/b", "/a/..;/b"),
    ("/a//", "/a//", "/a/"),
    ("/a/b//../c", "/a/b//../c", "/a/c"),
    ("/%2e", "/.", "/"),
    ("/%2e/", "/./", "/"),
    ("/a%3fb", "/a%3Fb", "/a%3Fb"),
    ("/a%23b", "/a%23b", "/a%23b"),
    ("/a%25b", "/a%25b", "/a%25b"),
    ("/%25zz", "/%25zz", "/%25zz"),
    ("/a/../b/./c//d/", "/a/../b/./c//d/", "/b/c/d/"),
    ("/a/..//", "/a/..//", "/"),
    ("/./a/.././../b", "/./a/.././../b", "/b"),
    ("", "/", "/"),
];

#[test]
fn paths_become_what_go_and_traefik_make_of_them() {
    for &(received, kept, cleaned) in GO {
        assert_eq!(text(received, KEEP), kept, "{received} kept");
        assert_eq!(text(received, SANITIZE), cleaned, "{received} sanitized");
    }
}

#[test]
fn a_path_in_normal_form_is_borrowed() {
    for &(received, kept, cleaned) in GO {
        for (options, wanted) in [(KEEP, kept), (SANITIZE, cleaned)] {
            let out = normalise(received.as_bytes(), options).unwrap();
            let same = received == wanted;
            assert_eq!(matches!(out, Cow::Borrowed(_)), same, "{received}");
            assert_eq!(is_normal(received.as_bytes(), options), same, "{received}");
        }
    }
}

// differs from traefik: Go would send /a%22b/c, that is, decode %2F.
#[test]
fn a_byte_that_must_be_encoded_leaves_the_rest_of_the_path_alone() {
    assert_eq!(text("/a\"b%2fc", SANITIZE), "/a%22b%2Fc");
    assert_eq!(text("/a{b}!", SANITIZE), "/a%7Bb%7D!");
}

#[test]
fn refused_paths() {
    let at = |at| PathError::BadEscape { at };
    for (path, wanted) in [
        ("/%zz", at(1)),
        ("/%", at(1)),
        ("/%4", at(1)),
        ("/a%", at(2)),
        ("/%+1", at(1)),
        ("/%g1%23", at(1)),
        ("//a/../%2", at(7)),
        ("/a#b", PathError::RawHash { at: 2 }),
        ("/../#", PathError::RawHash { at: 4 }),
        ("/a\0b", PathError::Control { at: 2 }),
        ("/a\r\nb", PathError::Control { at: 2 }),
        ("/a\x7f", PathError::Control { at: 2 }),
        ("//\t", PathError::Control { at: 2 }),
        ("a/b", PathError::NotRooted),
        ("../a", PathError::NotRooted),
        ("#frag", PathError::RawHash { at: 0 }),
    ] {
        for options in [SANITIZE, KEEP] {
            assert_eq!(normalise(path.as_bytes(), options), Err(wanted), "{path:?}");
            assert!(!is_normal(path.as_bytes(), options), "{path:?}");
        }
    }
}

// CVE-2025-47952: one level of decoding, never two.
#[test]
fn multiply_encoded_dots_never_become_dots() {
    for path in ["/%252e%252e/a", "/%25252e%25252e/a", "/%252E%252E%252Fa"] {
        assert_eq!(text(path, SANITIZE), path);
    }
}

// CVE-2026-48020, CVE-2026-65600, CVE-2026-67309
#[test]
fn a_rewrite_that_leaves_normal_form_is_not_safe() {
    for path in [
        "/../x",
        "/./admin",
        "//x",
        "/a/..",
        "/a/.",
        "/%2e%2e/x",
        "/%2e",
        "/a%2fb",
        "/a b",
        "/a#b",
        "/a?b",
        "x",
        "/%",
        "/%61",
        "/a\n",
        "/é",
    ] {
        assert!(!rewrite_is_safe(path.as_bytes()), "{path:?}");
    }
    for path in [
        "", "/", "/x", "/a../x", "/..a", "/a/", "/a%2Fb", "/..%2Fa", "/..;/a",
    ] {
        assert!(rewrite_is_safe(path.as_bytes()), "{path:?}");
    }
}

#[test]
fn routing_sees_decoded_bytes_except_reserved_ones() {
    for (path, wanted) in [
        ("/a", "/a"),
        ("/a%20b", "/a b"),
        ("/%C3%A9", "/é"),
        ("/a%2Fb", "/a%2Fb"),
        ("/a%5Cb", "/a\\b"),
        ("/%25", "/%25"),
        ("/%3B%3A%40%5B%21%2C", "/%3B%3A%40%5B%21%2C"),
        ("/%22%2F%20", "/\"%2F "),
        ("/a%00", "/a\0"),
        ("/a%", "/a%"),
    ] {
        let out = routing_path(path.as_bytes());
        assert_eq!(out, wanted.as_bytes(), "{path}");
        assert_eq!(matches!(out, Cow::Borrowed(_)), path == wanted, "{path}");
    }
}

// CVE-2026-40912
#[test]
fn a_decoded_prefix_is_measured_on_the_encoded_path() {
    for (path, prefix, wanted) in [
        ("/api/x", "/api", Some(4)),
        ("/a%20b/x", "/a b", Some(6)),
        ("/a%2Fb/x", "/a/b", Some(6)),
        ("/api", "/api", Some(4)),
        ("/ap", "/api", None),
        ("/apx", "/api", None),
        ("/%61pi/.", "/api", Some(6)),
        ("/a%", "/a%", Some(3)),
        ("/x", "", Some(0)),
    ] {
        assert_eq!(
            decoded_prefix_len(path.as_bytes(), prefix.as_bytes()),
            wanted,
            "{path} {prefix}"
        );
    }
}

// CVE-2025-66490
#[test]
fn each_encoded_character_is_denied_and_allowed_by_its_own_option() {
    let all = [
        (EncodedCharacter::Slash, "2f"),
        (EncodedCharacter::BackSlash, "5c"),
        (EncodedCharacter::NullCharacter, "00"),
        (EncodedCharacter::Semicolon, "3b"),
        (EncodedCharacter::Percent, "25"),
        (EncodedCharacter::QuestionMark, "3f"),
        (EncodedCharacter::Hash, "23"),
    ];
    for (character, digits) in all {
        for digits in [digits.to_owned(), digits.to_uppercase()] {
            let path = format!("/a%20b%{digits}c");
            let path = path.as_bytes();
            assert_eq!(
                first_denied(path, EncodedCharacters::DENY_ALL),
                Some(character)
            );
            assert_eq!(first_denied(path, EncodedCharacters::ALLOW_ALL), None);
            let only = EncodedCharacters::DENY_ALL.with(character, true);
            assert_eq!(first_denied(path, only), None);
            let without = EncodedCharacters::ALLOW_ALL.with(character, false);
            assert!(!without.allows(character));
            assert_eq!(first_denied(path, without), Some(character));
        }
        assert_eq!(character.to_string().to_lowercase(), format!("%{digits}"));
    }
    assert_eq!(
        first_denied(b"/plain/%41", EncodedCharacters::DENY_ALL),
        None
    );
}

#[test]
fn the_fast_test_agrees_with_the_table_for_every_byte() {
    for byte in 0..=u8::MAX {
        for length in [3, 40] {
            let mut path = vec![b'a'; length];
            path[0] = b'/';
            path[length - 2] = byte;
            let plain = matches!(class(byte), Class::Plain | Class::Slash | Class::Dot);
            assert_eq!(
                is_plain(&path),
                plain && (length > 3 || !b"/.".contains(&byte)),
                "{byte:#x}"
            );
            assert_eq!(is_normal(&path, KEEP), plain, "{byte:#x}");
        }
    }
}

#[test]
fn query_is_parted_at_the_first_question_mark() {
    assert_eq!(split_query(b"/a"), (&b"/a"[..], None));
    assert_eq!(split_query(b"/a?"), (&b"/a"[..], Some(&b""[..])));
    assert_eq!(split_query(b"/a?b?c"), (&b"/a"[..], Some(&b"b?c"[..])));
}

#[test]
fn semicolons_in_a_query_follow_the_option() {
    assert_eq!(
        clean_query(b"a;b;c=1", Semicolons::Separate),
        &b"a&b&c=1"[..]
    );
    assert_eq!(clean_query(b"a;b", Semicolons::Encode), &b"a%3Bb"[..]);
    assert!(matches!(
        clean_query(b"a=1&b", Semicolons::Encode),
        Cow::Borrowed(_)
    ));
}

// GO-2026-6218: time per byte must not grow with the length.
#[test]
fn normalising_is_linear_to_64_kib() {
    let per_byte = |unit: &str, length: usize| {
        let path = unit.repeat(length / unit.len());
        (0..5)
            .map(|_| {
                let start = Instant::now();
                let out = normalise(path.as_bytes(), SANITIZE).unwrap();
                assert!(out.len() <= 3 * path.len());
                start.elapsed().as_nanos() / path.len() as u128
            })
            .min()
            .unwrap()
    };
    for unit in [
        "/a/..",
        "/../",
        "/%2e%2e",
        "//",
        "/a/./",
        "/aaaaaaaaaaaa/../b",
        "/a\"",
        "/%2f",
    ] {
        let (short, long) = (per_byte(unit, 2 * 1024), per_byte(unit, 64 * 1024));
        // Quadratic work would be 32 times as much per byte.
        assert!(
            long <= 8 * short.max(20),
            "{unit}: {short} ns then {long} ns per byte"
        );
    }
}

fn paths() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "/", "/", ".", "..", "%2e", "%2E", "%2f", "%5c", "%41", "%7e", "%25", "%00", "%c3%a9", "a",
        "Z", ";", "\"", "é", "!", "[", "%3f", "api", "%",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| format!("/{}", pieces.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]

    #[test]
    fn normalising_twice_changes_nothing(path in paths(), sanitize: bool) {
        let options = PathOptions { sanitize };
        if let Ok(once) = normalise(path.as_bytes(), options) {
            prop_assert!(is_normal(&once, options));
            let twice = normalise(&once, options).unwrap();
            prop_assert_eq!(&*twice, &*once);
        }
    }

    #[test]
    fn a_sanitized_path_has_no_dot_segment_and_no_double_slash(path in paths()) {
        if let Ok(out) = normalise(path.as_bytes(), SANITIZE) {
            prop_assert_eq!(out.first(), Some(&b'/'));
            let inner = out.strip_prefix(b"/").unwrap();
            let inner = inner.strip_suffix(b"/").unwrap_or(inner);
            for segment in inner.split(|&b| b == b'/') {
                prop_assert!(![&b"."[..], b".."].contains(&segment));
                prop_assert!(!segment.is_empty() || inner.is_empty());
            }
            prop_assert!(rewrite_is_safe(&out));
        }
    }

    #[test]
    fn normalising_never_lengthens_a_valid_path(path in paths(), sanitize: bool) {
        if let Ok(out) = normalise(path.as_bytes(), PathOptions { sanitize }) {
            let encoded = path.bytes().filter(|b| *b == b'"' || !b.is_ascii()).count();
            prop_assert!(out.len() <= path.len() + 2 * encoded);
        }
    }

    #[test]
    fn arbitrary_bytes_give_a_path_of_allowed_bytes_or_an_error(
        path in prop::collection::vec(any::<u8>(), 0..64),
        sanitize: bool,
    ) {
        if let Ok(out) = normalise(&path, PathOptions { sanitize }) {
            prop_assert!(out.iter().all(|b| b.is_ascii_graphic() && *b != b'#' && *b != b'?'));
        }
    }
}
