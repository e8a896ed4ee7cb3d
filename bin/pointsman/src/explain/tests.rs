use std::fs;

use super::*;

const FILE: &str = "\
http:
  routers:
    shop:
      rule: Host(`shop.localhost`)
      service: shop
    cart:
      rule: Host(`shop.localhost`) && PathPrefix(`/cart`) && Method(`GET`)
      service: cart
      middlewares: [strip]
    secure:
      rule: Host(`secure.localhost`)
      service: shop
      tls: {}
      entryPoints: [websecure]
    broken:
      rule: Host(`shop.localhost`) && PathPrefix(`/cart/pay`)
      service: nobody
  middlewares:
    strip: {stripPrefix: {prefixes: [/cart]}}
  services:
    shop: {loadBalancer: {servers: [{url: 'http://10.0.0.1'}]}}
    cart: {loadBalancer: {servers: [{url: 'http://10.0.0.2'}, {url: 'http://10.0.0.3'}]}}
";

fn offline() -> Offline {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("routes.yml"), FILE).unwrap();
    offline::of_folder(dir.path()).unwrap()
}

fn explained(method: &str, tls: bool, host: &str, path: &str) -> (String, bool) {
    let offline = offline();
    let target = Target {
        tls,
        host: host.to_owned(),
        port: Some(8000),
        path_and_query: path.to_owned(),
    };
    let name = entry_point(&offline, &target, true).unwrap();
    let entry_point = &offline.static_.entry_points[&name];
    let request = request(method.to_owned(), &target, Vec::new(), entry_point).unwrap();
    let scheme = if tls { Scheme::Https } else { Scheme::Http };
    tell(&offline, &name, scheme, &request)
}

#[test]
fn it_names_everything_between_the_entry_point_and_the_servers() {
    let (text, is_routed) = explained("GET", false, "shop.localhost", "/cart/./items?x=1");
    assert!(is_routed);
    for part in [
        "GET http://shop.localhost/cart/items?x=1\n",
        "entry point  web (:80)\n",
        "router       cart@file (priority 62)\n",
        "rule         Host(`shop.localhost`) && PathPrefix(`/cart`) && Method(`GET`)\n",
        "middlewares  strip@file\n",
        "service      cart@file\n",
        "servers      http://10.0.0.2, http://10.0.0.3\n",
        "shop@file (priority 22): matches, but its priority is lower\n",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn a_router_that_lost_is_told_with_what_it_lacked() {
    let (text, _) = explained("POST", false, "shop.localhost", "/cart");
    assert!(text.contains("router       shop@file"), "{text}");
    assert!(
        text.contains("cart@file (priority 62): Method(\"GET\") does not hold"),
        "{text}"
    );
}

#[test]
fn a_disabled_router_that_would_match_is_told_with_its_reason() {
    let (text, _) = explained("GET", false, "shop.localhost", "/cart/pay");
    let part = "broken@file: the service \"nobody@file\" does not exist";
    assert!(text.contains(part), "{text}");
}

#[test]
fn a_request_for_nobody_is_not_found_and_tls_is_told_apart() {
    let (text, is_routed) = explained("GET", false, "elsewhere.localhost", "/");
    assert!(!is_routed);
    assert!(text.contains("404"), "{text}");
    let (text, is_routed) = explained("GET", true, "secure.localhost", "/");
    assert!(is_routed, "{text}");
    assert!(
        text.contains("certificate  the default one: none is for this host"),
        "{text}"
    );
}

#[test]
fn a_port_that_nothing_listens_on_is_told_with_those_that_there_are() {
    let target = Target {
        tls: false,
        host: "shop.localhost".to_owned(),
        port: Some(8000),
        path_and_query: "/".to_owned(),
    };
    let error = entry_point(&offline(), &target, false).unwrap_err();
    let error = error.to_string();
    assert!(
        error.starts_with("no entry point on port 8000; there are "),
        "{error}"
    );
    assert!(error.contains("web (:80)"), "{error}");
}

#[test]
fn a_host_header_counts_instead_of_the_host_of_the_url() {
    let target = Target {
        tls: false,
        host: "127.0.0.1".to_owned(),
        port: None,
        path_and_query: "/".to_owned(),
    };
    let headers = vec![("host".to_owned(), "Shop.localhost:8000".to_owned())];
    let request = request("GET".to_owned(), &target, headers, &EntryPoint::default()).unwrap();
    assert_eq!(request.host, "shop.localhost");
}

#[test]
fn a_router_on_two_entry_points_is_told_once() {
    let offline = offline();
    let about_broken: Vec<_> = offline
        .problems
        .iter()
        .filter(|problem| problem.message.contains("nobody"))
        .collect();
    assert_eq!(about_broken.len(), 1, "{about_broken:?}");
    assert_eq!(about_broken[0].object, "router broken@file");
}
