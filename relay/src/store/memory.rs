//! A store in memory, for tests of the layers above: as strict as the real one, durable for as
//! long as the process runs. It is no cache and stands behind no other store.

use std::{
    ops::Bound,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
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

use self::state::{Device, State, size};
use super::{
    Account, Append, Appended, BlobRecord, Census, Change, MailboxQuota, NewAccount, NewDevice,
    Reserved, Role, Store, StoreError, TooOld, Usage,
    rooms::{
        CommitOutcome, Founding, Listing, LogPage, MemberPlace, NewPost, Posted, RoomCommit,
        RoomGroup, RoomRecord, RoomRetention, RoomStore,
    },
};

mod administration;
mod rooms;
mod state;

/// Everything behind one lock, so that every method is one atomic step.
#[derive(Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn open(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.closed { Err(StoreError::Closed) } else { Ok(state) }
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn secret(&self, name: &'static str, fresh: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        Ok(self.open()?.secrets.entry(name).or_insert(fresh).clone())
    }

    async fn register(&self, new: NewAccount) -> Result<Role, StoreError> {
        self.open()?.register(new)
    }

    async fn account_by_name(&self, username: &Username) -> Result<Option<Account>, StoreError> {
        let state = self.open()?;
        let id = state.names.get(username.as_str());
        Ok(id.and_then(|id| state.accounts.get(id)).cloned())
    }

    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        Ok(self.open()?.accounts.get(&id).cloned())
    }

    async fn list_users(
        &self,
        prefix: &str,
        after: Option<&Username>,
        limit: usize,
    ) -> Result<(Vec<ListedUser>, bool), StoreError> {
        let state = self.open()?;
        let start = after.map_or(Bound::Unbounded, |after| Bound::Excluded(after.as_str()));
        let mut users: Vec<ListedUser> = state
            .names
            .range::<str, _>((start, Bound::Unbounded))
            .filter(|(name, _)| name.starts_with(prefix))
            .filter_map(|(_, id)| state.accounts.get(id))
            .filter(|account| !account.suspended)
            .take(limit.saturating_add(1))
            .map(|account| ListedUser {
                username: account.username.clone(),
                display_name: account.display_name.clone(),
            })
            .collect();
        let more = users.len() > limit;
        users.truncate(limit);
        Ok((users, more))
    }

    async fn enrol(&self, new: NewDevice) -> Result<(), StoreError> {
        self.open()?.enrol(new)
    }

    async fn set_display_name(&self, id: AccountId, name: DisplayName) -> Result<(), StoreError> {
        self.open()?.account(id)?.display_name = name;
        Ok(())
    }

    async fn remove_device(&self, device: DeviceAddress, now: Timestamp) -> Result<(), StoreError> {
        self.open()?.remove_device(device, now)
    }

    async fn administer(&self, change: Change, entry: AuditEntry) -> Result<(), StoreError> {
        self.open()?.administer(change, entry)
    }

    async fn announce(
        &self,
        text: AnnouncementText,
        entry: AuditEntry,
    ) -> Result<Announcement, StoreError> {
        Ok(self.open()?.administration.announce(text, entry))
    }

    async fn note_act(&self, entry: AuditEntry) -> Result<(), StoreError> {
        self.open()?.administration.note(entry);
        Ok(())
    }

    async fn audit(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<(Vec<AuditLine>, bool), StoreError> {
        let state = self.open()?;
        let older = state.administration.audit.range(..before.unwrap_or(u64::MAX));
        let lines = older.rev().map(|(number, entry)| (*number, entry.clone()));
        Ok(page(lines.map(|(number, entry)| AuditLine { number, entry }), limit))
    }

    async fn list_accounts(
        &self,
        prefix: &str,
        after: Option<&Username>,
        limit: usize,
    ) -> Result<(Vec<AccountLine>, bool), StoreError> {
        let state = self.open()?;
        let start = after.map_or(Bound::Unbounded, |after| Bound::Excluded(after.as_str()));
        let accounts = state
            .names
            .range::<str, _>((start, Bound::Unbounded))
            .filter(|(name, _)| name.starts_with(prefix))
            .filter_map(|(_, id)| state.accounts.get(id));
        Ok(page(accounts.map(|account| state.account_line(account)), limit))
    }

    async fn account_line(&self, id: AccountId) -> Result<Option<AccountLine>, StoreError> {
        let state = self.open()?;
        Ok(state.accounts.get(&id).map(|account| state.account_line(account)))
    }

    async fn invitations(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Invitation>, bool), StoreError> {
        let state = self.open()?;
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let all = state.administration.invitations.range::<str, _>((start, Bound::Unbounded));
        Ok(page(all.map(|(_, invitation)| invitation.clone()), limit))
    }

    async fn registration(&self) -> Result<Option<RegistrationPolicy>, StoreError> {
        Ok(self.open()?.administration.registration)
    }

    async fn announcements(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Announcement>, StoreError> {
        let state = self.open()?;
        let behind = (Bound::Excluded(after), Bound::Unbounded);
        let all = state.administration.announcements.range(behind);
        let mut newest: Vec<_> = all.rev().take(limit).map(|(_, one)| one.clone()).collect();
        newest.reverse();
        Ok(newest)
    }

    async fn note_login(&self, account: AccountId, line: LoginLine) -> Result<(), StoreError> {
        self.open()?.note_login(account, line)
    }

    async fn note_seen(&self, device: DeviceAddress, at: Timestamp) -> Result<(), StoreError> {
        self.open()?.note_seen(device, at);
        Ok(())
    }

    async fn logins(&self, account: AccountId) -> Result<Vec<LoginLine>, StoreError> {
        let state = self.open()?;
        Ok(state.administration.logins.get(&account).into_iter().flatten().copied().collect())
    }

    async fn forget(&self, too_old: TooOld, _limit: usize) -> Result<bool, StoreError> {
        self.open()?.administration.forget(too_old);
        Ok(false)
    }

    async fn usage(&self) -> Result<Usage, StoreError> {
        Ok(self.open()?.usage())
    }

    async fn publish_prekeys(
        &self,
        device: DeviceAddress,
        prekeys: PrekeyUpload,
    ) -> Result<PrekeyCount, StoreError> {
        self.open()?.device(device)?.prekeys.add(prekeys)
    }

    async fn count_prekeys(&self, device: DeviceAddress) -> Result<PrekeyCount, StoreError> {
        Ok(self.open()?.device(device)?.prekeys.count())
    }

    async fn claim_bundles(
        &self,
        account: AccountId,
        only: &[DeviceId],
    ) -> Result<Vec<(Bundle, PrekeyCount)>, StoreError> {
        let mut state = self.open()?;
        let certificates = state.account(account)?.devices.clone();
        let mut bundles = Vec::new();
        for certificate in certificates {
            if only.is_empty() || only.contains(&certificate.device) {
                let address = DeviceAddress { account, device: certificate.device };
                let prekeys = &mut state.device(address)?.prekeys;
                let bundle = prekeys.claim(certificate);
                bundles.extend(bundle.map(|bundle| (bundle, prekeys.count())));
            }
        }
        Ok(bundles)
    }

    async fn append(
        &self,
        envelopes: Vec<Append>,
        quota: MailboxQuota,
        now: Timestamp,
    ) -> Result<Vec<Appended>, StoreError> {
        let mut state = self.open()?;
        Ok(envelopes.into_iter().map(|append| state.append(append, quota, now)).collect())
    }

    async fn read_mailbox(
        &self,
        device: DeviceAddress,
        after: u64,
        entries: usize,
        bytes: usize,
    ) -> Result<Vec<MailboxEntry>, StoreError> {
        let mut page = Vec::new();
        let mut total = 0;
        if let Some(Device { mailbox, .. }) = self.open()?.devices.get(&device) {
            let behind = (Bound::Excluded(after), Bound::Unbounded);
            for entry in mailbox.entries.range(behind).map(|(_, entry)| entry) {
                total += size(&entry.mail);
                if !page.is_empty() && (page.len() >= entries || total > bytes as u64) {
                    break;
                }
                page.push(entry.clone());
            }
        }
        Ok(page)
    }

    async fn consume(&self, device: DeviceAddress, up_to: u64) -> Result<(), StoreError> {
        if let Some(Device { mailbox, .. }) = self.open()?.devices.get_mut(&device) {
            while let Some((&sequence, _)) = mailbox.entries.range(..=up_to).next() {
                mailbox.remove(sequence);
            }
        }
        Ok(())
    }

    async fn expire_mail(
        &self,
        before: Timestamp,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<DeviceAddress>, StoreError> {
        Ok(self.open()?.expire_mail(before, now, limit))
    }

    async fn return_mail(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<DeviceAddress>, StoreError> {
        Ok(self.open()?.return_mail(now, limit))
    }

    async fn reserve_blob(&self, blob: BlobRecord, quota: u64) -> Result<Reserved, StoreError> {
        Ok(self.open()?.reserve_blob(blob, quota))
    }

    async fn complete_blob(&self, id: BlobId) -> Result<(), StoreError> {
        self.open()?.blobs.get_mut(&id).ok_or(StoreError::NotFound)?.complete = true;
        Ok(())
    }

    async fn blob(&self, id: BlobId) -> Result<Option<BlobRecord>, StoreError> {
        Ok(self.open()?.blobs.get(&id).cloned())
    }

    async fn expire_blobs(&self, now: Timestamp, limit: usize) -> Result<Vec<BlobId>, StoreError> {
        Ok(self.open()?.expire_blobs(now, limit))
    }

    async fn census(&self) -> Result<Census, StoreError> {
        let state = self.open()?;
        let entries: usize =
            state.devices.values().map(|device| device.mailbox.entries.len()).sum();
        Ok(Census {
            accounts: state.accounts.len() as u64,
            devices: state.devices.len() as u64,
            entries: entries as u64,
            blobs: state.blobs.len() as u64,
            disk_bytes: 0,
        })
    }

    async fn backup(&self, _folder: &Path) -> Result<(), StoreError> {
        Err(StoreError::Database("a store in memory has nothing to copy".into()))
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        Ok(())
    }
}

#[async_trait]
impl RoomStore for MemoryStore {
    async fn lobby(
        &self,
        fresh: RoomId,
        listing: Listing,
        now: Timestamp,
    ) -> Result<RoomId, StoreError> {
        Ok(self.open()?.rooms.make_lobby(fresh, listing, now))
    }

    async fn found_room(
        &self,
        founding: Founding,
        now: Timestamp,
    ) -> Result<CommitOutcome, StoreError> {
        self.open()?.rooms.found(founding, now)
    }

    async fn commit_room(
        &self,
        commit: RoomCommit,
        now: Timestamp,
    ) -> Result<CommitOutcome, StoreError> {
        self.open()?.rooms.commit(commit, now)
    }

    async fn post_to_rooms(
        &self,
        posts: Vec<NewPost>,
        now: Timestamp,
    ) -> Result<Vec<Posted>, StoreError> {
        let mut state = self.open()?;
        Ok(posts.into_iter().map(|post| state.rooms.post(post, now)).collect())
    }

    async fn leave_room(
        &self,
        room: RoomId,
        account: AccountId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(self.open()?.rooms.leave(room, account, now))
    }

    async fn delete_room(&self, room: RoomId) -> Result<(), StoreError> {
        self.open()?.rooms.delete(room)
    }

    async fn room(&self, room: RoomId) -> Result<Option<RoomRecord>, StoreError> {
        Ok(self.open()?.rooms.record(room))
    }

    async fn group(&self, room: RoomId) -> Result<Option<RoomGroup>, StoreError> {
        Ok(self.open()?.rooms.all.get(&room).and_then(|room| room.group.clone()))
    }

    async fn room_tree(&self, room: RoomId, epoch: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let state = self.open()?;
        Ok(state.rooms.all.get(&room).and_then(|room| room.trees.get(&epoch)).cloned())
    }

    async fn room_entry(&self, room: RoomId, id: EnvelopeId) -> Result<Option<u64>, StoreError> {
        Ok(self.open()?.rooms.find(room, id))
    }

    async fn list_rooms(
        &self,
        after: Option<RoomId>,
        limit: usize,
        only_open: bool,
    ) -> Result<(Vec<RoomRecord>, bool), StoreError> {
        Ok(self.open()?.rooms.list(after, limit, only_open))
    }

    async fn room_devices(&self, room: RoomId) -> Result<Vec<DeviceAddress>, StoreError> {
        let state = self.open()?;
        Ok(state.rooms.all.get(&room).map(rooms::Room::devices).unwrap_or_default())
    }

    async fn room_place(
        &self,
        room: RoomId,
        device: DeviceAddress,
    ) -> Result<Option<MemberPlace>, StoreError> {
        Ok(self.open()?.rooms.place(room, device))
    }

    async fn room_places(&self, device: DeviceAddress) -> Result<Vec<MemberPlace>, StoreError> {
        Ok(self.open()?.rooms.places(device))
    }

    async fn read_room(
        &self,
        room: RoomId,
        device: DeviceAddress,
        after: u64,
        entries: usize,
        bytes: usize,
    ) -> Result<LogPage, StoreError> {
        Ok(self.open()?.rooms.read(room, device, after, (entries, bytes)))
    }

    async fn consume_rooms(
        &self,
        device: DeviceAddress,
        places: Vec<RoomPlace>,
    ) -> Result<(), StoreError> {
        self.open()?.rooms.consume(device, places);
        Ok(())
    }

    async fn expire_room(
        &self,
        after: Option<RoomId>,
        retention: RoomRetention,
        now: Timestamp,
        limit: usize,
    ) -> Result<Option<RoomId>, StoreError> {
        Ok(self.open()?.rooms.expire(after, retention, now, limit))
    }

    async fn set_key_package(
        &self,
        device: DeviceAddress,
        key_package: Vec<u8>,
    ) -> Result<(), StoreError> {
        self.open()?.device(device)?.key_package = Some(key_package);
        Ok(())
    }

    async fn key_packages(
        &self,
        account: AccountId,
    ) -> Result<Vec<(DeviceAddress, Vec<u8>)>, StoreError> {
        let state = self.open()?;
        let devices = state.devices.iter().filter(|(address, _)| address.account == account);
        let mut found: Vec<_> = devices
            .filter_map(|(address, device)| Some((*address, device.key_package.clone()?)))
            .collect();
        found.sort_unstable();
        Ok(found)
    }
}

/// The first `limit` of some, and whether there are more.
fn page<T>(all: impl Iterator<Item = T>, limit: usize) -> (Vec<T>, bool) {
    let mut page: Vec<T> = all.take(limit.saturating_add(1)).collect();
    let more = page.len() > limit;
    page.truncate(limit);
    (page, more)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::MemoryStore;
    use crate::store::conformance::{samples::Tested, suite};

    fn fresh() -> (Tested, ()) {
        (Arc::new(MemoryStore::new()), ())
    }

    suite!(crate::store::memory::tests::fresh);
}
