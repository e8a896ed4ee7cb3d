//! Crates depend only on crates of lower layers, as ARCHITECTURE.md draws them.

#![expect(clippy::unwrap_used, reason = "in a test that is how a failure shows")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Crates of one layer that may see each other: a derive macro belongs to the crate that it writes code for.
const EXCEPTION: (&str, &str) = ("config", "config-derive");

/// The layer of each crate, from the table in ARCHITECTURE.md: `| 1 | `net` | …`.
fn layers() -> BTreeMap<String, u32> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ARCHITECTURE.md");
    let text = std::fs::read_to_string(path).unwrap();
    let mut layers = BTreeMap::new();
    for line in text.lines() {
        let mut cells = line.trim_matches('|').split('|').map(str::trim);
        let (Some(Ok(layer)), Some(crates)) = (cells.next().map(str::parse), cells.next()) else {
            continue;
        };
        // Every second piece stands between backquotes.
        for name in crates.split('`').skip(1).step_by(2) {
            let name = name.strip_prefix("bin/").unwrap_or(name);
            layers.insert(name.to_owned(), layer);
        }
    }
    layers
}

/// Each crate of the workspace with the crates of the workspace that it is built from, by short names.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version=1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let short = |name: &Value| {
        let name = name.as_str().unwrap();
        name.strip_prefix("pointsman-").unwrap_or(name).to_owned()
    };
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|package| {
            let needs = package["dependencies"].as_array().unwrap();
            let needs = needs
                .iter()
                .filter(|need| need["kind"].is_null() && need["path"].is_string())
                .map(|need| short(&need["name"]))
                .collect();
            (short(&package["name"]), needs)
        })
        .collect()
}

#[test]
fn every_crate_has_a_layer_and_needs_lower_ones_only() {
    let layers = layers();
    let dependencies = dependencies();
    assert!(dependencies.len() > 10, "{dependencies:?}");
    let mut wrong = Vec::new();
    for (name, needs) in &dependencies {
        let layer = layers.get(name);
        if layer.is_none() && name != "testkit" {
            wrong.push(format!("{name} is not in ARCHITECTURE.md"));
        }
        for need in needs {
            if (name.as_str(), need.as_str()) != EXCEPTION && layers.get(need) >= layer {
                wrong.push(format!("{name} needs {need}, which is no lower"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
