//! A hash table in shards that copies of it share.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};

/// A hash table of values that hold their own keys. A copy shares all shards; a change copies the
/// one shard it touches. There are about as many shards as values in one, so a change costs the
/// square root of the whole.
///
/// Keys come from the configuration, so lookups cannot lengthen the chains; the seed is random per
/// table all the same.
#[derive(Debug, Clone)]
pub(super) struct Sharded<V> {
    hasher: DefaultHashBuilder,
    /// A power of two of them.
    shards: Box<[Arc<HashTable<V>>]>,
    len: usize,
}

/// Gives the bytes that a value is hashed by to the function it is called with.
pub(super) type HashKey<V> = fn(&V, &mut dyn FnMut(&[u8]));

impl<V> Default for Sharded<V> {
    fn default() -> Self {
        Self {
            hasher: DefaultHashBuilder::default(),
            shards: Box::new([Arc::new(HashTable::new())]),
            len: 0,
        }
    }
}

impl<V> Sharded<V> {
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &V> {
        self.shards.iter().flat_map(|shard| shard.iter())
    }

    pub(super) fn get(&self, key: &[u8], is: impl FnMut(&V) -> bool) -> Option<&V> {
        let hash = hash(&self.hasher, key);
        self.shards.get(self.shard(hash))?.find(hash, is)
    }

    /// Within a shard the table uses the lowest and highest bits; the shard takes some between.
    fn shard(&self, hash: u64) -> usize {
        (hash >> 32) as usize & (self.shards.len() - 1)
    }
}

impl<V: Clone> Sharded<V> {
    pub(super) fn get_mut(&mut self, key: &[u8], mut is: impl FnMut(&V) -> bool) -> Option<&mut V> {
        let hash = hash(&self.hasher, key);
        let shard = self.shard(hash);
        let shard = self.shards.get_mut(shard)?;
        // Asked before, so that a miss copies nothing.
        shard.find(hash, &mut is)?;
        Arc::make_mut(shard).find_mut(hash, is)
    }

    /// Adds a value whose key is not there yet.
    pub(super) fn insert(&mut self, key: &[u8], value: V, hash_key: HashKey<V>) {
        self.grow(hash_key);
        let hash = hash(&self.hasher, key);
        let (hasher, shard) = (&self.hasher, self.shard(hash));
        if let Some(shard) = self.shards.get_mut(shard) {
            Arc::make_mut(shard).insert_unique(hash, value, |v| hash_of(hasher, v, hash_key));
            self.len += 1;
        }
    }

    pub(super) fn remove(&mut self, key: &[u8], mut is: impl FnMut(&V) -> bool) -> Option<V> {
        let hash = hash(&self.hasher, key);
        let shard = self.shard(hash);
        let shard = self.shards.get_mut(shard)?;
        shard.find(hash, &mut is)?;
        let entry = Arc::make_mut(shard).find_entry(hash, is).ok()?;
        self.len -= 1;
        Some(entry.remove().0)
    }

    /// Quadruples the shards when they have become large for their number. Happens so seldom that
    /// its cost, spread over the insertions between, is constant.
    fn grow(&mut self, hash_key: HashKey<V>) {
        let count = self.shards.len();
        if self.len >= 4 * count * count {
            let values: Vec<V> = self.iter().cloned().collect();
            let mut next = Self::with_shards(4 * count, self.hasher.clone());
            next.fill(values, hash_key);
            *self = next;
        }
    }

    /// A table of values with different keys.
    pub(super) fn of(values: impl IntoIterator<Item = V>, hash_key: HashKey<V>) -> Self {
        let values: Vec<V> = values.into_iter().collect();
        let mut count = 1_usize;
        while values.len() >= 4 * count * count {
            count *= 4;
        }
        let mut table = Self::with_shards(count, DefaultHashBuilder::default());
        table.fill(values, hash_key);
        table
    }

    fn with_shards(count: usize, hasher: DefaultHashBuilder) -> Self {
        Self {
            hasher,
            shards: (0..count).map(|_| Arc::new(HashTable::new())).collect(),
            len: 0,
        }
    }

    fn fill(&mut self, values: Vec<V>, hash_key: HashKey<V>) {
        for value in values {
            let hash = hash_of(&self.hasher, &value, hash_key);
            let (hasher, shard) = (&self.hasher, self.shard(hash));
            if let Some(shard) = self.shards.get_mut(shard) {
                Arc::make_mut(shard).insert_unique(hash, value, |v| hash_of(hasher, v, hash_key));
                self.len += 1;
            }
        }
    }
}

fn hash(hasher: &DefaultHashBuilder, key: &[u8]) -> u64 {
    hasher.hash_one(key)
}

fn hash_of<V>(hasher: &DefaultHashBuilder, value: &V, hash_key: HashKey<V>) -> u64 {
    let mut result = 0;
    hash_key(value, &mut |key| result = hash(hasher, key));
    result
}

#[cfg(test)]
impl<V> Sharded<V> {
    /// How many shards are not the very same as in `other`.
    pub(super) fn shards_not_shared_with(&self, other: &Self) -> usize {
        let pairs = self.shards.iter().zip(&other.shards);
        pairs.filter(|(a, b)| !Arc::ptr_eq(a, b)).count()
    }
}
