//! Identifiers as the Slint files hand them around: in hex.

use sotto_client::{
    model::ConversationId,
    proto::{AccountId, MessageId, RoomId},
};

/// What stands before a room's id, so that no person's is like it.
const ROOM: &str = "room ";

/// The conversation of this identifier; none for an empty or foreign text.
pub(crate) fn conversation(text: &str) -> Option<ConversationId> {
    match text.strip_prefix(ROOM) {
        Some(room) => bytes(room).map(|id| RoomId(id).into()),
        None => bytes(text).map(|id| AccountId(id).into()),
    }
}

/// The identifier of a conversation.
pub(crate) fn shown(conversation: ConversationId) -> String {
    match conversation {
        ConversationId::Contact(account) => account.to_string(),
        ConversationId::Room(room) => format!("{ROOM}{room}"),
    }
}

/// The message of this identifier; none for an empty or foreign text.
pub(crate) fn message(text: &str) -> Option<MessageId> {
    bytes(text).map(MessageId)
}

fn bytes(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_comes_back_from_its_text() {
        let id = MessageId([0xa7; 16]);
        assert_eq!(message(&id.to_string()), Some(id));
        for id in [AccountId([0xa7; 16]).into(), RoomId([0xa7; 16]).into()] {
            assert_eq!(conversation(&shown(id)), Some(id));
        }
        assert_eq!(conversation(""), None);
        assert_eq!(conversation("unread"), None);
        assert_eq!(conversation("room "), None);
    }
}
