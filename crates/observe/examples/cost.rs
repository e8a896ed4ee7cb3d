//! What one request costs in CPU time: `cargo run --profile quick -p pointsman-observe --example cost`.
//!
//! Metrics on all three levels; then the access log in JSON to a file, formatting and writing together (the writer
//! thread's time is in it).

use std::error::Error;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Version};
use pointsman_config::static_::observability::{AccessLog as Options, AccessLogFormat, Prometheus};
use pointsman_observe::access_log::{AccessLog, LogOrigin, LogRecord};
use pointsman_observe::metrics::{MethodLabel, Metrics, ProcessUsage, ProtocolLabel, Sample};

const REQUESTS: u32 = 2_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let headers = HeaderMap::from_iter([
        (
            http::header::USER_AGENT,
            HeaderValue::from_static("curl/8.5.0"),
        ),
        (http::header::ACCEPT, HeaderValue::from_static("*/*")),
        (
            HeaderName::from_static("x-forwarded-proto"),
            HeaderValue::from_static("http"),
        ),
    ]);
    metrics(&headers)?;
    access_log(&headers)
}

fn metrics(headers: &HeaderMap) -> Result<(), Box<dyn Error>> {
    let metrics = Metrics::new(&Prometheus {
        add_routers_labels: true,
        ..Prometheus::default()
    })?;
    let worker = metrics.worker();
    let entry_point = metrics.entry_point("web");
    let router = metrics.router("shop@kubernetes", "carts@kubernetes");
    let service = metrics.service("carts@kubernetes");
    measure("metrics", || {
        for request in 0..REQUESTS {
            let sample = Sample {
                code: 200,
                method: MethodLabel::of(&Method::GET),
                protocol: ProtocolLabel::of(headers),
                duration: Duration::from_micros(u64::from(request % 1000)),
                request_bytes: 0,
                response_bytes: 100,
                tls: None,
                headers,
            };
            worker.entry_point(&entry_point, &sample);
            worker.router(&router, &sample);
            worker.service(&service, &sample);
        }
    });
    Ok(())
}

fn access_log(headers: &HeaderMap) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let log = AccessLog::new(&Options {
        format: AccessLogFormat::Json,
        file_path: folder.path().join("access.log").display().to_string(),
        ..Options::default()
    })?;
    let worker = log.worker();
    let peer = "192.0.2.7:51234".parse()?;
    measure("access log, JSON to a file", || {
        for request in 0..REQUESTS {
            worker.log(&LogRecord {
                finished: SystemTime::now(),
                duration: Duration::from_micros(100 + u64::from(request % 1000)),
                entry_point: "web",
                peer,
                forwarded_for: None,
                tls: None,
                user: None,
                method: "GET",
                target: "/carts/17?full=1",
                version: Version::HTTP_11,
                authority: "shop.example",
                request_headers: headers,
                request_bytes: 0,
                router: Some("shop@kubernetes"),
                kubernetes: None,
                service: Some("carts@kubernetes"),
                server_url: Some("http://10.0.0.1:8080"),
                origin: Some(LogOrigin {
                    duration: Duration::from_micros(80),
                    status: 200,
                    bytes: 100,
                    headers: None,
                }),
                retries: 0,
                status: 200,
                response_headers: headers,
                response_bytes: 100,
                trace: None,
            });
        }
        log.flush();
    });
    Ok(())
}

/// Prints the CPU time of the whole process per request.
fn measure(what: &str, run: impl FnOnce()) {
    let cpu = || ProcessUsage::read().map_or(0.0, |usage| usage.cpu_seconds);
    let before = cpu();
    run();
    let nanos = (cpu() - before) * 1e9 / f64::from(REQUESTS);
    println!("{what}: {nanos:.0} ns of CPU per request");
}
