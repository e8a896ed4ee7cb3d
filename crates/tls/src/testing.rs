//! What tests share: certificates of an authority, and handshakes in memory.

use std::sync::Arc;

use pointsman_config::Secret;
use pointsman_config::dynamic::tls::{Certificate as Configured, CertificateAndStores};
use pointsman_testkit::certs::Leaf;
use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection};
use rustls_pki_types::{ServerName, UnixTime};

use crate::CertificateSource;
use crate::certificate::{Certificate, PemPair};

/// 2026-01-01.
pub(crate) fn now() -> UnixTime {
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_767_225_600))
}

pub(crate) fn configured(leaf: &Leaf) -> Configured {
    Configured {
        cert_file: leaf.certificate_pem.clone(),
        key_file: Secret::new(leaf.key_pem.clone()),
    }
}

pub(crate) fn source_of(object: &str, certificate: Configured) -> CertificateSource {
    CertificateSource {
        object: object.into(),
        owner: Some(object.into()),
        certificate: Arc::new(CertificateAndStores {
            certificate,
            ..CertificateAndStores::default()
        }),
    }
}

/// A source that is its own owner.
pub(crate) fn source(object: &str, leaf: &Leaf) -> CertificateSource {
    source_of(object, configured(leaf))
}

pub(crate) fn parse(leaf: &Leaf) -> Certificate {
    Certificate::parse(&PemPair {
        chain: leaf.certificate_pem.as_bytes().into(),
        key: leaf.key_pem.as_bytes().into(),
    })
    .unwrap()
}

/// A finished handshake, or the error of the side that gave up first.
pub(crate) fn handshake(
    client: &Arc<ClientConfig>,
    server: &Arc<ServerConfig>,
    name: &str,
) -> Result<(ClientConnection, ServerConnection), rustls::Error> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::clone(client), name)?;
    let mut server = ServerConnection::new(Arc::clone(server))?;
    let mut bytes = Vec::new();
    loop {
        let mut moved = false;
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        moved |= !bytes.is_empty();
        feed(&mut bytes, |rest| server.read_tls(rest));
        server.process_new_packets()?;
        while server.wants_write() {
            server.write_tls(&mut bytes).unwrap();
        }
        moved |= !bytes.is_empty();
        feed(&mut bytes, |rest| client.read_tls(rest));
        client.process_new_packets()?;
        if !moved {
            assert!(!client.is_handshaking() && !server.is_handshaking());
            return Ok((client, server));
        }
    }
}

fn feed(bytes: &mut Vec<u8>, mut read: impl FnMut(&mut &[u8]) -> std::io::Result<usize>) {
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        read(&mut rest).unwrap();
    }
    bytes.clear();
}
