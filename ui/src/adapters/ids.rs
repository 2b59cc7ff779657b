//! Identifiers as the Slint files hand them around: in hex.

use sotto_client::{model::ConversationId, proto::MessageId};

/// What stands before a room's id, so that no person's is like it.
const ROOM: &str = "room ";

/// The conversation of this identifier; none for an empty or foreign text.
pub(crate) fn conversation(text: &str) -> Option<ConversationId> {
    match text.strip_prefix(ROOM) {
        Some(room) => room.parse().ok().map(ConversationId::Room),
        None => text.parse().ok().map(ConversationId::Contact),
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
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use sotto_client::proto::{AccountId, RoomId};

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
