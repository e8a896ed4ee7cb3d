//! Routers, services, middlewares and entry points as JSON.

use std::collections::{BTreeMap, HashMap};

use pointsman_config::dynamic::http::{KubernetesOrigin, ServiceKind};
use pointsman_config::dynamic::tcp::TcpService;
use pointsman_config::dynamic::udp::UdpService;
use pointsman_config::names::QualifiedName;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::list::Item;
use crate::query::{Query, percent_decode};
use crate::view::{ObjectView, RouterView, RuntimeView, ServiceView};
use crate::{Failure, Reply};

/// The objects of one list; `None` if there is no such list.
pub(crate) fn items<'a>(
    view: &'a RuntimeView,
    protocol: &str,
    kind: &str,
) -> Option<Vec<Item<'a>>> {
    let items = match (protocol, kind) {
        ("http", "routers") => http_routers(view),
        ("http", "services") => http_services(view),
        ("http", "middlewares") => http_middlewares(view),
        ("tcp", "routers") => tcp_routers(view),
        ("tcp", "services") => tcp_services(view),
        ("tcp", "middlewares") => tcp_middlewares(view),
        ("udp", "routers") => udp_routers(view),
        ("udp", "services") => udp_services(view),
        _ => return None,
    };
    Some(items)
}

/// Everything at once, without the fields that only lists have. Empty maps are left out.
pub(crate) fn raw_data(view: &RuntimeView) -> Value {
    let (services, middlewares) = http_users(view);
    let (tcp_services, udp_services) = (tcp_users(view), udp_users(view));
    let maps = [
        (
            "routers",
            map(&view.routers, |_, router| http_router_json(router)),
        ),
        (
            "middlewares",
            map(&view.middlewares, |name, object| {
                object_json(object, middlewares.get(name))
            }),
        ),
        (
            "services",
            map(&view.services, |name, service| {
                service_json(service, services.get(name))
            }),
        ),
        (
            "tcpRouters",
            map(&view.tcp.routers, |_, router| router_json(router)),
        ),
        (
            "tcpMiddlewares",
            map(&view.tcp.middlewares, |_, object| object_json(object, None)),
        ),
        (
            "tcpServices",
            map(&view.tcp.services, |name, service| {
                service_json(service, tcp_services.get(name))
            }),
        ),
        (
            "udpRouters",
            map(&view.udp.routers, |_, router| router_json(router)),
        ),
        (
            "udpServices",
            map(&view.udp.services, |name, service| {
                service_json(service, udp_services.get(name))
            }),
        ),
    ];
    maps.into_iter()
        .filter(|(_, objects)| !objects.is_empty())
        .map(|(name, objects)| (name.to_owned(), Value::Object(objects)))
        .collect::<Map<_, _>>()
        .into()
}

/// The list of entry points; it has pages, but neither search nor order.
pub(crate) fn entry_points(view: &RuntimeView, query: &Query) -> Result<Reply, Failure> {
    let entry_points = &view.static_.entry_points;
    let page = query.page(entry_points.len())?;
    let values = entry_points
        .iter()
        .skip(page.start)
        .take(page.end - page.start)
        .map(|(name, config)| named(name, config))
        .collect();
    Ok(Reply::Page(values, page.next))
}

/// One entry point.
pub(crate) fn entry_point(view: &RuntimeView, id: &str) -> Result<Reply, Failure> {
    let Some(name) = percent_decode(id) else {
        return Err(Failure::BadRequest(format!(
            "unable to decode entryPointID {id:?}"
        )));
    };
    match view.static_.entry_points.get(&name) {
        Some(config) => Ok(Reply::Value(named(&name, config))),
        None => Err(Failure::NotFound(format!("entry point not found: {name}"))),
    }
}

/// A configuration object as a JSON object.
pub(crate) fn to_map(config: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(config) {
        Ok(Value::Object(map)) => map,
        // Every object of the configuration is a map with text keys.
        _ => Map::new(),
    }
}

fn named(name: &str, config: &Map<String, Value>) -> Value {
    let mut json = config.clone();
    json.insert("name".to_owned(), name.into());
    Value::Object(json)
}

fn http_routers(view: &RuntimeView) -> Vec<Item<'_>> {
    view.routers
        .iter()
        .map(|(name, router)| {
            let config = &router.object.config;
            Item {
                rule: &config.rule,
                service: &config.service,
                middlewares: &config.middlewares,
                entry_points: config.entry_points.len(),
                priority: router.priority.unwrap_or(config.priority),
                is_router: true,
                ..item(name, &router.object, move || {
                    with_priority_text(http_router_json(router))
                })
            }
        })
        .collect()
}

fn tcp_routers(view: &RuntimeView) -> Vec<Item<'_>> {
    view.tcp
        .routers
        .iter()
        .map(|(name, router)| {
            let config = &router.object.config;
            Item {
                rule: &config.rule,
                service: &config.service,
                middlewares: &config.middlewares,
                entry_points: config.entry_points.len(),
                priority: router.priority.unwrap_or(config.priority),
                is_router: true,
                ..item(name, &router.object, move || {
                    with_priority_text(router_json(router))
                })
            }
        })
        .collect()
}

fn udp_routers(view: &RuntimeView) -> Vec<Item<'_>> {
    view.udp
        .routers
        .iter()
        .map(|(name, router)| Item {
            service: &router.object.config.service,
            entry_points: router.object.config.entry_points.len(),
            is_router: true,
            ..item(name, &router.object, move || router_json(router))
        })
        .collect()
}

fn http_services(view: &RuntimeView) -> Vec<Item<'_>> {
    services(
        &view.services,
        http_users(view).0,
        |service| match &service.kind {
            ServiceKind::LoadBalancer(balancer) => balancer.servers.len(),
            _ => 0,
        },
    )
}

fn tcp_services(view: &RuntimeView) -> Vec<Item<'_>> {
    services(
        &view.tcp.services,
        tcp_users(view),
        |service| match service {
            TcpService::LoadBalancer(balancer) => balancer.servers.len(),
            TcpService::Weighted(_) => 0,
        },
    )
}

fn udp_services(view: &RuntimeView) -> Vec<Item<'_>> {
    services(
        &view.udp.services,
        udp_users(view),
        |service| match service {
            UdpService::LoadBalancer(balancer) => balancer.servers.len(),
            UdpService::Weighted(_) => 0,
        },
    )
}

fn services<'a, C: Serialize>(
    services: &'a BTreeMap<QualifiedName, ServiceView<C>>,
    mut users: Users,
    servers: impl Fn(&C) -> usize,
) -> Vec<Item<'a>> {
    services
        .iter()
        .map(|(name, service)| {
            let users = users.remove(name);
            Item {
                servers: service.object.config.as_deref().map_or(0, &servers),
                ..item(name, &service.object, move || {
                    with_type(
                        service_json(service, users.as_ref()),
                        service.object.config.as_ref(),
                    )
                })
            }
        })
        .collect()
}

fn http_middlewares(view: &RuntimeView) -> Vec<Item<'_>> {
    let (_, mut middlewares) = http_users(view);
    view.middlewares
        .iter()
        .map(|(name, object)| {
            let users = middlewares.remove(name);
            item(name, object, move || {
                with_type(object_json(object, users.as_ref()), Some(&object.config))
            })
        })
        .collect()
}

fn tcp_middlewares(view: &RuntimeView) -> Vec<Item<'_>> {
    view.tcp
        .middlewares
        .iter()
        .map(|(name, object)| {
            item(name, object, move || {
                with_type(object_json(object, None), Some(&object.config))
            })
        })
        .collect()
}

/// An item with what every kind has; its JSON gets name and provider.
fn item<'a, C>(
    name: &'a QualifiedName,
    object: &'a ObjectView<C>,
    json: impl Fn() -> Map<String, Value> + 'a,
) -> Item<'a> {
    Item {
        name: name.as_str(),
        provider: name.provider(),
        status: object.status,
        rule: "",
        service: "",
        middlewares: &[],
        entry_points: 0,
        priority: 0,
        servers: 0,
        is_router: false,
        json: Box::new(move || {
            let mut json = json();
            json.insert("name".to_owned(), name.as_str().into());
            json.insert("provider".to_owned(), name.provider().into());
            json
        }),
    }
}

fn map<V>(
    objects: &BTreeMap<QualifiedName, V>,
    json: impl Fn(&QualifiedName, &V) -> Map<String, Value>,
) -> Map<String, Value> {
    objects
        .iter()
        .map(|(name, object)| (name.as_str().to_owned(), Value::Object(json(name, object))))
        .collect()
}

fn http_router_json(router: &RouterView) -> Map<String, Value> {
    let mut json = router_json(router);
    if let Some(origin) = &router.object.config.origin {
        let observability = json.entry("observability").or_insert_with(|| json!({}));
        if let Value::Object(observability) = observability {
            observability.insert(
                "metadata".to_owned(),
                json!({ "ingress": origin_json(origin) }),
            );
        }
    }
    json
}

fn router_json<C: Serialize>(router: &RouterView<C>) -> Map<String, Value> {
    let mut json = object_json(&router.object, None);
    // The priority in force takes the place of the configured one.
    match router.priority {
        None => {}
        Some(0) => {
            json.remove("priority");
        }
        Some(priority) => {
            json.insert("priority".to_owned(), priority.into());
        }
    }
    if !router.using.is_empty() {
        json.insert("using".to_owned(), json!(router.using));
    }
    json
}

fn origin_json(origin: &KubernetesOrigin) -> Value {
    let mut json = Map::new();
    for (name, value) in [
        ("namespace", &origin.namespace),
        ("ingressName", &origin.ingress_name),
        ("serviceName", &origin.service_name),
        ("servicePort", &origin.service_port),
    ] {
        if !value.is_empty() {
            json.insert(name.to_owned(), value.as_str().into());
        }
    }
    Value::Object(json)
}

fn service_json<C: Serialize>(
    service: &ServiceView<C>,
    users: Option<&Vec<String>>,
) -> Map<String, Value> {
    let json = service
        .object
        .config
        .as_ref()
        .map(to_map)
        .unwrap_or_default();
    let mut json = with_state(json, &service.object, users);
    if !service.servers.is_empty() {
        let servers: BTreeMap<_, _> = service
            .servers
            .iter()
            .map(|(url, is_up)| (url, if *is_up { "UP" } else { "DOWN" }))
            .collect();
        json.insert("serverStatus".to_owned(), json!(servers));
    }
    json
}

fn object_json<C: Serialize>(
    object: &ObjectView<C>,
    users: Option<&Vec<String>>,
) -> Map<String, Value> {
    with_state(to_map(&object.config), object, users)
}

fn with_state<C>(
    mut json: Map<String, Value>,
    object: &ObjectView<C>,
    users: Option<&Vec<String>>,
) -> Map<String, Value> {
    if !object.errors.is_empty() {
        json.insert("error".to_owned(), json!(object.errors));
    }
    json.insert("status".to_owned(), object.status.as_str().into());
    if let Some(users) = users {
        json.insert("usedBy".to_owned(), json!(users));
    }
    json
}

/// What lists add to a router: the priority as text, for readers whose numbers have 53 bits, and the name of the TLS
/// options where the router leaves it open.
fn with_priority_text(mut json: Map<String, Value>) -> Map<String, Value> {
    let priority = json.get("priority").and_then(Value::as_i64).unwrap_or(0);
    json.insert("priorityStr".to_owned(), priority.to_string().into());
    if let Some(Value::Object(tls)) = json.get_mut("tls") {
        tls.entry("options").or_insert_with(|| "default".into());
    }
    json
}

/// What lists add to services and middlewares: the kind, in small letters; of a plugin its name.
fn with_type(mut json: Map<String, Value>, config: Option<&impl Serialize>) -> Map<String, Value> {
    let kinds = config.map(to_map).unwrap_or_default();
    let Some((kind, options)) = kinds.iter().find(|(name, _)| *name != "middlewares") else {
        return json;
    };
    let plugin = match options {
        Value::Object(plugins) if kind == "plugin" && plugins.len() == 1 => plugins.keys().next(),
        _ => None,
    };
    json.insert(
        "type".to_owned(),
        plugin.unwrap_or(kind).to_lowercase().into(),
    );
    json
}

type Users = HashMap<QualifiedName, Vec<String>>;

/// Which routers use a service, and which a middleware; each in order.
fn http_users(view: &RuntimeView) -> (Users, Users) {
    let (mut services, mut middlewares) = (Users::new(), Users::new());
    for (name, router) in &view.routers {
        let config = &router.object.config;
        if !config.service.is_empty() {
            note(&mut services, name, &config.service);
        }
        for middleware in &config.middlewares {
            note(&mut middlewares, name, middleware);
        }
    }
    (services, middlewares)
}

fn tcp_users(view: &RuntimeView) -> Users {
    let mut services = Users::new();
    for (name, router) in &view.tcp.routers {
        note(&mut services, name, &router.object.config.service);
    }
    services
}

fn udp_users(view: &RuntimeView) -> Users {
    let mut services = Users::new();
    for (name, router) in &view.udp.routers {
        note(&mut services, name, &router.object.config.service);
    }
    services
}

fn note(users: &mut Users, router: &QualifiedName, reference: &str) {
    users
        .entry(QualifiedName::resolve(reference, router.provider()))
        .or_default()
        .push(router.as_str().to_owned());
}
