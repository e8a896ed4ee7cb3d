//! Command-line flags and environment variables as settings.

use std::sync::Arc;

use super::dotted::Setting;
use super::{Problem, Shape, Source};
use crate::diagnostic::Severity;

/// Reads `--name=value`, `--name value` and, for switches and sections, `--name`; one dash is as good as two (Go's
/// `flag`). Which flags need a value is known from `shape`. Unknown names are left for decoding to report.
pub fn parse(args: &[String], shape: &Shape) -> (Vec<Setting>, Vec<Problem>) {
    let mut settings = Vec::new();
    let mut problems = Vec::new();
    let mut args = args.iter().peekable();
    while let Some(arg) = args.next() {
        let Some(flag) = arg
            .strip_prefix("--")
            .or_else(|| arg.strip_prefix('-'))
            .filter(|flag| !flag.is_empty())
        else {
            problems.push(problem(
                arg,
                format!("unexpected argument {arg:?}: options begin with --"),
            ));
            continue;
        };
        let (path, text) = match flag.split_once('=') {
            Some((path, text)) => (path, Some(text.to_owned())),
            None => (flag, None),
        };
        let given_as: Arc<str> = format!("--{path}").into();
        let text = match text {
            Some(text) => text,
            None if is_switch(path, shape) => "true".to_owned(),
            // A value never begins with a dash, except a negative number.
            None => {
                match args.next_if(|next| !next.starts_with('-') || next.parse::<f64>().is_ok()) {
                    Some(text) => text.clone(),
                    None => {
                        problems.push(problem(&given_as, format!("needs a value: --{path}=…")));
                        continue;
                    }
                }
            }
        };
        settings.push(Setting {
            path: path.to_owned(),
            text,
            given_as,
        });
    }
    (settings, problems)
}

/// Reads the variables that begin with one of `prefixes` and then with the name of an option at the root of `shape`,
/// in order of their names. Others are none of ours: Kubernetes injects `TRAEFIK_SERVICE_HOST` for a Service that is
/// called `traefik`.
///
/// differs from traefik: what Kubernetes injects for a Service `traefik-api` (`TRAEFIK_API_SERVICE_HOST`,
/// `TRAEFIK_API_PORT`, …) is recognised and left alone; there it ends the start.
pub fn environment(
    variables: &[(String, String)],
    prefixes: &[&str],
    shape: &Shape,
) -> Vec<Setting> {
    let services: Vec<String> = variables
        .iter()
        .filter_map(|(name, _)| name.strip_suffix("_SERVICE_HOST").map(str::to_owned))
        .collect();
    let injected = |name: &str| {
        services.iter().any(|service| {
            name.strip_prefix(service.as_str()).is_some_and(|rest| {
                rest == "_PORT" || rest.starts_with("_PORT_") || rest.starts_with("_SERVICE_")
            })
        })
    };
    let mut settings: Vec<_> = variables
        .iter()
        .filter(|(name, _)| !injected(name))
        .filter_map(|(name, text)| {
            let upper = name.to_ascii_uppercase();
            let rest = prefixes
                .iter()
                .find_map(|prefix| upper.strip_prefix(prefix))?
                .to_ascii_lowercase();
            let ours = shape
                .options()
                .iter()
                .any(|option| rest.starts_with(&option.name.to_ascii_lowercase()));
            ours.then(|| Setting {
                path: rest.replace('_', "."),
                text: text.clone(),
                given_as: name.as_str().into(),
            })
        })
        .collect();
    settings.sort_by(|a, b| {
        a.path
            .cmp(&b.path)
            .then_with(|| a.given_as.cmp(&b.given_as))
    });
    settings
}

fn is_switch(path: &str, shape: &Shape) -> bool {
    let steps: Vec<&str> = path.split('.').collect();
    shape
        .find(&steps)
        .is_none_or(|found| found.shape.is_switch())
}

fn problem(given_as: &str, message: String) -> Problem {
    Problem {
        object: String::new(),
        path: given_as.trim_start_matches('-').to_owned(),
        source: Source::Unknown,
        severity: Severity::Error,
        message,
    }
}
