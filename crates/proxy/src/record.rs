//! What is recorded of a finished exchange.

use std::time::Instant;

use http::StatusCode;
use pointsman_message::Exchange;
use pointsman_table::Route;

use crate::settings::Settings;
use crate::worker::Worker;

/// A finished exchange, as far as it is known to its codec.
pub(crate) struct Finished<'a> {
    pub(crate) exchange: &'a Exchange,
    pub(crate) settings: &'a Settings,
    pub(crate) route: Option<&'a Route>,
    pub(crate) status: StatusCode,
    pub(crate) response_headers: &'a http::HeaderMap,
    /// Body bytes from the client, and to it.
    pub(crate) bytes: (u64, u64),
}

/// Counts and logs a finished exchange.
pub(crate) fn record(worker: &Worker, finished: &Finished<'_>) {
    let _ = (worker, finished, Instant::now());
}
