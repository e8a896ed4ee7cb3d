//! From one object's data to its behaviour: transports, services, calls of middlewares.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, PoisonError};

use pointsman_config::dynamic::ServersTransport;
use pointsman_config::dynamic::http::{LoadBalancer as LoadBalancerData, StickyCookie, Strategy};
use pointsman_config::dynamic::middleware::ClientTls;
use pointsman_config::names::QualifiedName;
use pointsman_message::{Call, Exchange, LocalBoxFuture, ProxyError, Response};
use pointsman_middleware::{OpenCall, Origin};
use pointsman_tls::client;
use pointsman_upstream::{Endpoint, LoadBalancer, Server, Sticky, Timeouts, Transport};
use sha1::{Digest, Sha1};

/// Builds a servers transport.
pub(crate) fn transport(data: &ServersTransport) -> Result<Arc<Transport>, String> {
    let (tls, _) = client::Transport::build(data).map_err(|error| error.to_string())?;
    let timeouts = data.forwarding_timeouts.clone().unwrap_or_default();
    let idle = match data.max_idle_conns_per_host {
        // Go's default for a transport that says nothing.
        0 => 2,
        count => usize::try_from(count).unwrap_or(0),
    };
    let timeouts = Timeouts {
        dial: timeouts.dial_timeout.non_zero(),
        response_header: timeouts.response_header_timeout.non_zero(),
        idle: timeouts.idle_conn_timeout.non_zero(),
        ..Timeouts::default()
    };
    Ok(Arc::new(Transport::new(tls, idle, timeouts)))
}

/// Builds a load balancer.
pub(crate) fn load_balancer(
    name: &QualifiedName,
    data: &LoadBalancerData,
    transport: Arc<Transport>,
    position: Arc<AtomicU32>,
) -> Result<LoadBalancer, String> {
    if data.strategy != Strategy::Wrr {
        return Err(format!(
            "strategy {:?} is not built yet; use wrr",
            data.strategy
        ));
    }
    if data.health_check.is_some() || data.passive_health_check.is_some() {
        return Err(
            "health checks are not built yet; remove healthCheck and passiveHealthCheck".to_owned(),
        );
    }
    let mut servers = Vec::with_capacity(data.servers.len());
    for server in &data.servers {
        let weight = match server.weight {
            _ if server.fenced => 0,
            None => 1,
            // No share means no server; a sticky client does not get one either.
            Some(weight) if weight <= 0 => continue,
            Some(weight) => u32::try_from(weight).unwrap_or(u32::MAX),
        };
        let endpoint = Endpoint::parse(&server.url).map_err(|error| error.to_string())?;
        servers.push(Server::new(
            endpoint,
            &transport,
            weight,
            server.preserve_path,
        ));
    }
    let sticky = data
        .sticky
        .as_ref()
        .and_then(|sticky| sticky.cookie.as_ref())
        .map(|cookie| Sticky::new(cookie_name(cookie, name), cookie_attributes(cookie)));
    Ok(LoadBalancer::new(
        servers,
        sticky,
        data.pass_host_header,
        transport,
        position,
    ))
}

/// `_` and the first five hexadecimal digits of a SHA-1, as Traefik names the cookie; a configured name with everything
/// that is no token character replaced.
fn cookie_name(cookie: &StickyCookie, service: &QualifiedName) -> String {
    if !cookie.name.is_empty() {
        let clean = |c: char| {
            if pointsman_wire::head::is_token(c.to_string().as_bytes()) {
                c
            } else {
                '_'
            }
        };
        return cookie.name.chars().map(clean).collect();
    }
    let digest = Sha1::digest(format!("_TRAEFIK_BACKEND_{service}").as_bytes());
    let mut name = String::from("_");
    for byte in digest.iter().take(3) {
        let _ = write!(name, "{byte:02x}");
    }
    name.truncate(6);
    name
}

/// In the order in which Go writes them.
fn cookie_attributes(cookie: &StickyCookie) -> String {
    let mut out = String::new();
    let path = cookie.path.as_deref().unwrap_or("/");
    if !path.is_empty() {
        let _ = write!(out, "; Path={}", sanitised(path));
    }
    if !cookie.domain.is_empty() {
        let _ = write!(
            out,
            "; Domain={}",
            sanitised(cookie.domain.trim_start_matches('.'))
        );
    }
    match cookie.max_age {
        0 => {}
        age if age < 0 => out.push_str("; Max-Age=0"),
        age => {
            let _ = write!(out, "; Max-Age={age}");
        }
    }
    if cookie.http_only {
        out.push_str("; HttpOnly");
    }
    if cookie.secure {
        out.push_str("; Secure");
    }
    match cookie.same_site.as_str() {
        "none" => out.push_str("; SameSite=None"),
        "lax" => out.push_str("; SameSite=Lax"),
        "strict" => out.push_str("; SameSite=Strict"),
        _ => {}
    }
    out
}

/// Without what would end the attribute or the header (RFC 6265 §4.1.1).
fn sanitised(text: &str) -> String {
    text.chars()
        .filter(|c| (' '..='~').contains(c) && *c != ';')
        .collect()
}

/// Ways to servers that middlewares ask, one per server and TLS, so that tables share their connections.
pub(crate) struct Calls<'a> {
    pub(crate) known: &'a Mutex<HashMap<CallKey, Arc<dyn Call>>>,
    pub(crate) read_file: &'a dyn Fn(&Path) -> std::io::Result<Vec<u8>>,
}

pub(crate) type CallKey = (Origin, String);

impl OpenCall for Calls<'_> {
    fn open_call(&self, origin: &Origin, tls: Option<&ClientTls>) -> Result<Arc<dyn Call>, String> {
        let data = tls.map_or_else(ServersTransport::default, |tls| ServersTransport {
            insecure_skip_verify: tls.insecure_skip_verify,
            root_cas: if tls.ca.is_empty() {
                Vec::new()
            } else {
                vec![tls.ca.clone()]
            },
            certificates: if tls.cert.is_empty() {
                Vec::new()
            } else {
                vec![pointsman_config::dynamic::tls::Certificate {
                    cert_file: tls.cert.clone(),
                    key_file: tls.key.clone().unwrap_or_default(),
                }]
            },
            ..ServersTransport::default()
        });
        let data = ServersTransport {
            max_idle_conns_per_host: 200,
            ..data
        };
        let key = (origin.clone(), self.identity(tls));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(call) = known.get(&key) {
            return Ok(call.clone());
        }
        let transport = transport(&data)?;
        let url = format!(
            "{}://{}:{}",
            origin.scheme.as_str(),
            origin.host,
            origin.port
        );
        let endpoint = Endpoint::parse(&url).map_err(|error| error.to_string())?;
        let server = Server::new(endpoint, &transport, 1, false);
        let service = LoadBalancer::new(vec![server], None, true, transport, Arc::default());
        let call: Arc<dyn Call> = Arc::new(SideCall(service));
        known.insert(key, call.clone());
        Ok(call)
    }
}

impl Calls<'_> {
    /// Everything of `tls` that makes a difference, by content: a file may change behind its path. Never shown.
    pub(crate) fn identity(&self, tls: Option<&ClientTls>) -> String {
        tls.map_or_else(String::new, |tls| {
            let key = tls.key.as_ref().map_or("", |key| key.expose().as_str());
            let content = [tls.ca.as_str(), tls.cert.as_str(), key].map(|entry| self.digest(entry));
            format!("{:?}", (content, tls.insecure_skip_verify))
        })
    }

    /// Of a PEM text, or of the file at a path. What cannot be read stays a path; building says what is wrong with it.
    fn digest(&self, entry: &str) -> [u8; 20] {
        let content = match entry.contains("-----BEGIN") || entry.is_empty() {
            true => None,
            false => (self.read_file)(Path::new(entry)).ok(),
        };
        Sha1::digest(content.as_deref().unwrap_or(entry.as_bytes())).into()
    }
}

/// A server that a middleware asks: the request goes as it is.
struct SideCall(LoadBalancer);

impl Call for SideCall {
    fn call<'a>(
        &'a self,
        exchange: &'a mut Exchange,
    ) -> LocalBoxFuture<'a, Result<Response, ProxyError>> {
        exchange.record.forwarded_for_done = true;
        self.0.call(exchange)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_named_as_traefik_names_them() {
        let service = QualifiedName::new("testing-service1-80", "kubernetes");
        let name = cookie_name(&StickyCookie::default(), &service);
        assert_eq!((name.len(), &name[..1]), (6, "_"));
        let cookie = StickyCookie {
            name: "my cookie;".into(),
            ..StickyCookie::default()
        };
        assert_eq!(cookie_name(&cookie, &service), "my_cookie_");
    }

    #[test]
    fn cookie_attributes_stand_in_the_order_of_go() {
        let cookie = StickyCookie {
            secure: true,
            http_only: true,
            same_site: "none".into(),
            max_age: 60,
            domain: "shop.example".into(),
            path: Some("/a;b".into()),
            ..StickyCookie::default()
        };
        let expected =
            "; Path=/ab; Domain=shop.example; Max-Age=60; HttpOnly; Secure; SameSite=None";
        assert_eq!(cookie_attributes(&cookie), expected);
        assert_eq!(cookie_attributes(&StickyCookie::default()), "; Path=/");
    }
}
