//! Rooms: group conversations as MLS groups (RFC 9420), of which the relay is the delivery service.
//!
//! A room has one log, in which the relay puts commits, posts and departures in one order. It takes a
//! commit, and a post, only of the room's present epoch; so every member sees the same, and what it
//! refuses as [`crate::ErrorCode::StaleEpoch`] is made anew on what came before it. A post is stored
//! once however many read it: each member device reads the log by a position of its own.
//!
//! Handshakes are `PublicMessage`s: the relay checks them and keeps the public tree, so that it can
//! tell who may read and hand the tree to those who join. Posts are `PrivateMessage`s.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::{
    codec::Frame,
    id::{AccountId, DeviceAddress, EnvelopeId, RoomId, Timestamp},
    limits::{BATCH_MAX, FRAME_MAX},
    mailbox::Submitted,
    name::{DisplayName, Username},
};

/// Makes a room with this device as its one member, or founds the group of an open room that has
/// nobody in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundRoom {
    /// Chosen by the founder; also the group's id.
    pub room: RoomId,
    /// MLS `GroupInfo` of the first epoch, without the tree.
    #[serde(with = "serde_bytes")]
    pub group_info: Vec<u8>,
    /// MLS `ratchet_tree` of the first epoch.
    #[serde(with = "serde_bytes")]
    pub tree: Vec<u8>,
}

/// Changes the membership or the policy of a room, or the committer's keys; or joins it (an external
/// commit). Answered by [`Committed`], or by a refusal with [`crate::ErrorCode::StaleEpoch`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitToRoom {
    /// Which.
    pub room: RoomId,
    /// Chosen by the committer; a repeat is answered like the first.
    pub id: EnvelopeId,
    /// An MLS commit as a `PublicMessage`, with every proposal in it by value.
    #[serde(with = "serde_bytes")]
    pub commit: Vec<u8>,
    /// The `GroupInfo` of the epoch that it begins, without the tree.
    #[serde(with = "serde_bytes")]
    pub group_info: Vec<u8>,
}

/// The commit, or the founding, is durable in the room's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Committed {
    /// Where.
    pub sequence: u64,
}

/// Asks for what it takes to join a room. The relay answers [`RoomFound`] and sends the raw bytes of
/// the tree. Of a room by invitation its members alone may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskRoom {
    /// Which.
    pub room: RoomId,
    /// Of an epoch that a Welcome to this device named; else of the present one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
}

/// The bytes of the tree follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomFound {
    /// The `GroupInfo` of the present epoch; none with the tree of an earlier one, and of a room
    /// whose group nobody has founded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_info: Option<ByteBuf>,
    /// The last position of the log.
    pub sequence: u64,
    /// The devices in the present group that the relay serves no longer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub departed: Vec<DeviceAddress>,
    /// How the room is listed, if it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed: Option<ListedRoom>,
    /// How many bytes of `ratchet_tree` follow, at most [`crate::limits::TREE_MAX`].
    pub tree_size: u32,
}

/// Asks for a page of the open rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListRooms {
    /// Only rooms behind this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<RoomId>,
    /// How many at most, up to [`crate::limits::ROOMS_PAGE_MAX`].
    pub limit: u16,
}

/// An open room in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedRoom {
    /// Which.
    pub room: RoomId,
    /// What it is called.
    pub name: DisplayName,
    /// What it is about.
    #[serde(default)]
    pub topic: String,
    /// How many people are in it.
    pub members: u32,
    /// Whether it is the one that every relay has.
    #[serde(default)]
    pub lobby: bool,
}

/// A page of the open rooms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rooms {
    /// In the order of their ids.
    pub rooms: Vec<ListedRoom>,
    /// Whether rooms follow behind the last.
    pub more: bool,
}

/// This account leaves a room, with all its devices. Answered by [`crate::Done`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaveRoom {
    /// Which.
    pub room: RoomId,
}

/// Asks how the people in a room are called; a member may, and anyone of an open room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListMembers {
    /// Which.
    pub room: RoomId,
    /// Only accounts behind this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<AccountId>,
}

/// Somebody in a room. The group says who is in it; this says how they are called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedMember {
    /// Who.
    pub account: AccountId,
    /// The unique name.
    pub username: Username,
    /// How the person is shown.
    pub display_name: DisplayName,
}

/// A page of a room's people, of at most [`crate::limits::MEMBERS_PAGE_MAX`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Members {
    /// In the order of their accounts.
    pub members: Vec<ListedMember>,
    /// Whether others follow behind the last.
    pub more: bool,
}

/// Leaves an MLS key package of this connection's device with the directory, in place of the one
/// before. Answered by [`crate::Done`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishKeyPackage {
    /// At most [`crate::limits::KEY_PACKAGE_MAX`] bytes; it may be used more than once.
    #[serde(with = "serde_bytes")]
    pub key_package: Vec<u8>,
}

/// Asks for the key packages of all devices of some accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskKeyPackages {
    /// At most [`crate::limits::KEY_PACKAGES_MAX`].
    pub accounts: Vec<AccountId>,
}

/// The key package of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceKeyPackage {
    /// Whose.
    pub device: DeviceAddress,
    /// As it was published.
    #[serde(with = "serde_bytes")]
    pub key_package: Vec<u8>,
}

/// Opens the stream that carries posts up: the client then sends [`RoomSubmission`]s, the relay
/// answers each that has posts with a [`RoomAcknowledgement`], in order. One a connection; a newer one
/// ends the older.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenRoomUplink {}

/// Something that is said in a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Post {
    /// Chosen by the sender; a repeat is dropped.
    pub id: EnvelopeId,
    /// Where.
    pub room: RoomId,
    /// An MLS `PrivateMessage` of the room's present epoch, of at most [`crate::limits::SEALED_MAX`]
    /// bytes.
    #[serde(with = "serde_bytes")]
    pub sealed: Vec<u8>,
}

/// Something for this moment only (typing): pushed to the members that are online, else dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomSignal {
    /// Where.
    pub room: RoomId,
    /// Opaque ciphertext of at most [`crate::limits::SIGNAL_MAX`] bytes.
    #[serde(with = "serde_bytes")]
    pub sealed: Vec<u8>,
}

/// A batch of posts up, in the order in which they are to stand in their rooms.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomSubmission {
    /// To be kept. At most [`crate::limits::SUBMISSION_MAX`].
    #[serde(default)]
    pub posts: Vec<Post>,
    /// Not to be kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signals: Vec<RoomSignal>,
}

impl Frame for RoomSubmission {
    const LIMIT: usize = BATCH_MAX;
}

/// What became of the posts of one submission.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomAcknowledgement {
    /// In the order of the submission.
    pub posts: Vec<Submitted>,
}

impl Frame for RoomAcknowledgement {
    const LIMIT: usize = FRAME_MAX;
}

/// Opens the stream that carries rooms down: the relay sends [`RoomDelivery`]s, the client answers
/// with [`RoomsConsumed`]. One a connection; a newer one ends the older.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenRoomDownlink {
    /// The rooms that this device follows, and how far it has their logs. At most
    /// [`crate::limits::ROOMS_MAX`].
    #[serde(default)]
    pub rooms: Vec<RoomPlace>,
}

/// A position in a room's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomPlace {
    /// Which room.
    pub room: RoomId,
    /// Everything up to and with this entry.
    pub up_to: u64,
}

/// An entry of a room's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomEntry {
    /// The position: each is one more than the one before.
    pub sequence: u64,
    /// When the relay accepted it.
    pub accepted_at: Timestamp,
    /// What it is.
    pub item: RoomItem,
}

/// What a room's log holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomItem {
    /// The group was founded; the founder is its one member.
    Founded {
        /// Who.
        by: DeviceAddress,
    },
    /// A commit: the epoch that it begins follows.
    Commit {
        /// Who committed.
        from: DeviceAddress,
        /// Chosen by the committer.
        id: EnvelopeId,
        /// As it was sent.
        #[serde(with = "serde_bytes")]
        commit: Vec<u8>,
    },
    /// Something that was said.
    Post {
        /// Who sent it: the device that was logged in.
        from: DeviceAddress,
        /// Chosen by the sender.
        id: EnvelopeId,
        /// As it was sent.
        #[serde(with = "serde_bytes")]
        sealed: Vec<u8>,
    },
    /// The relay serves this device no longer in this room; any member may commit its removal, and
    /// does so before it says anything.
    Departed {
        /// Who.
        device: DeviceAddress,
        /// Whether its account left the room; else the device left its account.
        left: bool,
    },
}

/// Entries of one room's log, in order and without gaps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomPage {
    /// Which room.
    pub room: RoomId,
    /// The position before the first entry. Where it lies behind what the device has, the relay has
    /// let go what stood in between.
    pub after: u64,
    /// The entries.
    pub entries: Vec<RoomEntry>,
}

/// A signal that arrives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArrivedRoomSignal {
    /// In which room.
    pub room: RoomId,
    /// Who sent it.
    pub from: DeviceAddress,
    /// Opaque ciphertext.
    #[serde(with = "serde_bytes")]
    pub sealed: Vec<u8>,
}

/// Something that the relay tells a device of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomNotice {
    /// This device is in this room from here on, and does not follow it.
    Waiting(RoomPlace),
    /// The device has said, of this room, that it had everything up to here, which is more than it
    /// says now: what it remembers is an old copy.
    Ahead(RoomPlace),
    /// The room is over for this device.
    Ended {
        /// Which.
        room: RoomId,
        /// Why.
        why: RoomEnd,
    },
}

/// Why a room is over for a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomEnd {
    /// It is not, or no longer, in it.
    NotAMember,
    /// The room was deleted.
    Deleted,
}

/// A batch down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomDelivery {
    /// Entries of rooms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pages: Vec<RoomPage>,
    /// Signals.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signals: Vec<ArrivedRoomSignal>,
    /// Notices.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<RoomNotice>,
    /// Whether nothing stands behind these entries for now in any room that is followed.
    #[serde(default)]
    pub caught_up: bool,
}

impl Frame for RoomDelivery {
    const LIMIT: usize = BATCH_MAX;
}

/// The device has these rooms up to here in its own vault. A room that it did not follow, it follows
/// from now on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomsConsumed {
    /// At most [`crate::limits::ROOMS_MAX`].
    pub rooms: Vec<RoomPlace>,
}

impl Frame for RoomsConsumed {
    const LIMIT: usize = FRAME_MAX;
}
