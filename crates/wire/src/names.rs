//! Header names: folding, the headers this proxy vouches for, hop-by-hop fields, `Connection`.
//!
//! Servers behind us may treat `_` as `-` (CGI, WSGI, PHP) and ignore case, so two names are one name
//! when they are equal after folding both (CVE-2026-39858, CVE-2025-64484).

use crate::framing::trim_ows;
use crate::head::is_token;

/// True if the names are equal with case ignored and `_` counting as `-`.
#[inline]
#[must_use]
pub fn fold_eq(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(&a, &b)| fold(a) == fold(b))
}

/// Lower case, and `-` for `_`.
#[inline]
#[must_use]
pub fn fold(byte: u8) -> u8 {
    match byte {
        b'_' => b'-',
        _ => byte.to_ascii_lowercase(),
    }
}

/// Defines [`Managed`] with its names.
macro_rules! managed {
    ($($variant:ident $lower:literal $canonical:literal)*) => {
        /// A header that only this proxy may say something with: deleted from what untrusted clients
        /// send, in all spellings and in trailers, and never removable by `Connection`
        /// (surface: X-Forwarded-* of untrusted peers; invariant I6).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Managed {
            $(#[doc = concat!("`", $canonical, "`")] $variant,)*
        }

        impl Managed {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Lower case, as the message model and HTTP/2 hold it.
            #[must_use]
            pub fn lower(self) -> &'static str {
                match self { $(Self::$variant => $lower,)* }
            }

            /// As Go and Traefik write it.
            #[must_use]
            pub fn canonical(self) -> &'static str {
                match self { $(Self::$variant => $canonical,)* }
            }
        }
    };
}

managed! {
    ForwardedFor "x-forwarded-for" "X-Forwarded-For"
    ForwardedHost "x-forwarded-host" "X-Forwarded-Host"
    ForwardedMethod "x-forwarded-method" "X-Forwarded-Method"
    ForwardedPort "x-forwarded-port" "X-Forwarded-Port"
    ForwardedPrefix "x-forwarded-prefix" "X-Forwarded-Prefix"
    ForwardedProto "x-forwarded-proto" "X-Forwarded-Proto"
    ForwardedScheme "x-forwarded-scheme" "X-Forwarded-Scheme"
    ForwardedServer "x-forwarded-server" "X-Forwarded-Server"
    ForwardedUri "x-forwarded-uri" "X-Forwarded-Uri"
    ForwardedTlsClientCert "x-forwarded-tls-client-cert" "X-Forwarded-Tls-Client-Cert"
    ForwardedTlsClientCertInfo "x-forwarded-tls-client-cert-info" "X-Forwarded-Tls-Client-Cert-Info"
    RealIp "x-real-ip" "X-Real-Ip"
    Scheme "x-scheme" "X-Scheme"
}

/// Which managed header `name` is, in any spelling.
#[inline]
#[must_use]
pub fn managed(name: &[u8]) -> Option<Managed> {
    // Nearly every other name ends here.
    match name {
        [b'x' | b'X', b'-' | b'_', ..] => managed_slow(name),
        _ => None,
    }
}

fn managed_slow(name: &[u8]) -> Option<Managed> {
    // Lengths are compared first, so at most four names are compared in full.
    Managed::ALL
        .iter()
        .copied()
        .find(|managed| fold_eq(name, managed.lower().as_bytes()))
}

/// True if `name` is a [`Managed`] header in any spelling.
#[inline]
#[must_use]
pub fn is_managed(name: &[u8]) -> bool {
    managed(name).is_some()
}

/// True for fields that belong to one connection and are never passed on (RFC 9110 §7.6.1), in any
/// spelling. `Upgrade` and `Te` are among them; who passes `Upgrade: websocket` or `te: trailers` on
/// writes it anew.
#[inline]
#[must_use]
pub fn is_hop_by_hop(name: &[u8]) -> bool {
    // By length, so that most names are compared with nothing.
    let candidates: &[&[u8]] = match name.len() {
        2 => &[b"te"],
        7 => &[b"upgrade", b"trailer"],
        8 => &[b"trailers"],
        10 => &[b"connection", b"keep-alive"],
        14 => &[b"http2-settings"],
        16 => &[b"proxy-connection"],
        17 => &[b"transfer-encoding"],
        18 => &[b"proxy-authenticate"],
        19 => &[b"proxy-authorization"],
        _ => return false,
    };
    candidates.iter().any(|candidate| fold_eq(name, candidate))
}

/// The tokens of one `Connection` (or other comma-separated token) line, trimmed; empty ones and ones
/// that aren't tokens are left out. Compare them with case ignored (CVE-2026-29054).
pub fn tokens(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|&b| b == b',')
        .map(trim_ows)
        .filter(|token| is_token(token))
}

/// What all `Connection` lines of a head ask of the connection itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConnectionOptions {
    /// `close`
    pub close: bool,
    /// `keep-alive`
    pub keep_alive: bool,
    /// `upgrade`: an `Upgrade` field is meant.
    pub upgrade: bool,
    /// Other names are listed: [`nominated`] says which.
    pub others: bool,
}

impl ConnectionOptions {
    /// Takes one more `Connection` line.
    #[inline]
    pub fn add_line(&mut self, line: &[u8]) {
        match line {
            b"keep-alive" => self.keep_alive = true,
            b"close" => self.close = true,
            _ => self.add_tokens(line),
        }
    }

    fn add_tokens(&mut self, line: &[u8]) {
        for token in tokens(line) {
            if token.eq_ignore_ascii_case(b"close") {
                self.close = true;
            } else if token.eq_ignore_ascii_case(b"keep-alive") {
                self.keep_alive = true;
            } else if token.eq_ignore_ascii_case(b"upgrade") {
                self.upgrade = true;
            } else {
                self.others = true;
            }
        }
    }
}

/// The names in one `Connection` line whose fields are to be dropped: all that are neither options of
/// the connection nor managed by this proxy ([`is_managed`]). A caller also spares the names of
/// `forwardedHeaders.connection`, and `Host` and the framing fields have no effect here because they
/// are never taken from the field list.
pub fn nominated(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    tokens(line).filter(|token| {
        ![&b"close"[..], b"keep-alive", b"upgrade"]
            .iter()
            .any(|option| token.eq_ignore_ascii_case(option))
            && !is_managed(token)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn underscore_and_case_spellings_are_one_name() {
        for (a, b, equal) in [
            ("X_Forwarded_Proto", "x-forwarded-proto", true),
            ("x-FORWARDED_proto", "X-Forwarded-Proto", true),
            ("x-forwarded-prot", "x-forwarded-proto", false),
            ("x.forwarded.proto", "x-forwarded-proto", false),
            ("", "", true),
            ("a", "", false),
        ] {
            assert_eq!(fold_eq(a.as_bytes(), b.as_bytes()), equal, "{a} {b}");
        }
    }

    #[test]
    fn every_managed_header_is_found_in_all_spellings() {
        for &header in Managed::ALL {
            let lower = header.lower();
            assert_eq!(header.canonical().to_ascii_lowercase(), lower);
            for spelling in [
                lower.to_owned(),
                header.canonical().to_owned(),
                lower.to_ascii_uppercase(),
                lower.replace('-', "_"),
                lower.replacen('-', "_", 1),
            ] {
                assert_eq!(managed(spelling.as_bytes()), Some(header), "{spelling}");
            }
        }
        assert_eq!(Managed::ALL.len(), 13);
    }

    #[test]
    fn other_names_are_not_managed() {
        for name in [
            "",
            "x",
            "x-",
            "host",
            "x-forwarded",
            "x-forwarded-",
            "x-forwarded-foo",
            "x-request-id",
            "forwarded",
            "xx-forwarded-for",
            "x-forwarded-for ",
            "x-real-ipp",
        ] {
            assert!(!is_managed(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn hop_by_hop_fields_are_known_in_any_spelling() {
        for name in [
            "connection",
            "Keep-Alive",
            "proxy_connection",
            "te",
            "Trailer",
            "TRANSFER-ENCODING",
            "transfer_encoding",
            "upgrade",
            "proxy-authenticate",
            "proxy-authorization",
            "http2-settings",
        ] {
            assert!(is_hop_by_hop(name.as_bytes()), "{name}");
        }
        for name in [
            "content-length",
            "host",
            "upgrade-insecure-requests",
            "t",
            "authorization",
        ] {
            assert!(!is_hop_by_hop(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn connection_tokens_are_read_over_several_lines_and_in_any_case() {
        let mut options = ConnectionOptions::default();
        options.add_line(b" Upgrade ,, KEEP-alive");
        assert_eq!(
            options,
            ConnectionOptions {
                keep_alive: true,
                upgrade: true,
                ..Default::default()
            }
        );
        options.add_line(b"X-Foo,\tCLOSE");
        assert!(options.close && options.others);
    }

    #[test]
    fn a_plain_connection_line_sets_its_option() {
        for (line, close, keep_alive) in [
            (&b"close"[..], true, false),
            (b"keep-alive", false, true),
            (b"closed", false, false),
        ] {
            let mut options = ConnectionOptions::default();
            options.add_line(line);
            assert_eq!((options.close, options.keep_alive), (close, keep_alive));
        }
    }

    // CVE-2024-45410, CVE-2026-29054
    #[test]
    fn connection_never_nominates_a_managed_header() {
        for &header in Managed::ALL {
            for spelling in [
                header.lower().to_owned(),
                header.canonical().to_ascii_uppercase(),
                header.lower().replace('-', "_"),
            ] {
                let line = format!("close, {spelling}, X-Other");
                let names: Vec<_> = nominated(line.as_bytes()).collect();
                assert_eq!(names, [b"X-Other"], "{line}");
            }
        }
    }

    #[test]
    fn what_is_no_token_is_left_out_of_a_token_list() {
        let found: Vec<_> = tokens(b"a b, c:d, \"close\", ok, \xff").collect();
        assert_eq!(found, [b"ok"]);
    }
}
