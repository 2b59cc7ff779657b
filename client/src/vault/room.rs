//! Rooms: what they look like, where this account stands with them, and how far their logs are in
//! this vault. What is said in them is with the messages, who is in them in [`super::member`].

use std::path::PathBuf;

use rusqlite::{Params, Row, params};
use sotto_proto::{AccountId, RoomId, Timestamp, content::RoomProfile};

use super::{
    Tx, VaultError, View,
    value::{Columns, integer, key, millis, room_kind, room_state},
};
use crate::model::{ConversationEvent, Room, RoomKind, RoomState};

/// A room to put into the vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRoom {
    /// Which.
    pub id: RoomId,
    /// Who may join it.
    pub kind: RoomKind,
    /// What it looks like.
    pub profile: RoomProfile,
    /// Where this account stands with it.
    pub state: RoomState,
    /// Whether this account is one of its admins.
    pub is_admin: bool,
    /// Who invited this account.
    pub invited_by: Option<AccountId>,
    /// Up to which position this device needs nothing of its log.
    pub cursor: u64,
    /// When this account joined.
    pub joined_at: Option<Timestamp>,
}

macro_rules! select_rooms {
    ($rest:literal) => {
        concat!(
            "SELECT r.id, r.kind, r.name, r.topic, r.picture IS NOT NULL AS has_picture, r.state,
                r.own_role, r.invited_by,
                (SELECT count(*) FROM room_members m
                    WHERE m.room = r.id AND m.devices > 0) AS members
             FROM rooms r ",
            $rest
        )
    };
}

impl View {
    /// A room.
    pub fn room(&self, room: RoomId) -> Result<Option<Room>, VaultError> {
        self.row(select_rooms!("WHERE r.id = ?1"), [key(room.into())], read_room)
    }

    /// All rooms of all states, by name.
    pub fn rooms(&self) -> Result<Vec<Room>, VaultError> {
        self.rows(select_rooms!("ORDER BY r.name, r.id"), [], read_room)
    }

    /// The picture of a room, as it was encoded by whoever set it.
    pub fn room_picture(&self, room: RoomId) -> Result<Option<Vec<u8>>, VaultError> {
        let sql = "SELECT picture FROM rooms WHERE id = ?1";
        Ok(self.row(sql, [key(room.into())], |row| Ok(row.get(0)?))?.flatten())
    }

    /// Up to which position a room's log is in this vault.
    pub fn room_cursor(&self, room: RoomId) -> Result<u64, VaultError> {
        let sql = "SELECT cursor FROM rooms WHERE id = ?1";
        let cursor = self.row(sql, [key(room.into())], |row| row.count("cursor"))?;
        cursor.ok_or(VaultError::NoSuchRoom)
    }

    /// The rooms that this account is in, and up to which position their logs are in this vault.
    pub fn room_cursors(&self) -> Result<Vec<(RoomId, u64)>, VaultError> {
        let sql = "SELECT id, cursor FROM rooms WHERE state = 'joined' ORDER BY id";
        self.rows(sql, [], |row| Ok((row.room("id")?, row.count("cursor")?)))
    }

    pub(super) fn require_room(&self, room: RoomId) -> Result<Room, VaultError> {
        self.room(room)?.ok_or(VaultError::NoSuchRoom)
    }
}

impl Tx<'_> {
    /// Adds a room, or replaces what is known of it; its messages, people, draft and timer stay.
    pub fn put_room(&self, new: &NewRoom) -> Result<Room, VaultError> {
        self.insert_conversation(new.id.into())?;
        let picture = new.profile.picture.as_ref().map(|picture| picture.as_slice());
        self.change(
            "INSERT INTO rooms (id, kind, name, topic, picture, state, own_role, invited_by,
                cursor, joined_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT DO UPDATE SET kind = excluded.kind, name = excluded.name,
                topic = excluded.topic, picture = excluded.picture, state = excluded.state,
                own_role = excluded.own_role, invited_by = excluded.invited_by,
                cursor = excluded.cursor, joined_at = excluded.joined_at",
            params![
                key(new.id.into()),
                room_kind(new.kind),
                new.profile.name.as_str(),
                new.profile.topic,
                picture,
                room_state(new.state),
                own_role(new.is_admin),
                new.invited_by.map(|account| account.0),
                integer(new.cursor)?,
                new.joined_at.map(millis),
            ],
        )?;
        self.require_room(new.id)
    }

    /// Where this account stands with a room. Nothing of its history goes.
    pub fn set_room_state(&self, room: RoomId, state: RoomState) -> Result<(), VaultError> {
        self.change_room(
            "UPDATE rooms SET state = ?2 WHERE id = ?1",
            params![key(room.into()), room_state(state)],
        )
    }

    /// What a room looks like from now on. Gives what has changed by it, the name before the topic
    /// and the topic before the picture; none if it looked so already.
    pub fn set_room_profile(
        &self,
        room: RoomId,
        profile: &RoomProfile,
    ) -> Result<Option<ConversationEvent>, VaultError> {
        let before = self.require_room(room)?;
        let picture = profile.picture.as_ref().map(|picture| picture.as_slice());
        let event = if before.name != profile.name {
            ConversationEvent::Renamed { name: profile.name.clone() }
        } else if before.topic != profile.topic {
            ConversationEvent::TopicChanged
        } else if self.room_picture(room)?.as_deref() != picture {
            ConversationEvent::PictureChanged
        } else {
            return Ok(None);
        };
        self.change_room(
            "UPDATE rooms SET name = ?2, topic = ?3, picture = ?4 WHERE id = ?1",
            params![key(room.into()), profile.name.as_str(), profile.topic, picture],
        )?;
        Ok(Some(event))
    }

    /// Whether this account is one of a room's admins.
    pub(super) fn set_own_role(&self, room: RoomId, is_admin: bool) -> Result<(), VaultError> {
        self.change_room(
            "UPDATE rooms SET own_role = ?2 WHERE id = ?1",
            params![key(room.into()), own_role(is_admin)],
        )
    }

    /// The log of a room is in this vault up to `sequence`; a lower one than before changes nothing.
    pub fn set_room_cursor(&self, room: RoomId, sequence: u64) -> Result<(), VaultError> {
        self.change_room(
            "UPDATE rooms SET cursor = max(cursor, ?2) WHERE id = ?1",
            params![key(room.into()), integer(sequence)?],
        )
    }

    /// Removes a room with all that was said in it; files that are no longer needed.
    pub fn remove_room(&self, room: RoomId) -> Result<Vec<PathBuf>, VaultError> {
        let files = self.remove_history(room.into())?;
        self.change("DELETE FROM conversations WHERE id = ?1", [key(room.into())])?;
        Ok(files)
    }

    fn change_room(&self, sql: &str, params: impl Params) -> Result<(), VaultError> {
        match self.change(sql, params)? {
            0 => Err(VaultError::NoSuchRoom),
            _ => Ok(()),
        }
    }
}

const fn own_role(is_admin: bool) -> &'static str {
    if is_admin { "admin" } else { "member" }
}

fn read_room(row: &Row<'_>) -> Result<Room, VaultError> {
    Ok(Room {
        id: row.room("id")?,
        kind: row.room_kind("kind")?,
        name: row.display_name("name")?,
        topic: row.get("topic")?,
        has_picture: row.get("has_picture")?,
        state: row.room_state("state")?,
        is_admin: row.get::<_, String>("own_role")? == own_role(true),
        members: row.get("members")?,
        invited_by: row.optional_id("invited_by")?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Fixture, NOW, ROOM, account, arrive, id, new_room, say, text};
    use super::*;
    use crate::model::{ConversationId, Draft};

    #[test]
    fn a_room_is_kept_with_all_that_is_known_of_it() {
        let mut fixture = Fixture::with_room();
        let picture = || Some(b"an image".to_vec().into());
        fixture
            .vault
            .write(|tx| {
                let room = tx.require_room(ROOM)?;
                assert_eq!((room.name.as_str(), room.members), ("Lighthouse", 3));
                assert!(!room.is_admin && !room.has_picture);
                let draft = Draft { text: "dear all".to_owned(), reply_to: None };
                tx.set_draft(ROOM.into(), Some(&draft))?;
                let again = NewRoom {
                    profile: RoomProfile { picture: picture(), ..new_room().profile },
                    state: RoomState::Left,
                    ..new_room()
                };
                let room = tx.put_room(&again)?;
                assert_eq!((room.state, room.members), (RoomState::Left, 3));
                assert_eq!(tx.room_picture(ROOM)?.as_deref(), Some(&b"an image"[..]));
                assert_eq!(tx.conversation(ROOM.into())?.unwrap().draft, Some(draft));
                assert_eq!(tx.rooms()?, [room]);
                let none = tx.set_room_state(RoomId([9; 16]), RoomState::Gone);
                assert!(matches!(none, Err(VaultError::NoSuchRoom)));
                Ok::<_, VaultError>(())
            })
            .unwrap();
    }

    #[test]
    fn a_profile_that_changes_something_is_told_and_another_is_not() {
        let mut fixture = Fixture::with_room();
        let before = new_room().profile;
        let renamed = RoomProfile { name: "Pier".parse().unwrap(), ..before };
        let about = RoomProfile { topic: "ships".to_owned(), ..renamed.clone() };
        let seen = RoomProfile { picture: Some(vec![1, 2, 3].into()), ..about.clone() };
        let mut set = |profile: &RoomProfile| {
            fixture.vault.write(|tx| tx.set_room_profile(ROOM, profile)).unwrap()
        };
        let name = renamed.name.clone();
        assert_eq!(set(&renamed), Some(ConversationEvent::Renamed { name }));
        assert_eq!(set(&about), Some(ConversationEvent::TopicChanged));
        assert_eq!(set(&seen), Some(ConversationEvent::PictureChanged));
        assert_eq!(set(&seen), None);
        assert_eq!(set(&about), Some(ConversationEvent::PictureChanged));
    }

    #[test]
    fn the_place_in_a_log_only_rises_and_is_known_of_joined_rooms() {
        let mut fixture = Fixture::with_room();
        fixture
            .vault
            .write(|tx| {
                tx.set_room_cursor(ROOM, 9)?;
                tx.set_room_cursor(ROOM, 4)?;
                assert_eq!(tx.room_cursor(ROOM)?, 9);
                assert_eq!(tx.room_cursors()?, [(ROOM, 9)]);
                tx.set_room_state(ROOM, RoomState::Removed)?;
                assert!(tx.room_cursors()?.is_empty());
                Ok::<_, VaultError>(())
            })
            .unwrap();
    }

    #[test]
    fn a_room_with_the_id_of_a_contact_is_another_conversation() {
        let mut fixture = Fixture::with_contact();
        let twin = RoomId(account(1).0);
        fixture
            .vault
            .write(|tx| {
                tx.put_room(&NewRoom { id: twin, ..new_room() })?;
                tx.set_muted(twin.into(), true)?;
                tx.record_content(twin.into(), account(2), &text(1, "from the room", NOW), NOW)?;
                assert!(!tx.contact(account(1))?.unwrap().muted);
                assert_eq!(tx.conversations()?.len(), 2);
                Ok::<_, VaultError>(())
            })
            .unwrap();
        arrive(&mut fixture, &text(1, "from Bob", NOW));
        let text = |conversation: ConversationId| {
            let message = fixture.vault.read(|view| view.message(conversation, id(1)));
            message.unwrap().unwrap().text().unwrap().to_owned()
        };
        assert_eq!(text(account(1).into()), "from Bob");
        assert_eq!(text(twin.into()), "from the room");
    }

    #[test]
    fn a_removed_room_leaves_nothing() {
        let mut fixture = Fixture::with_room();
        say(&mut fixture, account(2), &text(1, "hello", NOW));
        fixture
            .vault
            .write(|tx| {
                tx.remove_room(ROOM)?;
                assert_eq!(tx.room(ROOM)?, None);
                assert!(tx.conversations()?.is_empty());
                assert!(tx.search("hello", None, 9)?.is_empty());
                assert!(tx.room_people(ROOM)?.is_empty());
                Ok::<_, VaultError>(())
            })
            .unwrap();
    }
}
