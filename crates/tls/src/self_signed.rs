//! The certificate for names that no other covers.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair};

use crate::certificate::{Certificate, PemPair};

/// Its common name, Traefik's.
pub(crate) const NAME: &str = "TRAEFIK DEFAULT CERT";

/// A self-signed certificate, made when it is first needed and once per process. `None` if it could not be made (no
/// randomness); the handshake then fails.
///
/// differs from traefik: an ECDSA P-256 key instead of RSA 2048, which is faster to make and to use.
pub(crate) fn certificate() -> Option<&'static Arc<Certificate>> {
    static CERTIFICATE: OnceLock<Option<Arc<Certificate>>> = OnceLock::new();
    CERTIFICATE
        .get_or_init(|| match make() {
            Ok(certificate) => Some(Arc::new(certificate)),
            Err(error) => {
                tracing::error!(%error, "the self-signed default certificate cannot be made");
                None
            }
        })
        .as_ref()
}

#[derive(Debug, thiserror::Error)]
enum MakeError {
    #[error(transparent)]
    Make(#[from] rcgen::Error),
    #[error(transparent)]
    Use(#[from] crate::CertificateError),
}

fn make() -> Result<Certificate, MakeError> {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let mut params = CertificateParams::new(vec!["default.traefik.default".to_owned()])?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, NAME);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let now = SystemTime::now();
    // An hour back, for clients whose clock is late.
    params.not_before = now.checked_sub(DAY / 24).unwrap_or(now).into();
    params.not_after = now.checked_add(365 * DAY).unwrap_or(now).into();
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok(Certificate::parse(&PemPair {
        chain: certificate.pem().into_bytes().into(),
        key: key.serialize_pem().into_bytes().into(),
    })?)
}
