//! The logs of rooms: append, read, consume.

use std::ops::ControlFlow;

use sotto_proto::{
    DeviceAddress, EnvelopeId, RoomId, Timestamp,
    room::{RoomItem, RoomPlace},
};

use super::{
    super::{
        changes::Changes,
        database::Rows,
        rows::{member_to_row, room_entry_from_row, room_entry_to_row},
        schema::{self, Parts, Table},
        writer::Operation,
    },
    MemberRow, RoomRow, load, member, remove_member, store,
};
use crate::store::{
    StoreError,
    rooms::{LogPage, NewPost, Posted, Then},
};

/// Appends posts in their order.
pub(in super::super) struct PostAll {
    pub(in super::super) posts: Vec<NewPost>,
    pub(in super::super) now: Timestamp,
}

impl Operation for PostAll {
    type Output = Vec<Posted>;

    fn weight(&self) -> usize {
        self.posts.iter().map(|post| post.sealed.len()).sum()
    }

    fn apply(self, changes: &mut Changes<'_>) -> Result<Vec<Posted>, StoreError> {
        self.posts.into_iter().map(|post| post_one(changes, post, self.now)).collect()
    }
}

fn post_one(
    changes: &mut Changes<'_>,
    post: NewPost,
    now: Timestamp,
) -> Result<Posted, StoreError> {
    let NewPost { room, from, id, epoch, sealed } = post;
    let Some(mut row) = load(changes, room)? else { return Ok(Posted::NotAMember) };
    if member(changes, room, from)?.is_none_or(|member| member.until.is_some()) {
        return Ok(Posted::NotAMember);
    }
    if changes.get(Table::RoomSeen, &schema::room_seen(room, id))?.is_some() {
        return Ok(Posted::Repeat);
    }
    if row.epoch != Some(epoch) {
        return Ok(Posted::Stale);
    }
    let sequence = push(changes, room, &mut row, now, &RoomItem::Post { from, id, sealed });
    store(changes, room, &row)?;
    Ok(Posted::At(sequence))
}

/// Puts an entry at the end of a log; the position. The row is for the caller to store.
pub(super) fn push(
    changes: &mut Changes<'_>,
    room: RoomId,
    row: &mut RoomRow,
    now: Timestamp,
    item: &RoomItem,
) -> u64 {
    let sequence = row.next;
    let entry = room_entry_to_row(now, item);
    row.next += 1;
    row.bytes += entry.len() as u64;
    if let RoomItem::Commit { id, .. } | RoomItem::Post { id, .. } = item {
        let seen = sequence.to_be_bytes().to_vec();
        changes.put(Table::RoomSeen, schema::room_seen(room, *id), seen);
    }
    changes.put(Table::RoomLog, schema::in_room(room, sequence), entry);
    sequence
}

/// A device has read logs up to there. After a crash it may have read less: entries are delivered
/// again, and the device, which has them, says so again.
pub(in super::super) struct Consume {
    pub(in super::super) device: DeviceAddress,
    pub(in super::super) places: Vec<RoomPlace>,
}

impl Operation for Consume {
    type Output = ();
    const DURABLE: bool = false;

    fn apply(self, changes: &mut Changes<'_>) -> Result<(), StoreError> {
        for RoomPlace { room, up_to } in self.places {
            let (Some(known), Some(row)) =
                (member(changes, room, self.device)?, load(changes, room)?)
            else {
                continue;
            };
            let read = up_to.min(row.next.saturating_sub(1)).max(known.read);
            if known.until.is_some_and(|until| read >= until) {
                remove_member(changes, room, self.device);
            } else if read > known.read {
                let row = member_to_row(MemberRow { read, ..known });
                changes.put(Table::RoomMembers, schema::room_member(room, self.device), row);
            }
        }
        Ok(())
    }
}

/// Where a commit or a post stands.
pub(in super::super) fn find(
    rows: &impl Rows,
    room: RoomId,
    id: EnvelopeId,
) -> Result<Option<u64>, StoreError> {
    let row = rows.get(Table::RoomSeen, &schema::room_seen(room, id))?;
    row.map(|row| Parts::of(&row, "room entry").number()).transpose()
}

/// Part of a log, as a device may see it.
pub(in super::super) fn read(
    rows: &impl Rows,
    room: RoomId,
    device: DeviceAddress,
    after: u64,
    entries: usize,
    bytes: usize,
) -> Result<LogPage, StoreError> {
    let (Some(known), Some(row)) = (member(rows, room, device)?, load(rows, room)?) else {
        return Ok(LogPage::Ended);
    };
    let after = after.max(known.joined).max(row.first.saturating_sub(1));
    if known.until.is_some_and(|until| after >= until) {
        return Ok(LogPage::Ended);
    }
    let end = known.until.map_or(row.next, |until| (until + 1).min(row.next));
    let (mut page, mut size) = (Vec::new(), 0);
    let mut then = if known.until.is_some() { Then::Out } else { Then::End };
    let (from, below) = (schema::in_room(room, after + 1), schema::in_room(room, end));
    rows.visit(Table::RoomLog, &from, &below, &mut |key, row| {
        if page.len() >= entries || (size > 0 && size + row.len() > bytes) {
            then = Then::More;
            return Ok(ControlFlow::Break(()));
        }
        size += row.len();
        let mut parts = Parts::of(key, "room entry");
        parts.bytes::<{ RoomId::LEN }>()?;
        page.push(room_entry_from_row(parts.number()?, row)?);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(LogPage::Entries { after, entries: page, then })
}
