//! Announcements by their numbers, which only rise.

use std::ops::ControlFlow;

use sotto_proto::{
    Timestamp,
    admin::AuditEntry,
    announcement::{Announcement, AnnouncementText},
};

use super::{
    audit,
    changes::Changes,
    database::Rows,
    rows::{from_cbor, to_cbor},
    schema::{ANNOUNCEMENTS_KEY, Parts, Table, behind},
    writer::Operation,
};
use crate::store::StoreError;

/// Posts an announcement.
pub(super) struct Announce {
    /// What it says.
    pub(super) text: AnnouncementText,
    /// The line about it; its time is the announcement's.
    pub(super) entry: AuditEntry,
}

impl Operation for Announce {
    type Output = Announcement;

    fn apply(self, changes: &mut Changes<'_>) -> Result<Announcement, StoreError> {
        let number = match changes.get(Table::Meta, ANNOUNCEMENTS_KEY)? {
            Some(row) => Parts::of(&row, "announcements").number()?,
            None => 1,
        };
        let next = (number + 1).to_be_bytes().to_vec();
        changes.put(Table::Meta, ANNOUNCEMENTS_KEY.to_vec(), next);
        let posted = Announcement { number, at: self.entry.at, text: self.text };
        changes.put(Table::Announcements, number.to_be_bytes().to_vec(), to_cbor(&posted)?);
        audit::push(changes, &self.entry)?;
        Ok(posted)
    }
}

/// Removes an announcement.
pub(super) fn withdraw(changes: &mut Changes<'_>, number: u64) -> Result<(), StoreError> {
    let key = number.to_be_bytes().to_vec();
    if changes.get(Table::Announcements, &key)?.is_none() {
        return Err(StoreError::NoSuchAnnouncement);
    }
    changes.delete(Table::Announcements, key);
    Ok(())
}

/// The newest announcements behind a number, in order.
pub(super) fn newest(
    rows: &impl Rows,
    after: u64,
    limit: usize,
) -> Result<Vec<Announcement>, StoreError> {
    let mut all = all(rows, after)?;
    Ok(all.split_off(all.len().saturating_sub(limit)))
}

/// Forgets announcements from before a time.
pub(super) fn forget(changes: &mut Changes<'_>, before: Timestamp) -> Result<(), StoreError> {
    for old in all(changes, 0)?.into_iter().filter(|one| one.at < before) {
        changes.delete(Table::Announcements, old.number.to_be_bytes().to_vec());
    }
    Ok(())
}

fn all(rows: &impl Rows, after: u64) -> Result<Vec<Announcement>, StoreError> {
    let mut all = Vec::new();
    let from = after.saturating_add(1).to_be_bytes();
    rows.visit(Table::Announcements, &from, &behind(&[]), &mut |_, row| {
        all.push(from_cbor(row, "announcement")?);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(all)
}
