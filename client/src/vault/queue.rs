//! What is to leave: own messages enter the history at once, and their contents wait in order
//! until they can be sealed (a connection, a session, an identity that the owner has looked at).

use rusqlite::params;
use sotto_proto::{
    AccountId, MessageId, Timestamp,
    content::{Attachment, AttachmentPointer, Body, Content, Text},
    mailbox::Envelope,
};

use super::{
    Recorded, Tx, VaultError, View,
    attachment::plain_name,
    message::{NewMessage, rows},
    value::{Columns, from_cbor, integer, to_cbor},
};
use crate::model::{FailReason, Message, MessageBody, Transfer};

/// A content that is still to be sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Names it for [`Tx::seal`]; rises in the order of queueing.
    pub position: u64,
    /// For whom.
    pub to: AccountId,
    /// What.
    pub content: Content,
}

impl View {
    /// The accounts for which contents wait.
    pub fn waiting_accounts(&self) -> Result<Vec<AccountId>, VaultError> {
        let sql = "SELECT account FROM waiting GROUP BY account ORDER BY min(position)";
        self.rows(sql, [], |row| row.id("account"))
    }

    /// The first contents that wait for an account, in order.
    pub fn waiting(&self, to: AccountId, limit: usize) -> Result<Vec<Waiting>, VaultError> {
        self.rows(
            "SELECT position, content FROM waiting WHERE account = ?1 ORDER BY position LIMIT ?2",
            params![to.0, rows(limit)],
            |row| {
                let content =
                    from_cbor(row.get_ref("content")?.as_blob().unwrap_or(&[]), "content")?;
                Ok(Waiting { position: row.count("position")?, to, content })
            },
        )
    }

    /// The content that a message of the history travels as.
    pub(super) fn content_of(&self, message: &Message) -> Result<Content, VaultError> {
        let body = match &message.body {
            MessageBody::Text { text } => Body::Text(Text {
                text: text.clone(),
                reply_to: message.reply_to,
                mentions: Vec::new(),
            }),
            MessageBody::Attachment { caption, .. } => Body::Attachment(Attachment {
                pointer: self.pointer_of(message)?,
                caption: caption.clone(),
                reply_to: message.reply_to,
                mentions: Vec::new(),
            }),
            MessageBody::Deleted | MessageBody::Event { .. } => {
                return Err(VaultError::Unchangeable);
            }
        };
        Ok(Content {
            id: message.id,
            sent_at: message.sent_at,
            disappears_after: message.disappears_after,
            body,
        })
    }

    /// How many own messages are on this computer only, and are to leave; without deleted ones.
    pub fn queued(&self) -> Result<u64, VaultError> {
        let total = self.row(
            "SELECT count(*) AS total FROM messages
             WHERE state = 'queued' AND outgoing = 1 AND kind IN ('text', 'attachment')",
            [],
            |row| row.count("total"),
        )?;
        Ok(total.unwrap_or(0))
    }

    fn pointer_of(&self, message: &Message) -> Result<AttachmentPointer, VaultError> {
        self.attachment(message.conversation, message.id)?
            .and_then(|job| job.pointer)
            .ok_or(VaultError::Damaged("pointer"))
    }

    /// Whether the relay may have had a message.
    fn has_left(&self, position: i64) -> Result<bool, VaultError> {
        let left = self.row(
            "SELECT 1 FROM messages m WHERE m.position = ?1
             AND (m.submitted OR EXISTS (SELECT 1 FROM outbox o WHERE o.message = m.position))",
            [position],
            |_| Ok(()),
        )?;
        Ok(left.is_some())
    }
}

impl Tx<'_> {
    /// Puts an own text, or an attachment that is on the relay already, into the history and into
    /// the queue.
    pub fn queue_message(
        &self,
        to: AccountId,
        content: &Content,
        now: Timestamp,
    ) -> Result<Message, VaultError> {
        self.require_contact(to)?;
        let (kind, text, pointer, reply_to) = match &content.body {
            Body::Text(text) => ("text", &text.text, None, text.reply_to),
            Body::Attachment(file) => {
                ("attachment", &file.caption, Some(&file.pointer), file.reply_to)
            }
            _ => return Err(VaultError::WrongKind),
        };
        let name = pointer.map(|pointer| plain_name(&pointer.name));
        let inserted = self.insert_message(&NewMessage {
            conversation: to,
            id: content.id,
            outgoing: true,
            sent_at: content.sent_at,
            arrived_at: now,
            kind,
            text: Some(text),
            file_name: name.as_deref(),
            event: None,
            reply_to,
            disappears_after: content.disappears_after,
        })?;
        let Some(position) = inserted else {
            return self.message_at(self.find(to, content.id)?.position);
        };
        if let Some(pointer) = pointer {
            self.insert_attachment(position, pointer, None, &Transfer::Complete)?;
        }
        self.insert_waiting(to, Some(position), &to_cbor(content)?)?;
        self.message_at(position)
    }

    /// Queues a content that the history does not show: a receipt, an acceptance, a timer.
    pub fn queue_content(&self, to: AccountId, content: &Content) -> Result<(), VaultError> {
        self.require_contact(to)?;
        self.insert_waiting(to, None, &to_cbor(content)?)
    }

    /// Edits an own message and queues the edit; the message as it is now.
    pub fn queue_edit(&self, to: AccountId, content: &Content) -> Result<Message, VaultError> {
        let Body::Edit(edit) = &content.body else { return Err(VaultError::WrongKind) };
        self.require_own(to, edit.target)?;
        let (message, _) = expect_change(self.apply_edit(to, edit, true)?)?;
        self.queue_content(to, content)?;
        Ok(message)
    }

    /// Deletes an own message for all; what is left of it, and files that are no longer needed. One
    /// that never left is not sent at all.
    pub fn queue_delete(
        &self,
        to: AccountId,
        content: &Content,
    ) -> Result<(Message, Vec<std::path::PathBuf>), VaultError> {
        let Body::Delete(delete) = &content.body else { return Err(VaultError::WrongKind) };
        let position = self.require_own(to, delete.target)?;
        let changed = expect_change(self.apply_delete(to, delete, true)?)?;
        if self.has_left(position)? {
            self.queue_content(to, content)?;
        }
        Ok(changed)
    }

    /// Sets or withdraws the own reaction to a message and queues it; the message as it is now.
    pub fn queue_reaction(&self, to: AccountId, content: &Content) -> Result<Message, VaultError> {
        let Body::Reaction(reaction) = &content.body else { return Err(VaultError::WrongKind) };
        self.find(to, reaction.target)?;
        let (message, _) = expect_change(self.apply_reaction(to, reaction, true)?)?;
        self.queue_content(to, content)?;
        Ok(message)
    }

    /// A waiting content has been sealed into these envelopes, one a device: they go to the outbox
    /// in this order. The sessions that sealed them belong into the same transaction.
    pub fn seal(&self, waiting: u64, envelopes: &[Envelope]) -> Result<(), VaultError> {
        let (message, content) = self
            .change_rows(
                "DELETE FROM waiting WHERE position = ?1 RETURNING message, content",
                [integer(waiting)?],
                |row| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Vec<u8>>(1)?)),
            )?
            .pop()
            .ok_or(VaultError::NoSuchMessage)?;
        for envelope in envelopes {
            self.change(
                "INSERT INTO outbox (envelope, account, device, sealed, message, content)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    envelope.id.0,
                    envelope.to.account.0,
                    envelope.to.device.number(),
                    envelope.sealed,
                    message,
                    content,
                ],
            )?;
        }
        match message {
            Some(position) if envelopes.is_empty() => {
                self.set_failed(position, &FailReason::NoDevice).map(drop)
            }
            _ => Ok(()),
        }
    }

    /// Gives up all that waits for an account; the messages that failed by it.
    pub fn fail_waiting(
        &self,
        to: AccountId,
        why: &FailReason,
    ) -> Result<Vec<Message>, VaultError> {
        let sql = "DELETE FROM waiting WHERE account = ?1 RETURNING message";
        let mut given_up =
            self.change_rows(sql, [to.0], |row| Ok(row.get::<_, Option<i64>>(0)?))?;
        given_up.sort_unstable();
        let mut failed = Vec::new();
        for position in given_up.into_iter().flatten() {
            if self.set_failed(position, why)? {
                failed.push(self.message_at(position)?);
            }
        }
        Ok(failed)
    }

    /// Queues a failed message again; none if it has not failed. A file whose upload failed is to
    /// be uploaded again.
    pub fn retry(&self, to: AccountId, id: MessageId) -> Result<Option<Message>, VaultError> {
        let position = self.require_own(to, id)?;
        let reset = self.change(
            "UPDATE messages SET state = 'queued', failure = NULL, submitted = 0
             WHERE position = ?1 AND state = 'failed'",
            [position],
        )?;
        if reset == 0 {
            return Ok(None);
        }
        let message = self.message_at(position)?;
        match &message.body {
            MessageBody::Attachment { file, .. } if file.transfer != Transfer::Complete => {
                let again = Transfer::Running { done: 0, total: 0 };
                self.set_transfer(to, id, &again).map(Some)
            }
            _ => {
                let content = self.content_of(&message)?;
                self.insert_waiting(to, Some(position), &to_cbor(&content)?)?;
                Ok(Some(message))
            }
        }
    }

    pub(super) fn insert_waiting(
        &self,
        to: AccountId,
        message: Option<i64>,
        content: &[u8],
    ) -> Result<(), VaultError> {
        self.change(
            "INSERT INTO waiting (account, message, content) VALUES (?1, ?2, ?3)",
            params![to.0, message, content],
        )?;
        Ok(())
    }

    pub(super) fn require_own(&self, to: AccountId, id: MessageId) -> Result<i64, VaultError> {
        let found = self.find(to, id)?;
        if found.outgoing { Ok(found.position) } else { Err(VaultError::NotOwn) }
    }
}

fn expect_change(recorded: Recorded) -> Result<(Message, Vec<std::path::PathBuf>), VaultError> {
    match recorded {
        Recorded::Changed { message, files } => Ok((*message, files)),
        _ => Err(VaultError::Unchangeable),
    }
}

#[cfg(test)]
mod tests {
    use sotto_proto::content::{Delete, Receipt, ReceiptState};

    use super::super::tests::{
        Fixture, NOW, account, address, content, envelope, id, queue_text, seal_all, text,
    };
    use super::*;
    use crate::model::MessageState;

    fn waiting(fixture: &Fixture) -> Vec<Content> {
        let all = fixture.vault.read(|view| view.waiting(account(1), 99)).unwrap();
        all.into_iter().map(|waiting| waiting.content).collect()
    }

    #[test]
    fn contents_wait_in_order_and_outlive_the_process() {
        let mut fixture = Fixture::with_contact();
        for number in 1..=3 {
            queue_text(&mut fixture, number, "hello");
        }
        fixture.reopen();
        let ids: Vec<_> = waiting(&fixture).iter().map(|content| content.id).collect();
        assert_eq!(ids, [id(1), id(2), id(3)]);
        let accounts = fixture.vault.read(View::waiting_accounts).unwrap();
        assert_eq!(accounts, [account(1)]);
        let message = fixture.vault.read(|view| view.message(account(1), id(1))).unwrap().unwrap();
        assert_eq!(message.state, Some(MessageState::Queued));
        assert!(message.outgoing && message.read);
    }

    #[test]
    fn sealing_moves_a_content_to_the_outbox_once() {
        let mut fixture = Fixture::with_contact();
        queue_text(&mut fixture, 1, "hello");
        let first = fixture.vault.read(|view| view.waiting(account(1), 1)).unwrap().remove(0);
        let sealed = Envelope { id: envelope(1), to: address(1, 1), sealed: b"sealed".to_vec() };
        fixture.vault.write(|tx| tx.seal(first.position, std::slice::from_ref(&sealed))).unwrap();
        assert!(waiting(&fixture).is_empty());
        let again = fixture.vault.write(|tx| tx.seal(first.position, &[sealed]));
        assert!(matches!(again, Err(VaultError::NoSuchMessage)));
    }

    #[test]
    fn a_message_for_no_device_fails() {
        let mut fixture = Fixture::with_contact();
        queue_text(&mut fixture, 1, "hello");
        let message = fixture
            .vault
            .write(|tx| {
                let first = tx.waiting(account(1), 1)?.remove(0);
                tx.seal(first.position, &[])?;
                tx.message(account(1), id(1))
            })
            .unwrap()
            .unwrap();
        assert_eq!(message.state, Some(MessageState::Failed { reason: FailReason::NoDevice }));
    }

    #[test]
    fn a_message_deleted_before_it_left_is_never_sent() {
        let mut fixture = Fixture::with_contact();
        queue_text(&mut fixture, 1, "oops");
        let delete = content(2, Delete { target: id(1) });
        fixture.vault.write(|tx| tx.queue_delete(account(1), &delete)).unwrap();
        assert!(waiting(&fixture).is_empty());
        queue_text(&mut fixture, 3, "sent");
        seal_all(&mut fixture);
        let delete = content(4, Delete { target: id(3) });
        let (message, _) = fixture.vault.write(|tx| tx.queue_delete(account(1), &delete)).unwrap();
        assert!(message.is_deleted());
        assert_eq!(waiting(&fixture), [delete]);
    }

    #[test]
    fn what_waits_for_nobody_fails_and_can_be_tried_again() {
        let mut fixture = Fixture::with_contact();
        queue_text(&mut fixture, 1, "hello");
        let receipt = content(2, Receipt { state: ReceiptState::Read, messages: vec![] });
        let failed = fixture
            .vault
            .write(|tx| {
                tx.queue_content(account(1), &receipt)?;
                tx.fail_waiting(account(1), &FailReason::NoSuchUser)
            })
            .unwrap();
        assert_eq!(failed.len(), 1);
        let no_such_user = MessageState::Failed { reason: FailReason::NoSuchUser };
        assert_eq!(failed[0].state, Some(no_such_user));
        assert!(waiting(&fixture).is_empty());
        let message = fixture.vault.write(|tx| tx.retry(account(1), id(1))).unwrap().unwrap();
        assert_eq!(message.state, Some(MessageState::Queued));
        assert_eq!(waiting(&fixture).len(), 1);
        let again = fixture.vault.write(|tx| tx.retry(account(1), id(1))).unwrap();
        assert_eq!(again, None);
        assert_eq!(waiting(&fixture).len(), 1);
    }

    #[test]
    fn a_queued_repeat_changes_nothing() {
        let mut fixture = Fixture::with_contact();
        let first = queue_text(&mut fixture, 1, "hello");
        assert_eq!(queue_text(&mut fixture, 1, "hello again"), first);
        assert_eq!(waiting(&fixture).len(), 1);
        let wrong = fixture
            .vault
            .write(|tx| tx.queue_message(account(1), &content(9, Delete { target: id(1) }), NOW));
        assert!(matches!(wrong, Err(VaultError::WrongKind)));
        let nobody = fixture.vault.write(|tx| tx.queue_message(account(9), &text(9, "", NOW), NOW));
        assert!(matches!(nobody, Err(VaultError::NoSuchContact)));
    }
}
