//! HTTP middlewares as data. Traefik: `http.middlewares.<name>`.

mod buffering;
mod circuit_breaker;
mod compress;
mod content_type;
mod digest_auth;
mod encoded_characters;
mod errors;
mod grpc_web;
mod in_flight_req;
mod ip_white_list;
mod pass_tls_client_cert;
mod rate_limit;
mod replace_path;
mod strip_prefix_regex;

use std::collections::BTreeMap;

use crate::decode::Options;

pub use buffering::Buffering;
pub use circuit_breaker::CircuitBreaker;
pub use compress::Compress;
pub use content_type::ContentType;
pub use digest_auth::DigestAuth;
pub use encoded_characters::EncodedCharacters;
pub use errors::ErrorPages;
pub use grpc_web::GrpcWeb;
pub use in_flight_req::{InFlightReq, SourceCriterion};
pub use ip_white_list::IpWhiteList;
pub use pass_tls_client_cert::{
    ClientCertInfo, ClientCertIssuer, ClientCertSubject, PassTlsClientCert,
};
pub use rate_limit::{RateLimit, Redis};
pub use replace_path::{ReplacePath, ReplacePathRegex};
pub use strip_prefix_regex::StripPrefixRegex;

use crate::types::{GoDuration, Secret};

/// One middleware; exactly one kind per name.
#[derive(Debug, Clone, PartialEq, Options)]
pub enum Middleware {
    /// Puts a prefix before the path.
    AddPrefix(AddPrefix),
    /// HTTP basic authentication.
    BasicAuth(BasicAuth),
    /// Other middlewares in a row.
    Chain(Chain),
    /// Asks another server whether a request may pass.
    ForwardAuth(ForwardAuth),
    /// Edits headers; CORS; security headers.
    Headers(Box<Headers>),
    /// Lets only some client addresses pass.
    IpAllowList(IpAllowList),
    /// Redirects by regular expression.
    RedirectRegex(RedirectRegex),
    /// Redirects to another scheme or port.
    RedirectScheme(RedirectScheme),
    /// Tries again.
    Retry(Retry),
    /// Takes a prefix off the path.
    StripPrefix(StripPrefix),
    /// Reads a whole body before it goes on.
    Buffering(Buffering),
    /// Stops sending requests to a service that fails.
    CircuitBreaker(CircuitBreaker),
    /// Compresses responses.
    Compress(Compress),
    /// Guesses the `Content-Type` of responses.
    ContentType(ContentType),
    /// HTTP digest authentication.
    DigestAuth(DigestAuth),
    /// Refuses percent-encoded characters in paths.
    EncodedCharacters(EncodedCharacters),
    /// Takes the body of error responses from another service.
    Errors(ErrorPages),
    /// Translates gRPC-Web into gRPC.
    GrpcWeb(GrpcWeb),
    /// Limits the requests that run at the same time.
    InFlightReq(InFlightReq),
    /// Deprecated name of `ipAllowList`.
    IpWhiteList(IpWhiteList),
    /// Tells the server about the client's certificate.
    #[option(name = "passTLSClientCert")]
    PassTlsClientCert(PassTlsClientCert),
    /// A plugin's middleware: the plugin's name and whatever it takes.
    Plugin(BTreeMap<String, serde_json::Value>),
    /// Limits the rate of requests.
    RateLimit(Box<RateLimit>),
    /// Replaces the path.
    ReplacePath(ReplacePath),
    /// Replaces the path by regular expression.
    ReplacePathRegex(ReplacePathRegex),
    /// Takes a prefix that a regular expression matches off the path.
    StripPrefixRegex(StripPrefixRegex),
}

/// Puts a prefix before the path. Traefik: `addPrefix`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct AddPrefix {
    /// The prefix. Required.
    pub prefix: String,
}

/// HTTP basic authentication. Traefik: `basicAuth`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct BasicAuth {
    /// `name:hash` (bcrypt, MD5 apr1, SHA1).
    pub users: Vec<Secret<String>>,
    /// File with one such line per user; added to `users`.
    pub users_file: String,
    /// Realm of the challenge. Default `traefik`.
    pub realm: String,
    /// Do not forward `Authorization`. Default false.
    pub remove_header: bool,
    /// Header that carries the user's name to the server.
    pub header_field: String,
}

/// Other middlewares in a row. Traefik: `chain`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Chain {
    /// The middlewares, in order.
    pub middlewares: Vec<String>,
}

/// TLS towards a server that a middleware calls. Traefik: `tls` of `forwardAuth`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct ClientTls {
    /// Certificate authority, path or PEM text. Default: those of the system.
    pub ca: String,
    /// Certificate to show, path or PEM text; together with `key`.
    pub cert: String,
    /// Its key.
    pub key: Option<Secret<String>>,
    /// Do not verify. Default false.
    pub insecure_skip_verify: bool,
    /// Deprecated; no effect.
    pub ca_optional: Option<bool>,
}

/// Asks another server whether a request may pass. Traefik: `forwardAuth`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct ForwardAuth {
    /// URL of the authentication server. Required.
    pub address: String,
    /// TLS towards it.
    pub tls: Option<ClientTls>,
    /// Keep the client's `X-Forwarded-*` for the authentication server. Unset: a mix that warns.
    pub trust_forward_header: Option<bool>,
    /// Headers copied from the answer to the request.
    pub auth_response_headers: Vec<String>,
    /// The same by regular expression.
    pub auth_response_headers_regex: String,
    /// Headers of the request that are sent. Default: all.
    pub auth_request_headers: Vec<String>,
    /// Cookies copied from the answer to the response.
    pub add_auth_cookies_to_response: Vec<String>,
    /// Header of the answer that carries the user's name, for the access log.
    pub header_field: String,
    /// Send the body too. Default false.
    pub forward_body: bool,
    /// Largest body to send, in bytes; -1 = no limit; beyond: 401. Default -1.
    #[option(keep, default = -1)]
    pub max_body_size: i64,
    /// Largest body to take from the answer, in bytes; -1 = no limit; beyond: 401. Default -1.
    #[option(keep, default = -1)]
    pub max_response_body_size: i64,
    /// Keep `Location` as the answer has it. Default false: absolute against the authentication server.
    pub preserve_location_header: bool,
    /// Ask with the request's method. Default false: GET.
    pub preserve_request_method: bool,
    /// On 401 redirect here.
    #[option(name = "authSigninURL")]
    pub auth_signin_url: String,
}

/// Edits headers; CORS; security headers. Traefik: `headers`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Headers {
    /// Request headers to set; an empty value deletes.
    pub custom_request_headers: BTreeMap<String, String>,
    /// Response headers to set; an empty value deletes.
    pub custom_response_headers: BTreeMap<String, String>,
    /// `Access-Control-Allow-Credentials`. Default false.
    pub access_control_allow_credentials: bool,
    /// `Access-Control-Allow-Headers`.
    pub access_control_allow_headers: Vec<String>,
    /// `Access-Control-Allow-Methods`.
    pub access_control_allow_methods: Vec<String>,
    /// Origins that are allowed.
    pub access_control_allow_origin_list: Vec<String>,
    /// The same by regular expression.
    pub access_control_allow_origin_list_regex: Vec<String>,
    /// `Access-Control-Expose-Headers`.
    pub access_control_expose_headers: Vec<String>,
    /// `Access-Control-Max-Age` in seconds. Default: no header.
    pub access_control_max_age: Option<i64>,
    /// Add `Vary: Origin`. Default false.
    pub add_vary_header: bool,
    /// Hosts that are allowed. Default: all.
    pub allowed_hosts: Vec<String>,
    /// Headers that may hold the host.
    pub hosts_proxy_headers: Vec<String>,
    /// Headers that say that the request came over TLS.
    pub ssl_proxy_headers: BTreeMap<String, String>,
    /// `max-age` of `Strict-Transport-Security`; 0 = no header.
    #[option(name = "stsSeconds")]
    pub sts_seconds: i64,
    /// `includeSubDomains`. Default false.
    #[option(name = "stsIncludeSubdomains")]
    pub sts_include_subdomains: bool,
    /// `preload`. Default false.
    #[option(name = "stsPreload")]
    pub sts_preload: bool,
    /// Send the header over plain connections too. Default false.
    #[option(name = "forceSTSHeader")]
    pub force_sts_header: bool,
    /// `X-Frame-Options: DENY`. Default false.
    pub frame_deny: bool,
    /// Value of `X-Frame-Options`.
    pub custom_frame_options_value: String,
    /// `X-Content-Type-Options: nosniff`. Default false.
    pub content_type_nosniff: bool,
    /// `X-XSS-Protection: 1; mode=block`. Default false.
    pub browser_xss_filter: bool,
    /// Value of `X-XSS-Protection`.
    #[option(name = "customBrowserXSSValue")]
    pub custom_browser_xss_value: String,
    /// `Content-Security-Policy`.
    pub content_security_policy: String,
    /// `Content-Security-Policy-Report-Only`.
    pub content_security_policy_report_only: String,
    /// `Public-Key-Pins`.
    pub public_key: String,
    /// `Referrer-Policy`.
    pub referrer_policy: String,
    /// `Permissions-Policy`.
    pub permissions_policy: String,
    /// Turns `allowedHosts`, TLS and STS rules off. Default false.
    pub is_development: bool,
    /// Deprecated; no effect: use `permissionsPolicy`.
    pub feature_policy: Option<String>,
    /// Deprecated; no effect: use the redirection of the entry point or `redirectScheme`.
    pub ssl_redirect: Option<bool>,
    /// Deprecated; no effect: use the redirection of the entry point or `redirectScheme`.
    pub ssl_temporary_redirect: Option<bool>,
    /// Deprecated; no effect: use `redirectRegex`.
    pub ssl_host: Option<String>,
    /// Deprecated; no effect: use `redirectRegex`.
    pub ssl_force_host: Option<bool>,
}

/// How a client's address is found. Traefik: `ipStrategy`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct IpStrategy {
    /// The n-th address of `X-Forwarded-For` from the right; 0 = the peer's. Default 0.
    pub depth: i64,
    /// The first address of `X-Forwarded-For` from the right that is none of these.
    #[option(name = "excludedIPs")]
    pub excluded_ips: Vec<String>,
    /// Take IPv6 addresses as their /n.
    #[option(name = "ipv6Subnet")]
    pub ipv6_subnet: Option<i64>,
}

/// Lets only some client addresses pass. Traefik: `ipAllowList`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct IpAllowList {
    /// Addresses and CIDRs. Required.
    pub source_range: Vec<String>,
    /// How the client's address is found. Default: the peer's.
    pub ip_strategy: Option<IpStrategy>,
    /// Status for others. Default 403.
    pub reject_status_code: i64,
}

/// Redirects by regular expression. Traefik: `redirectRegex`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct RedirectRegex {
    /// Matched against the whole URL.
    pub regex: String,
    /// Where to, with `${1}` for groups.
    pub replacement: String,
    /// 301 or 308 instead of 302 or 307. Default false.
    pub permanent: bool,
}

/// Redirects to another scheme or port. Traefik: `redirectScheme`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct RedirectScheme {
    /// The scheme. Required.
    pub scheme: String,
    /// The port. Default: the scheme's.
    pub port: String,
    /// 301 or 308 instead of 302 or 307. Default false.
    pub permanent: bool,
}

/// Tries again. Traefik: `retry`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Retry {
    /// Tries in all. Required.
    pub attempts: i64,
    /// First wait between tries; it grows exponentially. Default 0: no wait.
    pub initial_interval: GoDuration,
    /// For all tries together; 0 = none. Default 0.
    pub timeout: GoDuration,
    /// Answers to try again on: status codes and ranges.
    pub status: Vec<String>,
    /// Largest request body kept for another try, in bytes; -1 = no limit. Default 2 MiB.
    #[option(keep, default = 2_097_152)]
    pub max_request_body_bytes: i64,
    /// Do not try again on network errors. Default false.
    pub disable_retry_on_network_error: bool,
    /// Try POST, PATCH and LOCK again too. Default false.
    pub retry_non_idempotent_method: bool,
}

/// Takes a prefix off the path. Traefik: `stripPrefix`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct StripPrefix {
    /// Prefixes; the first that fits is taken off.
    pub prefixes: Vec<String>,
    /// Deprecated: make sure that the rest starts with a slash.
    pub force_slash: Option<bool>,
}
