//! TLS options → rustls server configuration. Traefik: `tls.options.<name>`.

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use pointsman_config::dynamic::tls::Options;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{ServerConfig, SupportedCipherSuite};

use crate::client_auth::{Requirement, verifier};
use crate::policy::Fingerprint;
use crate::store::{CertificateStore, Resolver};
use crate::suites::{self, Problem, Versions};
use crate::tickets::Tickets;

/// Protocols without `alpnProtocols`. Traefik adds `acme-tls/1`, which is of use only with a store of challenges.
const ALPN: [&str; 2] = ["h2", "http/1.1"];

/// The protocol of TLS-ALPN-01 challenges.
const ACME: &str = "acme-tls/1";

/// What a set of options demands and offers, checked.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    versions: Versions,
    suites: Vec<SupportedCipherSuite>,
    groups: Vec<&'static dyn SupportedKxGroup>,
    alpn: Vec<Vec<u8>>,
    pub(crate) requirements: Vec<Requirement>,
    tickets: bool,
    pub(crate) sni_strict: bool,
}

impl Spec {
    /// Checks options. `None` with a fatal problem.
    pub(crate) fn of(options: &Options) -> (Option<Self>, Vec<Problem>) {
        let mut problems = Vec::new();
        // All parts are looked at, so that all mistakes are told at once.
        let versions = suites::versions(&options.min_version, &options.max_version, &mut problems);
        let mut versions_used = versions.unwrap_or(Versions {
            tls12: true,
            tls13: true,
        });
        let suites =
            suites::cipher_suites(&options.cipher_suites, &mut versions_used, &mut problems);
        let groups = suites::groups(&options.curve_preferences, &mut problems);
        let requirement = Requirement::of(&options.client_auth);
        let alpn = alpn(options.alpn_protocols.as_deref(), &mut problems);
        let requirements = match requirement {
            Ok(requirement) => Some(requirement.into_iter().collect()),
            Err(problem) => {
                problems.push(problem);
                None
            }
        };
        let spec = match (versions, suites, groups, requirements, alpn) {
            (Some(_), Some(suites), Some(groups), Some(requirements), Some(alpn)) => Some(Self {
                versions: versions_used,
                suites,
                groups,
                alpn,
                requirements,
                tickets: !options.disable_session_tickets,
                sni_strict: options.sni_strict,
            }),
            _ => None,
        };
        (spec, problems)
    }

    /// The options `default` where nobody defines them.
    pub(crate) fn built_in() -> Option<Self> {
        Self::of(&Options::default()).0
    }

    /// These options with the demands of others on top.
    pub(crate) fn with_requirements<'a>(
        &self,
        others: impl Iterator<Item = &'a Requirement>,
    ) -> Self {
        let mut spec = self.clone();
        for other in others {
            if !spec
                .requirements
                .iter()
                .any(|known| known.bytes() == other.bytes())
            {
                spec.requirements.push(other.clone());
            }
        }
        spec.requirements.sort_by_key(Requirement::bytes);
        spec
    }

    /// Equal for options with the same effect.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        let mut context = Context::new(&SHA256);
        // Each part with its length, so that no two different lists have the same bytes.
        let mut add = |part: &[u8]| {
            context.update(&part.len().to_be_bytes());
            context.update(part);
        };
        add(&[
            u8::from(self.versions.tls12),
            u8::from(self.versions.tls13),
            u8::from(self.tickets),
            u8::from(self.sni_strict),
        ]);
        add(&self.suites.len().to_be_bytes());
        for suite in &self.suites {
            add(&u16::from(suite.suite()).to_be_bytes());
        }
        add(&self.groups.len().to_be_bytes());
        for group in &self.groups {
            add(&u16::from(group.name()).to_be_bytes());
        }
        add(&self.alpn.len().to_be_bytes());
        for protocol in &self.alpn {
            add(protocol);
        }
        for requirement in &self.requirements {
            add(&requirement.bytes());
        }
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(context.finish().as_ref());
        Fingerprint(fingerprint)
    }

    /// The configuration for handshakes under these options.
    pub(crate) fn server_config(
        &self,
        store: &Arc<CertificateStore>,
        tickets: &Tickets,
    ) -> Result<ServerConfig, ConfigError> {
        let provider = Arc::new(CryptoProvider {
            cipher_suites: self.suites.clone(),
            kx_groups: self.groups.clone(),
            ..default_provider()
        });
        let verifier = verifier(&self.requirements, &provider)?
            .unwrap_or_else(WebPkiClientVerifier::no_client_auth);
        self.with_verifier(provider, verifier, store, tickets)
    }

    fn with_verifier(
        &self,
        provider: Arc<CryptoProvider>,
        verifier: Arc<dyn ClientCertVerifier>,
        store: &Arc<CertificateStore>,
        tickets: &Tickets,
    ) -> Result<ServerConfig, ConfigError> {
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&self.versions.list())?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(Resolver {
                store: Arc::clone(store),
                sni_strict: self.sni_strict,
            }));
        config.alpn_protocols.clone_from(&self.alpn);
        // Go chooses by its own order too.
        config.ignore_client_order = true;
        // Tickets or nothing: a cache of sessions would be shared state that grows with clients.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        if self.tickets
            && let Some(ticketer) = tickets.of(&self.fingerprint())
        {
            config.ticketer = ticketer;
            // One per full handshake, as Go sends; each costs its encryption and about 250 bytes.
            config.send_tls13_tickets = 1;
        }
        config.max_early_data_size = 0;
        Ok(config)
    }
}

/// rustls refused a combination.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error(transparent)]
    Config(#[from] rustls::Error),
    #[error(transparent)]
    Verifier(#[from] rustls::server::VerifierBuilderError),
}

/// `alpnProtocols`; an empty list means no ALPN at all.
fn alpn(configured: Option<&[String]>, problems: &mut Vec<Problem>) -> Option<Vec<Vec<u8>>> {
    let Some(protocols) = configured else {
        return Some(ALPN.map(|protocol| protocol.as_bytes().to_vec()).to_vec());
    };
    let too_long = protocols
        .iter()
        .find(|protocol| protocol.is_empty() || protocol.len() > 255);
    if let Some(protocol) = too_long {
        problems.push(Problem::fatal(
            "alpnProtocols",
            format!("\"{protocol}\" is no protocol name: it has 1 to 255 bytes (RFC 7301)"),
        ));
        return None;
    }
    Some(
        protocols
            .iter()
            .filter(|protocol| *protocol != ACME)
            .map(|protocol| protocol.as_bytes().to_vec())
            .collect(),
    )
}

#[cfg(test)]
mod tests;
