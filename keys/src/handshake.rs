//! PQXDH, revision 3 (<https://signal.org/docs/specifications/pqxdh/>), with the parameters
//! curve25519, SHA-256, ML-KEM-1024: how two devices agree on their first secret.
//!
//! The identity keys `IK` of the specification are the devices' certified X25519 keys. Prekeys are
//! signed by the devices' Ed25519 keys, where the specification has `XEdDSA`.

use std::array;

use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use sotto_proto::{
    DeviceCertificate, DeviceId, DeviceKey, ExchangeKey, IdentityKey, PrekeyId, Signature,
    Timestamp,
};
use zeroize::Zeroizing;

use crate::{
    bundle::VerifiedBundle,
    certificate::CURVE25519_BYTE,
    identity::OwnDevice,
    prekeys::Named,
    primitive::{
        KEM_CIPHERTEXT_LEN, Key, Refused, agree, decapsulate, derive, encapsulate, exchange_public,
    },
    stored::{Reader, RestoreError, Sink},
};

/// The specification's `info`, curve, hash and KEM, joined as its section 2.2 says.
const PQXDH_INFO: &[u8] = b"SottoMessengerV1_CURVE25519_SHA-256_ML-KEM-1024";
/// Spreads the agreed secret over the root key and the two first header keys.
const SESSION_KEYS_INFO: &[u8] = b"sotto/1 session keys";

/// Why a handshake failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// An X25519 key has small order: the result would not be secret.
    #[error("a key of the other side has small order")]
    SmallOrder,
    /// The ML-KEM key is not a key.
    #[error("the ML-KEM key of the other side is malformed")]
    MalformedKemKey,
}

/// What both sides have after a handshake.
pub(crate) struct Agreement {
    pub(crate) keys: InitialKeys,
    pub(crate) ad: AssociatedData,
}

/// The secrets that the Double Ratchet starts from.
pub(crate) struct InitialKeys {
    /// `SK` of the Double Ratchet.
    pub(crate) root: Key,
    /// `shared_hka`: the initiator's first header key.
    pub(crate) initiator_header: Key,
    /// `shared_nhkb`: the responder's first header key.
    pub(crate) responder_header: Key,
}

/// What the initiator sends along until it is answered.
#[derive(Clone)]
pub(crate) struct InitialHeader {
    pub(crate) identity: IdentityKey,
    pub(crate) certificate: DeviceCertificate,
    pub(crate) ephemeral: ExchangeKey,
    pub(crate) signed_prekey: PrekeyId,
    pub(crate) one_time_prekey: Option<PrekeyId>,
    pub(crate) kem_prekey: PrekeyId,
    pub(crate) kem_ciphertext: Box<[u8; KEM_CIPHERTEXT_LEN]>,
}

/// The initiator's side: `Alice` of the specification.
pub(crate) fn initiate(
    rng: &mut (impl CryptoRng + ?Sized),
    own: OwnDevice<'_>,
    peer: &VerifiedBundle,
) -> Result<(InitialHeader, Agreement), HandshakeError> {
    let bundle = peer.bundle();
    let ephemeral = Key::random(rng);
    let (kem_ciphertext, kem_secret) = encapsulate(rng, &bundle.kem_prekey.key)
        .map_err(|Refused| HandshakeError::MalformedKemKey)?;
    let one_time = bundle.one_time_prekey.as_ref();
    let keys = combine(
        agree(own.keys.exchange_secret(), &bundle.signed_prekey.key),
        agree(&ephemeral, &bundle.certificate.exchange),
        agree(&ephemeral, &bundle.signed_prekey.key),
        one_time.map(|prekey| agree(&ephemeral, &prekey.key)),
        &kem_secret,
    )?;
    let header = InitialHeader {
        identity: own.identity,
        certificate: own.certificate.clone(),
        ephemeral: exchange_public(&ephemeral),
        signed_prekey: bundle.signed_prekey.id,
        one_time_prekey: one_time.map(|prekey| prekey.id),
        kem_prekey: bundle.kem_prekey.id,
        kem_ciphertext,
    };
    let responder = Party { identity: peer.identity(), certificate: peer.certificate() };
    let ad = AssociatedData::new(&header, responder);
    Ok((header, Agreement { keys, ad }))
}

/// The responder's side: `Bob` of the specification. The header's certificate is taken as verified.
pub(crate) fn respond(
    own: OwnDevice<'_>,
    prekeys: &Named<'_>,
    header: &InitialHeader,
) -> Result<Agreement, HandshakeError> {
    let peer = &header.certificate.exchange;
    let keys = combine(
        agree(prekeys.signed, peer),
        agree(own.keys.exchange_secret(), &header.ephemeral),
        agree(prekeys.signed, &header.ephemeral),
        prekeys.one_time.map(|secret| agree(secret, &header.ephemeral)),
        &decapsulate(prekeys.kem, &header.kem_ciphertext),
    )?;
    let responder = Party { identity: &own.identity, certificate: own.certificate };
    let ad = AssociatedData::new(header, responder);
    Ok(Agreement { keys, ad })
}

/// `SK = KDF(DH1 ‖ DH2 ‖ DH3 [‖ DH4] ‖ SS)`, spread over the ratchet's three first keys.
fn combine(
    dh1: Result<Key, Refused>,
    dh2: Result<Key, Refused>,
    dh3: Result<Key, Refused>,
    dh4: Option<Result<Key, Refused>>,
    kem_secret: &Key,
) -> Result<InitialKeys, HandshakeError> {
    let small_order = |Refused| HandshakeError::SmallOrder;
    let mut material = Zeroizing::new(Vec::with_capacity(6 * 32));
    material.extend_from_slice(&[0xff; 32]);
    for dh in [Some(dh1), Some(dh2), Some(dh3), dh4].into_iter().flatten() {
        material.extend_from_slice(dh.map_err(small_order)?.as_bytes());
    }
    material.extend_from_slice(kem_secret.as_bytes());
    let secret: Key = derive(&[0; 32], &material, PQXDH_INFO);
    let [root, initiator_header, responder_header] =
        split(&derive::<96>(&[], secret.as_bytes(), SESSION_KEYS_INFO));
    Ok(InitialKeys { root, initiator_header, responder_header })
}

/// Three keys out of the 96 bytes of a key derivation.
pub(crate) fn split(bytes: &crate::primitive::Secret<96>) -> [Key; 3] {
    let (keys, _) = bytes.as_bytes().as_chunks::<32>();
    array::from_fn(|index| Key::new(keys.get(index).copied().unwrap_or_default()))
}

/// `AD` of the specification: what both sides must agree on besides the secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AssociatedData([u8; Self::LEN]);

/// One side in the associated data.
struct Party<'a> {
    identity: &'a IdentityKey,
    certificate: &'a DeviceCertificate,
}

impl AssociatedData {
    pub(crate) const LEN: usize = 2 * (33 + 32 + 32 + 4) + 32;

    /// `EncodeEC(IK_A) ‖ EncodeEC(IK_B)`, then identity key, signing key and device number of each,
    /// then SHA-256 of the initial header. The last binds what the secrets do not, such as the top
    /// bit of an X25519 key.
    fn new(header: &InitialHeader, responder: Party<'_>) -> Self {
        let initiator = Party { identity: &header.identity, certificate: &header.certificate };
        let (a, b) = (initiator.certificate, responder.certificate);
        let mut bytes = Vec::with_capacity(Self::LEN);
        for certificate in [a, b] {
            bytes.put(&[CURVE25519_BYTE]);
            bytes.put(certificate.exchange.as_bytes());
        }
        for party in [initiator, responder] {
            bytes.put(party.identity.as_bytes());
            bytes.put(party.certificate.signing.as_bytes());
            bytes.put_u32(party.certificate.device.number());
        }
        bytes.put(&header.digest());
        let mut ad = [0; Self::LEN];
        ad.copy_from_slice(&bytes);
        Self(ad)
    }

    pub(crate) const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// Whether this is of the handshake with this [`InitialHeader::digest`].
    pub(crate) fn is_of(&self, header_digest: &[u8; 32]) -> bool {
        self.0.ends_with(header_digest)
    }
}

impl InitialHeader {
    pub(crate) const LEN: usize = 32 + CERTIFICATE_LEN + 32 + 4 + 5 + 4 + KEM_CIPHERTEXT_LEN;

    pub(crate) fn write(&self, sink: &mut dyn Sink) {
        sink.put(self.identity.as_bytes());
        write_certificate(sink, &self.certificate);
        sink.put(self.ephemeral.as_bytes());
        sink.put_u32(self.signed_prekey.0);
        sink.put(&[u8::from(self.one_time_prekey.is_some())]);
        sink.put_u32(self.one_time_prekey.unwrap_or(PrekeyId(0)).0);
        sink.put_u32(self.kem_prekey.0);
        sink.put(&self.kem_ciphertext[..]);
    }

    /// SHA-256 of the header as it is sent: what tells one handshake from another.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let mut bytes = Vec::with_capacity(Self::LEN);
        self.write(&mut bytes);
        Sha256::digest(&bytes).into()
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, RestoreError> {
        Ok(Self {
            identity: IdentityKey(*reader.array()?),
            certificate: read_certificate(reader)?,
            ephemeral: ExchangeKey(*reader.array()?),
            signed_prekey: PrekeyId(reader.u32()?),
            one_time_prekey: match (reader.flag()?, reader.u32()?) {
                (true, id) => Some(PrekeyId(id)),
                (false, 0) => None,
                (false, _) => return Err(RestoreError::Impossible),
            },
            kem_prekey: PrekeyId(reader.u32()?),
            kem_ciphertext: Box::new(*reader.array()?),
        })
    }
}

const CERTIFICATE_LEN: usize = 4 + 32 + 32 + 8 + 64;

pub(crate) fn write_certificate(sink: &mut dyn Sink, certificate: &DeviceCertificate) {
    sink.put_u32(certificate.device.number());
    sink.put(certificate.signing.as_bytes());
    sink.put(certificate.exchange.as_bytes());
    sink.put_u64(certificate.issued_at.0);
    sink.put(certificate.signature.as_bytes());
}

pub(crate) fn read_certificate(reader: &mut Reader<'_>) -> Result<DeviceCertificate, RestoreError> {
    Ok(DeviceCertificate {
        device: DeviceId::new(reader.u32()?).ok_or(RestoreError::Impossible)?,
        signing: DeviceKey(*reader.array()?),
        exchange: ExchangeKey(*reader.array()?),
        issued_at: Timestamp(reader.u64()?),
        signature: Signature(*reader.array()?),
    })
}
