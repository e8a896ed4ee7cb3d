//! A compiled rule: connectives over predicates, without names and text.

use crate::error::{Problem, RuleError};
use crate::limits::{MAX_DEPTH, MAX_MATCHERS, MAX_RULE_BYTES};
use crate::parse::{Span, column};
use crate::tree::{Kind, Matcher, Name, Node, Syntax, Tree};

#[derive(Debug, Clone)]
pub(crate) enum Expr<P> {
    Leaf(P),
    Not(Box<Self>),
    All(Box<[Self]>),
    Any(Box<[Self]>),
}

impl<P> Expr<P> {
    pub(crate) fn eval(&self, test: &impl Fn(&P) -> bool) -> bool {
        match self {
            Self::Leaf(predicate) => test(predicate),
            Self::Not(inner) => !inner.eval(test),
            Self::All(children) => children.iter().all(|child| child.eval(test)),
            Self::Any(children) => children.iter().any(|child| child.eval(test)),
        }
    }

    /// `||` of the predicates; one alone stays one.
    pub(crate) fn any(mut predicates: Vec<Self>) -> Self {
        match (predicates.pop(), predicates.is_empty()) {
            (Some(only), true) => only,
            (last, _) => {
                predicates.extend(last);
                Self::Any(predicates.into())
            }
        }
    }

    /// `&&` of the predicates; one alone stays one.
    pub(crate) fn all(mut predicates: Vec<Self>) -> Self {
        match (predicates.pop(), predicates.is_empty()) {
            (Some(only), true) => only,
            (last, _) => {
                predicates.extend(last);
                Self::All(predicates.into())
            }
        }
    }
}

/// A problem with the matcher itself (None) or with one of its arguments (its index).
pub(crate) type LeafError = (Problem, Option<usize>);

/// Checks names, arity and arguments of a tree and compiles its matchers by `leaf`.
pub(crate) fn compile<P>(
    tree: &Tree,
    kind: Kind,
    syntax: Syntax,
    source: &str,
    spans: Option<&[Span]>,
    leaf: impl Fn(&Matcher) -> Result<Expr<P>, LeafError>,
) -> Result<Expr<P>, RuleError> {
    let whole = |problem| RuleError {
        column: None,
        problem,
    };
    // A tree built by code has not been through the parser's limits.
    let mut matchers = 0_usize;
    tree.for_each_matcher(&mut |_, _| matchers += 1);
    if tree.depth() > 3 * MAX_DEPTH + 3 {
        return Err(whole(Problem::TooDeep { max: MAX_DEPTH }));
    }
    if matchers > MAX_MATCHERS {
        return Err(whole(Problem::TooManyMatchers { max: MAX_MATCHERS }));
    }
    if source.len() > MAX_RULE_BYTES {
        return Err(whole(Problem::TooLong {
            bytes: source.len(),
            max: MAX_RULE_BYTES,
        }));
    }
    let mut spans = spans.unwrap_or_default().iter();
    build(tree, &mut |matcher| {
        let span = spans.next();
        check_shape(matcher, kind, syntax)
            .and_then(|()| leaf(matcher))
            .map_err(|(problem, arg)| RuleError {
                column: span
                    .and_then(|span| match arg {
                        Some(arg) => span.args.get(arg).copied(),
                        None => Some(span.name),
                    })
                    .map(|at| column(source, at)),
                problem,
            })
    })
}

fn build<P>(
    tree: &Tree,
    leaf: &mut impl FnMut(&Matcher) -> Result<Expr<P>, RuleError>,
) -> Result<Expr<P>, RuleError> {
    match &tree.0 {
        Node::Matcher(matcher) => leaf(matcher),
        Node::Group(inner) => build(inner, leaf),
        Node::Not(inner) => Ok(Expr::Not(Box::new(build(inner, leaf)?))),
        Node::All(children) => Ok(Expr::All(
            children
                .iter()
                .map(|child| build(child, leaf))
                .collect::<Result<_, _>>()?,
        )),
        Node::Any(children) => Ok(Expr::Any(
            children
                .iter()
                .map(|child| build(child, leaf))
                .collect::<Result<_, _>>()?,
        )),
    }
}

fn check_shape(matcher: &Matcher, kind: Kind, syntax: Syntax) -> Result<(), LeafError> {
    let name = matcher.name;
    let Some(arity) = name.arity(kind, syntax) else {
        let problem = Problem::WrongMatcher {
            matcher: name.as_str(),
            kind,
            syntax,
            cure: cure(name, kind, syntax),
        };
        return Err((problem, None));
    };
    if !arity.accepts(matcher.args.len()) {
        let several = syntax == Syntax::V3 && matcher.args.len() > 1;
        let problem = Problem::Arity {
            matcher: name.as_str(),
            expected: arity.describe(),
            got: matcher.args.len(),
            cure: if several {
                format!(
                    "combine several with ||, as in {0}(`…`) || {0}(`…`)",
                    name.as_str()
                )
            } else {
                String::new()
            },
        };
        return Err((problem, None));
    }
    match matcher.args.iter().position(String::is_empty) {
        Some(empty) => {
            let matcher = name.as_str();
            Err((Problem::EmptyArgument { matcher }, Some(empty)))
        }
        None => Ok(()),
    }
}

/// What to write instead of a matcher of the other syntax or kind.
fn cure(name: Name, kind: Kind, syntax: Syntax) -> String {
    let other = match (kind, syntax, name) {
        (Kind::Http, Syntax::V3, Name::Headers) => Name::Header,
        (Kind::Http, Syntax::V3, Name::HeadersRegexp) => Name::HeaderRegexp,
        (Kind::Http, Syntax::V3, Name::HostHeader) => Name::Host,
        (Kind::Http, Syntax::V2, Name::Header) => Name::Headers,
        (Kind::Http, Syntax::V2, Name::HeaderRegexp) => Name::HeadersRegexp,
        (Kind::Http, Syntax::V2, Name::PathRegexp) => {
            return "use a template such as Path(`/{name:regex}`)".to_owned();
        }
        (Kind::Http, Syntax::V2, Name::QueryRegexp) => {
            return "use a template such as Query(`key={name:regex}`)".to_owned();
        }
        (Kind::Http, _, Name::HostSni) => Name::Host,
        (Kind::Http, _, Name::HostSniRegexp) => Name::HostRegexp,
        (Kind::Tcp, _, Name::Host) => Name::HostSni,
        (Kind::Tcp, _, Name::HostRegexp) => Name::HostSniRegexp,
        _ => return String::new(),
    };
    format!("use {}", other.as_str())
}
