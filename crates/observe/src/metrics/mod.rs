//! Metrics: counted by each worker for itself, read and printed by a scrape.

mod labels;
mod process;
mod render;
mod slots;
mod worker;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderName;
use pointsman_config::static_::observability::Prometheus;

use crate::access_log::AccessLogStats;

pub use labels::{MethodLabel, ProtocolLabel, TransportLabel, grpc_code};
pub use process::ProcessUsage;
pub use slots::{EntryPointSlot, RouterSlot, ServiceSlot};
pub use worker::{OpenConnection, Sample, WorkerMetrics};

use slots::{Scope, Slots};
use worker::SeriesLog;

/// `Content-Type` of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Why metrics can't be set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetricsError {
    /// A header of `headerLabels` has an impossible name.
    #[error(
        "metrics.prometheus.headerLabels.{label}: {header:?} is not the name of a header: use letters, digits and hyphens"
    )]
    HeaderName {
        /// The label.
        label: String,
        /// The header.
        header: String,
    },
    /// A label of `headerLabels` has an impossible name.
    #[error(
        "metrics.prometheus.headerLabels: {label:?} can't be the name of a label: use letters, digits and underscores, a letter first, and none of the names that requests_total has already"
    )]
    LabelName {
        /// The label.
        label: String,
    },
    /// Bounds that do not rise.
    #[error(
        "metrics.prometheus.buckets: {bound} is not above the bound before it: list positive numbers in rising order"
    )]
    Buckets {
        /// The first bound that is wrong.
        bound: String,
    },
}

/// The metrics of the process. Cheap to clone; lives on the control side, and gives each worker its own part.
#[derive(Debug, Clone)]
pub struct Metrics {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: Arc<Settings>,
    slots: Arc<Slots>,
    workers: Mutex<Vec<Arc<SeriesLog>>>,
    gauges: Mutex<Gauges>,
    panics: AtomicU64,
}

/// What is set from the control side.
#[derive(Debug, Default)]
struct Gauges {
    config_reloads: u64,
    config_last_reload_success: u64,
    config_generation: Option<u64>,
    certificates: Vec<CertificateExpiry>,
    servers: Vec<ServerHealth>,
    /// Servers that went away since the last scrape.
    leaving_servers: Vec<ServerHealth>,
    access_log: Option<Arc<AccessLogStats>>,
}

/// A certificate that is served, for `traefik_tls_certs_not_after`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CertificateExpiry {
    /// Common name of the subject; empty if there is none.
    pub cn: String,
    /// Serial number, decimal.
    pub serial: String,
    /// DNS names, sorted, with commas between them.
    pub sans: String,
    /// Seconds since 1970.
    pub not_after: i64,
}

/// A server with a health check, for `traefik_service_server_up`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerHealth {
    /// Qualified name of the service.
    pub service: String,
    /// URL of the server.
    pub url: String,
    /// Whether it is up.
    pub up: bool,
}

/// The options, in the form that recording needs.
#[derive(Debug)]
struct Settings {
    entry_points: bool,
    routers: bool,
    services: bool,
    /// Upper bounds of the duration buckets: as configured, in seconds, and in nanoseconds. The last bucket has none.
    bounds: Vec<(f64, u64)>,
    header_labels: Vec<(String, HeaderName)>,
}

impl Settings {
    fn bucket(&self, duration: Duration) -> usize {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.bounds
            .iter()
            .position(|(_, bound)| nanos <= *bound)
            .unwrap_or(self.bounds.len())
    }
}

impl Metrics {
    /// Metrics with the options of `metrics.prometheus`.
    ///
    /// # Errors
    /// Labels, headers or buckets that can't be.
    pub fn new(options: &Prometheus) -> Result<Self, MetricsError> {
        let settings = Settings {
            entry_points: options.add_entry_points_labels,
            routers: options.add_routers_labels,
            services: options.add_services_labels,
            bounds: bounds(&options.buckets)?,
            header_labels: options
                .header_labels
                .iter()
                .map(|(label, header)| header_label(label, header))
                .collect::<Result<_, _>>()?,
        };
        Ok(Self {
            shared: Arc::new(Shared {
                settings: Arc::new(settings),
                slots: Arc::default(),
                workers: Mutex::default(),
                gauges: Mutex::default(),
                panics: AtomicU64::new(0),
            }),
        })
    }

    /// The part of a worker thread; call it on that thread, once.
    pub fn worker(&self) -> WorkerMetrics {
        let log = Arc::<SeriesLog>::default();
        lock(&self.shared.workers).push(Arc::clone(&log));
        WorkerMetrics::new(Arc::clone(&self.shared.settings), log)
    }

    /// The slot of an entry point. Whoever records for it holds the slot; when the last holder lets go, the series are
    /// printed once more and then disappear.
    pub fn entry_point(&self, name: &str) -> EntryPointSlot {
        EntryPointSlot(self.shared.slots.acquire(Scope::EntryPoint, name, ""))
    }

    /// The slot of a router and its service, both qualified names.
    pub fn router(&self, name: &str, service: &str) -> RouterSlot {
        RouterSlot(self.shared.slots.acquire(Scope::Router, name, service))
    }

    /// The slot of a service by its qualified name.
    pub fn service(&self, name: &str) -> ServiceSlot {
        ServiceSlot(self.shared.slots.acquire(Scope::Service, name, ""))
    }

    /// Notes that configuration number `generation` was taken over at `unix_seconds`.
    pub fn config_reloaded(&self, generation: u64, unix_seconds: u64) {
        let mut gauges = self.gauges();
        gauges.config_reloads += 1;
        gauges.config_last_reload_success = unix_seconds;
        gauges.config_generation = Some(generation);
    }

    /// Replaces the list of certificates.
    pub fn set_certificates(&self, mut certificates: Vec<CertificateExpiry>) {
        certificates.sort();
        certificates.dedup();
        self.gauges().certificates = certificates;
    }

    /// Replaces the list of servers with health checks. One that is gone is printed once more.
    pub fn set_servers(&self, mut servers: Vec<ServerHealth>) {
        servers.sort();
        let mut gauges = self.gauges();
        let kept: HashSet<_> = servers
            .iter()
            .map(|server| (server.service.clone(), server.url.clone()))
            .collect();
        let is_kept =
            |server: &ServerHealth| kept.contains(&(server.service.clone(), server.url.clone()));
        let gone = std::mem::replace(&mut gauges.servers, servers);
        gauges.leaving_servers.extend(gone);
        gauges.leaving_servers.retain(|server| !is_kept(server));
    }

    /// Shows what the access log lost.
    pub fn watch_access_log(&self, stats: Arc<AccessLogStats>) {
        self.gauges().access_log = Some(stats);
    }

    /// Counts a panic that was caught.
    pub fn panicked(&self) {
        self.shared.panics.fetch_add(1, Ordering::Relaxed);
    }

    /// Everything in the Prometheus text format 0.0.4, families and series in a fixed order. `process` is left out
    /// where it is not known. Series of objects that are gone are in it for the last time.
    pub fn render(&self, process: Option<&ProcessUsage>) -> String {
        let leaving = self.shared.slots.leaving();
        let workers = lock(&self.shared.workers).clone();
        let mut scrape = render::Scrape::new(&self.shared.settings);
        for worker in &workers {
            scrape.add(worker.all());
        }
        let mut gauges = self.gauges();
        let text = scrape.print(&gauges, self.shared.panics.load(Ordering::Relaxed), process);
        gauges.leaving_servers.clear();
        drop(gauges);
        if !leaving.is_empty() {
            self.shared.slots.forget(&leaving, |gone| {
                for worker in &workers {
                    worker.forget(gone);
                }
            });
        }
        text
    }

    fn gauges(&self) -> MutexGuard<'_, Gauges> {
        lock(&self.shared.gauges)
    }
}

fn bounds(seconds: &[f64]) -> Result<Vec<(f64, u64)>, MetricsError> {
    let mut last = 0.0;
    let mut bounds = Vec::with_capacity(seconds.len());
    for bound in seconds {
        let nanos = Duration::try_from_secs_f64(*bound)
            .ok()
            .and_then(|bound| u64::try_from(bound.as_nanos()).ok());
        let Some(nanos) = nanos.filter(|_| *bound > last) else {
            return Err(MetricsError::Buckets {
                bound: bound.to_string(),
            });
        };
        bounds.push((*bound, nanos));
        last = *bound;
    }
    Ok(bounds)
}

fn header_label(label: &str, header: &str) -> Result<(String, HeaderName), MetricsError> {
    use crate::names::labels::{CODE, ENTRY_POINT, METHOD, PROTOCOL, ROUTER, SERVICE};
    let taken = [CODE, ENTRY_POINT, METHOD, PROTOCOL, ROUTER, SERVICE];
    let is_name = label.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !is_name || label.starts_with("__") || taken.contains(&label) {
        return Err(MetricsError::LabelName {
            label: label.to_owned(),
        });
    }
    match HeaderName::try_from(header) {
        Ok(name) => Ok((label.to_owned(), name)),
        Err(_) => Err(MetricsError::HeaderName {
            label: label.to_owned(),
            header: header.to_owned(),
        }),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
