//! The slim object types. Fields that nothing reads are not kept.

use std::cmp::Ordering;
use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;

use pointsman_config::Secret as Hidden;

/// Namespace and name of an object; prints as `namespace/name`, or `name` when cluster-scoped (empty namespace).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ObjectName {
    /// Namespace; empty for cluster-scoped objects.
    pub namespace: Arc<str>,
    /// Name.
    pub name: Arc<str>,
}

impl ObjectName {
    /// A namespaced name.
    pub fn new(namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    /// The name of a cluster-scoped object.
    pub fn cluster(name: impl Into<Arc<str>>) -> Self {
        Self::new("", name)
    }
}

impl Ord for ObjectName {
    fn cmp(&self, other: &Self) -> Ordering {
        // Namespaces are mostly shared: the same pointer says so without touching the text.
        let same = Arc::ptr_eq(&self.namespace, &other.namespace);
        let namespace = if same {
            Ordering::Equal
        } else {
            self.namespace.cmp(&other.namespace)
        };
        namespace.then_with(|| self.name.cmp(&other.name))
    }
}

impl PartialOrd for ObjectName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            f.write_str(&self.name)
        } else {
            write!(f, "{}/{}", self.namespace, self.name)
        }
    }
}

impl fmt::Debug for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The kinds of object that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `networking.k8s.io/v1` Ingress.
    Ingress,
    /// `networking.k8s.io/v1` IngressClass.
    IngressClass,
    /// `v1` Service.
    Service,
    /// `discovery.k8s.io/v1` EndpointSlice, and `v1` Endpoints from manifests.
    EndpointSlice,
    /// `v1` Secret.
    Secret,
    /// `v1` Node.
    Node,
    /// `v1` Namespace.
    Namespace,
}

impl Kind {
    /// The kind's name in manifests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ingress => "Ingress",
            Self::IngressClass => "IngressClass",
            Self::Service => "Service",
            Self::EndpointSlice => "EndpointSlice",
            Self::Secret => "Secret",
            Self::Node => "Node",
            Self::Namespace => "Namespace",
        }
    }
}

/// Kind, namespace and name; prints as `Ingress shop/front`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    /// Kind.
    pub kind: Kind,
    /// Namespace and name.
    pub name: ObjectName,
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.as_str(), self.name)
    }
}

/// Any object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Object {
    /// An Ingress.
    Ingress(Arc<Ingress>),
    /// An IngressClass.
    IngressClass(Arc<IngressClass>),
    /// A Service.
    Service(Arc<Service>),
    /// An EndpointSlice.
    EndpointSlice(Arc<EndpointSlice>),
    /// A Secret.
    Secret(Arc<Secret>),
    /// A Node.
    Node(Arc<Node>),
    /// A Namespace.
    Namespace(Arc<Namespace>),
}

impl Object {
    /// Kind, namespace and name.
    pub fn id(&self) -> ObjectId {
        let (kind, name) = match self {
            Self::Ingress(object) => (Kind::Ingress, object.name.clone()),
            Self::IngressClass(object) => {
                (Kind::IngressClass, ObjectName::cluster(object.name.clone()))
            }
            Self::Service(object) => (Kind::Service, object.name.clone()),
            Self::EndpointSlice(object) => (Kind::EndpointSlice, object.name.clone()),
            Self::Secret(object) => (Kind::Secret, object.name.clone()),
            Self::Node(object) => (Kind::Node, ObjectName::cluster(object.name.clone())),
            Self::Namespace(object) => (Kind::Namespace, ObjectName::cluster(object.name.clone())),
        };
        ObjectId { kind, name }
    }
}

/// Text by text, sorted by key: labels, annotations.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StringMap(Box<[(Arc<str>, Arc<str>)]>);

impl StringMap {
    /// The value of `key`.
    pub fn find(&self, key: &str) -> Option<&str> {
        let at = self.0.binary_search_by(|(k, _)| (**k).cmp(key)).ok()?;
        self.0.get(at).map(|(_, value)| &**value)
    }

    /// All entries by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(Arc<str>, Arc<str>)> for StringMap {
    /// Of equal keys the last one counts.
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Arc<str>)>>(entries: I) -> Self {
        let mut entries: Vec<_> = entries.into_iter().collect();
        entries.reverse();
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        entries.dedup_by(|later, first| later.0 == first.0);
        Self(entries.into())
    }
}

/// `networking.k8s.io/v1` Ingress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ingress {
    /// Namespace and name.
    pub name: ObjectName,
    /// `metadata.creationTimestamp` in seconds since 1970; 0 when unset.
    pub created: i64,
    /// `spec.ingressClassName`.
    pub class_name: Option<Arc<str>>,
    /// Annotation `kubernetes.io/ingress.class`.
    pub class_annotation: Option<Arc<str>>,
    /// Labels, for the label selector.
    pub labels: StringMap,
    /// Annotations of the prefixes that are read.
    pub annotations: StringMap,
    /// `spec.defaultBackend`.
    pub default_backend: Option<Backend>,
    /// `spec.rules`.
    pub rules: Box<[IngressRule]>,
    /// `spec.tls[].secretName`; `None` for an entry without one.
    pub tls: Box<[Option<Arc<str>>]>,
    /// `status.loadBalancer.ingress`.
    pub status: Box<[LoadBalancerIngress]>,
}

/// One of `spec.rules`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IngressRule {
    /// Host; empty for all.
    pub host: Arc<str>,
    /// `http.paths`; empty also without `http`.
    pub paths: Box<[IngressPath]>,
}

/// One of `http.paths`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngressPath {
    /// Path; may be empty.
    pub path: Arc<str>,
    /// `pathType`.
    pub path_type: PathType,
    /// Where requests go.
    pub backend: Backend,
}

/// `pathType` of an Ingress path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PathType {
    /// `ImplementationSpecific`, empty or absent.
    #[default]
    ImplementationSpecific,
    /// `Exact`.
    Exact,
    /// `Prefix`, and any unknown text.
    Prefix,
}

/// Backend of a path or of the whole Ingress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backend {
    /// `service`.
    Service {
        /// Name of the Service, in the namespace of the Ingress.
        name: Arc<str>,
        /// Port of the Service.
        port: BackendPort,
    },
    /// `resource`, which is not supported.
    Resource,
    /// Neither.
    Missing,
}

/// Port of a backend Service: by name, by number, or (against the API's rules) both or none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct BackendPort {
    /// `port.name`; empty when unset.
    pub name: Arc<str>,
    /// `port.number`; 0 when unset.
    pub number: i32,
}

impl fmt::Display for BackendPort {
    /// The name if there is one, else the number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.is_empty() {
            self.number.fmt(f)
        } else {
            f.write_str(&self.name)
        }
    }
}

/// One entry of a load balancer status.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct LoadBalancerIngress {
    /// Address; empty when unset.
    pub ip: Arc<str>,
    /// Host name; empty when unset.
    pub hostname: Arc<str>,
    /// Ports.
    pub ports: Box<[PortStatus]>,
}

/// One port of a [`LoadBalancerIngress`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PortStatus {
    /// Number.
    pub port: i32,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: Arc<str>,
}

/// `networking.k8s.io/v1` IngressClass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngressClass {
    /// Name.
    pub name: Arc<str>,
    /// `spec.controller`.
    pub controller: Arc<str>,
}

/// `v1` Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Namespace and name.
    pub name: ObjectName,
    /// Creation time in seconds since 1970; 0 when unset.
    pub created: i64,
    /// `spec.type`.
    pub service_type: ServiceType,
    /// `spec.clusterIP`; empty when unset.
    pub cluster_ip: Arc<str>,
    /// `spec.externalName`; empty when unset.
    pub external_name: Arc<str>,
    /// Annotations of the prefixes that are read.
    pub annotations: StringMap,
    /// `spec.ports`.
    pub ports: Box<[ServicePort]>,
    /// `spec.externalIPs`.
    pub external_ips: Box<[Arc<str>]>,
    /// `status.loadBalancer.ingress`; `None` when the list is absent.
    pub load_balancer: Option<Box<[LoadBalancerIngress]>>,
}

/// `spec.type` of a Service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ServiceType {
    /// `ClusterIP`, the default.
    #[default]
    ClusterIp,
    /// `NodePort`.
    NodePort,
    /// `LoadBalancer`.
    LoadBalancer,
    /// `ExternalName`.
    ExternalName,
    /// Any other text.
    Other(Arc<str>),
}

/// One of `spec.ports` of a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePort {
    /// Name; empty when unset.
    pub name: Arc<str>,
    /// Number.
    pub port: i32,
    /// `nodePort`; 0 when unset.
    pub node_port: i32,
    /// `protocol`; `TCP` when unset.
    pub protocol: Arc<str>,
}

/// `discovery.k8s.io/v1` EndpointSlice, or one subset of a `v1` Endpoints object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointSlice {
    /// Namespace and name. For the n-th subset of an Endpoints object: `endpoints/<name>/<n>`.
    pub name: ObjectName,
    /// Creation time in seconds since 1970; 0 when unset.
    pub created: i64,
    /// Label `kubernetes.io/service-name`: the Service in the same namespace; empty without the label.
    pub service: Arc<str>,
    /// Whether it was read from an Endpoints object.
    pub legacy: bool,
    /// Ports.
    pub ports: Box<[SlicePort]>,
    /// Endpoints, one entry per address.
    pub endpoints: Box<[Endpoint]>,
}

impl EndpointSlice {
    /// Namespace and name of the Service.
    pub fn service_name(&self) -> ObjectName {
        ObjectName {
            namespace: self.name.namespace.clone(),
            name: self.service.clone(),
        }
    }
}

/// One of `ports` of an EndpointSlice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlicePort {
    /// Name; `None` when absent, which matches no Service port.
    pub name: Option<Arc<str>>,
    /// Number; 0 when absent, which contributes no server.
    pub port: u16,
}

/// One address of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The address.
    pub address: Address,
    /// `conditions.serving`; true when absent.
    pub serving: bool,
    /// `conditions.terminating`; false when absent.
    pub terminating: bool,
}

/// An address; prints exactly as it was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// IPv4, by far the most frequent, without an allocation.
    V4(Ipv4Addr),
    /// Anything else: IPv6, host names.
    Text(Arc<str>),
}

impl Address {
    /// Keeps `text` as compactly as possible.
    pub fn new(text: &str) -> Self {
        // `Ipv4Addr` accepts exactly the canonical spelling, so printing gives the text back.
        text.parse()
            .map_or_else(|_| Self::Text(text.into()), Self::V4)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(address) => address.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// `v1` Secret: only what TLS needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Namespace and name.
    pub name: ObjectName,
    /// `data["tls.crt"]`, decoded.
    pub certificate: Option<Arc<str>>,
    /// `data["tls.key"]`, decoded.
    pub key: Option<Hidden<Arc<str>>>,
}

/// `v1` Node: its addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Name.
    pub name: Arc<str>,
    /// Creation time in seconds since 1970; 0 when unset.
    pub created: i64,
    /// `status.addresses` of type `InternalIP`.
    pub internal_ips: Box<[Arc<str>]>,
    /// `status.addresses` of type `ExternalIP`.
    pub external_ips: Box<[Arc<str>]>,
}

/// `v1` Namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// Name.
    pub name: Arc<str>,
    /// Labels.
    pub labels: StringMap,
}
