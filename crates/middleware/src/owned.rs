//! Header names that the router vouches for: deleted in every spelling before they are set (I6).
//!
//! Servers may fold `_` into `-` (CGI, WSGI), so `X_Auth_User` is `X-Auth-User` to them; and a trailer of that name
//! may be merged into the headers.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use pointsman_message::body::Duplex;
use pointsman_message::{Body, BodyError, BodyStream, Exchange, Frame};
use pointsman_rule::GoRegex;
use pointsman_wire::go::canonical_header;
use pointsman_wire::names::{fold_eq, is_hop_by_hop};

use crate::error::Problem;

/// Reads a header name.
pub(crate) fn header_name(name: &str) -> Result<HeaderName, Problem> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| Problem::HeaderName {
        name: name.to_owned(),
    })
}

/// Reads the name of a header that the router may set.
pub(crate) fn settable_header_name(name: &str) -> Result<HeaderName, Problem> {
    let parsed = header_name(name)?;
    if is_connection_field(&parsed) || parsed == header::HOST {
        return Err(Problem::ConnectionHeader {
            name: name.to_owned(),
        });
    }
    Ok(parsed)
}

/// Reads a header value.
pub(crate) fn header_value(text: &str) -> Result<HeaderValue, Problem> {
    HeaderValue::from_bytes(text.as_bytes()).map_err(|_| Problem::HeaderValue)
}

/// True for fields of framing and of one hop, which no middleware sets: codecs make them from the message (I2).
pub(crate) fn is_connection_field(name: &HeaderName) -> bool {
    *name == header::CONTENT_LENGTH || is_hop_by_hop(name.as_str().as_bytes())
}

/// Removes `name` in every spelling.
pub(crate) fn remove_all_spellings(headers: &mut HeaderMap, name: &HeaderName) {
    headers.remove(name);
    // Names in a map are lower case, so that other spellings differ in `_` only.
    remove_where(headers, |other| {
        other.len() == name.as_str().len() && fold_eq(other.as_bytes(), name.as_str().as_bytes())
    });
}

/// Puts `value` in the place of every spelling of `name`.
pub(crate) fn replace_all_spellings(
    headers: &mut HeaderMap,
    name: &HeaderName,
    value: HeaderValue,
) {
    remove_all_spellings(headers, name);
    headers.insert(name.clone(), value);
}

/// Removes every field whose name `unwanted` says so of.
pub(crate) fn remove_where(headers: &mut HeaderMap, unwanted: impl Fn(&str) -> bool) {
    // One at a time: there is hardly ever one, and then nothing is allocated.
    while let Some(name) = headers.keys().find(|name| unwanted(name.as_str())).cloned() {
        headers.remove(&name);
    }
}

/// Header names that only the router may say something with.
#[derive(Debug, Default)]
pub(crate) struct Owned {
    pub(crate) names: Vec<HeaderName>,
    /// Matched against names in canonical case (`X-Auth-User`), as Traefik's are.
    pub(crate) pattern: Option<GoRegex>,
}

impl Owned {
    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty() && self.pattern.is_none()
    }

    /// True if the pattern matches `name`, or what a server that folds `_` makes of it.
    fn pattern_matches(&self, name: &str) -> bool {
        let Some(pattern) = &self.pattern else {
            return false;
        };
        pattern.is_match(&canonical_header(name))
            || (name.contains('_') && pattern.is_match(&canonical_header(&name.replace('_', "-"))))
    }

    /// Removes them in every spelling.
    pub(crate) fn remove_from(&self, headers: &mut HeaderMap) {
        for name in &self.names {
            remove_all_spellings(headers, name);
        }
        if self.pattern.is_some() {
            remove_where(headers, |name| self.pattern_matches(name));
        }
    }

    /// Removes them from the request, now from its headers and later from its trailers.
    pub(crate) fn take_over(self: &Arc<Self>, exchange: &mut Exchange) {
        self.remove_from(&mut exchange.request.headers);
        self.guard_trailers(&mut exchange.body);
    }

    /// Removes them from the trailers of `body` when those come.
    pub(crate) fn guard_trailers(self: &Arc<Self>, body: &mut Body) {
        if self.is_empty() {
            return;
        }
        match std::mem::take(body) {
            Body::Stream(stream) => {
                *body = Body::Stream(Box::new(GuardedTrailers {
                    stream,
                    owned: Arc::clone(self),
                }));
            }
            whole @ (Body::Empty | Body::Bytes(_)) => *body = whole,
        }
    }
}

/// A body without certain trailers.
struct GuardedTrailers {
    stream: Box<dyn BodyStream>,
    owned: Arc<Owned>,
}

impl BodyStream for GuardedTrailers {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, BodyError>>> {
        let mut polled = self.stream.poll_frame(cx);
        if let Poll::Ready(Some(Ok(Frame::Trailers(trailers)))) = &mut polled {
            self.owned.remove_from(trailers);
        }
        polled
    }

    fn remaining(&self) -> Option<u64> {
        self.stream.remaining()
    }

    fn is_end(&self) -> bool {
        self.stream.is_end()
    }

    fn take_tunnel(&mut self) -> Option<Box<dyn Duplex>> {
        self.stream.take_tunnel()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Pieces, header_map, poll_all};

    #[test]
    fn every_spelling_of_an_owned_name_is_removed() {
        let name = HeaderName::from_static("x-auth-user");
        let mut headers = header_map(&[
            ("x-auth-user", "a"),
            ("x_auth_user", "b"),
            ("X-Auth_User", "c"),
            ("x_auth-user", "d"),
            ("x-auth-users", "kept"),
            ("xxauth-user", "kept"),
        ]);
        remove_all_spellings(&mut headers, &name);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["x-auth-users", "xxauth-user"]);
    }

    #[test]
    fn a_pattern_sees_canonical_names_and_folded_spellings() {
        let owned = Owned {
            names: Vec::new(),
            pattern: Some(GoRegex::compile("^X-Auth-").unwrap()),
        };
        let mut headers = header_map(&[
            ("x-auth-user", "a"),
            ("x_auth_group", "b"),
            ("auth", "kept"),
        ]);
        owned.remove_from(&mut headers);
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["auth"]);
    }

    #[test]
    fn owned_names_are_removed_from_trailers_too() {
        let owned = Arc::new(Owned {
            names: vec![HeaderName::from_static("x-auth-user")],
            pattern: None,
        });
        let mut body = Pieces::new(&["data"])
            .trailers(&[("x_auth_user", "root"), ("x-checksum", "1")])
            .body();
        owned.guard_trailers(&mut body);
        let (data, trailers) = poll_all(&mut body).unwrap();
        assert_eq!(data, "data");
        assert_eq!(trailers.unwrap().keys().collect::<Vec<_>>(), ["x-checksum"]);
    }

    #[test]
    fn fields_of_framing_and_of_one_hop_cannot_be_set() {
        for name in [
            "Content-Length",
            "transfer-encoding",
            "Connection",
            "Upgrade",
            "Host",
        ] {
            assert!(
                matches!(
                    settable_header_name(name),
                    Err(Problem::ConnectionHeader { .. })
                ),
                "{name}"
            );
        }
        assert!(matches!(
            settable_header_name("x y"),
            Err(Problem::HeaderName { .. })
        ));
        assert_eq!(settable_header_name("X-User").unwrap(), "x-user");
    }
}
