//! The HTTP/1 codec: bytes to messages and back, one implementation for both sides.
//!
//! Strict as `wire` is (I2: one framing or none): what two parsers could read differently is an error. The codec
//! knows no policy: it hands out the parts of a head as they came ([`mod@parse`]), decodes bodies ([`mod@decode`]) and writes
//! messages ([`mod@write`]). The loops that drive it are the server connection in `proxy` and the client connection in
//! `upstream`.
//!
//! Field values are slices of the read buffer. What a request through the whole path may allocate is pinned by
//! `crates/proxy/tests/allocations.rs`.

pub mod buffer;
pub mod decode;
pub mod parse;
pub mod write;

pub use decode::{BodyDecoder, Decoded};
pub use parse::{
    HeadLimits, ParseError, ParsedRequest, ParsedResponse, parse_request, parse_response,
};
pub use write::{BodyFraming, Writer};
