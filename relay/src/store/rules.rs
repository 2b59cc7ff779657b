//! What every store decides alike: pure rules, without a database behind them.
//!
//! Nothing here reads or writes; an implementation asks, then does both in its one atomic step.

use sotto_proto::{DeviceId, limits::DEVICES_MAX};

use super::{Account, MailboxQuota, NewDevice, Role, StoreError};

/// How a device enters an account.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It is there with this very certificate: its prekeys change, nothing else.
    Known,
    /// It is new, and these devices leave.
    New {
        /// The numbers of the devices that leave.
        leaving: Vec<DeviceId>,
    },
}

/// Lets a device into `account`, which is changed accordingly only on `Ok`.
pub(super) fn admit(account: &mut Account, new: &NewDevice) -> Result<Admission, StoreError> {
    let number = new.certificate.device;
    match account.devices.iter().find(|known| known.device == number) {
        Some(known) if *known == new.certificate => return Ok(Admission::Known),
        Some(_) => return Err(StoreError::DeviceTaken),
        None => {}
    }
    if !new.replace_devices && account.devices.len() >= DEVICES_MAX {
        return Err(StoreError::TooMany);
    }
    let leaving = if new.replace_devices {
        account.devices.drain(..).map(|certificate| certificate.device).collect()
    } else {
        Vec::new()
    };
    account.devices.push(new.certificate.clone());
    account.identity = new.identity;
    if let Some(backup) = &new.backup {
        account.backup.clone_from(backup);
    }
    Ok(Admission::New { leaving })
}

/// Whether a mailbox that holds `entries` and `bytes` may take one more of `size` bytes.
pub(super) const fn fits(quota: MailboxQuota, entries: u64, bytes: u64, size: u64) -> bool {
    entries < quota.entries && bytes.saturating_add(size) <= quota.bytes
}

/// Whether the account's owner is an admin who can log in.
pub(super) fn administers(account: &Account) -> bool {
    account.role == Role::Admin && !account.suspended
}

/// How many admins who can log in there are, when one account changes from `before` to `after`
/// (none once it is deleted).
pub(super) fn admins_after(
    admins: u64,
    before: &Account,
    after: Option<&Account>,
) -> Result<u64, StoreError> {
    match (administers(before), after.is_some_and(administers)) {
        (true, false) if admins <= 1 => Err(StoreError::LastAdmin),
        (true, false) => Ok(admins - 1),
        (false, true) => Ok(admins + 1),
        _ => Ok(admins),
    }
}
