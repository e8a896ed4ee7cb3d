//! Certificate authorities of the configuration.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;

use crate::certificate::chain;
use crate::source::{self, SourceError};

/// Why authorities cannot be used. Nothing is then trusted: an authority that cannot be read must not turn a check
/// into none.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A file cannot be read.
    #[error(transparent)]
    Read(#[from] SourceError),
    /// No authority in an entry.
    #[error(
        "entry {position} holds no certificate authority: give certificates in PEM form, or the path of a file with them"
    )]
    Empty {
        /// Which entry of the list, from 1.
        position: usize,
    },
}

/// Trusted authorities.
#[derive(Debug, Clone)]
pub(crate) struct Authorities {
    pub(crate) roots: Arc<RootCertStore>,
    /// Changes with every authority, not with their order.
    pub(crate) digest: [u8; 32],
}

/// Reads authorities, each entry PEM text or a path. Certificates of an entry that cannot be authorities are skipped
/// as long as one can, which trusts less, never more.
pub(crate) fn read(entries: &[String]) -> Result<Authorities, AuthorityError> {
    let mut ders: Vec<CertificateDer<'static>> = Vec::new();
    let mut roots = RootCertStore::empty();
    for (index, entry) in entries.iter().enumerate() {
        let empty = AuthorityError::Empty {
            position: index + 1,
        };
        let pem = source::read(entry)?;
        let Ok(certificates) = chain(&pem) else {
            return Err(empty);
        };
        let (added, _) = roots.add_parsable_certificates(certificates.iter().cloned());
        if added == 0 {
            return Err(empty);
        }
        ders.extend(certificates);
    }
    ders.sort_unstable_by(|a, b| a.as_ref().cmp(b.as_ref()));
    ders.dedup();
    let mut all = Vec::new();
    for der in &ders {
        all.extend_from_slice(digest(&SHA256, der).as_ref());
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, &all).as_ref());
    Ok(Authorities {
        roots: Arc::new(roots),
        digest: hash,
    })
}
