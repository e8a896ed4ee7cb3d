//! The routing table: what the request path works from.
//!
//! [`Compiler`] turns the merged configuration into an immutable [`RoutingTable`]. It keeps what it built: an update
//! costs what changed and what depends on it, and everything else is shared with the table before. Compiling starts
//! nothing and stops nothing. An object that cannot be built disables the routers that need it (I7), and says why in
//! [`RoutingTable::runtime`].
//!
//! Start reading at [`Compiler::compile`], then [`RoutingTable`].

mod build;
mod compile;
pub mod index;
pub mod internal;
mod runtime;
mod table;
mod view;

pub use compile::{Compiler, Environment, ReadFile};
pub use runtime::{Runtime, RuntimeMiddleware, RuntimeRouter, RuntimeService, Status};
pub use table::{EntryPointTable, Route, RouteMetrics, RouteOrder, RoutingTable, Target};
pub use view::ExchangeView;
