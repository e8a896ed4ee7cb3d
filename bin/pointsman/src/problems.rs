//! Everything that is wrong with a configuration, from all stages in one list.

use std::collections::BTreeSet;

use pointsman_config::Diagnostic;
use pointsman_config::names::QualifiedName;
use pointsman_provider::Merged;
use pointsman_table::{Compiler, Runtime, RuntimeRouter, Status};

/// Why TCP and UDP objects are disabled.
pub(crate) const STREAMS_NOT_BUILT: &str =
    "TCP and UDP are not built yet: this object serves nothing";

/// All problems: those of the providers, of the merge, of TLS, then of what was compiled.
pub(crate) fn of(merged: &Merged, compiler: &Compiler, runtime: &Runtime) -> Vec<Diagnostic> {
    let mut problems: Vec<_> = merged.all_diagnostics().cloned().collect();
    problems.extend_from_slice(compiler.tls_diagnostics());
    // What disables a router is told there; the object that it comes from only if no router needs it.
    let mut told = BTreeSet::new();
    for (name, router) in runtime.routers.iter() {
        if router.errors.is_empty() || is_told_by_twin(runtime, name, router) {
            continue;
        }
        for error in &router.errors {
            told.insert(error.as_str());
            problems.push(problem("router", name.as_str(), router.status, error));
        }
    }
    for (name, middleware) in runtime.middlewares.iter() {
        let untold = middleware.errors.iter().filter(|e| !told.contains(&***e));
        problems.extend(untold.map(|e| problem("middleware", name.as_str(), middleware.status, e)));
    }
    for (name, service) in runtime.services.iter() {
        let untold = service.errors.iter().filter(|e| !told.contains(&***e));
        problems.extend(untold.map(|e| problem("service", name.as_str(), service.status, e)));
    }
    let routers = merged.tcp_routers.iter().map(|(name, _)| ("tcp", name));
    let routers = routers.chain(merged.udp_routers.iter().map(|(name, _)| ("udp", name)));
    problems.extend(routers.map(|(protocol, name)| {
        let object = format!("{protocol} router {}", name.as_str());
        Diagnostic::error(object, "", STREAMS_NOT_BUILT)
    }));
    problems
}

/// Whether the router is the variant for one entry point (`websecure-shop@file`) of one that has the same errors.
fn is_told_by_twin(runtime: &Runtime, name: &QualifiedName, router: &RuntimeRouter) -> bool {
    let [entry_point] = router.config.entry_points.as_slice() else {
        return false;
    };
    let twin = name
        .name()
        .strip_prefix(entry_point.as_str())
        .and_then(|rest| rest.strip_prefix('-'))
        .map(|name_of_all| QualifiedName::new(name_of_all, name.provider()));
    twin.and_then(|twin| runtime.routers.get(&twin))
        .is_some_and(|twin| twin.errors == router.errors)
}

fn problem(kind: &str, name: &str, status: Status, error: &str) -> Diagnostic {
    let object = format!("{kind} {name}");
    match status {
        Status::Disabled => Diagnostic::error(object, "", error),
        Status::Enabled | Status::Warning => Diagnostic::warning(object, "", error),
    }
}
