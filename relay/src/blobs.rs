//! Blobs: sealed attachments as files, one each, written from where an earlier try ended.
//!
//! The store keeps the books (owner, size, digest, expiry); the bytes lie in one folder, named by
//! blob. What a blob is, the relay can't know.

use std::{
    collections::HashSet,
    fs, io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use sha2::{Digest, Sha256};
use sotto_proto::{
    AccountId, Answer, BlobId, ErrorCode, Refusal,
    blob::{BlobFound, BlobReady, BlobStored, GetBlob, PutBlob},
    limits::BLOB_MAX,
};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use crate::{
    connection::{Talk, TalkError},
    metrics::Direction,
    online::lock,
    server::{Shared, now},
    store::{BlobRecord, Reserved},
    stream::{self, StreamError},
};

/// How much is copied at once.
const CHUNK: usize = 64 * 1024;

/// The folder of blobs, and which are being written.
pub(crate) struct BlobFolder {
    /// Another one when the relay goes on with another database.
    folder: RwLock<PathBuf>,
    writing: Arc<Mutex<HashSet<BlobId>>>,
}

/// The right to write one blob; dropping it gives it back.
struct Writing {
    writing: Arc<Mutex<HashSet<BlobId>>>,
    id: BlobId,
}

impl Drop for Writing {
    fn drop(&mut self) {
        lock(&self.writing).remove(&self.id);
    }
}

impl BlobFolder {
    pub(crate) fn open(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Self { folder: RwLock::new(folder), writing: Arc::default() })
    }

    /// Goes on in another folder.
    pub(crate) fn switch(&self, folder: PathBuf) -> io::Result<()> {
        fs::create_dir_all(&folder)?;
        *self.folder.write().unwrap_or_else(PoisonError::into_inner) = folder;
        Ok(())
    }

    /// Where the blobs lie.
    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn path(&self, id: BlobId) -> PathBuf {
        self.folder().join(id.to_string())
    }

    fn begin(&self, id: BlobId) -> Result<Writing, Refusal> {
        if lock(&self.writing).insert(id) {
            Ok(Writing { writing: Arc::clone(&self.writing), id })
        } else {
            Err(Refusal::new(
                ErrorCode::BlobConflict,
                "this blob is being written on another stream",
            ))
        }
    }

    /// Deletes a blob's bytes.
    pub(crate) async fn delete(&self, id: BlobId) {
        if let Err(error) = tokio::fs::remove_file(self.path(id)).await
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "a blob could not be deleted");
        }
    }

    /// The blobs of which there are bytes.
    pub(crate) async fn list(&self) -> io::Result<Vec<BlobId>> {
        let mut files = tokio::fs::read_dir(self.folder()).await?;
        let mut blobs = Vec::new();
        while let Some(file) = files.next_entry().await? {
            // The folder may hold other files.
            blobs.extend(file.file_name().to_str().and_then(|name| name.parse::<BlobId>().ok()));
        }
        Ok(blobs)
    }

    async fn sync_folder(&self) -> io::Result<()> {
        tokio::fs::File::open(self.folder()).await?.sync_all().await
    }
}

/// The conversation that stores a blob.
pub(crate) async fn put(
    shared: &Shared,
    owner: AccountId,
    talk: &mut Talk,
    put: PutBlob,
) -> Result<(), TalkError> {
    if put.size > BLOB_MAX {
        return Err(Refusal::new(
            ErrorCode::OutOfBounds,
            format!("a blob has at most {BLOB_MAX} bytes"),
        )
        .into());
    }
    let _writing = shared.blobs.begin(put.id)?;
    let expires_at = now().plus(shared.config.quotas.blob_lifetime_ms());
    let record = BlobRecord {
        id: put.id,
        owner,
        size: put.size,
        digest: put.digest,
        complete: false,
        expires_at,
    };
    let record = match shared.store.reserve_blob(record, shared.config.quotas.blob_bytes).await? {
        Reserved::Yes(record) => record,
        Reserved::Conflict => {
            return Err(Refusal::new(ErrorCode::BlobConflict, "another blob has this id").into());
        }
        Reserved::OverQuota => {
            return Err(Refusal::new(
                ErrorCode::BlobQuota,
                "your attachments on this relay fill your quota",
            )
            .into());
        }
    };
    if record.complete {
        stream::send(&mut talk.send, &Answer::from(BlobReady { offset: record.size })).await?;
    } else {
        take(shared, talk, &record).await?;
        shared.store.complete_blob(record.id).await?;
    }
    Ok(stream::conclude(&mut talk.send, BlobStored { expires_at: record.expires_at }).await?)
}

/// Writes what is missing, and checks the whole.
async fn take(shared: &Shared, talk: &mut Talk, record: &BlobRecord) -> Result<(), TalkError> {
    let path = shared.blobs.path(record.id);
    let mut file = tokio::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .await
        .map_err(failed)?;
    let mut digest = Sha256::new();
    let offset = hash_existing(&mut file, record.size, &mut digest).await.map_err(failed)?;
    stream::send(&mut talk.send, &Answer::from(BlobReady { offset })).await?;
    let mut received = offset;
    while let Some(chunk) =
        talk.receive.read_chunk(CHUNK, true).await.map_err(|_| StreamError::Gone)?
    {
        received += chunk.bytes.len() as u64;
        if received > record.size {
            return Err(
                Refusal::new(ErrorCode::OutOfBounds, "more bytes than the blob's size").into()
            );
        }
        digest.update(&chunk.bytes);
        shared.pace(record.owner, chunk.bytes.len()).await;
        shared.metrics.blob(Direction::In, chunk.bytes.len() as u64);
        file.write_all(&chunk.bytes).await.map_err(failed)?;
    }
    file.flush().await.map_err(failed)?;
    if received < record.size {
        return Err(Refusal::new(ErrorCode::OutOfBounds, "fewer bytes than the blob's size").into());
    }
    if digest.finalize().as_slice() != record.digest {
        // What is there can't become right: the next try begins anew.
        file.set_len(0).await.map_err(failed)?;
        return Err(Refusal::new(
            ErrorCode::BadSignature,
            "the blob's digest is not the one announced",
        )
        .into());
    }
    file.sync_all().await.map_err(failed)?;
    Ok(shared.blobs.sync_folder().await.map_err(failed)?)
}

/// Reads what an earlier try left; where it goes on, in bytes.
async fn hash_existing(
    file: &mut tokio::fs::File,
    size: u64,
    digest: &mut Sha256,
) -> io::Result<u64> {
    if file.metadata().await?.len() > size {
        file.set_len(0).await?;
    }
    let mut buffer = vec![0; CHUNK];
    let mut offset = 0;
    loop {
        let count = file.read(&mut buffer).await?;
        let Some(chunk) = buffer.get(..count).filter(|chunk| !chunk.is_empty()) else {
            return Ok(offset);
        };
        digest.update(chunk);
        offset += count as u64;
    }
}

/// The conversation that fetches a blob.
pub(crate) async fn get(
    shared: &Shared,
    reader: AccountId,
    talk: &mut Talk,
    get: GetBlob,
) -> Result<(), TalkError> {
    let none =
        || Refusal::new(ErrorCode::NoSuchBlob, "there is no such attachment, or it has expired");
    let record =
        shared.store.blob(get.id).await?.filter(|blob| blob.complete && now() < blob.expires_at);
    let record = record.ok_or_else(none)?;
    if get.offset > record.size {
        return Err(
            Refusal::new(ErrorCode::OutOfBounds, "the offset is behind the blob's end").into()
        );
    }
    let mut file = tokio::fs::File::open(shared.blobs.path(get.id)).await.map_err(|_| none())?;
    file.seek(io::SeekFrom::Start(get.offset)).await.map_err(failed)?;
    stream::send(&mut talk.send, &Answer::from(BlobFound { size: record.size })).await?;
    let mut buffer = vec![0; CHUNK];
    loop {
        let count = file.read(&mut buffer).await.map_err(failed)?;
        let Some(chunk) = buffer.get(..count).filter(|chunk| !chunk.is_empty()) else { break };
        shared.pace(reader, count).await;
        talk.send.write_all(chunk).await.map_err(StreamError::from)?;
        shared.metrics.blob(Direction::Out, count as u64);
    }
    // It fails only where the stream is closed already.
    let _ = talk.send.finish();
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` calls")]
fn failed(error: io::Error) -> Refusal {
    tracing::error!(%error, "a blob's file failed");
    Refusal::new(ErrorCode::Internal, "the relay could not read or write the attachment")
}
