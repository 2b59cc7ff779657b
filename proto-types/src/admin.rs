//! Administration: what the relay's admins may do, the same over the wire and over the operator's
//! control socket.
//!
//! A [`Command`] is one act; the relay carries it out for an admin's device and for the operator,
//! and for nobody else. Every act and every refusal stands in the audit log ([`AuditLine`]). No
//! command resets a password or a key: the relay has none that it could reset.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    Done,
    account::{DeviceLine, LoginLine},
    announcement::{Announcement, AnnouncementText},
    error::ErrorCode,
    id::Timestamp,
    limits::NOTE_MAX,
    login::RegistrationPolicy,
    name::{DisplayName, Username},
};

mod room;
mod text;

pub use room::{Room, RoomLine, Rooms, RoomsPage};
pub use text::{Clock, lines};

/// Declares an enumeration whose kinds travel as a map of one entry, kind to body.
macro_rules! kinds {
    (
        $(#[$meta:meta])* $name:ident;
        $($(#[$doc:meta])* $kind:literal $variant:ident($body:ty),)*
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $kind)] $variant($body),)*
        }

        impl $name {
            /// Every kind that there is, as it travels.
            pub const KINDS: &'static [&'static str] = &[$($kind),*];

            /// The kind as it travels.
            pub const fn kind(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $kind,)*
                }
            }
        }
    };
}

kinds! {
    /// What an admin asks for.
    Command;
    /// A page of the accounts. Answered by [`Answer::Accounts`].
    "accounts" Accounts(AccountsPage),
    /// One account with its login history. Answered by [`Answer::Account`].
    "account" Account(Named),
    /// Keep an account from logging in, and close its connections.
    "suspend" Suspend(Named),
    /// Let a suspended account log in again.
    "restore" Restore(Named),
    /// Delete an account with all that is its; its name stays reserved for ever.
    "delete" Delete(Named),
    /// Make an account's owner an admin.
    "promote" Promote(Named),
    /// Make an admin a member again.
    "demote" Demote(Named),
    /// Make an invitation code. Answered by [`Answer::Invitation`].
    "invite" Invite(Invite),
    /// A page of the invitation codes that have uses left. Answered by [`Answer::Invitations`].
    "invitations" Invitations(InvitationsPage),
    /// Make an invitation code useless.
    "revoke" Revoke(Code),
    /// Who may register. Answered by [`Answer::Registration`].
    "registration" Registration(AskRegistration),
    /// Change who may register. Answered by [`Answer::Registration`].
    "set_registration" SetRegistration(SetRegistration),
    /// A page of the rooms. Answered by [`Answer::Rooms`].
    "rooms" Rooms(RoomsPage),
    /// Delete a room with all that is in it; the lobby begins anew.
    "delete_room" DeleteRoom(Room),
    /// Tell everybody something. Answered by [`Answer::Announced`].
    "announce" Announce(Announce),
    /// The announcements that the relay keeps. Answered by [`Answer::Announcements`].
    "announcements" Announcements(AskAll),
    /// Take an announcement back: who has seen it has seen it.
    "withdraw" Withdraw(Withdraw),
    /// How the relay is doing. Answered by [`Answer::Figures`].
    "figures" Figures(AskFigures),
    /// A page of the audit log. Answered by [`Answer::Audit`].
    "audit" Audit(AuditPage),
}

kinds! {
    /// What the relay says to a [`Command`] that it has carried out.
    Answer;
    /// It is done, and durable.
    "done" Done(Done),
    /// To [`Command::Accounts`].
    "accounts" Accounts(Accounts),
    /// To [`Command::Account`].
    "account" Account(Account),
    /// To [`Command::Invite`].
    "invitation" Invitation(Invitation),
    /// To [`Command::Invitations`].
    "invitations" Invitations(Invitations),
    /// To [`Command::Registration`] and [`Command::SetRegistration`].
    "registration" Registration(Registration),
    /// To [`Command::Rooms`].
    "rooms" Rooms(Rooms),
    /// To [`Command::Announce`].
    "announced" Announced(Announcement),
    /// To [`Command::Announcements`].
    "announcements" Announcements(Vec<Announcement>),
    /// To [`Command::Figures`].
    "figures" Figures(Figures),
    /// To [`Command::Audit`].
    "audit" Audit(Audit),
}

impl Command {
    /// What asks for the page behind the one that was answered; none where the list has ended, or is
    /// read page by page on purpose, as the audit log.
    pub fn next_page(&self, answer: &Answer) -> Option<Self> {
        match (self, answer) {
            (Self::Accounts(page), Answer::Accounts(shown)) if shown.more => {
                let after = Some(shown.accounts.last()?.username.clone());
                Some(Self::Accounts(AccountsPage { after, ..page.clone() }))
            }
            (Self::Invitations(_), Answer::Invitations(shown)) if shown.more => {
                let after = Some(shown.invitations.last()?.code.clone());
                Some(Self::Invitations(InvitationsPage { after }))
            }
            (Self::Rooms(page), Answer::Rooms(shown)) if shown.more => {
                let after = Some(shown.rooms.last()?.room);
                Some(Self::Rooms(RoomsPage { after, ..*page }))
            }
            _ => None,
        }
    }

    /// Whether it stands in the audit log when it was carried out: what changes something, and
    /// looking at one account, whose login history is a person's.
    pub const fn is_noted(&self) -> bool {
        match self {
            Self::Account(_)
            | Self::Suspend(_)
            | Self::Restore(_)
            | Self::Delete(_)
            | Self::Promote(_)
            | Self::Demote(_)
            | Self::Invite(_)
            | Self::Revoke(_)
            | Self::SetRegistration(_)
            | Self::DeleteRoom(_)
            | Self::Announce(_)
            | Self::Withdraw(_) => true,
            Self::Accounts(_)
            | Self::Invitations(_)
            | Self::Registration(_)
            | Self::Rooms(_)
            | Self::Announcements(_)
            | Self::Figures(_)
            | Self::Audit(_) => false,
        }
    }
}

/// Asks for a page of the accounts, in alphabetical order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountsPage {
    /// What the names start with; empty for all.
    #[serde(default)]
    pub prefix: String,
    /// Only names behind this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Username>,
    /// How many at most, up to [`crate::limits::ADMIN_PAGE_MAX`].
    pub limit: u16,
}

/// An account by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Its name.
    pub username: Username,
}

/// Asks for an invitation code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invite {
    /// For how many registrations it is to be good, from 1 to [`crate::limits::INVITATION_USES_MAX`].
    pub uses: u32,
    /// What for, to remember it by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
}

/// Asks for a page of the invitation codes, in the order of the codes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationsPage {
    /// Only codes behind this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// An invitation by its code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    /// The code.
    pub code: String,
}

/// Asks who may register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskRegistration {}

/// Changes who may register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetRegistration {
    /// Who from now on; none for what the relay's configuration says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<RegistrationPolicy>,
}

/// Tells everybody something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announce {
    /// What.
    pub text: AnnouncementText,
}

/// Asks for all that there is of a kind that is bounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskAll {}

/// Takes an announcement back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdraw {
    /// Which.
    pub number: u64,
}

/// Asks how the relay is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskFigures {}

/// Asks for a page of the audit log, newest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditPage {
    /// Only what stands before this number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// How many at most, up to [`crate::limits::ADMIN_PAGE_MAX`].
    pub limit: u16,
}

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
