//! Servers: how they are reached, kept connections to them, and how one is chosen.
//!
//! A [`LoadBalancer`] is a service compiled for the routing table and shared between workers; connections are kept per
//! worker thread ([`pool`]) and never cross one. A request is sent by the task that has it, without a hop.
//!
//! Start reading at [`LoadBalancer::forward`].

pub mod balance;
mod connect;
mod endpoint;
mod h1;
pub mod h2;
mod load_balancer;
pub mod pool;
mod sticky;
mod transport;

pub use endpoint::{Endpoint, EndpointError, UpstreamScheme};
pub use load_balancer::{LoadBalancer, Server};
pub use sticky::Sticky;
pub use transport::{Timeouts, Transport};
