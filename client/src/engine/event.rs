//! What the engine tells its faces of its own accord.
//!
//! Events serialise as one JSON object each, tagged by `type`, for bots.

use serde::Serialize;
use sotto_proto::{AccountId, MessageId, Timestamp, presence::PresenceState};

use crate::model::{Contact, ConversationId, Message, Room, conversation_fields};

/// Something happened. Whoever falls behind loses the oldest ones, and reads the vault instead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The connection to the relay changed.
    Connection {
        /// To what.
        state: ConnectionState,
    },
    /// All that waited in the mailbox is in the vault.
    CaughtUp,
    /// A new message: it arrived, was sent from here, or is an event in a conversation.
    Message {
        /// As it stands in the vault.
        message: Message,
    },
    /// A message changed: its state, text, reactions, file; or it was deleted.
    MessageChanged {
        /// As it is now.
        message: Message,
    },
    /// Messages are gone: they disappeared by their timer, or with their conversation.
    MessagesGone {
        /// Of which conversation.
        #[serde(flatten, serialize_with = "conversation_fields")]
        conversation: ConversationId,
        /// Which; empty for the whole conversation.
        messages: Vec<MessageId>,
    },
    /// Messages were read here.
    Read {
        /// In which conversation.
        #[serde(flatten, serialize_with = "conversation_fields")]
        conversation: ConversationId,
        /// How many are still unread in it.
        unread: u32,
    },
    /// A contact was added or changed.
    Contact {
        /// As it is now.
        contact: Contact,
    },
    /// A stranger wrote.
    Request {
        /// Who.
        contact: Contact,
    },
    /// Another identity key of a contact showed up; sending has stopped.
    IdentityChanged {
        /// Whose.
        contact: Contact,
    },
    /// A room was added or changed: its name, its members, where this account stands with it.
    Room {
        /// As it is now.
        room: Room,
    },
    /// Somebody types, or stopped.
    Typing {
        /// Where.
        #[serde(flatten, serialize_with = "conversation_fields")]
        conversation: ConversationId,
        /// Who.
        who: AccountId,
        /// Whether it is typing.
        active: bool,
    },
    /// A contact's presence changed.
    Presence {
        /// Whose.
        account: AccountId,
        /// To what.
        state: PresenceState,
    },
    /// The relay's admins tell everybody something.
    Announcement {
        /// Rises from one to the next.
        number: u64,
        /// When it was posted.
        at: Timestamp,
        /// What it says; it may have several lines.
        text: String,
    },
    /// The owner may administer the relay now, or no longer.
    Role {
        /// Whether the owner may.
        admin: bool,
    },
    /// A file is under way.
    Transfer {
        /// In which conversation.
        #[serde(flatten, serialize_with = "conversation_fields")]
        conversation: ConversationId,
        /// The message that it belongs to.
        message: MessageId,
        /// Bytes of the blob that are there.
        done: u64,
        /// Bytes of the whole blob.
        total: u64,
    },
}

/// How the engine stands with its relay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ConnectionState {
    /// Nobody asked for a connection.
    Offline,
    /// Under way.
    Connecting,
    /// Logged in.
    Online,
    /// The last attempt failed; another follows.
    Waiting {
        /// In how many milliseconds.
        retry_in_ms: u64,
        /// A sentence that says why it failed.
        reason: String,
    },
    /// No further attempt is made until it is asked for.
    Stopped {
        /// Why.
        reason: StopReason,
    },
}

/// Why the engine has stopped trying.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "reason", rename_all = "snake_case")]
#[non_exhaustive]
pub enum StopReason {
    /// Whoever answers at the relay's address has another key than its link says.
    #[error("the relay's key is not the one in its link; somebody may be in between")]
    WrongRelayKey,
    /// The same device has logged in elsewhere: the profile was copied.
    #[error("this device has logged in elsewhere")]
    Replaced,
    /// The account has this device no longer; log in with the password again.
    #[error("this device was removed from its account; log in again")]
    DeviceRemoved,
    /// The relay's operator has suspended the account.
    #[error("the account is suspended")]
    Suspended,
    /// Anything else that another try would not mend.
    #[error("{message}")]
    Other {
        /// A sentence.
        message: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_flat_json_objects() {
        let json = |event| serde_json::to_string(&event).unwrap();
        assert_eq!(json(Event::CaughtUp), r#"{"type":"caught_up"}"#);
        let state = ConnectionState::Stopped { reason: StopReason::Replaced };
        assert_eq!(
            json(Event::Connection { state }),
            r#"{"type":"connection","state":{"state":"stopped","reason":{"reason":"replaced"}}}"#
        );
        let gone = Event::MessagesGone {
            conversation: AccountId([1; 16]).into(),
            messages: vec![MessageId([2; 16])],
        };
        let expected = format!(
            r#"{{"type":"messages_gone","conversation":"{}","messages":["{}"]}}"#,
            "01".repeat(16),
            "02".repeat(16)
        );
        assert_eq!(json(gone), expected);
    }
}
