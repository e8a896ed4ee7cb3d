//! One certificate with its key: parsed, checked, and with the names that it is chosen by.

use std::borrow::Cow;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::sign::CertifiedKey;
use rustls::{Error as TlsError, InconsistentKeys};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use crate::describe::Description;
use crate::source::{self, SourceError};

/// Why a certificate cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// Its certificate file cannot be read.
    #[error("certFile: {0}")]
    CertificateFile(#[source] SourceError),
    /// Its key file cannot be read.
    #[error("keyFile: {0}")]
    KeyFile(#[source] SourceError),
    /// No certificate in the PEM text.
    #[error(
        "certFile holds no certificate in PEM form: it must begin with -----BEGIN CERTIFICATE-----"
    )]
    NoCertificate,
    /// The PEM text is damaged.
    #[error("certFile is damaged: its PEM text ends early or is not base64")]
    CertificatePem,
    /// The certificate is not X.509.
    #[error("certFile is damaged: certificate {position} is not X.509 DER")]
    CertificateDer {
        /// Which one of the chain, from 1.
        position: usize,
    },
    /// No key in the PEM text.
    #[error(
        "keyFile holds no unencrypted private key in PEM form: give a PKCS #8, PKCS #1 or SEC1 key without password"
    )]
    NoKey,
    /// A key of a kind that cannot be used.
    #[error(
        "keyFile holds a key that cannot be used: give an ECDSA P-256, P-384 or P-521, Ed25519 or RSA (2048 bits or more) key"
    )]
    KeyKind,
    /// Certificate and key do not belong together.
    #[error(
        "the private key does not belong to the certificate (first of the chain): give the key that it was issued for"
    )]
    KeyMismatch,
    /// rustls refuses the pair for another reason.
    #[error("the certificate cannot be used")]
    Refused(#[source] TlsError),
}

/// A certificate that can be served.
#[derive(Debug)]
pub(crate) struct Certificate {
    pub(crate) key: Arc<CertifiedKey>,
    pub(crate) description: Arc<Description>,
    /// Common name, DNS and IP names: lower case, sorted, each once.
    pub(crate) names: Vec<Box<str>>,
    /// `names` joined by commas: what Traefik's store is keyed by.
    pub(crate) joined_names: Box<str>,
}

impl Certificate {
    /// Parses a chain (leaf first) and its key. Validity in time is not checked.
    pub(crate) fn parse(pem: &PemPair<'_>) -> Result<Self, CertificateError> {
        let chain = chain(&pem.chain)?;
        let leaf = chain.first().ok_or(CertificateError::NoCertificate)?;
        let (_, parsed) = X509Certificate::from_der(leaf)
            .map_err(|_| CertificateError::CertificateDer { position: 1 })?;
        let names = names(&parsed);
        let description = Description::of(leaf, &parsed);
        let key = PrivateKeyDer::from_pem_slice(&pem.key).map_err(|_| CertificateError::NoKey)?;
        let key =
            CertifiedKey::from_der(chain, key, &default_provider()).map_err(
                |error| match error {
                    TlsError::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                        CertificateError::KeyMismatch
                    }
                    TlsError::General(_) => CertificateError::KeyKind,
                    other => CertificateError::Refused(other),
                },
            )?;
        Ok(Self {
            key: Arc::new(key),
            description: Arc::new(description),
            joined_names: names.join(",").into(),
            names,
        })
    }

    /// Is it valid in time?
    pub(crate) fn is_valid_at(&self, now: UnixTime) -> bool {
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        (self.description.not_before..=self.description.not_after).contains(&now)
    }
}

/// All certificates of a PEM text.
pub(crate) fn chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let chain = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| CertificateError::CertificatePem)?;
    if chain.is_empty() {
        return Err(CertificateError::NoCertificate);
    }
    Ok(chain)
}

/// The PEM texts of a certificate's chain and key.
pub(crate) struct PemPair<'a> {
    pub(crate) chain: Cow<'a, [u8]>,
    pub(crate) key: Cow<'a, [u8]>,
}

/// Reads what the configuration names or holds.
pub(crate) fn read(
    certificate: &pointsman_config::dynamic::tls::Certificate,
) -> Result<PemPair<'_>, CertificateError> {
    let chain = source::read(&certificate.cert_file).map_err(CertificateError::CertificateFile)?;
    let key = source::read(certificate.key_file.expose()).map_err(CertificateError::KeyFile)?;
    Ok(PemPair { chain, key })
}

fn names(certificate: &X509Certificate<'_>) -> Vec<Box<str>> {
    let mut names: Vec<Box<str>> = Vec::new();
    if let Some(name) = common_name(certificate) {
        names.push(name.to_ascii_lowercase().into());
    }
    if let Ok(Some(extension)) = certificate.subject_alternative_name() {
        for name in &extension.value.general_names {
            match name {
                GeneralName::DNSName(name) => {
                    names.push(name.trim_end_matches('.').to_ascii_lowercase().into());
                }
                GeneralName::IPAddress(bytes) => {
                    names.extend(ip(bytes).map(|ip| ip.to_string().into_boxed_str()));
                }
                _ => {}
            }
        }
    }
    names.retain(|name| !name.is_empty());
    names.sort_unstable();
    names.dedup();
    names
}

pub(crate) fn common_name<'a>(certificate: &'a X509Certificate<'_>) -> Option<&'a str> {
    certificate
        .subject()
        .iter_common_name()
        .next()
        .and_then(|name| name.as_str().ok())
}

pub(crate) fn ip(bytes: &[u8]) -> Option<std::net::IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(Into::into),
        16 => <[u8; 16]>::try_from(bytes).ok().map(Into::into),
        _ => None,
    }
}
