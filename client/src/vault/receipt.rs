//! Receipts that this account owes its contacts and rooms, until they are queued.

use rusqlite::params;
use sotto_proto::{
    AccountId, MessageId,
    content::{Receipt, ReceiptState},
};

use super::{
    Tx, VaultError, View,
    message::rows,
    value::{Columns, key, receipt_state},
};
use crate::model::ConversationId;

impl View {
    /// The conversations that receipts are owed to.
    pub fn receipts_owed_to(&self) -> Result<Vec<ConversationId>, VaultError> {
        let sql = "SELECT DISTINCT conversation FROM owed_receipts ORDER BY conversation";
        self.rows(sql, [], |row| row.conversation("conversation"))
    }
}

impl Tx<'_> {
    /// A person of the room has, or has seen, an own message; false if that was known.
    pub(super) fn note_receipt(
        &self,
        position: i64,
        reader: AccountId,
        state: ReceiptState,
    ) -> Result<bool, VaultError> {
        let noted = self.change(
            "INSERT INTO room_receipts VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET state = 'read'
             WHERE excluded.state = 'read' AND state <> 'read'",
            params![position, reader.0, receipt_state(state)],
        )?;
        Ok(noted > 0)
    }

    /// These messages of others came this far; having been read says that they were delivered.
    pub fn owe_receipts(
        &self,
        to: ConversationId,
        messages: &[MessageId],
        state: ReceiptState,
    ) -> Result<(), VaultError> {
        for message in messages {
            self.change(
                "INSERT INTO owed_receipts VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET state = 'read' WHERE excluded.state = 'read'",
                params![key(to), message.0, receipt_state(state)],
            )?;
        }
        Ok(())
    }

    /// Takes what is owed to a contact or a room, at most `limit` messages: none, one or two receipts, to be
    /// queued in the same transaction.
    pub fn take_receipts(
        &self,
        to: ConversationId,
        limit: usize,
    ) -> Result<Vec<Receipt>, VaultError> {
        let mut receipts = Vec::new();
        for state in [ReceiptState::Delivered, ReceiptState::Read] {
            let messages = self.rows(
                "SELECT message FROM owed_receipts WHERE conversation = ?1 AND state = ?2 LIMIT ?3",
                params![key(to), receipt_state(state), rows(limit)],
                |row| row.id::<MessageId>("message"),
            )?;
            for message in &messages {
                self.change(
                    "DELETE FROM owed_receipts WHERE conversation = ?1 AND message = ?2",
                    params![key(to), message.0],
                )?;
            }
            if !messages.is_empty() {
                receipts.push(Receipt { state, messages });
            }
        }
        Ok(receipts)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Fixture, chat, id};
    use super::*;

    #[test]
    fn receipts_are_gathered_and_taken_once() {
        let mut fixture = Fixture::with_contact();
        fixture
            .vault
            .write(|tx| {
                tx.owe_receipts(chat(1), &[id(1), id(2), id(3)], ReceiptState::Delivered)?;
                tx.owe_receipts(chat(1), &[id(2)], ReceiptState::Read)?;
                tx.owe_receipts(chat(1), &[id(2)], ReceiptState::Delivered)?;
                assert_eq!(tx.receipts_owed_to()?, [chat(1)]);
                let taken = tx.take_receipts(chat(1), 99)?;
                let delivered =
                    Receipt { state: ReceiptState::Delivered, messages: vec![id(1), id(3)] };
                let read = Receipt { state: ReceiptState::Read, messages: vec![id(2)] };
                assert_eq!(taken, [delivered, read]);
                assert!(tx.take_receipts(chat(1), 99)?.is_empty());
                assert!(tx.receipts_owed_to()?.is_empty());
                Ok::<_, VaultError>(())
            })
            .unwrap();
    }

    #[test]
    fn no_more_are_taken_than_asked_for() {
        let mut fixture = Fixture::with_contact();
        fixture
            .vault
            .write(|tx| {
                tx.owe_receipts(chat(1), &[id(1), id(2), id(3)], ReceiptState::Read)?;
                assert_eq!(tx.take_receipts(chat(1), 2)?[0].messages.len(), 2);
                assert_eq!(tx.take_receipts(chat(1), 2)?[0].messages.len(), 1);
                Ok::<_, VaultError>(())
            })
            .unwrap();
    }
}
