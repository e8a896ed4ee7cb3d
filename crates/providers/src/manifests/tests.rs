use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;
use crate::testing::{Outlet, outlet};

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    fs::write(root.join("services.yaml"), SERVICES).unwrap();
    (folder, root)
}

const SERVICES: &str = "
apiVersion: v1
kind: Service
metadata: {namespace: shop, name: web}
spec: {clusterIP: 10.0.0.1, ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {namespace: shop, name: web-1, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.1.0.1], conditions: {ready: true}}]
";

fn ingress(name: &str, path: &str) -> String {
    format!(
        "---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{namespace: shop, name: {name}}}
spec:
  rules:
  - host: {name}.localhost
    http: {{paths: [{{path: {path}, pathType: Prefix, backend: {{service: {{name: web, port: {{number: 80}}}}}}}}]}}
"
    )
}

fn start(root: &Path) -> (ManifestsProvider, Outlet) {
    let (sender, outlet) = outlet(NAME);
    let provider = ManifestsProvider::start(root, Options::default(), sender).unwrap();
    (provider, outlet)
}

fn write(path: impl AsRef<Path>, text: &str) {
    fs::write(path, text).unwrap();
}

/// The rules of all routers.
fn rules(outlet: &Outlet) -> Vec<String> {
    outlet
        .configuration
        .iter()
        .flat_map(|configuration| configuration.http.routers.values())
        .map(|router| router.rule.replace('"', "`"))
        .collect()
}

/// Waits until there is one router per pair of host and path.
#[track_caller]
fn until(outlet: &mut Outlet, expected: &[(&str, &str)]) {
    outlet.until(|outlet| {
        let rules = rules(outlet);
        rules.len() == expected.len()
            && expected.iter().all(|(host, path)| {
                let (host, path) = (format!("`{host}.localhost`"), format!("`{path}`"));
                rules
                    .iter()
                    .any(|rule| rule.contains(&host) && rule.contains(&path))
            })
    });
}

#[test]
fn manifests_become_routers_and_follow_every_change() {
    let (_folder, root) = folder();
    write(root.join("a.yaml"), &ingress("a", "/1"));
    let (_provider, mut outlet) = start(&root);
    until(&mut outlet, &[("a", "/1")]);
    write(root.join("a.yaml"), &ingress("a", "/2"));
    until(&mut outlet, &[("a", "/2")]);
    fs::create_dir_all(root.join("deep/er")).unwrap();
    write(root.join("deep/er/b.yaml"), &ingress("b", "/1"));
    until(&mut outlet, &[("a", "/2"), ("b", "/1")]);
    write(root.join("deep/er/.b.yaml.swp"), "x");
    write(root.join("deep/er/b.new"), &ingress("b", "/2"));
    fs::rename(root.join("deep/er/b.new"), root.join("deep/er/b.yaml")).unwrap();
    until(&mut outlet, &[("a", "/2"), ("b", "/2")]);
    fs::remove_file(root.join("a.yaml")).unwrap();
    until(&mut outlet, &[("b", "/2")]);
    fs::remove_dir_all(root.join("deep")).unwrap();
    until(&mut outlet, &[]);
}

#[test]
fn a_broken_file_keeps_its_last_good_content_and_touches_no_other() {
    let (_folder, root) = folder();
    write(root.join("a.yaml"), &ingress("a", "/1"));
    write(root.join("b.yaml"), &ingress("b", "/1"));
    let (_provider, mut outlet) = start(&root);
    until(&mut outlet, &[("a", "/1"), ("b", "/1")]);
    write(root.join("b.yaml"), "kind: [");
    outlet.until_problem(&["error", "b.yaml"]);
    write(root.join("a.yaml"), &ingress("a", "/2"));
    until(&mut outlet, &[("a", "/2"), ("b", "/1")]);
    write(root.join("b.yaml"), &ingress("b", "/2"));
    until(&mut outlet, &[("a", "/2"), ("b", "/2")]);
    outlet.until(|outlet| !outlet.has_problem(&["b.yaml"]));
}

#[test]
fn a_half_written_file_is_not_read_before_it_is_closed() {
    let (_folder, root) = folder();
    let path = root.join("ab.yaml");
    write(&path, &(ingress("a", "/1") + &ingress("b", "/1")));
    let (_provider, mut outlet) = start(&root);
    until(&mut outlet, &[("a", "/1"), ("b", "/1")]);
    // The first half is a good file of its own.
    let mut file = File::create(&path).unwrap();
    file.write_all(ingress("a", "/2").as_bytes()).unwrap();
    write(root.join("c.yaml"), &ingress("c", "/1"));
    until(&mut outlet, &[("a", "/1"), ("b", "/1"), ("c", "/1")]);
    // A new folder makes the whole folder be listed again.
    fs::create_dir(root.join("sub")).unwrap();
    write(root.join("sub/d.yaml"), &ingress("d", "/1"));
    until(
        &mut outlet,
        &[("a", "/1"), ("b", "/1"), ("c", "/1"), ("d", "/1")],
    );
    file.write_all(ingress("b", "/2").as_bytes()).unwrap();
    drop(file);
    until(
        &mut outlet,
        &[("a", "/2"), ("b", "/2"), ("c", "/1"), ("d", "/1")],
    );
}

#[test]
fn a_turned_link_of_a_mounted_volume_is_seen() {
    let (_folder, root) = folder();
    let mount = root.join("mount");
    for version in ["1", "2", "3"] {
        fs::create_dir_all(mount.join(format!("..{version}"))).unwrap();
        write(
            mount.join(format!("..{version}/a.yaml")),
            &ingress("a", &format!("/{version}")),
        );
    }
    symlink("..1", mount.join("..data")).unwrap();
    symlink("..data/a.yaml", mount.join("a.yaml")).unwrap();
    let (_provider, mut outlet) = start(&root);
    until(&mut outlet, &[("a", "/1")]);
    for version in ["2", "3"] {
        symlink(format!("..{version}"), mount.join("..data_tmp")).unwrap();
        fs::rename(mount.join("..data_tmp"), mount.join("..data")).unwrap();
        until(&mut outlet, &[("a", &format!("/{version}"))]);
    }
}

#[test]
fn what_links_lead_to_is_watched() {
    let (_elsewhere, elsewhere) = folder();
    let (_folder, root) = folder();
    write(elsewhere.join("file"), &ingress("a", "/1"));
    fs::create_dir(elsewhere.join("folder")).unwrap();
    write(elsewhere.join("folder/b.yaml"), &ingress("b", "/1"));
    symlink(elsewhere.join("file"), root.join("a.yaml")).unwrap();
    symlink(elsewhere.join("folder"), root.join("linked")).unwrap();
    let (_provider, mut outlet) = start(&root);
    until(&mut outlet, &[("a", "/1"), ("b", "/1")]);
    write(elsewhere.join("file"), &ingress("a", "/2"));
    until(&mut outlet, &[("a", "/2"), ("b", "/1")]);
    write(elsewhere.join("folder/b.yaml"), &ingress("b", "/2"));
    until(&mut outlet, &[("a", "/2"), ("b", "/2")]);
}

#[test]
fn a_storm_of_a_thousand_changes_ends_with_the_newest() {
    let (_folder, root) = folder();
    write(root.join("a.yaml"), &ingress("a", "/0"));
    let (_provider, mut outlet) = start(&root);
    until(&mut outlet, &[("a", "/0")]);
    for n in 1..=1_000 {
        write(root.join("a.yaml"), &ingress("a", &format!("/{n}")));
    }
    until(&mut outlet, &[("a", "/1000")]);
    assert!(outlet.count < 700, "{} updates", outlet.count);
}

#[test]
fn a_folder_that_is_missing_says_nothing_and_one_that_goes_keeps_its_content() {
    let (_folder, root) = folder();
    let later = root.join("later");
    let (provider, mut outlet) = start(&later);
    outlet.until_problem(&["later"]);
    assert_eq!(outlet.configuration, None);
    fs::create_dir(&later).unwrap();
    write(
        later.join("s.yaml"),
        &(SERVICES.to_owned() + &ingress("a", "/1")),
    );
    until(&mut outlet, &[("a", "/1")]);
    fs::rename(&later, root.join("away")).unwrap();
    outlet.until_problem(&["later"]);
    provider.reload();
    fs::rename(root.join("away"), &later).unwrap();
    outlet.until(|outlet| !outlet.has_problem(&["folder"]));
    assert_eq!(rules(&outlet).len(), 1);
}

#[test]
fn an_empty_folder_is_a_complete_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let (_provider, mut outlet) = start(folder.path());
    outlet.until(|outlet| outlet.configuration.is_some());
    assert!(rules(&outlet).is_empty());
}

#[test]
fn a_single_file_can_be_the_folder() {
    let (_folder, root) = folder();
    let path = root.join("all.yaml");
    write(&path, &(SERVICES.to_owned() + &ingress("a", "/1")));
    let (_provider, mut outlet) = start(&path);
    until(&mut outlet, &[("a", "/1")]);
    write(
        root.join("new"),
        &(SERVICES.to_owned() + &ingress("a", "/2")),
    );
    fs::rename(root.join("new"), &path).unwrap();
    until(&mut outlet, &[("a", "/2")]);
}
