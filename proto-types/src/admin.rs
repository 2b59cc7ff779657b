//! Administration: what the relay's admins may do, the same over the wire and over the operator's
//! control socket.
//!
//! A [`Command`] is one act; the relay carries it out for an admin's device and for the operator,
//! and for nobody else. Every act and every refusal stands in the audit log ([`AuditLine`]). No
//! command resets a password or a key: the relay has none that it could reset.

use serde::{Deserialize, Serialize};

use crate::{
    Done,
    announcement::{Announcement, AnnouncementText},
    login::RegistrationPolicy,
    name::Username,
};

mod answer;
mod note;
mod room;
mod text;

pub use answer::{
    Account, AccountLine, Accounts, Actor, Audit, AuditEntry, AuditLine, Figures, Invitation,
    Invitations, Made, Registration, Storage, Traffic,
};
pub use note::{Note, NoteError};
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
