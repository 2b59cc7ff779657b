//! The secret keys of an account and of a device, and what each signs.
//!
//! They never leave this crate but as zeroizing bytes for the vault and the sealed key backup.

use std::fmt;

use ed25519_dalek::SigningKey;
use rand_core::CryptoRng;
use sotto_proto::{
    DeviceCertificate, DeviceId, DeviceKey, ExchangeKey, IdentityKey, Signature, Timestamp,
};
use zeroize::Zeroizing;

use crate::{
    certificate::{certificate_input, login_input},
    primitive::{Key, Secret, exchange_public, sign},
};

/// An account's secret Ed25519 key: it certifies devices and does nothing else.
#[derive(Clone)]
pub struct Identity {
    key: SigningKey,
}

impl Identity {
    /// A new identity.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self::from_secret_bytes(Key::random(rng).as_bytes())
    }

    /// The identity of a secret that [`Self::to_secret_bytes`] gave.
    pub fn from_secret_bytes(secret: &[u8; 32]) -> Self {
        Self { key: SigningKey::from_bytes(secret) }
    }

    /// The secret: an Ed25519 private key (RFC 8032 section 5.1.5).
    pub fn to_secret_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.key.to_bytes())
    }

    /// What others know this identity by.
    pub fn public(&self) -> IdentityKey {
        IdentityKey(self.key.verifying_key().to_bytes())
    }

    /// States that a device belongs to this account.
    pub fn certify(
        &self,
        device: DeviceId,
        keys: &DeviceKeys,
        now: Timestamp,
    ) -> DeviceCertificate {
        let mut certificate = DeviceCertificate {
            device,
            signing: keys.signing_key(),
            exchange: keys.exchange_key(),
            issued_at: now,
            signature: Signature([0; 64]),
        };
        certificate.signature = sign(&self.key, &certificate_input(&certificate));
        certificate
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(..)")
    }
}

/// A device's secret keys: Ed25519 for logins and prekeys, X25519 for handshakes.
#[derive(Clone)]
pub struct DeviceKeys {
    signing: SigningKey,
    exchange: Key,
    exchange_public: ExchangeKey,
}

impl DeviceKeys {
    /// New keys.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self::from_secret_bytes(Secret::random(rng).as_bytes())
    }

    /// The keys of a secret that [`Self::to_secret_bytes`] gave.
    pub fn from_secret_bytes(secret: &[u8; 64]) -> Self {
        let (mut signing, mut exchange) = (Zeroizing::new([0; 32]), [0; 32]);
        signing.copy_from_slice(&secret[..32]);
        exchange.copy_from_slice(&secret[32..]);
        let exchange = Key::new(exchange);
        Self {
            signing: SigningKey::from_bytes(&signing),
            exchange_public: exchange_public(&exchange),
            exchange,
        }
    }

    /// The secret: the Ed25519 private key, then the X25519 private key.
    pub fn to_secret_bytes(&self) -> Zeroizing<[u8; 64]> {
        let mut secret = Zeroizing::new([0; 64]);
        secret[..32].copy_from_slice(self.signing.as_bytes());
        secret[32..].copy_from_slice(self.exchange.as_bytes());
        secret
    }

    /// Verifies this device's signatures.
    pub fn signing_key(&self) -> DeviceKey {
        DeviceKey(self.signing.verifying_key().to_bytes())
    }

    /// This device's key in handshakes.
    pub fn exchange_key(&self) -> ExchangeKey {
        self.exchange_public
    }

    /// Signs in to a relay: `exporter` is the TLS exporter value of this very connection
    /// ([`sotto_proto::LOGIN_EXPORTER_LABEL`]), `relay_key` the relay's fingerprint.
    pub fn sign_login(&self, exporter: &[u8; 32], relay_key: &[u8; 32]) -> Signature {
        sign(&self.signing, &login_input(exporter, relay_key))
    }

    pub(crate) fn sign(&self, input: &[u8]) -> Signature {
        sign(&self.signing, input)
    }

    pub(crate) fn exchange_secret(&self) -> &Key {
        &self.exchange
    }
}

impl fmt::Debug for DeviceKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceKeys(..)")
    }
}

/// This device, as it takes part in a session.
#[derive(Clone, Copy, Debug)]
pub struct OwnDevice<'a> {
    /// The account's identity key.
    pub identity: IdentityKey,
    /// By that identity, for `keys`.
    pub certificate: &'a DeviceCertificate,
    /// The device's secrets.
    pub keys: &'a DeviceKeys,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_printed() {
        let (identity, keys) =
            (Identity::from_secret_bytes(&[7; 32]), DeviceKeys::from_secret_bytes(&[9; 64]));
        insta::assert_debug_snapshot!(identity, @"Identity(..)");
        insta::assert_debug_snapshot!(keys, @"DeviceKeys(..)");
    }

    #[test]
    fn secrets_come_back() {
        let (identity, keys) =
            (Identity::from_secret_bytes(&[7; 32]), DeviceKeys::from_secret_bytes(&[9; 64]));
        assert_eq!(*identity.to_secret_bytes(), [7; 32]);
        assert_eq!(*keys.to_secret_bytes(), [9; 64]);
    }
}
