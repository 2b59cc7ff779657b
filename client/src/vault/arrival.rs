//! What arrives: opened contents, each recorded once.
//!
//! A whole delivery belongs into one [`super::Vault::write`]: the new session states, the prekeys
//! that were used up, the contents and the consumed sequence.

use rusqlite::params;
use sotto_proto::{
    AccountId, DeviceAddress, EnvelopeId, MessageId, Timestamp,
    content::{Attachment, Body, Content, Receipt, ReceiptState, Text},
    limits::ATTACHMENT_MAX,
};

use super::{
    Tx, VaultError, View, attachment,
    message::{NewMessage, Reached},
    value::millis,
};
use crate::model::{ConversationEvent, Message, Transfer};

/// How long the ids of what arrived are kept to know a repeat by: longer than any relay keeps an
/// envelope, in milliseconds.
pub const SEEN_KEPT_MS: u64 = 90 * 24 * 60 * 60 * 1000;

/// What a content did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// A text, an attachment, or something that only a newer version understands.
    Message(Box<Message>),
    /// A message was edited, deleted or reacted to; the vault no longer needs these files.
    Changed {
        /// As it is now.
        message: Box<Message>,
        /// To delete once the transaction is durable.
        files: Vec<std::path::PathBuf>,
    },
    /// Own messages were delivered or read: as they are now.
    States(Vec<Message>),
    /// The disappearing timer was set: the event.
    Timer(Box<Message>),
    /// The contact accepted the request: the event.
    Accepted(Box<Message>),
    /// The contact types, or stopped; nothing was recorded.
    Typing {
        /// Whether it types.
        active: bool,
    },
    /// It had arrived before. Its sender may have missed the receipt.
    Repeat,
    /// It changes nothing: what it names is unknown, not its sender's to change, or out of bounds.
    Ignored,
}

impl View {
    /// Whether this envelope arrived before.
    pub fn is_seen(&self, from: DeviceAddress, envelope: EnvelopeId) -> Result<bool, VaultError> {
        let found = self.row(
            "SELECT 1 FROM seen_envelopes WHERE account = ?1 AND device = ?2 AND envelope = ?3",
            params![from.account.0, from.device.number(), envelope.0],
            |_| Ok(()),
        )?;
        Ok(found.is_some())
    }
}

impl Tx<'_> {
    /// Remembers that an envelope arrived; false if it had before, and is to be skipped.
    pub fn note_envelope(
        &self,
        from: DeviceAddress,
        envelope: EnvelopeId,
        now: Timestamp,
    ) -> Result<bool, VaultError> {
        let noted = self.change(
            "INSERT INTO seen_envelopes VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            params![from.account.0, from.device.number(), envelope.0, millis(now)],
        )?;
        Ok(noted > 0)
    }

    /// Forgets the ids of what arrived, and of envelopes that were sent, before `before`.
    pub fn forget_seen(&self, before: Timestamp) -> Result<(), VaultError> {
        let before = [millis(before)];
        self.change("DELETE FROM seen_envelopes WHERE seen_at < ?1", before)?;
        self.change("DELETE FROM seen_contents WHERE seen_at < ?1", before)?;
        self.change("DELETE FROM sent_envelopes WHERE sent_at < ?1", before)?;
        Ok(())
    }

    /// Records what a contact's device sent. Whether it is welcome (blocked, a stranger) is for the
    /// caller to say before. Nothing that a contact can write makes this fail.
    pub fn record_content(
        &self,
        from: AccountId,
        content: &Content,
        now: Timestamp,
    ) -> Result<Recorded, VaultError> {
        self.require_contact(from)?;
        if let Body::Typing(typing) = &content.body {
            return Ok(Recorded::Typing { active: typing.active });
        }
        if !self.note_content(from, content.id, now)? {
            return Ok(Recorded::Repeat);
        }
        match &content.body {
            Body::Text(text) => self.record_text(from, content, text, now),
            Body::Attachment(file) => self.record_attachment(from, content, file, now),
            Body::Edit(edit) => self.apply_edit(from, edit, false),
            Body::Delete(delete) => self.apply_delete(from, delete, false),
            Body::Reaction(reaction) => self.apply_reaction(from, reaction, false),
            Body::Receipt(receipt) => self.record_receipt(from, receipt, now),
            Body::Timer(timer) => self
                .set_timer(from, timer.seconds, false, content.id, now)
                .map(|event| Recorded::Timer(Box::new(event))),
            Body::Accepted(_) => {
                let event = ConversationEvent::RequestAccepted { own: false };
                let event = self.record_event(from, content.id, &event, now)?;
                Ok(Recorded::Accepted(Box::new(event)))
            }
            _ => self.record_unsupported(from, content.id, now),
        }
    }

    /// Records that something arrived that only a newer version understands.
    pub fn record_unsupported(
        &self,
        from: AccountId,
        id: MessageId,
        now: Timestamp,
    ) -> Result<Recorded, VaultError> {
        let event = self.record_event(from, id, &ConversationEvent::Unsupported, now)?;
        Ok(Recorded::Message(Box::new(event)))
    }

    fn note_content(
        &self,
        from: AccountId,
        id: MessageId,
        now: Timestamp,
    ) -> Result<bool, VaultError> {
        let noted = self.change(
            "INSERT INTO seen_contents VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            params![from.0, id.0, millis(now)],
        )?;
        Ok(noted > 0)
    }

    fn record_text(
        &self,
        from: AccountId,
        content: &Content,
        text: &Text,
        now: Timestamp,
    ) -> Result<Recorded, VaultError> {
        let inserted = self.insert_message(&NewMessage {
            conversation: from,
            id: content.id,
            outgoing: false,
            sent_at: content.sent_at,
            arrived_at: now,
            kind: "text",
            text: Some(&text.text),
            file_name: None,
            event: None,
            reply_to: text.reply_to,
            disappears_after: content.disappears_after,
        })?;
        self.recorded(inserted)
    }

    fn record_attachment(
        &self,
        from: AccountId,
        content: &Content,
        file: &Attachment,
        now: Timestamp,
    ) -> Result<Recorded, VaultError> {
        if file.pointer.size > ATTACHMENT_MAX {
            return Ok(Recorded::Ignored);
        }
        let name = attachment::plain_name(&file.pointer.name);
        let inserted = self.insert_message(&NewMessage {
            conversation: from,
            id: content.id,
            outgoing: false,
            sent_at: content.sent_at,
            arrived_at: now,
            kind: "attachment",
            text: Some(&file.caption),
            file_name: Some(&name),
            event: None,
            reply_to: file.reply_to,
            disappears_after: content.disappears_after,
        })?;
        if let Some(position) = inserted {
            self.insert_attachment(position, &file.pointer, None, &Transfer::Remote)?;
        }
        self.recorded(inserted)
    }

    fn recorded(&self, inserted: Option<i64>) -> Result<Recorded, VaultError> {
        match inserted {
            Some(position) => Ok(Recorded::Message(Box::new(self.message_at(position)?))),
            None => Ok(Recorded::Repeat),
        }
    }

    fn record_receipt(
        &self,
        from: AccountId,
        receipt: &Receipt,
        now: Timestamp,
    ) -> Result<Recorded, VaultError> {
        let reached = match receipt.state {
            ReceiptState::Delivered => Reached::Vault,
            ReceiptState::Read => Reached::Eyes,
        };
        let mut changed = Vec::new();
        for id in &receipt.messages {
            if let Some(found) = self.try_find(from, *id)?
                && found.outgoing
                && self.raise_state(found.position, reached, now)?
            {
                changed.push(self.message_at(found.position)?);
            }
        }
        Ok(if changed.is_empty() { Recorded::Ignored } else { Recorded::States(changed) })
    }
}

#[cfg(test)]
mod tests {
    use sotto_proto::content::{Accepted, AttachmentPointer, Reaction, Timer, Typing};

    use super::super::{
        Page,
        tests::{Fixture, NOW, account, address, arrive, content, envelope, id, queue_text, text},
    };
    use super::*;
    use crate::model::{MessageBody, MessageState};

    #[test]
    fn an_envelope_counts_once_a_device() {
        let mut fixture = Fixture::new();
        fixture
            .vault
            .write(|tx| {
                let from = address(1, 1);
                assert!(!tx.is_seen(from, envelope(1))?);
                assert!(tx.note_envelope(from, envelope(1), NOW)?);
                assert!(!tx.note_envelope(from, envelope(1), NOW)?);
                assert!(tx.is_seen(from, envelope(1))?);
                assert!(tx.note_envelope(address(1, 2), envelope(1), NOW)?);
                assert!(tx.note_envelope(address(2, 1), envelope(1), NOW)?);
                tx.forget_seen(NOW)?;
                assert!(tx.is_seen(from, envelope(1))?);
                tx.forget_seen(NOW.plus(1))?;
                assert!(!tx.is_seen(from, envelope(1))?);
                Ok::<_, VaultError>(())
            })
            .unwrap();
    }

    #[test]
    fn a_message_is_shown_once_and_even_a_purged_one_does_not_return() {
        let mut fixture = Fixture::with_contact();
        let mut hello = text(1, "hello", Timestamp(3));
        hello.disappears_after = Some(1);
        let Recorded::Message(message) = arrive(&mut fixture, &hello) else {
            panic!("no message");
        };
        assert_eq!(message.text(), Some("hello"));
        assert_eq!((message.sent_at, message.arrived_at), (Timestamp(3), NOW));
        assert!(!message.read && !message.outgoing);
        assert_eq!(arrive(&mut fixture, &hello), Recorded::Repeat);
        fixture
            .vault
            .write(|tx| {
                tx.mark_read(account(1), None, NOW)?;
                assert_eq!(tx.purge_disappeared(NOW.plus(1000))?.messages.len(), 1);
                Ok::<_, VaultError>(())
            })
            .unwrap();
        assert_eq!(arrive(&mut fixture, &hello), Recorded::Repeat);
    }

    #[test]
    fn a_contact_cannot_take_the_id_of_an_own_message() {
        let mut fixture = Fixture::with_contact();
        queue_text(&mut fixture, 1, "mine");
        assert_eq!(arrive(&mut fixture, &text(1, "theirs", NOW)), Recorded::Repeat);
        let history = fixture.vault.read(|view| view.history(account(1), Page::Latest, 9)).unwrap();
        assert_eq!(history.len(), 1);
        assert_eq!(history[0].text(), Some("mine"));
    }

    #[test]
    fn an_attachment_waits_on_the_relay_and_its_name_is_no_path() {
        let mut fixture = Fixture::with_contact();
        let pointer = AttachmentPointer {
            blob: sotto_proto::BlobId([1; 16]),
            key: [2; 32],
            digest: [3; 32],
            size: 77,
            name: "../../.ssh/id\u{7}.png".to_owned(),
            media_type: "image/png".to_owned(),
        };
        let body = Attachment {
            pointer: pointer.clone(),
            caption: "see".to_owned(),
            reply_to: None,
            mentions: Vec::new(),
        };
        let Recorded::Message(message) = arrive(&mut fixture, &content(1, body)) else {
            panic!("no message");
        };
        let MessageBody::Attachment { file, caption } = &message.body else {
            panic!("no attachment");
        };
        assert_eq!((file.name.as_str(), file.size, caption.as_str()), ("id.png", 77, "see"));
        assert_eq!(file.transfer, Transfer::Remote);
        assert!(!serde_json::to_string(&message).unwrap().contains("key"));
        let job = fixture.vault.read(|view| view.attachment(account(1), id(1))).unwrap().unwrap();
        assert_eq!(job.pointer, Some(pointer));
    }

    #[test]
    fn receipts_raise_own_messages_alone_and_never_lower_them() {
        let mut fixture = Fixture::with_contact();
        queue_text(&mut fixture, 1, "mine");
        arrive(&mut fixture, &text(2, "theirs", NOW));
        let receipt = |number, state| {
            content(number, Receipt { state, messages: vec![id(1), id(2), id(99)] })
        };
        let Recorded::States(changed) = arrive(&mut fixture, &receipt(10, ReceiptState::Read))
        else {
            panic!("no change");
        };
        assert_eq!(changed.len(), 1);
        assert_eq!(changed[0].state, Some(MessageState::Read));
        let late = arrive(&mut fixture, &receipt(11, ReceiptState::Delivered));
        assert_eq!(late, Recorded::Ignored);
    }

    #[test]
    fn timer_acceptance_and_typing_are_told() {
        let mut fixture = Fixture::with_contact();
        let timer = arrive(&mut fixture, &content(1, Timer { seconds: Some(60) }));
        let Recorded::Timer(event) = timer else { panic!("no timer") };
        let set = ConversationEvent::TimerSet { seconds: Some(60), own: false };
        assert_eq!(event.body, MessageBody::Event { event: set });
        let timer = fixture.vault.read(|view| view.timer(account(1))).unwrap();
        assert_eq!(timer, Some(60));
        let accepted = arrive(&mut fixture, &content(2, Accepted {}));
        assert!(matches!(accepted, Recorded::Accepted(_)));
        assert_eq!(arrive(&mut fixture, &content(2, Accepted {})), Recorded::Repeat);
        for _ in 0..2 {
            let typing = arrive(&mut fixture, &content(3, Typing { active: true }));
            assert_eq!(typing, Recorded::Typing { active: true });
        }
    }

    #[test]
    fn a_hostile_content_does_not_hold_up_a_delivery() {
        let mut fixture = Fixture::with_contact();
        let pointer = AttachmentPointer {
            blob: sotto_proto::BlobId([1; 16]),
            key: [2; 32],
            digest: [3; 32],
            size: u64::MAX,
            name: "\0/".repeat(1000),
            media_type: "\0".repeat(1000),
        };
        let file = Attachment {
            pointer,
            caption: "\0".to_owned(),
            reply_to: Some(id(1)),
            mentions: Vec::new(),
        };
        assert_eq!(arrive(&mut fixture, &content(1, file)), Recorded::Ignored);
        let extreme = Content {
            sent_at: Timestamp(u64::MAX),
            disappears_after: Some(u32::MAX),
            ..text(2, "a\0b \u{2}\u{3}\u{202E}\"", NOW)
        };
        assert!(matches!(arrive(&mut fixture, &extreme), Recorded::Message(_)));
        let timer = arrive(&mut fixture, &content(3, Timer { seconds: Some(u32::MAX) }));
        assert!(matches!(timer, Recorded::Timer(_)));
        let messages = vec![id(2); 4000];
        let receipt = content(4, Receipt { state: ReceiptState::Read, messages });
        assert_eq!(arrive(&mut fixture, &receipt), Recorded::Ignored);
        // The id of a message and of an event are one kind of id.
        let reaction = content(2, Reaction { target: id(2), emoji: Some("x".to_owned()) });
        assert_eq!(arrive(&mut fixture, &reaction), Recorded::Repeat);
        fixture
            .vault
            .write(|tx| {
                tx.mark_read(account(1), None, NOW)?;
                assert_eq!(tx.history(account(1), Page::Latest, 9)?.len(), 2);
                assert_eq!(tx.search("b", None, 9)?.len(), 1);
                assert!(tx.conversation(account(1))?.is_some());
                Ok::<_, VaultError>(())
            })
            .unwrap();
    }

    #[test]
    fn a_stranger_must_be_a_contact_first() {
        let mut fixture = Fixture::new();
        let refused =
            fixture.vault.write(|tx| tx.record_content(account(1), &text(1, "hi", NOW), NOW));
        assert!(matches!(refused, Err(VaultError::NoSuchContact)));
    }
}
