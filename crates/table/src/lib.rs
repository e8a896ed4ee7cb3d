//! The `table` crate of pointsman.
