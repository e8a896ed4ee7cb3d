//! The rule index: which router takes a request.
//!
//! [`RuleIndex::find`] answers exactly what a scan of all rules in order of priority would, at a
//! cost that does not grow with rules for other hosts and paths: a hash lookup of the host, one of
//! the host without its first label, and the rules without host; within each, a short scan or a
//! walk down a tree of paths. It takes no lock and allocates nothing.
//!
//! An index never changes. [`RuleIndex::rebuild`] makes the next one and shares with it all parts
//! that the change does not touch, so that the cost of a change grows with the square root of the
//! number of rules.

mod bucket;
mod sharded;
mod slots;
mod trie;

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::sync::Arc;

use hashbrown::HashMap;
use pointsman_rule::{HostKey, IndexKey, Mismatch, PathKey, RequestView, Rule};

use self::bucket::{Bucket, MAX_PATH_BYTES};
use self::sharded::Sharded;
use self::slots::Slot;

/// One rule with what it leads to.
#[derive(Debug, Clone)]
pub struct Entry<T, K = u64> {
    /// Identifies the entry within the index; stable across rebuilds.
    pub id: u64,
    /// Higher goes first.
    pub priority: i64,
    /// Decides between equal priorities: smaller goes first, then the smaller id.
    pub order: K,
    /// The rule.
    pub rule: Arc<Rule>,
    /// What a request that matches gets; cheap to clone.
    pub target: T,
}

/// Rules by host and path. See the module's head.
#[derive(Debug, Clone)]
pub struct RuleIndex<T, K = u64> {
    /// All entries by id.
    entries: Sharded<Arc<Entry<T, K>>>,
    /// Rules that demand one host.
    hosts: Sharded<Bucket<T, K>>,
    /// Rules that demand one label before a suffix, by the suffix with its dot.
    wildcards: Sharded<Bucket<T, K>>,
    /// Rules that demand no host that could be hashed.
    general: Bucket<T, K>,
}

/// A rule that did not get the request, or stands behind the one that did.
#[derive(Debug)]
pub struct RunnerUp<T, K = u64> {
    /// The entry.
    pub entry: Arc<Entry<T, K>>,
    /// Why it does not match; empty if it does but has a lower priority.
    pub mismatches: Vec<Mismatch>,
}

/// The place of an entry in the order of all; smaller goes first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank<K> {
    priority: Reverse<i64>,
    order: K,
    id: u64,
}

/// Slots with their paths, by host.
type Groups<T, K> = HashMap<Box<str>, Vec<(PathKey, Slot<T, K>)>>;

impl<T: Clone, K: Clone> Entry<T, K> {
    /// What is stored under one of the rule's conditions.
    fn slot(&self, key: &IndexKey) -> Slot<T, K> {
        Slot {
            rank: self.rank(),
            rule: (!key.sufficient).then(|| Arc::clone(&self.rule)),
            target: self.target.clone(),
        }
    }

    fn rank(&self) -> Rank<K> {
        Rank {
            priority: Reverse(self.priority),
            order: self.order.clone(),
            id: self.id,
        }
    }
}

impl<T: Clone, K: Ord + Clone> Default for RuleIndex<T, K> {
    fn default() -> Self {
        Self {
            entries: Sharded::default(),
            hosts: Sharded::default(),
            wildcards: Sharded::default(),
            general: Bucket::new(""),
        }
    }
}

impl<T: Clone, K: Ord + Clone> FromIterator<Entry<T, K>> for RuleIndex<T, K> {
    /// An index of these entries; the last one of an id counts.
    fn from_iter<I: IntoIterator<Item = Entry<T, K>>>(entries: I) -> Self {
        let entries: HashMap<u64, Arc<Entry<T, K>>> = entries
            .into_iter()
            .map(|entry| (entry.id, Arc::new(entry)))
            .collect();
        // Grouped first, so that what lookups read is allocated at once and lies close together.
        let (mut hosts, mut wildcards) = (HashMap::new(), HashMap::new());
        let mut general = Vec::new();
        for entry in entries.values() {
            for key in keys(&entry.rule) {
                let slot = entry.slot(&key);
                let group: &mut Vec<_> = match key.host {
                    HostKey::Any => &mut general,
                    HostKey::Exact(host) => hosts.entry(host).or_default(),
                    HostKey::Wildcard(suffix) => wildcards.entry(suffix).or_default(),
                };
                group.push((key.path, slot));
            }
        }
        let buckets = |groups: Groups<T, K>| {
            let buckets = groups
                .into_iter()
                .map(|(host, slots)| Bucket::of(&host, slots));
            Sharded::of(buckets, bucket_hash_key)
        };
        Self {
            general: Bucket::of("", general),
            hosts: buckets(hosts),
            wildcards: buckets(wildcards),
            entries: Sharded::of(entries.into_values(), entry_hash_key),
        }
    }
}

impl<T: Clone, K: Ord + Clone> RuleIndex<T, K> {
    /// This index without the entries `removed` and with `upserted` added or, where the id is
    /// known, put in place of the old ones. Unknown ids in `removed` are skipped.
    #[must_use]
    pub fn rebuild(
        &self,
        removed: impl IntoIterator<Item = u64>,
        upserted: impl IntoIterator<Item = Entry<T, K>>,
    ) -> Self {
        // The copy shares everything; what a change touches is copied when it is touched.
        let mut next = self.clone();
        for id in removed {
            next.remove(id);
        }
        for entry in upserted {
            next.upsert(entry);
        }
        next
    }

    /// The target of the first rule, by priority, that the request satisfies.
    pub fn find(&self, view: &impl RequestView) -> Option<&T> {
        self.find_slot(view).map(|slot| &slot.target)
    }

    fn find_slot(&self, view: &impl RequestView) -> Option<&Slot<T, K>> {
        let mut best = None;
        if let Some(bucket) = self.host_bucket(view.host()) {
            bucket.find(view, &mut best);
        }
        if let Some(bucket) = self.wildcard_bucket(view.host()) {
            bucket.find(view, &mut best);
        }
        self.general.find(view, &mut best);
        best
    }

    fn host_bucket(&self, host: &str) -> Option<&Bucket<T, K>> {
        let host = host.as_bytes();
        self.hosts.get(host, |bucket| bucket.host() == host)
    }

    fn wildcard_bucket(&self, host: &str) -> Option<&Bucket<T, K>> {
        if self.wildcards.is_empty() {
            return None;
        }
        // No wildcard stands for an empty label.
        let dot = host.find('.').filter(|dot| *dot > 0)?;
        let suffix = host.as_bytes().get(dot..)?;
        self.wildcards.get(suffix, |bucket| bucket.host() == suffix)
    }

    /// All entries whose rules the request satisfies, the one that [`find`](Self::find) chooses
    /// first. For people: it allocates.
    #[must_use]
    pub fn find_all(&self, view: &impl RequestView) -> Vec<Arc<Entry<T, K>>> {
        let mut all = self.same_host(view.host());
        all.retain(|entry| entry.rule.matches(view));
        all
    }

    /// The entries for the host of the request, or for any host, that did not get it, best first,
    /// at most `limit`, with what kept them. For people: it allocates.
    #[must_use]
    pub fn runners_up(&self, view: &impl RequestView, limit: usize) -> Vec<RunnerUp<T, K>> {
        let winner = self.find_slot(view).map(|slot| slot.rank.id);
        self.same_host(view.host())
            .into_iter()
            .filter(|entry| Some(entry.id) != winner)
            .take(limit)
            .map(|entry| RunnerUp {
                mismatches: entry.rule.explain(view),
                entry,
            })
            .collect()
    }

    /// The entries of all buckets that a host leads to, in order.
    fn same_host(&self, host: &str) -> Vec<Arc<Entry<T, K>>> {
        let mut ids = Vec::new();
        let buckets = [
            self.host_bucket(host),
            self.wildcard_bucket(host),
            Some(&self.general),
        ];
        for bucket in buckets.into_iter().flatten() {
            bucket.for_each(&mut |slot| ids.push(slot.rank.id));
        }
        ids.sort_unstable();
        ids.dedup();
        let mut entries: Vec<_> = ids
            .into_iter()
            .filter_map(|id| self.get(id))
            .cloned()
            .collect();
        entries.sort_by_cached_key(|entry| entry.rank());
        entries
    }

    /// The entry with this id.
    #[must_use]
    pub fn get(&self, id: u64) -> Option<&Arc<Entry<T, K>>> {
        self.entries.get(&id.to_le_bytes(), |entry| entry.id == id)
    }

    /// All entries, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Entry<T, K>>> {
        self.entries.iter()
    }

    /// How many entries there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if there is no entry.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.len() == 0
    }

    fn upsert(&mut self, entry: Entry<T, K>) {
        self.remove(entry.id);
        for key in keys(&entry.rule) {
            let slot = entry.slot(&key);
            match key.host {
                HostKey::Any => self.general.insert(&key.path, slot),
                HostKey::Exact(host) => insert(&mut self.hosts, &host, &key.path, slot),
                HostKey::Wildcard(suffix) => {
                    insert(&mut self.wildcards, &suffix, &key.path, slot);
                }
            }
        }
        let id = entry.id;
        self.entries
            .insert(&id.to_le_bytes(), Arc::new(entry), entry_hash_key);
    }

    fn remove(&mut self, id: u64) {
        let key = id.to_le_bytes();
        let Some(entry) = self.entries.remove(&key, |entry| entry.id == id) else {
            return;
        };
        let rank = entry.rank();
        for key in keys(&entry.rule) {
            match key.host {
                HostKey::Any => self.general.remove(&key.path, &rank),
                HostKey::Exact(host) => remove(&mut self.hosts, &host, &key.path, &rank),
                HostKey::Wildcard(suffix) => {
                    remove(&mut self.wildcards, &suffix, &key.path, &rank);
                }
            }
        }
    }
}

/// The conditions of a rule. Of a path that is too long to be indexed whole the start is, and the
/// rule decides; that also bounds the depth of the path tree, which is walked recursively when it
/// changes.
fn keys(rule: &Rule) -> Vec<IndexKey> {
    let mut keys = rule.index_keys();
    for key in &mut keys {
        if let PathKey::Exact(path) | PathKey::Prefix(path) = &key.path
            && path.len() > MAX_PATH_BYTES
        {
            let end = path.floor_char_boundary(MAX_PATH_BYTES);
            let start = path.get(..end).unwrap_or_default().into();
            key.path = PathKey::Prefix(start);
            key.sufficient = false;
        }
    }
    keys
}

fn entry_hash_key<T, K>(entry: &Arc<Entry<T, K>>, hash: &mut dyn FnMut(&[u8])) {
    hash(&entry.id.to_le_bytes());
}

fn bucket_hash_key<T, K>(bucket: &Bucket<T, K>, hash: &mut dyn FnMut(&[u8])) {
    hash(bucket.host());
}

fn insert<T: Clone, K: Ord + Clone>(
    buckets: &mut Sharded<Bucket<T, K>>,
    host: &str,
    path: &PathKey,
    slot: Slot<T, K>,
) {
    let key = host.as_bytes();
    if let Some(bucket) = buckets.get_mut(key, |bucket| bucket.host() == key) {
        bucket.insert(path, slot);
    } else {
        let mut bucket = Bucket::new(host);
        bucket.insert(path, slot);
        buckets.insert(key, bucket, bucket_hash_key);
    }
}

fn remove<T: Clone, K: Ord + Clone>(
    buckets: &mut Sharded<Bucket<T, K>>,
    host: &str,
    path: &PathKey,
    rank: &Rank<K>,
) {
    let key = host.as_bytes();
    if let Some(bucket) = buckets.get_mut(key, |bucket| bucket.host() == key) {
        bucket.remove(path, rank);
        if bucket.is_empty() {
            buckets.remove(key, |bucket| bucket.host() == key);
        }
    }
}
