//! What is recorded of a finished exchange.

use std::time::{Instant, SystemTime};

use http::header::{self, HeaderMap};
use http::{HeaderName, StatusCode};
use pointsman_message::Exchange;
use pointsman_observe::access_log::{AccessLog, LogOrigin, LogRecord, LogTls, WorkerAccessLog};
use pointsman_observe::metrics::{
    self, MethodLabel, Metrics, ProtocolLabel, Sample, WorkerMetrics,
};
use pointsman_table::{Route, Target};

use crate::settings::Settings;

/// Where finished exchanges are recorded.
#[derive(Clone, Default)]
pub struct Observers {
    /// Metrics, if they are on.
    pub metrics: Option<Metrics>,
    /// The access log, if it is on.
    pub access_log: Option<AccessLog>,
}

/// One worker's part of the observers.
pub(crate) struct Recorder {
    pub(crate) metrics: Option<WorkerMetrics>,
    access_log: Option<WorkerAccessLog>,
}

impl Recorder {
    pub(crate) fn new(observers: &Observers) -> Self {
        Self {
            metrics: observers.metrics.as_ref().map(Metrics::worker),
            access_log: observers.access_log.as_ref().map(AccessLog::worker),
        }
    }

    /// Notes what middlewares may change, before they do.
    pub(crate) fn note(&self, exchange: &Exchange) -> Noted {
        static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
        let request = &exchange.request;
        let logged = self.access_log.is_some();
        Noted {
            method: MethodLabel::of(&request.method),
            protocol: protocol(&request.headers),
            target: if logged {
                request.target().to_owned()
            } else {
                String::new()
            },
            forwarded_for: request
                .headers
                .get(&X_FORWARDED_FOR)
                .filter(|_| logged)
                .cloned(),
        }
    }

    /// Whether a finished exchange is recorded with the headers of its response.
    pub(crate) fn wants_response_headers(&self, noted: Option<&Noted>) -> bool {
        self.access_log.is_some() || noted.is_none_or(|noted| noted.protocol.is_grpc())
    }

    /// Whether the headers of servers are to be kept for the access log.
    pub(crate) fn wants_origin_headers(&self) -> bool {
        self.access_log
            .as_ref()
            .is_some_and(WorkerAccessLog::wants_headers)
    }

    /// Counts and logs a finished exchange.
    pub(crate) fn record(&self, finished: &Finished<'_>) {
        let exchange = finished.exchange;
        let duration = exchange
            .record
            .start
            .map(|start| start.elapsed())
            .unwrap_or_default();
        let fallback;
        let noted = match finished.noted {
            Some(noted) => noted,
            None => {
                fallback = self.note(exchange);
                &fallback
            }
        };
        if let Some(counters) = &self.metrics {
            let code = match noted.protocol.is_grpc() {
                true => finished
                    .grpc_code
                    .unwrap_or_else(|| metrics::grpc_code(finished.response_headers, None)),
                false => finished.status.as_u16(),
            };
            let sample = Sample {
                code,
                method: noted.method,
                protocol: noted.protocol,
                duration,
                request_bytes: finished.bytes.0,
                response_bytes: finished.bytes.1,
                tls: exchange
                    .connection
                    .tls
                    .as_ref()
                    .map(|tls| (tls.version, tls.cipher)),
                headers: &exchange.request.headers,
            };
            let slots = finished.route.map(|route| route.metrics.as_ref());
            if let Some(slot) = &finished.settings.metrics
                && !matches!(slots, Some(None))
            {
                counters.entry_point(slot, &sample);
            }
            if let Some(Some(slots)) = slots {
                counters.router(&slots.router, &sample);
                let mut last = slots;
                for slots in inner_routes(exchange).filter_map(|route| route.metrics.as_ref()) {
                    counters.router(&slots.router, &sample);
                    last = slots;
                }
                if exchange.record.upstream_start.is_some() {
                    counters.service(&last.service, &sample);
                    counters.retries(&last.service, exchange.record.retries);
                }
            }
        }
        if let Some(log) = &self.access_log
            && finished.route.is_none_or(|route| route.access_logs)
        {
            log.log(&line(finished, noted, duration));
        }
    }
}

/// The routers of inner layers that the exchange took, the outermost first.
fn inner_routes(exchange: &Exchange) -> impl DoubleEndedIterator<Item = &Route> {
    let routes = exchange.record.inner_routes.iter();
    routes.filter_map(|route| route.downcast_ref::<Route>())
}

fn line<'a>(
    finished: &Finished<'a>,
    noted: &'a Noted,
    duration: std::time::Duration,
) -> LogRecord<'a> {
    let exchange = finished.exchange;
    let record = &exchange.record;
    let request = &exchange.request;
    let route = inner_routes(exchange).next_back().or(finished.route);
    let origin = record.origin_status.map(|status| LogOrigin {
        duration: match (record.upstream_start, record.upstream_head) {
            (Some(start), Some(head)) => head.duration_since(start),
            (Some(start), None) => Instant::now().duration_since(start),
            (None, _) => std::time::Duration::ZERO,
        },
        status: status.as_u16(),
        bytes: finished.bytes.1,
        headers: record.origin_headers.as_ref(),
    });
    LogRecord {
        finished: SystemTime::now(),
        duration,
        entry_point: &finished.settings.name,
        peer: exchange.connection.peer,
        forwarded_for: noted.forwarded_for.as_ref().map(|value| value.as_bytes()),
        tls: exchange.connection.tls.as_ref().map(|tls| LogTls {
            version: tls.version,
            cipher: tls.cipher,
            client_subject: tls.client_subject.as_deref(),
        }),
        user: record.user.as_deref(),
        method: request.method.as_str(),
        target: &noted.target,
        version: request.version,
        authority: request.authority(),
        request_headers: &request.headers,
        request_bytes: finished.bytes.0,
        router: route.map(|route| route.name.as_str()),
        kubernetes: route.and_then(|route| route.origin.as_ref()),
        // A request that a middleware answered did not get to the service.
        service: route
            .filter(|route| {
                record.upstream_start.is_some() || matches!(route.target, Target::Internal(_))
            })
            .map(|route| route.service_name.as_str()),
        server_url: record.server_url.as_deref(),
        origin,
        retries: record.retries,
        status: finished.status.as_u16(),
        response_headers: finished.response_headers,
        response_bytes: finished.bytes.1,
        trace: None,
    }
}

fn protocol(headers: &HeaderMap) -> ProtocolLabel {
    // `Connection` is no field of a canonical request: an `Upgrade` that is still there was asked for properly.
    match headers.get(header::UPGRADE) {
        Some(value) if value.as_bytes().eq_ignore_ascii_case(b"websocket") => {
            ProtocolLabel::WebSocket
        }
        _ => ProtocolLabel::of(headers),
    }
}

/// The status in the trailers of a gRPC response; `None` in trailers of anything else.
pub(crate) fn grpc_status(trailers: &HeaderMap) -> Option<u16> {
    trailers
        .contains_key("grpc-status")
        .then(|| metrics::grpc_code(&HeaderMap::new(), Some(trailers)))
}

/// What a request was before middlewares.
pub(crate) struct Noted {
    method: MethodLabel,
    protocol: ProtocolLabel,
    target: String,
    forwarded_for: Option<http::HeaderValue>,
}

/// A finished exchange, as far as it is known to its codec.
pub(crate) struct Finished<'a> {
    pub(crate) exchange: &'a Exchange,
    pub(crate) settings: &'a Settings,
    pub(crate) route: Option<&'a Route>,
    /// `None` for a request that was not routed.
    pub(crate) noted: Option<&'a Noted>,
    pub(crate) status: StatusCode,
    pub(crate) response_headers: &'a HeaderMap,
    /// The status in a gRPC response's trailers.
    pub(crate) grpc_code: Option<u16>,
    /// Body bytes from the client, and to it.
    pub(crate) bytes: (u64, u64),
}
