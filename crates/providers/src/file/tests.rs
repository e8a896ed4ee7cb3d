use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::testing::{Outlet, outlet};

/// A YAML document with one router.
fn router(name: &str, service: &str) -> String {
    format!("http: {{routers: {{{name}: {{rule: 'Path(`/{name}`)', service: {service}}}}}}}\n")
}

fn write(path: impl AsRef<Path>, text: &str) {
    fs::write(path, text).unwrap();
}

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    (folder, root)
}

fn start(location: Location) -> (FileProvider, Outlet) {
    let (sender, outlet) = outlet(NAME);
    let provider = FileProvider::start(location, true, sender).unwrap();
    (provider, outlet)
}

fn directory(root: &Path) -> (FileProvider, Outlet) {
    start(Location::Directory(root.to_owned()))
}

/// Reads once; configuration and the text of all problems.
fn read(location: Location) -> (Option<Arc<Configuration>>, Vec<String>) {
    let (configuration, diagnostics) = read_once(location);
    let problems = diagnostics.iter().map(ToString::to_string).collect();
    (configuration, problems)
}

fn routers(configuration: &Option<Arc<Configuration>>) -> Vec<&str> {
    configuration
        .iter()
        .flat_map(|configuration| configuration.http.routers.keys().map(String::as_str))
        .collect()
}

#[test]
fn yaml_toml_and_json_are_read() {
    let (_folder, root) = folder();
    for (name, text) in [
        ("a.yaml", router("a", "s")),
        ("a.YML", router("a", "s")),
        (
            "a.toml",
            "[http.routers.a]\nrule = 'Path(`/`)'\nservice = 's'\n".to_owned(),
        ),
        (
            "a.json",
            "{\"http\":\n\t{\"routers\": {\"a\": {\"rule\": \"Path(`/`)\", \"service\": \"s\"}}}}"
                .to_owned(),
        ),
    ] {
        write(root.join(name), &text);
        let (configuration, problems) = read(Location::File(root.join(name)));
        assert_eq!(routers(&configuration), ["a"], "{name}: {problems:?}");
        assert!(problems.is_empty(), "{name}: {problems:?}");
    }
}

#[test]
fn a_file_of_unknown_kind_is_refused_with_the_cure() {
    let (_folder, root) = folder();
    write(root.join("a.conf"), &router("a", "s"));
    let (configuration, problems) = read(Location::File(root.join("a.conf")));
    assert_eq!(configuration, None);
    assert!(
        problems[0].contains("a.conf") && problems[0].contains(".yaml"),
        "{problems:?}"
    );
}

#[test]
fn directories_are_read_at_all_levels_without_json_and_without_the_entries_of_the_kubelet() {
    let (_folder, root) = folder();
    fs::create_dir_all(root.join("b/deep")).unwrap();
    fs::create_dir(root.join("..2024")).unwrap();
    write(root.join("..2024/a.yaml"), &router("a", "s"));
    symlink("..2024", root.join("..data")).unwrap();
    symlink("..data/a.yaml", root.join("a.yaml")).unwrap();
    symlink("nobody@nowhere.1", root.join(".#a.yaml")).unwrap();
    write(root.join("b/deep/b.yml"), &router("b", "s"));
    write(
        root.join("c.toml"),
        "[http.routers.c]\nrule = 'Path(`/`)'\nservice = 's'\n",
    );
    write(root.join("d.json"), "{\"http\":{\"routers\":{\"d\":{}}}}");
    write(root.join("e.yaml~"), "not: [yaml");
    let (configuration, problems) = read(Location::Directory(root));
    assert_eq!(routers(&configuration), ["a", "b", "c"]);
    assert!(problems.is_empty(), "{problems:?}");
}

#[test]
fn of_two_definitions_the_first_by_path_counts_and_the_other_is_warned_of() {
    let (_folder, root) = folder();
    fs::create_dir(root.join("b")).unwrap();
    write(root.join("b/x.yaml"), &router("r", "first"));
    write(root.join("b.yaml"), &router("r", "second"));
    let (configuration, problems) = read(Location::Directory(root));
    assert_eq!(configuration.unwrap().http.routers["r"].service, "first");
    assert_eq!(problems.len(), 1);
    for part in ["warning", "b.yaml", "router \"r\"", "b/x.yaml"] {
        assert!(problems[0].contains(part), "{problems:?}");
    }
}

#[test]
fn every_kind_of_duplicate_is_skipped_with_a_warning() {
    let (_folder, root) = folder();
    let text = "
http:
  routers: {x: {rule: 'Path(`/`)', service: s}}
  services: {x: {loadBalancer: {servers: [{url: 'http://a'}]}}}
  middlewares: {x: {addPrefix: {prefix: /a}}}
  serversTransports: {x: {serverName: a}}
tcp:
  routers: {x: {rule: 'HostSNI(`*`)', service: s}}
  services: {x: {loadBalancer: {servers: [{address: 'a:1'}]}}}
  middlewares: {x: {inFlightConn: {amount: 1}}}
  serversTransports: {x: {dialTimeout: 1s}}
udp:
  routers: {x: {service: s}}
  services: {x: {loadBalancer: {servers: [{address: 'a:1'}]}}}
tls:
  certificates: [{certFile: '-----BEGIN CERTIFICATE-----', keyFile: '-----BEGIN PRIVATE KEY-----'}]
  stores: {default: {}}
  options: {x: {minVersion: VersionTLS13}}
";
    write(root.join("a.yaml"), text);
    let (one, problems) = read(Location::Directory(root.clone()));
    assert!(problems.is_empty(), "{problems:?}");
    write(root.join("b.yaml"), text);
    let (both, problems) = read(Location::Directory(root));
    assert_eq!(one, both);
    assert_eq!(problems.len(), 13, "{problems:#?}");
    assert!(
        problems
            .iter()
            .all(|problem| problem.starts_with("warning: file "))
    );
}

#[test]
fn go_templates_disable_only_their_file() {
    let (_folder, root) = folder();
    write(root.join("a.yaml"), &router("a", "s"));
    write(
        root.join("t.yaml"),
        "http:\n  routers:\n    {{ range $i := until 3 }}\n    r: {}\n    {{ end }}\n",
    );
    let (configuration, problems) = read(Location::Directory(root));
    assert_eq!(routers(&configuration), ["a"]);
    assert_eq!(problems.len(), 1);
    for part in ["error", "t.yaml", "line 3", "templates"] {
        assert!(problems[0].contains(part), "{problems:?}");
    }
}

#[test]
fn a_mistake_names_file_object_field_and_line() {
    let (_folder, root) = folder();
    write(
        root.join("a.yaml"),
        "http:\n  routers:\n    web:\n      rule: Path(`/`)\n      servise: s\n",
    );
    let (_, problems) = read(Location::Directory(root));
    for part in ["a.yaml", "router \"web\"", "servise", "service", "line 5"] {
        assert!(problems[0].contains(part), "{problems:?}");
    }
}

#[test]
fn deprecated_options_are_warned_of_and_used() {
    let (_folder, root) = folder();
    write(
        root.join("a.yaml"),
        "http: {routers: {r: {rule: 'Path(`/`)', service: s, ruleSyntax: v2}}}",
    );
    let (configuration, problems) = read(Location::Directory(root));
    assert_eq!(routers(&configuration), ["r"]);
    assert_eq!(problems.len(), 1);
    for part in [
        "warning",
        "a.yaml",
        "router \"r\"",
        "ruleSyntax",
        "deprecated",
    ] {
        assert!(problems[0].contains(part), "{problems:?}");
    }
}

#[test]
fn what_is_not_a_plain_text_file_is_reported_and_not_waited_for() {
    let (_folder, root) = folder();
    fs::create_dir(root.join("target")).unwrap();
    symlink("target", root.join("a.yaml")).unwrap();
    fs::write(root.join("b.yaml"), b"http: \xff").unwrap();
    symlink("nowhere", root.join("c.yaml")).unwrap();
    let (configuration, problems) = read(Location::Directory(root));
    assert!(configuration.is_some());
    assert_eq!(problems.len(), 3);
    assert!(problems[0].contains("not a file"), "{problems:?}");
    assert!(problems[1].contains("UTF-8"), "{problems:?}");
    assert!(problems[2].contains("c.yaml"), "{problems:?}");
}

#[test]
fn changes_additions_and_removals_are_provided() {
    let (_folder, root) = folder();
    write(root.join("a.yaml"), &router("a", "1"));
    let (_provider, mut outlet) = directory(&root);
    outlet.until_routers(&["a"]);
    write(root.join("a.yaml"), &router("a", "2"));
    outlet.until(|outlet| outlet.service("a") == "2");
    fs::create_dir(root.join("sub")).unwrap();
    write(root.join("sub/b.yaml"), &router("b", "1"));
    outlet.until_routers(&["a", "b"]);
    fs::remove_file(root.join("a.yaml")).unwrap();
    outlet.until_routers(&["b"]);
    fs::remove_dir_all(root.join("sub")).unwrap();
    outlet.until_routers(&[]);
}

#[test]
fn emptying_a_file_clears_it() {
    let (_folder, root) = folder();
    let path = root.join("a.yaml");
    write(&path, &router("a", "1"));
    let (_provider, mut outlet) = start(Location::File(path.clone()));
    outlet.until_routers(&["a"]);
    write(&path, "");
    outlet.until_routers(&[]);
}

#[test]
fn renaming_over_a_file_is_seen() {
    let (_folder, root) = folder();
    let path = root.join("a.yaml");
    write(&path, &router("a", "1"));
    let (_provider, mut outlet) = start(Location::File(path.clone()));
    outlet.until_routers(&["a"]);
    for service in ["2", "3"] {
        write(root.join(".a.yaml.tmp"), &router("a", service));
        fs::rename(root.join(".a.yaml.tmp"), &path).unwrap();
        outlet.until(|outlet| outlet.service("a") == service);
    }
}

/// Lays out a mounted ConfigMap as the kubelet does.
fn mount(root: &Path, version: &str, files: &[(&str, String)]) {
    let data = root.join(format!("..{version}"));
    fs::create_dir(&data).unwrap();
    for (name, text) in files {
        write(data.join(name), text);
        if !root.join(name).is_symlink() {
            symlink(format!("..data/{name}"), root.join(name)).unwrap();
        }
    }
    let old = fs::read_link(root.join("..data")).ok();
    symlink(format!("..{version}"), root.join("..data_tmp")).unwrap();
    fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
    if let Some(old) = old {
        fs::remove_dir_all(root.join(old)).unwrap();
    }
}

#[test]
fn a_turned_link_of_a_mounted_volume_is_seen_by_directory_and_by_file() {
    let (_folder, root) = folder();
    mount(
        &root,
        "1",
        &[("a.yaml", router("a", "1")), ("b.yaml", router("b", "1"))],
    );
    let (_first, mut all) = directory(&root);
    let (_second, mut one) = start(Location::File(root.join("a.yaml")));
    all.until_routers(&["a", "b"]);
    one.until_routers(&["a"]);
    for version in ["2", "3"] {
        mount(
            &root,
            version,
            &[
                ("a.yaml", router("a", version)),
                ("b.yaml", router("b", version)),
            ],
        );
        all.until(|outlet| outlet.service("a") == version && outlet.service("b") == version);
        one.until(|outlet| outlet.service("a") == version);
    }
    all.until(|outlet| outlet.diagnostics.is_empty());
    one.until(|outlet| outlet.diagnostics.is_empty());
}

#[test]
fn a_broken_file_keeps_its_last_good_content_and_touches_no_other() {
    let (_folder, root) = folder();
    write(root.join("a.yaml"), &router("a", "1"));
    write(root.join("b.yaml"), &router("b", "1"));
    let (_provider, mut outlet) = directory(&root);
    outlet.until_routers(&["a", "b"]);
    write(root.join("b.yaml"), "http: [");
    outlet.until_problem(&["error", "b.yaml"]);
    outlet.until_problem(&["b.yaml", "last good content"]);
    write(root.join("a.yaml"), &router("a", "2"));
    outlet.until(|outlet| outlet.service("a") == "2");
    assert_eq!(outlet.service("b"), "1");
    // An object with a mistake is not a good content either.
    write(root.join("b.yaml"), &router("b2", "{not: text}"));
    outlet.until_problem(&["error", "b.yaml", "router \"b2\""]);
    assert_eq!(outlet.names(), ["a", "b"]);
    write(root.join("b.yaml"), &router("b", "3"));
    outlet.until(|outlet| outlet.service("b") == "3" && outlet.diagnostics.is_empty());
}

#[test]
fn what_was_never_whole_is_used_in_part() {
    let (_folder, root) = folder();
    let path = root.join("a.yaml");
    write(
        &path,
        "http: {routers: {good: {rule: 'Path(`/`)', service: s}, bad: {priority: high}}}",
    );
    let (_provider, mut outlet) = start(Location::File(path.clone()));
    outlet.until_routers(&["good"]);
    assert!(outlet.has_problem(&["a.yaml", "router \"bad\"", "priority"]));
    write(
        &path,
        "http: {routers: {better: {rule: 'Path(`/`)', service: s}, bad: {priority: high}}}",
    );
    outlet.until_routers(&["better"]);
}

#[test]
fn a_half_written_file_is_not_read_before_it_is_closed() {
    let (_folder, root) = folder();
    let path = root.join("a.yaml");
    write(&path, &(router("a", "1") + "tls: {options: {x: {}}}\n"));
    write(root.join("b.yaml"), &router("b", "1"));
    let (_provider, mut outlet) = directory(&root);
    outlet.until_routers(&["a", "b"]);
    // Every part of this is a configuration of its own, the empty one too.
    let mut file = File::create(&path).unwrap();
    for (round, part) in [router("a", "2"), "tls: {options: {x: {}}}\n".to_owned()]
        .iter()
        .enumerate()
    {
        file.write_all(part.as_bytes()).unwrap();
        let service = format!("round{round}");
        write(root.join("b.yaml"), &router("b", &service));
        outlet.until(|outlet| outlet.service("b") == service);
        assert_eq!(outlet.service("a"), "1");
        // Structural changes list everything, and still leave it alone.
        write(root.join(format!("{service}.yaml")), &router(&service, "1"));
        outlet.until(|outlet| outlet.service(&service) == "1");
        assert_eq!(outlet.service("a"), "1");
    }
    drop(file);
    outlet.until(|outlet| outlet.service("a") == "2");
    assert!(outlet.diagnostics.is_empty());
}

#[test]
fn a_storm_of_a_thousand_changes_ends_with_the_newest() {
    let (_folder, root) = folder();
    write(root.join("a.yaml"), &router("a", "s0"));
    let (_provider, mut outlet) = directory(&root);
    outlet.until_routers(&["a"]);
    for n in 1..=1_000 {
        let path = root.join(".a.yaml.tmp");
        write(&path, &router("a", &format!("s{n}")));
        fs::rename(&path, root.join("a.yaml")).unwrap();
    }
    outlet.until(|outlet| outlet.service("a") == "s1000");
    assert!(outlet.count < 500, "{} updates", outlet.count);
}

#[test]
fn a_reload_reads_everything_even_without_a_watch() {
    let (_folder, root) = folder();
    let path = root.join("a.yaml");
    write(&path, &router("a", "1"));
    let (sender, mut outlet) = outlet(NAME);
    let provider = FileProvider::start(Location::File(path.clone()), false, sender).unwrap();
    outlet.until(|outlet| outlet.service("a") == "1");
    write(&path, &router("a", "2"));
    provider.reload();
    outlet.until(|outlet| outlet.service("a") == "2");
    write(&path, "http: [");
    provider.reload();
    outlet.until_problem(&["a.yaml"]);
    assert_eq!(outlet.service("a"), "2");
}

#[test]
fn an_error_at_the_start_is_fatal_without_a_watch_only() {
    let (_folder, root) = folder();
    write(root.join("a.yaml"), "http: [");
    write(root.join("b.yaml"), &router("b", "{not: text}"));
    let (sender, _outlet) = outlet(NAME);
    let error = FileProvider::start(Location::Directory(root.clone()), false, sender)
        .err()
        .unwrap()
        .to_string();
    for part in ["2 errors", "a.yaml", "b.yaml", "watch=false"] {
        assert!(error.contains(part), "{error}");
    }
    let (_provider, mut outlet) = directory(&root);
    outlet.until_problem(&["a.yaml"]);
}

#[test]
fn a_location_that_is_missing_says_nothing_about_the_configuration() {
    let (_folder, root) = folder();
    let (_provider, mut outlet) = directory(&root.join("later/on"));
    outlet.until_problem(&["later/on"]);
    assert_eq!(outlet.configuration, None);
    fs::create_dir(root.join("later")).unwrap();
    fs::create_dir(root.join("later/on")).unwrap();
    write(root.join("later/on/a.yaml"), &router("a", "1"));
    outlet.until_routers(&["a"]);
    // Gone by error is not emptied.
    fs::rename(root.join("later/on"), root.join("away")).unwrap();
    outlet.until_problem(&["later/on"]);
    assert_eq!(outlet.names(), ["a"]);
    fs::create_dir(root.join("later/on")).unwrap();
    write(root.join("later/on/b.yaml"), &router("b", "1"));
    outlet.until_routers(&["b"]);
}

#[test]
fn a_single_file_that_is_removed_keeps_its_content_and_is_seen_again() {
    let (_folder, root) = folder();
    let path = root.join("a.yaml");
    write(&path, &router("a", "1"));
    let (_provider, mut outlet) = start(Location::File(path.clone()));
    outlet.until_routers(&["a"]);
    fs::remove_file(&path).unwrap();
    outlet.until_problem(&["a.yaml", "cannot be read"]);
    assert_eq!(outlet.names(), ["a"]);
    write(&path, &router("b", "1"));
    outlet.until(|outlet| outlet.names() == ["b"] && outlet.diagnostics.is_empty());
}

#[test]
fn pem_files_are_read_into_the_configuration_wherever_they_stand() {
    let (_folder, root) = folder();
    let pem = root.join("x.pem");
    write(&pem, "-----BEGIN X-----\n");
    let text = "
tls:
  certificates: [{certFile: PEM, keyFile: PEM}]
  stores: {default: {defaultCertificate: {certFile: PEM, keyFile: PEM}}}
  options: {o: {clientAuth: {caFiles: [PEM]}}}
http:
  serversTransports: {t: {rootCAs: [PEM], certificates: [{certFile: PEM, keyFile: PEM}]}}
  middlewares:
    f: {forwardAuth: {address: 'http://a', tls: {ca: PEM, cert: PEM, key: PEM}}}
    r: {rateLimit: {average: 1, redis: {tls: {ca: PEM}}}}
tcp:
  serversTransports: {t: {tls: {rootCAs: [PEM], certificates: [{certFile: PEM, keyFile: PEM}]}}}
";
    write(
        root.join("a.yaml"),
        &text.replace("PEM", pem.to_str().unwrap()),
    );
    let (configuration, problems) = read(Location::File(root.join("a.yaml")));
    assert!(problems.is_empty(), "{problems:?}");
    write(
        root.join("b.yaml"),
        &text.replace("PEM", "\"-----BEGIN X-----\\n\""),
    );
    let (expected, problems) = read(Location::File(root.join("b.yaml")));
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(configuration, expected);
}

fn certificate(outlet: &Outlet) -> String {
    let configuration = outlet.configuration.as_ref();
    let certificate =
        configuration.and_then(|configuration| configuration.tls.certificates.first());
    certificate.map_or_else(String::new, |certificate| {
        let certificate = &certificate.certificate;
        format!("{}{}", certificate.cert_file, certificate.key_file.expose())
    })
}

#[test]
fn a_renewed_pem_file_is_provided_and_a_broken_one_keeps_its_content() {
    let (_folder, root) = folder();
    fs::create_dir(root.join("tls")).unwrap();
    fs::create_dir(root.join("dynamic")).unwrap();
    let pem = |name: &str| root.join("tls").join(name);
    write(pem("c"), "CERT1");
    write(pem("k"), "KEY1");
    let text = format!(
        "tls: {{certificates: [{{certFile: {:?}, keyFile: {:?}}}]}}",
        pem("c"),
        pem("k")
    );
    write(root.join("dynamic/a.yaml"), &text);
    let (_provider, mut outlet) = directory(&root.join("dynamic"));
    outlet.until(|outlet| certificate(outlet) == "CERT1KEY1");
    write(pem("c"), "CERT2");
    outlet.until(|outlet| certificate(outlet) == "CERT2KEY1");
    write(pem("k.new"), "KEY2");
    fs::rename(pem("k.new"), pem("k")).unwrap();
    outlet.until(|outlet| certificate(outlet) == "CERT2KEY2");
    fs::remove_file(pem("c")).unwrap();
    outlet.until_problem(&["a.yaml", "tls.certificates[0].certFile", "last good"]);
    assert_eq!(certificate(&outlet), "CERT2KEY2");
    write(pem("c"), "CERT3");
    outlet.until(|outlet| certificate(outlet) == "CERT3KEY2" && outlet.diagnostics.is_empty());
}

#[test]
fn a_missing_pem_file_is_reported_without_repeating_what_may_be_a_key() {
    let (_folder, root) = folder();
    let path = root.join("a.yaml");
    write(
        &path,
        "tls: {certificates: [{certFile: nowhere.pem, keyFile: MIIEvQIBADANBgkqhkiG9w0}]}",
    );
    let (configuration, problems) = read(Location::File(path));
    assert_eq!(
        configuration.unwrap().tls.certificates.len(),
        1,
        "it fails later, closed"
    );
    assert_eq!(problems.len(), 2);
    assert!(
        problems[0].contains("tls.certificates[0].certFile") && problems[0].contains("nowhere.pem")
    );
    assert!(problems[1].contains("tls.certificates[0].keyFile") && !problems[1].contains("MIIE"));
}

#[test]
fn directory_wins_over_filename() {
    let path = |text: &str| Some(PathBuf::from(text));
    assert_eq!(
        Location::new(path("f"), path("d")),
        Some(Location::Directory("d".into()))
    );
    assert_eq!(
        Location::new(path("f"), path("")),
        Some(Location::File("f".into()))
    );
    assert_eq!(Location::new(None, None), None);
}
