//! The `rule` crate of pointsman.
