//! TOML as a [`Node`]. The only module that knows the TOML library.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Entry, Node, Source, Value};

/// Reads a TOML document.
///
/// # Errors
///
/// What is wrong with the syntax, with its line.
pub fn parse(text: &str) -> Result<Node, String> {
    let lines = Lines::new(text);
    match DeTable::parse(text) {
        Ok(table) => {
            let source = Source::Line(1);
            Ok(Node {
                value: map(table.into_inner(), &lines),
                marker: None,
                source,
            })
        }
        Err(error) => {
            let line = error.span().map_or(1, |span| lines.of(span.start));
            Err(format!("line {line}: {}", error.message()))
        }
    }
}

fn node(value: Spanned<DeValue<'_>>, lines: &Lines) -> Node {
    let source = Source::Line(lines.of(value.span().start));
    let value = match value.into_inner() {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(number) => Value::Text(
            match i128::from_str_radix(number.as_str(), number.radix()) {
                Ok(value) => value.to_string(),
                Err(_) => number.as_str().to_owned(),
            },
        ),
        DeValue::Float(number) => Value::Text(number.as_str().to_owned()),
        DeValue::Boolean(value) => Value::Text(value.to_string()),
        DeValue::Datetime(value) => Value::Text(value.to_string()),
        DeValue::Array(elements) => Value::List(
            elements
                .into_iter()
                .map(|element| node(element, lines))
                .collect(),
        ),
        DeValue::Table(table) => map(table, lines),
    };
    Node {
        value,
        marker: None,
        source,
    }
}

fn map(table: DeTable<'_>, lines: &Lines) -> Value {
    let mut entries: Vec<_> = table
        .into_iter()
        .map(|(key, value)| Entry {
            source: Source::Line(lines.of(key.span().start)),
            key: key.into_inner().into_owned(),
            node: node(value, lines),
        })
        .collect();
    // The library sorts tables by key; the text's order is that of the mistakes.
    entries.sort_by(|a, b| a.source.cmp(&b.source));
    Value::Map(entries)
}

/// Where lines begin.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Self {
        Self(
            text.bytes()
                .enumerate()
                .filter(|(_, byte)| *byte == b'\n')
                .map(|(at, _)| at)
                .collect(),
        )
    }

    /// The line of the byte at `offset`, from 1.
    fn of(&self, offset: usize) -> u64 {
        self.0.partition_point(|newline| *newline < offset) as u64 + 1
    }
}
