//! Who is connected and follows which room, so that news of a room finds them; and what was just said
//! there, so that they need not all look for it in the store.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

use sotto_proto::{
    DeviceAddress, RoomId,
    room::{ArrivedRoomSignal, RoomEntry},
};

use super::tail::{Run, Tail};
use crate::online::{LiveDevice, lock};

type Followers = HashMap<DeviceAddress, Arc<LiveDevice>>;

/// The connected devices by room.
#[derive(Debug, Default)]
pub(crate) struct RoomBook {
    followed: Mutex<HashMap<RoomId, Followers>>,
    tail: Tail,
}

impl RoomBook {
    /// Tells those who follow a room that there is something to read in its log.
    pub(crate) fn wake(&self, room: RoomId) {
        self.tail.cut(room);
        self.each(room, |device| device.rooms.news(room));
    }

    /// Tells those who follow a room that something was said, which is durable.
    pub(super) fn said(&self, room: RoomId, entry: RoomEntry) {
        self.tail.push(room, entry);
        self.each(room, |device| device.rooms.news(room));
    }

    /// What was just said in a room behind a position. Only a device that was in the room at that
    /// position may have it.
    pub(super) fn just_said(
        &self,
        room: RoomId,
        after: u64,
        entries: usize,
        bytes: usize,
    ) -> Option<Run> {
        self.tail.behind(room, after, entries, bytes)
    }

    /// The same of several rooms.
    pub(crate) fn wake_all(&self, rooms: impl IntoIterator<Item = RoomId>) {
        for room in rooms {
            self.wake(room);
        }
    }

    /// Tells those who follow a room that it is no more.
    pub(crate) fn deleted(&self, room: RoomId) {
        self.tail.cut(room);
        self.each(room, |device| device.rooms.deleted(room));
    }

    /// Passes a signal on to the others who follow a room.
    pub(super) fn signal(&self, signal: &ArrivedRoomSignal) {
        self.each(signal.room, |device| {
            if device.address != signal.from {
                device.rooms.signal(signal.clone());
            }
        });
    }

    fn each(&self, room: RoomId, act: impl Fn(&LiveDevice)) {
        if let Some(followers) = lock(&self.followed).get(&room) {
            for device in followers.values() {
                act(device);
            }
        }
    }
}

/// The rooms that one downlink follows; dropping it follows none.
pub(super) struct Following<'a> {
    book: &'a RoomBook,
    device: Arc<LiveDevice>,
    rooms: Mutex<HashSet<RoomId>>,
}

impl<'a> Following<'a> {
    pub(super) fn new(book: &'a RoomBook, device: Arc<LiveDevice>) -> Self {
        Self { book, device, rooms: Mutex::default() }
    }

    /// Follows a room from now on.
    pub(super) fn follow(&self, room: RoomId) {
        lock(&self.rooms).insert(room);
        let mut book = lock(&self.book.followed);
        book.entry(room).or_default().insert(self.device.address, Arc::clone(&self.device));
    }

    /// Follows a room no longer.
    pub(super) fn unfollow(&self, room: RoomId) {
        if lock(&self.rooms).remove(&room) {
            self.leave(room);
        }
    }

    fn leave(&self, room: RoomId) {
        let mut book = lock(&self.book.followed);
        let Some(followers) = book.get_mut(&room) else { return };
        // A newer connection of the device may be in this place by now.
        if followers.get(&self.device.address).is_some_and(|known| Arc::ptr_eq(known, &self.device))
        {
            followers.remove(&self.device.address);
        }
        if followers.is_empty() {
            book.remove(&room);
        }
    }
}

impl Drop for Following<'_> {
    fn drop(&mut self) {
        for room in std::mem::take(&mut *lock(&self.rooms)) {
            self.leave(room);
        }
    }
}
