//! A folder of manifests → changes of a snapshot.
//!
//! Files `*.yaml`, `*.yml` and `*.json`, in nested folders too, with several documents, `List`s and JSON streams.
//! Names that begin with a dot are skipped: editors' swap files, `.git`, and the `..data` links through which
//! Kubernetes swaps a mounted volume (its visible files are links and are followed).
//!
//! What is good stays: a file with a syntax error, or one that became empty or unreadable, keeps its last good
//! content; a malformed object keeps its last good version and touches no other object of its file.

mod decode;
mod documents;
mod files;
mod node;
mod plain;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hashbrown::HashMap;
use pointsman_config::Diagnostic;

use crate::snapshot::{Change, Object, ObjectId};
pub(crate) use decode::ANNOTATION_PREFIXES;
use files::{Content, Found, Stamp};

/// A folder of manifests, as it was last read.
///
/// [`Self::scan`] and [`Self::refresh`] do file I/O and block; nothing is watched here.
#[derive(Debug, Default)]
pub struct Folder {
    root: PathBuf,
    files: BTreeMap<Arc<Path>, File>,
    /// Files that hold an object, first one (by path) first: that one counts.
    owners: HashMap<ObjectId, Vec<Arc<Path>>>,
    duplicates: BTreeSet<ObjectId>,
    /// Folders that could not be listed, with the reason.
    unreadable: BTreeMap<PathBuf, String>,
    /// Files that are being written.
    held: BTreeSet<PathBuf>,
}

#[derive(Debug)]
struct File {
    /// `None`: too fresh to be trusted, a write within the clock's grain would go unseen.
    stamp: Option<Stamp>,
    hash: u64,
    /// Sorted by identity.
    objects: Vec<(ObjectId, Object)>,
    diagnostics: Vec<Diagnostic>,
}

/// What tells that a file is as it was.
#[derive(Clone, Copy, PartialEq)]
enum Trust {
    /// Time, size and inode.
    Stamps,
    /// Only its content.
    Nothing,
}

impl Folder {
    /// A folder that has not been read yet. `root` may also be a single file.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            ..Self::default()
        }
    }

    /// Reads everything that is new or has changed and says how the objects differ from those of the last read.
    ///
    /// Files whose time, size and inode are as before are not read again.
    pub fn scan(&mut self) -> Vec<Change> {
        let root = self.root.clone();
        self.update(&[root], Trust::Stamps)
    }

    /// Leaves files that are being written alone: they hold what they held before, until this is called without them
    /// and they are read again.
    pub fn hold(&mut self, files: BTreeSet<PathBuf>) {
        self.held = files;
    }

    /// Reads what `paths` (files or folders, as a watcher reports them) hold now.
    ///
    /// Named files are compared by content, whatever their times say. Paths that are hidden (a `..data` link that was
    /// swapped) or lie outside of the folder stand for the whole folder.
    pub fn refresh(&mut self, paths: &[PathBuf]) -> Vec<Change> {
        let visible = |path: &PathBuf| {
            let inside = path.strip_prefix(&self.root);
            inside.is_ok_and(|inside| {
                !inside.as_os_str().is_empty() && !inside.iter().any(files::is_hidden)
            })
        };
        if paths.iter().all(visible) && self.root.exists() {
            self.update(paths, Trust::Nothing)
        } else {
            self.scan()
        }
    }

    /// Every problem of the folder as it stands, by file.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let folders = self.unreadable.iter().map(|(path, reason)| {
            let message = format!("{reason}: what was read before stays; make the folder readable");
            Diagnostic::error(format!("folder {}", path.display()), "", message)
        });
        let files = self
            .files
            .values()
            .flat_map(|file| file.diagnostics.iter().cloned());
        let duplicates = self.duplicates.iter().filter_map(|id| {
            let (first, rest) = self.owners.get(id)?.split_first()?;
            let rest: Vec<_> = rest.iter().map(|path| self.display(path)).collect();
            let message = format!(
                "defined in {} too: the one in {} counts, being the first by path; remove the others",
                rest.join(", "),
                self.display(first),
            );
            Some(Diagnostic::warning(id.to_string(), "", message))
        });
        folders.chain(files).chain(duplicates).collect()
    }

    /// The folder's path.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Number of files that were read.
    pub fn file_count(&self) -> usize {
        self.files.len()
    }

    fn update(&mut self, paths: &[PathBuf], trust: Trust) -> Vec<Change> {
        let mut found = BTreeMap::new();
        for path in paths {
            self.unreadable
                .retain(|folder, _| !folder.starts_with(path));
            for (path, what) in files::walk(path, *path == self.root) {
                match what {
                    Found::File(stamp) => {
                        found.insert(path, stamp);
                    }
                    Found::Unreadable(reason) => {
                        self.unreadable.insert(path, reason);
                    }
                }
            }
        }
        let gone: Vec<Arc<Path>> = paths
            .iter()
            .flat_map(|path| {
                let from = (Bound::Included(path.as_path()), Bound::Unbounded);
                self.files
                    .range::<Path, _>(from)
                    .take_while(move |(file, _)| file.starts_with(path))
            })
            .map(|(file, _)| file)
            .filter(|file| !found.contains_key(&***file) && !self.is_unreadable(file))
            .cloned()
            .collect();
        let stale: Vec<(PathBuf, Stamp)> = found
            .into_iter()
            .filter(|(path, stamp)| {
                !self.held.contains(path)
                    && (trust == Trust::Nothing
                        || self
                            .files
                            .get(path.as_path())
                            .is_none_or(|file| file.stamp.as_ref() != Some(stamp)))
            })
            .collect();
        let mut affected = BTreeSet::new();
        for path in gone {
            self.remove(&path, &mut affected);
        }
        for (path, stamp, content) in files::read_all(&self.root, stale, |path| {
            self.files.get(path).map(|f| f.hash)
        }) {
            self.take(path.into(), stamp, content, &mut affected);
        }
        affected.into_iter().map(|id| self.winner(id)).collect()
    }

    /// Under a folder that can't be listed nothing is known to be gone.
    fn is_unreadable(&self, file: &Path) -> bool {
        self.unreadable
            .keys()
            .any(|folder| file.starts_with(folder))
    }

    fn remove(&mut self, path: &Arc<Path>, affected: &mut BTreeSet<ObjectId>) {
        let Some(file) = self.files.remove(path) else {
            return;
        };
        for (id, _) in file.objects {
            self.disown(&id, path);
            affected.insert(id);
        }
    }

    fn take(
        &mut self,
        path: Arc<Path>,
        stamp: Option<Stamp>,
        content: Content,
        affected: &mut BTreeSet<ObjectId>,
    ) {
        let old = self.files.remove(&path);
        let (file, changed) = match (content, old) {
            (Content::Vanished, old) => {
                if let Some(old) = old {
                    self.files.insert(path.clone(), old);
                    self.remove(&path, affected);
                }
                return;
            }
            (Content::Same, Some(old)) => (File { stamp, ..old }, Vec::new()),
            (Content::Same, None) => return,
            (Content::Broken { hash, problem }, old) => {
                let objects = old.map(|old| old.objects).unwrap_or_default();
                (
                    File {
                        stamp,
                        hash,
                        objects,
                        diagnostics: vec![problem],
                    },
                    Vec::new(),
                )
            }
            (Content::Parsed { hash, parsed }, old) => {
                let (objects, changed) =
                    parsed.merge(old.map(|old| old.objects).unwrap_or_default());
                (
                    File {
                        stamp,
                        hash,
                        objects,
                        diagnostics: parsed.diagnostics,
                    },
                    changed,
                )
            }
        };
        for id in changed {
            if file
                .objects
                .binary_search_by(|(other, _)| other.cmp(&id))
                .is_ok()
            {
                self.own(&id, &path);
            } else {
                self.disown(&id, &path);
            }
            affected.insert(id);
        }
        self.files.insert(path, file);
    }

    fn own(&mut self, id: &ObjectId, path: &Arc<Path>) {
        let owners = self.owners.entry(id.clone()).or_default();
        if let Err(at) = owners.binary_search(path) {
            owners.insert(at, path.clone());
        }
        if owners.len() > 1 {
            self.duplicates.insert(id.clone());
        } else {
            owners.shrink_to_fit();
        }
    }

    fn disown(&mut self, id: &ObjectId, path: &Arc<Path>) {
        let Some(owners) = self.owners.get_mut(id) else {
            return;
        };
        owners.retain(|owner| owner != path);
        if owners.len() < 2 {
            self.duplicates.remove(id);
        }
        if owners.is_empty() {
            self.owners.remove(id);
        }
    }

    fn winner(&self, id: ObjectId) -> Change {
        let object = self.owners.get(&id).and_then(|owners| {
            let file = self.files.get(owners.first()?)?;
            let at = file
                .objects
                .binary_search_by(|(other, _)| other.cmp(&id))
                .ok()?;
            file.objects.get(at).map(|(_, object)| object.clone())
        });
        object.map_or(Change::Delete(id), Change::Upsert)
    }

    fn display(&self, path: &Path) -> String {
        files::display(&self.root, path)
    }
}

#[cfg(test)]
mod tests;
