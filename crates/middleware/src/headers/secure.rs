//! Security headers and allowed hosts, as the library unrolled/secure does them for Traefik.

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use pointsman_config::dynamic::middleware as config;
use pointsman_message::{RequestHead, Response, Scheme};

use crate::error::OptionError;
use crate::owned::{header_name, header_value};

const NONCE: &str = "$NONCE";

pub(crate) struct Secure {
    allowed_hosts: Vec<String>,
    hosts_proxy_headers: Vec<HeaderName>,
    ssl_proxy_headers: Vec<(HeaderName, Vec<u8>)>,
    sts: Option<Sts>,
    fixed: Vec<(HeaderName, HeaderValue)>,
    /// Policies with a nonce in them, in the parts between the nonces.
    with_nonce: Vec<(HeaderName, Vec<String>)>,
}

struct Sts {
    value: HeaderValue,
    /// Over plain connections too.
    forced: bool,
}

impl Secure {
    /// `None` when no option asks for it.
    pub(crate) fn build(data: &config::Headers) -> Result<Option<Self>, OptionError> {
        let mut built = Self {
            allowed_hosts: if data.is_development {
                Vec::new()
            } else {
                data.allowed_hosts.clone()
            },
            hosts_proxy_headers: hosts_proxy_headers(&data.hosts_proxy_headers)?,
            ssl_proxy_headers: ssl_proxy_headers(data)?,
            sts: sts(data),
            fixed: Vec::new(),
            with_nonce: Vec::new(),
        };
        built.add_fixed(data)?;
        let wanted = data.is_development
            || !data.allowed_hosts.is_empty()
            || !data.hosts_proxy_headers.is_empty()
            || !data.ssl_proxy_headers.is_empty()
            || data.sts_seconds != 0
            || data.sts_include_subdomains
            || data.sts_preload
            || data.force_sts_header
            || has_deprecated(data)
            || !built.fixed.is_empty()
            || !built.with_nonce.is_empty();
        Ok(wanted.then_some(built))
    }

    fn add_fixed(&mut self, data: &config::Headers) -> Result<(), OptionError> {
        let or_flag = |custom: &str, flag: bool, value: &str| match (custom, flag) {
            ("", true) => value.to_owned(),
            (custom, _) => custom.to_owned(),
        };
        self.add(
            header::X_FRAME_OPTIONS,
            &or_flag(&data.custom_frame_options_value, data.frame_deny, "DENY"),
            "headers.customFrameOptionsValue",
        )?;
        self.add(
            header::X_CONTENT_TYPE_OPTIONS,
            &or_flag("", data.content_type_nosniff, "nosniff"),
            "headers.contentTypeNosniff",
        )?;
        self.add(
            header::X_XSS_PROTECTION,
            &or_flag(
                &data.custom_browser_xss_value,
                data.browser_xss_filter,
                "1; mode=block",
            ),
            "headers.customBrowserXSSValue",
        )?;
        self.add(
            header::CONTENT_SECURITY_POLICY,
            &data.content_security_policy,
            "headers.contentSecurityPolicy",
        )?;
        self.add(
            header::CONTENT_SECURITY_POLICY_REPORT_ONLY,
            &data.content_security_policy_report_only,
            "headers.contentSecurityPolicyReportOnly",
        )?;
        self.add(
            header::PUBLIC_KEY_PINS,
            &data.public_key,
            "headers.publicKey",
        )?;
        self.add(
            header::REFERRER_POLICY,
            &data.referrer_policy,
            "headers.referrerPolicy",
        )?;
        self.add(
            HeaderName::from_static("permissions-policy"),
            &data.permissions_policy,
            "headers.permissionsPolicy",
        )
    }

    fn add(&mut self, name: HeaderName, value: &str, option: &str) -> Result<(), OptionError> {
        if value.is_empty() {
            return Ok(());
        }
        let parsed = header_value(value).map_err(|problem| problem.of(option))?;
        let is_policy = name == header::CONTENT_SECURITY_POLICY
            || name == header::CONTENT_SECURITY_POLICY_REPORT_ONLY;
        if is_policy && value.contains(NONCE) {
            let parts = value.split(NONCE).map(str::to_owned).collect();
            self.with_nonce.push((name, parts));
        } else {
            self.fixed.push((name, parsed));
        }
        Ok(())
    }

    /// The answer to a request for a host that is not allowed.
    pub(crate) fn refuse(&self, request: &RequestHead) -> Option<Response> {
        if self.allowed_hosts.is_empty() {
            return None;
        }
        let host = self
            .hosts_proxy_headers
            .iter()
            .filter_map(|name| request.headers.get(name))
            .map(HeaderValue::as_bytes)
            .find(|value| !value.is_empty())
            .unwrap_or(request.authority().as_bytes());
        let allowed = self
            .allowed_hosts
            .iter()
            .any(|allowed| allowed.as_bytes().eq_ignore_ascii_case(host));
        (!allowed).then(|| Response::text(StatusCode::INTERNAL_SERVER_ERROR, "Bad Host"))
    }

    pub(crate) fn edit_response(&self, request: &RequestHead, response: &mut HeaderMap) {
        if let Some(sts) = &self.sts
            && (sts.forced || self.is_over_tls(request))
        {
            response.insert(header::STRICT_TRANSPORT_SECURITY, sts.value.clone());
        }
        for (name, value) in &self.fixed {
            response.insert(name, value.clone());
        }
        if !self.with_nonce.is_empty() {
            self.set_policies(response);
        }
    }

    fn is_over_tls(&self, request: &RequestHead) -> bool {
        request.scheme == Scheme::Https
            || self.ssl_proxy_headers.iter().any(|(name, wanted)| {
                request
                    .headers
                    .get(name)
                    .map_or(wanted.is_empty(), |value| value.as_bytes() == *wanted)
            })
    }

    fn set_policies(&self, response: &mut HeaderMap) {
        let mut random = [0; 16];
        let nonce = match SystemRandom::new().fill(&mut random) {
            Ok(()) => format!("'nonce-{}'", STANDARD.encode(random)),
            // Stricter than wanted, never a nonce that can be guessed.
            Err(_) => "'none'".to_owned(),
        };
        for (name, parts) in &self.with_nonce {
            if let Ok(value) = header_value(&parts.join(&nonce)) {
                response.insert(name, value);
            }
        }
    }
}

fn hosts_proxy_headers(names: &[String]) -> Result<Vec<HeaderName>, OptionError> {
    names
        .iter()
        .enumerate()
        .map(|(index, name)| {
            header_name(name)
                .map_err(|problem| problem.of(format!("headers.hostsProxyHeaders[{index}]")))
        })
        .collect()
}

fn ssl_proxy_headers(data: &config::Headers) -> Result<Vec<(HeaderName, Vec<u8>)>, OptionError> {
    data.ssl_proxy_headers
        .iter()
        .map(|(name, value)| {
            header_name(name)
                .map(|parsed| (parsed, value.clone().into_bytes()))
                .map_err(|problem| problem.of(format!("headers.sslProxyHeaders.{name}")))
        })
        .collect()
}

/// Options without effect, with which Traefik takes a middleware for a valid one all the same.
fn has_deprecated(data: &config::Headers) -> bool {
    let set = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
    data.ssl_redirect == Some(true)
        || data.ssl_temporary_redirect == Some(true)
        || data.ssl_force_host == Some(true)
        || set(&data.ssl_host)
        || set(&data.feature_policy)
}

fn sts(data: &config::Headers) -> Option<Sts> {
    if data.sts_seconds == 0 || data.is_development {
        return None;
    }
    let subdomains = if data.sts_include_subdomains {
        "; includeSubDomains"
    } else {
        ""
    };
    let preload = if data.sts_preload { "; preload" } else { "" };
    let value = format!("max-age={}{subdomains}{preload}", data.sts_seconds);
    Some(Sts {
        value: header_value(&value).ok()?,
        forced: data.force_sts_header,
    })
}
