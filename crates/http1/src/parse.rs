//! Heads: from the read buffer to parts that are checked and still spelled as they came.

use std::mem::MaybeUninit;
use std::sync::LazyLock;

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use memchr::{memchr_iter, memmem};
use pointsman_wire::framing::{Answered, BodyFields, Framing, FramingError};
use pointsman_wire::head::{self, HeadError, Version};
use smallvec::SmallVec;

/// Finds the empty line.
static END_OF_HEAD: LazyLock<memmem::Finder<'static>> =
    LazyLock::new(|| memmem::Finder::new(b"\r\n\r\n"));
/// Most fields of one head.
const MAX_FIELDS: usize = 200;

/// Limits of one head.
#[derive(Debug, Clone, Copy)]
pub struct HeadLimits {
    /// Largest head in bytes. Traefik: `entryPoints.<name>.http.maxHeaderBytes`, default 1 MiB.
    pub max_bytes: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self { max_bytes: 1 << 20 }
    }
}

/// Why a head is refused. The connection closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The head is no HTTP/1.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// The body's length is not provable.
    #[error(transparent)]
    Framing(#[from] FramingError),
    /// The head is larger than allowed, or has too many fields: 431.
    #[error("head: larger than {limit}")]
    TooLarge {
        /// The limit that was passed.
        limit: usize,
    },
    /// More than one `Host` field.
    #[error("head: more than one host field")]
    SeveralHosts,
    /// The tokeniser does not recognise it.
    #[error("head: malformed")]
    Malformed,
}

/// A request's head in parts. Fields of framing, `Host` and `Connection` are not in the header map.
#[derive(Debug)]
pub struct ParsedRequest {
    /// The method.
    pub method: Method,
    /// The request target as it came, checked for its bytes and its form.
    pub target: Bytes,
    /// The `Host` field's value.
    pub host: Option<Bytes>,
    /// The version.
    pub version: Version,
    /// How the body ends.
    pub framing: Framing,
    /// Whether the client wants to go on after this exchange.
    pub keep_alive: bool,
    /// Whether `Connection` names `upgrade` and there is an `Upgrade` field.
    pub upgrade: bool,
    /// `Expect: 100-continue`; or something unknown, which is answered with 417.
    pub expect: Option<head::Expectation>,
    /// Further names in `Connection`, lower case: fields to take off.
    pub nominated: SmallVec<[HeaderName; 2]>,
}

/// A response's head in parts.
#[derive(Debug)]
pub struct ParsedResponse {
    /// The status.
    pub status: StatusCode,
    /// How the body ends.
    pub framing: Framing,
    /// `Content-Length` as declared, also where there is no body (HEAD, 304).
    pub declared_length: Option<u64>,
    /// Whether the server keeps the connection open, and the message leaves it clean.
    pub keep_alive: bool,
}

/// Where the search for a head's end goes on. A head that comes in many pieces is scanned once.
#[derive(Debug, Default, Clone, Copy)]
pub struct Scan {
    seen: usize,
}

impl Scan {
    /// Length of the complete head at the start of `buf`, its empty line included; `None` if more bytes are needed.
    fn head_len(&mut self, buf: &[u8], limits: HeadLimits) -> Result<Option<usize>, ParseError> {
        let from = self.seen.saturating_sub(3);
        let new = buf.get(from..).unwrap_or_default();
        if let Some(at) = END_OF_HEAD.find(new) {
            self.seen = 0;
            let len = from + at + 4;
            return if len > limits.max_bytes {
                Err(ParseError::TooLarge {
                    limit: limits.max_bytes,
                })
            } else {
                Ok(Some(len))
            };
        }
        if buf.len() > limits.max_bytes {
            return Err(ParseError::TooLarge {
                limit: limits.max_bytes,
            });
        }
        // A head of lines that end in LF alone would be waited for until its deadline; it is known to be wrong now.
        for at in memchr_iter(b'\n', new) {
            if at > 0 && new.get(at - 1) != Some(&b'\r') {
                return Err(HeadError::BareLf.into());
            }
        }
        self.seen = buf.len();
        Ok(None)
    }
}

/// Parses a request's head off the start of `buf` and fills `headers`.
///
/// `None`: the head is not complete. On success the head's bytes are taken from `buf`.
///
/// # Errors
/// [`ParseError`]: answer and close; `buf` is then of no use.
pub fn parse_request(
    buf: &mut BytesMut,
    scan: &mut Scan,
    headers: &mut HeaderMap,
    limits: HeadLimits,
) -> Result<Option<ParsedRequest>, ParseError> {
    let skipped = head::leading_empty_line(buf);
    if skipped > 0 {
        let _ = buf.split_to(skipped);
        scan.seen = 0;
    }
    let Some(len) = scan.head_len(buf, limits)? else {
        return Ok(None);
    };
    head::check_raw_head(buf.get(..len).unwrap_or_default())?;
    let raw = buf.split_to(len).freeze();

    if raw.first() == Some(&b'\r') {
        // One empty line in front was taken off; the tokeniser would take off any number.
        return Err(ParseError::Malformed);
    }

    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut []);
    match request.parse_with_uninit_headers(&raw, &mut fields) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err(ParseError::Malformed),
        Err(error) => return Err(refused(error)),
    }
    let (Some(method), Some(target), Some(minor)) = (request.method, request.path, request.version)
    else {
        return Err(ParseError::Malformed);
    };
    let version = Version::from_minor(minor).ok_or(HeadError::Version)?;
    head::RequestTarget::parse(method.as_bytes(), target.as_bytes())?;

    let mut parsed = ParsedRequest {
        method: Method::from_bytes(method.as_bytes()).map_err(|_| HeadError::Method)?,
        target: raw.slice_ref(target.as_bytes()),
        host: None,
        version,
        framing: Framing::None,
        keep_alive: version == Version::Http11,
        upgrade: false,
        expect: None,
        nominated: SmallVec::new(),
    };
    let mut fields = Fields::new(&raw, headers);
    for field in request.headers.iter() {
        let name =
            HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| HeadError::FieldName)?;
        match fields.special(&name, field.value) {
            Special::Ordinary => fields.add(name, field.value)?,
            Special::Taken => {}
            Special::Host => {
                if parsed.host.replace(raw.slice_ref(field.value)).is_some() {
                    return Err(ParseError::SeveralHosts);
                }
            }
            Special::Expect => {
                let expectation = head::Expectation::parse(field.value);
                // Two of them are as unknown as a strange one.
                parsed.expect = Some(match parsed.expect {
                    None => expectation,
                    Some(_) => head::Expectation::Unknown,
                });
            }
        }
    }
    if fields.connection.close {
        parsed.keep_alive = false;
    } else if version == Version::Http10 && fields.connection.keep_alive {
        parsed.keep_alive = true;
    }
    parsed.framing = fields.body.request(version)?;
    // What follows a request with a body is the rest of that body, not another protocol yet (RFC 9110 §7.8 lets a
    // server ignore `Upgrade`); and an upgrade to h2c would let the client speak past the rules (I4).
    parsed.upgrade = fields.connection.upgrade
        && version == Version::Http11
        && parsed.framing == Framing::None
        && !asks_for_h2c(fields.headers);
    parsed.nominated = std::mem::take(&mut fields.connection.nominated);
    if !parsed.upgrade || !fields.headers.contains_key(header::UPGRADE) {
        parsed.upgrade = false;
        fields.headers.remove(header::UPGRADE);
    }
    Ok(Some(parsed))
}

/// Parses a response's head off the start of `buf` and fills `headers`; `answered` is what it answers.
///
/// # Errors
/// [`ParseError`]: the exchange fails and the connection closes.
pub fn parse_response(
    buf: &mut BytesMut,
    scan: &mut Scan,
    headers: &mut HeaderMap,
    answered: Answered,
    limits: HeadLimits,
) -> Result<Option<ParsedResponse>, ParseError> {
    let Some(len) = scan.head_len(buf, limits)? else {
        return Ok(None);
    };
    head::check_raw_head(buf.get(..len).unwrap_or_default())?;
    let raw = buf.split_to(len).freeze();

    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut response = httparse::Response::new(&mut []);
    match httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut response,
        &raw,
        &mut fields,
    ) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err(ParseError::Malformed),
        Err(error) => return Err(refused(error)),
    }
    let (Some(code), Some(minor)) = (response.code, response.version) else {
        return Err(ParseError::Malformed);
    };
    let version = Version::from_minor(minor).ok_or(HeadError::Version)?;
    head::check_status(code)?;
    let status = StatusCode::from_u16(code).map_err(|_| HeadError::Status)?;

    let mut fields = Fields::new(&raw, headers);
    for field in response.headers.iter() {
        let name =
            HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| HeadError::FieldName)?;
        match fields.special(&name, field.value) {
            Special::Taken => {}
            // These mean nothing in a response; they pass as any field does.
            Special::Ordinary | Special::Host | Special::Expect => fields.add(name, field.value)?,
        }
    }
    let framing = fields.body.response(version, code, answered)?;
    let connection = &fields.connection;
    let keep_alive = match version {
        Version::Http11 => !connection.close,
        Version::Http10 => connection.keep_alive && !connection.close,
    };
    for name in &fields.connection.nominated {
        fields.headers.remove(name);
    }
    if code != 101 {
        fields.headers.remove(header::UPGRADE);
    }
    Ok(Some(ParsedResponse {
        status,
        framing,
        declared_length: fields.body.declared_length(),
        keep_alive: keep_alive
            && framing != Framing::UntilClose
            && !fields.body.promises_forbidden_body(code),
    }))
}

fn asks_for_h2c(headers: &HeaderMap) -> bool {
    headers.get_all(header::UPGRADE).iter().any(|line| {
        line.as_bytes()
            .split(|b| *b == b',')
            .any(|protocol| protocol.trim_ascii().eq_ignore_ascii_case(b"h2c"))
    })
}

fn refused(error: httparse::Error) -> ParseError {
    match error {
        httparse::Error::HeaderName => HeadError::FieldName.into(),
        httparse::Error::HeaderValue => HeadError::FieldValue.into(),
        httparse::Error::Status => HeadError::Status.into(),
        httparse::Error::Version => HeadError::Version.into(),
        httparse::Error::TooManyHeaders => ParseError::TooLarge { limit: MAX_FIELDS },
        httparse::Error::NewLine | httparse::Error::Token => ParseError::Malformed,
    }
}

enum Special {
    Ordinary,
    Taken,
    Host,
    Expect,
}

/// Sorts the fields of a head into framing, connection options and the rest.
struct Fields<'a> {
    raw: &'a Bytes,
    headers: &'a mut HeaderMap,
    body: BodyFields,
    connection: ConnectionOptions,
}

#[derive(Default)]
struct ConnectionOptions {
    close: bool,
    keep_alive: bool,
    upgrade: bool,
    nominated: SmallVec<[HeaderName; 2]>,
}

impl<'a> Fields<'a> {
    fn new(raw: &'a Bytes, headers: &'a mut HeaderMap) -> Self {
        Self {
            raw,
            headers,
            body: BodyFields::new(),
            connection: ConnectionOptions::default(),
        }
    }

    fn add(&mut self, name: HeaderName, value: &[u8]) -> Result<(), ParseError> {
        let value = HeaderValue::from_maybe_shared(self.raw.slice_ref(value))
            .map_err(|_| HeadError::FieldValue)?;
        self.headers
            .try_append(name, value)
            .map_err(|_| ParseError::TooLarge { limit: MAX_FIELDS })?;
        Ok(())
    }

    fn special(&mut self, name: &HeaderName, value: &[u8]) -> Special {
        // By length first: most fields are told apart from all of these by one comparison.
        match name.as_str().len() {
            2 if *name == header::TE => {
                // Only `trailers` may pass (RFC 9110 §10.1.4).
                if value
                    .split(|b| *b == b',')
                    .any(|t| t.trim_ascii().eq_ignore_ascii_case(b"trailers"))
                {
                    self.headers
                        .insert(header::TE, HeaderValue::from_static("trailers"));
                }
                Special::Taken
            }
            4 if *name == header::HOST => Special::Host,
            6 if *name == header::EXPECT => Special::Expect,
            10 if *name == header::CONNECTION => {
                self.connection.read(value);
                Special::Taken
            }
            10 if name == "keep-alive" => Special::Taken,
            14 if *name == header::CONTENT_LENGTH => {
                self.body.content_length(value);
                Special::Taken
            }
            14 if name == "http2-settings" => Special::Taken,
            16 if name == "proxy-connection" => Special::Taken,
            17 if *name == header::TRANSFER_ENCODING => {
                self.body.transfer_encoding(value);
                Special::Taken
            }
            // Meant for the next hop, which is this router (RFC 9110 §11.7); Go's reverse proxy takes them off too.
            18 if *name == header::PROXY_AUTHENTICATE => Special::Taken,
            19 if *name == header::PROXY_AUTHORIZATION => Special::Taken,
            _ => Special::Ordinary,
        }
    }
}

impl ConnectionOptions {
    fn read(&mut self, value: &[u8]) {
        for token in value.split(|b| *b == b',').map(<[u8]>::trim_ascii) {
            if token.eq_ignore_ascii_case(b"close") {
                self.close = true;
            } else if token.eq_ignore_ascii_case(b"keep-alive") {
                self.keep_alive = true;
            } else if token.eq_ignore_ascii_case(b"upgrade") {
                self.upgrade = true;
            } else if let Ok(name) = HeaderName::from_bytes(token) {
                self.nominated.push(name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str) -> Result<Option<(ParsedRequest, HeaderMap, BytesMut)>, ParseError> {
        let mut buf = BytesMut::from(text);
        let mut headers = HeaderMap::new();
        let parsed = parse_request(
            &mut buf,
            &mut Scan::default(),
            &mut headers,
            HeadLimits::default(),
        )?;
        Ok(parsed.map(|parsed| (parsed, headers, buf)))
    }

    fn response(text: &str) -> Result<Option<(ParsedResponse, HeaderMap)>, ParseError> {
        let mut buf = BytesMut::from(text);
        let mut headers = HeaderMap::new();
        let answered = Answered::Other;
        let parsed = parse_response(
            &mut buf,
            &mut Scan::default(),
            &mut headers,
            answered,
            HeadLimits::default(),
        )?;
        Ok(parsed.map(|parsed| (parsed, headers)))
    }

    #[test]
    fn a_request_comes_apart_and_leaves_what_follows() {
        let text = "POST /a?b=c HTTP/1.1\r\nHost: Shop\r\nContent-Length: 3\r\nX-A: 1\r\nx-a: 2\r\n\r\nabcGET";
        let (parsed, headers, rest) = request(text).unwrap().unwrap();
        assert_eq!(parsed.method, Method::POST);
        assert_eq!(&parsed.target[..], b"/a?b=c");
        assert_eq!(parsed.host.as_deref(), Some(&b"Shop"[..]));
        assert_eq!(parsed.framing, Framing::Length(3));
        assert!(parsed.keep_alive);
        assert_eq!(
            headers.get_all("x-a").iter().collect::<Vec<_>>(),
            ["1", "2"]
        );
        assert_eq!(
            headers.len(),
            2,
            "framing and host are no ordinary fields: {headers:?}"
        );
        assert_eq!(&rest[..], b"abcGET");
    }

    #[test]
    fn a_head_in_pieces_is_found_whatever_the_cut() {
        let text = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        for cut in 1..text.len() {
            let mut buf = BytesMut::from(&text[..cut]);
            let mut scan = Scan::default();
            let mut headers = HeaderMap::new();
            let limits = HeadLimits::default();
            assert!(
                parse_request(&mut buf, &mut scan, &mut headers, limits)
                    .unwrap()
                    .is_none(),
                "cut {cut}"
            );
            buf.extend_from_slice(&text[cut..]);
            assert!(
                parse_request(&mut buf, &mut scan, &mut headers, limits)
                    .unwrap()
                    .is_some(),
                "cut {cut}"
            );
        }
    }

    #[test]
    fn connection_options_are_sorted_out() {
        let text = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Secret\r\nconnection: Upgrade\r\nUpgrade: websocket\r\nKeep-Alive: 5\r\nTE: gzip, trailers\r\n\r\n";
        let (parsed, headers, _) = request(text).unwrap().unwrap();
        assert!(!parsed.keep_alive && parsed.upgrade);
        assert_eq!(parsed.nominated.as_slice(), ["x-secret"]);
        assert_eq!(headers.get("te").unwrap(), "trailers");
        assert_eq!(headers.get("upgrade").unwrap(), "websocket");
        assert_eq!(headers.len(), 2);
    }

    #[test]
    fn upgrade_without_the_connection_option_is_taken_off() {
        let (parsed, headers, _) =
            request("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n")
                .unwrap()
                .unwrap();
        assert!(!parsed.upgrade && headers.is_empty());
    }

    #[test]
    fn malformed_requests_are_refused() {
        for text in [
            "GET / HTTP/1.1\nHost: a\n\n",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
            "GET / HTTP/1.1\r\n: a\r\n\r\n",
            "GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n",
            "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
            "GET a HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n",
            "G@T / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n",
        ] {
            assert!(request(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn too_large_a_head_is_refused_before_it_ends() {
        let mut buf = BytesMut::from(&b"GET / HTTP/1.1\r\nX: "[..]);
        buf.resize(2_000, b'a');
        let limits = HeadLimits { max_bytes: 1_000 };
        let result = parse_request(
            &mut buf,
            &mut Scan::default(),
            &mut HeaderMap::new(),
            limits,
        );
        assert_eq!(result.unwrap_err(), ParseError::TooLarge { limit: 1_000 });
    }

    #[test]
    fn only_a_clean_response_keeps_the_connection() {
        for (text, keep) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", true),
            ("HTTP/1.1 200 OK\r\n\r\n", false),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n",
                false,
            ),
            ("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", false),
            (
                "HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n",
                true,
            ),
            (
                "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
                false,
            ),
            ("HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n", true),
        ] {
            assert_eq!(
                response(text).unwrap().unwrap().0.keep_alive,
                keep,
                "{text:?}"
            );
        }
        assert!(response("HTTP/1.1 200 OK\nContent-Length: 1\n\n").is_err());
    }
}
