//! The `table` crate of pointsman.

pub mod index;
