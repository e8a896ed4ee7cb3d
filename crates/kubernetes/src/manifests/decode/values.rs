//! Values of a document, with the path to them, so that every mistake names its field.

use std::fmt;
use std::sync::Arc;

use super::super::node::Node;
use super::{Decoder, Mistake};
use crate::snapshot::StringMap;

/// One step of the path to a value.
pub(super) enum Step {
    Key(&'static str),
    Index(usize),
}

/// Values, with the path to them.
impl Decoder {
    pub(super) fn within<'n, R>(
        &mut self,
        node: &'n Node<'_>,
        key: &'static str,
        read: impl FnOnce(&mut Self, &'n Node<'_>) -> R,
    ) -> R {
        let child = node.child(key);
        self.path.push(Step::Key(key));
        if !matches!(child, Node::Map(_) | Node::Null) {
            self.fail(format!("expected a map, found {}", child.describe()));
        }
        let value = read(self, child);
        self.path.pop();
        value
    }

    pub(super) fn list<T>(
        &mut self,
        node: &Node<'_>,
        key: &'static str,
        mut read: impl FnMut(&mut Self, &Node<'_>) -> T,
    ) -> Box<[T]> {
        let items = match node.child(key) {
            Node::List(items) => items,
            Node::Null => return Box::default(),
            other => {
                self.fail_at(
                    key,
                    format!(
                        "expected a list, found {}; begin each item with \"- \"",
                        other.describe()
                    ),
                );
                return Box::default();
            }
        };
        self.path.push(Step::Key(key));
        let list = items.iter().enumerate().map(|(index, item)| {
            self.path.push(Step::Index(index));
            let value = read(self, item);
            self.path.pop();
            value
        });
        let list = list.collect();
        self.path.pop();
        list
    }

    pub(super) fn texts(&mut self, node: &Node<'_>, key: &'static str) -> Box<[Arc<str>]> {
        self.list(node, key, |d, item| match item {
            Node::Text(text) => d.intern(text),
            other => {
                d.fail(format!(
                    "expected text, found {}; put it in quotes",
                    other.describe()
                ));
                d.intern("")
            }
        })
    }

    pub(super) fn optional_plain_text<'n>(
        &mut self,
        node: &'n Node<'_>,
        key: &'static str,
    ) -> Option<&'n str> {
        match node.child(key) {
            Node::Text(text) => Some(text),
            Node::Null => None,
            other => {
                self.fail_at(
                    key,
                    format!(
                        "expected text, found {}; put it in quotes",
                        other.describe()
                    ),
                );
                None
            }
        }
    }

    pub(super) fn plain_text<'n>(&mut self, node: &'n Node<'_>, key: &'static str) -> &'n str {
        self.optional_plain_text(node, key).unwrap_or("")
    }

    pub(super) fn optional_text(&mut self, node: &Node<'_>, key: &'static str) -> Option<Arc<str>> {
        self.optional_plain_text(node, key)
            .map(|text| self.intern(text))
    }

    pub(super) fn text(&mut self, node: &Node<'_>, key: &'static str) -> Arc<str> {
        let text = self.plain_text(node, key);
        self.intern(text)
    }

    pub(super) fn boolean(&mut self, node: &Node<'_>, key: &'static str) -> Option<bool> {
        match node.child(key) {
            Node::Bool(value) => Some(*value),
            Node::Null => None,
            other => {
                self.fail_at(
                    key,
                    format!("expected true or false, found {}", other.describe()),
                );
                None
            }
        }
    }

    /// A port number; 0 when absent.
    pub(super) fn port(&mut self, node: &Node<'_>, key: &'static str) -> u16 {
        match node.child(key) {
            Node::Int(value) if (0..=65_535).contains(value) => {
                u16::try_from(*value).unwrap_or_default()
            }
            Node::Null => 0,
            Node::Int(value) => {
                self.fail_at(key, format!("port {value} is out of range: use 1 to 65535"));
                0
            }
            other => {
                let cure = if matches!(other, Node::Text(_)) {
                    "; write the number without quotes"
                } else {
                    ""
                };
                self.fail_at(
                    key,
                    format!("expected a port number, found {}{cure}", other.describe()),
                );
                0
            }
        }
    }

    pub(super) fn time(&mut self, node: &Node<'_>, key: &'static str) -> i64 {
        let Some(text) = self.optional_plain_text(node, key) else {
            return 0;
        };
        parse_time(text).unwrap_or_else(|| {
            self.fail_at(
                key,
                format!("{text:?} is no RFC 3339 time: write it as 2024-01-31T12:00:00Z"),
            );
            0
        })
    }

    pub(super) fn string_map(
        &mut self,
        node: &Node<'_>,
        key: &'static str,
        wanted: impl Fn(&str) -> bool,
    ) -> StringMap {
        let entries = match node.child(key) {
            Node::Map(entries) => entries,
            Node::Null => return StringMap::default(),
            other => {
                self.fail_at(key, format!("expected a map, found {}", other.describe()));
                return StringMap::default();
            }
        };
        let mut map = Vec::new();
        for (name, value) in entries {
            match value {
                Node::Text(text) if wanted(name) => {
                    map.push((self.intern(name), self.intern(text)))
                }
                Node::Text(_) | Node::Null => {}
                other => self.fail_at(
                    &format!("{key}[{name}]"),
                    format!(
                        "expected text, found {}; put it in quotes",
                        other.describe()
                    ),
                ),
            }
        }
        map.into_iter().collect()
    }

    pub(super) fn intern(&mut self, text: &str) -> Arc<str> {
        if let Some(shared) = self.strings.get(text) {
            return shared.clone();
        }
        let shared: Arc<str> = text.into();
        self.strings.insert(shared.clone());
        shared
    }

    pub(super) fn fail(&mut self, message: String) {
        let field = field(&self.path).to_string();
        self.mistakes.push(Mistake { field, message });
    }

    pub(super) fn fail_at(&mut self, key: &str, message: String) {
        let path = field(&self.path).to_string();
        let dot = if path.is_empty() { "" } else { "." };
        self.mistakes.push(Mistake {
            field: format!("{path}{dot}{key}"),
            message,
        });
    }
}

fn field(path: &[Step]) -> impl fmt::Display + '_ {
    fmt::from_fn(move |f| {
        for (index, step) in path.iter().enumerate() {
            match step {
                Step::Key(key) if index == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(at) => write!(f, "[{at}]")?,
            }
        }
        Ok(())
    })
}

/// Seconds since 1970 of an RFC 3339 time; fractions are cut off.
fn parse_time(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if !(0..=9_999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let zone_at = time.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = time.split_at_checked(zone_at)?;
    let clock = clock.split('.').next()?;
    let mut parts = clock.splitn(3, ':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    if !(0..=23).contains(&hour) || !(0..=59).contains(&minute) || !(0..=60).contains(&second) {
        return None;
    }
    let offset = match zone {
        "Z" | "z" => 0,
        _ => {
            let (sign, digits) = zone.split_at_checked(1)?;
            let (hours, minutes) = digits.split_once(':')?;
            let offset = hours.parse::<u8>().ok().map(i64::from)? * 60
                + minutes.parse::<u8>().ok().map(i64::from)?;
            if sign == "-" { -offset } else { offset }
        }
    };
    // Days from the civil date: years are counted from March, so that leap days come last.
    let (year, month) = if month <= 2 {
        (year - 1, month + 9)
    } else {
        (year, month - 3)
    };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    Some(((days * 24 + hour) * 60 + minute - offset) * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_since_1970() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2000-02-29T12:30:45Z", Some(951_827_445)),
            ("2024-12-31T23:59:59.999Z", Some(1_735_689_599)),
            ("2024-01-01T02:00:00+02:00", Some(1_704_067_200)),
            ("2023-12-31T19:00:00-05:00", Some(1_704_067_200)),
            ("1969-12-31T23:59:59Z", Some(-1)),
            ("2024-01-01", None),
            ("2024-13-01T00:00:00Z", None),
            ("2024-01-01T24:00:00Z", None),
            ("2024-01-01T00:00:00", None),
            ("", None),
        ] {
            assert_eq!(parse_time(text), seconds, "{text}");
        }
    }
}
