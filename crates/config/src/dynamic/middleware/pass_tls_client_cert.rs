//! `passTLSClientCert` as data.

use serde::Serialize;

use crate::dynamic::http::is_false;

/// Tells the server about the client's certificate. Traefik: `passTLSClientCert`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PassTlsClientCert {
    /// Send the certificate in `X-Forwarded-Tls-Client-Cert`. Default false.
    #[serde(skip_serializing_if = "is_false")]
    pub pem: bool,
    /// Send these parts in `X-Forwarded-Tls-Client-Cert-Info`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub info: Option<ClientCertInfo>,
}

/// Parts of a client certificate. Traefik: `passTLSClientCert.info`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientCertInfo {
    /// End of validity. Default false.
    #[serde(skip_serializing_if = "is_false")]
    pub not_after: bool,
    /// Begin of validity. Default false.
    #[serde(skip_serializing_if = "is_false")]
    pub not_before: bool,
    /// Subject alternative names. Default false.
    #[serde(skip_serializing_if = "is_false")]
    pub sans: bool,
    /// Serial number. Default false.
    #[serde(skip_serializing_if = "is_false")]
    pub serial_number: bool,
    /// Parts of the subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<ClientCertSubject>,
    /// Parts of the issuer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<ClientCertIssuer>,
}

/// Parts of the subject's name. Traefik: `passTLSClientCert.info.subject`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientCertSubject {
    /// `C`. Default false.
    #[serde(skip_serializing_if = "is_false")]
    pub country: bool,
    /// `ST`. Default false.
    #[serde(skip_serializing_if = "is_false")]
    pub province: bool,
    /// `L`. Default false.
    #[serde(skip_serializing_if = "is_false")]
    pub locality: bool,
    /// `O`. Default false.
    #[serde(skip_serializing_if = "is_false")]
    pub organization: bool,
    /// `OU`. Default false.
    #[serde(skip_serializing_if = "is_false")]
    pub organizational_unit: bool,
    /// `CN`. Default false.
    #[serde(skip_serializing_if = "is_false")]
    pub common_name: bool,
    /// `SN`. Default false.
    #[serde(skip_serializing_if = "is_false")]
    pub serial_number: bool,
    /// `DC`. Default false.
    #[serde(skip_serializing_if = "is_false")]
    pub domain_component: bool,
}

/// Parts of the issuer's name. Traefik: `passTLSClientCert.info.issuer`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientCertIssuer {
    /// `C`. Default false.
    #[serde(skip_serializing_if = "is_false")]
    pub country: bool,
    /// `ST`. Default false.
    #[serde(skip_serializing_if = "is_false")]
    pub province: bool,
    /// `L`. Default false.
    #[serde(skip_serializing_if = "is_false")]
    pub locality: bool,
    /// `O`. Default false.
    #[serde(skip_serializing_if = "is_false")]
    pub organization: bool,
    /// `CN`. Default false.
    #[serde(skip_serializing_if = "is_false")]
    pub common_name: bool,
    /// `SN`. Default false.
    #[serde(skip_serializing_if = "is_false")]
    pub serial_number: bool,
    /// `DC`. Default false.
    #[serde(skip_serializing_if = "is_false")]
    pub domain_component: bool,
}
