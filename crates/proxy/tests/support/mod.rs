//! One worker of the data plane in the test's own process: listeners on free ports, a table compiled from YAML, servers
//! whose bytes the test decides. Everything of a test runs on one thread, as a worker does.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "shared by several test binaries, none of which uses all of it; a failed unwrap is a failed test"
)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use pointsman_config::decode::{decode, yaml};
use pointsman_config::{dynamic, static_};
use pointsman_middleware::HashPool;
use pointsman_net::ListenOptions;
use pointsman_observe::access_log::AccessLog;
use pointsman_observe::metrics::Metrics;
use pointsman_provider::{Merger, Update};
use pointsman_proxy::{Control, Observers, Phase, Settings, Worker};
use pointsman_table::{Compiler, Environment};
use pointsman_testkit::{Message, Wire};
use tokio::runtime::{Builder, LocalOptions};
use tokio::task::JoinHandle;

/// A test that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// An ordinary answer.
pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Runs a test on a thread and a local runtime of its own, and fails it if it hangs.
pub(crate) fn run<F: AsyncFnOnce() + Send + 'static>(test: F) {
    let (done, ended) = channel();
    let thread = std::thread::Builder::new()
        .name(std::thread::current().name().unwrap_or("test").to_owned())
        .spawn(move || {
            let runtime = Builder::new_current_thread()
                .enable_all()
                .build_local(LocalOptions::default())
                .unwrap();
            // Dropped with the thread, also by a panic: that is how the test learns of it.
            let _done = done;
            runtime.block_on(test());
        })
        .unwrap();
    match ended.recv_timeout(PATIENCE) {
        Err(RecvTimeoutError::Timeout) => panic!("the test hangs"),
        Ok(()) | Err(RecvTimeoutError::Disconnected) => {}
    }
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Moves tokio's clock on by `time`. The clock stands still only for that moment: with real sockets a paused clock
/// would run to the next timer whenever all tasks wait for bytes.
pub(crate) async fn pass(time: Duration) {
    settle().await;
    tokio::time::pause();
    tokio::time::advance(time).await;
    settle().await;
    tokio::time::resume();
    settle().await;
}

/// Lets every task do what it can with what has arrived.
pub(crate) async fn settle() {
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
}

/// Waits until `condition` holds.
pub(crate) async fn until(mut condition: impl FnMut() -> bool) {
    while !condition() {
        tokio::task::yield_now().await;
    }
}

/// A running worker.
pub(crate) struct Proxy {
    pub(crate) control: Control,
    pub(crate) metrics: Metrics,
    pub(crate) access_log: Option<AccessLog>,
    pub(crate) worker: JoinHandle<std::io::Result<()>>,
    addresses: BTreeMap<String, SocketAddr>,
    compiler: Compiler,
    merger: Merger,
}

impl Proxy {
    /// One entry point, `web`, in front of these servers, all of one service.
    pub(crate) fn before(servers: &[SocketAddr]) -> Self {
        Self::with("", &to_servers(servers))
    }

    /// A worker with a static configuration (entry point `web` is added where there is none) and a dynamic one.
    pub(crate) fn with(static_yaml: &str, dynamic_yaml: &str) -> Self {
        let node = yaml::parse(static_yaml).unwrap();
        let (mut static_, problems) = decode::<static_::Configuration>(&node);
        assert!(problems.is_empty(), "{problems:?}");
        if static_.entry_points.is_empty() {
            let web = yaml::parse("entryPoints: { web: { address: '127.0.0.1:0' } }").unwrap();
            static_.entry_points = decode::<static_::Configuration>(&web).0.entry_points;
        }
        let static_ = Arc::new(static_);
        let prometheus = yaml::parse("{ addRoutersLabels: true, headerLabels: {} }").unwrap();
        let metrics = Metrics::new(&decode(&prometheus).0).unwrap();
        let access_log = static_
            .access_log
            .as_ref()
            .map(|log| AccessLog::new(log).unwrap());
        let observers = Observers {
            metrics: Some(metrics.clone()),
            access_log: access_log.clone(),
        };
        let compiler = Compiler::new(Environment {
            static_: static_.clone(),
            metrics: Some(metrics.clone()),
            internal_services: BTreeMap::new(),
            read_file: Box::new(|path| std::fs::read(path)),
            hashing: HashPool::new(1).unwrap(),
        });
        let mut addresses = BTreeMap::new();
        let mut listeners = Vec::new();
        for (index, (name, entry)) in static_.entry_points.iter().enumerate() {
            let mut settings = Settings::new(name, index, entry).unwrap();
            settings.metrics = Some(metrics.entry_point(name));
            let settings = Arc::new(settings);
            for listener in pointsman_net::bind("127.0.0.1:0", &ListenOptions::default()).unwrap() {
                addresses.insert(name.clone(), listener.local_addr());
                listeners.push((settings.clone(), listener));
            }
        }
        let mut proxy_parts = (compiler, Merger::new(&[]));
        let table = compile(&mut proxy_parts.0, &mut proxy_parts.1, dynamic_yaml);
        let control = Control::new(table);
        let shared = control.shared();
        let worker = tokio::task::spawn_local(async move {
            Worker::run(shared, listeners, "pointsman-test", &observers).await
        });
        let (compiler, merger) = proxy_parts;
        Self {
            control,
            metrics,
            access_log,
            worker,
            addresses,
            compiler,
            merger,
        }
    }

    /// Another dynamic configuration.
    pub(crate) fn swap(&mut self, dynamic_yaml: &str) {
        let table = compile(&mut self.compiler, &mut self.merger, dynamic_yaml);
        self.control.swap(table);
    }

    /// Where an entry point listens.
    pub(crate) fn address(&self, entry_point: &str) -> SocketAddr {
        self.addresses[entry_point]
    }

    /// A client's connection to `web`.
    pub(crate) async fn client(&self) -> Wire {
        Wire::connect(self.address("web")).await.unwrap()
    }

    /// Sends a request on a new connection to `web` and returns its response.
    pub(crate) async fn ask(&self, request: impl AsRef<[u8]>) -> Message {
        let mut client = self.client().await;
        client.send(request).await.unwrap();
        client.read_response("GET").await.unwrap()
    }

    /// As [`ask`](Self::ask), a GET for this host and path.
    pub(crate) async fn get(&self, host: &str, path: &str) -> Message {
        self.ask(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"))
            .await
    }

    /// The worker is told to finish.
    pub(crate) fn drain(&self) {
        self.control.enter(Phase::Draining);
    }

    /// Value of the metric line that begins with `name` and contains all of `labels`; 0 if there is none.
    pub(crate) fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        self.metrics
            .render(None)
            .lines()
            .filter(|line| {
                line.starts_with(name) && labels.iter().all(|label| line.contains(label))
            })
            .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
            .sum()
    }
}

fn compile(
    compiler: &mut Compiler,
    merger: &mut Merger,
    dynamic_yaml: &str,
) -> pointsman_table::RoutingTable {
    let (configuration, problems) =
        dynamic::Configuration::decode(&yaml::parse(dynamic_yaml).unwrap());
    assert!(problems.is_empty(), "{problems:?}");
    merger.update(&Update {
        provider: "file".into(),
        configuration: Some(Arc::new(configuration)),
        diagnostics: Vec::new(),
    });
    let table = compiler.compile(merger.merged(), &|provider| merger.rank(provider));
    for (name, router) in table.runtime.routers.iter() {
        assert!(
            router.errors.is_empty(),
            "{}: {:?}",
            name.as_str(),
            router.errors
        );
    }
    table
}

/// A dynamic configuration that sends everything to one service of these servers.
pub(crate) fn to_servers(servers: &[SocketAddr]) -> String {
    to_service("", &load_balancer(servers, ""))
}

/// A dynamic configuration that sends everything to one service, through these middlewares (`name: { kind: … }`
/// lines of a flow map, in order).
pub(crate) fn to_service(middlewares: &str, service: &str) -> String {
    let names: Vec<&str> = middlewares
        .lines()
        .filter_map(|line| Some(line.trim().split_once(':')?.0))
        .collect();
    let names = names.join(", ");
    let middlewares = middlewares.trim().lines().collect::<Vec<_>>().join(", ");
    let middlewares = if names.is_empty() {
        String::new()
    } else {
        format!(", middlewares: {{ {middlewares} }}")
    };
    let chain = if names.is_empty() {
        String::new()
    } else {
        format!(", middlewares: [ {names} ]")
    };
    format!(
        "http: {{ routers: {{ all: {{ rule: 'PathPrefix(`/`)', service: all{chain} }} }}, \
         services: {{ all: {service} }}{middlewares} }}"
    )
}

/// A load balancer of these servers, with further options.
pub(crate) fn load_balancer(servers: &[SocketAddr], options: &str) -> String {
    let servers: Vec<String> = servers
        .iter()
        .map(|server| format!("{{ url: 'http://{server}' }}"))
        .collect();
    format!(
        "{{ loadBalancer: {{ servers: [ {} ]{options} }} }}",
        servers.join(", ")
    )
}
