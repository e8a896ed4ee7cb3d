//! The `middleware` crate of pointsman.
