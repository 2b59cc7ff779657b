//! Invitations to rooms that have arrived, until they are looked at: to join takes a connection.

use rusqlite::params;
use sotto_proto::{AccountId, RoomId, Timestamp, content::RoomInvite};

use super::{
    Tx, VaultError, View,
    value::{Columns, from_cbor, key, millis, to_cbor},
};

/// An invitation that has arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invite {
    /// Who invites.
    pub by: AccountId,
    /// When it arrived.
    pub arrived_at: Timestamp,
    /// What it says. Nothing of it has been checked.
    pub invite: RoomInvite,
}

impl View {
    /// The invitations that have not been looked at, in the order of arrival.
    pub fn invites(&self) -> Result<Vec<Invite>, VaultError> {
        let sql = "SELECT invited_by, invite, arrived_at FROM room_invites ORDER BY rowid";
        self.rows(sql, [], |row| {
            Ok(Invite {
                by: row.id("invited_by")?,
                arrived_at: row.time("arrived_at")?,
                invite: from_cbor(row.get_ref("invite")?.as_blob().unwrap_or(&[]), "invite")?,
            })
        })
    }
}

impl Tx<'_> {
    /// Whether an invitation of this person to another room waits.
    pub(super) fn is_invited_elsewhere(
        &self,
        by: AccountId,
        room: RoomId,
    ) -> Result<bool, VaultError> {
        let sql =
            "SELECT 1 AS found FROM room_invites WHERE invited_by = ?1 AND room <> ?2 LIMIT 1";
        Ok(self.row(sql, params![by.0, key(room.into())], |_| Ok(()))?.is_some())
    }

    /// Keeps an invitation; a later one of the same person to the same room takes its place.
    pub(super) fn put_invite(
        &self,
        by: AccountId,
        invite: &RoomInvite,
        now: Timestamp,
    ) -> Result<(), VaultError> {
        self.change(
            "INSERT OR REPLACE INTO room_invites (room, invited_by, invite, arrived_at)
             VALUES (?1, ?2, ?3, ?4)",
            params![key(invite.room.into()), by.0, to_cbor(invite)?.as_slice(), millis(now)],
        )?;
        Ok(())
    }

    /// An invitation was looked at.
    pub fn drop_invite(&self, room: RoomId, by: AccountId) -> Result<(), VaultError> {
        self.change(
            "DELETE FROM room_invites WHERE room = ?1 AND invited_by = ?2",
            params![key(room.into()), by.0],
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sotto_proto::limits::{TOPIC_MAX, WELCOME_MAX};

    use super::super::{
        Recorded,
        tests::{Fixture, NOW, ROOM, account, arrive, chat, content, new_contact, new_room, say},
    };
    use super::*;
    use crate::model::ContactState;

    fn invite(epoch: u64) -> RoomInvite {
        let profile = new_room().profile;
        RoomInvite { room: ROOM, welcome: vec![7; 100], epoch, profile }
    }

    #[test]
    fn an_invitation_waits_until_it_is_looked_at() {
        let mut fixture = Fixture::with_contact();
        let invited = arrive(&mut fixture, &content(1, invite(3)));
        assert_eq!(invited, Recorded::Invite { room: ROOM });
        arrive(&mut fixture, &content(2, invite(4)));
        fixture
            .vault
            .write(|tx| {
                tx.add_contact(&new_contact(2, "carol"), NOW)?;
                tx.record_content(chat(2), account(2), &content(3, invite(5)), NOW)
            })
            .unwrap();
        fixture.reopen();
        let waiting = fixture.vault.read(View::invites).unwrap();
        let said: Vec<_> =
            waiting.iter().map(|waiting| (waiting.by, waiting.invite.epoch)).collect();
        assert_eq!(said, [(account(1), 4), (account(2), 5)]);
        assert_eq!(waiting[0].invite, invite(4));
        fixture.vault.write(|tx| tx.drop_invite(ROOM, account(1))).unwrap();
        assert_eq!(fixture.vault.read(View::invites).unwrap(), waiting[1..]);
        assert_eq!(fixture.vault.read(|view| view.room(ROOM)).unwrap(), None);
    }

    #[test]
    fn a_stranger_invites_to_one_room_and_everybody_within_bounds() {
        let mut fixture = Fixture::with_contact();
        let mut large = invite(1);
        large.welcome = vec![0; WELCOME_MAX + 1];
        assert_eq!(arrive(&mut fixture, &content(1, large)), Recorded::Ignored);
        let mut long = invite(1);
        long.profile.topic = "x".repeat(TOPIC_MAX + 1);
        assert_eq!(arrive(&mut fixture, &content(2, long)), Recorded::Ignored);
        fixture.vault.write(|tx| tx.set_contact_state(account(1), ContactState::Request)).unwrap();
        for (id, room, expected) in [
            (3, ROOM, Recorded::Invite { room: ROOM }),
            (4, RoomId([0x77; 16]), Recorded::Ignored),
            (5, ROOM, Recorded::Invite { room: ROOM }),
        ] {
            let invite = RoomInvite { room, ..invite(1) };
            assert_eq!(arrive(&mut fixture, &content(id, invite)), expected);
        }
        fixture.vault.write(|tx| tx.set_contact_state(account(1), ContactState::Blocked)).unwrap();
        assert_eq!(arrive(&mut fixture, &content(6, invite(1))), Recorded::Ignored);
        let mut fixture = Fixture::with_room();
        let inside = say(&mut fixture, account(2), &content(4, invite(1)));
        assert_eq!(inside, Recorded::Ignored);
        assert!(fixture.vault.read(View::invites).unwrap().is_empty());
    }
}
