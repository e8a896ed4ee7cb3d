//! The `api` crate of pointsman.
