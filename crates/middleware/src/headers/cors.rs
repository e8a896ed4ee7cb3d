//! Cross-origin resource sharing: `accessControl…` and `addVaryHeader`.

use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, StatusCode};

use pointsman_config::dynamic::middleware as config;
use pointsman_message::{Body, RequestHead, Response};
use pointsman_rule::GoRegex;

use crate::error::{OptionError, Problem};
use crate::owned::header_value;

pub(crate) struct Cors {
    credentials: bool,
    allow_headers: Allowed,
    allow_methods: Allowed,
    origins: Vec<Origin>,
    origin_regexes: Vec<GoRegex>,
    expose_headers: Option<HeaderValue>,
    max_age: Option<HeaderValue>,
    add_vary: bool,
}

/// What a preflight answer allows.
enum Allowed {
    /// Says nothing.
    Unsaid,
    /// `*` together with credentials, which browsers refuse: what was asked for.
    AsAsked,
    /// This list.
    List(HeaderValue),
}

enum Origin {
    Any,
    Exact(HeaderValue),
}

impl Cors {
    /// `None` when no option asks for it.
    pub(crate) fn build(data: &config::Headers) -> Result<Option<Self>, OptionError> {
        let wanted = data.access_control_allow_credentials
            || !data.access_control_allow_headers.is_empty()
            || !data.access_control_allow_methods.is_empty()
            || !data.access_control_allow_origin_list.is_empty()
            || !data.access_control_allow_origin_list_regex.is_empty()
            || !data.access_control_expose_headers.is_empty()
            || data.access_control_max_age.is_some()
            || data.add_vary_header;
        if !wanted {
            return Ok(None);
        }
        let credentials = data.access_control_allow_credentials;
        Ok(Some(Self {
            credentials,
            allow_headers: allowed(
                &data.access_control_allow_headers,
                credentials,
                "headers.accessControlAllowHeaders",
            )?,
            allow_methods: allowed(
                &data.access_control_allow_methods,
                credentials,
                "headers.accessControlAllowMethods",
            )?,
            origins: origins(&data.access_control_allow_origin_list)?,
            origin_regexes: origin_regexes(&data.access_control_allow_origin_list_regex)?,
            expose_headers: match allowed(
                &data.access_control_expose_headers,
                credentials,
                "headers.accessControlExposeHeaders",
            )? {
                Allowed::List(list) => Some(list),
                Allowed::Unsaid | Allowed::AsAsked => None,
            },
            max_age: data.access_control_max_age.map(HeaderValue::from),
            add_vary: data.add_vary_header,
        }))
    }

    /// The answer to a preflight request (Fetch standard, CORS-preflight fetch); `None` for every other request.
    pub(crate) fn preflight(&self, request: &RequestHead) -> Option<Response> {
        if request.method != Method::OPTIONS {
            return None;
        }
        let asked = |name| request.headers.get(name).filter(|value| !value.is_empty());
        let method = asked(header::ACCESS_CONTROL_REQUEST_METHOD)?;
        let origin = asked(header::ORIGIN)?;
        let mut response = Response::new(StatusCode::OK, Body::Empty);
        let headers = &mut response.head.headers;
        self.set_credentials(headers);
        self.allow_headers.set(
            headers,
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            asked(header::ACCESS_CONTROL_REQUEST_HEADERS),
        );
        self.allow_methods
            .set(headers, header::ACCESS_CONTROL_ALLOW_METHODS, Some(method));
        if let Some(allowed) = self.allowed_origin(origin) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        }
        if let Some(max_age) = &self.max_age {
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, max_age.clone());
        }
        self.set_expose(headers);
        Some(response)
    }

    /// Sets what belongs on the response to every other request.
    pub(crate) fn edit_response(&self, request: &HeaderMap, response: &mut HeaderMap) {
        let none = HeaderValue::from_static("");
        let origin = request.get(header::ORIGIN).unwrap_or(&none);
        if let Some(allowed) = self.allowed_origin(origin) {
            response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        }
        self.set_credentials(response);
        self.set_expose(response);
        if self.add_vary {
            add_vary_origin(response);
        }
    }

    fn allowed_origin(&self, origin: &HeaderValue) -> Option<HeaderValue> {
        let listed = self.origins.iter().find_map(|item| match item {
            Origin::Exact(exact) => (exact == origin).then(|| exact.clone()),
            // A wildcard together with credentials means nothing to browsers.
            Origin::Any if self.credentials => Some(origin.clone()),
            Origin::Any => Some(HeaderValue::from_static("*")),
        });
        listed.or_else(|| {
            self.origin_regexes
                .iter()
                .any(|regex| regex.is_match_bytes(origin.as_bytes()))
                .then(|| origin.clone())
        })
    }

    fn set_credentials(&self, headers: &mut HeaderMap) {
        if self.credentials {
            headers.insert(
                header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
                HeaderValue::from_static("true"),
            );
        }
    }

    fn set_expose(&self, headers: &mut HeaderMap) {
        if let Some(expose) = &self.expose_headers {
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, expose.clone());
        }
    }
}

impl Allowed {
    fn set(&self, headers: &mut HeaderMap, name: header::HeaderName, asked: Option<&HeaderValue>) {
        match (self, asked) {
            (Self::List(list), _) => headers.insert(name, list.clone()),
            (Self::AsAsked, Some(asked)) => headers.insert(name, asked.clone()),
            (Self::AsAsked, None) | (Self::Unsaid, _) => None,
        };
    }
}

fn allowed(list: &[String], credentials: bool, option: &str) -> Result<Allowed, OptionError> {
    if list.iter().any(|item| item == "*") && credentials {
        return Ok(Allowed::AsAsked);
    }
    let joined = list.join(",");
    if joined.is_empty() {
        return Ok(Allowed::Unsaid);
    }
    header_value(&joined)
        .map(Allowed::List)
        .map_err(|problem| problem.of(option))
}

fn origins(list: &[String]) -> Result<Vec<Origin>, OptionError> {
    list.iter()
        .enumerate()
        .map(|(index, item)| match item.as_str() {
            "*" => Ok(Origin::Any),
            item => header_value(item).map(Origin::Exact).map_err(|problem| {
                problem.of(format!("headers.accessControlAllowOriginList[{index}]"))
            }),
        })
        .collect()
}

fn origin_regexes(list: &[String]) -> Result<Vec<GoRegex>, OptionError> {
    list.iter()
        .enumerate()
        .map(|(index, pattern)| {
            GoRegex::compile(pattern).map_err(|error| {
                Problem::Regex(error).of(format!(
                    "headers.accessControlAllowOriginListRegex[{index}]"
                ))
            })
        })
        .collect()
}

/// Adds `Origin` to `Vary`, once.
///
/// differs from traefik: several `Vary` lines are joined, not reduced to the first one.
fn add_vary_origin(headers: &mut HeaderMap) {
    let lines: Vec<&[u8]> = headers
        .get_all(header::VARY)
        .iter()
        .map(HeaderValue::as_bytes)
        .filter(|line| !line.is_empty())
        .collect();
    if lines == [b"Origin"] {
        return;
    }
    let mut joined = lines.join(&b',');
    if !joined.is_empty() {
        joined.push(b',');
    }
    joined.extend_from_slice(b"Origin");
    if let Ok(value) = HeaderValue::from_bytes(&joined) {
        headers.insert(header::VARY, value);
    }
}
