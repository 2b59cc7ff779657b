//! Announcements: what the relay's admins tell everybody on it, shown as a service message.
//!
//! An announcement is readable to the relay, unlike what people write to each other.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{id::Timestamp, limits::ANNOUNCEMENT_MAX};

/// Asks for announcements that are not older than the relay keeps them. Answered by
/// [`Announcement`]s in the order of their numbers, at most
/// [`crate::limits::ANNOUNCEMENTS_PAGE`], the newest ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskAnnouncements {
    /// Only those behind this number; zero for all.
    #[serde(default)]
    pub after: u64,
}

/// Something that an admin tells everybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// Rises from one to the next, never used twice on a relay.
    pub number: u64,
    /// When it was posted.
    pub at: Timestamp,
    /// What it says.
    pub text: AnnouncementText,
}

/// The text of an announcement: from 1 to [`ANNOUNCEMENT_MAX`] characters, with line breaks and
/// without other control characters, begun and ended by something visible.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AnnouncementText(String);

/// A text that is no announcement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnnouncementTextError {
    /// Nothing, or too much.
    #[error("an announcement has from 1 to {ANNOUNCEMENT_MAX} characters")]
    Length,
    /// A character that could disturb a terminal.
    #[error("an announcement has no control characters but line breaks")]
    Control,
}

impl AnnouncementText {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AnnouncementText {
    type Err = AnnouncementTextError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > ANNOUNCEMENT_MAX {
            return Err(AnnouncementTextError::Length);
        }
        if text.chars().any(|letter| letter.is_control() && letter != '\n') {
            return Err(AnnouncementTextError::Control);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for AnnouncementText {
    type Error = AnnouncementTextError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<AnnouncementText> for String {
    fn from(text: AnnouncementText) -> Self {
        text.0
    }
}

impl fmt::Display for AnnouncementText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

    use super::*;

    #[test]
    fn a_text_is_visible_and_bounded() {
        let parse = str::parse::<AnnouncementText>;
        assert_eq!(parse(" Tonight\nat nine \n").unwrap().as_str(), "Tonight\nat nine");
        assert_eq!(parse(" \n"), Err(AnnouncementTextError::Length));
        assert!(parse(&"ä".repeat(ANNOUNCEMENT_MAX)).is_ok());
        assert_eq!(parse(&"ä".repeat(ANNOUNCEMENT_MAX + 1)), Err(AnnouncementTextError::Length));
        assert_eq!(parse("a\u{1b}[2Jb"), Err(AnnouncementTextError::Control));
    }
}
