//! The status that Ingresses should have. Traefik: `ingress/kubernetes.go`, `updateIngressStatus`.

use std::collections::BTreeSet;
use std::sync::Arc;

use pointsman_config::Diagnostic;

use super::options::{IngressEndpoint, Options};
use crate::snapshot::{
    LoadBalancerIngress, ObjectName, PortStatus, Service, ServiceType, Snapshot,
};

/// What should stand in `status.loadBalancer.ingress` of Ingresses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WantedStatus {
    /// The entries, the same for every Ingress; `None`: leave all as they are.
    pub entries: Option<Arc<[LoadBalancerIngress]>>,
    /// The Ingresses that are ours, also those that were rejected for a mistake.
    pub ingresses: Arc<BTreeSet<ObjectName>>,
}

/// A status that has to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusUpdate {
    /// The Ingress.
    pub ingress: ObjectName,
    /// The new entries.
    pub entries: Arc<[LoadBalancerIngress]>,
}

impl WantedStatus {
    /// The Ingresses whose status differs from the wanted one.
    pub fn updates(&self, snapshot: &Snapshot) -> Vec<StatusUpdate> {
        let Some(entries) = &self.entries else {
            return Vec::new();
        };
        self.ingresses
            .iter()
            .filter(|name| {
                snapshot
                    .ingress(name)
                    .is_some_and(|ingress| !is_same_status(&ingress.status, entries))
            })
            .map(|name| StatusUpdate {
                ingress: name.clone(),
                entries: entries.clone(),
            })
            .collect()
    }
}

/// Whether two lists name the same addresses; their order and ports do not count.
pub fn is_same_status(a: &[LoadBalancerIngress], b: &[LoadBalancerIngress]) -> bool {
    let set = |list: &[LoadBalancerIngress]| -> BTreeSet<String> {
        list.iter()
            .map(|entry| format!("{}{}", entry.hostname, entry.ip))
            .collect()
    };
    a.len() == b.len() && set(a) == set(b)
}

/// The entries to write, `None` for no change, and what stands in the way.
pub(super) fn entries(
    snapshot: &Snapshot,
    options: &Options,
) -> (Option<Arc<[LoadBalancerIngress]>>, Option<Diagnostic>) {
    let mut problem = None;
    if options.report_node_internal_ips {
        let nodes = snapshot.nodes();
        let addresses: Vec<_> = nodes
            .iter()
            .flat_map(|node| node.internal_ips.iter())
            .map(|ip| by_ip(ip, [].into()))
            .collect();
        if !addresses.is_empty() {
            return (Some(addresses.into()), None);
        }
        let message =
            "No nodes with internal IP address found for ingress status: the status stays as it is";
        problem = Some(Diagnostic::error(
            PROVIDER,
            "reportNodeInternalIPs",
            message,
        ));
    }
    let Some(endpoint) = &options.ingress_endpoint else {
        return (None, problem);
    };
    match from_endpoint(endpoint, snapshot, options) {
        Ok(entries) => (entries.map(Arc::from), problem),
        Err(reason) => {
            let message = format!("Error while updating ingress status: {reason}");
            (
                None,
                Some(Diagnostic::error(PROVIDER, "ingressEndpoint", message)),
            )
        }
    }
}

const PROVIDER: &str = "provider kubernetesIngress";

fn from_endpoint(
    endpoint: &IngressEndpoint,
    snapshot: &Snapshot,
    options: &Options,
) -> Result<Option<Vec<LoadBalancerIngress>>, String> {
    if !endpoint.published_service.is_empty() {
        return published(&endpoint.published_service, snapshot, options);
    }
    if endpoint.ip.is_empty() && endpoint.hostname.is_empty() {
        return Err("publishedService or ip or hostname must be defined".to_owned());
    }
    Ok(Some(vec![LoadBalancerIngress {
        ip: endpoint.ip.as_str().into(),
        hostname: endpoint.hostname.as_str().into(),
        ports: Box::default(),
    }]))
}

fn published(
    reference: &str,
    snapshot: &Snapshot,
    options: &Options,
) -> Result<Option<Vec<LoadBalancerIngress>>, String> {
    let name = match reference.split('/').collect::<Vec<_>>().as_slice() {
        [namespace, name] => ObjectName::new(*namespace, *name),
        _ => {
            return Err(format!(
                "invalid publishedService format (expected 'namespace/service' format): {reference}"
            ));
        }
    };
    if !options.watches(&name.namespace) {
        return Err(format!(
            "service {name}: namespace is not within watched namespaces"
        ));
    }
    let service = snapshot
        .service(&name)
        .ok_or_else(|| format!("missing service: {name}"))?;
    match &service.service_type {
        ServiceType::LoadBalancer => Ok(service
            .load_balancer
            .as_ref()
            .map(|entries| entries.to_vec())),
        ServiceType::ClusterIp => {
            let ports = ports(service, |port| port.port);
            Ok(Some(
                service
                    .external_ips
                    .iter()
                    .map(|ip| by_ip(ip, ports.clone()))
                    .collect(),
            ))
        }
        ServiceType::NodePort => {
            if options.disable_cluster_scope_resources {
                let reason = "node port service type is not supported when cluster scope resources \
                    lookup is disabled";
                return Err(reason.to_owned());
            }
            let ports = ports(service, |port| port.node_port);
            let nodes = snapshot.nodes();
            let addresses = nodes.iter().flat_map(|node| node.external_ips.iter());
            Ok(Some(addresses.map(|ip| by_ip(ip, ports.clone())).collect()))
        }
        ServiceType::ExternalName => Ok(Some(vec![LoadBalancerIngress {
            hostname: service.external_name.clone(),
            ..LoadBalancerIngress::default()
        }])),
        ServiceType::Other(other) => Err(format!("unsupported service type: {other}")),
    }
}

fn by_ip(ip: &Arc<str>, ports: Box<[PortStatus]>) -> LoadBalancerIngress {
    LoadBalancerIngress {
        ip: ip.clone(),
        ports,
        ..LoadBalancerIngress::default()
    }
}

fn ports(
    service: &Service,
    number: impl Fn(&crate::snapshot::ServicePort) -> i32,
) -> Box<[PortStatus]> {
    service
        .ports
        .iter()
        .map(|port| PortStatus {
            port: number(port),
            protocol: port.protocol.clone(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(ip: &str, hostname: &str) -> LoadBalancerIngress {
        LoadBalancerIngress {
            ip: ip.into(),
            hostname: hostname.into(),
            ports: Box::default(),
        }
    }

    #[test]
    fn row_093_statuses_are_equal_when_they_name_the_same_addresses() {
        let (a, b) = (entry("1.2.3.4", ""), entry("", "lb.example"));
        assert!(is_same_status(&[], &[]));
        assert!(!is_same_status(&[], std::slice::from_ref(&a)));
        assert!(is_same_status(
            &[a.clone(), b.clone()],
            &[b.clone(), a.clone()]
        ));
        assert!(!is_same_status(
            std::slice::from_ref(&a),
            std::slice::from_ref(&b)
        ));
        let mut with_port = a.clone();
        with_port.ports = [PortStatus {
            port: 80,
            protocol: "TCP".into(),
        }]
        .into();
        assert!(is_same_status(&[a], &[with_port]));
    }
}
