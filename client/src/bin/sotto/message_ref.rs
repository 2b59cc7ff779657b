//! Which message a person means: `last`, or the beginning of its id as `sotto read --ids` shows it.

use std::str::FromStr;

use sotto_client::{
    Engine, Page,
    model::{Contact, Message, MessageBody},
    proto::MessageId,
};

use crate::error::CliError;

/// How many digits of an id are shown.
const SHOWN_DIGITS: usize = 8;
/// Fewer digits than this name too many messages.
const FEWEST_DIGITS: usize = 4;
/// How many messages are looked at in one go.
const PAGE: usize = 500;

/// A message as it is named on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MessageRef {
    /// The newest that fits.
    Last,
    /// The one whose id begins so, in hex.
    Id(String),
}

/// Which messages fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fits {
    /// A text or a file of either side.
    Any,
    /// One of the own account, not deleted.
    Own,
    /// One of the contact, not deleted.
    Theirs,
    /// One with a file.
    File,
    /// An own one that failed.
    Failed,
}

impl FromStr for MessageRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "last" {
            return Ok(Self::Last);
        }
        let digits = text.trim_start_matches('#').to_ascii_lowercase();
        let fits = (FEWEST_DIGITS..=2 * MessageId::LEN).contains(&digits.len());
        if fits && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            Ok(Self::Id(digits))
        } else {
            Err("a message is `last`, or 4 to 32 hex digits as `sotto read USER --ids` shows them"
                .to_owned())
        }
    }
}

impl MessageRef {
    /// The message that is meant.
    pub(crate) async fn find(
        &self,
        engine: &Engine,
        contact: &Contact,
        fits: Fits,
    ) -> Result<Message, CliError> {
        let mut found: Vec<Message> = Vec::new();
        let mut page = Page::Latest;
        loop {
            let messages = engine.history(contact.account, page, PAGE).await?;
            let Some(first) = messages.first() else { break };
            page = Page::Before(first.id);
            for message in messages.into_iter().rev() {
                match self {
                    Self::Last if fits.take(&message) => return Ok(message),
                    Self::Id(digits) if message.id.to_string().starts_with(digits) => {
                        found.push(message);
                    }
                    _ => {}
                }
            }
        }
        match (self, found.len()) {
            (Self::Id(digits), 2..) => Err(ambiguous(digits)),
            _ => found.pop().ok_or_else(|| self.missing(contact, fits)),
        }
    }

    fn missing(&self, contact: &Contact, fits: Fits) -> CliError {
        let username = &contact.username;
        CliError::NoSuchMessage(match (self, fits) {
            (Self::Id(digits), _) => format!("there is no message {digits} with {username}"),
            (Self::Last, Fits::Any) => format!("there is no message with {username} yet"),
            (Self::Last, Fits::Own) => format!("you have not written to {username} yet"),
            (Self::Last, Fits::Theirs) => format!("{username} has not written to you yet"),
            (Self::Last, Fits::File) => format!("there is no file in the messages with {username}"),
            (Self::Last, Fits::Failed) => format!("no message to {username} has failed"),
        })
    }
}

impl Fits {
    const fn take(self, message: &Message) -> bool {
        let is_file = matches!(message.body, MessageBody::Attachment { .. });
        let is_written = is_file || matches!(message.body, MessageBody::Text { .. });
        match self {
            Self::Any => is_written,
            Self::Own => is_written && message.outgoing,
            Self::Theirs => is_written && !message.outgoing,
            Self::File => is_file,
            Self::Failed => {
                matches!(message.state, Some(sotto_client::model::MessageState::Failed { .. }))
            }
        }
    }
}

/// An id as it is shown: enough of it to name the message.
pub(crate) fn shown(id: MessageId) -> String {
    id.to_string().chars().take(SHOWN_DIGITS).collect()
}

fn ambiguous(digits: &str) -> CliError {
    CliError::NoSuchMessage(format!("several messages begin with {digits}; give more digits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_named_by_digits_or_last() {
        assert_eq!("last".parse(), Ok(MessageRef::Last));
        assert_eq!("#3FA2c1".parse(), Ok(MessageRef::Id("3fa2c1".to_owned())));
        for wrong in ["", "3fa", "xyzw", &"0".repeat(33)] {
            assert!(wrong.parse::<MessageRef>().is_err(), "{wrong}");
        }
    }
}
