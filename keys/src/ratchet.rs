//! The Double Ratchet, revision 4, in its header-encryption variant
//! (<https://signal.org/docs/specifications/doubleratchet/>, section 4), with X25519, HKDF-SHA256,
//! HMAC-SHA256 and AES-256-GCM-SIV.
//!
//! Opening never changes a state: it gives a [`Step`], which the caller applies once it has
//! accepted the message.

mod chain;
mod header;
mod skipped;
mod state;

use rand_core::CryptoRng;
use sotto_proto::ExchangeKey;
use zeroize::Zeroizing;

use self::{
    chain::{MessageKey, PassedKeys},
    header::{Header, HeaderKey},
    skipped::SkippedKeys,
    state::{Chain, Core},
};
use crate::{
    handshake::{AssociatedData, InitialKeys},
    padding::{PaddingError, pad_onto, padded_len},
    primitive::{Key, NONCE_LEN, Refused, TAG_LEN, open, seal},
    stored::{Reader, RestoreError, Sink},
};

pub(crate) use self::header::SEALED_HEADER_LEN;

/// How far ahead of the present place in a chain a message may be.
pub(crate) const FORWARD_JUMP_MAX: u32 = 25_000;

/// Every message key seals one text, so the nonce may be the same for all.
const MESSAGE_NONCE: [u8; NONCE_LEN] = [0; NONCE_LEN];

/// Why the ratchet refused a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RatchetError {
    /// It is shorter than a header and a tag.
    Truncated,
    /// It was opened before, or is older than what is kept.
    Repeated,
    /// It is more than [`FORWARD_JUMP_MAX`] ahead.
    TooFarAhead,
    /// The text was changed.
    Tampered,
    /// The header has a key of small order.
    SmallOrder,
}

/// Why the ratchet does not seal.
#[derive(Debug)]
pub(crate) enum SealFailure {
    /// Nothing was received yet by the side that answers.
    NotReady,
    /// The chain has no more numbers.
    Exhausted,
    /// The content is too large.
    Padding(PaddingError),
}

/// One side's state.
#[derive(Clone)]
pub(crate) struct Ratchet {
    core: Core,
    skipped: SkippedKeys,
}

/// A message that was opened, and what becomes of the state.
pub(crate) struct Step {
    /// Still padded.
    pub(crate) padded: Zeroizing<Vec<u8>>,
    change: Change,
}

enum Change {
    /// A stored key was used.
    UsedStored { header: HeaderKey, number: u32 },
    /// The state moved on; the keys of skipped messages are to be stored.
    Advanced { core: Box<Core>, skipped: Vec<(HeaderKey, PassedKeys)> },
}

impl Step {
    /// Whether the message was the newest of its chain, not a late one.
    pub(crate) const fn advances(&self) -> bool {
        matches!(self.change, Change::Advanced { .. })
    }
}

impl Ratchet {
    /// `RatchetInitAliceHE`.
    pub(crate) fn initiator(
        rng: &mut (impl CryptoRng + ?Sized),
        keys: InitialKeys,
        signed_prekey: &ExchangeKey,
    ) -> Result<Self, Refused> {
        let core = Core::initiator(rng, keys, signed_prekey)?;
        Ok(Self { core, skipped: SkippedKeys::default() })
    }

    /// `RatchetInitBobHE`.
    pub(crate) fn responder(keys: InitialKeys, signed_prekey: Key) -> Self {
        Self { core: Core::responder(keys, signed_prekey), skipped: SkippedKeys::default() }
    }

    /// `RatchetEncryptHE`: pads and seals `content` behind `prefix`, which is sent in the clear.
    pub(crate) fn seal(
        &mut self,
        rng: &mut (impl CryptoRng + ?Sized),
        ad: &AssociatedData,
        prefix: &[u8],
        content: &[u8],
    ) -> Result<Vec<u8>, SealFailure> {
        let padded = padded_len(content.len()).map_err(SealFailure::Padding)?;
        let Core { sending, own_public, previous, .. } = &mut self.core;
        let chain = sending.as_mut().ok_or(SealFailure::NotReady)?;
        let next = chain.next.checked_add(1).ok_or(SealFailure::Exhausted)?;
        let header = Header { ratchet: *own_public, previous: *previous, number: chain.next };
        let sealed_header = chain.header.seal(rng, &header);

        let mut out = Vec::with_capacity(prefix.len() + SEALED_HEADER_LEN + padded + TAG_LEN);
        out.extend_from_slice(prefix);
        out.extend_from_slice(&sealed_header);
        let start = out.len();
        pad_onto(&mut out, content).map_err(SealFailure::Padding)?;
        let (message_key, chain_key) = chain.key.step();
        let text = out.get_mut(start..).unwrap_or_default();
        let tag = seal(&message_key, &MESSAGE_NONCE, &message_aad(ad, &sealed_header), text);
        out.extend_from_slice(&tag);
        (chain.key, chain.next) = (chain_key, next);
        Ok(out)
    }

    /// `RatchetDecryptHE`. None: no header key that is known here opens the header.
    pub(crate) fn open(
        &self,
        rng: &mut (impl CryptoRng + ?Sized),
        ad: &AssociatedData,
        message: &[u8],
    ) -> Result<Option<Step>, RatchetError> {
        let message = Message::parse(ad, message)?;
        if let Some(chain) = &self.core.receiving
            && let Some(header) = chain.header.open(message.header)
        {
            return self.open_in_chain(chain, &header, &message).map(Some);
        }
        if let Some(header) = self.core.next_receiving_header.open(message.header) {
            return self.open_in_turn(rng, &header, &message).map(Some);
        }
        for header_key in self.skipped.header_keys() {
            if let Some(header) = header_key.open(message.header) {
                return self.open_stored(header_key, header.number, &message).map(Some);
            }
        }
        Ok(None)
    }

    /// Takes over what [`Self::open`] found.
    pub(crate) fn apply(&mut self, change: Step) {
        match change.change {
            Change::UsedStored { header, number } => self.skipped.remove(&header, number),
            Change::Advanced { core, skipped } => {
                self.core = *core;
                for (header, keys) in skipped {
                    self.skipped.store(header, keys);
                }
            }
        }
    }

    fn open_in_chain(
        &self,
        chain: &Chain,
        header: &Header,
        message: &Message<'_>,
    ) -> Result<Step, RatchetError> {
        if header.number < chain.next {
            return self.open_stored(&chain.header, header.number, message);
        }
        let (skipped, chain, message_key) = chain.advance_to(header.number)?;
        let padded = message.open(&message_key)?;
        let skipped = vec![(chain.header.clone(), skipped)];
        let core = Box::new(Core { receiving: Some(chain), ..self.core.clone() });
        Ok(Step { padded, change: Change::Advanced { core, skipped } })
    }

    /// `DHRatchetHE`: the message is the first that arrives of a new chain.
    fn open_in_turn(
        &self,
        rng: &mut (impl CryptoRng + ?Sized),
        header: &Header,
        message: &Message<'_>,
    ) -> Result<Step, RatchetError> {
        let mut skipped = Vec::with_capacity(2);
        if let Some(chain) = &self.core.receiving {
            skipped.push((chain.header.clone(), chain.skip_to(header.previous)?));
        }
        let core = self.core.turn(rng, &header.ratchet)?;
        let chain = core.receiving.as_ref().ok_or(RatchetError::Tampered)?;
        let (newly, chain, message_key) = chain.advance_to(header.number)?;
        let padded = message.open(&message_key)?;
        skipped.push((chain.header.clone(), newly));
        let core = Box::new(Core { receiving: Some(chain), ..core });
        Ok(Step { padded, change: Change::Advanced { core, skipped } })
    }

    fn open_stored(
        &self,
        header: &HeaderKey,
        number: u32,
        message: &Message<'_>,
    ) -> Result<Step, RatchetError> {
        let key = self.skipped.find(header, number).ok_or(RatchetError::Repeated)?;
        let padded = message.open(key)?;
        Ok(Step { padded, change: Change::UsedStored { header: header.clone(), number } })
    }

    pub(crate) fn write(&self, sink: &mut dyn Sink) {
        self.core.write(sink);
        self.skipped.write(sink);
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, RestoreError> {
        Ok(Self { core: Core::read(reader)?, skipped: SkippedKeys::read(reader)? })
    }
}

/// What tests look at, and what only a hostile side does.
#[cfg(test)]
impl Ratchet {
    pub(crate) fn stored_keys(&self) -> usize {
        self.skipped.len()
    }

    pub(crate) fn skip_one(&mut self) {
        let chain = self.core.sending.as_mut().unwrap();
        (chain.key, chain.next) = (chain.key.step().1, chain.next + 1);
    }

    pub(crate) fn offer_small_order(&mut self) {
        self.core.own_public = ExchangeKey([0; 32]);
    }
}

/// A message's parts, with the associated data of its text.
struct Message<'a> {
    header: &'a [u8; SEALED_HEADER_LEN],
    aad: [u8; MESSAGE_AAD_LEN],
    text: &'a [u8],
    tag: &'a [u8; TAG_LEN],
}

const MESSAGE_AAD_LEN: usize = AssociatedData::LEN + SEALED_HEADER_LEN;

impl<'a> Message<'a> {
    fn parse(ad: &AssociatedData, message: &'a [u8]) -> Result<Self, RatchetError> {
        let (header, rest) = message.split_first_chunk().ok_or(RatchetError::Truncated)?;
        let (text, tag) = rest.split_last_chunk().ok_or(RatchetError::Truncated)?;
        Ok(Self { header, aad: message_aad(ad, header), text, tag })
    }

    fn open(&self, key: &MessageKey) -> Result<Zeroizing<Vec<u8>>, RatchetError> {
        let mut text = Zeroizing::new(self.text.to_vec());
        open(key, &MESSAGE_NONCE, &self.aad, &mut text, self.tag)
            .map_err(|Refused| RatchetError::Tampered)?;
        Ok(text)
    }
}

/// `CONCAT(AD, enc_header)`; both have a fixed length.
fn message_aad(ad: &AssociatedData, header: &[u8; SEALED_HEADER_LEN]) -> [u8; MESSAGE_AAD_LEN] {
    let mut aad = [0; MESSAGE_AAD_LEN];
    let (front, back) = aad.split_at_mut(AssociatedData::LEN);
    front.copy_from_slice(ad.as_bytes());
    back.copy_from_slice(header);
    aad
}
