//! A document's tree → slim objects. Collects every mistake with its field; a mistake disables its object only.

mod values;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hashbrown::HashSet;
use pointsman_config::Secret as Hidden;

use values::Step;

use super::node::Node;
use crate::snapshot::{
    Address, Backend, BackendPort, Endpoint, EndpointSlice, Ingress, IngressClass, IngressPath,
    IngressRule, Kind, LoadBalancerIngress, Namespace, Node as ClusterNode, Object, ObjectId,
    ObjectName, PathType, PortStatus, Secret, Service, ServicePort, ServiceType, SlicePort,
    StringMap,
};

/// Prefixes of the annotations that are read.
pub(crate) const ANNOTATION_PREFIXES: [&str; 2] =
    ["traefik.ingress.kubernetes.io/", "pointsman.io/"];
/// The annotation that named the class before `ingressClassName` existed.
const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";
/// The label of an EndpointSlice that names its Service.
const SERVICE_LABEL: &str = "kubernetes.io/service-name";

/// What one object of a document turned out to be.
#[derive(Debug, PartialEq)]
pub(super) enum Decoded {
    /// Slim objects; several for one Endpoints object.
    Objects(Vec<Object>),
    /// An object of a kind that is not read.
    Ignored {
        /// `apiVersion` and kind, `apps/v1 Deployment`.
        kind: String,
    },
    /// Read, but left out on purpose.
    Hidden {
        /// The object.
        object: String,
        /// Why.
        reason: &'static str,
    },
    /// At least one mistake.
    Malformed {
        /// As far as it is known: `Ingress shop/front`, `Ingress`, `object`.
        object: String,
        /// Identity, if kind and name could be read: its last good version stays.
        id: Option<ObjectId>,
        /// The mistakes.
        mistakes: Vec<Mistake>,
    },
}

/// One mistake in an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mistake {
    /// `spec.rules[0].host`.
    pub(super) field: String,
    /// What is wrong and what cures it.
    pub(super) message: String,
}

/// Decodes documents one after the other; equal strings share memory.
#[derive(Default)]
pub(super) struct Decoder {
    strings: HashSet<Arc<str>>,
    path: Vec<Step>,
    mistakes: Vec<Mistake>,
}

/// Which objects are read.
#[derive(Clone, Copy)]
enum Reader {
    Slim(Kind),
    Endpoints,
}

impl Decoder {
    /// Decodes one document; a `List` gives one result per item.
    pub(super) fn document(&mut self, node: &Node<'_>) -> Vec<Decoded> {
        let kind = node.child("kind").as_text().unwrap_or("");
        let Some(item_kind) = kind
            .strip_suffix("List")
            .filter(|_| matches!(node.child("items"), Node::List(_)))
        else {
            return vec![self.object(node, "", "")];
        };
        let Node::List(items) = node.child("items") else {
            return Vec::new();
        };
        // Items of a typed list (`IngressList`) need not repeat what they are.
        let version = node.child("apiVersion").as_text().unwrap_or("");
        let version = if item_kind.is_empty() { "" } else { version };
        items
            .iter()
            .enumerate()
            .map(|(index, item)| {
                self.path = vec![Step::Key("items"), Step::Index(index)];
                let decoded = self.object(item, item_kind, version);
                self.path.clear();
                decoded
            })
            .collect()
    }

    fn object(&mut self, node: &Node<'_>, kind: &str, version: &str) -> Decoded {
        if !matches!(node, Node::Map(_)) {
            self.fail(format!(
                "expected a Kubernetes object, found {}",
                node.describe()
            ));
            return self.malformed("object".to_owned(), None);
        }
        let kind = node.child("kind").as_text().unwrap_or(kind).to_owned();
        let version = node
            .child("apiVersion")
            .as_text()
            .unwrap_or(version)
            .to_owned();
        if kind.is_empty() || version.is_empty() {
            let missing = if kind.is_empty() {
                "kind"
            } else {
                "apiVersion"
            };
            self.fail_at(
                missing,
                format!("{missing} is missing: a manifest needs apiVersion, kind and metadata"),
            );
            return self.malformed(
                if kind.is_empty() {
                    "object".to_owned()
                } else {
                    kind
                },
                None,
            );
        }
        let Some(reader) = reader(&version, &kind) else {
            return Decoded::Ignored {
                kind: format!("{version} {kind}"),
            };
        };
        self.slim(reader, &kind, node)
    }

    fn slim(&mut self, reader: Reader, kind: &str, node: &Node<'_>) -> Decoded {
        let meta = self.within(node, "metadata", |d, metadata| d.metadata(reader, metadata));
        if meta.name.name.is_empty() {
            return self.malformed(kind.to_owned(), None);
        }
        let id = match reader {
            Reader::Slim(kind) => ObjectId {
                kind,
                name: meta.name.clone(),
            },
            Reader::Endpoints => {
                super::files::endpoints_id(meta.name.namespace.clone(), &meta.name.name)
            }
        };
        let object = format!("{kind} {}", meta.name);
        let objects = match reader {
            Reader::Slim(Kind::Ingress) => {
                vec![Object::Ingress(Arc::new(self.ingress(meta, node)))]
            }
            Reader::Slim(Kind::IngressClass) => vec![Object::IngressClass(Arc::new(
                self.ingress_class(meta, node),
            ))],
            Reader::Slim(Kind::Service) => {
                vec![Object::Service(Arc::new(self.service(meta, node)))]
            }
            Reader::Slim(Kind::EndpointSlice) => {
                vec![Object::EndpointSlice(Arc::new(self.slice(meta, node)))]
            }
            Reader::Slim(Kind::Secret) => {
                if meta.labels.find("owner") == Some("helm") {
                    return Decoded::Hidden {
                        object,
                        reason: "secrets labelled owner=helm are not read",
                    };
                }
                vec![Object::Secret(Arc::new(self.secret(meta, node)))]
            }
            Reader::Slim(Kind::Node) => vec![Object::Node(Arc::new(self.node(meta, node)))],
            Reader::Slim(Kind::Namespace) => {
                vec![Object::Namespace(Arc::new(Namespace {
                    name: meta.name.name,
                    labels: meta.labels,
                }))]
            }
            Reader::Endpoints => self.endpoints(meta, node),
        };
        if self.mistakes.is_empty() {
            Decoded::Objects(objects)
        } else {
            self.malformed(object, Some(id))
        }
    }

    fn malformed(&mut self, object: String, id: Option<ObjectId>) -> Decoded {
        Decoded::Malformed {
            object,
            id,
            mistakes: std::mem::take(&mut self.mistakes),
        }
    }
}

fn reader(version: &str, kind: &str) -> Option<Reader> {
    Some(match (version, kind) {
        ("networking.k8s.io/v1", "Ingress") => Reader::Slim(Kind::Ingress),
        ("networking.k8s.io/v1", "IngressClass") => Reader::Slim(Kind::IngressClass),
        ("v1", "Service") => Reader::Slim(Kind::Service),
        ("discovery.k8s.io/v1", "EndpointSlice") => Reader::Slim(Kind::EndpointSlice),
        ("v1", "Secret") => Reader::Slim(Kind::Secret),
        ("v1", "Node") => Reader::Slim(Kind::Node),
        ("v1", "Namespace") => Reader::Slim(Kind::Namespace),
        ("v1", "Endpoints") => Reader::Endpoints,
        _ => return None,
    })
}

struct Metadata {
    name: ObjectName,
    created: i64,
    labels: StringMap,
    annotations: StringMap,
    class: Option<Arc<str>>,
    service: Arc<str>,
}

/// The kinds, one after the other.
impl Decoder {
    fn metadata(&mut self, reader: Reader, node: &Node<'_>) -> Metadata {
        let name = self.text(node, "name");
        if name.is_empty() {
            self.fail_at(
                "name",
                "metadata.name is missing: give the object a name".to_owned(),
            );
        }
        let cluster = matches!(
            reader,
            Reader::Slim(Kind::IngressClass | Kind::Node | Kind::Namespace)
        );
        let namespace = match self.text(node, "namespace") {
            _ if cluster => self.intern(""),
            namespace if namespace.is_empty() => self.intern("default"),
            namespace => namespace,
        };
        let created = self.time(node, "creationTimestamp");
        // Labels and annotations nobody reads would be most of the memory.
        let wants_labels = matches!(
            reader,
            Reader::Slim(Kind::Ingress | Kind::Secret | Kind::Namespace)
        );
        let labels = self.string_map(node, "labels", |_| wants_labels);
        let annotations = self.string_map(node, "annotations", |key| {
            ANNOTATION_PREFIXES.iter().any(|p| key.starts_with(p))
        });
        let class = node
            .child("annotations")
            .child(CLASS_ANNOTATION)
            .as_text()
            .map(|class| self.intern(class));
        let service = self.intern(
            node.child("labels")
                .child(SERVICE_LABEL)
                .as_text()
                .unwrap_or(""),
        );
        Metadata {
            name: ObjectName { namespace, name },
            created,
            labels,
            annotations,
            class,
            service,
        }
    }

    fn ingress(&mut self, meta: Metadata, node: &Node<'_>) -> Ingress {
        let (class_name, default_backend, rules, tls) = self.within(node, "spec", |d, spec| {
            let class_name = d.optional_text(spec, "ingressClassName");
            let default_backend = match spec.child("defaultBackend") {
                Node::Null => None,
                _ => Some(d.within(spec, "defaultBackend", Self::backend)),
            };
            let rules = d.list(spec, "rules", Self::rule);
            let tls = d.list(spec, "tls", |d, tls| {
                Some(d.text(tls, "secretName")).filter(|name| !name.is_empty())
            });
            (class_name, default_backend, rules, tls)
        });
        let status = self.load_balancer(node).unwrap_or_default();
        Ingress {
            name: meta.name,
            created: meta.created,
            class_name,
            class_annotation: meta.class,
            labels: meta.labels,
            annotations: meta.annotations,
            default_backend,
            rules,
            tls,
            status,
        }
    }

    fn rule(&mut self, node: &Node<'_>) -> IngressRule {
        let host = self.text(node, "host");
        let paths = self.within(node, "http", |d, http| d.list(http, "paths", Self::path));
        IngressRule { host, paths }
    }

    fn path(&mut self, node: &Node<'_>) -> IngressPath {
        IngressPath {
            path: self.text(node, "path"),
            path_type: match self.plain_text(node, "pathType") {
                "" | "ImplementationSpecific" => PathType::ImplementationSpecific,
                "Exact" => PathType::Exact,
                _ => PathType::Prefix,
            },
            backend: self.within(node, "backend", Self::backend),
        }
    }

    fn backend(&mut self, node: &Node<'_>) -> Backend {
        if *node.child("resource") != Node::Null {
            return Backend::Resource;
        }
        if *node.child("service") == Node::Null {
            return Backend::Missing;
        }
        self.within(node, "service", |d, service| {
            let name = d.text(service, "name");
            let port = d.within(service, "port", |d, port| BackendPort {
                name: d.text(port, "name"),
                number: d.port(port, "number").into(),
            });
            Backend::Service { name, port }
        })
    }

    fn ingress_class(&mut self, meta: Metadata, node: &Node<'_>) -> IngressClass {
        let controller = self.within(node, "spec", |d, spec| d.text(spec, "controller"));
        IngressClass {
            name: meta.name.name,
            controller,
        }
    }

    fn service(&mut self, meta: Metadata, node: &Node<'_>) -> Service {
        let load_balancer = self.load_balancer(node);
        self.within(node, "spec", |d, spec| Service {
            name: meta.name,
            created: meta.created,
            service_type: match d.plain_text(spec, "type") {
                "" | "ClusterIP" => ServiceType::ClusterIp,
                "NodePort" => ServiceType::NodePort,
                "LoadBalancer" => ServiceType::LoadBalancer,
                "ExternalName" => ServiceType::ExternalName,
                other => ServiceType::Other(other.into()),
            },
            cluster_ip: d.text(spec, "clusterIP"),
            external_name: d.text(spec, "externalName"),
            annotations: meta.annotations,
            ports: d.list(spec, "ports", |d, port| ServicePort {
                name: d.text(port, "name"),
                port: d.port(port, "port").into(),
                node_port: d.port(port, "nodePort").into(),
                protocol: d.protocol(port),
            }),
            external_ips: d.texts(spec, "externalIPs"),
            load_balancer,
        })
    }

    fn slice(&mut self, meta: Metadata, node: &Node<'_>) -> EndpointSlice {
        let ports = self.list(node, "ports", |d, port| SlicePort {
            name: d.optional_text(port, "name"),
            port: d.port(port, "port"),
        });
        let endpoints = self.list(node, "endpoints", |d, endpoint| {
            let addresses = d.addresses(endpoint);
            let (serving, terminating) = d.within(endpoint, "conditions", |d, conditions| {
                (
                    d.boolean(conditions, "serving").unwrap_or(true),
                    d.boolean(conditions, "terminating") == Some(true),
                )
            });
            (addresses, serving, terminating)
        });
        let endpoints = endpoints
            .into_iter()
            .flat_map(|(addresses, serving, terminating)| {
                addresses.into_iter().map(move |address| Endpoint {
                    address,
                    serving,
                    terminating,
                })
            });
        EndpointSlice {
            name: meta.name,
            created: meta.created,
            service: meta.service,
            legacy: false,
            ports,
            endpoints: endpoints.collect(),
        }
    }

    /// One slice per subset, as the API server's mirroring controller makes them.
    fn endpoints(&mut self, meta: Metadata, node: &Node<'_>) -> Vec<Object> {
        let subsets = self.list(node, "subsets", |d, subset| {
            let ports = d.list(subset, "ports", |d, port| SlicePort {
                name: Some(d.text(port, "name")),
                port: d.port(port, "port"),
            });
            let mut endpoints = Vec::new();
            for (key, serving) in [("addresses", true), ("notReadyAddresses", false)] {
                let addresses = d.list(subset, key, |d, address| {
                    Address::new(d.plain_text(address, "ip"))
                });
                endpoints.extend(addresses.into_iter().map(|address| Endpoint {
                    address,
                    serving,
                    terminating: false,
                }));
            }
            (ports, endpoints)
        });
        let slices = subsets
            .into_iter()
            .enumerate()
            .map(|(index, (ports, endpoints))| {
                Object::EndpointSlice(Arc::new(EndpointSlice {
                    name: ObjectName::new(
                        meta.name.namespace.clone(),
                        format!("endpoints/{}/{index}", meta.name.name),
                    ),
                    created: meta.created,
                    service: meta.name.name.clone(),
                    legacy: true,
                    ports,
                    endpoints: endpoints.into(),
                }))
            });
        slices.collect()
    }

    fn addresses(&mut self, node: &Node<'_>) -> Vec<Address> {
        self.list(node, "addresses", |d, address| match address {
            Node::Text(text) => Address::new(text),
            other => {
                d.fail(format!("expected an address, found {}", other.describe()));
                Address::new("")
            }
        })
        .into_vec()
    }

    fn secret(&mut self, meta: Metadata, node: &Node<'_>) -> Secret {
        let value = |d: &mut Self, key: &'static str| {
            // The API server writes `stringData` over `data`.
            if let Some(text) = d.within(node, "stringData", |d, data| d.optional_text(data, key)) {
                return Some(text);
            }
            let text = d.within(node, "data", |d, data| d.optional_text(data, key))?;
            let compact: String = text.split_ascii_whitespace().collect();
            match STANDARD.decode(compact) {
                Ok(bytes) => Some(Arc::from(String::from_utf8_lossy(&bytes))),
                Err(error) => {
                    d.path.push(Step::Key("data"));
                    d.fail_at(
                        key,
                        format!(
                            "not base64 ({error}): encode the value, or put it under stringData"
                        ),
                    );
                    d.path.pop();
                    None
                }
            }
        };
        let certificate = value(self, "tls.crt");
        let key = value(self, "tls.key").map(Hidden::new);
        Secret {
            name: meta.name,
            certificate,
            key,
        }
    }

    fn node(&mut self, meta: Metadata, node: &Node<'_>) -> ClusterNode {
        let addresses = self.within(node, "status", |d, status| {
            d.list(status, "addresses", |d, address| {
                (d.text(address, "type"), d.text(address, "address"))
            })
        });
        let of_type = |wanted: &str| {
            addresses
                .iter()
                .filter(|(kind, _)| &**kind == wanted)
                .map(|(_, address)| address.clone())
                .collect()
        };
        ClusterNode {
            name: meta.name.name,
            created: meta.created,
            internal_ips: of_type("InternalIP"),
            external_ips: of_type("ExternalIP"),
        }
    }

    fn load_balancer(&mut self, node: &Node<'_>) -> Option<Box<[LoadBalancerIngress]>> {
        self.within(node, "status", |d, status| {
            d.within(status, "loadBalancer", |d, load_balancer| {
                if *load_balancer.child("ingress") == Node::Null {
                    return None;
                }
                Some(
                    d.list(load_balancer, "ingress", |d, entry| LoadBalancerIngress {
                        ip: d.text(entry, "ip"),
                        hostname: d.text(entry, "hostname"),
                        ports: d.list(entry, "ports", |d, port| PortStatus {
                            port: d.port(port, "port").into(),
                            protocol: d.protocol(port),
                        }),
                    }),
                )
            })
        })
    }

    fn protocol(&mut self, node: &Node<'_>) -> Arc<str> {
        match self.text(node, "protocol") {
            protocol if protocol.is_empty() => self.intern("TCP"),
            protocol => protocol,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(text: &str) -> Vec<Decoded> {
        Decoder::default().document(&serde_saphyr::from_str(text).unwrap())
    }

    #[test]
    fn only_annotations_that_are_read_are_kept() {
        let decoded = decode(
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: a\n  annotations:\n    \
             kubernetes.io/ingress.class: c\n    pointsman.io/x: '1'\n    other/y: '2'\n    \
             traefik.ingress.kubernetes.io/z: '3'\n",
        );
        let [Decoded::Objects(objects)] = decoded.as_slice() else {
            panic!("{decoded:?}")
        };
        let [Object::Ingress(ingress)] = objects.as_slice() else {
            panic!("{objects:?}")
        };
        let annotations: Vec<_> = ingress.annotations.iter().collect();
        assert_eq!(
            annotations,
            [
                ("pointsman.io/x", "1"),
                ("traefik.ingress.kubernetes.io/z", "3")
            ]
        );
        assert_eq!(ingress.class_annotation.as_deref(), Some("c"));
        assert_eq!(ingress.name, ObjectName::new("default", "a"));
    }

    #[test]
    fn cluster_scoped_objects_have_no_namespace() {
        let decoded = decode(
            "apiVersion: v1\nkind: Node\nmetadata: {name: n1, namespace: odd, creationTimestamp: null}\n",
        );
        let [Decoded::Objects(objects)] = decoded.as_slice() else {
            panic!("{decoded:?}")
        };
        assert_eq!(
            objects[0].id(),
            ObjectId {
                kind: Kind::Node,
                name: ObjectName::cluster("n1")
            }
        );
    }

    #[test]
    fn string_data_hides_data_and_base64_may_be_wrapped() {
        let decoded = decode(
            "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {tls.key: K}\ndata:\n  tls.key: WA==\n  \
             tls.crt: |\n    Q0VS\n    VA==\n",
        );
        let [Decoded::Objects(objects)] = decoded.as_slice() else {
            panic!("{decoded:?}")
        };
        let [Object::Secret(secret)] = objects.as_slice() else {
            panic!("{objects:?}")
        };
        assert_eq!(secret.certificate.as_deref(), Some("CERT"));
        assert_eq!(secret.key.as_ref().map(|key| &**key.expose()), Some("K"));
    }
}
