//! What the identity key and the device key sign, and the check of it. The relay needs no more of
//! this crate than this.
//!
//! Every signature input starts with a label of its own that ends in a zero byte, so that no
//! signature is ever good for something else.

use sotto_proto::{
    DeviceCertificate, DeviceKey, ExchangeKey, IdentityKey, KemKey, PrekeyId, Signature,
};

use crate::primitive::verify;

const CERTIFICATE_LABEL: &[u8; 27] = b"sotto/1 device certificate\0";
const LOGIN_LABEL: &[u8; 21] = b"sotto/1 device login\0";
const SIGNED_PREKEY_LABEL: &[u8; 22] = b"sotto/1 signed prekey\0";
const KEM_PREKEY_LABEL: &[u8; 19] = b"sotto/1 kem prekey\0";

/// `EncodeEC` of PQXDH begins with this byte.
pub(crate) const CURVE25519_BYTE: u8 = 0x05;
/// `EncodeKEM` of PQXDH begins with this byte.
const ML_KEM_1024_BYTE: u8 = 0x0a;

/// A certificate does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the device certificate is not signed by the identity key")]
pub struct CertificateError;

/// A device's login does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the login is not signed by the device key for this connection")]
pub struct LoginSignatureError;

/// Checks that `identity` signed `certificate`. Strict: a weak key or a malleable signature fails.
pub fn verify_certificate(
    identity: &IdentityKey,
    certificate: &DeviceCertificate,
) -> Result<(), CertificateError> {
    verify(identity.as_bytes(), &certificate_input(certificate), &certificate.signature)
        .map_err(|_| CertificateError)
}

/// Checks that the device signed a login over this connection's TLS exporter value to the relay
/// with this fingerprint.
pub fn verify_login(
    device: &DeviceKey,
    exporter: &[u8; 32],
    relay_key: &[u8; 32],
    signature: &Signature,
) -> Result<(), LoginSignatureError> {
    verify(device.as_bytes(), &login_input(exporter, relay_key), signature)
        .map_err(|_| LoginSignatureError)
}

/// `label ‖ device (u32) ‖ signing ‖ exchange ‖ issued_at (u64)`.
pub(crate) fn certificate_input(certificate: &DeviceCertificate) -> Vec<u8> {
    [
        CERTIFICATE_LABEL.as_slice(),
        &certificate.device.number().to_be_bytes(),
        certificate.signing.as_bytes(),
        certificate.exchange.as_bytes(),
        &certificate.issued_at.0.to_be_bytes(),
    ]
    .concat()
}

/// `label ‖ exporter ‖ relay_key`.
pub(crate) fn login_input(exporter: &[u8; 32], relay_key: &[u8; 32]) -> Vec<u8> {
    [LOGIN_LABEL.as_slice(), exporter, relay_key].concat()
}

/// `label ‖ id (u32) ‖ EncodeEC(key)`.
pub(crate) fn signed_prekey_input(id: PrekeyId, key: &ExchangeKey) -> Vec<u8> {
    [SIGNED_PREKEY_LABEL.as_slice(), &id.0.to_be_bytes(), &[CURVE25519_BYTE], key.as_bytes()]
        .concat()
}

/// `label ‖ id (u32) ‖ EncodeKEM(key)`.
pub(crate) fn kem_prekey_input(id: PrekeyId, key: &KemKey) -> Vec<u8> {
    [KEM_PREKEY_LABEL.as_slice(), &id.0.to_be_bytes(), &[ML_KEM_1024_BYTE], &key.0[..]].concat()
}

#[cfg(test)]
mod tests {
    use sotto_proto::{DeviceId, Timestamp};

    use super::*;
    use crate::{DeviceKeys, Identity};

    fn certified() -> (Identity, DeviceKeys, DeviceCertificate) {
        let identity = Identity::from_secret_bytes(&[1; 32]);
        let keys = DeviceKeys::from_secret_bytes(&[2; 64]);
        let certificate = identity.certify(DeviceId::new(3).unwrap(), &keys, Timestamp(4));
        (identity, keys, certificate)
    }

    #[test]
    fn every_field_of_a_certificate_is_signed() {
        let (identity, _, good) = certified();
        verify_certificate(&identity.public(), &good).unwrap();
        let changes: [fn(&mut DeviceCertificate); 5] = [
            |c| c.device = DeviceId::new(4).unwrap(),
            |c| c.signing.0[0] ^= 1,
            |c| c.exchange.0[31] ^= 1,
            |c| c.issued_at.0 += 1,
            |c| c.signature.0[63] ^= 1,
        ];
        for change in changes {
            let mut bad = good.clone();
            change(&mut bad);
            assert_eq!(verify_certificate(&identity.public(), &bad), Err(CertificateError));
        }
        let other = Identity::from_secret_bytes(&[9; 32]).public();
        assert_eq!(verify_certificate(&other, &good), Err(CertificateError));
    }

    #[test]
    fn an_identity_of_small_order_certifies_nothing() {
        // With the neutral element as key and as R, and S = 0, the plain equation holds for every
        // message.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let (_, _, mut certificate) = certified();
        certificate.signature = Signature([0; 64]);
        certificate.signature.0[0] = 1;
        assert_eq!(verify_certificate(&IdentityKey(neutral), &certificate), Err(CertificateError));
    }

    #[test]
    fn a_login_is_for_one_connection_and_one_relay() {
        let (_, keys, _) = certified();
        let signature = keys.sign_login(&[5; 32], &[6; 32]);
        let device = keys.signing_key();
        verify_login(&device, &[5; 32], &[6; 32], &signature).unwrap();
        assert_eq!(verify_login(&device, &[0; 32], &[6; 32], &signature), Err(LoginSignatureError));
        assert_eq!(verify_login(&device, &[5; 32], &[0; 32], &signature), Err(LoginSignatureError));
    }
}
