//! Parts of a rule that are legal but hardly mean what they say.

use std::fmt;

use crate::quote::quote;
use crate::tree::{Matcher, Name, Syntax, Tree};

/// A matcher that is legal but suspicious.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The matcher, as printed.
    pub matcher: String,
    /// What is odd about it, and the cure.
    pub text: &'static str,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.matcher, self.text)
    }
}

pub(super) fn warnings(tree: &Tree, syntax: Syntax) -> Vec<Warning> {
    let mut out = Vec::new();
    tree.for_each_matcher(&mut |matcher, _| {
        for (i, arg) in matcher.args.iter().enumerate() {
            if let Some(text) = warning(matcher, i, arg, syntax) {
                out.push(Warning {
                    matcher: format!("{}({})", matcher.name.as_str(), quote(arg)),
                    text,
                });
            }
        }
    });
    out
}

fn warning(matcher: &Matcher, index: usize, arg: &str, syntax: Syntax) -> Option<&'static str> {
    match (matcher.name, syntax) {
        (Name::Path | Name::PathPrefix, Syntax::V3) if arg.contains('{') && arg.contains('}') => {
            Some("is literal text in v3 syntax: for a {name:regex} of v2 use PathRegexp")
        }
        (Name::Path | Name::PathPrefix, Syntax::V3) if looks_like_regex(arg) => Some(
            "is literal text, but looks like a regular expression: use PathRegexp if it is one",
        ),
        (Name::Path | Name::PathPrefix, Syntax::V3) => path_warning(arg),
        (Name::Path | Name::PathPrefix, Syntax::V2) if !arg.contains('{') => path_warning(arg),
        (Name::PathRegexp, _) if arg.starts_with('/') => {
            Some("matches anywhere in the path: start it with ^ to match from the start")
        }
        (Name::HostRegexp, Syntax::V3) if arg.contains("{") && arg.contains(":") => {
            template_in_regex(arg)
        }
        (Name::Host | Name::HostHeader, _) => host_warning(arg, syntax),
        (Name::Header | Name::HeaderRegexp | Name::Headers | Name::HeadersRegexp, _)
            if index.is_multiple_of(2) && arg.eq_ignore_ascii_case("host") =>
        {
            Some("never matches, because the Host header is not among the fields: use Host")
        }
        _ => None,
    }
}

fn host_warning(arg: &str, syntax: Syntax) -> Option<&'static str> {
    if arg.contains('{') {
        Some("is literal text: for a template use HostRegexp in v2 syntax")
    } else if arg.contains(':') && arg.matches(':').count() == 1 {
        Some("never matches, because hosts are compared without port: remove the port")
    } else if arg.contains(['/', ' ', ',']) {
        Some("never matches, because it is not a host name")
    } else if syntax == Syntax::V2 && arg.contains('*') {
        Some("is literal text in v2 syntax: use HostRegexp(`{name:[a-z0-9-]+}.…`)")
    } else if arg.strip_prefix("*.").unwrap_or(arg).contains('*') && arg != "*" {
        Some("never matches: a wildcard must be the whole first label, as in *.example.com")
    } else {
        None
    }
}

fn path_warning(arg: &str) -> Option<&'static str> {
    if arg.contains(['?', '#']) {
        return Some("never matches, because the path ends before ? and #: use Query");
    }
    if has_decoded_escape(arg) {
        return Some(
            "never matches, because such characters are compared decoded: write the character \
             itself, and reserved ones as upper-case %2F",
        );
    }
    let dots = arg
        .split('/')
        .any(|segment| segment == "." || segment == "..");
    if arg.contains("//") || dots {
        return Some("never matches unless sanitizePath is off: requests are cleaned before");
    }
    None
}

/// True if `path` has a percent-encoded character that requests have decoded when they are
/// compared: anything but the reserved ones, or one with lower-case digits.
fn has_decoded_escape(path: &str) -> bool {
    const RESERVED: [&str; 19] = [
        "3A", "2F", "3F", "23", "5B", "5D", "40", "21", "24", "26", "27", "28", "29", "2A", "2B",
        "2C", "3B", "3D", "25",
    ];
    path.split('%')
        .skip(1)
        .filter_map(|after| after.get(..2))
        .any(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()) && !RESERVED.contains(&digits))
}

fn looks_like_regex(arg: &str) -> bool {
    arg.contains(".*")
        || arg.contains(".+")
        || arg.contains("(?")
        || arg.contains(r"\d")
        || arg.contains(r"\.")
        || arg.starts_with('^')
        || arg.ends_with('$')
        || (arg.contains('[') && arg.contains(']'))
        || (arg.contains('(') && arg.contains('|') && arg.contains(')'))
}

/// A brace that Go does not read as a repetition is a literal, and no host has one.
fn template_in_regex(arg: &str) -> Option<&'static str> {
    let literal_brace = arg.split('{').skip(1).any(|after| {
        after
            .split_once('}')
            .is_some_and(|(inside, _)| inside.contains(':') && !inside.contains(['(', ')']))
    });
    literal_brace
        .then_some("is a regular expression in v3 syntax: replace {name:regex} of v2 by (regex)")
}
