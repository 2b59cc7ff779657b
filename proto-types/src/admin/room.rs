//! Rooms as an admin sees them: how much there is of each, never who says what.

use serde::{Deserialize, Serialize};

use crate::{
    id::{RoomId, Timestamp},
    name::DisplayName,
};

/// Asks for a page of all rooms, in the order of their ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomsPage {
    /// Only rooms behind this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<RoomId>,
    /// How many at most, up to [`crate::limits::ADMIN_PAGE_MAX`].
    pub limit: u16,
}

/// A room by its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// Its id.
    pub room: RoomId,
}

/// A page of the rooms.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rooms {
    /// In the order of their ids.
    pub rooms: Vec<RoomLine>,
    /// Whether rooms follow behind the last.
    pub more: bool,
}

/// A room as an admin sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomLine {
    /// Its id.
    pub room: RoomId,
    /// How it is listed; none of a room by invitation, whose name the relay does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<DisplayName>,
    /// Whether it is the lobby.
    pub lobby: bool,
    /// People in it.
    pub people: u32,
    /// Devices in it.
    pub devices: u32,
    /// The bytes of what is kept of its log.
    pub bytes: u64,
    /// When it was made.
    pub created_at: Timestamp,
}
