//! Rooms, and the people in them.

use serde::Serialize;
use sotto_proto::{AccountId, DisplayName, IdentityKey, RoomId, Username};

/// A room that this account is or was in, or is invited to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Room {
    /// Which.
    pub id: RoomId,
    /// Who may join it.
    pub kind: RoomKind,
    /// What it is called.
    pub name: DisplayName,
    /// What it is about; may be empty.
    pub topic: String,
    /// Whether it has a picture.
    pub has_picture: bool,
    /// Where this account stands with it.
    pub state: RoomState,
    /// Whether this account is one of its admins.
    pub is_admin: bool,
    /// How many people are in it, as far as known.
    pub members: u32,
    /// Who invited this account.
    pub invited_by: Option<AccountId>,
}

/// Who may join a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomKind {
    /// Anyone on the relay.
    Open,
    /// Whoever a member invites.
    Invite,
}

/// Where this account stands with a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomState {
    /// Invited, and has neither joined nor declined.
    Invited,
    /// In it.
    Joined,
    /// Has left it.
    Left,
    /// Was removed from it.
    Removed,
    /// The room is no more.
    Gone,
}

/// Somebody who is in a room, or was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RoomMember {
    /// Who.
    pub account: AccountId,
    /// The unique name; none before the relay has told it.
    pub username: Option<Username>,
    /// How the person wants to be shown; none before the relay has told it.
    pub display_name: Option<DisplayName>,
    /// How the owner calls the person, if it is a contact with an alias.
    pub alias: Option<String>,
    /// The identity key that its devices in the room are certified by.
    pub identity: IdentityKey,
    /// Whether it is an admin of the room.
    pub is_admin: bool,
    /// Whether it is this account's owner.
    pub is_own: bool,
    /// Whether it is an accepted contact.
    pub is_contact: bool,
    /// How many of its devices are in the room: none if the person is in it no longer.
    pub devices: u32,
}

impl RoomMember {
    /// Whether the person is in the room now.
    pub const fn is_present(&self) -> bool {
        self.devices > 0
    }

    /// The name to show: the alias, the display name, the username, or the beginning of the id.
    pub fn name(&self) -> String {
        let named = self.alias.as_deref();
        let named = named.or(self.display_name.as_ref().map(DisplayName::as_str));
        let named = named.or(self.username.as_ref().map(Username::as_str));
        named.map_or_else(|| nameless(self.account), str::to_owned)
    }
}

/// What somebody is called of whom only the id is known.
pub(crate) fn nameless(account: AccountId) -> String {
    let mut id = account.to_string();
    id.truncate(8);
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_called_by_the_best_name_that_is_known() {
        let mut member = RoomMember {
            account: AccountId([0xab; 16]),
            username: None,
            display_name: None,
            alias: None,
            identity: IdentityKey([1; 32]),
            is_admin: false,
            is_own: false,
            is_contact: false,
            devices: 1,
        };
        assert_eq!(member.name(), "abababab");
        member.username = Some("anna".parse().unwrap());
        assert_eq!(member.name(), "anna");
        member.display_name = Some("Anna".parse().unwrap());
        assert_eq!(member.name(), "Anna");
        member.alias = Some("Annie".to_owned());
        assert_eq!(member.name(), "Annie");
        assert!(member.is_present());
    }
}
