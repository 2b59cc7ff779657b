//! The store on an embedded `RocksDB`: one folder, one process, one writing thread.
//!
//! Every change is an operation of a type of its own; the writer commits those that wait
//! together, with one sync, and answers them when they are on disk. Reads go to the database
//! directly, on threads that may block, and see only what has been written. No method here
//! decides anything: the operations stand in a file for each kind.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use sotto_proto::{
    AccountId, BlobId, Bundle, DeviceAddress, DeviceId, DisplayName, EnvelopeId, PrekeyUpload,
    RoomId, Timestamp, Username,
    account::LoginLine,
    admin::{AccountLine, AuditEntry, AuditLine, Invitation},
    announcement::{Announcement, AnnouncementText},
    directory::{ListedUser, PrekeyCount},
    login::RegistrationPolicy,
    mailbox::MailboxEntry,
    room::RoomPlace,
};

use self::{
    database::Database,
    expiry::Swept,
    writer::{Operation, Writer},
};
use super::{
    Account, Append, Appended, BlobRecord, Census, Change, MailboxQuota, NewAccount, NewDevice,
    Reserved, Role, Store, StoreError, TooOld, Usage,
    rooms::{
        CommitOutcome, Founding, Listing, LogPage, MemberPlace, NewPost, Posted, RoomCommit,
        RoomGroup, RoomRecord, RoomRetention, RoomStore,
    },
};

mod accounts;
mod administration;
mod announcements;
mod audit;
mod blobs;
mod census;
mod changes;
mod database;
mod expiry;
mod invitations;
mod logins;
mod mailbox;
mod migrations;
mod prekeys;
mod returns;
mod rooms;
mod rows;
mod schema;
#[cfg(test)]
mod tests;
mod writer;

pub use database::OpenError;

/// The store in a folder. Dropping it ends its thread; [`Store::close`] also tidies up, so that
/// the next start is quick.
pub struct RocksStore {
    shared: Arc<Shared>,
    writer: Arc<Writer>,
}

/// What the writer and the readers share.
struct Shared {
    /// None when the store is closed.
    database: RwLock<Option<Database>>,
    /// Commits that were synced.
    syncs: AtomicU64,
}

impl RocksStore {
    /// Opens the store in `folder`, or makes one there. It blocks.
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        Self::start(Database::open(folder)?, folder)
    }

    fn start(database: Database, folder: &Path) -> Result<Self, OpenError> {
        let shared =
            Arc::new(Shared { database: RwLock::new(Some(database)), syncs: AtomicU64::new(0) });
        let writer = Writer::spawn(Arc::clone(&shared))
            .map_err(|source| OpenError::NotWritable { folder: folder.to_owned(), source })?;
        Ok(Self { shared, writer: Arc::new(writer) })
    }

    /// Goes on in another folder, which is made if it is not there. What was asked before is done
    /// in the folder before, what is asked after in the new one; if that cannot be opened, nothing
    /// changes. It blocks.
    pub fn switch(&self, folder: &Path) -> Result<(), OpenError> {
        let opened = Database::open(folder)?;
        let mut place = self.shared.database.write().unwrap_or_else(PoisonError::into_inner);
        let before = place.replace(opened);
        drop(place);
        if let Some(Err(error)) = before.map(|before| before.flush()) {
            // Everything in it is in its log: the next opening replays it.
            tracing::warn!(%error, "the database that was left could not be tidied up");
        }
        Ok(())
    }

    /// The folder that it is in; none once it is closed.
    pub fn folder(&self) -> Option<PathBuf> {
        let database = self.shared.database.read().unwrap_or_else(PoisonError::into_inner);
        database.as_ref().map(|database| database.folder().to_owned())
    }

    /// How many commits have been synced to disk since the store was opened: many operations
    /// share one.
    pub fn syncs(&self) -> u64 {
        self.shared.syncs.load(Ordering::Relaxed)
    }

    /// Reads on a thread that may block.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Database) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || shared.with(read))
            .await
            .map_err(|_| StoreError::Closed)?
    }

    /// Takes steps of a sweep until there are senders to wake, or nothing is left to do.
    async fn sweep(
        &self,
        step: impl Operation<Output = Swept> + Copy,
    ) -> Result<Vec<DeviceAddress>, StoreError> {
        loop {
            let swept = self.writer.perform(step).await?;
            if swept.finished || !swept.senders.is_empty() {
                return Ok(swept.senders);
            }
        }
    }
}

impl Shared {
    /// Uses the database, which stays open meanwhile.
    fn with<T>(
        &self,
        act: impl FnOnce(&Database) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        database.as_ref().ok_or(StoreError::Closed).and_then(act)
    }

    /// Waits for the reads that are under way, flushes and closes.
    fn close(&self) -> Result<(), StoreError> {
        let database = self.database.write().unwrap_or_else(PoisonError::into_inner).take();
        database.map_or(Ok(()), |database| database.flush())
    }
}

impl Drop for RocksStore {
    fn drop(&mut self) {
        self.writer.finish();
    }
}

#[async_trait]
impl Store for RocksStore {
    async fn secret(&self, name: &'static str, fresh: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        self.writer.perform(accounts::KeepSecret { name, fresh }).await
    }

    async fn register(&self, new: NewAccount) -> Result<Role, StoreError> {
        self.writer.perform(accounts::Register(new)).await
    }

    async fn account_by_name(&self, username: &Username) -> Result<Option<Account>, StoreError> {
        let username = username.clone();
        self.read(move |database| accounts::by_name(database, &username)).await
    }

    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.read(move |database| accounts::by_id(database, id)).await
    }

    async fn list_users(
        &self,
        prefix: &str,
        after: Option<&Username>,
        limit: usize,
    ) -> Result<(Vec<ListedUser>, bool), StoreError> {
        let (prefix, after) = (prefix.to_owned(), after.cloned());
        self.read(move |database| accounts::list(database, &prefix, after.as_ref(), limit)).await
    }

    async fn enrol(&self, new: NewDevice) -> Result<(), StoreError> {
        self.writer.perform(accounts::Enrol(new)).await
    }

    async fn set_display_name(&self, id: AccountId, name: DisplayName) -> Result<(), StoreError> {
        self.writer.perform(accounts::SetDisplayName { id, name }).await
    }

    async fn remove_device(&self, device: DeviceAddress, now: Timestamp) -> Result<(), StoreError> {
        self.writer.perform(accounts::Leave { device, now }).await
    }

    async fn administer(&self, change: Change, entry: AuditEntry) -> Result<(), StoreError> {
        self.writer.perform(administration::Administer { change, entry }).await
    }

    async fn announce(
        &self,
        text: AnnouncementText,
        entry: AuditEntry,
    ) -> Result<Announcement, StoreError> {
        self.writer.perform(announcements::Announce { text, entry }).await
    }

    async fn note_act(&self, entry: AuditEntry) -> Result<(), StoreError> {
        self.writer.perform(audit::Note(entry)).await
    }

    async fn audit(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<(Vec<AuditLine>, bool), StoreError> {
        self.read(move |database| audit::page(database, before, limit)).await
    }

    async fn list_accounts(
        &self,
        prefix: &str,
        after: Option<&Username>,
        limit: usize,
    ) -> Result<(Vec<AccountLine>, bool), StoreError> {
        let (prefix, after) = (prefix.to_owned(), after.cloned());
        self.read(move |database| administration::list(database, &prefix, after.as_ref(), limit))
            .await
    }

    async fn account_line(&self, id: AccountId) -> Result<Option<AccountLine>, StoreError> {
        self.read(move |database| administration::line(database, id)).await
    }

    async fn invitations(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Invitation>, bool), StoreError> {
        let after = after.map(str::to_owned);
        self.read(move |database| invitations::list(database, after.as_deref(), limit)).await
    }

    async fn registration(&self) -> Result<Option<RegistrationPolicy>, StoreError> {
        self.read(administration::registration).await
    }

    async fn announcements(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Announcement>, StoreError> {
        self.read(move |database| announcements::newest(database, after, limit)).await
    }

    async fn note_login(&self, account: AccountId, line: LoginLine) -> Result<(), StoreError> {
        self.writer.perform(logins::NoteLogin { account, line }).await
    }

    async fn note_seen(&self, device: DeviceAddress, at: Timestamp) -> Result<(), StoreError> {
        self.writer.perform(logins::NoteSeen { device, at }).await
    }

    async fn logins(&self, account: AccountId) -> Result<Vec<LoginLine>, StoreError> {
        self.read(move |database| logins::history(database, account)).await
    }

    async fn forget(&self, too_old: TooOld, limit: usize) -> Result<bool, StoreError> {
        self.writer.perform(administration::Forget { too_old, limit }).await
    }

    async fn usage(&self) -> Result<Usage, StoreError> {
        let usage = self.read(administration::usage).await?;
        Ok(Usage { syncs: self.syncs(), ..usage })
    }

    async fn publish_prekeys(
        &self,
        device: DeviceAddress,
        prekeys: PrekeyUpload,
    ) -> Result<PrekeyCount, StoreError> {
        self.writer.perform(prekeys::Publish { device, prekeys }).await
    }

    async fn count_prekeys(&self, device: DeviceAddress) -> Result<PrekeyCount, StoreError> {
        self.read(move |database| prekeys::count(database, device)).await
    }

    async fn claim_bundles(
        &self,
        account: AccountId,
        only: &[DeviceId],
    ) -> Result<Vec<(Bundle, PrekeyCount)>, StoreError> {
        self.writer.perform(prekeys::Claim { account, only: only.to_vec() }).await
    }

    async fn append(
        &self,
        envelopes: Vec<Append>,
        quota: MailboxQuota,
        now: Timestamp,
    ) -> Result<Vec<Appended>, StoreError> {
        self.writer.perform(mailbox::AppendAll { envelopes, quota, now }).await
    }

    async fn read_mailbox(
        &self,
        device: DeviceAddress,
        after: u64,
        entries: usize,
        bytes: usize,
    ) -> Result<Vec<MailboxEntry>, StoreError> {
        self.read(move |database| mailbox::read(database, device, after, entries, bytes)).await
    }

    async fn consume(&self, device: DeviceAddress, up_to: u64) -> Result<(), StoreError> {
        self.writer.perform(mailbox::Consume { device, up_to }).await
    }

    async fn expire_mail(
        &self,
        before: Timestamp,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<DeviceAddress>, StoreError> {
        self.sweep(expiry::Sweep { before, now, limit }).await
    }

    async fn return_mail(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<DeviceAddress>, StoreError> {
        self.sweep(returns::Return { now, limit }).await
    }

    async fn reserve_blob(&self, blob: BlobRecord, quota: u64) -> Result<Reserved, StoreError> {
        self.writer.perform(blobs::Reserve { blob, quota }).await
    }

    async fn complete_blob(&self, id: BlobId) -> Result<(), StoreError> {
        self.writer.perform(blobs::Complete(id)).await
    }

    async fn blob(&self, id: BlobId) -> Result<Option<BlobRecord>, StoreError> {
        self.read(move |database| blobs::load(database, id)).await
    }

    async fn expire_blobs(&self, now: Timestamp, limit: usize) -> Result<Vec<BlobId>, StoreError> {
        self.writer.perform(blobs::Expire { now, limit }).await
    }

    async fn census(&self) -> Result<Census, StoreError> {
        self.read(|database| {
            let disk_bytes = database.disk_bytes()?;
            Ok(Census { disk_bytes, ..census::load(database)? })
        })
        .await
    }

    async fn backup(&self, folder: &Path) -> Result<(), StoreError> {
        let folder: PathBuf = folder.to_owned();
        self.read(move |database| database.copy_to(&folder)).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        let (writer, shared) = (Arc::clone(&self.writer), Arc::clone(&self.shared));
        tokio::task::spawn_blocking(move || {
            writer.finish();
            shared.close()
        })
        .await
        .map_err(|_| StoreError::Closed)?
    }
}

#[async_trait]
impl RoomStore for RocksStore {
    async fn lobby(
        &self,
        fresh: RoomId,
        listing: Listing,
        now: Timestamp,
    ) -> Result<RoomId, StoreError> {
        self.writer.perform(rooms::Lobby { fresh, listing, now }).await
    }

    async fn found_room(
        &self,
        founding: Founding,
        now: Timestamp,
    ) -> Result<CommitOutcome, StoreError> {
        self.writer.perform(rooms::commit::Found { founding, now }).await
    }

    async fn commit_room(
        &self,
        commit: RoomCommit,
        now: Timestamp,
    ) -> Result<CommitOutcome, StoreError> {
        self.writer.perform(rooms::commit::Commit { commit, now }).await
    }

    async fn post_to_rooms(
        &self,
        posts: Vec<NewPost>,
        now: Timestamp,
    ) -> Result<Vec<Posted>, StoreError> {
        self.writer.perform(rooms::log::PostAll { posts, now }).await
    }

    async fn leave_room(
        &self,
        room: RoomId,
        account: AccountId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.writer.perform(rooms::commit::Leave { room, account, now }).await
    }

    async fn delete_room(&self, room: RoomId) -> Result<(), StoreError> {
        self.writer.perform(rooms::Delete(room)).await
    }

    async fn room(&self, room: RoomId) -> Result<Option<RoomRecord>, StoreError> {
        self.read(move |database| rooms::record(database, room)).await
    }

    async fn group(&self, room: RoomId) -> Result<Option<RoomGroup>, StoreError> {
        self.read(move |database| rooms::group(database, room)).await
    }

    async fn room_tree(&self, room: RoomId, epoch: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(move |database| rooms::tree(database, room, epoch)).await
    }

    async fn room_entry(&self, room: RoomId, id: EnvelopeId) -> Result<Option<u64>, StoreError> {
        self.read(move |database| rooms::log::find(database, room, id)).await
    }

    async fn list_rooms(
        &self,
        after: Option<RoomId>,
        limit: usize,
        only_open: bool,
    ) -> Result<(Vec<RoomRecord>, bool), StoreError> {
        self.read(move |database| rooms::list(database, after, limit, only_open)).await
    }

    async fn room_devices(&self, room: RoomId) -> Result<Vec<DeviceAddress>, StoreError> {
        self.read(move |database| {
            let members = rooms::members(database, room)?.into_iter();
            Ok(members.filter(|(_, row)| row.until.is_none()).map(|(device, _)| device).collect())
        })
        .await
    }

    async fn room_place(
        &self,
        room: RoomId,
        device: DeviceAddress,
    ) -> Result<Option<MemberPlace>, StoreError> {
        self.read(move |database| rooms::place(database, room, device)).await
    }

    async fn room_places(&self, device: DeviceAddress) -> Result<Vec<MemberPlace>, StoreError> {
        self.read(move |database| rooms::places(database, device)).await
    }

    async fn read_room(
        &self,
        room: RoomId,
        device: DeviceAddress,
        after: u64,
        entries: usize,
        bytes: usize,
    ) -> Result<LogPage, StoreError> {
        self.read(move |database| rooms::log::read(database, room, device, after, entries, bytes))
            .await
    }

    async fn consume_rooms(
        &self,
        device: DeviceAddress,
        places: Vec<RoomPlace>,
    ) -> Result<(), StoreError> {
        self.writer.perform(rooms::log::Consume { device, places }).await
    }

    async fn expire_room(
        &self,
        after: Option<RoomId>,
        retention: RoomRetention,
        now: Timestamp,
        limit: usize,
    ) -> Result<Option<RoomId>, StoreError> {
        self.writer.perform(rooms::retention::Expire { after, retention, now, limit }).await
    }

    async fn set_key_package(
        &self,
        device: DeviceAddress,
        key_package: Vec<u8>,
    ) -> Result<(), StoreError> {
        self.writer.perform(rooms::SetKeyPackage { device, key_package }).await
    }

    async fn key_packages(
        &self,
        account: AccountId,
    ) -> Result<Vec<(DeviceAddress, Vec<u8>)>, StoreError> {
        self.read(move |database| rooms::key_packages(database, account)).await
    }
}
