//! What administration asks of a store beyond the accounts themselves: changes that stand in the
//! audit log, what is forgotten with age, and what all of it takes.
//!
//! Values alone; the promises stand with [`super::Store`].

use sotto_proto::{AccountId, RoomId, Timestamp, admin::Invitation, login::RegistrationPolicy};

/// What an admin changes.
#[derive(Clone, Debug)]
pub enum Change {
    /// Keeps an account from logging in.
    Suspend(AccountId),
    /// Lets it log in again.
    Restore(AccountId),
    /// Deletes an account with its devices, prekeys, mailboxes, blob records and login history; its
    /// name stays reserved. The next [`super::Store::expire_blobs`] tells that the blobs' bytes may
    /// go.
    Delete(AccountId),
    /// Makes the owner an admin.
    Promote(AccountId),
    /// Makes an admin a member again.
    Demote(AccountId),
    /// Adds an invitation code; one that is there is replaced.
    Invite(Invitation),
    /// Removes an invitation code.
    Revoke(String),
    /// Sets who may register; none for what the configuration says.
    SetRegistration(Option<RegistrationPolicy>),
    /// Deletes a room with its log; the lobby begins anew, behind the positions of the one before.
    DeleteRoom(RoomId),
    /// Removes an announcement.
    Withdraw(u64),
}

/// What is too old to be kept: what happened before these times.
#[derive(Clone, Copy, Debug)]
pub struct TooOld {
    /// Of the audit log.
    pub audit: Timestamp,
    /// Of login histories.
    pub logins: Timestamp,
    /// Of announcements.
    pub announcements: Timestamp,
}

/// What everything takes, beyond the counts of [`super::Census`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes that wait in all mailboxes.
    pub mailbox_bytes: u64,
    /// Bytes of blobs that are reserved.
    pub blob_bytes: u64,
    /// Commits that were synced to disk since the store was opened.
    pub syncs: u64,
}
