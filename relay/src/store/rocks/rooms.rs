//! Rooms, their groups and who is in them.
//!
//! A room's row counts what is in it; its group, which is large and changes with commits alone, has a
//! row of its own.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use sotto_proto::{AccountId, DeviceAddress, DisplayName, RoomId, Timestamp, limits::ROOMS_MAX};

use super::{
    changes::Changes,
    database::Rows,
    rows::{from_cbor, member_from_row, member_to_row, to_cbor},
    schema::{self, Parts, Table, behind},
    writer::Operation,
};
use crate::store::{
    StoreError,
    rooms::{Listing, MemberPlace, RoomGroup, RoomRecord},
};

pub(super) mod commit;
pub(super) mod log;
pub(super) mod retention;

/// The key of the row in [`Table::Meta`] that names the lobby.
const LOBBY_KEY: &[u8] = b"lobby";

/// What there is of a room.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct RoomRow {
    /// None of a room by invitation.
    name: Option<DisplayName>,
    topic: String,
    lobby: bool,
    epoch: Option<u64>,
    /// The sequence of the next entry of the log.
    next: u64,
    /// The sequence of the first entry that is kept.
    first: u64,
    bytes: u64,
    devices: u32,
    accounts: u32,
    created_at: Timestamp,
}

impl RoomRow {
    fn new(listing: Option<Listing>, created_at: Timestamp) -> Self {
        let mut row = Self {
            name: None,
            topic: String::new(),
            lobby: false,
            epoch: None,
            next: 1,
            first: 1,
            bytes: 0,
            devices: 0,
            accounts: 0,
            created_at,
        };
        row.list(listing);
        row
    }

    fn list(&mut self, listing: Option<Listing>) {
        if let Some(Listing { name, topic }) = listing {
            self.name = Some(name);
            self.topic = topic;
        }
    }

    fn record(self, id: RoomId) -> RoomRecord {
        let Self { name, topic, lobby, epoch, next, bytes, devices, accounts, created_at, .. } =
            self;
        let listing = name.map(|name| Listing { name, topic });
        let last = next.saturating_sub(1);
        RoomRecord { id, listing, lobby, epoch, last, bytes, devices, accounts, created_at }
    }
}

/// A device's place in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MemberRow {
    /// Nothing up to here is for it.
    pub(super) joined: u64,
    /// How far it has read.
    pub(super) read: u64,
    /// The last position that it may read; none while it is in the room.
    pub(super) until: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct GroupRow {
    epoch: u64,
    roster: ByteBuf,
    group_info: ByteBuf,
}

/// Makes the lobby, unless there is one.
pub(super) struct Lobby {
    pub(super) fresh: RoomId,
    pub(super) listing: Listing,
    pub(super) now: Timestamp,
}

impl Operation for Lobby {
    type Output = RoomId;

    fn apply(self, changes: &mut Changes<'_>) -> Result<RoomId, StoreError> {
        let known = changes.get(Table::Meta, LOBBY_KEY)?;
        let id = match known {
            Some(row) => RoomId(Parts::of(&row, "lobby").bytes()?),
            None => self.fresh,
        };
        let mut row = load(changes, id)?.unwrap_or_else(|| RoomRow::new(None, self.now));
        let is_called_so = row.name.as_ref() == Some(&self.listing.name);
        if row.lobby && is_called_so && row.topic == self.listing.topic {
            return Ok(id);
        }
        row.lobby = true;
        row.list(Some(self.listing));
        store(changes, id, &row)?;
        changes.put(Table::Meta, LOBBY_KEY.to_vec(), id.0.to_vec());
        Ok(id)
    }
}

/// Deletes a room.
pub(super) struct Delete(pub(super) RoomId);

impl Operation for Delete {
    type Output = ();

    fn apply(self, changes: &mut Changes<'_>) -> Result<(), StoreError> {
        delete(changes, self.0)
    }
}

/// Deletes a room; the lobby begins anew.
pub(super) fn delete(changes: &mut Changes<'_>, room: RoomId) -> Result<(), StoreError> {
    let row = load(changes, room)?.ok_or(StoreError::NotFound)?;
    remove(changes, room)?;
    if row.lobby {
        // Every relay has one: it begins anew, behind the positions of the one before.
        let listing = row.name.map(|name| Listing { name, topic: row.topic });
        let mut fresh = RoomRow::new(listing, row.created_at);
        fresh.lobby = true;
        fresh.next = row.next;
        fresh.first = row.next;
        store(changes, room, &fresh)?;
    }
    Ok(())
}

/// Removes a room with all that is in it.
fn remove(changes: &mut Changes<'_>, room: RoomId) -> Result<(), StoreError> {
    for (device, _) in members(changes, room)? {
        changes.delete(Table::DeviceRooms, schema::device_room(device, room));
    }
    let prefix = room.0.to_vec();
    for table in [Table::RoomMembers, Table::RoomLog, Table::RoomSeen, Table::RoomTrees] {
        changes.clear(table, prefix.clone());
    }
    changes.delete(Table::RoomGroups, prefix.clone());
    changes.delete(Table::Rooms, prefix);
    Ok(())
}

/// Replaces the key package of a device.
pub(super) struct SetKeyPackage {
    pub(super) device: DeviceAddress,
    pub(super) key_package: Vec<u8>,
}

impl Operation for SetKeyPackage {
    type Output = ();

    fn apply(self, changes: &mut Changes<'_>) -> Result<(), StoreError> {
        let account = super::accounts::load(changes, self.device.account)?.account;
        if !account.devices.iter().any(|known| known.device == self.device.device) {
            return Err(StoreError::NotFound);
        }
        changes.put(Table::KeyPackages, schema::device(self.device), self.key_package);
        Ok(())
    }
}

/// The key packages of an account's devices.
pub(super) fn key_packages(
    rows: &impl Rows,
    account: AccountId,
) -> Result<Vec<(DeviceAddress, Vec<u8>)>, StoreError> {
    let mut found = Vec::new();
    let prefix = account.as_bytes();
    rows.visit(Table::KeyPackages, prefix, &behind(prefix), &mut |key, row| {
        found.push((Parts::of(key, "key package").device()?, row.to_vec()));
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

/// A room's row.
pub(super) fn load(rows: &impl Rows, room: RoomId) -> Result<Option<RoomRow>, StoreError> {
    rows.get(Table::Rooms, &room.0)?.map(|row| from_cbor(&row, "room")).transpose()
}

fn store(changes: &mut Changes<'_>, room: RoomId, row: &RoomRow) -> Result<(), StoreError> {
    changes.put(Table::Rooms, room.0.to_vec(), to_cbor(row)?);
    Ok(())
}

/// A room.
pub(super) fn record(rows: &impl Rows, room: RoomId) -> Result<Option<RoomRecord>, StoreError> {
    Ok(load(rows, room)?.map(|row| row.record(room)))
}

/// A page of rooms, and whether more follow.
pub(super) fn list(
    rows: &impl Rows,
    after: Option<RoomId>,
    limit: usize,
    only_open: bool,
) -> Result<(Vec<RoomRecord>, bool), StoreError> {
    let from = after.map(|room| [room.0.as_slice(), &[0]].concat()).unwrap_or_default();
    let (mut rooms, mut more) = (Vec::new(), false);
    rows.visit(Table::Rooms, &from, &behind(&[]), &mut |key, row| {
        let row: RoomRow = from_cbor(row, "room")?;
        if only_open && row.name.is_none() {
            return Ok(ControlFlow::Continue(()));
        }
        if rooms.len() == limit {
            more = true;
            return Ok(ControlFlow::Break(()));
        }
        rooms.push(row.record(RoomId(Parts::of(key, "room").bytes()?)));
        Ok(ControlFlow::Continue(()))
    })?;
    Ok((rooms, more))
}

/// What is public of a room's group.
pub(super) fn group(rows: &impl Rows, room: RoomId) -> Result<Option<RoomGroup>, StoreError> {
    let Some(row) = rows.get(Table::RoomGroups, &room.0)? else { return Ok(None) };
    let GroupRow { epoch, roster, group_info } = from_cbor(&row, "room group")?;
    let (roster, group_info) = (roster.into_vec(), group_info.into_vec());
    Ok(Some(RoomGroup { epoch, roster, group_info }))
}

fn store_group(
    changes: &mut Changes<'_>,
    room: RoomId,
    group: RoomGroup,
) -> Result<(), StoreError> {
    let RoomGroup { epoch, roster, group_info } = group;
    let row = GroupRow { epoch, roster: roster.into(), group_info: group_info.into() };
    changes.put(Table::RoomGroups, room.0.to_vec(), to_cbor(&row)?);
    Ok(())
}

/// The tree of an epoch.
pub(super) fn tree(
    rows: &impl Rows,
    room: RoomId,
    epoch: u64,
) -> Result<Option<Vec<u8>>, StoreError> {
    rows.get(Table::RoomTrees, &schema::in_room(room, epoch))
}

/// A device's row in a room.
pub(super) fn member(
    rows: &impl Rows,
    room: RoomId,
    device: DeviceAddress,
) -> Result<Option<MemberRow>, StoreError> {
    let row = rows.get(Table::RoomMembers, &schema::room_member(room, device))?;
    row.map(|row| member_from_row(&row)).transpose()
}

/// Every device with a row in a room.
pub(super) fn members(
    rows: &impl Rows,
    room: RoomId,
) -> Result<Vec<(DeviceAddress, MemberRow)>, StoreError> {
    members_within(rows, &room.0)
}

fn members_within(
    rows: &impl Rows,
    prefix: &[u8],
) -> Result<Vec<(DeviceAddress, MemberRow)>, StoreError> {
    let mut found = Vec::new();
    rows.visit(Table::RoomMembers, prefix, &behind(prefix), &mut |key, row| {
        let mut parts = Parts::of(key, "room member");
        parts.bytes::<{ RoomId::LEN }>()?;
        found.push((parts.device()?, member_from_row(row)?));
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

/// The devices of one account with a row in a room.
fn members_of(
    rows: &impl Rows,
    room: RoomId,
    account: AccountId,
) -> Result<Vec<(DeviceAddress, MemberRow)>, StoreError> {
    members_within(rows, &[room.0, account.0].concat())
}

fn store_member(changes: &mut Changes<'_>, room: RoomId, device: DeviceAddress, row: MemberRow) {
    changes.put(Table::RoomMembers, schema::room_member(room, device), member_to_row(row));
    changes.put(Table::DeviceRooms, schema::device_room(device, room), Vec::new());
}

fn remove_member(changes: &mut Changes<'_>, room: RoomId, device: DeviceAddress) {
    changes.delete(Table::RoomMembers, schema::room_member(room, device));
    changes.delete(Table::DeviceRooms, schema::device_room(device, room));
}

/// The rooms that a device has a row in.
pub(super) fn rooms_of(rows: &impl Rows, device: DeviceAddress) -> Result<Vec<RoomId>, StoreError> {
    let prefix = schema::device(device);
    let mut rooms = Vec::new();
    rows.visit(Table::DeviceRooms, &prefix, &behind(&prefix), &mut |key, _| {
        let mut parts = Parts::of(key, "room of a device");
        parts.device()?;
        rooms.push(RoomId(parts.bytes()?));
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(rooms)
}

/// A device's place in a room.
pub(super) fn place(
    rows: &impl Rows,
    room: RoomId,
    device: DeviceAddress,
) -> Result<Option<MemberPlace>, StoreError> {
    let row = member(rows, room, device)?;
    Ok(row.map(|row| MemberPlace { room, joined: row.joined, read: row.read, until: row.until }))
}

/// A device's places in all its rooms.
pub(super) fn places(
    rows: &impl Rows,
    device: DeviceAddress,
) -> Result<Vec<MemberPlace>, StoreError> {
    let mut places = Vec::new();
    for room in rooms_of(rows, device)? {
        places.extend(place(rows, room, device)?);
    }
    Ok(places)
}

/// Refuses a device that is in as many rooms as it may.
fn require_place(rows: &impl Rows, device: DeviceAddress) -> Result<(), StoreError> {
    if rooms_of(rows, device)?.len() < ROOMS_MAX { Ok(()) } else { Err(StoreError::TooMany) }
}
