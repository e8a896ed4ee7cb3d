//! The data plane as a whole, in process: real sockets, raw bytes on both sides.
#![expect(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test, in helpers too"
)]

#[path = "../support/mod.rs"]
mod support;

mod balancing;
mod bodies;
mod deadlines;
mod headers;
mod http2;
mod strictness;
mod tls;
