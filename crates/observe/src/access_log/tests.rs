use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue, Version};
use pointsman_config::dynamic::http::KubernetesOrigin;
use pointsman_config::static_::observability::{
    AccessLogFilters, AccessLogFormat, FieldMode, HeaderMode,
};

use super::*;

fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    headers
}

/// What one request may have; the parts that records borrow.
struct Request {
    request: HeaderMap,
    origin: HeaderMap,
    response: HeaderMap,
    kubernetes: KubernetesOrigin,
}

impl Request {
    fn new() -> Self {
        Self {
            request: headers(&[
                ("referer", "http://from.example/"),
                ("user-agent", "curl/8"),
                ("authorization", "Bearer secret"),
                ("accept", "a"),
                ("accept", "b"),
            ]),
            origin: headers(&[("server", "app")]),
            response: headers(&[("content-type", "text/plain")]),
            kubernetes: KubernetesOrigin {
                namespace: "shop".to_owned(),
                ingress_name: "front".to_owned(),
                service_name: "carts".to_owned(),
                service_port: "http".to_owned(),
                ..KubernetesOrigin::default()
            },
        }
    }

    fn full(&self) -> LogRecord<'_> {
        LogRecord {
            tls: Some(LogTls {
                version: "1.3",
                cipher: "TLS_AES_128_GCM_SHA256",
                client_subject: Some("CN=client"),
            }),
            user: Some("joe"),
            router: Some("shop@file"),
            kubernetes: Some(&self.kubernetes),
            service: Some("carts@file"),
            server_url: Some("http://10.0.0.1:80"),
            origin: Some(LogOrigin {
                duration: Duration::from_millis(10),
                status: 200,
                bytes: 100,
                headers: Some(&self.origin),
            }),
            trace: Some(LogTrace {
                trace_id: "0af7651916cd43dd8448eb211c80319c",
                span_id: "b7ad6b7169203331",
            }),
            retries: 1,
            response_bytes: 50,
            ..self.plain()
        }
    }

    /// A request that matched no router.
    fn plain(&self) -> LogRecord<'_> {
        LogRecord {
            finished: UNIX_EPOCH + Duration::from_millis(1_767_225_600_500),
            duration: Duration::new(0, 12_345_678),
            entry_point: "web",
            peer: "192.0.2.7:1234".parse().unwrap(),
            forwarded_for: None,
            tls: None,
            user: None,
            method: "GET",
            target: "/cart?id=1",
            version: Version::HTTP_11,
            authority: "shop.example:8080",
            request_headers: &self.request,
            request_bytes: 3,
            router: None,
            kubernetes: None,
            service: None,
            server_url: None,
            origin: None,
            retries: 0,
            status: 404,
            response_headers: &self.response,
            response_bytes: 19,
            trace: None,
        }
    }
}

fn line(options: &Options, record: &LogRecord<'_>) -> String {
    let plan = Plan::new(options).unwrap();
    let mut out = Vec::new();
    let mut formatter = Formatter::new(&TimeZone::fixed(jiff::tz::offset(2)));
    formatter.line(&plan, record, 42, &mut out);
    String::from_utf8(out).unwrap()
}

fn options(format: AccessLogFormat) -> Options {
    Options {
        format,
        ..Options::default()
    }
}

#[test]
fn the_common_format_is_traefiks() {
    let request = Request::new();
    let mut options = options(AccessLogFormat::Common);
    assert_eq!(
        line(&options, &request.full()),
        "192.0.2.7 - joe [01/Jan/2026:00:00:00 +0000] \"GET /cart?id=1 HTTP/1.1\" 404 50 \"-\" \"-\" 42 \
         \"shop@file\" \"http://10.0.0.1:80\" 12ms\n"
    );
    options.fields.headers.default_mode = HeaderMode::Keep;
    assert_eq!(
        line(&options, &request.plain()),
        "192.0.2.7 - - [01/Jan/2026:00:00:00 +0000] \"GET /cart?id=1 HTTP/1.1\" 404 19 \
         \"http://from.example/\" \"curl/8\" 42 \"-\" \"-\" 12ms\n"
    );
}

#[test]
fn the_generic_format_ends_with_the_user_agent() {
    let request = Request::new();
    let mut options = options(AccessLogFormat::GenericClf);
    options
        .fields
        .headers
        .names
        .insert("User-Agent".to_owned(), HeaderMode::Redact);
    assert_eq!(
        line(&options, &request.full()),
        "192.0.2.7 - joe [01/Jan/2026:00:00:00 +0000] \"GET /cart?id=1 HTTP/1.1\" 404 50 \"-\" \"REDACTED\"\n"
    );
}

#[test]
fn dropped_fields_are_dashes_in_the_common_format() {
    let request = Request::new();
    let mut options = options(AccessLogFormat::Common);
    options.fields.default_mode = FieldMode::Drop;
    options
        .fields
        .names
        .insert("startlocal".to_owned(), FieldMode::Keep);
    assert_eq!(
        line(&options, &request.full()),
        "- - - [01/Jan/2026:02:00:00 +0200] \"- - -\" - - \"-\" \"-\" - \"-\" \"-\" 0ms\n"
    );
}

#[test]
fn json_has_every_field() {
    let request = Request::new();
    let mut options = options(AccessLogFormat::Json);
    options.fields.headers.default_mode = HeaderMode::Keep;
    options
        .fields
        .headers
        .names
        .insert("authorization".to_owned(), HeaderMode::Redact);
    options
        .fields
        .headers
        .names
        .insert("Referer".to_owned(), HeaderMode::Drop);
    let line = line(&options, &request.full());
    let found: serde_json::Value = serde_json::from_str(&line).unwrap();
    let wanted: serde_json::Value = serde_json::from_str(include_str!("golden/full.json")).unwrap();
    assert_eq!(found, wanted, "{line}");
}

#[test]
fn json_of_an_unmatched_request_says_nothing_of_routers() {
    let request = Request::new();
    let line = line(&options(AccessLogFormat::Json), &request.plain());
    assert_eq!(line, include_str!("golden/unmatched.json"));
}

#[test]
fn queries_can_be_left_out() {
    let request = Request::new();
    let mut options = options(AccessLogFormat::GenericClf);
    options.fields.query_parameters.default_mode = FieldMode::Drop;
    assert!(line(&options, &request.plain()).contains("\"GET /cart HTTP/1.1\""));
}

#[test]
fn the_client_host_is_the_whole_forwarded_list() {
    let request = Request::new();
    let record = LogRecord {
        forwarded_for: Some(b"203.0.113.9, 10.0.0.2"),
        ..request.plain()
    };
    let json: serde_json::Value =
        serde_json::from_str(&line(&options(AccessLogFormat::Json), &record)).unwrap();
    assert_eq!(json["ClientHost"], "203.0.113.9, 10.0.0.2");
    assert_eq!(json["ClientAddr"], "192.0.2.7:1234");
}

#[test]
fn ipv6_peers_have_brackets_only_in_the_address() {
    let request = Request::new();
    for (peer, address, host) in [
        ("[2001:db8::1]:9", "[2001:db8::1]:9", "2001:db8::1"),
        ("[::ffff:192.0.2.1]:9", "192.0.2.1:9", "192.0.2.1"),
    ] {
        let record = LogRecord {
            peer: peer.parse().unwrap(),
            ..request.plain()
        };
        let json: serde_json::Value =
            serde_json::from_str(&line(&options(AccessLogFormat::Json), &record)).unwrap();
        assert_eq!(
            (&json["ClientAddr"], &json["ClientHost"]),
            (&address.into(), &host.into())
        );
    }
}

#[test]
fn no_field_of_a_client_breaks_a_line() {
    let evil = "x\r\ny\u{1b}[31m\u{202e}\" 200";
    let mut request = Request::new();
    let value = HeaderValue::from_bytes(b"a\"b\\ \x80").unwrap();
    request.request.insert(http::header::USER_AGENT, value);
    let record = LogRecord {
        user: Some(evil),
        target: evil,
        authority: evil,
        method: evil,
        forwarded_for: Some(evil.as_bytes()),
        router: Some(evil),
        ..request.full()
    };
    for format in [
        AccessLogFormat::Common,
        AccessLogFormat::GenericClf,
        AccessLogFormat::Json,
    ] {
        let mut options = options(format);
        options.fields.headers.default_mode = HeaderMode::Keep;
        let line = line(&options, &record);
        let body = line.strip_suffix('\n').unwrap();
        assert!(
            !body.contains(|c: char| c.is_control() || c == '\u{202e}'),
            "{body:?}"
        );
    }
}

/// An access log into a folder, and what stands in its file.
struct InFile {
    folder: tempfile::TempDir,
    log: AccessLog,
}

impl InFile {
    fn new(change: impl FnOnce(&mut Options)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = options(AccessLogFormat::GenericClf);
        options.file_path = folder.path().join("logs/access.log").display().to_string();
        change(&mut options);
        let log = AccessLog::with_time_zone(&options, TimeZone::UTC).unwrap();
        Self { folder, log }
    }

    fn read(&self, name: &str) -> String {
        self.log.flush();
        std::fs::read_to_string(self.folder.path().join("logs").join(name)).unwrap()
    }
}

#[test]
fn lines_of_all_workers_reach_the_file() {
    let file = InFile::new(|_| {});
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let worker = file.log.worker();
                let request = Request::new();
                for _ in 0..500 {
                    worker.log(&request.plain());
                }
            });
        }
    });
    let text = file.read("access.log");
    assert_eq!(text.lines().count(), 1500);
    assert!(
        text.lines()
            .all(|line| line.starts_with("192.0.2.7 - - [") && line.ends_with("\"-\" \"-\""))
    );
}

#[test]
fn a_worker_waits_for_the_writer_and_loses_nothing() {
    let file = InFile::new(|_| {});
    let worker = file.log.worker();
    let request = Request::new();
    let target = format!("/{}", "x".repeat(10_000));
    let record = LogRecord {
        target: &target,
        ..request.plain()
    };
    // Several times what a buffer holds.
    for _ in 0..500 {
        worker.log(&record);
    }
    assert_eq!(file.read("access.log").lines().count(), 500);
    assert_eq!(file.log.stats().dropped_lines(), 0);
}

#[test]
fn a_full_buffer_drops_and_counts_in_the_buffered_mode() {
    let sink_stats = {
        let (sink, writer) = Sink::start(Output::Stdout, WhenFull::Drop(2)).unwrap();
        // A buffer that the writer doesn't know is never emptied.
        let buffer = Buffer::default();
        for _ in 0..5 {
            sink.append(&buffer, |out| out.resize(out.len() + 600_000, b'x'));
        }
        sink.stop();
        writer.join().unwrap();
        Arc::clone(&sink.stats)
    };
    assert_eq!(sink_stats.dropped_lines(), 3);
}

#[test]
fn reopening_goes_on_in_a_new_file() {
    let file = InFile::new(|_| {});
    let worker = file.log.worker();
    let request = Request::new();
    worker.log(&request.plain());
    file.log.flush();
    let logs = file.folder.path().join("logs");
    std::fs::rename(logs.join("access.log"), logs.join("old.log")).unwrap();
    worker.log(&request.plain());
    file.log.flush();
    file.log.reopen().unwrap();
    worker.log(&request.plain());
    assert_eq!(file.read("access.log").lines().count(), 1);
    assert_eq!(file.read("old.log").lines().count(), 2);
}

#[test]
fn filters_leave_requests_out_but_count_them() {
    let file = InFile::new(|options| {
        options.format = AccessLogFormat::Json;
        options.filters = Some(AccessLogFilters {
            status_codes: vec!["500-599".to_owned()],
            ..AccessLogFilters::default()
        });
    });
    let worker = file.log.worker();
    let request = Request::new();
    worker.log(&request.plain());
    worker.log(&LogRecord {
        status: 502,
        ..request.plain()
    });
    let text = file.read("access.log");
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&json["DownstreamStatus"], &json["RequestCount"]),
        (&502.into(), &2.into())
    );
}

#[test]
fn what_is_logged_before_the_end_is_written() {
    let file = InFile::new(|_| {});
    let worker = file.log.worker();
    let request = Request::new();
    worker.log(&request.plain());
    file.log.shutdown();
    worker.log(&request.plain());
    assert_eq!(file.read("access.log").lines().count(), 1);
}

#[test]
fn a_file_that_can_not_be_opened_is_named() {
    let mut options = options(AccessLogFormat::Json);
    options.file_path = "/proc/nowhere/access.log".to_owned();
    let error = AccessLog::new(&options).unwrap_err();
    assert_eq!(
        error.to_string(),
        "accessLog.filePath: /proc/nowhere/access.log can't be opened for writing"
    );
}

#[test]
fn a_start_before_1970_is_no_panic() {
    let request = Request::new();
    let record = LogRecord {
        finished: UNIX_EPOCH - Duration::from_secs(5),
        duration: Duration::MAX,
        ..request.plain()
    };
    let text = line(&options(AccessLogFormat::Json), &record);
    assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
}
