//! Sockets: listeners, connections and their deadlines. The only crate where `unsafe` is allowed.

pub mod deadline;
pub mod stream;

pub use deadline::Deadline;
pub use stream::Stream;
