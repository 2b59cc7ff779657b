//! Fetching the file of a message: the sealed blob first, into a part file that a broken download
//! is gone on with; then, when its digest is right, opened chunk by chunk into the place where the
//! owner wants it. Nothing unchecked ever stands there.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use sotto_keys::{AttachmentKey, BlobDigest, Layout};
use sotto_proto::{
    ErrorCode, MessageId,
    blob::{BlobFound, GetBlob},
    content::AttachmentPointer,
};
use tokio::io::AsyncWriteExt;
use tokio_util::sync::CancellationToken;

use super::{Engine, error::EngineError, event::Event, upload::Progress};
use crate::{
    model::{ConversationId, FailReason, Message, Transfer},
    transport::{AskError, Link, TransportError, expect},
    vault::AttachmentJob,
};

/// Attempts in a row that bring nothing.
const ATTEMPTS_MAX: u32 = 5;

impl Engine {
    /// Saves the file of a message at `to`: fetches it, checks it, and only then puts it there.
    /// Goes on after a broken connection and, called again, after a restart; tells of its
    /// progress by [`Event::Transfer`]. [`Engine::cancel_transfer`] ends it with
    /// [`EngineError::Cancelled`].
    pub async fn save_attachment(
        &self,
        conversation: impl Into<ConversationId>,
        message: MessageId,
        to: &Path,
    ) -> Result<Message, EngineError> {
        let conversation = conversation.into();
        let shared = &self.shared;
        let read = shared.keeper.read(move |view| Ok(view.attachment(conversation, message)?));
        let job = read.await?.ok_or(EngineError::NoFile)?;
        if let Some(here) = job.path.clone().filter(|path| path.is_file()) {
            return self.copy(job, here, to).await;
        }
        let pointer = job.pointer.clone().ok_or(EngineError::NoFile)?;
        let layout = Layout::new(pointer.size).map_err(|_| EngineError::TooLarge)?;
        let under_way = shared.transfers.enter(conversation, message);
        let stop = under_way.stop();
        // Two downloads would write to the same part.
        let one_at_a_time = stop.run_until_cancelled(shared.downloading.lock()).await;
        let _one_at_a_time = one_at_a_time.ok_or(EngineError::Cancelled)?;
        let part = shared.attachments.join(format!("{}.part", pointer.blob));
        let fetching = self.fetch(&job, &pointer, &layout, &part);
        let opened = match stop.run_until_cancelled(fetching).await {
            // Not left alone when it is given up: it puts the file into its place, or does not.
            Some(Ok(())) => open(pointer, layout, part.clone(), to.to_owned(), stop.clone()).await,
            Some(Err(error)) => Err(error),
            None => Err(EngineError::Cancelled),
        };
        if matches!(opened, Err(EngineError::Cancelled)) {
            return Err(self.given_up(&job, part).await);
        }
        let (failure, opened) = match opened {
            Ok(()) => (None, Ok(())),
            Err(EngineError::Damaged) => (Some(FailReason::Damaged), Err(EngineError::Damaged)),
            Err(EngineError::BlobGone) => (Some(FailReason::BlobGone), Err(EngineError::BlobGone)),
            // Another try may succeed.
            Err(error) => return Err(error),
        };
        let to = to.to_owned();
        let record = shared.keeper.write(move |tx, _| {
            Ok(match failure {
                None => tx.set_file(conversation, message, &to)?,
                Some(reason) => {
                    tx.set_transfer(conversation, message, &Transfer::Failed { reason })?
                }
            })
        });
        let message = record.await?;
        shared.tell(Event::MessageChanged { message: message.clone() });
        opened.map(|()| message)
    }

    /// Clears away what was fetched of a file that was given up, and tells the faces, who have seen
    /// it under way.
    async fn given_up(&self, job: &AttachmentJob, part: PathBuf) -> EngineError {
        match tokio::fs::remove_file(&part).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, "a part of a file that was given up could not be deleted");
            }
            _ => {}
        }
        if let Ok(message) = self.message(job.conversation, job.message).await {
            self.shared.tell(Event::MessageChanged { message });
        }
        EngineError::Cancelled
    }

    async fn copy(
        &self,
        job: AttachmentJob,
        here: PathBuf,
        to: &Path,
    ) -> Result<Message, EngineError> {
        if here != to {
            tokio::fs::copy(&here, to).await.map_err(EngineError::File)?;
        }
        self.message(job.conversation, job.message).await
    }

    /// Fetches the blob, over as many connections as that takes.
    async fn fetch(
        &self,
        job: &AttachmentJob,
        pointer: &AttachmentPointer,
        layout: &Layout,
        part: &Path,
    ) -> Result<(), EngineError> {
        let progress = Progress { shared: &self.shared, job, total: layout.sealed_size() };
        let (mut attempts, mut reached) = (0, 0);
        loop {
            let link = self.living_link().await?;
            let fetched = fetch_on(&link, pointer, layout, part, &progress).await;
            let is_broken = matches!(
                fetched,
                Err(EngineError::Transport(
                    TransportError::Closed(_) | TransportError::Broken(_) | TransportError::Ended,
                ))
            );
            let length = tokio::fs::metadata(part).await.map_or(0, |found| found.len());
            attempts = if length > reached { 0 } else { attempts + 1 };
            reached = length;
            if !is_broken || attempts == ATTEMPTS_MAX {
                return fetched;
            }
            link.settled().await;
        }
    }

    async fn living_link(&self) -> Result<Link, EngineError> {
        let mut links = self.shared.link.subscribe();
        // One that has just ended stands there for a moment longer.
        let is_living = |link: &Option<Link>| link.as_ref().is_some_and(Link::is_living);
        loop {
            self.unless_off(links.wait_for(is_living)).await?;
            if let Some(link) = links.borrow().clone() {
                return Ok(link);
            }
        }
    }
}

async fn fetch_on(
    link: &Link,
    pointer: &AttachmentPointer,
    layout: &Layout,
    part: &Path,
    progress: &Progress<'_>,
) -> Result<(), EngineError> {
    let total = layout.sealed_size();
    let mut file = tokio::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(part)
        .await
        .map_err(EngineError::File)?;
    let mut done = file.metadata().await.map_err(EngineError::File)?.len();
    if done >= total {
        return Ok(());
    }
    let mut said = done;
    let request = GetBlob { id: pointer.blob, offset: done };
    let (mut writer, mut reader) = link.open(request).await?;
    writer.finish();
    let found: BlobFound = expect(&mut reader).await.map_err(|error| match error {
        AskError::Refused(refusal) if refusal.code == ErrorCode::NoSuchBlob => {
            EngineError::BlobGone
        }
        error => error.into(),
    })?;
    if found.size != total {
        return Err(EngineError::Damaged);
    }
    while done < total {
        let Some(bytes) = reader.receive_raw().await? else {
            file.flush().await.map_err(EngineError::File)?;
            return Err(TransportError::Ended.into());
        };
        done = done.saturating_add(bytes.len() as u64);
        file.write_all(&bytes).await.map_err(EngineError::File)?;
        progress.step(&mut said, done);
    }
    file.flush().await.map_err(EngineError::File)
}

/// Checks the blob, opens it, and puts the file into its place.
async fn open(
    pointer: AttachmentPointer,
    layout: Layout,
    part: PathBuf,
    to: PathBuf,
    stop: CancellationToken,
) -> Result<(), EngineError> {
    let opening = tokio::task::spawn_blocking(move || {
        let opened = open_part(&pointer, &layout, &part, &to, &stop);
        if matches!(opened, Ok(()) | Err(EngineError::Damaged)) {
            // A damaged part is of no use to another try either.
            let _ = fs::remove_file(&part);
        }
        opened
    });
    opening.await.map_err(|error| EngineError::File(io::Error::other(error)))?
}

fn open_part(
    pointer: &AttachmentPointer,
    layout: &Layout,
    part: &Path,
    to: &Path,
    stop: &CancellationToken,
) -> Result<(), EngineError> {
    let folder = to.parent().filter(|parent| !parent.as_os_str().is_empty());
    let key = AttachmentKey::from_bytes(pointer.key);
    let mut sealed = File::open(part).map_err(EngineError::File)?;
    let mut opened = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))
        .map_err(EngineError::File)?;
    let mut digest = BlobDigest::new();
    for index in 0..layout.chunks() {
        if stop.is_cancelled() {
            return Err(EngineError::Cancelled);
        }
        let range = layout.sealed_range(index).map_err(|_| EngineError::Damaged)?;
        let length = usize::try_from(range.end - range.start).map_err(|_| EngineError::TooLarge)?;
        let mut chunk = vec![0; length];
        sealed.read_exact(&mut chunk).map_err(EngineError::File)?;
        digest.update(&chunk);
        let plain = key.open_chunk(layout, index, &chunk).map_err(|_| EngineError::Damaged)?;
        opened.write_all(&plain).map_err(EngineError::File)?;
    }
    let is_whole = sealed.read(&mut [0; 1]).map_err(EngineError::File)? == 0;
    if !is_whole || digest.finish() != pointer.digest {
        return Err(EngineError::Damaged);
    }
    opened.as_file().sync_all().map_err(EngineError::File)?;
    opened.persist(to).map_err(|error| EngineError::File(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use sotto_proto::BlobId;

    use super::*;

    fn sealed(plain: &[u8]) -> (AttachmentPointer, Layout, Vec<u8>) {
        let key = AttachmentKey::from_bytes([3; 32]);
        let layout = Layout::new(plain.len() as u64).unwrap();
        let mut blob = Vec::new();
        for index in 0..layout.chunks() {
            let range = layout.plain_range(index).unwrap();
            let part =
                &plain[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()];
            blob.extend(key.seal_chunk(&layout, index, part).unwrap());
        }
        let mut digest = BlobDigest::new();
        digest.update(&blob);
        let pointer = AttachmentPointer {
            blob: BlobId([1; 16]),
            key: *key.as_bytes(),
            digest: digest.finish(),
            size: plain.len() as u64,
            name: "file".to_owned(),
            media_type: String::new(),
        };
        (pointer, layout, blob)
    }

    #[test]
    fn a_whole_blob_is_opened_and_a_changed_one_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (part, to) = (folder.path().join("part"), folder.path().join("file"));
        let plain: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let (pointer, layout, blob) = sealed(&plain);
        fs::write(&part, &blob).unwrap();
        open_part(&pointer, &layout, &part, &to, &CancellationToken::new()).unwrap();
        assert_eq!(fs::read(&to).unwrap(), plain);

        fs::remove_file(&to).unwrap();
        let mut changed = blob.clone();
        changed[70_000] ^= 1;
        fs::write(&part, &changed).unwrap();
        let refused = open_part(&pointer, &layout, &part, &to, &CancellationToken::new());
        assert!(matches!(refused, Err(EngineError::Damaged)));
        let other = AttachmentPointer { digest: [0; 32], ..pointer };
        fs::write(&part, &blob).unwrap();
        assert!(matches!(
            open_part(&other, &layout, &part, &to, &CancellationToken::new()),
            Err(EngineError::Damaged)
        ));
        assert!(!to.exists());
    }

    #[test]
    fn a_file_that_is_given_up_is_not_put_into_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let (part, to) = (folder.path().join("part"), folder.path().join("file"));
        let (pointer, layout, blob) = sealed(b"a photo");
        fs::write(&part, &blob).unwrap();
        let stop = CancellationToken::new();
        stop.cancel();
        let refused = open_part(&pointer, &layout, &part, &to, &stop);
        assert!(matches!(refused, Err(EngineError::Cancelled)));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_empty_file_is_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let (part, to) = (folder.path().join("part"), folder.path().join("file"));
        let (pointer, layout, blob) = sealed(b"");
        fs::write(&part, &blob).unwrap();
        open_part(&pointer, &layout, &part, &to, &CancellationToken::new()).unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"");
    }
}
