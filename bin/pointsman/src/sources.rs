//! Providers as the static configuration asks for them.

use std::path::PathBuf;

use anyhow::Context;
use pointsman_config::dynamic::http::RuleSyntax;
use pointsman_config::static_;
use pointsman_config::static_::providers::KubernetesIngress;
use pointsman_kubernetes::ingress::{DefaultRuleSyntax, IngressEndpoint, Options};
use pointsman_provider::Inbox;
use pointsman_providers::file::{FileProvider, Location};
use pointsman_providers::manifests::ManifestsProvider;

/// The running providers. Dropping them ends their threads.
pub(crate) struct Sources {
    files: Option<FileProvider>,
    manifests: Option<ManifestsProvider>,
}

impl Sources {
    /// Starts every configured provider. One that cannot start is told and left out, as in Traefik.
    pub(crate) fn start(
        static_: &static_::Configuration,
        inbox: &mut Inbox,
    ) -> anyhow::Result<Self> {
        let mut sources = Self {
            files: None,
            manifests: None,
        };
        if let Some(file) = &static_.providers.file {
            let location = Location::new(
                Some(PathBuf::from(&file.filename)),
                Some(PathBuf::from(&file.directory)),
            )
            .context("providers.file: neither filename nor directory is set")?;
            let sender = inbox.register(pointsman_providers::file::NAME, std::time::Duration::ZERO);
            sources.files =
                Some(FileProvider::start(location, file.watch, sender).context("providers.file")?);
        }
        if let Some(ingress) = &static_.providers.kubernetes_ingress {
            let options = ingress_options(ingress, static_.core.default_rule_syntax)?;
            let throttle = ingress.throttle_duration.0;
            let sender = inbox.register(pointsman_providers::manifests::NAME, throttle);
            let provider = ManifestsProvider::start(&ingress.manifests, options, sender);
            sources.manifests = Some(provider.context("providers.kubernetesIngress.manifests")?);
        }
        Ok(sources)
    }

    /// Reads everything again (SIGHUP).
    pub(crate) fn reload(&self) {
        if let Some(files) = &self.files {
            files.reload();
        }
        if let Some(manifests) = &self.manifests {
            manifests.reload();
        }
    }
}

/// What the translation of Ingresses may be told.
pub(crate) fn ingress_options(
    ingress: &KubernetesIngress,
    syntax: RuleSyntax,
) -> anyhow::Result<Options> {
    let options = Options {
        namespaces: ingress.namespaces.clone(),
        label_selector: ingress.label_selector.parse().with_context(|| {
            format!(
                "providers.kubernetesIngress.labelSelector {:?}",
                ingress.label_selector
            )
        })?,
        ingress_class: ingress.ingress_class.clone(),
        ingress_endpoint: ingress
            .ingress_endpoint
            .as_ref()
            .map(|endpoint| IngressEndpoint {
                ip: endpoint.ip.clone(),
                hostname: endpoint.hostname.clone(),
                published_service: endpoint.published_service.clone(),
            }),
        report_node_internal_ips: ingress.report_node_internal_ips,
        allow_empty_services: ingress.allow_empty_services,
        allow_external_name_services: ingress.allow_external_name_services,
        cross_provider_namespaces: ingress.cross_provider_namespaces.clone(),
        disable_ingress_class_lookup: ingress.disable_ingress_class_lookup,
        disable_cluster_scope_resources: ingress.disable_cluster_scope_resources,
        native_lb_by_default: ingress.native_lb_by_default,
        strict_prefix_matching: ingress.strict_prefix_matching,
        default_rule_syntax: match syntax {
            RuleSyntax::V2 => DefaultRuleSyntax::V2,
            RuleSyntax::V3 | RuleSyntax::Default => DefaultRuleSyntax::V3,
        },
    };
    options.validate().context("providers.kubernetesIngress")?;
    Ok(options)
}
