//! Tests of the rule language through its public face.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod go_regex;
mod http;
mod random;
mod round_trip;
mod syntax;
mod tcp;
