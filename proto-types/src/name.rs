//! Names of people: the unique username and the free display name, checked once at the edge.
//!
//! A value of these types is always well formed; nothing here looks names up.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The unique name of an account on its relay: 3 to 32 of `a-z 0-9 . _ -`, starting with a letter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Username(String);

impl Username {
    /// The fewest characters.
    pub const MIN: usize = 3;
    /// The most characters.
    pub const MAX: usize = 32;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is not a username.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsernameError {
    /// Too short or too long.
    #[error("a username has 3 to 32 characters, not {0}")]
    Length(usize),
    /// It starts with something else than a letter.
    #[error("a username starts with a letter from a to z")]
    Start,
    /// A character that may not stand in it.
    #[error("a username is made of a-z, 0-9, '.', '_' and '-', not {0:?}")]
    Character(char),
}

impl TryFrom<String> for Username {
    type Error = UsernameError;

    fn try_from(text: String) -> Result<Self, UsernameError> {
        check_username(&text)?;
        Ok(Self(text))
    }
}

impl FromStr for Username {
    type Err = UsernameError;

    fn from_str(text: &str) -> Result<Self, UsernameError> {
        check_username(text)?;
        Ok(Self(text.to_owned()))
    }
}

fn check_username(text: &str) -> Result<(), UsernameError> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    if let Some(wrong) = text.chars().find(|c| !allowed(*c)) {
        return Err(UsernameError::Character(wrong));
    }
    if !(Username::MIN..=Username::MAX).contains(&text.len()) {
        return Err(UsernameError::Length(text.len()));
    }
    if !text.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Err(UsernameError::Start);
    }
    Ok(())
}

impl From<Username> for String {
    fn from(name: Username) -> Self {
        name.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name that a person chose to be shown by: 1 to 64 Unicode scalar values, none of them a
/// control character or one that changes the direction of what stands around it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DisplayName(String);

impl DisplayName {
    /// The most scalar values.
    pub const MAX: usize = 64;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is not a display name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DisplayNameError {
    /// Nothing to see.
    #[error("a display name has at least one visible character")]
    Blank,
    /// Too long.
    #[error("a display name has at most 64 characters, not {0}")]
    Length(usize),
    /// A control character, or one that overrides the direction of text.
    #[error("a display name has no control or direction-changing characters (U+{:04X})", u32::from(*.0))]
    Character(char),
}

impl TryFrom<String> for DisplayName {
    type Error = DisplayNameError;

    fn try_from(text: String) -> Result<Self, DisplayNameError> {
        check_display_name(&text)?;
        Ok(Self(text))
    }
}

impl FromStr for DisplayName {
    type Err = DisplayNameError;

    fn from_str(text: &str) -> Result<Self, DisplayNameError> {
        Self::try_from(text.to_owned())
    }
}

fn check_display_name(text: &str) -> Result<(), DisplayNameError> {
    let length = text.chars().count();
    if length > DisplayName::MAX {
        return Err(DisplayNameError::Length(length));
    }
    if let Some(wrong) = text.chars().find(|c| c.is_control() || is_direction_control(*c)) {
        return Err(DisplayNameError::Character(wrong));
    }
    if text.chars().all(|c| c.is_whitespace() || is_zero_width(c)) {
        return Err(DisplayNameError::Blank);
    }
    Ok(())
}

/// The marks, embeddings, overrides and isolates of UAX #9, and the separators that end a line.
const fn is_direction_control(c: char) -> bool {
    matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

const fn is_zero_width(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200D}' | '\u{2060}' | '\u{FEFF}')
}

impl From<DisplayName> for String {
    fn from(name: DisplayName) -> Self {
        name.0
    }
}

impl fmt::Display for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
