//! Sealing again: what a contact's former devices never got, and what the own former device sealed.

use std::collections::HashSet;

use sha2::{Digest, Sha256};
use sotto_proto::AccountId;
use zeroize::Zeroizing;

use super::{
    Tx, VaultError,
    value::{Columns, key, to_cbor},
};

/// A message's position, where it is one, and the encoded content.
type Queued = (Option<i64>, Vec<u8>);

impl Tx<'_> {
    /// The contact's devices are others than before: everything that was not delivered waits to be
    /// sealed again, in its order. Gives how many contents wait now.
    pub fn requeue_undelivered(&self, to: AccountId) -> Result<usize, VaultError> {
        let undelivered = self.take_undelivered(to)?;
        self.requeue(to, undelivered)
    }

    /// The own device is another than before: what is in the outbox waits to be sealed again.
    pub(super) fn requeue_outbox(&self) -> Result<(), VaultError> {
        let sql = "SELECT DISTINCT account FROM outbox";
        for account in self.rows(sql, [], |row| row.id("account"))? {
            self.requeue(account, Vec::new())?;
        }
        Ok(())
    }

    /// The own device is another than before: what the relay has not taken for any room waits to be
    /// sealed again, in its order.
    pub(super) fn requeue_posts(&self) -> Result<(), VaultError> {
        self.change(
            "INSERT INTO waiting (position, conversation, message, content, envelope)
             SELECT position, room, message, content, envelope FROM posts WHERE taken = 0",
            [],
        )?;
        self.change("DELETE FROM posts WHERE taken = 0", [])?;
        Ok(())
    }

    /// Lets `first` wait, then what is in the outbox, then what waits already.
    fn requeue(&self, to: AccountId, first: Vec<Queued>) -> Result<usize, VaultError> {
        let mut contents = first;
        contents.extend(self.take_contents("DELETE FROM outbox WHERE account = ?1", &to.0)?);
        contents.extend(
            self.take_contents("DELETE FROM waiting WHERE conversation = ?1", &key(to.into()))?,
        );
        // One content is in the outbox once a device.
        let mut queued = HashSet::new();
        for (message, content) in contents {
            let content = Zeroizing::new(content);
            if queued.insert(Sha256::digest(&*content)) {
                self.insert_waiting(to.into(), message, &content)?;
            }
        }
        Ok(queued.len())
    }

    /// The messages that the relay has and the contact has not, as queued again.
    fn take_undelivered(&self, to: AccountId) -> Result<Vec<Queued>, VaultError> {
        let to = key(to.into());
        let positions = self.rows(
            "SELECT position FROM messages m WHERE conversation = ?1 AND outgoing = 1
             AND kind IN ('text', 'attachment')
             AND (state = 'sent' OR (state = 'queued' AND submitted = 1))
             AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.message = m.position)
             AND NOT EXISTS (SELECT 1 FROM waiting w WHERE w.message = m.position)
             ORDER BY place",
            [&*to],
            |row| Ok(row.get::<_, i64>(0)?),
        )?;
        self.change(
            "DELETE FROM sent_envelopes WHERE message IN
             (SELECT position FROM messages WHERE conversation = ?1)",
            [&*to],
        )?;
        self.change(
            "UPDATE messages SET state = 'queued', submitted = 0, failure = NULL
             WHERE conversation = ?1 AND outgoing = 1 AND kind IN ('text', 'attachment')
             AND state IN ('queued', 'sent')",
            [&*to],
        )?;
        positions
            .into_iter()
            .map(|position| {
                let content = self.content_of(&self.message_at(position)?)?;
                Ok((Some(position), to_cbor(&content)?.to_vec()))
            })
            .collect()
    }

    /// Takes contents out of the table that `delete` names, in order.
    fn take_contents(&self, delete: &str, to: &[u8]) -> Result<Vec<Queued>, VaultError> {
        let sql = format!("{delete} RETURNING position, message, content");
        let mut taken = self.change_rows(&sql, [to], |row| {
            Ok((row.get::<_, i64>(0)?, (row.get(1)?, row.get::<_, Vec<u8>>(2)?)))
        })?;
        // RETURNING promises no order.
        taken.sort_by_key(|(position, _)| *position);
        Ok(taken.into_iter().map(|(_, queued)| queued).collect())
    }
}

#[cfg(test)]
mod tests {
    use sotto_proto::content::{Body, Edit, Receipt, ReceiptState, Text};

    use super::super::{
        Outcome, Page,
        tests::{Fixture, NOW, account, arrive, chat, content, envelope, id, queue_text, seal_all},
    };
    use super::*;
    use crate::model::MessageState;

    #[test]
    fn a_replaced_device_gets_all_that_was_not_delivered_in_order() {
        let mut fixture = Fixture::with_contact();
        for number in 1..=4 {
            queue_text(&mut fixture, number, &number.to_string());
        }
        seal_all(&mut fixture);
        // The relay has 1 to 3, the contact has 1; 4 and an edit are in the outbox; 6 waits.
        let outcomes = [1, 2, 3].map(|number| (envelope(number), Outcome::Accepted));
        let delivered = Receipt { state: ReceiptState::Delivered, messages: vec![id(1)] };
        fixture.vault.write(|tx| tx.record_submitted(&outcomes, NOW)).unwrap();
        arrive(&mut fixture, &content(20, delivered));
        let edit = content(5, Edit { target: id(3), text: "3, better".to_owned() });
        fixture.vault.write(|tx| tx.queue_edit(chat(1), &edit)).unwrap();
        seal_all(&mut fixture);
        queue_text(&mut fixture, 6, "6");

        let count = fixture.vault.write(|tx| tx.requeue_undelivered(account(1))).unwrap();
        assert_eq!(count, 5);
        let waiting = fixture.vault.read(|view| view.waiting(chat(1), 99)).unwrap();
        let contents: Vec<_> = waiting.into_iter().map(|waiting| waiting.content).collect();
        let ids: Vec<_> = contents.iter().map(|content| content.id).collect();
        assert_eq!(ids, [id(2), id(3), id(4), id(5), id(6)]);
        let edited = Text { text: "3, better".to_owned(), reply_to: None, mentions: Vec::new() };
        assert_eq!(contents[1].body, Body::Text(edited));
        fixture
            .vault
            .read(|view| {
                assert!(view.outbox(0, 99, usize::MAX)?.is_empty());
                let history = view.history(chat(1), Page::Latest, 9)?;
                assert_eq!(history[0].state, Some(MessageState::Delivered));
                assert_eq!(history[1].state, Some(MessageState::Queued));
                Ok::<_, VaultError>(())
            })
            .unwrap();
        let old = fixture.vault.write(|tx| tx.record_expired(envelope(2))).unwrap();
        assert_eq!(old, None);
    }
}
