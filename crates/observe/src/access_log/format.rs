//! Lines of the access log.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, Version, header};
use jiff::tz::TimeZone;
use pointsman_config::dynamic::http::KubernetesOrigin;
use pointsman_config::static_::observability::{AccessLogFormat, HeaderMode};

use super::clock::Clock;
use super::plan::{Field, Plan};
use crate::escape::{self, number};
use crate::names::access_log as names;

/// What is logged of one request. Borrowed from wherever it is known.
#[derive(Debug, Clone, Copy)]
pub struct LogRecord<'a> {
    /// When the response had ended.
    pub finished: SystemTime,
    /// From the request's head to the end of the response.
    pub duration: Duration,
    /// Name of the entry point.
    pub entry_point: &'a str,
    /// The client's socket.
    pub peer: SocketAddr,
    /// First `X-Forwarded-For` as the entry point let it pass, without the peer that is appended for the server.
    pub forwarded_for: Option<&'a [u8]>,
    /// TLS of the client's connection.
    pub tls: Option<LogTls<'a>>,
    /// Authenticated user.
    pub user: Option<&'a str>,
    /// Method.
    pub method: &'a str,
    /// Path and query before middlewares changed them.
    pub target: &'a str,
    /// HTTP version that the client speaks.
    pub version: Version,
    /// `Host` as the client sent it; may be empty.
    pub authority: &'a str,
    /// Headers of the request.
    pub request_headers: &'a HeaderMap,
    /// Bytes of the request's body.
    pub request_bytes: u64,
    /// Qualified name of the router; `None` where none matched.
    pub router: Option<&'a str>,
    /// The Ingress path behind the router.
    pub kubernetes: Option<&'a KubernetesOrigin>,
    /// Qualified name of the service; `None` where the request did not get that far.
    pub service: Option<&'a str>,
    /// URL of the server that was asked.
    pub server_url: Option<&'a str>,
    /// What the service answered; `None` where the router itself did.
    pub origin: Option<LogOrigin<'a>>,
    /// Tries after the first.
    pub retries: u32,
    /// Status that the client got; 499 if it went away.
    pub status: u16,
    /// Headers of the response to the client.
    pub response_headers: &'a HeaderMap,
    /// Bytes of the response's body.
    pub response_bytes: u64,
    /// Trace and span in hexadecimal, if the request is traced.
    pub trace: Option<LogTrace<'a>>,
}

/// TLS of a logged request.
#[derive(Debug, Clone, Copy)]
pub struct LogTls<'a> {
    /// `1.2` or `1.3`.
    pub version: &'a str,
    /// IANA name of the cipher suite.
    pub cipher: &'a str,
    /// Subject of the client's certificate.
    pub client_subject: Option<&'a str>,
}

/// What the service answered.
#[derive(Debug, Clone, Copy)]
pub struct LogOrigin<'a> {
    /// How long it took.
    pub duration: Duration,
    /// Its status.
    pub status: u16,
    /// Bytes of its body.
    pub bytes: u64,
    /// Its headers, where they were kept.
    pub headers: Option<&'a HeaderMap>,
}

/// Identifies a logged request in traces.
#[derive(Debug, Clone, Copy)]
pub struct LogTrace<'a> {
    /// 32 hexadecimal digits.
    pub trace_id: &'a str,
    /// 16 hexadecimal digits.
    pub span_id: &'a str,
}

/// Makes lines; one per worker, because of its clocks.
#[derive(Debug)]
pub(super) struct Formatter {
    start: Clock,
    end: Clock,
}

impl Formatter {
    pub(super) fn new(zone: &TimeZone) -> Self {
        Self {
            start: Clock::new(zone.clone()),
            end: Clock::new(zone.clone()),
        }
    }

    /// Appends one line with its line end. `count` is the number of the request.
    pub(super) fn line(
        &mut self,
        plan: &Plan,
        record: &LogRecord<'_>,
        count: u64,
        out: &mut Vec<u8>,
    ) {
        let start = record
            .finished
            .checked_sub(record.duration)
            .unwrap_or(record.finished);
        let nanos = self.start.set(start);
        match plan.format {
            AccessLogFormat::Json => self.json(plan, record, count, nanos, out),
            AccessLogFormat::Common => {
                self.common(plan, record, out);
                common_tail(plan, record, count, out);
            }
            AccessLogFormat::GenericClf => self.common(plan, record, out),
        }
        out.push(b'\n');
    }

    fn json(
        &mut self,
        plan: &Plan,
        record: &LogRecord<'_>,
        count: u64,
        nanos: u32,
        out: &mut Vec<u8>,
    ) {
        let begin = out.len();
        let mut json = Json { plan, out };
        client(&mut json, record);
        json.number(Field::DownstreamContentSize, record.response_bytes);
        json.number(Field::DownstreamStatus, record.status);
        json.nanos(Field::Duration, record.duration);
        origin(&mut json, record);
        request(&mut json, record, count);
        route(&mut json, record);
        if let Some(trace) = record.trace {
            json.text(Field::SpanIdDeprecated, trace.span_id.as_bytes());
        }
        if json.begin_text(Field::StartLocal) {
            self.start.local(json.out, nanos);
            json.end_text();
        }
        if json.begin_text(Field::StartUtc) {
            self.start.utc(json.out, nanos);
            json.end_text();
        }
        if let Some(tls) = record.tls {
            json.text(Field::TlsCipher, tls.cipher.as_bytes());
            if let Some(subject) = tls.client_subject {
                json.text(Field::TlsClientSubject, subject.as_bytes());
            }
            json.text(Field::TlsVersion, tls.version.as_bytes());
        }
        if let Some(trace) = record.trace {
            json.text(Field::TraceIdDeprecated, trace.trace_id.as_bytes());
        }
        json.headers(names::DOWNSTREAM_HEADER_PREFIX, record.response_headers);
        json.text(Field::EntryPointName, record.entry_point.as_bytes());
        json.out.extend_from_slice(&plan.level);
        if let Some(headers) = record.origin.and_then(|origin| origin.headers) {
            json.headers(names::ORIGIN_HEADER_PREFIX, headers);
        }
        json.headers(names::REQUEST_HEADER_PREFIX, record.request_headers);
        if let Some(trace) = record.trace {
            json.text(Field::SpanId, trace.span_id.as_bytes());
        }
        self.end.set(record.finished);
        json.out.extend_from_slice(&plan.time_key);
        self.end.local(json.out, 0);
        json.end_text();
        if let Some(trace) = record.trace {
            json.text(Field::TraceId, trace.trace_id.as_bytes());
        }
        // Each key begins with a comma; the first one's is where the object begins.
        if let Some(first) = out.get_mut(begin) {
            *first = b'{';
        }
        out.push(b'}');
    }

    /// `host - user [date] "method path protocol" status size "referer" "user agent"`.
    fn common(&self, plan: &Plan, record: &LogRecord<'_>, out: &mut Vec<u8>) {
        match record.forwarded_for {
            _ if !plan.keeps(Field::ClientHost) => out.push(b'-'),
            Some(list) => escape::common(out, list),
            None => address(out, record.peer.ip()),
        }
        out.extend_from_slice(b" - ");
        match record.user {
            Some(user) if plan.keeps(Field::ClientUsername) && !user.is_empty() => {
                escape::common_word(out, user.as_bytes());
            }
            _ => out.push(b'-'),
        }
        out.extend_from_slice(b" [");
        let date = if plan.keeps(Field::StartUtc) {
            self.start.common_utc()
        } else if plan.keeps(Field::StartLocal) {
            self.start.common_local()
        } else {
            "-"
        };
        out.extend_from_slice(date.as_bytes());
        out.extend_from_slice(b"] \"");
        let words = [
            (Field::RequestMethod, record.method),
            (Field::RequestPath, logged_target(plan, record)),
            (Field::RequestProtocol, protocol(record.version)),
        ];
        for (index, (field, text)) in words.into_iter().enumerate() {
            if index > 0 {
                out.push(b' ');
            }
            if plan.keeps(field) && !text.is_empty() {
                escape::common_word(out, text.as_bytes());
            } else {
                out.push(b'-');
            }
        }
        out.extend_from_slice(b"\" ");
        or_dash(plan, Field::DownstreamStatus, u64::from(record.status), out);
        out.push(b' ');
        or_dash(
            plan,
            Field::DownstreamContentSize,
            record.response_bytes,
            out,
        );
        out.push(b' ');
        quoted_header(plan, record, &header::REFERER, out);
        out.push(b' ');
        quoted_header(plan, record, &header::USER_AGENT, out);
    }
}

/// `count "router" "server url" durationms`, which Traefik adds to the common format.
fn common_tail(plan: &Plan, record: &LogRecord<'_>, count: u64, out: &mut Vec<u8>) {
    out.push(b' ');
    or_dash(plan, Field::RequestCount, count, out);
    for (field, text) in [
        (Field::RouterName, record.router),
        (Field::ServiceUrl, record.server_url),
    ] {
        out.extend_from_slice(b" \"");
        match text {
            Some(text) if plan.keeps(field) && !text.is_empty() => {
                escape::common(out, text.as_bytes());
            }
            _ => out.push(b'-'),
        }
        out.push(b'"');
    }
    out.push(b' ');
    let millis = if plan.keeps(Field::Duration) {
        record.duration.as_millis()
    } else {
        0
    };
    number(out, millis);
    out.extend_from_slice(b"ms");
}

fn or_dash(plan: &Plan, field: Field, value: u64, out: &mut Vec<u8>) {
    if plan.keeps(field) {
        number(out, value);
    } else {
        out.push(b'-');
    }
}

fn quoted_header(plan: &Plan, record: &LogRecord<'_>, name: &HeaderName, out: &mut Vec<u8>) {
    out.push(b'"');
    match plan.headers.mode(name) {
        HeaderMode::Keep if record.request_headers.contains_key(name) => {
            for_each_value(record.request_headers, name, out, escape::common);
        }
        HeaderMode::Redact if record.request_headers.contains_key(name) => {
            out.extend_from_slice(REDACTED);
        }
        _ => out.push(b'-'),
    }
    out.push(b'"');
}

const REDACTED: &[u8] = b"REDACTED";

fn client(json: &mut Json<'_>, record: &LogRecord<'_>) {
    let ip = record.peer.ip().to_canonical();
    if json.begin_text(Field::ClientAddr) {
        if ip.is_ipv6() {
            json.out.push(b'[');
            address(json.out, ip);
            json.out.push(b']');
        } else {
            address(json.out, ip);
        }
        json.out.push(b':');
        number(json.out, record.peer.port());
        json.end_text();
    }
    match record.forwarded_for {
        Some(list) => json.text(Field::ClientHost, list),
        None => {
            if json.begin_text(Field::ClientHost) {
                address(json.out, ip);
                json.end_text();
            }
        }
    }
    if json.begin_text(Field::ClientPort) {
        number(json.out, record.peer.port());
        json.end_text();
    }
    json.text(Field::ClientUsername, record.user.unwrap_or("-").as_bytes());
}

fn origin(json: &mut Json<'_>, record: &LogRecord<'_>) {
    let (duration, status, bytes) = record.origin.map_or((Duration::ZERO, 0, 0), |origin| {
        (origin.duration, origin.status, origin.bytes)
    });
    if bytes != record.response_bytes
        && record.response_bytes != 0
        && let Some(key) = json.plan.key(Field::GzipRatio)
    {
        json.out.extend_from_slice(key);
        let _ = write!(json.out, "{}", bytes as f64 / record.response_bytes as f64);
    }
    if let Some(kubernetes) = record.kubernetes {
        for (field, text) in [
            (Field::KubernetesIngressName, &kubernetes.ingress_name),
            (Field::KubernetesIngressNamespace, &kubernetes.namespace),
            (Field::KubernetesServiceName, &kubernetes.service_name),
            (Field::KubernetesServicePort, &kubernetes.service_port),
        ] {
            json.text(field, text.as_bytes());
        }
    }
    json.number(Field::OriginContentSize, bytes);
    json.nanos(Field::OriginDuration, duration);
    json.number(Field::OriginStatus, status);
    json.nanos(Field::Overhead, record.duration.saturating_sub(duration));
}

fn request(json: &mut Json<'_>, record: &LogRecord<'_>, count: u64) {
    let has_host = !record.authority.is_empty();
    let (host, port) = split_host_port(record.authority);
    if has_host {
        json.text(Field::RequestAddr, record.authority.as_bytes());
    }
    json.number(Field::RequestContentSize, record.request_bytes);
    json.number(Field::RequestCount, count);
    if has_host {
        json.text(Field::RequestHost, host.as_bytes());
    }
    json.text(Field::RequestMethod, record.method.as_bytes());
    json.text(
        Field::RequestPath,
        logged_target(json.plan, record).as_bytes(),
    );
    if has_host {
        json.text(Field::RequestPort, port.as_bytes());
    }
    json.text(Field::RequestProtocol, protocol(record.version).as_bytes());
    let scheme = if record.tls.is_some() {
        "https"
    } else {
        "http"
    };
    json.text(Field::RequestScheme, scheme.as_bytes());
}

fn route(json: &mut Json<'_>, record: &LogRecord<'_>) {
    json.number(Field::RetryAttempts, record.retries);
    if let Some(router) = record.router {
        json.text(Field::RouterName, router.as_bytes());
    }
    if let Some(url) = record.server_url {
        json.text(Field::ServiceAddr, url_host(url).as_bytes());
    }
    if let Some(service) = record.service {
        json.text(Field::ServiceName, service.as_bytes());
    }
    if let Some(url) = record.server_url {
        json.text(Field::ServiceUrl, url.as_bytes());
    }
}

/// Appends members, each with a comma before it.
struct Json<'a> {
    plan: &'a Plan,
    out: &'a mut Vec<u8>,
}

impl Json<'_> {
    fn number(&mut self, field: Field, value: impl itoa::Integer) {
        if let Some(key) = self.plan.key(field) {
            self.out.extend_from_slice(key);
            number(self.out, value);
        }
    }

    fn nanos(&mut self, field: Field, duration: Duration) {
        self.number(
            field,
            u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX),
        );
    }

    fn text(&mut self, field: Field, value: &[u8]) {
        if self.begin_text(field) {
            escape::json(self.out, value);
            self.end_text();
        }
    }

    /// False if the field is dropped.
    fn begin_text(&mut self, field: Field) -> bool {
        let key = self.plan.key(field);
        self.out.extend_from_slice(key.unwrap_or_default());
        key.is_some()
    }

    fn end_text(&mut self) {
        self.out.push(b'"');
    }

    fn headers(&mut self, prefix: &str, headers: &HeaderMap) {
        let plan = self.plan;
        plan.headers.each(headers, |name, mode| {
            self.out.extend_from_slice(b",\"");
            self.out.extend_from_slice(prefix.as_bytes());
            canonical(self.out, name);
            self.out.extend_from_slice(b"\":\"");
            if mode == HeaderMode::Redact {
                self.out.extend_from_slice(REDACTED);
            } else {
                for_each_value(headers, name, self.out, escape::json);
            }
            self.out.push(b'"');
        });
    }
}

/// The values of a header with commas between them.
fn for_each_value(
    headers: &HeaderMap,
    name: &HeaderName,
    out: &mut Vec<u8>,
    write: fn(&mut Vec<u8>, &[u8]),
) {
    for (index, value) in headers.get_all(name).iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(out, value.as_bytes());
    }
}

/// `User-Agent` for `user-agent`, as Go writes names of headers.
fn canonical(out: &mut Vec<u8>, name: &HeaderName) {
    let mut is_first = true;
    for byte in name.as_str().bytes() {
        out.push(if is_first {
            byte.to_ascii_uppercase()
        } else {
            byte
        });
        is_first = byte == b'-';
    }
}

fn logged_target<'a>(plan: &Plan, record: &LogRecord<'a>) -> &'a str {
    if plan.keep_query {
        return record.target;
    }
    record
        .target
        .split_once('?')
        .map_or(record.target, |(path, _)| path)
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "HTTP/0.9",
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        Version::HTTP_3 => "HTTP/3.0",
        _ => "HTTP/1.1",
    }
}

fn address(out: &mut Vec<u8>, ip: IpAddr) {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            for (index, octet) in ip.octets().into_iter().enumerate() {
                if index > 0 {
                    out.push(b'.');
                }
                number(out, octet);
            }
        }
        IpAddr::V6(ip) => {
            let _ = write!(out, "{ip}");
        }
    }
}

/// Host and port as Go's `SplitHostPort` sees them; the port is `-` where there is none.
fn split_host_port(authority: &str) -> (&str, &str) {
    let whole = (authority, "-");
    let Some(colon) = authority.bytes().rposition(|byte| byte == b':') else {
        return whole;
    };
    let (host, port) = authority.split_at(colon);
    let port = port.get(1..).unwrap_or_default();
    if let Some(address) = host.strip_prefix('[') {
        return address
            .strip_suffix(']')
            .map_or(whole, |address| (address, port));
    }
    if host.bytes().any(|byte| byte == b':') {
        return whole;
    }
    (host, port)
}

/// `host:port` of a URL.
fn url_host(url: &str) -> &str {
    let bytes = url.as_bytes();
    let begin = bytes
        .windows(3)
        .position(|window| window == b"://")
        .map_or(0, |scheme| scheme + 3);
    let rest = bytes.get(begin..).unwrap_or_default();
    let length = rest
        .iter()
        .position(|byte| matches!(byte, b'/' | b'?' | b'#'))
        .unwrap_or(rest.len());
    let authority = url.get(begin..begin + length).unwrap_or(url);
    let user = authority.bytes().rposition(|byte| byte == b'@');
    user.and_then(|at| authority.get(at + 1..))
        .unwrap_or(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_split_as_go_splits_them() {
        for (authority, wanted) in [
            ("shop.example", ("shop.example", "-")),
            ("shop.example:8080", ("shop.example", "8080")),
            ("[::1]:80", ("::1", "80")),
            ("[::1]", ("[::1]", "-")),
            ("::1", ("::1", "-")),
            ("a:", ("a", "")),
        ] {
            assert_eq!(split_host_port(authority), wanted);
        }
    }

    #[test]
    fn a_server_url_has_a_host() {
        for (url, host) in [
            ("http://10.0.0.1:80", "10.0.0.1:80"),
            ("https://u:p@srv:443/path?q", "srv:443"),
            ("h2c://[::1]:9", "[::1]:9"),
        ] {
            assert_eq!(url_host(url), host);
        }
    }
}
