//! Rooms: the relay as their delivery service. It checks commits over what is public of a group, puts
//! them and the posts in one order, and lets each member device read from where it stands.
//!
//! It never sees a name of a room by invitation, nor anything that is said.

mod book;
mod downlink;
mod group;
mod listing;
mod live;
mod tail;
mod uplink;

pub(crate) use self::{
    book::RoomBook,
    downlink::downlink,
    group::{ask, commit, found, leave},
    listing::{ask_key_packages, list, members, publish_key_package},
    live::RoomPushes,
    uplink::uplink,
};

use rand::Rng as _;
use sotto_proto::{DisplayName, ErrorCode, Refusal, RoomId, room::RoomItem};

use crate::{
    server::{now, rng},
    store::{Store, StoreError, rooms::Listing},
};

/// What the lobby is called.
const LOBBY: &str = "Lobby";

/// Makes sure that there is a lobby, or that nothing is left of it if the operator wants none; its id.
pub(crate) async fn prepare_lobby(store: &dyn Store, wanted: bool) -> Result<RoomId, StoreError> {
    let mut fresh = [0; RoomId::LEN];
    rng().fill_bytes(&mut fresh);
    let name = DisplayName::try_from(LOBBY.to_owned()).map_err(|_| StoreError::Corrupt("lobby"))?;
    let listing = Listing { name, topic: String::new() };
    let lobby = store.lobby(RoomId(fresh), listing, now()).await?;
    if !wanted {
        store.delete_room(lobby).await?;
    }
    Ok(lobby)
}

pub(crate) fn no_such_room() -> Refusal {
    Refusal::new(ErrorCode::NoSuchRoom, "there is no such room on this relay")
}

/// The bytes of an entry that count.
const fn weight(item: &RoomItem) -> usize {
    match item {
        RoomItem::Post { sealed, .. } => sealed.len(),
        RoomItem::Commit { commit, .. } => commit.len(),
        RoomItem::Founded { .. } | RoomItem::Departed { .. } => 0,
    }
}

fn not_a_member() -> Refusal {
    Refusal::new(ErrorCode::NotAMember, "this device is not in the room")
}

fn stale() -> Refusal {
    Refusal::new(ErrorCode::StaleEpoch, "the room has gone on to another epoch")
}
