//! Files and what they held when they were last good. Blocking; nothing is watched here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use pointsman_config::dynamic::Configuration;
use pointsman_config::{Diagnostic, Severity};

use super::combine::combine;
use super::parse::{Format, parse};
use super::{Location, pem};
use crate::driver::{Reading, Reread, Source};
use crate::watch::{Changes, Points};

/// Largest file that is read. Larger than any configuration, small enough to be read by mistake.
const MAX_BYTES: u64 = 64 << 20;

/// Reads the files of a location and remembers them.
#[derive(Debug)]
pub(super) struct Loader {
    location: Location,
    /// By path, which is also the order in which they count.
    files: BTreeMap<PathBuf, File>,
    pems: BTreeMap<PathBuf, Pem>,
    /// Directories that could not be listed, and why.
    unlisted: BTreeMap<PathBuf, String>,
    /// Whether the location could be read at least once.
    found: bool,
}

/// A file of the configuration.
#[derive(Debug, Default)]
struct File {
    /// For diagnostics: the path as text.
    name: String,
    /// Where the path leads.
    real: Option<PathBuf>,
    stamp: Option<Stamp>,
    /// The content that is used.
    used: Option<Used>,
    diagnostics: Vec<Diagnostic>,
    /// The PEM files that it names.
    pems: BTreeSet<PathBuf>,
}

#[derive(Debug)]
struct Used {
    configuration: Configuration,
    /// Without an error. What had one from the start is used in part, until there is something better.
    whole: bool,
}

/// A PEM file.
#[derive(Debug, Default)]
struct Pem {
    real: Option<PathBuf>,
    stamp: Option<Stamp>,
    /// Its last good content.
    content: Option<String>,
    problem: Option<String>,
}

/// What tells a file that was written from one that was not.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    size: u64,
    identity: (u64, u64, i64, i64),
}

/// Which files may have changed.
struct Suspects<'a> {
    reread: Reread<'a>,
    unfinished: &'a BTreeSet<PathBuf>,
}

impl Loader {
    pub(super) fn new(location: Location) -> Self {
        Self {
            location,
            files: BTreeMap::new(),
            pems: BTreeMap::new(),
            unlisted: BTreeMap::new(),
            found: false,
        }
    }

    /// Whether `changes` are new contents of known files and nothing else.
    fn only_contents(&self, changes: &Changes) -> bool {
        let known = |path: &PathBuf| {
            let is = |real: &Option<PathBuf>| real.as_ref() == Some(path);
            self.files.values().any(|file| is(&file.real))
                || self.pems.values().any(|pem| is(&pem.real))
        };
        !changes.everything
            && changes.paths.iter().all(|path| {
                known(path) && fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file())
            })
    }

    /// The files that there are, or `None` if the location itself cannot be read.
    fn list(&mut self) -> Option<BTreeSet<PathBuf>> {
        self.unlisted.clear();
        let mut listed = BTreeSet::new();
        match &self.location {
            Location::File(path) => {
                listed.insert(path.clone());
            }
            Location::Directory(root) => {
                let mut todo = vec![root.clone()];
                while let Some(directory) = todo.pop() {
                    if let Err(error) = list_directory(&directory, &mut listed, &mut todo) {
                        let gone = error.kind() == io::ErrorKind::NotFound && directory != *root;
                        if !gone {
                            self.unlisted.insert(directory, error.to_string());
                        }
                    }
                }
                if self.unlisted.contains_key(root) {
                    return None;
                }
            }
        }
        Some(listed)
    }

    /// Reads `path` again if it may have changed; says whether it was.
    fn refresh(&mut self, path: &Path, suspects: &Suspects<'_>) -> bool {
        let (real, stamp) = look(path);
        if real
            .as_ref()
            .is_some_and(|real| suspects.unfinished.contains(real))
        {
            return false;
        }
        let old = self.files.get(path);
        let fresh = old.is_some_and(|file| {
            !suspects.suspect(real.as_deref(), stamp.as_ref(), file.stamp.as_ref())
                && file
                    .pems
                    .iter()
                    .all(|path| self.pem_is_fresh(path, suspects))
        });
        if fresh {
            return false;
        }
        let mut file = self.files.remove(path).unwrap_or_default();
        file.name = path.display().to_string();
        file.real = real;
        file.stamp = stamp;
        self.fill(&mut file, path, suspects);
        self.files.insert(path.to_owned(), file);
        true
    }

    fn pem_is_fresh(&self, path: &Path, suspects: &Suspects<'_>) -> bool {
        let (real, stamp) = look(path);
        self.pems.get(path).is_some_and(|pem| {
            !suspects.suspect(real.as_deref(), stamp.as_ref(), pem.stamp.as_ref())
        })
    }

    /// Reads and parses a file; if that fails, its last good content stays.
    fn fill(&mut self, file: &mut File, path: &Path, suspects: &Suspects<'_>) {
        let object = format!("file {}", file.name);
        match self.parse(file, path, &object, suspects) {
            Ok((configuration, diagnostics)) => {
                file.diagnostics = diagnostics;
                let whole = !file
                    .diagnostics
                    .iter()
                    .any(|problem| problem.severity == Severity::Error);
                if whole || file.used.as_ref().is_none_or(|used| !used.whole) {
                    file.used = Some(Used {
                        configuration,
                        whole,
                    });
                    return;
                }
            }
            Err(problem) => file.diagnostics = vec![problem],
        }
        if file.used.is_some() {
            file.diagnostics.push(Diagnostic::warning(
                object,
                "",
                "its last good content stays in use until its errors are mended",
            ));
        }
    }

    fn parse(
        &mut self,
        file: &mut File,
        path: &Path,
        object: &str,
        suspects: &Suspects<'_>,
    ) -> Result<(Configuration, Vec<Diagnostic>), Diagnostic> {
        let format = match self.location {
            Location::File(_) => Format::of_file(path),
            Location::Directory(_) => Format::in_directory(path),
        };
        let format = format.ok_or_else(|| {
            Diagnostic::error(
                object,
                "",
                "unknown kind of file: name it .yaml, .yml, .toml or .json",
            )
        })?;
        let text = read_file(path)
            .map_err(|reason| Diagnostic::error(object, "", format!("cannot be read: {reason}")))?;
        let (mut configuration, mut diagnostics) = parse(&text, format, object)?;
        file.pems.clear();
        pem::inline(&mut configuration, &mut |place, value, is_key| {
            if value.is_empty() || value.contains("-----BEGIN") {
                return None;
            }
            let path = PathBuf::from(value);
            file.pems.insert(path.clone());
            let pem = self.pems.entry(path.clone()).or_default();
            pem.refresh(&path, suspects);
            if let Some(problem) = &pem.problem {
                let rest = if pem.content.is_some() {
                    "its last good content stays in use"
                } else {
                    "what needs it is disabled"
                };
                // What stands for a key's path may be the key itself, pasted without its first line.
                let shown = if is_key {
                    String::new()
                } else {
                    format!(" {value:?}")
                };
                diagnostics.push(Diagnostic::error(
                    object,
                    place,
                    format!("PEM file{shown} cannot be read: {problem}; {rest}"),
                ));
            }
            pem.content.clone()
        });
        Ok((configuration, diagnostics))
    }

    fn reading(&self, changed: bool, moved: bool) -> Reading {
        let used = self.files.values().filter_map(|file| {
            let used = file.used.as_ref()?;
            Some((file.name.as_str(), &used.configuration))
        });
        let (configuration, duplicates) = combine(used);
        let unlisted = self.unlisted.iter().map(|(path, reason)| {
            Diagnostic::error(
                format!("directory {}", path.display()),
                "",
                format!("cannot be listed: {reason}; what was read from it before stays"),
            )
        });
        let files = self
            .files
            .values()
            .flat_map(|file| file.diagnostics.iter().cloned());
        Reading {
            configuration: self.found.then(|| Arc::new(configuration)),
            diagnostics: unlisted.chain(files).chain(duplicates).collect(),
            changed,
            moved,
        }
    }

    fn pem_paths(&self) -> BTreeSet<PathBuf> {
        self.files
            .values()
            .flat_map(|file| file.pems.iter().cloned())
            .collect()
    }
}

impl Source for Loader {
    fn read(&mut self, reread: Reread<'_>, unfinished: &BTreeSet<PathBuf>) -> Reading {
        let suspects = Suspects { reread, unfinished };
        let pems = self.pem_paths();
        let unlisted = self.unlisted.clone();
        let only_contents =
            matches!(reread, Reread::Changes(changes) if self.only_contents(changes));
        let mut changed = false;
        if only_contents {
            let paths: Vec<_> = self.files.keys().cloned().collect();
            for path in paths {
                changed |= self.refresh(&path, &suspects);
            }
        } else if let Some(listed) = self.list() {
            for path in &listed {
                changed |= self.refresh(path, &suspects);
            }
            let before = self.files.len();
            let unlisted = &self.unlisted;
            // Nothing is known to be gone from a directory that cannot be listed.
            self.files.retain(|path, _| {
                listed.contains(path)
                    || unlisted.keys().any(|directory| path.starts_with(directory))
            });
            changed |= self.files.len() != before;
        }
        changed |= self.unlisted != unlisted;
        let named = self.pem_paths();
        self.pems.retain(|path, _| named.contains(path));
        self.found |= match self.location {
            Location::Directory(ref root) => !self.unlisted.contains_key(root),
            Location::File(_) => self.files.values().any(|file| file.used.is_some()),
        };
        self.reading(changed, !only_contents || pems != named)
    }

    fn points(&mut self) -> Points {
        let mut points = Points::default();
        match &self.location {
            Location::File(path) => {
                points.add_path(path);
            }
            Location::Directory(root) => {
                points.add_directory(root);
                let mut listed = BTreeSet::new();
                let mut todo = vec![root.clone()];
                while let Some(directory) = todo.pop() {
                    let from = todo.len();
                    // What cannot be listed is reported by reading.
                    let _ = list_directory(&directory, &mut listed, &mut todo);
                    for below in todo.iter().skip(from) {
                        points.add_directory(below);
                    }
                }
                let links = listed.iter().filter(|path| path.is_symlink());
                for path in links {
                    points.add_path(path);
                }
            }
        }
        for path in self.pems.keys() {
            points.add_path(path);
        }
        points
    }
}

impl Suspects<'_> {
    /// Whether what leads to `real` and looks like `now` may hold something else than when it looked like `then`.
    fn suspect(&self, real: Option<&Path>, now: Option<&Stamp>, then: Option<&Stamp>) -> bool {
        now != then
            || match self.reread {
                Reread::Everything => true,
                Reread::Stale => false,
                Reread::Changes(changes) => {
                    changes.everything || real.is_some_and(|real| changes.paths.contains(real))
                }
            }
    }
}

impl Pem {
    /// Reads the file again if it may have changed; if that fails, its last good content stays.
    fn refresh(&mut self, path: &Path, suspects: &Suspects<'_>) {
        let (real, stamp) = look(path);
        if real
            .as_ref()
            .is_some_and(|real| suspects.unfinished.contains(real))
        {
            if self.content.is_none() {
                self.real = real;
                self.problem = Some("it is being written".to_owned());
            }
            return;
        }
        let read = self.content.is_none()
            || self.problem.is_some()
            || suspects.suspect(real.as_deref(), stamp.as_ref(), self.stamp.as_ref());
        self.real = real;
        self.stamp = stamp;
        if !read {
            return;
        }
        let text = read_file(path).and_then(|bytes| {
            let text = String::from_utf8(bytes).map_err(|_| "it is not text".to_owned())?;
            if text.trim().is_empty() {
                return Err("it is empty".to_owned());
            }
            Ok(text)
        });
        match text {
            Ok(text) => {
                self.content = Some(text);
                self.problem = None;
            }
            Err(problem) => self.problem = Some(problem),
        }
    }
}

/// The real path and the stamp of what is at the end of `path`.
fn look(path: &Path) -> (Option<PathBuf>, Option<Stamp>) {
    let stamp = fs::metadata(path).ok().map(|metadata| Stamp::of(&metadata));
    (fs::canonicalize(path).ok(), stamp)
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        let identity = {
            use std::os::unix::fs::MetadataExt as _;
            (
                metadata.dev(),
                metadata.ino(),
                metadata.ctime(),
                metadata.ctime_nsec(),
            )
        };
        #[cfg(not(unix))]
        let identity = (0, 0, 0, 0);
        Self {
            modified: metadata.modified().ok(),
            size: metadata.len(),
            identity,
        }
    }
}

/// Adds the files of `directory` that count to `files` and the directories in it to `directories`. Links to
/// directories are not followed, as in Traefik.
fn list_directory(
    directory: &Path,
    files: &mut BTreeSet<PathBuf>,
    directories: &mut Vec<PathBuf>,
) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        if name.starts_with(b"..") || name.starts_with(b".#") {
            continue;
        }
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            directories.push(path);
        } else if Format::in_directory(&path).is_some() {
            files.insert(path);
        }
    }
    Ok(())
}

/// The bytes of a plain file that is not too large, or why there are none.
fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let metadata = fs::metadata(path).map_err(|error| error.to_string())?;
    // Reading a pipe would wait for its writer.
    if !metadata.is_file() {
        return Err("it is not a file".to_owned());
    }
    if metadata.len() > MAX_BYTES {
        return Err(format!(
            "it has {} bytes and more than {MAX_BYTES} are not read: split it",
            metadata.len()
        ));
    }
    fs::read(path).map_err(|error| error.to_string())
}
