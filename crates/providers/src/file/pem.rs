//! The PEM files that a configuration names, read into it.

use std::sync::Arc;

use pointsman_config::Secret;
use pointsman_config::dynamic::middleware::ClientTls;
use pointsman_config::dynamic::tls::Certificate;
use pointsman_config::dynamic::{Configuration, Middleware};

/// Calls `read` with the place and the value of everything that may be a PEM file's path, and whether that is a key's,
/// and puts what it returns in its stead.
pub(super) fn inline(
    configuration: &mut Configuration,
    read: &mut dyn FnMut(&str, &str, bool) -> Option<String>,
) {
    let mut pems = Pems { read };
    let tls = &mut configuration.tls;
    for (index, certificate) in tls.certificates.iter_mut().enumerate() {
        let certificate = &mut Arc::make_mut(certificate).certificate;
        pems.certificate(&format!("tls.certificates[{index}]"), certificate);
    }
    for (name, store) in &mut tls.stores {
        if let Some(certificate) = &mut Arc::make_mut(store).default_certificate {
            let place = format!("tls.stores.{name}.defaultCertificate");
            pems.certificate(&place, certificate);
        }
    }
    for (name, options) in &mut tls.options {
        let authorities = &mut Arc::make_mut(options).client_auth.ca_files;
        pems.list(
            &format!("tls.options.{name}.clientAuth.caFiles"),
            authorities,
        );
    }
    for (name, transport) in &mut configuration.http.servers_transports {
        let transport = Arc::make_mut(transport);
        let place = format!("http.serversTransports.{name}");
        pems.list(&format!("{place}.rootCAs"), &mut transport.root_cas);
        pems.certificates(
            &format!("{place}.certificates"),
            &mut transport.certificates,
        );
    }
    for (name, transport) in &mut configuration.tcp.servers_transports {
        if let Some(tls) = &mut Arc::make_mut(transport).tls {
            let place = format!("tcp.serversTransports.{name}.tls");
            pems.list(&format!("{place}.rootCAs"), &mut tls.root_cas);
            pems.certificates(&format!("{place}.certificates"), &mut tls.certificates);
        }
    }
    for (name, middleware) in &mut configuration.http.middlewares {
        let (kind, tls) = match Arc::make_mut(middleware) {
            Middleware::ForwardAuth(forward_auth) => ("forwardAuth", &mut forward_auth.tls),
            Middleware::RateLimit(rate_limit) => match &mut rate_limit.redis {
                Some(redis) => ("rateLimit.redis", &mut redis.tls),
                None => continue,
            },
            _ => continue,
        };
        if let Some(tls) = tls {
            pems.client(&format!("http.middlewares.{name}.{kind}.tls"), tls);
        }
    }
}

struct Pems<'a> {
    read: &'a mut dyn FnMut(&str, &str, bool) -> Option<String>,
}

impl Pems<'_> {
    fn value(&mut self, place: &str, value: &mut String) {
        if let Some(content) = (self.read)(place, value, false) {
            *value = content;
        }
    }

    fn secret(&mut self, place: &str, value: &mut Secret<String>) {
        if let Some(content) = (self.read)(place, value.expose(), true) {
            *value = Secret::new(content);
        }
    }

    fn list(&mut self, place: &str, values: &mut [String]) {
        for (index, value) in values.iter_mut().enumerate() {
            self.value(&format!("{place}[{index}]"), value);
        }
    }

    fn certificate(&mut self, place: &str, certificate: &mut Certificate) {
        self.value(&format!("{place}.certFile"), &mut certificate.cert_file);
        self.secret(&format!("{place}.keyFile"), &mut certificate.key_file);
    }

    fn certificates(&mut self, place: &str, certificates: &mut [Certificate]) {
        for (index, certificate) in certificates.iter_mut().enumerate() {
            self.certificate(&format!("{place}[{index}]"), certificate);
        }
    }

    fn client(&mut self, place: &str, tls: &mut ClientTls) {
        self.value(&format!("{place}.ca"), &mut tls.ca);
        self.value(&format!("{place}.cert"), &mut tls.cert);
        if let Some(key) = &mut tls.key {
            self.secret(&format!("{place}.key"), key);
        }
    }
}
