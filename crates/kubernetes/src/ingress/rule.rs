//! Rules of Ingress paths.
//!
//! Hosts and paths are untrusted text. They reach a rule only as quoted literals, so that no text can end its literal
//! and add a matcher of its own.

use std::fmt::Write as _;

/// How a path is matched. Traefik: annotation `router.pathmatcher`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum PathMatcher {
    /// The whole path.
    Path,
    /// What the path begins with.
    PathPrefix,
    /// A regular expression that matches anywhere in the path.
    PathRegexp,
}

/// How hosts with a wildcard are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HostSyntax {
    V3,
    V2,
}

/// The rule of one path of an Ingress; empty without host and path.
pub(super) fn rule(host: &str, syntax: HostSyntax, path: &str, matcher: PathMatcher, strict: bool) -> String {
    let mut rule = String::with_capacity(host.len() + path.len() + 40);
    if !host.is_empty() {
        match host.strip_prefix("*.") {
            Some(suffix) if syntax == HostSyntax::V2 => {
                call(&mut rule, "HostRegexp", &["{subdomain:[a-zA-Z0-9-]+}.", suffix]);
            }
            _ => call(&mut rule, "Host", &[host]),
        }
    }
    if path.is_empty() {
        return rule;
    }
    if !rule.is_empty() {
        rule.push_str(" && ");
    }
    match matcher {
        PathMatcher::PathPrefix if strict && path != "/" => {
            let path = path.strip_suffix('/').unwrap_or(path);
            rule.push('(');
            call(&mut rule, "Path", &[path]);
            rule.push_str(" || ");
            call(&mut rule, "PathPrefix", &[path, "/"]);
            rule.push(')');
        }
        PathMatcher::PathPrefix => call(&mut rule, "PathPrefix", &[path]),
        PathMatcher::Path => call(&mut rule, "Path", &[path]),
        PathMatcher::PathRegexp => call(&mut rule, "PathRegexp", &[path]),
    }
    rule
}

/// Whether a prefix rule of `prefix` matches a request for exactly `path`.
pub(super) fn prefix_covers(prefix: &str, path: &str, strict: bool) -> bool {
    if strict && prefix != "/" {
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        return path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    }
    path.starts_with(prefix)
}

fn call(rule: &mut String, matcher: &str, argument: &[&str]) {
    rule.push_str(matcher);
    rule.push('(');
    quote(rule, argument);
    rule.push(')');
}

/// A string literal as Go's `%q` prints it.
fn quote(out: &mut String, parts: &[&str]) {
    out.push('"');
    for c in parts.iter().flat_map(|part| part.chars()) {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            ' '..='~' => out.push(c),
            _ if c.is_alphanumeric() => out.push(c),
            // `escape_debug` knows what is printable.
            _ if c.escape_debug().count() == 1 => out.push(c),
            _ => {
                let code = u32::from(c);
                let written = match code {
                    0..0x80 => write!(out, "\\x{code:02x}"),
                    0x80..0x1_0000 => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                };
                written.expect("writing to a string can't fail");
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strict(path: &str) -> String {
        rule("", HostSyntax::V3, path, PathMatcher::PathPrefix, true)
    }

    #[test]
    fn strict_prefixes_match_whole_elements() {
        assert_eq!(strict("/bar"), "(Path(\"/bar\") || PathPrefix(\"/bar/\"))");
        assert_eq!(strict("/bar/"), "(Path(\"/bar\") || PathPrefix(\"/bar/\"))");
        assert_eq!(strict("/"), "PathPrefix(\"/\")");
    }

    /// Section 19.6.
    #[test]
    fn the_strict_prefix_matrix_holds() {
        for (prefix, matches, misses) in [
            ("/foo", &["/foo", "/foo/"] as &[&str], &[] as &[&str]),
            ("/foo/", &["/foo", "/foo/"], &[]),
            ("/aaa/bb", &[], &["/aaa/bbb"]),
            ("/aaa/bbb", &["/aaa/bbb", "/aaa/bbb/", "/aaa/bbb/ccc"], &["/aaa/bbbxyz"]),
            ("/aaa/bbb/", &["/aaa/bbb"], &[]),
            ("/", &["/", "/aaa", "/aaa/bbb"], &[]),
            ("/aaa", &["/aaa/ccc"], &[]),
            ("/...", &["/.../"], &["/aaa"]),
        ] {
            for path in matches {
                assert!(prefix_covers(prefix, path, true), "{prefix} {path}");
            }
            for path in misses {
                assert!(!prefix_covers(prefix, path, true), "{prefix} {path}");
            }
        }
    }

    #[test]
    fn no_text_can_leave_its_literal() {
        let host = "a`) || Host(`b\") || Host(\"c";
        assert_eq!(
            rule(host, HostSyntax::V3, "/x\\\"\n", PathMatcher::Path, false),
            "Host(\"a`) || Host(`b\\\") || Host(\\\"c\") && Path(\"/x\\\\\\\"\\n\")"
        );
    }

    /// Printed by Go 1.26 `fmt.Sprintf("%q")`.
    #[test]
    fn literals_are_quoted_as_go_quotes_them() {
        for (text, quoted) in [
            ("/a b", "\"/a b\""),
            ("tab\tbell\u{7}del\u{7f}", "\"tab\\tbell\\adel\\x7f\""),
            ("é日本🙂", "\"é日本🙂\""),
            ("\u{a0}\u{200b}\u{feff}\u{e000}\u{10ffff}", "\"\\u00a0\\u200b\\ufeff\\ue000\\U0010ffff\""),
        ] {
            let mut out = String::new();
            quote(&mut out, &[text]);
            assert_eq!(out, quoted);
        }
    }

    #[test]
    fn wildcard_hosts_follow_the_syntax() {
        let of = |syntax| rule("*.foo.com", syntax, "", PathMatcher::Path, false);
        assert_eq!(of(HostSyntax::V3), "Host(\"*.foo.com\")");
        assert_eq!(of(HostSyntax::V2), "HostRegexp(\"{subdomain:[a-zA-Z0-9-]+}.foo.com\")");
    }
}
