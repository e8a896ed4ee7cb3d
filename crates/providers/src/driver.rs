//! The thread of a provider that reads files: read, send, watch, wait, again.

use std::any::Any;
use std::collections::BTreeSet;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use pointsman_config::Diagnostic;
use pointsman_config::dynamic::Configuration;
use pointsman_provider::{Backoff, Sender};

use crate::watch::{Changes, Points, Signals, Wake, Watch, WatchError};

/// Directories that cannot be watched are tried again after about this long, then twice as long, and so on.
const FIRST_RETRY: Duration = Duration::from_millis(500);

/// Longest time until they are tried again.
const LONGEST_RETRY: Duration = Duration::from_secs(60);

/// How often files are looked at although no event came, for what a watch cannot see.
const PATROL: Duration = Duration::from_secs(30);

/// Files appear between reading a directory and watching it, and then it is read again. A directory that keeps
/// growing new ones is left to the next change.
const MAX_ROUNDS: usize = 8;

/// What reads the files.
pub(crate) trait Source: Send + 'static {
    /// Reads what `reread` asks for, except files of which `unfinished` holds the real path: they are being written.
    /// What cannot be read keeps its last good content.
    fn read(&mut self, reread: Reread<'_>, unfinished: &BTreeSet<PathBuf>) -> Reading;

    /// What the files read so far depend on.
    fn points(&mut self) -> Points;
}

/// What to read again.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reread<'a> {
    /// All files, changed or not.
    Everything,
    /// Files whose time, size or inode changed.
    Stale,
    /// What a watch saw.
    Changes(&'a Changes),
}

/// What reading resulted in.
#[derive(Debug)]
pub(crate) struct Reading {
    /// Everything that is provided now; `None` as long as nothing could be read at all.
    pub(crate) configuration: Option<Arc<Configuration>>,
    /// All problems.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Whether anything was read that may differ from before.
    pub(crate) changed: bool,
    /// Whether [`Source::points`] may differ from before.
    pub(crate) moved: bool,
}

/// A running provider. Dropping it ends the thread and waits for that.
#[derive(Debug)]
pub(crate) struct Running {
    signals: Signals,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// Sends `first`, what `source` read just now, and starts the thread `name` that keeps it up to date.
    pub(crate) fn start(
        name: &str,
        source: impl Source,
        first: Reading,
        watch: Watch,
        sender: Sender,
    ) -> io::Result<Self> {
        let patrol = watch.is_enabled().then_some(PATROL);
        Self::start_with_patrol(name, source, first, watch, sender, patrol)
    }

    fn start_with_patrol(
        name: &str,
        source: impl Source,
        first: Reading,
        watch: Watch,
        sender: Sender,
        patrol: Option<Duration>,
    ) -> io::Result<Self> {
        let signals = watch.signals();
        let driver = Driver {
            name: name.to_owned(),
            source,
            watch,
            sender,
            backoff: Backoff::new(FIRST_RETRY, LONGEST_RETRY),
            unwatched: Vec::new(),
            retry: None,
            patrol,
        };
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || driver.run(first))?;
        Ok(Self {
            signals,
            thread: Some(thread),
        })
    }

    /// Everything is read again, changed or not.
    pub(crate) fn reload(&self) {
        self.signals.reload();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.signals.stop();
        if let Some(thread) = self.thread.take() {
            // The thread catches panics of its source; its own would have been logged where it happened.
            let _ = thread.join();
        }
    }
}

struct Driver<S> {
    name: String,
    source: S,
    watch: Watch,
    sender: Sender,
    backoff: Backoff,
    unwatched: Vec<WatchError>,
    /// When to try again what could not be watched.
    retry: Option<Instant>,
    patrol: Option<Duration>,
}

impl<S: Source> Driver<S> {
    fn run(mut self, first: Reading) {
        self.watch_and_look_again(first, true);
        loop {
            let patrol = self.patrol.map(|patrol| Instant::now() + patrol);
            let deadline = [self.retry, patrol].into_iter().flatten().min();
            let reading = match self.watch.wait(deadline) {
                Wake::Stop => return,
                Wake::Reload => self.read(Reread::Everything),
                Wake::Deadline => self.read(Reread::Stale).map(|reading| Reading {
                    moved: true,
                    ..reading
                }),
                Wake::Changed(changes) => self.read(Reread::Changes(&changes)),
            };
            let Some(reading) = reading else { continue };
            if reading.changed {
                self.send(&reading);
            }
            if reading.moved {
                self.watch_and_look_again(reading, false);
            }
        }
    }

    /// Watches what the source depends on, and looks again where that was not watched before. Sends the outcome if it
    /// differs from `last`, or if nobody has seen that yet (`unsent`).
    fn watch_and_look_again(&mut self, mut last: Reading, mut unsent: bool) {
        unsent |= !self.unwatched.is_empty();
        for _ in 0..MAX_ROUNDS {
            let set = self.watch.set(self.source.points());
            self.unwatched = set.errors;
            if !set.added {
                break;
            }
            let Some(reading) = self.read(Reread::Stale) else {
                break;
            };
            unsent |= reading.changed;
            last = reading;
        }
        if unsent || !self.unwatched.is_empty() {
            self.send(&last);
        }
        self.retry = if self.unwatched.is_empty() {
            self.backoff.success();
            None
        } else {
            Some(Instant::now() + self.backoff.failure(fastrand::f64()))
        };
    }

    /// `None` if the source panicked, which loses one reading and not the provider.
    fn read(&mut self, reread: Reread<'_>) -> Option<Reading> {
        // A source keeps what it read per file, so that one it was about to replace is whole, old or new.
        let unfinished = self.watch.unfinished();
        match catch_unwind(AssertUnwindSafe(|| self.source.read(reread, &unfinished))) {
            Ok(reading) => Some(reading),
            Err(panic) => {
                let reason = panic_text(&*panic);
                tracing::error!(provider = %self.name, reason, "reading failed inside the provider; what was read before stays");
                self.sender.report(vec![Diagnostic::error(
                    format!("provider {}", self.sender.provider()),
                    "",
                    format!("reading failed inside the provider ({reason}): what was read before stays; report this"),
                )]);
                None
            }
        }
    }

    fn send(&self, reading: &Reading) {
        let mut diagnostics = reading.diagnostics.clone();
        let provider = format!("provider {}", self.sender.provider());
        diagnostics.extend(
            self.unwatched
                .iter()
                .map(|error| Diagnostic::warning(&provider, "", error.to_string())),
        );
        match &reading.configuration {
            Some(configuration) => self.sender.send(Arc::clone(configuration), diagnostics),
            None => self.sender.report(diagnostics),
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no reason given")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::outlet;

    /// Delivers configurations; every second reading panics.
    struct Fragile {
        readings: usize,
    }

    impl Source for Fragile {
        fn read(&mut self, _: Reread<'_>, _: &BTreeSet<PathBuf>) -> Reading {
            self.readings += 1;
            assert!(self.readings % 2 == 1, "reading {}", self.readings);
            let mut configuration = Configuration::default();
            let name = format!("r{}", self.readings);
            configuration.http.routers.insert(name, Arc::default());
            Reading {
                configuration: Some(Arc::new(configuration)),
                diagnostics: Vec::new(),
                changed: true,
                moved: false,
            }
        }

        fn points(&mut self) -> Points {
            Points::default()
        }
    }

    /// Delivers a new configuration at each reading.
    struct Counter {
        readings: usize,
    }

    impl Source for Counter {
        fn read(&mut self, _: Reread<'_>, _: &BTreeSet<PathBuf>) -> Reading {
            self.readings += 1;
            let mut configuration = Configuration::default();
            let name = format!("r{}", self.readings);
            configuration.http.routers.insert(name, Arc::default());
            Reading {
                configuration: Some(Arc::new(configuration)),
                diagnostics: Vec::new(),
                changed: true,
                moved: true,
            }
        }

        fn points(&mut self) -> Points {
            Points::default()
        }
    }

    #[test]
    fn what_no_event_tells_is_found_by_looking_from_time_to_time() {
        let (sender, mut outlet) = outlet("counter");
        let mut source = Counter { readings: 0 };
        let first = source.read(Reread::Everything, &BTreeSet::new());
        let patrol = Some(Duration::from_millis(1));
        let _running =
            Running::start_with_patrol("counter", source, first, Watch::disabled(), sender, patrol)
                .unwrap();
        outlet.until(|outlet| outlet.count >= 3);
    }

    #[test]
    fn a_panic_while_reading_costs_one_reading_and_not_the_provider() {
        let (sender, mut outlet) = outlet("fragile");
        let mut source = Fragile { readings: 0 };
        let first = source.read(Reread::Everything, &BTreeSet::new());
        let running = Running::start("fragile", source, first, Watch::disabled(), sender).unwrap();
        outlet.until_routers(&["r1"]);
        running.reload();
        outlet.until_problem(&["provider fragile", "reading 2", "stays"]);
        assert_eq!(outlet.names(), ["r1"]);
        running.reload();
        outlet.until(|outlet| outlet.names() == ["r3"] && outlet.diagnostics.is_empty());
    }
}
