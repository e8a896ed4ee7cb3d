//! `passTLSClientCert` as data.

use crate::decode::Options;

/// Tells the server about the client's certificate. Traefik: `passTLSClientCert`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct PassTlsClientCert {
    /// Send the certificate in `X-Forwarded-Tls-Client-Cert`. Default false.
    pub pem: bool,
    /// Send these parts in `X-Forwarded-Tls-Client-Cert-Info`.
    pub info: Option<ClientCertInfo>,
}

/// Parts of a client certificate. Traefik: `passTLSClientCert.info`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct ClientCertInfo {
    /// End of validity. Default false.
    pub not_after: bool,
    /// Begin of validity. Default false.
    pub not_before: bool,
    /// Subject alternative names. Default false.
    pub sans: bool,
    /// Serial number. Default false.
    pub serial_number: bool,
    /// Parts of the subject.
    pub subject: Option<ClientCertSubject>,
    /// Parts of the issuer.
    pub issuer: Option<ClientCertIssuer>,
}

/// Parts of the subject's name. Traefik: `passTLSClientCert.info.subject`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct ClientCertSubject {
    /// `C`. Default false.
    pub country: bool,
    /// `ST`. Default false.
    pub province: bool,
    /// `L`. Default false.
    pub locality: bool,
    /// `O`. Default false.
    pub organization: bool,
    /// `OU`. Default false.
    pub organizational_unit: bool,
    /// `CN`. Default false.
    pub common_name: bool,
    /// `SN`. Default false.
    pub serial_number: bool,
    /// `DC`. Default false.
    pub domain_component: bool,
}

/// Parts of the issuer's name. Traefik: `passTLSClientCert.info.issuer`.
#[derive(Debug, Clone, PartialEq, Eq, Options)]
pub struct ClientCertIssuer {
    /// `C`. Default false.
    pub country: bool,
    /// `ST`. Default false.
    pub province: bool,
    /// `L`. Default false.
    pub locality: bool,
    /// `O`. Default false.
    pub organization: bool,
    /// `CN`. Default false.
    pub common_name: bool,
    /// `SN`. Default false.
    pub serial_number: bool,
    /// `DC`. Default false.
    pub domain_component: bool,
}
