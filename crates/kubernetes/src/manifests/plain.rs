//! A reader for the YAML that manifests are mostly made of, many times faster than a complete one.
//!
//! It knows block maps and lists, plain and quoted scalars on one line, `|` text, `{}` and `[]`, in ASCII. Whatever else
//! it meets (flow collections, anchors, tags, folded text, tabs), and every mistake, makes it give up: the complete
//! reader then takes the document, and its errors are the ones that users see. What this one does read means the same
//! there; a property test holds the two against each other.

use std::borrow::Cow;

use super::node::Node;

/// Deepest nesting; below the limit of the complete reader.
const MAX_DEPTH: usize = 48;
/// Keys are compared with all others of their map.
const MAX_KEYS: usize = 1_024;

/// The document, or `None` if it takes the complete reader.
pub(super) fn read<'a>(
    text: &'a str,
    resolve: &dyn Fn(&'a str) -> Option<Node<'a>>,
) -> Option<Node<'a>> {
    if !text
        .bytes()
        .all(|byte| byte == b'\n' || (0x20..0x7f).contains(&byte))
    {
        return None;
    }
    let mut reader = Reader {
        rest: text,
        line: None,
        resolve,
    };
    let node = match reader.peek() {
        None => Node::Null,
        Some(line) if line.indent == 0 => reader.block(0, MAX_DEPTH)?,
        Some(_) => return None,
    };
    reader.peek().is_none().then_some(node)
}

/// A line with content, or what is left of one.
#[derive(Clone, Copy)]
struct Line<'a> {
    /// Column of the first character.
    indent: usize,
    /// Without spaces around it.
    text: &'a str,
}

struct Reader<'a, 'r> {
    /// Text after `line`.
    rest: &'a str,
    /// The line that comes next, if it was looked at.
    line: Option<Line<'a>>,
    /// The meaning of a plain scalar that is neither clearly text nor a simple number.
    resolve: &'r dyn Fn(&'a str) -> Option<Node<'a>>,
}

impl<'a> Reader<'a, '_> {
    /// The next line with content. Comments and blank lines are skipped.
    fn peek(&mut self) -> Option<Line<'a>> {
        while self.line.is_none() {
            let raw = self.raw_line()?;
            let text = raw.trim_start_matches(' ');
            if !text.is_empty() && !text.starts_with('#') {
                self.line = Some(Line {
                    indent: raw.len() - text.len(),
                    text: text.trim_end_matches(' '),
                });
            }
        }
        self.line
    }

    fn raw_line(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        self.rest = rest;
        Some(line)
    }

    /// The map or list whose first line comes next, at column `indent`.
    fn block(&mut self, indent: usize, depth: usize) -> Option<Node<'a>> {
        let depth = depth.checked_sub(1)?;
        if is_item(self.peek()?.text) {
            self.list(indent, depth)
        } else {
            self.map(indent, depth)
        }
    }

    fn list(&mut self, indent: usize, depth: usize) -> Option<Node<'a>> {
        let mut items = Vec::new();
        while let Some(line) = self.peek().filter(|line| line.indent >= indent) {
            if line.indent > indent {
                return None;
            }
            if !is_item(line.text) {
                break;
            }
            let after = line.text.get(1..)?;
            let text = after.trim_start_matches(' ');
            if text.is_empty() || text.starts_with('#') {
                self.line = None;
                let next = self.peek().filter(|next| next.indent > indent);
                items.push(match next {
                    Some(next) => self.block(next.indent, depth)?,
                    None => Node::Null,
                });
            } else if is_item(text) || split_key(text).is_some() {
                // A collection that begins on the line of its dash.
                let column = indent + 1 + (after.len() - text.len());
                self.line = Some(Line {
                    indent: column,
                    text,
                });
                items.push(self.block(column, depth)?);
            } else {
                self.line = None;
                items.push(self.scalar(text, indent)?);
            }
        }
        Some(Node::List(items))
    }

    fn map(&mut self, indent: usize, depth: usize) -> Option<Node<'a>> {
        let mut entries: Vec<(Cow<'a, str>, Node<'a>)> = Vec::new();
        while let Some(line) = self.peek().filter(|line| line.indent >= indent) {
            if line.indent > indent {
                return None;
            }
            if is_item(line.text) {
                break;
            }
            let (key, text) = split_key(line.text)?;
            if entries.len() >= MAX_KEYS || entries.iter().any(|(other, _)| other == key) {
                return None;
            }
            self.line = None;
            let value = if text.is_empty() || text.starts_with('#') {
                match self.peek() {
                    Some(next) if next.indent > indent => self.block(next.indent, depth)?,
                    // The items of a list may stand in the column of its key.
                    Some(next) if next.indent == indent && is_item(next.text) => {
                        self.list(indent, depth)?
                    }
                    _ => Node::Null,
                }
            } else {
                self.scalar(text, indent)?
            };
            entries.push((Cow::Borrowed(key), value));
        }
        Some(Node::Map(entries))
    }

    /// A value that begins on the line of its key or dash, whose collection is at column `indent`.
    fn scalar(&mut self, text: &'a str, indent: usize) -> Option<Node<'a>> {
        let value = match text.as_bytes().first()? {
            b'|' => return self.literal(text, indent),
            b'"' => double_quoted(text)?,
            b'\'' => single_quoted(text)?,
            b'{' => empty(text, "{}").map(|()| Node::Map(Vec::new()))?,
            b'[' => empty(text, "[]").map(|()| Node::List(Vec::new()))?,
            b'0'..=b'9'
            | b'A'..=b'Z'
            | b'a'..=b'z'
            | b'/'
            | b'.'
            | b'_'
            | b'-'
            | b'+'
            | b'~'
            | b'('
            | b'$'
            | b'^' => self.plain(text)?,
            _ => return None,
        };
        // A deeper line would continue the scalar.
        if self.peek().is_some_and(|next| next.indent > indent) {
            return None;
        }
        Some(value)
    }

    fn plain(&self, text: &'a str) -> Option<Node<'a>> {
        let text = text
            .find(" #")
            .and_then(|at| text.get(..at))
            .unwrap_or(text)
            .trim_end_matches(' ');
        if text.contains(": ") || text.ends_with(':') || text == "-" || text.starts_with("- ") {
            return None;
        }
        match text {
            "true" => return Some(Node::Bool(true)),
            "false" => return Some(Node::Bool(false)),
            "null" => return Some(Node::Null),
            _ if is_clearly_text(text) => return Some(Node::Text(Cow::Borrowed(text))),
            _ => {}
        }
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        if digits && text.len() <= 18 && (text == "0" || !text.starts_with('0')) {
            return text.parse().ok().map(Node::Int);
        }
        // Alone these would be markers of documents.
        if text.starts_with("---") || text.starts_with("...") {
            return None;
        }
        (self.resolve)(text)
    }

    /// `|` and `|-` text.
    fn literal(&mut self, header: &str, indent: usize) -> Option<Node<'a>> {
        let keep_newline = match header {
            "|" => true,
            "|-" => false,
            _ => return None,
        };
        let mut text = String::new();
        let mut column = None;
        let mut blank_lines = 0;
        loop {
            let before = self.rest;
            let Some(line) = self.raw_line() else { break };
            let content = line.trim_start_matches(' ');
            let spaces = line.len() - content.len();
            if content.is_empty() {
                // Spaces of a blank line may be content, and before the first line they may set the column.
                if column.is_none_or(|column| spaces > column) {
                    return None;
                }
                blank_lines += 1;
                continue;
            }
            let column = *column.get_or_insert(spaces);
            if spaces <= indent || spaces < column {
                self.rest = before;
                break;
            }
            for _ in 0..std::mem::take(&mut blank_lines) {
                text.push('\n');
            }
            text.push_str(line.get(column..)?);
            text.push('\n');
        }
        if text.is_empty() {
            return None;
        }
        if self.peek().is_some_and(|next| next.indent > indent) {
            return None;
        }
        if !keep_newline {
            text.pop();
        }
        Some(Node::Text(Cow::Owned(text)))
    }
}

fn is_item(text: &str) -> bool {
    text == "-" || text.starts_with("- ")
}

/// A key that is clearly text, and what follows its colon.
fn split_key(text: &str) -> Option<(&str, &str)> {
    let (key, value) = match text.as_bytes().first()? {
        quote @ (b'"' | b'\'') => {
            let (key, rest) = text.get(1..)?.split_once(char::from(*quote))?;
            if key.contains('\\') {
                return None;
            }
            (key, rest.strip_prefix(':')?)
        }
        _ => {
            let at = text
                .bytes()
                .zip(text.bytes().skip(1).chain([b' ']))
                .position(|pair| pair == (b':', b' '))?;
            let (key, value) = text.split_at_checked(at)?;
            let simple = |byte: u8| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/')
            };
            if !key.bytes().all(simple) || !is_clearly_text(key) {
                return None;
            }
            (key, value.strip_prefix(':')?)
        }
    };
    if !value.is_empty() && !value.starts_with(' ') {
        return None;
    }
    Some((key, value.trim_start_matches(' ')))
}

/// Whether a plain scalar can be nothing but text: words and paths, not numbers, booleans or null.
fn is_clearly_text(text: &str) -> bool {
    match text.as_bytes().first() {
        Some(b'A'..=b'Z' | b'a'..=b'z') => {
            const SPECIAL: [&str; 12] = [
                "y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf",
                "infinity",
            ];
            text.len() > 8
                || !SPECIAL
                    .iter()
                    .any(|special| text.eq_ignore_ascii_case(special))
        }
        Some(b'/') => true,
        // Two dots are too many for a number.
        Some(b'0'..=b'9') => {
            text.bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.')
                && text.bytes().filter(|byte| *byte == b'.').count() >= 2
        }
        _ => false,
    }
}

fn double_quoted(text: &str) -> Option<Node<'_>> {
    let (value, rest) = text.strip_prefix('"')?.split_once('"')?;
    // Escapes, also that of a quote, take the complete reader.
    if value.contains('\\') || !is_end(rest) {
        return None;
    }
    Some(Node::Text(Cow::Borrowed(value)))
}

fn single_quoted(text: &str) -> Option<Node<'_>> {
    let (value, rest) = text.strip_prefix('\'')?.split_once('\'')?;
    if !is_end(rest) {
        return None;
    }
    Some(Node::Text(Cow::Borrowed(value)))
}

fn empty(text: &str, spelling: &str) -> Option<()> {
    text.strip_prefix(spelling)
        .filter(|rest| is_end(rest))
        .map(|_| ())
}

/// Whether nothing but a comment follows a value.
fn is_end(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with(' ') && rest.trim_start_matches(' ').starts_with('#')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::documents::parse_yaml_completely;
    use super::*;

    fn quick(text: &str) -> Option<Node<'_>> {
        read(text, &|scalar| parse_yaml_completely(scalar).ok())
    }

    /// Both readers agree, and the quick one does not give up.
    fn agree(text: &str) {
        assert_eq!(
            quick(text),
            Some(parse_yaml_completely(text).unwrap()),
            "{text}"
        );
    }

    #[test]
    fn ordinary_manifests_are_read() {
        agree(
            "apiVersion: v1\nkind: Service\nmetadata:\n  name: web # a comment\n  labels: {}\nspec:\n  ports:\n  - name: http\n    port: 80\n  - port: 443\n    name: https\n  clusterIP: 10.0.0.1\n",
        );
        agree(
            "# comment\na:\n  - b\n  -\n    c: 1\n  - - d\n    - e\n  # comment\n\n  - f: g\n    h:\n      i: j\nk:\nl: ''\n",
        );
        agree("a: |\n  -----BEGIN\n  # no comment\n\n    more\n  end\n\nb: |-\n  x\nc: 1\n");
        agree(
            "a: 2024-01-02T03:04:05Z\nb: 1.5\nc: true\nd: null\ne: ~\nf: -1\ng: 0x1f\nh: 8Gi\ni: 10.0.0.1/8\nj: 007\nk: yes\nl: 1_000\n",
        );
        agree("a: \"x: y\"\n'b': 'it # is'\n\"c.d/e\": []\nurl: http://x:80/y#z\n");
        agree("");
        agree("# only a comment\n");
    }

    #[test]
    fn everything_else_is_left_to_the_complete_reader() {
        for text in [
            "a: {b: c}",
            "a: [1]",
            "a: &x 1",
            "a: !!str 1",
            "a: >\n  folded\n",
            "a: |+\n  keep\n\n",
            "a: 'it''s'",
            "a: \"\\n\"",
            "a: b\n  c\n",
            "a: b: c",
            "a:\n\t- b",
            "a: é",
            "? a",
            "a: 1\na: 2",
            " a: 1",
            "just text",
            "on: 1",
            "a: |\n\n  x\n",
            "a:\n  b: 1\n c: 2\n",
        ] {
            assert_eq!(quick(text), None, "{text}");
        }
    }

    /// Lines that look like manifests, in any order and indentation.
    fn line() -> impl Strategy<Value = String> {
        let keys = ["name", "a.b/c", "'q'", "\"d\"", "on", "1", "x y", ""];
        let values = [
            "", "web", "80", "'s'", "\"d\"", "{}", "[]", "|", "|-", "true", "y", "10.0.0.1", "1.5",
            "- x", "#c", "a #c", "a: b", "-", "'a", "{a: 1}", "http://x", "x:", "~", "08", "1e3",
            ".5", "-5", "+1", "--", "...", "a  ", "%", "@", "&a b", "*a", "^/x$",
        ];
        let entry = (
            proptest::sample::select(keys.to_vec()),
            proptest::sample::select(values.to_vec()),
        );
        (0..5_usize, 0..3_usize, entry, 0..6_u8).prop_map(
            |(indent, dashes, (key, value), shape)| {
                let lead = format!("{}{}", " ".repeat(indent), "- ".repeat(dashes));
                match shape {
                    0 => format!("{lead}{value}\n"),
                    1 => "\n".to_owned(),
                    2 => format!("{lead}{key}:\n"),
                    _ => format!("{lead}{key}: {value}\n"),
                }
            },
        )
    }

    /// Well-formed trees, written in block style: the quick reader takes most of them.
    fn tree(depth: u32) -> BoxedStrategy<Vec<String>> {
        let scalar = proptest::sample::select(vec![
            " web",
            " 80",
            " 's'",
            " \"d # e\"",
            " {}",
            " []",
            " |\n  X1\n  X2",
            " |-\n  X # y",
            "",
            " true",
            " 1.5",
            " 10.0.0.1",
            " a b",
            " -x",
            " a: b",
            " 'it''s'",
            " x # c",
            " ~",
            " 08",
            " null",
            " y",
        ])
        .prop_map(|text| vec![text.to_owned()]);
        if depth == 0 {
            return scalar.boxed();
        }
        let child = tree(depth - 1);
        let map = prop::collection::vec(child.clone(), 1..4).prop_map(|values| {
            let mut lines = vec![String::new()];
            for (at, value) in values.into_iter().enumerate() {
                append(&mut lines, &format!("  k{at}:"), "  ", value);
            }
            lines
        });
        let list = prop::collection::vec(child, 1..4).prop_map(|values| {
            let mut lines = vec![String::new()];
            for mut value in values {
                // A collection may begin on the line of its dash.
                if value.first().is_some_and(String::is_empty) && value.len() > 1 {
                    value.remove(0);
                    let first = value[0].trim_start().to_owned();
                    value[0] = format!(" {first}");
                }
                append(&mut lines, "  -", "  ", value);
            }
            lines
        });
        prop_oneof![1 => scalar, 2 => map, 2 => list].boxed()
    }

    fn append(lines: &mut Vec<String>, lead: &str, indent: &str, value: Vec<String>) {
        let mut value = value.into_iter();
        lines.push(
            format!("{lead}{}", value.next().unwrap_or_default())
                .replace("\n  X", &format!("\n{indent}      X")),
        );
        lines.extend(
            value.map(|line| format!("{indent}{line}").replace("\n", &format!("\n{indent}"))),
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

        #[test]
        fn well_formed_documents_mean_the_same_to_both_readers(lines in tree(3)) {
            let dedented: Vec<String> = lines.iter().skip(1).map(|line| line.strip_prefix("  ").unwrap_or(line).to_owned()).collect();
            let text = dedented.join("\n");
            if let Some(node) = quick(&text) {
                prop_assert_eq!(Ok(node), parse_yaml_completely(&text), "{}", text);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

        #[test]
        fn what_is_read_means_the_same_to_the_complete_reader(lines in prop::collection::vec(line(), 0..8)) {
            let text = lines.concat();
            if let Some(node) = quick(&text) {
                prop_assert_eq!(Ok(node), parse_yaml_completely(&text), "{}", text);
            }
        }
    }
}
