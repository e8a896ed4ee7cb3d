//! The `upstream` crate of pointsman.
