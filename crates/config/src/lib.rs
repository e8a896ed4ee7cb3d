//! Configuration as plain data.
//!
//! Two domains, as in Traefik: the *static* configuration (read once at start: entry points, providers, logs) in
//! [`static_`], and the *dynamic* configuration (routers, services, middlewares, TLS; replaced while running) in
//! [`dynamic`]. Everything here is data with names, defaults and documentation; behaviour lives in other crates, so
//! that reading a configuration imports no behaviour.
//!
//! Both are read by one engine, [`decode`], which reports every mistake with its path; [`mod@reference`] makes help, pages
//! and schemas from the same declarations.
//!
//! Start reading at [`dynamic::Configuration`], then [`static_::load`].

// Code that `#[derive(Options)]` generates names this crate from the outside.
extern crate self as pointsman_config;

pub mod decode;
pub mod diagnostic;
pub mod dynamic;
pub mod names;
pub mod reference;
pub mod static_;
pub mod types;

pub use diagnostic::{Diagnostic, Severity};
pub use types::{GoDuration, Secret};
