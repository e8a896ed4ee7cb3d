//! What rules see of an exchange.

use std::borrow::Cow;
use std::net::IpAddr;

use http::HeaderName;
use pointsman_message::Exchange;
use pointsman_rule::RequestView;
use pointsman_wire::path;

/// An exchange as rules see it, as it is now: middlewares of an outer router may have changed it.
pub struct ExchangeView<'e> {
    exchange: &'e Exchange,
    path: Cow<'e, str>,
}

impl<'e> ExchangeView<'e> {
    /// The view of this exchange.
    pub fn new(exchange: &'e Exchange) -> Self {
        let path = exchange.request.path();
        // Rules match the path with everything decoded that is not reserved; most paths hold nothing encoded.
        let path = match path::routing_path(path.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(path),
            Cow::Owned(decoded) => Cow::Owned(String::from_utf8_lossy(&decoded).into_owned()),
        };
        Self { exchange, path }
    }
}

impl RequestView for ExchangeView<'_> {
    fn host(&self) -> &str {
        self.exchange.request.host()
    }
    fn path(&self) -> &str {
        &self.path
    }
    fn method(&self) -> &str {
        self.exchange.request.method.as_str()
    }
    fn header<'v>(&'v self, name: &'v HeaderName) -> impl Iterator<Item = &'v [u8]> {
        // `Host` is no field of ours, but rules may ask for it as one.
        let host =
            (*name == http::header::HOST).then(|| self.exchange.request.authority().as_bytes());
        host.into_iter().chain(
            self.exchange
                .request
                .headers
                .get_all(name)
                .iter()
                .map(|value| value.as_bytes()),
        )
    }
    fn query(&self) -> Option<&str> {
        self.exchange.request.query()
    }
    fn peer_ip(&self) -> IpAddr {
        self.exchange.connection.peer.ip()
    }
}
