//! What of a room's log is let go: what every member has read when it is old or much, the rest later.

use std::ops::ControlFlow;

use sotto_proto::{RoomId, Timestamp, room::RoomItem};

use super::{
    super::{
        changes::Changes,
        database::Rows,
        rows::room_entry_from_row,
        schema::{self, Parts, Table, behind},
        writer::Operation,
    },
    RoomRow, load, members, store,
};
use crate::store::{StoreError, rooms::RoomRetention};

/// Lets entries of one room go.
pub(in super::super) struct Expire {
    pub(in super::super) after: Option<RoomId>,
    pub(in super::super) retention: RoomRetention,
    pub(in super::super) now: Timestamp,
    pub(in super::super) limit: usize,
}

impl Operation for Expire {
    type Output = Option<RoomId>;

    fn apply(self, changes: &mut Changes<'_>) -> Result<Option<RoomId>, StoreError> {
        let Some(room) = next(changes, self.after)? else { return Ok(None) };
        let Some(mut row) = load(changes, room)? else { return Ok(Some(room)) };
        let gone = self.due(changes, room, &row)?;
        if let Some(last) = gone.last() {
            row.first = last.sequence + 1;
            for entry in gone {
                row.bytes = row.bytes.saturating_sub(entry.size);
                if let Some(seen) = entry.seen {
                    changes.delete(Table::RoomSeen, seen);
                }
                changes.delete(Table::RoomLog, schema::in_room(room, entry.sequence));
            }
            store(changes, room, &row)?;
        }
        Ok(Some(room))
    }
}

struct Old {
    sequence: u64,
    size: u64,
    seen: Option<Vec<u8>>,
}

impl Expire {
    fn due(
        &self,
        changes: &Changes<'_>,
        room: RoomId,
        row: &RoomRow,
    ) -> Result<Vec<Old>, StoreError> {
        let RoomRetention { read_ms, read_bytes, unread_ms, unread_bytes } = self.retention;
        let mut slowest = None;
        let (mut bytes, mut due) = (row.bytes, Vec::new());
        let (from, below) = (schema::in_room(room, row.first), schema::in_room(room, row.next));
        changes.visit(Table::RoomLog, &from, &below, &mut |key, value| {
            let mut parts = Parts::of(key, "room entry");
            parts.bytes::<{ RoomId::LEN }>()?;
            let entry = room_entry_from_row(parts.number()?, value)?;
            let age = self.now.since(entry.accepted_at);
            let is_old = age > read_ms || bytes > read_bytes;
            if !is_old || due.len() == self.limit {
                return Ok(ControlFlow::Break(()));
            }
            let slowest = match slowest {
                Some(slowest) => slowest,
                None => *slowest.insert(slowest_read(changes, room)?),
            };
            if entry.sequence > slowest && age <= unread_ms && bytes <= unread_bytes {
                return Ok(ControlFlow::Break(()));
            }
            let size = value.len() as u64;
            bytes = bytes.saturating_sub(size);
            let seen = match entry.item {
                RoomItem::Commit { id, .. } | RoomItem::Post { id, .. } => {
                    Some(schema::room_seen(room, id))
                }
                RoomItem::Founded { .. } | RoomItem::Departed { .. } => None,
            };
            due.push(Old { sequence: entry.sequence, size, seen });
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(due)
    }
}

/// How far the slowest member has read.
fn slowest_read(changes: &Changes<'_>, room: RoomId) -> Result<u64, StoreError> {
    let members = members(changes, room)?;
    Ok(members.into_iter().map(|(_, row)| row.read).min().unwrap_or(u64::MAX))
}

fn next(changes: &Changes<'_>, after: Option<RoomId>) -> Result<Option<RoomId>, StoreError> {
    let from = after.map(|room| [room.0.as_slice(), &[0]].concat()).unwrap_or_default();
    let mut room = None;
    changes.visit(Table::Rooms, &from, &behind(&[]), &mut |key, _| {
        room = Some(RoomId(Parts::of(key, "room").bytes()?));
        Ok(ControlFlow::Break(()))
    })?;
    Ok(room)
}
