//! `pointsman check`: every problem of a folder.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use pointsman_config::{Diagnostic, Severity};
use serde_json::json;

use crate::cli::Output;
use crate::offline;

/// Prints every problem in `dir`; fails if one of them is an error.
pub(crate) fn run(dir: &Path, output: Output) -> anyhow::Result<ExitCode> {
    let problems = offline::of_folder(dir)?.problems;
    let text = match output {
        Output::Text => as_text(&problems),
        Output::Json => as_json(&problems),
    };
    crate::say(&text);
    Ok(match count(&problems, Severity::Error) {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

fn as_text(problems: &[Diagnostic]) -> String {
    let mut text = String::new();
    for problem in problems {
        let _ = writeln!(text, "{problem}");
    }
    let errors = count(problems, Severity::Error);
    let warnings = count(problems, Severity::Warning);
    let _ = match (errors, warnings) {
        (0, 0) => writeln!(text, "no problems"),
        _ => writeln!(text, "errors: {errors}, warnings: {warnings}"),
    };
    text
}

fn as_json(problems: &[Diagnostic]) -> String {
    let value = json!({
        "problems": problems,
        "errors": count(problems, Severity::Error),
        "warnings": count(problems, Severity::Warning),
    });
    format!("{value:#}\n")
}

fn count(problems: &[Diagnostic], severity: Severity) -> usize {
    problems
        .iter()
        .filter(|problem| problem.severity == severity)
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems() -> Vec<Diagnostic> {
        vec![
            Diagnostic::error("Ingress shop/front", "spec.rules[0]", "no such service"),
            Diagnostic::warning("router a@file", "", "odd"),
            Diagnostic::info("file x.yaml", "", "kind ConfigMap is not read"),
        ]
    }

    #[test]
    fn text_has_one_line_for_each_problem_and_a_sum() {
        assert_eq!(
            as_text(&problems()),
            "error: Ingress shop/front: spec.rules[0]: no such service\n\
             warning: router a@file: odd\n\
             info: file x.yaml: kind ConfigMap is not read\n\
             errors: 1, warnings: 1\n"
        );
        assert_eq!(as_text(&[]), "no problems\n");
    }

    #[test]
    fn json_names_object_field_severity_and_message() {
        let value: serde_json::Value = serde_json::from_str(&as_json(&problems())).unwrap();
        assert_eq!(value["errors"], 1);
        assert_eq!(value["warnings"], 1);
        assert_eq!(
            value["problems"][0],
            json!({
                "object": "Ingress shop/front",
                "field": "spec.rules[0]",
                "severity": "error",
                "message": "no such service",
            })
        );
        assert_eq!(value["problems"].as_array().map(Vec::len), Some(3));
    }
}
