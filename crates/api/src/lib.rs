//! Traefik's REST API: what runs, and what became of the configuration.
//!
//! Job: from a request's method, path and query and a [`RuntimeView`], make the answer. Everything here is a pure
//! function of its arguments; whoever serves it (service `api@internal`) collects the view, and decides who may ask.
//!
//! Names and shapes of the JSON are Traefik's, v3.7. Lists of TCP and UDP objects have the right shape too.
//!
//! differs from traefik: it answers with the hashes of `basicAuth` users, keys and passwords as they are configured;
//! here the configuration's own serialisation writes `xxxx` for each secret (I20). Errors have the content type of
//! JSON. `/api/support-dump` and `/debug/` don't exist: 404.
//!
//! Start reading at [`answer`].

mod certificates;
mod list;
mod objects;
mod overview;
mod query;
mod view;

#[cfg(test)]
mod tests;

pub use certificates::CertificateView;
pub use view::{
    Features, MiddlewareView, ObjectView, RouterView, RuntimeView, ServiceView, StaticView, Status,
    TcpView, UdpView, Version,
};

use std::time::SystemTime;

use http::{Method, StatusCode};
use serde_json::Value;

use query::Query;

/// The header that names the next page of a list; 1 on the last page.
pub const NEXT_PAGE: &str = "X-Next-Page";

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// A request to the API.
#[derive(Debug, Clone, Copy)]
pub struct ApiRequest<'a> {
    /// Method; only GET is answered.
    pub method: &'a Method,
    /// Path, percent-encoded.
    pub path: &'a str,
    /// Query without its `?`.
    pub query: Option<&'a str>,
    /// The present time, for the state of certificates.
    pub now: SystemTime,
}

/// An answer of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiResponse {
    /// Status.
    pub status: StatusCode,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// Value of [`NEXT_PAGE`], for lists.
    pub next_page: Option<usize>,
    /// The whole body.
    pub body: String,
}

/// Why there is no answer. Printed as Traefik's `message`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Failure {
    BadRequest(String),
    NotFound(String),
}

/// Answers a request to the API. The paths stand below `api.basePath`.
pub fn answer(request: &ApiRequest<'_>, view: &RuntimeView) -> ApiResponse {
    let Some(path) = below(&view.static_.base_path, request.path) else {
        return not_found();
    };
    let steps: Vec<&str> = path.split('/').collect();
    let query = Query::new(request.query.unwrap_or_default());
    let found = match steps.as_slice() {
        ["api", "version"] => Ok(Reply::Value(overview::version(view))),
        ["api", "overview"] => Ok(Reply::Value(overview::overview(view, request.now))),
        ["api", "rawdata"] => Ok(Reply::Value(objects::raw_data(view))),
        ["api", "entrypoints"] => objects::entry_points(view, &query),
        ["api", "entrypoints", id] => objects::entry_point(view, id),
        ["api", "certificates"] => certificates::list(view, &query, request.now),
        ["api", "certificates", id] => certificates::one(view, id, request.now),
        ["api", protocol @ ("http" | "tcp" | "udp"), kind] => {
            match objects::items(view, protocol, kind) {
                Some(items) => list::page(items, &query),
                None => return not_found(),
            }
        }
        ["api", protocol @ ("http" | "tcp" | "udp"), kind, id] => {
            match objects::items(view, protocol, kind) {
                Some(items) => list::one(&items, kind, id),
                None => return not_found(),
            }
        }
        _ => return not_found(),
    };
    if request.method != Method::GET {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "");
    }
    match found {
        Ok(Reply::Value(value)) => json(StatusCode::OK, &value, None),
        Ok(Reply::Page(values, next)) => json(StatusCode::OK, &Value::Array(values), Some(next)),
        Err(failure) => {
            let (status, message) = match failure {
                Failure::BadRequest(message) => (StatusCode::BAD_REQUEST, message),
                Failure::NotFound(message) => (StatusCode::NOT_FOUND, message),
            };
            json(status, &serde_json::json!({ "message": message }), None)
        }
    }
}

/// The answer of `/ping`, to any method: `status` is 200, or `ping.terminatingStatusCode` while shutting down.
pub fn ping(status: StatusCode) -> ApiResponse {
    plain(status, status.canonical_reason().unwrap_or_default())
}

enum Reply {
    Value(Value),
    Page(Vec<Value>, usize),
}

/// What follows the base path and a slash.
fn below<'a>(base: &str, path: &'a str) -> Option<&'a str> {
    path.strip_prefix(base.trim_end_matches('/'))?
        .strip_prefix('/')
}

fn json(status: StatusCode, value: &Value, next_page: Option<usize>) -> ApiResponse {
    ApiResponse {
        status,
        content_type: JSON,
        next_page,
        body: format!("{value}\n"),
    }
}

fn not_found() -> ApiResponse {
    plain(StatusCode::NOT_FOUND, "404 page not found\n")
}

fn plain(status: StatusCode, body: &str) -> ApiResponse {
    ApiResponse {
        status,
        content_type: TEXT,
        next_page: None,
        body: body.to_owned(),
    }
}
