//! The rules of one host.

use std::sync::Arc;

use pointsman_rule::{PathKey, RequestView};

use super::Rank;
use super::slots::{Slot, SlotList};
use super::trie::{Compare, Node};

/// Rules that share their condition on the host.
///
/// Laid out for few cache misses, which are most of the time of a lookup in a large table: the
/// bucket itself lies in the hash table, one piece of memory holds all text that is compared, and
/// of the slots only the one that matches is touched.
#[derive(Debug, Clone)]
pub(super) struct Bucket<T, K> {
    /// The host or suffix, then one record per slot of `Few`: a byte for the comparison, a byte
    /// for the length, the path.
    text: Arc<[u8]>,
    host_bytes: u32,
    rules: Rules<T, K>,
}

#[derive(Debug, Clone)]
enum Rules<T, K> {
    /// In order of rank.
    Few(Arc<[Slot<T, K>]>),
    Many(Arc<Many<T, K>>),
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
/// The longest path that a record can hold.
pub(super) const MAX_PATH_BYTES: usize = u8::MAX as usize;

impl<T, K> Bucket<T, K> {
    pub(super) fn new(host: &str) -> Self {
        Self {
            text: host.as_bytes().into(),
            host_bytes: u32::try_from(host.len())
                .expect("a rule is at most 256 KiB long, so its hosts are shorter than 4 GiB"),
            rules: Rules::Few(Arc::new([])),
        }
    }

    pub(super) fn host(&self) -> &[u8] {
        self.split().0
    }

    /// The host and the records.
    fn split(&self) -> (&[u8], Records<'_>) {
        let at = self.host_bytes as usize;
        let (host, records) = self.text.split_at_checked(at).unwrap_or_default();
        (host, Records(records))
    }
}

impl<T: Clone, K: Ord + Clone> Bucket<T, K> {
    /// A bucket of these slots, in any order.
    pub(super) fn of(host: &str, mut slots: Vec<(PathKey, Slot<T, K>)>) -> Self {
        let mut bucket = Self::new(host);
        if slots.len() <= MAX_FEW {
            slots.sort_by(|(_, a), (_, b)| a.rank.cmp(&b.rank));
            bucket.set_few(slots);
        } else {
            bucket.set_many(slots);
        }
        bucket
    }

    pub(super) fn is_empty(&self) -> bool {
        match &self.rules {
            Rules::Few(slots) => slots.is_empty(),
            Rules::Many(many) => many.len == 0,
        }
    }

    /// Puts the first match into `best` if it goes before what is there.
    pub(super) fn find<'s>(&'s self, view: &impl RequestView, best: &mut Option<&'s Slot<T, K>>) {
        let path = view.path().as_bytes();
        match &self.rules {
            Rules::Few(slots) => {
                for (record, slot) in self.split().1.zip(slots.iter()) {
                    if record.admits(path) {
                        if !slot.beats(*best) {
                            return;
                        }
                        if slot.matches(view) {
                            *best = Some(slot);
                            return;
                        }
                    }
                }
            }
            Rules::Many(many) => {
                many.paths.find(path, view, best);
                many.any.find(view, best);
            }
        }
    }

    /// Adds a slot. Its path must not be longer than `MAX_PATH_BYTES`.
    pub(super) fn insert(&mut self, path: &PathKey, slot: Slot<T, K>) {
        match &mut self.rules {
            Rules::Few(slots) if slots.len() < MAX_FEW => {
                let mut few = self.few();
                let at = few.partition_point(|(_, own)| own.rank < slot.rank);
                few.insert(at, (path.clone(), slot));
                self.set_few(few);
            }
            Rules::Few(_) => {
                let mut slots = self.few();
                slots.push((path.clone(), slot));
                self.set_many(slots);
            }
            Rules::Many(many) => Arc::make_mut(many).insert(path, slot),
        }
    }

    /// Removes the slot that was inserted with this path and rank.
    pub(super) fn remove(&mut self, path: &PathKey, rank: &Rank<K>) {
        match &mut self.rules {
            Rules::Few(_) => {
                let mut few = self.few();
                let found = few
                    .iter()
                    .position(|(own, slot)| slot.rank == *rank && own == path);
                if let Some(at) = found {
                    few.remove(at);
                    self.set_few(few);
                }
            }
            Rules::Many(many) => {
                let many = Arc::make_mut(many);
                many.remove(path, rank);
                if many.len < MIN_MANY {
                    let mut few = many.to_vec();
                    few.sort_by(|(_, a), (_, b)| a.rank.cmp(&b.rank));
                    self.set_few(few);
                }
            }
        }
    }

    pub(super) fn for_each<'s>(&'s self, visit: &mut impl FnMut(&'s Slot<T, K>)) {
        match &self.rules {
            Rules::Few(slots) => slots.iter().for_each(visit),
            Rules::Many(many) => {
                many.any.iter().for_each(&mut *visit);
                many.paths.for_each(visit);
            }
        }
    }

    /// The slots of `Few` with their paths.
    fn few(&self) -> Vec<(PathKey, Slot<T, K>)> {
        match &self.rules {
            Rules::Few(slots) => {
                let records = self.split().1.map(|record| record.key());
                records.zip(slots.iter().cloned()).collect()
            }
            Rules::Many(_) => Vec::new(),
        }
    }

    fn set_many(&mut self, slots: Vec<(PathKey, Slot<T, K>)>) {
        let mut many = Many {
            len: 0,
            any: SlotList::default(),
            paths: Node::default(),
        };
        for (path, slot) in slots {
            many.insert(&path, slot);
        }
        self.rules = Rules::Many(Arc::new(many));
        self.text = self.host().into();
    }

    /// Makes this `Few` with these slots, which must be sorted.
    fn set_few(&mut self, few: Vec<(PathKey, Slot<T, K>)>) {
        let mut text = self.host().to_vec();
        for (path, _) in &few {
            push_record(path, &mut text);
        }
        self.text = text.into();
        self.rules = Rules::Few(few.into_iter().map(|(_, slot)| slot).collect());
    }
}

impl<T: Clone, K: Ord + Clone> Many<T, K> {
    fn insert(&mut self, path: &PathKey, slot: Slot<T, K>) {
        self.len += 1;
        match path {
            PathKey::Any => self.any.insert(slot),
            PathKey::Exact(path) => self.paths.insert(path.as_bytes(), Compare::Exact, slot),
            PathKey::Prefix(path) => self.paths.insert(path.as_bytes(), Compare::Prefix, slot),
        }
    }

    fn remove(&mut self, path: &PathKey, rank: &Rank<K>) {
        self.len = self.len.saturating_sub(1);
        match path {
            PathKey::Any => self.any.remove(rank),
            PathKey::Exact(path) => self.paths.remove(path.as_bytes(), Compare::Exact, rank),
            PathKey::Prefix(path) => self.paths.remove(path.as_bytes(), Compare::Prefix, rank),
        }
    }

    fn to_vec(&self) -> Vec<(PathKey, Slot<T, K>)> {
        let mut slots: Vec<_> = self
            .any
            .iter()
            .map(|slot| (PathKey::Any, slot.clone()))
            .collect();
        self.paths.for_each_path(&mut |path, compare, slot| {
            slots.push((path_key(Some(compare), path), slot.clone()));
        });
        slots
    }
}

/// One slot's condition on the path.
struct Record<'t> {
    /// None: any path.
    compare: Option<Compare>,
    path: &'t [u8],
}

/// Records one behind the other.
struct Records<'t>(&'t [u8]);

impl<'t> Iterator for Records<'t> {
    type Item = Record<'t>;

    fn next(&mut self) -> Option<Record<'t>> {
        let [compare, bytes, rest @ ..] = self.0 else {
            return None;
        };
        let (path, rest) = rest.split_at_checked(usize::from(*bytes))?;
        self.0 = rest;
        let compare = match compare {
            0 => None,
            1 => Some(Compare::Exact),
            _ => Some(Compare::Prefix),
        };
        Some(Record { compare, path })
    }
}

impl Record<'_> {
    fn admits(&self, path: &[u8]) -> bool {
        match self.compare {
            None => true,
            Some(Compare::Exact) => path == self.path,
            Some(Compare::Prefix) => path.starts_with(self.path),
        }
    }

    fn key(&self) -> PathKey {
        path_key(self.compare, self.path)
    }
}

fn push_record(path: &PathKey, text: &mut Vec<u8>) {
    let (compare, path) = match path {
        PathKey::Any => (0, ""),
        PathKey::Exact(path) => (1, &**path),
        PathKey::Prefix(path) => (2, &**path),
    };
    let bytes = u8::try_from(path.len()).expect("paths longer than MAX_PATH_BYTES are not stored");
    text.push(compare);
    text.push(bytes);
    text.extend_from_slice(path.as_bytes());
}

fn path_key(compare: Option<Compare>, path: &[u8]) -> PathKey {
    let path = || String::from_utf8_lossy(path).into();
    match compare {
        None => PathKey::Any,
        Some(Compare::Exact) => PathKey::Exact(path()),
        Some(Compare::Prefix) => PathKey::Prefix(path()),
    }
}
