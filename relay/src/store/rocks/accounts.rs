//! Accounts, their names and devices, invitations, and the relay's own secrets.

use std::ops::ControlFlow;

use sotto_proto::{
    AccountId, DeviceAddress, DeviceId, DisplayName, Timestamp, Username,
    directory::{ListedUser, PrekeyCount},
};

use super::{
    blobs, census,
    changes::Changes,
    database::Rows,
    mailbox, prekeys,
    rooms::commit::depart_everywhere,
    rows::{MailboxRow, NameRow, StoredAccount, from_cbor, to_cbor},
    schema::{self, Table, behind},
    writer::Operation,
};
use crate::store::{
    Account, NewAccount, NewDevice, StoreError,
    rules::{Admission, admit},
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
    type Output = ();

    fn apply(self, changes: &mut Changes<'_>) -> Result<(), StoreError> {
        let Self(NewAccount { account, prekeys, invitation }) = self;
        let name = account.username.as_str().as_bytes();
        if changes.get(Table::Names, name)?.is_some() {
            return Err(StoreError::UsernameTaken);
        }
        if changes.get(Table::Accounts, account.id.as_bytes())?.is_some() {
            // Ids are drawn at random by the relay: its randomness is broken.
            return Err(StoreError::Corrupt("account id drawn twice"));
        }
        if let Some(code) = invitation {
            use_invitation(changes, code)?;
        }
        let id = account.id;
        let devices: Vec<DeviceId> = account.devices.iter().map(|known| known.device).collect();
        store(changes, &StoredAccount { account, sequence_floor: 1 })?;
        // The upload is the first device's; an account enters with one.
        let mut upload = Some(prekeys);
        for device in devices {
            let address = DeviceAddress { account: id, device };
            add_device(changes, address, 1, upload.take().unwrap_or_default())?;
        }
        census::adjust(changes, |census| census.accounts += 1)
    }
}

/// Adds a device to an account.
pub(super) struct Enrol {
    /// The device.
    pub(super) new: NewDevice,
    /// When.
    pub(super) now: Timestamp,
}

impl Operation for Enrol {
    type Output = ();

    fn apply(self, changes: &mut Changes<'_>) -> Result<(), StoreError> {
        let Self { new, now } = self;
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
                    let next = remove_device(changes, address, now)?;
                    stored.sequence_floor = stored.sequence_floor.max(next);
                }
                add_device(changes, address, stored.sequence_floor, new.prekeys)?;
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

/// Suspends an account or lets it back in.
pub(super) struct SetSuspended {
    /// Which.
    pub(super) id: AccountId,
    /// Whether it is to be suspended.
    pub(super) suspended: bool,
}

impl Operation for SetSuspended {
    type Output = ();

    fn apply(self, changes: &mut Changes<'_>) -> Result<(), StoreError> {
        let mut stored = load(changes, self.id)?;
        stored.account.suspended = self.suspended;
        store(changes, &stored)
    }
}

/// Deletes an account with all that is its.
pub(super) struct Delete {
    /// Which.
    pub(super) id: AccountId,
    /// When.
    pub(super) now: Timestamp,
}

impl Operation for Delete {
    type Output = ();

    fn apply(self, changes: &mut Changes<'_>) -> Result<(), StoreError> {
        let account = load(changes, self.id)?.account;
        for certificate in &account.devices {
            let address = DeviceAddress { account: self.id, device: certificate.device };
            remove_device(changes, address, self.now)?;
        }
        blobs::remove_all(changes, self.id)?;
        changes.delete(Table::Names, account.username.as_str().as_bytes().to_vec());
        changes.delete(Table::Accounts, self.id.as_bytes().to_vec());
        census::adjust(changes, |census| census.accounts = census.accounts.saturating_sub(1))
    }
}

/// Adds an invitation code.
pub(super) struct Invite {
    /// The code.
    pub(super) code: String,
    /// For how many registrations it is good.
    pub(super) uses: u32,
}

impl Operation for Invite {
    type Output = ();

    fn apply(self, changes: &mut Changes<'_>) -> Result<(), StoreError> {
        store_uses(changes, self.code, self.uses);
        Ok(())
    }
}

fn use_invitation(changes: &mut Changes<'_>, code: String) -> Result<(), StoreError> {
    let row = changes.get(Table::Invitations, code.as_bytes())?.ok_or(StoreError::Invitation)?;
    let uses = schema::Parts::of(&row, "invitation").count()?;
    store_uses(changes, code, uses.saturating_sub(1));
    Ok(())
}

/// A code without uses left has no row.
fn store_uses(changes: &mut Changes<'_>, code: String, uses: u32) {
    if uses == 0 {
        changes.delete(Table::Invitations, code.into_bytes());
    } else {
        changes.put(Table::Invitations, code.into_bytes(), uses.to_be_bytes().to_vec());
    }
}

fn add_device(
    changes: &mut Changes<'_>,
    device: DeviceAddress,
    first_sequence: u64,
    prekeys: sotto_proto::PrekeyUpload,
) -> Result<(), StoreError> {
    mailbox::store(changes, device, MailboxRow::starting_at(first_sequence));
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
    census::adjust(changes, |census| census.devices = census.devices.saturating_sub(1))?;
    mailbox::remove(changes, device)
}

/// The account with this name.
pub(super) fn by_name(
    rows: &impl Rows,
    username: &Username,
) -> Result<Option<Account>, StoreError> {
    match rows.get(Table::Names, username.as_str().as_bytes())? {
        Some(row) => by_id(rows, from_cbor::<NameRow>(&row, "name")?.account),
        None => Ok(None),
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
