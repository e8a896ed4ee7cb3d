//! Who gets a name that several objects want.

use std::collections::BTreeSet;

use hashbrown::HashMap;

/// Claimants by name; the smallest one gets it.
#[derive(Debug)]
pub(super) struct Claims<T> {
    claimants: HashMap<Box<str>, Vec<T>>,
    disputed: BTreeSet<Box<str>>,
}

impl<T> Default for Claims<T> {
    fn default() -> Self {
        Self {
            claimants: HashMap::new(),
            disputed: BTreeSet::new(),
        }
    }
}

impl<T: Ord> Claims<T> {
    pub(super) fn add(&mut self, name: &str, claimant: T) {
        let Some(claimants) = self.claimants.get_mut(name) else {
            self.claimants.insert(name.into(), vec![claimant]);
            return;
        };
        if let Err(at) = claimants.binary_search(&claimant) {
            claimants.insert(at, claimant);
            if claimants.len() > 1 {
                self.disputed.insert(name.into());
            }
        }
    }

    pub(super) fn remove(&mut self, name: &str, claimant: &T) {
        let Some(claimants) = self.claimants.get_mut(name) else {
            return;
        };
        if let Ok(at) = claimants.binary_search(claimant) {
            claimants.remove(at);
        }
        if claimants.len() < 2 {
            self.disputed.remove(name);
        }
        if claimants.is_empty() {
            self.claimants.remove(name);
        }
    }

    /// All claimants of a name, the one that gets it first.
    pub(super) fn of(&self, name: &str) -> &[T] {
        self.claimants.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether `claimant` is the one that gets the name.
    pub(super) fn is_first(&self, name: &str, claimant: &T) -> bool {
        self.of(name).first() == Some(claimant)
    }

    /// Names with more than one claimant.
    pub(super) fn disputed(&self) -> impl Iterator<Item = (&str, &[T])> {
        self.disputed.iter().map(|name| (&**name, self.of(name)))
    }
}
