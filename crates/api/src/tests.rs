use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pointsman_config::Secret;
use pointsman_config::dynamic::http::{
    KubernetesOrigin, LoadBalancer, RouterObservability, RouterTls, Server, ServiceKind, Weighted,
};
use pointsman_config::dynamic::middleware::{AddPrefix, BasicAuth};
use pointsman_config::dynamic::tcp::{TcpLoadBalancer, TcpRouter, TcpServer, TcpService};
use pointsman_config::dynamic::udp::{UdpRouter, UdpService, UdpWeighted};
use pointsman_config::dynamic::{Middleware, Router, Service};
use pointsman_config::names::QualifiedName;
use pointsman_config::static_::Configuration;

use super::*;

fn qualified(name: &str) -> QualifiedName {
    QualifiedName::resolve(name, "file")
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn object<C>(config: C, status: Status, errors: &[&str]) -> ObjectView<C> {
    ObjectView {
        config,
        status,
        errors: texts(errors),
    }
}

fn router(
    config: Router,
    status: Status,
    errors: &[&str],
    using: &[&str],
    priority: Option<i64>,
) -> RouterView {
    RouterView {
        object: object(Arc::new(config), status, errors),
        using: texts(using),
        priority,
    }
}

fn balancer(urls: &[&str]) -> Arc<Service> {
    Arc::new(Service {
        middlewares: Vec::new(),
        kind: ServiceKind::LoadBalancer(Box::new(LoadBalancer {
            servers: urls
                .iter()
                .map(|url| Server {
                    url: (*url).to_owned(),
                    ..Server::default()
                })
                .collect(),
            ..LoadBalancer::default()
        })),
    })
}

/// A bit of everything: what the goldens show.
fn view() -> RuntimeView {
    let routers = [
        (
            "web-shop-example@kubernetes",
            router(
                Router {
                    entry_points: texts(&["web"]),
                    rule: "Host(`shop.example`) && PathPrefix(`/`)".to_owned(),
                    service: "shop-carts-80".to_owned(),
                    observability: Some(RouterObservability {
                        access_logs: Some(true),
                        ..RouterObservability::default()
                    }),
                    origin: Some(KubernetesOrigin {
                        namespace: "shop".to_owned(),
                        ingress_name: "front".to_owned(),
                        service_name: "carts".to_owned(),
                        service_port: "80".to_owned(),
                        ..KubernetesOrigin::default()
                    }),
                    ..Router::default()
                },
                Status::Enabled,
                &[],
                &["web"],
                Some(39),
            ),
        ),
        (
            "admin@file",
            router(
                Router {
                    entry_points: texts(&["web", "websecure"]),
                    middlewares: texts(&["auth", "nowhere"]),
                    rule: "Host(`admin.example`)".to_owned(),
                    service: "api@internal".to_owned(),
                    tls: Some(RouterTls::default()),
                    ..Router::default()
                },
                Status::Disabled,
                &["middleware \"nowhere@file\" does not exist"],
                &["web", "websecure"],
                None,
            ),
        ),
        (
            "odd@file",
            router(
                Router {
                    entry_points: texts(&["web", "gone"]),
                    rule: "Path(`/<odd>`)".to_owned(),
                    service: "both".to_owned(),
                    priority: 7,
                    ..Router::default()
                },
                Status::Warning,
                &["entryPoint \"gone\" doesn't exist"],
                &["web"],
                Some(7),
            ),
        ),
    ];
    let services = [
        (
            "shop-carts-80@kubernetes",
            ServiceView {
                object: object(
                    Some(balancer(&["http://10.0.0.1:80", "http://10.0.0.2:80"])),
                    Status::Enabled,
                    &[],
                ),
                servers: BTreeMap::from([
                    ("http://10.0.0.1:80".to_owned(), true),
                    ("http://10.0.0.2:80".to_owned(), false),
                ]),
            },
        ),
        (
            "both@file",
            ServiceView {
                object: object(
                    Some(Arc::new(Service {
                        middlewares: texts(&["prefix"]),
                        kind: ServiceKind::Weighted(Weighted::default()),
                    })),
                    Status::Disabled,
                    &["no child"],
                ),
                servers: BTreeMap::new(),
            },
        ),
        (
            "api@internal",
            ServiceView {
                object: object(None, Status::Enabled, &[]),
                servers: BTreeMap::new(),
            },
        ),
    ];
    let middlewares = [
        (
            "auth@file",
            Middleware::BasicAuth(BasicAuth {
                users: vec![Secret::new("joe:$apr1$canary".to_owned())],
                ..BasicAuth::default()
            }),
        ),
        (
            "prefix@file",
            Middleware::AddPrefix(AddPrefix {
                prefix: "/a".to_owned(),
            }),
        ),
        (
            "plug@file",
            Middleware::Plugin(BTreeMap::from([(
                "Geo".to_owned(),
                serde_json::json!({ "x": 1 }),
            )])),
        ),
    ];
    RuntimeView {
        static_: static_view(),
        version: Version {
            version: "1.2.3".to_owned(),
            codename: "points".to_owned(),
            start: SystemTime::UNIX_EPOCH + Duration::from_millis(1_767_225_600_250),
        },
        routers: routers
            .into_iter()
            .map(|(name, view)| (qualified(name), view))
            .collect(),
        services: services
            .into_iter()
            .map(|(name, view)| (qualified(name), view))
            .collect(),
        middlewares: middlewares
            .into_iter()
            .map(|(name, config)| {
                (
                    qualified(name),
                    object(Arc::new(config), Status::Enabled, &[]),
                )
            })
            .collect(),
        tcp: tcp_view(),
        udp: udp_view(),
        certificates: certificates(),
    }
}

fn static_view() -> StaticView {
    let mut configuration = Configuration::default();
    configuration
        .entry_points
        .entry("web".to_owned())
        .or_default();
    configuration
        .entry_points
        .entry("websecure".to_owned())
        .or_default();
    configuration.providers.file = Some(Default::default());
    configuration.providers.kubernetes_ingress = Some(Default::default());
    configuration.metrics.get_or_insert_default().prometheus = Some(Default::default());
    StaticView::from(&configuration)
}

fn tcp_view() -> TcpView {
    let router = TcpRouter {
        entry_points: texts(&["db"]),
        rule: "HostSNI(`*`)".to_owned(),
        service: "db".to_owned(),
        ..TcpRouter::default()
    };
    let service = TcpService::LoadBalancer(TcpLoadBalancer {
        servers: vec![TcpServer {
            address: "10.0.0.3:5432".to_owned(),
            ..TcpServer::default()
        }],
        ..TcpLoadBalancer::default()
    });
    TcpView {
        routers: BTreeMap::from([(qualified("db@file"), running(router, "db", Some(-1)))]),
        services: BTreeMap::from([(
            qualified("db@file"),
            ServiceView {
                object: object(Some(Arc::new(service)), Status::Enabled, &[]),
                servers: BTreeMap::from([("10.0.0.3:5432".to_owned(), true)]),
            },
        )]),
        middlewares: BTreeMap::new(),
    }
}

fn running<C>(config: C, entry_point: &str, priority: Option<i64>) -> RouterView<C> {
    RouterView {
        object: object(Arc::new(config), Status::Enabled, &[]),
        using: texts(&[entry_point]),
        priority,
    }
}

fn udp_view() -> UdpView {
    let router = UdpRouter {
        entry_points: texts(&["dns"]),
        service: "dns".to_owned(),
    };
    let service = UdpService::Weighted(UdpWeighted::default());
    UdpView {
        routers: BTreeMap::from([(qualified("dns@file"), running(router, "dns", None))]),
        services: BTreeMap::from([(
            qualified("dns@file"),
            ServiceView {
                object: object(Some(Arc::new(service)), Status::Enabled, &[]),
                servers: BTreeMap::new(),
            },
        )]),
    }
}

const NOW: Duration = Duration::from_secs(1_767_225_600);

fn certificates() -> Vec<CertificateView> {
    let certificate = |name: &str, fingerprint: &str, days: i64| CertificateView {
        fingerprint: fingerprint.to_owned(),
        public_key_fingerprint: "cc".to_owned(),
        sans: texts(&["www.shop.example", "shop.example"]),
        not_after: in_days(days),
        not_before: SystemTime::UNIX_EPOCH,
        serial_number: "4660".to_owned(),
        common_name: name.to_owned(),
        issuer_org: "Trust".to_owned(),
        issuer_cn: String::new(),
        issuer_country: String::new(),
        organization: String::new(),
        country: String::new(),
        version: 3,
        key_type: "ECDSA".to_owned(),
        key_size: 256,
        signature_algorithm: "ECDSA-SHA256".to_owned(),
    };
    vec![
        certificate("shop.example", "aa", 90),
        certificate("soon.example", "bb", 29),
        certificate("old.example", "dd", -1),
    ]
}

/// The present, so many days later or earlier.
fn in_days(days: i64) -> SystemTime {
    let seconds = Duration::from_secs(days.unsigned_abs() * 86_400);
    let now = SystemTime::UNIX_EPOCH + NOW;
    if days < 0 {
        now - seconds
    } else {
        now + seconds
    }
}

fn ask(view: &RuntimeView, method: &Method, target: &str) -> ApiResponse {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let request = ApiRequest {
        method,
        path,
        query,
        now: SystemTime::UNIX_EPOCH + NOW,
    };
    answer(&request, view)
}

fn get(target: &str) -> ApiResponse {
    ask(&view(), &Method::GET, target)
}

fn value(response: &ApiResponse) -> Value {
    serde_json::from_str(&response.body).unwrap()
}

/// Names of the objects of a list, in order.
fn names(target: &str) -> Vec<String> {
    let response = get(target);
    assert_eq!(
        response.status,
        StatusCode::OK,
        "{target}: {}",
        response.body
    );
    let Value::Array(items) = value(&response) else {
        panic!("{target} is no list");
    };
    items
        .iter()
        .map(|item| item["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn answers_have_traefiks_json() {
    let golden: Value = serde_json::from_str(include_str!("golden/answers.json")).unwrap();
    let golden = golden.as_object().unwrap();
    assert!(golden.len() > 10);
    for (target, wanted) in golden {
        let response = get(target);
        assert_eq!(response.status, StatusCode::OK, "{target}");
        assert_eq!(response.content_type, "application/json");
        let found = value(&response);
        assert_eq!(&found, wanted, "{target}\n{found:#}");
    }
}

#[test]
fn lists_have_pages() {
    let response = get("/api/http/routers?per_page=2");
    assert_eq!(value(&response).as_array().unwrap().len(), 2);
    assert_eq!(response.next_page, Some(2));
    let response = get("/api/http/routers?per_page=2&page=2");
    assert_eq!(value(&response).as_array().unwrap().len(), 1);
    assert_eq!(response.next_page, Some(1));
    let response = get("/api/http/routers?page=9");
    assert_eq!(response.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        response.body,
        "{\"message\":\"invalid request: page: 9, per_page: 100\"}\n"
    );
    assert_eq!(response.next_page, None);
    assert_eq!(get("/api/entrypoints?page=2&per_page=1").next_page, Some(1));
    assert_eq!(
        get("/api/entrypoints?page=0").status,
        StatusCode::BAD_REQUEST
    );
}

#[test]
fn lists_are_searched_and_sorted() {
    let routers = ["admin@file", "odd@file", "web-shop-example@kubernetes"];
    for (target, wanted) in [
        ("/api/http/routers", &routers[..]),
        ("/api/http/routers?search=SHOP.example", &routers[2..]),
        ("/api/http/routers?search=admin@", &routers[..1]),
        ("/api/http/routers?status=DISABLED", &routers[..1]),
        ("/api/http/routers?status=warning", &routers[1..2]),
        ("/api/http/routers?serviceName=api@internal", &routers[..1]),
        ("/api/http/routers?serviceName=both@file", &routers[1..2]),
        ("/api/http/routers?middlewareName=auth", &routers[..1]),
        ("/api/http/routers?middlewareName=auth@file", &[]),
        (
            "/api/http/routers?direction=desc",
            &["web-shop-example@kubernetes", "odd@file", "admin@file"],
        ),
        (
            "/api/http/routers?sortBy=priority",
            &["admin@file", "odd@file", "web-shop-example@kubernetes"],
        ),
        (
            "/api/http/routers?sortBy=rule",
            &["admin@file", "web-shop-example@kubernetes", "odd@file"],
        ),
        (
            "/api/http/routers?sortBy=entryPoints",
            &["web-shop-example@kubernetes", "admin@file", "odd@file"],
        ),
        (
            "/api/http/services?sortBy=servers&direction=desc",
            &["shop-carts-80@kubernetes", "both@file", "api@internal"],
        ),
        (
            "/api/http/services?sortBy=type",
            &["api@internal", "shop-carts-80@kubernetes", "both@file"],
        ),
        (
            "/api/http/services?serviceName=nothing",
            &["api@internal", "both@file", "shop-carts-80@kubernetes"],
        ),
        (
            "/api/http/middlewares?sortBy=type",
            &["prefix@file", "auth@file", "plug@file"],
        ),
        ("/api/certificates?sortBy=validUntil", &["dd", "bb", "aa"]),
        ("/api/certificates?search=www.", &["dd", "aa", "bb"]),
        ("/api/certificates?search=nobody", &[]),
        ("/api/certificates?status=warning", &["bb"]),
    ] {
        assert_eq!(names(target), wanted, "{target}");
    }
}

#[test]
fn what_is_not_there_is_named() {
    for (target, message) in [
        ("/api/http/routers/none@file", "router not found: none@file"),
        (
            "/api/http/services/a%2Fb@file",
            "service not found: a/b@file",
        ),
        (
            "/api/http/middlewares/none@file",
            "middleware not found: none@file",
        ),
        ("/api/tcp/routers/none@file", "router not found: none@file"),
        ("/api/entrypoints/none", "entry point not found: none"),
        ("/api/certificates/none", "certificate not found: none"),
    ] {
        let response = get(target);
        assert_eq!(response.status, StatusCode::NOT_FOUND, "{target}");
        assert_eq!(value(&response), serde_json::json!({ "message": message }));
    }
    assert_eq!(get("/api/http/routers/%zz").status, StatusCode::BAD_REQUEST);
}

#[test]
fn names_are_percent_decoded() {
    let response = get("/api/http/routers/admin%40file");
    assert_eq!(value(&response)["name"], "admin@file");
}

#[test]
fn other_paths_and_methods_get_no_json() {
    for target in [
        "/",
        "/api",
        "/api/rawdata/",
        "/api/nothing",
        "/api/udp/middlewares",
        "/api/support-dump",
        "/x/api/version",
    ] {
        let response = get(target);
        assert_eq!(response.status, StatusCode::NOT_FOUND, "{target}");
        assert_eq!(response.body, "404 page not found\n");
    }
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::HEAD] {
        assert_eq!(
            ask(&view(), &method, "/api/rawdata").status,
            StatusCode::METHOD_NOT_ALLOWED
        );
    }
}

#[test]
fn the_base_path_stands_before_everything() {
    let mut view = view();
    view.static_.base_path = "/ops".to_owned();
    assert_eq!(
        ask(&view, &Method::GET, "/ops/api/version").status,
        StatusCode::OK
    );
    for target in ["/api/version", "/opsapi/version", "/ops2/api/version"] {
        assert_eq!(
            ask(&view, &Method::GET, target).status,
            StatusCode::NOT_FOUND,
            "{target}"
        );
    }
}

#[test]
fn no_answer_shows_a_secret() {
    for target in [
        "/api/rawdata",
        "/api/http/middlewares",
        "/api/http/middlewares/auth@file",
    ] {
        let body = get(target).body;
        assert!(
            body.contains("\"users\":[\"xxxx\"]") && !body.contains("canary"),
            "{target}: {body}"
        );
    }
}

#[test]
fn an_empty_router_has_lists_of_the_right_shape() {
    let view = RuntimeView::default();
    assert_eq!(ask(&view, &Method::GET, "/api/rawdata").body, "{}\n");
    for list in [
        "http/routers",
        "http/services",
        "http/middlewares",
        "tcp/routers",
        "tcp/services",
        "tcp/middlewares",
        "udp/routers",
        "udp/services",
    ] {
        assert_eq!(
            ask(&view, &Method::GET, &format!("/api/{list}")).body,
            "[]\n"
        );
    }
}

#[test]
fn ping_says_ok_until_the_end() {
    let response = ping(StatusCode::OK);
    assert_eq!((response.status.as_u16(), &*response.body), (200, "OK"));
    let response = ping(StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        (response.status.as_u16(), &*response.body),
        (503, "Service Unavailable")
    );
}
