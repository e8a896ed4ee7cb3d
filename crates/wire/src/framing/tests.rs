use super::*;

fn fields(lengths: &[&str], codings: &[&str]) -> BodyFields {
    let mut fields = BodyFields::new();
    for length in lengths {
        fields.content_length(length.as_bytes());
    }
    for coding in codings {
        fields.transfer_encoding(coding.as_bytes());
    }
    fields
}

fn request(lengths: &[&str], codings: &[&str], version: Version) -> Result<Framing, FramingError> {
    fields(lengths, codings).request(version)
}

#[test]
fn requests_have_a_length_or_are_chunked_or_have_no_body() {
    use Version::{Http10, Http11};
    for (lengths, codings, version, wanted) in [
        (&[][..], &[][..], Http11, Framing::None),
        (&["0"], &[], Http11, Framing::None),
        (&["5"], &[], Http11, Framing::Length(5)),
        (&[" 5\t"], &[], Http10, Framing::Length(5)),
        (
            &["9223372036854775807"],
            &[],
            Http11,
            Framing::Length(i64::MAX as u64),
        ),
        (&[], &["chunked"], Http11, Framing::Chunked),
        (&[], &[" ChunkeD "], Http11, Framing::Chunked),
    ] {
        assert_eq!(
            request(lengths, codings, version),
            Ok(wanted),
            "{lengths:?} {codings:?}"
        );
    }
}

// CVE-2026-2835
#[test]
fn http_1_0_request_without_length_has_no_body() {
    assert_eq!(request(&[], &[], Version::Http10), Ok(Framing::None));
}

// CVE-2023-40225, RUSTSEC-2021-0078
#[test]
fn malformed_content_length_is_refused() {
    for value in [
        "", " ", "+1", "-1", "1_0", "0x1", "1 1", "01", "00", "1.0", "1e3", "1;", "\u{ff11}",
        "1\x0b", "\x0b1", "1\r", "\0", "0b1", "1\u{a0}", "\"1\"", "infinity",
    ] {
        assert_eq!(
            request(&[value], &[], Version::Http11),
            Err(FramingError::MalformedLength),
            "{value:?}"
        );
    }
}

#[test]
fn several_content_lengths_are_refused_equal_or_not() {
    for lengths in [
        &["1", "1"][..],
        &["1", "2"],
        &["1,1"],
        &["1, 1"],
        &["1,"],
        &["0", "0"],
    ] {
        assert_eq!(
            request(lengths, &[], Version::Http11),
            Err(FramingError::SeveralLengths),
            "{lengths:?}"
        );
    }
    assert_eq!(
        request(&[",1"], &[], Version::Http11),
        Err(FramingError::MalformedLength)
    );
    assert_eq!(
        request(&["x", "1"], &[], Version::Http11),
        Err(FramingError::MalformedLength)
    );
}

#[test]
fn content_length_overflow_is_refused() {
    for value in [
        "9223372036854775808",
        "18446744073709551616",
        "99999999999999999999999999",
    ] {
        assert_eq!(
            request(&[value], &[], Version::Http11),
            Err(FramingError::LengthOverflow),
            "{value}"
        );
    }
}

#[test]
fn length_and_coding_together_are_refused_in_any_order_and_form() {
    for (lengths, codings) in [
        (&["5"][..], &["chunked"][..]),
        (&["0"], &["chunked"]),
        (&["5"], &["identity"]),
        (&[""], &["chunked"]),
        (&["5"], &[""]),
    ] {
        for version in [Version::Http10, Version::Http11] {
            assert_eq!(
                request(lengths, codings, version),
                Err(FramingError::LengthAndCoding),
                "{lengths:?} {codings:?}"
            );
        }
    }
    let mut coding_first = BodyFields::new();
    coding_first.transfer_encoding(b"chunked");
    coding_first.content_length(b"5");
    assert_eq!(
        coding_first.request(Version::Http11),
        Err(FramingError::LengthAndCoding)
    );
}

// RUSTSEC-2020-0008, RUSTSEC-2021-0020
#[test]
fn transfer_encoding_other_than_exactly_chunked_is_refused() {
    for codings in [
        &[""][..],
        &["identity"],
        &["gzip"],
        &["gzip, chunked"],
        &["chunked, chunked"],
        &["chunked,"],
        &[",chunked"],
        &["chunked;q=1"],
        &["xchunked"],
        &["\"chunked\""],
        &["chunked chunked"],
        &["\u{b}chunked"],
        &["chunked", "chunked"],
        &["chunked", "identity"],
        &["identity", "chunked"],
        &["chunked\0"],
        &["chunke"],
    ] {
        assert_eq!(
            request(&[], codings, Version::Http11),
            Err(FramingError::UnsupportedCoding),
            "{codings:?}"
        );
    }
    let mut obs_text = BodyFields::new();
    obs_text.transfer_encoding(b"\xa0chunked");
    assert_eq!(
        obs_text.request(Version::Http11),
        Err(FramingError::UnsupportedCoding)
    );
}

#[test]
fn transfer_encoding_in_http_1_0_is_refused_both_ways() {
    let fields = fields(&[], &["chunked"]);
    assert_eq!(
        fields.request(Version::Http10),
        Err(FramingError::CodingInHttp10)
    );
    assert_eq!(
        fields.response(Version::Http10, 200, Answered::Other),
        Err(FramingError::CodingInHttp10)
    );
}

#[test]
fn responses_by_status_and_method() {
    use Answered::{Connect, Head, Other};
    for (status, answered, lengths, codings, wanted) in [
        (200, Other, &["5"][..], &[][..], Framing::Length(5)),
        (200, Other, &["0"], &[], Framing::None),
        (200, Other, &[], &["chunked"], Framing::Chunked),
        (200, Other, &[], &[], Framing::UntilClose),
        (500, Other, &[], &[], Framing::UntilClose),
        (200, Head, &["5"], &[], Framing::None),
        (200, Head, &[], &["chunked"], Framing::None),
        (200, Head, &[], &[], Framing::None),
        (100, Other, &[], &[], Framing::None),
        (103, Other, &["5"], &[], Framing::None),
        (101, Other, &[], &[], Framing::Tunnel),
        (204, Other, &["5"], &[], Framing::None),
        (204, Other, &[], &["chunked"], Framing::None),
        (304, Other, &["5"], &[], Framing::None),
        (205, Other, &["0"], &[], Framing::None),
        (200, Connect, &[], &[], Framing::Tunnel),
        (299, Connect, &["5"], &[], Framing::Tunnel),
        (404, Connect, &["5"], &[], Framing::Length(5)),
    ] {
        assert_eq!(
            fields(lengths, codings).response(Version::Http11, status, answered),
            Ok(wanted),
            "{status} {answered:?} {lengths:?} {codings:?}"
        );
    }
}

#[test]
fn http_1_0_response_without_length_ends_with_the_connection() {
    assert_eq!(
        fields(&[], &[]).response(Version::Http10, 200, Answered::Other),
        Ok(Framing::UntilClose)
    );
}

#[test]
fn a_broken_response_is_refused_even_where_no_body_follows() {
    for status in [200, 204, 304] {
        assert!(
            fields(&["1", "2"], &[])
                .response(Version::Http11, status, Answered::Head)
                .is_err(),
            "{status}"
        );
    }
}

#[test]
fn a_body_promised_where_none_is_allowed_is_noticed() {
    for (status, lengths, codings, wanted) in [
        (204, &["5"][..], &[][..], true),
        (204, &["0"], &[], false),
        (204, &[], &["chunked"], true),
        (100, &["1"], &[], true),
        (304, &["5"], &[], false),
        (200, &["5"], &[], false),
    ] {
        assert_eq!(
            fields(lengths, codings).promises_forbidden_body(status),
            wanted,
            "{status}"
        );
    }
}

#[test]
fn declared_length_is_what_the_head_said() {
    assert_eq!(fields(&["0"], &[]).declared_length(), Some(0));
    assert_eq!(fields(&[], &[]).declared_length(), None);
    assert_eq!(fields(&["1", "1"], &[]).declared_length(), None);
}

#[test]
fn methods_that_change_response_framing() {
    assert_eq!(Answered::method(b"HEAD"), Answered::Head);
    assert_eq!(Answered::method(b"head"), Answered::Other);
    assert_eq!(Answered::method(b"CONNECT"), Answered::Connect);
    assert_eq!(Answered::method(b"GET"), Answered::Other);
}

// 1.0 x TE x CL: every combination is one of the plain framings or an error.
#[test]
fn every_combination_has_one_framing_or_none() {
    let lengths = [
        &[][..],
        &["0"],
        &["5"],
        &["05"],
        &[""],
        &["+5"],
        &["5", "5"],
        &["5", "6"],
        &["5,5"],
        &["x"],
        &["5 "],
    ];
    let codings = [
        &[][..],
        &["chunked"],
        &["CHUNKED"],
        &["identity"],
        &["gzip, chunked"],
        &["chunked", "chunked"],
        &["chunked, identity"],
        &["\tchunked"],
        &["x"],
        &[""],
    ];
    let mut cases = 0;
    for version in [Version::Http10, Version::Http11] {
        for length in lengths {
            for coding in codings {
                cases += 1;
                let plain = coding.is_empty() && matches!(*length, [] | ["0" | "5" | "5 "])
                    || length.is_empty()
                        && version == Version::Http11
                        && matches!(*coding, [c] if c.trim().eq_ignore_ascii_case("chunked"));
                assert_eq!(
                    request(length, coding, version).is_ok(),
                    plain,
                    "{version:?} {length:?} {coding:?}"
                );
            }
        }
    }
    assert!(cases >= 200);
}
