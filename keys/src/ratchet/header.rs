//! The header of a message and its sealing: who listens cannot tell which messages belong together.

use rand_core::CryptoRng;
use sotto_proto::ExchangeKey;

use crate::{
    primitive::{Key, NONCE_LEN, TAG_LEN, open, random_bytes, seal},
    stored::{Reader, RestoreError, Sink},
};

const HEADER_LEN: usize = 32 + 4 + 4;
/// A sealed header: nonce, text, tag.
pub(crate) const SEALED_HEADER_LEN: usize = NONCE_LEN + HEADER_LEN + TAG_LEN;

/// What the recipient needs to find the message's key.
pub(super) struct Header {
    /// The sender's present ratchet key (`dh`).
    pub(super) ratchet: ExchangeKey,
    /// How many messages the sender's previous chain had (`pn`).
    pub(super) previous: u32,
    /// The message's number in its chain (`n`).
    pub(super) number: u32,
}

/// `HK` of the specification.
#[derive(Clone, PartialEq)]
pub(super) struct HeaderKey(Key);

impl HeaderKey {
    pub(super) const fn new(key: Key) -> Self {
        Self(key)
    }

    /// `HENCRYPT`. The nonce is random; AES-GCM-SIV stays safe if one comes twice, and no two
    /// headers under one key are equal.
    pub(super) fn seal(
        &self,
        rng: &mut (impl CryptoRng + ?Sized),
        header: &Header,
    ) -> [u8; SEALED_HEADER_LEN] {
        let nonce = random_bytes(rng);
        let mut text = [0; HEADER_LEN];
        text[..32].copy_from_slice(header.ratchet.as_bytes());
        text[32..36].copy_from_slice(&header.previous.to_be_bytes());
        text[36..].copy_from_slice(&header.number.to_be_bytes());
        let tag = seal(&self.0, &nonce, &[], &mut text);
        let mut sealed = [0; SEALED_HEADER_LEN];
        sealed[..NONCE_LEN].copy_from_slice(&nonce);
        sealed[NONCE_LEN..NONCE_LEN + HEADER_LEN].copy_from_slice(&text);
        sealed[NONCE_LEN + HEADER_LEN..].copy_from_slice(&tag);
        sealed
    }

    /// `HDECRYPT`. None: it was sealed under another key.
    pub(super) fn open(&self, sealed: &[u8; SEALED_HEADER_LEN]) -> Option<Header> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let (text, tag) = rest.split_last_chunk::<TAG_LEN>()?;
        let mut text: [u8; HEADER_LEN] = text.try_into().ok()?;
        open(&self.0, nonce, &[], &mut text, tag).ok()?;
        let mut reader = Reader::new(&text);
        Some(Header {
            ratchet: ExchangeKey(*reader.array().ok()?),
            previous: reader.u32().ok()?,
            number: reader.u32().ok()?,
        })
    }

    pub(super) fn write(&self, sink: &mut dyn Sink) {
        sink.put(self.0.as_bytes());
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, RestoreError> {
        Ok(Self(Key::new(*reader.array()?)))
    }
}
