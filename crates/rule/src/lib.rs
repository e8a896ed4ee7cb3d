//! The rule language of routers: ``Host(`a.example`) && PathPrefix(`/api`)``.
//!
//! - [`Tree`]: what a rule says. Parsed from text in Traefik's v3 or v2 syntax ([`parse_tree`]) or
//!   built by code, and printed with Go quoting; printing and parsing are inverse.
//! - [`Rule`] and [`TcpRule`]: a checked and compiled tree. They test a [`RequestView`] or
//!   [`ConnectionView`] without allocating, name their hosts, give conditions to index them by
//!   ([`Rule::index_keys`]) and explain why a request was not matched.
//! - [`GoRegex`]: Go's regular expressions on a linear-time engine, for rules and middlewares.
//!
//! Everything here is pure: no I/O, no clock, no configuration. Input of any shape gives a value or
//! an error, never a panic. Which router wins is decided elsewhere, by [`Rule::default_priority`]
//! or the router's own.
//!
//! Start reading at `tree.rs`, then `parse.rs`, then `http_rule.rs`. Sources: Traefik v3.7 rule
//! reference, Go's `regexp/syntax`, `strconv` and `net/url`, gorilla/mux templates.
#![deny(clippy::indexing_slicing)]

mod address;
mod error;
mod expr;
mod http_rule;
mod limits;
mod parse;
mod query;
mod quote;
mod regex;
mod tcp_rule;
mod template;
mod tree;
mod view;

pub use self::error::{Problem, RuleError};
pub use self::http_rule::{HostKey, IndexKey, Mismatch, PathKey, Rule, Warning};
pub use self::limits::{MAX_DEPTH, MAX_MATCHERS, MAX_RULE_BYTES, MAX_USER_PRIORITY, priority};
pub use self::parse::parse_tree;
pub use self::quote::quote;
pub use self::regex::{GoRegex, MAX_PATTERN_BYTES, RegexError, RegexProblem};
pub use self::tcp_rule::TcpRule;
pub use self::tree::{Kind, Matcher, Name, Syntax, Tree};
pub use self::view::{Connection, ConnectionView, Request, RequestView};
