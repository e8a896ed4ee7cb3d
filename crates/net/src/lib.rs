//! Sockets: listeners with one socket per worker, accepting that survives a shortage of descriptors, draining that
//! resets nobody, and the zero-copy pump between two plain TCP connections.
//!
//! In: addresses and counts from the static configuration, file descriptors from the kernel. Out: `std` streams that
//! any worker can register with its own runtime, and bytes moved. The only crate that may
//! say `unsafe`. This crate decides nothing about HTTP, TLS or
//! routing, and it starts no task of its own.
//!
//! Start reading at [`bind`], then [`Acceptor::accept`]; [`Splice`] stands alone.

mod accept;
pub mod deadline;
mod listener;
mod splice;
pub mod stream;
mod workers;

pub use accept::{AcceptBackoff, Accepted, Acceptor, Verdict};
pub use deadline::Deadline;
pub use listener::{BindError, ListenOptions, Listener, bind};
pub use splice::{Splice, SpliceEnd, SpliceError};
pub use stream::Stream;
pub use workers::available_workers;
