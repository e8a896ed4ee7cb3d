//! URLs as Go's `net/url` reads and prints them: what redirects and authentication servers are told.
//!
//! differs from traefik: where a path holds a byte that has to be percent-encoded, only that byte is (Go re-encodes
//! the whole decoded path, which turns `%2F` into `/`).

use std::fmt::{self, Write as _};

/// A parsed URL or relative reference (RFC 3986). Percent-encodings stay as they are; what has to be encoded is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Url {
    /// Lower case; empty in a relative reference.
    pub(crate) scheme: String,
    /// What follows `scheme:` in a URL without `//` (`mailto:a@b`).
    opaque: String,
    /// `user:password`, still encoded.
    pub(crate) userinfo: Option<String>,
    /// Host and port.
    pub(crate) authority: String,
    /// Encoded.
    pub(crate) path: String,
    /// Without its `?`.
    pub(crate) query: Option<String>,
    fragment: Option<String>,
}

/// Why a text is no URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum UrlError {
    #[error("it holds a control character")]
    Control,
    #[error("it begins with a colon: write the scheme before it")]
    NoScheme,
    #[error("its first path segment holds a colon: write ./ before it")]
    ColonInFirstSegment,
    #[error("% is not followed by two hexadecimal digits")]
    Escape,
    #[error("its host holds a character that no host has")]
    Host,
    #[error("its port is not a number")]
    Port,
    #[error("its user information holds a character that has to be encoded")]
    Userinfo,
}

impl Url {
    /// Reads a URL or a relative reference.
    pub(crate) fn parse(text: &str) -> Result<Self, UrlError> {
        if text.bytes().any(|b| b < b' ' || b == 0x7f) {
            return Err(UrlError::Control);
        }
        let (text, fragment) = match text.split_once('#') {
            Some((text, fragment)) => (text, Some(encode_fragment(fragment)?)),
            None => (text, None),
        };
        let (scheme, rest) = split_scheme(text)?;
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query.to_owned())),
            None => (rest, None),
        };
        let mut url = Self {
            scheme: scheme.to_ascii_lowercase(),
            query,
            // As Go prints no empty fragment.
            fragment: fragment.filter(|fragment| !fragment.is_empty()),
            ..Self::default()
        };
        if !rest.starts_with('/') {
            if !scheme.is_empty() {
                rest.clone_into(&mut url.opaque);
                return Ok(url);
            }
            if rest.split('/').next().is_some_and(|s| s.contains(':')) {
                return Err(UrlError::ColonInFirstSegment);
            }
        }
        let path = match rest.strip_prefix("//") {
            Some(rest) if !scheme.is_empty() || !rest.starts_with('/') => {
                let end = rest.find('/').unwrap_or(rest.len());
                let (authority, path) = rest.split_at(end);
                url.set_authority(authority)?;
                path
            }
            _ => rest,
        };
        url.path = encode_path(path)?;
        Ok(url)
    }

    fn set_authority(&mut self, authority: &str) -> Result<(), UrlError> {
        let host = match authority.rsplit_once('@') {
            Some((userinfo, host)) => {
                check_userinfo(userinfo)?;
                self.userinfo = Some(userinfo.to_owned());
                host
            }
            None => authority,
        };
        check_host(host)?;
        host.clone_into(&mut self.authority);
        Ok(())
    }

    /// Where `reference` leads when this URL says it (RFC 3986 §5.2, `URL.ResolveReference` of Go).
    ///
    /// differs from traefik: credentials in this URL are not handed on.
    pub(crate) fn resolve(&self, reference: Self) -> Self {
        let mut url = reference;
        let has_scheme = !url.scheme.is_empty();
        if !has_scheme {
            url.scheme.clone_from(&self.scheme);
        }
        if has_scheme || !url.authority.is_empty() || url.userinfo.is_some() {
            if url.opaque.is_empty() {
                url.path = resolve_path(&url.path, "");
            }
            return url;
        }
        if url.path.is_empty() && url.query.is_none() {
            url.query.clone_from(&self.query);
            if url.fragment.is_none() {
                url.fragment.clone_from(&self.fragment);
            }
        }
        url.authority.clone_from(&self.authority);
        url.path = resolve_path(&self.path, &url.path);
        url
    }

    /// Path and query for a request line.
    pub(crate) fn request_path(&self) -> &str {
        if self.path.is_empty() {
            "/"
        } else {
            &self.path
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.scheme.is_empty() {
            write!(f, "{}:", self.scheme)?;
        }
        if self.opaque.is_empty() {
            self.fmt_hierarchical(f)?;
        } else {
            f.write_str(&self.opaque)?;
        }
        if let Some(query) = &self.query {
            write!(f, "?{query}")?;
        }
        if let Some(fragment) = &self.fragment {
            write!(f, "#{fragment}")?;
        }
        Ok(())
    }
}

impl Url {
    fn fmt_hierarchical(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has_authority = !self.authority.is_empty() || self.userinfo.is_some();
        if has_authority || (!self.scheme.is_empty() && !self.path.is_empty()) {
            f.write_str("//")?;
            if let Some(userinfo) = &self.userinfo {
                write!(f, "{userinfo}@")?;
            }
            f.write_str(&self.authority)?;
        }
        if has_authority && !self.path.is_empty() && !self.path.starts_with('/') {
            f.write_char('/')?;
        }
        f.write_str(&self.path)
    }
}

/// Parts the scheme from the rest; without one the scheme is empty.
fn split_scheme(text: &str) -> Result<(&str, &str), UrlError> {
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return Err(UrlError::NoScheme),
            b':' => return Ok(text.split_once(':').unwrap_or(("", text))),
            _ => break,
        }
    }
    Ok(("", text))
}

fn check_userinfo(userinfo: &str) -> Result<(), UrlError> {
    let fine = |b: u8| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&b);
    if userinfo.bytes().all(fine) && escapes_are_whole(userinfo) {
        Ok(())
    } else {
        Err(UrlError::Userinfo)
    }
}

fn check_host(host: &str) -> Result<(), UrlError> {
    let (name, port) = match host.strip_prefix('[') {
        Some(inside) => {
            let (address, port) = inside.rsplit_once(']').ok_or(UrlError::Host)?;
            let fine = |b: u8| b.is_ascii_hexdigit() || b == b':' || b == b'.';
            if address.is_empty() || !address.bytes().all(fine) {
                return Err(UrlError::Host);
            }
            ("", port)
        }
        None => host.rfind(':').map_or((host, ""), |at| host.split_at(at)),
    };
    let digits = match port {
        "" => "",
        port => port.strip_prefix(':').ok_or(UrlError::Port)?,
    };
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(UrlError::Port);
    }
    // Narrower than Go, which lets quotes and angle brackets pass.
    let fine = |b: u8| b.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:".contains(&b) || b >= 0x80;
    if name.bytes().all(fine) {
        Ok(())
    } else {
        Err(UrlError::Host)
    }
}

fn escapes_are_whole(text: &str) -> bool {
    let mut parts = text.split('%');
    parts.next();
    parts.all(|part| {
        let mut bytes = part.bytes();
        let mut hex = || bytes.next().is_some_and(|b| b.is_ascii_hexdigit());
        hex() && hex()
    })
}

/// The path with what a path cannot hold percent-encoded.
fn encode_path(path: &str) -> Result<String, UrlError> {
    encode(path, b"-_.~!$&'()*+,;=:@/[]%")
}

fn encode_fragment(fragment: &str) -> Result<String, UrlError> {
    encode(fragment, b"-_.~!$&'()*+,;=:@/?[]%")
}

fn encode(text: &str, allowed: &[u8]) -> Result<String, UrlError> {
    if !escapes_are_whole(text) {
        return Err(UrlError::Escape);
    }
    Ok(escape(text, allowed))
}

/// Percent-encodes every byte that is neither a letter, a digit nor `allowed`.
pub(crate) fn escape(text: &str, allowed: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || allowed.contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// RFC 3986 §5.2.3 and §5.2.4: `reference` against the folder of `base`, without dot segments.
pub(crate) fn resolve_path(base: &str, reference: &str) -> String {
    let full = if reference.is_empty() {
        base.to_owned()
    } else if reference.starts_with('/') {
        reference.to_owned()
    } else {
        let folder = base.rfind('/').map_or("", |at| base.split_at(at + 1).0);
        format!("{folder}{reference}")
    };
    if full.is_empty() {
        return full;
    }
    let mut kept: Vec<&str> = Vec::new();
    let mut last = "";
    for segment in full.trim_start_matches('/').split('/') {
        last = segment;
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            segment => kept.push(segment),
        }
    }
    let mut out = format!("/{}", kept.join("/"));
    if matches!(last, "." | "..") && !out.ends_with('/') {
        out.push('/');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_prints_as_go_prints_it() {
        for (text, printed) in [
            ("https://shop.example/a?b=c", "https://shop.example/a?b=c"),
            ("HTTPS://Shop.Example", "https://Shop.Example"),
            ("https://shop.example:8443/", "https://shop.example:8443/"),
            ("https://[::1]:8443/a", "https://[::1]:8443/a"),
            ("https://a/b c/\u{e9}", "https://a/b%20c/%C3%A9"),
            ("https://a/b%2Fc", "https://a/b%2Fc"),
            ("https://a/?q=\u{e9} x", "https://a/?q=\u{e9} x"),
            ("https://a/b?", "https://a/b?"),
            ("https://a/b#", "https://a/b"),
            ("https://a/b#c d", "https://a/b#c%20d"),
            ("/login?next=/", "/login?next=/"),
            ("//other.example/x", "//other.example/x"),
            ("mailto:a@b", "mailto:a@b"),
            ("https:///x", "https:///x"),
            ("https://user:pw@a/b", "https://user:pw@a/b"),
            ("", ""),
        ] {
            assert_eq!(
                Url::parse(text).map(|url| url.to_string()).as_deref(),
                Ok(printed),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for (text, error) in [
            ("https://a/\r\nSet-Cookie: a", UrlError::Control),
            (":8080/x", UrlError::NoScheme),
            ("1:2", UrlError::ColonInFirstSegment),
            ("https://a/%zz", UrlError::Escape),
            ("https://a/%2", UrlError::Escape),
            ("https://a b/", UrlError::Host),
            ("https://a:b/", UrlError::Port),
            ("https://[::1/", UrlError::Host),
            ("https://[::1]x/", UrlError::Port),
            ("https://a<b@c/", UrlError::Userinfo),
        ] {
            assert_eq!(Url::parse(text), Err(error), "{text}");
        }
    }

    // RFC 3986 §5.4
    #[test]
    fn references_are_resolved_as_the_rfc_says() {
        let base = Url::parse("http://a/b/c/d?q").unwrap();
        for (reference, target) in [
            ("g:h", "g:h"),
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g"),
            ("?y", "http://a/b/c/d?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d?q#s"),
            ("", "http://a/b/c/d?q"),
            (".", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("https://x/y/../z", "https://x/z"),
        ] {
            let resolved = base.resolve(Url::parse(reference).unwrap());
            assert_eq!(resolved.to_string(), target, "{reference}");
        }
    }

    #[test]
    fn credentials_of_the_base_are_not_handed_on() {
        let base = Url::parse("http://user:secret@auth/check").unwrap();
        let resolved = base.resolve(Url::parse("/login").unwrap());
        assert_eq!(resolved.to_string(), "http://auth/login");
    }
}
