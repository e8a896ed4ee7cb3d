//! Serving: everything that runs, from the first listener to the last connection.

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use pointsman_config::static_::{Configuration, Loaded};
use pointsman_config::{Diagnostic, Severity};
use pointsman_middleware::HashPool;
use pointsman_net::{ListenOptions, Listener};
use pointsman_observe::access_log::AccessLog;
use pointsman_observe::metrics::{CertificateExpiry, Metrics};
use pointsman_provider::{Inbox, Merger, Update};
use pointsman_proxy::{Control, Observers, Phase, Settings, Worker};
use pointsman_table::{Compiler, Environment};
use tokio::runtime::{Builder, LocalOptions};
use tokio::signal::unix::{SignalKind, signal};

use crate::internal::{self, State};
use crate::sources::Sources;

/// Workers begin without a complete configuration after this long, so that a provider that never delivers does not
/// keep the others' routes from being served. `/ping` tells the difference.
const FIRST_CONFIGURATION: Duration = Duration::from_secs(10);

/// Serves until a signal ends the process.
pub(crate) fn run(loaded: Loaded) -> anyhow::Result<ExitCode> {
    let static_ = Arc::new(loaded.configuration);
    for warning in &loaded.warnings {
        tell(warning);
    }
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .context("control runtime")?;
    runtime.block_on(serve(static_))
}

async fn serve(static_: Arc<Configuration>) -> anyhow::Result<ExitCode> {
    let observers = observers(&static_)?;
    let workers = match static_.core.workers {
        0 => pointsman_net::available_workers(),
        count => NonZeroUsize::new(count as usize).unwrap_or(NonZeroUsize::MIN),
    };
    let entry_points = listen(&static_, workers, observers.metrics.as_ref())?;
    let state = Arc::new(State {
        static_: static_.clone(),
        control: OnceLock::new(),
        metrics: observers.metrics.clone(),
    });
    let mut compiler = Compiler::new(Environment {
        static_: static_.clone(),
        metrics: observers.metrics.clone(),
        internal_services: internal::services(&state),
        read_file: Box::new(|path| std::fs::read(path)),
        hashing: HashPool::new(workers.get()).map_err(|error| anyhow::anyhow!("{error}"))?,
    });

    let mut merger = Merger::new(&static_.providers.precedence);
    merger.update(&Update {
        provider: pointsman_config::names::INTERNAL.into(),
        configuration: Some(Arc::new(pointsman_table::internal::configuration(&static_))),
        diagnostics: Vec::new(),
    });
    let control =
        Control::new(compiler.compile(merger.merged(), &|provider| merger.rank(provider)));
    let _ = state.control.set(control.clone());

    let throttle = static_.providers.providers_throttle_duration.0;
    let mut inbox = Inbox::new(throttle);
    let readiness = inbox.readiness();
    let sources = Sources::start(&static_, &mut inbox)?;

    let (ready, mut is_ready) = tokio::sync::watch::channel(readiness.is_ready());
    let apply = {
        let control = control.clone();
        let metrics = observers.metrics.clone();
        async move |updates: Vec<Update>| {
            for update in &updates {
                merger.update(update);
                update.diagnostics.iter().for_each(tell);
            }
            let table = compiler.compile(merger.merged(), &|provider| merger.rank(provider));
            compiler.tls_diagnostics().iter().for_each(tell);
            for (name, router) in table.runtime.routers.iter() {
                for error in &router.errors {
                    tracing::error!(routerName = name.as_str(), "{error}");
                }
            }
            if let Some(metrics) = &metrics {
                let now = SystemTime::now()
                    .duration_since(SystemTime::UNIX_EPOCH)
                    .unwrap_or_default();
                metrics.config_reloaded(table.generation, now.as_secs());
                metrics.set_certificates(
                    table
                        .certificates
                        .certificates()
                        .iter()
                        .map(|c| expiry(c))
                        .collect(),
                );
            }
            control.swap(table);
            let _ = ready.send(true);
        }
    };
    let mut configuring = std::pin::pin!(inbox.run(apply));
    tokio::select! {
        never = &mut configuring => match never {},
        _ = is_ready.wait_for(|ready| *ready) => {}
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

/// A problem of the configuration goes to the log.
pub(crate) fn tell(problem: &Diagnostic) {
    let Diagnostic {
        object,
        field,
        severity,
        message,
    } = problem;
    match severity {
        Severity::Error => tracing::error!(object, field, "{message}"),
        Severity::Warning => tracing::warn!(object, field, "{message}"),
        Severity::Info => tracing::info!(object, field, "{message}"),
    }
}
