//! Options that are a file's path or the text itself. Traefik: `FileOrContent`.

use std::borrow::Cow;
use std::io;

/// A file that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("file {path:?} cannot be read: {source}")]
pub struct SourceError {
    path: String,
    source: io::Error,
}

/// Is it PEM text, so that no file is meant?
pub(crate) fn is_text(value: &str) -> bool {
    value.contains("-----BEGIN ")
}

/// The PEM text that `value` is, or that the file of this path holds.
pub(crate) fn read(value: &str) -> Result<Cow<'_, [u8]>, SourceError> {
    if is_text(value) {
        return Ok(Cow::Borrowed(value.as_bytes()));
    }
    match std::fs::read(value) {
        Ok(bytes) => Ok(Cow::Owned(bytes)),
        Err(source) => Err(SourceError {
            path: shortened(value),
            source,
        }),
    }
}

/// A path for a message. What is neither PEM nor a file may be anything, a mangled key too: only a start is shown.
fn shortened(value: &str) -> String {
    const SHOWN: usize = 120;
    match value.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", value.get(..end).unwrap_or_default()),
        None => value.to_owned(),
    }
}
