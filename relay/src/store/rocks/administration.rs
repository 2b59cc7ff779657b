//! What admins change and see: each change together with the line about it in the audit log.

use std::ops::ControlFlow;

use sotto_proto::{
    AccountId, DeviceAddress, Username,
    admin::{AccountLine, AuditEntry, Storage},
    login::RegistrationPolicy,
};

use super::{
    accounts, announcements, audit, blobs,
    changes::Changes,
    database::Rows,
    invitations, logins, mailbox, rooms,
    rows::{MailboxRow, NameRow, from_cbor},
    schema::{Parts, REGISTRATION_KEY, Table, behind},
    writer::Operation,
};
use crate::store::{Account, Change, Role, StoreError, TooOld, Usage};

/// Makes an admin's change.
pub(super) struct Administer {
    /// What.
    pub(super) change: Change,
    /// The line about it.
    pub(super) entry: AuditEntry,
}

impl Operation for Administer {
    type Output = ();

    fn apply(self, changes: &mut Changes<'_>) -> Result<(), StoreError> {
        let set = |changes: &mut Changes<'_>, id, set: fn(&mut Account)| {
            accounts::change(changes, id, set)
        };
        match self.change {
            Change::Suspend(id) => set(changes, id, |account| account.suspended = true)?,
            Change::Restore(id) => set(changes, id, |account| account.suspended = false)?,
            Change::Promote(id) => set(changes, id, |account| account.role = Role::Admin)?,
            Change::Demote(id) => set(changes, id, |account| account.role = Role::Member)?,
            Change::Delete(id) => accounts::delete(changes, id, self.entry.at)?,
            Change::Invite(invitation) => invitations::add(changes, invitation)?,
            Change::Revoke(code) => invitations::revoke(changes, code)?,
            Change::SetRegistration(policy) => set_registration(changes, policy),
            Change::DeleteRoom(room) => rooms::delete(changes, room)?,
            Change::Withdraw(number) => announcements::withdraw(changes, number)?,
        }
        audit::push(changes, &self.entry)
    }
}

/// Forgets what is too old.
pub(super) struct Forget {
    /// What that is.
    pub(super) too_old: TooOld,
    /// How many lines of each kind at most.
    pub(super) limit: usize,
}

impl Operation for Forget {
    type Output = bool;
    const DURABLE: bool = false;

    fn apply(self, changes: &mut Changes<'_>) -> Result<bool, StoreError> {
        let limit = self.limit.max(1);
        announcements::forget(changes, self.too_old.announcements)?;
        let of_audit = audit::forget(changes, self.too_old.audit, limit)?;
        let of_logins = logins::forget(changes, self.too_old.logins, limit)?;
        Ok(of_audit || of_logins)
    }
}

/// A page of the accounts, and whether more follow.
pub(super) fn list(
    rows: &impl Rows,
    prefix: &str,
    after: Option<&Username>,
    limit: usize,
) -> Result<(Vec<AccountLine>, bool), StoreError> {
    // The next key behind a name is the name and a zero byte.
    let behind_after = after.map(|name| [name.as_str().as_bytes(), &[0]].concat());
    let from = behind_after.unwrap_or_default().max(prefix.as_bytes().to_vec());
    let mut ids = Vec::new();
    let mut more = false;
    rows.visit(Table::Names, &from, &behind(prefix.as_bytes()), &mut |_, row| {
        if row.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        if ids.len() == limit {
            more = true;
            return Ok(ControlFlow::Break(()));
        }
        ids.push(from_cbor::<NameRow>(row, "name")?.account);
        Ok(ControlFlow::Continue(()))
    })?;
    let mut page = Vec::new();
    for id in ids {
        page.extend(line(rows, id)?);
    }
    Ok((page, more))
}

/// One account.
pub(super) fn line(rows: &impl Rows, id: AccountId) -> Result<Option<AccountLine>, StoreError> {
    let Some(account) = accounts::by_id(rows, id)? else { return Ok(None) };
    let mut storage = Storage { blob_bytes: blobs::usage(rows, id)?, ..Storage::default() };
    let mut devices = Vec::new();
    for certificate in &account.devices {
        let address = DeviceAddress { account: id, device: certificate.device };
        if let Some(mailbox) = mailbox::load(rows, address)? {
            storage.mailbox_entries += mailbox.entries;
            storage.mailbox_bytes += mailbox.bytes;
        }
        devices.push(logins::device_line(rows, id, certificate)?);
    }
    Ok(Some(AccountLine {
        username: account.username,
        display_name: account.display_name,
        admin: account.role == Role::Admin,
        suspended: account.suspended,
        created_at: account.created_at,
        last_seen: logins::last_seen(rows, id)?,
        devices,
        storage,
    }))
}

/// What everything takes; the syncs are not known here.
pub(super) fn usage(rows: &impl Rows) -> Result<Usage, StoreError> {
    let mut usage = Usage::default();
    rows.visit(Table::Mailboxes, &[], &behind(&[]), &mut |_, row| {
        usage.mailbox_bytes += MailboxRow::from_row(row)?.bytes;
        Ok(ControlFlow::Continue(()))
    })?;
    rows.visit(Table::BlobUsage, &[], &behind(&[]), &mut |_, row| {
        usage.blob_bytes += Parts::of(row, "blob usage").number()?;
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(usage)
}

/// Who may register, where an admin has set it.
pub(super) fn registration(rows: &impl Rows) -> Result<Option<RegistrationPolicy>, StoreError> {
    let row = rows.get(Table::Meta, REGISTRATION_KEY)?;
    row.map(|row| match row.as_slice() {
        [1] => Ok(RegistrationPolicy::Open),
        [2] => Ok(RegistrationPolicy::Invitation),
        [3] => Ok(RegistrationPolicy::Closed),
        _ => Err(StoreError::Corrupt("registration")),
    })
    .transpose()
}

fn set_registration(changes: &mut Changes<'_>, policy: Option<RegistrationPolicy>) {
    let key = REGISTRATION_KEY.to_vec();
    match policy {
        None => changes.delete(Table::Meta, key),
        Some(RegistrationPolicy::Open) => changes.put(Table::Meta, key, vec![1]),
        Some(RegistrationPolicy::Invitation) => changes.put(Table::Meta, key, vec![2]),
        Some(RegistrationPolicy::Closed) => changes.put(Table::Meta, key, vec![3]),
    }
}
