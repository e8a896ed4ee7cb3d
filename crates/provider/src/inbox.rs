//! The slots between providers and the aggregator, and the loop that empties them.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pointsman_config::Diagnostic;
use pointsman_config::dynamic::Configuration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::aggregator::{Aggregator, Due, Update};

/// Where the updates of all providers arrive.
#[derive(Debug)]
pub struct Inbox {
    aggregator: Aggregator,
    throttle: Duration,
    shared: Arc<Shared>,
}

/// What one provider sends with. Never blocks; may be used from any thread.
#[derive(Debug)]
pub struct Sender {
    provider: Arc<str>,
    shared: Arc<Shared>,
}

/// Which providers have not delivered yet; may be asked from any thread.
#[derive(Debug, Clone)]
pub struct Readiness {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    slots: Mutex<BTreeMap<Arc<str>, Update>>,
    waiting_for: Mutex<BTreeSet<Arc<str>>>,
    news: Notify,
}

impl Inbox {
    /// An inbox that holds back each provider's updates for `throttle` after the previous one; zero = adaptive
    /// coalescing only. Traefik: `providers.providersThrottleDuration` if the user sets it, else zero.
    pub fn new(throttle: Duration) -> Self {
        Self {
            aggregator: Aggregator::new(),
            throttle,
            shared: Arc::default(),
        }
    }

    /// Adds a provider under the name that its objects carry after the `@`. `throttle` is its own
    /// `throttleDuration`; the longer of it and the common one counts.
    pub fn register(&mut self, provider: &str, throttle: Duration) -> Sender {
        let provider: Arc<str> = provider.into();
        self.aggregator
            .register(Arc::clone(&provider), throttle.max(self.throttle));
        lock(&self.shared.waiting_for).insert(Arc::clone(&provider));
        Sender {
            provider,
            shared: Arc::clone(&self.shared),
        }
    }

    /// A view of the providers that have not delivered yet.
    pub fn readiness(&self) -> Readiness {
        Readiness {
            shared: Arc::clone(&self.shared),
        }
    }

    /// Hands updates to `apply` as they become due, forever; the owner ends it by dropping the future.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops a running `apply` and every update that is not applied yet.
    pub async fn run(mut self, mut apply: impl AsyncFnMut(Vec<Update>)) -> Infallible {
        loop {
            // Taken before looking into the slots, so that a message that arrives in between wakes the wait below.
            let shared = Arc::clone(&self.shared);
            let news = shared.news.notified();
            let updates = mem::take(&mut *lock(&shared.slots));
            for update in updates.into_values() {
                self.aggregator.offer(update);
            }
            match self.aggregator.due(Instant::now().into_std()) {
                Due::Apply(updates) => {
                    apply(updates).await;
                    self.aggregator.applied(Instant::now().into_std());
                    *lock(&shared.waiting_for) = self.aggregator.waiting_for().cloned().collect();
                }
                Due::At(instant) => {
                    tokio::select! {
                        () = sleep_until(instant.into()) => {}
                        () = news => {}
                    }
                }
                Due::Nothing => news.await,
            }
        }
    }
}

impl Sender {
    /// The provider's name.
    pub fn provider(&self) -> &Arc<str> {
        &self.provider
    }

    /// Everything that the provider provides now, and all problems that it knows of now.
    pub fn send(&self, configuration: Arc<Configuration>, diagnostics: Vec<Diagnostic>) {
        self.put(Some(configuration), diagnostics);
    }

    /// All problems that the provider knows of now, where it can say nothing about the configuration: what it
    /// provided before stays.
    pub fn report(&self, diagnostics: Vec<Diagnostic>) {
        self.put(None, diagnostics);
    }

    fn put(&self, configuration: Option<Arc<Configuration>>, diagnostics: Vec<Diagnostic>) {
        let mut update = Update {
            provider: Arc::clone(&self.provider),
            configuration,
            diagnostics,
        };
        let mut slots = lock(&self.shared.slots);
        if let Some(older) = slots.remove(&self.provider) {
            update.supersede(older);
        }
        slots.insert(Arc::clone(&self.provider), update);
        drop(slots);
        self.shared.news.notify_one();
    }
}

impl Readiness {
    /// Whether every provider's first complete configuration has been applied.
    pub fn is_ready(&self) -> bool {
        lock(&self.shared.waiting_for).is_empty()
    }

    /// Providers whose first complete configuration has not been applied, by name.
    pub fn waiting_for(&self) -> Vec<Arc<str>> {
        lock(&self.shared.waiting_for).iter().cloned().collect()
    }
}

/// A panic elsewhere leaves the maps behind these locks whole: every change to them is one call.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
