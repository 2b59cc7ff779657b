//! What every face shows: contacts, conversations, messages and their states, as plain values.
//!
//! They serialise with stable `snake_case` names (ids in hex, times in milliseconds since the Unix
//! epoch) for `--json` and the export. No secret stands in them: never a key of an attachment or
//! of a session. Nothing here reads or writes.

mod conversation;
mod event;
mod message;
mod room;

use serde::{Deserialize, Serialize};
use sotto_proto::{AccountId, DisplayName, IdentityKey, Timestamp, Username};

pub(crate) use conversation::conversation_fields;
pub use conversation::{
    ConversationId, ConversationSummary, Correspondent, Draft, Preview, PreviewKind, Sender,
};
pub use event::ConversationEvent;
pub use message::{
    AttachedFile, FailReason, Message, MessageBody, MessageReaction, MessageState, ReachedCounts,
    Transfer,
};
pub(crate) use room::nameless;
pub use room::{Room, RoomKind, RoomMember, RoomState};

/// A person that this account knows of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Contact {
    /// What the relay calls it.
    pub account: AccountId,
    /// The unique name.
    pub username: Username,
    /// How the person wants to be shown.
    pub display_name: DisplayName,
    /// How this account's owner calls the person.
    pub alias: Option<String>,
    /// The identity key that messages are sealed for.
    pub identity: IdentityKey,
    /// Whether the safety number of `identity` was compared, and no other key has shown up since.
    pub verified: bool,
    /// Another identity key that the person has not been asked about: nothing is sent until it is
    /// acknowledged.
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
    fn a_changed_identity_stops_sending() {
        let mut contact = contact();
        assert!(contact.may_send());
        contact.pending_identity = Some(IdentityKey([2; 32]));
        assert!(!contact.may_send());
    }
}
