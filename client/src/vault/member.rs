//! The people in a room, who need not be contacts, and those who were in it.

use std::collections::HashMap;

use rusqlite::{Row, params};
use sotto_proto::{AccountId, DisplayName, IdentityKey, RoomId, Username};

use super::{
    Tx, VaultError, View,
    value::{Columns, key},
};
use crate::model::{RoomMember, nameless};

/// Somebody in a room, as the room's group says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewMember {
    /// Who.
    pub account: AccountId,
    /// The identity key that its devices are certified by.
    pub identity: IdentityKey,
    /// Whether it is an admin of the room.
    pub is_admin: bool,
    /// How many of its devices are in the room.
    pub devices: u32,
}

/// How somebody in a room is called, as the relay says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberNames {
    /// Who.
    pub account: AccountId,
    /// The unique name.
    pub username: Username,
    /// How the person wants to be shown.
    pub display_name: DisplayName,
}

macro_rules! select_members {
    ($rest:literal) => {
        concat!(
            "SELECT m.account, m.identity, m.is_admin, m.devices, c.alias,
                coalesce(m.username, c.username, o.username) AS username,
                coalesce(m.display_name, c.display_name, o.display_name) AS display_name,
                o.account IS NOT NULL AS is_own, coalesce(c.state, '') = 'accepted' AS is_contact
             FROM room_members m LEFT JOIN contacts c ON c.account = m.account
                LEFT JOIN own_account o ON o.account = m.account ",
            $rest
        )
    };
}

impl View {
    /// Those who are in a room, by name.
    pub fn room_members(&self, room: RoomId) -> Result<Vec<RoomMember>, VaultError> {
        let sql = select_members!("WHERE m.room = ?1 AND m.devices > 0");
        let mut members = self.rows(sql, [key(room.into())], read_member)?;
        members.sort_by_cached_key(|member| (member.name().to_lowercase(), member.account));
        Ok(members)
    }

    /// Those who are in a room, and those who were: whoever may have said something in it.
    pub fn room_people(&self, room: RoomId) -> Result<Vec<RoomMember>, VaultError> {
        let sql = select_members!("WHERE m.room = ?1 ORDER BY m.account");
        self.rows(sql, [key(room.into())], read_member)
    }

    /// Somebody who is in a room, or was.
    pub fn room_member(
        &self,
        room: RoomId,
        account: AccountId,
    ) -> Result<Option<RoomMember>, VaultError> {
        let sql = select_members!("WHERE m.room = ?1 AND m.account = ?2");
        self.row(sql, params![key(room.into()), account.0], read_member)
    }

    /// The others who are in a room and have no name in it yet.
    pub fn nameless_members(&self, room: RoomId) -> Result<Vec<AccountId>, VaultError> {
        let sql = "SELECT account FROM room_members
                   WHERE room = ?1 AND username IS NULL AND devices > 0
                      AND account NOT IN (SELECT account FROM own_account)
                   ORDER BY account";
        self.rows(sql, [key(room.into())], |row| row.id("account"))
    }

    /// Who is in a room under this username.
    pub fn room_member_by_username(
        &self,
        room: RoomId,
        name: &Username,
    ) -> Result<Option<RoomMember>, VaultError> {
        let sql = select_members!("WHERE m.room = ?1 AND m.username = ?2 AND m.devices > 0");
        self.row(sql, params![key(room.into()), name.as_str()], read_member)
    }

    /// The name to show of whoever said something in a room.
    pub fn member_name(&self, room: RoomId, account: AccountId) -> Result<String, VaultError> {
        if let Some(member) = self.room_member(room, account)? {
            return Ok(member.name());
        }
        let contact = self.contact(account)?;
        Ok(contact.map_or_else(|| nameless(account), |contact| contact.name().to_owned()))
    }

    /// Whether somebody in a room is one of its admins.
    pub(super) fn is_admin(&self, room: RoomId, account: AccountId) -> Result<bool, VaultError> {
        let member = self.room_member(room, account)?;
        Ok(member.is_some_and(|member| member.is_admin && member.is_present()))
    }
}

impl Tx<'_> {
    /// These are in the room, and nobody else. The names of all who were ever in it stay. Whether
    /// this account is an admin goes by its own entry.
    pub fn set_room_members(&self, room: RoomId, members: &[NewMember]) -> Result<(), VaultError> {
        self.require_room(room)?;
        let place = key(room.into());
        // Only what differs is written: in a large room a commit changes few.
        let mut before: HashMap<AccountId, NewMember> = self
            .rows(
                "SELECT account, identity, is_admin, devices FROM room_members WHERE room = ?1",
                [&*place],
                read_new_member,
            )?
            .into_iter()
            .map(|member| (member.account, member))
            .collect();
        for member in members {
            if before.remove(&member.account) == Some(*member) {
                continue;
            }
            self.change(
                "INSERT INTO room_members (room, account, identity, is_admin, devices)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET identity = excluded.identity,
                    is_admin = excluded.is_admin, devices = excluded.devices",
                params![
                    place,
                    member.account.0,
                    member.identity.0,
                    member.is_admin,
                    member.devices,
                ],
            )?;
        }
        for gone in before.values().filter(|member| member.devices > 0 || member.is_admin) {
            self.change(
                "UPDATE room_members SET devices = 0, is_admin = 0
                 WHERE room = ?1 AND account = ?2",
                params![place, gone.account.0],
            )?;
        }
        let own = self.own_id()?;
        match members.iter().find(|member| Some(member.account) == own) {
            Some(member) => self.set_own_role(room, member.is_admin),
            None => Ok(()),
        }
    }

    /// How people in a room are called; somebody who never was in it is passed over.
    pub fn set_member_names(&self, room: RoomId, names: &[MemberNames]) -> Result<(), VaultError> {
        let place = key(room.into());
        for MemberNames { account, username, display_name } in names {
            self.change(
                "UPDATE room_members SET username = ?3, display_name = ?4
                 WHERE room = ?1 AND account = ?2",
                params![place, account.0, username.as_str(), display_name.as_str()],
            )?;
        }
        Ok(())
    }
}

fn read_new_member(row: &Row<'_>) -> Result<NewMember, VaultError> {
    Ok(NewMember {
        account: row.id("account")?,
        identity: row.identity("identity")?,
        is_admin: row.get("is_admin")?,
        devices: row.get("devices")?,
    })
}

fn read_member(row: &Row<'_>) -> Result<RoomMember, VaultError> {
    Ok(RoomMember {
        account: row.id("account")?,
        username: row.optional_username("username")?,
        display_name: row.optional_display_name("display_name")?,
        alias: row.get("alias")?,
        identity: row.identity("identity")?,
        is_admin: row.get("is_admin")?,
        is_own: row.get("is_own")?,
        is_contact: row.get("is_contact")?,
        devices: row.get("devices")?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Fixture, NOW, ROOM, account, new_contact, new_member};
    use super::*;

    fn names(members: &[RoomMember]) -> Vec<String> {
        members.iter().map(RoomMember::name).collect()
    }

    #[test]
    fn members_have_names_of_their_own_or_those_that_the_owner_gave() {
        let mut fixture = Fixture::with_room();
        fixture
            .vault
            .write(|tx| {
                assert_eq!(names(&tx.room_members(ROOM)?), ["carol", "dave", "me"]);
                tx.add_contact(&new_contact(2, "carol"), NOW)?;
                tx.set_alias(account(2), Some("Caro"))?;
                let carol = tx.room_member_by_username(ROOM, &"carol".parse().unwrap())?.unwrap();
                assert_eq!((carol.name(), carol.account), ("Caro".to_owned(), account(2)));
                assert!(carol.is_contact && carol.is_admin && !carol.is_own);
                let me = tx.room_member(ROOM, account(9))?.unwrap();
                assert!(me.is_own && !me.is_contact);
                assert_eq!(tx.member_name(ROOM, account(2))?, "Caro");
                assert_eq!(tx.member_name(ROOM, account(7))?, "07070707");
                Ok::<_, VaultError>(())
            })
            .unwrap();
    }

    #[test]
    fn whoever_left_is_no_member_and_keeps_a_name() {
        let mut fixture = Fixture::with_room();
        fixture
            .vault
            .write(|tx| {
                let own = NewMember { is_admin: true, ..new_member(9) };
                let nameless = new_member(4);
                tx.set_room_members(ROOM, &[own, nameless])?;
                let room = tx.require_room(ROOM)?;
                assert!(room.is_admin);
                assert_eq!(room.members, 2);
                assert_eq!(tx.room_members(ROOM)?.len(), 2);
                let carol = tx.room_member(ROOM, account(2))?.unwrap();
                assert_eq!(carol.name(), "carol");
                assert!(!carol.is_present() && !carol.is_admin);
                assert!(!tx.is_admin(ROOM, account(2))?);
                assert_eq!(tx.room_people(ROOM)?.len(), 4);
                let gone = tx.room_member_by_username(ROOM, &"carol".parse().unwrap())?;
                assert_eq!(gone, None);
                assert_eq!(tx.room_member(ROOM, account(4))?.unwrap().name(), "04040404");
                assert_eq!(tx.nameless_members(ROOM)?, [account(4)]);
                let again = NewMember { devices: 2, ..new_member(2) };
                tx.set_room_members(ROOM, &[own, again])?;
                let carol = tx.room_member(ROOM, account(2))?.unwrap();
                assert_eq!(
                    (carol.devices, carol.is_admin, carol.name()),
                    (2, false, "carol".into())
                );
                assert!(!tx.room_member(ROOM, account(4))?.unwrap().is_present());
                assert!(tx.nameless_members(ROOM)?.is_empty());
                Ok::<_, VaultError>(())
            })
            .unwrap();
    }
}
