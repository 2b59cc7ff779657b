//! The policy of a room: what kind it is and who its admins are. It stands in the MLS group context,
//! so that every member agrees on it by the key schedule, and the relay can read it.
//!
//! The name of an invite room is a secret of its members and is never in it.

use std::{collections::BTreeSet, str::FromStr};

use serde::{Deserialize, Serialize};
use sotto_proto::{AccountId, DisplayName};

/// What everybody in a room has agreed on, and the relay may read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomPolicy {
    /// Whether anyone may come in.
    pub kind: RoomKind,
    /// Who may add and remove others and change the policy: at most [`Self::ADMINS_MAX`] accounts.
    /// While none of them has a device in a room by invitation, every member may.
    pub admins: BTreeSet<AccountId>,
}

/// Who may come into a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RoomKind {
    /// Anyone on the relay, who finds it listed there by name and topic.
    #[serde(rename = "open")]
    Open {
        /// What it is called.
        name: DisplayName,
        /// What it is about.
        topic: RoomTopic,
    },
    /// Whom an admin adds.
    #[serde(rename = "invite")]
    Invite,
}

impl RoomKind {
    /// Whether both are open, or both are not.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        matches!(self, Self::Invite) == matches!(other, Self::Invite)
    }
}

/// What an open room is about: at most 512 bytes, no control characters but the line feed. It may
/// be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoomTopic(String);

impl RoomTopic {
    /// The most bytes.
    pub const MAX: usize = 512;

    /// The topic as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is not the topic of a room.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoomTopicError {
    /// Too long.
    #[error("a topic has at most 512 bytes, not {0}")]
    Length(usize),
    /// A control character.
    #[error("a topic has no control characters (U+{:04X})", u32::from(*.0))]
    Character(char),
}

impl TryFrom<String> for RoomTopic {
    type Error = RoomTopicError;

    fn try_from(text: String) -> Result<Self, RoomTopicError> {
        if text.len() > Self::MAX {
            return Err(RoomTopicError::Length(text.len()));
        }
        match text.chars().find(|c| c.is_control() && *c != '\n') {
            Some(wrong) => Err(RoomTopicError::Character(wrong)),
            None => Ok(Self(text)),
        }
    }
}

impl FromStr for RoomTopic {
    type Err = RoomTopicError;

    fn from_str(text: &str) -> Result<Self, RoomTopicError> {
        Self::try_from(text.to_owned())
    }
}

impl From<RoomTopic> for String {
    fn from(topic: RoomTopic) -> Self {
        topic.0
    }
}

/// Why a policy was not written or read.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// More admins than a room may have.
    #[error("a room has at most 64 admins, not {0}")]
    TooManyAdmins(usize),
    /// It is no CBOR of a policy.
    #[error("the policy of the room is malformed")]
    Malformed(#[source] ciborium::de::Error<std::io::Error>),
    /// Something stands behind its end.
    #[error("the policy of the room has bytes behind its end")]
    TrailingBytes,
    /// It cannot be written as CBOR.
    #[error("the policy of the room cannot be written")]
    Unwritable(#[source] ciborium::ser::Error<std::io::Error>),
}

impl RoomPolicy {
    /// The most admins.
    pub const ADMINS_MAX: usize = 64;

    /// As CBOR, in the group context.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, PolicyError> {
        self.check()?;
        let mut bytes = Vec::new();
        ciborium::into_writer(self, &mut bytes).map_err(PolicyError::Unwritable)?;
        Ok(bytes)
    }

    pub(super) fn from_bytes(mut bytes: &[u8]) -> Result<Self, PolicyError> {
        let policy: Self = ciborium::from_reader(&mut bytes).map_err(PolicyError::Malformed)?;
        if !bytes.is_empty() {
            return Err(PolicyError::TrailingBytes);
        }
        policy.check()?;
        Ok(policy)
    }

    fn check(&self) -> Result<(), PolicyError> {
        match self.admins.len() {
            count if count > Self::ADMINS_MAX => Err(PolicyError::TooManyAdmins(count)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use ciborium::cbor;
    use proptest::prelude::*;

    use super::*;

    fn policies() -> impl Strategy<Value = RoomPolicy> {
        let name = "[a-zA-Zäß ]{0,30}[a-z]".prop_map(|text| DisplayName::try_from(text).unwrap());
        let topic = "[a-z\n ]{0,200}".prop_map(|text| RoomTopic::try_from(text).unwrap());
        let kind = prop_oneof![
            Just(RoomKind::Invite),
            (name, topic).prop_map(|(name, topic)| RoomKind::Open { name, topic }),
        ];
        let admins = proptest::collection::btree_set(any::<[u8; 16]>().prop_map(AccountId), 0..=64);
        (kind, admins).prop_map(|(kind, admins)| RoomPolicy { kind, admins })
    }

    fn encoded(value: &ciborium::Value) -> Vec<u8> {
        let mut bytes = Vec::new();
        ciborium::into_writer(value, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn the_form_stays() {
        let (name, topic) = ("Lobby".parse().unwrap(), "All".parse().unwrap());
        let admins = BTreeSet::from([AccountId([0xAB; 16])]);
        let open = RoomPolicy { kind: RoomKind::Open { name, topic }, admins };
        assert_eq!(
            hex::encode(open.to_bytes().unwrap()),
            "a2646b696e64a1646f70656ea2646e616d65654c6f62627965746f70696363416c6c66\
             61646d696e738150abababababababababababababababab"
        );
        let invite = RoomPolicy { kind: RoomKind::Invite, admins: BTreeSet::new() };
        assert_eq!(
            hex::encode(invite.to_bytes().unwrap()),
            "a2646b696e6466696e766974656661646d696e7380"
        );
    }

    #[test]
    fn bounds_hold_both_ways() {
        let mut policy = RoomPolicy { kind: RoomKind::Invite, admins: BTreeSet::new() };
        policy.admins = (0..65).map(|n| AccountId([n; 16])).collect();
        assert!(matches!(policy.to_bytes(), Err(PolicyError::TooManyAdmins(65))));
        let mut bytes = Vec::new();
        ciborium::into_writer(&policy, &mut bytes).unwrap();
        assert!(matches!(RoomPolicy::from_bytes(&bytes), Err(PolicyError::TooManyAdmins(65))));
        assert_eq!(RoomTopic::try_from("a".repeat(513)), Err(RoomTopicError::Length(513)));
        assert_eq!("a\tb".parse::<RoomTopic>(), Err(RoomTopicError::Character('\t')));
        assert_eq!("a\nb".parse::<RoomTopic>().unwrap().as_str(), "a\nb");
    }

    #[test]
    fn a_topic_or_a_name_beyond_its_bounds_is_not_read() {
        for (name, topic) in
            [("Lobby".to_owned(), "x".repeat(513)), ("x".repeat(65), String::new())]
        {
            let open = cbor!({ "name" => name, "topic" => topic }).unwrap();
            let policy = cbor!({ "kind" => { "open" => open }, "admins" => [] }).unwrap();
            assert!(matches!(
                RoomPolicy::from_bytes(&encoded(&policy)),
                Err(PolicyError::Malformed(_))
            ));
        }
    }

    proptest! {
        #[test]
        fn a_policy_comes_back(policy in policies()) {
            let bytes = policy.to_bytes().unwrap();
            prop_assert_eq!(RoomPolicy::from_bytes(&bytes).unwrap(), policy);
            let mut longer = bytes.clone();
            longer.push(0);
            prop_assert!(matches!(RoomPolicy::from_bytes(&longer), Err(PolicyError::TrailingBytes)));
            for end in 0..bytes.len() {
                prop_assert!(RoomPolicy::from_bytes(&bytes[..end]).is_err());
            }
        }

        #[test]
        fn whatever_is_read_can_be_written_and_read_again(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            policy in policies(),
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        ) {
            let mut changed = policy.to_bytes().unwrap();
            for (index, byte) in changes {
                let index = index.index(changed.len());
                changed[index] = byte;
            }
            for bytes in [bytes, changed] {
                if let Ok(policy) = RoomPolicy::from_bytes(&bytes) {
                    let again = policy.to_bytes().unwrap();
                    prop_assert_eq!(RoomPolicy::from_bytes(&again).unwrap(), policy);
                }
            }
        }
    }
}
