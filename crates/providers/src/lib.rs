//! The `providers` crate of pointsman.
