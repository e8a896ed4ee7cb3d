//! Rules in order of rank.

use std::sync::Arc;

use pointsman_rule::{RequestView, Rule};

use super::Rank;

/// One way to an entry: the place it is stored under holds its condition.
#[derive(Debug, Clone)]
pub(super) struct Slot<T, K> {
    pub(super) rank: Rank<K>,
    /// None if the condition it is stored under decides.
    pub(super) rule: Option<Arc<Rule>>,
    pub(super) target: T,
}

impl<T, K: Ord> Slot<T, K> {
    pub(super) fn matches(&self, view: &impl RequestView) -> bool {
        self.rule.as_ref().is_none_or(|rule| rule.matches(view))
    }

    /// True if this would go before `best`.
    pub(super) fn beats(&self, best: Option<&Self>) -> bool {
        best.is_none_or(|best| self.rank < best.rank)
    }
}

/// Slots sorted by rank, in chunks that copies share. Chunks are never empty.
#[derive(Debug, Clone)]
pub(super) struct SlotList<T, K> {
    chunks: Vec<Arc<Vec<Slot<T, K>>>>,
}

/// A chunk that grows beyond is split in halves.
const MAX_CHUNK: usize = 64;

impl<T, K> Default for SlotList<T, K> {
    fn default() -> Self {
        Self { chunks: Vec::new() }
    }
}

impl<T, K> SlotList<T, K> {
    pub(super) const fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Slot<T, K>> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }
}

impl<T: Clone, K: Ord + Clone> SlotList<T, K> {
    /// Puts the first match into `best` if it goes before what is there.
    pub(super) fn find<'s>(&'s self, view: &impl RequestView, best: &mut Option<&'s Slot<T, K>>) {
        for slot in self.iter() {
            if !slot.beats(*best) {
                return;
            }
            if slot.matches(view) {
                *best = Some(slot);
                return;
            }
        }
    }

    pub(super) fn insert(&mut self, slot: Slot<T, K>) {
        let place = self.place(&slot.rank);
        let Some(chunk) = self.chunks.get_mut(place) else {
            self.chunks.push(Arc::new(vec![slot]));
            return;
        };
        let chunk = Arc::make_mut(chunk);
        let at = chunk.partition_point(|own| own.rank < slot.rank);
        chunk.insert(at, slot);
        if chunk.len() > MAX_CHUNK {
            let tail = chunk.split_off(MAX_CHUNK / 2);
            self.chunks.insert(place + 1, Arc::new(tail));
        }
    }

    pub(super) fn remove(&mut self, rank: &Rank<K>) {
        let place = self.place(rank);
        let Some(chunk) = self.chunks.get_mut(place) else {
            return;
        };
        let Ok(at) = chunk.binary_search_by(|own| own.rank.cmp(rank)) else {
            return;
        };
        if chunk.len() == 1 {
            self.chunks.remove(place);
        } else {
            Arc::make_mut(chunk).remove(at);
        }
    }

    /// The chunk that holds this rank or would: the last one that starts at or before it, or the
    /// first.
    fn place(&self, rank: &Rank<K>) -> usize {
        self.chunks
            .partition_point(|chunk| chunk.first().is_some_and(|first| first.rank <= *rank))
            .saturating_sub(1)
    }
}
