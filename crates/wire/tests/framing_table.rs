//! The catalogue of framing and smuggling incidents ("table 2.A" of the project's security notes):
//! which test holds which row, and the rows that need a whole head.
//!
//! Heads are read here the way a codec has to: raw check, tokeniser, then the rules of this crate.

use pointsman_wire::authority::{self, Authority};
use pointsman_wire::framing::{BodyFields, Framing};
use pointsman_wire::head::{self, Expectation, RequestTarget, Version};
use pointsman_wire::path::{self, PathOptions, Semicolons};

/// Row, module of the test, its name. Rows about HTTP/2, HTTP/3, draining and TLS are held elsewhere.
const TABLE: &[(&str, &str, &str)] = &[
    (
        "CVE-2025-22871",
        "chunked",
        "every_line_end_but_cr_lf_is_refused",
    ),
    (
        "CVE-2025-22871",
        "head",
        "lines_of_a_head_end_with_cr_lf_and_nothing_else",
    ),
    (
        "CVE-2026-2835",
        "framing",
        "http_1_0_request_without_length_has_no_body",
    ),
    (
        "CVE-2026-2835",
        "framing",
        "every_combination_has_one_framing_or_none",
    ),
    (
        "HAProxy f9c2d4767",
        "chunked",
        "a_chunk_above_4_gib_keeps_its_length",
    ),
    (
        "HAProxy 54f53ef7c",
        "head",
        "every_byte_in_name_and_value_is_allowed_or_refused_as_rfc_9110_says",
    ),
    (
        "HAProxy 25bcdb1d9",
        "head",
        "each_target_form_is_for_its_methods_only",
    ),
    ("HAProxy b743b566b", "authority", "a_request_has_one_host"),
    ("HAProxy b743b566b", "authority", "refused_hosts"),
    ("CVE-2021-40346", "here", "long_field_names_hide_nothing"),
    (
        "CVE-2023-25725",
        "here",
        "an_empty_field_name_refuses_the_head",
    ),
    (
        "CVE-2023-40225",
        "framing",
        "malformed_content_length_is_refused",
    ),
    (
        "RUSTSEC-2020-0008",
        "here",
        "a_get_body_is_framed_like_any_other",
    ),
    (
        "RUSTSEC-2021-0020",
        "framing",
        "transfer_encoding_other_than_exactly_chunked_is_refused",
    ),
    (
        "RUSTSEC-2021-0078",
        "framing",
        "malformed_content_length_is_refused",
    ),
    (
        "RUSTSEC-2021-0079",
        "chunked",
        "sizes_that_do_not_fit_64_bits_are_refused",
    ),
    (
        "CVE-2026-39825",
        "here",
        "ten_thousand_query_parameters_all_pass",
    ),
    ("HTTP Garden", "chunked", "odd_chunk_sizes_are_refused"),
    (
        "HTTP Garden",
        "here",
        "odd_start_lines_and_field_lines_refuse_the_head",
    ),
    (
        "HTTP/1.1 must die",
        "here",
        "an_expectation_never_changes_the_framing",
    ),
    (
        "HTTP/1.1 must die",
        "head",
        "only_a_plain_100_continue_is_an_expectation_we_know",
    ),
    (
        "TERM.EXT",
        "chunked",
        "bare_cr_lf_and_control_bytes_in_extensions_are_refused",
    ),
    (
        "CVE-2023-39326",
        "chunked",
        "small_chunks_with_long_extensions_are_refused",
    ),
    (
        "CVE-2019-18801",
        "head",
        "field_lines_are_parted_and_trimmed",
    ),
    (
        "CVE-2023-27491",
        "head",
        "malformed_field_lines_are_refused",
    ),
    (
        "Trailer merging",
        "chunked",
        "forbidden_trailers_are_dropped",
    ),
    ("RFC 9112 6.3", "framing", "responses_by_status_and_method"),
    (
        "RFC 9112 6.3",
        "framing",
        "http_1_0_response_without_length_ends_with_the_connection",
    ),
];

#[test]
fn every_row_has_its_test() {
    for &(row, module, test) in TABLE {
        let source = match module {
            "chunked" => include_str!("../src/chunked/tests.rs"),
            "head" => include_str!("../src/head/tests.rs"),
            "framing" => include_str!("../src/framing/tests.rs"),
            "authority" => include_str!("../src/authority/tests.rs"),
            "here" => include_str!("framing_table.rs"),
            other => panic!("{row}: no module {other}"),
        };
        assert!(
            source.contains(&format!("#[test]\nfn {test}()")),
            "{row}: {module}::{test}"
        );
    }
}

#[derive(Debug)]
struct Request {
    authority: Authority<'static>,
    path: Vec<u8>,
    framing: Framing,
    expectation: Option<Expectation>,
    fields: Vec<(String, Vec<u8>)>,
}

fn read(raw: &[u8]) -> Result<Request, String> {
    let text = |error: &dyn std::error::Error| error.to_string();
    head::check_raw_head(raw).map_err(|e| text(&e))?;
    let mut headers = vec![httparse::EMPTY_HEADER; 100];
    let mut parsed = httparse::Request::new(&mut headers);
    match parsed.parse(raw).map_err(|e| text(&e))? {
        httparse::Status::Complete(length) => assert_eq!(length, raw.len(), "one head at a time"),
        httparse::Status::Partial => return Err("incomplete".to_owned()),
    }
    let method = parsed.method.unwrap_or_default().as_bytes();
    let version = parsed
        .version
        .and_then(Version::from_minor)
        .ok_or("version")?;
    let target = RequestTarget::parse(method, parsed.path.unwrap_or_default().as_bytes())
        .map_err(|e| text(&e))?;
    let mut body = BodyFields::new();
    let (mut hosts, mut expectation, mut fields) = (Vec::new(), None, Vec::new());
    for header in parsed.headers.iter() {
        let name = header.name.to_ascii_lowercase();
        match name.as_str() {
            "content-length" => body.content_length(header.value),
            "transfer-encoding" => body.transfer_encoding(header.value),
            "host" => hosts.push(header.value),
            "expect" => expectation = Some(Expectation::parse(header.value)),
            _ => {}
        }
        fields.push((name, header.value.to_vec()));
    }
    let (absolute, path) = match target {
        RequestTarget::Origin { path, .. } => (None, path),
        RequestTarget::Absolute {
            scheme,
            authority,
            path,
            ..
        } => (Some((scheme, authority)), path),
        RequestTarget::Authority(_) | RequestTarget::Asterisk => (None, &b"/"[..]),
    };
    Ok(Request {
        authority: authority::of_request(version, hosts, absolute)
            .map_err(|e| text(&e))?
            .into_owned(),
        path: path::normalise(path, PathOptions::default())
            .map_err(|e| text(&e))?
            .into_owned(),
        framing: body.request(version).map_err(|e| text(&e))?,
        expectation,
        fields,
    })
}

fn get(fields: &str) -> Result<Request, String> {
    read(format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n").as_bytes())
}

#[test]
fn an_ordinary_head_is_read() {
    let request = read(b"POST http://Shop.example:80/a/../b?c HTTP/1.1\r\nhost: shop.example\r\nContent-Length: 3\r\n\r\n").unwrap();
    assert_eq!(
        (&*request.authority.host, request.authority.port),
        ("shop.example", Some(80))
    );
    assert_eq!(
        (&*request.path, request.framing),
        (&b"/b"[..], Framing::Length(3))
    );
}

#[test]
fn long_field_names_hide_nothing() {
    for length in [250, 255, 256, 257, 4096, 65_535, 65_536, 65_537, 70_000] {
        let name = "n".repeat(length);
        let request = get(&format!("{name}: x\r\nContent-Length: 7\r\n")).unwrap();
        assert_eq!(request.framing, Framing::Length(7), "{length}");
        assert!(
            request
                .fields
                .iter()
                .any(|(n, v)| n.len() == length && v == b"x")
        );
        let both = get(&format!(
            "Content-Length0{name}: 0\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\n"
        ));
        assert!(both.is_err(), "{length}");
    }
}

#[test]
fn an_empty_field_name_refuses_the_head() {
    for fields in [
        ": x\r\n",
        ":\r\n",
        ": x\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\n: x\r\n",
    ] {
        assert!(get(fields).is_err(), "{fields:?}");
    }
}

#[test]
fn a_get_body_is_framed_like_any_other() {
    assert_eq!(
        get("Content-Length: 5\r\n").unwrap().framing,
        Framing::Length(5)
    );
    assert_eq!(
        get("Transfer-Encoding: chunked\r\n").unwrap().framing,
        Framing::Chunked
    );
    assert_eq!(get("").unwrap().framing, Framing::None);
}

#[test]
fn ten_thousand_query_parameters_all_pass() {
    let query: Vec<String> = (0..10_000).map(|i| format!("p{i}=x;q{i}")).collect();
    let query = query.join("&");
    for (semicolons, with) in [(Semicolons::Separate, "&"), (Semicolons::Encode, "%3B")] {
        let cleaned = path::clean_query(query.as_bytes(), semicolons);
        assert_eq!(&*cleaned, query.replace(';', with).as_bytes());
    }
}

#[test]
fn odd_start_lines_and_field_lines_refuse_the_head() {
    for head in [
        "GET / HTTP/1.2\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1x\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.10\r\nHost: a\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        "GET / http/1.1\r\nHost: a\r\n\r\n",
        "GET /\r\nHost: a\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /  HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n",
        " GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost\t: a\r\n\r\n",
        "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \u{b}chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \u{a0}chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n",
        "GET a HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
    ] {
        assert!(read(head.as_bytes()).is_err(), "{head:?}");
    }
}

#[test]
fn an_expectation_never_changes_the_framing() {
    for expect in ["100-continue", "100-Continue, x", "y"] {
        for (length, framing) in [("0", Framing::None), ("5", Framing::Length(5))] {
            let request =
                get(&format!("Expect: {expect}\r\nContent-Length: {length}\r\n")).unwrap();
            assert_eq!(request.framing, framing, "{expect}");
            let known = request.expectation == Some(Expectation::Continue);
            assert_eq!(known, expect == "100-continue");
        }
    }
}

/// What `head`'s table of the tokeniser's leniency says; a new version may change it.
#[test]
fn the_tokeniser_accepts_what_the_rules_stop() {
    for raw in [
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "\n\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /#\"<>\\ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET a,b HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    ] {
        let mut headers = [httparse::EMPTY_HEADER; 8];
        let tokenised = httparse::Request::new(&mut headers).parse(raw.as_bytes());
        assert!(
            matches!(tokenised, Ok(httparse::Status::Complete(_))),
            "{raw:?}"
        );
        assert!(read(raw.as_bytes()).is_err(), "{raw:?}");
    }
    let mut headers = [httparse::EMPTY_HEADER; 8];
    let mut response = httparse::Response::new(&mut headers);
    assert!(response.parse(b"HTTP/1.1 007\r\n\r\n").is_ok());
    assert!(head::check_status(response.code.unwrap()).is_err());
}
