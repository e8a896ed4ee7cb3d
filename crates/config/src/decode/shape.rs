//! What a type accepts, as data: the source of `--help`, the reference pages and the JSON schema.

use serde_json::Value as Json;

/// What an option accepts.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// `true` or `false` (Go's `ParseBool`).
    Bool,
    /// A whole number between the bounds.
    Integer {
        /// Least.
        min: i64,
        /// Greatest.
        max: u64,
    },
    /// A number.
    Float,
    /// Any text.
    Text,
    /// Text that is never shown.
    Secret,
    /// A Go duration, or a bare number of seconds.
    Duration,
    /// One of some words.
    Word(Vec<Word>),
    /// A list.
    List(Box<Self>),
    /// Values by names of the user's choice.
    Map(Box<Self>),
    /// A value that may be absent.
    Optional(Box<Self>),
    /// A section of options.
    Section(Section),
    /// A section of which exactly one option must be set.
    Kinds(Section),
    /// Anything.
    Any,
}

/// One of the words of a [`Shape::Word`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The word.
    pub name: &'static str,
    /// What it means.
    pub doc: &'static str,
}

/// A section of options.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// Name of the type.
    pub name: &'static str,
    /// What it is.
    pub doc: &'static str,
    /// Its options, in order of declaration.
    pub options: Vec<OptionDoc>,
}

/// One option of a section.
#[derive(Debug, Clone, PartialEq)]
pub struct OptionDoc {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// What it accepts.
    pub shape: Shape,
    /// Its default as JSON; null when there is none.
    pub default: Json,
}

/// Where a path leads.
#[derive(Debug, Clone, PartialEq)]
pub struct Found<'s> {
    /// The path in its canonical spelling, names of the user's choice as given.
    pub path: String,
    /// What is there.
    pub shape: &'s Shape,
}

impl Shape {
    /// The options of a section (also of an optional one), or nothing.
    pub fn options(&self) -> &[OptionDoc] {
        match self {
            Self::Section(section) | Self::Kinds(section) => &section.options,
            Self::Optional(inner) => inner.options(),
            _ => &[],
        }
    }

    /// As [`Shape::options`], by value.
    pub fn into_options(self) -> Vec<OptionDoc> {
        match self {
            Self::Section(section) | Self::Kinds(section) => section.options,
            Self::Optional(inner) => inner.into_options(),
            _ => Vec::new(),
        }
    }

    /// The shape without the layer that says that it may be absent.
    pub fn required(&self) -> &Self {
        match self {
            Self::Optional(inner) => inner.required(),
            other => other,
        }
    }

    /// Whether a flag of this shape needs no value: `--ping` switches on.
    pub fn is_switch(&self) -> bool {
        matches!(
            self.required(),
            Self::Bool | Self::Section(_) | Self::Kinds(_)
        )
    }

    /// Where the keys of `path` lead, in any case; `None` if nowhere.
    pub fn find<'s>(&'s self, path: &[&str]) -> Option<Found<'s>> {
        let mut shape = self.required();
        let mut canonical = String::new();
        for key in path {
            let (name, index) = match key.split_once('[') {
                Some((name, index)) => (name, Some(index)),
                None => (*key, None),
            };
            let (next, spelled) = match shape {
                Self::Section(_) | Self::Kinds(_) => {
                    let option = shape
                        .options()
                        .iter()
                        .find(|option| option.name.eq_ignore_ascii_case(name))?;
                    (&option.shape, option.name)
                }
                Self::Map(value) => (&**value, name),
                Self::List(element) if name.bytes().all(|b| b.is_ascii_digit()) => {
                    (&**element, name)
                }
                Self::Any => (shape, name),
                _ => return None,
            };
            shape = next.required();
            if !canonical.is_empty() {
                canonical.push('.');
            }
            canonical.push_str(spelled);
            if let Some(index) = index {
                let Self::List(element) = shape else {
                    return None;
                };
                canonical.push('[');
                canonical.push_str(index);
                shape = element.required();
            }
        }
        Some(Found {
            path: canonical,
            shape,
        })
    }

    /// The type in a word or two, for tables.
    pub fn type_name(&self) -> String {
        match self {
            Self::Bool => "bool".to_owned(),
            Self::Integer { .. } => "integer".to_owned(),
            Self::Float => "number".to_owned(),
            Self::Text => "text".to_owned(),
            Self::Secret => "secret text".to_owned(),
            Self::Duration => "duration".to_owned(),
            Self::Word(words) => words
                .iter()
                .map(|word| word.name)
                .collect::<Vec<_>>()
                .join(" | "),
            Self::List(element) => format!("list of {}", element.type_name()),
            Self::Map(value) => format!("map of {}", value.type_name()),
            Self::Optional(inner) => inner.type_name(),
            Self::Section(_) | Self::Kinds(_) => "section".to_owned(),
            Self::Any => "any".to_owned(),
        }
    }
}
