//! The `tls` crate of pointsman.
