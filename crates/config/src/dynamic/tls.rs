//! Certificates, stores and options. Traefik: `tls`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::decode::Options;

use super::http::Domain;
use crate::types::Secret;

/// The TLS part of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct TlsConfiguration {
    /// Certificates; the order decides between equal sets of names.
    #[option(objects = "TLS certificate")]
    pub certificates: Vec<Arc<CertificateAndStores>>,
    /// Stores by name; only `default` has an effect.
    #[option(objects = "TLS store")]
    pub stores: BTreeMap<String, Arc<Store>>,
    /// Options by name.
    #[option(objects = "TLS options")]
    pub options: BTreeMap<String, Arc<Options>>,
}

/// A certificate and its key, each a file's path or PEM text.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Certificate {
    /// Certificate chain, leaf first.
    #[option(keep)]
    pub cert_file: String,
    /// Private key.
    #[option(keep)]
    pub key_file: Secret<String>,
}

/// A certificate and the stores that it belongs to. Traefik: `tls.certificates[n]`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct CertificateAndStores {
    /// The certificate.
    #[option(flatten)]
    pub certificate: Certificate,
    /// Stores. Default: `default`.
    pub stores: Vec<String>,
    /// The object that it comes from, such as `Secret shop/tls`: what diagnostics call it, and what stays the same when
    /// it is renewed. Not part of Traefik's JSON.
    #[option(skip)]
    pub origin: Option<Arc<str>>,
}

/// A certificate store. Traefik: `tls.stores.<name>`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Store {
    /// Certificate for names that no other one covers. Default: a self-signed one.
    pub default_certificate: Option<Certificate>,
    /// The same, from a certificate resolver.
    pub default_generated_cert: Option<GeneratedCertificate>,
}

/// A default certificate that a resolver gets. Traefik: `defaultGeneratedCert`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct GeneratedCertificate {
    /// Certificate resolver.
    #[option(keep)]
    pub resolver: String,
    /// Names.
    pub domain: Option<Domain>,
}

/// What a TLS handshake may agree on. Traefik: `tls.options.<name>`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Options {
    /// `VersionTLS12` or `VersionTLS13`. Default `VersionTLS12`.
    pub min_version: String,
    /// Default: the highest.
    pub max_version: String,
    /// Cipher suites up to TLS 1.2, by IANA name. Default: all that are safe.
    pub cipher_suites: Vec<String>,
    /// Key exchange groups in order of preference.
    pub curve_preferences: Vec<String>,
    /// Client certificates.
    pub client_auth: ClientAuth,
    /// Refuse handshakes without a certificate for their name. Default false.
    pub sni_strict: bool,
    /// Protocols. Default `h2`, `http/1.1`, `acme-tls/1`.
    #[option(name = "alpnProtocols")]
    pub alpn_protocols: Option<Vec<String>>,
    /// Issue no session tickets. Default false.
    pub disable_session_tickets: bool,
    /// Deprecated; no effect.
    pub prefer_server_cipher_suites: Option<bool>,
}

/// Client certificates. Traefik: `clientAuth`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct ClientAuth {
    /// Certificate authorities, as paths or PEM text.
    pub ca_files: Vec<String>,
    /// Default `NoClientCert`.
    pub client_auth_type: String,
}
