//! The Ingress provider: `networking.k8s.io/v1` Ingresses → routers, services and certificates.
//!
//! Traefik: `providers.kubernetesIngress`, `pkg/provider/kubernetes/ingress`; objects are named `<name>@kubernetes`.
//!
//! Each Ingress is translated by itself into a fragment (`fragment.rs`), each backend into a service (`backend.rs`), each
//! Secret into a certificate. [`Translator`] remembers them with what they read, and does again only those that a change
//! touches. What concerns several Ingresses is decided when fragments are put together: names that two of them want
//! (`claims.rs`), exact paths against prefixes (`precedence.rs`), the one default backend. Wherever the reference leaves
//! the order to chance, the oldest object comes first: by creation time, then namespace, then name.
//!
//! Translation is pure: no clock, no I/O, no log. Start reading at [`Translator::translate`].

mod annotations;
mod backend;
mod certificates;
mod claims;
mod class;
mod fragment;
mod names;
mod options;
mod precedence;
mod rule;
mod selector;
mod status;
mod translator;

use std::sync::Arc;

use pointsman_config::{Diagnostic, dynamic::Configuration};

pub use options::{DefaultRuleSyntax, IngressEndpoint, Options, OptionsError};
pub use selector::{LabelSelector, LabelSelectorError};
pub use status::{StatusUpdate, WantedStatus, is_same_status};
pub use translator::Translator;

use crate::snapshot::Snapshot;

/// Name of the provider: its objects are `<name>@kubernetes`.
pub const PROVIDER: &str = "kubernetes";

/// Name of the service of the default backend.
const DEFAULT_BACKEND: &str = "default-backend";
/// Name of the router of the default backend.
const DEFAULT_ROUTER: &str = "default-router";

/// What a snapshot means.
#[derive(Debug, Clone, PartialEq)]
pub struct Translation {
    /// Routers, services and certificates. Objects that did not change since the last translation are the same `Arc`s;
    /// if nothing changed at all, so is this one.
    pub configuration: Arc<Configuration>,
    /// Every problem as it stands, sorted by object.
    pub diagnostics: Vec<Diagnostic>,
    /// What should stand in the status of the Ingresses.
    pub status: WantedStatus,
}

/// Translates a snapshot from scratch. A [`Translator`] that saw the same objects in any order gives the same result.
pub fn translate(snapshot: &Snapshot, options: &Options) -> Translation {
    Translator::default().translate(snapshot, options, &[])
}

#[cfg(test)]
mod tests;
