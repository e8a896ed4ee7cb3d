//! Writes manifests for benchmarks, reads them back and says how long each step of the configuration path takes.
//!
//! `bench-manifests DIR COUNT [PATHS] [one-file|many-files]`: COUNT Ingresses with one host and PATHS paths each, COUNT
//! Services and COUNT EndpointSlices of two addresses. Without a DIR of its own a folder is reused.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use pointsman_kubernetes::ingress::{Options, Translator};
use pointsman_kubernetes::manifests::Folder;
use pointsman_kubernetes::snapshot::Snapshot;

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(count)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: bench-manifests DIR COUNT [PATHS] [one-file|many-files]");
        std::process::exit(2);
    };
    let number = |text: &str| {
        text.parse::<usize>()
            .map_err(|error| std::io::Error::other(format!("{text}: {error}")))
    };
    let (folder, count) = (PathBuf::from(folder), number(&count)?);
    let paths = arguments.next().map_or(Ok(1), |text| number(&text))?;
    let many = arguments
        .next()
        .is_some_and(|layout| layout == "many-files");
    if !folder.exists() {
        generate(&folder, count, paths, many)?;
    }
    measure(&folder);
    Ok(())
}

fn generate(folder: &Path, count: usize, paths: usize, many: bool) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    if many {
        for n in 0..count {
            let manifests = [ingress(n, paths), service(n), slice(n)].join("---\n");
            std::fs::write(folder.join(format!("{n:06}.yaml")), manifests)?;
        }
        return Ok(());
    }
    let kinds: [(&str, &dyn Fn(usize) -> String); 3] = [
        ("ingresses", &|n| ingress(n, paths)),
        ("services", &service),
        ("slices", &slice),
    ];
    for (name, manifest) in kinds {
        let mut file =
            std::io::BufWriter::new(std::fs::File::create(folder.join(format!("{name}.yaml")))?);
        for n in 0..count {
            write!(file, "---\n{}", manifest(n))?;
        }
        file.flush()?;
    }
    Ok(())
}

fn ingress(n: usize, paths: usize) -> String {
    let mut text = format!(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: web-{n}\n  namespace: bench\n  labels:\n    app: web-{n}\n  \
         annotations:\n    traefik.ingress.kubernetes.io/router.entrypoints: web\nspec:\n  rules:\n  - host: h{n}.example.com\n    \
         http:\n      paths:\n"
    );
    for p in 0..paths {
        let path = if p == 0 {
            "/".to_owned()
        } else {
            format!("/p{p}")
        };
        write!(
            text,
            "      - path: {path}\n        pathType: Prefix\n        backend:\n          service:\n            name: web-{n}\n            \
             port:\n              number: 80\n"
        )
        .expect("writing to a string can't fail");
    }
    text
}

fn service(n: usize) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: web-{n}\n  namespace: bench\nspec:\n  clusterIP: 10.96.{}.{}\n  selector:\n    \
         app: web-{n}\n  ports:\n  - name: http\n    port: 80\n    protocol: TCP\n    targetPort: 8080\n",
        n / 250 % 250,
        n % 250
    )
}

fn slice(n: usize) -> String {
    let mut text = format!(
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: web-{n}-abcde\n  namespace: bench\n  labels:\n    \
         kubernetes.io/service-name: web-{n}\naddressType: IPv4\nports:\n- name: http\n  port: 8080\n  protocol: TCP\nendpoints:\n"
    );
    for replica in [1, 2] {
        write!(
            text,
            "- addresses:\n  - 10.{replica}.{}.{}\n  conditions:\n    ready: true\n    serving: true\n    terminating: false\n  \
             nodeName: node-{replica}\n",
            n / 250 % 250,
            n % 250
        )
        .expect("writing to a string can't fail");
    }
    text
}

fn measure(path: &Path) {
    let mut folder = Folder::new(path);
    let clock = Instant::now();
    let changes = folder.scan();
    println!(
        "read        {:>9.1?} ({} files, {} objects)",
        clock.elapsed(),
        folder.file_count(),
        changes.len()
    );
    let mut snapshot = Snapshot::default();
    let clock = Instant::now();
    let changed = snapshot.apply_all(changes);
    println!(
        "snapshot    {:>9.1?} ({} changes)",
        clock.elapsed(),
        changed.len()
    );
    println!("resident    {:>9} kB with the snapshot", resident());
    let (mut translator, options) = (Translator::default(), Options::default());
    let clock = Instant::now();
    let translation = translator.translate(&snapshot, &options, &[]);
    let routers = translation.configuration.http.routers.len();
    println!(
        "translate   {:>9.1?} ({routers} routers, {} diagnostics)",
        clock.elapsed(),
        translation.diagnostics.len()
    );
    println!("resident    {:>9} kB with the configuration", resident());
    let clock = Instant::now();
    let changes = folder.scan();
    println!(
        "scan again  {:>9.1?} ({} changes)",
        clock.elapsed(),
        changes.len()
    );
    let touched: Vec<_> = changed.iter().take(1).cloned().collect();
    let clock = Instant::now();
    translator.translate(&snapshot, &options, &touched);
    println!("one change  {:>9.1?}", clock.elapsed());
}

/// Resident memory in kB, where `/proc` says it.
fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.map_or_else(
        || "?".to_owned(),
        |line| line.trim().trim_end_matches(" kB").to_owned(),
    )
}
