//! Certificates, stores and options. Traefik: `tls`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::http::{Domain, is_false};
use crate::types::Secret;

/// The TLS part of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct TlsConfiguration {
    /// Certificates; the order decides between equal sets of names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<Arc<CertificateAndStores>>,
    /// Stores by name; only `default` has an effect.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub stores: BTreeMap<String, Arc<Store>>,
    /// Options by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, Arc<Options>>,
}

/// A certificate and its key, each a file's path or PEM text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// Certificate chain, leaf first.
    pub cert_file: String,
    /// Private key.
    pub key_file: Secret<String>,
}

/// A certificate and the stores that it belongs to. Traefik: `tls.certificates[n]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct CertificateAndStores {
    /// The certificate.
    #[serde(flatten)]
    pub certificate: Certificate,
    /// Stores. Default: `default`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stores: Vec<String>,
}

/// A certificate store. Traefik: `tls.stores.<name>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Store {
    /// Certificate for names that no other one covers. Default: a self-signed one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_certificate: Option<Certificate>,
    /// The same, from a certificate resolver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_generated_cert: Option<GeneratedCertificate>,
}

/// A default certificate that a resolver gets. Traefik: `defaultGeneratedCert`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct GeneratedCertificate {
    /// Certificate resolver.
    pub resolver: String,
    /// Names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<Domain>,
}

/// What a TLS handshake may agree on. Traefik: `tls.options.<name>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Options {
    /// `VersionTLS12` or `VersionTLS13`. Default `VersionTLS12`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub min_version: String,
    /// Default: the highest.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub max_version: String,
    /// Cipher suites up to TLS 1.2, by IANA name. Default: all that are safe.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cipher_suites: Vec<String>,
    /// Key exchange groups in order of preference.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub curve_preferences: Vec<String>,
    /// Client certificates.
    pub client_auth: ClientAuth,
    /// Refuse handshakes without a certificate for their name. Default false.
    #[serde(skip_serializing_if = "is_false")]
    pub sni_strict: bool,
    /// Protocols. Default `h2`, `http/1.1`, `acme-tls/1`.
    #[serde(rename = "alpnProtocols", skip_serializing_if = "Option::is_none")]
    pub alpn_protocols: Option<Vec<String>>,
    /// Issue no session tickets. Default false.
    #[serde(skip_serializing_if = "is_false")]
    pub disable_session_tickets: bool,
    /// Deprecated; no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefer_server_cipher_suites: Option<bool>,
}

/// Client certificates. Traefik: `clientAuth`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientAuth {
    /// Certificate authorities, as paths or PEM text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ca_files: Vec<String>,
    /// Default `NoClientCert`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client_auth_type: String,
}
