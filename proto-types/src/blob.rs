//! Blobs: sealed attachments, each on a stream of its own, resumable in both directions.
//!
//! The relay knows a blob's size and owner, nothing of what it is.

use serde::{Deserialize, Serialize};

use crate::id::{BlobId, Timestamp};

/// Stores a blob, or goes on storing it. The relay answers [`BlobReady`] with the offset from
/// which it wants bytes; the client sends the raw bytes from there to the end and finishes its
/// side of the stream; the relay checks the digest and answers [`BlobStored`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutBlob {
    /// Chosen by the uploader.
    pub id: BlobId,
    /// All its bytes, at most [`crate::limits::BLOB_MAX`].
    pub size: u64,
    /// SHA-256 of all its bytes.
    #[serde(with = "serde_bytes")]
    pub digest: [u8; 32],
}

/// The relay has this much of the blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobReady {
    /// Where to go on, in bytes.
    pub offset: u64,
}

/// The relay has all of the blob, durably.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobStored {
    /// When the relay will delete it.
    pub expires_at: Timestamp,
}

/// Fetches a blob from an offset. The relay answers [`BlobFound`] and sends the raw bytes from
/// there to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetBlob {
    /// Which.
    pub id: BlobId,
    /// Where to begin, in bytes.
    pub offset: u64,
}

/// The bytes follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobFound {
    /// All its bytes.
    pub size: u64,
}
