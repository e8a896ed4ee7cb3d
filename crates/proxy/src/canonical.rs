//! From the parts of a head to the canonical request, in the order of Traefik's entry points: underscore headers, path,
//! query, `X-Forwarded-*`, host.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{StatusCode, Uri};
use pointsman_config::static_::entry_points::UnderscoreStrategy;
use pointsman_message::{ConnectionInfo, RequestHead, Scheme};
use pointsman_wire::authority::{self, Authority};
use pointsman_wire::head::{self, RequestTarget, Version};
use pointsman_wire::names::{self, Managed};
use pointsman_wire::path;

use crate::settings::Settings;

/// Why a request gets no further than its head.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    pub(crate) reason: String,
}

impl Refused {
    fn bad(reason: impl std::fmt::Display) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            reason: reason.to_string(),
        }
    }
}

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// To be routed.
    Route,
    /// `OPTIONS *`: about the router itself.
    Server,
    /// `CONNECT`: nothing that is done here.
    Tunnel,
}

/// Sets host and target of an HTTP/1 request. Method, version and headers are set already.
pub(crate) fn http1(
    request: &mut RequestHead,
    target: &[u8],
    host: Option<&[u8]>,
    version: Version,
    settings: &Settings,
) -> Result<Asked, Refused> {
    let target =
        RequestTarget::parse(request.method.as_str().as_bytes(), target).map_err(Refused::bad)?;
    let (path, query, absolute) = match target {
        RequestTarget::Origin { path, query } => (path, query, None),
        RequestTarget::Absolute {
            scheme,
            authority,
            path,
            query,
        } => (path, query, Some((scheme, authority))),
        RequestTarget::Authority(_) => return Ok(Asked::Tunnel),
        RequestTarget::Asterisk => return Ok(Asked::Server),
    };
    let authority = authority::of_request(version, host, absolute).map_err(Refused::bad)?;
    let spelled = absolute.map_or(host.unwrap_or_default(), |(_, authority)| authority);
    set_authority(request, spelled, &authority);
    set_target(request, path, query, settings)?;
    Ok(Asked::Route)
}

/// Sets host and target of an HTTP/2 request from its pseudo-headers.
pub(crate) fn http2(
    request: &mut RequestHead,
    uri: &Uri,
    settings: &Settings,
) -> Result<Asked, Refused> {
    if request.method == http::Method::CONNECT {
        return Ok(Asked::Tunnel);
    }
    let host = request.headers.remove(http::header::HOST);
    let target = uri
        .authority()
        .map(|authority| authority.as_str().as_bytes());
    let host = host.as_ref().map(HeaderValue::as_bytes);
    let scheme = match request.scheme {
        Scheme::Http => head::Scheme::Http,
        Scheme::Https => head::Scheme::Https,
    };
    let authority = authority::combine(host, target.map(|authority| (scheme, authority)))
        .map_err(Refused::bad)?
        .unwrap_or_default();
    let spelled = target.or(host).unwrap_or_default().to_vec();
    let path = uri.path();
    if path == "*" && request.method == http::Method::OPTIONS {
        return Ok(Asked::Server);
    }
    // `h2` has checked what may stand in a URI; what may stand in a request of ours is stricter.
    RequestTarget::parse(request.method.as_str().as_bytes(), path.as_bytes())
        .map_err(Refused::bad)?;
    set_authority(request, &spelled, &authority);
    set_target(
        request,
        path.as_bytes(),
        uri.query().map(str::as_bytes),
        settings,
    )?;
    Ok(Asked::Route)
}

fn set_authority(request: &mut RequestHead, spelled: &[u8], authority: &Authority<'_>) {
    // It was parsed as an authority, so it is ASCII.
    let spelled = std::str::from_utf8(spelled).unwrap_or_default();
    request.set_authority(spelled, &authority.host);
}

fn set_target(
    request: &mut RequestHead,
    path: &[u8],
    query: Option<&[u8]>,
    settings: &Settings,
) -> Result<(), Refused> {
    let path = if path.is_empty() { b"/" } else { path };
    let path = path::normalise(path, settings.path).map_err(Refused::bad)?;
    let query = query.map(|query| path::clean_query(query, settings.semicolons));
    let text =
        |bytes| std::str::from_utf8(bytes).map_err(|_| Refused::bad("request target is no text"));
    let query = query.as_deref().map(text).transpose()?;
    request.set_target(text(&path)?, query);
    Ok(())
}

/// Takes off the fields that `Connection` names, but for those that the router vouches for (I6) and those that the
/// operator lets through.
pub(crate) fn drop_nominated(
    headers: &mut HeaderMap,
    nominated: &[HeaderName],
    settings: &Settings,
) {
    for name in nominated {
        // What is left of `TE` is `trailers`, which is said anew towards the server.
        if *name != http::header::TE
            && !names::is_managed(name.as_str().as_bytes())
            && !settings.connection_allowed.contains(name)
        {
            headers.remove(name);
        }
    }
}

/// Treats fields with an underscore in their name. Traefik: `underscoreHeadersStrategy`.
pub(crate) fn underscores(headers: &mut HeaderMap, settings: &Settings) -> Result<(), Refused> {
    if settings.underscores == UnderscoreStrategy::Keep {
        return Ok(());
    }
    let with: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().contains('_'))
        .cloned()
        .collect();
    if settings.underscores == UnderscoreStrategy::Reject && !with.is_empty() {
        return Err(Refused::bad("header names with an underscore are refused"));
    }
    for name in with {
        headers.remove(name);
    }
    Ok(())
}

static X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
static X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static X_FORWARDED_SERVER: HeaderName = HeaderName::from_static("x-forwarded-server");
static X_FORWARDED_SCHEME: HeaderName = HeaderName::from_static("x-forwarded-scheme");
static X_SCHEME: HeaderName = HeaderName::from_static("x-scheme");
static X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// Deletes what an untrusted client says about itself, in every spelling (I6), and sets what the router knows.
/// Traefik: `pkg/middlewares/forwardedheaders`.
pub(crate) fn forwarded(
    request: &mut RequestHead,
    connection: &ConnectionInfo,
    settings: &Settings,
    server_name: &HeaderValue,
) {
    let upgrade_to_websocket = request
        .headers
        .get(http::header::UPGRADE)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
    if connection.trusted {
        drop_spellings(&mut request.headers);
    } else {
        drop_managed(&mut request.headers);
    }
    let proto = match (request.scheme, upgrade_to_websocket) {
        (Scheme::Http, false) => "http",
        (Scheme::Https, false) => "https",
        (Scheme::Http, true) => "ws",
        (Scheme::Https, true) => "wss",
    };
    let headers = &mut request.headers;
    set_if_missing(headers, &X_REAL_IP, || {
        Some(connection.peer_ip_value.clone())
    });
    set_if_missing(headers, &X_FORWARDED_PROTO, || {
        Some(HeaderValue::from_static(proto))
    });
    if settings.scheme_headers {
        let value = headers.get(&X_FORWARDED_PROTO).cloned();
        set_if_missing(headers, &X_FORWARDED_SCHEME, || value.clone());
        set_if_missing(headers, &X_SCHEME, || value);
    }
    if !headers.contains_key(&X_FORWARDED_PORT) {
        let port = port(request.scheme, request.authority());
        request.headers.insert(&X_FORWARDED_PORT, port);
    }
    if !request.headers.contains_key(&X_FORWARDED_HOST)
        && !request.authority().is_empty()
        && let Ok(value) = HeaderValue::from_str(request.authority())
    {
        request.headers.insert(&X_FORWARDED_HOST, value);
    }
    request
        .headers
        .insert(&X_FORWARDED_SERVER, server_name.clone());
}

fn set_if_missing(
    headers: &mut HeaderMap,
    name: &HeaderName,
    value: impl FnOnce() -> Option<HeaderValue>,
) {
    if !headers.contains_key(name)
        && let Some(value) = value()
    {
        headers.insert(name, value);
    }
}

/// The port of the host, else the scheme's own: facts of the connection, never of a header (CVE-2026-54764).
fn port(scheme: Scheme, authority: &str) -> HeaderValue {
    let named = authority
        .rsplit_once(':')
        .map(|(_, port)| port)
        .filter(|port| !port.contains(']'));
    match named {
        Some(port) if !port.is_empty() => {
            HeaderValue::from_str(port).unwrap_or(HeaderValue::from_static("80"))
        }
        _ if scheme == Scheme::Https => HeaderValue::from_static("443"),
        _ => HeaderValue::from_static("80"),
    }
}

fn drop_managed(headers: &mut HeaderMap) {
    drop_where(headers, names::is_managed);
}

/// Of a trusted peer, only the true spellings are believed: `x_forwarded_for` is nobody's.
fn drop_spellings(headers: &mut HeaderMap) {
    drop_where(headers, |name| {
        names::managed(name).is_some_and(|managed: Managed| managed.lower().as_bytes() != name)
    });
}

fn drop_where(headers: &mut HeaderMap, unwanted: impl Fn(&[u8]) -> bool) {
    // Almost no request has one, so the search is all that most of them pay.
    while let Some(name) = headers
        .keys()
        .find(|name| unwanted(name.as_str().as_bytes()))
        .cloned()
    {
        headers.remove(name);
    }
}
