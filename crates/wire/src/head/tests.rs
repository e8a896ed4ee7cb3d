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
