use proptest::prelude::*;

use super::*;

fn canonical(text: &str) -> (String, Option<u16>) {
    let authority = parse(text.as_bytes()).unwrap();
    (authority.host.into_owned(), authority.port)
}

// CVE-2022-23632, CVE-2026-27588
#[test]
fn hosts_have_one_spelling() {
    for (text, host, port) in [
        ("example.com", "example.com", None),
        ("EXAMPLE.Com", "example.com", None),
        ("example.com.", "example.com", None),
        ("example.com:80", "example.com", Some(80)),
        ("Example.com.:443", "example.com", Some(443)),
        ("example.com:", "example.com", None),
        ("localhost", "localhost", None),
        ("a_b-c.d", "a_b-c.d", None),
        ("1.2.3.4:65535", "1.2.3.4", Some(65535)),
        ("[::1]", "[::1]", None),
        ("[::1]:8080", "[::1]", Some(8080)),
        ("[0:0:0:0:0:0:0:1]", "[::1]", None),
        ("[2001:DB8::A]", "[2001:db8::a]", None),
        ("[::ffff:1.2.3.4]:1", "[::ffff:1.2.3.4]", Some(1)),
        ("xn--bcher-kva.example", "xn--bcher-kva.example", None),
        ("XN--Bcher-KVA.example", "xn--bcher-kva.example", None),
        ("h:00080", "h", Some(80)),
    ] {
        assert_eq!(canonical(text), (host.to_owned(), port), "{text}");
    }
}

#[test]
fn a_canonical_host_is_borrowed() {
    for (text, borrowed) in [
        ("example.com:80", true),
        ("example.com.", true),
        ("[::1]:80", true),
        ("Example.com", false),
        ("[::0]", false),
    ] {
        let host = parse(text.as_bytes()).unwrap().host;
        assert_eq!(matches!(host, Cow::Borrowed(_)), borrowed, "{text}");
    }
}

#[test]
fn refused_hosts() {
    use AuthorityError::{
        Character, Comma, Empty, EmptyLabel, Ipv6, Port, Punycode, TooLong, Userinfo,
    };
    let long = format!("{}.example", "a".repeat(250));
    for (text, wanted) in [
        ("", Empty),
        (":80", Empty),
        ("a,b", Comma),
        ("a, b", Comma),
        ("user@host", Userinfo),
        ("user:pw@host", Userinfo),
        ("a:1@b", Userinfo),
        ("@host", Userinfo),
        ("a b", Character),
        (" a", Character),
        ("a\t", Character),
        ("a\0b", Character),
        ("a\r\nb", Character),
        ("a\x7f", Character),
        ("a/b", Character),
        ("a?b", Character),
        ("a#b", Character),
        ("a\\b", Character),
        ("a%2eb", Character),
        ("*", Character),
        ("*.example.com", Character),
        ("bücher.example", Character),
        ("a;b", Character),
        ("a..b", EmptyLabel),
        (".a", EmptyLabel),
        (".", EmptyLabel),
        ("a..", EmptyLabel),
        ("..", EmptyLabel),
        ("xn--", Punycode),
        ("xn--example-.com", Punycode),
        ("www.XN--example-", Punycode),
        ("xn--example-.", Punycode),
        ("a:b", Port),
        ("a:80:80", Port),
        ("a:65536", Port),
        ("a:-1", Port),
        ("a:+1", Port),
        ("a:000080", Port),
        ("a:80 ", Port),
        ("::1", Port),
        ("[[::1]", Ipv6),
        ("fe80::1", Port),
        ("[::1", Ipv6),
        ("[]", Ipv6),
        ("[1.2.3.4]", Ipv6),
        ("[[::1]]", Ipv6),
        ("[::1]x", Ipv6),
        ("[::1]80", Ipv6),
        ("[::1].", Ipv6),
        ("[::1]:x", Port),
        ("[fe80::1%25eth0]", Ipv6),
        ("[fe80::1%eth0]", Ipv6),
        ("[v1.x]", Ipv6),
        ("[::1@x]", Ipv6),
        ("a[::1]", Character),
        (&long, TooLong),
    ] {
        assert_eq!(parse(text.as_bytes()), Err(wanted), "{text:?}");
    }
    assert_eq!(parse(b"a\xffb"), Err(Character));
}

#[test]
fn a_server_name_has_no_port() {
    assert_eq!(
        canonical_host(b"Example.COM."),
        Ok(Cow::Borrowed("example.com"))
    );
    for name in ["example.com:443", "example.com:"] {
        assert_eq!(
            canonical_host(name.as_bytes()),
            Err(AuthorityError::Port),
            "{name}"
        );
    }
}

fn request<'a>(
    version: Version,
    hosts: &[&'a str],
    absolute: Option<&'a str>,
) -> Result<String, AuthorityError> {
    let absolute = absolute.map(|text| (Scheme::Http, text.as_bytes()));
    of_request(version, hosts.iter().map(|h| h.as_bytes()), absolute)
        .map(|authority| authority.host.into_owned())
}

#[test]
fn a_request_has_one_host() {
    use Version::{Http10, Http11};
    for (version, hosts, absolute, wanted) in [
        (Http11, &["a"][..], None, Ok("a")),
        (Http11, &[""], None, Ok("")),
        (Http10, &[], None, Ok("")),
        (Http11, &[], None, Err(AuthorityError::Missing)),
        (Http11, &[], Some("a"), Err(AuthorityError::Missing)),
        (Http10, &[], Some("A"), Ok("a")),
        (Http11, &["a", "a"], None, Err(AuthorityError::SeveralHosts)),
        (Http11, &["a", "b"], None, Err(AuthorityError::SeveralHosts)),
        (Http10, &["a", "b"], None, Err(AuthorityError::SeveralHosts)),
        (Http11, &["a,b"], None, Err(AuthorityError::Comma)),
        (Http11, &["a"], Some("a"), Ok("a")),
        (Http11, &["A."], Some("a:80"), Ok("a")),
        (Http11, &["a:80"], Some("a"), Ok("a")),
        (Http11, &["a:81"], Some("a"), Err(AuthorityError::Mismatch)),
        (Http11, &["b"], Some("a"), Err(AuthorityError::Mismatch)),
        (Http11, &[""], Some("a"), Err(AuthorityError::Mismatch)),
        (Http11, &["a"], Some("u@a"), Err(AuthorityError::Userinfo)),
        (Http11, &["u@a"], Some("u@a"), Err(AuthorityError::Userinfo)),
    ] {
        assert_eq!(
            request(version, hosts, absolute),
            wanted.map(str::to_owned),
            "{version:?} {hosts:?} {absolute:?}"
        );
    }
}

#[test]
fn the_default_port_is_that_of_the_scheme() {
    let target = Some((Scheme::Https, &b"a"[..]));
    assert!(combine(Some(b"a:443"), target).is_ok());
    assert_eq!(
        combine(Some(b"a:80"), target),
        Err(AuthorityError::Mismatch)
    );
}

#[test]
fn http_2_may_name_its_host_in_either_way_or_in_none() {
    assert_eq!(combine(None, None), Ok(None));
    let owned = |authority: Authority<'_>| authority.into_owned();
    let named = Ok(Some(Authority {
        host: Cow::Borrowed("a"),
        port: None,
    }));
    assert_eq!(combine(Some(b"a"), None).map(|a| a.map(owned)), named);
    assert_eq!(
        combine(None, Some((Scheme::Https, b"A"))).map(|a| a.map(owned)),
        named
    );
}

proptest! {
    // One host, whatever case, trailing dot and port it comes with.
    #[test]
    fn case_dot_and_port_do_not_change_the_host(
        name in "[a-zA-Z0-9_]{1,8}(\\.[a-zA-Z0-9_]{1,8}){0,3}",
        port: u16,
    ) {
        let lower = name.to_ascii_lowercase();
        for text in [name.clone(), name.to_ascii_uppercase(), format!("{name}."), format!("{name}.:{port}")] {
            let host = parse(text.as_bytes()).unwrap().host;
            prop_assert_eq!(&*host, lower.as_str());
        }
    }

    #[test]
    fn a_canonical_host_stays_as_it_is(text in "[a-zA-Z0-9:.\\[\\]_-]{0,24}") {
        if let Ok(authority) = parse(text.as_bytes()) {
            let again = parse(authority.host.as_bytes()).unwrap();
            prop_assert_eq!(&again.host, &authority.host);
            prop_assert!(matches!(again.host, Cow::Borrowed(_)));
            prop_assert_eq!(again.port, None);
        }
    }

    #[test]
    fn arbitrary_bytes_never_give_a_host_with_other_characters(text: Vec<u8>) {
        if let Ok(authority) = parse(&text) {
            prop_assert!(authority.host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:[]".contains(&b)));
        }
    }
}
