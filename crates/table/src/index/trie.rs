//! Rules by path, for hosts with many of them: a radix tree whose copies share their nodes.

use std::sync::Arc;

use pointsman_rule::RequestView;

use super::Rank;
use super::slots::{Slot, SlotList};

/// A node stands for the bytes from the root to it. Small on purpose: a lookup waits for one piece
/// of memory per field that it reads, at every node.
#[derive(Debug, Clone)]
pub(super) struct Node<T, K> {
    /// The bytes from the parent to here, none only at the root; behind them the first byte of
    /// each child's.
    text: Box<[u8]>,
    edge_bytes: u32,
    /// In no order.
    children: Vec<Arc<Self>>,
    /// None on the way to others.
    lists: Option<Box<Lists<T, K>>>,
}

#[derive(Debug, Clone)]
struct Lists<T, K> {
    /// Rules for exactly this path.
    exact: SlotList<T, K>,
    /// Rules for all paths that start so.
    prefix: SlotList<T, K>,
}

/// How a path is to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compare {
    Exact,
    Prefix,
}

impl<T, K> Default for Node<T, K> {
    fn default() -> Self {
        Self::new(&[])
    }
}

impl<T, K> Node<T, K> {
    fn new(edge: &[u8]) -> Self {
        Self {
            text: edge.into(),
            edge_bytes: u32::try_from(edge.len())
                .expect("paths are cut to MAX_PATH_BYTES before they come here"),
            children: Vec::new(),
            lists: None,
        }
    }

    /// The bytes from the parent, and the first bytes of the children.
    fn split_text(&self) -> (&[u8], &[u8]) {
        let at = self.edge_bytes as usize;
        self.text.split_at_checked(at).unwrap_or_default()
    }

    fn edge(&self) -> &[u8] {
        self.split_text().0
    }

    /// Where among the children the one with this first byte is.
    fn place(&self, first: u8) -> Option<usize> {
        self.split_text().1.iter().position(|own| *own == first)
    }

    fn set_children(&mut self, children: Vec<Arc<Self>>) {
        let firsts = children.iter().filter_map(|child| child.edge().first());
        self.text = self.edge().iter().chain(firsts).copied().collect();
        self.children = children;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lists.is_none() && self.children.is_empty()
    }
}

impl<T: Clone, K: Ord + Clone> Node<T, K> {
    /// Puts the best match under `rest`, the path from this node on, into `best`.
    pub(super) fn find<'s>(
        &'s self,
        rest: &[u8],
        view: &impl RequestView,
        best: &mut Option<&'s Slot<T, K>>,
    ) {
        let (mut node, mut rest) = (self, rest);
        loop {
            if let Some(lists) = &node.lists {
                lists.prefix.find(view, best);
                if rest.is_empty() {
                    lists.exact.find(view, best);
                }
            }
            let child = rest.first().and_then(|first| node.place(*first));
            let Some(child) = child.and_then(|place| node.children.get(place)) else {
                return;
            };
            let Some(after) = rest.strip_prefix(child.edge()) else {
                return;
            };
            (node, rest) = (child, after);
        }
    }

    pub(super) fn insert(&mut self, rest: &[u8], compare: Compare, slot: Slot<T, K>) {
        let Some(first) = rest.first() else {
            let lists = self.lists.get_or_insert_with(Box::default);
            lists.of(compare).insert(slot);
            return;
        };
        let place = self.place(*first);
        let Some(child) = place.and_then(|place| self.children.get_mut(place)) else {
            let mut child = Self::new(rest);
            child.insert(&[], compare, slot);
            let mut children = std::mem::take(&mut self.children);
            children.push(Arc::new(child));
            self.set_children(children);
            return;
        };
        let common = rest
            .iter()
            .zip(child.edge())
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
            if let Some(lists) = &mut self.lists {
                lists.of(compare).remove(rank);
                if lists.exact.is_empty() && lists.prefix.is_empty() {
                    self.lists = None;
                }
            }
            return;
        };
        let Some(place) = self.place(*first) else {
            return;
        };
        let Some(child) = self.children.get_mut(place) else {
            return;
        };
        let Some(rest) = rest.strip_prefix(child.edge()) else {
            return;
        };
        let child = Arc::make_mut(child);
        child.remove(rest, compare, rank);
        if child.is_empty() {
            let mut children = std::mem::take(&mut self.children);
            children.swap_remove(place);
            self.set_children(children);
        } else {
            child.join();
        }
    }

    /// Shortens the edge to `at` bytes; what this node was becomes its only child.
    fn split(&mut self, at: usize) {
        let (head, tail) = self.edge().split_at_checked(at).unwrap_or_default();
        if tail.is_empty() {
            return;
        }
        let mut rest = Self::new(tail);
        let head = Self::new(head);
        let Self {
            children, lists, ..
        } = std::mem::replace(self, head);
        rest.lists = lists;
        rest.set_children(children);
        self.set_children(vec![Arc::new(rest)]);
    }

    /// Undoes `split` where nothing depends on it any more.
    fn join(&mut self) {
        if self.lists.is_none()
            && let [child] = &*self.children
        {
            let edge = [self.edge(), child.edge()].concat();
            let Self {
                children, lists, ..
            } = Self::clone(child);
            *self = Self::new(&edge);
            self.lists = lists;
            self.set_children(children);
        }
    }

    pub(super) fn for_each<'s>(&'s self, visit: &mut impl FnMut(&'s Slot<T, K>)) {
        // Paths may be as deep as they are long, so the tree is walked without recursion.
        let mut nodes = vec![self];
        while let Some(node) = nodes.pop() {
            if let Some(lists) = &node.lists {
                lists
                    .exact
                    .iter()
                    .chain(lists.prefix.iter())
                    .for_each(&mut *visit);
            }
            nodes.extend(node.children.iter().map(|child| &**child));
        }
    }

    /// Like `for_each`, with the path that each slot is stored under.
    pub(super) fn for_each_path(&self, visit: &mut impl FnMut(&[u8], Compare, &Slot<T, K>)) {
        let mut nodes = vec![(self, self.edge().to_vec())];
        while let Some((node, path)) = nodes.pop() {
            if let Some(lists) = &node.lists {
                lists
                    .exact
                    .iter()
                    .for_each(|slot| visit(&path, Compare::Exact, slot));
                lists
                    .prefix
                    .iter()
                    .for_each(|slot| visit(&path, Compare::Prefix, slot));
            }
            for child in &node.children {
                nodes.push((child, [&*path, child.edge()].concat()));
            }
        }
    }
}

impl<T, K> Default for Lists<T, K> {
    fn default() -> Self {
        Self {
            exact: SlotList::default(),
            prefix: SlotList::default(),
        }
    }
}

impl<T, K> Lists<T, K> {
    const fn of(&mut self, compare: Compare) -> &mut SlotList<T, K> {
        match compare {
            Compare::Exact => &mut self.exact,
            Compare::Prefix => &mut self.prefix,
        }
    }
}
