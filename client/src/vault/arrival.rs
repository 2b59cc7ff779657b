//! What arrives: opened contents, each recorded once.
//!
//! A whole delivery belongs into one [`super::Vault::write`]: the new session states, the prekeys
//! that were used up, the contents and the consumed sequence.

#[cfg(test)]
mod tests;

use sotto_proto::{
    AccountId, MessageId, RoomId, Timestamp,
    content::{Attachment, Body, Content, Receipt, ReceiptState, RoomInvite, RoomProfile, Text},
    limits::{ATTACHMENT_MAX, MENTIONS_MAX, WELCOME_MAX},
};

use super::{
    Tx, VaultError, attachment,
    message::{By, NewMessage, Reached},
};
use crate::model::{ContactState, ConversationEvent, ConversationId, Message, Transfer};

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
    /// Own messages were delivered or read, by one person more at least: as they are now.
    States(Vec<Message>),
    /// The disappearing timer was set: the event.
    Timer(Box<Message>),
    /// The contact accepted the request: the event.
    Accepted(Box<Message>),
    /// The name, topic or picture of the room was changed: the event.
    Profile(Box<Message>),
    /// An invitation, which waits to be looked at ([`super::View::invites`]).
    Invite {
        /// To which room.
        room: RoomId,
    },
    /// Somebody types, or stopped; nothing was recorded.
    Typing {
        /// Whether it is typing.
        active: bool,
    },
    /// It had arrived before. Its sender may have missed the receipt.
    Repeat,
    /// It changes nothing: what it names is unknown, not its sender's to change, or out of bounds.
    Ignored,
}

impl Tx<'_> {
    /// Records what a device of `from` said in a conversation: in a direct chat the contact, in a
    /// room any member, the owner's other devices among them. Whether it is welcome (blocked, a
    /// stranger) is for the caller to say before. Nothing that anybody can write makes this fail.
    pub fn record_content(
        &self,
        conversation: ConversationId,
        from: AccountId,
        content: &Content,
        now: Timestamp,
    ) -> Result<Recorded, VaultError> {
        self.require_conversation(conversation)?;
        if let Body::Typing(typing) = &content.body {
            return Ok(Recorded::Typing { active: typing.active });
        }
        if !self.note_content(from, content.id, now)? {
            return Ok(Recorded::Repeat);
        }
        let stands_in_history = !matches!(
            content.body,
            Body::Edit(_)
                | Body::Delete(_)
                | Body::Reaction(_)
                | Body::Receipt(_)
                | Body::RoomInvite(_)
        );
        if stands_in_history && self.try_find(conversation, content.id)?.is_some() {
            return Ok(Recorded::Repeat);
        }
        let by = (!self.is_own(from)?).then_some(from);
        let arrival = Arrival { tx: self, conversation, from, by, content, now };
        match &content.body {
            Body::Text(text) => arrival.text(text),
            Body::Attachment(file) => arrival.attachment(file),
            Body::Edit(edit) => self.apply_edit(conversation, edit, by),
            Body::Delete(delete) => self.apply_delete(conversation, delete, by),
            Body::Reaction(reaction) => self.apply_reaction(conversation, reaction, by),
            Body::Receipt(receipt) => arrival.receipt(receipt),
            Body::Timer(timer) => self
                .set_timer(conversation, timer.seconds, by, content.id, now)
                .map(|event| Recorded::Timer(Box::new(event))),
            Body::Accepted(_) => arrival.accepted(),
            Body::RoomInvite(invite) => arrival.invite(invite),
            Body::RoomProfile(profile) => arrival.profile(profile),
            _ => self.record_unsupported(conversation, from, content.id, now),
        }
    }

    /// Records that something arrived that only a newer version understands.
    pub fn record_unsupported(
        &self,
        conversation: ConversationId,
        from: AccountId,
        id: MessageId,
        now: Timestamp,
    ) -> Result<Recorded, VaultError> {
        let by = (!self.is_own(from)?).then_some(from);
        let event = ConversationEvent::Unsupported;
        let event = self.insert_event(conversation, said_by(by), id, &event, now)?;
        Ok(Recorded::Message(Box::new(event)))
    }
}

/// Whoever has said what arrived; none is the owner.
pub(super) const fn said_by(person: Option<AccountId>) -> By {
    match person {
        Some(account) => By::Person(account),
        None => By::OwnerElsewhere,
    }
}

/// A content that is being recorded.
struct Arrival<'a> {
    tx: &'a Tx<'a>,
    conversation: ConversationId,
    from: AccountId,
    /// None is the owner.
    by: Option<AccountId>,
    content: &'a Content,
    now: Timestamp,
}

impl Arrival<'_> {
    fn text(&self, text: &Text) -> Result<Recorded, VaultError> {
        let inserted = self.tx.insert_message(&NewMessage {
            text: Some(&text.text),
            reply_to: text.reply_to,
            mentions_me: self.mentions_me(&text.mentions)?,
            ..self.message("text")
        })?;
        self.recorded(inserted)
    }

    fn attachment(&self, file: &Attachment) -> Result<Recorded, VaultError> {
        if file.pointer.size > ATTACHMENT_MAX {
            return Ok(Recorded::Ignored);
        }
        let name = attachment::plain_name(&file.pointer.name);
        let inserted = self.tx.insert_message(&NewMessage {
            text: Some(&file.caption),
            file_name: Some(&name),
            reply_to: file.reply_to,
            mentions_me: self.mentions_me(&file.mentions)?,
            ..self.message("attachment")
        })?;
        if let Some(position) = inserted {
            self.tx.insert_attachment(position, &file.pointer, None, &Transfer::Remote)?;
        }
        self.recorded(inserted)
    }

    fn message(&self, kind: &'static str) -> NewMessage<'static> {
        NewMessage {
            conversation: self.conversation,
            id: self.content.id,
            by: said_by(self.by),
            sent_at: self.content.sent_at,
            arrived_at: self.now,
            kind,
            text: None,
            file_name: None,
            event: None,
            reply_to: None,
            mentions_me: false,
            disappears_after: self.content.disappears_after,
        }
    }

    fn mentions_me(&self, mentions: &[AccountId]) -> Result<bool, VaultError> {
        if self.conversation.room().is_none() || self.by.is_none() {
            return Ok(false);
        }
        let own = self.tx.own_id()?;
        Ok(mentions.iter().take(MENTIONS_MAX).any(|account| Some(*account) == own))
    }

    fn recorded(&self, inserted: Option<i64>) -> Result<Recorded, VaultError> {
        let Some(position) = inserted else { return Ok(Recorded::Repeat) };
        if self.by.is_none() {
            // The own copy counts as read from when it has left.
            self.tx.start_timer(position, self.now)?;
        }
        Ok(Recorded::Message(Box::new(self.tx.message_at(position)?)))
    }

    fn receipt(&self, receipt: &Receipt) -> Result<Recorded, VaultError> {
        let Some(reader) = self.by else { return Ok(Recorded::Ignored) };
        let reached = match receipt.state {
            ReceiptState::Delivered => Reached::Vault,
            ReceiptState::Read => Reached::Eyes,
        };
        let mut changed = Vec::new();
        for id in &receipt.messages {
            let Some(found) = self.tx.try_find(self.conversation, *id)? else { continue };
            if !found.outgoing {
                continue;
            }
            let is_news = self.conversation.room().is_some()
                && self.tx.note_receipt(found.position, reader, receipt.state)?;
            if self.tx.raise_state(found.position, reached, self.now)? || is_news {
                changed.push(self.tx.message_at(found.position)?);
            }
        }
        Ok(if changed.is_empty() { Recorded::Ignored } else { Recorded::States(changed) })
    }

    fn accepted(&self) -> Result<Recorded, VaultError> {
        if self.conversation.room().is_some() {
            return Ok(Recorded::Ignored);
        }
        let event = ConversationEvent::RequestAccepted { own: false };
        let event = self.tx.record_event(self.conversation, self.content.id, &event, self.now)?;
        Ok(Recorded::Accepted(Box::new(event)))
    }

    /// From an accepted contact as many as there are rooms; from a stranger one that waits for the
    /// owner's word, so that nobody fills the vault.
    fn invite(&self, invite: &RoomInvite) -> Result<Recorded, VaultError> {
        let contact = self.conversation.contact().map(|account| self.tx.contact(account));
        let is_welcome = match contact.transpose()?.flatten().map(|contact| contact.state) {
            Some(ContactState::Accepted) => true,
            Some(ContactState::Request) => !self.tx.is_invited_elsewhere(self.from, invite.room)?,
            _ => false,
        };
        let fits = invite.profile.is_within_bounds() && invite.welcome.len() <= WELCOME_MAX;
        if !is_welcome || !fits {
            return Ok(Recorded::Ignored);
        }
        self.tx.put_invite(self.from, invite, self.now)?;
        Ok(Recorded::Invite { room: invite.room })
    }

    /// From an admin of the room alone.
    fn profile(&self, profile: &RoomProfile) -> Result<Recorded, VaultError> {
        let Some(room) = self.conversation.room() else { return Ok(Recorded::Ignored) };
        if !profile.is_within_bounds() || !self.tx.is_admin(room, self.from)? {
            return Ok(Recorded::Ignored);
        }
        let Some(event) = self.tx.set_room_profile(room, profile)? else {
            return Ok(Recorded::Ignored);
        };
        let (id, by) = (self.content.id, said_by(self.by));
        let event = self.tx.insert_event(self.conversation, by, id, &event, self.now)?;
        Ok(Recorded::Profile(Box::new(event)))
    }
}
