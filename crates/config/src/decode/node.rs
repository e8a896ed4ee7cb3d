//! The tree that every source of configuration is read into before it gets types.

use std::sync::Arc;

use serde::{Serialize, Serializer};

/// A value before it has a type, and where it stands.
///
/// Scalars keep their text: what it means depends on the option, not on the source (`"80"`, `80` and `--x=80` are the
/// same number, and the same string).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Node {
    /// What was given.
    pub value: Value,
    /// Text given for a section beside options of its own: `--api=true` beside `--api.insecure=true`.
    pub marker: Option<String>,
    /// Where it was given.
    pub source: Source,
}

/// What a [`Node`] holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Value {
    /// Nothing (YAML `null`): as if the option were not there.
    #[default]
    Null,
    /// One scalar. A list takes it as its elements separated by commas.
    Text(String),
    /// The same flag more than once: a list takes all of them, a scalar the last.
    Repeated(Vec<String>),
    /// A list.
    List(Vec<Node>),
    /// Options or entries, in the order given. A list takes one whose keys are all numbers (`TRAEFIK_X_0_Y`).
    Map(Vec<Entry>),
}

/// One entry of a [`Value::Map`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key as written.
    pub key: String,
    /// Where the key stands.
    pub source: Source,
    /// The value.
    pub node: Node,
}

/// Where a value stands in its source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Source {
    /// Nobody knows.
    #[default]
    Unknown,
    /// A line of a file, from 1.
    Line(u64),
    /// A flag, a variable or an annotation, as written.
    Name(Arc<str>),
}

impl Node {
    /// A scalar.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            value: Value::Text(text.into()),
            ..Self::default()
        }
    }

    /// A map of `entries`.
    pub fn map(entries: Vec<Entry>) -> Self {
        Self {
            value: Value::Map(entries),
            ..Self::default()
        }
    }

    /// The same value at `source`.
    pub fn at(self, source: Source) -> Self {
        Self { source, ..self }
    }

    /// Whether nothing was given.
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// The entries of a map; nothing for other values.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The value of `key`, in any case.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries()
            .iter()
            .find(|entry| entry.key.eq_ignore_ascii_case(key))
            .map(|entry| &entry.node)
    }

    /// Takes the value of `key`, in any case, out of a map.
    pub fn take(&mut self, key: &str) -> Option<Self> {
        let Value::Map(entries) = &mut self.value else {
            return None;
        };
        let at = entries
            .iter()
            .position(|entry| entry.key.eq_ignore_ascii_case(key))?;
        Some(entries.remove(at).node)
    }

    /// Calls `see` with the path of every value that was given: scalars, lists and empty sections, by the keys as
    /// written; elements of lists by their index.
    pub fn each_path(&self, see: &mut impl FnMut(&[String], &Self)) {
        self.walk(&mut Vec::new(), see);
    }

    fn walk(&self, path: &mut Vec<String>, see: &mut impl FnMut(&[String], &Self)) {
        match &self.value {
            Value::Null => {}
            Value::Text(_) | Value::Repeated(_) => see(path, self),
            Value::List(nodes) => {
                if nodes.is_empty() {
                    see(path, self);
                }
                for (index, node) in nodes.iter().enumerate() {
                    path.push(index.to_string());
                    node.walk(path, see);
                    path.pop();
                }
            }
            Value::Map(entries) => {
                if entries.is_empty() {
                    see(path, self);
                }
                for entry in entries {
                    path.push(entry.key.clone());
                    entry.node.walk(path, see);
                    path.pop();
                }
            }
        }
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.value {
            Value::Null => serializer.serialize_unit(),
            Value::Text(text) => serializer.serialize_str(text),
            Value::Repeated(texts) => serializer.collect_seq(texts),
            Value::List(nodes) => serializer.collect_seq(nodes),
            Value::Map(entries) => {
                serializer.collect_map(entries.iter().map(|entry| (&entry.key, &entry.node)))
            }
        }
    }
}
