//! What a store remembers of rooms: their groups as far as they are public, one log each, who may
//! read it from where to where, and how far every device has read.
//!
//! A store does not understand MLS: whether a commit holds is found out before, over the group that
//! [`RoomStore::group`] gives. What must have one winner (the founding of a group, the commit of an
//! epoch) is decided by the one atomic step that records it.

use async_trait::async_trait;
use sotto_proto::{
    AccountId, DeviceAddress, DisplayName, EnvelopeId, RoomId, Timestamp,
    room::{RoomEntry, RoomPlace},
};

use super::StoreError;

/// A room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomRecord {
    /// Which.
    pub id: RoomId,
    /// How it is listed; none of a room by invitation.
    pub listing: Option<Listing>,
    /// Whether it is the one that the relay has made.
    pub lobby: bool,
    /// The present epoch; none while nobody has founded a group.
    pub epoch: Option<u64>,
    /// The last position of its log.
    pub last: u64,
    /// Bytes of its log.
    pub bytes: u64,
    /// Devices in it.
    pub devices: u32,
    /// People in it.
    pub accounts: u32,
    /// When it was made.
    pub created_at: Timestamp,
}

/// How an open room is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// What it is called.
    pub name: DisplayName,
    /// What it is about.
    pub topic: String,
}

/// What is public of a room's group, in its present epoch.
#[derive(Clone, PartialEq, Eq)]
pub struct RoomGroup {
    /// The epoch.
    pub epoch: u64,
    /// The relay's view of the group, for the check of the next commit.
    pub roster: Vec<u8>,
    /// For those who join.
    pub group_info: Vec<u8>,
}

/// A group that is founded, checked.
#[derive(Clone)]
pub struct Founding {
    /// Of which room.
    pub room: RoomId,
    /// By whom.
    pub by: DeviceAddress,
    /// The group.
    pub group: RoomGroup,
    /// How the room is listed.
    pub listing: Option<Listing>,
}

/// A commit, checked against the group of the epoch before.
#[derive(Clone)]
pub struct RoomCommit {
    /// To which room.
    pub room: RoomId,
    /// By whom.
    pub from: DeviceAddress,
    /// Chosen by the committer.
    pub id: EnvelopeId,
    /// The commit.
    pub commit: Vec<u8>,
    /// The epoch that it ends.
    pub ends: u64,
    /// The group in the epoch that it begins.
    pub group: RoomGroup,
    /// The devices that are out.
    pub left: Vec<DeviceAddress>,
    /// The devices that are in; one that is in both came back.
    pub joined: Vec<DeviceAddress>,
    /// How the room is listed from now on.
    pub listing: Option<Listing>,
    /// The tree of the new epoch, kept for those who were added by a Welcome.
    pub tree: Option<Vec<u8>>,
}

/// What became of a founding or a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitOutcome {
    /// It is durable in the log at this position.
    At(u64),
    /// It had been accepted before, at this position.
    Repeat(u64),
    /// The room is in another epoch, or has a group.
    Stale,
}

/// Something said in a room, on its way into the log.
#[derive(Clone, Debug)]
pub struct NewPost {
    /// Where.
    pub room: RoomId,
    /// By whom.
    pub from: DeviceAddress,
    /// Chosen by the sender.
    pub id: EnvelopeId,
    /// The epoch that it is sealed in.
    pub epoch: u64,
    /// The ciphertext.
    pub sealed: Vec<u8>,
}

/// What became of a [`NewPost`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posted {
    /// It is durable at this position.
    At(u64),
    /// It had been accepted before; nothing was added.
    Repeat,
    /// It is sealed in another epoch than the present one.
    Stale,
    /// The sender is not in the room, or there is none.
    NotAMember,
}

/// A device's place in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberPlace {
    /// Which room.
    pub room: RoomId,
    /// Where it came in: nothing up to there is for it.
    pub joined: u64,
    /// How far it has read, at least to where it came in.
    pub read: u64,
    /// The last position that it may read; none while it is in the room.
    pub until: Option<u64>,
}

/// Part of a room's log, as one device may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogPage {
    /// Entries without gaps; there may be none.
    Entries {
        /// The position before the first.
        after: u64,
        /// The entries.
        entries: Vec<RoomEntry>,
        /// What stands behind them.
        then: Then,
    },
    /// The device has read all that it may, or was never in the room.
    Ended,
}

/// What stands behind a page of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// There may be more to read now.
    More,
    /// Nothing so far: the device is in the room, and reads what comes next, unless that says that
    /// it is out.
    End,
    /// Nothing for this device any more.
    Out,
}

/// How long the entries of a log are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomRetention {
    /// Entries that every member has read go when they are older than this, in milliseconds…
    pub read_ms: u64,
    /// …or when the log is larger than this.
    pub read_bytes: u64,
    /// Entries go in any case when they are older than this…
    pub unread_ms: u64,
    /// …or when the log is larger than this.
    pub unread_bytes: u64,
}

/// The part of [`super::Store`] that is about rooms; it promises the same.
#[async_trait]
pub trait RoomStore: Send + Sync + 'static {
    /// The relay's one lobby: made with this id unless there is one, and called so from now on.
    async fn lobby(
        &self,
        fresh: RoomId,
        listing: Listing,
        now: Timestamp,
    ) -> Result<RoomId, StoreError>;

    /// Records a group: of a new room, or of one that has none. One winner for each room.
    async fn found_room(
        &self,
        founding: Founding,
        now: Timestamp,
    ) -> Result<CommitOutcome, StoreError>;

    /// Records a commit: the log, the group and who is in the room, all or nothing. One winner for
    /// each epoch.
    async fn commit_room(
        &self,
        commit: RoomCommit,
        now: Timestamp,
    ) -> Result<CommitOutcome, StoreError>;

    /// Appends posts to logs in the given order; what became of each, in that order.
    async fn post_to_rooms(
        &self,
        posts: Vec<NewPost>,
        now: Timestamp,
    ) -> Result<Vec<Posted>, StoreError>;

    /// An account leaves a room with all its devices; whether it was in it. A room whose last device
    /// leaves has no group any more; one by invitation is gone.
    async fn leave_room(
        &self,
        room: RoomId,
        account: AccountId,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Deletes a room with its log.
    async fn delete_room(&self, room: RoomId) -> Result<(), StoreError>;

    /// A room.
    async fn room(&self, room: RoomId) -> Result<Option<RoomRecord>, StoreError>;

    /// What is public of a room's group; none if it has none.
    async fn group(&self, room: RoomId) -> Result<Option<RoomGroup>, StoreError>;

    /// The tree of an epoch that was kept for those who were added then.
    async fn room_tree(&self, room: RoomId, epoch: u64) -> Result<Option<Vec<u8>>, StoreError>;

    /// Where the commit or the post with this id stands in a room's log, while it is there.
    async fn room_entry(&self, room: RoomId, id: EnvelopeId) -> Result<Option<u64>, StoreError>;

    /// Up to `limit` rooms behind `after`, the open ones or all, in the order of their ids; and
    /// whether more follow.
    async fn list_rooms(
        &self,
        after: Option<RoomId>,
        limit: usize,
        only_open: bool,
    ) -> Result<(Vec<RoomRecord>, bool), StoreError>;

    /// The devices that are in a room.
    async fn room_devices(&self, room: RoomId) -> Result<Vec<DeviceAddress>, StoreError>;

    /// A device's place in a room; none if it is not, and was not of late, in it.
    async fn room_place(
        &self,
        room: RoomId,
        device: DeviceAddress,
    ) -> Result<Option<MemberPlace>, StoreError>;

    /// A device's places in all its rooms.
    async fn room_places(&self, device: DeviceAddress) -> Result<Vec<MemberPlace>, StoreError>;

    /// Up to `entries` entries and about `bytes` bytes of a room's log behind position `after`, as
    /// far as the device may read it.
    async fn read_room(
        &self,
        room: RoomId,
        device: DeviceAddress,
        after: u64,
        entries: usize,
        bytes: usize,
    ) -> Result<LogPage, StoreError>;

    /// A device has read logs up to there. It need not be durable at once.
    async fn consume_rooms(
        &self,
        device: DeviceAddress,
        places: Vec<RoomPlace>,
    ) -> Result<(), StoreError>;

    /// Lets old entries of the first room behind `after` go, up to `limit`; that room, unless none is
    /// left: call again behind it.
    async fn expire_room(
        &self,
        after: Option<RoomId>,
        retention: RoomRetention,
        now: Timestamp,
        limit: usize,
    ) -> Result<Option<RoomId>, StoreError>;

    /// Replaces the key package of a device.
    async fn set_key_package(
        &self,
        device: DeviceAddress,
        key_package: Vec<u8>,
    ) -> Result<(), StoreError>;

    /// The key packages of an account's devices.
    async fn key_packages(
        &self,
        account: AccountId,
    ) -> Result<Vec<(DeviceAddress, Vec<u8>)>, StoreError>;
}
