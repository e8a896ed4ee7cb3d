//! Serving: everything that runs, from the first listener to the last connection.

use std::cell::RefCell;
use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use pointsman_config::static_::{Configuration, Loaded};
use pointsman_config::{Diagnostic, Severity};
use pointsman_middleware::HashPool;
use pointsman_net::{ListenOptions, Listener};
use pointsman_observe::access_log::AccessLog;
use pointsman_observe::log::OwnLog;
use pointsman_observe::metrics::{CertificateExpiry, Metrics};
use pointsman_provider::{Inbox, Merger, Update};
use pointsman_proxy::{Control, Observers, Phase, Settings, Worker};
use pointsman_table::{Compiler, Environment, RoutingTable};
use tokio::runtime::{Builder, LocalOptions};
use tokio::signal::unix::{SignalKind, signal};

use crate::internal::{self, State};
use crate::problems;
use crate::sources::Sources;

/// Workers begin without a complete configuration after this long, so that a provider that never delivers does not
/// keep the others' routes from being served. `/ping` tells the difference.
const FIRST_CONFIGURATION: Duration = Duration::from_secs(10);

/// Who hears what becomes of the configuration.
pub(crate) trait Audience {
    /// The workers are about to serve by the last table.
    fn serving(&self) {}

    /// A table is in use, with everything that is wrong with the configuration.
    fn changed(&self, table: &RoutingTable, problems: Vec<Diagnostic>);
}

/// Writes each problem to the log once, when it comes up.
#[derive(Default)]
struct LogAudience {
    told: RefCell<HashSet<Diagnostic>>,
}

impl Audience for LogAudience {
    fn changed(&self, _: &RoutingTable, problems: Vec<Diagnostic>) {
        let mut told = self.told.borrow_mut();
        problems
            .iter()
            .filter(|problem| !told.contains(*problem))
            .for_each(tell);
        *told = problems.into_iter().collect();
    }
}

/// Serves until a signal ends the process; problems go to the log.
pub(crate) fn run(loaded: Loaded) -> anyhow::Result<ExitCode> {
    run_for(loaded, Rc::new(LogAudience::default()))
}

/// Serves until a signal ends the process.
pub(crate) fn run_for(loaded: Loaded, audience: Rc<dyn Audience>) -> anyhow::Result<ExitCode> {
    let static_ = Arc::new(loaded.configuration);
    let log = OwnLog::install(&static_.log.clone().unwrap_or_default())?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        configuration = %loaded.source,
        "pointsman starts"
    );
    loaded.warnings.iter().for_each(tell);
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .context("control runtime")?;
    runtime.block_on(serve(static_, &log, audience))
}

async fn serve(
    static_: Arc<Configuration>,
    log: &OwnLog,
    audience: Rc<dyn Audience>,
) -> anyhow::Result<ExitCode> {
    let observers = observers(&static_)?;
    let workers = match static_.core.workers {
        0 => pointsman_net::available_workers(),
        count => NonZeroUsize::new(count as usize).unwrap_or(NonZeroUsize::MIN),
    };
    let entry_points = listen(&static_, workers, observers.metrics.as_ref())?;
    let state = Arc::new(State::new(static_.clone(), observers.metrics.clone()));
    let mut compiler = Compiler::new(Environment {
        static_: static_.clone(),
        metrics: observers.metrics.clone(),
        internal_services: internal::services(&state),
        read_file: Box::new(|path| std::fs::read(path)),
        hashing: HashPool::new(workers.get()).map_err(|error| anyhow::anyhow!("{error}"))?,
    });

    let mut merger = Merger::new(&static_.providers.precedence);
    merger.update(&internal::update(&static_));
    let control =
        Control::new(compiler.compile(merger.merged(), &|provider| merger.rank(provider)));
    let _ = state.control.set(control.clone());

    let throttle = static_.providers.providers_throttle_duration.0;
    let mut inbox = Inbox::new(throttle);
    let readiness = inbox.readiness();
    let sources = Sources::start(&static_, &mut inbox)?;

    let (applied, mut is_applied) = tokio::sync::watch::channel(());
    let apply = {
        let control = control.clone();
        let metrics = observers.metrics.clone();
        let audience = audience.clone();
        async move |updates: Vec<Update>| {
            updates.iter().for_each(|update| merger.update(update));
            let merged = merger.merged();
            let table = compiler.compile(merged.clone(), &|provider| merger.rank(provider));
            state.note(merged.clone());
            control.swap(table);
            // What follows is for people: it must not keep requests from the new table.
            let table = control.table();
            tracing::debug!(generation = table.generation, "configuration applied");
            if let Some(metrics) = &metrics {
                count(metrics, &table);
            }
            audience.changed(&table, problems::of(&merged, &compiler, &table.runtime));
            let _ = applied.send(());
        }
    };
    let mut configuring = std::pin::pin!(inbox.run(apply));
    tokio::select! {
        never = &mut configuring => match never {},
        _ = is_applied.wait_for(|()| readiness.is_ready()) => {}
        () = tokio::time::sleep(FIRST_CONFIGURATION) => {
            tracing::warn!(waiting_for = ?readiness.waiting_for(), "serving without a complete configuration");
        }
    }

    let grace = entry_points
        .iter()
        .map(|(settings, _)| settings.grace)
        .max()
        .unwrap_or_default();
    let accept_grace = entry_points
        .iter()
        .map(|(settings, _)| settings.accept_grace)
        .max()
        .unwrap_or_default();
    let threads = start_workers(&control, entry_points, workers, &observers)?;
    tracing::info!(workers = workers.get(), "serving");
    audience.serving();

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut reopen = signal(SignalKind::user_defined1())?;
    loop {
        tokio::select! {
            never = &mut configuring => match never {},
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hang_up.recv() => sources.reload(),
            _ = reopen.recv() => {
                if let Err(error) = log.reopen() {
                    tracing::error!(%error, "log");
                }
                if let Some(log) = &observers.access_log
                    && let Err(error) = log.reopen()
                {
                    tracing::error!(%error, "access log");
                }
            }
        }
    }
    tracing::info!("stopping");
    control.enter(Phase::Announced);
    tokio::select! {
        never = &mut configuring => match never {},
        () = tokio::time::sleep(accept_grace) => {}
    }
    control.enter(Phase::Draining);
    let finished = tokio::task::spawn_blocking(move || threads.into_iter().for_each(join));
    // Workers end with the grace period; one that is stuck beyond it is left behind.
    if tokio::time::timeout(grace + Duration::from_secs(5), finished)
        .await
        .is_err()
    {
        tracing::error!("a worker did not end in time");
    }
    if let Some(log) = &observers.access_log {
        log.shutdown();
    }
    Ok(ExitCode::SUCCESS)
}

fn observers(static_: &Configuration) -> anyhow::Result<Observers> {
    let prometheus = static_
        .metrics
        .as_ref()
        .and_then(|metrics| metrics.prometheus.as_ref());
    let observers = Observers {
        metrics: prometheus.map(Metrics::new).transpose()?,
        access_log: static_
            .access_log
            .as_ref()
            .map(AccessLog::new)
            .transpose()?,
    };
    if let (Some(metrics), Some(log)) = (&observers.metrics, &observers.access_log) {
        metrics.watch_access_log(log.stats());
    }
    if let Some(metrics) = observers.metrics.clone() {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            metrics.panicked();
            before(info);
        }));
    }
    Ok(observers)
}

type EntryPoints = Vec<(Arc<Settings>, Vec<Listener>)>;

/// Binds every entry point, one socket for each worker.
fn listen(
    static_: &Configuration,
    workers: NonZeroUsize,
    metrics: Option<&Metrics>,
) -> anyhow::Result<EntryPoints> {
    let mut entry_points = Vec::new();
    for (index, (name, entry)) in static_.entry_points.iter().enumerate() {
        let mut settings = Settings::new(name, index, entry).map_err(|problems| {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            anyhow::anyhow!(lines.join("\n"))
        })?;
        settings.metrics = metrics.map(|metrics| metrics.entry_point(name));
        let options = ListenOptions {
            sockets: workers,
            reuse_port: entry.reuse_port,
            ..ListenOptions::default()
        };
        let listeners = pointsman_net::bind(&entry.address.host_and_port(), &options)
            .with_context(|| format!("entryPoints.{name}.address"))?;
        if let Some(listener) = listeners.first() {
            tracing::info!(entryPointName = name, address = %listener.local_addr(), "listening");
        }
        entry_points.push((Arc::new(settings), listeners));
    }
    if entry_points.is_empty() {
        bail!("no entry points");
    }
    Ok(entry_points)
}

fn start_workers(
    control: &Control,
    entry_points: EntryPoints,
    workers: NonZeroUsize,
    observers: &Observers,
) -> anyhow::Result<Vec<JoinHandle<()>>> {
    let mut per_worker: Vec<Vec<(Arc<Settings>, Listener)>> =
        (0..workers.get()).map(|_| Vec::new()).collect();
    for (settings, listeners) in entry_points {
        for (worker, listener) in per_worker.iter_mut().zip(listeners) {
            worker.push((settings.clone(), listener));
        }
    }
    let host_name = host_name();
    let mut threads = Vec::new();
    for (index, listeners) in per_worker.into_iter().enumerate() {
        let shared = control.shared();
        let observers = observers.clone();
        let host_name = host_name.clone();
        let thread = std::thread::Builder::new()
            .name(format!("worker-{index}"))
            .spawn(move || {
                let runtime = Builder::new_current_thread()
                    .enable_all()
                    .build_local(LocalOptions::default());
                let served = runtime.and_then(|runtime| {
                    runtime.block_on(Worker::run(shared, listeners, &host_name, &observers))
                });
                if let Err(error) = served {
                    tracing::error!(%error, worker = index, "worker failed");
                }
            });
        threads.push(thread.context("worker thread")?);
    }
    Ok(threads)
}

fn join(thread: JoinHandle<()>) {
    if thread.join().is_err() {
        tracing::error!("a worker panicked");
    }
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() {
        "pointsman".to_owned()
    } else {
        name.to_owned()
    }
}

fn expiry(certificate: &pointsman_tls::Description) -> CertificateExpiry {
    CertificateExpiry {
        cn: certificate.common_name.clone(),
        serial: certificate.serial_number.clone(),
        sans: certificate.dns_names.join(","),
        not_after: certificate.not_after,
    }
}

/// Counts a reload and what is served by it.
fn count(metrics: &Metrics, table: &RoutingTable) {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    metrics.config_reloaded(table.generation, now.as_secs());
    let certificates = table.certificates.certificates().iter();
    metrics.set_certificates(certificates.map(|c| expiry(c)).collect());
}

/// A problem of the configuration goes to the log.
fn tell(problem: &Diagnostic) {
    let Diagnostic {
        object,
        field,
        severity,
        message,
    } = problem;
    // Of the object as a whole, there is no field to name.
    let field = Some(field.as_str()).filter(|field| !field.is_empty());
    match severity {
        Severity::Error => tracing::error!(object, field, "{message}"),
        Severity::Warning => tracing::warn!(object, field, "{message}"),
        Severity::Info => tracing::info!(object, field, "{message}"),
    }
}
