//! Prekeys: publish, count, and claim, which hands each one-time prekey out once.

use std::ops::ControlFlow;

use serde::{Serialize, de::DeserializeOwned};
use sotto_proto::{
    AccountId, Bundle, DeviceAddress, DeviceCertificate, DeviceId, KemPrekey, PrekeyId,
    PrekeyUpload, directory::PrekeyCount, limits::ONE_TIME_PREKEYS_MAX,
};

use super::{
    accounts,
    changes::Changes,
    database::Rows,
    rows::{count_from_row, count_to_row, from_cbor, to_cbor},
    schema::{self, PrekeyKind, Table, behind},
    writer::Operation,
};
use crate::store::StoreError;

/// Adds and replaces prekeys of a device.
pub(super) struct Publish {
    /// Whose.
    pub(super) device: DeviceAddress,
    /// What.
    pub(super) prekeys: PrekeyUpload,
}

impl Operation for Publish {
    type Output = PrekeyCount;

    fn apply(self, changes: &mut Changes<'_>) -> Result<PrekeyCount, StoreError> {
        let count = count(changes, self.device)?;
        publish(changes, self.device, count, self.prekeys)
    }
}

/// Takes a bundle of each device of an account.
pub(super) struct Claim {
    /// Whose.
    pub(super) account: AccountId,
    /// Of which devices; empty for all.
    pub(super) only: Vec<DeviceId>,
}

impl Operation for Claim {
    type Output = Vec<(Bundle, PrekeyCount)>;

    fn apply(self, changes: &mut Changes<'_>) -> Result<Self::Output, StoreError> {
        let account = accounts::load(changes, self.account)?.account;
        let wanted = |device| self.only.is_empty() || self.only.contains(&device);
        let mut bundles = Vec::new();
        for certificate in account.devices {
            if wanted(certificate.device) {
                bundles.extend(claim(changes, self.account, certificate)?);
            }
        }
        Ok(bundles)
    }
}

fn claim(
    changes: &mut Changes<'_>,
    account: AccountId,
    certificate: DeviceCertificate,
) -> Result<Option<(Bundle, PrekeyCount)>, StoreError> {
    let device = DeviceAddress { account, device: certificate.device };
    let Some(signed_prekey) = lasting(changes, device, PrekeyKind::Signed)? else {
        return Ok(None);
    };
    let one_time_kem: Option<KemPrekey> = first(changes, device, PrekeyKind::OneTimeKem)?;
    let kem_prekey = match &one_time_kem {
        Some(prekey) => prekey.clone(),
        None => match lasting(changes, device, PrekeyKind::LastResort)? {
            Some(prekey) => prekey,
            None => return Ok(None),
        },
    };
    let one_time_prekey: Option<sotto_proto::OneTimePrekey> =
        first(changes, device, PrekeyKind::OneTime)?;
    let mut count = count(changes, device)?;
    if let Some(prekey) = &one_time_prekey {
        remove(changes, device, PrekeyKind::OneTime, prekey.id);
        count.one_time = count.one_time.saturating_sub(1);
    }
    if let Some(prekey) = &one_time_kem {
        remove(changes, device, PrekeyKind::OneTimeKem, prekey.id);
        count.one_time_kem = count.one_time_kem.saturating_sub(1);
    }
    if one_time_prekey.is_some() || one_time_kem.is_some() {
        store_count(changes, device, count);
    }
    Ok(Some((Bundle { certificate, signed_prekey, one_time_prekey, kem_prekey }, count)))
}

/// Stores an upload of a device that has `count` prekeys; how many it has then.
pub(super) fn publish(
    changes: &mut Changes<'_>,
    device: DeviceAddress,
    mut count: PrekeyCount,
    prekeys: PrekeyUpload,
) -> Result<PrekeyCount, StoreError> {
    if let Some(prekey) = prekeys.signed {
        put(changes, device, PrekeyKind::Signed, LASTING, &prekey)?;
    }
    if let Some(prekey) = prekeys.last_resort {
        put(changes, device, PrekeyKind::LastResort, LASTING, &prekey)?;
    }
    for prekey in prekeys.one_time {
        count.one_time += put(changes, device, PrekeyKind::OneTime, prekey.id, &prekey)?;
    }
    for prekey in prekeys.one_time_kem {
        count.one_time_kem += put(changes, device, PrekeyKind::OneTimeKem, prekey.id, &prekey)?;
    }
    if count.one_time.max(count.one_time_kem) as usize > ONE_TIME_PREKEYS_MAX {
        return Err(StoreError::TooMany);
    }
    store_count(changes, device, count);
    Ok(count)
}

/// How many one-time prekeys a device has.
pub(super) fn count(rows: &impl Rows, device: DeviceAddress) -> Result<PrekeyCount, StoreError> {
    let row = rows.get(Table::Devices, &schema::device(device))?.ok_or(StoreError::NotFound)?;
    count_from_row(&row)
}

/// Removes all prekeys of a device.
pub(super) fn remove_all(changes: &mut Changes<'_>, device: DeviceAddress) {
    let prefix = schema::device(device);
    changes.clear(Table::Prekeys, prefix.clone());
    changes.delete(Table::Devices, prefix);
}

/// The id in the key of a prekey of which a device has one at a time.
const LASTING: PrekeyId = PrekeyId(0);

fn store_count(changes: &mut Changes<'_>, device: DeviceAddress, count: PrekeyCount) {
    changes.put(Table::Devices, schema::device(device), count_to_row(count));
}

/// Writes a prekey; one if it is new, zero if it replaces another of its id.
fn put(
    changes: &mut Changes<'_>,
    device: DeviceAddress,
    kind: PrekeyKind,
    id: PrekeyId,
    prekey: &impl Serialize,
) -> Result<u32, StoreError> {
    let key = schema::prekey(device, kind, id);
    let is_new = changes.get(Table::Prekeys, &key)?.is_none();
    changes.put(Table::Prekeys, key, to_cbor(prekey)?);
    Ok(u32::from(is_new))
}

fn remove(changes: &mut Changes<'_>, device: DeviceAddress, kind: PrekeyKind, id: PrekeyId) {
    changes.delete(Table::Prekeys, schema::prekey(device, kind, id));
}

fn lasting<T: DeserializeOwned>(
    rows: &impl Rows,
    device: DeviceAddress,
    kind: PrekeyKind,
) -> Result<Option<T>, StoreError> {
    let row = rows.get(Table::Prekeys, &schema::prekey(device, kind, LASTING))?;
    row.map(|row| from_cbor(&row, "prekey")).transpose()
}

fn first<T: DeserializeOwned>(
    rows: &impl Rows,
    device: DeviceAddress,
    kind: PrekeyKind,
) -> Result<Option<T>, StoreError> {
    let from = schema::prekeys(device, kind);
    let mut found = None;
    rows.visit(Table::Prekeys, &from, &behind(&from), &mut |_, row| {
        found = Some(from_cbor(row, "prekey")?);
        Ok(ControlFlow::Break(()))
    })?;
    Ok(found)
}
