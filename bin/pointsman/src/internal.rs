//! The services of provider `internal`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use http::{HeaderName, HeaderValue, StatusCode, header};
use pointsman_api::{ApiRequest, ApiResponse, RuntimeView};
use pointsman_config::static_;
use pointsman_message::{Body, Call, Exchange, LocalBoxFuture, ProxyError, Response};
use pointsman_observe::metrics::{Metrics, ProcessUsage};
use pointsman_provider::{Merged, Update};
use pointsman_proxy::{Control, Phase};

use crate::view;

/// What the services know of the process; filled in as it starts.
pub(crate) struct State {
    pub(crate) static_: Arc<static_::Configuration>,
    pub(crate) control: OnceLock<Control>,
    pub(crate) metrics: Option<Metrics>,
    pub(crate) start: SystemTime,
    /// What the last table was compiled from.
    merged: Mutex<Merged>,
    /// What the API shows, with the table's generation; made when it is asked for.
    view: Mutex<Option<(u64, Arc<RuntimeView>)>>,
}

impl State {
    /// The state of a process that has no table yet.
    pub(crate) fn new(static_: Arc<static_::Configuration>, metrics: Option<Metrics>) -> Self {
        Self {
            static_,
            control: OnceLock::new(),
            metrics,
            start: SystemTime::now(),
            merged: Mutex::default(),
            view: Mutex::default(),
        }
    }

    /// Notes what the next table is compiled from; before that table is swapped in, so that no view of it is made of
    /// older objects.
    pub(crate) fn note(&self, merged: Merged) {
        *self.merged.lock().unwrap_or_else(PoisonError::into_inner) = merged;
    }

    /// What the API shows now; `None` as long as there is no table.
    fn view(&self) -> Option<Arc<RuntimeView>> {
        let table = self.control.get()?.table();
        let mut known = self.view.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((generation, view)) = &*known
            && *generation == table.generation
        {
            return Some(view.clone());
        }
        let merged = self.merged.lock().unwrap_or_else(PoisonError::into_inner);
        let merged = merged.clone();
        let view = Arc::new(view::collect(&self.static_, self.start, &table, &merged));
        *known = Some((table.generation, view.clone()));
        Some(view)
    }
}

/// What the provider `internal` provides for this configuration.
pub(crate) fn update(static_: &static_::Configuration) -> Update {
    Update {
        provider: pointsman_config::names::INTERNAL.into(),
        configuration: Some(Arc::new(pointsman_table::internal::configuration(static_))),
        diagnostics: Vec::new(),
    }
}

/// All internal services that this configuration turns on, by name.
pub(crate) fn services(state: &Arc<State>) -> BTreeMap<String, Arc<dyn Call>> {
    let mut services: BTreeMap<String, Arc<dyn Call>> = BTreeMap::new();
    for (name, on) in pointsman_table::internal::services(&state.static_) {
        let kind = match name {
            "api" => Kind::Api,
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
    Api,
    Ping,
    Prometheus,
    Noop,
}

struct Internal {
    kind: Kind,
    state: Arc<State>,
}

impl Call for Internal {
    fn call<'a>(
        &'a self,
        exchange: &'a mut Exchange,
    ) -> LocalBoxFuture<'a, Result<Response, ProxyError>> {
        Box::pin(async move {
            Ok(match self.kind {
                Kind::Api => self.api(exchange).await,
                Kind::Ping => self.ping(),
                Kind::Prometheus => self.metrics(),
                Kind::Noop => Response::new(StatusCode::IM_A_TEAPOT, Body::Empty),
            })
        })
    }
}

impl Internal {
    /// Traefik: `api@internal`.
    async fn api(&self, exchange: &Exchange) -> Response {
        let state = self.state.clone();
        let request = &exchange.request;
        let method = request.method.clone();
        let path = request.path().to_owned();
        let query = request.query().map(str::to_owned);
        // The whole configuration as JSON takes milliseconds, which the worker's other connections must not wait.
        let answer = tokio::task::spawn_blocking(move || {
            let view = state.view()?;
            let request = ApiRequest {
                method: &method,
                path: &path,
                query: query.as_deref(),
                now: SystemTime::now(),
            };
            Some(pointsman_api::answer(&request, &view))
        });
        match answer.await {
            Ok(Some(answer)) => api_response(answer),
            Ok(None) => Response::text(StatusCode::SERVICE_UNAVAILABLE, "no configuration yet"),
            Err(error) => {
                tracing::error!(%error, "api");
                Response::text(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
            }
        }
    }

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

fn api_response(answer: ApiResponse) -> Response {
    let mut response = with_type(answer.status, answer.body, answer.content_type);
    if let Some(page) = answer.next_page {
        let name = HeaderName::from_static("x-next-page");
        response.head.headers.insert(name, HeaderValue::from(page));
    }
    response
}

fn with_type(status: StatusCode, text: String, content_type: &'static str) -> Response {
    let mut response = Response::new(status, Body::from(text));
    response
        .head
        .headers
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
