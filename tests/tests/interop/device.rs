//! This side of a conversation: a device of the crate, with repeatable randomness, and the JSON
//! forms of what the two sides hand each other.

use std::convert::Infallible;

use rand::{TryCryptoRng, TryRng};
use serde_json::{Value, json};
use sotto_keys::{
    DeviceKeys, Identity, OpenError, OwnDevice, PrekeySecrets, Sessions, verify_bundle,
    verify_certificate,
};
use sotto_proto::{
    Bundle, DeviceCertificate, DeviceId, DeviceKey, ExchangeKey, IdentityKey, KemKey, KemPrekey,
    OneTimePrekey, PrekeyId, PrekeyUpload, Signature, SignedPrekey, Timestamp,
};

use super::peer::Peer;

/// The number of the peer's device.
const PEER_DEVICE: u32 = 7;

/// `SplitMix64`: repeatable for ever, and good for nothing else.
pub(crate) struct Repeatable(u64);

impl TryRng for Repeatable {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|number| u32::try_from(number >> 32).unwrap())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Ok(mixed ^ (mixed >> 31))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            let number = self.try_next_u64()?.to_le_bytes();
            chunk.copy_from_slice(&number[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Repeatable {}

/// A device of the crate that has met the peer.
pub(crate) struct Device {
    rng: Repeatable,
    pub(crate) identity: Identity,
    pub(crate) keys: DeviceKeys,
    certificate: DeviceCertificate,
    prekeys: PrekeySecrets,
    upload: PrekeyUpload,
    sessions: Sessions,
    pub(crate) peer_identity: IdentityKey,
    pub(crate) peer_certificate: DeviceCertificate,
}

impl Device {
    /// A new device, and a new peer for it.
    pub(crate) fn meet(peer: &mut dyn Peer, seed: u64) -> Self {
        let mut rng = Repeatable(seed);
        let (identity, keys) = (Identity::generate(&mut rng), DeviceKeys::generate(&mut rng));
        let certificate = identity.certify(DeviceId::new(3).unwrap(), &keys, Timestamp(1_000));
        let (prekeys, upload) = PrekeySecrets::generate(&mut rng, &keys, Timestamp(1_000), 2);
        let reply = peer.ask(json!({ "do": "reset", "seed": seed }));
        let peer_identity = IdentityKey(bytes(&reply["identity"]));
        let peer_certificate = certificate_from(&reply["certificate"]);
        verify_certificate(&peer_identity, &peer_certificate).unwrap();
        let sessions = Sessions::new(DeviceId::new(PEER_DEVICE).unwrap());
        Self {
            rng,
            identity,
            keys,
            certificate,
            prekeys,
            upload,
            sessions,
            peer_identity,
            peer_certificate,
        }
    }

    /// Starts a session with the peer.
    pub(crate) fn start(&mut self, peer: &mut dyn Peer, one_time: bool) {
        let reply = peer.ask(json!({ "do": "bundle", "one_time": one_time }));
        let bundle = bundle_from(&reply["bundle"]);
        let bundle = verify_bundle(&self.peer_identity, &bundle).unwrap();
        let Self { rng, identity, certificate, keys, .. } = self;
        let own = OwnDevice { identity: identity.public(), certificate, keys };
        self.sessions.start(rng, own, &bundle).unwrap();
    }

    /// Lets the peer start a session.
    pub(crate) fn be_started(&mut self, peer: &mut dyn Peer, one_time: bool) {
        let upload = &mut self.upload;
        let (one_time_prekey, one_time_kem) = if one_time {
            (upload.one_time.pop(), upload.one_time_kem.pop())
        } else {
            (None, None)
        };
        let bundle = Bundle {
            certificate: self.certificate.clone(),
            signed_prekey: upload.signed.clone().unwrap(),
            one_time_prekey,
            kem_prekey: one_time_kem.or(upload.last_resort.clone()).unwrap(),
        };
        let identity = hex::encode(self.identity.public().as_bytes());
        let started =
            peer.ask(json!({ "do": "start", "identity": identity, "bundle": to_json(&bundle) }));
        assert!(started["kem"].is_object(), "{started}");
    }

    pub(crate) fn seal(&mut self, text: &str) -> Vec<u8> {
        self.sessions.seal(&mut self.rng, text.as_bytes()).unwrap()
    }

    pub(crate) fn open(&mut self, sealed: &[u8]) -> Result<String, OpenError> {
        let Self { rng, identity, certificate, keys, prekeys, sessions, peer_identity, .. } = self;
        let own = OwnDevice { identity: identity.public(), certificate, keys };
        let opened = sessions.open(rng, own, prekeys, Some(peer_identity), sealed)?;
        Ok(String::from_utf8(opened.plaintext.to_vec()).unwrap())
    }

    /// Saves and restores all that a device keeps.
    pub(crate) fn restart(&mut self) {
        self.sessions = Sessions::from_bytes(&self.sessions.to_bytes()).unwrap();
        self.prekeys = PrekeySecrets::from_bytes(&self.prekeys.to_bytes()).unwrap();
        self.keys = DeviceKeys::from_secret_bytes(&self.keys.to_secret_bytes());
    }
}

pub(crate) fn bytes<const N: usize>(value: &Value) -> [u8; N] {
    byte_vec(value).try_into().unwrap()
}

pub(crate) fn byte_vec(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn number(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

fn certificate_from(value: &Value) -> DeviceCertificate {
    DeviceCertificate {
        device: DeviceId::new(number(&value["device"])).unwrap(),
        signing: DeviceKey(bytes(&value["signing"])),
        exchange: ExchangeKey(bytes(&value["exchange"])),
        issued_at: Timestamp(value["issued_at"].as_u64().unwrap()),
        signature: Signature(bytes(&value["signature"])),
    }
}

fn bundle_from(value: &Value) -> Bundle {
    let (signed, kem, one_time) =
        (&value["signed_prekey"], &value["kem_prekey"], &value["one_time_prekey"]);
    Bundle {
        certificate: certificate_from(&value["certificate"]),
        signed_prekey: SignedPrekey {
            id: PrekeyId(number(&signed["id"])),
            key: ExchangeKey(bytes(&signed["key"])),
            signature: Signature(bytes(&signed["signature"])),
        },
        one_time_prekey: one_time.is_object().then(|| OneTimePrekey {
            id: PrekeyId(number(&one_time["id"])),
            key: ExchangeKey(bytes(&one_time["key"])),
        }),
        kem_prekey: KemPrekey {
            id: PrekeyId(number(&kem["id"])),
            key: KemKey(Box::new(bytes(&kem["key"]))),
            signature: Signature(bytes(&kem["signature"])),
        },
    }
}

fn to_json(bundle: &Bundle) -> Value {
    let Bundle { certificate, signed_prekey, one_time_prekey, kem_prekey } = bundle;
    json!({
        "certificate": {
            "device": certificate.device.number(),
            "signing": hex::encode(certificate.signing.as_bytes()),
            "exchange": hex::encode(certificate.exchange.as_bytes()),
            "issued_at": certificate.issued_at.0,
            "signature": hex::encode(certificate.signature.as_bytes()),
        },
        "signed_prekey": {
            "id": signed_prekey.id.0,
            "key": hex::encode(signed_prekey.key.as_bytes()),
            "signature": hex::encode(signed_prekey.signature.as_bytes()),
        },
        "one_time_prekey": one_time_prekey.as_ref().map(|prekey| json!({
            "id": prekey.id.0,
            "key": hex::encode(prekey.key.as_bytes()),
        })),
        "kem_prekey": {
            "id": kem_prekey.id.0,
            "key": hex::encode(&kem_prekey.key.0[..]),
            "signature": hex::encode(kem_prekey.signature.as_bytes()),
        },
    })
}
