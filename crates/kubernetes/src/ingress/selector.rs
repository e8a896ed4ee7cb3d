//! Label selectors of Kubernetes: `env=prod,tier in (web, api),!legacy`.

use std::str::FromStr;

use crate::snapshot::StringMap;

/// Requirements that all must hold; none by default, which selects everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LabelSelector {
    requirements: Vec<Requirement>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Exists,
    Absent,
    In(Vec<String>),
    NotIn(Vec<String>),
    Greater(i64),
    Less(i64),
}

/// Text that is no label selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid ingress label selector: {selector:?}: {reason}")]
pub struct LabelSelectorError {
    selector: String,
    reason: String,
}

impl LabelSelector {
    /// Whether `labels` meet every requirement.
    pub fn matches(&self, labels: &StringMap) -> bool {
        self.requirements.iter().all(|requirement| {
            let value = labels.find(&requirement.key);
            match &requirement.test {
                Test::Exists => value.is_some(),
                Test::Absent => value.is_none(),
                Test::In(values) => value.is_some_and(|value| values.iter().any(|v| v == value)),
                Test::NotIn(values) => value.is_none_or(|value| values.iter().all(|v| v != value)),
                Test::Greater(bound) => value
                    .and_then(|value| value.parse::<i64>().ok())
                    .is_some_and(|v| v > *bound),
                Test::Less(bound) => value
                    .and_then(|value| value.parse::<i64>().ok())
                    .is_some_and(|v| v < *bound),
            }
        })
    }
}

impl FromStr for LabelSelector {
    type Err = LabelSelectorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |reason: String| LabelSelectorError {
            selector: text.to_owned(),
            reason,
        };
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let requirements =
            top_level_parts(text).map(|part| requirement(part.trim()).map_err(error));
        Ok(Self {
            requirements: requirements.collect::<Result<_, _>>()?,
        })
    }
}

/// Splits at commas outside of parentheses.
fn top_level_parts(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0;
    text.split(move |c| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    })
}

fn requirement(text: &str) -> Result<Requirement, String> {
    let found = |key: &str, test: Test| {
        Ok(Requirement {
            key: label_key(key)?,
            test,
        })
    };
    if let Some(key) = text.strip_prefix('!') {
        return found(key, Test::Absent);
    }
    for (operator, negated) in [("!=", true), ("==", false), ("=", false)] {
        if let Some((key, value)) = text.split_once(operator) {
            let values = vec![label_value(value)?];
            return found(
                key,
                if negated {
                    Test::NotIn(values)
                } else {
                    Test::In(values)
                },
            );
        }
    }
    for (operator, test) in [
        ('>', Test::Greater as fn(i64) -> Test),
        ('<', Test::Less as fn(i64) -> Test),
    ] {
        if let Some((key, bound)) = text.split_once(operator) {
            let bound = bound
                .trim()
                .parse()
                .map_err(|_| format!("{:?} is no integer", bound.trim()))?;
            return found(key, test(bound));
        }
    }
    let Some((key, rest)) = text.split_once(char::is_whitespace) else {
        return found(text, Test::Exists);
    };
    let (operator, values) = rest
        .split_once('(')
        .ok_or_else(|| format!("{text:?} has no known operator"))?;
    let values = values
        .trim_end()
        .strip_suffix(')')
        .ok_or_else(|| format!("{text:?} lacks a closing parenthesis"))?;
    let values = values
        .split(',')
        .map(label_value)
        .collect::<Result<_, _>>()?;
    match operator.trim() {
        "in" => found(key, Test::In(values)),
        "notin" => found(key, Test::NotIn(values)),
        other => Err(format!(
            "operator {other:?} is unknown, use in, notin, =, !=, > or <"
        )),
    }
}

/// `[prefix/]name`, with the characters that Kubernetes allows.
fn label_key(text: &str) -> Result<String, String> {
    let text = text.trim();
    let (prefix, name) = text.rsplit_once('/').unwrap_or(("a", text));
    let lengths = (1..=253).contains(&prefix.len()) && (1..=63).contains(&name.len());
    if lengths && is_label_text(prefix) && is_label_text(name) {
        Ok(text.to_owned())
    } else {
        Err(format!("{text:?} is no label key"))
    }
}

fn label_value(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.len() <= 63 && is_label_text(text) {
        Ok(text.to_owned())
    } else {
        Err(format!("{text:?} is no label value"))
    }
}

fn is_label_text(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        && [text.bytes().next(), text.bytes().last()]
            .iter()
            .flatten()
            .all(u8::is_ascii_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn labels(pairs: &[(&str, &str)]) -> StringMap {
        pairs
            .iter()
            .map(|(key, value)| (Arc::from(*key), Arc::from(*value)))
            .collect()
    }

    #[test]
    fn every_operator_of_kubernetes_works() {
        let labels = labels(&[("env", "prod"), ("tier", "web"), ("size", "10")]);
        for (selector, expected) in [
            ("", true),
            ("env=prod", true),
            ("env == prod", true),
            ("env!=prod", false),
            ("missing!=prod", true),
            ("env", true),
            ("!env", false),
            ("!missing", true),
            ("tier in (api, web)", true),
            ("tier in (api)", false),
            ("tier notin (api,web)", false),
            ("missing notin (api)", true),
            ("size>9", true),
            ("size<10", false),
            ("env=prod,tier in (api, web),!missing", true),
            ("env=prod,tier in (api)", false),
        ] {
            let parsed: LabelSelector = selector.parse().unwrap();
            assert_eq!(parsed.matches(&labels), expected, "{selector}");
        }
    }

    #[test]
    fn broken_selectors_are_refused_with_their_text() {
        for selector in [
            "env=prod,",
            "a in b",
            "a in (b",
            "a like (b)",
            "a b",
            "=x",
            "a=b c",
            "size>many",
            "-a",
        ] {
            let error = selector.parse::<LabelSelector>().unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("invalid ingress label selector: {selector:?}")),
                "{error}"
            );
        }
    }
}
