//! `--help`, the reference pages and the JSON schemas, made from the shapes of the configuration.
//!
//! The files in `docs/reference/` are written by `BLESS=1 cargo test -p pointsman-config reference_docs_are_current`;
//! without `BLESS` that test fails when they are stale.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use crate::decode::{Decode, OptionDoc, Shape};
use crate::{dynamic, static_};

/// Columns of the help text.
const WIDTH: usize = 100;

/// Sections whose subsections get headings of their own in the reference pages.
const SPLIT: [&str; 11] = [
    "certificatesResolvers.<name>",
    "http",
    "http.middlewares.<name>",
    "http.services.<name>",
    "metrics",
    "providers",
    "tcp",
    "tcp.middlewares.<name>",
    "tcp.services.<name>",
    "tls",
    "udp",
];

/// Every static option with its type, default and text, grouped by section; at most 100 columns wide.
pub fn help() -> String {
    let mut text = String::new();
    for (heading, lines) in groups(&static_::Configuration::shape()) {
        let _ = writeln!(text, "{heading}\n");
        for line in lines {
            let _ = writeln!(text, "  --{}  {}", line.path, line.shape.type_name());
            wrap(&mut text, &line.help(), "        ");
        }
        text.push('\n');
    }
    text.trim_end().to_owned() + "\n"
}

/// The page `docs/reference/static.md`.
pub fn static_page() -> String {
    let mut text = "# Static configuration\n\n\
        Read once at start from exactly one source: a file (`--configFile`, or the first found on the search path), \
        else flags, else environment. An option `a.b.c` is `--a.b.c=…` as a flag and `TRAEFIK_A_B_C` or \
        `POINTSMAN_A_B_C` in the environment; element `n` of a list of sections is `a[n].c` and `…_A_0_C`. Names are \
        the same in any case. Durations are written as in Go (`1m30s`) or as a number of seconds.\n\n\
        Options marked *not built yet* are refused at start.\n"
        .to_owned();
    page(&mut text, &static_::Configuration::shape());
    text
}

/// The page `docs/reference/dynamic.md`.
pub fn dynamic_page() -> String {
    let mut text = "# Dynamic configuration\n\n\
        What the file provider reads (YAML, TOML, JSON) and other providers derive. Names are the same in any case. \
        Durations are written as in Go (`1m30s`) or as a number of seconds. A mistake in one object (a router, a \
        service, a middleware, a certificate …) disables that object and nothing else.\n"
        .to_owned();
    page(&mut text, &dynamic::Configuration::shape());
    text
}

/// The JSON schema of static configuration files.
pub fn static_schema() -> Json {
    root_schema(
        "pointsman static configuration",
        &static_::Configuration::shape(),
    )
}

/// The JSON schema of dynamic configuration files.
pub fn dynamic_schema() -> Json {
    root_schema(
        "pointsman dynamic configuration",
        &dynamic::Configuration::shape(),
    )
}

fn page(text: &mut String, shape: &Shape) {
    for (heading, lines) in groups(shape) {
        let _ = write!(
            text,
            "\n## {}\n\n| Option | Type | Default | Text |\n|---|---|---|---|\n",
            code(&heading)
        );
        for line in lines {
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | {} |",
                line.path,
                line.shape.type_name().replace('|', "\\|"),
                line.default
                    .as_deref()
                    .map_or_else(String::new, |default| code(&default.replace('|', "\\|"))),
                line.text().replace('|', "\\|").replace('\n', " "),
            );
        }
    }
}

fn code(text: &str) -> String {
    // A backtick inside is fenced by two outside.
    if text.contains('`') {
        format!("`` {text} ``")
    } else {
        format!("`{text}`")
    }
}

/// One option with its full path.
struct Line<'s> {
    path: String,
    shape: &'s Shape,
    doc: &'s str,
    default: Option<String>,
}

impl Line<'_> {
    fn text(&self) -> String {
        let mut text = self.doc.to_owned();
        if let Shape::Word(words) = self.shape.required() {
            let meanings: Vec<_> = words
                .iter()
                .map(|word| format!("`{}`: {}", word.name, lower_first(word.doc)))
                .collect();
            let _ = write!(text, " {}", meanings.join(" "));
        }
        if static_::unbuilt::reason(&self.path).is_some() {
            text.push_str(" *Not built yet.*");
        }
        text
    }

    fn help(&self) -> String {
        let text = self.text().replace('*', "").replace("\n\n", " ");
        match &self.default {
            Some(default) => format!("{text} (default {default})"),
            None => text,
        }
    }
}

/// The options of a configuration in groups: the heading's path, and the options below it.
fn groups(shape: &Shape) -> Vec<(String, Vec<Line<'_>>)> {
    let mut groups = Vec::new();
    for option in shape.options() {
        open_group(&mut groups, "", option);
    }
    groups.retain(|(_, lines)| !lines.is_empty());
    groups
}

/// Opens a group for `option`, unless it is a plain value: then it joins the group before.
fn open_group<'s>(groups: &mut Vec<(String, Vec<Line<'s>>)>, prefix: &str, option: &'s OptionDoc) {
    let (path, below) = step(prefix, option);
    groups.push((path.clone(), Vec::new()));
    let at = groups.len() - 1;
    let optional = matches!(
        option.shape,
        Shape::Optional(_) | Shape::Map(_) | Shape::List(_)
    );
    if below.options().is_empty() || optional {
        groups[at].1.push(line(path.clone(), option));
    }
    if SPLIT.contains(&path.as_str()) {
        for child in below.options() {
            let (child_path, child_below) = step(&path, child);
            if child_below.options().is_empty() {
                groups[at].1.push(line(child_path, child));
            } else {
                open_group(groups, &path, child);
            }
        }
    } else {
        collect(&mut groups[at].1, &path, below);
    }
}

fn collect<'s>(lines: &mut Vec<Line<'s>>, prefix: &str, shape: &'s Shape) {
    for option in shape.options() {
        let (path, below) = step(prefix, option);
        let optional = matches!(
            option.shape,
            Shape::Optional(_) | Shape::Map(_) | Shape::List(_)
        );
        if below.options().is_empty() || optional {
            lines.push(line(path.clone(), option));
        }
        collect(lines, &path, below);
    }
}

/// The path of `option`, with what stands for names and numbers, and the shape of what is below it.
fn step<'s>(prefix: &str, option: &'s OptionDoc) -> (String, &'s Shape) {
    let mut path = if prefix.is_empty() {
        option.name.to_owned()
    } else {
        format!("{prefix}.{}", option.name)
    };
    let mut shape = option.shape.required();
    loop {
        match shape {
            Shape::Map(value) => {
                path.push_str(".<name>");
                shape = value.required();
            }
            Shape::List(element) if !element.options().is_empty() => {
                path.push_str("[n]");
                shape = element.required();
            }
            _ => return (path, shape),
        }
    }
}

fn line(path: String, option: &OptionDoc) -> Line<'_> {
    // The type of one value, where the path has a name in place of the map.
    let mut shape = &option.shape;
    while let Shape::Map(value) = shape.required() {
        shape = value;
    }
    Line {
        path,
        shape,
        doc: option.doc,
        default: default_text(&option.default),
    }
}

fn default_text(default: &Json) -> Option<String> {
    match default {
        Json::Null => None,
        Json::String(text) if text.is_empty() || text == "xxxx" => None,
        Json::String(text) => Some(text.clone()),
        Json::Array(elements) if elements.is_empty() => None,
        Json::Array(elements) => Some(
            elements
                .iter()
                .filter_map(default_text)
                .collect::<Vec<_>>()
                .join(", "),
        ),
        Json::Object(_) => None,
        Json::Bool(_) | Json::Number(_) => Some(default.to_string()),
    }
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        // `CNAME`, `HTTP` keep their case.
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}

/// Appends `text` broken between words, each line with `indent` before it.
fn wrap(out: &mut String, text: &str, indent: &str) {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty()
            && indent.len() + line.chars().count() + 1 + word.chars().count() > WIDTH
        {
            let _ = writeln!(out, "{indent}{line}");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    let _ = writeln!(out, "{indent}{line}");
}

fn root_schema(title: &str, shape: &Shape) -> Json {
    let mut schema = schema_of(shape);
    if let Json::Object(fields) = &mut schema {
        fields.insert(
            "$schema".to_owned(),
            json!("https://json-schema.org/draft/2020-12/schema"),
        );
        fields.insert("title".to_owned(), json!(title));
    }
    schema
}

fn schema_of(shape: &Shape) -> Json {
    match shape {
        Shape::Bool => json!({"type": "boolean"}),
        Shape::Integer { min, max } => json!({"type": "integer", "minimum": min, "maximum": max}),
        Shape::Float => json!({"type": "number"}),
        Shape::Text | Shape::Secret => json!({"type": ["string", "number", "boolean"]}),
        Shape::Duration => json!({"type": ["string", "integer"]}),
        Shape::Word(words) => {
            json!({"enum": words.iter().map(|word| word.name).collect::<Vec<_>>()})
        }
        // A text is the elements separated by commas.
        Shape::List(element) if element.options().is_empty() => {
            json!({"type": ["array", "string"], "items": schema_of(element)})
        }
        Shape::List(element) => json!({"type": "array", "items": schema_of(element)}),
        Shape::Map(value) => json!({"type": "object", "additionalProperties": schema_of(value)}),
        Shape::Optional(inner) => match (&**inner, schema_of(inner)) {
            // `true` switches a section on with its defaults, `false` off.
            (Shape::Section(_), Json::Object(mut fields)) => {
                fields.insert("type".to_owned(), json!(["object", "boolean"]));
                Json::Object(fields)
            }
            (_, schema) => schema,
        },
        Shape::Section(section) => {
            json!({"type": "object", "description": section.doc, "additionalProperties": false,
                   "properties": properties(&section.options)})
        }
        Shape::Kinds(section) => {
            // Beside the kinds there may be plain options (`middlewares` of a service).
            let kinds = section
                .options
                .iter()
                .filter(|option| matches!(option.shape, Shape::Optional(_)));
            let one: Vec<_> = kinds
                .map(|option| json!({"required": [option.name]}))
                .collect();
            json!({"type": "object", "description": section.doc, "additionalProperties": false,
                   "properties": properties(&section.options), "oneOf": one})
        }
        Shape::Any => json!(true),
    }
}

fn properties(options: &[OptionDoc]) -> Json {
    options
        .iter()
        .map(|option| {
            let mut schema = schema_of(&option.shape);
            if let Json::Object(fields) = &mut schema {
                fields.insert("description".to_owned(), json!(option.doc));
                if default_text(&option.default).is_some() {
                    fields.insert("default".to_owned(), option.default.clone());
                }
            }
            (option.name.to_owned(), schema)
        })
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn reference_docs_are_current() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference");
        let schema = |schema: Json| serde_json::to_string_pretty(&schema).unwrap() + "\n";
        let bless = std::env::var_os("BLESS").is_some();
        for (name, text) in [
            ("static.md", static_page()),
            ("dynamic.md", dynamic_page()),
            ("schema/static.schema.json", schema(static_schema())),
            ("schema/dynamic.schema.json", schema(dynamic_schema())),
        ] {
            let path = folder.join(name);
            if bless {
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(&path, text).unwrap();
            } else {
                let written = std::fs::read_to_string(&path).unwrap_or_default();
                assert!(
                    written == text,
                    "docs/reference/{name} is stale: run this test with BLESS=1"
                );
            }
        }
    }

    #[test]
    fn the_help_text_names_every_option_in_at_most_100_columns() {
        let help = help();
        for option in [
            "--entryPoints.<name>.address  text",
            "--entryPoints.<name>.transport.respondingTimeouts.readTimeout  duration",
            "--providers.kubernetesIngress.manifests  text",
            "--core.workers  integer",
            "--log.level  TRACE | DEBUG | INFO | WARN | ERROR | FATAL | PANIC",
            "--tracing.otlp.grpc.headers.<name>  secret text",
            "--entryPoints.<name>.http.tls.domains[n].main  text",
        ] {
            assert!(help.contains(option), "{option}");
        }
        assert!(help.contains("(default 180s)") || help.contains("(default 3m0s)"));
        for line in help.lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
    }
}
