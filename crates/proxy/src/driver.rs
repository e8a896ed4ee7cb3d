//! The request driver: from the canonical request to the response, the same for every protocol.

use std::sync::Arc;
use std::time::Instant;

use http::StatusCode;
use pointsman_message::chain::{filter_request, filter_response};
use pointsman_message::{Exchange, Flow, Kind, Next, ProxyError, Response};
use pointsman_table::{ExchangeView, Route};
use pointsman_wire::path;

use crate::error;
use crate::record::Noted;
use crate::settings::Settings;
use crate::worker::Worker;

/// What is known of an exchange on its way. Kept by the codec, so that it is there also for an exchange that is given
/// up.
#[derive(Default)]
pub(crate) struct Progress {
    /// The route that it took; `None` if there was none for it.
    pub(crate) route: Option<Arc<Route>>,
    /// What the request was before middlewares; `None` if it was refused before.
    pub(crate) noted: Option<Noted>,
}

impl Progress {
    /// With its response.
    pub(crate) fn with(self, response: Response) -> Handled {
        Handled {
            response,
            progress: self,
        }
    }
}

/// What became of an exchange.
pub(crate) struct Handled {
    pub(crate) response: Response,
    pub(crate) progress: Progress,
}

impl From<Response> for Handled {
    fn from(response: Response) -> Self {
        Progress::default().with(response)
    }
}

/// Routes an exchange and runs it. Every exchange gets a response; whether it can be sent is the codec's matter.
pub(crate) async fn handle(
    worker: &Worker,
    settings: &Settings,
    exchange: &mut Exchange,
    progress: &mut Progress,
) -> Response {
    exchange.record.start = Some(Instant::now());
    progress.noted = Some(worker.recorder().note(exchange));
    exchange.record.keep_origin_headers = worker.recorder().wants_origin_headers();
    let table = worker.table();
    let route = table
        .entry_points
        .get(settings.index)
        .and_then(|entry| entry.find(exchange.request.scheme, &ExchangeView::new(exchange)));
    let Some(route) = route else {
        return Response::text(StatusCode::NOT_FOUND, "404 page not found");
    };
    let route = progress.route.insert(route.clone());
    // I8: the request must be for a name that has the policy which the handshake was made under, and the client must
    // have proved what the router's own options demand: its rule may reach beyond the hosts that have them.
    if let Some(tls) = &exchange.connection.tls {
        let policy = table
            .tls
            .get(settings.index)
            .map(|policies| policies.for_name(Some(exchange.request.host())));
        let is_met = policy
            .is_some_and(|policy| policy.id() == tls.policy && policy.meets(&route.client_demands));
        if !is_met {
            return Response::new(StatusCode::MISDIRECTED_REQUEST, "Misdirected Request");
        }
    }
    drop(table);
    if path::first_denied(exchange.request.path().as_bytes(), settings.encoded).is_some() {
        return Response::new(StatusCode::BAD_REQUEST, "Bad Request");
    }
    run(route, exchange).await
}

/// Runs an exchange through a route's chain.
async fn run(route: &Route, exchange: &mut Exchange) -> Response {
    let (filters, rest) = route
        .steps
        .split_at_checked(route.leading_filters)
        .unwrap_or((&route.steps, &[]));
    let (flow, seen) = filter_request(filters, exchange);
    let result = match flow {
        Flow::Respond(response) => Ok(*response),
        Flow::Continue if rest.is_empty() => route.target.forward(exchange).await,
        Flow::Continue => Next::new(rest, &route.target).run(exchange).await,
    };
    let mut response = result.unwrap_or_else(|error| failed(exchange, error));
    filter_response(
        filters.get(..seen).unwrap_or(filters),
        exchange,
        &mut response.head,
    );
    response
}

/// The answer to an exchange that failed, and the note of it.
pub(crate) fn failed(exchange: &mut Exchange, error: ProxyError) -> Response {
    if error.kind == Kind::Internal {
        tracing::error!(entryPointName = &*exchange.connection.entry_point, %error, "request failed");
    } else {
        tracing::debug!(entryPointName = &*exchange.connection.entry_point, %error, "request failed");
    }
    exchange.record.failure = Some(error.to_string());
    error::response(error)
}
