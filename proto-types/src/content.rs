//! Content: what is inside an envelope once opened. Devices alone see it.
//!
//! It travels padded and sealed, so it has no length header of its own.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::{
    codec::{Frame, frame_kinds},
    id::{AccountId, BlobId, MessageId, RoomId, Timestamp},
    limits::{CONTENT_MAX, PICTURE_MAX, TOPIC_MAX},
    name::DisplayName,
};

/// One thing that a device tells another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Names it for receipts, replies, edits and deletions; a repeat is dropped.
    pub id: MessageId,
    /// By the sender's clock.
    pub sent_at: Timestamp,
    /// After how many seconds from being read it disappears on both sides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disappears_after: Option<u32>,
    /// What it is.
    pub body: Body,
}

impl Frame for Content {
    const LIMIT: usize = CONTENT_MAX;
}

frame_kinds! {
    /// What a device tells another.
    Body, limit CONTENT_MAX;
    /// A text message.
    "text" Text(Text),
    /// A file.
    "attachment" Attachment(Attachment),
    /// Replaces the text of an earlier message of the same sender.
    "edit" Edit(Edit),
    /// Deletes an earlier message of the same sender for all.
    "delete" Delete(Delete),
    /// Sets or withdraws the sender's reaction to a message.
    "reaction" Reaction(Reaction),
    /// Messages were delivered or read.
    "receipt" Receipt(Receipt),
    /// The sender is typing, or stopped.
    "typing" Typing(Typing),
    /// Sets how long messages of this conversation live after being read.
    "timer" Timer(Timer),
    /// The recipient's contact request was accepted.
    "accepted" Accepted(Accepted),
    /// The recipient may join a room.
    "room_invite" RoomInvite(RoomInvite),
    /// How the room in which it is said looks from now on.
    "room_profile" RoomProfile(RoomProfile),
}

/// A text message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// At most [`crate::limits::TEXT_MAX`] bytes.
    pub text: String,
    /// The message that this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageId>,
    /// In a room, the people that are mentioned, at most [`crate::limits::MENTIONS_MAX`]: others do
    /// not count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<AccountId>,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Where it is and how to open it.
    pub pointer: AttachmentPointer,
    /// What is said to it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub caption: String,
    /// The message that this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageId>,
    /// In a room, the people that are mentioned, at most [`crate::limits::MENTIONS_MAX`]: others do
    /// not count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<AccountId>,
}

/// Where an attachment is and how to open it. The key in it is a secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachmentPointer {
    /// The blob that holds it.
    pub blob: BlobId,
    /// Opens this blob alone.
    #[serde(with = "serde_bytes")]
    pub key: [u8; 32],
    /// SHA-256 of the blob.
    #[serde(with = "serde_bytes")]
    pub digest: [u8; 32],
    /// Bytes once opened.
    pub size: u64,
    /// The file's name, without a folder.
    pub name: String,
    /// As in RFC 6838, such as `image/png`.
    pub media_type: String,
}

impl fmt::Debug for AttachmentPointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttachmentPointer").field("size", &self.size).finish_non_exhaustive()
    }
}

/// Replaces the text of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// Which message.
    pub target: MessageId,
    /// At most [`crate::limits::TEXT_MAX`] bytes.
    pub text: String,
}

/// Deletes a message for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delete {
    /// Which message.
    pub target: MessageId,
}

/// A reaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaction {
    /// To which message.
    pub target: MessageId,
    /// One emoji of at most 64 bytes; none withdraws.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emoji: Option<String>,
}

/// Messages were delivered or read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// How far they came.
    pub state: ReceiptState,
    /// Which.
    pub messages: Vec<MessageId>,
}

/// How far a message came at its recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptState {
    /// It is in the recipient's vault.
    Delivered,
    /// The recipient has seen it.
    Read,
}

/// Typing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typing {
    /// False when the person stopped.
    pub active: bool,
}

/// The disappearing timer of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timer {
    /// Seconds from being read; none turns it off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
}

/// The contact request was accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {}

/// An invitation to a room, sent by a member in a direct chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomInvite {
    /// Which room.
    pub room: RoomId,
    /// MLS `Welcome` without the tree, of at most [`crate::limits::WELCOME_MAX`] bytes.
    #[serde(with = "serde_bytes")]
    pub welcome: Vec<u8>,
    /// The epoch that the recipient joins in.
    pub epoch: u64,
    /// How the room looks. The picture is left out where there is no room for it.
    pub profile: RoomProfile,
}

/// What a room looks like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomProfile {
    /// What it is called.
    pub name: DisplayName,
    /// What it is about, in at most [`TOPIC_MAX`] bytes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub topic: String,
    /// An encoded image of at most [`PICTURE_MAX`] bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<ByteBuf>,
}

impl RoomProfile {
    /// Whether topic and picture are no larger than they may be.
    pub fn is_within_bounds(&self) -> bool {
        self.topic.len() <= TOPIC_MAX
            && self.picture.as_ref().is_none_or(|picture| picture.len() <= PICTURE_MAX)
    }
}
