//! What the tests of all crates share. Only tests and the bench may depend on this crate.
//!
//! - [`Upstream`]: a server whose every byte the test decides: bad framing, 1xx, resets, silence.
//! - [`Wire`]: one end of a connection, for both sides: sends raw bytes and reads HTTP/1.1 messages
//!   strictly, so that a codec that is too lenient on its way out is caught.
//! - [`certs`]: a certificate authority and what it signs.
//! - [`Folder`]: a temporary folder of manifests or dynamic files, changed the way editors and
//!   Kubernetes change them.
//! - [`golden`]: `<case>.yaml` in, `<case>.expected.yaml` out.
//!
//! Nothing here sleeps, has a fixed port or a clock of its own, or needs a particular tokio
//! runtime: the test decides when the other side goes on, by awaiting it or by opening a [`Gate`].
//! Start reading at [`Upstream`].

#[cfg(feature = "certs")]
pub mod certs;
mod folder;
pub mod golden;
mod message;
mod upstream;
mod wire;

pub use folder::Folder;
pub use message::{Framing, Head, Malformed, Message};
pub use upstream::{Gate, Step, Upstream};
pub use wire::{ReadError, Wire};
