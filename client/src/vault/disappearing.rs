//! Messages that disappear: a received one some time after it was read, an own one some time
//! after it left.

use std::path::PathBuf;

use rusqlite::params;
use sotto_proto::{MessageId, Timestamp};

use super::{
    Tx, VaultError, View,
    value::{Columns, millis},
};
use crate::model::ConversationId;

/// What disappeared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Of which conversations which messages.
    pub messages: Vec<(ConversationId, MessageId)>,
    /// Files to delete once the transaction is durable.
    pub files: Vec<PathBuf>,
}

impl View {
    /// When the next message disappears.
    pub fn next_disappearance(&self) -> Result<Option<Timestamp>, VaultError> {
        let sql = "SELECT min(disappears_at) AS next FROM messages WHERE disappears_at IS NOT NULL";
        Ok(self.row(sql, [], |row| row.optional_time("next"))?.flatten())
    }
}

impl Tx<'_> {
    /// Deletes the messages whose time has come.
    pub fn purge_disappeared(&self, now: Timestamp) -> Result<Purged, VaultError> {
        let now = [millis(now)];
        let files = self.own_files("WHERE m.disappears_at <= ?1", now)?;
        let messages = self.change_rows(
            "DELETE FROM messages WHERE disappears_at <= ?1 RETURNING conversation, id",
            now,
            |row| Ok((row.conversation("conversation")?, row.id("id")?)),
        )?;
        Ok(Purged { messages, files })
    }

    /// Begins the time after which a message disappears, if it is one that does and has not begun.
    pub(super) fn start_timer(&self, position: i64, now: Timestamp) -> Result<(), VaultError> {
        self.change(
            "UPDATE messages SET disappears_at = ?2 + disappears_after * 1000
             WHERE position = ?1 AND disappears_after IS NOT NULL AND disappears_at IS NULL",
            params![position, millis(now)],
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        Outcome, Page,
        tests::{Fixture, NOW, arrive, chat, envelope, id, seal_all, text},
    };
    use super::*;

    #[test]
    fn a_received_message_disappears_some_time_after_it_was_read() {
        let mut fixture = Fixture::with_contact();
        let mut fleeting = text(1, "fleeting", NOW);
        fleeting.disappears_after = Some(30);
        arrive(&mut fixture, &fleeting);
        arrive(&mut fixture, &text(2, "lasting", NOW));
        assert_eq!(fixture.vault.read(View::next_disappearance).unwrap(), None);
        fixture
            .vault
            .write(|tx| {
                tx.mark_read(chat(1), None, NOW)?;
                assert_eq!(tx.next_disappearance()?, Some(NOW.plus(30_000)));
                assert_eq!(tx.purge_disappeared(NOW.plus(29_999))?, Purged::default());
                let purged = tx.purge_disappeared(NOW.plus(30_000))?;
                assert_eq!(purged.messages, [(chat(1), id(1))]);
                let left = tx.history(chat(1), Page::Latest, 9)?;
                assert_eq!(left.len(), 1);
                assert!(tx.search("fleeting", None, 9)?.is_empty());
                assert_eq!(tx.next_disappearance()?, None);
                Ok::<_, VaultError>(())
            })
            .unwrap();
    }

    #[test]
    fn an_own_message_disappears_some_time_after_it_left() {
        let mut fixture = Fixture::with_contact();
        let mut fleeting = text(1, "fleeting", NOW);
        fleeting.disappears_after = Some(30);
        fixture.vault.write(|tx| tx.queue_message(chat(1), &fleeting, NOW)).unwrap();
        seal_all(&mut fixture);
        assert_eq!(fixture.vault.read(View::next_disappearance).unwrap(), None);
        let outcomes = [(envelope(1), Outcome::Accepted)];
        fixture.vault.write(|tx| tx.record_submitted(&outcomes, NOW.plus(5))).unwrap();
        let next = fixture.vault.read(View::next_disappearance).unwrap();
        assert_eq!(next, Some(NOW.plus(30_005)));
    }
}
