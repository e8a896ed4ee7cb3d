//! The request to the authentication server.

use std::collections::HashSet;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Version};

use pointsman_config::dynamic::middleware as config;
use pointsman_message::{Body, Exchange, RequestHead, Scheme};
use pointsman_wire::authority;
use pointsman_wire::names::{Managed, is_hop_by_hop, is_managed, nominated};

use crate::build::Origin;
use crate::error::{OptionError, Problem};
use crate::owned::{header_name, remove_all_spellings, remove_where, replace_all_spellings};
use crate::url::Url;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_URI: HeaderName = HeaderName::from_static("x-forwarded-uri");

/// What of it does not depend on the request.
pub(super) struct Question {
    scheme: Scheme,
    authority: String,
    host: String,
    path: String,
    query: Option<String>,
    /// Made from the address's `user:password@`.
    authorization: Option<HeaderValue>,
    preserve_method: bool,
    trust: Trust,
    /// Headers that are sent; empty = all.
    listed: Vec<HeaderName>,
}

/// `trustForwardHeader`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// Unset: five headers are made anew, others are kept as the entry point left them.
    Legacy,
    /// All are made anew.
    Nothing,
    /// What the entry point left is kept and completed.
    Everything,
}

/// Reads `address`.
pub(super) fn read_address(address: &str) -> Result<(Url, Origin), Problem> {
    if address.is_empty() {
        return Err(Problem::Empty {
            cure: "write the url of the authentication server",
        });
    }
    let url = Url::parse(address).map_err(|problem| Problem::Url {
        url: without_credentials(address),
        problem,
    })?;
    let not_http = || Problem::NotHttp {
        url: without_credentials(address),
    };
    let (scheme, default_port) = match url.scheme.as_str() {
        "http" => (Scheme::Http, 80),
        "https" => (Scheme::Https, 443),
        _ => return Err(not_http()),
    };
    let parsed = authority::parse(url.authority.as_bytes()).map_err(|_| not_http())?;
    let origin = Origin {
        scheme,
        port: parsed.port.unwrap_or(default_port),
        host: parsed.host.into_owned(),
    };
    Ok((url, origin))
}

fn without_credentials(address: &str) -> String {
    match (address.find("://"), address.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => {
            let before = address.get(..scheme + 3).unwrap_or_default();
            let behind = address.get(at..).unwrap_or_default();
            format!("{before}xxxx{behind}")
        }
        _ => address.to_owned(),
    }
}

impl Question {
    pub(super) fn build(
        data: &config::ForwardAuth,
        address: &Url,
        origin: &Origin,
    ) -> Result<Self, OptionError> {
        let trust = match data.trust_forward_header {
            None => Trust::Legacy,
            Some(false) => Trust::Nothing,
            Some(true) => Trust::Everything,
        };
        let mut listed = Vec::with_capacity(data.auth_request_headers.len());
        for (index, name) in data.auth_request_headers.iter().enumerate() {
            listed.push(header_name(name).map_err(|problem| {
                problem.of(format!("forwardAuth.authRequestHeaders[{index}]"))
            })?);
        }
        if trust == Trust::Everything && !listed.is_empty() {
            listed.extend(
                Managed::ALL
                    .iter()
                    .map(|managed| HeaderName::from_static(managed.lower())),
            );
        }
        // A name that is listed twice is copied once.
        let mut seen = HashSet::new();
        listed.retain(|name| seen.insert(name.clone()));
        Ok(Self {
            scheme: origin.scheme,
            authority: address.authority.clone(),
            host: origin.host.clone(),
            path: address.request_path().to_owned(),
            query: address.query.clone(),
            authorization: address.userinfo.as_deref().and_then(basic),
            preserve_method: data.preserve_request_method,
            trust,
            listed,
        })
    }

    /// The request that asks about the one in `exchange`.
    pub(super) fn exchange(&self, exchange: &Exchange, body: Body) -> Exchange {
        let mut asked = Exchange::new(Rc::clone(&exchange.connection));
        asked.body = body;
        // Below, as this middleware's options say.
        asked.record.forwarded_for_done = true;
        let method = if self.preserve_method {
            exchange.request.method.clone()
        } else {
            Method::GET
        };
        let request = &mut asked.request;
        request.reset(method, self.scheme, Version::HTTP_11);
        request.set_authority(&self.authority, &self.host);
        request.set_target(&self.path, self.query.as_deref());
        request.headers = self.copied_headers(&exchange.request.headers);
        self.set_forwarded(&mut request.headers, exchange);
        if let Some(authorization) = &self.authorization
            && !request.headers.contains_key(header::AUTHORIZATION)
        {
            request
                .headers
                .insert(header::AUTHORIZATION, authorization.clone());
        }
        asked
    }

    fn copied_headers(&self, from: &HeaderMap) -> HeaderMap {
        let mut copied = if self.listed.is_empty() {
            from.clone()
        } else {
            let mut copied = HeaderMap::with_capacity(self.listed.len() + 6);
            for name in &self.listed {
                for value in from.get_all(name) {
                    copied.append(name, value.clone());
                }
            }
            copied
        };
        for line in from.get_all(header::CONNECTION) {
            for token in nominated(line.as_bytes()) {
                if let Ok(name) = HeaderName::from_bytes(token) {
                    copied.remove(name);
                }
            }
        }
        remove_where(&mut copied, |name| {
            // RFC 9110 §11.7: credentials for a proxy may be meant for the one who authenticates here.
            (is_hop_by_hop(name.as_bytes()) && name != header::PROXY_AUTHORIZATION.as_str())
                // The body, if it is sent, is sent at once.
                || name == header::EXPECT.as_str()
                || name == header::CONTENT_LENGTH.as_str()
                || (self.trust == Trust::Nothing && is_managed(name.as_bytes()))
        });
        copied
    }

    fn set_forwarded(&self, headers: &mut HeaderMap, exchange: &Exchange) {
        let request = &exchange.request;
        let keep = self.trust == Trust::Everything;
        let mut set = |name: HeaderName, value: Option<HeaderValue>| {
            if keep && headers.contains_key(&name) {
                return;
            }
            match value {
                Some(value) => replace_all_spellings(headers, &name, value),
                None => remove_all_spellings(headers, &name),
            }
        };
        set(
            FORWARDED_METHOD,
            HeaderValue::from_str(request.method.as_str()).ok(),
        );
        set(
            FORWARDED_PROTO,
            Some(HeaderValue::from_static(request.scheme.as_str())),
        );
        set(
            FORWARDED_HOST,
            HeaderValue::from_bytes(request.authority().as_bytes()).ok(),
        );
        set(
            FORWARDED_URI,
            HeaderValue::from_bytes(request.target().as_bytes()).ok(),
        );
        let peer = &exchange.connection.peer_ip_value;
        if keep && headers.contains_key(&FORWARDED_FOR) {
            append_peer(headers, peer);
        } else {
            replace_all_spellings(headers, &FORWARDED_FOR, peer.clone());
        }
        if self.trust != Trust::Legacy && !headers.contains_key(&FORWARDED_PORT) {
            let port = forwarded_port(request, headers);
            replace_all_spellings(headers, &FORWARDED_PORT, port);
        }
    }
}

/// The port that the client named, else that of its scheme.
fn forwarded_port(request: &RequestHead, headers: &HeaderMap) -> HeaderValue {
    let port = authority::parse(request.authority().as_bytes())
        .ok()
        .and_then(|authority| authority.port);
    if let Some(port) = port {
        return HeaderValue::from(port);
    }
    let proto = headers.get(FORWARDED_PROTO).map(HeaderValue::as_bytes);
    if matches!(proto, Some(b"https" | b"wss")) || request.scheme == Scheme::Https {
        HeaderValue::from_static("443")
    } else {
        HeaderValue::from_static("80")
    }
}

/// Joins all `X-Forwarded-For` lines and the peer into one.
fn append_peer(headers: &mut HeaderMap, peer: &HeaderValue) {
    let mut joined = Vec::new();
    for line in headers.get_all(FORWARDED_FOR) {
        joined.extend_from_slice(line.as_bytes());
        joined.extend_from_slice(b", ");
    }
    joined.extend_from_slice(peer.as_bytes());
    if let Ok(value) = HeaderValue::from_bytes(&joined) {
        replace_all_spellings(headers, &FORWARDED_FOR, value);
    }
}

/// `Basic` credentials from the userinfo of a URL.
fn basic(userinfo: &str) -> Option<HeaderValue> {
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    let mut plain = decoded(user);
    plain.push(b':');
    plain.extend(decoded(password));
    let mut value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(plain))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Percent-decoded; the URL's parser has checked that every escape is whole.
fn decoded(text: &str) -> Vec<u8> {
    let mut parts = text.split('%');
    let mut out = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        out.extend(u8::from_str_radix(digits, 16).ok());
        out.extend_from_slice(rest.as_bytes());
    }
    out
}
