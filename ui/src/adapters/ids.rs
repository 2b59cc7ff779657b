//! Identifiers as the Slint files hand them around: in hex.

use sotto_client::proto::{AccountId, MessageId};

/// The account of this identifier; none for an empty or foreign text.
pub(crate) fn account(text: &str) -> Option<AccountId> {
    bytes(text).map(AccountId)
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
        assert_eq!(account(""), None);
        assert_eq!(account("unread"), None);
    }
}
