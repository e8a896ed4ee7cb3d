//! Options of the providers that read Kubernetes objects.

use crate::decode::Options;
use crate::types::{GoDuration, Secret};

/// Kubernetes Ingress. Traefik: `providers.kubernetesIngress`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct KubernetesIngress {
    /// Keep routers whose Service has no endpoints; they answer 503.
    pub allow_empty_services: bool,
    /// Send to Services of type ExternalName.
    pub allow_external_name_services: bool,
    /// File with the certificate authority of the API server.
    pub cert_auth_file_path: String,
    /// Namespaces whose Ingresses may name objects of other providers. Unset: all.
    pub cross_provider_namespaces: Option<Vec<String>>,
    /// Read no Nodes, Namespaces and IngressClasses.
    pub disable_cluster_scope_resources: bool,
    /// Deprecated: use `disableClusterScopeResources`.
    pub disable_ingress_class_lookup: bool,
    /// URL of the API server.
    pub endpoint: String,
    /// IngressClass to take Ingresses of. Empty: those of this controller's classes and those without a class.
    pub ingress_class: String,
    /// What is written to the status of Ingresses.
    pub ingress_endpoint: Option<IngressEndpoint>,
    /// Selector of the labels of Ingresses.
    pub label_selector: String,
    /// Folder of manifests to read instead of a cluster; watched. Not in Traefik.
    pub manifests: String,
    /// Namespaces to read. Empty: all.
    pub namespaces: Vec<String>,
    /// Send to a Service's own address instead of its endpoints, unless the Service says otherwise.
    #[option(name = "nativeLBByDefault")]
    pub native_lb_by_default: bool,
    /// Write the internal addresses of Nodes to the status of Ingresses.
    #[option(name = "reportNodeInternalIPs")]
    pub report_node_internal_ips: bool,
    /// Match `Prefix` paths by whole elements, as Kubernetes says, instead of by characters.
    pub strict_prefix_matching: bool,
    /// Least time between two translations.
    pub throttle_duration: GoDuration,
    /// Token for the API server.
    pub token: Secret<String>,
}

/// What is written to the status of Ingresses. Traefik: `ingressEndpoint`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct IngressEndpoint {
    /// Host name.
    pub hostname: String,
    /// Address.
    pub ip: String,
    /// `namespace/name` of a Service whose addresses are copied.
    pub published_service: String,
}

/// Traefik's own resources. Traefik: `providers.kubernetesCRD`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct KubernetesCrd {
    /// Let objects name objects of other namespaces.
    pub allow_cross_namespace: bool,
    /// Keep services whose Service has no endpoints; they answer 503.
    pub allow_empty_services: bool,
    /// Send to Services of type ExternalName.
    pub allow_external_name_services: bool,
    /// File with the certificate authority of the API server.
    pub cert_auth_file_path: String,
    /// Namespaces whose objects may name objects of other providers. Unset: all.
    pub cross_provider_namespaces: Option<Vec<String>>,
    /// Read no Nodes and Namespaces.
    pub disable_cluster_scope_resources: bool,
    /// URL of the API server.
    pub endpoint: String,
    /// Class to take objects of, by the annotation `kubernetes.io/ingress.class`. Empty: all.
    pub ingress_class: String,
    /// Selector of the labels of objects.
    pub label_selector: String,
    /// Namespaces to read. Empty: all.
    pub namespaces: Vec<String>,
    /// Send to a Service's own address instead of its endpoints, unless the object says otherwise.
    #[option(name = "nativeLBByDefault")]
    pub native_lb_by_default: bool,
    /// Least time between two translations.
    pub throttle_duration: GoDuration,
    /// Token for the API server.
    pub token: Secret<String>,
}

/// Gateway API. Traefik: `providers.kubernetesGateway`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct KubernetesGateway {
    /// Requests to the API server that may come at once.
    #[option(default = 100)]
    pub burst: u32,
    /// File with the certificate authority of the API server.
    pub cert_auth_file_path: String,
    /// Namespaces whose objects may name objects of other providers. Unset: all.
    pub cross_provider_namespaces: Option<Vec<String>>,
    /// URL of the API server.
    pub endpoint: String,
    /// Read the kinds of the experimental channel (TCPRoute) too.
    pub experimental_channel: bool,
    /// Selector of the labels of GatewayClasses.
    pub label_selector: String,
    /// Namespaces to read. Empty: all.
    pub namespaces: Vec<String>,
    /// Send to a Service's own address instead of its endpoints, unless the Service says otherwise.
    #[option(name = "nativeLBByDefault")]
    pub native_lb_by_default: bool,
    /// Requests to the API server per second.
    #[option(default = 50)]
    pub qps: u32,
    /// What is written to the status of Gateways.
    pub status_address: Option<StatusAddress>,
    /// Least time between two translations.
    pub throttle_duration: GoDuration,
    /// Token for the API server.
    pub token: Secret<String>,
}

/// What is written to the status of Gateways. Traefik: `statusAddress`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct StatusAddress {
    /// Host name.
    pub hostname: String,
    /// Address.
    pub ip: String,
    /// Service whose addresses are copied.
    pub service: Option<ServiceName>,
}

/// A Service by name.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct ServiceName {
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
}

/// Ingress with the annotations of ingress-nginx. Traefik: `providers.kubernetesIngressNGINX`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct KubernetesIngressNginx {
    /// Let annotations name Secrets and ConfigMaps of other namespaces.
    pub allow_cross_namespace_resources: bool,
    /// Read the annotations with pieces of nginx configuration.
    pub allow_snippet_annotations: bool,
    /// File with the certificate authority of the API server.
    pub cert_auth_file_path: String,
    /// Bytes of a request's body that are kept in memory.
    #[option(default = 16_384)]
    pub client_body_buffer_size: i64,
    /// Controller of the IngressClasses to take.
    #[option(default = "k8s.io/ingress-nginx".to_owned())]
    pub controller_class: String,
    /// Statuses whose answers come from the default backend.
    #[option(name = "customHTTPErrors")]
    pub custom_http_errors: Vec<u16>,
    /// `namespace/name` of the Service that answers what no Ingress does.
    pub default_backend_service: String,
    /// Do not send to Services of type ExternalName.
    pub disable_svc_external_name: bool,
    /// URL of the API server.
    pub endpoint: String,
    /// Headers that annotations may add to responses.
    pub global_allowed_response_headers: Vec<String>,
    /// URL that every request is authenticated at.
    #[option(name = "globalAuthURL")]
    pub global_auth_url: String,
    /// Entry point for plain requests. Empty: the default entry points.
    pub http_entry_point: String,
    /// Entry point for requests over TLS. Empty: the default entry points.
    pub https_entry_point: String,
    /// IngressClass to take Ingresses of.
    #[option(default = "nginx".to_owned())]
    pub ingress_class: String,
    /// Take IngressClasses by name, whatever their controller.
    pub ingress_class_by_name: bool,
    /// How a client's address is found.
    pub ip_allow_list_strategy: Option<IpAllowListStrategy>,
    /// Largest body of a request, in bytes.
    #[option(default = 1_048_576)]
    pub proxy_body_size: i64,
    /// Read responses whole before they go on.
    pub proxy_buffering: bool,
    /// Bytes of a buffer for responses.
    #[option(default = 8_192)]
    pub proxy_buffer_size: i64,
    /// Buffers for a response.
    #[option(default = 4)]
    pub proxy_buffers_number: i64,
    /// Seconds to connect to a server.
    #[option(default = 60)]
    pub proxy_connect_timeout: i64,
    /// When another server is tried.
    #[option(default = "error timeout".to_owned())]
    pub proxy_next_upstream: String,
    /// Seconds for all tries together; 0 = no limit.
    pub proxy_next_upstream_timeout: i64,
    /// Tries in all; 0 = no limit.
    #[option(default = 3)]
    pub proxy_next_upstream_tries: i64,
    /// Seconds between two reads from a server.
    #[option(default = 60)]
    pub proxy_read_timeout: i64,
    /// Read requests whole before they go on.
    pub proxy_request_buffering: bool,
    /// Seconds between two writes to a server.
    #[option(default = 60)]
    pub proxy_send_timeout: i64,
    /// `namespace/name` of a Service whose addresses are written to the status of Ingresses.
    pub publish_service: String,
    /// Addresses that are written to the status of Ingresses.
    pub publish_status_address: Vec<String>,
    /// Refuse paths that do not fit their type.
    #[option(default = true, keep)]
    pub strict_validate_path_type: bool,
    /// Least time between two translations.
    pub throttle_duration: GoDuration,
    /// Token for the API server.
    pub token: Secret<String>,
    /// Seconds that an idle connection to a server is kept.
    #[option(default = 60)]
    pub upstream_keepalive_timeout: i64,
    /// Take Ingresses without a class too.
    pub watch_ingress_without_class: bool,
    /// Namespace to read. Empty: all.
    pub watch_namespace: String,
    /// Selector of the labels of namespaces to read; not with `watchNamespace`.
    pub watch_namespace_selector: String,
}

/// How a client's address is found. Traefik: `ipAllowListStrategy`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct IpAllowListStrategy {
    /// The n-th address of `X-Forwarded-For` from the right; 0 = the peer's.
    pub depth: u32,
    /// The first address of `X-Forwarded-For` from the right that is none of these.
    #[option(name = "excludedIPs")]
    pub excluded_ips: Vec<String>,
    /// Take IPv6 addresses as their /n; 0 = whole.
    #[option(name = "ipv6Subnet")]
    pub ipv6_subnet: u32,
}

/// Knative. Traefik: `providers.knative`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct Knative {
    /// File with the certificate authority of the API server.
    pub cert_auth_file_path: String,
    /// URL of the API server.
    pub endpoint: String,
    /// Selector of the labels of objects.
    pub label_selector: String,
    /// Namespaces to read. Empty: all.
    pub namespaces: Vec<String>,
    /// Entry points for what is visible in the cluster only.
    pub private_entrypoints: Vec<String>,
    /// Service written to the status of what is visible in the cluster only.
    pub private_service: Option<ServiceName>,
    /// Entry points for what is visible outside.
    pub public_entrypoints: Vec<String>,
    /// Service written to the status of what is visible outside.
    pub public_service: Option<ServiceName>,
    /// Least time between two translations.
    pub throttle_duration: GoDuration,
    /// Token for the API server.
    pub token: Secret<String>,
}
