//! Keys of session tickets, one set per policy.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::ProducesTickets;

use crate::policy::Fingerprint;

/// Ticket keys by policy fingerprint. A ticket made under one policy is noise under every other, so that what the
/// first handshake proved (a client certificate, above all) is never taken for what another policy demands: the peer
/// gets a full handshake. rustls adds that the server name must be the same.
///
/// Keys are replaced every six hours and accepted for twelve. They survive a change of configuration as long as the
/// policy stays the same, and are forgotten with the last configuration that uses them.
#[derive(Debug, Default)]
pub(crate) struct Tickets(Mutex<HashMap<Fingerprint, Arc<dyn ProducesTickets>>>);

impl Tickets {
    /// The keys of a policy; `None` if they cannot be made (no randomness): no tickets then.
    pub(crate) fn of(&self, policy: &Fingerprint) -> Option<Arc<dyn ProducesTickets>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ticketer) = known.get(policy) {
            return Some(Arc::clone(ticketer));
        }
        let ticketer = Ticketer::new().ok()?;
        known.insert(*policy, Arc::clone(&ticketer));
        Some(ticketer)
    }

    /// Forgets keys that no configuration uses.
    pub(crate) fn prune(&self) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, ticketer| Arc::strong_count(ticketer) > 1);
    }
}
