//! Go regular expressions (`regexp`, RE2 syntax) on the linear-time engine of the `regex` crate.
//!
//! A pattern is read by Go's grammar and rewritten into the same meaning for that engine, so that
//! what compiles, matches and is replaced is what Traefik's users know.

mod translate;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::quote::quote;

/// A compiled Go regular expression. Cheap to clone.
#[derive(Clone)]
pub struct GoRegex(Arc<Compiled>);

struct Compiled {
    regex: regex::Regex,
    pattern: Box<str>,
    /// Group names by number, the whole match included.
    names: Box<[Option<Box<str>>]>,
}

/// A pattern that Go would refuse, or that is too large.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("regular expression {}: {problem}", quote(pattern))]
pub struct RegexError {
    /// The pattern as written.
    pub pattern: String,
    /// What is wrong with it.
    pub problem: RegexProblem,
}

/// What is wrong with a regular expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum RegexProblem {
    #[error("unterminated [ class")]
    MissingBracket,
    #[error("missing closing )")]
    MissingParenthesis,
    #[error("unexpected )")]
    UnexpectedParenthesis,
    #[error("nothing to repeat before {operator:?}")]
    MissingArgument { operator: String },
    #[error("invalid nested repetition operator {operator:?}: use a group")]
    NestedRepeat { operator: String },
    #[error("repetition {operator:?} is reversed or above 1000")]
    RepeatSize { operator: String },
    #[error("invalid escape sequence {escape:?}")]
    Escape { escape: String },
    #[error("trailing backslash")]
    TrailingBackslash,
    #[error("invalid character class range {range:?}")]
    ClassRange { range: String },
    #[error(
        "{syntax:?} is not supported: look-around, atomic groups and back references would not \
         run in linear time, and the flags are i, m, s and U"
    )]
    PerlSyntax { syntax: String },
    #[error("invalid group name {name:?}: use letters, digits and _")]
    GroupName { name: String },
    #[error("pattern is {bytes} bytes long, more than {max}")]
    TooLong { bytes: usize, max: usize },
    #[error("compiled form exceeds {max} bytes: reduce the repetitions")]
    TooBig { max: usize },
    #[error("{reason}")]
    Refused { reason: String },
}

/// Longest pattern, in bytes.
pub const MAX_PATTERN_BYTES: usize = 64 * 1024;
/// Largest compiled form, in bytes: enough for a list of thousands of words, and a bound for what a
/// tenant who may write patterns can occupy with a short one.
const MAX_COMPILED_BYTES: usize = 4 * 1024 * 1024;
/// Most memory that one pattern's lazily built automaton may hold per thread. Beyond it the engine
/// starts over, which costs time but stays linear.
const MAX_CACHE_BYTES: usize = 256 * 1024;

impl GoRegex {
    /// Compiles `pattern` with Go's meaning: unanchored, case-sensitive, `\d`, `\w`, `\s` and `\b`
    /// ASCII only, `$` only at the very end.
    ///
    /// # Errors
    /// If Go refuses the pattern or a size limit is passed.
    pub fn compile(pattern: &str) -> Result<Self, RegexError> {
        let error = |problem| RegexError {
            pattern: pattern.to_owned(),
            problem,
        };
        if pattern.len() > MAX_PATTERN_BYTES {
            return Err(RegexError {
                pattern: pattern.chars().take(64).collect(),
                problem: RegexProblem::TooLong {
                    bytes: pattern.len(),
                    max: MAX_PATTERN_BYTES,
                },
            });
        }
        let translated = translate::translate(pattern).map_err(error)?;
        let regex = regex::RegexBuilder::new(&translated.pattern)
            .size_limit(MAX_COMPILED_BYTES)
            .dfa_size_limit(MAX_CACHE_BYTES)
            .build()
            .map_err(|refused| {
                error(match refused {
                    regex::Error::CompiledTooBig(max) => RegexProblem::TooBig { max },
                    other => RegexProblem::Refused {
                        reason: last_line(&other.to_string()),
                    },
                })
            })?;
        Ok(Self(Arc::new(Compiled {
            regex,
            pattern: pattern.into(),
            names: translated.names.into(),
        })))
    }

    /// The pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.pattern
    }

    /// True if the expression matches anywhere in `text`.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.0.regex.is_match(text)
    }

    /// Like [`is_match`](Self::is_match) for bytes. As in Go, a byte that is not UTF-8 counts as
    /// U+FFFD; only then is a copy made.
    #[must_use]
    pub fn is_match_bytes(&self, bytes: &[u8]) -> bool {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.is_match(text),
            Err(_) => self.is_match(&replace_invalid(bytes)),
        }
    }

    /// Replaces every match in `text` by `template` with its `$1`, `${1}`, `$name` and `${name}`
    /// expanded, as Go's `Regexp.ReplaceAllString`: `$1x` is the group `1x`, `$$` is a dollar, an
    /// unknown group is empty.
    #[must_use]
    pub fn replace<'t>(&self, text: &'t str, template: &str) -> Cow<'t, str> {
        let mut captures_iter = self.0.regex.captures_iter(text).peekable();
        if captures_iter.peek().is_none() {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len() + template.len());
        let mut end = 0;
        for captures in captures_iter {
            let Some(whole) = captures.get(0) else {
                continue;
            };
            out.push_str(text.get(end..whole.start()).unwrap_or_default());
            self.expand(template, &captures, &mut out);
            end = whole.end();
        }
        out.push_str(text.get(end..).unwrap_or_default());
        Cow::Owned(out)
    }

    fn expand(&self, template: &str, captures: &regex::Captures<'_>, out: &mut String) {
        let mut rest = template;
        while let Some(at) = rest.find('$') {
            out.push_str(rest.get(..at).unwrap_or_default());
            rest = rest.get(at + 1..).unwrap_or_default();
            if let Some(after) = rest.strip_prefix('$') {
                out.push('$');
                rest = after;
            } else if let Some((name, after)) = reference(rest) {
                out.push_str(self.group(name, captures));
                rest = after;
            } else {
                out.push('$');
            }
        }
        out.push_str(rest);
    }

    fn group<'t>(&self, name: &str, captures: &regex::Captures<'t>) -> &'t str {
        let text = |number| captures.get(number).map(|group| group.as_str());
        let is_number = name.bytes().all(|b| b.is_ascii_digit())
            && (name == "0" || !name.starts_with('0'))
            && name.len() <= 9;
        let found = if is_number {
            name.parse().ok().and_then(text)
        } else {
            // A name may be given twice; the first group that took part counts.
            self.0
                .names
                .iter()
                .enumerate()
                .filter(|(_, group)| group.as_deref() == Some(name))
                .find_map(|(number, _)| text(number))
        };
        found.unwrap_or_default()
    }
}

/// The reference after a `$`: its name and what follows it.
fn reference(rest: &str) -> Option<(&str, &str)> {
    let (braced, body) = match rest.strip_prefix('{') {
        Some(body) => (true, body),
        None => (false, rest),
    };
    let end = body
        .find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .unwrap_or(body.len());
    let (name, after) = body.split_at_checked(end)?;
    if name.is_empty() {
        return None;
    }
    let after = if braced {
        after.strip_prefix('}')?
    } else {
        after
    };
    Some((name, after))
}

/// Each byte that is not part of valid UTF-8 becomes one U+FFFD, which is how Go reads text.
pub(crate) fn replace_invalid(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 8);
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    out
}

/// The engine reports a drawing of the pattern; only its last line says what is wrong.
fn last_line(report: &str) -> String {
    let line = report.lines().last().unwrap_or_default().trim();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

impl fmt::Debug for GoRegex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GoRegex({})", quote(&self.0.pattern))
    }
}

impl PartialEq for GoRegex {
    fn eq(&self, other: &Self) -> bool {
        self.0.pattern == other.0.pattern
    }
}

impl Eq for GoRegex {}
