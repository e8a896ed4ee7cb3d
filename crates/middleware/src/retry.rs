//! `retry`: tries again when the server could not be reached, or answered with a status that is listed.

mod replay;

use std::time::Duration;

use http::header;
use http::{Method, StatusCode};
use tokio::time::Instant;

use pointsman_config::dynamic::middleware as config;
use pointsman_message::{
    Exchange, Fault, Kind, LocalBoxFuture, Next, ProxyError, RequestHead, Response, Wrap,
};

use self::replay::Replay;
use crate::error::{OptionError, Problem};
use crate::whole_body::discard_what_came;

/// No wait between tries is longer, but for chance (Traefik's backoff library).
const MAX_INTERVAL: Duration = Duration::from_secs(60);

pub(crate) struct Retry {
    attempts: u64,
    initial_interval: Duration,
    /// After this no new try begins; zero = never.
    timeout: Duration,
    statuses: Vec<(u16, u16)>,
    /// `None` = no limit.
    max_request_body_bytes: Option<u64>,
    on_network_error: bool,
    non_idempotent_too: bool,
}

impl Retry {
    pub(crate) fn build(data: &config::Retry) -> Result<Self, OptionError> {
        if data.status.is_empty() && data.disable_retry_on_network_error {
            return Err(Problem::Empty {
                cure: "list statuses, or leave disableRetryOnNetworkError off",
            }
            .of("retry.status"));
        }
        let attempts = u64::try_from(data.attempts).unwrap_or_default();
        if attempts == 0 {
            return Err(Problem::TooFew {
                count: data.attempts,
            }
            .of("retry.attempts"));
        }
        Ok(Self {
            attempts,
            initial_interval: data.initial_interval.0,
            timeout: data.timeout.0,
            statuses: status_ranges(&data.status)?,
            max_request_body_bytes: u64::try_from(data.max_request_body_bytes).ok(),
            on_network_error: !data.disable_retry_on_network_error,
            non_idempotent_too: data.retry_non_idempotent_method,
        })
    }

    async fn run(&self, exchange: &mut Exchange, next: Next<'_>) -> Result<Response, ProxyError> {
        let start = Instant::now();
        let mut by_status = !self.statuses.is_empty()
            && (self.non_idempotent_too || is_idempotent(&exchange.request.method))
            && !is_upgrade(&exchange.request);
        if let (Some(length), Some(limit)) =
            (exchange.body.remaining(), self.max_request_body_bytes)
        {
            by_status &= length <= limit;
        }
        let head = exchange.request.clone();
        let forwarded_for_done = exchange.record.forwarded_for_done;
        let replay = Replay::new(
            std::mem::take(&mut exchange.body),
            by_status.then_some(self.max_request_body_bytes),
        );
        let mut backoff = Backoff::new(self.initial_interval, self.attempts);
        for attempt in 1.. {
            exchange.body = replay.body();
            let result = next.run(&mut *exchange).await;
            let again = attempt < self.attempts
                && (self.timeout.is_zero() || start.elapsed() < self.timeout)
                && self.is_retried(&result, by_status)
                && replay.is_complete();
            if !again {
                replay.finish();
                return result;
            }
            // The failed try gives its connection back, or closes it, before the wait.
            if let Ok(mut response) = result {
                discard_what_came(&mut response.body).await;
            }
            if let Some(wait) = backoff.next() {
                tokio::time::sleep(wait).await;
            }
            exchange.record.retries += 1;
            exchange.record.failure = None;
            // What the rest of the chain did to the request, it does again.
            exchange.record.forwarded_for_done = forwarded_for_done;
            exchange.request = head.clone();
        }
        // The loop above has no other end than its return.
        Err(ProxyError::new(Kind::Internal, "retries ran out"))
    }

    fn is_retried(&self, result: &Result<Response, ProxyError>, by_status: bool) -> bool {
        match result {
            // A tunnel that stands is no failure, whatever is listed.
            Ok(response) => {
                by_status
                    && response.head.status != StatusCode::SWITCHING_PROTOCOLS
                    && self.lists(response.head.status)
            }
            Err(error) => {
                (self.on_network_error && was_not_reached(error))
                    || (by_status && answered_as(error).is_some_and(|status| self.lists(status)))
            }
        }
    }

    fn lists(&self, status: StatusCode) -> bool {
        let status = status.as_u16();
        self.statuses
            .iter()
            .any(|&(low, high)| (low..=high).contains(&status))
    }
}

impl Wrap for Retry {
    fn call<'a>(
        &'a self,
        exchange: &'a mut Exchange,
        next: Next<'a>,
    ) -> LocalBoxFuture<'a, Result<Response, ProxyError>> {
        if self.attempts == 1 {
            return next.run(exchange);
        }
        Box::pin(self.run(exchange, next))
    }
}

fn status_ranges(texts: &[String]) -> Result<Vec<(u16, u16)>, OptionError> {
    let number = |text: &str| {
        text.parse()
            .ok()
            .filter(|status| (100..=999).contains(status))
    };
    texts
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let (low, high) = text.split_once('-').unwrap_or((text, text));
            match (number(low), number(high)) {
                (Some(low), Some(high)) if low <= high => Ok((low, high)),
                _ => Err(Problem::StatusRange { text: text.clone() }
                    .of(format!("retry.status[{index}]"))),
            }
        })
        .collect()
}

/// Traefik's rule: everything but these may be sent twice.
fn is_idempotent(method: &Method) -> bool {
    *method != Method::POST && *method != Method::PATCH && method.as_str() != "LOCK"
}

fn is_upgrade(request: &RequestHead) -> bool {
    request.method == Method::CONNECT || request.headers.contains_key(header::UPGRADE)
}

/// True if nothing of the request can have had an effect: then every method may be sent again.
fn was_not_reached(error: &ProxyError) -> bool {
    error.retry == pointsman_message::Retry::Unsent
        && error.fault() == Fault::Upstream
        // There is nobody to reach; Traefik answers before its proxy is asked.
        && error.kind != Kind::NoServer
}

/// The status that Traefik's proxy answers such an error with, against which the list is held; `None` for errors that
/// are not the server's.
fn answered_as(error: &ProxyError) -> Option<StatusCode> {
    match error.kind {
        Kind::Connect | Kind::UpstreamTls | Kind::UpstreamBroken | Kind::UpstreamProtocol => {
            Some(StatusCode::BAD_GATEWAY)
        }
        Kind::ConnectTimeout | Kind::UpstreamTimeout => Some(StatusCode::GATEWAY_TIMEOUT),
        Kind::NoServer => Some(StatusCode::SERVICE_UNAVAILABLE),
        Kind::Internal => Some(StatusCode::INTERNAL_SERVER_ERROR),
        Kind::ClientGone | Kind::BadRequest | Kind::ClientTimeout | Kind::BodyTooLarge => None,
    }
}

/// The waits between tries: each longer than the one before by a factor that doubles the first over all tries, each
/// varied by chance by half of itself. Traefik: `initialInterval`.
struct Backoff {
    interval: Duration,
    factor: f64,
}

impl Backoff {
    fn new(initial: Duration, attempts: u64) -> Self {
        Self {
            interval: initial,
            factor: 2_f64.powf(1.0 / attempts.saturating_sub(1).max(1) as f64),
        }
    }

    /// The next wait; `None` = none at all.
    fn next(&mut self) -> Option<Duration> {
        if self.interval.is_zero() {
            return None;
        }
        let wait = self
            .interval
            .min(MAX_INTERVAL)
            .mul_f64(0.5 + fastrand::f64());
        self.interval = self.interval.mul_f64(self.factor).min(MAX_INTERVAL);
        Some(wait)
    }
}

#[cfg(test)]
mod tests;
