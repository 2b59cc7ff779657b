//! Messages: how they stand in their table, and the states that they go through.

use rusqlite::{Params, Row, params, params_from_iter, types::Value};
use sotto_proto::{AccountId, MessageId, RoomId, Timestamp};

use super::{
    Tx, VaultError, View, attachment,
    value::{Columns, from_json, key, millis, to_json},
};
use crate::model::{
    ConversationEvent, ConversationId, FailReason, Message, MessageBody, MessageReaction,
    MessageState, ReachedCounts,
};

/// A query of whole messages; what follows `FROM` may be given.
macro_rules! select_messages {
    ($rest:literal) => {
        select_messages!("", "messages m", $rest)
    };
    ($more:literal, $from:literal, $rest:literal) => {
        concat!(
            "SELECT m.position, m.conversation, m.id, m.outgoing, m.sender, m.place, m.sent_at,
                m.arrived_at, m.kind, m.text, m.file_name, m.event, m.reply_to, m.mentions_me,
                m.edited, m.state, m.failure, m.read, m.disappears_after, m.disappears_at,
                a.media_type, a.size, a.path, a.transfer",
            $more,
            " FROM ",
            $from,
            " LEFT JOIN attachments a ON a.message = m.position ",
            $rest
        )
    };
}
pub(super) use select_messages;

impl View {
    /// A message.
    pub fn message(
        &self,
        conversation: ConversationId,
        id: MessageId,
    ) -> Result<Option<Message>, VaultError> {
        let sql = select_messages!("WHERE m.conversation = ?1 AND m.id = ?2");
        Ok(self.messages(sql, params![key(conversation), id.0])?.pop())
    }

    /// The messages that a query by [`select_messages`] finds.
    pub(super) fn messages(
        &self,
        sql: &str,
        params: impl Params,
    ) -> Result<Vec<Message>, VaultError> {
        self.rows(sql, params, |row| self.read_message(row))
    }

    pub(super) fn read_message(&self, row: &Row<'_>) -> Result<Message, VaultError> {
        let outgoing: bool = row.get("outgoing")?;
        let conversation = row.conversation("conversation")?;
        let body = read_body(row)?;
        let is_event = matches!(body, MessageBody::Event { .. });
        let position = row.get("position")?;
        Ok(Message {
            id: row.id("id")?,
            conversation,
            position: row.count("place")?,
            outgoing,
            sender: match conversation {
                ConversationId::Contact(account) => (!outgoing && !is_event).then_some(account),
                ConversationId::Room(_) => row.optional_id("sender")?,
            },
            sent_at: row.time("sent_at")?,
            arrived_at: row.time("arrived_at")?,
            body,
            reply_to: row.optional_id("reply_to")?,
            edited: row.get("edited")?,
            reactions: self.reactions(position)?,
            mentions_me: row.get("mentions_me")?,
            reached: match conversation {
                ConversationId::Room(_) if outgoing => Some(self.reached(position)?),
                _ => None,
            },
            state: read_state(row)?,
            read: row.get("read")?,
            disappears_after: row.get("disappears_after")?,
            disappears_at: row.optional_time("disappears_at")?,
        })
    }

    fn reactions(&self, position: i64) -> Result<Vec<MessageReaction>, VaultError> {
        // The owner's comes last.
        let sql = "SELECT nullif(reactor, x'') AS person, emoji FROM reactions WHERE message = ?1
             ORDER BY person IS NULL, person";
        self.rows(sql, [position], |row| {
            let by: Option<AccountId> = row.optional_id("person")?;
            Ok(MessageReaction { outgoing: by.is_none(), by, emoji: row.get("emoji")? })
        })
    }

    fn reached(&self, position: i64) -> Result<ReachedCounts, VaultError> {
        let sql = "SELECT count(*) AS delivered, count(*) FILTER (WHERE state = 'read') AS read
             FROM room_receipts WHERE message = ?1";
        let reached = self.row(sql, [position], |row| {
            Ok(ReachedCounts { delivered: row.get("delivered")?, read: row.get("read")? })
        })?;
        Ok(reached.unwrap_or_default())
    }

    /// Where a message stands; an error if there is none.
    pub(super) fn find(
        &self,
        conversation: ConversationId,
        id: MessageId,
    ) -> Result<Found, VaultError> {
        self.try_find(conversation, id)?.ok_or(VaultError::NoSuchMessage)
    }

    pub(super) fn try_find(
        &self,
        conversation: ConversationId,
        id: MessageId,
    ) -> Result<Option<Found>, VaultError> {
        self.row(
            "SELECT position, place, outgoing, sender, kind FROM messages
             WHERE conversation = ?1 AND id = ?2",
            params![key(conversation), id.0],
            |row| {
                let kind: String = row.get("kind")?;
                Ok(Found {
                    position: row.get("position")?,
                    place: row.get("place")?,
                    outgoing: row.get("outgoing")?,
                    sender: row.optional_id("sender")?.or(conversation.contact()),
                    changeable: kind == "text" || kind == "attachment",
                })
            },
        )
    }

    pub(super) fn message_at(&self, position: i64) -> Result<Message, VaultError> {
        let sql = select_messages!("WHERE m.position = ?1");
        self.messages(sql, [position])?.pop().ok_or(VaultError::NoSuchMessage)
    }
}

/// A message's place and what may be done to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) position: i64,
    pub(super) place: i64,
    pub(super) outgoing: bool,
    sender: Option<AccountId>,
    /// A text or an attachment, not deleted.
    pub(super) changeable: bool,
}

impl Found {
    /// Whether it is by this person; none is the owner.
    pub(super) fn is_by(&self, person: Option<AccountId>) -> bool {
        match person {
            None => self.outgoing,
            Some(_) => !self.outgoing && self.sender == person,
        }
    }
}

/// A row to be.
#[derive(Clone, Copy)]
pub(super) struct NewMessage<'a> {
    pub(super) conversation: ConversationId,
    pub(super) id: MessageId,
    pub(super) by: By,
    pub(super) sent_at: Timestamp,
    pub(super) arrived_at: Timestamp,
    pub(super) kind: &'static str,
    pub(super) text: Option<&'a str>,
    pub(super) file_name: Option<&'a str>,
    pub(super) event: Option<&'a str>,
    pub(super) reply_to: Option<MessageId>,
    pub(super) mentions_me: bool,
    pub(super) disappears_after: Option<u32>,
}

/// Whoever a row is by, and whether it is to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// The owner, here: it is to leave.
    Owner,
    /// The owner, on another device, as a room's log says.
    OwnerElsewhere,
    /// Somebody else.
    Person(AccountId),
    /// Nobody.
    Nobody,
}

impl By {
    const fn is_owner(self) -> bool {
        matches!(self, Self::Owner | Self::OwnerElsewhere)
    }

    /// Only in a room is it anything but what the conversation says.
    fn sender(self, conversation: ConversationId) -> Option<AccountId> {
        match self {
            Self::Person(account) if conversation.room().is_some() => Some(account),
            _ => None,
        }
    }
}

/// How far a message is known to have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reached {
    Relay,
    Vault,
    Eyes,
}

impl Tx<'_> {
    /// Puts an event into a conversation that is by nobody, or by the owner.
    pub fn record_event(
        &self,
        conversation: ConversationId,
        id: MessageId,
        event: &ConversationEvent,
        now: Timestamp,
    ) -> Result<Message, VaultError> {
        self.require_conversation(conversation)?;
        self.insert_event(conversation, By::Nobody, id, event, now)
    }

    /// Puts an event into a room, which somebody has brought about: the log has brought it.
    pub fn record_event_by(
        &self,
        room: RoomId,
        by: AccountId,
        id: MessageId,
        event: &ConversationEvent,
        now: Timestamp,
    ) -> Result<Message, VaultError> {
        self.require_conversation(room.into())?;
        let by = if self.is_own(by)? { By::Nobody } else { By::Person(by) };
        self.insert_event(room.into(), by, id, event, now)
    }

    pub(super) fn insert_event(
        &self,
        conversation: ConversationId,
        by: By,
        id: MessageId,
        event: &ConversationEvent,
        now: Timestamp,
    ) -> Result<Message, VaultError> {
        let json = to_json(event)?;
        let inserted = self.insert_message(&NewMessage {
            conversation,
            id,
            by,
            sent_at: now,
            arrived_at: now,
            kind: "event",
            text: None,
            file_name: None,
            event: Some(&json),
            reply_to: None,
            mentions_me: false,
            disappears_after: None,
        })?;
        match inserted {
            Some(position) => self.message_at(position),
            None => self.message_at(self.find(conversation, id)?.position),
        }
    }

    /// Its position; none if the conversation has a message with this id.
    pub(super) fn insert_message(&self, new: &NewMessage<'_>) -> Result<Option<i64>, VaultError> {
        let is_event = new.event.is_some();
        let is_pending = new.by == By::Owner && new.conversation.room().is_some();
        let place = if is_pending { self.pending_place()? } else { self.next_place()? };
        let state = match new.by {
            By::Owner => Some("queued"),
            By::OwnerElsewhere => Some("sent"),
            By::Person(_) | By::Nobody => None,
        };
        let inserted = self.change_rows(
            "INSERT INTO messages (conversation, id, outgoing, sender, place, sent_at, arrived_at,
                kind, text, file_name, event, reply_to, mentions_me, state, read, disappears_after)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
             ON CONFLICT DO NOTHING RETURNING position",
            params![
                key(new.conversation),
                new.id.0,
                new.by.is_owner() && !is_event,
                new.by.sender(new.conversation).map(|account| account.0),
                place,
                millis(new.sent_at),
                millis(new.arrived_at),
                new.kind,
                new.text,
                new.file_name,
                new.event,
                new.reply_to.map(|id| id.0),
                new.mentions_me,
                state.filter(|_| !is_event),
                new.by.is_owner() || is_event,
                new.disappears_after.filter(|seconds| *seconds > 0),
            ],
            |row| Ok(row.get(0)?),
        )?;
        Ok(inserted.first().copied())
    }

    /// Raises the state of an own message; false if it was there or beyond.
    pub(super) fn raise_state(
        &self,
        position: i64,
        reached: Reached,
        now: Timestamp,
    ) -> Result<bool, VaultError> {
        let (state, below): (_, &[&str]) = match reached {
            Reached::Relay => ("sent", &["queued", "failed"]),
            Reached::Vault => ("delivered", &["queued", "failed", "sent"]),
            Reached::Eyes => ("read", &["queued", "failed", "sent", "delivered"]),
        };
        let marks = vec!["?"; below.len()].join(",");
        let sql = format!(
            "UPDATE messages SET state = ?, failure = NULL WHERE position = ? AND state IN ({marks})"
        );
        let mut values = vec![Value::from(state.to_owned()), Value::from(position)];
        values.extend(below.iter().map(|state| Value::from((*state).to_owned())));
        let raised = self.change(&sql, params_from_iter(values))? > 0;
        if raised {
            // The own copy counts as read from when it has left.
            self.start_timer(position, now)?;
        }
        if reached != Reached::Relay {
            self.change("DELETE FROM sent_envelopes WHERE message = ?1", [position])?;
        }
        Ok(raised)
    }

    /// An own message will not be delivered; false if it has been, or has failed before.
    pub(super) fn set_failed(&self, position: i64, why: &FailReason) -> Result<bool, VaultError> {
        let changed = self.change(
            "UPDATE messages SET state = 'failed', failure = ?2
             WHERE position = ?1 AND state IN ('queued', 'sent')",
            params![position, to_json(why)?],
        )?;
        // It waits for nothing at the end of its room.
        self.settle_place(position)?;
        Ok(changed > 0)
    }
}

fn read_body(row: &Row<'_>) -> Result<MessageBody, VaultError> {
    let kind: String = row.get("kind")?;
    Ok(match kind.as_str() {
        "text" => MessageBody::Text { text: row.get("text")? },
        "attachment" => MessageBody::Attachment {
            file: attachment::read_file(row)?,
            caption: row.get::<_, Option<String>>("text")?.unwrap_or_default(),
        },
        "deleted" => MessageBody::Deleted,
        "event" => {
            let json: String = row.get("event")?;
            // An event of a newer version that a downgrade left behind is still an event.
            let event = from_json(&json, "event").unwrap_or(ConversationEvent::Unsupported);
            MessageBody::Event { event }
        }
        _ => return Err(VaultError::Damaged("kind")),
    })
}

pub(super) fn read_state(row: &Row<'_>) -> Result<Option<MessageState>, VaultError> {
    let state: Option<String> = row.get("state")?;
    Ok(match state.as_deref() {
        None => None,
        Some("queued") => Some(MessageState::Queued),
        Some("sent") => Some(MessageState::Sent),
        Some("delivered") => Some(MessageState::Delivered),
        Some("read") => Some(MessageState::Read),
        Some("failed") => {
            let json: String = row.get("failure")?;
            Some(MessageState::Failed { reason: from_json(&json, "failure")? })
        }
        Some(_) => return Err(VaultError::Damaged("state")),
    })
}

/// A limit as SQL takes it.
pub(super) fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::{
        Page,
        tests::{Fixture, NOW, chat, id},
    };
    use super::*;

    #[test]
    fn an_event_stands_among_the_messages_once() {
        let mut fixture = Fixture::with_contact();
        let event = ConversationEvent::Unreadable;
        let recorded = fixture
            .vault
            .write(|tx| {
                tx.record_event(chat(1), id(1), &event, NOW)?;
                tx.record_event(chat(1), id(1), &event, NOW)
            })
            .unwrap();
        assert_eq!(recorded.body, MessageBody::Event { event });
        assert!(recorded.read && recorded.state.is_none());
        let history = fixture.vault.read(|view| view.history(chat(1), Page::Latest, 9)).unwrap();
        assert_eq!(history, [recorded]);
        let refused = fixture
            .vault
            .write(|tx| tx.record_event(chat(9), id(1), &ConversationEvent::Unsupported, NOW));
        assert!(matches!(refused, Err(VaultError::NoSuchContact)));
    }
}
