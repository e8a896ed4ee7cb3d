//! A folder in which manifests and dynamic files may lie side by side, read once.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use pointsman_kubernetes::ingress::{self, Options};
use pointsman_kubernetes::manifests::Folder;
use pointsman_kubernetes::snapshot::Snapshot;
use pointsman_provider::Update;
use pointsman_providers::{file, manifests};

/// Deepest nesting of folders that is looked at, as by the providers.
const MAX_DEPTH: usize = 16;

/// What a folder holds, as its providers would send it.
///
/// # Errors
/// There is no such folder, or nothing in it that could be read.
pub(crate) fn read(dir: &Path, options: &Options) -> anyhow::Result<Vec<Update>> {
    fs::metadata(dir).with_context(|| dir.display().to_string())?;
    let mut files = BTreeSet::new();
    walk(dir, MAX_DEPTH, &mut files);
    if files.is_empty() {
        bail!(
            "{}: no manifests (.yaml, .yml, .json) and no dynamic files in it",
            dir.display()
        );
    }
    let dynamic: BTreeSet<PathBuf> = files.into_iter().filter(|file| is_dynamic(file)).collect();
    let mut updates = vec![read_manifests(dir, dynamic.clone(), options)];
    if !dynamic.is_empty() {
        let (configuration, diagnostics) = file::read_files(dynamic);
        updates.push(Update {
            provider: file::NAME.into(),
            configuration: Some(Arc::new(configuration)),
            diagnostics,
        });
    }
    Ok(updates)
}

/// Reads manifests once, all files but `others`.
pub(crate) fn read_manifests(dir: &Path, others: BTreeSet<PathBuf>, options: &Options) -> Update {
    let mut folder = Folder::new(dir);
    folder.hold(others);
    let mut snapshot = Snapshot::default();
    snapshot.apply_all(folder.scan());
    let translation = ingress::translate(&snapshot, options);
    let mut diagnostics = folder.diagnostics();
    diagnostics.extend(translation.diagnostics);
    Update {
        provider: manifests::NAME.into(),
        configuration: Some(translation.configuration),
        diagnostics,
    }
}

/// Adds the files at `path` and below that a provider would read.
fn walk(path: &Path, depth: usize, files: &mut BTreeSet<PathBuf>) {
    let known = ["yaml", "yml", "json", "toml"];
    if path.is_file() {
        let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
        if known.iter().any(|known| extension == *known) {
            files.insert(path.to_owned());
        }
        return;
    }
    if depth == 0 {
        return;
    }
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            walk(&entry.path(), depth - 1, files);
        }
    }
}

fn is_dynamic(path: &Path) -> bool {
    if path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("toml"))
    {
        return true;
    }
    fs::read_to_string(path).is_ok_and(|text| looks_dynamic(&text))
}

/// Whether a YAML or JSON text is a dynamic configuration rather than manifests: one of the top-level names of the
/// former, and none of those that every manifest has.
fn looks_dynamic(text: &str) -> bool {
    let names: Vec<String> = match serde_json::from_str::<serde_json::Value>(text) {
        Ok(serde_json::Value::Object(fields)) => fields.keys().cloned().collect(),
        Ok(_) => return false,
        // Of YAML, the lines without indentation tell enough.
        Err(_) => text
            .lines()
            .filter_map(|line| line.split_once(':'))
            .map(|(name, _)| name.trim_matches(['"', '\'']).to_owned())
            .collect(),
    };
    let any = |wanted: &[&str]| {
        names.iter().any(|name| {
            wanted
                .iter()
                .any(|wanted| name.eq_ignore_ascii_case(wanted))
        })
    };
    any(&["http", "tcp", "udp", "tls"]) && !any(&["apiVersion", "kind"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dynamic_file_is_told_from_manifests() {
        assert!(looks_dynamic("# routers\nhttp:\n  routers: {}\n"));
        assert!(looks_dynamic("---\n\"tls\": {}\n"));
        assert!(looks_dynamic("{\"http\": {\"routers\": {}}}"));
        assert!(!looks_dynamic(
            "apiVersion: v1\nkind: ConfigMap\ndata:\n  http: a\nhttp: b\n"
        ));
        assert!(!looks_dynamic("metadata:\n  http: a\n"));
        assert!(!looks_dynamic("{\"apiVersion\": \"v1\", \"http\": {}}"));
        assert!(!looks_dynamic("[1]"));
        assert!(!looks_dynamic(""));
    }
}
