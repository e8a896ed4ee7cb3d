//! The templates of v2 syntax, `{name:regex}` or `{name}`, as gorilla/mux reads them.

use crate::regex::{GoRegex, RegexError};

/// What a template describes; it decides what a bare `{name}` stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// One label, without regard to case, whole.
    Host,
    /// One segment, whole.
    Path,
    /// One segment, from the start.
    PathPrefix,
    /// Anything, whole.
    QueryValue,
}

/// A template without variables is a literal; anything else needs an expression.
pub(crate) enum Template {
    Literal(String),
    Regex {
        regex: GoRegex,
        /// What stands before the first variable.
        prefix: String,
    },
}

/// Why a template was refused.
pub(crate) enum Refusal {
    Malformed(&'static str),
    Regex(RegexError),
}

/// Reads `template`.
pub(crate) fn read(template: &str, part: Part) -> Result<Template, Refusal> {
    let default = match part {
        Part::Host => "[^.]+",
        Part::Path | Part::PathPrefix => "[^/]+",
        Part::QueryValue => ".*",
    };
    let mut pattern = String::from(if part == Part::Host { "(?i)^" } else { "^" });
    let mut prefix = None;
    let mut literal = String::new();
    let mut variable = String::new();
    let mut level = 0_u32;
    for c in template.chars() {
        match c {
            '{' => {
                level += 1;
                if level == 1 {
                    push_quoted(&mut pattern, &literal);
                    prefix.get_or_insert_with(|| literal.clone());
                    literal.clear();
                    variable.clear();
                    continue;
                }
            }
            '}' => {
                level = level.checked_sub(1).ok_or(UNBALANCED)?;
                if level == 0 {
                    let (name, expression) =
                        variable.split_once(':').unwrap_or((&variable, default));
                    if name.is_empty() || expression.is_empty() {
                        return Err(Refusal::Malformed(
                            "has a {name:regex} without name or regular expression",
                        ));
                    }
                    pattern.push('(');
                    pattern.push_str(expression);
                    pattern.push(')');
                    continue;
                }
            }
            _ => {}
        }
        if level == 0 {
            literal.push(c);
        } else {
            variable.push(c);
        }
    }
    if level != 0 {
        return Err(UNBALANCED);
    }
    let Some(prefix) = prefix else {
        return Ok(Template::Literal(literal));
    };
    push_quoted(&mut pattern, &literal);
    if part != Part::PathPrefix {
        pattern.push('$');
    }
    let regex = GoRegex::compile(&pattern).map_err(Refusal::Regex)?;
    Ok(Template::Regex { regex, prefix })
}

const UNBALANCED: Refusal = Refusal::Malformed("has unbalanced braces");

fn push_quoted(pattern: &mut String, literal: &str) {
    for c in literal.chars() {
        if c.is_ascii_punctuation() {
            pattern.push('\\');
        }
        pattern.push(c);
    }
}
