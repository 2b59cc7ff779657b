//! Rooms in memory, and the steps that change them.

use std::collections::{BTreeMap, HashMap};

use sotto_proto::{
    AccountId, DeviceAddress, EnvelopeId, RoomId, Timestamp,
    limits::ROOMS_MAX,
    room::{RoomEntry, RoomItem, RoomPlace},
};

use crate::store::{
    StoreError,
    rooms::{
        CommitOutcome, Founding, Listing, LogPage, MemberPlace, NewPost, Posted, RoomCommit,
        RoomGroup, RoomRecord, RoomRetention, Then,
    },
};

#[derive(Default)]
pub(super) struct Rooms {
    pub(super) lobby: Option<RoomId>,
    pub(super) all: BTreeMap<RoomId, Room>,
}

pub(super) struct Room {
    listing: Option<Listing>,
    pub(super) group: Option<RoomGroup>,
    pub(super) trees: HashMap<u64, Vec<u8>>,
    next: u64,
    first: u64,
    log: BTreeMap<u64, RoomEntry>,
    seen: HashMap<EnvelopeId, u64>,
    members: BTreeMap<DeviceAddress, Member>,
    created_at: Timestamp,
}

#[derive(Clone, Copy)]
struct Member {
    joined: u64,
    read: u64,
    until: Option<u64>,
}

impl Member {
    fn is_in(&self) -> bool {
        self.until.is_none()
    }
}

/// Version, kind, time, device and id, as a database would write them.
const ENTRY_HEADER: u64 = 46;

fn size(entry: &RoomEntry) -> u64 {
    let payload = match &entry.item {
        RoomItem::Commit { commit, .. } => commit.len(),
        RoomItem::Post { sealed, .. } => sealed.len(),
        RoomItem::Founded { .. } | RoomItem::Departed { .. } => 0,
    };
    ENTRY_HEADER + payload as u64
}

impl Room {
    fn new(listing: Option<Listing>, created_at: Timestamp) -> Self {
        Self {
            listing,
            group: None,
            trees: HashMap::new(),
            next: 1,
            first: 1,
            log: BTreeMap::new(),
            seen: HashMap::new(),
            members: BTreeMap::new(),
            created_at,
        }
    }

    fn push(&mut self, accepted_at: Timestamp, item: RoomItem) -> u64 {
        let sequence = self.next;
        self.next += 1;
        if let RoomItem::Commit { id, .. } | RoomItem::Post { id, .. } = &item {
            self.seen.insert(*id, sequence);
        }
        self.log.insert(sequence, RoomEntry { sequence, accepted_at, item });
        sequence
    }

    fn bytes(&self) -> u64 {
        self.log.values().map(size).sum()
    }

    pub(super) fn devices(&self) -> Vec<DeviceAddress> {
        let members = self.members.iter().filter(|(_, member)| member.is_in());
        members.map(|(device, _)| *device).collect()
    }

    fn is_member(&self, device: DeviceAddress) -> bool {
        self.members.get(&device).is_some_and(Member::is_in)
    }

    fn enter(&mut self, device: DeviceAddress, sequence: u64) {
        let member = Member { joined: sequence, read: sequence, until: None };
        self.members.insert(device, member);
    }

    fn go(&mut self, device: DeviceAddress, sequence: u64) {
        if let Some(member) = self.members.get_mut(&device).filter(|member| member.is_in()) {
            member.until = Some(sequence);
        }
    }

    fn record(&self, id: RoomId, lobby: bool) -> RoomRecord {
        let devices = self.devices();
        let mut accounts: Vec<AccountId> = devices.iter().map(|device| device.account).collect();
        accounts.dedup();
        let count = |length| u32::try_from(length).unwrap_or(u32::MAX);
        RoomRecord {
            id,
            listing: self.listing.clone(),
            lobby,
            epoch: self.group.as_ref().map(|group| group.epoch),
            last: self.next - 1,
            bytes: self.bytes(),
            devices: count(devices.len()),
            accounts: count(accounts.len()),
            created_at: self.created_at,
        }
    }

    fn read(&self, device: DeviceAddress, after: u64, entries: usize, bytes: usize) -> LogPage {
        let Some(member) = self.members.get(&device) else { return LogPage::Ended };
        let after = after.max(member.joined).max(self.first - 1);
        if member.until.is_some_and(|until| after >= until) {
            return LogPage::Ended;
        }
        let end = member.until.map_or(self.next, |until| until + 1);
        let (mut page, mut total) = (Vec::new(), 0);
        let mut then = if member.is_in() { Then::End } else { Then::Out };
        for entry in self.log.range(after + 1..end.max(after + 1)).map(|(_, entry)| entry) {
            let size = size(entry);
            if page.len() >= entries || (total > 0 && total + size > bytes as u64) {
                then = Then::More;
                break;
            }
            total += size;
            page.push(entry.clone());
        }
        LogPage::Entries { after, entries: page, then }
    }

    fn consume(&mut self, device: DeviceAddress, up_to: u64) {
        let last = self.next - 1;
        let Some(member) = self.members.get_mut(&device) else { return };
        member.read = up_to.min(last).max(member.read);
        if member.until.is_some_and(|until| member.read >= until) {
            self.members.remove(&device);
        }
    }

    fn expire(&mut self, retention: RoomRetention, now: Timestamp, limit: usize) {
        let slowest = self.members.values().map(|member| member.read).min().unwrap_or(u64::MAX);
        for _ in 0..limit {
            let bytes = self.bytes();
            let Some(first) = self.log.first_entry() else { return };
            let age = now.since(first.get().accepted_at);
            let is_old = age > retention.read_ms || bytes > retention.read_bytes;
            let is_too_old = age > retention.unread_ms || bytes > retention.unread_bytes;
            if !is_old || (*first.key() > slowest && !is_too_old) {
                return;
            }
            let (sequence, _) = first.remove_entry();
            self.seen.retain(|_, known| *known != sequence);
            self.first = sequence + 1;
        }
    }
}

impl Rooms {
    pub(super) fn make_lobby(&mut self, fresh: RoomId, listing: Listing, now: Timestamp) -> RoomId {
        let id = *self.lobby.get_or_insert(fresh);
        self.all.entry(id).or_insert_with(|| Room::new(None, now)).listing = Some(listing);
        id
    }

    fn require_place(&self, device: DeviceAddress) -> Result<(), StoreError> {
        let count = self.all.values().filter(|room| room.members.contains_key(&device)).count();
        if count < ROOMS_MAX { Ok(()) } else { Err(StoreError::TooMany) }
    }

    pub(super) fn found(
        &mut self,
        founding: Founding,
        now: Timestamp,
    ) -> Result<CommitOutcome, StoreError> {
        let Founding { room: id, by, group, listing } = founding;
        if let Some(known) = self.all.get(&id)
            && let Some(present) = &known.group
        {
            let same = *present == group;
            return Ok(if same {
                CommitOutcome::Repeat(known.next - 1)
            } else {
                CommitOutcome::Stale
            });
        }
        self.require_place(by)?;
        let is_lobby = self.lobby == Some(id);
        let room = self.all.entry(id).or_insert_with(|| Room::new(listing.clone(), now));
        if !is_lobby && listing.is_some() {
            room.listing = listing;
        }
        room.group = Some(group);
        let sequence = room.push(now, RoomItem::Founded { by });
        room.enter(by, sequence);
        Ok(CommitOutcome::At(sequence))
    }

    pub(super) fn commit(
        &mut self,
        commit: RoomCommit,
        now: Timestamp,
    ) -> Result<CommitOutcome, StoreError> {
        for device in commit.joined.iter().filter(|device| !commit.left.contains(device)) {
            let is_known =
                self.all.get(&commit.room).is_some_and(|room| room.seen.contains_key(&commit.id));
            if !is_known {
                self.require_place(*device)?;
            }
        }
        let is_lobby = self.lobby == Some(commit.room);
        let Some(room) = self.all.get_mut(&commit.room) else { return Ok(CommitOutcome::Stale) };
        if let Some(sequence) = room.seen.get(&commit.id) {
            return Ok(CommitOutcome::Repeat(*sequence));
        }
        if room.group.as_ref().is_none_or(|group| group.epoch != commit.ends) {
            return Ok(CommitOutcome::Stale);
        }
        if let Some(tree) = commit.tree {
            room.trees.insert(commit.group.epoch, tree);
        }
        room.group = Some(commit.group);
        if !is_lobby && commit.listing.is_some() {
            room.listing = commit.listing;
        }
        let item = RoomItem::Commit { from: commit.from, id: commit.id, commit: commit.commit };
        let sequence = room.push(now, item);
        for device in commit.left {
            room.go(device, sequence);
        }
        for device in commit.joined {
            room.enter(device, sequence);
        }
        Ok(CommitOutcome::At(sequence))
    }

    pub(super) fn post(&mut self, post: NewPost, now: Timestamp) -> Posted {
        let NewPost { room, from, id, epoch, sealed } = post;
        let Some(room) = self.all.get_mut(&room) else { return Posted::NotAMember };
        if !room.is_member(from) {
            return Posted::NotAMember;
        }
        if room.seen.contains_key(&id) {
            return Posted::Repeat;
        }
        if room.group.as_ref().is_none_or(|group| group.epoch != epoch) {
            return Posted::Stale;
        }
        Posted::At(room.push(now, RoomItem::Post { from, id, sealed }))
    }

    pub(super) fn leave(&mut self, id: RoomId, account: AccountId, now: Timestamp) -> bool {
        let Some(room) = self.all.get(&id) else { return false };
        let leaving: Vec<DeviceAddress> =
            room.devices().into_iter().filter(|device| device.account == account).collect();
        for device in &leaving {
            self.depart(id, *device, true, now);
        }
        !leaving.is_empty()
    }

    /// A device leaves its account.
    pub(super) fn remove_device(&mut self, device: DeviceAddress, now: Timestamp) {
        let rooms: Vec<RoomId> = self.all.keys().copied().collect();
        for id in rooms {
            self.depart(id, device, false, now);
            if let Some(room) = self.all.get_mut(&id) {
                room.members.remove(&device);
            }
        }
    }

    fn depart(&mut self, id: RoomId, device: DeviceAddress, left: bool, now: Timestamp) {
        let Some(room) = self.all.get_mut(&id).filter(|room| room.is_member(device)) else {
            return;
        };
        let sequence = room.push(now, RoomItem::Departed { device, left });
        room.go(device, sequence);
        if !room.devices().is_empty() {
            return;
        }
        if room.listing.is_none() {
            self.all.remove(&id);
        } else {
            room.group = None;
            room.trees.clear();
        }
    }

    pub(super) fn delete(&mut self, id: RoomId) -> Result<(), StoreError> {
        let room = self.all.remove(&id).ok_or(StoreError::NotFound)?;
        if self.lobby == Some(id) {
            let mut fresh = Room::new(room.listing, room.created_at);
            (fresh.next, fresh.first) = (room.next, room.next);
            self.all.insert(id, fresh);
        }
        Ok(())
    }

    pub(super) fn find(&self, room: RoomId, id: EnvelopeId) -> Option<u64> {
        self.all.get(&room)?.seen.get(&id).copied()
    }

    pub(super) fn record(&self, id: RoomId) -> Option<RoomRecord> {
        self.all.get(&id).map(|room| room.record(id, self.lobby == Some(id)))
    }

    pub(super) fn list(
        &self,
        after: Option<RoomId>,
        limit: usize,
        only_open: bool,
    ) -> (Vec<RoomRecord>, bool) {
        let behind = self.all.iter().filter(|(id, _)| after.is_none_or(|after| **id > after));
        let wanted = behind.filter(|(_, room)| !only_open || room.listing.is_some());
        let mut rooms: Vec<RoomRecord> = wanted
            .take(limit.saturating_add(1))
            .map(|(id, room)| room.record(*id, self.lobby == Some(*id)))
            .collect();
        let more = rooms.len() > limit;
        rooms.truncate(limit);
        (rooms, more)
    }

    pub(super) fn place(&self, room: RoomId, device: DeviceAddress) -> Option<MemberPlace> {
        let member = self.all.get(&room)?.members.get(&device)?;
        let Member { joined, read, until } = *member;
        Some(MemberPlace { room, joined, read, until })
    }

    pub(super) fn places(&self, device: DeviceAddress) -> Vec<MemberPlace> {
        self.all.keys().filter_map(|room| self.place(*room, device)).collect()
    }

    pub(super) fn read(
        &self,
        room: RoomId,
        device: DeviceAddress,
        after: u64,
        (entries, bytes): (usize, usize),
    ) -> LogPage {
        let room = self.all.get(&room);
        room.map_or(LogPage::Ended, |room| room.read(device, after, entries, bytes))
    }

    pub(super) fn consume(&mut self, device: DeviceAddress, places: Vec<RoomPlace>) {
        for RoomPlace { room, up_to } in places {
            if let Some(room) = self.all.get_mut(&room) {
                room.consume(device, up_to);
            }
        }
    }

    pub(super) fn expire(
        &mut self,
        after: Option<RoomId>,
        retention: RoomRetention,
        now: Timestamp,
        limit: usize,
    ) -> Option<RoomId> {
        let (id, room) =
            self.all.iter_mut().find(|(id, _)| after.is_none_or(|after| **id > after))?;
        room.expire(retention, now, limit);
        Some(*id)
    }
}
