//! The rule tree: what a rule says, before anything is compiled, and how it is written.

use std::fmt;

use crate::quote::quote;

/// The protocol a rule routes; it decides which matchers exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `http.routers`.
    Http,
    /// `tcp.routers`.
    Tcp,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Tcp => "tcp",
        })
    }
}

/// The dialect of a rule. Traefik: `ruleSyntax`, `core.defaultRuleSyntax`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Syntax {
    /// One value per matcher, regular expressions as they are. The default.
    #[default]
    V3,
    /// Several values per matcher, gorilla templates `{name:regex}`.
    V2,
}

impl fmt::Display for Syntax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V3 => "v3",
            Self::V2 => "v2",
        })
    }
}

/// The name of a matcher, of either syntax and kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are Traefik's")]
pub enum Name {
    Alpn,
    ClientIp,
    Header,
    HeaderRegexp,
    Headers,
    HeadersRegexp,
    Host,
    HostHeader,
    HostRegexp,
    HostSni,
    HostSniRegexp,
    Method,
    Path,
    PathPrefix,
    PathRegexp,
    Query,
    QueryRegexp,
}

/// How many arguments a matcher takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arity {
    One,
    OneOrTwo,
    Two,
    Pairs,
    Many,
}

impl Name {
    /// Every name.
    pub const ALL: [Self; 17] = [
        Self::Alpn,
        Self::ClientIp,
        Self::Header,
        Self::HeaderRegexp,
        Self::Headers,
        Self::HeadersRegexp,
        Self::Host,
        Self::HostHeader,
        Self::HostRegexp,
        Self::HostSni,
        Self::HostSniRegexp,
        Self::Method,
        Self::Path,
        Self::PathPrefix,
        Self::PathRegexp,
        Self::Query,
        Self::QueryRegexp,
    ];

    /// The documented spelling, which is the one printed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alpn => "ALPN",
            Self::ClientIp => "ClientIP",
            Self::Header => "Header",
            Self::HeaderRegexp => "HeaderRegexp",
            Self::Headers => "Headers",
            Self::HeadersRegexp => "HeadersRegexp",
            Self::Host => "Host",
            Self::HostHeader => "HostHeader",
            Self::HostRegexp => "HostRegexp",
            Self::HostSni => "HostSNI",
            Self::HostSniRegexp => "HostSNIRegexp",
            Self::Method => "Method",
            Self::Path => "Path",
            Self::PathPrefix => "PathPrefix",
            Self::PathRegexp => "PathRegexp",
            Self::Query => "Query",
            Self::QueryRegexp => "QueryRegexp",
        }
    }

    /// The name in one of the four accepted spellings: as documented, all lower case, all upper
    /// case, or only the first letter upper case.
    #[must_use]
    pub fn from_spelling(text: &str) -> Option<Self> {
        let name = Self::ALL
            .into_iter()
            .find(|name| name.as_str().eq_ignore_ascii_case(text))?;
        let lower = |s: &str| s.bytes().all(|b| !b.is_ascii_uppercase());
        let upper = |s: &str| s.bytes().all(|b| !b.is_ascii_lowercase());
        let title = |s: &str| {
            let mut chars = s.chars();
            chars.next().is_some_and(|c| c.is_ascii_uppercase()) && lower(chars.as_str())
        };
        (text == name.as_str() || lower(text) || upper(text) || title(text)).then_some(name)
    }

    /// The arguments this matcher takes, or None if it does not exist in this kind and syntax.
    pub(crate) fn arity(self, kind: Kind, syntax: Syntax) -> Option<Arity> {
        match (kind, syntax) {
            (Kind::Http, Syntax::V3) => match self {
                Self::ClientIp
                | Self::Host
                | Self::HostRegexp
                | Self::Method
                | Self::Path
                | Self::PathPrefix
                | Self::PathRegexp => Some(Arity::One),
                Self::Header | Self::HeaderRegexp => Some(Arity::Two),
                Self::Query | Self::QueryRegexp => Some(Arity::OneOrTwo),
                _ => None,
            },
            (Kind::Http, Syntax::V2) => match self {
                Self::ClientIp
                | Self::Host
                | Self::HostHeader
                | Self::HostRegexp
                | Self::Method
                | Self::Path
                | Self::PathPrefix
                | Self::Query => Some(Arity::Many),
                Self::Headers | Self::HeadersRegexp => Some(Arity::Pairs),
                _ => None,
            },
            (Kind::Tcp, _) => match self {
                Self::Alpn | Self::ClientIp | Self::HostSni | Self::HostSniRegexp => {
                    Some(match syntax {
                        Syntax::V3 => Arity::One,
                        Syntax::V2 => Arity::Many,
                    })
                }
                _ => None,
            },
        }
    }
}

impl Arity {
    pub(crate) const fn accepts(self, count: usize) -> bool {
        match self {
            Self::One => count == 1,
            Self::OneOrTwo => count == 1 || count == 2,
            Self::Two => count == 2,
            Self::Pairs => count >= 2 && count.is_multiple_of(2),
            Self::Many => count >= 1,
        }
    }

    pub(crate) const fn describe(self) -> &'static str {
        match self {
            Self::One => "one argument",
            Self::OneOrTwo => "one or two arguments",
            Self::Two => "two arguments",
            Self::Pairs => "pairs of a name and a value",
            Self::Many => "at least one argument",
        }
    }
}

/// One matcher with its arguments, not yet checked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Matcher {
    /// Which matcher.
    pub name: Name,
    /// Its arguments, unquoted.
    pub args: Vec<String>,
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.name.as_str())?;
        for (i, arg) in self.args.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            f.write_str(&quote(arg))?;
        }
        f.write_str(")")
    }
}

/// A rule as a tree of matchers, `&&`, `||`, `!` and explicit parentheses.
///
/// Code that derives rules from foreign text (Ingress hosts, paths) builds trees, so no value can
/// break out of its quotes. `Display` writes the tree with Go `%q` quoting, and parsing that text
/// gives the same tree again: the constructors add the parentheses that precedence needs, so there
/// is only one tree per text. Parentheses are part of the tree because the length of the text is
/// the default priority.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tree(pub(crate) Node);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Node {
    Matcher(Matcher),
    Group(Box<Tree>),
    Not(Box<Tree>),
    /// At least two; none is a bare `All` or `Any`.
    All(Vec<Tree>),
    /// At least two; none is a bare `Any`.
    Any(Vec<Tree>),
}

impl Tree {
    /// A single matcher.
    #[must_use]
    pub fn matcher<S: Into<String>>(name: Name, args: impl IntoIterator<Item = S>) -> Self {
        let args = args.into_iter().map(Into::into).collect();
        Self(Node::Matcher(Matcher { name, args }))
    }

    /// `Host("…")`.
    #[must_use]
    pub fn host(host: impl Into<String>) -> Self {
        Self::matcher(Name::Host, [host])
    }

    /// `HostRegexp("…")`.
    #[must_use]
    pub fn host_regexp(pattern: impl Into<String>) -> Self {
        Self::matcher(Name::HostRegexp, [pattern])
    }

    /// `Path("…")`.
    #[must_use]
    pub fn path(path: impl Into<String>) -> Self {
        Self::matcher(Name::Path, [path])
    }

    /// `PathPrefix("…")`.
    #[must_use]
    pub fn path_prefix(prefix: impl Into<String>) -> Self {
        Self::matcher(Name::PathPrefix, [prefix])
    }

    /// `PathRegexp("…")`.
    #[must_use]
    pub fn path_regexp(pattern: impl Into<String>) -> Self {
        Self::matcher(Name::PathRegexp, [pattern])
    }

    /// `self && other`. Chains stay flat; an `||` on either side gets parentheses.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let mut all = match self.0 {
            Node::All(all) => all,
            Node::Any(_) => vec![self.grouped()],
            _ => vec![self],
        };
        all.push(match other.0 {
            Node::All(_) | Node::Any(_) => other.grouped(),
            _ => other,
        });
        Self(Node::All(all))
    }

    /// `self || other`. Chains stay flat.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let mut any = match self.0 {
            Node::Any(any) => any,
            _ => vec![self],
        };
        any.push(match other.0 {
            Node::Any(_) => other.grouped(),
            _ => other,
        });
        Self(Node::Any(any))
    }

    /// `!self`, with parentheses if `self` is a chain.
    #[must_use]
    #[expect(
        clippy::should_implement_trait,
        reason = "a tree is built, not evaluated, and the other connectives are methods"
    )]
    pub fn not(self) -> Self {
        let inner = match self.0 {
            Node::All(_) | Node::Any(_) => self.grouped(),
            _ => self,
        };
        Self(Node::Not(Box::new(inner)))
    }

    /// `(self)`.
    #[must_use]
    pub fn grouped(self) -> Self {
        Self(Node::Group(Box::new(self)))
    }

    /// Calls `visit` with every matcher in written order, and whether it stands under an odd
    /// number of negations.
    pub fn for_each_matcher<'t>(&'t self, visit: &mut impl FnMut(&'t Matcher, bool)) {
        self.walk(false, visit);
    }

    fn walk<'t>(&'t self, negated: bool, visit: &mut impl FnMut(&'t Matcher, bool)) {
        match &self.0 {
            Node::Matcher(matcher) => visit(matcher, negated),
            Node::Group(inner) => inner.walk(negated, visit),
            Node::Not(inner) => inner.walk(!negated, visit),
            Node::All(children) | Node::Any(children) => {
                for child in children {
                    child.walk(negated, visit);
                }
            }
        }
    }

    /// Levels of nesting; one matcher is 1.
    pub(crate) fn depth(&self) -> usize {
        match &self.0 {
            Node::Matcher(_) => 1,
            Node::Group(inner) | Node::Not(inner) => 1 + inner.depth(),
            Node::All(children) | Node::Any(children) => {
                1 + children.iter().map(Self::depth).max().unwrap_or(0)
            }
        }
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chain = |f: &mut fmt::Formatter<'_>, children: &[Self], operator: &str| {
            for (i, child) in children.iter().enumerate() {
                if i > 0 {
                    f.write_str(operator)?;
                }
                child.fmt(f)?;
            }
            Ok(())
        };
        match &self.0 {
            Node::Matcher(matcher) => matcher.fmt(f),
            Node::Group(inner) => write!(f, "({inner})"),
            Node::Not(inner) => write!(f, "!{inner}"),
            Node::All(children) => chain(f, children, " && "),
            Node::Any(children) => chain(f, children, " || "),
        }
    }
}
