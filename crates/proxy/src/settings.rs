//! An entry point's options in the form in which requests use them.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use pointsman_config::Diagnostic;
use pointsman_config::static_::EntryPoint;
use pointsman_config::static_::entry_points::UnderscoreStrategy;
use pointsman_http1::HeadLimits;
use pointsman_observe::metrics::EntryPointSlot;
use pointsman_wire::forwarded::IpSet;
use pointsman_wire::path::{EncodedCharacter, EncodedCharacters, PathOptions, Semicolons};

/// Longest silence of a client that is being written to, where no write timeout is set (I10).
const WRITE_STALL: Duration = Duration::from_secs(180);
/// Most decoded header bytes of one HTTP/2 request, however large HTTP/1 heads may be: hundreds of streams share one
/// connection, so their product has to be bounded (I11).
const MAX_HTTP2_HEADERS: u32 = 64 * 1024;

/// An entry point's options, checked and compiled once at start. Shared by all workers.
#[derive(Debug)]
pub struct Settings {
    /// Its name.
    pub name: Arc<str>,
    /// Its place among all entry points, and so in every table.
    pub index: usize,
    /// Where its requests are counted, if they are.
    pub metrics: Option<EntryPointSlot>,
    pub(crate) limits: HeadLimits,
    pub(crate) path: PathOptions,
    pub(crate) semicolons: Semicolons,
    pub(crate) encoded: EncodedCharacters,
    pub(crate) underscores: UnderscoreStrategy,
    pub(crate) trusted: Trusted,
    pub(crate) connection_allowed: Vec<HeaderName>,
    pub(crate) append_forwarded_for: bool,
    pub(crate) scheme_headers: bool,
    pub(crate) read_timeout: Option<Duration>,
    pub(crate) write_timeout: Option<Duration>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) write_stall: Duration,
    pub(crate) max_requests: u64,
    pub(crate) max_age: Option<Duration>,
    pub(crate) max_streams: u32,
    pub(crate) max_http2_headers: u32,
    pub(crate) header_table_size: u32,
    /// How long connections are accepted after the signal to stop.
    pub accept_grace: Duration,
    /// Longest wait for requests that still run after that.
    pub grace: Duration,
}

/// Whose `X-Forwarded-*` are believed.
#[derive(Debug)]
pub(crate) enum Trusted {
    Everybody,
    These(IpSet),
}

impl Settings {
    /// Compiles an entry point's options.
    ///
    /// # Errors
    /// Options whose value is none.
    pub fn new(name: &str, index: usize, entry: &EntryPoint) -> Result<Self, Vec<Diagnostic>> {
        let mut problems = Vec::new();
        let mut problem = |field: &str, message: String| {
            problems.push(Diagnostic::error(
                "static configuration",
                format!("entryPoints.{name}.{field}"),
                message,
            ));
        };
        let forwarded = &entry.forwarded_headers;
        let trusted = if forwarded.insecure {
            Trusted::Everybody
        } else {
            match IpSet::parse(&forwarded.trusted_ips) {
                Ok(set) => Trusted::These(set),
                Err(error) => {
                    problem("forwardedHeaders.trustedIPs", error.to_string());
                    Trusted::These(IpSet::default())
                }
            }
        };
        let mut connection_allowed = Vec::new();
        for text in &forwarded.connection {
            match HeaderName::from_bytes(text.as_bytes()) {
                Ok(name) => connection_allowed.push(name),
                Err(_) => problem(
                    "forwardedHeaders.connection",
                    format!("{text:?} is no header name"),
                ),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let timeouts = &entry.transport.responding_timeouts;
        Ok(Self {
            name: name.into(),
            index,
            metrics: None,
            limits: HeadLimits {
                max_bytes: entry.http.max_header_bytes as usize,
            },
            path: PathOptions {
                sanitize: entry.http.sanitize_path,
            },
            semicolons: if entry.http.encode_query_semicolons {
                Semicolons::Encode
            } else {
                Semicolons::Separate
            },
            encoded: encoded_characters(entry),
            underscores: entry.http.underscore_headers_strategy,
            trusted,
            connection_allowed,
            append_forwarded_for: !forwarded.not_append_x_forwarded_for,
            scheme_headers: forwarded.add_x_forwarded_scheme_headers,
            read_timeout: timeouts.read_timeout.non_zero(),
            write_timeout: timeouts.write_timeout.non_zero(),
            idle_timeout: timeouts.idle_timeout.non_zero(),
            write_stall: WRITE_STALL,
            max_requests: entry.transport.keep_alive_max_requests,
            max_age: entry.transport.keep_alive_max_time.non_zero(),
            max_streams: entry.http2.max_concurrent_streams,
            max_http2_headers: entry.http.max_header_bytes.min(MAX_HTTP2_HEADERS),
            header_table_size: entry.http2.max_decoder_header_table_size,
            accept_grace: entry.transport.life_cycle.request_accept_grace_timeout.0,
            grace: entry.transport.life_cycle.grace_time_out.0,
        })
    }

    pub(crate) fn trusts(&self, peer: std::net::IpAddr) -> bool {
        match &self.trusted {
            Trusted::Everybody => true,
            Trusted::These(set) => set.contains(peer),
        }
    }
}

fn encoded_characters(entry: &EntryPoint) -> EncodedCharacters {
    let options = &entry.http.encoded_characters;
    EncodedCharacters::ALLOW_ALL
        .with(
            EncodedCharacter::BackSlash,
            options.allow_encoded_back_slash,
        )
        .with(EncodedCharacter::Hash, options.allow_encoded_hash)
        .with(
            EncodedCharacter::NullCharacter,
            options.allow_encoded_null_character,
        )
        .with(EncodedCharacter::Percent, options.allow_encoded_percent)
        .with(
            EncodedCharacter::QuestionMark,
            options.allow_encoded_question_mark,
        )
        .with(EncodedCharacter::Semicolon, options.allow_encoded_semicolon)
        .with(EncodedCharacter::Slash, options.allow_encoded_slash)
}
