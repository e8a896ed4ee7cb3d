//! Problems tied to an object of the configuration.

use serde::Serialize;

/// How bad a [`Diagnostic`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing is disabled.
    Info,
    /// The object works, but not as its author may believe.
    Warning,
    /// The object, or a part of it, is disabled.
    Error,
}

/// One problem, with everything its reader needs: which object, which field, what is wrong and how to cure it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Diagnostic {
    /// The object, as its owner knows it: `Ingress shop/front`, `file routes.yaml`, `router web@file`.
    pub object: String,
    /// Path of the field inside the object, `spec.rules[0].http.paths[1]`; empty for the object as a whole.
    pub field: String,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong and what cures it: lower case, no full stop.
    pub message: String,
}

impl Diagnostic {
    /// A problem that disables the object or the part of it that `field` names.
    pub fn error(
        object: impl Into<String>,
        field: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            object: object.into(),
            field: field.into(),
            severity: Severity::Error,
            message: message.into(),
        }
    }

    /// A problem that disables nothing.
    pub fn warning(
        object: impl Into<String>,
        field: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(object, field, message)
        }
    }

    /// A note.
    pub fn info(
        object: impl Into<String>,
        field: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Info,
            ..Self::error(object, field, message)
        }
    }
}

impl std::fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let severity = match self.severity {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{severity}: {}: ", self.object)?;
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)
    }
}
