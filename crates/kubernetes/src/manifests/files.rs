//! Finding, reading and parsing files.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::ErrorKind;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use hashbrown::HashSet;
use pointsman_config::Diagnostic;

use super::decode::{Decoded, Decoder};
use super::documents;
use crate::snapshot::{Kind, Object, ObjectId};

/// Deepest nesting of folders; a guard against links that lead in circles.
const MAX_DEPTH: usize = 16;
/// Largest file. More than any list of a whole cluster.
const MAX_FILE_BYTES: u64 = 512 << 20;
/// A file written less than this before it was read may be written again without a new time.
const CLOCK_GRAIN: Duration = Duration::from_millis(50);
/// Files from this size on are parsed by several threads.
const LARGE_FILE_BYTES: usize = 256 << 10;
/// Threads for parsing, at most.
const MAX_THREADS: usize = 8;

/// What tells a file that was not written from one that was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    modified: Option<SystemTime>,
    size: u64,
    inode: u64,
}

/// What is at a path.
pub(super) enum Found {
    /// A manifest file.
    File(Stamp),
    /// A folder that can't be listed, and why.
    Unreadable(String),
}

/// What a file holds.
pub(super) enum Content {
    /// The bytes that were read last time.
    Same,
    /// It went away between listing and reading.
    Vanished,
    /// It can't be used.
    Broken {
        /// Hash of the bytes; 0 when there are none.
        hash: u64,
        /// Why, and what cures it.
        problem: Diagnostic,
    },
    /// Objects.
    Parsed {
        /// Hash of the bytes.
        hash: u64,
        /// The objects.
        parsed: Parsed,
    },
}

/// The objects of a file.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    objects: Vec<(ObjectId, Object)>,
    /// Malformed objects whose identity is known.
    malformed: Vec<ObjectId>,
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl Parsed {
    /// The objects, with the identity of equal old ones and the last good version of malformed ones, and the
    /// identities of those that differ. Sorted.
    pub(super) fn merge(
        &self,
        old: Vec<(ObjectId, Object)>,
    ) -> (Vec<(ObjectId, Object)>, Vec<ObjectId>) {
        let mut old: BTreeMap<ObjectId, Object> = old.into_iter().collect();
        let mut objects = Vec::with_capacity(self.objects.len());
        let mut changed = Vec::new();
        for (id, new) in &self.objects {
            match old.remove(id) {
                Some(same) if same == *new => objects.push((id.clone(), same)),
                _ => {
                    objects.push((id.clone(), new.clone()));
                    changed.push(id.clone());
                }
            }
        }
        for (id, last_good) in old {
            if self
                .malformed
                .iter()
                .any(|malformed| covers(malformed, &id))
            {
                objects.push((id, last_good));
            } else {
                changed.push(id);
            }
        }
        objects.sort_by(|a, b| a.0.cmp(&b.0));
        (objects, changed)
    }

    fn append(&mut self, mut other: Self) {
        self.objects.append(&mut other.objects);
        self.malformed.append(&mut other.malformed);
        self.diagnostics.append(&mut other.diagnostics);
    }
}

/// Whether a malformed object is the one that `id` was made from. An Endpoints object makes several (`endpoints/web/0`)
/// and is known by what their names begin with (`endpoints/web/`).
fn covers(malformed: &ObjectId, id: &ObjectId) -> bool {
    malformed == id
        || malformed.kind == id.kind
            && malformed.name.namespace == id.name.namespace
            && malformed.name.name.ends_with('/')
            && id.name.name.starts_with(&*malformed.name.name)
}

pub(super) fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

/// All manifest files at or below `path`. A path that does not exist holds none, unless it must exist.
pub(super) fn walk(path: &Path, must_exist: bool) -> Vec<(PathBuf, Found)> {
    let mut found = Vec::new();
    walk_into(path, MAX_DEPTH, must_exist, &mut found);
    found
}

fn walk_into(path: &Path, depth: usize, must_exist: bool, found: &mut Vec<(PathBuf, Found)>) {
    // `metadata` follows links.
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound && !must_exist => return,
        Err(error) => return found.push((path.to_owned(), Found::Unreadable(error.to_string()))),
    };
    if metadata.is_file() {
        if is_manifest(path) {
            found.push((path.to_owned(), Found::File(stamp(&metadata))));
        }
        return;
    }
    if !metadata.is_dir() || depth == 0 {
        return;
    }
    match std::fs::read_dir(path) {
        Ok(entries) => {
            for entry in entries.flatten() {
                if !is_hidden(&entry.file_name()) {
                    walk_into(&entry.path(), depth - 1, false, found);
                }
            }
        }
        Err(error) => found.push((path.to_owned(), Found::Unreadable(error.to_string()))),
    }
}

fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        ["yaml", "yml", "json"]
            .iter()
            .any(|known| extension == *known)
    })
}

fn stamp(metadata: &Metadata) -> Stamp {
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(metadata);
    #[cfg(not(unix))]
    let inode = 0;
    Stamp {
        modified: metadata.modified().ok(),
        size: metadata.len(),
        inode,
    }
}

/// A path as users write it: relative to the folder.
pub(super) fn display(root: &Path, path: &Path) -> String {
    match path.strip_prefix(root) {
        Ok(inside) if !inside.as_os_str().is_empty() => inside.display().to_string(),
        _ => path.display().to_string(),
    }
}

/// Reads and parses files, on several threads when there is much to do. `known` is the hash of a file's last content.
pub(super) fn read_all(
    root: &Path,
    files: Vec<(PathBuf, Stamp)>,
    known: impl Fn(&Path) -> Option<u64> + Sync,
) -> Vec<(PathBuf, Option<Stamp>, Content)> {
    let read_one = |decoder: &mut Decoder, (path, stamp): (PathBuf, Stamp)| {
        let content = read(&display(root, &path), &path, &stamp, known(&path), decoder);
        let trusted = stamp
            .modified
            .is_some_and(|at| at.elapsed().is_ok_and(|age| age > CLOCK_GRAIN));
        (path, trusted.then_some(stamp), content)
    };
    let threads = threads().min(files.len() / 64).max(1);
    if threads == 1 {
        let mut decoder = Decoder::default();
        return files
            .into_iter()
            .map(|file| read_one(&mut decoder, file))
            .collect();
    }
    let next = AtomicUsize::new(0);
    let files: Vec<_> = files
        .into_iter()
        .map(|file| Mutex::new(Some(file)))
        .collect();
    let work = || {
        let mut decoder = Decoder::default();
        let mut done = Vec::new();
        while let Some(slot) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let file = slot
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .take();
            done.extend(file.map(|file| read_one(&mut decoder, file)));
        }
        done
    };
    let mut done = in_parallel(threads, |_| work()).concat_all();
    done.sort_by(|a, b| a.0.cmp(&b.0));
    done
}

fn read(
    name: &str,
    path: &Path,
    stamp: &Stamp,
    known: Option<u64>,
    decoder: &mut Decoder,
) -> Content {
    let broken = |hash, message: String| {
        let problem = Diagnostic::error(format!("file {name}"), "", message);
        Content::Broken { hash, problem }
    };
    if stamp.size > MAX_FILE_BYTES {
        return broken(
            0,
            format!(
                "{} bytes are too many: split the file, the limit is {MAX_FILE_BYTES}",
                stamp.size
            ),
        );
    }
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Content::Vanished,
        Err(error) => {
            return broken(
                0,
                format!("{error}: its last good content stays; make the file readable"),
            );
        }
    };
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    let hash = hasher.finish();
    if known == Some(hash) {
        return Content::Same;
    }
    // A file is empty for a moment while it is written in place.
    if bytes.is_empty() && known.is_some() {
        return broken(
            hash,
            "the file is empty: its last good content stays; delete the file to remove it"
                .to_owned(),
        );
    }
    let Ok(text) = std::str::from_utf8(&bytes) else {
        return broken(
            hash,
            "not UTF-8: its last good content stays; save the file as UTF-8".to_owned(),
        );
    };
    let json = path
        .extension()
        .is_some_and(|extension| extension == "json");
    match parse(name, text, json, decoder) {
        Ok(parsed) => Content::Parsed { hash, parsed },
        Err(error) => broken(
            hash,
            format!("{error}: the file's last good content stays; correct the syntax"),
        ),
    }
}

fn parse(
    name: &str,
    text: &str,
    json: bool,
    decoder: &mut Decoder,
) -> Result<Parsed, documents::SyntaxError> {
    let threads = threads();
    let whole = json || text.trim_start().starts_with('{');
    let mut parsed = if whole || threads == 1 || text.len() < LARGE_FILE_BYTES {
        decode(name, documents::parse(text, json)?, decoder)
    } else {
        let documents = documents::split(text);
        let share = documents.len().div_ceil(threads).max(1);
        let results = in_parallel(threads, |thread| {
            let first = thread * share;
            let mine = documents
                .get(first..documents.len().min(first + share))
                .unwrap_or(&[]);
            Ok(decode(
                name,
                documents::parse_yaml_documents(mine, first)?,
                &mut Decoder::default(),
            ))
        });
        let mut parsed = Parsed::default();
        for part in results.0 {
            parsed.append(part?);
        }
        parsed
    };
    settle(name, &mut parsed);
    Ok(parsed)
}

fn decode(name: &str, nodes: Vec<(usize, super::node::Node<'_>)>, decoder: &mut Decoder) -> Parsed {
    let mut parsed = Parsed::default();
    let mut ignored: BTreeMap<String, usize> = BTreeMap::new();
    for (document, node) in nodes {
        for decoded in decoder.document(&node) {
            match decoded {
                Decoded::Objects(objects) => {
                    parsed
                        .objects
                        .extend(objects.into_iter().map(|object| (object.id(), object)));
                }
                Decoded::Ignored { kind } => *ignored.entry(kind).or_default() += 1,
                Decoded::Hidden { object, reason } => {
                    parsed.diagnostics.push(Diagnostic::info(
                        object,
                        "",
                        format!("ignored: {reason} (file {name})"),
                    ));
                }
                Decoded::Malformed {
                    object,
                    id,
                    mistakes,
                } => {
                    parsed.malformed.extend(id);
                    parsed
                        .diagnostics
                        .extend(mistakes.into_iter().map(|mistake| {
                            let message =
                                format!("{} (file {name}, document {document})", mistake.message);
                            Diagnostic::error(object.clone(), mistake.field, message)
                        }));
                }
            }
        }
    }
    for (kind, count) in ignored {
        let s = if count == 1 { "" } else { "s" };
        let message = format!("{count} object{s} of kind {kind} ignored: this kind is not read");
        parsed
            .diagnostics
            .push(Diagnostic::info(format!("file {name}"), "", message));
    }
    parsed
}

/// Of objects that a file defines twice the first counts.
fn settle(name: &str, parsed: &mut Parsed) {
    let mut seen: HashSet<ObjectId> = HashSet::with_capacity(parsed.objects.len());
    let diagnostics = &mut parsed.diagnostics;
    parsed.objects.retain(|(id, _)| {
        let first = seen.insert(id.clone());
        if !first {
            let message =
                format!("defined twice in file {name}: the first one counts; remove the other");
            diagnostics.push(Diagnostic::warning(id.to_string(), "", message));
        }
        first
    });
}

fn threads() -> usize {
    std::thread::available_parallelism()
        .map_or(1, NonZero::get)
        .min(MAX_THREADS)
}

/// Results of threads, in the order of the threads.
struct PerThread<T>(Vec<T>);

impl<T> PerThread<Vec<T>> {
    fn concat_all(self) -> Vec<T> {
        self.0.into_iter().flatten().collect()
    }
}

/// Runs `work` on `count` threads.
fn in_parallel<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> PerThread<T> {
    let work = &work;
    PerThread(std::thread::scope(|scope| {
        let threads: Vec<_> = (0..count)
            .map(|thread| scope.spawn(move || work(thread)))
            .collect();
        threads
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    }))
}

/// The identity under which the slices of an Endpoints object are known together; see [`covers`].
pub(super) fn endpoints_id(namespace: std::sync::Arc<str>, name: &str) -> ObjectId {
    ObjectId {
        kind: Kind::EndpointSlice,
        name: crate::snapshot::ObjectName::new(namespace, format!("endpoints/{name}/")),
    }
}
