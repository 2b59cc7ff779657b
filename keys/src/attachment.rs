//! Attachments: each is sealed under a key of its own, in chunks of 64 KiB that can be sealed and
//! opened in any order, so that a transfer can go on where it broke off.
//!
//! The chunks form the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015) over
//! AES-256-GCM-SIV: the nonce says the chunk's place and whether it is the last, so that none can
//! be moved, left out or cut off. The file is padded with zeros to a size that hides its own.

use std::{fmt, ops::Range};

use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use sotto_proto::limits::ATTACHMENT_MAX;
use zeroize::Zeroizing;

use crate::primitive::{Key, NONCE_LEN, Refused, TAG_LEN, open, seal};

/// Bytes of a chunk before sealing; only the last has fewer.
pub const CHUNK_LEN: usize = 64 * 1024;
const CHUNK: u64 = CHUNK_LEN as u64;
const TAG: u64 = TAG_LEN as u64;
/// Smaller files are padded to this.
const PADDED_MIN: u64 = 4096;

/// Why a chunk was not sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttachmentError {
    /// The file is larger than an attachment may be.
    #[error("the file has {0} bytes, more than an attachment may have")]
    TooLarge(u64),
    /// There is no such chunk.
    #[error("there is no chunk {0}")]
    NoSuchChunk(u32),
    /// The chunk has another length than its place requires.
    #[error("chunk {index} should have {expected} bytes")]
    WrongLength {
        /// Which chunk.
        index: u32,
        /// How many bytes it should have.
        expected: usize,
    },
    /// The chunk was changed, or is of another attachment or place.
    #[error("chunk {0} was tampered with")]
    Tampered(u32),
}

/// Opens one attachment and nothing else.
#[derive(Clone)]
pub struct AttachmentKey(Key);

impl AttachmentKey {
    /// A new key, for one file.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self(Key::random(rng))
    }

    /// The key out of a pointer to an attachment.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Key::new(bytes))
    }

    /// What the pointer to the attachment says.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Seals the file's bytes of [`Layout::plain_range`] into the blob's of
    /// [`Layout::sealed_range`].
    pub fn seal_chunk(
        &self,
        layout: &Layout,
        index: u32,
        plain: &[u8],
    ) -> Result<Vec<u8>, AttachmentError> {
        let expected = length(&layout.plain_range(index)?);
        if plain.len() != expected {
            return Err(AttachmentError::WrongLength { index, expected });
        }
        let padded = length(&layout.padded_range(index)?);
        let mut sealed = Vec::with_capacity(padded + TAG_LEN);
        sealed.extend_from_slice(plain);
        sealed.resize(padded, 0);
        let tag = seal(&self.0, &layout.nonce(index), &[], &mut sealed);
        sealed.extend_from_slice(&tag);
        Ok(sealed)
    }

    /// Opens the blob's bytes of [`Layout::sealed_range`] into the file's of
    /// [`Layout::plain_range`].
    pub fn open_chunk(
        &self,
        layout: &Layout,
        index: u32,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, AttachmentError> {
        let expected = length(&layout.sealed_range(index)?);
        let wrong_length = AttachmentError::WrongLength { index, expected };
        if sealed.len() != expected {
            return Err(wrong_length);
        }
        let (text, tag) = sealed.split_last_chunk().ok_or(wrong_length)?;
        let mut plain = Zeroizing::new(text.to_vec());
        open(&self.0, &layout.nonce(index), &[], &mut plain, tag)
            .map_err(|Refused| AttachmentError::Tampered(index))?;
        plain.truncate(length(&layout.plain_range(index)?));
        Ok(plain)
    }
}

impl fmt::Debug for AttachmentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AttachmentKey(..)")
    }
}

/// Where the chunks of a file of a certain size lie, in the file and in the blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    size: u64,
    padded: u64,
}

impl Layout {
    /// The layout of a file of `size` bytes.
    pub fn new(size: u64) -> Result<Self, AttachmentError> {
        if size > ATTACHMENT_MAX {
            return Err(AttachmentError::TooLarge(size));
        }
        Ok(Self { size, padded: padded_size(size) })
    }

    /// Bytes of the file.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Bytes of the blob.
    pub const fn sealed_size(&self) -> u64 {
        self.padded + self.chunks() as u64 * TAG
    }

    /// How many chunks there are; at least one. The last ones may be of padding alone.
    #[expect(clippy::cast_possible_truncation, reason = "at most 1,600 chunks make an attachment")]
    pub const fn chunks(&self) -> u32 {
        self.padded.div_ceil(CHUNK) as u32
    }

    /// Where a chunk's part of the file lies; empty for a chunk of padding.
    pub fn plain_range(&self, index: u32) -> Result<Range<u64>, AttachmentError> {
        let Range { start, end } = self.padded_range(index)?;
        Ok(start.min(self.size)..end.min(self.size))
    }

    /// Where the sealed chunk lies in the blob.
    pub fn sealed_range(&self, index: u32) -> Result<Range<u64>, AttachmentError> {
        let Range { start, end } = self.padded_range(index)?;
        let before = u64::from(index) * TAG;
        Ok(start + before..end + before + TAG)
    }

    fn padded_range(&self, index: u32) -> Result<Range<u64>, AttachmentError> {
        if index >= self.chunks() {
            return Err(AttachmentError::NoSuchChunk(index));
        }
        let start = u64::from(index) * CHUNK;
        Ok(start..(start + CHUNK).min(self.padded))
    }

    /// Seven zeros, the index, and whether the chunk is the last.
    fn nonce(&self, index: u32) -> [u8; NONCE_LEN] {
        let mut nonce = [0; NONCE_LEN];
        nonce[7..11].copy_from_slice(&index.to_be_bytes());
        nonce[11] = u8::from(index + 1 == self.chunks());
        nonce
    }
}

/// Padmé (Nikitin et al. 2019): a size's low bits are rounded up, so that at most 12% are added and
/// few bits of the size are told.
fn padded_size(size: u64) -> u64 {
    if size <= PADDED_MIN {
        return PADDED_MIN;
    }
    let exponent = size.ilog2();
    let low_bits = exponent - (exponent.ilog2() + 1);
    let mask = (1 << low_bits) - 1;
    ((size + mask) & !mask).min(ATTACHMENT_MAX)
}

/// The length of a chunk's range.
fn length(range: &Range<u64>) -> usize {
    usize::try_from(range.end - range.start).unwrap_or(usize::MAX)
}

/// SHA-256 of a blob, taken in while it is sealed or fetched.
#[derive(Clone, Debug, Default)]
pub struct BlobDigest(Sha256);

impl BlobDigest {
    /// Of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in the blob's next bytes.
    pub fn update(&mut self, sealed: &[u8]) {
        self.0.update(sealed);
    }

    /// The digest of all that was taken in.
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sotto_proto::limits::BLOB_MAX;

    use super::*;

    fn key() -> AttachmentKey {
        AttachmentKey::from_bytes([7; 32])
    }

    fn seal_all(layout: &Layout, file: &[u8]) -> Vec<Vec<u8>> {
        (0..layout.chunks())
            .map(|index| {
                let range = layout.plain_range(index).unwrap();
                let plain = &file[usize::try_from(range.start).unwrap()..][..length(&range)];
                key().seal_chunk(layout, index, plain).unwrap()
            })
            .collect()
    }

    #[test]
    fn keys_are_not_printed() {
        insta::assert_debug_snapshot!(key(), @"AttachmentKey(..)");
    }

    #[test]
    fn sizes_are_rounded_up() {
        for (size, padded) in [
            (0, 4096),
            (4096, 4096),
            (4097, 4352),
            (65_536, 65_536),
            (65_537, 67_584),
            (1_000_000, 1_015_808),
            (ATTACHMENT_MAX - 1, ATTACHMENT_MAX),
            (ATTACHMENT_MAX, ATTACHMENT_MAX),
        ] {
            assert_eq!(padded_size(size), padded, "{size}");
        }
        assert!(Layout::new(ATTACHMENT_MAX).unwrap().sealed_size() <= BLOB_MAX);
        assert_eq!(
            Layout::new(ATTACHMENT_MAX + 1),
            Err(AttachmentError::TooLarge(ATTACHMENT_MAX + 1))
        );
    }

    #[test]
    fn files_come_back_chunk_by_chunk() {
        for size in [0_usize, 1, 4096, 65_535, 65_536, 65_537, 200_000] {
            let file: Vec<u8> = (0..size).map(|at| u8::try_from(at % 251).unwrap()).collect();
            let layout = Layout::new(size as u64).unwrap();
            let sealed = seal_all(&layout, &file);
            assert_eq!(
                sealed.iter().map(|chunk| chunk.len() as u64).sum::<u64>(),
                layout.sealed_size()
            );
            let mut opened = vec![0; size];
            for index in (0..layout.chunks()).rev() {
                let range = layout.plain_range(index).unwrap();
                let plain = key().open_chunk(&layout, index, &sealed[index as usize]).unwrap();
                opened[usize::try_from(range.start).unwrap()..][..plain.len()]
                    .copy_from_slice(&plain);
            }
            assert_eq!(opened, file);
        }
    }

    #[test]
    fn chunks_cannot_be_moved_cut_off_or_changed() {
        let layout = Layout::new(200_000).unwrap();
        let sealed = seal_all(&layout, &vec![1; 200_000]);
        assert_eq!(layout.chunks(), 4);
        assert_eq!(
            key().open_chunk(&layout, 1, &sealed[0]).unwrap_err(),
            AttachmentError::Tampered(1)
        );
        let shorter = Layout::new(131_072).unwrap();
        assert_eq!(shorter.chunks(), 2);
        assert_eq!(
            key().open_chunk(&shorter, 1, &sealed[1]).unwrap_err(),
            AttachmentError::Tampered(1)
        );
        let mut changed = sealed[0].clone();
        changed[9] ^= 1;
        assert_eq!(
            key().open_chunk(&layout, 0, &changed).unwrap_err(),
            AttachmentError::Tampered(0)
        );
        assert_eq!(
            key().open_chunk(&layout, 0, &changed[1..]).unwrap_err(),
            AttachmentError::WrongLength { index: 0, expected: CHUNK_LEN + 16 }
        );
        assert_eq!(
            key().open_chunk(&layout, 4, &changed).unwrap_err(),
            AttachmentError::NoSuchChunk(4)
        );
        assert_eq!(
            key().seal_chunk(&layout, 3, &[]).unwrap_err(),
            AttachmentError::WrongLength { index: 3, expected: 200_000 - 3 * CHUNK_LEN }
        );
    }

    proptest! {
        #[test]
        fn ranges_tile_the_file_and_the_blob(size in 0..=ATTACHMENT_MAX) {
            let layout = Layout::new(size).unwrap();
            let (mut plain, mut sealed) = (0, 0);
            for index in 0..layout.chunks() {
                let (p, s) = (layout.plain_range(index).unwrap(), layout.sealed_range(index).unwrap());
                prop_assert_eq!((p.start, s.start), (plain, sealed));
                (plain, sealed) = (p.end, s.end);
            }
            prop_assert_eq!((plain, sealed), (size, layout.sealed_size()));
            prop_assert!(layout.sealed_size() <= BLOB_MAX);
        }
    }
}
