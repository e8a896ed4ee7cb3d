//! Where a decoder stands, and the mistakes that it found.

use std::fmt;

use super::{Node, Source, Value};
use crate::diagnostic::{Diagnostic, Severity};

/// One mistake in a configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The object that the option belongs to, `router "web"`; empty outside of objects.
    pub object: String,
    /// Full path of the option, from `object` if there is one, else from the root: `http.tls.domains[0].main`.
    pub path: String,
    /// Where it stands.
    pub source: Source,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong and what cures it: lower case, no full stop.
    pub message: String,
}

impl Problem {
    /// The problem as a [`Diagnostic`]; `root` names the source for options outside of objects.
    pub fn into_diagnostic(self, root: &str) -> Diagnostic {
        let object = if self.object.is_empty() {
            root.to_owned()
        } else {
            self.object
        };
        let message = match self.source {
            Source::Line(line) => format!("{} (line {line})", self.message),
            Source::Name(_) | Source::Unknown => self.message,
        };
        Diagnostic {
            object,
            field: self.path,
            severity: self.severity,
            message,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.object.is_empty() {
            write!(f, "{}: ", self.object)?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        match &self.source {
            Source::Unknown => Ok(()),
            Source::Line(line) => write!(f, " (line {line})"),
            Source::Name(name) => write!(f, " (given as {name})"),
        }
    }
}

/// Where a decoder stands, and what it found wrong so far.
#[derive(Debug, Default)]
pub struct Context {
    object: String,
    path: Vec<Step>,
    pub(super) problems: Vec<Problem>,
    secret: bool,
    pub(super) label_markers: bool,
    pub(super) beside: Vec<&'static str>,
}

#[derive(Debug)]
enum Step {
    Key(String),
    Index(usize),
}

impl Context {
    /// Reports a mistake at the present path.
    pub fn error(&mut self, node: &Node, message: impl Into<String>) {
        self.report(Severity::Error, &node.source, message.into());
    }

    /// Reports something that works, but not as its author may believe.
    pub fn warning(&mut self, node: &Node, message: impl Into<String>) {
        self.report(Severity::Warning, &node.source, message.into());
    }

    /// Does `read` one key deeper.
    pub fn key<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        self.step(Step::Key(key.to_owned()), read)
    }

    /// Does `read` one element deeper.
    pub fn index<T>(&mut self, index: usize, read: impl FnOnce(&mut Self) -> T) -> T {
        self.step(Step::Index(index), read)
    }

    /// Does `read` where `names` are options too, which are read elsewhere: the names near an unknown one may be
    /// among them.
    pub fn beside<T>(&mut self, names: &[&'static str], read: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.beside, names.to_vec());
        let value = read(self);
        self.beside = before;
        value
    }

    /// Does `read` without ever repeating a value in a message.
    pub fn secretly<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.secret, true);
        let value = read(self);
        self.secret = before;
        value
    }

    /// Does `read` inside the object `object`; paths start anew there. `None` if it has a mistake that is an error:
    /// what is half understood is not used.
    pub fn object<T>(
        &mut self,
        object: String,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let object = std::mem::replace(&mut self.object, object);
        let path = std::mem::take(&mut self.path);
        let from = self.problems.len();
        let value = read(self);
        self.object = object;
        self.path = path;
        let failed = self
            .problems
            .iter()
            .skip(from)
            .any(|problem| problem.severity == Severity::Error);
        value.filter(|_| !failed)
    }

    /// `text` in quotes, or what stands for it if it is secret.
    pub fn quote(&self, text: &str) -> String {
        if self.secret {
            "the value".to_owned()
        } else {
            format!("{text:?}")
        }
    }

    /// What `node` is, for a message about what it should be.
    pub fn found(&self, node: &Node) -> String {
        match &node.value {
            Value::Null => "nothing".to_owned(),
            Value::Text(text) => self.quote(text),
            Value::Repeated(_) => "several values".to_owned(),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a section".to_owned(),
        }
    }

    /// The scalar that `node` holds; any other value is a mistake, for `expected` belongs there.
    pub fn scalar<'n>(&mut self, node: &'n Node, expected: &str) -> Option<&'n str> {
        match &node.value {
            Value::Text(text) => Some(text),
            Value::Repeated(texts) => texts.last().map(String::as_str),
            Value::Null | Value::List(_) | Value::Map(_) => {
                let found = self.found(node);
                self.error(node, format!("{found} is not {expected}"));
                None
            }
        }
    }

    fn step<T>(&mut self, step: Step, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step);
        let beside = std::mem::take(&mut self.beside);
        let value = read(self);
        self.beside = beside;
        self.path.pop();
        value
    }

    fn report(&mut self, severity: Severity, source: &Source, message: String) {
        self.problems.push(Problem {
            object: self.object.clone(),
            path: self.rendered_path(),
            source: source.clone(),
            severity,
            message,
        });
    }

    fn rendered_path(&self) -> String {
        let mut text = String::new();
        for step in &self.path {
            match step {
                Step::Key(key) => {
                    if !text.is_empty() {
                        text.push('.');
                    }
                    text.push_str(key);
                }
                Step::Index(index) => text.push_str(&format!("[{index}]")),
            }
        }
        text
    }
}
