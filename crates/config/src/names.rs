//! Names of objects: `web` inside its provider, `web@file` everywhere else.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// The provider of built-in objects (`api@internal`).
pub const INTERNAL: &str = "internal";

/// An object's name together with the provider that it comes from; prints as `name@provider`.
///
/// Cheap to clone. Ordered by its printed form.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QualifiedName {
    full: Arc<str>,
    at: u32,
}

impl QualifiedName {
    /// The object `name` of `provider`.
    pub fn new(name: &str, provider: &str) -> Self {
        let at = u32::try_from(name.len()).unwrap_or(u32::MAX);
        Self {
            full: format!("{name}@{provider}").into(),
            at,
        }
    }

    /// What `reference` means when an object of `provider` says it: with an `@` it is qualified already, without one
    /// it names an object of the same provider.
    pub fn resolve(reference: &str, provider: &str) -> Self {
        match reference.rsplit_once('@') {
            Some((name, provider)) => Self::new(name, provider),
            None => Self::new(reference, provider),
        }
    }

    /// The part before the `@`.
    pub fn name(&self) -> &str {
        self.full.get(..self.at as usize).unwrap_or(&self.full)
    }

    /// The part after the `@`.
    pub fn provider(&self) -> &str {
        self.full.get(self.at as usize + 1..).unwrap_or("")
    }

    /// `name@provider`.
    pub fn as_str(&self) -> &str {
        &self.full
    }
}

impl fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full)
    }
}

impl fmt::Debug for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.full)
    }
}

impl Serialize for QualifiedName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_without_provider_stay_in_their_own() {
        let own = QualifiedName::resolve("auth", "file");
        assert_eq!(
            (own.name(), own.provider(), own.as_str()),
            ("auth", "file", "auth@file")
        );
        let other = QualifiedName::resolve("a@b@kubernetescrd", "file");
        assert_eq!((other.name(), other.provider()), ("a@b", "kubernetescrd"));
    }
}
