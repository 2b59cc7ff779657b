//! The primitives, each from its named crate, in the one form in which this crate uses it.
//!
//! No protocol decision stands here, and nothing outside this module calls those crates, but for
//! plain hashes and OPAQUE ([`crate::password`]).

use std::fmt;

use aes_gcm_siv::{Aes256GcmSiv, Nonce, Tag, aead::AeadInOut};
use argon2::Argon2;
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use ml_kem::{
    Decapsulate, DecapsulationKey1024, EncapsulationKey1024, KeyExport, TryKeyInit, array::Array,
};
use rand_core::CryptoRng;
use sha2::Sha256;
use sotto_proto::{ExchangeKey, KemKey, Signature};
use subtle::ConstantTimeEq;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Secret bytes: zeroized when dropped, compared in constant time, never printed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Secret<const N: usize>([u8; N]);

/// A key of 32 bytes.
pub(crate) type Key = Secret<32>;

impl<const N: usize> Secret<N> {
    pub(crate) const fn new(bytes: [u8; N]) -> Self {
        Self(bytes)
    }

    pub(crate) fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut secret = Self([0; N]);
        rng.fill_bytes(&mut secret.0);
        secret
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> PartialEq for Secret<N> {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Bytes that are public but must not be foreseen.
pub(crate) fn random_bytes<const N: usize>(rng: &mut (impl CryptoRng + ?Sized)) -> [u8; N] {
    let mut bytes = [0; N];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// A public key of small order was offered, or the authentication of a text failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused;

/// The public key of an X25519 secret (RFC 7748 section 6.1).
pub(crate) fn exchange_public(secret: &Key) -> ExchangeKey {
    ExchangeKey(PublicKey::from(&StaticSecret::from(*secret.as_bytes())).to_bytes())
}

/// X25519 (RFC 7748). Refuses points of small order, with which the result is the same for every
/// secret.
pub(crate) fn agree(secret: &Key, public: &ExchangeKey) -> Result<Key, Refused> {
    let shared =
        StaticSecret::from(*secret.as_bytes()).diffie_hellman(&PublicKey::from(*public.as_bytes()));
    if shared.was_contributory() { Ok(Secret(shared.to_bytes())) } else { Err(Refused) }
}

/// HKDF-SHA256 (RFC 5869), extract and expand. An empty salt is a salt of zeros.
pub(crate) fn derive<const N: usize>(salt: &[u8], ikm: &[u8], info: &[u8]) -> Secret<N> {
    const { assert!(N <= 255 * 32, "HKDF gives at most 255 blocks") };
    let mut out = Secret([0; N]);
    #[expect(clippy::expect_used, reason = "the length is checked when this is compiled")]
    Hkdf::<Sha256>::new(Some(salt), ikm).expand(info, &mut out.0).expect("short enough");
    out
}

/// HMAC-SHA256 (RFC 2104).
pub(crate) fn authenticate(key: &Key, input: &[u8]) -> Key {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("any length");
    mac.update(input);
    Secret(mac.finalize().into_bytes().into())
}

pub(crate) const TAG_LEN: usize = 16;
pub(crate) const NONCE_LEN: usize = 12;

/// AES-256-GCM-SIV (RFC 8452). Replaces the text by its ciphertext and gives the tag.
pub(crate) fn seal(
    key: &Key,
    nonce: &[u8; NONCE_LEN],
    aad: &[u8],
    text: &mut [u8],
) -> [u8; TAG_LEN] {
    #[expect(clippy::expect_used, reason = "only texts above 64 GiB are refused")]
    cipher(key)
        .encrypt_inout_detached(&Nonce::from(*nonce), aad, text.into())
        .expect("shorter than 64 GiB")
        .into()
}

/// Opens what [`seal`] made; on refusal `text` is of no use.
pub(crate) fn open(
    key: &Key,
    nonce: &[u8; NONCE_LEN],
    aad: &[u8],
    text: &mut [u8],
    tag: &[u8; TAG_LEN],
) -> Result<(), Refused> {
    cipher(key)
        .decrypt_inout_detached(&Nonce::from(*nonce), aad, text.into(), &Tag::from(*tag))
        .map_err(|_| Refused)
}

fn cipher(key: &Key) -> Aes256GcmSiv {
    Aes256GcmSiv::new(key.as_bytes().into())
}

/// Ed25519 (RFC 8032 section 5.1.6).
pub(crate) fn sign(key: &SigningKey, message: &[u8]) -> Signature {
    Signature(key.sign(message).to_bytes())
}

/// Strict Ed25519 verification: canonical signatures under keys that are not of small order.
pub(crate) fn verify(key: &[u8; 32], message: &[u8], signature: &Signature) -> Result<(), Refused> {
    let signature = ed25519_dalek::Signature::from_bytes(signature.as_bytes());
    VerifyingKey::from_bytes(key)
        .and_then(|key| key.verify_strict(message, &signature))
        .map_err(|_| Refused)
}

pub(crate) const KEM_CIPHERTEXT_LEN: usize = 1568;
pub(crate) const KEM_SEED_LEN: usize = 64;

/// The encapsulation key that belongs to an ML-KEM-1024 seed `d ‖ z` (FIPS 203 section 7.1).
pub(crate) fn kem_public(seed: &Secret<KEM_SEED_LEN>) -> KemKey {
    let mut bytes = Box::new([0; KemKey::LEN]);
    let key = DecapsulationKey1024::from_seed(Array::from(*seed.as_bytes()));
    bytes.copy_from_slice(&key.encapsulation_key().to_bytes());
    KemKey(bytes)
}

/// ML-KEM-1024 encapsulation (FIPS 203 section 7.2). Refuses a key that is not in reduced form.
pub(crate) fn encapsulate(
    rng: &mut (impl CryptoRng + ?Sized),
    key: &KemKey,
) -> Result<(Box<[u8; KEM_CIPHERTEXT_LEN]>, Key), Refused> {
    encapsulate_with(key, &Secret::random(rng))
}

fn encapsulate_with(
    key: &KemKey,
    randomness: &Key,
) -> Result<(Box<[u8; KEM_CIPHERTEXT_LEN]>, Key), Refused> {
    let key = EncapsulationKey1024::new_from_slice(&key.0[..]).map_err(|_| Refused)?;
    let (sent, shared) = key.encapsulate_deterministic(&Array::from(*randomness.as_bytes()));
    let mut ciphertext = Box::new([0; KEM_CIPHERTEXT_LEN]);
    ciphertext.copy_from_slice(&sent);
    Ok((ciphertext, Secret(shared.into())))
}

/// ML-KEM-1024 decapsulation (FIPS 203 section 7.3). A ciphertext not made for this key gives an
/// unforeseeable secret.
pub(crate) fn decapsulate(
    seed: &Secret<KEM_SEED_LEN>,
    ciphertext: &[u8; KEM_CIPHERTEXT_LEN],
) -> Key {
    let key = DecapsulationKey1024::from_seed(Array::from(*seed.as_bytes()));
    Secret(key.decapsulate(&Array::from(*ciphertext)).into())
}

/// Whether an ML-KEM-1024 encapsulation key is in reduced form (FIPS 203 section 7.2).
pub(crate) fn kem_key_is_sound(key: &KemKey) -> bool {
    EncapsulationKey1024::new_from_slice(&key.0[..]).is_ok()
}

/// Argon2id version 0x13 (RFC 9106), without a secret of its own.
pub(crate) fn stretch(
    params: argon2::Params,
    password: &[u8],
    salt: &[u8],
    out: &mut [u8],
) -> Result<(), argon2::Error> {
    argon2id(params, &[], password, salt, out)
}

fn argon2id(
    params: argon2::Params,
    secret: &[u8],
    password: &[u8],
    salt: &[u8],
    out: &mut [u8],
) -> Result<(), argon2::Error> {
    let (algorithm, version) = (argon2::Algorithm::Argon2id, argon2::Version::V0x13);
    Argon2::new_with_secret(secret, algorithm, version, params)?
        .hash_password_into(password, salt, out)
}

#[cfg(test)]
mod tests;
