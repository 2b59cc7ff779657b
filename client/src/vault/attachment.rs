//! Files of messages: where they are, how to open them, and how far they were carried.
//!
//! The key of a file stands in its pointer, which leaves the vault for the engine alone and never
//! for the model.

use std::path::{Component, Path, PathBuf};

use rusqlite::{Params, Row, params};
use sotto_proto::{MessageId, Timestamp, content::AttachmentPointer};

use super::{
    Tx, VaultError, View,
    message::{By, NewMessage, rows, select_messages},
    value::{Columns, from_cbor, from_json, integer, key, to_cbor, to_json},
};
use crate::model::{AttachedFile, ConversationId, Message, Transfer};

/// The most bytes of a file's name.
const NAME_MAX: usize = 200;

/// A file of this computer to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAttachment {
    /// The message's id.
    pub id: MessageId,
    /// By the own clock.
    pub sent_at: Timestamp,
    /// After how many seconds from being read it disappears.
    pub disappears_after: Option<u32>,
    /// The file's name; folders are cut off.
    pub name: String,
    /// As in RFC 6838.
    pub media_type: String,
    /// In bytes.
    pub size: u64,
    /// Where the file is.
    pub path: PathBuf,
    /// What is said to it.
    pub caption: String,
    /// The message that this one answers.
    pub reply_to: Option<MessageId>,
}

/// What carrying a file needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachmentJob {
    /// In which conversation.
    pub conversation: ConversationId,
    /// Of which message.
    pub message: MessageId,
    /// Up (true) or down.
    pub outgoing: bool,
    /// The blob and its key; none before it was sealed.
    pub pointer: Option<AttachmentPointer>,
    /// The file, as far as it is known.
    pub path: Option<PathBuf>,
    /// The file's name.
    pub name: String,
    /// The file's bytes.
    pub size: u64,
    /// How far it is.
    pub transfer: Transfer,
}

macro_rules! select_jobs {
    ($rest:literal) => {
        concat!(
            "SELECT m.conversation, m.id, m.outgoing, m.file_name, a.pointer, a.path, a.size,
                a.transfer
             FROM attachments a JOIN messages m ON m.position = a.message ",
            $rest
        )
    };
}

impl View {
    /// The file of a message; none if it has none.
    pub fn attachment(
        &self,
        conversation: ConversationId,
        message: MessageId,
    ) -> Result<Option<AttachmentJob>, VaultError> {
        let sql = select_jobs!("WHERE m.conversation = ?1 AND m.id = ?2");
        self.row(sql, params![key(conversation), message.0], read_job)
    }

    /// At most `limit` messages of a conversation that have a file, the newest first; those before
    /// the message `before`, if one is named.
    pub fn shared_files(
        &self,
        conversation: ConversationId,
        before: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<Message>, VaultError> {
        let before = match before {
            Some(id) => self.find(conversation, id)?.place,
            None => i64::MAX,
        };
        let sql = select_messages!(
            "WHERE m.conversation = ?1 AND m.kind = 'attachment' AND m.place < ?2
             ORDER BY m.place DESC LIMIT ?3"
        );
        self.messages(sql, params![key(conversation), before, rows(limit)])
    }

    /// The files whose carrying was begun and is to be gone on with, oldest first.
    pub fn unfinished_transfers(&self) -> Result<Vec<AttachmentJob>, VaultError> {
        self.rows(select_jobs!("WHERE a.unfinished = 1 ORDER BY a.message"), [], read_job)
    }

    /// Of the files that a query names those that lie in the vault's own folder: another file is
    /// the owner's, and is never deleted.
    pub(super) fn own_files(
        &self,
        condition: &str,
        params: impl Params,
    ) -> Result<Vec<PathBuf>, VaultError> {
        let sql = format!(
            "SELECT a.path FROM attachments a JOIN messages m ON m.position = a.message {condition}"
        );
        let paths =
            self.rows(&sql, params, |row| Ok(row.get::<_, Option<String>>(0)?.map(PathBuf::from)))?;
        let is_own = |path: &PathBuf| {
            path.starts_with(&self.attachments)
                && !path.components().any(|part| part == Component::ParentDir)
        };
        Ok(paths.into_iter().flatten().filter(is_own).collect())
    }
}

impl Tx<'_> {
    /// Puts an own file into the history. Its content waits to be sealed only when the file is on
    /// the relay ([`Tx::finish_upload`]).
    pub fn queue_attachment(
        &self,
        to: ConversationId,
        new: &NewAttachment,
        now: Timestamp,
    ) -> Result<Message, VaultError> {
        self.require_conversation(to)?;
        let inserted = self.insert_message(&NewMessage {
            conversation: to,
            id: new.id,
            by: By::Owner,
            sent_at: new.sent_at,
            arrived_at: now,
            kind: "attachment",
            text: Some(&new.caption),
            file_name: Some(&plain_name(&new.name)),
            event: None,
            reply_to: new.reply_to,
            mentions_me: false,
            disappears_after: new.disappears_after,
        })?;
        if let Some(position) = inserted {
            let transfer = Transfer::Running { done: 0, total: 0 };
            self.change(
                "INSERT INTO attachments VALUES (?1, NULL, ?2, ?3, ?4, ?5, 1)",
                params![
                    position,
                    new.media_type,
                    integer(new.size)?,
                    path_text(&new.path)?,
                    to_json(&transfer)?,
                ],
            )?;
        }
        self.message_at(self.find(to, new.id)?.position)
    }

    /// The file was sealed into a blob of `blob_size` bytes: from here its upload can be resumed.
    pub fn set_upload(
        &self,
        to: ConversationId,
        message: MessageId,
        pointer: &AttachmentPointer,
        blob_size: u64,
    ) -> Result<Message, VaultError> {
        let position = self.require_own(to, message)?;
        self.change(
            "UPDATE attachments SET pointer = ?2 WHERE message = ?1",
            params![position, to_cbor(pointer)?.as_slice()],
        )?;
        self.set_transfer(to, message, &Transfer::Running { done: 0, total: blob_size })
    }

    /// The blob is on the relay: the message waits to be sealed.
    pub fn finish_upload(
        &self,
        to: ConversationId,
        message: MessageId,
    ) -> Result<Message, VaultError> {
        let position = self.require_own(to, message)?;
        let before = self.attachment(to, message)?.ok_or(VaultError::NoSuchMessage)?;
        if before.transfer == Transfer::Complete {
            return self.message_at(position);
        }
        let message = self.set_transfer(to, message, &Transfer::Complete)?;
        let content = self.content_of(&message)?;
        self.insert_waiting(to, Some(position), &to_cbor(&content)?)?;
        Ok(message)
    }

    /// How far the file of a message was carried. A failed upload fails the message.
    pub fn set_transfer(
        &self,
        conversation: ConversationId,
        message: MessageId,
        transfer: &Transfer,
    ) -> Result<Message, VaultError> {
        let found = self.find(conversation, message)?;
        let running = matches!(transfer, Transfer::Running { .. });
        let changed = self.change(
            "UPDATE attachments SET transfer = ?2, unfinished = ?3 WHERE message = ?1",
            params![found.position, to_json(transfer)?, running],
        )?;
        if changed == 0 {
            return Err(VaultError::NoSuchMessage);
        }
        if let Transfer::Failed { reason } = transfer
            && found.outgoing
        {
            self.set_failed(found.position, reason)?;
        }
        self.message_at(found.position)
    }

    /// The file of a message was fetched, and stands opened at `path`.
    pub fn set_file(
        &self,
        conversation: ConversationId,
        message: MessageId,
        path: &Path,
    ) -> Result<Message, VaultError> {
        let found = self.find(conversation, message)?;
        self.change(
            "UPDATE attachments SET path = ?2 WHERE message = ?1",
            params![found.position, path_text(path)?],
        )?;
        self.set_transfer(conversation, message, &Transfer::Complete)
    }

    pub(super) fn insert_attachment(
        &self,
        position: i64,
        pointer: &AttachmentPointer,
        path: Option<&Path>,
        transfer: &Transfer,
    ) -> Result<(), VaultError> {
        self.change(
            "INSERT INTO attachments VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0)",
            params![
                position,
                to_cbor(pointer)?.as_slice(),
                pointer.media_type,
                integer(pointer.size)?,
                path.map(path_text).transpose()?,
                to_json(transfer)?,
            ],
        )?;
        Ok(())
    }
}

/// The columns of `attachments` beside those of a message.
pub(super) fn read_file(row: &Row<'_>) -> Result<AttachedFile, VaultError> {
    Ok(AttachedFile {
        name: row.get::<_, Option<String>>("file_name")?.unwrap_or_default(),
        media_type: row.get("media_type")?,
        size: row.count("size")?,
        path: row.get::<_, Option<String>>("path")?.map(PathBuf::from),
        transfer: read_transfer(row)?,
    })
}

fn read_job(row: &Row<'_>) -> Result<AttachmentJob, VaultError> {
    let pointer = row.get_ref("pointer")?.as_blob_or_null();
    let pointer = pointer.map_err(|_| VaultError::Damaged("pointer"))?;
    Ok(AttachmentJob {
        conversation: row.conversation("conversation")?,
        message: row.id("id")?,
        outgoing: row.get("outgoing")?,
        pointer: pointer.map(|bytes| from_cbor(bytes, "pointer")).transpose()?,
        path: row.get::<_, Option<String>>("path")?.map(PathBuf::from),
        name: row.get::<_, Option<String>>("file_name")?.unwrap_or_default(),
        size: row.count("size")?,
        transfer: read_transfer(row)?,
    })
}

fn read_transfer(row: &Row<'_>) -> Result<Transfer, VaultError> {
    from_json(&row.get::<_, String>("transfer")?, "transfer")
}

fn path_text(path: &Path) -> Result<&str, VaultError> {
    path.to_str().ok_or(VaultError::Unstorable("path"))
}

/// A file's name without folders and control characters, of a length that file systems take.
pub(super) fn plain_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut plain: String = last.chars().filter(|c| !c.is_control()).collect();
    let mut end = plain.len().min(NAME_MAX);
    while !plain.is_char_boundary(end) {
        end -= 1;
    }
    plain.truncate(end);
    if plain.trim_matches(['.', ' ']).is_empty() { "file".to_owned() } else { plain }
}

#[cfg(test)]
mod tests {
    use sotto_proto::{BlobId, content::Body};

    use super::super::tests::{Fixture, NOW, account, chat, content, id};
    use super::*;
    use crate::model::{FailReason, MessageBody, MessageState};

    fn new_attachment() -> NewAttachment {
        NewAttachment {
            id: id(1),
            sent_at: NOW,
            disappears_after: None,
            name: "/home/anna/photo.png".to_owned(),
            media_type: "image/png".to_owned(),
            size: 1000,
            path: PathBuf::from("/home/anna/photo.png"),
            caption: "look".to_owned(),
            reply_to: None,
        }
    }

    fn pointer() -> AttachmentPointer {
        AttachmentPointer {
            blob: BlobId([1; 16]),
            key: [2; 32],
            digest: [3; 32],
            size: 1000,
            name: "photo.png".to_owned(),
            media_type: "image/png".to_owned(),
        }
    }

    fn transfer(message: &Message) -> Transfer {
        match &message.body {
            MessageBody::Attachment { file, .. } => file.transfer.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_upload_is_resumed_and_its_message_leaves_when_it_is_done() {
        let mut fixture = Fixture::with_contact();
        fixture
            .vault
            .write(|tx| {
                tx.queue_attachment(chat(1), &new_attachment(), NOW)?;
                tx.set_upload(chat(1), id(1), &pointer(), 1016)?;
                tx.set_transfer(chat(1), id(1), &Transfer::Running { done: 500, total: 1016 })
            })
            .unwrap();
        fixture.reopen();
        let jobs = fixture.vault.read(View::unfinished_transfers).unwrap();
        assert_eq!(jobs.len(), 1);
        assert_eq!(jobs[0].pointer, Some(pointer()));
        assert_eq!(jobs[0].path.as_deref(), Some(Path::new("/home/anna/photo.png")));
        assert_eq!(jobs[0].transfer, Transfer::Running { done: 500, total: 1016 });
        fixture
            .vault
            .write(|tx| {
                assert!(tx.waiting(chat(1), 9)?.is_empty());
                for _ in 0..2 {
                    let message = tx.finish_upload(chat(1), id(1))?;
                    assert_eq!(transfer(&message), Transfer::Complete);
                }
                let waiting = tx.waiting(chat(1), 9)?;
                assert_eq!(waiting.len(), 1);
                assert!(matches!(&waiting[0].content.body,
                    Body::Attachment(file) if file.pointer == pointer() && file.caption == "look"));
                assert!(tx.unfinished_transfers()?.is_empty());
                Ok::<_, VaultError>(())
            })
            .unwrap();
    }

    #[test]
    fn a_failed_upload_fails_its_message_and_can_be_tried_again() {
        let mut fixture = Fixture::with_contact();
        let failed = Transfer::Failed { reason: FailReason::BlobQuota };
        fixture
            .vault
            .write(|tx| {
                tx.queue_attachment(chat(1), &new_attachment(), NOW)?;
                let message = tx.set_transfer(chat(1), id(1), &failed)?;
                let reason = FailReason::BlobQuota;
                assert_eq!(message.state, Some(MessageState::Failed { reason }));
                assert!(tx.unfinished_transfers()?.is_empty());
                tx.retry(chat(1), id(1))?;
                assert_eq!(tx.unfinished_transfers()?.len(), 1);
                assert!(tx.waiting(chat(1), 9)?.is_empty());
                Ok::<_, VaultError>(())
            })
            .unwrap();
    }

    #[test]
    fn a_download_is_resumed_and_its_file_goes_with_the_message() {
        let mut fixture = Fixture::with_contact();
        let own = fixture.vault.profile().attachments().join("photo.png");
        let body = sotto_proto::content::Attachment {
            pointer: pointer(),
            caption: String::new(),
            reply_to: None,
            mentions: Vec::new(),
        };
        fixture
            .vault
            .write(|tx| {
                tx.record_content(chat(1), account(1), &content(1, body), NOW)?;
                assert!(tx.unfinished_transfers()?.is_empty());
                let running = Transfer::Running { done: 10, total: 1016 };
                tx.set_transfer(chat(1), id(1), &running)?;
                assert_eq!(tx.unfinished_transfers()?[0].transfer, running);
                let message = tx.set_file(chat(1), id(1), &own)?;
                assert_eq!(transfer(&message), Transfer::Complete);
                let delete = sotto_proto::content::Delete { target: id(1) };
                let deleted = tx.record_content(chat(1), account(1), &content(2, delete), NOW)?;
                assert!(matches!(deleted,
                    super::super::Recorded::Changed { files, .. } if files == [own.clone()]));
                assert_eq!(tx.attachment(chat(1), id(1))?, None);
                Ok::<_, VaultError>(())
            })
            .unwrap();
    }

    #[test]
    fn the_files_of_a_conversation_are_listed_page_by_page() {
        let mut fixture = Fixture::with_contact();
        let body = || sotto_proto::content::Attachment {
            pointer: pointer(),
            caption: String::new(),
            reply_to: None,
            mentions: Vec::new(),
        };
        fixture
            .vault
            .write(|tx| {
                tx.queue_attachment(chat(1), &new_attachment(), NOW)?;
                tx.record_content(chat(1), account(1), &content(2, body()), NOW)?;
                tx.record_content(
                    chat(1),
                    account(1),
                    &super::super::tests::text(3, "hi", NOW),
                    NOW,
                )?;
                for number in [4, 5] {
                    tx.record_content(chat(1), account(1), &content(number, body()), NOW)?;
                }
                let delete = sotto_proto::content::Delete { target: id(4) };
                tx.record_content(chat(1), account(1), &content(6, delete), NOW)?;
                let files = |before, limit| {
                    let files = tx.shared_files(chat(1), before, limit)?;
                    Ok::<Vec<_>, VaultError>(files.iter().map(|message| message.id).collect())
                };
                assert_eq!(files(None, 9)?, [id(5), id(2), id(1)]);
                assert_eq!(files(None, 2)?, [id(5), id(2)]);
                assert_eq!(files(Some(id(2)), 2)?, [id(1)]);
                assert_eq!(files(Some(id(4)), 1)?, [id(2)]);
                assert!(matches!(files(Some(id(9)), 1), Err(VaultError::NoSuchMessage)));
                Ok::<_, VaultError>(())
            })
            .unwrap();
    }

    #[test]
    fn a_file_of_the_owner_is_never_deleted() {
        let mut fixture = Fixture::with_contact();
        let sneaky = fixture.vault.profile().attachments().join("../../photo.png");
        for (number, path) in [(1, PathBuf::from("/home/anna/photo.png")), (2, sneaky)] {
            let new = NewAttachment { id: id(number), path, ..new_attachment() };
            let delete = content(number + 10, sotto_proto::content::Delete { target: id(number) });
            let (_, files) = fixture
                .vault
                .write(|tx| {
                    tx.queue_attachment(chat(1), &new, NOW)?;
                    tx.queue_delete(chat(1), &delete)
                })
                .unwrap();
            assert!(files.is_empty());
        }
    }

    #[test]
    fn a_name_is_made_plain() {
        let long = "ä".repeat(150);
        for (name, plain) in [
            ("a.txt", "a.txt"),
            ("/etc/passwd", "passwd"),
            ("C:\\x\\y.doc", "y.doc"),
            ("..", "file"),
            ("", "file"),
            ("a\n\u{0}b", "ab"),
            (long.as_str(), &"ä".repeat(100)),
        ] {
            assert_eq!(plain_name(name), plain, "{name:?}");
        }
    }
}
