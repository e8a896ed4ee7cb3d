//! What must hold for any bytes given to the readers of `pointsman-config`.
//!
//! Each check says whether the input was accepted, so that a run that never gets that far is noticed.
//! Used by the fuzz targets and, with seeded random bytes on a stable toolchain, by the crate's tests.

use std::io;
use std::path::Path;

use pointsman_config::decode::{decode_labels, dotted, toml, yaml};
use pointsman_config::dynamic::{Configuration, Router};
use pointsman_config::static_::{Files, load};
use pointsman_config::{Diagnostic, Severity};

/// The first byte chooses between a YAML file, a TOML file, flags and variables, one a line. What is refused has a
/// reason, and what is taken has an entry point.
pub(crate) fn static_config(data: &[u8]) -> bool {
    let Some((kind, text)) = data.split_first() else {
        return false;
    };
    let text = String::from_utf8_lossy(text).into_owned();
    let lines = || text.lines().map(str::to_owned);
    let loaded = match kind % 4 {
        0 => load(
            &[],
            &[],
            &OneFile {
                path: "./traefik.yml",
                text: &text,
            },
        ),
        1 => load(
            &[],
            &[],
            &OneFile {
                path: "./traefik.toml",
                text: &text,
            },
        ),
        2 => load(
            &lines().collect::<Vec<_>>(),
            &[],
            &OneFile { path: "", text: "" },
        ),
        _ => {
            let variables: Vec<_> = lines()
                .filter_map(|line| {
                    line.split_once('=')
                        .map(|(name, value)| (name.to_owned(), value.to_owned()))
                })
                .collect();
            load(&[], &variables, &OneFile { path: "", text: "" })
        }
    };
    match loaded {
        Ok(loaded) => {
            assert!(!loaded.configuration.entry_points.is_empty());
            true
        }
        Err(error) => {
            assert!(!error.problems.is_empty());
            assert!(
                error
                    .problems
                    .iter()
                    .all(|problem| problem.severity == Severity::Error)
            );
            assert!(
                error
                    .problems
                    .iter()
                    .all(|problem| !problem.message.is_empty())
            );
            false
        }
    }
}

/// What is read of a dynamic file can be written, and every mistake names an object.
pub(crate) fn dynamic_config(data: &[u8]) -> bool {
    let text = String::from_utf8_lossy(data);
    let mut accepted = false;
    for node in [yaml::parse(&text), toml::parse(&text)]
        .into_iter()
        .flatten()
    {
        let (configuration, diagnostics) = Configuration::decode(&node);
        serde_json::to_string(&configuration).expect("plain data is always JSON");
        let named = |diagnostic: &Diagnostic| {
            !diagnostic.object.is_empty() && !diagnostic.message.is_empty()
        };
        assert!(diagnostics.iter().all(named));
        accepted |= configuration != Configuration::default();
    }
    accepted
}

/// Lines `name=value` as annotations of an Ingress.
pub(crate) fn annotation(data: &[u8]) -> bool {
    let text = String::from_utf8_lossy(data);
    let pairs: Vec<_> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .collect();
    let node = dotted::annotations(pairs.iter().copied(), "router");
    let (router, problems) = decode_labels::<Router>(&node);
    assert!(
        problems
            .iter()
            .all(|problem| !problem.path.is_empty() || !problem.message.is_empty())
    );
    // Their order is none of theirs.
    let backwards = dotted::annotations(pairs.iter().rev().copied(), "router");
    let names: std::collections::BTreeSet<_> = pairs
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase())
        .collect();
    if names.len() == pairs.len() {
        assert_eq!(decode_labels::<Router>(&backwards).0, router);
    }
    router != Router::default()
}

/// A file system with one file.
struct OneFile<'a> {
    path: &'a str,
    text: &'a str,
}

impl Files for OneFile<'_> {
    fn is_file(&self, path: &Path) -> bool {
        path == Path::new(self.path)
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        if self.is_file(path) {
            Ok(self.text.to_owned())
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }
}
