//! The symmetric-key ratchet: a chain of keys, each message's key and the next chain key out of the
//! last (`KDF_CK`).

use super::{FORWARD_JUMP_MAX, RatchetError, skipped::STORED_KEYS_MAX, state::Chain};
use crate::{
    primitive::{Key, authenticate},
    stored::{Reader, RestoreError, Sink},
};

/// Seals one message.
pub(super) type MessageKey = Key;

/// The keys of messages that were passed over, by number.
pub(super) type PassedKeys = Vec<(u32, MessageKey)>;

/// `CK` of the specification.
#[derive(Clone)]
pub(super) struct ChainKey(Key);

impl ChainKey {
    pub(super) const fn new(key: Key) -> Self {
        Self(key)
    }

    /// The next message's key and the chain key behind it.
    pub(super) fn step(&self) -> (MessageKey, Self) {
        (authenticate(&self.0, &[1]), self.next())
    }

    fn next(&self) -> Self {
        Self(authenticate(&self.0, &[2]))
    }

    pub(super) fn write(&self, sink: &mut dyn Sink) {
        sink.put(self.0.as_bytes());
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, RestoreError> {
        Ok(Self(Key::new(*reader.array()?)))
    }
}

impl Chain {
    /// The keys of the messages before `number`, the chain behind it, and its own key.
    pub(super) fn advance_to(
        &self,
        number: u32,
    ) -> Result<(PassedKeys, Self, MessageKey), RatchetError> {
        let (skipped, key) = self.walk_to(number)?;
        let next = number.checked_add(1).ok_or(RatchetError::TooFarAhead)?;
        let (message_key, key) = key.step();
        Ok((skipped, Self { key, header: self.header.clone(), next }, message_key))
    }

    /// The keys of the messages before `number`, which are the rest of this chain.
    pub(super) fn skip_to(&self, number: u32) -> Result<PassedKeys, RatchetError> {
        self.walk_to(number).map(|(skipped, _)| skipped)
    }

    fn walk_to(&self, number: u32) -> Result<(PassedKeys, ChainKey), RatchetError> {
        let distance = number.saturating_sub(self.next);
        if distance > FORWARD_JUMP_MAX {
            return Err(RatchetError::TooFarAhead);
        }
        let kept_from = number.saturating_sub(STORED_KEYS_MAX);
        let mut skipped = Vec::with_capacity(distance.min(STORED_KEYS_MAX) as usize);
        let mut key = self.key.clone();
        for passed in self.next..number {
            if passed >= kept_from {
                let (message_key, next) = key.step();
                skipped.push((passed, message_key));
                key = next;
            } else {
                key = key.next();
            }
        }
        Ok((skipped, key))
    }
}
