//! The HTTP middlewares: what `http.middlewares.<name>` of the dynamic configuration does to a request.
//!
//! [`build`] turns one middleware's data into a [`Step`](pointsman_message::Step): a head filter (edits heads, or
//! answers) or a wrap (owns the exchange). One file per middleware, named as Traefik names it. Everything that does
//! not depend on a request (header names and values, regular expressions, address sets, challenges) is made when the
//! table is compiled; a mistake there is a [`BuildError`] and disables the routers that use the middleware, never
//! silently the protection (I7).
//!
//! Nothing here opens a connection or a file: [`BuildContext`] lends the means. `chain` is no behaviour; whoever
//! compiles the table flattens it.
//!
//! Two rules hold for all of them. A path that was rewritten must be in its own normal form, else the answer is 400
//! (I5, `pointsman_wire::path::rewrite_is_safe`). A header that the router vouches for is first deleted in every
//! spelling, in trailers too (I6, `owned.rs`).
//!
//! Start reading at `build.rs`, then `strip_prefix.rs` for a head filter and `retry.rs` for a wrap.
#![deny(clippy::indexing_slicing, clippy::wildcard_enum_match_arm)]
#![cfg_attr(
    test,
    expect(
        clippy::indexing_slicing,
        reason = "a test that indexes out of bounds fails, which is right"
    )
)]

mod add_prefix;
mod basic_auth;
mod build;
mod error;
mod forward_auth;
mod headers;
mod ip_allow_list;
mod owned;
mod redirect;
mod redirect_regex;
mod redirect_scheme;
mod retry;
mod strip_prefix;
mod url;
mod whole_body;

#[cfg(test)]
mod testing;

pub use basic_auth::pool::HashPool;
pub use build::{BuildContext, OpenCall, Origin, build};
pub use error::{BuildError, Problem};
pub use url::UrlError;
