//! Entry points as data. Traefik: `entryPoints.<name>`.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::decode::{Context, Decode, Node, Options, Shape};
use crate::dynamic::http::{RouterTls, TraceVerbosity};
use crate::types::GoDuration;

/// A place where clients connect.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct EntryPoint {
    /// `[host]:port[/tcp|/udp]`; without a host all addresses, without a protocol TCP. Required.
    pub address: Address,
    /// Let routers of the user answer `/.well-known/acme-challenge/` and the `acme-tls/1` protocol.
    #[option(name = "allowACMEByPass")]
    pub allow_acme_by_pass: bool,
    /// Routers without entry points attach here. If no entry point says so, they attach to all of TCP but `traefik`.
    pub as_default: bool,
    /// Which `X-Forwarded-*` headers are believed and sent.
    pub forwarded_headers: ForwardedHeaders,
    /// What applies to every HTTP request.
    pub http: Http,
    /// HTTP/2.
    pub http2: Http2,
    /// HTTP/3, on UDP at the same port.
    pub http3: Option<Http3>,
    /// What is recorded of requests whose router does not say otherwise.
    pub observability: Observability,
    /// Take the client's address from a PROXY protocol header.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// Share the port with other processes (`SO_REUSEPORT`).
    pub reuse_port: bool,
    /// Deadlines, connection reuse, shutdown.
    pub transport: Transport,
    /// UDP.
    pub udp: Udp,
}

/// `[host]:port[/tcp|/udp]`. Prints as it was given.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Address {
    text: String,
    host: String,
    port: u16,
    protocol: Protocol,
}

/// The transport of an entry point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
}

/// Why a text is no [`Address`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No colon before the port, or an IPv6 address without brackets.
    #[error("is not an address: write it as [host]:port[/tcp|/udp], IPv6 hosts in brackets")]
    Syntax,
    /// The port is no number up to 65535.
    #[error("has no port from 0 to 65535 after its last colon")]
    Port,
    /// Something else than `tcp` or `udp` after the slash.
    #[error("has an unknown protocol: only /tcp and /udp are known")]
    Protocol,
}

impl Address {
    /// The host without brackets; empty for all addresses of the machine.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port; 0 lets the system choose.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The transport.
    pub const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Whether there is an address at all; the default has none.
    pub const fn is_given(&self) -> bool {
        !self.text.is_empty()
    }

    /// All addresses of the machine, TCP, on `port`.
    pub fn on_port(port: u16) -> Self {
        Self {
            text: format!(":{port}"),
            host: String::new(),
            port,
            protocol: Protocol::Tcp,
        }
    }

    /// `host:port` without the protocol, IPv6 hosts in brackets, as `ToSocketAddrs` takes it; an empty host stays
    /// empty.
    pub fn host_and_port(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (address, protocol) = match text.split_once('/') {
            None => (text, Protocol::Tcp),
            Some((address, protocol)) if protocol.eq_ignore_ascii_case("tcp") => {
                (address, Protocol::Tcp)
            }
            Some((address, protocol)) if protocol.eq_ignore_ascii_case("udp") => {
                (address, Protocol::Udp)
            }
            Some(_) => return Err(AddressError::Protocol),
        };
        let (host, port) = address.rsplit_once(':').ok_or(AddressError::Syntax)?;
        if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(AddressError::Port);
        }
        let port = port.parse().map_err(|_| AddressError::Port)?;
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let plain = |host: &str| !host.contains([':', '[', ']', ' ']);
        let host = match bare {
            // A zone (`fe80::1%eth0`) follows the address.
            Some(host)
                if host
                    .split('%')
                    .next()
                    .is_some_and(|ip| ip.parse::<std::net::Ipv6Addr>().is_ok()) =>
            {
                host
            }
            None if plain(host) => host,
            Some(_) | None => return Err(AddressError::Syntax),
        };
        Ok(Self {
            text: text.to_owned(),
            host: host.to_owned(),
            port,
            protocol,
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl Decode for Address {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let text = cx.scalar(node, "an address such as :8080")?;
        match text.parse() {
            Ok(address) => Some(address),
            Err(error) => {
                cx.error(node, format!("{text:?} {error}"));
                None
            }
        }
    }

    fn shape() -> Shape {
        Shape::Text
    }

    fn is_empty(&self) -> bool {
        !self.is_given()
    }
}

/// Which `X-Forwarded-*` headers are believed and sent. Traefik: `forwardedHeaders`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct ForwardedHeaders {
    /// Send `X-Forwarded-Scheme` and `X-Scheme` too.
    pub add_x_forwarded_scheme_headers: bool,
    /// Headers that may be named in `Connection` and still pass.
    pub connection: Vec<String>,
    /// Believe everybody.
    pub insecure: bool,
    /// Do not append the peer's address to `X-Forwarded-For`.
    pub not_append_x_forwarded_for: bool,
    /// Addresses and CIDRs that are believed.
    #[option(name = "trustedIPs")]
    pub trusted_ips: Vec<String>,
}

/// What applies to every HTTP request of an entry point. Traefik: `http`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Http {
    /// Percent-encoded characters that may stand in a path; a path with another one is answered with 400.
    pub encoded_characters: EncodedCharacters,
    /// Send `;` in a query as `%3B`. If not, it separates no parameters and goes to the server as `&`.
    pub encode_query_semicolons: bool,
    /// Largest head of a request, in bytes; beyond, 431. For HTTP/2 too.
    #[option(default = 1_048_576)]
    pub max_header_bytes: u32,
    /// Middlewares before those of every router, as `name@provider`.
    pub middlewares: Vec<String>,
    /// Redirects.
    pub redirections: Option<Redirections>,
    /// Resolve `.`, `..` and `//` in the path before routing.
    #[option(default = true, keep)]
    pub sanitize_path: bool,
    /// TLS for routers that have no `tls` of their own.
    pub tls: Option<RouterTls>,
    /// Headers with an underscore in their name.
    pub underscore_headers_strategy: UnderscoreStrategy,
}

/// Percent-encoded characters that may stand in a path. Traefik: `encodedCharacters`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Options)]
pub struct EncodedCharacters {
    /// `%5C`.
    #[option(default = true, keep)]
    pub allow_encoded_back_slash: bool,
    /// `%23`.
    #[option(default = true, keep)]
    pub allow_encoded_hash: bool,
    /// `%00`.
    #[option(default = true, keep)]
    pub allow_encoded_null_character: bool,
    /// `%25`.
    #[option(default = true, keep)]
    pub allow_encoded_percent: bool,
    /// `%3F`.
    #[option(default = true, keep)]
    pub allow_encoded_question_mark: bool,
    /// `%3B`.
    #[option(default = true, keep)]
    pub allow_encoded_semicolon: bool,
    /// `%2F`.
    #[option(default = true, keep)]
    pub allow_encoded_slash: bool,
}

/// What is done with headers that have an underscore in their name. Traefik: `underscoreHeadersStrategy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Options)]
pub enum UnderscoreStrategy {
    /// They pass.
    #[default]
    Keep,
    /// They are taken out.
    Delete,
    /// The request is answered with 400.
    Reject,
}

/// Redirects of an entry point. Traefik: `redirections`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Redirections {
    /// To another entry point.
    pub entry_point: Option<RedirectEntryPoint>,
}

/// A redirect of everything to another entry point. Traefik: `redirections.entryPoint`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct RedirectEntryPoint {
    /// Entry point, or `:port`. Required.
    pub to: String,
    /// Scheme of the target.
    #[option(default = "https".to_owned())]
    pub scheme: String,
    /// 301 (308 for other methods than GET) instead of 302 (307).
    #[option(default = true, keep)]
    pub permanent: bool,
    /// Priority of the router that redirects; the default wins over every router of the user.
    #[option(default = i64::MAX - 1)]
    pub priority: i64,
}

/// HTTP/2 of an entry point. Traefik: `http2`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Http2 {
    /// Streams that a client may have open on one connection.
    #[option(default = 250)]
    pub max_concurrent_streams: u32,
    /// Largest HPACK table for headers of requests, in bytes.
    #[option(default = 4_096)]
    pub max_decoder_header_table_size: u32,
    /// Largest HPACK table for headers of responses, in bytes.
    #[option(default = 4_096)]
    pub max_encoder_header_table_size: u32,
}

/// HTTP/3 of an entry point. Traefik: `http3`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Http3 {
    /// Port told to clients in `Alt-Svc`; 0 = the one that is listened on.
    pub advertised_port: u16,
}

/// What is recorded of requests. Traefik: `observability`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Observability {
    /// Write access-log lines.
    #[option(default = true, keep)]
    pub access_logs: bool,
    /// Count metrics.
    #[option(default = true, keep)]
    pub metrics: bool,
    /// Trace.
    #[option(default = true, keep)]
    pub tracing: bool,
    /// Detail of traces.
    pub trace_verbosity: TraceVerbosity,
}

/// The PROXY protocol of an entry point. Traefik: `proxyProtocol`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct ProxyProtocol {
    /// Believe everybody.
    pub insecure: bool,
    /// Addresses and CIDRs that are believed.
    #[option(name = "trustedIPs")]
    pub trusted_ips: Vec<String>,
}

/// Deadlines, connection reuse and shutdown of an entry point. Traefik: `transport`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Transport {
    /// Requests after which a connection is closed; 0 = no limit.
    pub keep_alive_max_requests: u64,
    /// Age after which a connection is closed; 0 = no limit.
    pub keep_alive_max_time: GoDuration,
    /// Shutdown.
    pub life_cycle: LifeCycle,
    /// Deadlines of requests.
    pub responding_timeouts: RespondingTimeouts,
}

/// Shutdown of an entry point. Traefik: `lifeCycle`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct LifeCycle {
    /// Longest wait for requests that still run when connections are accepted no more.
    #[option(default = GoDuration::from_secs(10), keep)]
    pub grace_time_out: GoDuration,
    /// How long connections are still accepted after the signal, so that load balancers notice.
    pub request_accept_grace_timeout: GoDuration,
}

/// Deadlines of requests. Traefik: `respondingTimeouts`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct RespondingTimeouts {
    /// Longest wait for the next request on an idle connection; 0 = no limit.
    #[option(default = GoDuration::from_secs(180), keep)]
    pub idle_timeout: GoDuration,
    /// To read a whole request with its body; 0 = no limit.
    #[option(default = GoDuration::from_secs(60), keep)]
    pub read_timeout: GoDuration,
    /// To write a response; 0 = no limit.
    pub write_timeout: GoDuration,
}

/// UDP of an entry point. Traefik: `udp`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Udp {
    /// Silence that ends a session.
    #[option(default = GoDuration::from_secs(3), keep)]
    pub timeout: GoDuration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_host_a_port_and_a_protocol() {
        for (text, host, port, protocol, bind) in [
            (":80", "", 80, Protocol::Tcp, ":80"),
            (":80/tcp", "", 80, Protocol::Tcp, ":80"),
            (":53/UDP", "", 53, Protocol::Udp, ":53"),
            ("127.0.0.1:0", "127.0.0.1", 0, Protocol::Tcp, "127.0.0.1:0"),
            ("[::1]:443/tcp", "::1", 443, Protocol::Tcp, "[::1]:443"),
            (
                "[fe80::1%eth0]:443",
                "fe80::1%eth0",
                443,
                Protocol::Tcp,
                "[fe80::1%eth0]:443",
            ),
            (
                "localhost:8080",
                "localhost",
                8080,
                Protocol::Tcp,
                "localhost:8080",
            ),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(
                (address.host(), address.port(), address.protocol()),
                (host, port, protocol),
                "{text}"
            );
            assert_eq!(
                (
                    address.host_and_port().as_str(),
                    address.to_string().as_str()
                ),
                (bind, text)
            );
        }
        for (text, error) in [
            ("", AddressError::Syntax),
            ("80", AddressError::Syntax),
            ("::1:80", AddressError::Syntax),
            ("[::1:80", AddressError::Syntax),
            ("[host]:80", AddressError::Syntax),
            ("a b:80", AddressError::Syntax),
            (":", AddressError::Port),
            (":http", AddressError::Port),
            (":+80", AddressError::Port),
            (":65536", AddressError::Port),
            (":80/sctp", AddressError::Protocol),
            (":80/", AddressError::Protocol),
        ] {
            assert_eq!(text.parse::<Address>(), Err(error), "{text}");
        }
    }
}
