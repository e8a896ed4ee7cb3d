use super::*;

#[test]
fn versions_are_exact() {
    assert_eq!(Version::parse(b"HTTP/1.1"), Ok(Version::Http11));
    assert_eq!(Version::parse(b"HTTP/1.0"), Ok(Version::Http10));
    for text in [
        "",
        "HTTP/1.2",
        "HTTP/1",
        "HTTP/1.10",
        "HTTP/2.0",
        "http/1.1",
        "HTTP/1.1 ",
        "HTTP/01.1",
        "HTTP/0.9",
    ] {
        assert_eq!(
            Version::parse(text.as_bytes()),
            Err(HeadError::Version),
            "{text}"
        );
    }
    assert_eq!(
        Version::from_minor(1).map(Version::as_str),
        Some("HTTP/1.1")
    );
    assert_eq!(
        Version::from_minor(0).map(Version::as_str),
        Some("HTTP/1.0")
    );
    assert_eq!(Version::from_minor(2), None);
}

#[test]
fn lines_of_a_head_end_with_cr_lf_and_nothing_else() {
    use HeadError::{BareCr, BareLf, ObsFold};
    for (head, wanted) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Ok(())),
        ("", Ok(())),
        ("GET / HTTP/1.1\nHost: a\r\n\r\n", Err(BareLf)),
        ("GET / HTTP/1.1\r\nHost: a\n\r\n", Err(BareLf)),
        ("GET / HTTP/1.1\r\nHost: a\r\n\n", Err(BareLf)),
        ("GET / HTTP/1.1\r\nHost: a\n\n", Err(BareLf)),
        ("\n", Err(BareLf)),
        ("GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", Err(BareCr)),
        ("GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", Err(BareCr)),
        ("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", Err(BareCr)),
        ("\rGET / HTTP/1.1\r\n\r\n", Err(BareCr)),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n\r", Err(BareCr)),
        ("GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", Err(ObsFold)),
        ("GET / HTTP/1.1\r\nA: b\r\n\tc\r\n\r\n", Err(ObsFold)),
        ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", Err(ObsFold)),
        ("GET / HTTP/1.1\r\nA: b\r\n \r\n\r\n", Err(ObsFold)),
    ] {
        assert_eq!(check_raw_head(head.as_bytes()), wanted, "{head:?}");
    }
}

#[test]
fn one_empty_line_before_a_request_is_ignored() {
    assert_eq!(leading_empty_line(b"\r\nGET /"), 2);
    assert_eq!(leading_empty_line(b"\r\n\r\nGET /"), 2);
    assert_eq!(leading_empty_line(b"\nGET /"), 0);
    assert_eq!(leading_empty_line(b"GET /"), 0);
    assert_eq!(leading_empty_line(b"\r"), 0);
}

fn origin<'a>(path: &'a str, query: Option<&'a str>) -> RequestTarget<'a> {
    RequestTarget::Origin {
        path: path.as_bytes(),
        query: query.map(str::as_bytes),
    }
}

fn absolute<'a>(
    scheme: Scheme,
    authority: &'a str,
    path: &'a str,
    query: Option<&'a str>,
) -> RequestTarget<'a> {
    RequestTarget::Absolute {
        scheme,
        authority: authority.as_bytes(),
        path: path.as_bytes(),
        query: query.map(str::as_bytes),
    }
}

// HAProxy 25bcdb1d9: form x method
#[test]
fn each_target_form_is_for_its_methods_only() {
    let forms = [
        ("/", origin("/", None)),
        ("/a?b", origin("/a", Some("b"))),
        ("//a", origin("//a", None)),
        ("http://h", absolute(Scheme::Http, "h", "", None)),
        (
            "HTTPS://h:1/a?b?c",
            absolute(Scheme::Https, "h:1", "/a", Some("b?c")),
        ),
        ("http://h?q", absolute(Scheme::Http, "h", "", Some("q"))),
        ("http://u@h/", absolute(Scheme::Http, "u@h", "/", None)),
    ];
    for method in ["GET", "HEAD", "POST", "OPTIONS", "TRACE", "M-SEARCH", "get"] {
        for (target, wanted) in forms {
            let found = RequestTarget::parse(method.as_bytes(), target.as_bytes());
            assert_eq!(found, Ok(wanted), "{method} {target}");
        }
        for target in [
            "h:80",
            "h",
            "",
            "*a",
            "a/b",
            "http:/h",
            "http:///a",
            "http://",
            "ftp://h/",
            "?a",
            "http:h",
            "://h",
        ] {
            let found = RequestTarget::parse(method.as_bytes(), target.as_bytes());
            assert_eq!(found, Err(HeadError::TargetForm), "{method} {target}");
        }
        let asterisk = RequestTarget::parse(method.as_bytes(), b"*");
        let wanted = if method == "OPTIONS" {
            Ok(RequestTarget::Asterisk)
        } else {
            Err(HeadError::TargetForm)
        };
        assert_eq!(asterisk, wanted, "{method}");
    }
    for target in ["h:80", "[::1]:443"] {
        let found = RequestTarget::parse(b"CONNECT", target.as_bytes());
        assert_eq!(found, Ok(RequestTarget::Authority(target.as_bytes())));
    }
    for target in ["/", "http://h:1/", "*", "h", "", "u@h:1", "h:1?a"] {
        let found = RequestTarget::parse(b"CONNECT", target.as_bytes());
        assert_eq!(found, Err(HeadError::TargetForm), "CONNECT {target}");
    }
}

// CVE-2023-47106
#[test]
fn a_target_with_fragment_or_control_bytes_is_refused() {
    for target in ["/a#b", "/#", "#a", "/a?b#c", "http://h/#", "/%23#"] {
        let found = RequestTarget::parse(b"GET", target.as_bytes());
        assert_eq!(found, Err(HeadError::TargetFragment), "{target}");
    }
    for target in ["/a b", "/a\tb", "/a\0b", "/\x7f", "/a\r\nb", "/?a\x01"] {
        let found = RequestTarget::parse(b"GET", target.as_bytes());
        assert_eq!(found, Err(HeadError::TargetByte), "{target:?}");
    }
    assert!(RequestTarget::parse(b"GET", "/é?%23".as_bytes()).is_ok());
}

#[test]
fn field_lines_are_parted_and_trimmed() {
    for (line, name, value) in [
        ("Host: a", "Host", "a"),
        ("Host:a", "Host", "a"),
        ("Host: \t a b \t", "Host", "a b"),
        ("X:", "X", ""),
        ("X: \t", "X", ""),
        ("X: a:b", "X", "a:b"),
        ("X: é\ta", "X", "é\ta"),
    ] {
        assert_eq!(
            field_line(line.as_bytes()),
            Ok((name.as_bytes(), value.as_bytes())),
            "{line:?}"
        );
    }
}

// CVE-2023-25725 (empty name), space before colon, whitespace around names
#[test]
fn malformed_field_lines_are_refused() {
    use HeadError::{FieldName, FieldValue};
    for (line, wanted) in [
        ("", FieldName),
        ("Host", FieldName),
        (": a", FieldName),
        ("Host : a", FieldName),
        ("Host\t: a", FieldName),
        (" Host: a", FieldName),
        ("Ho st: a", FieldName),
        ("Host\0: a", FieldName),
        ("Hos\u{e9}: a", FieldName),
        ("(X): a", FieldName),
        ("X\u{b}: a", FieldName),
        ("X: a\0b", FieldValue),
        ("X: a\rb", FieldValue),
        ("X: a\nb", FieldValue),
        ("X: \x0b", FieldValue),
        ("X: a\x7f", FieldValue),
        ("X: \x1f", FieldValue),
    ] {
        assert_eq!(field_line(line.as_bytes()), Err(wanted), "{line:?}");
    }
}

#[test]
fn every_byte_in_name_and_value_is_allowed_or_refused_as_rfc_9110_says() {
    for byte in 0..=u8::MAX {
        let token = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        assert_eq!(is_token(&[b'a', byte]), token, "{byte:#x}");
        let value = byte == b'\t' || byte >= b' ' && byte != 0x7f;
        assert_eq!(is_field_value(&[b'a', byte, b'b']), value, "{byte:#x}");
    }
    assert!(!is_token(b""));
    assert!(is_field_value(b""));
}

#[test]
fn statuses_have_three_digits_from_100() {
    for (digits, wanted) in [
        ("100", Some(100)),
        ("200", Some(200)),
        ("599", Some(599)),
        ("999", Some(999)),
    ] {
        assert_eq!(parse_status(digits.as_bytes()).ok(), wanted);
    }
    for digits in [
        "", "20", "2000", "099", "000", "+20", "2 0", "2o0", " 200", "200 ", "-10",
    ] {
        assert_eq!(
            parse_status(digits.as_bytes()),
            Err(HeadError::Status),
            "{digits:?}"
        );
    }
    assert!(check_status(99).is_err() && check_status(1000).is_err());
    assert!(check_status(100).is_ok() && check_status(999).is_ok());
}

#[test]
fn reason_phrases_have_no_control_bytes() {
    for reason in ["", "OK", "I'm a teapot", "ça\tva"] {
        assert_eq!(check_reason(reason.as_bytes()), Ok(()), "{reason}");
    }
    for reason in ["a\0", "a\rb", "a\nb", "\x7f", "\x1b[31m"] {
        assert_eq!(
            check_reason(reason.as_bytes()),
            Err(HeadError::Reason),
            "{reason:?}"
        );
    }
}

// "HTTP/1.1 must die": obfuscated Expect
#[test]
fn only_a_plain_100_continue_is_an_expectation_we_know() {
    for value in ["100-continue", "100-Continue", " 100-continue\t"] {
        assert_eq!(
            Expectation::parse(value.as_bytes()),
            Expectation::Continue,
            "{value:?}"
        );
    }
    for value in [
        "",
        "100-continue, 100-continue",
        "100-continue;q=1",
        "y 100-continue",
        "100",
        "\"100-continue\"",
        "100-continue\u{a0}",
    ] {
        assert_eq!(
            Expectation::parse(value.as_bytes()),
            Expectation::Unknown,
            "{value:?}"
        );
    }
}
