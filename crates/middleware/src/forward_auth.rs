//! `forwardAuth`: asks another server whether a request may pass.
//!
//! A 2xx answer lets the request pass, every other one goes to the client. Nothing of this decides by what a client
//! says about itself: the request to the authentication server is made from the canonical request, `X-Forwarded-*`
//! from the connection (I6, I19), unless `trustForwardHeader` hands on what the entry point believed.

mod answer;
mod question;

use std::sync::Arc;
use std::time::Duration;

use http::header::{self, HeaderName, HeaderValue};
use http::{Method, StatusCode};

use pointsman_config::dynamic::middleware as config;
use pointsman_message::{
    Body, Call, Exchange, Fault, LocalBoxFuture, Next, ProxyError, Response, Wrap,
};
use pointsman_rule::GoRegex;

use self::answer::AddedCookies;
use self::question::{Question, read_address};
use crate::BuildContext;
use crate::error::{OptionError, Problem};
use crate::owned::{Owned, header_name, is_connection_field};
use crate::url::{Url, escape, resolve_path};
use crate::whole_body::{Limited, MAX_DISCARDED, read_whole};

/// For the answer as a whole, its body included. Traefik: not an option.
const TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) struct ForwardAuth {
    address: Url,
    question: Question,
    call: Arc<dyn Call>,
    /// `authResponseHeaders` and `authResponseHeadersRegex`.
    identity: Arc<Owned>,
    added_cookies: AddedCookies,
    header_field: Option<HeaderName>,
    forward_body: bool,
    /// `None` = no limit.
    max_body_size: Option<u64>,
    /// `None` = no limit.
    max_response_body_size: Option<u64>,
    preserve_location: bool,
    signin_url: Option<Signin>,
}

/// Where a 401 is sent to instead.
enum Signin {
    /// The same for every request.
    Fixed(HeaderValue),
    /// Beside the request's path.
    Relative(String),
}

impl ForwardAuth {
    pub(crate) fn build(
        data: &config::ForwardAuth,
        context: &BuildContext<'_>,
    ) -> Result<Self, OptionError> {
        let (address, origin) =
            read_address(&data.address).map_err(|problem| problem.of("forwardAuth.address"))?;
        warn_about(data, context);
        Ok(Self {
            question: Question::build(data, &address, &origin)?,
            call: context
                .calls
                .open_call(&origin, data.tls.as_ref())
                .map_err(|reason| Problem::Transport { reason }.of("forwardAuth.tls"))?,
            identity: Arc::new(identity(data, context)?),
            added_cookies: AddedCookies::new(&data.add_auth_cookies_to_response),
            header_field: match data.header_field.as_str() {
                "" => None,
                name => Some(
                    header_name(name).map_err(|problem| problem.of("forwardAuth.headerField"))?,
                ),
            },
            forward_body: data.forward_body,
            max_body_size: u64::try_from(data.max_body_size).ok(),
            max_response_body_size: u64::try_from(data.max_response_body_size).ok(),
            preserve_location: data.preserve_location_header,
            signin_url: signin(&data.auth_signin_url)?,
            address,
        })
    }

    /// Asks; `Err` is the answer to the client that no authentication server had a part in.
    async fn ask(&self, exchange: &mut Exchange) -> Result<Response, Refusal> {
        let body = self.copy_body(exchange).await?;
        let mut asked = self.question.exchange(exchange, body);
        let answered = tokio::time::timeout(TIMEOUT, async {
            let mut response = self.call.call(&mut asked).await.map_err(Refusal::failed)?;
            self.bound_body(&mut response).await?;
            Ok(response)
        });
        answered
            .await
            .unwrap_or_else(|_| Err(Refusal::because("no answer within 30 seconds")))
    }

    /// The request's body, read once for both servers.
    async fn copy_body(&self, exchange: &mut Exchange) -> Result<Body, Refusal> {
        // Bytes without a length behind CONNECT are a tunnel and no body. An `Upgrade` header changes nothing: with it,
        // a client could keep a body from being looked at.
        let is_tunnel =
            exchange.request.method == Method::CONNECT && exchange.body.remaining().is_none();
        if !self.forward_body || is_tunnel || exchange.body.is_end() {
            return Ok(Body::Empty);
        }
        match read_whole(&mut exchange.body, self.max_body_size).await {
            Ok(Limited::Whole(whole)) => {
                exchange.body = whole.body();
                Ok(Body::from(whole.data))
            }
            Ok(Limited::TooLarge) => Err(Refusal::too_large("request body")),
            Err(error) => Err(Refusal::failed(error)),
        }
    }

    /// Holds the answer's body against its limit. Without a limit, a refusal streams through to the client, so that its
    /// size costs no memory, and a body that nobody gets is read only as far as that saves the connection.
    ///
    /// differs from traefik: there, it is read as a whole, and beyond a limit of -1 without bound.
    async fn bound_body(&self, response: &mut Response) -> Result<(), Refusal> {
        let limit = match self.max_response_body_size {
            Some(limit) => limit,
            None if self.reaches_the_client(response.head.status) => return Ok(()),
            None => MAX_DISCARDED,
        };
        match read_whole(&mut response.body, Some(limit)).await {
            Ok(Limited::Whole(whole)) => {
                response.body = whole.data.into();
                Ok(())
            }
            Ok(Limited::TooLarge) if self.max_response_body_size.is_none() => Ok(()),
            Ok(Limited::TooLarge) => Err(Refusal::too_large("answer's body")),
            Err(error) => Err(Refusal::failed(error)),
        }
    }

    /// True if the client gets an answer with this status as it is.
    fn reaches_the_client(&self, status: StatusCode) -> bool {
        let is_signin = status == StatusCode::UNAUTHORIZED && self.signin_url.is_some();
        !status.is_success() && !is_signin
    }

    fn redirect_to_signin(&self, exchange: &Exchange, signin: &Signin) -> Response {
        let location = match signin {
            Signin::Fixed(location) => Some(location.clone()),
            Signin::Relative(reference) => {
                let (path, query) = reference.split_once('?').unwrap_or((reference, ""));
                let mut location = resolve_path(exchange.request.path(), path);
                if !query.is_empty() {
                    location = format!("{location}?{query}");
                }
                HeaderValue::from_bytes(location.as_bytes()).ok()
            }
        };
        let mut response = Response::new(StatusCode::FOUND, Body::Empty);
        if let Some(location) = location {
            response.head.headers.insert(header::LOCATION, location);
        }
        response
    }
}

impl Wrap for ForwardAuth {
    fn call<'a>(
        &'a self,
        exchange: &'a mut Exchange,
        next: Next<'a>,
    ) -> LocalBoxFuture<'a, Result<Response, ProxyError>> {
        Box::pin(async move {
            let answer = match self.ask(exchange).await {
                Ok(answer) => answer,
                Err(Refusal::Client(error)) => return Err(error),
                Err(Refusal::Answer(status, reason)) => {
                    tracing::debug!(reason, "forwardAuth refuses");
                    exchange.record.failure = Some(reason);
                    return Ok(Response::new(status, Body::Empty));
                }
            };
            if let Some(user) = self
                .header_field
                .as_ref()
                .and_then(|name| answer.head.headers.get(name))
            {
                exchange.record.user = Some(String::from_utf8_lossy(user.as_bytes()).into_owned());
            }
            if answer.head.status == StatusCode::UNAUTHORIZED
                && let Some(signin) = &self.signin_url
            {
                return Ok(self.redirect_to_signin(exchange, signin));
            }
            if !answer.head.status.is_success() {
                return Ok(answer::refusal(
                    answer,
                    (!self.preserve_location).then_some(&self.address),
                ));
            }
            answer::hand_over_identity(&self.identity, &answer.head.headers, exchange);
            let cookies = self.added_cookies.of_answer(&answer.head.headers);
            drop(answer);
            let mut response = next.run(exchange).await?;
            if let Some(cookies) = cookies {
                self.added_cookies
                    .put_on(cookies, &mut response.head.headers);
            }
            Ok(response)
        })
    }
}

/// Why there is no answer of the authentication server to act on.
enum Refusal {
    /// The client is at fault, or gone.
    Client(ProxyError),
    /// This status, and why, for the log.
    Answer(StatusCode, String),
}

impl Refusal {
    fn failed(error: ProxyError) -> Self {
        match error.fault() {
            Fault::Downstream => Self::Client(error),
            Fault::Upstream | Fault::Internal => {
                Self::because(&format!("calling the authentication server: {error}"))
            }
        }
    }

    fn because(reason: &str) -> Self {
        Self::Answer(StatusCode::INTERNAL_SERVER_ERROR, reason.to_owned())
    }

    fn too_large(what: &str) -> Self {
        Self::Answer(
            StatusCode::UNAUTHORIZED,
            format!("{what} is larger than allowed"),
        )
    }
}

fn identity(data: &config::ForwardAuth, context: &BuildContext<'_>) -> Result<Owned, OptionError> {
    let mut names = Vec::with_capacity(data.auth_response_headers.len());
    for (index, name) in data.auth_response_headers.iter().enumerate() {
        let option = || format!("forwardAuth.authResponseHeaders[{index}]");
        let parsed = header_name(name).map_err(|problem| problem.of(option()))?;
        if is_connection_field(&parsed) || parsed == header::HOST {
            tracing::warn!(
                middleware = %context.name,
                option = option(),
                "header belongs to the connection and is not copied, take it out"
            );
            continue;
        }
        names.push(parsed);
    }
    let pattern =
        match data.auth_response_headers_regex.as_str() {
            "" => None,
            pattern => Some(GoRegex::compile(pattern).map_err(|error| {
                Problem::Regex(error).of("forwardAuth.authResponseHeadersRegex")
            })?),
        };
    Ok(Owned { names, pattern })
}

fn signin(url: &str) -> Result<Option<Signin>, OptionError> {
    if url.is_empty() {
        return Ok(None);
    }
    let option = "forwardAuth.authSigninURL";
    let parsed = Url::parse(url).map_err(|problem| {
        Problem::Url {
            url: url.to_owned(),
            problem,
        }
        .of(option)
    })?;
    if parsed.scheme.is_empty() && parsed.authority.is_empty() && !url.starts_with('/') {
        return Ok(Some(Signin::Relative(parsed.to_string())));
    }
    // Only what is not ASCII is encoded, as Go's http.Redirect does.
    let ascii: Vec<u8> = (b' '..=b'~').collect();
    HeaderValue::from_str(&escape(url, &ascii))
        .map(|location| Some(Signin::Fixed(location)))
        .map_err(|_| Problem::HeaderValue.of(option))
}

fn warn_about(data: &config::ForwardAuth, context: &BuildContext<'_>) {
    let middleware = context.name;
    if data.forward_body && data.max_body_size < 0 {
        tracing::warn!(
            %middleware,
            "forwardAuth.forwardBody without maxBodySize keeps bodies of any size in memory, set a limit"
        );
    }
    if data.trust_forward_header.is_none() {
        tracing::warn!(
            %middleware,
            "forwardAuth.trustForwardHeader is not set: some X-Forwarded headers are made anew and others \
             (such as X-Forwarded-Prefix) kept; set it to false to make all anew, or to true to keep all"
        );
    }
}

#[cfg(test)]
mod tests;
