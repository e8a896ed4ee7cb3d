//! How plain types are read.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Context, Decode, Node, Shape, Value, section_entries};
use crate::types::{GoDuration, Secret};

/// Go's `strconv.ParseBool`.
pub fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

impl Decode for bool {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let text = cx.scalar(node, "true or false")?;
        let value = parse_bool(text);
        if value.is_none() {
            cx.error(node, format!("{} is not true or false", cx.quote(text)));
        }
        value
    }

    fn shape() -> Shape {
        Shape::Bool
    }

    fn is_empty(&self) -> bool {
        !self
    }
}

macro_rules! integers {
    ($($ty:ty),*) => {$(
        impl Decode for $ty {
            fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
                let expected = format!("a whole number from {} to {}", Self::MIN, Self::MAX);
                let text = cx.scalar(node, &expected)?;
                let value = text.parse().ok();
                if value.is_none() {
                    cx.error(node, format!("{} is not {expected}", cx.quote(text)));
                }
                value
            }

            #[allow(clippy::unnecessary_cast, reason = "one body for all integer types")]
            fn shape() -> Shape {
                Shape::Integer { min: Self::MIN as i64, max: Self::MAX as u64 }
            }

            fn is_empty(&self) -> bool {
                *self == 0
            }
        }
    )*};
}

integers!(u16, u32, u64, i64);

impl Decode for f64 {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let text = cx.scalar(node, "a number")?;
        let value = text.parse().ok().filter(|value: &Self| value.is_finite());
        if value.is_none() {
            cx.error(node, format!("{} is not a number", cx.quote(text)));
        }
        value
    }

    fn shape() -> Shape {
        Shape::Float
    }

    fn is_empty(&self) -> bool {
        *self == 0.0
    }
}

impl Decode for String {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        cx.scalar(node, "text").map(str::to_owned)
    }

    fn shape() -> Shape {
        Shape::Text
    }

    fn is_empty(&self) -> bool {
        Self::is_empty(self)
    }
}

impl Decode for GoDuration {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let text = cx.scalar(node, "a duration such as 1m30s")?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                cx.error(node, format!("{} {error}", cx.quote(text)));
                None
            }
        }
    }

    fn shape() -> Shape {
        Shape::Duration
    }

    fn is_empty(&self) -> bool {
        self.0.is_zero()
    }
}

impl<T: Decode> Decode for Secret<T> {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        cx.secretly(|cx| T::decode(node, cx)).map(Self::new)
    }

    fn shape() -> Shape {
        Shape::Secret
    }

    fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        if node.is_null() {
            return Some(None);
        }
        if T::SECTION {
            let marker = match &node.value {
                Value::Text(text) => Some(text.as_str()),
                Value::Repeated(texts) => texts.last().map(String::as_str),
                _ => node.marker.as_deref(),
            };
            let on = match marker {
                None => true,
                Some(text) if cx.label_markers => {
                    text.is_empty() || text.eq_ignore_ascii_case("true")
                }
                Some(text) => parse_bool(text) != Some(false),
            };
            if !on {
                return Some(None);
            }
            if let (Value::Repeated(_), Some(text)) = (&node.value, marker) {
                return T::decode(&Node::text(text).at(node.source.clone()), cx).map(Some);
            }
        }
        T::decode(node, cx).map(Some)
    }

    fn shape() -> Shape {
        Shape::Optional(Box::new(T::shape()))
    }

    fn is_empty(&self) -> bool {
        self.is_none()
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let Some(nodes) = list_nodes(node) else {
            let found = cx.found(node);
            cx.error(node, format!("{found} is not a list"));
            return None;
        };
        let mut values = Self::new();
        for (index, node) in nodes.iter().enumerate() {
            values.extend(cx.index(index, |cx| T::decode(node, cx)));
        }
        Some(values)
    }

    fn shape() -> Shape {
        Shape::List(Box::new(T::shape()))
    }

    fn is_empty(&self) -> bool {
        Self::is_empty(self)
    }
}

impl<T: Decode> Decode for BTreeMap<String, T> {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let mut values = Self::new();
        for entry in section_entries(node, cx)? {
            let value = cx.key(&entry.key, |cx| {
                if entry.node.is_null() {
                    cx.warning(&entry.node, "has no value and is ignored");
                    return None;
                }
                T::decode(&entry.node, cx)
            });
            values.extend(value.map(|value| (entry.key.clone(), value)));
        }
        Some(values)
    }

    fn shape() -> Shape {
        Shape::Map(Box::new(T::shape()))
    }

    fn is_empty(&self) -> bool {
        Self::is_empty(self)
    }
}

impl Decode for serde_json::Value {
    /// Scalars stay texts: what they mean is for whoever takes the value.
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        match serde_json::to_value(node) {
            Ok(value) => Some(value),
            Err(error) => {
                cx.error(node, format!("cannot be kept: {error}"));
                None
            }
        }
    }

    fn shape() -> Shape {
        Shape::Any
    }

    fn is_empty(&self) -> bool {
        self.is_null()
    }
}

impl Decode for Node {
    fn decode(node: &Node, _: &mut Context) -> Option<Self> {
        Some(node.clone())
    }

    fn shape() -> Shape {
        Shape::Any
    }

    fn is_empty(&self) -> bool {
        self.is_null()
    }
}

macro_rules! pointers {
    ($($pointer:ident),*) => {$(
        impl<T: Decode> Decode for $pointer<T> {
            const SECTION: bool = T::SECTION;

            fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
                T::decode(node, cx).map(Self::new)
            }

            fn shape() -> Shape {
                T::shape()
            }

            fn is_empty(&self) -> bool {
                T::is_empty(self)
            }
        }
    )*};
}

pointers!(Arc, Box);

/// The elements of whatever may stand for a list: a list, texts with commas, a map by numbers. `None` for others.
pub(super) fn list_nodes(node: &Node) -> Option<Vec<Node>> {
    let split = |text: &str| -> Vec<Node> {
        if text.trim().is_empty() {
            return Vec::new();
        }
        text.split(',')
            .map(|part| Node::text(part.trim()).at(node.source.clone()))
            .collect()
    };
    match &node.value {
        Value::Null => Some(Vec::new()),
        Value::Text(text) => Some(split(text)),
        Value::Repeated(texts) => Some(texts.iter().flat_map(|text| split(text)).collect()),
        Value::List(nodes) => Some(nodes.clone()),
        Value::Map(entries) => {
            let numbered = |key: &str| !key.is_empty() && key.bytes().all(|b| b.is_ascii_digit());
            entries
                .iter()
                .all(|entry| numbered(&entry.key))
                .then(|| entries.iter().map(|entry| entry.node.clone()).collect())
        }
    }
}
