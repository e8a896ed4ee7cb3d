//! Which directories a path depends on.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Most links on the way to a file, as in Linux.
const MAX_LINKS: usize = 40;

/// Directories to watch, each with the names in it that matter. All paths are real: no link stands in them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Points(BTreeMap<PathBuf, Names>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Names {
    All,
    Some(BTreeSet<OsString>),
}

impl Points {
    /// Adds what may change where `path` leads: the file at its end and every link on the way, or, if there is
    /// nothing, the place where it would have to appear. Returns the real path of what is there.
    pub fn add_path(&mut self, path: &Path) -> Option<PathBuf> {
        let path = std::path::absolute(path).ok()?;
        let mut todo: VecDeque<Step> = steps(&path);
        let mut at = PathBuf::from("/");
        let mut links = 0;
        while let Some(step) = todo.pop_front() {
            let name = match step {
                Step::Root => {
                    at = PathBuf::from("/");
                    continue;
                }
                Step::Up => {
                    at.pop();
                    continue;
                }
                Step::Down(name) => name,
            };
            let next = at.join(&name);
            let Ok(metadata) = fs::symlink_metadata(&next) else {
                self.add_name(at, name);
                return None;
            };
            if metadata.is_symlink() {
                self.add_name(at.clone(), name);
                links += 1;
                if links > MAX_LINKS {
                    return None;
                }
                let mut target = steps(&fs::read_link(&next).ok()?);
                target.append(&mut todo);
                todo = target;
                continue;
            }
            if todo.is_empty() && !metadata.is_dir() {
                self.add_name(at, name);
            }
            at = next;
        }
        Some(at)
    }

    /// Adds everything in the directory that `path` leads to, but not in those below it. Returns its real path.
    pub fn add_directory(&mut self, path: &Path) -> Option<PathBuf> {
        let real = self.add_path(path)?;
        if !real.is_dir() {
            return None;
        }
        self.0.insert(real.clone(), Names::All);
        Some(real)
    }

    /// Whether `directory` is one of them.
    pub(super) fn contains(&self, directory: &Path) -> bool {
        self.0.contains_key(directory)
    }

    /// Whether it matters what happens at `path`.
    pub(super) fn matter(&self, path: &Path) -> bool {
        if self.contains(path) {
            return true;
        }
        let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
            return false;
        };
        match self.0.get(directory) {
            Some(Names::All) => true,
            Some(Names::Some(names)) => names.contains(name),
            None => false,
        }
    }

    pub(super) fn directories(&self) -> impl Iterator<Item = &PathBuf> {
        self.0.keys()
    }

    fn add_name(&mut self, directory: PathBuf, name: OsString) {
        let names = self
            .0
            .entry(directory)
            .or_insert_with(|| Names::Some(BTreeSet::new()));
        if let Names::Some(names) = names {
            names.insert(name);
        }
    }
}

enum Step {
    Root,
    Up,
    Down(OsString),
}

fn steps(path: &Path) -> VecDeque<Step> {
    path.components()
        .filter_map(|component| match component {
            Component::RootDir | Component::Prefix(_) => Some(Step::Root),
            Component::CurDir => None,
            Component::ParentDir => Some(Step::Up),
            Component::Normal(name) => Some(Step::Down(OsStr::to_owned(name))),
        })
        .collect()
}
