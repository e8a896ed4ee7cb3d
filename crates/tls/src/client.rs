//! TLS towards servers. Traefik: the TLS fields of `http.serversTransports.<name>`.

use std::sync::{Arc, OnceLock};

use pointsman_config::dynamic::http::ServersTransport;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{
    ResolvesClientCert, Resumption, verify_server_cert_signed_by_trust_anchor, verify_server_name,
};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError as BadCertificate, ClientConfig, DigitallySignedStruct, Error as TlsError,
    RootCertStore, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, InvalidDnsNameError, ServerName, UnixTime};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use crate::authorities::{self, AuthorityError};
use crate::certificate::{Certificate, CertificateError, read};
use crate::suites::{self, Problem};

/// Servers whose sessions a transport remembers for resumption.
const REMEMBERED_SERVERS: usize = 32;

/// How to speak TLS with the servers of one servers transport. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Transport {
    http2: Arc<ClientConfig>,
    http1: Arc<ClientConfig>,
    server_name: Option<ServerName<'static>>,
}

/// Why no transport can be built. What would have verified something must not be left out, so that the services of
/// this transport cannot serve.
///
/// differs from traefik: it falls back to its default TLS configuration, or goes on without what cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// An option has a bad value.
    #[error("{field}: {message}")]
    Option {
        /// The option.
        field: &'static str,
        /// What is wrong with it and what cures it.
        message: String,
    },
    /// The server name is no DNS name and no IP address.
    #[error("serverName: \"{name}\" is neither a DNS name nor an IP address")]
    ServerName {
        /// The name.
        name: String,
        /// Why.
        source: InvalidDnsNameError,
    },
    /// Authorities cannot be read.
    #[error("rootCAs: {0}")]
    RootCas(#[source] AuthorityError),
    /// A certificate to show cannot be used.
    #[error("certificates[{index}]: {source}")]
    Certificate {
        /// Its place in the list, from 0.
        index: usize,
        /// Why.
        source: CertificateError,
    },
    /// SPIFFE identities are not supported.
    #[error("spiffe is not supported yet: use rootCAs, certificates and peerCertURI")]
    Spiffe,
    /// rustls refuses the combination.
    #[error("the TLS options cannot be used together")]
    Refused(#[source] TlsError),
}

impl Transport {
    /// Builds the configuration, and lists what it leaves out of it, each with its option, because it is no longer
    /// safe.
    ///
    /// Without `rootCAs` servers are verified against the authorities of the system (`SSL_CERT_FILE`, `SSL_CERT_DIR`
    /// are honoured), which are loaded when the first server has to be verified; if there are none, verification
    /// fails. With `insecureSkipVerify` neither the certificate nor the proof of its key is looked at, which accepts
    /// short RSA keys and SHA-1 too; `peerCertURI` demands a verified chain with this URI all the same, as in Traefik.
    ///
    /// differs from traefik: `minVersion` counts without `maxVersion` too, and the two may be equal.
    ///
    /// # Errors
    ///
    /// [`TransportError`], the first.
    pub fn build(options: &ServersTransport) -> Result<(Self, Vec<String>), TransportError> {
        if options.spiffe.is_some() {
            return Err(TransportError::Spiffe);
        }
        let mut problems = Vec::new();
        let versions = suites::versions(&options.min_version, &options.max_version, &mut problems);
        let suites = versions.and_then(|mut versions| {
            let suites =
                suites::cipher_suites(&options.cipher_suites, &mut versions, &mut problems)?;
            Some((versions, suites))
        });
        if let Some(Problem { field, message, .. }) =
            problems.iter().find(|problem| problem.is_fatal).cloned()
        {
            return Err(TransportError::Option { field, message });
        }
        let Some((versions, cipher_suites)) = suites else {
            return Err(TransportError::Option {
                field: "cipherSuites",
                message: "no cipher suite is left".to_owned(),
            });
        };
        let provider = Arc::new(CryptoProvider {
            cipher_suites,
            kx_groups: suites::default_groups(),
            ..default_provider()
        });
        let verifier = Verifier {
            roots: match &options.root_cas[..] {
                [] => Roots::System,
                entries => Roots::Own(
                    authorities::read(entries)
                        .map_err(TransportError::RootCas)?
                        .roots,
                ),
            },
            skips: options.insecure_skip_verify,
            uri: Some(options.peer_cert_uri.as_str())
                .filter(|uri| !uri.is_empty())
                .map(Into::into),
            algorithms: provider.signature_verification_algorithms,
        };
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions.list())
            .map_err(TransportError::Refused)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_cert_resolver(Arc::new(OwnCertificates::load(options)?));
        config.resumption = Resumption::in_memory_sessions(REMEMBERED_SERVERS);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let http1 = Arc::new(config.clone());
        let http2 = if options.disable_http2 {
            Arc::clone(&http1)
        } else {
            config.alpn_protocols.insert(0, b"h2".to_vec());
            Arc::new(config)
        };
        let transport = Self {
            http2,
            http1,
            server_name: own_server_name(&options.server_name)?,
        };
        let warnings = problems
            .into_iter()
            .map(|problem| format!("{}: {}", problem.field, problem.message))
            .collect();
        Ok((transport, warnings))
    }

    /// The configuration for ordinary requests: ALPN `h2`, `http/1.1`, or the latter alone with `disableHTTP2`.
    pub fn config(&self) -> &Arc<ClientConfig> {
        &self.http2
    }

    /// The configuration for requests that HTTP/2 cannot carry (`Upgrade`): ALPN `http/1.1`.
    pub fn config_http1(&self) -> &Arc<ClientConfig> {
        &self.http1
    }

    /// The name to send and to verify for a server: `serverName`, else the host of its URL, without port.
    ///
    /// # Errors
    ///
    /// The host is neither a DNS name nor an IP address.
    pub fn server_name(&self, host: &str) -> Result<ServerName<'static>, InvalidDnsNameError> {
        match &self.server_name {
            Some(name) => Ok(name.clone()),
            None => server_name(host),
        }
    }
}

fn own_server_name(name: &str) -> Result<Option<ServerName<'static>>, TransportError> {
    if name.is_empty() {
        return Ok(None);
    }
    server_name(name)
        .map(Some)
        .map_err(|source| TransportError::ServerName {
            name: name.to_owned(),
            source,
        })
}

/// `[::1]` in brackets or not; a trailing dot is not part of a name in TLS (RFC 6066 §3).
fn server_name(host: &str) -> Result<ServerName<'static>, InvalidDnsNameError> {
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let host = host.strip_suffix('.').unwrap_or(host);
    ServerName::try_from(host.to_owned())
}

/// Whom a transport trusts.
#[derive(Debug)]
enum Roots {
    Own(Arc<RootCertStore>),
    System,
}

impl Roots {
    fn store(&self) -> &RootCertStore {
        match self {
            Self::Own(roots) => roots,
            Self::System => system_roots(),
        }
    }
}

/// The system's authorities, loaded once.
fn system_roots() -> &'static RootCertStore {
    static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let loaded = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(loaded.certs);
        if roots.is_empty() {
            tracing::error!(
                errors = ?loaded.errors,
                "the system has no certificate authorities, so that no server can be verified: install \
                 ca-certificates or set rootCAs in the servers transport"
            );
        }
        roots
    })
}

#[derive(Debug)]
struct Verifier {
    roots: Roots,
    skips: bool,
    uri: Option<Box<str>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    /// Is the certificate not looked at at all? Then a proof of its key proves nothing.
    fn trusts_anybody(&self) -> bool {
        self.skips && self.uri.is_none()
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        if self.trusts_anybody() {
            return Ok(ServerCertVerified::assertion());
        }
        let parsed = ParsedCertificate::try_from(end_entity)?;
        verify_server_cert_signed_by_trust_anchor(
            &parsed,
            self.roots.store(),
            intermediates,
            now,
            self.algorithms.all,
        )?;
        if !self.skips {
            verify_server_name(&parsed, server_name)?;
        }
        if let Some(uri) = &self.uri {
            verify_uri(end_entity, uri)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        if self.trusts_anybody() {
            return Ok(HandshakeSignatureValid::assertion());
        }
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        if self.trusts_anybody() {
            return Ok(HandshakeSignatureValid::assertion());
        }
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The first URI of the certificate must be `uri`, whatever the case. Traefik: `VerifyPeerCertificate`.
fn verify_uri(certificate: &CertificateDer<'_>, uri: &str) -> Result<(), TlsError> {
    let bad = |error| TlsError::InvalidCertificate(error);
    let (_, parsed) =
        X509Certificate::from_der(certificate).map_err(|_| bad(BadCertificate::BadEncoding))?;
    let names = parsed
        .subject_alternative_name()
        .map_err(|_| bad(BadCertificate::BadEncoding))?;
    let first = names.and_then(|names| {
        names
            .value
            .general_names
            .iter()
            .find_map(|name| match name {
                GeneralName::URI(uri) => Some(*uri),
                _ => None,
            })
    });
    match first {
        Some(first) if first.eq_ignore_ascii_case(uri) => Ok(()),
        _ => Err(bad(BadCertificate::NotValidForName)),
    }
}

/// The certificates that a transport shows when a server asks for one.
#[derive(Debug)]
struct OwnCertificates(Vec<OwnCertificate>);

#[derive(Debug)]
struct OwnCertificate {
    key: Arc<CertifiedKey>,
    /// DER of the issuer of each certificate in the chain.
    issuers: Vec<Vec<u8>>,
}

impl OwnCertificates {
    fn load(options: &ServersTransport) -> Result<Self, TransportError> {
        let load = |(index, configured)| {
            let load = || OwnCertificate::new(&Certificate::parse(&read(configured)?)?);
            load().map_err(|source| TransportError::Certificate { index, source })
        };
        let loaded: Result<_, _> = options.certificates.iter().enumerate().map(load).collect();
        loaded.map(Self)
    }
}

impl OwnCertificate {
    fn new(certificate: &Certificate) -> Result<Self, CertificateError> {
        let issuers = certificate
            .key
            .cert
            .iter()
            .enumerate()
            .map(|(at, der)| {
                X509Certificate::from_der(der)
                    .map(|(_, parsed)| parsed.issuer().as_raw().to_vec())
                    .map_err(|_| CertificateError::CertificateDer { position: at + 1 })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            key: Arc::clone(&certificate.key),
            issuers,
        })
    }
}

impl ResolvesClientCert for OwnCertificates {
    /// The first that an authority named by the server has issued (any, if it names none) and whose key can sign as
    /// the server demands; as Go chooses.
    fn resolve(
        &self,
        root_hint_subjects: &[&[u8]],
        schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        self.0
            .iter()
            .find(|own| {
                let is_wanted = root_hint_subjects.is_empty()
                    || own
                        .issuers
                        .iter()
                        .any(|issuer| root_hint_subjects.contains(&&issuer[..]));
                is_wanted && own.key.key.choose_scheme(schemes).is_some()
            })
            .map(|own| Arc::clone(&own.key))
    }

    fn has_certs(&self) -> bool {
        !self.0.is_empty()
    }
}

#[cfg(test)]
mod tests;
