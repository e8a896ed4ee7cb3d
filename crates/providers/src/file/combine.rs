//! The configurations of several files as one.

use std::collections::BTreeMap;
use std::sync::Arc;

use pointsman_config::Diagnostic;
use pointsman_config::dynamic::Configuration;

/// Puts the configurations of files together, each with its file's name for diagnostics, the strongest first: a name
/// that is taken already is skipped with a warning.
pub(super) fn combine<'a>(
    files: impl Iterator<Item = (&'a str, &'a Configuration)>,
) -> (Configuration, Vec<Diagnostic>) {
    let mut combined = Combined::default();
    for (file, configuration) in files {
        combined.add(file, configuration);
    }
    (combined.configuration, combined.diagnostics)
}

#[derive(Default)]
struct Combined<'a> {
    configuration: Configuration,
    diagnostics: Vec<Diagnostic>,
    /// Which file defines an object, by kind and name.
    owners: BTreeMap<(&'static str, &'a str), &'a str>,
}

impl<'a> Combined<'a> {
    fn add(&mut self, file: &'a str, from: &'a Configuration) {
        let Self {
            configuration: to,
            diagnostics,
            owners,
        } = self;
        let mut add = Add {
            file,
            diagnostics,
            owners,
        };
        add.all("router", &from.http.routers, &mut to.http.routers);
        add.all("service", &from.http.services, &mut to.http.services);
        add.all(
            "middleware",
            &from.http.middlewares,
            &mut to.http.middlewares,
        );
        add.all(
            "servers transport",
            &from.http.servers_transports,
            &mut to.http.servers_transports,
        );
        add.all("TCP router", &from.tcp.routers, &mut to.tcp.routers);
        add.all("TCP service", &from.tcp.services, &mut to.tcp.services);
        add.all(
            "TCP middleware",
            &from.tcp.middlewares,
            &mut to.tcp.middlewares,
        );
        add.all(
            "TCP servers transport",
            &from.tcp.servers_transports,
            &mut to.tcp.servers_transports,
        );
        add.all("UDP router", &from.udp.routers, &mut to.udp.routers);
        add.all("UDP service", &from.udp.services, &mut to.udp.services);
        add.all("TLS store", &from.tls.stores, &mut to.tls.stores);
        add.all("TLS options", &from.tls.options, &mut to.tls.options);
        for (index, certificate) in from.tls.certificates.iter().enumerate() {
            if to.tls.certificates.contains(certificate) {
                add.diagnostics.push(Diagnostic::warning(
                    format!("file {file}"),
                    format!("tls.certificates[{index}]"),
                    "given before and skipped: remove one of both",
                ));
            } else {
                to.tls.certificates.push(Arc::clone(certificate));
            }
        }
    }
}

struct Add<'c, 'a> {
    file: &'a str,
    diagnostics: &'c mut Vec<Diagnostic>,
    owners: &'c mut BTreeMap<(&'static str, &'a str), &'a str>,
}

impl<'a> Add<'_, 'a> {
    fn all<T>(
        &mut self,
        kind: &'static str,
        from: &'a BTreeMap<String, Arc<T>>,
        to: &mut BTreeMap<String, Arc<T>>,
    ) {
        for (name, object) in from {
            if let Some(owner) = self.owners.get(&(kind, name.as_str())) {
                self.diagnostics.push(Diagnostic::warning(
                    format!("file {}", self.file),
                    format!("{kind} {name:?}"),
                    format!("defined in file {owner} already, which counts; this one is skipped: rename one of both"),
                ));
                continue;
            }
            self.owners.insert((kind, name.as_str()), self.file);
            to.insert(name.clone(), Arc::clone(object));
        }
    }
}
