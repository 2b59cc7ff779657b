//! What the store in memory holds, and the steps that change it. The lock around it is not its
//! concern.

use std::collections::{BTreeMap, HashMap};

use sotto_proto::{
    AccountId, BlobId, Bundle, DeviceAddress, DeviceCertificate, EnvelopeId, KemPrekey,
    OneTimePrekey, PrekeyId, PrekeyUpload, SignedPrekey, Timestamp,
    directory::PrekeyCount,
    limits::ONE_TIME_PREKEYS_MAX,
    mailbox::{Mail, MailboxEntry},
};

use super::administration::Administration;
use super::rooms::Rooms;
use crate::store::{
    Account, Append, Appended, BlobRecord, MailboxQuota, NewAccount, NewDevice, REPEAT_MEMORY_MS,
    Reserved, Role, StoreError,
    rules::{Admission, admit, fits},
};

#[derive(Default)]
pub(super) struct State {
    pub(super) closed: bool,
    pub(super) secrets: HashMap<&'static str, Vec<u8>>,
    pub(super) accounts: HashMap<AccountId, Account>,
    pub(super) names: BTreeMap<String, AccountId>,
    pub(super) devices: HashMap<DeviceAddress, Device>,
    /// Where the mailboxes of an account's new devices begin.
    pub(super) sequence_floors: HashMap<AccountId, u64>,
    /// The mail of devices that are no more, by device and sequence.
    pub(super) left: BTreeMap<(DeviceAddress, u64), Mail>,
    pub(super) blobs: BTreeMap<BlobId, BlobRecord>,
    /// Blobs of deleted accounts, of which the bytes may go.
    pub(super) orphans: Vec<BlobId>,
    pub(super) rooms: Rooms,
    pub(super) administration: Administration,
}

#[derive(Default)]
pub(super) struct Device {
    pub(super) prekeys: Prekeys,
    pub(super) mailbox: Mailbox,
    pub(super) key_package: Option<Vec<u8>>,
}

#[derive(Clone, Default)]
pub(super) struct Prekeys {
    signed: Option<SignedPrekey>,
    last_resort: Option<KemPrekey>,
    one_time: BTreeMap<PrekeyId, OneTimePrekey>,
    one_time_kem: BTreeMap<PrekeyId, KemPrekey>,
}

#[derive(Default)]
pub(super) struct Mailbox {
    next: u64,
    pub(super) bytes: u64,
    pub(super) entries: BTreeMap<u64, MailboxEntry>,
    /// The ids that are known.
    seen: HashMap<EnvelopeId, Seen>,
}

struct Seen {
    sequence: u64,
    accepted_at: Timestamp,
    /// From when its memory runs, once the sweep has passed it.
    leaving: Option<Timestamp>,
}

impl Prekeys {
    pub(super) fn add(&mut self, upload: PrekeyUpload) -> Result<PrekeyCount, StoreError> {
        let mut then = self.clone();
        then.signed = upload.signed.or(then.signed);
        then.last_resort = upload.last_resort.or(then.last_resort);
        then.one_time.extend(upload.one_time.into_iter().map(|prekey| (prekey.id, prekey)));
        then.one_time_kem.extend(upload.one_time_kem.into_iter().map(|prekey| (prekey.id, prekey)));
        if then.one_time.len().max(then.one_time_kem.len()) > ONE_TIME_PREKEYS_MAX {
            return Err(StoreError::TooMany);
        }
        *self = then;
        Ok(self.count())
    }

    pub(super) fn count(&self) -> PrekeyCount {
        let count = |length| u32::try_from(length).unwrap_or(u32::MAX);
        PrekeyCount {
            one_time: count(self.one_time.len()),
            one_time_kem: count(self.one_time_kem.len()),
        }
    }

    pub(super) fn claim(&mut self, certificate: DeviceCertificate) -> Option<Bundle> {
        let signed_prekey = self.signed.clone()?;
        let kem_prekey = match self.one_time_kem.pop_first() {
            Some((_, prekey)) => prekey,
            None => self.last_resort.clone()?,
        };
        let one_time_prekey = self.one_time.pop_first().map(|(_, prekey)| prekey);
        Some(Bundle { certificate, signed_prekey, one_time_prekey, kem_prekey })
    }
}

impl Mailbox {
    fn starting_at(next: u64) -> Self {
        Self { next, ..Self::default() }
    }

    fn push(&mut self, accepted_at: Timestamp, mail: Mail) -> u64 {
        let sequence = self.next;
        self.next += 1;
        self.bytes += size(&mail);
        self.entries.insert(sequence, MailboxEntry { sequence, accepted_at, mail });
        sequence
    }

    /// Its mail, once its device is no more.
    fn left_by(self, device: DeviceAddress) -> impl Iterator<Item = ((DeviceAddress, u64), Mail)> {
        self.entries.into_values().map(move |entry| ((device, entry.sequence), entry.mail))
    }

    /// Lets the memory of ids run whose entries are gone, and forgets those that it has run out of.
    fn forget(&mut self, before: Timestamp) {
        self.seen.retain(|_, seen| {
            if let Some(since) = seen.leaving {
                return since.plus(REPEAT_MEMORY_MS) >= before;
            }
            let is_gone = !self.entries.contains_key(&seen.sequence);
            seen.leaving = (is_gone && seen.accepted_at < before).then_some(before);
            true
        });
    }

    pub(super) fn remove(&mut self, sequence: u64) -> Option<MailboxEntry> {
        let entry = self.entries.remove(&sequence)?;
        self.bytes -= size(&entry.mail);
        Some(entry)
    }
}

pub(super) fn size(mail: &Mail) -> u64 {
    match mail {
        Mail::Envelope { sealed, .. } => sealed.len() as u64,
        Mail::Expired { .. } | Mail::Returned { .. } => 0,
    }
}

impl State {
    pub(super) fn account(&mut self, id: AccountId) -> Result<&mut Account, StoreError> {
        self.accounts.get_mut(&id).ok_or(StoreError::NotFound)
    }

    pub(super) fn device(&mut self, address: DeviceAddress) -> Result<&mut Device, StoreError> {
        self.devices.get_mut(&address).ok_or(StoreError::NotFound)
    }

    pub(super) fn register(&mut self, new: NewAccount) -> Result<Role, StoreError> {
        let NewAccount { mut account, prekeys, invitation, appointment } = new;
        if self.names.contains_key(account.username.as_str()) {
            return Err(StoreError::UsernameTaken);
        }
        if self.accounts.contains_key(&account.id) {
            return Err(StoreError::Corrupt("account id drawn twice"));
        }
        if let Some(code) = &invitation
            && self.administration.invitation(code).is_none()
        {
            return Err(StoreError::Invitation);
        }
        let mut first = Prekeys::default();
        first.add(prekeys)?;
        if let Some(code) = &invitation {
            self.administration.use_invitation(code);
        }
        if let Some(appointment) = appointment
            && self.names.is_empty()
        {
            account.role = Role::Admin;
            self.administration.note(appointment);
        }
        for certificate in &account.devices {
            let address = DeviceAddress { account: account.id, device: certificate.device };
            let prekeys = std::mem::take(&mut first);
            let mailbox = Mailbox::starting_at(1);
            self.administration.enrolled(address, account.created_at);
            self.devices.insert(address, Device { prekeys, mailbox, key_package: None });
        }
        self.names.insert(account.username.as_str().to_owned(), account.id);
        let role = account.role;
        self.accounts.insert(account.id, account);
        Ok(role)
    }

    pub(super) fn enrol(&mut self, new: NewDevice) -> Result<(), StoreError> {
        let (id, now) = (new.account, new.enrolled_at);
        let address = DeviceAddress { account: id, device: new.certificate.device };
        let mut account = self.account(id)?.clone();
        match admit(&mut account, &new)? {
            Admission::Known => {
                self.device(address)?.prekeys.add(new.prekeys)?;
            }
            Admission::New { leaving } => {
                let mut prekeys = Prekeys::default();
                prekeys.add(new.prekeys)?;
                for device in leaving {
                    self.let_go(DeviceAddress { account: id, device }, now);
                }
                let floor = self.sequence_floors.get(&id).copied().unwrap_or(1);
                let mailbox = Mailbox::starting_at(floor);
                self.administration.enrolled(address, now);
                self.devices.insert(address, Device { prekeys, mailbox, key_package: None });
                self.accounts.insert(id, account);
            }
        }
        Ok(())
    }

    /// A device leaves; its mail waits to be returned.
    pub(super) fn let_go(&mut self, address: DeviceAddress, now: Timestamp) {
        if let Some(Device { mailbox, .. }) = self.devices.remove(&address) {
            let floor = self.sequence_floors.entry(address.account).or_insert(1);
            *floor = mailbox.next.max(*floor);
            self.left.extend(mailbox.left_by(address));
            self.rooms.remove_device(address, now);
        }
    }

    /// Its name stays reserved.
    pub(super) fn delete_account(
        &mut self,
        id: AccountId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.accounts.remove(&id).ok_or(StoreError::NotFound)?;
        let devices = self.devices.extract_if(|address, _| address.account == id);
        for (address, device) in devices {
            self.left.extend(device.mailbox.left_by(address));
            self.rooms.remove_device(address, now);
        }
        let owned = self.blobs.extract_if(.., |_, blob| blob.owner == id);
        self.orphans.extend(owned.map(|(id, _)| id));
        Ok(())
    }

    pub(super) fn append(
        &mut self,
        append: Append,
        quota: MailboxQuota,
        now: Timestamp,
    ) -> Appended {
        let Append { from, envelope } = append;
        let Some(Device { mailbox, .. }) = self.devices.get_mut(&envelope.to) else {
            return Appended::NoSuchDevice;
        };
        if mailbox.seen.contains_key(&envelope.id) {
            return Appended::Repeat;
        }
        let held = mailbox.entries.len() as u64;
        if !fits(quota, held, mailbox.bytes, envelope.sealed.len() as u64) {
            return Appended::MailboxFull;
        }
        let seen = Seen { sequence: mailbox.next, accepted_at: now, leaving: None };
        mailbox.seen.insert(envelope.id, seen);
        let mail = Mail::Envelope { from, id: envelope.id, sealed: envelope.sealed };
        Appended::At(mailbox.push(now, mail))
    }

    pub(super) fn expire_mail(
        &mut self,
        before: Timestamp,
        now: Timestamp,
        limit: usize,
    ) -> Vec<DeviceAddress> {
        let mut senders = Vec::new();
        loop {
            let aged = self.aged(before, limit.max(1));
            if aged.is_empty() {
                break;
            }
            for (address, sequence) in aged {
                senders.extend(self.expire_one(address, sequence, now));
            }
            if !senders.is_empty() {
                break;
            }
        }
        for device in self.devices.values_mut() {
            device.mailbox.forget(before);
        }
        senders.sort_unstable();
        senders.dedup();
        senders
    }

    fn aged(&self, before: Timestamp, limit: usize) -> Vec<(DeviceAddress, u64)> {
        let entries = self.devices.iter().flat_map(|(address, device)| {
            device
                .mailbox
                .entries
                .values()
                .map(move |entry| (entry.accepted_at, *address, entry.sequence))
        });
        let mut aged: Vec<_> = entries.filter(|(accepted_at, ..)| *accepted_at < before).collect();
        aged.sort_unstable();
        aged.truncate(limit);
        aged.into_iter().map(|(_, address, sequence)| (address, sequence)).collect()
    }

    fn expire_one(
        &mut self,
        address: DeviceAddress,
        sequence: u64,
        now: Timestamp,
    ) -> Option<DeviceAddress> {
        let mailbox = &mut self.devices.get_mut(&address)?.mailbox;
        let Mail::Envelope { from, id, .. } = mailbox.remove(sequence)?.mail else { return None };
        let sender = self.devices.get_mut(&from)?;
        sender.mailbox.push(now, Mail::Expired { to: address, id });
        Some(from)
    }

    pub(super) fn return_mail(&mut self, now: Timestamp, limit: usize) -> Vec<DeviceAddress> {
        let mut senders = Vec::new();
        while senders.is_empty() && !self.left.is_empty() {
            for _ in 0..limit.max(1) {
                let Some(((to, _), mail)) = self.left.pop_first() else { break };
                let Mail::Envelope { from, id, .. } = mail else { continue };
                if let Some(sender) = self.devices.get_mut(&from) {
                    sender.mailbox.push(now, Mail::Returned { to, id });
                    senders.push(from);
                }
            }
        }
        senders.sort_unstable();
        senders.dedup();
        senders
    }

    pub(super) fn reserve_blob(&mut self, blob: BlobRecord, quota: u64) -> Reserved {
        if let Some(known) = self.blobs.get(&blob.id) {
            let same =
                (known.owner, known.size, known.digest) == (blob.owner, blob.size, blob.digest);
            return if same { Reserved::Yes(known.clone()) } else { Reserved::Conflict };
        }
        let owned = self.blobs.values().filter(|known| known.owner == blob.owner);
        let usage: u64 = owned.map(|known| known.size).sum();
        if usage.saturating_add(blob.size) > quota {
            return Reserved::OverQuota;
        }
        self.orphans.retain(|orphan| *orphan != blob.id);
        self.blobs.insert(blob.id, blob.clone());
        Reserved::Yes(blob)
    }

    pub(super) fn expire_blobs(&mut self, now: Timestamp, limit: usize) -> Vec<BlobId> {
        let mut gone: Vec<BlobId> = self.orphans.drain(..limit.min(self.orphans.len())).collect();
        let mut due: Vec<_> = self
            .blobs
            .values()
            .filter(|blob| blob.expires_at < now)
            .map(|blob| (blob.expires_at, blob.id))
            .collect();
        due.sort_unstable();
        due.truncate(limit - gone.len());
        for (_, id) in due {
            self.blobs.remove(&id);
            gone.push(id);
        }
        gone
    }
}
