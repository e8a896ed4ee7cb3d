//! Backend of an Ingress path → service. Traefik: `ingress/kubernetes.go`, `loadService`.

use std::sync::Arc;

use hashbrown::HashSet;
use pointsman_config::Diagnostic;
use pointsman_config::dynamic::http::{LoadBalancer, Server, Service, ServiceKind};

use super::annotations::{self, ServiceConfig};
use super::names;
use super::options::Options;
use crate::snapshot::{
    Address, BackendPort, ObjectName, Service as KubernetesService, ServicePort, ServiceType,
    Snapshot,
};

/// Identity of a backend: the Service and the port as the Ingress names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct BackendKey {
    pub(super) service: ObjectName,
    pub(super) port: BackendPort,
}

impl BackendKey {
    /// The service's name, as long as no other backend has the same.
    pub(super) fn plain_name(&self) -> String {
        names::normalize(&format!(
            "{}-{}-{}",
            self.service.namespace, self.service.name, self.port
        ))
    }

    /// The service's name when an older backend has the plain one.
    pub(super) fn unique_name(&self, plain: &str) -> String {
        names::by_owner(
            plain,
            &self.service,
            &format!("{}/{}", self.port.name, self.port.number),
        )
    }
}

/// What a backend turned out to be.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    /// A service, possibly without servers where that is allowed.
    Ready(Arc<Service>),
    /// No servers.
    Empty,
    /// Why there is no service, and what cures it.
    Failed(String),
}

/// A backend and what it was made from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Loaded {
    pub(super) outcome: Outcome,
    /// When the Service was created; the older one keeps a disputed name.
    pub(super) created: i64,
    /// Whether it depends on Nodes.
    pub(super) reads_nodes: bool,
    /// What is odd about the Service without disabling it.
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// Makes the service of a backend.
pub(super) fn load(key: &BackendKey, snapshot: &Snapshot, options: &Options) -> Loaded {
    let mut loaded = Loaded {
        outcome: Outcome::Empty,
        created: 0,
        reads_nodes: false,
        diagnostics: Vec::new(),
    };
    loaded.outcome = match try_load(key, snapshot, options, &mut loaded) {
        Ok(service) if is_empty(&service) && !options.allow_empty_services => Outcome::Empty,
        Ok(service) => Outcome::Ready(Arc::new(service)),
        Err(reason) => Outcome::Failed(reason),
    };
    loaded
}

fn is_empty(service: &Service) -> bool {
    matches!(&service.kind, ServiceKind::LoadBalancer(balancer) if balancer.servers.is_empty())
}

fn try_load(
    key: &BackendKey,
    snapshot: &Snapshot,
    options: &Options,
    loaded: &mut Loaded,
) -> Result<Service, String> {
    let name = &key.service;
    let Some(service) = snapshot.service(name) else {
        return Err(format!(
            "service not found: Service {name} does not exist; create it or correct the name"
        ));
    };
    loaded.created = service.created;
    let external = service.service_type == ServiceType::ExternalName;
    if external && !options.allow_external_name_services {
        return Err(format!(
            "externalName services not allowed: {name}; set providers.kubernetesIngress.allowExternalNameServices"
        ));
    }
    let port = find_port(service, &key.port)?;
    let config = config(service, loaded)?;
    if !options.may_cross_providers(&name.namespace) {
        check_references(&config, &name.namespace)?;
    }
    let scheme = scheme(&config, port);
    let native = config.native_lb.unwrap_or(options.native_lb_by_default);
    let servers = if config.node_port_lb && service.service_type == ServiceType::NodePort {
        loaded.reads_nodes = true;
        node_servers(service, port, scheme, snapshot, options)?
    } else if external {
        vec![server(scheme, &service.external_name, port.port)]
    } else if native {
        vec![server(scheme, cluster_ip(service)?, port.port)]
    } else {
        endpoint_servers(name, port, scheme, snapshot)
    };
    Ok(Service {
        middlewares: config.middlewares,
        kind: ServiceKind::LoadBalancer(Box::new(LoadBalancer {
            servers,
            sticky: config.sticky,
            pass_host_header: config.pass_host_header,
            servers_transport: config.servers_transport,
            ..LoadBalancer::default()
        })),
    })
}

/// Either the number or the name suffices.
fn find_port<'s>(
    service: &'s KubernetesService,
    wanted: &BackendPort,
) -> Result<&'s ServicePort, String> {
    let fits = |port: &&ServicePort| {
        wanted.number != 0 && port.port == wanted.number
            || !wanted.name.is_empty() && port.name == wanted.name
    };
    service.ports.iter().find(fits).ok_or_else(|| {
        let ports: Vec<String> = service
            .ports
            .iter()
            .map(|port| {
                if port.name.is_empty() {
                    port.port.to_string()
                } else {
                    format!("{} ({})", port.port, port.name)
                }
            })
            .collect();
        let ports = if ports.is_empty() {
            "none".to_owned()
        } else {
            ports.join(", ")
        };
        format!(
            "service port not found: Service {} has no port {wanted}; its ports: {ports}",
            service.name
        )
    })
}

fn config(service: &KubernetesService, loaded: &mut Loaded) -> Result<ServiceConfig, String> {
    match annotations::service(&service.annotations) {
        Ok((config, odd)) => {
            loaded.diagnostics.extend(odd.into_iter().map(|problem| {
                let field = format!("metadata.annotations[{}]", problem.key);
                Diagnostic::warning(format!("Service {}", service.name), field, problem.message)
            }));
            Ok(config.unwrap_or_default())
        }
        Err(problems) => {
            let problems: Vec<String> = problems
                .into_iter()
                .map(|problem| format!("annotation {}: {}", problem.key, problem.message))
                .collect();
            Err(format!("Service {}: {}", service.name, problems.join("; ")))
        }
    }
}

fn check_references(config: &ServiceConfig, namespace: &str) -> Result<(), String> {
    let cure = "add the namespace to providers.kubernetesIngress.crossProviderNamespaces or remove the annotation";
    if !config.servers_transport.is_empty() {
        return Err(format!(
            "cross-provider serversTransport reference is not allowed from namespace {namespace:?}; {cure}"
        ));
    }
    // differs from traefik: middlewares of a Service are restricted as those of an Ingress are.
    if !config.middlewares.is_empty() {
        return Err(format!(
            "cross-provider middleware reference is not allowed from namespace {namespace:?}; {cure}"
        ));
    }
    Ok(())
}

fn scheme<'c>(config: &'c ServiceConfig, port: &ServicePort) -> &'c str {
    if !config.servers_scheme.is_empty() {
        &config.servers_scheme
    } else if port.port == 443 || port.name.starts_with("https") {
        "https"
    } else {
        "http"
    }
}

fn node_servers(
    service: &KubernetesService,
    port: &ServicePort,
    scheme: &str,
    snapshot: &Snapshot,
    options: &Options,
) -> Result<Vec<Server>, String> {
    if options.disable_cluster_scope_resources {
        let cure = "unset providers.kubernetesIngress.disableClusterScopeResources";
        return Err(format!("nodes lookup is disabled: {cure}"));
    }
    let nodes = snapshot.nodes();
    if nodes.is_empty() {
        return Err(format!(
            "nodes not found in namespace {}: there are no Nodes",
            service.name.namespace
        ));
    }
    let addresses = nodes.iter().flat_map(|node| node.internal_ips.iter());
    let servers: Vec<Server> = addresses
        .map(|address| server(scheme, address, port.node_port))
        .collect();
    if servers.is_empty() {
        return Err(format!(
            "no servers were generated for service {} in namespace {}: no Node has an InternalIP",
            service.name.name, service.name.namespace
        ));
    }
    Ok(servers)
}

fn cluster_ip(service: &KubernetesService) -> Result<&str, String> {
    match &*service.cluster_ip {
        "None" => Err(format!(
            "no clusterIP on headless service: {}; unset service.nativelb",
            service.name
        )),
        "" => Err(format!(
            "no clusterIP found for service: {}; unset service.nativelb",
            service.name
        )),
        address => Ok(address),
    }
}

/// Endpoints that serve, each address once; those that terminate get no new clients.
fn endpoint_servers(
    name: &ObjectName,
    port: &ServicePort,
    scheme: &str,
    snapshot: &Snapshot,
) -> Vec<Server> {
    let mut seen: HashSet<&Address> = HashSet::new();
    let mut servers = Vec::new();
    for slice in snapshot.endpoint_slices(name) {
        let fits = slice
            .ports
            .iter()
            .find(|candidate| candidate.name.as_deref() == Some(&port.name));
        let Some(slice_port) = fits.map(|found| found.port).filter(|number| *number != 0) else {
            continue;
        };
        for endpoint in &slice.endpoints {
            if endpoint.serving && seen.insert(&endpoint.address) {
                servers.push(Server {
                    fenced: endpoint.terminating,
                    ..server(scheme, &endpoint.address.to_string(), slice_port.into())
                });
            }
        }
    }
    servers.shrink_to_fit();
    servers
}

fn server(scheme: &str, host: &str, port: i32) -> Server {
    let url = if host.contains(':') {
        format!("{scheme}://[{host}]:{port}")
    } else {
        format!("{scheme}://{host}:{port}")
    };
    Server {
        url,
        ..Server::default()
    }
}
