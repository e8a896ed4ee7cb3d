//! What `redirectRegex` and `redirectScheme` have in common.

use http::header::{self, HeaderValue};
use http::{Method, StatusCode};

use pointsman_message::{Flow, Response};

use crate::url::Url;

/// Redirects to `new`; goes on if that is where the request is already.
///
/// A new URL that is none is answered 500, as Traefik does.
pub(crate) fn redirect(method: &Method, old: &str, new: &str, permanent: bool) -> Flow {
    let location = Url::parse(new)
        .ok()
        .and_then(|url| HeaderValue::from_bytes(url.to_string().as_bytes()).ok());
    let Some(location) = location else {
        return answer(StatusCode::INTERNAL_SERVER_ERROR, None);
    };
    if new == old {
        return Flow::Continue;
    }
    let status = match (permanent, *method == Method::GET) {
        (false, true) => StatusCode::FOUND,
        (false, false) => StatusCode::TEMPORARY_REDIRECT,
        (true, true) => StatusCode::MOVED_PERMANENTLY,
        (true, false) => StatusCode::PERMANENT_REDIRECT,
    };
    answer(status, Some(location))
}

fn answer(status: StatusCode, location: Option<HeaderValue>) -> Flow {
    let mut response = Response::new(status, status_body(status));
    if let Some(location) = location {
        response.head.headers.insert(header::LOCATION, location);
    }
    Flow::Respond(Box::new(response))
}

/// The status in words, as a body.
pub(crate) fn status_body(status: StatusCode) -> &'static str {
    pointsman_wire::go::status_text(status.as_u16())
}
