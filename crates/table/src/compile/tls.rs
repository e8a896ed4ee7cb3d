//! Certificates, TLS options and which router is served under which.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pointsman_config::Diagnostic;
use pointsman_config::dynamic::Router;
use pointsman_config::names::{INTERNAL, QualifiedName};
use pointsman_provider::{DefaultObject, Merged, TlsCertificate};
use pointsman_tls::{
    CertificateSource, CertificateStore, Conflict, Policies, PolicySet, RouterOptions, Tls, resolve,
};
use rustls::pki_types::UnixTime;

use super::Compiler;
use super::graph::Node;
use crate::runtime::Status;

/// The hosts of a router's rule, and the name of its options.
type HostsAndOptions = (Vec<String>, Arc<str>);

/// What is known about TLS.
pub(super) struct TlsState {
    pub(super) memory: Tls,
    pub(super) store: Arc<CertificateStore>,
    pub(super) options: PolicySet,
    /// Routers with TLS by entry point: their hosts and their options.
    pub(super) routers: Vec<BTreeMap<QualifiedName, HostsAndOptions>>,
    pub(super) policies: Vec<Arc<Policies>>,
    /// Whether `policies` are out of date.
    pub(super) stale: bool,
    /// Routers that are shown with a conflict of their options, and the text.
    pub(super) conflicted: BTreeSet<(QualifiedName, &'static str)>,
    /// Problems of certificates, then of options.
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl Compiler {
    pub(super) fn update_tls_options(&mut self, before: &Merged) {
        let after = &self.merged.tls;
        let same_certificates = before.tls.certificates.len() == after.certificates.len()
            && before
                .tls
                .certificates
                .iter()
                .zip(&after.certificates)
                .all(|(a, b)| Arc::ptr_eq(&a.certificate, &b.certificate));
        let same_options = before.tls.options.ptr_eq(&after.options)
            && before.tls.default_options == after.default_options
            && before.tls.default_store == after.default_store;
        if same_certificates && same_options && self.generation > 0 {
            return;
        }
        let sources: Vec<_> = after
            .certificates
            .iter()
            .enumerate()
            .map(|(index, certificate)| certificate_source(index, certificate))
            .collect();
        let default = match &after.default_store {
            DefaultObject::Defined { object, .. } => object.default_certificate.as_ref(),
            DefaultObject::BuiltIn | DefaultObject::Conflict(_) => None,
        };
        let build = self.tls.memory.store(&sources, default, UnixTime::now());
        self.tls.store = build.store;
        let default = match &after.default_options {
            DefaultObject::BuiltIn => None,
            DefaultObject::Defined { object, .. } => Some(Some(&**object)),
            DefaultObject::Conflict(_) => Some(None),
        };
        let options = after
            .options
            .iter()
            .map(|(name, options)| (name.as_str(), &**options));
        self.tls.options = self.tls.memory.policies(options, default, &self.tls.store);
        self.tls.diagnostics = build.diagnostics;
        self.tls
            .diagnostics
            .extend_from_slice(self.tls.options.diagnostics());
        self.tls.stale = true;
    }

    /// Decides which policy counts for which name, for each entry point, and tells routers whose options do not.
    pub(super) fn update_policies(&mut self) {
        if !std::mem::take(&mut self.tls.stale) {
            return;
        }
        self.tls.policies.clear();
        for (name, message) in std::mem::take(&mut self.tls.conflicted) {
            if let Some(router) = Arc::make_mut(&mut self.runtime.routers).get_mut(&name)
                && router.errors.iter().any(|error| error == message)
            {
                let router = Arc::make_mut(router);
                router.errors.retain(|error| error != message);
                if router.errors.is_empty() {
                    router.status = Status::Enabled;
                }
            }
        }
        for routers in &self.tls.routers {
            let hosts: Vec<Vec<&str>> = routers
                .values()
                .map(|(hosts, _)| hosts.iter().map(String::as_str).collect())
                .collect();
            let options: Vec<_> = routers
                .iter()
                .zip(&hosts)
                .map(|((name, (_, options)), hosts)| RouterOptions {
                    router: name.as_str(),
                    hosts,
                    options,
                })
                .collect();
            let resolution = resolve(&options);
            for (name, conflict) in &resolution.conflicted {
                let message = match conflict {
                    Conflict::Hosts(_) => {
                        "routers of the same host use different TLS options: the default ones count, with the client authentication of all of them"
                    }
                    Conflict::NoHost => {
                        "TLS options need a Host in the rule to be found by: the default ones count"
                    }
                };
                let shown = routers.keys().find(|router| router.as_str() == &**name);
                if let Some(router) =
                    shown.and_then(|name| Arc::make_mut(&mut self.runtime.routers).get_mut(name))
                {
                    self.tls
                        .conflicted
                        .extend(shown.map(|name| (name.clone(), message)));
                    let router = Arc::make_mut(router);
                    router.status = router.status.max(Status::Warning);
                    if !router.errors.iter().any(|error| error == message) {
                        router.errors.push(message.to_owned());
                    }
                }
            }
            self.tls
                .policies
                .push(Arc::new(self.tls.options.entry_point(&resolution)));
        }
    }

    pub(super) fn tls_options(
        &mut self,
        node: &Node,
        name: &QualifiedName,
        config: &Router,
        has_host: bool,
        errors: &mut Vec<String>,
        warnings: &mut Vec<String>,
    ) -> Arc<str> {
        let Some(tls) = &config.tls else {
            return "".into();
        };
        if !tls.cert_resolver.is_empty() {
            warnings.push(format!(
                "certificate resolver {:?} does not exist: certificates come from secrets and files only",
                tls.cert_resolver
            ));
        }
        if tls.options.is_empty() || tls.options == "default" {
            self.graph.add(
                node,
                Node::TlsOptions(QualifiedName::new("default", INTERNAL)),
            );
            if let DefaultObject::Conflict(providers) = &self.merged.tls.default_options {
                errors.push(format!(
                    "the default TLS options are defined by several providers: {}",
                    providers.join(", ")
                ));
            }
            return "default".into();
        }
        let options = QualifiedName::resolve(&tls.options, name.provider());
        self.graph.add(node, Node::TlsOptions(options.clone()));
        match self.tls.options.policy(options.as_str()) {
            None => errors.push(format!("building router: unknown TLS options: {}", options.as_str())),
            Some(policy) if policy.config().is_none() => {
                errors.push(format!("building router: TLS options {} cannot be built", options.as_str()));
            }
            Some(policy) if policy.asks_for_certificates() && !has_host => errors.push(format!(
                "building router: TLS options {} ask for client certificates, which needs a Host in the rule",
                options.as_str()
            )),
            Some(_) => {}
        }
        options.as_str().into()
    }
}

/// A certificate with its object's name, by which a renewed one finds the one that it replaces.
fn certificate_source(index: usize, certificate: &TlsCertificate) -> CertificateSource {
    let TlsCertificate {
        provider,
        certificate,
    } = certificate;
    let origin = certificate.origin.as_ref();
    CertificateSource {
        object: origin.map_or_else(
            || format!("tls certificate {index} of provider {provider}").into(),
            Arc::clone,
        ),
        owner: origin.map(|origin| format!("{origin} of provider {provider}").into()),
        certificate: Arc::clone(certificate),
    }
}
