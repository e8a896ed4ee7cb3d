//! `headers`: custom headers, CORS and security headers.
//!
//! On the way in: CORS preflight, then custom request headers, then the allowed hosts. On the way back the security
//! headers are set first, so that custom response headers have the last word, as in Traefik.

mod cors;
mod secure;

use std::collections::BTreeMap;
use std::sync::Arc;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use pointsman_config::dynamic::middleware as config;
use pointsman_config::names::QualifiedName;
use pointsman_message::{Exchange, Flow, HeadFilter, ResponseHead};
use pointsman_wire::authority;

use self::cors::Cors;
use self::secure::Secure;
use crate::error::{OptionError, Problem};
use crate::owned::{Owned, header_name, header_value, is_connection_field, replace_all_spellings};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

pub(crate) struct Headers {
    request: RequestEdits,
    /// `None` deletes.
    response: Vec<(HeaderName, Option<HeaderValue>)>,
    cors: Option<Cors>,
    secure: Option<Secure>,
}

/// `customRequestHeaders`.
#[derive(Default)]
struct RequestEdits {
    set: Vec<(HeaderName, HeaderValue)>,
    /// Names that are set or deleted.
    owned: Arc<Owned>,
    /// As written, and canonical.
    host: Option<(String, String)>,
    /// `X-Forwarded-For: ""`: the server gets none at all.
    no_forwarded_for: bool,
}

impl Headers {
    pub(crate) fn build(data: &config::Headers, name: &QualifiedName) -> Result<Self, OptionError> {
        let built = Self {
            request: RequestEdits::build(&data.custom_request_headers, name)?,
            response: response_edits(&data.custom_response_headers, name)?,
            cors: Cors::build(data)?,
            secure: Secure::build(data)?,
        };
        let custom =
            !data.custom_request_headers.is_empty() || !data.custom_response_headers.is_empty();
        if !custom && built.cors.is_none() && built.secure.is_none() {
            return Err(Problem::Empty {
                cure: "set at least one option",
            }
            .of("headers"));
        }
        Ok(built)
    }

    /// What custom headers and CORS do to a response; security headers come before.
    fn edit_response(&self, request: &HeaderMap, response: &mut HeaderMap) {
        for (name, value) in &self.response {
            match value {
                Some(value) => {
                    response.insert(name, value.clone());
                }
                None => {
                    response.remove(name);
                }
            }
        }
        if let Some(cors) = &self.cors {
            cors.edit_response(request, response);
        }
    }
}

impl HeadFilter for Headers {
    fn on_request(&self, exchange: &mut Exchange) -> Flow {
        if let Some(cors) = &self.cors
            && let Some(preflight) = cors.preflight(&exchange.request)
        {
            return Flow::Respond(Box::new(preflight));
        }
        self.request.apply(exchange);
        if let Some(secure) = &self.secure
            && let Some(mut refusal) = secure.refuse(&exchange.request)
        {
            // Custom headers lie around the security part, so they are on its refusals too.
            self.edit_response(&exchange.request.headers, &mut refusal.head.headers);
            return Flow::Respond(Box::new(refusal));
        }
        Flow::Continue
    }

    fn on_response(&self, exchange: &mut Exchange, response: &mut ResponseHead) {
        if let Some(secure) = &self.secure {
            secure.edit_response(&exchange.request, &mut response.headers);
        }
        self.edit_response(&exchange.request.headers, &mut response.headers);
    }
}

impl RequestEdits {
    fn build(
        custom: &BTreeMap<String, String>,
        middleware: &QualifiedName,
    ) -> Result<Self, OptionError> {
        let mut edits = Self::default();
        let mut owned = Owned::default();
        for (name, value) in custom {
            let option = || format!("headers.customRequestHeaders.{name}");
            let parsed = header_name(name).map_err(|problem| problem.of(option()))?;
            if parsed == header::HOST {
                edits.host = match value.as_str() {
                    // Traefik deletes a header that is not among the headers.
                    "" => None,
                    value => Some(host(value).map_err(|problem| problem.of(option()))?),
                };
                continue;
            }
            if !value.is_empty() {
                if is_connection_field(&parsed) {
                    warn_without_effect(middleware, &option());
                    continue;
                }
                let value = header_value(value).map_err(|problem| problem.of(option()))?;
                edits.set.push((parsed.clone(), value));
            } else if parsed == FORWARDED_FOR {
                edits.no_forwarded_for = true;
            }
            owned.names.push(parsed);
        }
        edits.owned = Arc::new(owned);
        Ok(edits)
    }

    fn apply(&self, exchange: &mut Exchange) {
        if !self.owned.is_empty() {
            self.owned.take_over(exchange);
        }
        for (name, value) in &self.set {
            // Two spellings of one name may be configured; the last one holds.
            replace_all_spellings(&mut exchange.request.headers, name, value.clone());
        }
        if let Some((authority, canonical)) = &self.host {
            exchange.request.set_authority(authority, canonical);
        }
        if self.no_forwarded_for {
            exchange.record.forwarded_for_done = true;
        }
    }
}

fn response_edits(
    custom: &BTreeMap<String, String>,
    middleware: &QualifiedName,
) -> Result<Vec<(HeaderName, Option<HeaderValue>)>, OptionError> {
    let mut edits = Vec::with_capacity(custom.len());
    for (name, value) in custom {
        let option = || format!("headers.customResponseHeaders.{name}");
        let parsed = header_name(name).map_err(|problem| problem.of(option()))?;
        if value.is_empty() {
            edits.push((parsed, None));
        } else if is_connection_field(&parsed) {
            warn_without_effect(middleware, &option());
        } else {
            let value = header_value(value).map_err(|problem| problem.of(option()))?;
            edits.push((parsed, Some(value)));
        }
    }
    Ok(edits)
}

fn host(value: &str) -> Result<(String, String), Problem> {
    match authority::parse(value.as_bytes()) {
        Ok(parsed) => Ok((value.to_owned(), parsed.host.into_owned())),
        Err(problem) => Err(Problem::Host {
            value: value.to_owned(),
            problem,
        }),
    }
}

/// Fields of framing and of one hop are made from the message (I2); Go overwrites them as well.
fn warn_without_effect(middleware: &QualifiedName, option: &str) {
    tracing::warn!(%middleware, option, "header belongs to the connection and has no effect, take it out");
}

#[cfg(test)]
mod tests;
