//! The one seam to persistence, in terms of what the relay means.
//!
//! A [`Store`] says of every method what is atomic and what is durable on return; it never speaks
//! of keys and values, so that an embedded database and a replicated one can stand behind it. It
//! knows nothing of connections and never sees plaintext. Every operation that must have one
//! winner (a username, a one-time prekey, an invitation) has exactly one under any concurrency
//! and across a crash; the suite in `conformance` holds every implementation to this.

use std::fmt;

use async_trait::async_trait;
use sotto_proto::{
    AccountId, BlobId, Bundle, DeviceAddress, DeviceCertificate, DeviceId, DisplayName,
    IdentityKey, PrekeyUpload, Timestamp, Username,
    account::LoginLine,
    admin::{AccountLine, AuditEntry, AuditLine, Invitation},
    announcement::{Announcement, AnnouncementText},
    directory::{ListedUser, PrekeyCount},
    login::RegistrationPolicy,
    mailbox::{Envelope, MailboxEntry},
};

use self::rooms::RoomStore;

mod administration;
#[cfg(test)]
mod conformance;
mod error;
pub mod memory;
pub mod rocks;
pub mod rooms;
mod rules;

pub use administration::{Change, TooOld, Usage};
pub use error::StoreError;

/// An account as the relay keeps it.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// What the relay calls it.
    pub id: AccountId,
    /// The unique name.
    pub username: Username,
    /// How the person is shown.
    pub display_name: DisplayName,
    /// The identity key.
    pub identity: IdentityKey,
    /// The OPAQUE registration record (RFC 9807 section 4): no password-equivalent.
    pub password_record: Vec<u8>,
    /// The key backup, sealed by its owner.
    pub backup: Vec<u8>,
    /// Its devices, in the order in which they were enrolled.
    pub devices: Vec<DeviceCertificate>,
    /// What its owner may do on the relay.
    pub role: Role,
    /// Whether the operator keeps it from logging in.
    pub suspended: bool,
    /// When it was registered.
    pub created_at: Timestamp,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What an account's owner may do on the relay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Send and receive.
    #[default]
    Member,
    /// And administer the relay.
    Admin,
}

/// A registration, checked: the certificate verifies and the upload is within its bounds.
#[derive(Clone)]
pub struct NewAccount {
    /// The account with its one first device.
    pub account: Account,
    /// The first device's prekeys.
    pub prekeys: PrekeyUpload,
    /// The invitation to use up, where the relay asks for one.
    pub invitation: Option<String>,
    /// Where the first account that the store ever has is an admin's: what the audit log says of it,
    /// should it be this one.
    pub appointment: Option<AuditEntry>,
}

/// A device that enters an account, checked likewise.
#[derive(Clone)]
pub struct NewDevice {
    /// Whose.
    pub account: AccountId,
    /// The identity key from now on.
    pub identity: IdentityKey,
    /// The device.
    pub certificate: DeviceCertificate,
    /// Its prekeys.
    pub prekeys: PrekeyUpload,
    /// Replaces the key backup.
    pub backup: Option<Vec<u8>>,
    /// Whether the other devices leave, with their mailboxes and prekeys.
    pub replace_devices: bool,
    /// When, by the relay's clock.
    pub enrolled_at: Timestamp,
}

/// One envelope on its way into a mailbox.
#[derive(Clone, Debug)]
pub struct Append {
    /// Who sent it.
    pub from: DeviceAddress,
    /// What.
    pub envelope: Envelope,
}

/// What became of an [`Append`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It is durable at this position.
    At(u64),
    /// It had been accepted before; nothing was added.
    Repeat,
    /// The mailbox holds as many entries or bytes as it may.
    MailboxFull,
    /// The account or the device is not there.
    NoSuchDevice,
}

/// How much a mailbox may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailboxQuota {
    /// Entries.
    pub entries: u64,
    /// Bytes of ciphertext.
    pub bytes: u64,
}

/// A blob as the relay keeps books of it; its bytes are not the store's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobRecord {
    /// Which.
    pub id: BlobId,
    /// Who pays for it.
    pub owner: AccountId,
    /// All its bytes.
    pub size: u64,
    /// SHA-256 of all its bytes.
    pub digest: [u8; 32],
    /// Whether all its bytes are there.
    pub complete: bool,
    /// When it is deleted.
    pub expires_at: Timestamp,
}

/// What became of a blob's reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// It is this owner's to write: new, or begun earlier with the same size and digest.
    Yes(BlobRecord),
    /// Another blob has this id.
    Conflict,
    /// The owner's blobs would be more bytes than the quota.
    OverQuota,
}

/// What the store holds, for the operator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Accounts.
    pub accounts: u64,
    /// Devices.
    pub devices: u64,
    /// Mailbox entries.
    pub entries: u64,
    /// Blobs.
    pub blobs: u64,
    /// Bytes on disk, as far as the store knows.
    pub disk_bytes: u64,
}

/// What the relay remembers. Every method that changes something has made it durable (synced to
/// disk) when it returns `Ok`, and has changed nothing when it returns an error.
///
/// A device that leaves its account, by [`Store::enrol`], [`Store::remove_device`] or
/// [`Change::Delete`], departs in the same step from its rooms.
#[async_trait]
pub trait Store: RoomStore {
    /// The relay's own secret under this name, or `fresh`, kept from now on, if there is none.
    async fn secret(&self, name: &'static str, fresh: Vec<u8>) -> Result<Vec<u8>, StoreError>;

    /// Adds an account, its device and prekeys, and uses up the invitation: all or nothing; the
    /// role that it has. One winner per username, per invitation use, and for being the first. A
    /// name that was ever given is taken, even if its account was deleted.
    async fn register(&self, new: NewAccount) -> Result<Role, StoreError>;

    /// The account with this name.
    async fn account_by_name(&self, username: &Username) -> Result<Option<Account>, StoreError>;

    /// The account.
    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError>;

    /// Up to `limit` names that start with `prefix` and stand behind `after`, in order; and
    /// whether more follow. Suspended accounts are left out.
    async fn list_users(
        &self,
        prefix: &str,
        after: Option<&Username>,
        limit: usize,
    ) -> Result<(Vec<ListedUser>, bool), StoreError>;

    /// Adds a device to an account, replacing the others if asked: all or nothing. The same
    /// certificate again changes its prekeys only. The number of a device that is in the account,
    /// or leaves with this step, under other keys is [`StoreError::DeviceTaken`].
    async fn enrol(&self, new: NewDevice) -> Result<(), StoreError>;

    /// Changes how an account is shown.
    async fn set_display_name(&self, id: AccountId, name: DisplayName) -> Result<(), StoreError>;

    /// Removes a device with its prekeys from its account; its mail goes the way of
    /// [`Store::return_mail`].
    async fn remove_device(&self, device: DeviceAddress, now: Timestamp) -> Result<(), StoreError>;

    /// Makes an admin's change and writes the line about it into the audit log: both or neither.
    /// An admin who is not suspended is always left, once there was one: else
    /// [`StoreError::LastAdmin`], under any concurrency.
    async fn administer(&self, change: Change, entry: AuditEntry) -> Result<(), StoreError>;

    /// Posts an announcement under the next number, and writes the line about it: both or neither.
    async fn announce(
        &self,
        text: AnnouncementText,
        entry: AuditEntry,
    ) -> Result<Announcement, StoreError>;

    /// Writes a line into the audit log.
    async fn note_act(&self, entry: AuditEntry) -> Result<(), StoreError>;

    /// Up to `limit` lines of the audit log that stand before number `before`, newest first; and
    /// whether more follow.
    async fn audit(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<(Vec<AuditLine>, bool), StoreError>;

    /// Up to `limit` accounts whose names start with `prefix` and stand behind `after`, in order,
    /// suspended ones too; and whether more follow. The store knows no connections: nobody is
    /// online.
    async fn list_accounts(
        &self,
        prefix: &str,
        after: Option<&Username>,
        limit: usize,
    ) -> Result<(Vec<AccountLine>, bool), StoreError>;

    /// One account in that form.
    async fn account_line(&self, id: AccountId) -> Result<Option<AccountLine>, StoreError>;

    /// Up to `limit` invitation codes that stand behind `after`, in order; and whether more follow.
    async fn invitations(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Invitation>, bool), StoreError>;

    /// Who may register, where an admin has set it.
    async fn registration(&self) -> Result<Option<RegistrationPolicy>, StoreError>;

    /// The newest `limit` announcements with a number above `after`, in the order of the numbers.
    async fn announcements(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Announcement>, StoreError>;

    /// Adds a line to an account's login history, of which the newest
    /// [`sotto_proto::limits::LOGINS_MAX`] are kept; a success of a device is also when it was last
    /// seen. It need not be durable at once: after a crash the line may be lost.
    async fn note_login(&self, account: AccountId, line: LoginLine) -> Result<(), StoreError>;

    /// Remembers when a device was last connected; like [`Store::note_login`], it may be lost.
    async fn note_seen(&self, device: DeviceAddress, at: Timestamp) -> Result<(), StoreError>;

    /// An account's login history, newest first.
    async fn logins(&self, account: AccountId) -> Result<Vec<LoginLine>, StoreError>;

    /// Forgets up to `limit` lines of each kind that are too old, of the audit log the oldest numbers
    /// first; whether there may be more. After a crash some may be back.
    async fn forget(&self, too_old: TooOld, limit: usize) -> Result<bool, StoreError>;

    /// What everything takes.
    async fn usage(&self) -> Result<Usage, StoreError>;

    /// Adds and replaces prekeys of a device; what is left then. Ids that were used before by
    /// this device are for its owner to avoid. More than [`sotto_proto::limits::ONE_TIME_PREKEYS_MAX`]
    /// of a kind is [`StoreError::TooMany`].
    async fn publish_prekeys(
        &self,
        device: DeviceAddress,
        prekeys: PrekeyUpload,
    ) -> Result<PrekeyCount, StoreError>;

    /// How many one-time prekeys of a device are left.
    async fn count_prekeys(&self, device: DeviceAddress) -> Result<PrekeyCount, StoreError>;

    /// A bundle of each of the account's devices (of `only`, unless it is empty), each with a
    /// one-time prekey while there are any; the count that is left stands beside it. A one-time
    /// prekey is handed out once: its removal is durable before it is returned. A device that
    /// has not published a signed prekey and an ML-KEM prekey is left out.
    async fn claim_bundles(
        &self,
        account: AccountId,
        only: &[DeviceId],
    ) -> Result<Vec<(Bundle, PrekeyCount)>, StoreError>;

    /// Appends envelopes to mailboxes in the given order; what became of each, in that order.
    /// All that are reported [`Appended::At`] are durable together. A repeat of an id within a
    /// mailbox is known while the entry is there and for [`REPEAT_MEMORY_MS`] after.
    async fn append(
        &self,
        envelopes: Vec<Append>,
        quota: MailboxQuota,
        now: Timestamp,
    ) -> Result<Vec<Appended>, StoreError>;

    /// Up to `entries` entries and about `bytes` bytes of a mailbox behind position `after`, in
    /// order; at least one if there is any. None of a device that is not there.
    async fn read_mailbox(
        &self,
        device: DeviceAddress,
        after: u64,
        entries: usize,
        bytes: usize,
    ) -> Result<Vec<MailboxEntry>, StoreError>;

    /// Deletes the entries of a mailbox up to and with `up_to`. It need not be durable at once:
    /// after a crash some may be back.
    async fn consume(&self, device: DeviceAddress, up_to: u64) -> Result<(), StoreError>;

    /// Deletes up to `limit` mailbox entries accepted before `before`, leaving the senders' devices an
    /// [`sotto_proto::mailbox::Mail::Expired`] for each envelope, in one atomic step; the senders to wake.
    /// No sender to wake means that nothing is left to expire: call again until then. It also
    /// forgets envelope ids whose memory has run out.
    async fn expire_mail(
        &self,
        before: Timestamp,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<DeviceAddress>, StoreError>;

    /// Deletes up to `limit` entries of the mailboxes of devices that are no more, leaving the
    /// senders' devices a [`sotto_proto::mailbox::Mail::Returned`] for each envelope, in one atomic
    /// step; the senders to wake. No sender to wake means that nothing is left: call again until then.
    async fn return_mail(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<DeviceAddress>, StoreError>;

    /// Reserves room for a blob.
    async fn reserve_blob(&self, blob: BlobRecord, quota: u64) -> Result<Reserved, StoreError>;

    /// Marks a blob complete.
    async fn complete_blob(&self, id: BlobId) -> Result<(), StoreError>;

    /// The books on a blob.
    async fn blob(&self, id: BlobId) -> Result<Option<BlobRecord>, StoreError>;

    /// Takes up to `limit` blobs that expired before `now` off the books; their bytes may go.
    async fn expire_blobs(&self, now: Timestamp, limit: usize) -> Result<Vec<BlobId>, StoreError>;

    /// What the store holds.
    async fn census(&self) -> Result<Census, StoreError>;

    /// Writes a consistent copy of everything into `folder`, which must not exist.
    async fn backup(&self, folder: &std::path::Path) -> Result<(), StoreError>;

    /// Makes everything durable and refuses further work.
    async fn close(&self) -> Result<(), StoreError>;
}

/// For how many milliseconds after its consumption a repeat of an envelope is still recognised.
pub const REPEAT_MEMORY_MS: u64 = 7 * 24 * 60 * 60 * 1000;
