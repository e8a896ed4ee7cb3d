//! The two shapes of middleware and the chain that a router is compiled into.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::error::ProxyError;
use crate::exchange::Exchange;
use crate::head::{Response, ResponseHead};

/// A boxed future that stays on its worker thread.
pub type LocalBoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// What a head filter decides.
#[derive(Debug)]
pub enum Flow {
    /// The request goes on.
    Continue,
    /// The request ends here with this answer; filters before this one still see the response.
    Respond(Box<Response>),
}

/// A middleware that looks at heads only: it edits them, or answers. Most middlewares are of this shape.
pub trait HeadFilter: Send + Sync {
    /// Sees the request before it goes on.
    fn on_request(&self, exchange: &mut Exchange) -> Flow;

    /// Sees the response on its way back. `exchange.request` is the request as the server got it.
    fn on_response(&self, exchange: &mut Exchange, response: &mut ResponseHead) {
        let _ = (exchange, response);
    }
}

/// A middleware that owns the exchange: it may call the rest of the chain once, several times or not at all.
pub trait Wrap: Send + Sync {
    /// Runs the exchange.
    fn call<'a>(
        &'a self,
        exchange: &'a mut Exchange,
        next: Next<'a>,
    ) -> LocalBoxFuture<'a, Result<Response, ProxyError>>;
}

/// Something that answers requests: a service, or a server that a middleware asks.
pub trait Call: Send + Sync {
    /// Answers the exchange; takes its body.
    fn call<'a>(
        &'a self,
        exchange: &'a mut Exchange,
    ) -> LocalBoxFuture<'a, Result<Response, ProxyError>>;
}

/// One middleware of a chain.
#[derive(Clone)]
pub enum Step {
    /// Looks at heads.
    Filter(Arc<dyn HeadFilter>),
    /// Owns the exchange.
    Wrap(Arc<dyn Wrap>),
}

impl std::fmt::Debug for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Filter(_) => "Filter",
            Self::Wrap(_) => "Wrap",
        })
    }
}

/// The rest of a chain, from the point of view of a wrap.
#[derive(Clone, Copy)]
pub struct Next<'a> {
    steps: &'a [Step],
    end: &'a dyn Call,
}

impl<'a> Next<'a> {
    /// A chain of `steps` with `end` behind it.
    pub fn new(steps: &'a [Step], end: &'a dyn Call) -> Self {
        Self { steps, end }
    }

    /// Runs the rest of the chain.
    pub fn run(
        self,
        exchange: &'a mut Exchange,
    ) -> LocalBoxFuture<'a, Result<Response, ProxyError>> {
        Box::pin(self.steps_then_end(exchange))
    }

    async fn steps_then_end(self, exchange: &mut Exchange) -> Result<Response, ProxyError> {
        let filters = leading_filters(self.steps);
        let (flow, seen) = filter_request(filters, exchange);
        let mut result = match flow {
            Flow::Respond(response) => Ok(*response),
            Flow::Continue => match self.steps.get(filters.len()..) {
                Some([Step::Wrap(wrap), rest @ ..]) => {
                    wrap.call(
                        exchange,
                        Next {
                            steps: rest,
                            end: self.end,
                        },
                    )
                    .await
                }
                _ => self.end.call(exchange).await,
            },
        };
        let filters = filters.get(..seen).unwrap_or(filters);
        match &mut result {
            Ok(response) => filter_response(filters, exchange, &mut response.head),
            // It will be a response once every wrap has seen it; the filters in here see that response now.
            Err(error) if !filters.is_empty() => {
                filter_response(filters, exchange, error.head_mut());
            }
            Err(_) => {}
        }
        result
    }
}

/// The filters at the head of `steps`, up to the first wrap.
pub fn leading_filters(steps: &[Step]) -> &[Step] {
    let count = steps
        .iter()
        .take_while(|step| matches!(step, Step::Filter(_)))
        .count();
    steps.get(..count).unwrap_or(steps)
}

/// Runs filters over a request, in order. Also returns how many of them saw it.
pub fn filter_request(filters: &[Step], exchange: &mut Exchange) -> (Flow, usize) {
    for (index, step) in filters.iter().enumerate() {
        if let Step::Filter(filter) = step
            && let Flow::Respond(response) = filter.on_request(exchange)
        {
            // The one that answers has said what it wants; those before it still see the response.
            return (Flow::Respond(response), index);
        }
    }
    (Flow::Continue, filters.len())
}

/// Runs filters over a response, the last one first.
pub fn filter_response(filters: &[Step], exchange: &mut Exchange, response: &mut ResponseHead) {
    for step in filters.iter().rev() {
        if let Step::Filter(filter) = step {
            filter.on_response(exchange, response);
        }
    }
}
