//! Large values in blocks, so that a small change of a large value is a small write.
//!
//! The tree of a room of a thousand devices is a megabyte, and a commit changes some of it; the
//! secrets of its posts are hundreds of kilobytes, and a post changes one. A value is cut where its
//! own bytes say so, not at fixed places: what is inserted moves no cut behind it but the next.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{RoomStorage, RoomStorageError};
use crate::stored::{Reader, RestoreError, Sink};

/// The forms of a stored value, told by its first byte.
const WHOLE: u8 = 1;
const IN_BLOCKS: u8 = 2;

/// Up to this size a value is stored whole.
const WHOLE_MAX: usize = 8 * 1024;
const BLOCK_MIN: usize = 1024;
const BLOCK_MAX: usize = 16 * 1024;
/// A cut is where the hash of the last 64 bytes is below this: once in 4 KiB.
const CUT: u64 = u64::MAX / 4096;
/// Spreads a byte over the hash (the golden ratio).
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

type BlockDigest = [u8; 16];

/// Where a block stands and what is in it.
#[derive(Clone, Copy)]
struct Block {
    id: u32,
    digest: BlockDigest,
}

/// The value under `key`.
pub(super) fn get(
    storage: &dyn RoomStorage,
    key: &[u8],
) -> Result<Option<Zeroizing<Vec<u8>>>, RoomStorageError> {
    let Some(stored) = storage.get(key)? else { return Ok(None) };
    if let Some((&WHOLE, value)) = stored.split_first() {
        return Ok(Some(Zeroizing::new(value.to_vec())));
    }
    let mut parts = Vec::new();
    for block in index(&stored).map_err(RoomStorageError::new)? {
        let part = storage.get(&block_key(key, block.id))?;
        parts.push(part.ok_or_else(|| RoomStorageError::new(RestoreError::Truncated))?);
    }
    let length = parts.iter().map(|part| part.len()).sum();
    let mut value = Zeroizing::new(Vec::with_capacity(length));
    for part in &parts {
        value.extend_from_slice(part);
    }
    Ok(Some(value))
}

/// Puts `value` under `key`; of the old value, the blocks that are the same stay.
pub(super) fn put(
    storage: &dyn RoomStorage,
    key: &[u8],
    value: &[u8],
) -> Result<(), RoomStorageError> {
    let old = old_index(storage, key)?;
    if value.len() <= WHOLE_MAX {
        let mut stored = Zeroizing::new(Vec::with_capacity(value.len() + 1));
        stored.put(&[WHOLE]);
        stored.put(value);
        storage.put(key, &stored)?;
        return drop_all(storage, key, old.iter().map(|block| block.id));
    }
    let known: BTreeMap<_, _> = old.iter().map(|block| (block.digest, block.id)).collect();
    let parts: Vec<_> = cut(value).into_iter().map(|part| (digest(part), part)).collect();
    let mut used: BTreeSet<u32> =
        parts.iter().filter_map(|(digest, _)| known.get(digest).copied()).collect();
    let mut stored = vec![IN_BLOCKS];
    let mut next = 0;
    for (digest, part) in parts {
        let id = if let Some(id) = known.get(&digest) {
            *id
        } else {
            while !used.insert(next) {
                next += 1;
            }
            storage.put(&block_key(key, next), part)?;
            next
        };
        stored.put_u32(id);
        stored.put(&digest);
    }
    storage.put(key, &stored)?;
    drop_all(storage, key, old.iter().map(|block| block.id).filter(|id| !used.contains(id)))
}

/// Takes away the value under `key`.
pub(super) fn delete(storage: &dyn RoomStorage, key: &[u8]) -> Result<(), RoomStorageError> {
    drop_all(storage, key, old_index(storage, key)?.iter().map(|block| block.id))?;
    storage.delete(key)
}

fn drop_all(
    storage: &dyn RoomStorage,
    key: &[u8],
    ids: impl Iterator<Item = u32>,
) -> Result<(), RoomStorageError> {
    for id in ids {
        storage.delete(&block_key(key, id))?;
    }
    Ok(())
}

/// The blocks of the value under `key`, if it is in blocks.
fn old_index(storage: &dyn RoomStorage, key: &[u8]) -> Result<Vec<Block>, RoomStorageError> {
    match storage.get(key)? {
        Some(stored) if stored.first() == Some(&IN_BLOCKS) => {
            index(&stored).map_err(RoomStorageError::new)
        }
        _ => Ok(Vec::new()),
    }
}

fn index(stored: &[u8]) -> Result<Vec<Block>, RestoreError> {
    let mut reader = Reader::new(stored);
    crate::stored::expect_format(&mut reader, IN_BLOCKS)?;
    let mut blocks = Vec::new();
    while !reader.is_empty() {
        blocks.push(Block { id: reader.u32()?, digest: *reader.array()? });
    }
    Ok(blocks)
}

fn block_key(key: &[u8], id: u32) -> Vec<u8> {
    [key, &id.to_be_bytes()].concat()
}

fn digest(part: &[u8]) -> BlockDigest {
    let mut digest = BlockDigest::default();
    digest.copy_from_slice(&Sha256::digest(part)[..16]);
    digest
}

fn cut(mut value: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    while !value.is_empty() {
        let (part, rest) = value.split_at(first_cut(value));
        parts.push(part);
        value = rest;
    }
    parts
}

fn first_cut(value: &[u8]) -> usize {
    let mut hash = 0_u64;
    for (index, byte) in value.iter().enumerate().take(BLOCK_MAX) {
        hash = (hash << 1).wrapping_add((u64::from(*byte) + 1).wrapping_mul(SPREAD));
        if index >= BLOCK_MIN && hash < CUT {
            return index;
        }
    }
    value.len().min(BLOCK_MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{room::tests::world::Memory, testing::test_rng};

    const KEY: &[u8] = b"key";

    fn noise(seed: u64, length: usize) -> Vec<u8> {
        let mut rng = test_rng(seed);
        (0..length).map(|_| rng.random()).collect()
    }

    #[test]
    fn a_small_change_of_a_large_value_is_a_small_write() {
        let storage = Memory::default();
        let mut value = noise(1, 500_000);
        put(&storage, KEY, &value).unwrap();
        storage.written.set(0);
        value.splice(200_000..200_003, [1, 2, 3, 4, 5]);
        put(&storage, KEY, &value).unwrap();
        assert!(storage.written.get() < 40_000, "{} bytes", storage.written.get());
        assert_eq!(**get(&storage, KEY).unwrap().unwrap(), value);
    }

    #[test]
    fn nothing_of_a_value_is_left_behind() {
        let storage = Memory::default();
        for length in [0, 8192, 8193, 300_000, 100, 70_000] {
            let value = noise(2, length);
            put(&storage, KEY, &value).unwrap();
            assert_eq!(**get(&storage, KEY).unwrap().unwrap(), value);
        }
        delete(&storage, KEY).unwrap();
        assert_eq!(storage, Memory::default());
        assert!(get(&storage, KEY).unwrap().is_none());
    }

    #[test]
    fn equal_blocks_may_stand_for_each_other() {
        let storage = Memory::default();
        for length in [100_000, 90_000, 20_000] {
            let value = vec![7; length];
            put(&storage, KEY, &value).unwrap();
            assert_eq!(**get(&storage, KEY).unwrap().unwrap(), value);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_last_value_is_what_is_read(
            edits in proptest::collection::vec(
                (any::<prop::sample::Index>(), 0_usize..3000, 0_usize..3000, any::<u64>()), 1..12),
        ) {
            let storage = Memory::default();
            let mut value = noise(3, 30_000);
            for (at, taken, given, seed) in edits {
                let at = at.index(value.len() + 1);
                let end = (at + taken).min(value.len());
                value.splice(at..end, noise(seed, given));
                put(&storage, KEY, &value).unwrap();
                prop_assert_eq!(&**get(&storage, KEY).unwrap().unwrap(), &value);
            }
            delete(&storage, KEY).unwrap();
            prop_assert_eq!(storage, Memory::default());
        }
    }
}
