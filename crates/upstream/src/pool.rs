//! Kept connections of one worker thread.
//!
//! Connections never leave their thread, so the pool is the thread's own. A connection is kept only when it is proven
//! clean (I3), and looked at again before it is used.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, LazyLock};

use tokio::time::Instant;

use crate::endpoint::Endpoint;
use crate::h1::Connection;
use crate::h2::Shared;
use crate::transport::Transport;

/// Which connections may stand for each other: same transport, same place. A keyed hash, worked out when the table is
/// compiled; the pool compares the places themselves too, so that a collision costs reuse and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PlaceKey(u64);

impl PlaceKey {
    pub(crate) fn new(transport: &Transport, endpoint: &Endpoint) -> Self {
        static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        Self(HASHER.hash_one((transport.id(), endpoint.place())))
    }
}

/// Hands the key through: it is a hash already.
#[derive(Default, Clone, Copy)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

#[derive(Default, Clone, Copy)]
struct BuildIdentity;

impl BuildHasher for BuildIdentity {
    type Hasher = Identity;
    fn build_hasher(&self) -> Identity {
        Identity::default()
    }
}

struct Place {
    transport: u64,
    endpoint: Arc<Endpoint>,
    /// Oldest first.
    idle: Vec<(Box<Connection>, Instant)>,
    shared: Vec<Shared>,
}

impl Place {
    fn is(&self, transport: &Transport, endpoint: &Endpoint) -> bool {
        self.transport == transport.id() && self.endpoint.place() == endpoint.place()
    }
}

thread_local! {
    static PLACES: RefCell<HashMap<PlaceKey, Place, BuildIdentity>> = RefCell::default();
}

/// A kept HTTP/1 connection that is still good; the one used last, so that surplus ones age out.
pub(crate) fn take(
    key: PlaceKey,
    transport: &Transport,
    endpoint: &Endpoint,
) -> Option<Box<Connection>> {
    PLACES.with_borrow_mut(|places| {
        let place = places
            .get_mut(&key)
            .filter(|place| place.is(transport, endpoint))?;
        while let Some((connection, since)) = place.idle.pop() {
            let fresh = transport
                .timeouts
                .idle
                .is_none_or(|idle| since.elapsed() < idle);
            if fresh && connection.is_quiet() {
                return Some(connection);
            }
        }
        None
    })
}

/// Keeps a clean HTTP/1 connection.
pub(crate) fn give(connection: Box<Connection>) {
    PLACES.with_borrow_mut(|places| {
        let home = connection.home();
        let most = home.transport.max_idle_per_host;
        let place = place(places, home.key, &home.transport, &home.endpoint);
        if place.is(&home.transport, &home.endpoint) && place.idle.len() < most {
            place.idle.push((connection, Instant::now()));
        }
    });
}

/// A live HTTP/2 connection with room for another stream.
pub(crate) fn shared(key: PlaceKey, transport: &Transport, endpoint: &Endpoint) -> Option<Shared> {
    PLACES.with_borrow_mut(|places| {
        let place = places
            .get_mut(&key)
            .filter(|place| place.is(transport, endpoint))?;
        place.shared.retain(Shared::is_open);
        place
            .shared
            .iter()
            .filter(|shared| shared.has_room())
            .min_by_key(|shared| shared.in_flight())
            .cloned()
    })
}

/// Keeps an HTTP/2 connection for others to share.
pub(crate) fn share(
    key: PlaceKey,
    transport: &Transport,
    endpoint: &Arc<Endpoint>,
    connection: Shared,
) {
    PLACES.with_borrow_mut(|places| {
        let place = place(places, key, transport, endpoint);
        if place.is(transport, endpoint) {
            place.shared.push(connection);
        }
    });
}

fn place<'p>(
    places: &'p mut HashMap<PlaceKey, Place, BuildIdentity>,
    key: PlaceKey,
    transport: &Transport,
    endpoint: &Arc<Endpoint>,
) -> &'p mut Place {
    places.entry(key).or_insert_with(|| Place {
        transport: transport.id(),
        endpoint: endpoint.clone(),
        idle: Vec::new(),
        shared: Vec::new(),
    })
}

/// Closes connections that nobody used for too long, that their server closed, or whose server is gone from the
/// configuration. Each worker calls it every few seconds.
pub fn sweep() {
    PLACES.with_borrow_mut(|places| {
        places.retain(|_, place| {
            place.idle.retain_mut(|(connection, since)| {
                connection.shrink();
                connection
                    .idle_timeout()
                    .is_none_or(|idle| since.elapsed() < idle)
                    && connection.is_quiet()
            });
            place.shared.retain(Shared::is_worth_keeping);
            !(place.idle.is_empty() && place.shared.is_empty())
        });
    });
}

/// Closes every kept connection of this thread.
pub fn clear() {
    PLACES.with_borrow_mut(HashMap::clear);
}
