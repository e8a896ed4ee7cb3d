//! The `observe` crate of pointsman.
