//! The `kubernetes` crate of pointsman.
