//! Names of versions, cipher suites and key exchange groups, as Go and IANA spell them.

use crate::p521::SECP521R1;
use rustls::crypto::SupportedKxGroup;
use rustls::crypto::aws_lc_rs::{cipher_suite, kx_group};
use rustls::{SupportedCipherSuite, SupportedProtocolVersion, version};

/// A problem of one option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) field: &'static str,
    pub(crate) message: String,
    /// Nothing can be built from it; otherwise something stricter than asked for was.
    pub(crate) is_fatal: bool,
}

impl Problem {
    pub(crate) fn fatal(field: &'static str, message: impl Into<String>) -> Self {
        Self {
            field,
            message: message.into(),
            is_fatal: true,
        }
    }

    pub(crate) fn warning(field: &'static str, message: impl Into<String>) -> Self {
        Self {
            is_fatal: false,
            ..Self::fatal(field, message)
        }
    }
}

/// In Go's order of preference: AES-128 first, which is the fastest where the CPU has AES.
const TLS13: [(&str, SupportedCipherSuite); 3] = [
    (
        "TLS_AES_128_GCM_SHA256",
        cipher_suite::TLS13_AES_128_GCM_SHA256,
    ),
    (
        "TLS_AES_256_GCM_SHA384",
        cipher_suite::TLS13_AES_256_GCM_SHA384,
    ),
    (
        "TLS_CHACHA20_POLY1305_SHA256",
        cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
    ),
];

/// Idem.
const TLS12: [(&str, SupportedCipherSuite); 6] = [
    (
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    (
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        cipher_suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
];

/// Go's older names.
const ALIASES: [(&str, &str); 2] = [
    (
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    ),
    (
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    ),
];

/// Suites that Traefik can be told to use and that do not exist here: CBC, RC4, or without forward secrecy.
const WEAK: [&str; 16] = [
    "TLS_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
];

/// Which protocol versions an endpoint speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Versions {
    pub(crate) tls12: bool,
    pub(crate) tls13: bool,
}

impl Versions {
    pub(crate) fn list(self) -> Vec<&'static SupportedProtocolVersion> {
        let mut list = Vec::new();
        if self.tls13 {
            list.push(&version::TLS13);
        }
        if self.tls12 {
            list.push(&version::TLS12);
        }
        list
    }
}

/// `minVersion` and `maxVersion`; empty means the default: 1.2 to 1.3.
///
/// differs from traefik: TLS 1.0 and 1.1 do not exist here. As a lower bound they are raised to 1.2 with a warning; as
/// an upper bound nothing is left. A name that is no version is an error, where Traefik ignores it.
pub(crate) fn versions(min: &str, max: &str, problems: &mut Vec<Problem>) -> Option<Versions> {
    let mut number = |field, value: &str, default| match value {
        "" => Some(default),
        "VersionTLS10" => Some(10),
        "VersionTLS11" => Some(11),
        "VersionTLS12" => Some(12),
        "VersionTLS13" => Some(13),
        other => {
            problems.push(Problem::fatal(
                field,
                format!("\"{other}\" is no TLS version: write VersionTLS12 or VersionTLS13"),
            ));
            None
        }
    };
    let (min_number, max_number) = (number("minVersion", min, 12), number("maxVersion", max, 13));
    let (min_number, max_number) = (min_number?, max_number?);
    if max_number < 12 {
        problems.push(Problem::fatal(
            "maxVersion",
            format!(
                "{max} is not supported, as it is no longer safe: use VersionTLS12 or VersionTLS13"
            ),
        ));
        return None;
    }
    if min_number > max_number {
        problems.push(Problem::fatal(
            "minVersion",
            format!("{min} is above maxVersion {max}, which leaves no version: lower the one or raise the other"),
        ));
        return None;
    }
    if min_number < 12 {
        problems.push(Problem::warning(
            "minVersion",
            format!(
                "{min} is not supported, as it is no longer safe; VersionTLS12 is used instead"
            ),
        ));
    }
    Some(Versions {
        tls12: min_number <= 12,
        tls13: max_number >= 13,
    })
}

/// `cipherSuites`; empty means all. As in Go they are about TLS 1.2 alone, and their order does not matter. Takes
/// TLS 1.2 out of `versions` when no suite for it is left.
///
/// differs from traefik: CBC, RC4 and RSA key exchange do not exist here and are left out with a warning.
pub(crate) fn cipher_suites(
    names: &[String],
    versions: &mut Versions,
    problems: &mut Vec<Problem>,
) -> Option<Vec<SupportedCipherSuite>> {
    const FIELD: &str = "cipherSuites";
    let mut wanted = Vec::new();
    let mut unknown = false;
    for name in names {
        let alias = ALIASES.iter().find(|(alias, _)| alias == name);
        let name = alias.map_or(name.as_str(), |(_, name)| name);
        if let Some((_, suite)) = TLS12.iter().find(|(known, _)| *known == name) {
            wanted.push(suite.suite());
        } else if WEAK.contains(&name) {
            problems.push(Problem::warning(
                FIELD,
                format!("{name} is not supported, as it is no longer safe; it is left out"),
            ));
        } else if !TLS13.iter().any(|(known, _)| *known == name) {
            problems.push(Problem::fatal(
                FIELD,
                format!(
                    "\"{name}\" is no cipher suite: use IANA names such as {}",
                    TLS12[0].0
                ),
            ));
            unknown = true;
        }
    }
    if unknown {
        return None;
    }
    let tls12: Vec<_> = TLS12
        .iter()
        .map(|(_, suite)| *suite)
        .filter(|suite| names.is_empty() || wanted.contains(&suite.suite()))
        .collect();
    if tls12.is_empty() && versions.tls12 {
        if !versions.tls13 {
            problems.push(Problem::fatal(
                FIELD,
                format!(
                    "none of them can be used with TLS 1.2, the only version allowed: add {} or raise maxVersion",
                    TLS12[0].0
                ),
            ));
            return None;
        }
        versions.tls12 = false;
        problems.push(Problem::warning(
            FIELD,
            "none of them can be used with TLS 1.2, so that only TLS 1.3 is spoken",
        ));
    }
    let mut suites = Vec::new();
    if versions.tls13 {
        suites.extend(TLS13.iter().map(|(_, suite)| *suite));
    }
    if versions.tls12 {
        suites.extend(tls12);
    }
    Some(suites)
}

/// `curvePreferences`; empty means Go's order.
///
/// differs from traefik: SecP384r1MLKEM1024 does not exist here and is left out with a warning.
pub(crate) fn groups(
    names: &[String],
    problems: &mut Vec<Problem>,
) -> Option<Vec<&'static dyn SupportedKxGroup>> {
    const FIELD: &str = "curvePreferences";
    if names.is_empty() {
        return Some(default_groups());
    }
    let mut groups = Vec::new();
    let mut unknown = false;
    for name in names {
        match name.to_ascii_lowercase().as_str() {
            "x25519" => groups.push(kx_group::X25519),
            "curvep256" | "secp256r1" => groups.push(kx_group::SECP256R1),
            "curvep384" | "secp384r1" => groups.push(kx_group::SECP384R1),
            "x25519mlkem768" => groups.push(kx_group::X25519MLKEM768),
            "secp256r1mlkem768" => groups.push(kx_group::SECP256R1MLKEM768),
            "curvep521" | "secp521r1" => groups.push(SECP521R1),
            "secp384r1mlkem1024" => {
                problems.push(Problem::warning(
                    FIELD,
                    format!("{name} is not supported; it is left out"),
                ));
            }
            _ => {
                problems.push(Problem::fatal(
                    FIELD,
                    format!("\"{name}\" is no key exchange group: use X25519MLKEM768, X25519, CurveP256 or CurveP384"),
                ));
                unknown = true;
            }
        }
    }
    if groups.is_empty() && !unknown {
        problems.push(Problem::fatal(
            FIELD,
            "none of them is supported: add X25519 or CurveP256",
        ));
    }
    (!groups.is_empty() && !unknown).then_some(groups)
}

/// Go's default groups in its order.
pub(crate) fn default_groups() -> Vec<&'static dyn SupportedKxGroup> {
    let mut groups = rustls::crypto::aws_lc_rs::DEFAULT_KX_GROUPS.to_vec();
    groups.push(SECP521R1);
    groups
}
