//! Lists of routers, services and middlewares, and one object out of them.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use crate::query::{Query, percent_decode};
use crate::view::Status;
use crate::{Failure, Reply};

/// An object of a list, with what lists are searched and sorted by. What its kind doesn't have is empty.
pub(crate) struct Item<'a> {
    pub(crate) name: &'a str,
    pub(crate) provider: &'a str,
    pub(crate) status: Status,
    pub(crate) rule: &'a str,
    pub(crate) service: &'a str,
    pub(crate) middlewares: &'a [String],
    pub(crate) entry_points: usize,
    pub(crate) priority: i64,
    pub(crate) servers: usize,
    /// Whether `serviceName` and `middlewareName` select it: routers.
    pub(crate) is_router: bool,
    /// The whole JSON; made only for what is shown.
    pub(crate) json: Box<dyn Fn() -> Map<String, Value> + 'a>,
}

/// The page of the list that the query asks for.
pub(crate) fn page(mut items: Vec<Item<'_>>, query: &Query) -> Result<Reply, Failure> {
    items.retain(|item| is_wanted(item, query));
    sort(&mut items, query);
    let page = query.page(items.len())?;
    let values = items
        .get(page.start..page.end)
        .unwrap_or_default()
        .iter()
        .map(|item| Value::Object((item.json)()))
        .collect();
    Ok(Reply::Page(values, page.next))
}

/// The object with the percent-encoded name `id`. `kind` is the plural.
pub(crate) fn one(items: &[Item<'_>], kind: &str, id: &str) -> Result<Reply, Failure> {
    let kind = kind.strip_suffix('s').unwrap_or(kind);
    let Some(name) = percent_decode(id) else {
        return Err(Failure::BadRequest(format!(
            "unable to decode {kind}ID {id:?}"
        )));
    };
    items
        .iter()
        .find(|item| item.name == name)
        .map(|item| Reply::Value(Value::Object((item.json)())))
        .ok_or_else(|| Failure::NotFound(format!("{kind} not found: {name}")))
}

/// Whether `text` has `search` in it, in any case.
pub(crate) fn contains(text: &str, search: &str) -> bool {
    search.is_empty() || text.to_lowercase().contains(&search.to_lowercase())
}

fn is_wanted(item: &Item<'_>, query: &Query) -> bool {
    let status = query.get("status");
    let search = query.get("search");
    (status.is_empty() || item.status.as_str().eq_ignore_ascii_case(status))
        && (contains(item.name, search) || (item.is_router && contains(item.rule, search)))
        && (!item.is_router || uses_service(item, query.get("serviceName")))
        && (!item.is_router || uses_middleware(item, query.get("middlewareName")))
}

/// A router may name its service without the provider.
fn uses_service(item: &Item<'_>, wanted: &str) -> bool {
    if wanted.is_empty() || item.service == wanted {
        return true;
    }
    let (wanted, _) = wanted.split_once('@').unwrap_or((wanted, ""));
    !item.service.contains('@') && item.service == wanted
}

fn uses_middleware(item: &Item<'_>, wanted: &str) -> bool {
    wanted.is_empty() || item.middlewares.iter().any(|name| name == wanted)
}

fn sort(items: &mut Vec<Item<'_>>, query: &Query) {
    let by = query.get("sortBy");
    if by == "type" {
        // Only the JSON knows the type; made once for each item.
        let mut keyed: Vec<_> = items
            .drain(..)
            .map(|item| (kind(&(item.json)()), item))
            .collect();
        sort_by(&mut keyed, query, |(a, one), (b, other)| {
            a.cmp(b).then_with(|| one.name.cmp(other.name))
        });
        items.extend(keyed.into_iter().map(|(_, item)| item));
        return;
    }
    sort_by(items, query, |a, b| {
        let by_key = match by {
            "provider" => a.provider.cmp(b.provider),
            "priority" => a.priority.cmp(&b.priority),
            "status" => a.status.as_str().cmp(b.status.as_str()),
            "rule" => a.rule.cmp(b.rule),
            "service" => a.service.cmp(b.service),
            "entryPoints" => a.entry_points.cmp(&b.entry_points),
            "servers" => a.servers.cmp(&b.servers),
            _ => Ordering::Equal,
        };
        by_key.then_with(|| a.name.cmp(b.name))
    });
}

/// Sorts upwards, or downwards if the query says so.
pub(crate) fn sort_by<T>(items: &mut [T], query: &Query, compare: impl Fn(&T, &T) -> Ordering) {
    let is_up = matches!(query.get("direction"), "" | "asc");
    items.sort_by(|a, b| if is_up { compare(a, b) } else { compare(b, a) });
}

fn kind(json: &Map<String, Value>) -> String {
    json.get("type")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}
