//! Everything that can be wrong with a rule.

use std::fmt;

use crate::regex::RegexError;
use crate::tree::{Kind, Syntax};

/// A rule that cannot be used: what is wrong, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}{}", Column(*.column))]
pub struct RuleError {
    /// Column of the mistake in the rule text, counted in characters from 1. None if the rule was
    /// built as a tree.
    pub column: Option<usize>,
    /// What is wrong.
    pub problem: Problem,
}

struct Column(Option<usize>);

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(column) => write!(f, " (column {column})"),
            None => Ok(()),
        }
    }
}

/// What is wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Problem {
    #[error("rule is empty: write at least one matcher, such as PathPrefix(`/`)")]
    Empty,
    #[error("rule is {bytes} bytes long, more than {max}: split it into several routers")]
    TooLong { bytes: usize, max: usize },
    #[error("rule is nested deeper than {max} levels: remove parentheses")]
    TooDeep { max: usize },
    #[error("rule has more than {max} matchers: split it into several routers")]
    TooManyMatchers { max: usize },
    #[error("unexpected {found}: expected {expected}")]
    Unexpected {
        found: String,
        expected: &'static str,
    },
    #[error("string has no closing {quote}")]
    UnterminatedString { quote: char },
    #[error("unknown escape \\{escape} in a double-quoted string: use a Go escape, or backticks")]
    BadEscape { escape: char },
    #[error("expected a string in backticks or double quotes")]
    ExpectedString,
    #[error("string is not UTF-8")]
    NotUtf8,
    #[error("unknown matcher {name:?}{}", Cure(.cure))]
    UnknownMatcher { name: String, cure: String },
    #[error("{matcher} is not a matcher of {kind} routers in {syntax} syntax{}", Cure(.cure))]
    WrongMatcher {
        matcher: &'static str,
        kind: Kind,
        syntax: Syntax,
        cure: String,
    },
    #[error("{matcher} takes {expected}, got {got}{}", Cure(.cure))]
    Arity {
        matcher: &'static str,
        expected: &'static str,
        got: usize,
        cure: String,
    },
    #[error("{matcher} has an empty argument: remove it or give it a value")]
    EmptyArgument { matcher: &'static str },
    #[error("{matcher} value {value:?} {reason}")]
    BadValue {
        matcher: &'static str,
        value: String,
        reason: String,
    },
    #[error("{matcher} value is not usable: {source}")]
    BadRegex {
        matcher: &'static str,
        // Not a #[source]: the message already holds it.
        source: Box<RegexError>,
    },
}

struct Cure<'a>(&'a str);

impl fmt::Display for Cure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            Ok(())
        } else {
            write!(f, ": {}", self.0)
        }
    }
}
