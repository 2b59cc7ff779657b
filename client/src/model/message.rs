//! Messages: what was said, how far it came, and the files that go with it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sotto_proto::{AccountId, ErrorCode, MessageId, Refusal, Timestamp};

use super::{ConversationEvent, ConversationId, conversation_fields};

/// A message, or an event that stands among the messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Message {
    /// Names it within its conversation.
    pub id: MessageId,
    /// Where it stands.
    #[serde(flatten, serialize_with = "conversation_fields")]
    pub conversation: ConversationId,
    /// Its place in the conversation: rises from message to message as they are shown, and no two
    /// of a vault have the same. An own message in a room stands behind all others until the room's
    /// log has brought it back, and is given its place then; any other keeps the one it came to.
    pub position: u64,
    /// Whether this account sent it.
    pub outgoing: bool,
    /// Whoever else it is by. None of own messages, and of events but those that somebody in a room
    /// has brought about.
    pub sender: Option<AccountId>,
    /// By the sender's clock.
    pub sent_at: Timestamp,
    /// When it came into this vault.
    pub arrived_at: Timestamp,
    /// What it is.
    pub body: MessageBody,
    /// The message that this one answers; it may be gone.
    pub reply_to: Option<MessageId>,
    /// Whether its sender has changed the text.
    pub edited: bool,
    /// One at most from each person.
    pub reactions: Vec<MessageReaction>,
    /// Whether it mentions this account's owner.
    pub mentions_me: bool,
    /// How far an own message came; none for what arrived, and for events.
    pub state: Option<MessageState>,
    /// Of an own message in a room, how many people it has reached.
    pub reached: Option<ReachedCounts>,
    /// Whether this account's owner has seen it; always true of own messages.
    pub read: bool,
    /// After how many seconds from being read it disappears.
    pub disappears_after: Option<u32>,
    /// When it disappears, once that is settled.
    pub disappears_at: Option<Timestamp>,
}

impl Message {
    /// Whether its sender has deleted it for all.
    pub const fn is_deleted(&self) -> bool {
        matches!(self.body, MessageBody::Deleted)
    }

    /// The text, or the caption of the file.
    pub fn text(&self) -> Option<&str> {
        match &self.body {
            MessageBody::Text { text } => Some(text),
            MessageBody::Attachment { caption, .. } => Some(caption),
            MessageBody::Deleted | MessageBody::Event { .. } => None,
        }
    }
}

/// What a message is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MessageBody {
    /// A text.
    Text {
        /// In UTF-8.
        text: String,
    },
    /// A file.
    Attachment {
        /// The file.
        file: AttachedFile,
        /// What is said to it; may be empty.
        caption: String,
    },
    /// The sender has deleted it for all.
    Deleted,
    /// Not a message: something that happened in the conversation.
    Event {
        /// What.
        event: ConversationEvent,
    },
}

/// A file that came with a message or goes with one. Its key stays in the vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttachedFile {
    /// The file's name, without a folder, as its sender gave it: not to be trusted as a path.
    pub name: String,
    /// As in RFC 6838.
    pub media_type: String,
    /// In bytes.
    pub size: u64,
    /// Where it is on this computer, as far as known.
    pub path: Option<PathBuf>,
    /// How far it was carried.
    pub transfer: Transfer,
}

/// How far an attachment was carried between this computer and the relay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Transfer {
    /// On the relay, and not fetched.
    Remote,
    /// Under way, or interrupted and to be resumed.
    Running {
        /// Bytes of the blob that are there.
        done: u64,
        /// Bytes of the whole blob; zero while unknown.
        total: u64,
    },
    /// All of it is where it belongs.
    Complete,
    /// It will not be carried.
    Failed {
        /// Why.
        reason: FailReason,
    },
}

/// A reaction to a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MessageReaction {
    /// Whether this account's owner reacted.
    pub outgoing: bool,
    /// Whoever else reacted.
    pub by: Option<AccountId>,
    /// The emoji.
    pub emoji: String,
}

/// How many people an own message in a room has reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReachedCounts {
    /// Those who have it, readers among them.
    pub delivered: u32,
    /// Those who have seen it.
    pub read: u32,
}

/// How far an own message came; in a room, with whom it came farthest. It only ever rises, but for a message that has to be sent again
/// because it failed or because the contact's devices are others than before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum MessageState {
    /// On this computer only.
    Queued,
    /// Durable on the relay.
    Sent,
    /// In the recipient's vault.
    Delivered,
    /// Seen by the recipient.
    Read,
    /// It will not be delivered.
    Failed {
        /// Why.
        reason: FailReason,
    },
}

/// Why a message will not be delivered, or a file not carried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "reason", rename_all = "snake_case")]
#[non_exhaustive]
pub enum FailReason {
    /// The recipient's mailbox is full.
    #[error("the recipient's mailbox is full")]
    MailboxFull,
    /// The recipient is no longer on the relay.
    #[error("there is no such user on the relay")]
    NoSuchUser,
    /// This account is not in the room any more, or the room is no more.
    #[error("you are not in this room any more")]
    NotInRoom,
    /// The recipient has no device that could open it.
    #[error("the recipient has no device that could open it")]
    NoDevice,
    /// The recipient's identity key changed, and the new one was declined.
    #[error("the recipient's identity key changed")]
    IdentityChanged,
    /// It waited too long in the recipient's mailbox.
    #[error("the recipient did not fetch it in time")]
    Expired,
    /// Larger than the relay or the protocol allows.
    #[error("it is too large")]
    TooLarge,
    /// This account's blobs fill its quota on the relay.
    #[error("the relay has no room for more of your files")]
    BlobQuota,
    /// The blob is no longer on the relay.
    #[error("the file is no longer on the relay")]
    BlobGone,
    /// The file here could not be read or written, or is not what it was.
    #[error("the file could not be read or written")]
    File,
    /// The blob is not what its sender said.
    #[error("the file was damaged or tampered with")]
    Damaged,
    /// The owner gave it up.
    #[error("it was cancelled")]
    Cancelled,
    /// Another refusal of the relay.
    #[error("the relay refused it: {message}")]
    Refused {
        /// The number of the [`ErrorCode`].
        code: u16,
        /// The relay's sentence.
        message: String,
    },
}

impl From<&Refusal> for FailReason {
    fn from(refusal: &Refusal) -> Self {
        match refusal.code {
            ErrorCode::MailboxFull => Self::MailboxFull,
            ErrorCode::NoSuchUser => Self::NoSuchUser,
            ErrorCode::NotAMember | ErrorCode::NoSuchRoom => Self::NotInRoom,
            ErrorCode::NoSuchDevice => Self::NoDevice,
            ErrorCode::FrameTooLarge => Self::TooLarge,
            ErrorCode::BlobQuota => Self::BlobQuota,
            ErrorCode::NoSuchBlob => Self::BlobGone,
            code => Self::Refused { code: code.number(), message: refusal.message.clone() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_and_reasons_serialise_flat() {
        let failed = MessageState::Failed { reason: FailReason::MailboxFull };
        let json = serde_json::to_string(&failed).unwrap();
        assert_eq!(json, r#"{"state":"failed","reason":{"reason":"mailbox_full"}}"#);
        let event = MessageBody::Event {
            event: ConversationEvent::TimerSet { seconds: Some(30), own: true },
        };
        assert_eq!(
            serde_json::to_string(&event).unwrap(),
            r#"{"kind":"event","event":{"event":"timer_set","seconds":30,"own":true}}"#
        );
    }

    #[test]
    fn a_refusal_becomes_its_reason() {
        let full = Refusal::new(ErrorCode::MailboxFull, "full");
        assert_eq!(FailReason::from(&full), FailReason::MailboxFull);
        let other = Refusal::new(ErrorCode::Suspended, "no");
        let expected = FailReason::Refused { code: 40107, message: "no".to_owned() };
        assert_eq!(FailReason::from(&other), expected);
    }
}
