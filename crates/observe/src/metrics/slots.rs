//! Which entry points, routers and services exist, as small numbers that workers index their tables by.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// What a series belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Scope {
    EntryPoint,
    Router,
    Service,
}

/// All scopes, in the order of [`Scope::index`].
pub(super) const SCOPES: [Scope; 3] = [Scope::EntryPoint, Scope::Router, Scope::Service];

impl Scope {
    pub(super) const fn index(self) -> usize {
        self as usize
    }
}

/// The names in the labels of an object's series.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    pub(super) name: Arc<str>,
    /// The service of a router; empty for the other scopes.
    pub(super) service: Arc<str>,
}

/// A place in the workers' tables. The index is used again once its series are gone; the generation tells the users
/// apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct SlotId {
    pub(super) scope: Scope,
    pub(super) index: u32,
    pub(super) generation: u32,
}

/// The right to record for one object, held by the routing table. When the last clone is gone, no worker can record
/// for the object any more; its series are shown in one more scrape.
#[derive(Debug, Clone)]
pub(super) struct Slot(Arc<Lease>);

impl Slot {
    pub(super) fn id(&self) -> SlotId {
        self.0.id
    }

    pub(super) fn identity(&self) -> &Identity {
        &self.0.identity
    }
}

/// An entry point's place in the metrics. Cheap to clone.
#[derive(Debug, Clone)]
pub struct EntryPointSlot(pub(super) Slot);

/// A router's place in the metrics, together with its service. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RouterSlot(pub(super) Slot);

/// A service's place in the metrics. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ServiceSlot(pub(super) Slot);

#[derive(Debug)]
struct Lease {
    id: SlotId,
    identity: Identity,
    serial: u64,
    slots: Arc<Slots>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.slots.release(self);
    }
}

/// Hands out slots, and remembers which of them nobody holds any more.
#[derive(Debug, Default)]
pub(super) struct Slots {
    scopes: [Mutex<ScopeSlots>; SCOPES.len()],
}

#[derive(Debug, Default)]
struct ScopeSlots {
    by_identity: HashMap<Identity, Entry>,
    /// Generation of each index.
    generations: Vec<u32>,
    free: Vec<u32>,
    next_serial: u64,
}

#[derive(Debug)]
struct Entry {
    id: SlotId,
    serial: u64,
    lease: Weak<Lease>,
    /// Whether the last holder is gone.
    leaving: bool,
}

/// A slot that nobody holds, as it was when a scrape began.
#[derive(Debug)]
pub(super) struct Leaving {
    identity: Identity,
    id: SlotId,
    serial: u64,
}

impl Slots {
    /// The slot of the object; the one it had, if its series are still there.
    pub(super) fn acquire(self: &Arc<Self>, scope: Scope, name: &str, service: &str) -> Slot {
        let identity = Identity {
            name: name.into(),
            service: service.into(),
        };
        let mut slots = self.lock(scope);
        let held = slots
            .by_identity
            .get(&identity)
            .and_then(|entry| entry.lease.upgrade());
        if let Some(lease) = held {
            return Slot(lease);
        }
        slots.next_serial += 1;
        let serial = slots.next_serial;
        let id = match slots.by_identity.get(&identity) {
            Some(entry) => entry.id,
            None => slots.place(scope),
        };
        let lease = Arc::new(Lease {
            id,
            identity: identity.clone(),
            serial,
            slots: Arc::clone(self),
        });
        let entry = Entry {
            id,
            serial,
            lease: Arc::downgrade(&lease),
            leaving: false,
        };
        slots.by_identity.insert(identity, entry);
        Slot(lease)
    }

    /// The slots that nobody holds now.
    pub(super) fn leaving(&self) -> Vec<Leaving> {
        let mut leaving = Vec::new();
        for scope in SCOPES {
            let slots = self.lock(scope);
            leaving.extend(
                slots
                    .by_identity
                    .iter()
                    .filter(|(_, entry)| entry.leaving)
                    .map(|(identity, entry)| Leaving {
                        identity: identity.clone(),
                        id: entry.id,
                        serial: entry.serial,
                    }),
            );
        }
        leaving
    }

    /// Takes the slots away for good, unless they have been asked for again meanwhile; `clear` removes their series
    /// before the indexes can be handed out again.
    pub(super) fn forget(&self, leaving: &[Leaving], clear: impl FnOnce(&[SlotId])) {
        let mut gone = Vec::new();
        for slot in leaving {
            let mut slots = self.lock(slot.id.scope);
            let is_same = slots
                .by_identity
                .get(&slot.identity)
                .is_some_and(|entry| entry.leaving && entry.serial == slot.serial);
            if is_same {
                slots.by_identity.remove(&slot.identity);
                gone.push(slot.id);
            }
        }
        clear(&gone);
        for id in gone {
            let mut slots = self.lock(id.scope);
            if let Some(generation) = slots.generations.get_mut(id.index as usize) {
                *generation = generation.wrapping_add(1);
            }
            slots.free.push(id.index);
        }
    }

    fn release(&self, lease: &Lease) {
        let mut slots = self.lock(lease.id.scope);
        // Asked for again between the last clone's end and this line: somebody else holds the slot now.
        if let Some(entry) = slots.by_identity.get_mut(&lease.identity)
            && entry.serial == lease.serial
        {
            entry.leaving = true;
        }
    }

    fn lock(&self, scope: Scope) -> MutexGuard<'_, ScopeSlots> {
        let [entry_points, routers, services] = &self.scopes;
        let slots = match scope {
            Scope::EntryPoint => entry_points,
            Scope::Router => routers,
            Scope::Service => services,
        };
        slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ScopeSlots {
    /// An index that nobody uses.
    fn place(&mut self, scope: Scope) -> SlotId {
        let index = self.free.pop().unwrap_or_else(|| {
            self.generations.push(0);
            u32::try_from(self.generations.len() - 1).unwrap_or(u32::MAX)
        });
        SlotId {
            scope,
            index,
            generation: self.generations.get(index as usize).copied().unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_keeps_its_slot_while_somebody_holds_it() {
        let slots = Arc::new(Slots::default());
        let first = slots.acquire(Scope::Service, "a@file", "");
        let again = slots.acquire(Scope::Service, "a@file", "");
        let other = slots.acquire(Scope::Service, "b@file", "");
        assert_eq!(first.id(), again.id());
        assert_ne!(first.id(), other.id());
        drop(first);
        assert!(slots.leaving().is_empty());
        drop(again);
        assert_eq!(slots.leaving().len(), 1);
    }

    #[test]
    fn an_object_that_comes_back_before_it_is_forgotten_keeps_its_slot() {
        let slots = Arc::new(Slots::default());
        let id = slots.acquire(Scope::Service, "a@file", "").id();
        let leaving = slots.leaving();
        let back = slots.acquire(Scope::Service, "a@file", "");
        assert_eq!(back.id(), id);
        slots.forget(&leaving, |gone| assert_eq!(gone, []));
        assert_eq!(slots.acquire(Scope::Service, "a@file", "").id(), id);
    }

    #[test]
    fn a_forgotten_index_is_used_again_with_another_generation() {
        let slots = Arc::new(Slots::default());
        let old = slots.acquire(Scope::Service, "a@file", "").id();
        let leaving = slots.leaving();
        slots.forget(&leaving, |gone| assert_eq!(gone, [old]));
        let new = slots.acquire(Scope::Service, "b@file", "").id();
        assert_eq!(new.index, old.index);
        assert_ne!(new.generation, old.generation);
    }
}
