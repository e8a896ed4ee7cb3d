//! From text to typed configuration, with every mistake on the way.
//!
//! Each source is first read into the same tree: [`yaml`] (JSON is YAML) and [`toml`] files, [`flags`] and variables
//! and annotations ([`dotted`]). Then [`decode`] gives the tree its types. It never stops at the first mistake: a
//! [`Problem`] names the option by its full path, says what is wrong with it, and what would be right; for an unknown
//! name that is the nearest known one.
//!
//! Types get all this from `#[derive(Options)]` (crate `pointsman-config-derive`), which also gives their [`Shape`]:
//! names, types, defaults and documentation, for `--help`, the reference pages and the JSON schema.
//!
//! Start reading at [`Decode`], then [`section`].

mod context;
pub mod dotted;
pub mod flags;
mod node;
mod shape;
mod suggest;
pub mod toml;
mod values;
pub mod yaml;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use context::{Context, Problem};
pub use node::{Entry, Node, Source, Value};
pub use pointsman_config_derive::Options;
pub use shape::{Found, OptionDoc, Section, Shape, Word};
pub use suggest::nearest;
pub use values::parse_bool;

// What generated code needs from serde.
#[doc(hidden)]
pub use serde::{Serialize, Serializer};
#[doc(hidden)]
pub use serde_json::{Error as JsonError, Map as JsonMapOf, Value as Json};
#[doc(hidden)]
pub type JsonMap = JsonMapOf<String, Json>;

/// A type that can be read from a [`Node`].
pub trait Decode: Sized {
    /// Whether the type is a section of options: `true` or an empty value means all defaults, and an optional one is
    /// switched off by `false`.
    const SECTION: bool = false;

    /// Reads a value. Every mistake is reported to `cx`; `None` when nothing usable is left.
    fn decode(node: &Node, cx: &mut Context) -> Option<Self>;

    /// What the type accepts.
    fn shape() -> Shape;

    /// Whether the value says nothing and is left out of JSON: false, 0, an empty text, list or map, an absent value.
    fn is_empty(&self) -> bool {
        false
    }
}

/// Reads a `T` and everything that is wrong with it. Options with mistakes keep their defaults.
pub fn decode<T: Decode + Default>(node: &Node) -> (T, Vec<Problem>) {
    let mut cx = Context::default();
    let mut value = T::default();
    if !node.is_null() {
        assign(&mut value, node, &mut cx);
    }
    (value, cx.problems)
}

/// As [`decode`], for the labels and annotations of Kubernetes objects, where a section whose value is neither empty
/// nor `true` is switched off together with all its options (traefik: `allowEmpty` markers).
pub fn decode_labels<T: Decode + Default>(node: &Node) -> (T, Vec<Problem>) {
    let mut cx = Context::default();
    cx.label_markers = true;
    let mut value = T::default();
    if !node.is_null() {
        assign(&mut value, node, &mut cx);
    }
    (value, cx.problems)
}

/// Reads `node` into `slot`, which keeps its value when `node` is no good.
pub fn assign<T: Decode>(slot: &mut T, node: &Node, cx: &mut Context) {
    if let Some(value) = T::decode(node, cx) {
        *slot = value;
    }
}

/// Reads the options of a section: calls `read` with the position in `names` of each key and its value. `None` when
/// `node` is no section at all.
pub fn section(
    node: &Node,
    cx: &mut Context,
    names: &[&'static str],
    read: &mut dyn FnMut(usize, &Node, &mut Context),
) -> Option<()> {
    let rest = section_with_rest(node, cx, names, read)?;
    for entry in rest.entries() {
        unknown(entry, cx, names);
    }
    Some(())
}

/// As [`section`], and returns the entries that are not in `names` for another section to read.
pub fn section_with_rest(
    node: &Node,
    cx: &mut Context,
    names: &[&'static str],
    read: &mut dyn FnMut(usize, &Node, &mut Context),
) -> Option<Node> {
    let entries = section_entries(node, cx)?;
    let mut rest = Vec::new();
    let mut seen: BTreeMap<usize, &str> = BTreeMap::new();
    for entry in entries {
        let Some((index, name)) = names
            .iter()
            .enumerate()
            .find(|(_, name)| name.eq_ignore_ascii_case(&entry.key))
        else {
            rest.push(entry.clone());
            continue;
        };
        cx.key(name, |cx| {
            if let Some(first) = seen.insert(index, &entry.key) {
                cx.error(
                    &entry.node,
                    format!(
                        "given twice, as {first:?} and as {:?}: leave one",
                        entry.key
                    ),
                );
            } else if entry.node.is_null() {
                cx.warning(
                    &entry.node,
                    "has no value and is ignored: give it one, or `{}` for an empty section",
                );
            } else {
                read(index, &entry.node, cx);
            }
        });
    }
    Some(Node {
        value: Value::Map(rest),
        marker: None,
        source: node.source.clone(),
    })
}

/// Reads a section of which exactly one option must be set: calls `read` with its position in `names` and its value.
pub fn one_kind<T>(
    node: &Node,
    cx: &mut Context,
    names: &[&'static str],
    read: &mut dyn FnMut(usize, &Node, &mut Context) -> Option<T>,
) -> Option<T> {
    let mut found: Vec<(usize, &'static str, &Node)> = Vec::new();
    for entry in section_entries(node, cx)? {
        match names
            .iter()
            .enumerate()
            .find(|(_, name)| name.eq_ignore_ascii_case(&entry.key))
        {
            Some((index, name)) => found.push((index, name, &entry.node)),
            None => unknown(entry, cx, names),
        }
    }
    match found.as_slice() {
        [] => {
            let message = format!("needs a kind, one of {}", names.join(", "));
            cx.error(node, message);
            None
        }
        [(index, name, node)] => {
            let empty = Node::text("");
            let node = if node.is_null() { &empty } else { node };
            cx.key(name, |cx| read(*index, node, cx))
        }
        several => {
            let kinds: Vec<_> = several.iter().map(|(_, name, _)| *name).collect();
            cx.error(
                node,
                format!(
                    "has several kinds, {}: leave exactly one",
                    kinds.join(" and ")
                ),
            );
            None
        }
    }
}

/// Reads one of `words`; returns its position.
pub fn word(
    node: &Node,
    cx: &mut Context,
    words: &[&'static str],
    ignore_case: bool,
) -> Option<usize> {
    let allowed = words.join(", ");
    let text = cx.scalar(node, &format!("one of {allowed}"))?;
    let same = |word: &&&str| {
        if ignore_case {
            word.eq_ignore_ascii_case(text)
        } else {
            **word == text
        }
    };
    let at = words.iter().position(|word| same(&word));
    if at.is_none() {
        let hint = match nearest(text, words) {
            Some(word) => format!("; did you mean {word:?}?"),
            None => String::new(),
        };
        cx.error(
            node,
            format!("{} is not one of {allowed}{hint}", cx.quote(text)),
        );
    }
    at
}

/// A map or list of objects that fail apart from each other.
pub trait Objects {
    /// Reads the objects of `kind` in `node`. One with a mistake is left out.
    fn decode_objects(slot: &mut Self, kind: &str, node: &Node, cx: &mut Context);
}

impl<T: Decode> Objects for BTreeMap<String, T> {
    fn decode_objects(slot: &mut Self, kind: &str, node: &Node, cx: &mut Context) {
        for entry in section_entries(node, cx).unwrap_or_default() {
            let empty = Node {
                value: Value::Text(String::new()),
                ..entry.node.clone()
            };
            let node = if entry.node.is_null() {
                &empty
            } else {
                &entry.node
            };
            let object = cx.object(format!("{kind} {:?}", entry.key), |cx| T::decode(node, cx));
            slot.extend(object.map(|object| (entry.key.clone(), object)));
        }
    }
}

impl<T: Decode> Objects for Vec<T> {
    fn decode_objects(slot: &mut Self, kind: &str, node: &Node, cx: &mut Context) {
        let Some(nodes) = values::list_nodes(node) else {
            let found = cx.found(node);
            cx.error(node, format!("{found} is not a list"));
            return;
        };
        for (index, node) in nodes.iter().enumerate() {
            slot.extend(cx.object(format!("{kind} [{index}]"), |cx| T::decode(node, cx)));
        }
    }
}

/// The entries of a section or map: none for `true` and for an empty value, which mean all defaults.
pub(crate) fn section_entries<'n>(node: &'n Node, cx: &mut Context) -> Option<&'n [Entry]> {
    match &node.value {
        Value::Map(entries) => Some(entries),
        Value::Null => Some(&[]),
        Value::Text(text) if text.is_empty() || text.eq_ignore_ascii_case("true") => Some(&[]),
        Value::Repeated(_) | Value::List(_) | Value::Text(_) => {
            // What stands in the place of a section may be a secret that belongs below it.
            let found = cx.secretly(|cx| cx.found(node));
            cx.error(
                node,
                format!("{found} is not a section: its options go below it"),
            );
            None
        }
    }
}

/// Reports a name that no option has.
fn unknown(entry: &Entry, cx: &mut Context, names: &[&'static str]) {
    let mut known = names.to_vec();
    known.extend(&cx.beside);
    let hint = match nearest(&entry.key, &known) {
        Some(name) => format!("; did you mean {name:?}?"),
        None if known.is_empty() => "; this section has no options".to_owned(),
        None if known.len() <= 8 => format!("; known here: {}", known.join(", ")),
        None => String::new(),
    };
    let at = Node::default().at(match &entry.source {
        Source::Unknown => entry.node.source.clone(),
        source => source.clone(),
    });
    cx.key(&entry.key, |cx| {
        cx.error(&at, format!("unknown option{hint}"))
    });
}

// Helpers of generated code.

#[doc(hidden)]
pub fn json<T: Serialize + ?Sized, E: serde::ser::Error>(value: &T) -> Result<Json, E> {
    serde_json::to_value(value).map_err(E::custom)
}

#[doc(hidden)]
pub fn insert_unless_empty<T: Decode + Serialize, E: serde::ser::Error>(
    map: &mut JsonMap,
    name: &str,
    value: &T,
) -> Result<(), E> {
    if !value.is_empty() {
        map.insert(name.to_owned(), json::<_, E>(value)?);
    }
    Ok(())
}

#[doc(hidden)]
pub fn flatten<T: Serialize, E: serde::ser::Error>(map: &mut JsonMap, value: &T) -> Result<(), E> {
    if let Json::Object(fields) = json::<_, E>(value)? {
        map.extend(fields);
    }
    Ok(())
}

#[doc(hidden)]
pub fn serialize_kind<S: Serializer>(
    name: &str,
    value: &Json,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map([(name, value)])
}
