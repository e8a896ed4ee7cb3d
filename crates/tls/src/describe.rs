//! What is told about a certificate: `/api/certificates` and the metric `traefik_tls_certs_not_after`.

use aws_lc_rs::digest::{SHA256, digest};
use rustls_pki_types::UnixTime;
use x509_parser::oid_registry as oid;
use x509_parser::prelude::{GeneralName, X509Certificate, X509Name};
use x509_parser::public_key::PublicKey;

use crate::certificate::{common_name, ip};

/// What is told about one certificate. Texts are as the certificate has them, empty where it has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Common name of the subject.
    pub common_name: String,
    /// First organisation of the subject.
    pub organization: String,
    /// First country of the subject.
    pub country: String,
    /// Common name of the issuer.
    pub issuer_common_name: String,
    /// First organisation of the issuer.
    pub issuer_organization: String,
    /// First country of the issuer.
    pub issuer_country: String,
    /// DNS names among the alternative names, in the certificate's order.
    pub dns_names: Vec<String>,
    /// IP addresses among the alternative names, in the certificate's order.
    pub ip_addresses: Vec<std::net::IpAddr>,
    /// Serial number, decimal.
    pub serial_number: String,
    /// Valid from, Unix seconds.
    pub not_before: i64,
    /// Valid until, Unix seconds.
    pub not_after: i64,
    /// Version as people count: 3.
    pub version: u32,
    /// Kind of the public key.
    pub key_kind: KeyKind,
    /// Size of the public key in bits; 0 if unknown.
    pub key_bits: usize,
    /// Signature algorithm as Go names it: `SHA256-RSA`, `ECDSA-SHA256`, `Ed25519`; else its OID.
    pub signature_algorithm: String,
    /// SHA-256 of the certificate's DER, lower-case hexadecimal.
    pub fingerprint: String,
    /// SHA-256 of the public key's DER (SubjectPublicKeyInfo), lower-case hexadecimal.
    pub public_key_fingerprint: String,
}

/// Kind of a public key; prints as Go's `x509.PublicKeyAlgorithm`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA.
    Rsa,
    /// ECDSA.
    Ecdsa,
    /// Ed25519.
    Ed25519,
    /// Another one.
    Unknown,
}

impl std::fmt::Display for KeyKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Rsa => "RSA",
            Self::Ecdsa => "ECDSA",
            Self::Ed25519 => "Ed25519",
            Self::Unknown => "unknown",
        })
    }
}

impl Description {
    pub(crate) fn of(der: &[u8], certificate: &X509Certificate<'_>) -> Self {
        let (key_kind, key_bits) = key(certificate);
        let (dns_names, ip_addresses) = alternative_names(certificate);
        Self {
            common_name: common_name(certificate).unwrap_or_default().to_owned(),
            organization: organization(certificate.subject()),
            country: country(certificate.subject()),
            issuer_common_name: certificate
                .issuer()
                .iter_common_name()
                .next()
                .and_then(|name| name.as_str().ok())
                .unwrap_or_default()
                .to_owned(),
            issuer_organization: organization(certificate.issuer()),
            issuer_country: country(certificate.issuer()),
            dns_names,
            ip_addresses,
            serial_number: certificate.serial.to_str_radix(10),
            not_before: certificate.validity().not_before.timestamp(),
            not_after: certificate.validity().not_after.timestamp(),
            version: certificate.version().0 + 1,
            key_kind,
            key_bits,
            signature_algorithm: signature_algorithm(certificate),
            fingerprint: hex(digest(&SHA256, der).as_ref()),
            public_key_fingerprint: hex(digest(&SHA256, certificate.public_key().raw).as_ref()),
        }
    }

    /// Whole days until it ends; negative when it has ended.
    pub fn days_left(&self, now: UnixTime) -> i64 {
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        self.not_after.saturating_sub(now).div_euclid(24 * 60 * 60)
    }
}

fn organization(name: &X509Name<'_>) -> String {
    first(name.iter_organization())
}

fn country(name: &X509Name<'_>) -> String {
    first(name.iter_country())
}

fn first<'a>(
    mut values: impl Iterator<Item = &'a x509_parser::prelude::AttributeTypeAndValue<'a>>,
) -> String {
    values
        .next()
        .and_then(|value| value.as_str().ok())
        .unwrap_or_default()
        .to_owned()
}

fn alternative_names(certificate: &X509Certificate<'_>) -> (Vec<String>, Vec<std::net::IpAddr>) {
    let (mut dns, mut ips) = (Vec::new(), Vec::new());
    if let Ok(Some(extension)) = certificate.subject_alternative_name() {
        for name in &extension.value.general_names {
            match name {
                GeneralName::DNSName(name) => dns.push((*name).to_owned()),
                GeneralName::IPAddress(bytes) => ips.extend(ip(bytes)),
                _ => {}
            }
        }
    }
    (dns, ips)
}

fn key(certificate: &X509Certificate<'_>) -> (KeyKind, usize) {
    let public_key = certificate.public_key();
    if public_key.algorithm.algorithm == oid::OID_SIG_ED25519 {
        return (KeyKind::Ed25519, 256);
    }
    match public_key.parsed() {
        Ok(PublicKey::RSA(rsa)) => (KeyKind::Rsa, rsa.key_size()),
        Ok(PublicKey::EC(_)) => {
            let curve = public_key
                .algorithm
                .parameters
                .as_ref()
                .and_then(|parameters| parameters.as_oid().ok());
            let bits = match curve {
                Some(curve) if curve == oid::OID_EC_P256 => 256,
                Some(curve) if curve == oid::OID_NIST_EC_P384 => 384,
                Some(curve) if curve == oid::OID_NIST_EC_P521 => 521,
                _ => 0,
            };
            (KeyKind::Ecdsa, bits)
        }
        _ => (KeyKind::Unknown, 0),
    }
}

fn signature_algorithm(certificate: &X509Certificate<'_>) -> String {
    let algorithm = &certificate.signature_algorithm.algorithm;
    let named = [
        (oid::OID_PKCS1_SHA256WITHRSA, "SHA256-RSA"),
        (oid::OID_PKCS1_SHA384WITHRSA, "SHA384-RSA"),
        (oid::OID_PKCS1_SHA512WITHRSA, "SHA512-RSA"),
        (oid::OID_PKCS1_SHA1WITHRSA, "SHA1-RSA"),
        (oid::OID_SIG_ECDSA_WITH_SHA256, "ECDSA-SHA256"),
        (oid::OID_SIG_ECDSA_WITH_SHA384, "ECDSA-SHA384"),
        (oid::OID_SIG_ECDSA_WITH_SHA512, "ECDSA-SHA512"),
        (oid::OID_SIG_ED25519, "Ed25519"),
    ];
    named
        .into_iter()
        .find(|(known, _)| known == algorithm)
        .map_or_else(|| algorithm.to_id_string(), |(_, name)| name.to_owned())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
