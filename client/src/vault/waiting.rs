//! Contents that wait, in order, until they can be sealed: for a connection, a session, an identity
//! that the owner has looked at, the place of the device in its room.

use rusqlite::params;
use sotto_proto::{AccountId, EnvelopeId, RoomId, content::Content, mailbox::Envelope};

use super::{
    Tx, VaultError, View,
    message::rows,
    value::{Columns, from_cbor, integer, key},
};
use crate::model::{ConversationId, FailReason, Message};

/// A content that is still to be sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Names it for [`Tx::seal`] and [`Tx::post`]; rises in the order of queueing.
    pub position: u64,
    /// For whom.
    pub to: ConversationId,
    /// Under which it was sealed before, for an epoch of the room that is over: it keeps it, so that
    /// the relay knows a repeat.
    pub envelope: Option<EnvelopeId>,
    /// What.
    pub content: Content,
}

impl View {
    /// The accounts for which contents wait.
    pub fn waiting_accounts(&self) -> Result<Vec<AccountId>, VaultError> {
        let contacts = self.waiting_conversations()?.into_iter();
        Ok(contacts.filter_map(ConversationId::contact).collect())
    }

    /// The rooms for which contents wait.
    pub fn waiting_rooms(&self) -> Result<Vec<RoomId>, VaultError> {
        Ok(self.waiting_conversations()?.into_iter().filter_map(ConversationId::room).collect())
    }

    fn waiting_conversations(&self) -> Result<Vec<ConversationId>, VaultError> {
        let sql = "SELECT conversation FROM waiting GROUP BY conversation ORDER BY min(position)";
        self.rows(sql, [], |row| row.conversation("conversation"))
    }

    /// The first contents that wait for a contact or a room, in order.
    pub fn waiting(&self, to: ConversationId, limit: usize) -> Result<Vec<Waiting>, VaultError> {
        self.rows(
            "SELECT position, content, envelope FROM waiting WHERE conversation = ?1
             ORDER BY position LIMIT ?2",
            params![key(to), rows(limit)],
            |row| {
                let content =
                    from_cbor(row.get_ref("content")?.as_blob().unwrap_or(&[]), "content")?;
                let envelope = row.optional_id("envelope")?;
                Ok(Waiting { position: row.count("position")?, to, envelope, content })
            },
        )
    }
}

impl Tx<'_> {
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

    /// Gives up all that waits for a contact or a room; the messages that failed by it.
    pub fn fail_waiting(
        &self,
        to: ConversationId,
        why: &FailReason,
    ) -> Result<Vec<Message>, VaultError> {
        let sql = "DELETE FROM waiting WHERE conversation = ?1 RETURNING message";
        let mut given_up =
            self.change_rows(sql, [key(to)], |row| Ok(row.get::<_, Option<i64>>(0)?))?;
        given_up.sort_unstable();
        let mut failed = Vec::new();
        for position in given_up.into_iter().flatten() {
            if self.set_failed(position, why)? {
                failed.push(self.message_at(position)?);
            }
        }
        Ok(failed)
    }

    pub(super) fn insert_waiting(
        &self,
        to: ConversationId,
        message: Option<i64>,
        content: &[u8],
    ) -> Result<(), VaultError> {
        self.change(
            "INSERT INTO waiting (conversation, message, content) VALUES (?1, ?2, ?3)",
            params![key(to), message, content],
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Fixture, account, address, chat, envelope, id, queue_text};
    use super::*;
    use crate::model::MessageState;

    fn waiting(fixture: &Fixture) -> Vec<Content> {
        let all = fixture.vault.read(|view| view.waiting(chat(1), 99)).unwrap();
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
        let message = fixture.vault.read(|view| view.message(chat(1), id(1))).unwrap().unwrap();
        assert_eq!(message.state, Some(MessageState::Queued));
        assert!(message.outgoing && message.read);
    }

    #[test]
    fn sealing_moves_a_content_to_the_outbox_once() {
        let mut fixture = Fixture::with_contact();
        queue_text(&mut fixture, 1, "hello");
        let first = fixture.vault.read(|view| view.waiting(chat(1), 1)).unwrap().remove(0);
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
                let first = tx.waiting(chat(1), 1)?.remove(0);
                tx.seal(first.position, &[])?;
                tx.message(chat(1), id(1))
            })
            .unwrap()
            .unwrap();
        assert_eq!(message.state, Some(MessageState::Failed { reason: FailReason::NoDevice }));
    }
}
