//! Login histories, and when devices were last connected. None of it is worth a sync of its own.

use std::ops::ControlFlow;

use sotto_proto::{
    AccountId, DeviceAddress, DeviceCertificate, Timestamp, account::DeviceLine,
    account::LoginLine, limits::LOGINS_MAX,
};

use super::{
    changes::Changes,
    database::Rows,
    mailbox,
    rows::{from_cbor, to_cbor},
    schema::{self, Parts, Table, behind},
    writer::Operation,
};
use crate::store::StoreError;

/// Adds a line to a login history.
pub(super) struct NoteLogin {
    /// Whose.
    pub(super) account: AccountId,
    /// What.
    pub(super) line: LoginLine,
}

impl Operation for NoteLogin {
    type Output = ();
    const DURABLE: bool = false;

    fn apply(self, changes: &mut Changes<'_>) -> Result<(), StoreError> {
        let Self { account, line } = self;
        if changes.get(Table::Accounts, account.as_bytes())?.is_none() {
            return Err(StoreError::NotFound);
        }
        let number = match changes.get(Table::Logins, account.as_bytes())? {
            Some(row) => Parts::of(&row, "login history").number()?,
            None => 0,
        };
        let next = (number + 1).to_be_bytes().to_vec();
        changes.put(Table::Logins, account.as_bytes().to_vec(), next);
        changes.put(Table::Logins, schema::login(account, number), to_cbor(&line)?);
        changes.put(Table::LoginAges, schema::login_age(line.at, account, number), Vec::new());
        if let Some(last) = number.checked_sub(LOGINS_MAX as u64) {
            remove(changes, account, last)?;
        }
        match line.device.filter(|_| line.refused.is_none()) {
            Some(device) => see(changes, DeviceAddress { account, device }, line.at),
            None => Ok(()),
        }
    }
}

/// Remembers when a device was last connected.
pub(super) struct NoteSeen {
    /// Which.
    pub(super) device: DeviceAddress,
    /// When.
    pub(super) at: Timestamp,
}

impl Operation for NoteSeen {
    type Output = ();
    const DURABLE: bool = false;

    fn apply(self, changes: &mut Changes<'_>) -> Result<(), StoreError> {
        see(changes, self.device, self.at)
    }
}

/// A device's times: its enrolment, and its last connection or zero.
struct Times {
    enrolled_at: Timestamp,
    last_seen: Timestamp,
}

/// A device enters its account.
pub(super) fn enrolled(changes: &mut Changes<'_>, device: DeviceAddress, at: Timestamp) {
    store_times(changes, device, &Times { enrolled_at: at, last_seen: Timestamp(0) });
}

/// A device leaves its account.
pub(super) fn left(changes: &mut Changes<'_>, device: DeviceAddress) {
    changes.delete(Table::LastSeen, schema::device(device));
}

/// Everything of an account goes; what is left in [`Table::LoginAges`] goes with age.
pub(super) fn remove_all(changes: &mut Changes<'_>, account: AccountId) {
    changes.clear(Table::Logins, account.as_bytes().to_vec());
    changes.clear(Table::LastSeen, account.as_bytes().to_vec());
}

/// What is known of a device of `account`.
pub(super) fn device_line(
    rows: &impl Rows,
    account: AccountId,
    certificate: &DeviceCertificate,
) -> Result<DeviceLine, StoreError> {
    let times = times(rows, DeviceAddress { account, device: certificate.device })?;
    // An older relay did not write down when a device entered; the device has.
    let enrolled_at = times.as_ref().map_or(certificate.issued_at, |times| times.enrolled_at);
    let last_seen = times.map(|times| times.last_seen).filter(|at| at.0 > 0);
    Ok(DeviceLine { id: certificate.device, enrolled_at, last_seen, online: false })
}

/// When one of an account's devices was last connected.
pub(super) fn last_seen(
    rows: &impl Rows,
    account: AccountId,
) -> Result<Option<Timestamp>, StoreError> {
    let row = rows.get(Table::LastSeen, account.as_bytes())?;
    row.map(|row| Parts::of(&row, "last connection").time()).transpose()
}

/// An account's login history, newest first.
pub(super) fn history(rows: &impl Rows, account: AccountId) -> Result<Vec<LoginLine>, StoreError> {
    let mut lines = Vec::new();
    let from = schema::login(account, 0);
    rows.visit(Table::Logins, &from, &behind(account.as_bytes()), &mut |_, row| {
        lines.push(from_cbor(row, "login")?);
        Ok(ControlFlow::Continue(()))
    })?;
    lines.reverse();
    Ok(lines)
}

/// Forgets up to `limit` lines from before a time; whether there may be more.
pub(super) fn forget(
    changes: &mut Changes<'_>,
    before: Timestamp,
    limit: usize,
) -> Result<bool, StoreError> {
    let mut old = Vec::new();
    changes.visit(Table::LoginAges, &[], &schema::time(before), &mut |key, _| {
        old.push(key.to_vec());
        let full = old.len() >= limit;
        Ok(if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    let more = old.len() >= limit;
    for key in old {
        let mut parts = Parts::of(&key, "login");
        parts.time()?;
        changes.delete(Table::Logins, parts.rest().to_vec());
        changes.delete(Table::LoginAges, key);
    }
    Ok(more)
}

fn remove(changes: &mut Changes<'_>, account: AccountId, number: u64) -> Result<(), StoreError> {
    let key = schema::login(account, number);
    if let Some(row) = changes.get(Table::Logins, &key)? {
        let line: LoginLine = from_cbor(&row, "login")?;
        changes.delete(Table::LoginAges, schema::login_age(line.at, account, number));
        changes.delete(Table::Logins, key);
    }
    Ok(())
}

/// A device that is no more is not remembered.
fn see(changes: &mut Changes<'_>, device: DeviceAddress, at: Timestamp) -> Result<(), StoreError> {
    if mailbox::load(changes, device)?.is_none() {
        return Ok(());
    }
    let before = times(changes, device)?;
    let enrolled_at = before.map_or(at, |times| times.enrolled_at);
    store_times(changes, device, &Times { enrolled_at, last_seen: at });
    changes.put(Table::LastSeen, device.account.as_bytes().to_vec(), schema::time(at));
    Ok(())
}

fn times(rows: &impl Rows, device: DeviceAddress) -> Result<Option<Times>, StoreError> {
    let row = rows.get(Table::LastSeen, &schema::device(device))?;
    row.map(|row| {
        let mut parts = Parts::of(&row, "last connection");
        Ok(Times { enrolled_at: parts.time()?, last_seen: parts.time()? })
    })
    .transpose()
}

fn store_times(changes: &mut Changes<'_>, device: DeviceAddress, times: &Times) {
    let row = [times.enrolled_at.0.to_be_bytes(), times.last_seen.0.to_be_bytes()].concat();
    changes.put(Table::LastSeen, schema::device(device), row);
}
