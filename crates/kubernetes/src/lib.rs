//! Kubernetes objects in, dynamic configuration out.
//!
//! Three parts, from input to output:
//!
//! * [`snapshot`]: slim types with only the fields that are read, and [`snapshot::Snapshot`], the set of all objects.
//!   A folder of manifests and a live watch feed the same type, one [`snapshot::Change`] at a time.
//! * [`manifests`]: reads a folder of YAML and JSON manifests into changes.
//! * [`ingress`]: the Ingress provider. [`ingress::Translator`] makes a dynamic configuration, diagnostics and the
//!   wanted Ingress status out of a snapshot; it is pure and does again only what a change touches.
//!
//! Nothing here opens a connection, writes a status or watches a file; the only I/O is reading the folder's files in
//! [`manifests::Folder`]. Start reading at [`ingress::Translator::translate`].

pub mod ingress;
pub mod manifests;
pub mod snapshot;
