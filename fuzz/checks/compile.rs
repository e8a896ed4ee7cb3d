//! What must hold for any dynamic configuration given to the table's compiler. Used by the fuzz target and, with
//! seeded random text on a stable toolchain, by the crate's tests.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use pointsman_config::decode::{decode, yaml};
use pointsman_config::dynamic::Configuration;
use pointsman_config::static_;
use pointsman_middleware::HashPool;
use pointsman_provider::{Merger, Update};
use pointsman_table::{Compiler, Environment, Status};

/// A router that is not in use says why, whatever stands beside it. Says whether there was a router.
pub(crate) fn compile(data: &[u8]) -> bool {
    let text = String::from_utf8_lossy(data);
    let Ok(node) = yaml::parse(&text) else {
        return false;
    };
    let static_ = yaml::parse("entryPoints: { web: { address: ':80' } }").expect("plain YAML");
    let (static_, _) = decode::<static_::Configuration>(&static_);
    let mut compiler = Compiler::new(Environment {
        static_: Arc::new(static_),
        metrics: None,
        internal_services: BTreeMap::new(),
        // Text of the input names no file of this machine.
        read_file: Box::new(|_| Err(io::ErrorKind::NotFound.into())),
        hashing: HashPool::new(1).expect("a thread can be started"),
    });
    let mut merger = Merger::new(&[]);
    merger.update(&Update {
        provider: "file".into(),
        configuration: Some(Arc::new(Configuration::decode(&node).0)),
        diagnostics: Vec::new(),
    });
    let table = compiler.compile(merger.merged(), &|provider| merger.rank(provider));
    let routers = &table.runtime.routers;
    for router in routers.values() {
        assert_eq!(router.status == Status::Enabled, router.errors.is_empty());
    }
    !routers.is_empty()
}
