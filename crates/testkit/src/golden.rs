//! Golden tests: `<case>.yaml` in, `<case>.expected.yaml` out.
//!
//! ```no_run
//! # fn translate(_: &str) -> String { String::new() }
//! pointsman_testkit::golden::check(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"), |case| translate(&case.input));
//! ```
//!
//! `BLESS=1` writes what the code gave into the expected files; the change is then reviewed like
//! any other. A case without expected file fails, as does an expected file without case.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

/// One input file.
#[derive(Debug, Clone)]
pub struct Case {
    /// The file's name without folder and ending, for example `two-hosts-one-secret`.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// What it holds.
    pub input: String,
}

/// Runs `actual` over every case of a folder (not of folders below) and compares.
///
/// # Panics
///
/// If any case differs, with the differing lines of all of them, or if the folder has no case.
#[track_caller]
pub fn check(folder: impl AsRef<Path>, actual: impl FnMut(&Case) -> String) {
    let bless = std::env::var_os("BLESS").is_some_and(|value| value == "1");
    match compare(folder.as_ref(), bless, actual) {
        Ok(report) if report.is_empty() => {}
        Ok(report) => panic!("{report}\nBLESS=1 accepts this as expected"),
        Err(error) => panic!("{}: {error}", folder.as_ref().display()),
    }
}

/// The differences, empty if there are none.
fn compare(
    folder: &Path,
    bless: bool,
    mut actual: impl FnMut(&Case) -> String,
) -> io::Result<String> {
    let (mut cases, mut expected) = (Vec::new(), BTreeMap::new());
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if let Some(name) = name.strip_suffix(".expected.yaml") {
            expected.insert(name.to_owned(), path);
        } else if let Some(name) = name.strip_suffix(".yaml") {
            cases.push((name.to_owned(), path));
        }
    }
    if cases.is_empty() {
        return Err(io::Error::other("no golden case here"));
    }
    cases.sort();
    let mut report = String::new();
    for (name, path) in cases {
        let input = std::fs::read_to_string(&path)?;
        let expected_path = expected.remove(&name);
        let case = Case { name, path, input };
        let got = actual(&case);
        let want = expected_path.map(std::fs::read_to_string).transpose()?;
        if want.as_deref() == Some(&got) {
            continue;
        }
        if bless {
            std::fs::write(
                case.path
                    .with_file_name(format!("{}.expected.yaml", case.name)),
                got,
            )?;
        } else if let Some(want) = want {
            let _ = writeln!(
                report,
                "{}: differs\n{}",
                case.name,
                difference(&want, &got)
            );
        } else {
            let _ = writeln!(report, "{}: no expected file; got\n{got}", case.name);
        }
    }
    for (name, path) in expected {
        if bless {
            std::fs::remove_file(path)?;
        } else {
            let _ = writeln!(report, "{name}: expected file without a case");
        }
    }
    Ok(report)
}

/// The lines between the common start and the common end, with three lines around.
fn difference(want: &str, got: &str) -> String {
    let (want, got): (Vec<_>, Vec<_>) = (want.lines().collect(), got.lines().collect());
    let start = want.iter().zip(&got).take_while(|(a, b)| a == b).count();
    let shortest = want.len().min(got.len()) - start;
    let end = want
        .iter()
        .rev()
        .zip(got.iter().rev())
        .take(shortest)
        .take_while(|(a, b)| a == b)
        .count();
    let mut text = String::new();
    let mut lines = |sign: char, lines: &[&str]| {
        for line in lines {
            let _ = writeln!(text, "{sign} {line}");
        }
    };
    let (want_end, got_end) = (want.len() - end, got.len() - end);
    lines(
        ' ',
        want.get(start.saturating_sub(3)..start).unwrap_or_default(),
    );
    lines('-', want.get(start..want_end).unwrap_or_default());
    lines('+', got.get(start..got_end).unwrap_or_default());
    lines(
        ' ',
        want.get(want_end..want.len().min(want_end + 3))
            .unwrap_or_default(),
    );
    if text.is_empty() {
        text.push_str("only line ends differ\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Folder;

    fn upper(case: &Case) -> String {
        case.input.to_uppercase()
    }

    #[test]
    fn equal_cases_report_nothing() {
        let folder = Folder::new().unwrap();
        folder.write("one.yaml", "a: b\n").unwrap();
        folder.write("one.expected.yaml", "A: B\n").unwrap();
        assert_eq!(compare(folder.path(), false, upper).unwrap(), "");
    }

    #[test]
    fn every_differing_missing_and_orphaned_case_is_reported() {
        let folder = Folder::new().unwrap();
        folder.write("one.yaml", "a\nb\nc\n").unwrap();
        folder.write("one.expected.yaml", "A\nX\nC\n").unwrap();
        folder.write("two.yaml", "a\n").unwrap();
        folder.write("gone.expected.yaml", "A\n").unwrap();
        let report = compare(folder.path(), false, upper).unwrap();
        assert!(
            report.contains("one: differs\n  A\n- X\n+ B\n  C\n"),
            "{report}"
        );
        assert!(
            report.contains("two: no expected file; got\nA\n"),
            "{report}"
        );
        assert!(
            report.contains("gone: expected file without a case"),
            "{report}"
        );
    }

    #[test]
    fn blessing_makes_the_folder_pass() {
        let folder = Folder::new().unwrap();
        folder.write("one.yaml", "a\n").unwrap();
        folder.write("gone.expected.yaml", "A\n").unwrap();
        assert_eq!(compare(folder.path(), true, upper).unwrap(), "");
        assert_eq!(compare(folder.path(), false, upper).unwrap(), "");
        assert!(!folder.path().join("gone.expected.yaml").exists());
    }

    #[test]
    fn a_folder_without_cases_is_an_error() {
        let folder = Folder::new().unwrap();
        assert!(compare(folder.path(), false, upper).is_err());
    }
}
