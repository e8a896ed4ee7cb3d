//! A certificate authority for tests, and what it signs. All keys are ECDSA P-256.

use base64::Engine as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// A day, as year, month, day.
pub type Day = (i32, u8, u8);

/// An authority with a key and a certificate of its own.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: rcgen::Certificate,
}

/// A signed certificate with its key.
#[derive(Clone)]
pub struct Leaf {
    /// The certificate, PEM.
    pub certificate_pem: String,
    /// The certificate, DER.
    pub certificate_der: Vec<u8>,
    /// The private key, PEM (PKCS #8).
    pub key_pem: String,
    /// The private key, DER (PKCS #8).
    pub key_der: Vec<u8>,
}

impl Authority {
    /// A new authority of this common name, valid from 1975 to 4096.
    ///
    /// # Errors
    ///
    /// If a key can't be made; so with all methods here.
    pub fn new(name: &str) -> Result<Self, rcgen::Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        Ok(Self {
            issuer: Issuer::new(params, key),
            certificate,
        })
    }

    /// Its certificate, PEM.
    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// Its certificate, DER.
    pub fn der(&self) -> Vec<u8> {
        self.certificate.der().to_vec()
    }

    /// A server certificate for host names, wildcards (`*.example.com`) or IP addresses.
    ///
    /// # Errors
    ///
    /// If a name is not ASCII.
    pub fn server(&self, names: &[&str]) -> Result<Leaf, rcgen::Error> {
        self.server_between(names, (1975, 1, 1), (4096, 1, 1))
    }

    /// A server certificate whose time is over since 2001.
    ///
    /// # Errors
    ///
    /// If a name is not ASCII.
    pub fn expired_server(&self, names: &[&str]) -> Result<Leaf, rcgen::Error> {
        self.server_between(names, (2000, 1, 1), (2001, 1, 1))
    }

    /// A server certificate valid from the start of one day to the start of another.
    ///
    /// # Errors
    ///
    /// If a name is not ASCII.
    pub fn server_between(
        &self,
        names: &[&str],
        from: Day,
        until: Day,
    ) -> Result<Leaf, rcgen::Error> {
        let mut params = params(names)?;
        params.not_before = date_time_ymd(from.0, from.1, from.2);
        params.not_after = date_time_ymd(until.0, until.1, until.2);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(&params)
    }

    /// A client certificate with this common name.
    ///
    /// # Errors
    ///
    /// If a key can't be made.
    pub fn client(&self, name: &str) -> Result<Leaf, rcgen::Error> {
        let mut params = params(&[])?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(&params)
    }

    fn sign(&self, params: &CertificateParams) -> Result<Leaf, rcgen::Error> {
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Leaf::new(&certificate, &key))
    }
}

impl Leaf {
    /// A server certificate that signs itself, as a user's own might.
    ///
    /// # Errors
    ///
    /// If a name is not ASCII.
    pub fn self_signed(names: &[&str]) -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate()?;
        Ok(Self::new(&params(names)?.self_signed(&key)?, &key))
    }

    /// A Kubernetes Secret of type `kubernetes.io/tls` with this certificate, YAML.
    pub fn secret(&self, namespace: &str, name: &str) -> String {
        let base64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\n  namespace: {namespace}\n\
             type: kubernetes.io/tls\ndata:\n  tls.crt: {}\n  tls.key: {}\n",
            base64(&self.certificate_pem),
            base64(&self.key_pem)
        )
    }

    fn new(certificate: &rcgen::Certificate, key: &KeyPair) -> Self {
        Self {
            certificate_pem: certificate.pem(),
            certificate_der: certificate.der().to_vec(),
            key_pem: key.serialize_pem(),
            key_der: key.serialize_der(),
        }
    }
}

fn params(names: &[&str]) -> Result<CertificateParams, rcgen::Error> {
    let mut params =
        CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    if let Some(name) = names.first() {
        params.distinguished_name.push(DnType::CommonName, *name);
    }
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authority() -> Authority {
        Authority::new("test authority").unwrap()
    }

    #[test]
    fn leaves_differ_and_carry_their_own_key() {
        let authority = authority();
        let one = authority
            .server(&["a.example", "*.b.example", "127.0.0.1"])
            .unwrap();
        let two = authority.server(&["a.example"]).unwrap();
        assert_ne!(one.certificate_der, two.certificate_der);
        let key = KeyPair::from_pem(&one.key_pem).unwrap();
        assert_eq!(key.serialize_der(), one.key_der);
        // A certificate holds its public key as it is.
        let public = key.public_key_raw();
        let holds = |der: &[u8]| der.windows(public.len()).any(|window| window == public);
        assert!(holds(&one.certificate_der));
        assert!(!holds(&two.certificate_der));
    }

    #[test]
    fn validity_is_as_asked() {
        let leaf = authority().expired_server(&["a.example"]).unwrap();
        // UTCTime of 2000-01-01 and 2001-01-01 (RFC 5280 §4.1.2.5.1).
        for time in [b"000101000000Z", b"010101000000Z"] {
            assert!(
                leaf.certificate_der
                    .windows(time.len())
                    .any(|window| window == time)
            );
        }
    }

    #[test]
    fn secret_holds_both_files_in_base64() {
        let leaf = Leaf::self_signed(&["a.example"]).unwrap();
        let secret = leaf.secret("shop", "tls");
        let encoded = secret
            .lines()
            .find_map(|line| line.strip_prefix("  tls.key: "))
            .unwrap();
        let decoded = base64::engine::general_purpose::STANDARD
            .decode(encoded)
            .unwrap();
        assert_eq!(decoded, leaf.key_pem.as_bytes());
        assert!(secret.contains("  name: tls\n  namespace: shop\n"));
    }

    #[test]
    fn a_name_that_is_not_ascii_is_refused() {
        assert!(authority().server(&["ü.example"]).is_err());
    }
}
