//! Rules by path, for hosts with many of them: a radix tree whose copies share their nodes.

use std::sync::Arc;

use pointsman_rule::RequestView;

use super::Rank;
use super::slots::{Slot, SlotList};

/// A node stands for the bytes from the root to it.
#[derive(Debug, Clone)]
pub(super) struct Node<T, K> {
    /// The bytes from the parent to here; empty only at the root.
    edge: Box<[u8]>,
    /// Rules for exactly this path.
    exact: SlotList<T, K>,
    /// Rules for all paths that start so.
    prefix: SlotList<T, K>,
    /// The first bytes of the children, in no order.
    firsts: Vec<u8>,
    children: Vec<Arc<Self>>,
}

/// How a path is to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compare {
    Exact,
    Prefix,
}

impl<T, K> Default for Node<T, K> {
    fn default() -> Self {
        Self {
            edge: Box::default(),
            exact: SlotList::default(),
            prefix: SlotList::default(),
            firsts: Vec::new(),
            children: Vec::new(),
        }
    }
}

impl<T: Clone, K: Ord + Clone> Node<T, K> {
    fn leaf(edge: &[u8]) -> Self {
        Self {
            edge: edge.into(),
            ..Self::default()
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.prefix.is_empty() && self.children.is_empty()
    }

    /// Puts the best match under `rest`, the path from this node on, into `best`.
    pub(super) fn find<'s>(
        &'s self,
        rest: &[u8],
        view: &impl RequestView,
        best: &mut Option<&'s Slot<T, K>>,
    ) {
        let (mut node, mut rest) = (self, rest);
        loop {
            node.prefix.find(view, best);
            let Some(first) = rest.first() else {
                node.exact.find(view, best);
                return;
            };
            let Some(child) = node.child(*first) else {
                return;
            };
            let Some(after) = rest.strip_prefix(&*child.edge) else {
                return;
            };
            (node, rest) = (child, after);
        }
    }

    fn child(&self, first: u8) -> Option<&Self> {
        let place = self.firsts.iter().position(|own| *own == first)?;
        self.children.get(place).map(|child| &**child)
    }

    pub(super) fn insert(&mut self, rest: &[u8], compare: Compare, slot: Slot<T, K>) {
        let Some(first) = rest.first() else {
            self.list(compare).insert(slot);
            return;
        };
        let place = self.firsts.iter().position(|own| own == first);
        let Some(child) = place.and_then(|place| self.children.get_mut(place)) else {
            let mut child = Self::leaf(rest);
            child.list(compare).insert(slot);
            self.firsts.push(*first);
            self.children.push(Arc::new(child));
            return;
        };
        let common = rest
            .iter()
            .zip(&*child.edge)
            .take_while(|(a, b)| a == b)
            .count();
        let child = Arc::make_mut(child);
        child.split(common);
        if let Some(rest) = rest.get(common..) {
            child.insert(rest, compare, slot);
        }
    }

    pub(super) fn remove(&mut self, rest: &[u8], compare: Compare, rank: &Rank<K>) {
        let Some(first) = rest.first() else {
            self.list(compare).remove(rank);
            return;
        };
        let Some(place) = self.firsts.iter().position(|own| own == first) else {
            return;
        };
        let Some(child) = self.children.get_mut(place) else {
            return;
        };
        let Some(rest) = rest.strip_prefix(&*child.edge) else {
            return;
        };
        let child = Arc::make_mut(child);
        child.remove(rest, compare, rank);
        if child.is_empty() {
            self.firsts.swap_remove(place);
            self.children.swap_remove(place);
        } else {
            child.join();
        }
    }

    fn list(&mut self, compare: Compare) -> &mut SlotList<T, K> {
        match compare {
            Compare::Exact => &mut self.exact,
            Compare::Prefix => &mut self.prefix,
        }
    }

    /// Shortens the edge to `at` bytes; what this node was becomes its only child.
    fn split(&mut self, at: usize) {
        let Some((head, tail)) = self.edge.split_at_checked(at) else {
            return;
        };
        let Some(first) = tail.first().copied() else {
            return;
        };
        let (head, tail) = (Self::leaf(head), tail.into());
        let mut rest = std::mem::replace(self, head);
        rest.edge = tail;
        self.firsts.push(first);
        self.children.push(Arc::new(rest));
    }

    /// Undoes `split` where nothing depends on it any more.
    fn join(&mut self) {
        if self.exact.is_empty()
            && self.prefix.is_empty()
            && let [child] = &*self.children
        {
            let child = Arc::clone(child);
            let edge = [&*self.edge, &*child.edge].concat();
            *self = Arc::unwrap_or_clone(child);
            self.edge = edge.into();
        }
    }

    pub(super) fn for_each<'s>(&'s self, visit: &mut impl FnMut(&'s Slot<T, K>)) {
        // Paths may be as deep as they are long, so the tree is walked without recursion.
        let mut nodes = vec![self];
        while let Some(node) = nodes.pop() {
            node.exact
                .iter()
                .chain(node.prefix.iter())
                .for_each(&mut *visit);
            nodes.extend(node.children.iter().map(|child| &**child));
        }
    }

    /// Like `for_each`, with the path that each slot is stored under.
    pub(super) fn for_each_path(&self, visit: &mut impl FnMut(&[u8], Compare, &Slot<T, K>)) {
        let mut nodes = vec![(self, self.edge.to_vec())];
        while let Some((node, path)) = nodes.pop() {
            node.exact
                .iter()
                .for_each(|slot| visit(&path, Compare::Exact, slot));
            node.prefix
                .iter()
                .for_each(|slot| visit(&path, Compare::Prefix, slot));
            for child in &node.children {
                nodes.push((child, [&*path, &*child.edge].concat()));
            }
        }
    }
}
