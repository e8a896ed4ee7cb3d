//! The Prometheus text format 0.0.4.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use super::slots::{Identity, SCOPES, Scope};
use super::worker::{Cells, Counted, Series, SeriesKey};
use super::{Gauges, ProcessUsage, Settings};
use crate::names::{labels, metrics};

/// The sums over all workers, by the text of their labels.
pub(super) struct Scrape<'a> {
    settings: &'a Settings,
    scopes: [ScopeSums; SCOPES.len()],
    connections: BTreeMap<String, u64>,
    retries: BTreeMap<String, u64>,
}

#[derive(Default)]
struct ScopeSums {
    series: BTreeMap<String, Sums>,
    /// `requests_total`, which alone has the labels of headers.
    requests: BTreeMap<String, u64>,
    tls: BTreeMap<String, u64>,
}

#[derive(Default)]
struct Sums {
    nanos: u128,
    request_bytes: u64,
    response_bytes: u64,
    buckets: Vec<u64>,
}

impl<'a> Scrape<'a> {
    pub(super) fn new(settings: &'a Settings) -> Self {
        Self {
            settings,
            scopes: Default::default(),
            connections: BTreeMap::new(),
            retries: BTreeMap::new(),
        }
    }

    /// Adds what one worker counted.
    pub(super) fn add(&mut self, series: Vec<Series>) {
        for series in series {
            let identity = &series.identity;
            let scope = series.slot.scope;
            let Some(sums) = self.scopes.get_mut(scope.index()) else {
                continue;
            };
            match series.counted {
                Counted::Requests(key, cells) => {
                    let text = request_labels(scope, identity, key, &[]);
                    if self.settings.header_labels.is_empty() {
                        *sums.requests.entry(text.clone()).or_default() += count(&cells);
                    }
                    sums.series.entry(text).or_default().add(&cells);
                }
                Counted::Labelled(key, values, cell) => {
                    let headers = self
                        .settings
                        .header_labels
                        .iter()
                        .map(|(label, _)| label.as_str());
                    let headers: Vec<_> = headers.zip(values.iter().map(String::as_str)).collect();
                    let text = request_labels(scope, identity, key, &headers);
                    *sums.requests.entry(text).or_default() += read(&cell);
                }
                Counted::Tls((version, cipher), cell) => {
                    let mut of = identity_labels(scope, identity);
                    of.extend([(labels::TLS_VERSION, version), (labels::TLS_CIPHER, cipher)]);
                    *sums.tls.entry(print_labels(of)).or_default() += read(&cell);
                }
                Counted::Retries(cell) => {
                    let text = print_labels(identity_labels(scope, identity));
                    *self.retries.entry(text).or_default() += read(&cell);
                }
                Counted::Connections(transport, cell) => {
                    let mut of = identity_labels(scope, identity);
                    of.push((labels::PROTOCOL, transport.as_str()));
                    *self.connections.entry(print_labels(of)).or_default() += read(&cell);
                }
            }
        }
    }

    /// Prints everything, in the order of the families' names.
    pub(super) fn print(
        &self,
        gauges: &Gauges,
        panics: u64,
        process: Option<&ProcessUsage>,
    ) -> String {
        let mut out = Text::default();
        own(&mut out, gauges, panics);
        if let Some(process) = process {
            self::process(&mut out, process);
        }
        out.single(
            metrics::CONFIG_LAST_RELOAD_SUCCESS,
            "Unix time at which a configuration was last taken over",
            Kind::Gauge,
            gauges.config_last_reload_success as f64,
        );
        out.single(
            metrics::CONFIG_RELOADS,
            "Configurations that were taken over",
            Kind::Counter,
            gauges.config_reloads as f64,
        );
        let [entry_points, routers, services] = &self.scopes;
        self.scope(&mut out, "traefik_entrypoint", "entry point", entry_points);
        out.family(
            metrics::OPEN_CONNECTIONS,
            "Connections of clients that are open, by entry point and protocol",
            Kind::Gauge,
            self.connections
                .iter()
                .map(|(labels, open)| (labels.clone(), *open as f64)),
        );
        self.scope(&mut out, "traefik_router", "router", routers);
        self.scope(&mut out, "traefik_service", "service", services);
        out.family(
            metrics::SERVICE_RETRIES,
            "Tries of requests to a service after the first",
            Kind::Counter,
            self.retries
                .iter()
                .map(|(labels, tries)| (labels.clone(), *tries as f64)),
        );
        servers(&mut out, gauges);
        certificates(&mut out, gauges);
        out.0
    }

    fn scope(&self, out: &mut Text, prefix: &str, object: &str, sums: &ScopeSums) {
        let by = "by status code, protocol and method";
        out.histogram(
            &format!("{prefix}_request_duration_seconds"),
            &format!("Duration of requests of one {object}, {by}"),
            &self.settings.bounds,
            &sums.series,
        );
        out.family(
            &format!("{prefix}_requests_bytes_total"),
            &format!("Bytes of request bodies of one {object}, {by}"),
            Kind::Counter,
            sums.series
                .iter()
                .map(|(labels, sums)| (labels.clone(), sums.request_bytes as f64)),
        );
        out.family(
            &format!("{prefix}_requests_tls_total"),
            &format!("Requests over TLS of one {object}, by TLS version and cipher suite"),
            Kind::Counter,
            sums.tls
                .iter()
                .map(|(labels, requests)| (labels.clone(), *requests as f64)),
        );
        out.family(
            &format!("{prefix}_requests_total"),
            &format!("Requests of one {object}, {by}"),
            Kind::Counter,
            sums.requests
                .iter()
                .map(|(labels, requests)| (labels.clone(), *requests as f64)),
        );
        out.family(
            &format!("{prefix}_responses_bytes_total"),
            &format!("Bytes of response bodies of one {object}, {by}"),
            Kind::Counter,
            sums.series
                .iter()
                .map(|(labels, sums)| (labels.clone(), sums.response_bytes as f64)),
        );
    }
}

impl Sums {
    fn add(&mut self, cells: &Cells) {
        self.nanos += u128::from(read(&cells.nanos));
        self.request_bytes = self.request_bytes.wrapping_add(read(&cells.request_bytes));
        self.response_bytes = self
            .response_bytes
            .wrapping_add(read(&cells.response_bytes));
        self.buckets.resize(cells.buckets.len(), 0);
        for (sum, cell) in self.buckets.iter_mut().zip(&cells.buckets) {
            *sum += read(cell);
        }
    }
}

fn read(cell: &AtomicU64) -> u64 {
    cell.load(Ordering::Relaxed)
}

fn count(cells: &Cells) -> u64 {
    cells.buckets.iter().map(read).sum()
}

fn own(out: &mut Text, gauges: &Gauges, panics: u64) {
    if let Some(stats) = &gauges.access_log {
        out.single(
            metrics::ACCESS_LOG_DROPPED,
            "Lines of the access log that were lost because its buffer was full",
            Kind::Counter,
            stats.dropped_lines() as f64,
        );
        out.single(
            metrics::ACCESS_LOG_WRITE_ERRORS,
            "Writes of the access log that failed",
            Kind::Counter,
            stats.write_errors() as f64,
        );
    }
    if let Some(generation) = gauges.config_generation {
        out.single(
            metrics::CONFIG_GENERATION,
            "Number of the configuration in force",
            Kind::Gauge,
            generation as f64,
        );
    }
    out.single(
        metrics::PANICS,
        "Panics that were caught",
        Kind::Counter,
        panics as f64,
    );
}

fn process(out: &mut Text, usage: &ProcessUsage) {
    out.single(
        "process_cpu_seconds_total",
        "CPU time of the process, user and system, in seconds",
        Kind::Counter,
        usage.cpu_seconds,
    );
    if let Some(max) = usage.max_fds {
        out.single(
            "process_max_fds",
            "Most file descriptors that may be open",
            Kind::Gauge,
            max as f64,
        );
    }
    out.single(
        "process_open_fds",
        "Open file descriptors",
        Kind::Gauge,
        usage.open_fds as f64,
    );
    out.single(
        "process_resident_memory_bytes",
        "Resident memory in bytes",
        Kind::Gauge,
        usage.resident_bytes as f64,
    );
    out.single(
        "process_start_time_seconds",
        "Unix time at which the process began",
        Kind::Gauge,
        usage.start_time_seconds,
    );
    out.single(
        "process_virtual_memory_bytes",
        "Virtual memory in bytes",
        Kind::Gauge,
        usage.virtual_bytes as f64,
    );
}

fn servers(out: &mut Text, gauges: &Gauges) {
    let mut servers = BTreeMap::new();
    for server in gauges.leaving_servers.iter().chain(&gauges.servers) {
        let of = vec![
            (labels::SERVICE, server.service.as_str()),
            (labels::URL, server.url.as_str()),
        ];
        servers.insert(print_labels(of), f64::from(u8::from(server.up)));
    }
    out.family(
        metrics::SERVICE_SERVER_UP,
        "Whether a server of a service is up: 1, or down: 0",
        Kind::Gauge,
        servers.into_iter(),
    );
}

fn certificates(out: &mut Text, gauges: &Gauges) {
    let mut certificates = BTreeMap::new();
    for certificate in &gauges.certificates {
        let of = vec![
            (labels::CN, certificate.cn.as_str()),
            (labels::SERIAL, certificate.serial.as_str()),
            (labels::SANS, certificate.sans.as_str()),
        ];
        certificates.insert(print_labels(of), certificate.not_after as f64);
    }
    out.family(
        metrics::CERTIFICATES_NOT_AFTER,
        "Unix time at which a certificate expires",
        Kind::Gauge,
        certificates.into_iter(),
    );
}

fn identity_labels(scope: Scope, identity: &Identity) -> Vec<(&str, &str)> {
    match scope {
        Scope::EntryPoint => vec![(labels::ENTRY_POINT, &*identity.name)],
        Scope::Router => vec![
            (labels::ROUTER, &*identity.name),
            (labels::SERVICE, &*identity.service),
        ],
        Scope::Service => vec![(labels::SERVICE, &*identity.name)],
    }
}

fn request_labels(
    scope: Scope,
    identity: &Identity,
    key: SeriesKey,
    headers: &[(&str, &str)],
) -> String {
    let code = key.code().to_string();
    let mut of = identity_labels(scope, identity);
    of.extend([
        (labels::CODE, code.as_str()),
        (labels::METHOD, key.method().as_str()),
        (labels::PROTOCOL, key.protocol().as_str()),
    ]);
    of.extend(headers);
    print_labels(of)
}

/// `a="x",b="y"`, in the order of the names.
fn print_labels(mut labels: Vec<(&str, &str)>) -> String {
    labels.sort_by_key(|(name, _)| *name);
    let mut text = String::new();
    for (name, value) in labels {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(name);
        text.push_str("=\"");
        for char in value.chars() {
            match char {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                other => text.push(other),
            }
        }
        text.push('"');
    }
    text
}

#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn head(&mut self, name: &str, help: &str, kind: Kind) {
        let kind = kind.as_str();
        // Writing into a string can't fail.
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn line(&mut self, name: &str, labels: &str, value: f64) {
        let value = go_float(value);
        let _ = match labels {
            "" => writeln!(self.0, "{name} {value}"),
            labels => writeln!(self.0, "{name}{{{labels}}} {value}"),
        };
    }

    fn single(&mut self, name: &str, help: &str, kind: Kind, value: f64) {
        self.head(name, help, kind);
        self.line(name, "", value);
    }

    /// A family; nothing at all if it has no series.
    fn family(
        &mut self,
        name: &str,
        help: &str,
        kind: Kind,
        series: impl ExactSizeIterator<Item = (String, f64)>,
    ) {
        if series.len() == 0 {
            return;
        }
        self.head(name, help, kind);
        for (labels, value) in series {
            self.line(name, &labels, value);
        }
    }

    fn histogram(
        &mut self,
        name: &str,
        help: &str,
        bounds: &[(f64, u64)],
        series: &BTreeMap<String, Sums>,
    ) {
        if series.is_empty() {
            return;
        }
        self.head(name, help, Kind::Histogram);
        for (labels, sums) in series {
            let mut up_to_here = 0;
            let ends = bounds.iter().map(|(seconds, _)| go_float(*seconds));
            for (end, requests) in ends.chain(["+Inf".to_owned()]).zip(&sums.buckets) {
                up_to_here += requests;
                let labels = format!("{labels},le=\"{end}\"");
                self.line(&format!("{name}_bucket"), &labels, up_to_here as f64);
            }
            self.line(&format!("{name}_sum"), labels, sums.nanos as f64 / 1e9);
            self.line(&format!("{name}_count"), labels, up_to_here as f64);
        }
    }
}

/// A number as Go's shortest `%g` prints it, which is what scrapers of Traefik see.
fn go_float(value: f64) -> String {
    let scientific = format!("{value:e}");
    let exponent: i32 = scientific
        .split_once('e')
        .and_then(|(_, exponent)| exponent.parse().ok())
        .unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return format!("{value}");
    }
    let (digits, _) = scientific.split_once('e').unwrap_or((&scientific, ""));
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_look_as_go_prints_them() {
        for (value, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (1.2, "1.2"),
            (999_999.0, "999999"),
            (1_000_000.0, "1e+06"),
            (1_048_576.0, "1.048576e+06"),
            (1_764_039_303.0, "1.764039303e+09"),
            (0.0001, "0.0001"),
            (0.000_025, "2.5e-05"),
            (-3.5, "-3.5"),
        ] {
            assert_eq!(go_float(value), text);
        }
    }

    #[test]
    fn label_values_are_escaped_and_sorted_by_name() {
        assert_eq!(
            print_labels(vec![("z", "a\"b"), ("a", "c\\d\ne")]),
            r#"a="c\\d\ne",z="a\"b""#
        );
    }
}
