//! A file's text → its documents.

use super::node::Node;
use super::plain;

/// The text of one YAML document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Document<'a> {
    pub(super) text: &'a str,
    /// Line of the file on which the text begins, from 1.
    pub(super) line: usize,
}

/// A syntax error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("document {document} (from line {line}): {message}")]
pub(super) struct SyntaxError {
    /// From 1.
    document: usize,
    line: usize,
    message: String,
}

/// Parses every document of a file. Empty ones (only comments) are left out, but counted.
pub(super) fn parse(text: &str, json: bool) -> Result<Vec<(usize, Node<'_>)>, SyntaxError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if json || text.trim_start().starts_with('{') {
        match parse_json(text) {
            Ok(nodes) => return Ok(nodes),
            Err(error) if json => return Err(error),
            // A YAML file may begin with a flow mapping.
            Err(_) => {}
        }
    }
    parse_yaml_documents(&split(text), 0)
}

/// Parses documents, the first of which is number `before + 1` of its file.
pub(super) fn parse_yaml_documents<'a>(
    documents: &[Document<'a>],
    before: usize,
) -> Result<Vec<(usize, Node<'a>)>, SyntaxError> {
    let mut nodes = Vec::new();
    for (index, document) in (before + 1..).zip(documents) {
        let node = parse_yaml(document.text).map_err(|message| SyntaxError {
            document: index,
            line: document.line,
            message,
        })?;
        if node != Node::Null {
            nodes.push((index, node));
        }
    }
    Ok(nodes)
}

fn parse_json(text: &str) -> Result<Vec<(usize, Node<'_>)>, SyntaxError> {
    serde_json::Deserializer::from_str(text)
        .into_iter::<Node<'_>>()
        .enumerate()
        .map(|(index, node)| match node {
            Ok(node) => Ok((index + 1, node)),
            Err(error) => Err(SyntaxError {
                document: index + 1,
                line: error.line(),
                message: error.to_string(),
            }),
        })
        .collect()
}

fn parse_yaml(text: &str) -> Result<Node<'_>, String> {
    match plain::read(text, &|scalar| parse_yaml_completely(scalar).ok()) {
        Some(node) => Ok(node),
        None => parse_yaml_completely(text),
    }
}

/// The reader for all of YAML.
pub(super) fn parse_yaml_completely(text: &str) -> Result<Node<'_>, String> {
    let options = serde_saphyr::options! {
        // A `List` of a whole cluster is one document; the file's size is what bounds the work.
        budget: serde_saphyr::budget! {
            max_events: 100_000_000,
            max_nodes: 50_000_000,
        },
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options::<Option<Node<'_>>>(text, options)
        .map(|node| node.unwrap_or(Node::Null))
        .map_err(|error| error.to_string().replace('\n', " "))
}

/// Cuts at `---` and `...` lines. Exact: YAML 1.2 §9.1 forbids both at the start of a line inside any scalar.
pub(super) fn split(text: &str) -> Vec<Document<'_>> {
    let mut documents = Vec::new();
    let mut current = Cut {
        start: 0,
        line: 1,
        begun: false,
    };
    let mut offset = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let end = offset + line.len();
        if is_marker(line, "---") {
            current.finish(text, offset, &mut documents);
            // Content may follow on the line of the marker.
            current = Cut {
                start: offset + 3,
                line: index + 1,
                begun: true,
            };
        } else if is_marker(line, "...") {
            current.finish(text, offset, &mut documents);
            current = Cut {
                start: end,
                line: index + 2,
                begun: false,
            };
        }
        offset = end;
    }
    current.finish(text, text.len(), &mut documents);
    documents
}

struct Cut {
    start: usize,
    line: usize,
    /// Whether a `---` opened it; otherwise it counts only when it has content.
    begun: bool,
}

impl Cut {
    fn finish<'a>(&self, text: &'a str, end: usize, documents: &mut Vec<Document<'a>>) {
        let text = text.get(self.start..end).unwrap_or("");
        let blank = |line: &str| {
            let line = line.trim_start();
            line.is_empty() || line.starts_with('#')
        };
        // Before `---` also directives (`%YAML 1.2`) are no content.
        if self.begun
            || !text
                .lines()
                .all(|line| blank(line) || line.starts_with('%'))
        {
            documents.push(Document {
                text,
                line: self.line,
            });
        }
    }
}

fn is_marker(line: &str, marker: &str) -> bool {
    line.strip_prefix(marker)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<(&str, usize)> {
        split(text)
            .into_iter()
            .map(|document| (document.text.trim(), document.line))
            .collect()
    }

    #[test]
    fn documents_are_cut_at_markers() {
        assert_eq!(
            texts("a: 1\n---\nb: 2\n--- \nc: 3"),
            [("a: 1", 1), ("b: 2", 2), ("c: 3", 4)]
        );
        assert_eq!(
            texts("---\na: 1\n...\n---\nb: 2\n"),
            [("a: 1", 1), ("b: 2", 4)]
        );
        assert_eq!(texts("# only a comment\n---\na: 1"), [("a: 1", 2)]);
        assert_eq!(texts("%YAML 1.2\n---\na: 1"), [("a: 1", 2)]);
        assert_eq!(
            texts("--- {a: 1}\r\n---\r\nb: 1\r\n"),
            [("{a: 1}", 1), ("b: 1", 2)]
        );
        assert_eq!(texts(""), []);
    }

    #[test]
    fn pem_lines_and_indented_dashes_are_no_markers() {
        let text = "key: |\n  -----BEGIN\n  ---\n-----BEGIN: 1\n";
        assert_eq!(texts(text), [(text.trim(), 1)]);
    }

    #[test]
    fn a_syntax_error_names_document_and_line() {
        let error = parse("a: 1\n---\nb: [1\n", false).unwrap_err().to_string();
        assert!(error.starts_with("document 2 (from line 2): "), "{error}");
    }

    #[test]
    fn json_streams_and_flow_mappings_are_read() {
        assert_eq!(parse("{\"a\": 1}\n{\"b\": 2}", true).unwrap().len(), 2);
        assert_eq!(parse("{a: 1}\n---\n{b: 2}", false).unwrap().len(), 2);
        assert!(parse("{a: 1}", true).is_err());
    }

    #[test]
    fn scalars_keep_their_types() {
        let nodes = parse(
            "a: true\nb: 12\nc: \"12\"\nd: 2024-01-02T03:04:05Z\ne:\nf: 0.5\ng: yes\n",
            false,
        )
        .unwrap();
        let node = &nodes[0].1;
        assert_eq!(node.child("a"), &Node::Bool(true));
        assert_eq!(node.child("b"), &Node::Int(12));
        assert_eq!(node.child("c").as_text(), Some("12"));
        assert_eq!(node.child("d").as_text(), Some("2024-01-02T03:04:05Z"));
        assert_eq!(node.child("e"), &Node::Null);
        assert_eq!(node.child("f"), &Node::Number("0.5".to_owned()));
        assert_eq!(node.child("missing"), &Node::Null);
    }
}
