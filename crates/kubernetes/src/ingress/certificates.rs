//! TLS Secrets → certificates. Traefik: `ingress/kubernetes.go`, `getCertificates`.

use std::sync::Arc;

use pointsman_config::Secret as Hidden;
use pointsman_config::dynamic::tls::{Certificate, CertificateAndStores};

use crate::snapshot::{ObjectName, Snapshot};

/// The certificate in a Secret, or what is wrong with it.
pub(super) fn load(
    name: &ObjectName,
    snapshot: &Snapshot,
) -> Result<Arc<CertificateAndStores>, String> {
    let Some(secret) = snapshot.secret(name) else {
        return Err(format!(
            "secret {name} does not exist: create it or correct secretName"
        ));
    };
    let entries = [
        ("tls.crt", secret.certificate.as_deref()),
        ("tls.key", secret.key.as_ref().map(|key| &**key.expose())),
    ];
    let missing: Vec<&str> = entries
        .iter()
        .filter(|(_, value)| value.is_none())
        .map(|(key, _)| *key)
        .collect();
    if !missing.is_empty() {
        return Err(format!(
            "secret {name} is missing the following TLS data entries: {}",
            missing.join(", ")
        ));
    }
    let empty: Vec<&str> = entries
        .iter()
        .filter(|(_, value)| *value == Some(""))
        .map(|(key, _)| *key)
        .collect();
    if !empty.is_empty() {
        return Err(format!(
            "secret {name} contains the following empty TLS data entries: {}",
            empty.join(", ")
        ));
    }
    let [certificate, key] = entries.map(|(_, value)| value.unwrap_or_default().to_owned());
    Ok(Arc::new(CertificateAndStores {
        certificate: Certificate {
            cert_file: certificate,
            key_file: Hidden::new(key),
        },
        stores: Vec::new(),
        origin: Some(format!("Secret {name}").into()),
    }))
}
