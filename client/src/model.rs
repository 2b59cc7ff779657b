//! What every face shows: contacts, conversations, messages and their states, as plain values.
//!
//! They serialise with stable `snake_case` names (ids in hex, times in milliseconds since the Unix
//! epoch) for `--json` and the export. No secret stands in them: never a key of an attachment or
//! of a session. Nothing here reads or writes.

use std::path::PathBuf;

use serde::{Deserialize, Serialize, Serializer};
use sotto_proto::{
    AccountId, DisplayName, ErrorCode, IdentityKey, MessageId, Refusal, Timestamp, Username,
};

/// A person that this account knows of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Contact {
    /// What the relay calls it.
    #[serde(serialize_with = "hex")]
    pub account: AccountId,
    /// The unique name.
    pub username: Username,
    /// How the person wants to be shown.
    pub display_name: DisplayName,
    /// How this account's owner calls the person.
    pub alias: Option<String>,
    /// The identity key that messages are sealed for.
    #[serde(serialize_with = "hex")]
    pub identity: IdentityKey,
    /// Whether the safety number of `identity` was compared, and no other key has shown up since.
    pub verified: bool,
    /// Another identity key that the person has not been asked about: nothing is sent until it is
    /// acknowledged.
    #[serde(serialize_with = "hex_option")]
    pub pending_identity: Option<IdentityKey>,
    /// Where the two stand.
    pub state: ContactState,
    /// When it was added.
    pub added_at: Timestamp,
    /// Whether the owner wants no notice of what it sends. The messages are unread all the same.
    pub muted: bool,
    /// Whether its conversation stands above the others.
    pub pinned: bool,
}

impl Contact {
    /// The name to show: the alias, else the display name.
    pub fn name(&self) -> &str {
        self.alias.as_deref().unwrap_or(self.display_name.as_str())
    }

    /// Whether messages may leave for this contact now.
    pub const fn may_send(&self) -> bool {
        self.pending_identity.is_none() && matches!(self.state, ContactState::Accepted)
    }
}

/// An identity key that a contact has shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KnownIdentity {
    /// The key.
    #[serde(serialize_with = "hex")]
    pub identity: IdentityKey,
    /// When it first showed up.
    pub seen_at: Timestamp,
    /// When the owner last went on with it: by adding the contact, or by acknowledging the key;
    /// none if the owner never has.
    pub accepted_at: Option<Timestamp>,
}

/// Where this account stands with a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContactState {
    /// A stranger who wrote first; neither accepted nor declined. No receipt and no presence goes out.
    Request,
    /// Added or accepted.
    Accepted,
    /// What the person sends is dropped.
    Blocked,
    /// Removed or declined; a new message makes it a request again.
    Removed,
}

/// One line of the list of conversations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConversationSummary {
    /// With whom.
    pub contact: Contact,
    /// The newest message.
    pub last: Option<Preview>,
    /// How many messages have not been read.
    pub unread: u32,
    /// What was typed and not sent.
    pub draft: Option<Draft>,
    /// After how many seconds from being read new messages disappear.
    pub timer: Option<u32>,
}

/// The newest message of a conversation, shortened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// Which.
    #[serde(serialize_with = "hex")]
    pub id: MessageId,
    /// Whether this account sent it.
    pub outgoing: bool,
    /// When it arrived, or was queued here.
    pub at: Timestamp,
    /// What it is.
    pub kind: PreviewKind,
    /// The beginning of its text, its caption or its file's name.
    pub text: String,
    /// How far an own message came.
    pub state: Option<MessageState>,
}

/// What a [`Preview`] is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PreviewKind {
    /// A text.
    Text,
    /// A file.
    Attachment,
    /// Something that happened.
    Event,
    /// A message deleted by its sender.
    Deleted,
}

/// What was typed and not sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Draft {
    /// The text.
    pub text: String,
    /// The message that it answers.
    #[serde(serialize_with = "hex_option")]
    pub reply_to: Option<MessageId>,
}

/// A message, or an event that stands among the messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// Names it within its conversation.
    #[serde(serialize_with = "hex")]
    pub id: MessageId,
    /// The contact whose conversation it stands in.
    #[serde(serialize_with = "hex")]
    pub conversation: AccountId,
    /// Its place in this vault: rises from message to message in the order of arrival.
    pub position: u64,
    /// Whether this account sent it.
    pub outgoing: bool,
    /// By the sender's clock.
    pub sent_at: Timestamp,
    /// When it came into this vault.
    pub arrived_at: Timestamp,
    /// What it is.
    pub body: MessageBody,
    /// The message that this one answers; it may be gone.
    #[serde(serialize_with = "hex_option")]
    pub reply_to: Option<MessageId>,
    /// Whether its sender has changed the text.
    pub edited: bool,
    /// One at most from each side.
    pub reactions: Vec<MessageReaction>,
    /// How far an own message came; none for what arrived, and for events.
    pub state: Option<MessageState>,
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

/// Something that happened in a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConversationEvent {
    /// Another identity key of the contact showed up; sending has stopped.
    IdentityChanged,
    /// The owner has looked at the new identity key, and goes on with it.
    IdentityAcknowledged,
    /// The disappearing timer was set, or turned off.
    TimerSet {
        /// Seconds from being read.
        seconds: Option<u32>,
        /// Whether this account set it.
        own: bool,
    },
    /// A contact request was accepted.
    RequestAccepted {
        /// Whether this account accepted it.
        own: bool,
    },
    /// Something arrived that a newer version of this program understands.
    Unsupported,
    /// Something arrived that could not be opened; the sender may have to send it again.
    Unreadable,
}

/// A reaction to a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MessageReaction {
    /// Whether this account's owner reacted.
    pub outgoing: bool,
    /// The emoji.
    pub emoji: String,
}

/// How far an own message came. It only ever rises, but for a message that has to be sent again
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
            ErrorCode::NoSuchDevice => Self::NoDevice,
            ErrorCode::FrameTooLarge => Self::TooLarge,
            ErrorCode::BlobQuota => Self::BlobQuota,
            ErrorCode::NoSuchBlob => Self::BlobGone,
            code => Self::Refused { code: code.number(), message: refusal.message.clone() },
        }
    }
}

/// A message that a search found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SearchHit {
    /// The message.
    pub message: Message,
    /// The place of the hit, in pieces that make up a line.
    pub snippet: Vec<SnippetPart>,
}

/// A piece of a snippet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SnippetPart {
    /// The text.
    pub text: String,
    /// Whether this is what was searched for.
    pub hit: bool,
}

/// What this account's owner lets others see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Preferences {
    /// Contacts see whether the owner is online.
    pub show_online: bool,
    /// Contacts see when the owner was last online.
    pub show_last_seen: bool,
    /// Contacts are told what the owner has read.
    pub read_receipts: bool,
    /// Contacts are told that the owner is typing.
    pub typing: bool,
}

impl Default for Preferences {
    fn default() -> Self {
        Self { show_online: true, show_last_seen: true, read_receipts: true, typing: true }
    }
}

fn hex<S: Serializer>(id: &impl std::fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

#[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
fn hex_option<S: Serializer>(
    id: &Option<impl std::fmt::Display>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match id {
        Some(id) => serializer.collect_str(id),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact() -> Contact {
        Contact {
            account: AccountId([0xab; 16]),
            username: "anna".parse().unwrap(),
            display_name: "Anna".parse().unwrap(),
            alias: None,
            identity: IdentityKey([1; 32]),
            verified: false,
            pending_identity: None,
            state: ContactState::Accepted,
            added_at: Timestamp(5),
            muted: false,
            pinned: true,
        }
    }

    #[test]
    fn a_contact_serialises_with_ids_in_hex() {
        let json = serde_json::to_value(contact()).unwrap();
        assert_eq!(json["account"], "ab".repeat(16));
        assert_eq!(json["state"], "accepted");
        assert_eq!(json["pending_identity"], serde_json::Value::Null);
        assert_eq!(json["added_at"], 5);
        assert_eq!((&json["muted"], &json["pinned"]), (&false.into(), &true.into()));
    }

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
    fn a_changed_identity_stops_sending() {
        let mut contact = contact();
        assert!(contact.may_send());
        contact.pending_identity = Some(IdentityKey([2; 32]));
        assert!(!contact.may_send());
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
