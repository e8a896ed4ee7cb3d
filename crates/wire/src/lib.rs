//! Pure parsers and checks for everything a request carries on the wire.
//!
//! Input: bytes from a peer. Output: a canonical value or an error that says which rule was broken.
//! Nothing here does I/O, reads a clock, logs or keeps a connection: the codec in `message` and the
//! drivers in `proxy` call these functions and decide what happens to the connection.
//!
//! The rules are deliberately stricter than the RFCs where leniency has led to request smuggling:
//! a message has one framing or none, a path has one spelling, a host has one spelling.
//!
//! Start reading with [`path`] (the order in which a request target is cleaned), then [`framing`] and
//! [`chunked`] (how long a body is), then [`head`] (which heads are refused before anything else).
//!
//! The common case of every function is one scan without allocation; slow paths run only for input
//! that has to be changed.
#![deny(clippy::indexing_slicing)]
#![cfg_attr(
    test,
    expect(
        clippy::indexing_slicing,
        reason = "a test that indexes out of bounds fails, which is right"
    )
)]

pub mod authority;
mod blocks;
pub mod chunked;
pub mod forwarded;

pub mod framing;

pub mod go;
pub mod head;
pub mod names;
pub mod path;
