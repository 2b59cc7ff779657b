//! Accounts, their names and devices, and the relay's own secrets.

use std::ops::ControlFlow;

use sotto_proto::{
    AccountId, DeviceAddress, DeviceId, DisplayName, Timestamp, Username,
    directory::{ListedUser, PrekeyCount},
};

use super::{
    audit, blobs, census,
    changes::Changes,
    database::Rows,
    invitations, logins, mailbox, prekeys,
    rooms::commit::depart_everywhere,
    rows::{MailboxRow, NameRow, StoredAccount, from_cbor, to_cbor},
    schema::{self, ADMINS_KEY, Parts, Table, behind},
    writer::Operation,
};
use crate::store::{
    Account, NewAccount, NewDevice, Role, StoreError,
    rules::{Admission, administers, admins_after, admit},
};

/// Keeps a secret, unless there is one of this name.
pub(super) struct KeepSecret {
    /// The name.
    pub(super) name: &'static str,
    /// The secret.
    pub(super) fresh: Vec<u8>,
}

impl Operation for KeepSecret {
    type Output = Vec<u8>;

    fn apply(self, changes: &mut Changes<'_>) -> Result<Vec<u8>, StoreError> {
        let key = schema::secret(self.name);
        if let Some(kept) = changes.get(Table::Meta, &key)? {
            return Ok(kept);
        }
        changes.put(Table::Meta, key, self.fresh.clone());
        Ok(self.fresh)
    }
}

/// Adds an account.
pub(super) struct Register(pub(super) NewAccount);

impl Operation for Register {
    type Output = Role;

    fn apply(self, changes: &mut Changes<'_>) -> Result<Role, StoreError> {
        let Self(NewAccount { mut account, prekeys, invitation, appointment }) = self;
        let name = account.username.as_str().as_bytes();
        if changes.get(Table::Names, name)?.is_some() {
            return Err(StoreError::UsernameTaken);
        }
        if changes.get(Table::Accounts, account.id.as_bytes())?.is_some() {
            // Ids are drawn at random by the relay: its randomness is broken.
            return Err(StoreError::Corrupt("account id drawn twice"));
        }
        if let Some(code) = invitation {
            invitations::take(changes, code)?;
        }
        if let Some(appointment) = appointment
            && is_first(changes)?
        {
            account.role = Role::Admin;
            audit::push(changes, &appointment)?;
        }
        if administers(&account) {
            let admins = load_admins(changes)?;
            store_admins(changes, admins + 1);
        }
        let (id, role, enrolled_at) = (account.id, account.role, account.created_at);
        let devices: Vec<DeviceId> = account.devices.iter().map(|known| known.device).collect();
        store(changes, &StoredAccount { account, sequence_floor: 1 })?;
        // The upload is the first device's; an account enters with one.
        let mut upload = Some(prekeys);
        for device in devices {
            let address = DeviceAddress { account: id, device };
            let upload = upload.take().unwrap_or_default();
            add_device(changes, address, Mailbox { first: 1, enrolled_at }, upload)?;
        }
        census::adjust(changes, |census| census.accounts += 1)?;
        Ok(role)
    }
}

/// Adds a device to an account.
pub(super) struct Enrol(pub(super) NewDevice);

impl Operation for Enrol {
    type Output = ();

    fn apply(self, changes: &mut Changes<'_>) -> Result<(), StoreError> {
        let Self(new) = self;
        let mut stored = load(changes, new.account)?;
        let address = DeviceAddress { account: new.account, device: new.certificate.device };
        match admit(&mut stored.account, &new)? {
            Admission::Known => {
                let count = prekeys::count(changes, address)?;
                prekeys::publish(changes, address, count, new.prekeys)?;
            }
            Admission::New { leaving } => {
                for device in leaving {
                    let address = DeviceAddress { account: new.account, device };
                    let next = remove_device(changes, address, new.enrolled_at)?;
                    stored.sequence_floor = stored.sequence_floor.max(next);
                }
                let first = stored.sequence_floor;
                let mailbox = Mailbox { first, enrolled_at: new.enrolled_at };
                add_device(changes, address, mailbox, new.prekeys)?;
                store(changes, &stored)?;
            }
        }
        Ok(())
    }
}

/// Changes how an account is shown.
pub(super) struct SetDisplayName {
    /// Which.
    pub(super) id: AccountId,
    /// How.
    pub(super) name: DisplayName,
}

impl Operation for SetDisplayName {
    type Output = ();

    fn apply(self, changes: &mut Changes<'_>) -> Result<(), StoreError> {
        let mut stored = load(changes, self.id)?;
        stored.account.display_name = self.name;
        store(changes, &stored)
    }
}

/// Removes a device from its account.
pub(super) struct Leave {
    /// Which.
    pub(super) device: DeviceAddress,
    /// When.
    pub(super) now: Timestamp,
}

impl Operation for Leave {
    type Output = ();

    fn apply(self, changes: &mut Changes<'_>) -> Result<(), StoreError> {
        let Self { device: address, now } = self;
        let mut stored = load(changes, address.account)?;
        let devices = &mut stored.account.devices;
        let before = devices.len();
        devices.retain(|known| known.device != address.device);
        if devices.len() == before {
            return Err(StoreError::NotFound);
        }
        let next = remove_device(changes, address, now)?;
        stored.sequence_floor = stored.sequence_floor.max(next);
        store(changes, &stored)
    }
}

/// Changes what an account may do; the admins who can log in stay counted.
pub(super) fn change(
    changes: &mut Changes<'_>,
    id: AccountId,
    change: impl FnOnce(&mut Account),
) -> Result<(), StoreError> {
    let mut stored = load(changes, id)?;
    let before = stored.account.clone();
    change(&mut stored.account);
    let admins = admins_after(load_admins(changes)?, &before, Some(&stored.account))?;
    store_admins(changes, admins);
    store(changes, &stored)
}

/// Deletes an account with all that is its; its name stays reserved.
pub(super) fn delete(
    changes: &mut Changes<'_>,
    id: AccountId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let account = load(changes, id)?.account;
    let admins = admins_after(load_admins(changes)?, &account, None)?;
    store_admins(changes, admins);
    for certificate in &account.devices {
        remove_device(changes, DeviceAddress { account: id, device: certificate.device }, now)?;
    }
    blobs::remove_all(changes, id)?;
    logins::remove_all(changes, id);
    changes.put(Table::Names, account.username.as_str().as_bytes().to_vec(), Vec::new());
    changes.delete(Table::Accounts, id.as_bytes().to_vec());
    census::adjust(changes, |census| census.accounts = census.accounts.saturating_sub(1))
}

/// Whether no name was ever given.
fn is_first(rows: &impl Rows) -> Result<bool, StoreError> {
    let mut is_first = true;
    rows.visit(Table::Names, &[], &behind(&[]), &mut |_, _| {
        is_first = false;
        Ok(ControlFlow::Break(()))
    })?;
    Ok(is_first)
}

fn load_admins(rows: &impl Rows) -> Result<u64, StoreError> {
    match rows.get(Table::Meta, ADMINS_KEY)? {
        Some(row) => Parts::of(&row, "admins").number(),
        None => Ok(0),
    }
}

/// Writes how many admins can log in.
pub(super) fn store_admins(changes: &mut Changes<'_>, admins: u64) {
    changes.put(Table::Meta, ADMINS_KEY.to_vec(), admins.to_be_bytes().to_vec());
}

/// How a device's mailbox begins.
#[derive(Clone, Copy)]
struct Mailbox {
    /// The sequence of its first entry.
    first: u64,
    /// When the device enters.
    enrolled_at: Timestamp,
}

fn add_device(
    changes: &mut Changes<'_>,
    device: DeviceAddress,
    new: Mailbox,
    prekeys: sotto_proto::PrekeyUpload,
) -> Result<(), StoreError> {
    mailbox::store(changes, device, MailboxRow::starting_at(new.first));
    logins::enrolled(changes, device, new.enrolled_at);
    prekeys::publish(changes, device, PrekeyCount::default(), prekeys)?;
    census::adjust(changes, |census| census.devices += 1)
}

/// Removes a device with its mailbox and prekeys, and from its rooms; the next sequence of the mailbox.
fn remove_device(
    changes: &mut Changes<'_>,
    device: DeviceAddress,
    now: Timestamp,
) -> Result<u64, StoreError> {
    prekeys::remove_all(changes, device);
    depart_everywhere(changes, device, now)?;
    logins::left(changes, device);
    census::adjust(changes, |census| census.devices = census.devices.saturating_sub(1))?;
    mailbox::remove(changes, device)
}

/// The account with this name.
pub(super) fn by_name(
    rows: &impl Rows,
    username: &Username,
) -> Result<Option<Account>, StoreError> {
    match rows.get(Table::Names, username.as_str().as_bytes())? {
        Some(row) if !row.is_empty() => by_id(rows, from_cbor::<NameRow>(&row, "name")?.account),
        _ => Ok(None),
    }
}

/// The account.
pub(super) fn by_id(rows: &impl Rows, id: AccountId) -> Result<Option<Account>, StoreError> {
    match load(rows, id) {
        Ok(stored) => Ok(Some(stored.account)),
        Err(StoreError::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A page of names, and whether more follow.
pub(super) fn list(
    rows: &impl Rows,
    prefix: &str,
    after: Option<&Username>,
    limit: usize,
) -> Result<(Vec<ListedUser>, bool), StoreError> {
    // The next key behind a name is the name and a zero byte.
    let behind_after = after.map(|name| [name.as_str().as_bytes(), &[0]].concat());
    let from = behind_after.unwrap_or_default().max(prefix.as_bytes().to_vec());
    let mut users = Vec::new();
    let mut more = false;
    rows.visit(Table::Names, &from, &behind(prefix.as_bytes()), &mut |key, row| {
        if row.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        let row: NameRow = from_cbor(row, "name")?;
        if row.suspended {
            return Ok(ControlFlow::Continue(()));
        }
        if users.len() == limit {
            more = true;
            return Ok(ControlFlow::Break(()));
        }
        let name = str::from_utf8(key).ok().and_then(|name| name.parse().ok());
        let username = name.ok_or(StoreError::Corrupt("name"))?;
        users.push(ListedUser { username, display_name: row.display_name });
        Ok(ControlFlow::Continue(()))
    })?;
    Ok((users, more))
}

/// The account, which must be there.
pub(super) fn load(rows: &impl Rows, id: AccountId) -> Result<StoredAccount, StoreError> {
    let row = rows.get(Table::Accounts, id.as_bytes())?.ok_or(StoreError::NotFound)?;
    StoredAccount::from_row(id, &row)
}

/// Writes an account, and its name with what the list shows.
fn store(changes: &mut Changes<'_>, stored: &StoredAccount) -> Result<(), StoreError> {
    let account = &stored.account;
    let name = NameRow {
        account: account.id,
        display_name: account.display_name.clone(),
        suspended: account.suspended,
    };
    let key = account.username.as_str().as_bytes().to_vec();
    changes.put(Table::Names, key, to_cbor(&name)?);
    changes.put(Table::Accounts, account.id.as_bytes().to_vec(), stored.to_row()?);
    Ok(())
}
