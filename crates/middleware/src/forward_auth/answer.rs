//! What the authentication server's answer does to the client's request and response.

use http::StatusCode;
use http::header::{self, HeaderMap, HeaderValue};
use std::sync::Arc;

use pointsman_message::{Body, Exchange, Response};
use pointsman_wire::go::canonical_header;
use pointsman_wire::names::is_hop_by_hop;

use crate::owned::{Owned, is_connection_field, remove_where};
use crate::url::Url;

/// The answer of a server that refuses, for the client. `base`: what a relative `Location` is resolved against;
/// `None` = it stays.
pub(super) fn refusal(mut answer: Response, base: Option<&Url>) -> Response {
    // 407 is for the client, who has to send credentials; RFC 9110 §11.7.
    remove_where(&mut answer.head.headers, |name| {
        is_hop_by_hop(name.as_bytes()) && name != header::PROXY_AUTHENTICATE.as_str()
    });
    let Some(location) = answer.head.headers.get(header::LOCATION) else {
        return answer;
    };
    let location = std::str::from_utf8(location.as_bytes())
        .ok()
        .filter(|location| !location.is_empty())
        .map(Url::parse);
    let location = match location {
        None => return answer,
        Some(Err(_)) => None,
        Some(Ok(url)) => {
            let url = match base {
                Some(base) => base.resolve(url),
                None => url,
            };
            HeaderValue::from_bytes(url.to_string().as_bytes()).ok()
        }
    };
    match location {
        Some(location) => {
            answer.head.headers.insert(header::LOCATION, location);
            answer
        }
        None => Response::new(StatusCode::INTERNAL_SERVER_ERROR, Body::Empty),
    }
}

/// Puts the identity that the server vouches for into the request, in the place of whatever the client said.
pub(super) fn hand_over_identity(
    identity: &Arc<Owned>,
    answer: &HeaderMap,
    exchange: &mut Exchange,
) {
    identity.take_over(exchange);
    let request = &mut exchange.request.headers;
    for name in &identity.names {
        for value in answer.get_all(name) {
            request.append(name, value.clone());
        }
    }
    let Some(pattern) = &identity.pattern else {
        return;
    };
    for name in answer.keys() {
        let copied_already = identity.names.contains(name);
        if !copied_already
            && !is_connection_field(name)
            && pattern.is_match(&canonical_header(name.as_str()))
        {
            for value in answer.get_all(name) {
                request.append(name, value.clone());
            }
        }
    }
}

/// `addAuthCookiesToResponse`.
pub(super) struct AddedCookies {
    names: Vec<String>,
}

impl AddedCookies {
    pub(super) fn new(names: &[String]) -> Self {
        Self {
            names: names.to_vec(),
        }
    }

    /// The listed cookies of an answer; `None` if the answer sets no cookie at all, and then the response keeps its
    /// own.
    pub(super) fn of_answer(&self, answer: &HeaderMap) -> Option<Vec<HeaderValue>> {
        if self.names.is_empty() || !answer.contains_key(header::SET_COOKIE) {
            return None;
        }
        Some(
            answer
                .get_all(header::SET_COOKIE)
                .iter()
                .filter(|cookie| self.lists(cookie))
                .cloned()
                .collect(),
        )
    }

    /// Puts them on the response instead of its own of those names.
    pub(super) fn put_on(&self, cookies: Vec<HeaderValue>, response: &mut HeaderMap) {
        let own: Vec<_> = response
            .get_all(header::SET_COOKIE)
            .iter()
            .filter(|cookie| !self.lists(cookie))
            .cloned()
            .collect();
        response.remove(header::SET_COOKIE);
        for cookie in own.into_iter().chain(cookies) {
            response.append(header::SET_COOKIE, cookie);
        }
    }

    fn lists(&self, cookie: &HeaderValue) -> bool {
        let name = cookie
            .as_bytes()
            .split(|&b| b == b'=')
            .next()
            .unwrap_or_default()
            .trim_ascii();
        self.names.iter().any(|listed| listed.as_bytes() == name)
    }
}
