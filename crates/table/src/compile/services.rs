//! Services and their transports.

use std::sync::Arc;

use pointsman_config::dynamic::ServersTransport;
use pointsman_config::dynamic::http::ServiceKind;
use pointsman_config::names::{INTERNAL, QualifiedName};
use pointsman_message::Step;
use pointsman_upstream::Transport;

use super::Compiler;
use super::graph::Node;
use crate::build;
use crate::runtime::{RuntimeService, Status};
use crate::table::Target;

/// The transport of services that name none. Traefik: `default@internal`.
const DEFAULT_TRANSPORT: &str = "default";
pub(super) struct BuiltService {
    pub(super) target: Target,
    pub(super) steps: Arc<[Step]>,
}

impl Compiler {
    pub(super) fn show_service(&mut self, name: QualifiedName) {
        let Some(config) = self.merged.services.find(&name).cloned() else {
            Arc::make_mut(&mut self.runtime.services).remove(&name);
            self.positions.remove(&name);
            return;
        };
        let built = self.service(&name);
        let servers = match built.as_deref() {
            Ok(BuiltService {
                target: Target::LoadBalancer(service),
                ..
            }) => service.urls().map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        let errors: Vec<String> = built.err().into_iter().collect();
        let status = if errors.is_empty() {
            Status::Enabled
        } else {
            Status::Disabled
        };
        let shown = Arc::new(RuntimeService {
            config: Some(config),
            status,
            errors,
            servers,
        });
        Arc::make_mut(&mut self.runtime.services).insert(name, shown);
    }

    pub(super) fn transport(&mut self, name: &QualifiedName) -> Result<Arc<Transport>, String> {
        if let Some(known) = self.transports.get(name) {
            return known.clone();
        }
        let default = QualifiedName::new(DEFAULT_TRANSPORT, INTERNAL);
        let data: Option<Arc<ServersTransport>> = if *name == default {
            Some(Arc::new(self.env.static_.servers_transport.to_dynamic()))
        } else {
            self.merged.servers_transports.find(name).cloned()
        };
        let built = match data {
            Some(data) => build::transport(&data)
                .map_err(|error| format!("serversTransport {:?}: {error}", name.as_str())),
            None => Err(format!("serversTransport not found {}", name.as_str())),
        };
        self.transports.insert(name.clone(), built.clone());
        built
    }

    pub(super) fn service(&mut self, name: &QualifiedName) -> Result<Arc<BuiltService>, String> {
        if let Some(known) = self.services.get(name) {
            return known.clone();
        }
        let built = self.build_service(name).map(Arc::new);
        self.services.insert(name.clone(), built.clone());
        built
    }

    pub(super) fn build_service(&mut self, name: &QualifiedName) -> Result<BuiltService, String> {
        let missing = || format!("the service {:?} does not exist", name.as_str());
        if name.provider() == INTERNAL {
            let call = self
                .env
                .internal_services
                .get(name.name())
                .ok_or_else(missing)?;
            return Ok(BuiltService {
                target: Target::Internal(call.clone()),
                steps: Arc::default(),
            });
        }
        let data = self
            .merged
            .services
            .find(name)
            .cloned()
            .ok_or_else(missing)?;
        let node = Node::Service(name.clone());
        let names: Vec<_> = data
            .middlewares
            .iter()
            .map(|member| QualifiedName::resolve(member, name.provider()))
            .collect();
        let steps = self.steps(&node, &names)?.into();
        let kind = match &data.kind {
            ServiceKind::LoadBalancer(data) => {
                let transport = match data.servers_transport.as_str() {
                    "" => QualifiedName::new(DEFAULT_TRANSPORT, INTERNAL),
                    reference => QualifiedName::resolve(reference, name.provider()),
                };
                self.graph.add(&node, Node::Transport(transport.clone()));
                let transport = self.transport(&transport)?;
                let position = self.positions.entry(name.clone()).or_default().clone();
                let service = build::load_balancer(name, data, transport, position)?;
                return Ok(BuiltService {
                    target: Target::LoadBalancer(Arc::new(service)),
                    steps,
                });
            }
            ServiceKind::Weighted(_) => "weighted",
            ServiceKind::HighestRandomWeight(_) => "highestRandomWeight",
            ServiceKind::Mirroring(_) => "mirroring",
            ServiceKind::Failover(_) => "failover",
        };
        Err(format!(
            "service {:?}: kind {kind} is not built yet; use a loadBalancer",
            name.as_str()
        ))
    }
}
