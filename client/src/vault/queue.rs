//! What is to leave: own messages enter the history at once, and their contents wait to be sealed.

use sotto_proto::{
    MessageId, RoomId, Timestamp,
    content::{Attachment, AttachmentPointer, Body, Content, Text},
};

use super::{
    Recorded, Tx, VaultError, View,
    attachment::plain_name,
    message::{By, NewMessage},
    value::{Columns, to_cbor},
};
use crate::model::{ConversationEvent, ConversationId, Message, MessageBody, Transfer};

impl View {
    /// The content that a message of the history travels as.
    pub(super) fn content_of(&self, message: &Message) -> Result<Content, VaultError> {
        let body = match &message.body {
            MessageBody::Text { text } => Body::Text(Text {
                text: text.clone(),
                reply_to: message.reply_to,
                mentions: self.mentions(message.conversation, text)?,
            }),
            MessageBody::Attachment { caption, .. } => Body::Attachment(Attachment {
                pointer: self.pointer_of(message)?,
                caption: caption.clone(),
                reply_to: message.reply_to,
                mentions: self.mentions(message.conversation, caption)?,
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
             AND (m.submitted OR m.state IN ('sent', 'delivered', 'read')
                OR EXISTS (SELECT 1 FROM outbox o WHERE o.message = m.position)
                OR EXISTS (SELECT 1 FROM posts p WHERE p.message = m.position)
                OR EXISTS (SELECT 1 FROM waiting w WHERE w.message = m.position
                    AND w.envelope IS NOT NULL))",
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
        to: ConversationId,
        content: &Content,
        now: Timestamp,
    ) -> Result<Message, VaultError> {
        self.require_conversation(to)?;
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
            by: By::Owner,
            sent_at: content.sent_at,
            arrived_at: now,
            kind,
            text: Some(text),
            file_name: name.as_deref(),
            event: None,
            reply_to,
            mentions_me: false,
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

    /// Queues a content that the history does not show: a receipt, an acceptance.
    pub fn queue_content(&self, to: ConversationId, content: &Content) -> Result<(), VaultError> {
        self.require_conversation(to)?;
        self.insert_waiting(to, None, &to_cbor(content)?)
    }

    /// Sets how long new messages live after being read and queues the content that says so; the
    /// event.
    pub fn queue_timer(
        &self,
        to: ConversationId,
        content: &Content,
        now: Timestamp,
    ) -> Result<Message, VaultError> {
        let Body::Timer(timer) = &content.body else { return Err(VaultError::WrongKind) };
        let seconds = timer.seconds.filter(|seconds| *seconds > 0);
        self.change_timer(to, seconds)?;
        self.queue_event(to, content, &ConversationEvent::TimerSet { seconds, own: true }, now)
    }

    /// Changes how a room looks and queues the content that says so; the event. None if it looks
    /// so already.
    pub fn queue_profile(
        &self,
        room: RoomId,
        content: &Content,
        now: Timestamp,
    ) -> Result<Option<Message>, VaultError> {
        let Body::RoomProfile(profile) = &content.body else { return Err(VaultError::WrongKind) };
        match self.set_room_profile(room, profile)? {
            Some(event) => self.queue_event(room.into(), content, &event, now).map(Some),
            None => Ok(None),
        }
    }

    /// Queues a content that is an event in the history. In a room the event stands at the end until
    /// the log brings the content.
    fn queue_event(
        &self,
        to: ConversationId,
        content: &Content,
        event: &ConversationEvent,
        now: Timestamp,
    ) -> Result<Message, VaultError> {
        let by = if to.room().is_some() { By::Owner } else { By::Nobody };
        let event = self.insert_event(to, by, content.id, event, now)?;
        let position = to.room().map(|_| self.find(to, content.id)).transpose()?;
        self.insert_waiting(to, position.map(|found| found.position), &to_cbor(content)?)?;
        Ok(event)
    }

    /// Edits an own message and queues the edit; the message as it is now.
    pub fn queue_edit(&self, to: ConversationId, content: &Content) -> Result<Message, VaultError> {
        let Body::Edit(edit) = &content.body else { return Err(VaultError::WrongKind) };
        self.require_own(to, edit.target)?;
        let (message, _) = expect_change(self.apply_edit(to, edit, None)?)?;
        self.queue_content(to, content)?;
        Ok(message)
    }

    /// Deletes an own message for all; what is left of it, and files that are no longer needed. One
    /// that never left is not sent at all.
    pub fn queue_delete(
        &self,
        to: ConversationId,
        content: &Content,
    ) -> Result<(Message, Vec<std::path::PathBuf>), VaultError> {
        let Body::Delete(delete) = &content.body else { return Err(VaultError::WrongKind) };
        let position = self.require_own(to, delete.target)?;
        let changed = expect_change(self.apply_delete(to, delete, None)?)?;
        if self.has_left(position)? {
            self.queue_content(to, content)?;
        } else {
            self.settle_place(position)?;
        }
        Ok(changed)
    }

    /// Sets or withdraws the own reaction to a message and queues it; the message as it is now.
    pub fn queue_reaction(
        &self,
        to: ConversationId,
        content: &Content,
    ) -> Result<Message, VaultError> {
        let Body::Reaction(reaction) = &content.body else { return Err(VaultError::WrongKind) };
        self.find(to, reaction.target)?;
        let (message, _) = expect_change(self.apply_reaction(to, reaction, None)?)?;
        self.queue_content(to, content)?;
        Ok(message)
    }

    /// Queues a failed message again; none if it has not failed. A file whose upload failed is to
    /// be uploaded again.
    pub fn retry(&self, to: ConversationId, id: MessageId) -> Result<Option<Message>, VaultError> {
        let position = self.require_own(to, id)?;
        let reset = self.change(
            "UPDATE messages SET state = 'queued', failure = NULL, submitted = 0
             WHERE position = ?1 AND state = 'failed'",
            [position],
        )?;
        if reset == 0 {
            return Ok(None);
        }
        if to.room().is_some() {
            self.unsettle_place(position)?;
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

    pub(super) fn require_own(&self, to: ConversationId, id: MessageId) -> Result<i64, VaultError> {
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

    use super::super::tests::{Fixture, NOW, chat, content, id, queue_text, seal_all, text};
    use super::*;
    use crate::model::{FailReason, MessageState};

    fn waiting(fixture: &Fixture) -> Vec<Content> {
        let all = fixture.vault.read(|view| view.waiting(chat(1), 99)).unwrap();
        all.into_iter().map(|waiting| waiting.content).collect()
    }

    #[test]
    fn a_message_deleted_before_it_left_is_never_sent() {
        let mut fixture = Fixture::with_contact();
        queue_text(&mut fixture, 1, "oops");
        let delete = content(2, Delete { target: id(1) });
        fixture.vault.write(|tx| tx.queue_delete(chat(1), &delete)).unwrap();
        assert!(waiting(&fixture).is_empty());
        queue_text(&mut fixture, 3, "sent");
        seal_all(&mut fixture);
        let delete = content(4, Delete { target: id(3) });
        let (message, _) = fixture.vault.write(|tx| tx.queue_delete(chat(1), &delete)).unwrap();
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
                tx.queue_content(chat(1), &receipt)?;
                tx.fail_waiting(chat(1), &FailReason::NoSuchUser)
            })
            .unwrap();
        assert_eq!(failed.len(), 1);
        let no_such_user = MessageState::Failed { reason: FailReason::NoSuchUser };
        assert_eq!(failed[0].state, Some(no_such_user));
        assert!(waiting(&fixture).is_empty());
        let message = fixture.vault.write(|tx| tx.retry(chat(1), id(1))).unwrap().unwrap();
        assert_eq!(message.state, Some(MessageState::Queued));
        assert_eq!(waiting(&fixture).len(), 1);
        let again = fixture.vault.write(|tx| tx.retry(chat(1), id(1))).unwrap();
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
            .write(|tx| tx.queue_message(chat(1), &content(9, Delete { target: id(1) }), NOW));
        assert!(matches!(wrong, Err(VaultError::WrongKind)));
        let nobody = fixture.vault.write(|tx| tx.queue_message(chat(9), &text(9, "", NOW), NOW));
        assert!(matches!(nobody, Err(VaultError::NoSuchContact)));
    }
}
