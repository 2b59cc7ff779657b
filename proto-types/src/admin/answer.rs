//! What an admin is shown: accounts, invitations, figures, the audit log.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Note;
use crate::{
    account::{DeviceLine, LoginLine},
    error::ErrorCode,
    id::Timestamp,
    login::RegistrationPolicy,
    name::{DisplayName, Username},
};

/// A page of the accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accounts {
    /// In alphabetical order of the usernames.
    pub accounts: Vec<AccountLine>,
    /// Whether accounts follow behind the last.
    pub more: bool,
}

/// An account as an admin sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountLine {
    /// The unique name.
    pub username: Username,
    /// How the person is shown.
    pub display_name: DisplayName,
    /// Whether the owner is an admin.
    pub admin: bool,
    /// Whether it is kept from logging in.
    pub suspended: bool,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When one of its devices was last connected, as far as the relay knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Timestamp>,
    /// Its devices, in the order of their enrolment.
    pub devices: Vec<DeviceLine>,
    /// What it takes on the relay.
    pub storage: Storage,
}

/// What an account takes on the relay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storage {
    /// What waits in the mailboxes of its devices.
    pub mailbox_entries: u64,
    /// The bytes of that.
    pub mailbox_bytes: u64,
    /// The bytes of its blobs.
    pub blob_bytes: u64,
}

/// One account with its login history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The account.
    pub account: AccountLine,
    /// Its logins, newest first, as far back as the relay keeps them.
    pub logins: Vec<LoginLine>,
}

/// An invitation code that has uses left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// What to give to people.
    pub code: String,
    /// For how many more registrations it is good.
    pub uses_left: u32,
    /// What for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
    /// When it was made, and by whom; unknown of one that an old relay made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Made>,
}

/// When something was made, and by whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: Actor,
}

/// A page of the invitation codes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitations {
    /// In the order of the codes.
    pub invitations: Vec<Invitation>,
    /// Whether codes follow behind the last.
    pub more: bool,
}

/// Who may register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// Who, now.
    pub policy: RegistrationPolicy,
    /// What the relay's configuration says.
    pub configured: RegistrationPolicy,
    /// Whether an admin has set it, which wins over the configuration.
    pub overridden: bool,
}

/// How the relay is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// The version of its software.
    pub version: String,
    /// For how many seconds it has been running.
    pub uptime_seconds: u64,
    /// Open connections.
    pub connections: u64,
    /// Devices that are logged in.
    pub devices_online: u64,
    /// Accounts of which a device is logged in.
    pub accounts_online: u64,
    /// Accounts in all.
    pub accounts: u64,
    /// Devices in all.
    pub devices: u64,
    /// Messages in the last ten seconds.
    pub last_10_s: Traffic,
    /// Messages in the last minute.
    pub last_60_s: Traffic,
    /// What waits in all mailboxes.
    pub mailbox_entries: u64,
    /// The bytes of that.
    pub mailbox_bytes: u64,
    /// Blobs.
    pub blobs: u64,
    /// The bytes that the blobs' owners have reserved.
    pub blob_bytes: u64,
    /// Bytes of the database on disk.
    pub database_bytes: u64,
    /// Bytes that are free on that disk.
    pub free_bytes: u64,
    /// Commits that were synced to disk since the database was opened.
    pub syncs: u64,
}

/// How many messages went through the relay in a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Accepted from senders.
    pub accepted: u64,
    /// Delivered to devices.
    pub delivered: u64,
}

/// A page of the audit log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// Newest first.
    pub lines: Vec<AuditLine>,
    /// Whether older lines follow behind the last.
    pub more: bool,
}

/// What somebody did, or tried to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLine {
    /// Rises from line to line, never used twice.
    pub number: u64,
    /// What stands there.
    pub entry: AuditEntry,
}

/// What a line of the audit log says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What: the kind of the command, or what the relay did of its own accord.
    pub act: String,
    /// To whom or what, where it is to something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// None: it was done. Else why it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<ErrorCode>,
}

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// Somebody with an account.
    Account(Username),
    /// Whoever is at the relay's own machine.
    Operator,
    /// The relay, of its own accord.
    Relay,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(username) => username.fmt(f),
            Self::Operator => f.write_str("(operator)"),
            Self::Relay => f.write_str("(relay)"),
        }
    }
}
