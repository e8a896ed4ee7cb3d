//! Names with dots (`a.b[0].c`) as a [`Node`]: flags, environment variables, annotations, labels.

use std::sync::Arc;

use super::{Entry, Node, Source, Value};

/// Prefixes of annotations whose `traefik.…` names are read; the second is this product's own.
pub const ANNOTATION_PREFIXES: [&str; 2] = ["traefik.ingress.kubernetes.io/", "pointsman.io/"];

/// Deepest nesting of names.
const MAX_DEPTH: usize = 64;

/// One setting: the name in dots, its text, and its name as its author wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// `entryPoints.web.address`, `tls.domains[0].main`.
    pub path: String,
    /// Its text.
    pub text: String,
    /// `--entryPoints.web.address`, `TRAEFIK_ENTRYPOINTS_WEB_ADDRESS`.
    pub given_as: Arc<str>,
}

/// Builds a tree of `settings`. Names that differ in case only are the same (traefik: `strings.EqualFold`); elements
/// of lists keep the order of `settings`.
pub fn tree(settings: impl IntoIterator<Item = Setting>) -> Node {
    let mut root = Node::map(Vec::new());
    for setting in settings {
        let source = Source::Name(setting.given_as);
        // No option lies this deep; the limit keeps recursion over the tree within the stack.
        let steps: Vec<&str> = steps(&setting.path).take(MAX_DEPTH).collect();
        insert(&mut root, &steps, setting.text, &source);
    }
    root
}

/// As [`tree`], with the elements of lists in the order of their numbers.
///
/// differs from traefik: there `x[10]` stands before `x[2]`, which nobody means.
pub fn numbered_tree(settings: impl IntoIterator<Item = Setting>) -> Node {
    let mut root = tree(settings);
    sort_numbers(&mut root);
    root
}

/// The settings of annotations `traefik.ingress.kubernetes.io/<family>.<…>`, `family` being `router` or `service`, as
/// the tree below that family (traefik `pkg/provider/kubernetes/ingress/annotations.go`). Null when there is none.
///
/// `….<word>.<digits>.<rest>` is element `<digits>` of list `<word>`; the elements' order is that of the names as text.
/// Where both prefixes give the same option, the product's own wins.
pub fn annotations<'a>(
    annotations: impl IntoIterator<Item = (&'a str, &'a str)>,
    family: &str,
) -> Node {
    let mut settings: Vec<_> = annotations
        .into_iter()
        .filter_map(|(key, text)| {
            let (own, rest) = ANNOTATION_PREFIXES
                .iter()
                .enumerate()
                .find_map(|(own, prefix)| key.strip_prefix(prefix).map(|rest| (own, rest)))?;
            let (first, rest) = rest.split_once('.')?;
            if !first.eq_ignore_ascii_case(family) {
                return None;
            }
            let path = bracket_number(rest);
            Some((
                path.to_ascii_lowercase(),
                own,
                Setting {
                    path,
                    text: text.to_owned(),
                    given_as: key.into(),
                },
            ))
        })
        .collect();
    settings.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    settings.reverse();
    settings.dedup_by(|later, kept| later.0 == kept.0);
    settings.reverse();
    if settings.is_empty() {
        return Node::default();
    }
    tree(settings.into_iter().map(|(_, _, setting)| setting))
}

/// The settings of labels `<prefix>.…` (`traefik.http.routers.web.rule`), as the tree below the prefix.
pub fn labels<'a>(labels: impl IntoIterator<Item = (&'a str, &'a str)>, prefix: &str) -> Node {
    let mut settings: Vec<_> = labels
        .into_iter()
        .filter_map(|(key, text)| {
            let (first, rest) = key.split_once('.')?;
            first.eq_ignore_ascii_case(prefix).then(|| Setting {
                path: rest.to_owned(),
                text: text.to_owned(),
                given_as: key.into(),
            })
        })
        .collect();
    settings.sort_by(|a, b| a.path.cmp(&b.path));
    if settings.is_empty() {
        return Node::default();
    }
    tree(settings)
}

/// `tls.domains.0.main` → `tls.domains[0].main`: the last number between two names, once (traefik: a greedy
/// `^(.+)\.(\w+)\.(\d+)\.(.+)$`).
fn bracket_number(path: &str) -> String {
    let parts: Vec<&str> = path.split('.').collect();
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let word = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    // The family's name stands before `path`, so that the first part may already be the list.
    let at = (1..parts.len().saturating_sub(1)).rev().find(|&at| {
        parts.get(at).is_some_and(|part| number(part))
            && parts.get(at - 1).is_some_and(|part| word(part))
    });
    match at {
        Some(at) => {
            let (before, after) = parts.split_at(at);
            let (number, after) = after.split_first().unwrap_or((&"", &[]));
            format!("{}[{number}].{}", before.join("."), after.join("."))
        }
        None => path.to_owned(),
    }
}

/// `a.b[0].c` as `a`, `b`, `0`, `c`.
fn steps(path: &str) -> impl Iterator<Item = &str> {
    path.split('.').flat_map(|part| {
        let (name, indices) = match part.split_once('[') {
            Some((name, indices)) if part.ends_with(']') => (name, indices.trim_end_matches(']')),
            _ => (part, ""),
        };
        std::iter::once(name).chain(indices.split("][").filter(|index| !index.is_empty()))
    })
}

fn insert(node: &mut Node, steps: &[&str], text: String, source: &Source) {
    let Some((step, rest)) = steps.split_first() else {
        set_text(node, text, source);
        return;
    };
    // A section that was only switched on so far: its text becomes the marker.
    match std::mem::take(&mut node.value) {
        Value::Map(entries) => node.value = Value::Map(entries),
        Value::Text(text) => {
            node.marker = Some(text);
            node.value = Value::Map(Vec::new());
        }
        Value::Repeated(mut texts) => {
            node.marker = texts.pop();
            node.value = Value::Map(Vec::new());
        }
        Value::Null | Value::List(_) => node.value = Value::Map(Vec::new()),
    }
    let Value::Map(entries) = &mut node.value else {
        return;
    };
    let at = match entries
        .iter()
        .position(|entry| entry.key.eq_ignore_ascii_case(step))
    {
        Some(at) => at,
        None => {
            let node = Node {
                source: source.clone(),
                ..Node::default()
            };
            entries.push(Entry {
                key: (*step).to_owned(),
                source: source.clone(),
                node,
            });
            entries.len() - 1
        }
    };
    if let Some(entry) = entries.get_mut(at) {
        insert(&mut entry.node, rest, text, source);
    }
}

fn set_text(node: &mut Node, text: String, source: &Source) {
    match &mut node.value {
        Value::Null | Value::List(_) => {
            node.value = Value::Text(text);
            node.source = source.clone();
        }
        Value::Text(first) => {
            let first = std::mem::take(first);
            node.value = Value::Repeated(vec![first, text]);
        }
        Value::Repeated(texts) => texts.push(text),
        Value::Map(_) => node.marker = Some(text),
    }
}

fn sort_numbers(node: &mut Node) {
    let Value::Map(entries) = &mut node.value else {
        return;
    };
    if entries.iter().all(|entry| entry.key.parse::<u64>().is_ok()) {
        entries.sort_by_key(|entry| entry.key.parse::<u64>().unwrap_or(u64::MAX));
    }
    for entry in entries {
        sort_numbers(&mut entry.node);
    }
}
