//! Conversations: direct chats and rooms alike, and the line that each has in a list.

use std::fmt;

use serde::{Serialize, Serializer, ser::SerializeMap};
use sotto_proto::{AccountId, MessageId, RoomId, Timestamp};

use super::{Contact, ContactState, MessageState, Room, RoomState};

/// Names a conversation. Serialises as the hex of its 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConversationId {
    /// The direct chat with this person.
    Contact(AccountId),
    /// A room.
    Room(RoomId),
}

impl ConversationId {
    /// With whom, if it is a direct chat.
    pub const fn contact(self) -> Option<AccountId> {
        match self {
            Self::Contact(account) => Some(account),
            Self::Room(_) => None,
        }
    }

    /// Which room it is, if it is one.
    pub const fn room(self) -> Option<RoomId> {
        match self {
            Self::Contact(_) => None,
            Self::Room(room) => Some(room),
        }
    }
}

impl From<AccountId> for ConversationId {
    fn from(account: AccountId) -> Self {
        Self::Contact(account)
    }
}

impl From<RoomId> for ConversationId {
    fn from(room: RoomId) -> Self {
        Self::Room(room)
    }
}

impl fmt::Display for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contact(account) => account.fmt(f),
            Self::Room(room) => room.fmt(f),
        }
    }
}

impl Serialize for ConversationId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Where something lies, as fields of it: `conversation`, and `room` (true) if it is one.
pub(crate) fn conversation_fields<S: Serializer>(
    id: &ConversationId,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut fields = serializer.serialize_map(None)?;
    fields.serialize_entry("conversation", id)?;
    if id.room().is_some() {
        fields.serialize_entry("room", &true)?;
    }
    fields.end()
}

/// Whom a conversation is with. Serialises as a field named `contact` or `room`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Correspondent {
    /// One person.
    Contact(Contact),
    /// Those in a room.
    Room(Room),
}

impl Correspondent {
    /// The conversation.
    pub const fn id(&self) -> ConversationId {
        match self {
            Self::Contact(contact) => ConversationId::Contact(contact.account),
            Self::Room(room) => ConversationId::Room(room.id),
        }
    }

    /// The name to show.
    pub fn name(&self) -> &str {
        match self {
            Self::Contact(contact) => contact.name(),
            Self::Room(room) => room.name.as_str(),
        }
    }

    /// The person, if it is a direct chat.
    pub const fn contact(&self) -> Option<&Contact> {
        match self {
            Self::Contact(contact) => Some(contact),
            Self::Room(_) => None,
        }
    }

    /// The room, if it is one.
    pub const fn room(&self) -> Option<&Room> {
        match self {
            Self::Contact(_) => None,
            Self::Room(room) => Some(room),
        }
    }

    /// Whether the owner may write here. (What is written to a contact whose identity key changed
    /// waits.)
    pub const fn may_write(&self) -> bool {
        match self {
            Self::Contact(contact) => matches!(contact.state, ContactState::Accepted),
            Self::Room(room) => matches!(room.state, RoomState::Joined),
        }
    }
}

/// One line of the list of conversations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConversationSummary {
    /// With whom.
    #[serde(flatten)]
    pub with: Correspondent,
    /// The newest message.
    pub last: Option<Preview>,
    /// How many messages have not been read.
    pub unread: u32,
    /// Whether one of these mentions the owner.
    pub mentioned: bool,
    /// What was typed and not sent.
    pub draft: Option<Draft>,
    /// After how many seconds from being read new messages disappear.
    pub timer: Option<u32>,
    /// Whether the owner wants no notice of what comes here. It is unread all the same.
    pub muted: bool,
    /// Whether it stands above the others.
    pub pinned: bool,
}

/// The newest message of a conversation, shortened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// Which.
    pub id: MessageId,
    /// Whether this account sent it.
    pub outgoing: bool,
    /// In a room, whoever else it is by.
    pub sender: Option<Sender>,
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
    pub reply_to: Option<MessageId>,
}

/// Whoever a message in a room is by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sender {
    /// Who.
    pub account: AccountId,
    /// The name to show.
    pub name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_is_told_by_its_id_and_a_room_as_one() {
        #[derive(Serialize)]
        struct Thing {
            #[serde(flatten, serialize_with = "conversation_fields")]
            conversation: ConversationId,
            more: u8,
        }
        let json = |conversation: ConversationId| {
            serde_json::to_string(&Thing { conversation, more: 1 }).unwrap()
        };
        let id = "ab".repeat(16);
        let chat = format!(r#"{{"conversation":"{id}","more":1}}"#);
        assert_eq!(json(AccountId([0xab; 16]).into()), chat);
        let room = format!(r#"{{"conversation":"{id}","room":true,"more":1}}"#);
        assert_eq!(json(RoomId([0xab; 16]).into()), room);
        assert_ne!(
            ConversationId::from(AccountId([0xab; 16])),
            ConversationId::from(RoomId([0xab; 16]))
        );
    }
}
