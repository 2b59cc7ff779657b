//! Carrying files up: sealed chunk by chunk as they are read, gone on with where the relay has
//! them, and never held in memory as a whole.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sotto_keys::{AttachmentKey, BlobDigest, Layout};
use sotto_proto::{
    Answer, ErrorClass, ErrorCode,
    blob::{BlobReady, BlobStored, PutBlob},
    content::AttachmentPointer,
};
use tokio_util::sync::CancellationToken;

use super::{
    Shared, clock,
    error::EngineError,
    event::Event,
    sealing::{Sealed, seal_waiting},
    transfers::is_uploading,
};
use crate::{
    model::{FailReason, Transfer},
    transport::{AskError, FrameReader, FrameWriter, Link, TransportError, expect},
    vault::AttachmentJob,
};

/// How long to wait after a refusal that may pass.
const PAUSE: Duration = Duration::from_secs(5);
/// A progress event for every this many bytes.
const PROGRESS_STEP: u64 = 256 * 1024;

/// Carries what is to be uploaded until the connection ends.
pub(super) async fn carry(shared: Arc<Shared>, link: Link) -> Result<(), EngineError> {
    loop {
        let read = shared.keeper.read(|view| Ok(view.unfinished_transfers()?));
        for job in read.await?.into_iter().filter(|job| job.outgoing) {
            carry_one(&shared, &link, &job).await?;
        }
        shared.wake.uploads.notified().await;
    }
}

async fn carry_one(shared: &Shared, link: &Link, job: &AttachmentJob) -> Result<(), EngineError> {
    let (conversation, message) = (job.conversation, job.message);
    let under_way = shared.transfers.enter(conversation, message);
    // It may have been given up while it waited for the others.
    let is_wanted = shared.keeper.read(move |view| is_uploading(view, conversation, message));
    if !is_wanted.await? {
        return Ok(());
    }
    match upload(shared, link, job, under_way.stop()).await {
        Ok(()) => finish(shared, job).await,
        Err(Failure::GivenUp) => Ok(()),
        Err(Failure::Final(reason)) => fail(shared, job, reason).await,
        Err(Failure::Later(wait)) => {
            let _ = under_way.stop().run_until_cancelled(tokio::time::sleep(wait)).await;
            shared.wake.uploads.notify_one();
            Ok(())
        }
        Err(Failure::Broken(error)) => Err(error),
    }
}

/// Why an upload ended early.
enum Failure {
    Final(FailReason),
    Later(Duration),
    /// By the owner, who has been told.
    GivenUp,
    Broken(EngineError),
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self::Broken(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        tracing::warn!(%error, "a file to send could not be read");
        Self::Final(FailReason::File)
    }
}

impl From<AskError> for Failure {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Transport(error) => Self::Broken(error.into()),
            AskError::Refused(refusal) => match (refusal.code, refusal.code.class()) {
                (_, ErrorClass::RateLimited | ErrorClass::Unavailable | ErrorClass::Internal) => {
                    Self::Later(refusal.retry_after_ms.map_or(PAUSE, Duration::from_millis))
                }
                // Size and digest were right when the file was first read.
                (ErrorCode::OutOfBounds | ErrorCode::Malformed, _) => Self::Final(FailReason::File),
                _ => Self::Final(FailReason::from(&refusal)),
            },
        }
    }
}

async fn upload(
    shared: &Shared,
    link: &Link,
    job: &AttachmentJob,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    let path = job.path.clone().ok_or(Failure::Final(FailReason::File))?;
    let layout = Layout::new(job.size).map_err(|_| Failure::Final(FailReason::TooLarge))?;
    let pointer = match &job.pointer {
        Some(pointer) => pointer.clone(),
        None => prepare(shared, job, &path, layout, stop).await?,
    };
    let total = layout.sealed_size();
    let request = PutBlob { id: pointer.blob, size: total, digest: pointer.digest };
    let (mut writer, mut reader) = link.open(request).await.map_err(EngineError::from)?;
    let progress = Progress { shared, job, total };
    let source = Source { path, key: AttachmentKey::from_bytes(pointer.key), layout };
    let put = put(&mut writer, &mut reader, &source, &progress);
    if let Some(done) = stop.run_until_cancelled(put).await {
        return done;
    }
    writer.reset();
    // Another stream for the same blob is refused until the relay has let go of this one.
    let let_go = async { while reader.receive::<Answer>().await.is_ok() {} };
    let _ = tokio::time::timeout(PAUSE, let_go).await;
    Err(Failure::GivenUp)
}

/// What is sealed into a blob.
struct Source {
    path: PathBuf,
    key: AttachmentKey,
    layout: Layout,
}

/// The whole conversation that stores a blob, behind its request.
async fn put(
    writer: &mut FrameWriter,
    reader: &mut FrameReader,
    source: &Source,
    progress: &Progress<'_>,
) -> Result<(), Failure> {
    let ready: BlobReady = expect(reader).await?;
    if ready.offset > progress.total {
        return Err(Failure::Broken(TransportError::Unexpected("offset").into()));
    }
    match send(writer, source, ready.offset, progress).await {
        // The relay may have stopped reading because it refuses: it says so on its own side.
        Ok(()) | Err(Failure::Broken(EngineError::Transport(TransportError::Ended))) => {}
        Err(failure) => return Err(failure),
    }
    let _: BlobStored = expect(reader).await?;
    Ok(())
}

/// Seals the file once to know its digest, and keeps key and digest: from here the upload can be
/// gone on with.
async fn prepare(
    shared: &Shared,
    job: &AttachmentJob,
    path: &Path,
    layout: Layout,
    stop: &CancellationToken,
) -> Result<AttachmentPointer, Failure> {
    let key = AttachmentKey::generate(&mut rand::rng());
    let (sealing_key, file, stop) = (key.clone(), File::open(path)?, stop.clone());
    let digest = tokio::task::spawn_blocking(move || digest(file, &sealing_key, &layout, &stop));
    let digest = digest.await.map_err(io::Error::other)??.ok_or(Failure::GivenUp)?;
    let (conversation, message) = (job.conversation, job.message);
    let pointer = AttachmentPointer {
        blob: clock::blob_id(),
        key: *key.as_bytes(),
        digest,
        size: job.size,
        name: job.name.clone(),
        media_type: media_type(&job.name).to_owned(),
    };
    let kept = pointer.clone();
    let size = layout.sealed_size();
    let job = shared.keeper.write(move |tx, _| {
        if !is_uploading(tx, conversation, message)? {
            return Ok(None);
        }
        Ok(Some(tx.set_upload(conversation, message, &kept, size)?))
    });
    let message = job.await?.ok_or(Failure::GivenUp)?;
    shared.tell(Event::MessageChanged { message });
    Ok(pointer)
}

/// The digest of the sealed file; none if it was given up meanwhile.
fn digest(
    mut file: File,
    key: &AttachmentKey,
    layout: &Layout,
    stop: &CancellationToken,
) -> io::Result<Option<[u8; 32]>> {
    let mut digest = BlobDigest::new();
    for index in 0..layout.chunks() {
        if stop.is_cancelled() {
            return Ok(None);
        }
        digest.update(&seal_chunk(&mut file, key, layout, index)?);
    }
    Ok(Some(digest.finish()))
}

async fn send(
    writer: &mut FrameWriter,
    source: &Source,
    offset: u64,
    progress: &Progress<'_>,
) -> Result<(), Failure> {
    let Source { path, key, layout } = source;
    let mut file = File::open(path)?;
    let mut done = offset;
    for index in 0..layout.chunks() {
        let range = layout.sealed_range(index).map_err(io::Error::other)?;
        if range.end <= offset {
            continue;
        }
        let (mut opened, key, layout) = (file, key.clone(), *layout);
        let sealing = tokio::task::spawn_blocking(move || {
            let sealed = seal_chunk(&mut opened, &key, &layout, index);
            (opened, sealed)
        });
        let (opened, sealed) = sealing.await.map_err(io::Error::other)?;
        file = opened;
        let sealed = sealed?;
        let skip = usize::try_from(offset.saturating_sub(range.start)).unwrap_or(usize::MAX);
        let rest = sealed.get(skip..).unwrap_or_default();
        writer.send_raw(rest).await.map_err(EngineError::from)?;
        progress.step(&mut done, range.end);
    }
    writer.finish();
    Ok(())
}

/// Reads one chunk's part of the file and seals it.
fn seal_chunk(
    file: &mut File,
    key: &AttachmentKey,
    layout: &Layout,
    index: u32,
) -> io::Result<Vec<u8>> {
    let range = layout.plain_range(index).map_err(io::Error::other)?;
    let length = usize::try_from(range.end - range.start).map_err(io::Error::other)?;
    let mut plain = vec![0; length];
    file.seek(SeekFrom::Start(range.start))?;
    file.read_exact(&mut plain)?;
    key.seal_chunk(layout, index, &plain).map_err(io::Error::other)
}

/// Tells how far a file is.
pub(super) struct Progress<'a> {
    pub(super) shared: &'a Shared,
    pub(super) job: &'a AttachmentJob,
    pub(super) total: u64,
}

impl Progress<'_> {
    /// It is at `now`, and was last said to be at `said`.
    pub(super) fn step(&self, said: &mut u64, now: u64) {
        if now.saturating_sub(*said) >= PROGRESS_STEP || now == self.total {
            *said = now;
            self.shared.tell(Event::Transfer {
                conversation: self.job.conversation,
                message: self.job.message,
                done: now,
                total: self.total,
            });
        }
    }
}

async fn finish(shared: &Shared, job: &AttachmentJob) -> Result<(), EngineError> {
    let (conversation, message) = (job.conversation, job.message);
    let job = shared.keeper.write(move |tx, _| {
        // It may have been deleted or given up meanwhile.
        if !is_uploading(tx, conversation, message)? {
            return Ok(None);
        }
        let message = tx.finish_upload(conversation, message)?;
        if let Some(contact) = conversation.contact() {
            let sealed: Sealed = seal_waiting(tx, contact)?;
            tracing::debug!(?sealed, "a file was uploaded");
        }
        Ok(Some(message))
    });
    shared.tell_all(job.await?.map(|message| Event::MessageChanged { message }));
    shared.wake_sender(conversation);
    shared.progressed();
    Ok(())
}

async fn fail(shared: &Shared, job: &AttachmentJob, reason: FailReason) -> Result<(), EngineError> {
    let (conversation, message) = (job.conversation, job.message);
    let job = shared.keeper.write(move |tx, _| {
        if !is_uploading(tx, conversation, message)? {
            return Ok(None);
        }
        Ok(Some(tx.set_transfer(conversation, message, &Transfer::Failed { reason })?))
    });
    shared.tell_all(job.await?.map(|message| Event::MessageChanged { message }));
    shared.progressed();
    Ok(())
}

/// What a file is by the end of its name (RFC 6838); the recipient trusts it no further.
pub(super) fn media_type(name: &str) -> &'static str {
    let extension = PathBuf::from(name).extension().map(OsStr::to_ascii_lowercase);
    match extension.as_deref().and_then(|end| end.to_str()).unwrap_or_default() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "svg" => "image/svg+xml",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        "mp3" => "audio/mpeg",
        "ogg" | "opus" => "audio/ogg",
        "wav" => "audio/wav",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        "json" => "application/json",
        "txt" | "md" | "log" => "text/plain",
        "html" | "htm" => "text/html",
        "csv" => "text/csv",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::super::tests::Offline;
    use super::*;

    #[test]
    fn a_media_type_goes_by_the_end_of_the_name() {
        assert_eq!(media_type("Photo.PNG"), "image/png");
        assert_eq!(media_type("archive.tar.gz"), "application/octet-stream");
        assert_eq!(media_type("README"), "application/octet-stream");
    }

    #[test]
    fn chunks_are_sealed_alike_each_time() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![7; 100_000]).unwrap();
        let key = AttachmentKey::from_bytes([1; 32]);
        let layout = Layout::new(100_000).unwrap();
        for index in 0..layout.chunks() {
            let once = seal_chunk(&mut file, &key, &layout, index).unwrap();
            assert_eq!(once, seal_chunk(&mut file, &key, &layout, index).unwrap());
            let range = layout.sealed_range(index).unwrap();
            assert_eq!(once.len() as u64, range.end - range.start);
        }
    }

    #[tokio::test]
    async fn what_was_given_up_while_it_was_carried_stays_so() {
        let offline = Offline::new();
        let Offline { engine, bob, .. } = &offline;
        let file = offline.profile().join("file");
        std::fs::write(&file, "a file").unwrap();
        let sent = engine.send_file(*bob, &file, "", None).await.unwrap();
        let read = engine.shared.keeper.read(|view| Ok(view.unfinished_transfers()?));
        let job = read.await.unwrap().remove(0);
        let given_up = engine.cancel_transfer(*bob, sent.id).await.unwrap();

        let (path, layout) = (job.path.clone().unwrap(), Layout::new(job.size).unwrap());
        let stop = CancellationToken::new();
        let prepared = prepare(&engine.shared, &job, &path, layout, &stop).await;
        assert!(matches!(prepared, Err(Failure::GivenUp)));
        finish(&engine.shared, &job).await.unwrap();
        fail(&engine.shared, &job, FailReason::BlobQuota).await.unwrap();
        assert_eq!(engine.message(*bob, sent.id).await.unwrap(), given_up);

        engine.retry(*bob, sent.id).await.unwrap();
        stop.cancel();
        let prepared = prepare(&engine.shared, &job, &path, layout, &stop).await;
        assert!(matches!(prepared, Err(Failure::GivenUp)));
        let stop = CancellationToken::new();
        assert!(prepare(&engine.shared, &job, &path, layout, &stop).await.is_ok());
        finish(&engine.shared, &job).await.unwrap();
        let waiting = engine.shared.keeper.read(|view| Ok(view.unfinished_transfers()?));
        assert!(waiting.await.unwrap().is_empty());
    }

    #[test]
    fn a_file_that_shrank_is_an_error() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"short").unwrap();
        let layout = Layout::new(6).unwrap();
        let sealed = seal_chunk(&mut file, &AttachmentKey::from_bytes([1; 32]), &layout, 0);
        assert_eq!(sealed.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
