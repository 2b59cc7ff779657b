//! Bundles as they come from the directory, which is not trusted: nothing starts a session with one
//! before it was verified.

use sotto_proto::{
    Bundle, DeviceCertificate, IdentityKey, KemPrekey, PrekeyId, PrekeyUpload, SignedPrekey,
};

use crate::{
    certificate::{CertificateError, kem_prekey_input, signed_prekey_input, verify_certificate},
    primitive::{kem_key_is_sound, verify},
};

/// Why prekeys were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The certificate is not by the identity key.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A prekey is not signed by the device.
    #[error("prekey {} is not signed by the device", .0.0)]
    Signature(PrekeyId),
    /// An ML-KEM prekey is not a key.
    #[error("ML-KEM prekey {} is malformed", .0.0)]
    MalformedKey(PrekeyId),
}

/// A bundle whose certificate and prekeys are signed as they must be, under an identity that the
/// caller named.
#[derive(Clone, Debug)]
pub struct VerifiedBundle {
    identity: IdentityKey,
    bundle: Bundle,
}

impl VerifiedBundle {
    /// The account's identity key.
    pub const fn identity(&self) -> &IdentityKey {
        &self.identity
    }

    /// The device.
    pub const fn certificate(&self) -> &DeviceCertificate {
        &self.bundle.certificate
    }

    pub(crate) const fn bundle(&self) -> &Bundle {
        &self.bundle
    }
}

/// Checks that `identity` certified the bundle's device, and that the device signed its prekeys.
pub fn verify_bundle(
    identity: &IdentityKey,
    bundle: &Bundle,
) -> Result<VerifiedBundle, BundleError> {
    verify_certificate(identity, &bundle.certificate)?;
    verify_signed_prekey(&bundle.certificate, &bundle.signed_prekey)?;
    verify_kem_prekey(&bundle.certificate, &bundle.kem_prekey)?;
    Ok(VerifiedBundle { identity: *identity, bundle: bundle.clone() })
}

/// Checks that the device signed all of an upload that is to be signed. The certificate itself is
/// taken as verified.
pub fn verify_prekeys(
    certificate: &DeviceCertificate,
    upload: &PrekeyUpload,
) -> Result<(), BundleError> {
    upload.signed.iter().try_for_each(|prekey| verify_signed_prekey(certificate, prekey))?;
    upload
        .last_resort
        .iter()
        .chain(&upload.one_time_kem)
        .try_for_each(|prekey| verify_kem_prekey(certificate, prekey))
}

fn verify_signed_prekey(
    certificate: &DeviceCertificate,
    prekey: &SignedPrekey,
) -> Result<(), BundleError> {
    let input = signed_prekey_input(prekey.id, &prekey.key);
    verify(certificate.signing.as_bytes(), &input, &prekey.signature)
        .map_err(|_| BundleError::Signature(prekey.id))
}

fn verify_kem_prekey(
    certificate: &DeviceCertificate,
    prekey: &KemPrekey,
) -> Result<(), BundleError> {
    let input = kem_prekey_input(prekey.id, &prekey.key);
    verify(certificate.signing.as_bytes(), &input, &prekey.signature)
        .map_err(|_| BundleError::Signature(prekey.id))?;
    if kem_key_is_sound(&prekey.key) { Ok(()) } else { Err(BundleError::MalformedKey(prekey.id)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Person;

    #[test]
    fn every_part_of_a_bundle_is_verified() {
        let mut bob = Person::new(1);
        let good = bob.bundle();
        let identity = bob.identity.public();
        verify_bundle(&identity, &good).unwrap();

        let mut bad = good.clone();
        bad.certificate.exchange.0[0] ^= 1;
        assert_eq!(
            verify_bundle(&identity, &bad).unwrap_err(),
            BundleError::Certificate(CertificateError)
        );
        let changes: [fn(&mut Bundle) -> PrekeyId; 4] = [
            |b| {
                b.signed_prekey.key.0[0] ^= 1;
                b.signed_prekey.id
            },
            |b| {
                b.signed_prekey.id.0 += 1;
                b.signed_prekey.id
            },
            |b| {
                b.kem_prekey.key.0[0] ^= 1;
                b.kem_prekey.id
            },
            |b| {
                b.kem_prekey.signature.0[5] ^= 1;
                b.kem_prekey.id
            },
        ];
        for change in changes {
            let mut bad = good.clone();
            let id = change(&mut bad);
            assert_eq!(verify_bundle(&identity, &bad).unwrap_err(), BundleError::Signature(id));
        }
    }

    #[test]
    fn a_kem_key_out_of_range_is_refused_though_signed() {
        let mut bob = Person::new(1);
        let mut bundle = bob.bundle();
        bundle.kem_prekey.key.0[..3].fill(0xff);
        let input = kem_prekey_input(bundle.kem_prekey.id, &bundle.kem_prekey.key);
        bundle.kem_prekey.signature = bob.keys.sign(&input);
        assert_eq!(
            verify_bundle(&bob.identity.public(), &bundle).unwrap_err(),
            BundleError::MalformedKey(bundle.kem_prekey.id)
        );
    }

    #[test]
    fn uploads_are_verified() {
        let mut bob = Person::new(1);
        let good = bob.prekeys.refill(&mut bob.rng, &bob.keys, 2, 2);
        verify_prekeys(&bob.certificate, &good).unwrap();
        let mut bad = good;
        bad.one_time_kem[1].signature.0[0] ^= 1;
        let id = bad.one_time_kem[1].id;
        assert_eq!(verify_prekeys(&bob.certificate, &bad), Err(BundleError::Signature(id)));
    }
}
