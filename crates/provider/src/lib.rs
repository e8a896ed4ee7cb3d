//! The `provider` crate of pointsman.
