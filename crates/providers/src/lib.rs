//! The providers that read files.
//!
//! [`mod@file`] reads Traefik's dynamic files, [`manifests`] Kubernetes objects from a folder. [`watch`] says which files
//! may have changed, without a fixed delay.
//!
//! Every provider has one thread of its own, because reading files blocks; its handle ends the thread when dropped.
//! Nothing here knows what the configuration means or who uses it.

mod driver;
pub mod file;
pub mod manifests;
pub mod watch;

#[cfg(test)]
mod testing;
