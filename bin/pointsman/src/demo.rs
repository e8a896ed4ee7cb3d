//! `pointsman demo`: an example folder, served with backends of its own.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;

use anyhow::{Context, bail};
use pointsman_config::Diagnostic;
use pointsman_config::static_::{OsFiles, load};
use pointsman_table::{RoutingTable, Runtime};

use crate::serve::{self, Audience};
use crate::{echo, listing};

/// The folder that is served unless another is named, from the current directory.
const EXAMPLE: &str = "examples/shop";

/// Dynamic file of a folder, served by the file provider if it is there.
const DYNAMIC_FILE: &str = "dynamic.toml";

/// Names and addresses of the backends, as the manifests of the example have them. One port on two addresses: Traefik's
/// rules take a second port of the same address for the same server.
const BACKENDS: [(&str, Ipv4Addr); 2] = [
    ("one", Ipv4Addr::new(127, 0, 0, 1)),
    ("two", Ipv4Addr::new(127, 0, 0, 2)),
];

/// Port of the backends.
const BACKEND_PORT: u16 = 9001;

/// How many requests are proposed for each scheme.
const MAX_EXAMPLES: usize = 6;

/// Serves `dir`, or the example, until a signal ends the process.
pub(crate) fn run(dir: Option<PathBuf>) -> anyhow::Result<ExitCode> {
    let dir = folder(dir)?;
    let loaded = load(&flags(&dir), &[], &OsFiles)?;
    for (name, ip) in BACKENDS {
        let address = SocketAddr::from((ip, BACKEND_PORT));
        echo::start(name, address)
            .with_context(|| format!("backend {name}: the manifests expect it at {address}"))?;
    }
    let audience = Audible {
        dir,
        serving: Cell::new(false),
        last: RefCell::default(),
    };
    serve::run_for(loaded, Rc::new(audience))
}

fn folder(dir: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    match dir {
        Some(dir) if dir.is_dir() => Ok(dir),
        Some(dir) => bail!("{} is no folder", dir.display()),
        None if Path::new(EXAMPLE).is_dir() => Ok(EXAMPLE.into()),
        None => bail!(
            "{EXAMPLE} is not in this directory: start the demo from the root of the source tree, or name a folder \
             of manifests: pointsman demo DIR"
        ),
    }
}

/// The static configuration of the demo, as anybody could write it.
fn flags(dir: &Path) -> Vec<String> {
    let mut flags = vec![
        "--entryPoints.web.address=:8000".to_owned(),
        "--entryPoints.websecure.address=:8443".to_owned(),
        // Every router is on both entry points, and on this one with TLS.
        "--entryPoints.websecure.http.tls=true".to_owned(),
        "--entryPoints.traefik.address=127.0.0.1:8080".to_owned(),
        "--api.insecure=true".to_owned(),
        "--ping=true".to_owned(),
        "--metrics.prometheus=true".to_owned(),
        format!("--providers.kubernetesIngress.manifests={}", dir.display()),
    ];
    let file = dir.join(DYNAMIC_FILE);
    if file.is_file() {
        flags.push(format!("--providers.file.filename={}", file.display()));
    }
    flags
}

/// Prints what becomes of the folder.
struct Audible {
    dir: PathBuf,
    serving: Cell<bool>,
    last: RefCell<Seen>,
}

/// What was derived from the folder.
#[derive(Default)]
struct Seen {
    runtime: Runtime,
    routes: BTreeSet<String>,
    problems: BTreeSet<Diagnostic>,
}

impl Audience for Audible {
    fn serving(&self) {
        self.serving.set(true);
        crate::say(&introduction(&self.dir, &self.last.borrow()));
    }

    fn changed(&self, table: &RoutingTable, problems: Vec<Diagnostic>) {
        let now = Seen {
            routes: listing::routes(&table.runtime),
            runtime: table.runtime.clone(),
            // A router that lacks something is in the list of routes with its reason.
            problems: problems.into_iter().collect(),
        };
        if self.serving.get() {
            crate::say(&difference(&self.last.borrow(), &now));
        }
        self.last.replace(now);
    }
}

fn introduction(dir: &Path, seen: &Seen) -> String {
    let dir = dir.display();
    let mut text = format!("pointsman serves {dir}\n\nTry:\n");
    let plain = listing::examples(&seen.runtime, false, MAX_EXAMPLES);
    for (host, path) in &plain {
        let _ = writeln!(text, "  curl http://{host}:8000{path}");
    }
    for (host, path) in listing::examples(&seen.runtime, true, 1) {
        let _ = writeln!(text, "  curl -k https://{host}:8443{path}");
    }
    text.push_str("  curl http://127.0.0.1:8080/api/http/routers\n");
    if let Some((host, path)) = plain.first() {
        let _ = writeln!(
            text,
            "  pointsman explain http://{host}:8000{path} --manifests {dir}"
        );
    }
    text.push_str("\nRoutes:\n");
    for route in &seen.routes {
        let _ = writeln!(text, "  {route}");
    }
    if !seen.problems.is_empty() {
        text.push_str("\nProblems:\n");
        for problem in &seen.problems {
            let _ = writeln!(text, "  {problem}");
        }
    }
    let _ = writeln!(
        text,
        "\nEdit a file in {dir} and save it: the change is served at once. Ctrl-C ends."
    );
    text
}

/// What is different now, or that nothing is that could be seen here.
fn difference(before: &Seen, now: &Seen) -> String {
    let mut text = String::new();
    for route in before.routes.difference(&now.routes) {
        let _ = writeln!(text, "- {route}");
    }
    for route in now.routes.difference(&before.routes) {
        let _ = writeln!(text, "+ {route}");
    }
    for (name, middleware) in now.runtime.middlewares.iter() {
        let known = before.runtime.middlewares.get(name);
        if known.is_some_and(|known| !Arc::ptr_eq(known, middleware)) {
            let _ = writeln!(text, "~ middleware {}", name.as_str());
        }
    }
    for problem in before.problems.difference(&now.problems) {
        let _ = writeln!(text, "mended: {problem}");
    }
    for problem in now.problems.difference(&before.problems) {
        let _ = writeln!(text, "new {problem}");
    }
    if text.is_empty() {
        text.push_str("the routes are as before\n");
    }
    format!("\nThe configuration changed:\n{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(routes: &[&str], problems: &[Diagnostic]) -> Seen {
        Seen {
            routes: routes.iter().map(|route| (*route).to_owned()).collect(),
            problems: problems.iter().cloned().collect(),
            ..Seen::default()
        }
    }

    #[test]
    fn the_introduction_tells_what_to_try_the_routes_and_the_problems() {
        let problem = Diagnostic::error("Ingress shop/checkout", "spec", "no such Service");
        let text = introduction(Path::new("examples/shop"), &seen(&["a -> b"], &[problem]));
        for part in [
            "pointsman serves examples/shop\n",
            "  curl http://127.0.0.1:8080/api/http/routers\n",
            "\nRoutes:\n  a -> b\n",
            "\nProblems:\n  error: Ingress shop/checkout: spec: no such Service\n",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn a_change_tells_what_came_and_what_went() {
        let problem = Diagnostic::error("Ingress a/b", "", "wrong");
        let before = seen(&["a -> b", "same"], &[problem]);
        let now = seen(&["a -> c", "same"], &[]);
        assert_eq!(
            difference(&before, &now),
            "\nThe configuration changed:\n- a -> b\n+ a -> c\nmended: error: Ingress a/b: wrong\n"
        );
        assert_eq!(
            difference(&now, &now),
            "\nThe configuration changed:\nthe routes are as before\n"
        );
    }

    #[test]
    fn a_folder_with_a_dynamic_file_is_served_with_it() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!flags(dir.path()).iter().any(|flag| flag.contains("file")));
        std::fs::write(dir.path().join(DYNAMIC_FILE), "").unwrap();
        assert!(
            flags(dir.path())
                .iter()
                .any(|flag| flag.starts_with("--providers.file.filename="))
        );
        for flags in [flags(dir.path()), flags(Path::new("none"))] {
            assert!(load(&flags, &[], &OsFiles).is_ok());
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_told_with_the_cure() {
        let error = folder(Some("no/such".into())).unwrap_err().to_string();
        assert_eq!(error, "no/such is no folder");
    }
}
