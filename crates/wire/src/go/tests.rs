use proptest::prelude::*;

use super::*;

// What time.ParseDuration of Go 1.26 answers; bare integers as Traefik reads them.
#[test]
fn durations_are_read_as_go_and_traefik_do() {
    for (text, nanos) in [
        ("0", 0),
        ("10", 10_000_000_000),
        ("-3", -3_000_000_000),
        ("5s", 5_000_000_000),
        ("+5s", 5_000_000_000),
        ("1m30s", 90_000_000_000),
        ("1.5h", 5_400_000_000_000),
        (".5s", 500_000_000),
        ("5.s", 5_000_000_000),
        ("-1.5h", -5_400_000_000_000),
        ("1us", 1000),
        ("1\u{b5}s", 1000),
        ("1\u{3bc}s", 1000),
        ("7ns", 7),
        ("2562047h47m16.854775807s", i64::MAX),
        ("-2562047h47m16.854775808s", i64::MIN),
        ("0.3333333333333333333h", 1_200_000_000_000),
        ("1h1h", 7_200_000_000_000),
        ("9007199254.740993ms", 9_007_199_254_740_993),
        ("39h9m14.425s", 140_954_425_000_000),
        ("0.830103483285477580700h", 2_988_372_539_827),
    ] {
        assert_eq!(parse_duration_nanos(text), Ok(nanos), "{text}");
    }
}

#[test]
fn what_is_no_duration_is_refused_with_a_reason() {
    for text in ["", ".", "s", ".s", "-", "+", "--5s", " 5s", "x"] {
        let error = parse_duration_nanos(text).unwrap_err();
        assert!(
            matches!(error, DurationError::Malformed { .. }),
            "{text:?} {error}"
        );
    }
    for text in ["1.5", "1m30", "1."] {
        let error = parse_duration_nanos(text).unwrap_err();
        assert!(
            matches!(error, DurationError::MissingUnit { .. }),
            "{text:?} {error}"
        );
    }
    for (text, wanted) in [
        ("1d", "d"),
        ("1e3s", "e"),
        ("5s ", "s "),
        ("5 s", " s"),
        ("1S", "S"),
        ("1é", "é"),
    ] {
        match parse_duration_nanos(text) {
            Err(DurationError::UnknownUnit { unit, .. }) => assert_eq!(unit, wanted),
            other => panic!("{text:?} {other:?}"),
        }
    }
    for text in [
        "3000000h",
        "100000000000000000000ns",
        "9223372037",
        "99999999999999999999",
        "2562047h47m16.854775808s",
        "-2562047h47m16.854775809s",
    ] {
        let error = parse_duration_nanos(text).unwrap_err();
        assert!(
            matches!(error, DurationError::OutOfRange { .. }),
            "{text:?} {error}"
        );
    }
}

#[test]
fn a_negative_duration_is_refused_where_it_has_no_meaning() {
    assert_eq!(parse_duration("1m"), Ok(Duration::from_secs(60)));
    assert_eq!(parse_duration("-0s"), Ok(Duration::ZERO));
    assert_eq!(
        parse_duration("-1s"),
        Err(DurationError::Negative {
            text: "-1s".to_owned()
        })
    );
}

#[test]
fn durations_are_written_as_go_does() {
    for (nanos, wanted) in [
        (0, "0s"),
        (1, "1ns"),
        (999, "999ns"),
        (1000, "1\u{b5}s"),
        (1100, "1.1\u{b5}s"),
        (2_200_000, "2.2ms"),
        (999_999_999, "999.999999ms"),
        (1_500_000_000, "1.5s"),
        (60_000_000_000, "1m0s"),
        (90_000_000_000, "1m30s"),
        (245_001_000_000, "4m5.001s"),
        (3_600_000_000_000, "1h0m0s"),
        (18_367_001_000_000, "5h6m7.001s"),
        (480_000_000_001, "8m0.000000001s"),
        (-1_500_000, "-1.5ms"),
        (i64::MAX, "2562047h47m16.854775807s"),
        (i64::MIN, "-2562047h47m16.854775808s"),
    ] {
        assert_eq!(format_duration_nanos(nanos), wanted);
    }
    assert_eq!(format_duration(Duration::from_secs(180)), "3m0s");
    assert_eq!(format_duration(Duration::MAX), "2562047h47m16.854775807s");
}

#[test]
fn booleans_are_go_booleans() {
    for text in ["1", "t", "T", "TRUE", "true", "True"] {
        assert_eq!(parse_bool(text), Some(true), "{text}");
    }
    for text in ["0", "f", "F", "FALSE", "false", "False"] {
        assert_eq!(parse_bool(text), Some(false), "{text}");
    }
    for text in ["", "yes", "on", "tRUE", " true", "2"] {
        assert_eq!(parse_bool(text), None, "{text}");
    }
}

const HEADERS: &[(&str, &str)] = &[
    ("content-type", "Content-Type"),
    ("CONTENT-TYPE", "Content-Type"),
    ("Content-Type", "Content-Type"),
    ("x--a", "X--A"),
    ("-a", "-A"),
    ("etag", "Etag"),
    ("x_y-z", "X_y-Z"),
    ("www-authenticate", "Www-Authenticate"),
    ("1a-2b", "1a-2b"),
    (
        "x-forwarded-tls-client-cert-info",
        "X-Forwarded-Tls-Client-Cert-Info",
    ),
    ("abcdefg-h", "Abcdefg-H"),
    ("abcdefgh-i", "Abcdefgh-I"),
    ("a`{~|^", "A`{~|^"),
    ("", ""),
];

#[test]
fn header_names_get_gos_case() {
    for &(name, wanted) in HEADERS {
        let canonical = canonical_header(name);
        if !name.contains('{') {
            assert_eq!(canonical, wanted, "{name}");
            assert_eq!(
                matches!(canonical, Cow::Borrowed(_)),
                name == wanted,
                "{name}"
            );
        }
        let mut out = b"x: ".to_vec();
        append_canonical_header(&mut out, name.as_bytes());
        assert_eq!(out, [b"x: ", wanted.as_bytes()].concat(), "{name}");
    }
}

#[test]
fn a_name_that_is_no_token_keeps_its_case() {
    for name in ["a b", "é", "a:b", "a{b"] {
        assert_eq!(canonical_header(name), name);
    }
}

#[test]
fn status_texts_are_gos() {
    for (status, text) in [
        (200, "OK"),
        (404, "Not Found"),
        (413, "Request Entity Too Large"),
        (418, "I'm a teapot"),
        (502, "Bad Gateway"),
        (299, ""),
        (499, ""),
        (0, ""),
    ] {
        assert_eq!(status_text(status), text);
    }
    // Go 1.26 knows 62.
    assert_eq!(
        (0..=999).filter(|&s| !status_text(s).is_empty()).count(),
        62
    );
}

// I18; what strconv.Quote of Go 1.26 answers.
#[test]
fn log_text_cannot_break_its_line_or_its_quotes() {
    for (text, wanted) in [
        (&b"plain text ~"[..], "plain text ~"),
        (
            b"a\x00b\x1b\x7f\n\r\t\x0b\x0c\x07\x08\"\\",
            "a\\x00b\\x1b\\x7f\\n\\r\\t\\v\\f\\a\\b\\\"\\\\",
        ),
        ("é\u{301}😀".as_bytes(), "é\u{301}😀"),
        (
            "\u{202e}\u{2028}\u{feff}\u{a0}\u{85}".as_bytes(),
            "\\u202e\\u2028\\ufeff\\u00a0\\u0085",
        ),
        (
            "\u{e0001}\u{e000}\u{3000}\u{200b}\u{ffff}".as_bytes(),
            "\\U000e0001\\ue000\\u3000\\u200b\\uffff",
        ),
        (b"a\xff\xc3", "a\\xff\\xc3"),
        (b"", ""),
    ] {
        assert_eq!(escape(text), wanted);
    }
    assert!(matches!(escape(b"plain"), Cow::Borrowed(_)));
}

proptest! {
    #[test]
    fn eight_bytes_at_a_time_agree_with_one_at_a_time(name in "[a-zA-Z0-9_-]{0,40}") {
        let mut fast = name.clone().into_bytes();
        make_canonical_header(&mut fast);
        let canonical = canonical_header(&name);
        prop_assert_eq!(fast.as_slice(), canonical.as_bytes());
    }

    #[test]
    fn only_case_is_ever_changed(name: Vec<u8>) {
        let mut cased = name.clone();
        make_canonical_header(&mut cased);
        prop_assert!(cased.eq_ignore_ascii_case(&name));
    }

    #[test]
    fn a_written_duration_is_read_back(nanos: i64) {
        prop_assert_eq!(parse_duration_nanos(&format_duration_nanos(nanos)), Ok(nanos));
    }

    #[test]
    fn escaped_text_has_no_control_character(text: Vec<u8>) {
        prop_assert!(!escape(&text).chars().any(char::is_control));
    }
}
