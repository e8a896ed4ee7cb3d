//! Tells a provider's thread which files may have changed.
//!
//! Directories are watched, never files: a file that is replaced by renaming another one over it, or by turning the
//! link that leads to it (Kubernetes turns `..data`), is a change of a directory. [`Points`] finds the directories
//! that a path depends on, [`Watch`] watches them, and [`Watch::wait`] hands out what happened as soon as it is quiet
//! for a millisecond.
//!
//! A file that is being written is not reported before its writer closes it.
//!
//! Two things are not seen: changes on file systems that send no events (NFS, some mounts of virtual machines), and a
//! directory above a watched one that is renamed. Whoever waits looks for those itself from time to time.

mod pending;
mod points;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};

pub use pending::Changes;
use pending::{Due, Pending};
pub use points::Points;

/// Watches directories for one provider's thread.
#[derive(Debug)]
pub struct Watch {
    shared: Arc<Shared>,
    enabled: bool,
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
}

/// Wakes the thread that waits in [`Watch::wait`]. Cheap to clone, usable from any thread.
#[derive(Debug, Clone)]
pub struct Signals {
    shared: Arc<Shared>,
}

/// Why [`Watch::wait`] returned.
#[derive(Debug, PartialEq, Eq)]
pub enum Wake {
    /// Something changed.
    Changed(Changes),
    /// Everything is to be read again, changed or not.
    Reload,
    /// The deadline has passed.
    Deadline,
    /// The thread is to end.
    Stop,
}

/// What [`Watch::set`] achieved.
#[derive(Debug, Default)]
pub struct Set {
    /// Look again: directories are watched now that were not before, and what happened in them in between was not
    /// seen, or some are gone already.
    pub added: bool,
    /// Directories that cannot be watched. The others are.
    pub errors: Vec<WatchError>,
}

/// A directory cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The system allows no further watcher.
    #[error(
        "cannot watch files: {0}; changes are seen only on SIGHUP; if the limit is reached, raise the sysctl \
         fs.inotify.max_user_instances"
    )]
    Start(#[source] notify::Error),
    /// The system allows no further directory.
    #[error(
        "cannot watch directory {path:?}: too many are watched; its changes are seen only on SIGHUP; raise the \
         sysctl fs.inotify.max_user_watches"
    )]
    Limit {
        /// The directory.
        path: PathBuf,
    },
    /// Something else.
    #[error("cannot watch directory {path:?}: {reason}; its changes are seen only on SIGHUP")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
}

#[derive(Debug, Default)]
struct Shared {
    pending: Mutex<Pending>,
    news: Condvar,
}

impl Watch {
    /// A watch that watches nothing yet.
    pub fn new() -> Self {
        Self {
            shared: Arc::default(),
            enabled: true,
            watcher: None,
            watched: BTreeSet::new(),
        }
    }

    /// A watch that never watches anything: only [`Signals`] wake its thread.
    pub fn disabled() -> Self {
        Self {
            enabled: false,
            ..Self::new()
        }
    }

    /// Whether it is not [`Watch::disabled`].
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// A handle that wakes the waiting thread.
    pub fn signals(&self) -> Signals {
        Signals {
            shared: Arc::clone(&self.shared),
        }
    }

    /// Watches exactly the directories of `points` from now on.
    pub fn set(&mut self, points: Points) -> Set {
        let mut set = Set::default();
        if !self.enabled {
            return set;
        }
        let lost = self.shared.lock().prepare(&points);
        if self.watcher.is_none() {
            match self.start() {
                Ok(watcher) => self.watcher = Some(watcher),
                Err(error) => set.errors.push(WatchError::Start(error)),
            }
        }
        let Some(watcher) = &mut self.watcher else {
            self.shared.lock().commit(points);
            return set;
        };
        // Watched paths whose directory went away may have another directory by now. The watcher forgets a removed
        // directory itself, so that failing to remove it is no news.
        self.watched.retain(|path| {
            let keep = points.contains(path) && !lost.contains(path);
            if !keep {
                let _ = watcher.unwatch(path);
            }
            keep
        });
        for path in points.directories() {
            if self.watched.contains(path) {
                continue;
            }
            match watcher.watch(path, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.watched.insert(path.clone());
                    set.added = true;
                }
                // It went away since the points were made: whoever looks again will not find it.
                Err(error) if matches!(error.kind, notify::ErrorKind::PathNotFound) => {
                    set.added = true;
                }
                Err(error) => set.errors.push(WatchError::directory(path, error)),
            }
        }
        self.shared.lock().commit(points);
        set
    }

    /// Blocks until something changed and it has been quiet for a moment, somebody asks for a reload or the end, or
    /// `deadline` has passed.
    pub fn wait(&self, deadline: Option<Instant>) -> Wake {
        let mut pending = self.shared.lock();
        loop {
            let now = Instant::now();
            let until = match pending.due(now) {
                Due::Now(wake) => return wake,
                Due::At(at) => Some(deadline.map_or(at, |deadline| deadline.min(at))),
                Due::Never => deadline,
            };
            if deadline.is_some_and(|deadline| deadline <= now) {
                return Wake::Deadline;
            }
            pending = match until {
                Some(until) => {
                    let timeout = until.saturating_duration_since(now);
                    let waited = self.shared.news.wait_timeout(pending, timeout);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self
                    .shared
                    .news
                    .wait(pending)
                    .unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Files that are being written right now: what they hold is not worth reading. They are reported when their
    /// writers close them.
    pub fn unfinished(&self) -> BTreeSet<PathBuf> {
        self.shared.lock().unfinished()
    }

    fn start(&self) -> notify::Result<RecommendedWatcher> {
        let shared = Arc::clone(&self.shared);
        notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let now = Instant::now();
            let mut pending = shared.lock();
            let relevant = match event {
                Ok(event) => pending.record(&event, now),
                Err(error) => {
                    tracing::warn!(%error, "events of watched files were lost; everything is read again");
                    pending.everything(now);
                    true
                }
            };
            drop(pending);
            if relevant {
                shared.news.notify_one();
            }
        })
    }
}

impl Default for Watch {
    fn default() -> Self {
        Self::new()
    }
}

impl Signals {
    /// Asks for everything to be read again.
    pub fn reload(&self) {
        self.shared.lock().reload = true;
        self.shared.news.notify_one();
    }

    /// Asks the thread to end.
    pub fn stop(&self) {
        self.shared.lock().stop = true;
        self.shared.news.notify_one();
    }
}

impl WatchError {
    fn directory(path: &Path, error: notify::Error) -> Self {
        let path = path.to_owned();
        match error.kind {
            notify::ErrorKind::MaxFilesWatch => Self::Limit { path },
            notify::ErrorKind::Io(error) => Self::Directory {
                path,
                reason: error.to_string(),
            },
            _ => Self::Directory {
                path,
                reason: error.to_string(),
            },
        }
    }
}

impl Shared {
    /// A panic elsewhere leaves the state whole: each of its methods changes it in steps that may stand alone.
    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
