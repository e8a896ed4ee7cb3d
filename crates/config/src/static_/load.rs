//! Finds the static configuration in exactly one source and reads it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use super::{Configuration, unbuilt, validate};
use crate::decode::dotted::{Setting, numbered_tree};
use crate::decode::{self, Decode, Node, Problem, Shape, Source, flags};
use crate::diagnostic::{Diagnostic, Severity};

/// Prefixes of the environment variables that are read.
const ENV_PREFIXES: [&str; 2] = ["TRAEFIK_", "POINTSMAN_"];

/// Where a configuration file is looked for when no `--configFile` names one: each with each of [`EXTENSIONS`].
const SEARCH: [&str; 8] = [
    "/etc/pointsman/pointsman",
    "/etc/traefik/traefik",
    "$XDG_CONFIG_HOME/pointsman",
    "$XDG_CONFIG_HOME/traefik",
    "$HOME/.config/pointsman",
    "$HOME/.config/traefik",
    "./pointsman",
    "./traefik",
];

const EXTENSIONS: [&str; 3] = ["toml", "yaml", "yml"];

/// What the static configuration accepts. A constant, but too large to be built for every look at it.
static SHAPE: LazyLock<Shape> = LazyLock::new(Configuration::shape);

/// The file system, as far as reading configuration needs it.
pub trait Files {
    /// Whether there is a file (not a folder) at `path`.
    fn is_file(&self, path: &Path) -> bool;

    /// The text of a file.
    ///
    /// # Errors
    ///
    /// As [`std::fs::read_to_string`].
    fn read(&self, path: &Path) -> std::io::Result<String>;
}

/// The real file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsFiles;

impl Files for OsFiles {
    fn is_file(&self, path: &Path) -> bool {
        path.is_file()
    }

    fn read(&self, path: &Path) -> std::io::Result<String> {
        std::fs::read_to_string(path)
    }
}

/// The source that a static configuration was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigSource {
    /// A file.
    File(PathBuf),
    /// Command-line flags.
    Flags,
    /// Environment variables.
    Environment,
    /// Nothing was given: all defaults.
    Defaults,
}

impl fmt::Display for ConfigSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Flags => f.write_str("command-line flags"),
            Self::Environment => f.write_str("environment variables"),
            Self::Defaults => f.write_str("defaults"),
        }
    }
}

/// A static configuration that can be used.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The configuration, with the entry points that nobody wrote.
    pub configuration: Configuration,
    /// Where it was read from.
    pub source: ConfigSource,
    /// What works, but not as its author may believe.
    pub warnings: Vec<Diagnostic>,
}

/// Everything that is wrong with a static configuration. Prints one line per mistake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct LoadError {
    /// Where it was read from.
    pub origin: ConfigSource,
    /// The mistakes; at least one.
    pub problems: Vec<Problem>,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        let mistakes = if count == 1 { "mistake" } else { "mistakes" };
        write!(
            f,
            "{count} {mistakes} in the static configuration ({}):",
            self.origin
        )?;
        self.problems
            .iter()
            .try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

/// Reads the static configuration from the first source that has any: a file (`--configFile`, else the first of the
/// search paths), then the flags in `args`, then the variables in `env`. Sources are not merged; those that are passed
/// over are named in the warnings.
///
/// # Errors
///
/// Every mistake at once: unknown names, wrong values, removed options, options that are not built, and what does not
/// fit together.
pub fn load(
    args: &[String],
    env: &[(String, String)],
    files: &dyn Files,
) -> Result<Loaded, LoadError> {
    let shape = &*SHAPE;
    let (config_file, args) = take_config_file(args);
    let (flag_settings, mut flag_problems) = flags::parse(&args, shape);
    let env_settings = flags::environment(env, &ENV_PREFIXES, shape);
    let has_flags = !args.is_empty();

    let mut warnings = Vec::new();
    let file = match &config_file {
        Some(Some(path)) => Some(PathBuf::from(expand(path, env))),
        Some(None) => {
            return Err(no_config_file(
                ConfigSource::Flags,
                "needs a value: --configFile=…".to_owned(),
            ));
        }
        None => search(env, files),
    };
    let (source, node) = if let Some(path) = file {
        if has_flags {
            warnings.push(passed_over(
                "the command-line flags",
                args.iter().map(String::as_str),
                &path,
            ));
        }
        if !env_settings.is_empty() {
            warnings.push(passed_over(
                "the variables",
                env_settings.iter().map(|s| &*s.given_as),
                &path,
            ));
        }
        flag_problems.clear();
        let source = ConfigSource::File(path.clone());
        match read_file(&path, files) {
            Ok(node) => (source, node),
            Err(message) => return Err(no_config_file(source, message)),
        }
    } else if has_flags {
        if let Some(first) = env_settings.first() {
            let message = format!(
                "the environment is not read when there are flags: {} and {} other variables are passed over",
                first.given_as,
                env_settings.len() - 1
            );
            warnings.push(Diagnostic::warning("static configuration", "", message));
        }
        (ConfigSource::Flags, numbered_tree(flag_settings))
    } else if env_settings.is_empty() {
        (ConfigSource::Defaults, Node::default())
    } else {
        (
            ConfigSource::Environment,
            numbered_tree(settings_in_order(env_settings)),
        )
    };

    let (mut configuration, mut problems) = decode::decode::<Configuration>(&node);
    problems.retain(|problem| !unbuilt::explains(&problem.path));
    problems.extend(unbuilt::check(&node, shape));
    problems.extend(flag_problems);
    configuration.add_implied_entry_points();
    // An option that could not be read is not also missing.
    let unread = |problem: &Problem| problems.iter().any(|other| other.path == problem.path);
    let misfits: Vec<_> = validate::check(&configuration)
        .into_iter()
        .filter(|misfit| !unread(misfit))
        .collect();
    problems.extend(misfits);
    let (mut errors, remarks): (Vec<_>, Vec<_>) = problems
        .into_iter()
        .partition(|problem| problem.severity == Severity::Error);
    if errors.is_empty() {
        warnings.extend(
            remarks
                .into_iter()
                .map(|problem| problem.into_diagnostic("static configuration")),
        );
        return Ok(Loaded {
            configuration,
            source,
            warnings,
        });
    }
    errors.sort_by(|a, b| (&a.path, &a.message).cmp(&(&b.path, &b.message)));
    errors.dedup_by(|a, b| (&a.path, &a.message) == (&b.path, &b.message));
    Err(LoadError {
        origin: source,
        problems: errors,
    })
}

/// One setting per option: where both prefixes give it, the product's own wins.
fn settings_in_order(settings: Vec<Setting>) -> impl Iterator<Item = Setting> {
    let own = |setting: &Setting| {
        setting
            .given_as
            .to_ascii_uppercase()
            .starts_with("POINTSMAN_")
    };
    let (own, others): (Vec<_>, Vec<_>) = settings.into_iter().partition(own);
    let by_path: BTreeMap<String, Setting> = others
        .into_iter()
        .chain(own)
        .map(|setting| (setting.path.clone(), setting))
        .collect();
    by_path.into_values()
}

/// Takes `--configFile` out of `args`: absent, without a value, or its value.
fn take_config_file(args: &[String]) -> (Option<Option<String>>, Vec<String>) {
    let mut file = None;
    let mut rest = Vec::new();
    let mut args = args.iter().peekable();
    while let Some(arg) = args.next() {
        let flag = arg
            .strip_prefix("--")
            .or_else(|| arg.strip_prefix('-'))
            .unwrap_or("");
        let (name, value) = match flag.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (flag, None),
        };
        if name.eq_ignore_ascii_case("configFile") {
            file = Some(value.or_else(|| args.next_if(|next| !next.starts_with('-')).cloned()));
        } else {
            rest.push(arg.clone());
        }
    }
    (file, rest)
}

fn search(env: &[(String, String)], files: &dyn Files) -> Option<PathBuf> {
    SEARCH
        .iter()
        .flat_map(|base| EXTENSIONS.iter().map(move |extension| (base, extension)))
        .find_map(|(base, extension)| {
            // Without the variable the path would be another one.
            let variables_known = ["$XDG_CONFIG_HOME", "$HOME"]
                .iter()
                .all(|variable| !base.starts_with(variable) || !expand(variable, env).is_empty());
            let path = PathBuf::from(expand(&format!("{base}.{extension}"), env));
            (variables_known && files.is_file(&path)).then_some(path)
        })
}

/// `text` with `$NAME` and `${NAME}` replaced by the variables of that name (Go's `os.ExpandEnv`).
fn expand(text: &str, env: &[(String, String)]) -> String {
    let value = |name: &str| {
        env.iter()
            .find(|(key, _)| key == name)
            .map_or("", |(_, value)| value.as_str())
    };
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        let (name, tail) = match after
            .strip_prefix('{')
            .and_then(|after| after.split_once('}'))
        {
            Some((name, tail)) => (name, tail),
            None => {
                let end = after
                    .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                    .unwrap_or(after.len());
                after.split_at(end)
            }
        };
        if name.is_empty() {
            expanded.push('$');
        } else {
            expanded.push_str(value(name));
        }
        rest = tail;
    }
    expanded.push_str(rest);
    expanded
}

/// differs from traefik: a `--configFile` that is not there is a mistake; there the search goes on silently, and the
/// process may start with a configuration that nobody meant.
fn read_file(path: &Path, files: &dyn Files) -> Result<Node, String> {
    let text = files
        .read(path)
        .map_err(|error| format!("cannot be read: {error}"))?;
    let extension = path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or("")
        .to_ascii_lowercase();
    match extension.as_str() {
        "toml" => decode::toml::parse(&text),
        "yaml" | "yml" | "json" => decode::yaml::parse(&text),
        _ => Err("has no known extension: name it .yaml, .yml, .json or .toml".to_owned()),
    }
}

fn no_config_file(source: ConfigSource, message: String) -> LoadError {
    let path = match &source {
        ConfigSource::File(path) => path.display().to_string(),
        _ => "configFile".to_owned(),
    };
    let problem = Problem {
        object: String::new(),
        path,
        source: Source::Unknown,
        severity: Severity::Error,
        message,
    };
    LoadError {
        origin: source,
        problems: vec![problem],
    }
}

/// Names only, for values may be secrets.
fn passed_over<'a>(what: &str, names: impl Iterator<Item = &'a str>, file: &Path) -> Diagnostic {
    let names: Vec<_> = names
        .map(|name| name.split('=').next().unwrap_or(name))
        .filter(|n| n.len() > 1)
        .collect();
    let shown = names.iter().take(5).copied().collect::<Vec<_>>().join(", ");
    let more = if names.len() > 5 {
        format!(" and {} more", names.len() - 5)
    } else {
        String::new()
    };
    let message = format!(
        "{what} {shown}{more} are passed over, because the file {} is read",
        file.display()
    );
    Diagnostic::warning("static configuration", "", message)
}
