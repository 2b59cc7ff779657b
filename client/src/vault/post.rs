//! Posts: contents that are sealed for an epoch of their room, until the room's log brings them.
//!
//! A content keeps the position at which it waited and, once it was sealed, its envelope's id: so it
//! stays in its order, and the relay knows a repeat. It is sealed for one epoch at a time. When the
//! room has gone on to another epoch before the relay has taken it, it waits again.

use rusqlite::params;
use sotto_proto::{EnvelopeId, MessageId, RoomId, Timestamp};

use super::{
    Tx, VaultError, View,
    message::{Reached, rows},
    value::{Columns, integer, key},
};
use crate::model::{FailReason, Message};

/// A sealed content on its way to the relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// Its place in the order; one that was sealed again has the same as before.
    pub position: u64,
    /// Where it is to be said.
    pub room: RoomId,
    /// Names it towards the relay.
    pub envelope: EnvelopeId,
    /// The epoch that it is sealed for.
    pub epoch: u64,
    /// What to send.
    pub sealed: Vec<u8>,
    /// The message, or the event, whose place hangs on it.
    pub message: Option<MessageId>,
}

/// Whose envelope a room's log has brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// That of a message, or an event, which has its place now: as it is.
    Message(Box<Message>),
    /// That of something that the history does not show.
    Hidden,
    /// None that this vault knows: it came back before, or the vault is an old copy.
    Unknown,
}

impl View {
    /// The first posts behind the position `after` (zero for all) that the relay has not taken: at
    /// most `max_count`, and no more than `max_bytes` of ciphertext unless the first alone has more.
    pub fn posts(
        &self,
        after: u64,
        max_count: usize,
        max_bytes: usize,
    ) -> Result<Vec<Post>, VaultError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT p.position, p.room, p.envelope, p.epoch, p.sealed, m.id
             FROM posts p LEFT JOIN messages m ON m.position = p.message
             WHERE p.position > ?1 AND p.taken = 0 ORDER BY p.position LIMIT ?2",
        )?;
        let mut found = statement.query(params![integer(after)?, rows(max_count)])?;
        let mut posts: Vec<Post> = Vec::new();
        let mut bytes = 0_usize;
        while let Some(row) = found.next()? {
            let sealed: Vec<u8> = row.get("sealed")?;
            bytes = bytes.saturating_add(sealed.len());
            if bytes > max_bytes && !posts.is_empty() {
                break;
            }
            posts.push(Post {
                position: row.count("position")?,
                room: row.room("room")?,
                envelope: row.id("envelope")?,
                epoch: row.count("epoch")?,
                sealed,
                message: row.optional_id("id")?,
            });
        }
        Ok(posts)
    }
}

impl Tx<'_> {
    /// A content that waited for a room was sealed for an epoch. The state that sealed it belongs
    /// into the same transaction. One that was sealed before keeps its envelope
    /// ([`super::Waiting::envelope`]).
    pub fn post(
        &self,
        waiting: u64,
        envelope: EnvelopeId,
        epoch: u64,
        sealed: &[u8],
    ) -> Result<(), VaultError> {
        let position = integer(waiting)?;
        let posted = self.change(
            "INSERT INTO posts (position, room, envelope, epoch, sealed, message, content)
             SELECT position, conversation, ?2, ?3, ?4, message, content FROM waiting
             WHERE position = ?1",
            params![position, envelope.0, integer(epoch)?, sealed],
        )?;
        if posted == 0 {
            return Err(VaultError::NoSuchMessage);
        }
        self.change("DELETE FROM waiting WHERE position = ?1", [position])?;
        Ok(())
    }

    /// A room is in this epoch: what is sealed for another, and not taken, waits to be sealed again,
    /// in its order. Gives how many contents that are.
    pub fn unpost(&self, room: RoomId, epoch: u64) -> Result<usize, VaultError> {
        let (place, epoch) = (key(room.into()), integer(epoch)?);
        let waiting = self.change(
            "INSERT INTO waiting (position, conversation, message, content, envelope)
             SELECT position, room, message, content, envelope FROM posts
             WHERE room = ?1 AND epoch <> ?2 AND taken = 0",
            params![place, epoch],
        )?;
        let sql = "DELETE FROM posts WHERE room = ?1 AND epoch <> ?2 AND taken = 0";
        self.change(sql, params![place, epoch])?;
        Ok(waiting)
    }

    /// The relay has taken a post: it is not sent again. The message, if its state changed by it; its
    /// place it gets only when the log brings it ([`Tx::settle_post`]).
    pub fn acknowledge_post(
        &self,
        envelope: EnvelopeId,
        now: Timestamp,
    ) -> Result<Option<Message>, VaultError> {
        let sql = "UPDATE posts SET taken = 1, sealed = x'', content = x''
             WHERE envelope = ?1 AND taken = 0 RETURNING message";
        match self.message_of(sql, envelope)?.as_slice() {
            [Some(position)] if self.raise_state(*position, Reached::Relay, now)? => {
                self.message_at(*position).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The room's log has brought an own envelope. That may be before its acknowledgement, and while
    /// it waits to be sealed again.
    pub fn settle_post(&self, envelope: EnvelopeId, now: Timestamp) -> Result<Settled, VaultError> {
        let posted = "DELETE FROM posts WHERE envelope = ?1 RETURNING message";
        let waiting = "DELETE FROM waiting WHERE envelope = ?1 RETURNING message";
        let mut found = self.message_of(posted, envelope)?;
        if found.is_empty() {
            found = self.message_of(waiting, envelope)?;
        }
        match found.as_slice() {
            [] => Ok(Settled::Unknown),
            [Some(position), ..] => {
                self.settle_at(*position, now)?;
                Ok(Settled::Message(Box::new(self.message_at(*position)?)))
            }
            [None, ..] => Ok(Settled::Hidden),
        }
    }

    /// This device has lost its place in a room's log: what the relay has taken will not come back,
    /// and stands where the log is now. Gives the messages.
    pub fn settle_taken(&self, room: RoomId, now: Timestamp) -> Result<Vec<Message>, VaultError> {
        let mut taken = self.change_rows(
            "DELETE FROM posts WHERE room = ?1 AND taken = 1 RETURNING position, message",
            [key(room.into())],
            |row| Ok((row.get::<_, i64>("position")?, row.get::<_, Option<i64>>("message")?)),
        )?;
        // RETURNING promises no order.
        taken.sort_unstable();
        let mut settled = Vec::new();
        for position in taken.into_iter().filter_map(|(_, message)| message) {
            self.settle_at(position, now)?;
            settled.push(self.message_at(position)?);
        }
        Ok(settled)
    }

    /// The relay will not take a post: its message, if it has one, has failed.
    pub fn fail_post(
        &self,
        envelope: EnvelopeId,
        why: &FailReason,
    ) -> Result<Option<Message>, VaultError> {
        let sql = "DELETE FROM posts WHERE envelope = ?1 RETURNING message";
        match self.message_of(sql, envelope)?.as_slice() {
            [Some(position)] => {
                self.set_failed(*position, why)?;
                self.message_at(*position).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The position of the message that a statement over one envelope gives back, if it has one;
    /// nothing if there is no such envelope.
    fn message_of(&self, sql: &str, envelope: EnvelopeId) -> Result<Vec<Option<i64>>, VaultError> {
        self.change_rows(sql, [envelope.0], |row| Ok(row.get("message")?))
    }
}

#[cfg(test)]
mod tests {
    use sotto_proto::content::{Delete, Receipt, ReceiptState, Timer};

    use super::super::{
        Page, Waiting,
        tests::{Fixture, NOW, ROOM, content, envelope, id, write_text},
    };
    use super::*;
    use crate::model::MessageState;

    fn waiting(fixture: &Fixture) -> Vec<Waiting> {
        fixture.vault.read(|view| view.waiting(ROOM.into(), 99)).unwrap()
    }

    fn posts(fixture: &Fixture) -> Vec<Post> {
        fixture.vault.read(|view| view.posts(0, 99, usize::MAX)).unwrap()
    }

    /// Seals all that waits, in envelopes of the contents' numbers unless they have one.
    fn seal(fixture: &mut Fixture, epoch: u64) {
        let sealed = |tx: &Tx<'_>, waiting: &Waiting| {
            let envelope = waiting.envelope.unwrap_or(EnvelopeId(waiting.content.id.0));
            tx.post(waiting.position, envelope, epoch, &epoch.to_be_bytes())
        };
        fixture
            .vault
            .write(|tx| {
                let waiting = tx.waiting(ROOM.into(), usize::MAX)?;
                waiting.iter().try_for_each(|waiting| sealed(tx, waiting))
            })
            .unwrap();
    }

    fn settle(fixture: &mut Fixture, number: u32) -> Settled {
        fixture.vault.write(|tx| tx.settle_post(envelope(number), NOW)).unwrap()
    }

    fn places(fixture: &Fixture) -> Vec<MessageId> {
        let read = |view: &View| view.history(ROOM.into(), Page::Latest, 99);
        fixture.vault.read(read).unwrap().iter().map(|message| message.id).collect()
    }

    #[test]
    fn a_content_is_sealed_again_for_another_epoch_in_its_order_and_under_its_id() {
        let mut fixture = Fixture::with_room();
        for number in 1..=3 {
            write_text(&mut fixture, number, "hello");
        }
        seal(&mut fixture, 7);
        write_text(&mut fixture, 4, "later");
        let before = posts(&fixture);
        assert_eq!(before[0].message, Some(id(1)));
        assert_eq!((before.len(), before[0].epoch, before[0].room), (3, 7, ROOM));
        fixture.reopen();
        assert_eq!(posts(&fixture), before);
        let unpost = |fixture: &mut Fixture, epoch| {
            fixture.vault.write(|tx| tx.unpost(ROOM, epoch)).unwrap()
        };
        assert_eq!(unpost(&mut fixture, 7), 0);
        fixture.vault.write(|tx| tx.acknowledge_post(envelope(2), NOW)).unwrap().unwrap();
        assert_eq!(unpost(&mut fixture, 8), 2);
        let again = waiting(&fixture);
        let kept: Vec<_> = again.iter().map(|waiting| waiting.envelope).collect();
        assert_eq!(kept, [Some(envelope(1)), Some(envelope(3)), None]);
        seal(&mut fixture, 8);
        let after = posts(&fixture);
        let order: Vec<_> = after.iter().map(|post| (post.envelope, post.epoch)).collect();
        assert_eq!(order, [(envelope(1), 8), (envelope(3), 8), (envelope(4), 8)]);
        assert_eq!(after[0].sealed, 8_u64.to_be_bytes());
        fixture
            .vault
            .read(|view| {
                assert_eq!(view.posts(after[0].position, 99, usize::MAX)?, after[1..]);
                assert_eq!(view.posts(0, 1, usize::MAX)?, after[..1]);
                assert_eq!(view.posts(0, 99, 0)?, after[..1]);
                assert_eq!(view.waiting_rooms()?, []);
                Ok::<_, VaultError>(())
            })
            .unwrap();
    }

    #[test]
    fn what_the_log_brings_takes_its_place_whatever_was_known_of_it() {
        let mut fixture = Fixture::with_room();
        for number in 1..=3 {
            write_text(&mut fixture, number, "hello");
        }
        seal(&mut fixture, 7);
        let sent = fixture.vault.write(|tx| tx.acknowledge_post(envelope(3), NOW)).unwrap();
        assert_eq!(sent.unwrap().state, Some(MessageState::Sent));
        let again = fixture.vault.write(|tx| tx.acknowledge_post(envelope(3), NOW)).unwrap();
        assert_eq!(again, None);
        fixture.vault.write(|tx| tx.unpost(ROOM, 8)).unwrap();
        // The first waits again, the third was acknowledged, the second was neither.
        assert!(matches!(settle(&mut fixture, 3), Settled::Message(message)
            if message.id == id(3) && message.state == Some(MessageState::Sent)));
        assert!(matches!(settle(&mut fixture, 1), Settled::Message(_)));
        assert_eq!(settle(&mut fixture, 1), Settled::Unknown);
        assert_eq!(places(&fixture), [id(3), id(1), id(2)]);
        assert_eq!(waiting(&fixture).len(), 1);
    }

    #[test]
    fn an_event_takes_its_place_with_its_content_and_a_receipt_has_none() {
        let mut fixture = Fixture::with_room();
        let receipt = Receipt { state: ReceiptState::Read, messages: vec![id(9)] };
        let timer = content(1, Timer { seconds: Some(60) });
        fixture
            .vault
            .write(|tx| {
                tx.queue_timer(ROOM.into(), &timer, NOW)?;
                tx.queue_content(ROOM.into(), &content(2, receipt))
            })
            .unwrap();
        seal(&mut fixture, 1);
        assert_eq!(settle(&mut fixture, 2), Settled::Hidden);
        assert!(matches!(settle(&mut fixture, 1), Settled::Message(event)
            if event.id == id(1) && event.state.is_none()));
    }

    #[test]
    fn a_post_that_is_refused_fails_its_message() {
        let mut fixture = Fixture::with_room();
        write_text(&mut fixture, 1, "hello");
        seal(&mut fixture, 1);
        let reason = FailReason::TooLarge;
        let failed = fixture.vault.write(|tx| tx.fail_post(envelope(1), &reason)).unwrap();
        assert_eq!(failed.unwrap().state, Some(MessageState::Failed { reason }));
        assert!(posts(&fixture).is_empty());
        fixture.vault.write(|tx| tx.retry(ROOM.into(), id(1))).unwrap();
        assert_eq!(waiting(&fixture).len(), 1);
    }

    #[test]
    fn a_message_that_may_have_left_is_deleted_behind_it() {
        let mut fixture = Fixture::with_room();
        for number in 1..=2 {
            write_text(&mut fixture, number, "oops");
            seal(&mut fixture, 1);
        }
        write_text(&mut fixture, 3, "oops");
        fixture.vault.write(|tx| tx.acknowledge_post(envelope(1), NOW)).unwrap();
        fixture.vault.write(|tx| tx.unpost(ROOM, 2)).unwrap();
        for number in 1..=3 {
            let delete = content(number + 10, Delete { target: id(number) });
            fixture.vault.write(|tx| tx.queue_delete(ROOM.into(), &delete)).unwrap();
        }
        let left: Vec<_> = waiting(&fixture).iter().map(|waiting| waiting.content.id).collect();
        assert_eq!(left, [id(2), id(11), id(12)]);
        assert_eq!(places(&fixture), [id(3), id(1), id(2)]);
    }

    #[test]
    fn what_was_taken_and_will_not_come_back_stands_where_the_log_is() {
        let mut fixture = Fixture::with_room();
        for number in 1..=3 {
            write_text(&mut fixture, number, "hello");
        }
        seal(&mut fixture, 1);
        for number in [2, 3] {
            fixture.vault.write(|tx| tx.acknowledge_post(envelope(number), NOW)).unwrap();
        }
        let settled = fixture.vault.write(|tx| tx.settle_taken(ROOM, NOW)).unwrap();
        let ids: Vec<_> = settled.iter().map(|message| message.id).collect();
        assert_eq!(ids, [id(2), id(3)]);
        assert_eq!(places(&fixture), [id(2), id(3), id(1)]);
        assert_eq!(posts(&fixture).len(), 1);
    }
}
