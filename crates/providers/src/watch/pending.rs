//! What happened and has not been handed out, as a state machine without I/O other than one `lstat`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::mem;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind};
use notify::{Event, EventKind};

use super::{Points, Wake};

/// Changes are handed out when nothing has happened for so long.
const QUIET: Duration = Duration::from_millis(1);

/// And in a storm at least this often.
const LONGEST: Duration = Duration::from_millis(10);

/// A file that is written to and not closed is taken for finished after this long without a write. Only Linux says
/// when a writer closes a file.
const ABANDONED: Duration = if cfg!(target_os = "linux") {
    Duration::from_secs(10)
} else {
    Duration::from_millis(50)
};

/// More paths than this at once are not listed one by one.
const MAX_PATHS: usize = 4_096;

/// What may have changed. Paths are real: no link stands in them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// Files, links and directories that were written, replaced, created, moved or removed.
    pub paths: BTreeSet<PathBuf>,
    /// Anything may have changed: events were lost or too many to list.
    pub everything: bool,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) reload: bool,
    pub(super) stop: bool,
    /// What is watched, and what was before while that is being changed.
    points: Points,
    outgoing: Option<Points>,
    changed: BTreeSet<PathBuf>,
    everything: bool,
    /// When the oldest and the newest change that is not handed out were seen.
    span: Option<(Instant, Instant)>,
    /// Files being written, with the time of the last write.
    writing: BTreeMap<PathBuf, Instant>,
    /// Watched directories that went away.
    lost: BTreeSet<PathBuf>,
}

#[derive(Debug, PartialEq)]
pub(super) enum Due {
    Now(Wake),
    At(Instant),
    Never,
}

impl Pending {
    /// Before directories are added and removed: events of old and new ones count. Returns the watched directories
    /// that went away.
    pub(super) fn prepare(&mut self, points: &Points) -> BTreeSet<PathBuf> {
        self.outgoing = Some(mem::replace(&mut self.points, points.clone()));
        mem::take(&mut self.lost)
    }

    /// After that.
    pub(super) fn commit(&mut self, points: Points) {
        self.writing.retain(|path, _| points.matter(path));
        self.points = points;
        self.outgoing = None;
    }

    /// Anything may have changed.
    pub(super) fn everything(&mut self, now: Instant) {
        self.everything = true;
        self.changed.clear();
        self.touch(now);
    }

    /// Takes an event; says whether the waiting thread must look.
    pub(super) fn record(&mut self, event: &Event, now: Instant) -> bool {
        if event.need_rescan() {
            self.everything(now);
            return true;
        }
        let mut relevant = false;
        for path in &event.paths {
            if self.matter(path) {
                relevant |= self.record_path(event.kind, path, now);
            }
        }
        relevant
    }

    pub(super) fn unfinished(&self) -> BTreeSet<PathBuf> {
        self.writing.keys().cloned().collect()
    }

    /// What the waiting thread is to do at `now`.
    pub(super) fn due(&mut self, now: Instant) -> Due {
        if self.stop {
            return Due::Now(Wake::Stop);
        }
        if mem::take(&mut self.reload) {
            self.take();
            return Due::Now(Wake::Reload);
        }
        let abandoned = self.finish_abandoned(now);
        let Some((oldest, newest)) = self.span else {
            return abandoned.map_or(Due::Never, Due::At);
        };
        let due = (newest + QUIET).min(oldest + LONGEST);
        if due > now {
            return Due::At(abandoned.map_or(due, |abandoned| abandoned.min(due)));
        }
        Due::Now(Wake::Changed(self.take()))
    }

    fn matter(&self, path: &Path) -> bool {
        self.points.matter(path)
            || self
                .outgoing
                .as_ref()
                .is_some_and(|points| points.matter(path))
    }

    fn watched(&self, path: &Path) -> bool {
        self.points.contains(path)
            || self
                .outgoing
                .as_ref()
                .is_some_and(|points| points.contains(path))
    }

    fn record_path(&mut self, kind: EventKind, path: &Path, now: Instant) -> bool {
        match kind {
            // Reading makes these; they must not cause reading.
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => {}
            EventKind::Access(_) => return false,
            EventKind::Modify(ModifyKind::Data(_)) => {
                // The waiting thread need not know of later writes: they only put off when it must look.
                return self.writing.insert(path.to_owned(), now).is_none();
            }
            EventKind::Modify(ModifyKind::Metadata(_)) => {
                if self.writing.contains_key(path) {
                    return false;
                }
            }
            EventKind::Create(CreateKind::File | CreateKind::Any) => {
                if fs::symlink_metadata(path).is_ok_and(|metadata| is_being_created(&metadata)) {
                    self.writing.insert(path.to_owned(), now);
                    return true;
                }
            }
            EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)) => {
                if self.watched(path) {
                    self.lost.insert(path.to_owned());
                }
            }
            EventKind::Create(_) | EventKind::Modify(_) | EventKind::Any | EventKind::Other => {}
        }
        self.writing.remove(path);
        self.change(path.to_owned(), now);
        true
    }

    fn change(&mut self, path: PathBuf, now: Instant) {
        if !self.everything {
            self.changed.insert(path);
        }
        if self.changed.len() > MAX_PATHS {
            self.everything(now);
        }
        self.touch(now);
    }

    fn touch(&mut self, now: Instant) {
        let oldest = self.span.map_or(now, |(oldest, _)| oldest);
        self.span = Some((oldest, now));
    }

    /// Takes files for finished whose writers have been silent for long; says when the next one will be. An empty
    /// one stays: its writer has made room and not begun.
    fn finish_abandoned(&mut self, now: Instant) -> Option<Instant> {
        let mut finished = Vec::new();
        let mut next: Option<Instant> = None;
        for (path, written) in &mut self.writing {
            if *written + ABANDONED <= now {
                if fs::metadata(path).is_ok_and(|metadata| metadata.len() == 0) {
                    *written = now;
                } else {
                    finished.push(path.clone());
                    continue;
                }
            }
            let at = *written + ABANDONED;
            next = Some(next.map_or(at, |next| next.min(at)));
        }
        for path in finished {
            self.writing.remove(&path);
            self.change(path, now);
        }
        next
    }

    fn take(&mut self) -> Changes {
        self.span = None;
        Changes {
            paths: mem::take(&mut self.changed),
            everything: mem::take(&mut self.everything),
        }
    }
}

/// A plain file with one name has just been opened to be written; one with several is a new name of a finished file.
fn is_being_created(metadata: &Metadata) -> bool {
    #[cfg(unix)]
    let names = std::os::unix::fs::MetadataExt::nlink(metadata);
    #[cfg(not(unix))]
    let names = 1;
    metadata.is_file() && names == 1
}

#[cfg(test)]
mod tests {
    use notify::event::{DataChange, Flag, RenameMode};
    use tempfile::TempDir;

    use super::*;

    fn pending() -> (TempDir, PathBuf, Pending) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let mut points = Points::default();
        points.add_directory(&root).unwrap();
        let mut pending = Pending::default();
        pending.prepare(&points);
        pending.commit(points);
        (folder, root, pending)
    }

    fn event(kind: EventKind, path: &Path) -> Event {
        Event::new(kind).add_path(path.to_owned())
    }

    const WRITTEN: EventKind = EventKind::Modify(ModifyKind::Data(DataChange::Any));
    const CLOSED: EventKind = EventKind::Access(AccessKind::Close(AccessMode::Write));
    const READ: EventKind = EventKind::Access(AccessKind::Close(AccessMode::Read));

    fn changed(paths: &[&Path]) -> Due {
        Due::Now(Wake::Changed(Changes {
            paths: paths.iter().map(|path| path.to_path_buf()).collect(),
            everything: false,
        }))
    }

    #[test]
    fn changes_wait_for_a_quiet_moment_but_not_for_ever() {
        let (_folder, root, mut pending) = pending();
        let start = Instant::now();
        let path = root.join("a");
        assert!(pending.record(&event(CLOSED, &path), start));
        assert_eq!(pending.due(start), Due::At(start + QUIET));
        let mut now = start;
        while now < start + LONGEST {
            assert!(matches!(pending.due(now), Due::At(_)), "{:?}", now - start);
            assert!(pending.record(&event(CLOSED, &path), now));
            now += QUIET / 2;
        }
        assert_eq!(pending.due(now), changed(&[&path]));
        assert_eq!(pending.due(now), Due::Never);
    }

    #[test]
    fn reading_wakes_nobody() {
        let (_folder, root, mut pending) = pending();
        let now = Instant::now();
        assert!(!pending.record(&event(READ, &root.join("a")), now));
        assert_eq!(pending.due(now + LONGEST), Due::Never);
    }

    #[test]
    fn a_file_whose_writer_never_closes_it_is_taken_for_finished_unless_it_is_empty() {
        let (_folder, root, mut pending) = pending();
        let start = Instant::now();
        let (full, empty) = (root.join("full"), root.join("empty"));
        fs::write(&full, "x").unwrap();
        fs::write(&empty, "").unwrap();
        pending.record(&event(WRITTEN, &full), start);
        pending.record(&event(WRITTEN, &empty), start);
        assert_eq!(pending.due(start), Due::At(start + ABANDONED));
        // Every write puts it off.
        let later = start + ABANDONED / 2;
        pending.record(&event(WRITTEN, &full), later);
        assert_eq!(pending.due(start + ABANDONED), Due::At(later + ABANDONED));
        let now = later + ABANDONED;
        assert_eq!(pending.due(now), Due::At(now + QUIET));
        assert_eq!(pending.due(now + QUIET), changed(&[&full]));
        assert_eq!(pending.unfinished(), BTreeSet::from([empty]));
    }

    #[test]
    fn lost_events_and_too_many_paths_mean_everything() {
        let everything = Due::Now(Wake::Changed(Changes {
            paths: BTreeSet::new(),
            everything: true,
        }));
        let (_folder, root, mut pending) = pending();
        let start = Instant::now();
        pending.record(&event(CLOSED, &root.join("a")), start);
        pending.record(&Event::new(EventKind::Other).set_flag(Flag::Rescan), start);
        assert_eq!(pending.due(start + QUIET), everything);
        for n in 0..=MAX_PATHS {
            pending.record(&event(CLOSED, &root.join(n.to_string())), start);
        }
        assert_eq!(pending.due(start + LONGEST), everything);
    }

    #[test]
    fn a_watched_directory_that_goes_is_lost_once() {
        let (_folder, root, mut pending) = pending();
        let now = Instant::now();
        let moved = EventKind::Modify(ModifyKind::Name(RenameMode::From));
        assert!(pending.record(&event(moved, &root), now));
        assert_eq!(pending.due(now + QUIET), changed(&[&root]));
        let points = pending.points.clone();
        assert_eq!(pending.prepare(&points), BTreeSet::from([root]));
        assert_eq!(pending.prepare(&points), BTreeSet::new());
    }

    #[test]
    fn stopping_goes_before_reloading_and_reloading_before_changes() {
        let (_folder, root, mut pending) = pending();
        let now = Instant::now();
        pending.record(&event(CLOSED, &root.join("a")), now);
        pending.reload = true;
        assert_eq!(pending.due(now), Due::Now(Wake::Reload));
        assert_eq!(
            pending.due(now + QUIET),
            Due::Never,
            "the reload saw it all"
        );
        pending.reload = true;
        pending.stop = true;
        assert_eq!(pending.due(now), Due::Now(Wake::Stop));
    }
}
