//! Rule text → tree. The grammar is Go's expression grammar cut down to calls with string
//! arguments, `&&`, `||`, `!` and parentheses, which is what Traefik accepts; Go comments count as
//! white space.
//!
//! differs from traefik: a line may also end before `&&` and `||`, where Go's automatic semicolon
//! makes it an error. Nothing that is accepted there means something else here.

use crate::error::{Problem, RuleError};
use crate::limits::{MAX_DEPTH, MAX_MATCHERS, MAX_RULE_BYTES};
use crate::quote::unquote_prefix;
use crate::tree::{Name, Tree};

/// A tree, and where its matchers stand in the text.
pub(crate) struct Parsed {
    pub(crate) tree: Tree,
    /// One per matcher, in written order.
    pub(crate) spans: Vec<Span>,
}

/// Byte offsets of one matcher.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) name: usize,
    pub(crate) args: Vec<usize>,
}

/// Reads a rule of either syntax and kind into a tree. Names are known but neither arity nor
/// arguments are checked; `Rule::parse` does that too.
///
/// # Errors
/// The first mistake, with its column.
pub fn parse_tree(source: &str) -> Result<Tree, RuleError> {
    parse(source).map(|parsed| parsed.tree)
}

pub(crate) fn parse(source: &str) -> Result<Parsed, RuleError> {
    if source.len() > MAX_RULE_BYTES {
        return Err(RuleError {
            column: None,
            problem: Problem::TooLong {
                bytes: source.len(),
                max: MAX_RULE_BYTES,
            },
        });
    }
    let mut parser = Parser {
        source,
        position: 0,
        depth: 0,
        spans: Vec::new(),
    };
    parser
        .rule()
        .map_err(|(problem, at)| RuleError {
            column: Some(column(source, at)),
            problem,
        })
        .map(|tree| Parsed {
            tree,
            spans: parser.spans,
        })
}

/// The column, counted in characters from 1, of a byte offset.
pub(crate) fn column(source: &str, at: usize) -> usize {
    source.char_indices().take_while(|(i, _)| *i < at).count() + 1
}

type Failure = (Problem, usize);

struct Parser<'s> {
    source: &'s str,
    position: usize,
    depth: usize,
    spans: Vec<Span>,
}

impl<'s> Parser<'s> {
    fn rule(&mut self) -> Result<Tree, Failure> {
        self.skip_space()?;
        if self.rest().is_empty() {
            return Err((Problem::Empty, 0));
        }
        let tree = self.any()?;
        if self.rest().is_empty() {
            Ok(tree)
        } else {
            Err(self.unexpected("&&, || or the end of the rule"))
        }
    }

    fn any(&mut self) -> Result<Tree, Failure> {
        let mut tree = self.all()?;
        while self.take("||")? {
            tree = tree.or(self.all()?);
        }
        Ok(tree)
    }

    fn all(&mut self) -> Result<Tree, Failure> {
        let mut tree = self.unary()?;
        while self.take("&&")? {
            tree = tree.and(self.unary()?);
        }
        Ok(tree)
    }

    fn unary(&mut self) -> Result<Tree, Failure> {
        if self.depth >= MAX_DEPTH {
            return Err((Problem::TooDeep { max: MAX_DEPTH }, self.position));
        }
        self.depth += 1;
        let tree = if self.take("!")? {
            self.unary()?.not()
        } else if self.take("(")? {
            let tree = self.any()?;
            self.expect(")", "&&, || or )")?;
            tree.grouped()
        } else {
            self.matcher()?
        };
        self.depth -= 1;
        Ok(tree)
    }

    fn matcher(&mut self) -> Result<Tree, Failure> {
        let start = self.position;
        let word = self.word();
        if word.is_empty() {
            return Err(self.unexpected("a matcher such as Host(`…`), ! or ("));
        }
        let name = Name::from_spelling(word).ok_or_else(|| {
            let problem = Problem::UnknownMatcher {
                name: word.to_owned(),
                cure: cure_for_name(word),
            };
            (problem, start)
        })?;
        if self.spans.len() >= MAX_MATCHERS {
            return Err((Problem::TooManyMatchers { max: MAX_MATCHERS }, start));
        }
        self.skip_space()?;
        self.expect("(", "( after the name of the matcher")?;
        let mut args = Vec::new();
        let mut span = Span {
            name: start,
            args: Vec::new(),
        };
        // As in Go, a comma may follow the last argument.
        while !self.take(")")? {
            if !args.is_empty() {
                self.expect(",", ", or )")?;
                if self.take(")")? {
                    break;
                }
            }
            span.args.push(self.position);
            args.push(self.string()?);
        }
        self.spans.push(span);
        Ok(Tree::matcher(name, args))
    }

    fn string(&mut self) -> Result<String, Failure> {
        if !self.rest().starts_with(['`', '"']) {
            return Err(self.unexpected("a string in backticks or double quotes"));
        }
        let (value, read) =
            unquote_prefix(self.rest()).map_err(|(problem, at)| (problem, self.position + at))?;
        self.position += read;
        self.skip_space()?;
        Ok(value)
    }

    fn word(&mut self) -> &'s str {
        let rest = self.rest();
        let end = rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .unwrap_or(rest.len());
        self.position += end;
        rest.get(..end).unwrap_or_default()
    }

    fn take(&mut self, token: &str) -> Result<bool, Failure> {
        let found = self.rest().starts_with(token);
        if found {
            self.position += token.len();
            self.skip_space()?;
        }
        Ok(found)
    }

    fn expect(&mut self, token: &str, expected: &'static str) -> Result<(), Failure> {
        if self.take(token)? {
            Ok(())
        } else {
            Err(self.unexpected(expected))
        }
    }

    fn skip_space(&mut self) -> Result<(), Failure> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches([' ', '\t', '\n', '\r']);
            self.position += rest.len() - trimmed.len();
            if trimmed.starts_with("//") {
                self.position += trimmed.find('\n').unwrap_or(trimmed.len());
            } else if trimmed.starts_with("/*") {
                let Some(end) = trimmed.get(2..).and_then(|body| body.find("*/")) else {
                    return Err((
                        Problem::Unexpected {
                            found: "end of the rule".to_owned(),
                            expected: "*/ at the end of the comment",
                        },
                        self.position,
                    ));
                };
                self.position += end + 4;
            } else {
                return Ok(());
            }
        }
    }

    fn rest(&self) -> &'s str {
        self.source.get(self.position..).unwrap_or_default()
    }

    fn unexpected(&self, expected: &'static str) -> Failure {
        let found = match self.rest().chars().next() {
            None => "end of the rule".to_owned(),
            Some(c) => format!("{c:?}"),
        };
        (Problem::Unexpected { found, expected }, self.position)
    }
}

fn cure_for_name(word: &str) -> String {
    let known = Name::ALL
        .into_iter()
        .map(|name| (distance(word, name.as_str()), name))
        .min_by_key(|(distance, _)| *distance);
    match known {
        Some((0, name)) => format!("write {}", name.as_str()),
        Some((1..=3, name)) => format!("did you mean {}?", name.as_str()),
        _ => String::new(),
    }
}

/// Edit distance without regard to case, capped by the lengths involved (names are short).
fn distance(a: &str, b: &str) -> usize {
    if a.len() > 32 {
        return usize::MAX;
    }
    let b: Vec<char> = b.chars().map(|c| c.to_ascii_lowercase()).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().map(|c| c.to_ascii_lowercase()).enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (cb, above) in b.iter().zip(row.iter().skip(1)) {
            let cost = (diagonal + usize::from(ca != *cb))
                .min(left + 1)
                .min(above + 1);
            diagonal = *above;
            left = cost;
            next.push(cost);
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
}
