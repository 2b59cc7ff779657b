//! What waits to be told to a connected device of its rooms.
//!
//! What is said in a room is not here: a room with news is worth reading from where the device stands.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Mutex,
};

use sotto_proto::{RoomId, room::ArrivedRoomSignal};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::online::{lock, renew};

/// The most signals that wait for one device.
const SIGNALS_MAX: usize = 64;

/// A device's rooms, while it is connected.
#[derive(Debug, Default)]
pub(crate) struct RoomPushes {
    waiting: Mutex<Waiting>,
    wake: Notify,
    uplink: Mutex<CancellationToken>,
    downlink: Mutex<CancellationToken>,
}

/// What is told next.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Rooms that are worth reading.
    pub(super) news: BTreeSet<RoomId>,
    /// Rooms that were deleted.
    pub(super) deleted: BTreeSet<RoomId>,
    pub(super) signals: VecDeque<ArrivedRoomSignal>,
}

impl RoomPushes {
    /// The token of a new uplink; the one before ends.
    pub(super) fn new_uplink(&self) -> CancellationToken {
        renew(&self.uplink)
    }

    /// The token of a new downlink; the one before ends. What waited was for the one before.
    pub(super) fn new_downlink(&self) -> CancellationToken {
        let token = renew(&self.downlink);
        *lock(&self.waiting) = Waiting::default();
        token
    }

    /// There is something to read in a room.
    pub(crate) fn news(&self, room: RoomId) {
        self.push(|waiting| {
            waiting.news.insert(room);
        });
    }

    /// A room is no more.
    pub(super) fn deleted(&self, room: RoomId) {
        self.push(|waiting| {
            waiting.deleted.insert(room);
        });
    }

    pub(super) fn signal(&self, signal: ArrivedRoomSignal) {
        self.push(|waiting| {
            if waiting.signals.len() == SIGNALS_MAX {
                waiting.signals.pop_front();
            }
            waiting.signals.push_back(signal);
        });
    }

    pub(super) fn take(&self) -> Waiting {
        std::mem::take(&mut *lock(&self.waiting))
    }

    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    fn push(&self, add: impl FnOnce(&mut Waiting)) {
        add(&mut lock(&self.waiting));
        self.wake.notify_one();
    }
}
