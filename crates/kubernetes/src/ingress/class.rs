//! Which Ingresses are ours.

use std::collections::BTreeSet;
use std::sync::Arc;

use pointsman_config::Diagnostic;

use super::options::Options;
use crate::snapshot::{Ingress, Snapshot};

/// `spec.controller` of the IngressClasses that are ours.
const CONTROLLERS: [&str; 2] = [
    "traefik.io/ingress-controller",
    "pointsman.io/ingress-controller",
];
/// Values of the class annotation that are accepted while no class is configured.
const ANNOTATIONS: [&str; 2] = ["traefik", "pointsman"];

/// Names of IngressClasses.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Classes {
    /// Those that an Ingress of ours may name.
    ours: BTreeSet<Arc<str>>,
    /// All; `None` when they are not looked at.
    all: Option<BTreeSet<Arc<str>>>,
}

/// The IngressClasses that are ours: by controller, and by name when one is configured.
pub(super) fn classes(snapshot: &Snapshot, options: &Options) -> Classes {
    if options.disable_ingress_class_lookup || options.disable_cluster_scope_resources {
        return Classes::default();
    }
    let ours = snapshot.ingress_classes().filter(|class| {
        CONTROLLERS.contains(&&*class.controller)
            && (options.ingress_class.is_empty() || *class.name == options.ingress_class)
    });
    Classes {
        ours: ours.map(|class| class.name.clone()).collect(),
        all: Some(
            snapshot
                .ingress_classes()
                .map(|class| class.name.clone())
                .collect(),
        ),
    }
}

/// Whether an Ingress is ours. An `ingressClassName`, even an empty one, hides the annotation.
pub(super) fn is_ours(ingress: &Ingress, classes: &Classes, options: &Options) -> bool {
    if !options.watches(&ingress.name.namespace) || !options.label_selector.matches(&ingress.labels)
    {
        return false;
    }
    if let Some(class) = &ingress.class_name {
        return classes.ours.contains(class);
    }
    let annotation = ingress.class_annotation.as_deref().unwrap_or("");
    annotation == options.ingress_class
        || options.ingress_class.is_empty() && ANNOTATIONS.contains(&annotation)
}

/// A note on an Ingress that is not ours only because the class that it names does not exist.
pub(super) fn note(ingress: &Ingress, classes: &Classes, options: &Options) -> Option<Diagnostic> {
    let class = ingress.class_name.as_ref()?;
    let missing = !class.is_empty() && !classes.all.as_ref()?.contains(class);
    let watched =
        options.watches(&ingress.name.namespace) && options.label_selector.matches(&ingress.labels);
    (missing && watched).then(|| {
        let message = format!(
            "ignored: there is no IngressClass {class}; create one with spec.controller {}",
            CONTROLLERS.first().unwrap_or(&"")
        );
        Diagnostic::info(
            format!("Ingress {}", ingress.name),
            "spec.ingressClassName",
            message,
        )
    })
}
