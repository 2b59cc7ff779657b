//! Public keys, certificates and bundles as they travel and as the directory keeps them.
//!
//! Only public material stands here. Whether a signature holds is for `sotto-keys` to say.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::id::{DeviceId, Timestamp, byte_string};

byte_string!(
    /// An account's Ed25519 public key (RFC 8032): the root that certifies its devices.
    IdentityKey, 32
);
byte_string!(
    /// A device's Ed25519 public key: it signs logins and prekeys.
    DeviceKey, 32
);
byte_string!(
    /// An X25519 public key (RFC 7748).
    ExchangeKey, 32
);
byte_string!(
    /// An Ed25519 signature.
    Signature, 64
);

/// An ML-KEM-1024 encapsulation key (FIPS 203).
#[derive(Clone, PartialEq, Eq)]
pub struct KemKey(pub Box<[u8; Self::LEN]>);

impl KemKey {
    /// The length in bytes.
    pub const LEN: usize = 1568;
}

impl fmt::Debug for KemKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KemKey(")?;
        crate::id::write_hex(f, &self.0[..8])?;
        f.write_str("…)")
    }
}

impl Serialize for KemKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0[..])
    }
}

impl<'de> Deserialize<'de> for KemKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::id::fixed_bytes(deserializer).map(|bytes| Self(Box::new(bytes)))
    }
}

/// The identity key's word that a device belongs to its account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceCertificate {
    /// The device's number within the account.
    pub device: DeviceId,
    /// Signs logins and prekeys.
    pub signing: DeviceKey,
    /// The device's long-term key in the handshake.
    pub exchange: ExchangeKey,
    /// When the identity key signed this.
    pub issued_at: Timestamp,
    /// By the identity key, over the fields above (see PROTOCOL.md).
    pub signature: Signature,
}

/// Names one prekey among a device's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PrekeyId(pub u32);

/// A medium-term X25519 prekey, signed by the device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedPrekey {
    /// Names it.
    pub id: PrekeyId,
    /// The public key.
    pub key: ExchangeKey,
    /// By the device's signing key.
    pub signature: Signature,
}

/// An X25519 prekey for one session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneTimePrekey {
    /// Names it.
    pub id: PrekeyId,
    /// The public key.
    pub key: ExchangeKey,
}

/// An ML-KEM-1024 prekey, signed by the device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KemPrekey {
    /// Names it.
    pub id: PrekeyId,
    /// The encapsulation key.
    pub key: KemKey,
    /// By the device's signing key.
    pub signature: Signature,
}

/// What a device leaves with the directory, so that others can start sessions while it is away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrekeyUpload {
    /// Replaces the signed prekey; none leaves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<SignedPrekey>,
    /// Replaces the ML-KEM prekey of last resort; none leaves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_resort: Option<KemPrekey>,
    /// Adds one-time prekeys.
    #[serde(default)]
    pub one_time: Vec<OneTimePrekey>,
    /// Adds one-time ML-KEM prekeys.
    #[serde(default)]
    pub one_time_kem: Vec<KemPrekey>,
}

/// What the directory hands out to start a session with a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// The device and its keys.
    pub certificate: DeviceCertificate,
    /// The signed prekey.
    pub signed_prekey: SignedPrekey,
    /// A one-time prekey, while there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_time_prekey: Option<OneTimePrekey>,
    /// A one-time ML-KEM prekey, or the one of last resort.
    pub kem_prekey: KemPrekey,
}
