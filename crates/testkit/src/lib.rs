//! The `testkit` crate of pointsman.
