//! Rules of Ingress paths.
//!
//! Hosts and paths are untrusted text. They reach a rule only as quoted literals, so that no text can end its literal
//! and add a matcher of its own.

use pointsman_rule::Tree;

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

/// The rule of one path of an Ingress; `None` without host and path.
pub(super) fn rule(
    host: &str,
    syntax: HostSyntax,
    path: &str,
    matcher: PathMatcher,
    strict: bool,
) -> Option<Tree> {
    let host = (!host.is_empty()).then(|| host_rule(host, syntax));
    let path = (!path.is_empty()).then(|| path_rule(path, matcher, strict));
    match (host, path) {
        (Some(host), Some(path)) => Some(host.and(path)),
        (host, path) => host.or(path),
    }
}

fn host_rule(host: &str, syntax: HostSyntax) -> Tree {
    match host.strip_prefix("*.") {
        Some(suffix) if syntax == HostSyntax::V2 => {
            Tree::host_regexp(format!("{{subdomain:[a-zA-Z0-9-]+}}.{suffix}"))
        }
        _ => Tree::host(host),
    }
}

fn path_rule(path: &str, matcher: PathMatcher, strict: bool) -> Tree {
    match matcher {
        PathMatcher::PathPrefix if strict && path != "/" => {
            let path = path.strip_suffix('/').unwrap_or(path);
            Tree::path(path)
                .or(Tree::path_prefix(format!("{path}/")))
                .grouped()
        }
        PathMatcher::PathPrefix => Tree::path_prefix(path),
        PathMatcher::Path => Tree::path(path),
        PathMatcher::PathRegexp => Tree::path_regexp(path),
    }
}

/// Whether a prefix rule of `prefix` matches a request for exactly `path`.
pub(super) fn prefix_covers(prefix: &str, path: &str, strict: bool) -> bool {
    if strict && prefix != "/" {
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        return path
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    }
    path.starts_with(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strict(path: &str) -> String {
        text("", HostSyntax::V3, path, PathMatcher::PathPrefix, true)
    }

    fn text(
        host: &str,
        syntax: HostSyntax,
        path: &str,
        matcher: PathMatcher,
        strict: bool,
    ) -> String {
        rule(host, syntax, path, matcher, strict)
            .map(|tree| tree.to_string())
            .unwrap_or_default()
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
            (
                "/aaa/bbb",
                &["/aaa/bbb", "/aaa/bbb/", "/aaa/bbb/ccc"],
                &["/aaa/bbbxyz"],
            ),
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
            text(host, HostSyntax::V3, "/x\\\"\n", PathMatcher::Path, false),
            "Host(\"a`) || Host(`b\\\") || Host(\\\"c\") && Path(\"/x\\\\\\\"\\n\")"
        );
    }

    #[test]
    fn a_rule_without_host_and_path_is_none() {
        assert_eq!(
            rule("", HostSyntax::V3, "", PathMatcher::PathPrefix, true),
            None
        );
    }

    #[test]
    fn wildcard_hosts_follow_the_syntax() {
        let of = |syntax| text("*.foo.com", syntax, "", PathMatcher::Path, false);
        assert_eq!(of(HostSyntax::V3), "Host(\"*.foo.com\")");
        assert_eq!(
            of(HostSyntax::V2),
            "HostRegexp(\"{subdomain:[a-zA-Z0-9-]+}.foo.com\")"
        );
    }
}
