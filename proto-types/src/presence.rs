//! Presence: who is online, for those whom the person lets see it. Never stored.

use serde::{Deserialize, Serialize};

use crate::id::{AccountId, Timestamp};

/// What this account shows, and to whom. Who hides something does not see it of others either.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetPresence {
    /// Whether others see that it is online.
    pub online: bool,
    /// Whether others see when it was last online.
    pub last_seen: bool,
    /// Who may see: the accepted contacts. At most [`crate::limits::PRESENCE_WATCH_MAX`].
    #[serde(default)]
    pub audience: Vec<AccountId>,
}

/// Replaces the accounts whose presence this connection is told of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchPresence {
    /// At most [`crate::limits::PRESENCE_WATCH_MAX`].
    pub accounts: Vec<AccountId>,
}

/// What one may see of another's presence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PresenceState {
    /// Connected now.
    Online,
    /// Not connected; last seen then, if that may be seen and is known.
    Offline(Option<Timestamp>),
    /// Not to be seen.
    Hidden,
}
