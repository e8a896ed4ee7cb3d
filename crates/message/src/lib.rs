//! The messages of the request path and the traits of the chain that they pass through.
//!
//! One model serves HTTP/1, HTTP/2 and what comes later: a codec turns bytes into an [`Exchange`] (a canonical
//! [`RequestHead`] and a [`Body`]), the chain of the matched router edits it or answers, a [`Call`] at the end turns
//! it into a [`Response`], and the codec writes that. Later stages read nothing but these values (I1: one parse, one
//! truth); bytes are never forwarded raw.
//!
//! Everything of an exchange lives on one worker thread, so none of it needs to be [`Send`]; what is compiled into
//! the routing table ([`HeadFilter`], [`Wrap`], [`Call`]) is shared between workers and must be.
//!
//! Start reading at [`Exchange`], then [`chain`].

pub mod body;
pub mod chain;
pub mod error;
pub mod exchange;
pub mod head;
pub mod pump;

pub use body::{Body, BodyError, BodyStream, Frame};
pub use chain::{Call, Flow, HeadFilter, LocalBoxFuture, Next, Step, Wrap};
pub use error::{Fault, Kind, ProxyError, Retry};
pub use exchange::{ConnectionInfo, Exchange, Interim, Record, TlsInfo};
pub use head::{RequestHead, Response, ResponseHead, Scheme};
pub use pump::{BodySink, poll_pump};
