//! From providers to one merged configuration.
//!
//! Each provider has a [`Sender`] with one slot, in which the newest message replaces older ones that nobody took
//! yet: a provider in a storm costs no memory and never waits. The [`Inbox`] takes messages out of the slots, asks
//! the [`Aggregator`] what is due and hands it to the application as [`Update`]s; the [`Merger`] turns them into one
//! [`Merged`] view with qualified names, in which an object that did not change keeps its pointer.
//!
//! Nothing here knows what an object means: no rule is parsed, no reference followed, no default entry point filled
//! in. That is `compile`'s work. [`Aggregator`], [`Backoff`] and [`Merger`] are pure: time comes in as a value.
//!
//! Start reading at [`Inbox::run`].

mod aggregator;
mod backoff;
mod inbox;
mod merge;

pub use aggregator::{Aggregator, Due, MAX_WINDOW, Update};
pub use backoff::Backoff;
pub use inbox::{Inbox, Readiness, Sender};
pub use merge::{DefaultObject, Merged, MergedTls, Merger, Objects, TlsCertificate};
