//! A provider under test: it sends into a real inbox, and the test waits for what comes out.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use pointsman_config::Diagnostic;
use pointsman_config::dynamic::Configuration;
use pointsman_provider::{Inbox, Sender, Update};
use tokio::sync::oneshot;

/// No test waits this long unless it fails.
const GUARD: Duration = Duration::from_secs(20);

/// The other end of a [`Sender`].
pub(crate) struct Outlet {
    updates: Receiver<Update>,
    /// What was provided last.
    pub(crate) configuration: Option<Arc<Configuration>>,
    /// The problems reported last.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Updates so far.
    pub(crate) count: usize,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A sender and what it sends to.
pub(crate) fn outlet(provider: &str) -> (Sender, Outlet) {
    let mut inbox = Inbox::new(Duration::ZERO);
    let sender = inbox.register(provider, Duration::ZERO);
    let (tx, updates) = channel();
    let (stop, stopped) = oneshot::channel();
    let thread = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async {
            let run = inbox.run(async |news| {
                for update in news {
                    // The test may be over.
                    let _ = tx.send(update);
                }
            });
            tokio::select! {
                _ = run => {}
                _ = stopped => {}
            }
        });
    });
    let outlet = Outlet {
        updates,
        configuration: None,
        diagnostics: Vec::new(),
        count: 0,
        stop: Some(stop),
        thread: Some(thread),
    };
    (sender, outlet)
}

impl Outlet {
    /// Waits until what was provided and reported last satisfies `enough`.
    #[track_caller]
    pub(crate) fn until(&mut self, enough: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + GUARD;
        while !enough(self) {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(update) = self.updates.recv_timeout(left) else {
                panic!(
                    "not what was waited for: {:?}, {:?}",
                    self.names(),
                    self.diagnostics
                );
            };
            self.count += 1;
            if update.configuration.is_some() {
                self.configuration = update.configuration;
            }
            self.diagnostics = update.diagnostics;
        }
    }

    /// Waits until exactly these routers are provided.
    #[track_caller]
    pub(crate) fn until_routers(&mut self, names: &[&str]) {
        self.until(|outlet| outlet.names() == names);
    }

    /// Waits until a problem is reported whose text holds all `parts`.
    #[track_caller]
    pub(crate) fn until_problem(&mut self, parts: &[&str]) {
        self.until(|outlet| outlet.has_problem(parts));
    }

    /// Whether a problem is reported whose text holds all `parts`.
    pub(crate) fn has_problem(&self, parts: &[&str]) -> bool {
        self.diagnostics.iter().any(|problem| {
            let text = problem.to_string();
            parts.iter().all(|part| text.contains(part))
        })
    }

    /// The names of the routers that are provided.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.configuration
            .iter()
            .flat_map(|configuration| configuration.http.routers.keys().map(String::as_str))
            .collect()
    }

    /// The service of a router.
    pub(crate) fn service(&self, router: &str) -> &str {
        self.configuration
            .as_ref()
            .and_then(|configuration| configuration.http.routers.get(router))
            .map_or("", |router| &router.service)
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
