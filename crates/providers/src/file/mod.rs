//! The file provider: dynamic configuration from a file, or from all files of a directory.
//!
//! Files are YAML, TOML or (a single file only) JSON. In a directory those of all levels count, in the order of their
//! paths; a name that two files define keeps its first definition. PEM files that a configuration names are read with
//! it and watched like it.
//!
//! A file with an error keeps its last good content, and no other file notices. Go templates are refused.
//!
//! Traefik: `providers.file`, `pkg/provider/file/file.go`.
// differs from traefik: an error in one file rejects the whole load there; here it concerns that file only.
// differs from traefik: PEM files are watched too, so that a renewed certificate is served without touching the
// configuration.
// differs from traefik: names that begin with `..` (the kubelet's own entries of a mounted volume) and `.#` (Emacs'
// locks) are skipped; there the former are read a second time and warned of as duplicates.

mod combine;
mod load;
mod parse;
mod pem;

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use pointsman_config::dynamic::Configuration;
use pointsman_config::{Diagnostic, Severity};
use pointsman_provider::Sender;

use crate::driver::{Reread, Running, Source as _};
use crate::watch::Watch;
use load::Loader;

/// The part after the `@` of its objects' names.
pub const NAME: &str = "file";

/// Where the configuration is. Traefik: `providers.file.filename`, `providers.file.directory`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// One file: `.yaml`, `.yml`, `.toml` or `.json`.
    File(PathBuf),
    /// A directory with all directories below it: `.yaml`, `.yml` and `.toml`.
    Directory(PathBuf),
}

/// The running file provider. Dropping it ends its thread.
#[derive(Debug)]
pub struct FileProvider {
    running: Running,
}

/// The file provider cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There are errors, and without a watch nobody would notice that they are mended.
    #[error("providers.file: {} with providers.file.watch=false: {}", count(.0), list(.0))]
    Configuration(Vec<Diagnostic>),
    /// The system gives no thread.
    #[error("providers.file: cannot start a thread: {0}")]
    Thread(#[from] io::Error),
}

impl Location {
    /// The location that both options together mean: `directory` wins. `None` if neither is set (or both are empty).
    pub fn new(filename: Option<PathBuf>, directory: Option<PathBuf>) -> Option<Self> {
        let filled = |path: &PathBuf| !path.as_os_str().is_empty();
        match (directory.filter(filled), filename.filter(filled)) {
            (Some(directory), _) => Some(Self::Directory(directory)),
            (None, Some(filename)) => Some(Self::File(filename)),
            (None, None) => None,
        }
    }
}

impl FileProvider {
    /// Reads everything, sends it, and watches it if `watch`. Without a watch only [`FileProvider::reload`] reads it
    /// again.
    ///
    /// # Errors
    ///
    /// Without a watch, every error of the first reading; with one they are sent as diagnostics.
    pub fn start(location: Location, watch: bool, sender: Sender) -> Result<Self, StartError> {
        let mut loader = Loader::new(location);
        let first = loader.read(Reread::Everything, &BTreeSet::new());
        let is_error = |problem: &Diagnostic| problem.severity == Severity::Error;
        if !watch && first.diagnostics.iter().any(is_error) {
            let errors = first.diagnostics.into_iter().filter(is_error);
            return Err(StartError::Configuration(errors.collect()));
        }
        let watch = if watch {
            Watch::new()
        } else {
            Watch::disabled()
        };
        let running = Running::start("provider-file", loader, first, watch, sender)?;
        Ok(Self { running })
    }

    /// Reads everything again, changed or not: what SIGHUP asks for.
    pub fn reload(&self) {
        self.running.reload();
    }
}

/// Reads `location` once: what it provides (`None` if it cannot be read at all) and everything that is wrong with it.
pub fn read_once(location: Location) -> (Option<Arc<Configuration>>, Vec<Diagnostic>) {
    let reading = Loader::new(location).read(Reread::Everything, &BTreeSet::new());
    (reading.configuration, reading.diagnostics)
}

/// Reads `files` once, as if they were all the files of a directory: what they provide together and everything that is
/// wrong with them. A name that two files define keeps its first definition.
pub fn read_files(files: impl IntoIterator<Item = PathBuf>) -> (Configuration, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let mut read = Vec::new();
    for file in files {
        let name = file.display().to_string();
        let (configuration, problems) = read_once(Location::File(file));
        diagnostics.extend(problems);
        read.extend(configuration.map(|configuration| (name, configuration)));
    }
    let named = read
        .iter()
        .map(|(name, configuration)| (name.as_str(), &**configuration));
    let (configuration, duplicates) = combine::combine(named);
    diagnostics.extend(duplicates);
    (configuration, diagnostics)
}

fn count(errors: &[Diagnostic]) -> String {
    match errors.len() {
        1 => "an error".to_owned(),
        n => format!("{n} errors"),
    }
}

fn list(errors: &[Diagnostic]) -> String {
    errors
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

#[cfg(test)]
mod tests;
