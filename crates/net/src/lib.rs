//! The `net` crate of pointsman.
