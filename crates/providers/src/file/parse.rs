//! The text of a file → a configuration and everything that is wrong with it.

use std::path::Path;

use pointsman_config::dynamic::{Configuration, deprecations};
use pointsman_config::{Diagnostic, decode};

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// YAML, and so JSON.
    Yaml,
    Toml,
}

impl Format {
    /// The format that the name of a file in a directory says. JSON is not read there, as in Traefik.
    pub(super) fn in_directory(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "yaml" | "yml" => Some(Self::Yaml),
            "toml" => Some(Self::Toml),
            _ => None,
        }
    }

    /// The format that the name of a single file says.
    pub(super) fn of_file(path: &Path) -> Option<Self> {
        let is_json = path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        if is_json {
            return Some(Self::Yaml);
        }
        Self::in_directory(path)
    }
}

/// Reads `text`. Objects with mistakes are left out. `object` names the file in diagnostics.
///
/// # Errors
///
/// What makes the whole file unreadable.
pub(super) fn parse(
    text: &[u8],
    format: Format,
    object: &str,
) -> Result<(Configuration, Vec<Diagnostic>), Diagnostic> {
    let error = |message: String| Diagnostic::error(object, "", message);
    let text = std::str::from_utf8(text).map_err(|invalid| {
        error(format!(
            "byte {} is not UTF-8: save the file as UTF-8",
            invalid.valid_up_to()
        ))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // Traefik runs every file through Go's templates, comments included; what would be replaced there must not be
    // taken literally here.
    if let Some(line) = text.lines().position(|line| line.contains("{{")) {
        return Err(error(format!(
            "line {}: Go templates (\"{{{{\") are not supported: write out what the template stands for",
            line + 1
        )));
    }
    let node = match format {
        Format::Yaml => decode::yaml::parse(text),
        Format::Toml => decode::toml::parse(text),
    }
    .map_err(|reason| error(format!("{reason}: mend the syntax")))?;
    let (configuration, problems) = decode::decode::<Configuration>(&node);
    let diagnostics = problems
        .into_iter()
        .map(|problem| problem.into_diagnostic(object))
        .chain(deprecations(&configuration))
        .map(|mut diagnostic| {
            if diagnostic.object != object {
                let inner = std::mem::replace(&mut diagnostic.object, object.to_owned());
                diagnostic.field = match diagnostic.field.as_str() {
                    "" => inner,
                    field => format!("{inner}: {field}"),
                };
            }
            diagnostic
        })
        .collect();
    Ok((configuration, diagnostics))
}
