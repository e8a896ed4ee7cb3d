//! Options of the Ingress provider. Traefik: `providers.kubernetesIngress`.

use pointsman_config::static_::providers::KubernetesIngress;

use super::selector::{LabelSelector, LabelSelectorError};

/// What the translation may be told. Options that concern the connection to the API server are not here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// Namespaces whose Ingresses are read. Default: empty, all. Traefik: `namespaces`.
    pub namespaces: Vec<String>,
    /// Which Ingresses are read, by label. Default: all. Traefik: `labelSelector`.
    pub label_selector: LabelSelector,
    /// Name of the class to accept. Default: empty, see [`super`]. Traefik: `ingressClass`.
    pub ingress_class: String,
    /// What is written into the status of Ingresses. Default: nothing. Traefik: `ingressEndpoint`.
    pub ingress_endpoint: Option<IngressEndpoint>,
    /// Write the InternalIP of every Node into the status. Default false. Traefik: `reportNodeInternalIPs`.
    pub report_node_internal_ips: bool,
    /// Keep routers whose Service has no endpoints (503 instead of 404). Default false. Traefik:
    /// `allowEmptyServices`.
    pub allow_empty_services: bool,
    /// Accept backends of type ExternalName. Default false. Traefik: `allowExternalNameServices`.
    pub allow_external_name_services: bool,
    /// Namespaces that may refer to objects of other providers. Default: `None`, all; an empty list: none. Traefik:
    /// `crossProviderNamespaces`.
    pub cross_provider_namespaces: Option<Vec<String>>,
    /// Ignore IngressClass objects. Default false. Deprecated. Traefik: `disableIngressClassLookup`.
    pub disable_ingress_class_lookup: bool,
    /// Ignore IngressClass and Node objects. Default false. Traefik: `disableClusterScopeResources`.
    pub disable_cluster_scope_resources: bool,
    /// Use cluster IPs instead of endpoints where the Service does not say. Default false. Traefik:
    /// `nativeLBByDefault`.
    pub native_lb_by_default: bool,
    /// Match prefixes by path element instead of by character. Default false. Traefik: `strictPrefixMatching`.
    pub strict_prefix_matching: bool,
    /// How wildcard hosts are written. Default v3. Traefik: `core.defaultRuleSyntax`.
    pub default_rule_syntax: DefaultRuleSyntax,
}

/// What is written into the status of Ingresses. Traefik: `ingressEndpoint`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IngressEndpoint {
    /// Address. Default: empty.
    pub ip: String,
    /// Host name. Default: empty.
    pub hostname: String,
    /// `namespace/name` of a Service whose addresses are copied; wins over the others. Default: empty.
    pub published_service: String,
}

/// The rule syntax of routers that do not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DefaultRuleSyntax {
    /// Syntax of Traefik v3.
    #[default]
    V3,
    /// Syntax of Traefik v2.
    V2,
}

/// Options that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// Both would write the status.
    #[error("reportNodeInternalIPs and ingressEndpoint are mutually exclusive")]
    NodeInternalIpsWithEndpoint,
    /// Nodes are cluster-scoped.
    #[error("reportNodeInternalIPs and disableClusterScopeResources are mutually exclusive")]
    NodeInternalIpsWithoutNodes,
    /// `labelSelector` is no label selector.
    #[error(transparent)]
    LabelSelector(#[from] LabelSelectorError),
}

impl Options {
    /// The options of a static configuration. `syntax` is `core.defaultRuleSyntax`.
    ///
    /// # Errors
    /// The first option that can't be used; the provider does not start then.
    pub fn new(
        options: &KubernetesIngress,
        syntax: DefaultRuleSyntax,
    ) -> Result<Self, OptionsError> {
        let endpoint = options.ingress_endpoint.as_ref();
        let options = Self {
            namespaces: options.namespaces.clone(),
            label_selector: options.label_selector.parse()?,
            ingress_class: options.ingress_class.clone(),
            ingress_endpoint: endpoint.map(|endpoint| IngressEndpoint {
                ip: endpoint.ip.clone(),
                hostname: endpoint.hostname.clone(),
                published_service: endpoint.published_service.clone(),
            }),
            report_node_internal_ips: options.report_node_internal_ips,
            allow_empty_services: options.allow_empty_services,
            allow_external_name_services: options.allow_external_name_services,
            cross_provider_namespaces: options.cross_provider_namespaces.clone(),
            disable_ingress_class_lookup: options.disable_ingress_class_lookup,
            disable_cluster_scope_resources: options.disable_cluster_scope_resources,
            native_lb_by_default: options.native_lb_by_default,
            strict_prefix_matching: options.strict_prefix_matching,
            default_rule_syntax: syntax,
        };
        options.validate()?;
        Ok(options)
    }

    /// Whether the options fit together; the provider does not start otherwise.
    ///
    /// # Errors
    /// The first pair that excludes each other.
    pub fn validate(&self) -> Result<(), OptionsError> {
        if self.report_node_internal_ips && self.ingress_endpoint.is_some() {
            return Err(OptionsError::NodeInternalIpsWithEndpoint);
        }
        if self.report_node_internal_ips && self.disable_cluster_scope_resources {
            return Err(OptionsError::NodeInternalIpsWithoutNodes);
        }
        Ok(())
    }

    /// Whether objects of `namespace` are read.
    pub(super) fn watches(&self, namespace: &str) -> bool {
        self.namespaces.is_empty() || self.namespaces.iter().any(|watched| watched == namespace)
    }

    /// Whether objects of `namespace` may refer to objects of other providers.
    pub(super) fn may_cross_providers(&self, namespace: &str) -> bool {
        // differs from traefik: an empty list rejects all, as its documentation says; there it acts as unset.
        self.cross_provider_namespaces
            .as_ref()
            .is_none_or(|allowed| allowed.iter().any(|name| name == namespace))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(report: bool, endpoint: bool, disable: bool) -> Options {
        Options {
            report_node_internal_ips: report,
            ingress_endpoint: endpoint.then(|| IngressEndpoint {
                ip: "1.2.3.4".to_owned(),
                ..Default::default()
            }),
            disable_cluster_scope_resources: disable,
            ..Options::default()
        }
    }

    #[test]
    fn row_088_node_ips_and_endpoint_exclude_each_other() {
        let error = options(true, true, false).validate().unwrap_err();
        assert_eq!(
            error.to_string(),
            "reportNodeInternalIPs and ingressEndpoint are mutually exclusive"
        );
    }

    #[test]
    fn row_089_node_ips_need_cluster_scope() {
        let error = options(true, false, true).validate().unwrap_err();
        assert_eq!(
            error.to_string(),
            "reportNodeInternalIPs and disableClusterScopeResources are mutually exclusive"
        );
    }

    #[test]
    fn row_090_node_ips_alone_are_fine() {
        assert_eq!(options(true, false, false).validate(), Ok(()));
        assert_eq!(options(false, true, true).validate(), Ok(()));
    }

    #[test]
    fn static_options_are_checked() {
        let options = |selector: &str, report: bool| KubernetesIngress {
            label_selector: selector.to_owned(),
            report_node_internal_ips: report,
            disable_cluster_scope_resources: true,
            ingress_class: "x".to_owned(),
            ..KubernetesIngress::default()
        };
        let read = Options::new(&options("a=b", false), DefaultRuleSyntax::V2).unwrap();
        assert_eq!(
            (read.ingress_class.as_str(), read.default_rule_syntax),
            ("x", DefaultRuleSyntax::V2)
        );
        assert_eq!(read.label_selector, "a=b".parse().unwrap());
        assert_eq!(
            Options::new(&options("a=", true), DefaultRuleSyntax::V3),
            Err(OptionsError::NodeInternalIpsWithoutNodes)
        );
        let error = Options::new(&options("a b", false), DefaultRuleSyntax::V3).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("invalid ingress label selector: \"a b\""),
            "{error}"
        );
    }

    #[test]
    fn an_empty_list_of_cross_provider_namespaces_allows_none() {
        let mut options = Options::default();
        assert!(options.may_cross_providers("shop"));
        options.cross_provider_namespaces = Some(Vec::new());
        assert!(!options.may_cross_providers("shop"));
        options.cross_provider_namespaces = Some(vec!["shop".to_owned()]);
        assert!(options.may_cross_providers("shop") && !options.may_cross_providers("other"));
    }
}
