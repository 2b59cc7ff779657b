//! What a bot asks for on standard input: one JSON object a line.

use serde::Deserialize;

/// A message to send.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(super) to: Addressee,
    pub(super) text: String,
}

/// Where a message goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Addressee {
    /// To a contact, or a username or link to add as one.
    Person(String),
    /// Into a room that the owner is in, by its name or the beginning of its id.
    Room(String),
}

/// Why a line is no order.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OrderError {
    /// It is not the JSON that was expected.
    #[error("this is no order: {0}")]
    Malformed(#[from] serde_json::Error),
    /// It names nobody.
    #[error(r#"this order goes nowhere: say "to" for a person, or "room""#)]
    Nowhere,
    /// It names a person and a room.
    #[error(r#"this order says "to" and "room": only one of them"#)]
    TwoPlaces,
}

/// An order as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    to: Option<String>,
    room: Option<String>,
    text: String,
}

impl std::str::FromStr for Order {
    type Err = OrderError;

    fn from_str(line: &str) -> Result<Self, OrderError> {
        let Line { to, room, text } = serde_json::from_str(line)?;
        let to = match (to, room) {
            (Some(person), None) => Addressee::Person(person),
            (None, Some(room)) => Addressee::Room(room),
            (None, None) => return Err(OrderError::Nowhere),
            (Some(_), Some(_)) => return Err(OrderError::TwoPlaces),
        };
        Ok(Self { to, text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_goes_to_a_person_or_into_a_room() {
        let order = |line: &str| line.parse::<Order>();
        let text = "Hello".to_owned();
        assert_eq!(
            order(r#"{"to": "bob", "text": "Hello"}"#).unwrap(),
            Order { to: Addressee::Person("bob".to_owned()), text: text.clone() }
        );
        assert_eq!(
            order(r#"{"room": "Lighthouse", "text": "Hello"}"#).unwrap(),
            Order { to: Addressee::Room("Lighthouse".to_owned()), text }
        );
        assert!(matches!(order(r#"{"text": "Hello"}"#), Err(OrderError::Nowhere)));
        let both = r#"{"to": "bob", "room": "Lighthouse", "text": "Hello"}"#;
        assert!(matches!(order(both), Err(OrderError::TwoPlaces)));
        for line in ["no order at all", "{}", r#"{"to": "bob", "text": "", "by": "post"}"#] {
            assert!(matches!(order(line), Err(OrderError::Malformed(_))), "{line}");
        }
    }
}
