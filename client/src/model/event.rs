//! What happens in a conversation beside what is said.

use serde::{Deserialize, Serialize};
use sotto_proto::{AccountId, DisplayName};

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
    /// The room began.
    RoomCreated,
    /// People joined the room, or were added to it.
    Joined {
        /// Who.
        who: Vec<AccountId>,
    },
    /// People left the room.
    Left {
        /// Who.
        who: Vec<AccountId>,
    },
    /// People were removed from the room.
    Removed {
        /// Who.
        who: Vec<AccountId>,
        /// By whom.
        by: AccountId,
    },
    /// The room was given another name.
    Renamed {
        /// Which.
        name: DisplayName,
    },
    /// The room was given another topic.
    TopicChanged,
    /// The room was given another picture, or none.
    PictureChanged,
    /// People became admins of the room.
    Promoted {
        /// Who.
        who: Vec<AccountId>,
    },
    /// People are admins of the room no longer.
    Demoted {
        /// Who.
        who: Vec<AccountId>,
    },
    /// This device lost its place in the room and has joined again: what was said in between is
    /// missing.
    Rejoined,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_with_people_comes_back_with_their_ids_in_hex() {
        let (anna, bob) = (AccountId([0xa1; 16]), AccountId([0xb2; 16]));
        let removed = ConversationEvent::Removed { who: vec![bob], by: anna };
        let json = serde_json::to_string(&removed).unwrap();
        let expected = format!(r#"{{"event":"removed","who":["{bob}"],"by":"{anna}"}}"#);
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_str::<ConversationEvent>(&json).unwrap(), removed);
        let short = expected.replace("a1a1", "a1");
        assert!(serde_json::from_str::<ConversationEvent>(&short).is_err());
        let renamed = ConversationEvent::Renamed { name: "Lighthouse".parse().unwrap() };
        let json = serde_json::to_string(&renamed).unwrap();
        assert_eq!(json, r#"{"event":"renamed","name":"Lighthouse"}"#);
    }
}
