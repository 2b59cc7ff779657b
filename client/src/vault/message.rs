//! Messages: how they stand in their table, the states that they go through, and the history.

use rusqlite::{Params, Row, params, params_from_iter, types::Value};
use sotto_proto::{AccountId, MessageId, Timestamp};

use super::{
    Tx, VaultError, View, attachment,
    value::{Columns, from_json, millis, to_json},
};
use crate::model::{
    ConversationEvent, FailReason, Message, MessageBody, MessageReaction, MessageState,
};

/// How many messages [`View::each_message`] reads at once.
const EXPORT_PAGE: usize = 256;

/// Which part of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// The newest messages.
    Latest,
    /// Those just before this one.
    Before(MessageId),
    /// Those just behind this one.
    After(MessageId),
}

/// A query of whole messages; what follows `FROM` may be given.
macro_rules! select_messages {
    ($rest:literal) => {
        select_messages!("", "messages m", $rest)
    };
    ($more:literal, $from:literal, $rest:literal) => {
        concat!(
            "SELECT m.position, m.conversation, m.id, m.outgoing, m.sent_at, m.arrived_at, m.kind,
                m.text, m.file_name, m.event, m.reply_to, m.edited, m.state, m.failure, m.read,
                m.disappears_after, m.disappears_at, a.media_type, a.size, a.path, a.transfer",
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
        conversation: AccountId,
        id: MessageId,
    ) -> Result<Option<Message>, VaultError> {
        let sql = select_messages!("WHERE m.conversation = ?1 AND m.id = ?2");
        Ok(self.messages(sql, params![conversation.0, id.0])?.pop())
    }

    /// At most `limit` messages of a conversation, oldest first.
    pub fn history(
        &self,
        conversation: AccountId,
        page: Page,
        limit: usize,
    ) -> Result<Vec<Message>, VaultError> {
        match page {
            Page::Latest => self.before(conversation, i64::MAX, limit),
            Page::Before(id) => {
                self.before(conversation, self.find(conversation, id)?.position, limit)
            }
            Page::After(id) => {
                self.after(conversation, self.find(conversation, id)?.position, limit)
            }
        }
    }

    /// Gives every message of a conversation to `take`, oldest first, as for an export.
    pub fn each_message<E: From<VaultError>>(
        &self,
        conversation: AccountId,
        mut take: impl FnMut(Message) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut last = 0;
        loop {
            let page = self.after(conversation, last, EXPORT_PAGE)?;
            let Some(message) = page.last() else { return Ok(()) };
            last = i64::try_from(message.position).map_err(|_| VaultError::Damaged("position"))?;
            page.into_iter().try_for_each(&mut take)?;
        }
    }

    fn before(
        &self,
        conversation: AccountId,
        position: i64,
        limit: usize,
    ) -> Result<Vec<Message>, VaultError> {
        let sql = select_messages!(
            "WHERE m.conversation = ?1 AND m.position < ?2 ORDER BY m.position DESC LIMIT ?3"
        );
        let mut page = self.messages(sql, params![conversation.0, position, rows(limit)])?;
        page.reverse();
        Ok(page)
    }

    fn after(
        &self,
        conversation: AccountId,
        position: i64,
        limit: usize,
    ) -> Result<Vec<Message>, VaultError> {
        let sql = select_messages!(
            "WHERE m.conversation = ?1 AND m.position > ?2 ORDER BY m.position LIMIT ?3"
        );
        self.messages(sql, params![conversation.0, position, rows(limit)])
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
        Ok(Message {
            id: row.id("id")?,
            conversation: row.id("conversation")?,
            position: row.count("position")?,
            outgoing,
            sent_at: row.time("sent_at")?,
            arrived_at: row.time("arrived_at")?,
            body: read_body(row)?,
            reply_to: row.optional_id("reply_to")?,
            edited: row.get("edited")?,
            reactions: self.reactions(row.get("position")?)?,
            state: read_state(row)?,
            read: row.get("read")?,
            disappears_after: row.get("disappears_after")?,
            disappears_at: row.optional_time("disappears_at")?,
        })
    }

    fn reactions(&self, position: i64) -> Result<Vec<MessageReaction>, VaultError> {
        let sql = "SELECT outgoing, emoji FROM reactions WHERE message = ?1 ORDER BY outgoing";
        self.rows(sql, [position], |row| {
            Ok(MessageReaction { outgoing: row.get(0)?, emoji: row.get(1)? })
        })
    }

    /// Where a message stands; an error if there is none.
    pub(super) fn find(&self, conversation: AccountId, id: MessageId) -> Result<Found, VaultError> {
        self.try_find(conversation, id)?.ok_or(VaultError::NoSuchMessage)
    }

    pub(super) fn try_find(
        &self,
        conversation: AccountId,
        id: MessageId,
    ) -> Result<Option<Found>, VaultError> {
        self.row(
            "SELECT position, outgoing, kind FROM messages WHERE conversation = ?1 AND id = ?2",
            params![conversation.0, id.0],
            |row| {
                let kind: String = row.get("kind")?;
                Ok(Found {
                    position: row.get("position")?,
                    outgoing: row.get("outgoing")?,
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
    pub(super) outgoing: bool,
    /// A text or an attachment, not deleted.
    pub(super) changeable: bool,
}

/// A row to be.
#[derive(Clone, Copy)]
pub(super) struct NewMessage<'a> {
    pub(super) conversation: AccountId,
    pub(super) id: MessageId,
    pub(super) outgoing: bool,
    pub(super) sent_at: Timestamp,
    pub(super) arrived_at: Timestamp,
    pub(super) kind: &'static str,
    pub(super) text: Option<&'a str>,
    pub(super) file_name: Option<&'a str>,
    pub(super) event: Option<&'a str>,
    pub(super) reply_to: Option<MessageId>,
    pub(super) disappears_after: Option<u32>,
}

/// How far a message is known to have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reached {
    Relay,
    Vault,
    Eyes,
}

impl Tx<'_> {
    /// Puts an event into a conversation.
    pub fn record_event(
        &self,
        conversation: AccountId,
        id: MessageId,
        event: &ConversationEvent,
        now: Timestamp,
    ) -> Result<Message, VaultError> {
        self.require_contact(conversation)?;
        let json = to_json(event)?;
        let inserted = self.insert_message(&NewMessage {
            conversation,
            id,
            outgoing: false,
            sent_at: now,
            arrived_at: now,
            kind: "event",
            text: None,
            file_name: None,
            event: Some(&json),
            reply_to: None,
            disappears_after: None,
        })?;
        match inserted {
            Some(position) => self.message_at(position),
            None => self.message_at(self.find(conversation, id)?.position),
        }
    }

    /// Its position; none if the conversation has a message with this id.
    pub(super) fn insert_message(&self, new: &NewMessage<'_>) -> Result<Option<i64>, VaultError> {
        let is_message = new.event.is_none();
        let inserted = self.change_rows(
            "INSERT INTO messages (conversation, id, outgoing, sent_at, arrived_at, kind, text,
                file_name, event, reply_to, state, read, disappears_after)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
             ON CONFLICT DO NOTHING RETURNING position",
            params![
                new.conversation.0,
                new.id.0,
                new.outgoing,
                millis(new.sent_at),
                millis(new.arrived_at),
                new.kind,
                new.text,
                new.file_name,
                new.event,
                new.reply_to.map(|id| id.0),
                (new.outgoing && is_message).then_some("queued"),
                new.outgoing || !is_message,
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
    use super::super::tests::{Fixture, NOW, account, arrive, id, text};
    use super::*;

    fn numbers(messages: &[Message]) -> Vec<&str> {
        messages.iter().filter_map(Message::text).collect()
    }

    #[test]
    fn history_is_paged_both_ways_in_the_order_of_arrival() {
        let mut fixture = Fixture::with_contact();
        for number in 1..=7 {
            // The clocks of senders do not decide.
            arrive(
                &mut fixture,
                &text(number, &number.to_string(), Timestamp(100 - u64::from(number))),
            );
        }
        fixture
            .vault
            .read(|view| {
                let page = |page, limit| view.history(account(1), page, limit).unwrap();
                assert_eq!(numbers(&page(Page::Latest, 3)), ["5", "6", "7"]);
                assert_eq!(numbers(&page(Page::Before(id(5)), 3)), ["2", "3", "4"]);
                assert_eq!(numbers(&page(Page::Before(id(2)), 3)), ["1"]);
                assert_eq!(numbers(&page(Page::After(id(5)), 9)), ["6", "7"]);
                assert!(page(Page::After(id(7)), 9).is_empty());
                let unknown = view.history(account(1), Page::Before(id(99)), 3).unwrap_err();
                assert!(matches!(unknown, VaultError::NoSuchMessage));
                Ok::<_, VaultError>(())
            })
            .unwrap();
    }

    #[test]
    fn an_export_sees_every_message_once() {
        let mut fixture = Fixture::with_contact();
        let count = u32::try_from(2 * EXPORT_PAGE + 3).unwrap();
        fixture
            .vault
            .write(|tx| {
                (0..count).try_for_each(|number| {
                    let content = text(number, &number.to_string(), NOW);
                    tx.record_content(account(1), &content, NOW).map(drop)
                })
            })
            .unwrap();
        let mut seen = Vec::new();
        fixture
            .vault
            .read(|view| {
                view.each_message(account(1), |message| {
                    seen.push(message.text().unwrap().parse::<u32>().unwrap());
                    Ok::<_, VaultError>(())
                })
            })
            .unwrap();
        assert_eq!(seen, (0..count).collect::<Vec<_>>());
    }

    #[test]
    fn an_event_stands_among_the_messages_once() {
        let mut fixture = Fixture::with_contact();
        let event = ConversationEvent::Unreadable;
        let recorded = fixture
            .vault
            .write(|tx| {
                tx.record_event(account(1), id(1), &event, NOW)?;
                tx.record_event(account(1), id(1), &event, NOW)
            })
            .unwrap();
        assert_eq!(recorded.body, MessageBody::Event { event });
        assert!(recorded.read && recorded.state.is_none());
        let history = fixture.vault.read(|view| view.history(account(1), Page::Latest, 9)).unwrap();
        assert_eq!(history, [recorded]);
        let refused = fixture
            .vault
            .write(|tx| tx.record_event(account(9), id(1), &ConversationEvent::Unsupported, NOW));
        assert!(matches!(refused, Err(VaultError::NoSuchContact)));
    }
}
