//! The rules of one host.

use pointsman_rule::{PathKey, RequestView};

use super::Rank;
use super::slots::{Slot, SlotList};
use super::trie::{Compare, Node};

/// Rules that share their condition on the host.
#[derive(Debug, Clone)]
pub(super) struct Bucket<T, K> {
    /// The host or suffix, and behind it the paths of `few`: one piece of memory for all that a
    /// lookup in a small bucket compares.
    text: String,
    host_bytes: u32,
    rules: Rules<T, K>,
}

#[derive(Debug, Clone)]
enum Rules<T, K> {
    /// In order of rank.
    Few(Vec<PathSlot<T, K>>),
    Many(Box<Many<T, K>>),
}

/// A slot with its condition on the path.
#[derive(Debug, Clone)]
struct PathSlot<T, K> {
    path: PathPlace,
    slot: Slot<T, K>,
}

/// A `PathKey` whose text is in the bucket's.
#[derive(Debug, Clone, Copy)]
struct PathPlace {
    /// None: any path.
    compare: Option<Compare>,
    start: u32,
    bytes: u32,
}

#[derive(Debug, Clone)]
struct Many<T, K> {
    len: usize,
    /// Any path.
    any: SlotList<T, K>,
    paths: Node<T, K>,
}

/// A short list is faster than a tree up to about here.
const MAX_FEW: usize = 16;
/// A tree with fewer rules becomes a list again. Well below, so that one rule coming and going does
/// not rebuild the bucket each time.
const MIN_MANY: usize = 8;

impl<T, K> Bucket<T, K> {
    pub(super) fn new(host: &str) -> Self {
        Self {
            text: host.to_owned(),
            host_bytes: to_u32(host.len()),
            rules: Rules::Few(Vec::new()),
        }
    }

    pub(super) fn host(&self) -> &str {
        self.text
            .get(..self.host_bytes as usize)
            .unwrap_or_default()
    }
}

impl<T: Clone, K: Ord + Clone> Bucket<T, K> {
    pub(super) fn is_empty(&self) -> bool {
        match &self.rules {
            Rules::Few(slots) => slots.is_empty(),
            Rules::Many(many) => many.len == 0,
        }
    }

    /// Puts the first match into `best` if it goes before what is there.
    pub(super) fn find<'s>(&'s self, view: &impl RequestView, best: &mut Option<&'s Slot<T, K>>) {
        match &self.rules {
            Rules::Few(slots) => {
                let path = view.path().as_bytes();
                for PathSlot { path: place, slot } in slots {
                    if !slot.beats(*best) {
                        return;
                    }
                    if place.admits(path, &self.text) && slot.matches(view) {
                        *best = Some(slot);
                        return;
                    }
                }
            }
            Rules::Many(many) => {
                many.paths.find(view.path().as_bytes(), view, best);
                many.any.find(view, best);
            }
        }
    }

    pub(super) fn insert(&mut self, path: &PathKey, slot: Slot<T, K>) {
        match &mut self.rules {
            Rules::Few(slots) if slots.len() < MAX_FEW => {
                let path = PathPlace::push(path, &mut self.text);
                let at = slots.partition_point(|own| own.slot.rank < slot.rank);
                slots.insert(at, PathSlot { path, slot });
            }
            Rules::Few(_) => {
                self.make_many();
                self.insert(path, slot);
            }
            Rules::Many(many) => {
                many.len += 1;
                many.insert(path, slot);
            }
        }
    }

    /// Removes the slot that was inserted with this path and rank.
    pub(super) fn remove(&mut self, path: &PathKey, rank: &Rank<K>) {
        match &mut self.rules {
            Rules::Few(slots) => {
                let text = &self.text;
                let found = slots
                    .iter()
                    .position(|own| own.slot.rank == *rank && own.path.is(path, text));
                if let Some(at) = found {
                    slots.remove(at);
                    self.compact();
                }
            }
            Rules::Many(many) => {
                many.remove(path, rank);
                many.len = many.len.saturating_sub(1);
                if many.len < MIN_MANY {
                    self.make_few();
                }
            }
        }
    }

    pub(super) fn for_each<'s>(&'s self, visit: &mut impl FnMut(&'s Slot<T, K>)) {
        match &self.rules {
            Rules::Few(slots) => slots.iter().for_each(|own| visit(&own.slot)),
            Rules::Many(many) => {
                many.any.iter().for_each(&mut *visit);
                many.paths.for_each(visit);
            }
        }
    }

    /// Drops the text of removed paths.
    fn compact(&mut self) {
        if let Rules::Few(slots) = &mut self.rules {
            let mut text = String::from(
                self.text
                    .get(..self.host_bytes as usize)
                    .unwrap_or_default(),
            );
            for own in slots {
                own.path = PathPlace::push(&own.path.key(&self.text), &mut text);
            }
            self.text = text;
        }
    }

    fn make_many(&mut self) {
        if let Rules::Few(slots) = &mut self.rules {
            let mut many = Many {
                len: slots.len(),
                any: SlotList::default(),
                paths: Node::default(),
            };
            for own in slots.drain(..) {
                many.insert(&own.path.key(&self.text), own.slot);
            }
            self.rules = Rules::Many(Box::new(many));
            self.text.truncate(self.host_bytes as usize);
        }
    }

    fn make_few(&mut self) {
        if let Rules::Many(many) = &self.rules {
            let mut slots = Vec::new();
            for slot in many.any.iter() {
                slots.push((PathKey::Any, slot.clone()));
            }
            many.paths.for_each_path(&mut |path, compare, slot| {
                let path = String::from_utf8_lossy(path).into();
                let key = match compare {
                    Compare::Exact => PathKey::Exact(path),
                    Compare::Prefix => PathKey::Prefix(path),
                };
                slots.push((key, slot.clone()));
            });
            self.rules = Rules::Few(Vec::with_capacity(slots.len()));
            for (path, slot) in slots {
                self.insert(&path, slot);
            }
        }
    }
}

impl<T: Clone, K: Ord + Clone> Many<T, K> {
    fn insert(&mut self, path: &PathKey, slot: Slot<T, K>) {
        match path {
            PathKey::Any => self.any.insert(slot),
            PathKey::Exact(path) => self.paths.insert(path.as_bytes(), Compare::Exact, slot),
            PathKey::Prefix(path) => self.paths.insert(path.as_bytes(), Compare::Prefix, slot),
        }
    }

    fn remove(&mut self, path: &PathKey, rank: &Rank<K>) {
        match path {
            PathKey::Any => self.any.remove(rank),
            PathKey::Exact(path) => self.paths.remove(path.as_bytes(), Compare::Exact, rank),
            PathKey::Prefix(path) => self.paths.remove(path.as_bytes(), Compare::Prefix, rank),
        }
    }
}

impl PathPlace {
    /// Appends the text of `path` to `text`.
    fn push(path: &PathKey, text: &mut String) -> Self {
        let (compare, path) = match path {
            PathKey::Any => (None, ""),
            PathKey::Exact(path) => (Some(Compare::Exact), &**path),
            PathKey::Prefix(path) => (Some(Compare::Prefix), &**path),
        };
        let start = to_u32(text.len());
        text.push_str(path);
        Self {
            compare,
            start,
            bytes: to_u32(path.len()),
        }
    }

    fn text<'t>(&self, text: &'t str) -> &'t [u8] {
        let start = self.start as usize;
        let range = start..start + self.bytes as usize;
        text.as_bytes().get(range).unwrap_or_default()
    }

    fn admits(&self, path: &[u8], text: &str) -> bool {
        match self.compare {
            None => true,
            Some(Compare::Exact) => path == self.text(text),
            Some(Compare::Prefix) => path.starts_with(self.text(text)),
        }
    }

    fn is(&self, key: &PathKey, text: &str) -> bool {
        match (self.compare, key) {
            (None, PathKey::Any) => true,
            (Some(Compare::Exact), PathKey::Exact(path))
            | (Some(Compare::Prefix), PathKey::Prefix(path)) => self.text(text) == path.as_bytes(),
            _ => false,
        }
    }

    fn key(&self, text: &str) -> PathKey {
        let path = || String::from_utf8_lossy(self.text(text)).into();
        match self.compare {
            None => PathKey::Any,
            Some(Compare::Exact) => PathKey::Exact(path()),
            Some(Compare::Prefix) => PathKey::Prefix(path()),
        }
    }
}

/// Rules are at most 256 KiB long and few buckets hold more than sixteen, so offsets stay small.
fn to_u32(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
