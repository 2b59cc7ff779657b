//! What this device has asked the relay to do to a room and has not seen done, so that a crash on the
//! way loses nothing; and how it stands with the rooms' groups.

use rusqlite::params;
use serde::{Deserialize, Serialize};
use sotto_proto::{AccountId, DeviceAddress, EnvelopeId, Request, RoomId};

use super::{
    Tx, VaultError, View,
    value::{Columns, from_cbor, key, to_cbor},
};

/// Something that the relay was asked to do to a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingCommit {
    /// To which.
    pub room: RoomId,
    /// Names it towards the relay.
    pub id: EnvelopeId,
    /// What kind of thing it is.
    pub kind: CommitKind,
    /// What to ask, and to ask again.
    pub request: Request,
    /// Who is added by it, and to be told when it is done.
    pub invited: Vec<AccountId>,
    /// What they are told.
    pub welcome: Option<serde_bytes::ByteBuf>,
    /// The epoch that it begins.
    pub epoch: u64,
}

/// What kind of thing the relay was asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommitKind {
    /// Change a room that this device is in: done when the log brings it.
    Change,
    /// Let this device in: done when the relay answers.
    Enter,
    /// Found the group: done when the relay answers.
    Found,
}

impl View {
    /// What the relay was asked to do to a room.
    pub fn commit(&self, room: RoomId) -> Result<Option<PendingCommit>, VaultError> {
        self.row("SELECT pending FROM room_commits WHERE room = ?1", [room.0], |row| {
            from_cbor(row.get_ref("pending")?.as_blob().unwrap_or(&[]), "pending")
        })
    }

    /// All that the relay was asked to do.
    pub fn commits(&self) -> Result<Vec<PendingCommit>, VaultError> {
        self.rows("SELECT pending FROM room_commits ORDER BY room", [], |row| {
            from_cbor(row.get_ref("pending")?.as_blob().unwrap_or(&[]), "pending")
        })
    }

    /// The devices in a room's group that the relay serves no longer.
    pub fn departed(&self, room: RoomId) -> Result<Vec<DeviceAddress>, VaultError> {
        let sql = "SELECT account, device FROM room_departed WHERE room = ?1";
        self.rows(sql, [room.0], |row| {
            Ok(DeviceAddress { account: row.id("account")?, device: row.device("device")? })
        })
    }

    /// The rooms that this device has lost its place in.
    pub fn lost_rooms(&self) -> Result<Vec<RoomId>, VaultError> {
        let sql = "SELECT id FROM rooms WHERE lost = 1 AND state = 'joined' ORDER BY id";
        self.rows(sql, [], |row| row.room("id"))
    }

    /// Whether this device has lost its place in a room.
    pub fn is_lost(&self, room: RoomId) -> Result<bool, VaultError> {
        let sql = "SELECT lost FROM rooms WHERE id = ?1";
        Ok(self.row(sql, [key(room.into())], |row| Ok(row.get(0)?))?.unwrap_or(false))
    }
}

impl Tx<'_> {
    /// The relay is going to be asked to do something to a room; it takes the place of what it was
    /// asked before.
    pub fn put_commit(&self, pending: &PendingCommit) -> Result<(), VaultError> {
        self.change(
            "INSERT OR REPLACE INTO room_commits VALUES (?1, ?2, ?3)",
            params![pending.room.0, pending.id.0, to_cbor(pending)?.as_slice()],
        )?;
        Ok(())
    }

    /// The relay has done what it was asked, or will not.
    pub fn drop_commit(&self, room: RoomId) -> Result<(), VaultError> {
        self.change("DELETE FROM room_commits WHERE room = ?1", [room.0])?;
        Ok(())
    }

    /// The relay serves a device in a room no longer.
    pub fn note_departed(&self, room: RoomId, device: DeviceAddress) -> Result<(), VaultError> {
        self.change(
            "INSERT OR REPLACE INTO room_departed VALUES (?1, ?2, ?3)",
            params![room.0, device.account.0, device.device.number()],
        )?;
        Ok(())
    }

    /// A device is in a room's group no longer, or again.
    pub fn forget_departed(&self, room: RoomId, device: DeviceAddress) -> Result<(), VaultError> {
        self.change(
            "DELETE FROM room_departed WHERE room = ?1 AND account = ?2 AND device = ?3",
            params![room.0, device.account.0, device.device.number()],
        )?;
        Ok(())
    }

    /// Forgets all devices that departed from a room.
    pub fn forget_all_departed(&self, room: RoomId) -> Result<(), VaultError> {
        self.change("DELETE FROM room_departed WHERE room = ?1", [room.0])?;
        Ok(())
    }

    /// Whether this device has lost its place in a room, and is to join again.
    pub fn set_lost(&self, room: RoomId, lost: bool) -> Result<(), VaultError> {
        let sql = "UPDATE rooms SET lost = ?2 WHERE id = ?1";
        self.change(sql, params![key(room.into()), lost])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sotto_proto::room::LeaveRoom;

    use super::super::tests::{Fixture, ROOM, account, address, envelope};
    use super::*;

    #[test]
    fn what_the_relay_was_asked_outlives_the_process() {
        let mut fixture = Fixture::with_room();
        let pending = PendingCommit {
            room: ROOM,
            id: envelope(1),
            kind: CommitKind::Change,
            request: LeaveRoom { room: ROOM }.into(),
            invited: vec![account(2)],
            welcome: Some(vec![1, 2, 3].into()),
            epoch: 7,
        };
        fixture.vault.write(|tx| tx.put_commit(&pending)).unwrap();
        fixture.reopen();
        let known = fixture.vault.read(|view| view.commit(ROOM)).unwrap();
        assert_eq!(known, Some(pending.clone()));
        assert_eq!(fixture.vault.read(View::commits).unwrap(), [pending]);
        fixture.vault.write(|tx| tx.drop_commit(ROOM)).unwrap();
        assert!(fixture.vault.read(View::commits).unwrap().is_empty());
    }

    #[test]
    fn departures_and_losses_are_known_until_they_are_mended() {
        let mut fixture = Fixture::with_room();
        fixture
            .vault
            .write(|tx| {
                tx.note_departed(ROOM, address(2, 1))?;
                tx.note_departed(ROOM, address(2, 1))?;
                tx.note_departed(ROOM, address(3, 1))?;
                assert_eq!(tx.departed(ROOM)?.len(), 2);
                tx.forget_departed(ROOM, address(2, 1))?;
                assert_eq!(tx.departed(ROOM)?, [address(3, 1)]);
                tx.forget_all_departed(ROOM)?;
                assert!(tx.departed(ROOM)?.is_empty());
                assert!(!tx.is_lost(ROOM)?);
                tx.set_lost(ROOM, true)?;
                assert_eq!(tx.lost_rooms()?, [ROOM]);
                tx.set_lost(ROOM, false)?;
                assert!(tx.lost_rooms()?.is_empty());
                Ok::<_, VaultError>(())
            })
            .unwrap();
    }
}
