//! TLS as data: certificates, options and transports of the dynamic configuration, turned into rustls configurations.
//!
//! In: `tls.certificates`, `tls.stores`, `tls.options`, which router uses which options for which hosts, and servers
//! transports. Out: an immutable [`CertificateStore`] with an index by name, one immutable [`Policies`] per entry
//! point that says for every name what a handshake has to satisfy, client configurations for servers, and diagnostics.
//! No sockets here: the caller reads the ClientHello, asks [`Policies::handshake`] and completes or refuses it.
//!
//! Two rules hold everywhere. A certificate, option or authority that is broken takes only itself out of service, and
//! what it protected is refused, never served without it. And one function, [`Policies::for_name`], decides about a
//! name, for handshakes and for requests alike.
//!
//! [`Tls`] is the state that outlives configurations: parsed certificates, the last good version of each, and the
//! keys of session tickets. Everything it hands out is immutable and shared.
//!
//! Start reading at [`Tls`], then [`Policies`].

mod authorities;
mod certificate;
pub mod client;
mod client_auth;
mod describe;
mod options;
mod p521;
mod policy;
mod resolution;
mod self_signed;
mod source;
mod store;
mod suites;
mod tickets;

pub use authorities::AuthorityError;
pub use certificate::CertificateError;
pub use describe::{Description, KeyKind};
pub use policy::{Demands, Handshake, Policies, Policy, PolicySet};
pub use resolution::{Conflict, HostOptions, Resolution, RouterOptions, resolve};
pub use source::SourceError;
pub use store::{CertificateSource, CertificateStore, StoreBuild, Tls};

/// A TLS alert `unrecognized_name` (RFC 6066 §3) as a plaintext record, for refusing a ClientHello before any
/// handshake state exists.
///
/// differs from traefik: without matching TLS options it closes the connection without an alert, which clients report
/// as an unexpected end.
pub const ALERT_UNRECOGNIZED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

#[cfg(test)]
mod testing;
