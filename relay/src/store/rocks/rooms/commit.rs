//! What changes who is in a room: foundings, commits, departures.

use sotto_proto::{AccountId, DeviceAddress, RoomId, Timestamp, room::RoomItem};

use super::{
    super::{
        changes::Changes,
        schema::{self, Table},
        writer::Operation,
    },
    MemberRow, RoomRow, group, load, log, member, members_of, remove, remove_member, require_place,
    rooms_of, store, store_group, store_member,
};
use crate::store::{
    StoreError,
    rooms::{CommitOutcome, Founding, RoomCommit},
};

/// Records a group.
pub(in super::super) struct Found {
    pub(in super::super) founding: Founding,
    pub(in super::super) now: Timestamp,
}

impl Operation for Found {
    type Output = CommitOutcome;

    fn weight(&self) -> usize {
        self.founding.group.roster.len()
    }

    fn apply(self, changes: &mut Changes<'_>) -> Result<CommitOutcome, StoreError> {
        let Self { founding: Founding { room, by, group: fresh, listing }, now } = self;
        let known = load(changes, room)?;
        if let Some(known) = known.as_ref().filter(|known| known.epoch.is_some()) {
            let same = group(changes, room)?.is_some_and(|group| group == fresh);
            // The founding of this very group was accepted, and its answer lost.
            return Ok(if same {
                CommitOutcome::Repeat(known.next - 1)
            } else {
                CommitOutcome::Stale
            });
        }
        require_place(changes, by)?;
        let mut row = match known {
            // The lobby is called as the operator says.
            Some(known) if known.lobby => known,
            Some(mut known) => {
                known.list(listing);
                known
            }
            None => RoomRow::new(listing, now),
        };
        row.epoch = Some(fresh.epoch);
        store_group(changes, room, fresh)?;
        let sequence = log::push(changes, room, &mut row, now, &RoomItem::Founded { by });
        enter(changes, room, &mut row, by, sequence)?;
        store(changes, room, &row)?;
        Ok(CommitOutcome::At(sequence))
    }
}

/// Records a commit.
pub(in super::super) struct Commit {
    pub(in super::super) commit: RoomCommit,
    pub(in super::super) now: Timestamp,
}

impl Operation for Commit {
    type Output = CommitOutcome;

    fn weight(&self) -> usize {
        let tree = self.commit.tree.as_ref().map_or(0, Vec::len);
        self.commit.commit.len() + self.commit.group.roster.len() + tree
    }

    fn apply(self, changes: &mut Changes<'_>) -> Result<CommitOutcome, StoreError> {
        let Self { commit, now } = self;
        let room = commit.room;
        let Some(mut row) = load(changes, room)? else { return Ok(CommitOutcome::Stale) };
        if let Some(sequence) = log::find(changes, room, commit.id)? {
            return Ok(CommitOutcome::Repeat(sequence));
        }
        if row.epoch != Some(commit.ends) {
            return Ok(CommitOutcome::Stale);
        }
        let epoch = commit.group.epoch;
        row.epoch = Some(epoch);
        if !row.lobby {
            row.list(commit.listing);
        }
        store_group(changes, room, commit.group)?;
        if let Some(tree) = commit.tree {
            changes.put(Table::RoomTrees, schema::in_room(room, epoch), tree);
        }
        let item = RoomItem::Commit { from: commit.from, id: commit.id, commit: commit.commit };
        let sequence = log::push(changes, room, &mut row, now, &item);
        for device in commit.left {
            let comes_back = commit.joined.contains(&device);
            go(changes, room, &mut row, device, sequence, comes_back)?;
        }
        for device in commit.joined {
            enter(changes, room, &mut row, device, sequence)?;
        }
        store(changes, room, &row)?;
        Ok(CommitOutcome::At(sequence))
    }
}

/// An account leaves a room.
pub(in super::super) struct Leave {
    pub(in super::super) room: RoomId,
    pub(in super::super) account: AccountId,
    pub(in super::super) now: Timestamp,
}

impl Operation for Leave {
    type Output = bool;

    fn apply(self, changes: &mut Changes<'_>) -> Result<bool, StoreError> {
        let mut was_in = false;
        for (device, row) in members_of(changes, self.room, self.account)? {
            if row.until.is_none() {
                depart(changes, self.room, device, true, self.now)?;
                was_in = true;
            }
        }
        Ok(was_in)
    }
}

/// Takes a device that leaves its account out of its rooms, and off the books on key packages.
pub(in super::super) fn depart_everywhere(
    changes: &mut Changes<'_>,
    device: DeviceAddress,
    now: Timestamp,
) -> Result<(), StoreError> {
    changes.delete(Table::KeyPackages, schema::device(device));
    for room in rooms_of(changes, device)? {
        depart(changes, room, device, false, now)?;
        // Nobody is left who could read it.
        remove_member(changes, room, device);
    }
    Ok(())
}

fn depart(
    changes: &mut Changes<'_>,
    room: RoomId,
    device: DeviceAddress,
    left: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(mut row) = load(changes, room)? else { return Ok(()) };
    if member(changes, room, device)?.is_none_or(|member| member.until.is_some()) {
        return Ok(());
    }
    let sequence = log::push(changes, room, &mut row, now, &RoomItem::Departed { device, left });
    go(changes, room, &mut row, device, sequence, false)?;
    if row.devices > 0 {
        return store(changes, room, &row);
    }
    if row.name.is_none() {
        return remove(changes, room);
    }
    // Whoever comes next founds a new group: nobody is left who has the keys of this one.
    row.epoch = None;
    changes.delete(Table::RoomGroups, room.0.to_vec());
    changes.clear(Table::RoomTrees, room.0.to_vec());
    store(changes, room, &row)
}

fn enter(
    changes: &mut Changes<'_>,
    room: RoomId,
    row: &mut RoomRow,
    device: DeviceAddress,
    sequence: u64,
) -> Result<(), StoreError> {
    require_place(changes, device)?;
    let others = members_of(changes, room, device.account)?;
    let mut present = others.iter().filter(|(_, other)| other.until.is_none()).peekable();
    if present.peek().is_none() {
        row.accounts += 1;
    }
    // One that is in the room already is not counted twice.
    if !present.any(|(known, _)| *known == device) {
        row.devices += 1;
    }
    store_member(
        changes,
        room,
        device,
        MemberRow { joined: sequence, read: sequence, until: None },
    );
    Ok(())
}

fn go(
    changes: &mut Changes<'_>,
    room: RoomId,
    row: &mut RoomRow,
    device: DeviceAddress,
    sequence: u64,
    comes_back: bool,
) -> Result<(), StoreError> {
    let Some(known) = member(changes, room, device)? else { return Ok(()) };
    if known.until.is_some() {
        // It departed before; the commit that removes its leaf is not for it.
        return Ok(());
    }
    row.devices = row.devices.saturating_sub(1);
    if comes_back {
        remove_member(changes, room, device);
    } else {
        store_member(changes, room, device, MemberRow { until: Some(sequence), ..known });
    }
    let others = members_of(changes, room, device.account)?;
    if !others.iter().any(|(_, other)| other.until.is_none()) {
        row.accounts = row.accounts.saturating_sub(1);
    }
    Ok(())
}
