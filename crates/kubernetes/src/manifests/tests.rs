use std::path::Path;
use std::sync::Arc;

use pointsman_config::Severity;

use super::*;
use crate::snapshot::{Changed, ObjectName, Snapshot};

/// A folder, a reader of it and what it read.
struct Fixture {
    root: tempfile::TempDir,
    folder: Folder,
    snapshot: Snapshot,
}

impl Fixture {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::new(root.path());
        Self {
            root,
            folder,
            snapshot: Snapshot::default(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn scan(&mut self) -> Vec<Changed> {
        self.snapshot.apply_all(self.folder.scan())
    }

    fn refresh(&mut self, names: &[&str]) -> Vec<Changed> {
        let paths: Vec<PathBuf> = names.iter().map(|name| self.path(name)).collect();
        self.snapshot.apply_all(self.folder.refresh(&paths))
    }

    fn services(&self) -> Vec<String> {
        self.snapshot
            .services()
            .map(|s| {
                format!(
                    "{}:{}",
                    s.name,
                    s.ports
                        .iter()
                        .map(|p| p.port.to_string())
                        .collect::<String>()
                )
            })
            .collect()
    }

    fn diagnostics(&self) -> Vec<String> {
        self.folder
            .diagnostics()
            .iter()
            .map(ToString::to_string)
            .collect()
    }
}

fn service(name: &str, port: u16) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{ports: [{{port: {port}}}]}}\n"
    )
}

fn service_changed(name: &str) -> Changed {
    Changed::Service(ObjectName::new("default", name))
}

fn begins(actual: &[String], expected: &[&str]) {
    assert_eq!(actual.len(), expected.len(), "{actual:#?}");
    for (actual, expected) in actual.iter().zip(expected) {
        assert!(actual.starts_with(expected), "{actual}");
    }
}

#[test]
fn folders_documents_lists_and_json_are_read() {
    let mut fixture = Fixture::new();
    fixture.write(
        "a.yaml",
        &format!("{}---\n{}", service("one", 1), service("two", 2)),
    );
    fixture.write("deep/er/b.yml", &service("three", 3));
    fixture.write(
        "c.json",
        r#"{"apiVersion":"v1","kind":"List","items":[
            {"apiVersion":"v1","kind":"Service","metadata":{"name":"four","namespace":"shop"},"spec":{"ports":[{"port":4}]}}]}"#,
    );
    fixture.write("d.yaml", "apiVersion: v1\nkind: ServiceList\nitems:\n- metadata: {name: five}\n  spec: {ports: [{port: 5}]}\n");
    fixture.write("e.json", "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"shop\"}}\n{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"n\"}}");
    fixture.scan();
    assert_eq!(
        fixture.services(),
        [
            "default/five:5",
            "default/one:1",
            "default/three:3",
            "default/two:2",
            "shop/four:4"
        ]
    );
    assert!(fixture.snapshot.namespace("shop").is_some());
    assert_eq!(fixture.snapshot.nodes().len(), 1);
    assert_eq!(fixture.diagnostics(), [""; 0]);
}

#[test]
fn other_files_and_hidden_names_are_skipped() {
    let mut fixture = Fixture::new();
    fixture.write("notes.txt", "not: [yaml");
    fixture.write(".hidden.yaml", &service("hidden", 1));
    fixture.write("..2024/x.yaml", &service("old", 1));
    fixture.write("empty.yaml", "# nothing here\n---\n");
    assert_eq!(fixture.scan(), []);
    assert_eq!(fixture.diagnostics(), [""; 0]);
}

#[test]
fn kinds_that_are_not_read_take_one_line() {
    let mut fixture = Fixture::new();
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n";
    let old = "apiVersion: networking.k8s.io/v1beta1\nkind: Ingress\nmetadata: {name: x}\n";
    fixture.write(
        "a.yaml",
        &format!(
            "{deployment}---\n{deployment}---\n{old}---\n{}",
            service("s", 1)
        ),
    );
    fixture.scan();
    assert_eq!(fixture.services(), ["default/s:1"]);
    begins(
        &fixture.diagnostics(),
        &[
            "info: file a.yaml: 2 objects of kind apps/v1 Deployment ignored",
            "info: file a.yaml: 1 object of kind networking.k8s.io/v1beta1 Ingress ignored",
        ],
    );
}

/// Row 76: a Secret that can't be fetched any more; what was read of it stays.
#[test]
fn row_076_a_secret_that_can_not_be_read_keeps_its_last_content() {
    let mut fixture = Fixture::new();
    fixture.write(
        "secret.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {tls.crt: C, tls.key: K}\n",
    );
    fixture.scan();
    fixture.write(
        "secret.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s\n",
    );
    assert_eq!(fixture.refresh(&["secret.yaml"]), []);
    let secret = fixture
        .snapshot
        .secret(&ObjectName::new("default", "s"))
        .unwrap();
    assert_eq!(secret.certificate.as_deref(), Some("C"));
    begins(
        &fixture.diagnostics(),
        &["error: file secret.yaml: document 1 (from line 1): "],
    );
}

/// Row 101: "not found" means that the object is gone; any other error means that nothing is known.
#[test]
fn row_101_only_a_missing_file_removes_its_objects() {
    let mut fixture = Fixture::new();
    fixture.write("a.yaml", &service("a", 1));
    fixture.write("b.yaml", &service("b", 2));
    fixture.scan();
    std::fs::remove_file(fixture.path("a.yaml")).unwrap();
    std::fs::write(fixture.path("b.yaml"), [0xff, 0xfe]).unwrap();
    assert_eq!(
        fixture.refresh(&["a.yaml", "b.yaml"]),
        [service_changed("a")]
    );
    assert_eq!(fixture.services(), ["default/b:2"]);
    begins(&fixture.diagnostics(), &["error: file b.yaml: not UTF-8"]);
}

#[test]
fn a_broken_file_disables_only_itself() {
    let mut fixture = Fixture::new();
    fixture.write("good.yaml", &service("good", 1));
    fixture.write("bad.yaml", &format!("{}---\n{{broken", service("bad", 1)));
    fixture.scan();
    assert_eq!(fixture.services(), ["default/good:1"]);
    begins(
        &fixture.diagnostics(),
        &["error: file bad.yaml: document 2 (from line 5): "],
    );
    fixture.write("bad.yaml", &service("bad", 1));
    assert_eq!(fixture.refresh(&["bad.yaml"]), [service_changed("bad")]);
    assert_eq!(fixture.diagnostics(), [""; 0]);
}

#[test]
fn a_file_that_became_empty_keeps_its_content() {
    let mut fixture = Fixture::new();
    fixture.write("a.yaml", &service("a", 1));
    fixture.scan();
    fixture.write("a.yaml", "");
    assert_eq!(fixture.refresh(&["a.yaml"]), []);
    begins(
        &fixture.diagnostics(),
        &["error: file a.yaml: the file is empty"],
    );
    // Content that says that there is nothing is something else.
    fixture.write("a.yaml", "# removed\n");
    assert_eq!(fixture.refresh(&["a.yaml"]), [service_changed("a")]);
}

#[test]
fn a_malformed_object_keeps_its_last_good_version_and_touches_no_other() {
    let mut fixture = Fixture::new();
    fixture.write(
        "a.yaml",
        &format!("{}---\n{}", service("a", 1), service("b", 1)),
    );
    fixture.scan();
    let bad =
        "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: \"1\"}]}\n";
    fixture.write("a.yaml", &format!("{bad}---\n{}", service("b", 2)));
    assert_eq!(fixture.refresh(&["a.yaml"]), [service_changed("b")]);
    assert_eq!(fixture.services(), ["default/a:1", "default/b:2"]);
    assert_eq!(
        fixture.diagnostics(),
        [
            "error: Service default/a: spec.ports[0].port: expected a port number, found the text \"1\"; write the number \
          without quotes (file a.yaml, document 1)"
        ]
    );
}

#[test]
fn malformed_endpoints_keep_their_slices() {
    let mut fixture = Fixture::new();
    let endpoints = |ip: &str| {
        format!(
            "apiVersion: v1\nkind: Endpoints\nmetadata: {{name: s}}\nsubsets: [{{addresses: [{{ip: {ip}}}], ports: [{{port: 1}}]}}]\n"
        )
    };
    fixture.write("a.yaml", &endpoints("10.0.0.1"));
    fixture.scan();
    fixture.write("a.yaml", &endpoints("[]"));
    assert_eq!(fixture.refresh(&["a.yaml"]), []);
    assert_eq!(
        fixture
            .snapshot
            .endpoint_slices(&ObjectName::new("default", "s"))
            .count(),
        1
    );
    begins(
        &fixture.diagnostics(),
        &["error: Endpoints default/s: subsets[0].addresses[0].ip: expected text"],
    );
}

#[test]
fn every_mistake_of_an_object_is_reported_with_its_field() {
    let mut fixture = Fixture::new();
    fixture.write(
        "a.yaml",
        r"
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: wrong
  namespace: shop
  creationTimestamp: yesterday
  annotations: {a: true}
spec:
  rules:
    - host: 12
      http: {paths: {path: /}}
    - http:
        paths:
          - path: /
            backend: {service: {name: web, port: {number: 70000}}}
  tls: [{secretName: [x]}]
---
apiVersion: v1
kind: Secret
metadata: {name: s}
data: {tls.crt: '***'}
---
apiVersion: v1
kind: Service
metadata: {}
---
kind: Service
---
- a list
",
    );
    fixture.scan();
    begins(
        &fixture.diagnostics(),
        &[
            "error: Ingress shop/wrong: metadata.creationTimestamp: \"yesterday\" is no RFC 3339 time",
            "error: Ingress shop/wrong: metadata.annotations[a]: expected text, found the boolean true; put it in quotes",
            "error: Ingress shop/wrong: spec.rules[0].host: expected text, found the number 12",
            "error: Ingress shop/wrong: spec.rules[0].http.paths: expected a list, found a map",
            "error: Ingress shop/wrong: spec.rules[1].http.paths[0].backend.service.port.number: port 70000 is out of range",
            "error: Ingress shop/wrong: spec.tls[0].secretName: expected text, found a list",
            "error: Secret default/s: data.tls.crt: not base64",
            "error: Service: metadata.name: metadata.name is missing",
            "error: Service: apiVersion: apiVersion is missing",
            "error: object: expected a Kubernetes object, found a list",
        ],
    );
    assert!(
        fixture
            .diagnostics()
            .iter()
            .all(|line| line.contains("(file a.yaml, document "))
    );
}

#[test]
fn items_of_a_list_fail_one_by_one() {
    let mut fixture = Fixture::new();
    fixture.write(
        "a.yaml",
        "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Service, metadata: {name: a}, spec: 1}\n- {apiVersion: v1, kind: Service, metadata: {name: b}}\n",
    );
    fixture.scan();
    assert_eq!(fixture.services(), ["default/b:"]);
    begins(
        &fixture.diagnostics(),
        &["error: Service default/a: items[0].spec: expected a map, found the number 1"],
    );
}

#[test]
fn of_duplicates_the_first_file_by_path_counts() {
    let mut fixture = Fixture::new();
    fixture.write("b.yaml", &service("s", 2));
    fixture.scan();
    assert_eq!(fixture.services(), ["default/s:2"]);
    fixture.write("a.yaml", &service("s", 1));
    fixture.write("c.yaml", &service("s", 3));
    fixture.scan();
    assert_eq!(fixture.services(), ["default/s:1"]);
    begins(
        &fixture.diagnostics(),
        &["warning: Service default/s: defined in b.yaml, c.yaml too: the one in a.yaml counts"],
    );
    std::fs::remove_file(fixture.path("a.yaml")).unwrap();
    assert_eq!(fixture.refresh(&["a.yaml"]), [service_changed("s")]);
    assert_eq!(fixture.services(), ["default/s:2"]);
    fixture.write("c.yaml", "# gone\n");
    assert_eq!(fixture.refresh(&["c.yaml"]), []);
    assert_eq!(fixture.diagnostics(), [""; 0]);
}

#[test]
fn of_duplicates_in_one_file_the_first_counts() {
    let mut fixture = Fixture::new();
    fixture.write(
        "a.yaml",
        &format!("{}---\n{}", service("s", 1), service("s", 2)),
    );
    fixture.scan();
    assert_eq!(fixture.services(), ["default/s:1"]);
    begins(
        &fixture.diagnostics(),
        &["warning: Service default/s: defined twice in file a.yaml"],
    );
}

#[test]
fn unchanged_objects_keep_their_identity() {
    let mut fixture = Fixture::new();
    fixture.write(
        "a.yaml",
        &format!("{}---\n{}", service("a", 1), service("b", 1)),
    );
    fixture.scan();
    let before = fixture.snapshot.clone();
    fixture.write(
        "a.yaml",
        &format!("{}---\n{}", service("a", 1), service("b", 2)),
    );
    assert_eq!(fixture.refresh(&["a.yaml"]), [service_changed("b")]);
    let name = ObjectName::new("default", "a");
    assert!(Arc::ptr_eq(
        before.service(&name).unwrap(),
        fixture.snapshot.service(&name).unwrap()
    ));
    assert_eq!(fixture.folder.refresh(&[fixture.path("a.yaml")]), []);
}

#[test]
fn a_changed_folder_is_read_below_its_path_only() {
    let mut fixture = Fixture::new();
    fixture.write("x/a.yaml", &service("a", 1));
    fixture.write("x/b.yaml", &service("b", 1));
    fixture.write("y.yaml", &service("z", 1));
    fixture.scan();
    std::fs::remove_file(fixture.path("x/a.yaml")).unwrap();
    fixture.write("x/c.yaml", &service("c", 1));
    fixture.write("y.yaml", &service("z", 2));
    assert_eq!(
        fixture.refresh(&["x"]),
        [service_changed("a"), service_changed("c")]
    );
    assert_eq!(fixture.scan(), [service_changed("z")]);
    assert_eq!(fixture.folder.file_count(), 3);
}

#[cfg(unix)]
#[test]
fn a_swapped_volume_link_is_followed() {
    let mut fixture = Fixture::new();
    fixture.write("..v1/a.yaml", &service("a", 1));
    fixture.write("..v2/a.yaml", &service("a", 2));
    let link = |from: &str, to: &Path| std::os::unix::fs::symlink(from, to).unwrap();
    link("..v1", &fixture.path("..data"));
    link("..data/a.yaml", &fixture.path("a.yaml"));
    fixture.scan();
    assert_eq!(fixture.services(), ["default/a:1"]);
    link("..v2", &fixture.path("..data_tmp"));
    std::fs::rename(fixture.path("..data_tmp"), fixture.path("..data")).unwrap();
    assert_eq!(fixture.refresh(&["..data"]), [service_changed("a")]);
    assert_eq!(fixture.services(), ["default/a:2"]);
}

#[test]
fn a_folder_that_vanishes_takes_nothing_with_it() {
    let mut fixture = Fixture::new();
    fixture.write("in/a.yaml", &service("a", 1));
    fixture.folder = Folder::new(fixture.path("in"));
    fixture.scan();
    std::fs::rename(fixture.path("in"), fixture.path("elsewhere")).unwrap();
    assert_eq!(fixture.refresh(&["in/a.yaml"]), []);
    assert_eq!(fixture.scan(), []);
    assert_eq!(fixture.services(), ["default/a:1"]);
    let [problem] = <[_; 1]>::try_from(fixture.folder.diagnostics()).unwrap();
    assert_eq!(problem.severity, Severity::Error);
    std::fs::rename(fixture.path("elsewhere"), fixture.path("in")).unwrap();
    assert_eq!(fixture.scan(), []);
    assert_eq!(fixture.diagnostics(), [""; 0]);
}

#[test]
fn a_large_file_is_read_like_a_small_one() {
    let mut fixture = Fixture::new();
    let all: Vec<String> = (0..4_000).map(|n| service(&format!("s{n}"), 80)).collect();
    fixture.write("all.yaml", &all.join("---\n"));
    assert_eq!(fixture.scan().len(), 4_000);
    fixture.write("all.yaml", &format!("{}---\n: [", all.join("---\n")));
    assert_eq!(fixture.refresh(&["all.yaml"]), []);
    begins(
        &fixture.diagnostics(),
        &["error: file all.yaml: document 4001 (from line "],
    );
}

#[test]
fn many_files_are_read_like_one() {
    let mut fixture = Fixture::new();
    for n in 0..300 {
        fixture.write(&format!("{n}.yaml"), &service(&format!("s{n}"), 80));
    }
    assert_eq!(fixture.scan().len(), 300);
    assert_eq!(fixture.folder.file_count(), 300);
}

/// Goldens of the Ingress provider with random edits: whatever comes out, nothing panics and what is read is translated.
#[test]
fn mutated_manifests_never_panic() {
    let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ingress/golden");
    let mut texts: Vec<String> = Vec::new();
    for entry in std::fs::read_dir(goldens).unwrap() {
        let path = entry.unwrap().path();
        if !path.to_str().unwrap().ends_with(".expected.yaml") {
            texts.push(std::fs::read_to_string(path).unwrap());
        }
    }
    texts.sort();
    let mut rng = fastrand::Rng::with_seed(11);
    let mut read = 0;
    for round in 0..3_000 {
        let mut text: Vec<u8> = texts[round % texts.len()].clone().into_bytes();
        for _ in 0..rng.usize(1..4) {
            let at = rng.usize(..text.len());
            match rng.u8(..4) {
                0 => text[at] = rng.u8(..),
                1 => {
                    text.drain(at..(at + rng.usize(..20)).min(text.len()));
                }
                2 => text.insert(at, *rng.choice(b"\n :-[]{}\"'#0|&*!").unwrap()),
                _ => {
                    let chunk = text[at..(at + 30).min(text.len())].to_vec();
                    let to = rng.usize(..text.len());
                    text.splice(to..to, chunk);
                }
            }
            if text.is_empty() {
                text.push(b'a');
            }
        }
        let Ok(text) = String::from_utf8(text) else {
            continue;
        };
        let Ok(documents) = documents::parse(&text, false) else {
            continue;
        };
        let mut snapshot = Snapshot::default();
        let mut decoder = decode::Decoder::default();
        for decoded in documents
            .iter()
            .flat_map(|(_, node)| decoder.document(node))
        {
            if let decode::Decoded::Objects(objects) = decoded {
                read += objects.len();
                snapshot.apply_all(objects.into_iter().map(Change::Upsert));
            }
        }
        crate::ingress::translate(&snapshot, &crate::ingress::Options::default());
    }
    assert!(read > 1_000, "only {read} objects were read");
}
