//! What a client has to prove. Traefik: `clientAuth`.

use std::sync::Arc;

use pointsman_config::dynamic::tls::ClientAuth;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};

use crate::authorities::{self, Authorities};
use crate::suites::Problem;

/// One demand on a client's certificate.
#[derive(Debug, Clone)]
pub(crate) struct Requirement {
    pub(crate) kind: Kind,
    /// Present for the kinds that verify.
    authorities: Option<Authorities>,
}

/// `clientAuthType`. `NoClientCert` is no requirement at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Ask; take any certificate or none.
    Request,
    /// Demand a certificate; take any.
    RequireAny,
    /// Ask; verify what is given.
    VerifyIfGiven,
    /// Demand a certificate and verify it.
    RequireAndVerify,
}

impl Requirement {
    /// The demand in `options`; `Ok(None)` without one.
    ///
    /// # Errors
    ///
    /// What is wrong; the options then protect nothing and must refuse.
    pub(crate) fn of(options: &ClientAuth) -> Result<Option<Self>, Problem> {
        const TYPE: &str = "clientAuth.clientAuthType";
        let has_authorities = !options.ca_files.is_empty();
        let kind = match options.client_auth_type.as_str() {
            "" if has_authorities => Kind::RequireAndVerify,
            "" | "NoClientCert" => return Ok(None),
            "RequestClientCert" => Kind::Request,
            "RequireAnyClientCert" => Kind::RequireAny,
            "VerifyClientCertIfGiven" => Kind::VerifyIfGiven,
            "RequireAndVerifyClientCert" => Kind::RequireAndVerify,
            other => {
                return Err(Problem::fatal(
                    TYPE,
                    format!(
                        "\"{other}\" is none of NoClientCert, RequestClientCert, RequireAnyClientCert, \
                         VerifyClientCertIfGiven, RequireAndVerifyClientCert"
                    ),
                ));
            }
        };
        // Read whatever the kind: a broken authority file is a mistake that its author has to hear of.
        let authorities = match has_authorities {
            true => Some(
                authorities::read(&options.ca_files)
                    .map_err(|error| Problem::fatal("clientAuth.caFiles", error.to_string()))?,
            ),
            false if kind.verifies() => {
                return Err(Problem::fatal(
                    "clientAuth.caFiles",
                    format!(
                        "missing, and {} verifies nothing without: name the authorities of the clients",
                        options.client_auth_type
                    ),
                ));
            }
            false => None,
        };
        Ok(Some(Self {
            kind,
            authorities: authorities.filter(|_| kind.verifies()),
        }))
    }

    /// Two requirements with equal bytes demand the same.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.kind as u8];
        if let Some(authorities) = &self.authorities {
            bytes.extend_from_slice(&authorities.digest);
        }
        bytes
    }
}

impl Kind {
    fn verifies(self) -> bool {
        matches!(self, Self::VerifyIfGiven | Self::RequireAndVerify)
    }

    fn is_mandatory(self) -> bool {
        matches!(self, Self::RequireAny | Self::RequireAndVerify)
    }
}

/// A verifier for all of `requirements` at once; `None` when there is none.
pub(crate) fn verifier(
    requirements: &[Requirement],
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, rustls::server::VerifierBuilderError> {
    if requirements.is_empty() {
        return Ok(None);
    }
    let mut verifying: Vec<Arc<dyn ClientCertVerifier>> = Vec::new();
    for authorities in requirements
        .iter()
        .filter_map(|requirement| requirement.authorities.as_ref())
    {
        let roots = Arc::clone(&authorities.roots);
        verifying.push(
            WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider)).build()?,
        );
    }
    let hints = verifying
        .iter()
        .flat_map(|verifier| verifier.root_hint_subjects().iter().cloned())
        .collect();
    Ok(Some(Arc::new(Verifier {
        verifying,
        is_mandatory: requirements
            .iter()
            .any(|requirement| requirement.kind.is_mandatory()),
        hints,
        algorithms: provider.signature_verification_algorithms,
    })))
}

/// Every one of `verifying` has to accept a certificate. With none, any certificate is accepted whose key the client
/// proves to hold.
#[derive(Debug)]
struct Verifier {
    verifying: Vec<Arc<dyn ClientCertVerifier>>,
    is_mandatory: bool,
    hints: Vec<DistinguishedName>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for Verifier {
    fn client_auth_mandatory(&self) -> bool {
        self.is_mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        for verifier in &self.verifying {
            verifier.verify_client_cert(end_entity, intermediates, now)?;
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
