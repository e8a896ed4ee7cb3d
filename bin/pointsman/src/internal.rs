//! The services of provider `internal`.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use http::{HeaderValue, StatusCode, header};
use pointsman_config::static_;
use pointsman_message::{Body, Call, Exchange, LocalBoxFuture, ProxyError, Response};
use pointsman_observe::metrics::{Metrics, ProcessUsage};
use pointsman_proxy::{Control, Phase};

/// What the services know of the process; filled in as it starts.
pub(crate) struct State {
    pub(crate) static_: Arc<static_::Configuration>,
    pub(crate) control: OnceLock<Control>,
    pub(crate) metrics: Option<Metrics>,
}

/// All internal services that this configuration turns on, by name.
pub(crate) fn services(state: &Arc<State>) -> BTreeMap<String, Arc<dyn Call>> {
    let mut services: BTreeMap<String, Arc<dyn Call>> = BTreeMap::new();
    for (name, on) in pointsman_table::internal::services(&state.static_) {
        let kind = match name {
            "ping" => Kind::Ping,
            "prometheus" => Kind::Prometheus,
            "noop" => Kind::Noop,
            _ => continue,
        };
        if on {
            services.insert(
                name.to_owned(),
                Arc::new(Internal {
                    kind,
                    state: state.clone(),
                }),
            );
        }
    }
    services
}

enum Kind {
    Ping,
    Prometheus,
    Noop,
}

struct Internal {
    kind: Kind,
    state: Arc<State>,
}

impl Call for Internal {
    fn call<'a>(&'a self, _: &'a mut Exchange) -> LocalBoxFuture<'a, Result<Response, ProxyError>> {
        Box::pin(async move {
            Ok(match self.kind {
                Kind::Ping => self.ping(),
                Kind::Prometheus => self.metrics(),
                Kind::Noop => Response::new(StatusCode::IM_A_TEAPOT, Body::Empty),
            })
        })
    }
}

impl Internal {
    /// OK as long as the process is not about to stop. Traefik: `ping@internal`.
    fn ping(&self) -> Response {
        let running = self
            .state
            .control
            .get()
            .is_some_and(|control| control.phase() == Phase::Running);
        let status = match &self.state.static_.ping {
            _ if running => StatusCode::OK,
            Some(ping) => StatusCode::from_u16(ping.terminating_status_code)
                .unwrap_or(StatusCode::SERVICE_UNAVAILABLE),
            None => StatusCode::SERVICE_UNAVAILABLE,
        };
        with_type(
            status,
            status.canonical_reason().unwrap_or_default().to_owned(),
            "text/plain; charset=utf-8",
        )
    }

    fn metrics(&self) -> Response {
        let Some(metrics) = &self.state.metrics else {
            return Response::text(StatusCode::NOT_FOUND, "404 page not found");
        };
        let text = metrics.render(ProcessUsage::read().as_ref());
        with_type(
            StatusCode::OK,
            text,
            "text/plain; version=0.0.4; charset=utf-8",
        )
    }
}

fn with_type(status: StatusCode, text: String, content_type: &'static str) -> Response {
    let mut response = Response::new(status, Body::from(text));
    response
        .head
        .headers
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
