//! Rules of HTTP routers.

mod index_key;
mod warnings;

use std::fmt;

use http::HeaderName;

pub use self::index_key::{HostKey, IndexKey, PathKey};
pub use self::warnings::Warning;
use crate::address::Range;
use crate::error::{Problem, RuleError};
use crate::expr::{Expr, LeafError, compile};
use crate::parse::{Parsed, parse};
use crate::query;
use crate::quote::quote;
use crate::regex::{GoRegex, replace_invalid};
use crate::template::{Part, Refusal, Template, read};
use crate::tree::{Kind, Matcher, Name, Syntax, Tree};
use crate::view::RequestView;

/// A checked and compiled HTTP rule.
#[derive(Debug, Clone)]
pub struct Rule {
    source: Box<str>,
    tree: Tree,
    syntax: Syntax,
    expr: Expr<Predicate>,
}

impl Rule {
    /// Reads a rule.
    ///
    /// # Errors
    /// The first mistake, with its column.
    pub fn parse(source: &str, syntax: Syntax) -> Result<Self, RuleError> {
        let Parsed { tree, spans } = parse(source)?;
        let expr = compile(&tree, Kind::Http, syntax, source, Some(&spans), |matcher| {
            predicate(matcher, syntax)
        })?;
        Ok(Self {
            source: source.into(),
            tree,
            syntax,
            expr,
        })
    }

    /// Checks a tree built by code; its source is the printed tree.
    ///
    /// # Errors
    /// The first matcher that does not exist in this syntax or has unusable arguments.
    pub fn from_tree(tree: Tree, syntax: Syntax) -> Result<Self, RuleError> {
        let source = tree.to_string();
        let expr = compile(&tree, Kind::Http, syntax, &source, None, |matcher| {
            predicate(matcher, syntax)
        })?;
        Ok(Self {
            source: source.into(),
            tree,
            syntax,
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

    /// The syntax that the rule was read in.
    #[must_use]
    pub const fn syntax(&self) -> Syntax {
        self.syntax
    }

    /// The priority of a router that sets none: the bytes of its rule.
    #[must_use]
    pub fn default_priority(&self) -> i64 {
        i64::try_from(self.source.len()).unwrap_or(i64::MAX)
    }

    /// True if the request satisfies the rule. Does not allocate, except for query values longer
    /// than a kilobyte that are percent-encoded and met by a regular expression, for header
    /// values that are not UTF-8 and met by one, and for what the regular expression engine
    /// caches per thread on first use.
    pub fn matches(&self, view: &impl RequestView) -> bool {
        self.expr.eval(&|predicate| predicate.test(view))
    }

    /// The values of all `Host` matchers that are not negated, lower case, in order, as written
    /// otherwise: certificates and TLS options are chosen by them. Repetitions are left out.
    #[must_use]
    pub fn hosts(&self) -> Vec<String> {
        hosts_of(&self.tree, Name::Host)
    }

    /// True if [`hosts`](Self::hosts) is not empty.
    #[must_use]
    pub fn has_host(&self) -> bool {
        let mut found = false;
        self.tree.for_each_matcher(&mut |matcher, negated| {
            found |= matcher.name == Name::Host && !negated;
        });
        found
    }

    /// Conditions on host and path of which every matching request satisfies at least one, for
    /// indexes. Empty if no request can match.
    #[must_use]
    pub fn index_keys(&self) -> Vec<IndexKey> {
        index_key::keys(&self.expr)
    }

    /// Parts of the rule that are legal but hardly mean what they say.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        warnings::warnings(&self.tree, self.syntax)
    }

    /// Which matchers kept the request from matching, in order. Empty if it matches. For people:
    /// it allocates.
    #[must_use]
    pub fn explain(&self, view: &impl RequestView) -> Vec<Mismatch> {
        let mut mismatches = Vec::new();
        explain(&self.expr, true, view, &mut mismatches);
        mismatches
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source && self.syntax == other.syntax
    }
}

impl Eq for Rule {}

pub(crate) fn hosts_of(tree: &Tree, name: Name) -> Vec<String> {
    let mut hosts: Vec<String> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    tree.for_each_matcher(&mut |matcher, negated| {
        if matcher.name == name && !negated {
            for arg in &matcher.args {
                let host = arg.to_ascii_lowercase();
                if seen.insert(host.clone()) {
                    hosts.push(host);
                }
            }
        }
    });
    hosts
}

/// Why a rule did not match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The matcher that failed, or with a leading `!` the one that succeeded under a negation.
    pub matcher: String,
    /// What the request has.
    pub actual: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} does not hold: {}", self.matcher, self.actual)
    }
}

/// Adds what kept `expr` from being `wanted`.
fn explain(expr: &Expr<Predicate>, wanted: bool, view: &impl RequestView, out: &mut Vec<Mismatch>) {
    if expr.eval(&|predicate| predicate.test(view)) == wanted {
        return;
    }
    match expr {
        Expr::Leaf(predicate) => out.push(Mismatch {
            matcher: format!("{}{predicate}", if wanted { "" } else { "!" }),
            actual: predicate.actual(view),
        }),
        Expr::Not(inner) => explain(inner, !wanted, view, out),
        Expr::All(children) | Expr::Any(children) => {
            for child in children {
                explain(child, wanted, view, out);
            }
        }
    }
}

/// One compiled test of a request.
#[derive(Debug, Clone)]
enum Predicate {
    /// Any host at all.
    AnyHost,
    /// Exactly this host.
    Host(Box<str>),
    /// One label before this suffix, which starts with a dot.
    HostSuffix(Box<str>),
    HostRegexp(GoRegex),
    Path(Box<str>),
    PathPrefix(Box<str>),
    /// An expression, and the prefix that all paths it matches have.
    PathRegexp(GoRegex, Box<str>),
    Method(Box<str>),
    Header(HeaderName, Box<str>),
    HeaderRegexp(HeaderName, GoRegex),
    Query(Box<str>, Box<str>),
    QueryRegexp(Box<str>, GoRegex),
    /// v2: only the first value of the key counts.
    FirstQuery(Box<str>, Box<str>),
    FirstQueryRegexp(Box<str>, GoRegex),
    /// v2: the key is there, whatever its value.
    HasQuery(Box<str>),
    ClientIp(Range),
    /// Go keeps Host out of the header map, so a matcher on it never holds.
    HostHeaderField,
}

impl Predicate {
    fn test(&self, view: &impl RequestView) -> bool {
        match self {
            Self::AnyHost => !view.host().is_empty(),
            Self::Host(host) => view.host() == &**host,
            Self::HostSuffix(suffix) => is_one_label_before(view.host(), suffix),
            Self::HostRegexp(regex) => regex.is_match(view.host()),
            Self::Path(path) => view.path() == &**path,
            Self::PathPrefix(prefix) => view.path().starts_with(&**prefix),
            Self::PathRegexp(regex, _) => regex.is_match(view.path()),
            Self::Method(method) => view.method() == &**method,
            Self::Header(name, value) => view.header(name).any(|own| own == value.as_bytes()),
            Self::HeaderRegexp(name, regex) => {
                view.header(name).any(|own| regex.is_match_bytes(own))
            }
            Self::Query(key, value) => query_values(view, key).any(|own| query::equals(own, value)),
            Self::QueryRegexp(key, regex) => query_values(view, key)
                .any(|own| query::with_decoded(own, |own| regex.is_match_bytes(own))),
            Self::FirstQuery(key, value) => query_values(view, key)
                .next()
                .is_some_and(|own| query::equals(own, value)),
            Self::FirstQueryRegexp(key, regex) => query_values(view, key)
                .next()
                .is_some_and(|own| query::with_decoded(own, |own| regex.is_match_bytes(own))),
            Self::HasQuery(key) => query_values(view, key).next().is_some(),
            Self::ClientIp(range) => range.contains(view.peer_ip()),
            Self::HostHeaderField => false,
        }
    }

    /// What the request has where this looks.
    fn actual(&self, view: &impl RequestView) -> String {
        let list = |values: Vec<String>, what: &str| {
            if values.is_empty() {
                format!("the request has no {what}")
            } else {
                format!("the {what} is {}", values.join(", "))
            }
        };
        match self {
            Self::AnyHost | Self::Host(_) | Self::HostSuffix(_) | Self::HostRegexp(_) => {
                format!("the host is {}", quote(view.host()))
            }
            Self::Path(_) | Self::PathPrefix(_) | Self::PathRegexp(..) => {
                format!("the path is {}", quote(view.path()))
            }
            Self::Method(_) => format!("the method is {}", quote(view.method())),
            Self::Header(name, _) | Self::HeaderRegexp(name, _) => list(
                view.header(name)
                    .map(|own| quote(&replace_invalid(own)))
                    .collect(),
                &format!("header {name}"),
            ),
            Self::Query(key, _)
            | Self::QueryRegexp(key, _)
            | Self::FirstQuery(key, _)
            | Self::FirstQueryRegexp(key, _)
            | Self::HasQuery(key) => list(
                query_values(view, key)
                    .map(|own| quote(&query::display(own)))
                    .collect(),
                &format!("query parameter {key}"),
            ),
            Self::ClientIp(_) => format!("the peer is {}", view.peer_ip().to_canonical()),
            Self::HostHeaderField => "the Host header is not among the fields: use Host".to_owned(),
        }
    }
}

impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pair = |f: &mut fmt::Formatter<'_>, name: &str, key: &str, value: &str| {
            write!(f, "{name}({},{})", quote(key), quote(value))
        };
        match self {
            Self::AnyHost => f.write_str("Host(\"*\")"),
            Self::Host(host) => write!(f, "Host({})", quote(host)),
            Self::HostSuffix(suffix) => write!(f, "Host({})", quote(&format!("*{suffix}"))),
            Self::HostRegexp(regex) => write!(f, "HostRegexp({})", quote(regex.as_str())),
            Self::Path(path) => write!(f, "Path({})", quote(path)),
            Self::PathPrefix(prefix) => write!(f, "PathPrefix({})", quote(prefix)),
            Self::PathRegexp(regex, _) => write!(f, "PathRegexp({})", quote(regex.as_str())),
            Self::Method(method) => write!(f, "Method({})", quote(method)),
            Self::Header(name, value) => pair(f, "Header", name.as_str(), value),
            Self::HeaderRegexp(name, regex) => {
                pair(f, "HeaderRegexp", name.as_str(), regex.as_str())
            }
            Self::Query(key, value) | Self::FirstQuery(key, value) => pair(f, "Query", key, value),
            Self::QueryRegexp(key, regex) | Self::FirstQueryRegexp(key, regex) => {
                pair(f, "QueryRegexp", key, regex.as_str())
            }
            Self::HasQuery(key) => write!(f, "Query({})", quote(&format!("{key}="))),
            Self::ClientIp(Range::Address(address)) => write!(f, "ClientIP(\"{address}\")"),
            Self::ClientIp(Range::Network(network)) => write!(f, "ClientIP(\"{network}\")"),
            Self::HostHeaderField => f.write_str("Header(\"host\")"),
        }
    }
}

fn query_values<'v>(view: &'v impl RequestView, key: &'v str) -> impl Iterator<Item = &'v str> {
    query::values(view.query().unwrap_or_default(), key)
}

/// True if `host` is one non-empty label followed by `suffix`.
///
/// differs from traefik: the label may not be empty, so `*.example.com` does not match
/// `.example.com`, which is no host name.
pub(crate) fn is_one_label_before(host: &str, suffix: &str) -> bool {
    host.strip_suffix(suffix)
        .is_some_and(|label| !label.is_empty() && !label.contains('.'))
}

fn predicate(matcher: &Matcher, syntax: Syntax) -> Result<Expr<Predicate>, LeafError> {
    let each = |read: &dyn Fn(&str) -> Result<Predicate, Problem>| {
        let leaves = matcher.args.iter().enumerate().map(|(i, arg)| {
            read(arg)
                .map(Expr::Leaf)
                .map_err(|problem| (problem, Some(i)))
        });
        leaves.collect::<Result<Vec<_>, _>>().map(Expr::any)
    };
    let reader = ArgReader { matcher };
    match (matcher.name, syntax) {
        (Name::Host | Name::HostHeader, _) => each(&|arg| reader.host(arg, syntax)),
        (Name::HostRegexp, Syntax::V3) => each(&|arg| {
            reader.ascii(arg)?;
            reader.regex(arg).map(Predicate::HostRegexp)
        }),
        (Name::HostRegexp, Syntax::V2) => each(&|arg| {
            reader.ascii(arg)?;
            Ok(match reader.template(arg, Part::Host)? {
                Template::Literal(host) => Predicate::Host(lower_host(&host)),
                Template::Regex { regex, .. } => Predicate::HostRegexp(regex),
            })
        }),
        (Name::Path, Syntax::V3) => each(&|arg| reader.path(arg).map(Predicate::Path)),
        (Name::PathPrefix, Syntax::V3) => each(&|arg| reader.path(arg).map(Predicate::PathPrefix)),
        (Name::Path, Syntax::V2) => each(&|arg| reader.path_template(arg, Part::Path)),
        (Name::PathPrefix, Syntax::V2) => each(&|arg| reader.path_template(arg, Part::PathPrefix)),
        (Name::PathRegexp, _) => each(&|arg| {
            let prefix = literal_prefix(arg).into();
            Ok(Predicate::PathRegexp(reader.regex(arg)?, prefix))
        }),
        (Name::Method, _) => each(&|arg| Ok(Predicate::Method(arg.to_uppercase().into()))),
        (Name::ClientIp, _) => each(&|arg| {
            let range = Range::parse(arg);
            range.map(Predicate::ClientIp).ok_or_else(|| {
                reader.bad(
                    arg,
                    "is neither an IP address nor a CIDR such as 10.0.0.0/8",
                )
            })
        }),
        (Name::Query, Syntax::V2) => reader.query_v2(),
        (Name::Query, Syntax::V3) | (Name::QueryRegexp, _) => reader.query_v3(),
        (Name::Header | Name::HeaderRegexp | Name::Headers | Name::HeadersRegexp, _) => {
            reader.headers()
        }
        (Name::Alpn | Name::HostSni | Name::HostSniRegexp, _) => {
            Err((reader.bad("", "is for tcp routers"), None))
        }
    }
}

/// Turns arguments of one matcher into predicates.
struct ArgReader<'m> {
    matcher: &'m Matcher,
}

impl ArgReader<'_> {
    fn bad(&self, value: &str, reason: impl Into<String>) -> Problem {
        Problem::BadValue {
            matcher: self.matcher.name.as_str(),
            value: value.to_owned(),
            reason: reason.into(),
        }
    }

    fn ascii(&self, value: &str) -> Result<(), Problem> {
        if value.is_ascii() {
            Ok(())
        } else {
            Err(self.bad(
                value,
                "has non-ASCII characters: write the punycode form (xn--…)",
            ))
        }
    }

    fn regex(&self, pattern: &str) -> Result<GoRegex, Problem> {
        GoRegex::compile(pattern).map_err(|error| Problem::BadRegex {
            matcher: self.matcher.name.as_str(),
            source: Box::new(error),
        })
    }

    fn template(&self, template: &str, part: Part) -> Result<Template, Problem> {
        read(template, part).map_err(|refusal| match refusal {
            Refusal::Malformed(reason) => self.bad(template, reason),
            Refusal::Regex(error) => Problem::BadRegex {
                matcher: self.matcher.name.as_str(),
                source: Box::new(error),
            },
        })
    }

    fn host(&self, value: &str, syntax: Syntax) -> Result<Predicate, Problem> {
        self.ascii(value)?;
        let host = lower_host(value);
        if syntax == Syntax::V2 {
            return Ok(Predicate::Host(host));
        }
        if value == "*" {
            return Ok(Predicate::AnyHost);
        }
        Ok(match host.strip_prefix('*') {
            Some(suffix) if suffix.starts_with('.') && suffix.len() > 1 => {
                Predicate::HostSuffix(suffix.into())
            }
            _ => Predicate::Host(host),
        })
    }

    fn path(&self, value: &str) -> Result<Box<str>, Problem> {
        if value.starts_with('/') {
            Ok(value.into())
        } else {
            Err(self.bad(value, "does not start with a slash: path must start with /"))
        }
    }

    fn path_template(&self, value: &str, part: Part) -> Result<Predicate, Problem> {
        self.path(value)?;
        Ok(match self.template(value, part)? {
            Template::Literal(path) if part == Part::Path => Predicate::Path(path.into()),
            Template::Literal(path) => Predicate::PathPrefix(path.into()),
            Template::Regex { regex, prefix } => Predicate::PathRegexp(regex, prefix.into()),
        })
    }

    fn query_v3(&self) -> Result<Expr<Predicate>, LeafError> {
        let mut args = self.matcher.args.iter();
        let key = args.next().map(String::as_str).unwrap_or_default().into();
        let predicate = match (args.next(), self.matcher.name) {
            (None, _) => Predicate::Query(key, "".into()),
            (Some(pattern), Name::QueryRegexp) => {
                Predicate::QueryRegexp(key, self.regex(pattern).map_err(|p| (p, Some(1)))?)
            }
            (Some(value), _) => Predicate::Query(key, value.as_str().into()),
        };
        Ok(Expr::Leaf(predicate))
    }

    /// All of the pairs must hold. A pair is `key=value`, or two arguments without `=`: Traefik
    /// splits every argument at its first `=` and then takes the pieces in twos.
    fn query_v2(&self) -> Result<Expr<Predicate>, LeafError> {
        let args = self.matcher.args.iter().enumerate();
        let mut pieces = args.flat_map(|(i, arg)| arg.splitn(2, '=').map(move |piece| (i, piece)));
        let mut all = Vec::new();
        while let Some((i, key)) = pieces.next() {
            let Some((_, value)) = pieces.next() else {
                return Err((self.bad(key, "has no value: write key=value"), Some(i)));
            };
            let key: Box<str> = key.into();
            let template = self
                .template(value, Part::QueryValue)
                .map_err(|p| (p, Some(i)))?;
            all.push(Expr::Leaf(match template {
                Template::Literal(value) if value.is_empty() => Predicate::HasQuery(key),
                Template::Literal(value) => Predicate::FirstQuery(key, value.into()),
                Template::Regex { regex, .. } => Predicate::FirstQueryRegexp(key, regex),
            }));
        }
        Ok(Expr::all(all))
    }

    /// All of the pairs must hold; a name given twice counts with its last value.
    fn headers(&self) -> Result<Expr<Predicate>, LeafError> {
        let is_regex = matches!(self.matcher.name, Name::HeaderRegexp | Name::HeadersRegexp);
        let mut pairs: Vec<(HeaderName, Predicate)> = Vec::new();
        let mut args = self.matcher.args.iter().enumerate();
        while let (Some((i, name)), Some((j, value))) = (args.next(), args.next()) {
            let parsed = HeaderName::try_from(name.as_str()).map_err(|_| {
                (
                    self.bad(name, "is not a header name (RFC 9110 §5.1)"),
                    Some(i),
                )
            })?;
            let predicate = if parsed == http::header::HOST {
                Predicate::HostHeaderField
            } else if is_regex {
                let regex = self.regex(value).map_err(|problem| (problem, Some(j)))?;
                Predicate::HeaderRegexp(parsed.clone(), regex)
            } else {
                Predicate::Header(parsed.clone(), value.as_str().into())
            };
            pairs.retain(|(own, _)| *own != parsed);
            pairs.push((parsed, predicate));
        }
        Ok(Expr::all(
            pairs
                .into_iter()
                .map(|(_, predicate)| Expr::Leaf(predicate))
                .collect(),
        ))
    }
}

/// Lower case, without the dot that ends a fully qualified name.
fn lower_host(host: &str) -> Box<str> {
    let rest = host.strip_suffix('.').filter(|rest| !rest.is_empty());
    rest.unwrap_or(host).to_ascii_lowercase().into()
}

/// The literal text that every path matched by `pattern` starts with; empty if there is none to
/// see at once.
fn literal_prefix(pattern: &str) -> &str {
    // An alternative could start otherwise.
    let Some(body) = pattern.strip_prefix('^').filter(|body| !body.contains('|')) else {
        return "";
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '%' | '~');
    let end = body.find(|c| !plain(c)).unwrap_or(body.len());
    let (literal, rest) = body.split_at_checked(end).unwrap_or_default();
    if rest.starts_with(['?', '*', '{']) {
        // All of `plain` is one byte long.
        literal
            .get(..literal.len().saturating_sub(1))
            .unwrap_or_default()
    } else {
        literal
    }
}
