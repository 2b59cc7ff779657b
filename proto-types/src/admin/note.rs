//! A remark of an admin's, to remember an invitation by.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::limits::NOTE_MAX;

/// A remark on one line, of at most [`NOTE_MAX`] characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Note(String);

/// A text that is no note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a note has from 1 to {NOTE_MAX} characters, on one line")]
pub struct NoteError;

impl Note {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Note {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let text = text.trim();
        let is_long = text.chars().count() > NOTE_MAX;
        if text.is_empty() || is_long || text.chars().any(char::is_control) {
            return Err(NoteError);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Note {
    type Error = NoteError;

    fn try_from(text: String) -> Result<Self, NoteError> {
        text.parse()
    }
}

impl From<Note> for String {
    fn from(note: Note) -> Self {
        note.0
    }
}
