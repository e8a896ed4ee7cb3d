//! Rules of TCP routers.

use std::fmt;

use crate::address::Range;
use crate::error::{Problem, RuleError};
use crate::expr::{Expr, LeafError, compile};
use crate::http_rule::{hosts_of, is_one_label_before};
use crate::limits::priority;
use crate::parse::{Parsed, parse};
use crate::regex::GoRegex;
use crate::template::{Part, Refusal, Template, read};
use crate::tree::{Kind, Matcher, Name, Node, Syntax, Tree};
use crate::view::ConnectionView;

/// A checked and compiled TCP rule.
#[derive(Debug, Clone)]
pub struct TcpRule {
    source: Box<str>,
    tree: Tree,
    expr: Expr<Predicate>,
}

impl TcpRule {
    /// Reads a rule.
    ///
    /// # Errors
    /// The first mistake, with its column.
    pub fn parse(source: &str, syntax: Syntax) -> Result<Self, RuleError> {
        let Parsed { tree, spans } = parse(source)?;
        let expr = compile(&tree, Kind::Tcp, syntax, source, Some(&spans), |matcher| {
            predicate(matcher, syntax)
        })?;
        Ok(Self {
            source: source.into(),
            tree,
            expr,
        })
    }

    /// Checks a tree built by code; its source is the printed tree.
    ///
    /// # Errors
    /// The first matcher that does not exist in this syntax or has unusable arguments.
    pub fn from_tree(tree: Tree, syntax: Syntax) -> Result<Self, RuleError> {
        let source = tree.to_string();
        let expr = compile(&tree, Kind::Tcp, syntax, &source, None, |matcher| {
            predicate(matcher, syntax)
        })?;
        Ok(Self {
            source: source.into(),
            tree,
            expr,
        })
    }

    /// The rule as written, or as printed if it was built as a tree.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The rule as a tree.
    #[must_use]
    pub const fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The priority of a router that sets none: the bytes of its rule, or -1 if the rule is
    /// nothing but ``HostSNI(`*`)``.
    #[must_use]
    pub fn default_priority(&self) -> i64 {
        if self.is_catch_all() {
            priority::TCP_CATCH_ALL
        } else {
            i64::try_from(self.source.len()).unwrap_or(i64::MAX)
        }
    }

    /// True if the rule is nothing but ``HostSNI(`*`)``, which also takes connections without TLS.
    #[must_use]
    pub fn is_catch_all(&self) -> bool {
        let mut tree = &self.tree;
        while let Node::Group(inner) = &tree.0 {
            tree = inner;
        }
        match &tree.0 {
            Node::Matcher(matcher) => matcher.name == Name::HostSni && matcher.args == ["*"],
            _ => false,
        }
    }

    /// True if the connection satisfies the rule. Does not allocate but for regular expressions'
    /// caches on first use.
    pub fn matches(&self, view: &impl ConnectionView) -> bool {
        self.expr.eval(&|predicate| predicate.test(view))
    }

    /// The values of all `HostSNI` matchers that are not negated, lower case, in order, without
    /// repetitions.
    #[must_use]
    pub fn hosts(&self) -> Vec<String> {
        hosts_of(&self.tree, Name::HostSni)
    }
}

impl fmt::Display for TcpRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

#[derive(Debug, Clone)]
enum Predicate {
    /// Every connection, with or without server name.
    Always,
    Host(Box<str>),
    HostSuffix(Box<str>),
    HostRegexp(GoRegex),
    Alpn(Box<str>),
    ClientIp(Range),
}

impl Predicate {
    fn test(&self, view: &impl ConnectionView) -> bool {
        match self {
            Self::Always => true,
            Self::Host(host) => view.server_name() == &**host,
            Self::HostSuffix(suffix) => is_one_label_before(view.server_name(), suffix),
            Self::HostRegexp(regex) => regex.is_match(view.server_name()),
            Self::Alpn(protocol) => view.offers(protocol),
            Self::ClientIp(range) => range.contains(view.peer_ip()),
        }
    }
}

/// The protocol of the ACME TLS-ALPN challenge, which only the challenge responder may answer.
const ACME_TLS: &str = "acme-tls/1";

fn predicate(matcher: &Matcher, syntax: Syntax) -> Result<Expr<Predicate>, LeafError> {
    let leaves = matcher.args.iter().enumerate().map(|(i, arg)| {
        let leaf = match matcher.name {
            Name::HostSni => host(matcher, arg),
            Name::HostSniRegexp => host_regexp(matcher, arg, syntax),
            Name::Alpn if arg == ACME_TLS => {
                Err(bad(matcher, arg, "is reserved for the ACME challenge"))
            }
            Name::Alpn => Ok(Predicate::Alpn(arg.as_str().into())),
            Name::ClientIp => Range::parse(arg).map(Predicate::ClientIp).ok_or_else(|| {
                bad(
                    matcher,
                    arg,
                    "is neither an IP address nor a CIDR such as 10.0.0.0/8",
                )
            }),
            _ => Err(bad(matcher, arg, "is for http routers")),
        };
        leaf.map(Expr::Leaf).map_err(|problem| (problem, Some(i)))
    });
    leaves.collect::<Result<Vec<_>, _>>().map(Expr::any)
}

fn bad(matcher: &Matcher, value: &str, reason: &str) -> Problem {
    Problem::BadValue {
        matcher: matcher.name.as_str(),
        value: value.to_owned(),
        reason: reason.to_owned(),
    }
}

fn host(matcher: &Matcher, value: &str) -> Result<Predicate, Problem> {
    if value == "*" {
        return Ok(Predicate::Always);
    }
    let host = value
        .strip_suffix('.')
        .unwrap_or(value)
        .to_ascii_lowercase();
    let (suffix, wildcard) = match host.strip_prefix('*') {
        Some(suffix) if suffix.starts_with('.') && suffix.len() > 1 => (suffix, true),
        _ => (host.as_str(), false),
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b':');
    if suffix.is_empty() || !suffix.bytes().all(plain) {
        return Err(bad(
            matcher,
            value,
            "is not a host name: use letters, digits, - and ., and punycode (xn--…) for others",
        ));
    }
    Ok(if wildcard {
        Predicate::HostSuffix(suffix.into())
    } else {
        Predicate::Host(suffix.into())
    })
}

fn host_regexp(matcher: &Matcher, value: &str, syntax: Syntax) -> Result<Predicate, Problem> {
    let regex_error = |error| Problem::BadRegex {
        matcher: matcher.name.as_str(),
        source: Box::new(error),
    };
    match syntax {
        Syntax::V3 if !value.is_ascii() => Err(bad(
            matcher,
            value,
            "has non-ASCII characters: write the punycode form (xn--…)",
        )),
        Syntax::V3 => GoRegex::compile(value)
            .map(Predicate::HostRegexp)
            .map_err(regex_error),
        Syntax::V2 => match read(value, Part::Host) {
            Ok(Template::Literal(host)) => Ok(Predicate::Host(host.to_ascii_lowercase().into())),
            Ok(Template::Regex { regex, .. }) => Ok(Predicate::HostRegexp(regex)),
            Err(Refusal::Malformed(reason)) => Err(bad(matcher, value, reason)),
            Err(Refusal::Regex(error)) => Err(regex_error(error)),
        },
    }
}
