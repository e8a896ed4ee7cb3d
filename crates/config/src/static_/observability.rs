//! Logs, metrics, traces, ping and API as data.

use std::collections::BTreeMap;

use crate::decode::Options;
use crate::types::{GoDuration, Secret};

use super::ClientTls;

/// The API. Traefik: `api`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Api {
    /// Path below which API and dashboard are served.
    #[option(default = "/".to_owned())]
    pub base_path: String,
    /// Serve the dashboard.
    #[option(default = true, keep)]
    pub dashboard: bool,
    /// Name that the dashboard shows.
    pub dashboard_name: String,
    /// Serve `/debug/vars` and `/debug/pprof/`.
    pub debug: bool,
    /// Show no advertisement on the dashboard; there is none.
    pub disable_dashboard_ad: bool,
    /// Serve it without authentication on the entry point `traefik`.
    pub insecure: bool,
}

/// The health answer. Traefik: `ping`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Ping {
    /// Entry point that answers at `/ping`.
    #[option(default = "traefik".to_owned())]
    pub entry_point: String,
    /// Make no router; routers of the user send to `ping@internal`.
    pub manual_routing: bool,
    /// Status while shutting down.
    #[option(default = 503)]
    pub terminating_status_code: u16,
}

/// The own log. Traefik: `log`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Log {
    /// Has no effect: rotated files are always compressed.
    pub compress: bool,
    /// File to write to instead of standard output.
    pub file_path: String,
    /// Format of lines.
    pub format: LogFormat,
    /// Least severity that is written.
    pub level: LogLevel,
    /// Days that rotated files are kept; 0 = for ever.
    pub max_age: u32,
    /// Rotated files that are kept; 0 = all.
    pub max_backups: u32,
    /// Megabytes after which the file is rotated; 0 = 100.
    pub max_size: u32,
    /// Write no colours.
    pub no_color: bool,
    /// Send the log to an OpenTelemetry collector; needs `experimental.otlpLogs`.
    pub otlp: Option<LogOtlp>,
}

/// Format of the own log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Options)]
pub enum LogFormat {
    /// Text.
    #[default]
    Common,
    /// JSON.
    Json,
}

/// Least severity that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Options)]
#[option(ignore_case)]
pub enum LogLevel {
    /// Everything.
    #[option(name = "TRACE")]
    Trace,
    /// Details for finding faults.
    #[option(name = "DEBUG")]
    Debug,
    /// What happens.
    #[option(name = "INFO")]
    Info,
    /// What may need attention.
    #[option(name = "WARN")]
    Warn,
    /// What an operator must act on.
    #[default]
    #[option(name = "ERROR")]
    Error,
    /// What ends the process.
    #[option(name = "FATAL")]
    Fatal,
    /// Broken invariants.
    #[option(name = "PANIC")]
    Panic,
}

/// The access log. Traefik: `accessLog`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct AccessLog {
    /// Log requests to built-in services (API, ping, metrics) too.
    pub add_internals: bool,
    /// Lines that are buffered and written in the background; 0 = each at once.
    pub buffering_size: u64,
    /// Write to file or standard output although the log goes to a collector.
    pub dual_output: bool,
    /// Which fields are written.
    pub fields: AccessLogFields,
    /// File to write to instead of standard output.
    pub file_path: String,
    /// Which requests are logged; one of the filters is enough.
    pub filters: Option<AccessLogFilters>,
    /// Format of lines.
    pub format: AccessLogFormat,
    /// Send the log to an OpenTelemetry collector; needs `experimental.otlpLogs`.
    pub otlp: Option<LogOtlp>,
}

/// Format of the access log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Options)]
pub enum AccessLogFormat {
    /// Common log format with additions.
    #[default]
    Common,
    /// Common log format without additions.
    #[option(name = "genericCLF")]
    GenericClf,
    /// JSON.
    Json,
}

/// Which fields are written. Traefik: `accessLog.fields`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct AccessLogFields {
    /// For fields that are not named below.
    pub default_mode: FieldMode,
    /// Headers of requests and responses.
    pub headers: AccessLogHeaders,
    /// By name of the field.
    pub names: BTreeMap<String, FieldMode>,
    /// Queries in paths.
    pub query_parameters: AccessLogQueryParameters,
}

/// Whether a field is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Options)]
pub enum FieldMode {
    /// As it is.
    #[default]
    Keep,
    /// Not.
    Drop,
}

/// Headers in the access log. Traefik: `fields.headers`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct AccessLogHeaders {
    /// For headers that are not named below.
    pub default_mode: HeaderMode,
    /// By name of the header.
    pub names: BTreeMap<String, HeaderMode>,
}

/// Whether a header is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Options)]
pub enum HeaderMode {
    /// As it is.
    Keep,
    /// Not.
    #[default]
    Drop,
    /// As `REDACTED`.
    Redact,
}

/// Queries in the access log. Traefik: `fields.queryParameters`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct AccessLogQueryParameters {
    /// Whether the query stands in `RequestPath` and `RequestLine`.
    pub default_mode: FieldMode,
}

/// Which requests are logged. Traefik: `accessLog.filters`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct AccessLogFilters {
    /// Those that took at least this long.
    pub min_duration: GoDuration,
    /// Those that were tried more than once.
    pub retry_attempts: bool,
    /// Those with one of these status codes: `200`, `300-302`.
    pub status_codes: Vec<String>,
}

/// A collector for logs. Traefik: `log.otlp`, `accessLog.otlp`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct LogOtlp {
    /// Over gRPC, instead of HTTP.
    pub grpc: Option<OtlpGrpc>,
    /// Over HTTP.
    pub http: Option<OtlpHttp>,
    /// Attributes of the resource.
    pub resource_attributes: BTreeMap<String, String>,
    /// Name of the service.
    #[option(default = "traefik".to_owned())]
    pub service_name: String,
}

/// A collector over gRPC. Traefik: `otlp.grpc`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct OtlpGrpc {
    /// `host:port`.
    #[option(default = "localhost:4317".to_owned())]
    pub endpoint: String,
    /// Headers to send.
    pub headers: BTreeMap<String, Secret<String>>,
    /// Without TLS.
    pub insecure: bool,
    /// TLS.
    pub tls: Option<ClientTls>,
}

/// A collector over HTTP. Traefik: `otlp.http`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct OtlpHttp {
    /// URL without the signal's path.
    #[option(default = "https://localhost:4318".to_owned())]
    pub endpoint: String,
    /// Headers to send.
    pub headers: BTreeMap<String, Secret<String>>,
    /// TLS.
    pub tls: Option<ClientTls>,
}

/// Metrics. Traefik: `metrics`.
#[derive(Debug, Clone, PartialEq, Options)]
pub struct Metrics {
    /// Count requests to built-in services (API, ping, metrics) too.
    pub add_internals: bool,
    /// Datadog.
    pub datadog: Option<Datadog>,
    /// InfluxDB v2.
    #[option(name = "influxDB2")]
    pub influx_db2: Option<InfluxDb2>,
    /// An OpenTelemetry collector.
    pub otlp: Option<MetricsOtlp>,
    /// Prometheus.
    pub prometheus: Option<Prometheus>,
    /// StatsD.
    #[option(name = "statsD")]
    pub stats_d: Option<StatsD>,
}

/// Metrics for Datadog. Traefik: `metrics.datadog`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Datadog {
    /// By entry point.
    #[option(default = true, keep)]
    pub add_entry_points_labels: bool,
    /// `host:port`.
    #[option(default = "localhost:8125".to_owned())]
    pub address: String,
    /// By router.
    pub add_routers_labels: bool,
    /// By service.
    #[option(default = true, keep)]
    pub add_services_labels: bool,
    /// Prefix of names.
    #[option(default = "traefik".to_owned())]
    pub prefix: String,
    /// Time between two sendings.
    #[option(default = GoDuration::from_secs(10))]
    pub push_interval: GoDuration,
}

/// Metrics for InfluxDB v2. Traefik: `metrics.influxDB2`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct InfluxDb2 {
    /// By entry point.
    #[option(default = true, keep)]
    pub add_entry_points_labels: bool,
    /// Labels of all metrics.
    pub additional_labels: BTreeMap<String, String>,
    /// URL.
    #[option(default = "http://localhost:8086".to_owned())]
    pub address: String,
    /// By router.
    pub add_routers_labels: bool,
    /// By service.
    #[option(default = true, keep)]
    pub add_services_labels: bool,
    /// Bucket.
    pub bucket: String,
    /// Organisation.
    pub org: String,
    /// Time between two sendings.
    #[option(default = GoDuration::from_secs(10))]
    pub push_interval: GoDuration,
    /// Token.
    pub token: Secret<String>,
}

/// Metrics for an OpenTelemetry collector. Traefik: `metrics.otlp`.
#[derive(Debug, Clone, PartialEq, Options)]
pub struct MetricsOtlp {
    /// By entry point.
    #[option(default = true, keep)]
    pub add_entry_points_labels: bool,
    /// By router.
    pub add_routers_labels: bool,
    /// By service.
    #[option(default = true, keep)]
    pub add_services_labels: bool,
    /// Bounds of the duration histograms, in seconds.
    #[option(default = vec![0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0])]
    pub explicit_boundaries: Vec<f64>,
    /// Over gRPC, instead of HTTP.
    pub grpc: Option<OtlpGrpc>,
    /// Over HTTP.
    pub http: Option<OtlpHttp>,
    /// Time between two sendings.
    #[option(default = GoDuration::from_secs(10))]
    pub push_interval: GoDuration,
    /// Attributes of the resource.
    pub resource_attributes: BTreeMap<String, String>,
    /// Name of the service.
    #[option(default = "traefik".to_owned())]
    pub service_name: String,
}

/// Metrics for Prometheus, at `/metrics`. Traefik: `metrics.prometheus`.
#[derive(Debug, Clone, PartialEq, Options)]
pub struct Prometheus {
    /// By entry point.
    #[option(default = true, keep)]
    pub add_entry_points_labels: bool,
    /// By router.
    pub add_routers_labels: bool,
    /// By service.
    #[option(default = true, keep)]
    pub add_services_labels: bool,
    /// Bounds of the duration histograms, in seconds.
    #[option(default = vec![0.1, 0.3, 1.2, 5.0])]
    pub buckets: Vec<f64>,
    /// Entry point that answers at `/metrics`.
    #[option(default = "traefik".to_owned())]
    pub entry_point: String,
    /// Headers of requests as labels of `*_requests_total`, by label.
    pub header_labels: BTreeMap<String, String>,
    /// Make no router; routers of the user send to `prometheus@internal`.
    pub manual_routing: bool,
}

/// Metrics for StatsD. Traefik: `metrics.statsD`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct StatsD {
    /// By entry point.
    #[option(default = true, keep)]
    pub add_entry_points_labels: bool,
    /// `host:port`.
    #[option(default = "localhost:8125".to_owned())]
    pub address: String,
    /// By router.
    pub add_routers_labels: bool,
    /// By service.
    #[option(default = true, keep)]
    pub add_services_labels: bool,
    /// Prefix of names.
    #[option(default = "traefik".to_owned())]
    pub prefix: String,
    /// Time between two sendings.
    #[option(default = GoDuration::from_secs(10))]
    pub push_interval: GoDuration,
}

/// Traces. Traefik: `tracing`.
#[derive(Debug, Clone, PartialEq, Options)]
pub struct Tracing {
    /// Trace requests to built-in services (API, ping, metrics) too.
    pub add_internals: bool,
    /// Headers of requests that become attributes.
    pub captured_request_headers: Vec<String>,
    /// Headers of responses that become attributes.
    pub captured_response_headers: Vec<String>,
    /// Deprecated: use `resourceAttributes`.
    pub global_attributes: BTreeMap<String, String>,
    /// An OpenTelemetry collector.
    pub otlp: Option<TracingOtlp>,
    /// Attributes of the resource.
    pub resource_attributes: BTreeMap<String, String>,
    /// Query parameters that are shown; others read `REDACTED`.
    pub safe_query_params: Vec<String>,
    /// Share of requests that are traced, 0 to 1.
    #[option(default = 1.0)]
    pub sample_rate: f64,
    /// Name of the service.
    #[option(default = "traefik".to_owned())]
    pub service_name: String,
}

/// A collector for traces. Traefik: `tracing.otlp`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct TracingOtlp {
    /// Over gRPC, instead of HTTP.
    pub grpc: Option<OtlpGrpc>,
    /// Over HTTP.
    pub http: Option<OtlpHttp>,
}
