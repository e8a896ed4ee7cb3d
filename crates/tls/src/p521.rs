//! The key exchange group secp521r1, which Traefik offers and rustls' provider lacks (RFC 8446 §4.2.8.2).

use aws_lc_rs::agreement::{self, ECDH_P521, EphemeralPrivateKey, UnparsedPublicKey};
use aws_lc_rs::rand::SystemRandom;
use rustls::crypto::{ActiveKeyExchange, SharedSecret, SupportedKxGroup};
use rustls::ffdhe_groups::FfdheGroup;
use rustls::{Error, NamedGroup, PeerMisbehaved};

/// First byte of an uncompressed point, the only form allowed in TLS.
const UNCOMPRESSED: u8 = 4;

/// The group.
pub(crate) static SECP521R1: &dyn SupportedKxGroup = &Secp521r1;

#[derive(Debug)]
struct Secp521r1;

impl SupportedKxGroup for Secp521r1 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let private_key = EphemeralPrivateKey::generate(&ECDH_P521, &SystemRandom::new())
            .map_err(|_| Error::FailedToGetRandomBytes)?;
        let public_key = private_key
            .compute_public_key()
            .map_err(|_| Error::FailedToGetRandomBytes)?;
        Ok(Box::new(Exchange {
            private_key,
            public_key: public_key.as_ref().to_vec(),
        }))
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::secp521r1
    }
}

/// An exchange that has begun.
struct Exchange {
    private_key: EphemeralPrivateKey,
    public_key: Vec<u8>,
}

impl ActiveKeyExchange for Exchange {
    fn complete(self: Box<Self>, peer_public_key: &[u8]) -> Result<SharedSecret, Error> {
        let invalid = || Error::from(PeerMisbehaved::InvalidKeyShare);
        if peer_public_key.first() != Some(&UNCOMPRESSED) {
            return Err(invalid());
        }
        // The agreement checks that the point is on the curve.
        let peer = UnparsedPublicKey::new(&ECDH_P521, peer_public_key);
        agreement::agree_ephemeral(self.private_key, peer, invalid(), |secret| {
            Ok(SharedSecret::from(secret))
        })
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn pub_key(&self) -> &[u8] {
        &self.public_key
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::secp521r1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_agree_and_bad_shares_are_refused() {
        let [ours, theirs] = [0, 1].map(|_| SECP521R1.start().unwrap());
        // RFC 8446 §4.2.8.2: one byte and two coordinates of 66 bytes.
        assert_eq!(ours.pub_key().len(), 133);
        let [our_share, their_share] = [&ours, &theirs].map(|side| side.pub_key().to_vec());
        let one = ours.complete(&their_share).unwrap();
        let two = theirs.complete(&our_share).unwrap();
        assert_eq!(one.secret_bytes(), two.secret_bytes());
        assert_eq!(one.secret_bytes().len(), 66);
        let mut off_curve = our_share.clone();
        off_curve[100] ^= 1;
        let mut compressed = our_share[..67].to_vec();
        compressed[0] = 2;
        for bad in [&off_curve[..], &compressed, &our_share[1..], &[], &[4]] {
            assert!(SECP521R1.start().unwrap().complete(bad).is_err());
        }
    }
}
