//! Rooms, as an admin lists and deletes them.

use sotto_proto::{
    Refusal,
    admin::{Answer, AuditEntry, Room, RoomLine, Rooms, RoomsPage},
};

use super::{done, page_size};
use crate::{
    connection::refusal,
    rooms::no_such_room,
    server::Shared,
    store::{Change, StoreError, rooms::RoomRecord},
};

/// A page of all rooms.
pub(super) async fn list(shared: &Shared, page: RoomsPage) -> Result<Answer, StoreError> {
    let (records, more) = shared.store.list_rooms(page.after, page_size(page.limit), false).await?;
    let shown = records.into_iter().filter(|record| !shared.hides_room(record.id));
    Ok(Answer::Rooms(Rooms { rooms: shown.map(line).collect(), more }))
}

fn line(record: RoomRecord) -> RoomLine {
    let RoomRecord { id, listing, lobby, bytes, devices, accounts, created_at, .. } = record;
    let name = listing.map(|listing| listing.name);
    RoomLine { room: id, name, lobby, people: accounts, devices, bytes, created_at }
}

/// Deletes a room with all that is in it; the lobby begins anew.
pub(super) async fn delete(
    shared: &Shared,
    Room { room }: Room,
    entry: AuditEntry,
) -> Result<Answer, Refusal> {
    if shared.hides_room(room) {
        return Err(no_such_room());
    }
    match shared.store.administer(Change::DeleteRoom(room), entry).await {
        Ok(()) => {
            shared.rooms.deleted(room);
            Ok(done())
        }
        Err(StoreError::NotFound) => Err(no_such_room()),
        Err(error) => Err(refusal(&error)),
    }
}
