//! The order in which messages are shown.
//!
//! What arrives, and what goes to a contact, takes the next place at once and keeps it. In a room
//! the relay says in which order things were said: an own message stands behind all others until
//! the room's log brings it, and takes its place then.

use rusqlite::params;
use sotto_proto::{MessageId, RoomId, Timestamp};

use super::{Tx, VaultError, message::Reached};
use crate::model::Message;

/// Beyond it stand the own messages that have no place yet, in the order of writing. It stands as a
/// number in the queries of [`super::conversation`] too.
pub(super) const PENDING: i64 = 1 << 62;

impl Tx<'_> {
    /// The room's log has brought an own message: it takes its place, and was sent. Gives it as it
    /// is now.
    pub fn settle(
        &self,
        room: RoomId,
        message: MessageId,
        now: Timestamp,
    ) -> Result<Message, VaultError> {
        let position = self.find(room.into(), message)?.position;
        self.settle_at(position, now)?;
        self.message_at(position)
    }

    /// Settles what stands at a position.
    pub(super) fn settle_at(&self, position: i64, now: Timestamp) -> Result<(), VaultError> {
        self.settle_place(position)?;
        self.raise_state(position, Reached::Relay, now)?;
        Ok(())
    }

    /// Gives a message the next place, if it has none yet.
    pub(super) fn settle_place(&self, position: i64) -> Result<(), VaultError> {
        let sql = "SELECT 1 FROM messages WHERE position = ?1 AND place >= ?2";
        if self.row(sql, params![position, PENDING], |_| Ok(()))?.is_some() {
            self.change(
                "UPDATE messages SET place = ?2 WHERE position = ?1",
                params![position, self.next_place()?],
            )?;
        }
        Ok(())
    }

    /// Puts an own message in a room behind all others, as when it was written.
    pub(super) fn unsettle_place(&self, position: i64) -> Result<(), VaultError> {
        self.change(
            "UPDATE messages SET place = ?2 WHERE position = ?1",
            params![position, self.pending_place()?],
        )?;
        Ok(())
    }

    pub(super) fn pending_place(&self) -> Result<i64, VaultError> {
        Ok(PENDING + self.next_place()?)
    }

    /// The next place, which is given away once.
    pub(super) fn next_place(&self) -> Result<i64, VaultError> {
        let next = self.change_rows(
            "UPDATE last_place SET place = place + 1 RETURNING place",
            [],
            |row| Ok(row.get(0)?),
        )?;
        next.first().copied().ok_or(VaultError::Damaged("last_place"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        Page,
        tests::{Fixture, NOW, ROOM, account, id, say, text, write_text},
    };
    use super::*;
    use crate::model::{FailReason, MessageState};

    fn shown(fixture: &Fixture) -> Vec<String> {
        let read = |view: &super::super::View| view.history(ROOM.into(), Page::Latest, 99);
        let history = fixture.vault.read(read).unwrap();
        history.iter().filter_map(|message| message.text().map(str::to_owned)).collect()
    }

    #[test]
    fn an_own_message_stands_at_the_end_until_the_room_has_it() {
        let mut fixture = Fixture::with_room();
        write_text(&mut fixture, 1, "mine");
        write_text(&mut fixture, 2, "mine too");
        say(&mut fixture, account(2), &text(3, "first", NOW));
        assert_eq!(shown(&fixture), ["first", "mine", "mine too"]);
        let settled = fixture.vault.write(|tx| tx.settle(ROOM, id(1), NOW)).unwrap();
        assert_eq!(settled.state, Some(MessageState::Sent));
        say(&mut fixture, account(2), &text(4, "third", NOW));
        assert_eq!(shown(&fixture), ["first", "mine", "third", "mine too"]);
        // The log brings it again.
        let again = fixture.vault.write(|tx| tx.settle(ROOM, id(1), NOW)).unwrap();
        assert_eq!(again, settled);
        fixture
            .vault
            .read(|view| {
                let page = |page| {
                    let page = view.history(ROOM.into(), page, 9)?;
                    Ok::<Vec<_>, VaultError>(page.iter().map(|message| message.id).collect())
                };
                assert_eq!(page(Page::After(id(3)))?, [id(1), id(4), id(2)]);
                assert_eq!(page(Page::Before(id(2)))?, [id(3), id(1), id(4)]);
                Ok::<_, VaultError>(())
            })
            .unwrap();
    }

    #[test]
    fn a_message_that_failed_does_not_stay_at_the_end() {
        let mut fixture = Fixture::with_room();
        write_text(&mut fixture, 1, "mine");
        fixture
            .vault
            .write(|tx| tx.fail_message(ROOM.into(), id(1), &FailReason::TooLarge))
            .unwrap();
        say(&mut fixture, account(2), &text(2, "theirs", NOW));
        assert_eq!(shown(&fixture), ["mine", "theirs"]);
        fixture.vault.write(|tx| tx.retry(ROOM.into(), id(1))).unwrap();
        say(&mut fixture, account(2), &text(3, "theirs too", NOW));
        assert_eq!(shown(&fixture), ["theirs", "theirs too", "mine"]);
    }
}
