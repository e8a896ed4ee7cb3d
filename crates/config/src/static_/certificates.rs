//! Where certificates come from, as data: resolvers, OCSP, SPIFFE.

use std::collections::BTreeMap;

use crate::decode::Options;
use crate::types::{GoDuration, Secret};

/// Gets certificates; exactly one kind. Traefik: `certificatesResolvers.<name>`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct CertificatesResolver {
    /// From a certificate authority that speaks ACME.
    pub acme: Option<Acme>,
    /// From the local Tailscale daemon, for names below `ts.net`.
    pub tailscale: Option<Tailscale>,
}

/// Certificates from the Tailscale daemon. Traefik: `tailscale`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Tailscale {}

/// Certificates by ACME. Traefik: `acme`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Acme {
    /// Authorities that the ACME server's certificate may come from.
    pub ca_certificates: Vec<String>,
    /// URL of the ACME directory.
    #[option(default = "https://acme-v02.api.letsencrypt.org/directory".to_owned())]
    pub ca_server: String,
    /// Name in the ACME server's certificate.
    pub ca_server_name: String,
    /// Use the system's authorities too.
    pub ca_system_cert_pool: bool,
    /// Hours that certificates are good for; decides when they are renewed.
    #[option(default = 2_160)]
    pub certificates_duration: u32,
    /// Longest wait for a certificate.
    #[option(default = GoDuration::from_secs(30))]
    pub certificate_timeout: GoDuration,
    /// Longest wait for the head of an answer.
    #[option(default = GoDuration::from_secs(30))]
    pub client_response_header_timeout: GoDuration,
    /// Longest wait for an answer.
    #[option(default = GoDuration::from_secs(120))]
    pub client_timeout: GoDuration,
    /// Leave the common name out of requests.
    pub disable_common_name: bool,
    /// Prove names by DNS records.
    pub dns_challenge: Option<DnsChallenge>,
    /// External account binding.
    pub eab: Option<Eab>,
    /// Address of the account's owner.
    pub email: String,
    /// Addresses for the certificates' subject.
    pub email_addresses: Vec<String>,
    /// Prove names over HTTP.
    pub http_challenge: Option<HttpChallenge>,
    /// Kind of key: `EC256`, `EC384`, `RSA2048`, `RSA4096`, `RSA8192`.
    #[option(default = "RSA4096".to_owned())]
    pub key_type: String,
    /// Chain to prefer, by the name of its root.
    pub preferred_chain: String,
    /// Profile of certificates.
    pub profile: String,
    /// File that keeps account and certificates.
    #[option(default = "acme.json".to_owned())]
    pub storage: String,
    /// Prove names over TLS.
    pub tls_challenge: Option<TlsChallenge>,
}

/// Proof by DNS records. Traefik: `dnsChallenge`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct DnsChallenge {
    /// Deprecated: use `propagation.delayBeforeChecks`.
    pub delay_before_check: GoDuration,
    /// Deprecated: use `propagation.disableChecks`.
    pub disable_propagation_check: bool,
    /// How it is checked that records have spread.
    pub propagation: Option<Propagation>,
    /// DNS provider.
    pub provider: String,
    /// DNS servers to ask.
    pub resolvers: Vec<String>,
}

/// How it is checked that DNS records have spread. Traefik: `propagation`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Propagation {
    /// Wait before the first check.
    pub delay_before_checks: GoDuration,
    /// Do not ask the authoritative servers.
    #[option(name = "disableANSChecks")]
    pub disable_ans_checks: bool,
    /// Do not check.
    pub disable_checks: bool,
    /// Ask all recursive servers.
    #[option(name = "requireAllRNS")]
    pub require_all_rns: bool,
}

/// External account binding. Traefik: `eab`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Eab {
    /// Key in base64url.
    pub hmac_encoded: Secret<String>,
    /// Identifier of the key.
    pub kid: String,
}

/// Proof over HTTP. Traefik: `httpChallenge`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct HttpChallenge {
    /// Wait before the authority may check.
    pub delay: GoDuration,
    /// Entry point that answers; the authority calls port 80.
    pub entry_point: String,
}

/// Proof over TLS. Traefik: `tlsChallenge`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct TlsChallenge {
    /// Wait before the authority may check.
    pub delay: GoDuration,
}

/// OCSP stapling. Traefik: `ocsp`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Ocsp {
    /// Responders to use instead of those in certificates, by the URL replaced.
    pub responder_overrides: BTreeMap<String, String>,
}

/// The SPIFFE workload API. Traefik: `spiffe`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Spiffe {
    /// Address of the API's socket.
    #[option(name = "workloadAPIAddr")]
    pub workload_api_addr: String,
}
