//! Go regular expression syntax → the syntax of the `regex` crate.
//!
//! The reader follows Go's `regexp/syntax` with the flags that `regexp.Compile` uses. Every
//! construct is written anew in a form in which the engine has no freedom: ASCII classes are
//! spelled out, characters are escaped, groups lose their names (Go's may start with a digit) and
//! the names are returned apart.

use std::fmt::Write as _;

use super::RegexProblem as Problem;

pub(super) struct Translated {
    pub(super) pattern: String,
    /// By group number; number 0 is the whole match.
    pub(super) names: Vec<Option<Box<str>>>,
}

pub(super) fn translate(pattern: &str) -> Result<Translated, Problem> {
    let mut reader = Reader {
        rest: pattern,
        out: String::with_capacity(pattern.len() + 16),
        names: vec![None],
        pending_flags: String::new(),
        groups: Vec::new(),
        max_repeat: 1,
        atom: None,
    };
    reader.run()?;
    Ok(Translated {
        pattern: reader.out,
        names: reader.names,
    })
}

/// Go refuses repetitions whose nested counts multiply to more.
const MAX_REPEAT: u32 = 1000;

struct Reader<'p> {
    rest: &'p str,
    out: String,
    names: Vec<Option<Box<str>>>,
    /// Flags that apply from the next token on; a repetition operator may come before it.
    pending_flags: String,
    /// Open groups: where they start in `out`, and the `max_repeat` outside.
    groups: Vec<(usize, u32)>,
    /// Largest product of nested counts within the current group.
    max_repeat: u32,
    /// What a repetition operator would apply to.
    atom: Option<Atom>,
}

#[derive(Clone, Copy)]
struct Atom {
    /// Where it starts in `out`.
    start: usize,
    /// Product of nested counts within it.
    repeat: u32,
    repeated: Repeated,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeated {
    No,
    /// The operator was the token just before.
    JustNow,
    /// There was a `\Q\E` or `(?i)` in between, so that another operator is legal.
    Earlier,
}

impl<'p> Reader<'p> {
    fn run(&mut self) -> Result<(), Problem> {
        while let Some(c) = self.next() {
            match c {
                '*' | '+' | '?' => self.repeat(&c.to_string(), 1)?,
                '{' if let Some((min, max, text)) = self.counts() => {
                    self.counted(min, max, text)?;
                }
                _ => self.token(c)?,
            }
        }
        if self.groups.is_empty() {
            Ok(())
        } else {
            Err(Problem::MissingParenthesis)
        }
    }

    /// Anything but a repetition.
    fn token(&mut self, c: char) -> Result<(), Problem> {
        if c == '(' && self.rest.starts_with('?') {
            return self.special_group();
        }
        self.write_flags();
        match c {
            '(' => self.open_capture(None),
            ')' => {
                let (start, outer) = self.groups.pop().ok_or(Problem::UnexpectedParenthesis)?;
                self.out.push(')');
                self.set_atom(start, self.max_repeat);
                self.max_repeat = self.max_repeat.max(outer);
            }
            '|' => {
                self.out.push('|');
                self.atom = None;
            }
            '[' => {
                let start = self.out.len();
                self.class()?;
                self.set_atom(start, 1);
            }
            '.' | '^' | '$' => {
                self.set_atom(self.out.len(), 1);
                self.out.push(c);
            }
            '\\' => self.escape()?,
            _ => self.literal(c),
        }
        Ok(())
    }

    fn write_flags(&mut self) {
        self.out.push_str(&std::mem::take(&mut self.pending_flags));
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        self.rest = chars.as_str();
        Some(c)
    }

    fn set_atom(&mut self, start: usize, repeat: u32) {
        self.atom = Some(Atom {
            start,
            repeat,
            repeated: Repeated::No,
        });
    }

    fn literal(&mut self, c: char) {
        self.set_atom(self.out.len(), 1);
        if regex_syntax::is_meta_character(c) {
            self.out.push('\\');
        }
        self.out.push(c);
    }

    // Groups

    fn open_capture(&mut self, name: Option<Box<str>>) {
        self.names.push(name);
        self.open_group("(");
    }

    fn open_group(&mut self, text: &str) {
        self.write_flags();
        self.groups.push((self.out.len(), self.max_repeat));
        self.max_repeat = 1;
        self.out.push_str(text);
        self.atom = None;
    }

    /// After a `(`, at the `?`.
    fn special_group(&mut self) -> Result<(), Problem> {
        let whole = self.rest;
        let unsupported = |length: usize| Problem::PerlSyntax {
            syntax: format!("({}", whole.chars().take(length).collect::<String>()),
        };
        let named = whole
            .strip_prefix("?P<")
            .or_else(|| whole.strip_prefix("?<"));
        if let Some(body) = named {
            let (name, rest) = body.split_once('>').ok_or_else(|| Problem::GroupName {
                name: body.to_owned(),
            })?;
            let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
            if matches!(body.chars().next(), Some('=' | '!')) {
                return Err(unsupported(3));
            }
            if name.is_empty() || !name.bytes().all(word) {
                return Err(Problem::GroupName {
                    name: name.to_owned(),
                });
            }
            self.rest = rest;
            self.open_capture(Some(name.into()));
            return Ok(());
        }
        self.next();
        self.flags().ok_or_else(|| unsupported(2))
    }

    /// `i-s:` or `i-s)` of `(?i-s:` or `(?i-s)`. None if it is anything else.
    fn flags(&mut self) -> Option<()> {
        let (mut on, mut off) = (String::new(), String::new());
        let mut negative = false;
        loop {
            let c = self.next()?;
            match c {
                'i' | 'm' | 's' | 'U' => {
                    let list = if negative { &mut off } else { &mut on };
                    if !list.contains(c) {
                        list.push(c);
                    }
                }
                '-' if !negative => negative = true,
                ':' | ')' if !(negative && off.is_empty()) => {
                    on.retain(|flag| !off.contains(flag));
                    let minus = if off.is_empty() { "" } else { "-" };
                    let flags = format!("(?{on}{minus}{off}{c}");
                    if c == ':' {
                        self.open_group(&flags);
                    } else if flags != "(?)" {
                        self.separate();
                        self.pending_flags.push_str(&flags);
                        // An operator between would have to take over the reversed greed.
                        if flags.contains('U') {
                            self.atom = None;
                        }
                    }
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    // Repetition

    /// After a `{`: the counts if this is a repetition, and its text without the braces.
    fn counts(&mut self) -> Option<(u32, Option<u32>, &'p str)> {
        let (text, rest) = self.rest.split_once('}')?;
        let (min, max) = match text.split_once(',') {
            Some((min, max)) => (min, max),
            None => (text, text),
        };
        let number = |text: &str| {
            let valid = !text.is_empty()
                && text.bytes().all(|b| b.is_ascii_digit())
                && (text.len() == 1 || !text.starts_with('0'));
            // A number that is legal to write but too large to count is refused later.
            valid.then(|| text.parse::<u32>().unwrap_or(u32::MAX))
        };
        let low = number(min)?;
        let high = if max.is_empty() {
            None
        } else {
            Some(number(max)?)
        };
        self.rest = rest;
        Some((low, high, text))
    }

    fn counted(&mut self, min: u32, max: Option<u32>, text: &str) -> Result<(), Problem> {
        let operator = format!("{{{text}}}");
        if min > MAX_REPEAT || max.is_some_and(|max| max > MAX_REPEAT || max < min) {
            return Err(Problem::RepeatSize { operator });
        }
        self.repeat(&operator, max.unwrap_or(min).max(1))
    }

    /// An operator that repeats up to `factor` times by copying.
    fn repeat(&mut self, operator: &str, factor: u32) -> Result<(), Problem> {
        let text = || operator.to_owned();
        let Some(mut atom) = self.atom else {
            return Err(Problem::MissingArgument { operator: text() });
        };
        match atom.repeated {
            Repeated::No => {}
            Repeated::JustNow => return Err(Problem::NestedRepeat { operator: text() }),
            Repeated::Earlier => {
                self.out.insert_str(atom.start, "(?:");
                self.out.push(')');
            }
        }
        atom.repeat = atom.repeat.saturating_mul(factor);
        if factor > 1 && atom.repeat > MAX_REPEAT {
            return Err(Problem::RepeatSize { operator: text() });
        }
        self.max_repeat = self.max_repeat.max(atom.repeat);
        self.out.push_str(operator);
        if let Some(rest) = self.rest.strip_prefix('?') {
            self.rest = rest;
            self.out.push('?');
        }
        atom.repeated = Repeated::JustNow;
        self.atom = Some(atom);
        Ok(())
    }

    // Escapes

    /// After a `\`, outside a class.
    fn escape(&mut self) -> Result<(), Problem> {
        let start = self.out.len();
        let before = self.rest;
        let c = self.next().ok_or(Problem::TrailingBackslash)?;
        match c {
            'A' | 'z' => {
                self.out.push('\\');
                self.out.push(c);
            }
            'b' | 'B' => {
                let _ = write!(self.out, r"(?-u:\{c})");
            }
            'Q' => {
                self.quoted();
                return Ok(());
            }
            'd' | 'D' | 's' | 'S' | 'w' | 'W' => self.out.push_str(perl_class(c)),
            'p' | 'P' => self.unicode_class(c)?,
            _ => {
                self.rest = before;
                let c = self.escaped_char()?;
                self.literal(c);
                return Ok(());
            }
        }
        self.set_atom(start, 1);
        Ok(())
    }

    /// What comes next is no longer directly after a repetition operator.
    fn separate(&mut self) {
        if let Some(atom) = &mut self.atom
            && atom.repeated == Repeated::JustNow
        {
            atom.repeated = Repeated::Earlier;
        }
    }

    /// After `\Q`, up to `\E` or the end.
    fn quoted(&mut self) {
        let (text, rest) = self.rest.split_once(r"\E").unwrap_or((self.rest, ""));
        self.rest = rest;
        self.separate();
        for c in text.chars() {
            self.literal(c);
        }
    }

    /// After a `\`: an escape that stands for one character, in and out of classes.
    fn escaped_char(&mut self) -> Result<char, Problem> {
        let whole = self.rest;
        let bad = |length: usize| Problem::Escape {
            escape: format!("\\{}", whole.chars().take(length).collect::<String>()),
        };
        let c = self.next().ok_or(Problem::TrailingBackslash)?;
        match c {
            // A single digit but 0 would be a back reference.
            '1'..='7' if !self.rest.starts_with(|d: char| ('0'..='7').contains(&d)) => Err(bad(1)),
            '0'..='7' => {
                let mut code = u32::from(c) - u32::from('0');
                for _ in 0..2 {
                    let Some(digit) = self.rest.chars().next().and_then(|d| d.to_digit(8)) else {
                        break;
                    };
                    self.next();
                    code = code * 8 + digit;
                }
                char::from_u32(code).ok_or_else(|| bad(3))
            }
            'x' => {
                let digits = if let Some(body) = self.rest.strip_prefix('{') {
                    let (digits, rest) = body.split_once('}').ok_or_else(|| bad(2))?;
                    self.rest = rest;
                    digits
                } else {
                    let (digits, rest) = self.rest.split_at_checked(2).ok_or_else(|| bad(3))?;
                    self.rest = rest;
                    digits
                };
                let hex = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
                hex.then(|| u32::from_str_radix(digits, 16).ok())
                    .flatten()
                    .and_then(char::from_u32)
                    .ok_or_else(|| bad(digits.chars().count() + 2))
            }
            'a' => Ok('\u{7}'),
            'f' => Ok('\u{c}'),
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            't' => Ok('\t'),
            'v' => Ok('\u{b}'),
            _ if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok(c),
            _ => Err(bad(1)),
        }
    }

    /// After `\p` or `\P`.
    fn unicode_class(&mut self, letter: char) -> Result<(), Problem> {
        let whole = self.rest;
        let bad = || Problem::ClassRange {
            range: format!("\\{letter}{}", whole.chars().take(16).collect::<String>()),
        };
        let name = if let Some(body) = self.rest.strip_prefix('{') {
            let (name, rest) = body.split_once('}').ok_or_else(bad)?;
            self.rest = rest;
            name
        } else {
            let (name, rest) = self
                .rest
                .split_at_checked(self.rest.chars().next().map_or(0, char::len_utf8))
                .ok_or_else(bad)?;
            self.rest = rest;
            name
        };
        let (flip, name) = match name.strip_prefix('^') {
            Some(name) => (true, name),
            None => (false, name),
        };
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b' ');
        if name.is_empty() || !name.bytes().all(plain) {
            return Err(bad());
        }
        let positive = (letter == 'p') != flip;
        let letter = if positive { 'p' } else { 'P' };
        let _ = write!(self.out, "\\{letter}{{{name}}}");
        Ok(())
    }

    // Classes

    /// After a `[`.
    fn class(&mut self) -> Result<(), Problem> {
        self.out.push('[');
        if let Some(rest) = self.rest.strip_prefix('^') {
            self.rest = rest;
            self.out.push('^');
        }
        let mut first = true;
        loop {
            if !first && let Some(rest) = self.rest.strip_prefix(']') {
                self.rest = rest;
                self.out.push(']');
                return Ok(());
            }
            first = false;
            self.class_item()?;
        }
    }

    fn class_item(&mut self) -> Result<(), Problem> {
        if let Some(body) = self.rest.strip_prefix("[:")
            && let Some((name, rest)) = body.split_once(":]")
        {
            self.out
                .push_str(posix_class(name).ok_or_else(|| Problem::ClassRange {
                    range: format!("[:{name}:]"),
                })?);
            self.rest = rest;
            return Ok(());
        }
        if let Some(body) = self.rest.strip_prefix('\\') {
            let mut chars = body.chars();
            match chars.next() {
                Some(c @ ('d' | 'D' | 's' | 'S' | 'w' | 'W')) => {
                    self.rest = chars.as_str();
                    self.out.push_str(perl_class(c));
                    return Ok(());
                }
                Some(c @ ('p' | 'P')) => {
                    self.rest = chars.as_str();
                    return self.unicode_class(c);
                }
                _ => {}
            }
        }
        let whole = self.rest;
        let low = self.class_char()?;
        let mut high = low;
        if let Some(rest) = self.rest.strip_prefix('-')
            && !rest.is_empty()
            && !rest.starts_with(']')
        {
            self.rest = rest;
            high = self.class_char()?;
        }
        if high < low {
            let length = whole.len() - self.rest.len();
            return Err(Problem::ClassRange {
                range: whole.get(..length).unwrap_or_default().to_owned(),
            });
        }
        let (low, high) = (u32::from(low), u32::from(high));
        let _ = write!(self.out, "\\x{{{low:x}}}-\\x{{{high:x}}}");
        Ok(())
    }

    fn class_char(&mut self) -> Result<char, Problem> {
        match self.next() {
            None => Err(Problem::MissingBracket),
            Some('\\') => self.escaped_char(),
            Some(c) => Ok(c),
        }
    }
}

/// Go's Perl classes, ASCII only; its `\s` is without the vertical tab.
const fn perl_class(letter: char) -> &'static str {
    match letter {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        's' => r"[\t\n\f\r ]",
        'S' => r"[^\t\n\f\r ]",
        'w' => "[0-9A-Za-z_]",
        _ => "[^0-9A-Za-z_]",
    }
}

fn posix_class(name: &str) -> Option<&'static str> {
    Some(match name {
        "alnum" => "[0-9A-Za-z]",
        "^alnum" => "[^0-9A-Za-z]",
        "alpha" => "[A-Za-z]",
        "^alpha" => "[^A-Za-z]",
        "ascii" => r"[\x00-\x7F]",
        "^ascii" => r"[^\x00-\x7F]",
        "blank" => r"[\t ]",
        "^blank" => r"[^\t ]",
        "cntrl" => r"[\x00-\x1F\x7F]",
        "^cntrl" => r"[^\x00-\x1F\x7F]",
        "digit" => "[0-9]",
        "^digit" => "[^0-9]",
        "graph" => "[!-~]",
        "^graph" => "[^!-~]",
        "lower" => "[a-z]",
        "^lower" => "[^a-z]",
        "print" => r"[\x20-~]",
        "^print" => r"[^\x20-~]",
        "punct" => r"[!-/:-@\[-`{-~]",
        "^punct" => r"[^!-/:-@\[-`{-~]",
        "space" => r"[\t\n\v\f\r ]",
        "^space" => r"[^\t\n\v\f\r ]",
        "upper" => "[A-Z]",
        "^upper" => "[^A-Z]",
        "word" => "[0-9A-Za-z_]",
        "^word" => "[^0-9A-Za-z_]",
        "xdigit" => "[0-9A-Fa-f]",
        "^xdigit" => "[^0-9A-Fa-f]",
        _ => return None,
    })
}
