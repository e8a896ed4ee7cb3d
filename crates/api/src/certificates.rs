//! The certificates that are served.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};

use crate::list::{contains, sort_by};
use crate::overview::time;
use crate::query::Query;
use crate::view::RuntimeView;
use crate::{Failure, Reply};

/// What is left of a certificate's life when it begins to be a warning.
const WARN_BEFORE: Duration = Duration::from_secs(30 * 24 * 3600);

/// A certificate that is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateView {
    /// SHA-256 of the certificate's DER, hexadecimal in small letters.
    pub fingerprint: String,
    /// SHA-256 of its `SubjectPublicKeyInfo`, hexadecimal in small letters.
    pub public_key_fingerprint: String,
    /// DNS names and addresses.
    pub sans: Vec<String>,
    /// End of its life.
    pub not_after: SystemTime,
    /// Begin of its life.
    pub not_before: SystemTime,
    /// Serial number, decimal.
    pub serial_number: String,
    /// Common name of the subject; empty = none. So are the following ones.
    pub common_name: String,
    /// Organisation of the issuer.
    pub issuer_org: String,
    /// Common name of the issuer.
    pub issuer_cn: String,
    /// Country of the issuer.
    pub issuer_country: String,
    /// Organisation of the subject.
    pub organization: String,
    /// Country of the subject.
    pub country: String,
    /// X.509 version: 3.
    pub version: u32,
    /// `RSA`, `ECDSA`, `Unknown`.
    pub key_type: String,
    /// Bits of the key; 0 = unknown.
    pub key_size: u32,
    /// Go's name of the algorithm: `SHA256-RSA`, `ECDSA-SHA256`, `Ed25519`.
    pub signature_algorithm: String,
}

/// The state of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CertificateStatus {
    Enabled,
    /// It ends within 30 days.
    Warning,
    Expired,
}

impl CertificateStatus {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Warning => "warning",
            Self::Expired => "expired",
        }
    }
}

pub(crate) fn status(certificate: &CertificateView, now: SystemTime) -> CertificateStatus {
    match certificate.not_after.duration_since(now) {
        Err(_) => CertificateStatus::Expired,
        Ok(left) if left < WARN_BEFORE => CertificateStatus::Warning,
        Ok(_) => CertificateStatus::Enabled,
    }
}

pub(crate) fn list(view: &RuntimeView, query: &Query, now: SystemTime) -> Result<Reply, Failure> {
    let mut certificates: Vec<&CertificateView> = view
        .certificates
        .iter()
        .filter(|certificate| is_wanted(certificate, query, now))
        .collect();
    let by = query.get("sortBy");
    sort_by(&mut certificates, query, |a, b| {
        let by_key = match by {
            "status" => status(a, now).as_str().cmp(status(b, now).as_str()),
            "issuer" => issuer(a).cmp(issuer(b)),
            "validUntil" => a.not_after.cmp(&b.not_after),
            _ => std::cmp::Ordering::Equal,
        };
        by_key
            .then_with(|| a.common_name.cmp(&b.common_name))
            .then_with(|| a.fingerprint.cmp(&b.fingerprint))
    });
    let page = query.page(certificates.len())?;
    let values = certificates
        .get(page.start..page.end)
        .unwrap_or_default()
        .iter()
        .map(|certificate| json(certificate, now))
        .collect();
    Ok(Reply::Page(values, page.next))
}

pub(crate) fn one(
    view: &RuntimeView,
    fingerprint: &str,
    now: SystemTime,
) -> Result<Reply, Failure> {
    view.certificates
        .iter()
        .find(|certificate| certificate.fingerprint == fingerprint)
        .map(|certificate| Reply::Value(json(certificate, now)))
        .ok_or_else(|| Failure::NotFound(format!("certificate not found: {fingerprint}")))
}

fn is_wanted(certificate: &CertificateView, query: &Query, now: SystemTime) -> bool {
    let wanted = query.get("status");
    let search = query.get("search");
    let mut texts = [
        &certificate.common_name,
        &certificate.issuer_org,
        &certificate.issuer_cn,
    ]
    .into_iter()
    .chain(&certificate.sans);
    (wanted.is_empty()
        || status(certificate, now)
            .as_str()
            .eq_ignore_ascii_case(wanted))
        && texts.any(|text| contains(text, search))
}

fn issuer(certificate: &CertificateView) -> &str {
    if certificate.issuer_org.is_empty() {
        &certificate.issuer_cn
    } else {
        &certificate.issuer_org
    }
}

fn json(certificate: &CertificateView, now: SystemTime) -> Value {
    let mut sans = certificate.sans.clone();
    sans.sort();
    let mut json = Map::new();
    let mut add = |name: &str, value: Value| {
        json.insert(name.to_owned(), value);
    };
    add("name", certificate.fingerprint.as_str().into());
    add("sans", json!(sans));
    add("notAfter", time(certificate.not_after).into());
    add("notBefore", time(certificate.not_before).into());
    add("serialNumber", certificate.serial_number.as_str().into());
    add("commonName", certificate.common_name.as_str().into());
    for (name, value) in [
        ("issuerOrg", &certificate.issuer_org),
        ("issuerCN", &certificate.issuer_cn),
        ("issuerCountry", &certificate.issuer_country),
        ("organization", &certificate.organization),
        ("country", &certificate.country),
    ] {
        if !value.is_empty() {
            add(name, value.as_str().into());
        }
    }
    add("version", format!("v{}", certificate.version).into());
    add("keyType", certificate.key_type.as_str().into());
    if certificate.key_size > 0 {
        add("keySize", certificate.key_size.into());
    }
    add(
        "signatureAlgorithm",
        certificate.signature_algorithm.as_str().into(),
    );
    add("certFingerprint", certificate.fingerprint.as_str().into());
    add(
        "publicKeyFingerprint",
        certificate.public_key_fingerprint.as_str().into(),
    );
    add("status", status(certificate, now).as_str().into());
    Value::Object(json)
}
