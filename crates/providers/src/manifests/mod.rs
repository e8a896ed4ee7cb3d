//! The Ingress provider without a cluster: Kubernetes objects from a folder of manifests.
//!
//! The same snapshot and the same translation as with an API server; see `pointsman_kubernetes`. What is wanted in the
//! status of Ingresses is dropped: nobody writes into the user's files.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pointsman_config::Diagnostic;
use pointsman_config::dynamic::Configuration;
use pointsman_kubernetes::ingress::{Options, Translator};
use pointsman_kubernetes::manifests::Folder;
use pointsman_kubernetes::snapshot::{Change, Snapshot};
use pointsman_provider::Sender;

use crate::driver::{Reading, Reread, Running, Source};
use crate::watch::{Changes, Points, Watch};

/// The part after the `@` of its objects' names.
pub const NAME: &str = "kubernetes";

/// Deepest nesting of folders that are watched, as of those that are read.
const MAX_DEPTH: usize = 16;

/// The running provider. Dropping it ends its thread.
#[derive(Debug)]
pub struct ManifestsProvider {
    running: Running,
}

impl ManifestsProvider {
    /// Reads the manifests at `root` (a folder, or a single file), sends what they mean, and watches them.
    ///
    /// # Errors
    ///
    /// The system gives no thread. What is wrong with the manifests is sent as diagnostics.
    pub fn start(root: impl Into<PathBuf>, options: Options, sender: Sender) -> io::Result<Self> {
        let mut manifests = Manifests::new(root.into(), options);
        let first = manifests.read(Reread::Stale, &BTreeSet::new());
        let running = Running::start("provider-manifests", manifests, first, Watch::new(), sender)?;
        Ok(Self { running })
    }

    /// Reads everything again, changed or not: what SIGHUP asks for.
    pub fn reload(&self) {
        self.running.reload();
    }
}

/// The folder, what it holds, and what that means.
struct Manifests {
    folder: Folder,
    snapshot: Snapshot,
    translator: Translator,
    options: Options,
    configuration: Option<Arc<Configuration>>,
    diagnostics: Vec<Diagnostic>,
    places: Places,
}

/// How real paths, which a watch reports, and the paths of the folder belong together.
#[derive(Debug, Default)]
struct Places {
    /// Where the folder's own path and the links in it lead.
    links: BTreeMap<PathBuf, BTreeSet<PathBuf>>,
    /// Watched folders.
    folders: BTreeSet<PathBuf>,
}

impl Manifests {
    fn new(root: PathBuf, options: Options) -> Self {
        // Relative paths would change their meaning with the working directory, and are hard to find from a log.
        let root = std::path::absolute(&root).unwrap_or(root);
        Self {
            folder: Folder::new(root),
            snapshot: Snapshot::default(),
            translator: Translator::default(),
            options,
            configuration: None,
            diagnostics: Vec::new(),
            places: Places::default(),
        }
    }

    /// Reads every file again, and finds those that are gone.
    fn reread(&mut self) -> Vec<Change> {
        let entries = fs::read_dir(self.folder.root());
        let visible = entries
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| !is_hidden(&entry.file_name()))
            .map(|entry| entry.path())
            .collect::<Vec<_>>();
        let mut changes = self.folder.refresh(&visible);
        changes.extend(self.folder.scan());
        changes
    }

    fn refresh(&mut self, changes: &Changes) -> Vec<Change> {
        let mut paths = BTreeSet::new();
        for path in &changes.paths {
            if self.places.folders.contains(path) && path.is_dir() {
                // Its own permissions or times; what happens in it has its own events.
                continue;
            }
            if is_private(path) {
                continue;
            }
            paths.extend(self.places.inside(path));
        }
        if paths.is_empty() {
            return Vec::new();
        }
        self.folder.refresh(&paths.into_iter().collect::<Vec<_>>())
    }

    /// Whether what must be watched may differ after `changes`.
    fn moved(&self, changes: &Changes) -> bool {
        let is_file = |path: &PathBuf| {
            let known = !self.places.folders.contains(path) && self.places.is_inside(path);
            known && fs::symlink_metadata(path).map_or(true, |metadata| metadata.is_file())
        };
        changes.everything || !changes.paths.iter().all(is_file)
    }
}

impl Source for Manifests {
    fn read(&mut self, reread: Reread<'_>, unfinished: &BTreeSet<PathBuf>) -> Reading {
        let held = unfinished.iter().flat_map(|path| self.places.inside(path));
        let held = held.collect();
        self.folder.hold(held);
        let (changes, moved) = match reread {
            Reread::Everything => (self.reread(), true),
            Reread::Stale => (self.folder.scan(), true),
            Reread::Changes(changes) if changes.everything => (self.reread(), true),
            Reread::Changes(changes) => (self.refresh(changes), self.moved(changes)),
        };
        let touched = self.snapshot.apply_all(changes);
        let mut diagnostics = self.folder.diagnostics();
        // A folder that was never there says nothing; one that is empty says that there is nothing.
        let known = self.configuration.is_some() || self.folder.root().exists();
        let mut changed = false;
        if known {
            let translation = self
                .translator
                .translate(&self.snapshot, &self.options, &touched);
            diagnostics.extend(translation.diagnostics);
            changed = self
                .configuration
                .as_ref()
                .is_none_or(|before| !Arc::ptr_eq(before, &translation.configuration));
            self.configuration = Some(translation.configuration);
        }
        changed |= diagnostics != self.diagnostics;
        self.diagnostics = diagnostics;
        Reading {
            configuration: self.configuration.clone(),
            diagnostics: self.diagnostics.clone(),
            changed,
            moved,
        }
    }

    fn points(&mut self) -> Points {
        let mut points = Points::default();
        let mut places = Places::default();
        let root = self.folder.root();
        if let Some(real) = points.add_path(root) {
            places.link(real, root);
        }
        places.add_folder(root, &mut points, MAX_DEPTH);
        self.places = places;
        points
    }
}

impl Places {
    /// Watches the folder at `path`, those below it, and where links in them lead; hidden entries are not read.
    fn add_folder(&mut self, path: &Path, points: &mut Points, depth: usize) {
        let Some(real) = points.add_directory(path) else {
            return;
        };
        if !self.folders.insert(real) || depth == 0 {
            return;
        }
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| !is_hidden(&entry.file_name())) {
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            let below = entry.path();
            if kind.is_symlink()
                && let Some(real) = points.add_path(&below)
            {
                self.link(real, &below);
            }
            if kind.is_dir() || kind.is_symlink() {
                self.add_folder(&below, points, depth - 1);
            }
        }
    }

    fn link(&mut self, real: PathBuf, path: &Path) {
        self.links.entry(real).or_default().insert(path.to_owned());
    }

    fn is_inside(&self, real: &Path) -> bool {
        real.ancestors()
            .any(|ancestor| self.links.contains_key(ancestor))
    }

    /// The paths in the folder that lead to `real`: several if several links do. One that only a link on the way
    /// leads to stays as it is, and means the whole folder.
    fn inside(&self, real: &Path) -> BTreeSet<PathBuf> {
        let mut paths = BTreeSet::new();
        for ancestor in real.ancestors() {
            let Ok(rest) = real.strip_prefix(ancestor) else {
                continue;
            };
            for link in self.links.get(ancestor).into_iter().flatten() {
                paths.insert(if rest.as_os_str().is_empty() {
                    link.clone()
                } else {
                    link.join(rest)
                });
            }
        }
        if paths.is_empty() {
            paths.insert(real.to_owned());
        }
        paths
    }
}

/// Editors' swap files and the like: nothing that is read, and no link of the kubelet, whose names begin with `..`.
fn is_private(path: &Path) -> bool {
    path.file_name().is_some_and(|name| {
        let name = name.as_encoded_bytes();
        name.starts_with(b".") && !name.starts_with(b"..")
    })
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

#[cfg(test)]
mod tests;
