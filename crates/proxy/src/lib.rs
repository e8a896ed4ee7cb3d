//! The `proxy` crate of pointsman.
