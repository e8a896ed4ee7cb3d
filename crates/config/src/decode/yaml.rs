//! YAML (and so JSON) as a [`Node`]. The only module that knows the YAML library.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Options, Spanned};

use super::{Entry, Node, Source, Value};

/// Reads one YAML document; an empty one is [`Value::Null`].
///
/// # Errors
///
/// What is wrong with the syntax, with line and column.
pub fn parse(text: &str) -> Result<Node, String> {
    if text.trim().is_empty() {
        return Ok(Node::default());
    }
    serde_saphyr::from_str_with_options::<Raw>(text, options())
        .map(Raw::into_node)
        .map_err(|error| one_line(&error.to_string()))
}

/// YAML 1.2, with the text of scalars kept wherever the library can (`yes`, `0755`, `1_000`). The library's limits
/// against bombs hold, except for sizes: 100 000 routers in one file are not an attack.
fn options() -> Options {
    serde_saphyr::options! {
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_nodes: 8_000_000,
            max_events: 16_000_000,
            max_total_scalar_bytes: 1 << 30,
        },
    }
}

/// The first line of the library's message; the rest is a picture of the text, which may hold secrets.
fn one_line(message: &str) -> String {
    let line = message
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("syntax error");
    line.trim().trim_start_matches("error: ").to_owned()
}

struct Raw(Spanned<RawValue>);

enum RawValue {
    Null,
    Text(String),
    List(Vec<Raw>),
    Map(Vec<(Spanned<Key>, Raw)>),
}

struct Key(String);

impl Raw {
    fn into_node(self) -> Node {
        let source = line(self.0.referenced.line());
        let value = match self.0.value {
            RawValue::Null => Value::Null,
            RawValue::Text(text) => Value::Text(text),
            RawValue::List(elements) => {
                Value::List(elements.into_iter().map(Self::into_node).collect())
            }
            RawValue::Map(entries) => Value::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| Entry {
                        source: line(key.referenced.line()),
                        key: key.value.0,
                        node: value.into_node(),
                    })
                    .collect(),
            ),
        };
        Node {
            value,
            marker: None,
            source,
        }
    }
}

fn line(line: u64) -> Source {
    if line == 0 {
        Source::Unknown
    } else {
        Source::Line(line)
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for RawValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyVisitor)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_any(AnyVisitor)? {
            RawValue::Text(text) => Ok(Self(text)),
            RawValue::Null => Ok(Self("null".to_owned())),
            RawValue::List(_) | RawValue::Map(_) => Err(D::Error::custom("a key must be a scalar")),
        }
    }
}

struct AnyVisitor;

impl<'de> Visitor<'de> for AnyVisitor {
    type Value = RawValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<RawValue, E> {
        Ok(RawValue::Null)
    }

    fn visit_none<E>(self) -> Result<RawValue, E> {
        Ok(RawValue::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<RawValue, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<RawValue, E> {
        Ok(RawValue::Text(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<RawValue, E> {
        Ok(RawValue::Text(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<RawValue, E> {
        Ok(RawValue::Text(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<RawValue, E> {
        Ok(RawValue::Text(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<RawValue, E> {
        Ok(RawValue::Text(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<RawValue, E> {
        Ok(RawValue::Text(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<RawValue, E> {
        Ok(RawValue::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<RawValue, E> {
        Ok(RawValue::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<RawValue, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element()? {
            elements.push(element);
        }
        Ok(RawValue::List(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawValue, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(RawValue::Map(entries))
    }
}
