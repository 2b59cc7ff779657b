//! The keys of messages that were passed over and may still arrive (`MKSKIPPED`), within bounds.

use std::collections::{BTreeMap, VecDeque};

use super::{
    chain::{MessageKey, PassedKeys},
    header::HeaderKey,
};
use crate::{
    primitive::Key,
    stored::{Reader, RestoreError, Sink},
};

/// The most keys stored; of more, the oldest are forgotten.
pub(super) const STORED_KEYS_MAX: u32 = 2000;
/// The most chains of which keys are stored; of more, the oldest are forgotten.
const CHAINS_MAX: usize = 5;

/// Stored message keys by chain; the newest chain is last. No chain is empty.
#[derive(Clone, Default)]
pub(super) struct SkippedKeys(VecDeque<StoredChain>);

#[derive(Clone)]
struct StoredChain {
    header: HeaderKey,
    keys: BTreeMap<u32, MessageKey>,
}

impl SkippedKeys {
    pub(super) fn header_keys(&self) -> impl Iterator<Item = &HeaderKey> {
        self.0.iter().rev().map(|chain| &chain.header)
    }

    pub(super) fn find(&self, header: &HeaderKey, number: u32) -> Option<&MessageKey> {
        self.0.iter().find(|chain| chain.header == *header)?.keys.get(&number)
    }

    pub(super) fn remove(&mut self, header: &HeaderKey, number: u32) {
        if let Some(chain) = self.0.iter_mut().find(|chain| chain.header == *header) {
            chain.keys.remove(&number);
        }
        self.0.retain(|chain| !chain.keys.is_empty());
    }

    pub(super) fn store(&mut self, header: HeaderKey, keys: PassedKeys) {
        if keys.is_empty() {
            return;
        }
        match self.0.iter_mut().find(|chain| chain.header == header) {
            Some(chain) => chain.keys.extend(keys),
            None => self.0.push_back(StoredChain { header, keys: keys.into_iter().collect() }),
        }
        while self.0.len() > CHAINS_MAX {
            self.0.pop_front();
        }
        let mut surplus = self.len().saturating_sub(STORED_KEYS_MAX as usize);
        while surplus > 0
            && let Some(oldest) = self.0.front_mut()
        {
            if oldest.keys.pop_first().is_some() {
                surplus -= 1;
            }
            if oldest.keys.is_empty() {
                self.0.pop_front();
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|chain| chain.keys.len()).sum()
    }

    pub(super) fn write(&self, sink: &mut dyn Sink) {
        sink.put(&[u8::try_from(self.0.len()).unwrap_or(u8::MAX)]);
        for chain in &self.0 {
            chain.header.write(sink);
            sink.put_u32(u32::try_from(chain.keys.len()).unwrap_or(u32::MAX));
            for (number, key) in &chain.keys {
                sink.put_u32(*number);
                sink.put(key.as_bytes());
            }
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, RestoreError> {
        let count = reader.u8()?;
        if usize::from(count) > CHAINS_MAX {
            return Err(RestoreError::Impossible);
        }
        (0..count).map(|_| StoredChain::read(reader)).collect::<Result<_, _>>().map(Self)
    }
}

impl StoredChain {
    fn read(reader: &mut Reader<'_>) -> Result<Self, RestoreError> {
        let (header, count) = (HeaderKey::read(reader)?, reader.u32()?);
        if count == 0 || count > STORED_KEYS_MAX {
            return Err(RestoreError::Impossible);
        }
        let keys = (0..count)
            .map(|_| Ok((reader.u32()?, Key::new(*reader.array()?))))
            .collect::<Result<_, RestoreError>>()?;
        Ok(Self { header, keys })
    }
}
