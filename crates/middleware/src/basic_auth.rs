//! `basicAuth`: HTTP basic authentication (RFC 7617).
//!
//! Equal work for an unknown user and a wrong password (I19): both hash once. A password that was right is remembered
//! as a keyed fingerprint, so that hashing costs its milliseconds once per client and not once per request. Slow
//! hashes run in [`HashPool`], never on the worker's thread.

mod credentials;
mod password;
pub(crate) mod pool;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use http::StatusCode;
use http::header::{self, HeaderName, HeaderValue};
use zeroize::Zeroizing;

use pointsman_config::dynamic::middleware as config;
use pointsman_config::names::QualifiedName;
use pointsman_message::{Exchange, LocalBoxFuture, Next, ProxyError, Response, Wrap};

use self::credentials::{Credentials, credentials};
use self::password::Hash;
use self::pool::{Fingerprint, HashError, HashPool};
use crate::BuildContext;
use crate::error::{OptionError, Problem};
use crate::owned::{Owned, header_value, settable_header_name};
use crate::redirect::status_body;

/// Fingerprints that are remembered; beyond, all are forgotten. Only right passwords get here, so that strangers
/// cannot push others out.
const MAX_REMEMBERED: usize = 10_000;

pub(crate) struct BasicAuth {
    name: QualifiedName,
    users: HashMap<Box<str>, Arc<Hash>>,
    /// What an unknown user's password is held against: the costliest hash of all.
    decoy: Arc<Hash>,
    challenge: HeaderValue,
    remove_header: bool,
    header_field: Option<(HeaderName, Arc<Owned>)>,
    hashing: Arc<HashPool>,
    remembered: RwLock<HashSet<Fingerprint>>,
}

impl BasicAuth {
    pub(crate) fn build(
        data: &config::BasicAuth,
        context: &BuildContext<'_>,
    ) -> Result<Self, OptionError> {
        let users = users(data, context)?;
        let decoy = users
            .values()
            .max_by_key(|hash| hash.cost())
            .map(Arc::clone)
            .ok_or_else(|| {
                Problem::Empty {
                    cure: "list at least one user in users or usersFile",
                }
                .of("basicAuth.users")
            })?;
        let realm = match data.realm.as_str() {
            "" => "traefik",
            realm => realm,
        };
        Ok(Self {
            name: context.name.clone(),
            decoy,
            challenge: challenge(realm)?,
            remove_header: data.remove_header,
            header_field: header_field(&data.header_field, &users)?,
            hashing: Arc::clone(context.hashing),
            users,
            remembered: RwLock::default(),
        })
    }

    /// True if the password is the user's.
    async fn verify(&self, credentials: &Credentials) -> Result<bool, HashError> {
        let user = std::str::from_utf8(&credentials.user).ok();
        let known = user.and_then(|user| self.users.get(user));
        let hash = known.unwrap_or(&self.decoy);
        // The user is part of it: two users with one hash and one password are two fingerprints (CVE-2026-71326).
        let fingerprint = self.hashing.fingerprint(&[
            self.name.as_str().as_bytes(),
            hash.text().as_bytes(),
            &credentials.user,
            &credentials.password,
        ]);
        if known.is_some() && self.remembers(&fingerprint) {
            return Ok(true);
        }
        let matches = if hash.is_fast() {
            hash.matches(&credentials.password)
        } else {
            let (hash, password) = (Arc::clone(hash), Arc::clone(&credentials.password));
            let job = Arc::new(move || hash.matches(&password));
            self.hashing.run(fingerprint, job).await?
        };
        let right = matches && known.is_some();
        if right {
            self.remember(fingerprint);
        }
        Ok(right)
    }

    fn remembers(&self, fingerprint: &Fingerprint) -> bool {
        self.remembered
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(fingerprint)
    }

    fn remember(&self, fingerprint: Fingerprint) {
        let mut remembered = self
            .remembered
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= MAX_REMEMBERED {
            remembered.clear();
        }
        remembered.insert(fingerprint);
    }

    fn let_in(&self, exchange: &mut Exchange, user: &[u8]) {
        if let Some((name, owned)) = &self.header_field {
            owned.take_over(exchange);
            // Names of users that no header can hold were refused when this was built.
            if let Ok(value) = HeaderValue::from_bytes(user) {
                exchange.request.headers.insert(name, value);
            }
        }
        if self.remove_header {
            exchange.request.headers.remove(header::AUTHORIZATION);
        }
    }

    fn unauthorized(&self) -> Response {
        let mut response = Response::new(StatusCode::UNAUTHORIZED, "401 Unauthorized\n");
        let headers = &mut response.head.headers;
        headers.insert(header::WWW_AUTHENTICATE, self.challenge.clone());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        response
    }
}

impl Wrap for BasicAuth {
    fn call<'a>(
        &'a self,
        exchange: &'a mut Exchange,
        next: Next<'a>,
    ) -> LocalBoxFuture<'a, Result<Response, ProxyError>> {
        Box::pin(async move {
            let Some(credentials) = credentials(&exchange.request.headers) else {
                return Ok(self.unauthorized());
            };
            // Also of those who are not let in: the access log says who tried.
            exchange.record.user = Some(String::from_utf8_lossy(&credentials.user).into_owned());
            match self.verify(&credentials).await {
                Ok(true) => {
                    self.let_in(exchange, &credentials.user);
                    // The password is not needed while the request is served.
                    drop(credentials);
                    next.run(exchange).await
                }
                Ok(false) => Ok(self.unauthorized()),
                Err(error) => {
                    tracing::warn!(middleware = %self.name, %error, "password not verified");
                    exchange.record.failure = Some(error.to_string());
                    let status = StatusCode::SERVICE_UNAVAILABLE;
                    Ok(Response::new(status, status_body(status)))
                }
            }
        })
    }
}

/// All users; those of `users` replace those of the file, later ones earlier ones.
fn users(
    data: &config::BasicAuth,
    context: &BuildContext<'_>,
) -> Result<HashMap<Box<str>, Arc<Hash>>, OptionError> {
    let mut users = HashMap::new();
    if !data.users_file.is_empty() {
        let option = "basicAuth.usersFile";
        let text = (context.read_file)(Path::new(&data.users_file)).map_err(|problem| {
            Problem::File {
                path: data.users_file.clone(),
                problem,
            }
            .of(option)
        })?;
        let text = Zeroizing::new(text);
        for (index, line) in String::from_utf8_lossy(&text).lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (user, hash) =
                split_user(line).ok_or_else(|| Problem::UserLine { line: index + 1 }.of(option))?;
            users.insert(user.into(), read_hash(hash, user, context.name));
        }
    }
    for (index, line) in data.users.iter().enumerate() {
        let (user, hash) = split_user(line.expose())
            .ok_or_else(|| Problem::User.of(format!("basicAuth.users[{index}]")))?;
        users.insert(user.into(), read_hash(hash, user, context.name));
    }
    Ok(users)
}

fn split_user(line: &str) -> Option<(&str, &str)> {
    line.split_once(':').filter(|(_, hash)| !hash.contains(':'))
}

fn read_hash(text: &str, user: &str, middleware: &QualifiedName) -> Arc<Hash> {
    let hash = Hash::read(text);
    if !hash.is_usable() {
        tracing::warn!(
            %middleware,
            user,
            "hash is neither bcrypt, nor MD5 ($apr1$), nor {{SHA}}: this user cannot log in"
        );
    }
    Arc::new(hash)
}

/// differs from traefik: quotes in the realm are escaped (RFC 9110 §5.6.4).
fn challenge(realm: &str) -> Result<HeaderValue, OptionError> {
    let quoted = realm.replace('\\', "\\\\").replace('"', "\\\"");
    header_value(&format!("Basic realm=\"{quoted}\""))
        .map_err(|problem| problem.of("basicAuth.realm"))
}

fn header_field(
    name: &str,
    users: &HashMap<Box<str>, Arc<Hash>>,
) -> Result<Option<(HeaderName, Arc<Owned>)>, OptionError> {
    if name.is_empty() {
        return Ok(None);
    }
    let option = "basicAuth.headerField";
    let name = settable_header_name(name).map_err(|problem| problem.of(option))?;
    if let Some(user) = users.keys().find(|user| header_value(user).is_err()) {
        return Err(Problem::UserName {
            user: user.to_string(),
        }
        .of(option));
    }
    let owned = Owned {
        names: vec![name.clone()],
        pattern: None,
    };
    Ok(Some((name, Arc::new(owned))))
}

#[cfg(test)]
mod tests;
