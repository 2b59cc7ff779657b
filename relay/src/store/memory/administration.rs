//! What the store in memory keeps for admins: the audit log, announcements, login histories.

use std::collections::{BTreeMap, HashMap, VecDeque};

use sotto_proto::{
    AccountId, DeviceAddress, Timestamp,
    account::{DeviceLine, LoginLine},
    admin::{AccountLine, AuditEntry, Invitation, Storage},
    announcement::{Announcement, AnnouncementText},
    limits::LOGINS_MAX,
    login::RegistrationPolicy,
};

use super::state::State;
use crate::store::{Account, Change, Role, StoreError, TooOld, Usage, rules};

#[derive(Default)]
pub(super) struct Administration {
    pub(super) audit: BTreeMap<u64, AuditEntry>,
    audited: u64,
    pub(super) announcements: BTreeMap<u64, Announcement>,
    announced: u64,
    pub(super) registration: Option<RegistrationPolicy>,
    pub(super) invitations: BTreeMap<String, Invitation>,
    pub(super) logins: HashMap<AccountId, VecDeque<LoginLine>>,
    enrolled: HashMap<DeviceAddress, Timestamp>,
    seen: HashMap<DeviceAddress, Timestamp>,
    accounts_seen: HashMap<AccountId, Timestamp>,
}

impl Administration {
    pub(super) fn note(&mut self, entry: AuditEntry) {
        self.audited += 1;
        self.audit.insert(self.audited, entry);
    }

    pub(super) fn announce(&mut self, text: AnnouncementText, entry: AuditEntry) -> Announcement {
        self.announced += 1;
        let posted = Announcement { number: self.announced, at: entry.at, text };
        self.announcements.insert(posted.number, posted.clone());
        self.note(entry);
        posted
    }

    /// The invitation, if it has uses left.
    pub(super) fn invitation(&mut self, code: &str) -> Option<&mut Invitation> {
        self.invitations.get_mut(code)
    }

    pub(super) fn use_invitation(&mut self, code: &str) {
        if let Some(invitation) = self.invitations.get_mut(code) {
            invitation.uses_left -= 1;
            if invitation.uses_left == 0 {
                self.invitations.remove(code);
            }
        }
    }

    pub(super) fn enrolled(&mut self, device: DeviceAddress, at: Timestamp) {
        self.enrolled.insert(device, at);
        self.seen.remove(&device);
    }

    pub(super) fn forget(&mut self, too_old: TooOld) {
        while self.audit.first_key_value().is_some_and(|(_, oldest)| oldest.at < too_old.audit) {
            self.audit.pop_first();
        }
        self.announcements.retain(|_, one| one.at >= too_old.announcements);
        for lines in self.logins.values_mut() {
            lines.retain(|line| line.at >= too_old.logins);
        }
    }
}

impl State {
    pub(super) fn administer(
        &mut self,
        change: Change,
        entry: AuditEntry,
    ) -> Result<(), StoreError> {
        match change {
            Change::Suspend(id) => self.change(id, |account| account.suspended = true)?,
            Change::Restore(id) => self.change(id, |account| account.suspended = false)?,
            Change::Promote(id) => self.change(id, |account| account.role = Role::Admin)?,
            Change::Demote(id) => self.change(id, |account| account.role = Role::Member)?,
            Change::Delete(id) => {
                let account = self.accounts.get(&id).ok_or(StoreError::NotFound)?;
                rules::admins_after(self.admins(), account, None)?;
                self.delete_account(id, entry.at)?;
                self.administration.logins.remove(&id);
            }
            Change::Invite(new) if new.uses_left == 0 => {
                self.administration.invitations.remove(&new.code);
            }
            Change::Invite(new) => {
                self.administration.invitations.insert(new.code.clone(), new);
            }
            Change::Revoke(code) => {
                let gone = self.administration.invitations.remove(&code);
                gone.ok_or(StoreError::NoSuchInvitation)?;
            }
            Change::SetRegistration(policy) => self.administration.registration = policy,
            Change::DeleteRoom(room) => self.rooms.delete(room)?,
            Change::Withdraw(number) => {
                let gone = self.administration.announcements.remove(&number);
                gone.ok_or(StoreError::NoSuchAnnouncement)?;
            }
        }
        self.administration.note(entry);
        Ok(())
    }

    fn change(
        &mut self,
        id: AccountId,
        change: impl FnOnce(&mut Account),
    ) -> Result<(), StoreError> {
        let before = self.account(id)?.clone();
        let mut after = before.clone();
        change(&mut after);
        rules::admins_after(self.admins(), &before, Some(&after))?;
        self.accounts.insert(id, after);
        Ok(())
    }

    fn admins(&self) -> u64 {
        self.accounts.values().filter(|account| rules::administers(account)).count() as u64
    }

    pub(super) fn note_login(
        &mut self,
        account: AccountId,
        line: LoginLine,
    ) -> Result<(), StoreError> {
        self.account(account)?;
        let lines = self.administration.logins.entry(account).or_default();
        lines.push_front(line);
        lines.truncate(LOGINS_MAX);
        if let Some(device) = line.device.filter(|_| line.refused.is_none()) {
            self.note_seen(DeviceAddress { account, device }, line.at);
        }
        Ok(())
    }

    pub(super) fn note_seen(&mut self, device: DeviceAddress, at: Timestamp) {
        if self.devices.contains_key(&device) {
            self.administration.seen.insert(device, at);
            self.administration.accounts_seen.insert(device.account, at);
        }
    }

    pub(super) fn account_line(&self, account: &Account) -> AccountLine {
        let mut storage = Storage::default();
        for (_, device) in self.devices.iter().filter(|(address, _)| address.account == account.id)
        {
            storage.mailbox_entries += device.mailbox.entries.len() as u64;
            storage.mailbox_bytes += device.mailbox.bytes;
        }
        let owned = self.blobs.values().filter(|blob| blob.owner == account.id);
        storage.blob_bytes = owned.map(|blob| blob.size).sum();
        let devices = account.devices.iter().map(|certificate| {
            let address = DeviceAddress { account: account.id, device: certificate.device };
            let enrolled = self.administration.enrolled.get(&address);
            DeviceLine {
                id: certificate.device,
                enrolled_at: enrolled.copied().unwrap_or(certificate.issued_at),
                last_seen: self.administration.seen.get(&address).copied(),
                online: false,
            }
        });
        AccountLine {
            username: account.username.clone(),
            display_name: account.display_name.clone(),
            admin: account.role == Role::Admin,
            suspended: account.suspended,
            created_at: account.created_at,
            last_seen: self.administration.accounts_seen.get(&account.id).copied(),
            devices: devices.collect(),
            storage,
        }
    }

    pub(super) fn remove_device(
        &mut self,
        device: DeviceAddress,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let account = self.account(device.account)?;
        let before = account.devices.len();
        account.devices.retain(|known| known.device != device.device);
        if account.devices.len() == before {
            return Err(StoreError::NotFound);
        }
        self.let_go(device, now);
        Ok(())
    }

    pub(super) fn usage(&self) -> Usage {
        Usage {
            mailbox_bytes: self.devices.values().map(|device| device.mailbox.bytes).sum(),
            blob_bytes: self.blobs.values().map(|blob| blob.size).sum(),
            syncs: 0,
        }
    }
}
