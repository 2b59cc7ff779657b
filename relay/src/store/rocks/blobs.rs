//! The books on blobs: who has how many bytes, and until when.

use std::ops::ControlFlow;

use sotto_proto::{AccountId, BlobId, Timestamp};

use super::{
    census,
    changes::Changes,
    database::Rows,
    rows::{blob_from_row, blob_to_row},
    schema::{self, Parts, Table, behind},
    writer::Operation,
};
use crate::store::{BlobRecord, Reserved, StoreError};

/// Reserves room for a blob.
pub(super) struct Reserve {
    /// The blob.
    pub(super) blob: BlobRecord,
    /// How many bytes its owner may have.
    pub(super) quota: u64,
}

impl Operation for Reserve {
    type Output = Reserved;

    fn apply(self, changes: &mut Changes<'_>) -> Result<Reserved, StoreError> {
        let Self { blob, quota } = self;
        if let Some(known) = load(changes, blob.id)? {
            let same =
                known.owner == blob.owner && known.size == blob.size && known.digest == blob.digest;
            return Ok(if same { Reserved::Yes(known) } else { Reserved::Conflict });
        }
        let usage = usage(changes, blob.owner)?.saturating_add(blob.size);
        if usage > quota {
            return Ok(Reserved::OverQuota);
        }
        store_usage(changes, blob.owner, usage);
        let size = blob.size.to_be_bytes().to_vec();
        changes.put(Table::OwnedBlobs, schema::owned_blob(blob.owner, blob.id), size);
        let due = schema::blob_expiry(blob.expires_at, blob.id);
        changes.put(Table::BlobExpiry, due, Vec::new());
        store(changes, &blob);
        census::adjust(changes, |census| census.blobs += 1)?;
        Ok(Reserved::Yes(blob))
    }
}

/// Marks a blob complete.
pub(super) struct Complete(pub(super) BlobId);

impl Operation for Complete {
    type Output = ();

    fn apply(self, changes: &mut Changes<'_>) -> Result<(), StoreError> {
        let mut blob = load(changes, self.0)?.ok_or(StoreError::NotFound)?;
        blob.complete = true;
        store(changes, &blob);
        Ok(())
    }
}

/// Takes expired blobs off the books.
pub(super) struct Expire {
    /// Those that expired before this.
    pub(super) now: Timestamp,
    /// How many at most.
    pub(super) limit: usize,
}

impl Operation for Expire {
    type Output = Vec<BlobId>;

    fn apply(self, changes: &mut Changes<'_>) -> Result<Vec<BlobId>, StoreError> {
        let mut due = Vec::new();
        changes.visit(Table::BlobExpiry, &[], &schema::time(self.now), &mut |key, _| {
            if due.len() == self.limit {
                return Ok(ControlFlow::Break(()));
            }
            due.push(key.to_vec());
            Ok(ControlFlow::Continue(()))
        })?;
        let mut gone = Vec::new();
        for key in due {
            let mut parts = Parts::of(&key, "blob expiry");
            let (expires_at, id) = (parts.time()?, BlobId(parts.bytes()?));
            changes.delete(Table::BlobExpiry, key);
            match load(changes, id)? {
                // A deleted account's blob: it is off the books already.
                None => gone.push(id),
                Some(blob) if blob.expires_at == expires_at => {
                    remove(changes, &blob)?;
                    gone.push(id);
                }
                // The id of a deleted account's blob is in use again: the bytes are another's.
                Some(_) => {}
            }
        }
        Ok(gone)
    }
}

/// Takes all blobs of an account off the books; the next expiry tells that their bytes may go.
pub(super) fn remove_all(changes: &mut Changes<'_>, owner: AccountId) -> Result<(), StoreError> {
    let mut ids = Vec::new();
    let prefix = owner.as_bytes();
    changes.visit(Table::OwnedBlobs, prefix, &behind(prefix), &mut |key, _| {
        let mut parts = Parts::of(key, "owned blob");
        parts.bytes::<{ AccountId::LEN }>()?;
        ids.push(BlobId(parts.bytes()?));
        Ok(ControlFlow::Continue(()))
    })?;
    for id in ids {
        if let Some(blob) = load(changes, id)? {
            changes.delete(Table::BlobExpiry, schema::blob_expiry(blob.expires_at, id));
            changes.put(Table::BlobExpiry, schema::blob_expiry(Timestamp(0), id), Vec::new());
            remove(changes, &blob)?;
        }
    }
    Ok(())
}

/// The books on a blob.
pub(super) fn load(rows: &impl Rows, id: BlobId) -> Result<Option<BlobRecord>, StoreError> {
    let row = rows.get(Table::Blobs, id.as_bytes())?;
    row.map(|row| blob_from_row(id, &row)).transpose()
}

fn store(changes: &mut Changes<'_>, blob: &BlobRecord) {
    changes.put(Table::Blobs, blob.id.as_bytes().to_vec(), blob_to_row(blob));
}

fn remove(changes: &mut Changes<'_>, blob: &BlobRecord) -> Result<(), StoreError> {
    let usage = usage(changes, blob.owner)?.saturating_sub(blob.size);
    store_usage(changes, blob.owner, usage);
    changes.delete(Table::OwnedBlobs, schema::owned_blob(blob.owner, blob.id));
    changes.delete(Table::Blobs, blob.id.as_bytes().to_vec());
    census::adjust(changes, |census| census.blobs = census.blobs.saturating_sub(1))
}

/// How many bytes of blobs an account has.
pub(super) fn usage(rows: &impl Rows, owner: AccountId) -> Result<u64, StoreError> {
    match rows.get(Table::BlobUsage, owner.as_bytes())? {
        Some(row) => Parts::of(&row, "blob usage").number(),
        None => Ok(0),
    }
}

/// An account without bytes has no row.
fn store_usage(changes: &mut Changes<'_>, owner: AccountId, usage: u64) {
    let key = owner.as_bytes().to_vec();
    if usage == 0 {
        changes.delete(Table::BlobUsage, key);
    } else {
        changes.put(Table::BlobUsage, key, usage.to_be_bytes().to_vec());
    }
}
