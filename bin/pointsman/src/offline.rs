//! A table without serving by it: for `check` and `explain`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use pointsman_config::Diagnostic;
use pointsman_config::static_::entry_points::EntryPoint;
use pointsman_config::static_::{Address, Configuration, Files, load};
use pointsman_kubernetes::ingress::Options;
use pointsman_middleware::HashPool;
use pointsman_provider::{Merger, Update};
use pointsman_providers::file::{self, Location};
use pointsman_table::{Compiler, Environment, RoutingTable};

use crate::internal::{self, State};
use crate::sources::ingress_options;
use crate::{folder, problems};

/// Entry points of a folder whose static configuration nobody told.
const FOLDER_FLAGS: [&str; 6] = [
    "--entryPoints.web.address=:80",
    "--entryPoints.websecure.address=:443",
    "--entryPoints.websecure.http.tls=true",
    // What routers of dynamic files may name.
    "--api=true",
    "--ping.manualRouting=true",
    "--metrics.prometheus.manualRouting=true",
];

/// A table and what it was made from.
pub(crate) struct Offline {
    /// The static configuration.
    pub(crate) static_: Arc<Configuration>,
    /// The table.
    pub(crate) table: RoutingTable,
    /// Everything that is wrong.
    pub(crate) problems: Vec<Diagnostic>,
}

/// The table of a folder of manifests and dynamic files, by default options, with the entry points `web` and
/// `websecure` and whichever its routers name.
pub(crate) fn of_folder(dir: &Path) -> anyhow::Result<Offline> {
    let flags = FOLDER_FLAGS.map(str::to_owned);
    let mut static_ = load(&flags, &[], &NoFiles)?.configuration;
    let updates = folder::read(dir, &Options::default())?;
    let named: BTreeSet<&String> = updates
        .iter()
        .filter_map(|update| update.configuration.as_ref())
        .flat_map(|configuration| configuration.http.routers.values())
        .flat_map(|router| &router.entry_points)
        .collect();
    for name in named {
        let known = &mut static_.entry_points;
        known.entry(name.clone()).or_insert_with(|| EntryPoint {
            address: Address::on_port(0),
            // Only routers that name it may be on it.
            ..EntryPoint::default()
        });
    }
    for name in ["web", "websecure"] {
        if let Some(entry_point) = static_.entry_points.get_mut(name) {
            entry_point.as_default = true;
        }
    }
    compile(static_, &updates)
}

/// The table of a static configuration: each of its providers is read once.
pub(crate) fn of_static(static_: Configuration) -> anyhow::Result<Offline> {
    let mut updates = Vec::new();
    if let Some(options) = &static_.providers.file {
        let location = Location::new(
            Some(PathBuf::from(&options.filename)),
            Some(PathBuf::from(&options.directory)),
        )
        .context("providers.file: neither filename nor directory is set")?;
        let (configuration, diagnostics) = file::read_once(location);
        updates.push(Update {
            provider: file::NAME.into(),
            configuration,
            diagnostics,
        });
    }
    if let Some(options) = &static_.providers.kubernetes_ingress {
        let translation = ingress_options(options, static_.core.default_rule_syntax)?;
        let dir = Path::new(&options.manifests);
        updates.push(folder::read_manifests(dir, BTreeSet::new(), &translation));
    }
    compile(static_, &updates)
}

fn compile(static_: Configuration, updates: &[Update]) -> anyhow::Result<Offline> {
    let static_ = Arc::new(static_);
    let state = Arc::new(State::new(static_.clone(), None));
    let mut compiler = Compiler::new(Environment {
        static_: static_.clone(),
        metrics: None,
        internal_services: internal::services(&state),
        read_file: Box::new(|path| std::fs::read(path)),
        hashing: HashPool::new(1).map_err(|error| anyhow::anyhow!("{error}"))?,
    });
    let mut merger = Merger::new(&static_.providers.precedence);
    merger.update(&internal::update(&static_));
    updates.iter().for_each(|update| merger.update(update));
    let merged = merger.merged();
    let table = compiler.compile(merged.clone(), &|provider| merger.rank(provider));
    Ok(Offline {
        problems: problems::of(&merged, &compiler, &table.runtime),
        static_,
        table,
    })
}

/// No static configuration is looked for.
struct NoFiles;

impl Files for NoFiles {
    fn is_file(&self, _: &Path) -> bool {
        false
    }

    fn read(&self, _: &Path) -> std::io::Result<String> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}
