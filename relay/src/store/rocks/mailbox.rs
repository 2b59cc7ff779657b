//! Mailboxes: append, read, consume. A device has a mailbox from its enrolment on, so a missing
//! one means a missing device.

use std::ops::ControlFlow;

use sotto_proto::{
    DeviceAddress, Timestamp,
    mailbox::{Mail, MailboxEntry},
};

use super::{
    census,
    changes::Changes,
    database::Rows,
    rows::{MailboxRow, entry_from_row, entry_size, entry_to_row},
    schema::{self, Parts, Table, behind},
    writer::Operation,
};
use crate::store::{Append, Appended, MailboxQuota, StoreError, rules};

/// Appends envelopes in their order.
pub(super) struct AppendAll {
    /// Which.
    pub(super) envelopes: Vec<Append>,
    /// What a mailbox may hold.
    pub(super) quota: MailboxQuota,
    /// The time of acceptance.
    pub(super) now: Timestamp,
}

impl Operation for AppendAll {
    type Output = Vec<Appended>;

    fn weight(&self) -> usize {
        self.envelopes.iter().map(|append| append.envelope.sealed.len()).sum()
    }

    fn apply(self, changes: &mut Changes<'_>) -> Result<Vec<Appended>, StoreError> {
        let outcome = self
            .envelopes
            .into_iter()
            .map(|append| append_one(changes, append, self.quota, self.now))
            .collect::<Result<Vec<_>, _>>()?;
        let added = outcome.iter().filter(|one| matches!(one, Appended::At(_))).count() as u64;
        if added > 0 {
            census::adjust(changes, |census| census.entries += added)?;
        }
        Ok(outcome)
    }
}

fn append_one(
    changes: &mut Changes<'_>,
    Append { from, envelope }: Append,
    quota: MailboxQuota,
    now: Timestamp,
) -> Result<Appended, StoreError> {
    let to = envelope.to;
    let Some(mut mailbox) = load(changes, to)? else { return Ok(Appended::NoSuchDevice) };
    let seen = schema::seen(to, envelope.id);
    if changes.get(Table::Seen, &seen)?.is_some() {
        return Ok(Appended::Repeat);
    }
    if !rules::fits(quota, mailbox.entries, mailbox.bytes, envelope.sealed.len() as u64) {
        return Ok(Appended::MailboxFull);
    }
    changes.put(Table::Seen, seen, mailbox.next.to_be_bytes().to_vec());
    let mail = Mail::Envelope { from, id: envelope.id, sealed: envelope.sealed };
    let sequence = push(changes, to, &mut mailbox, now, &mail);
    Ok(Appended::At(sequence))
}

/// Puts mail at the end of a mailbox; the position. The census is for the caller to adjust.
pub(super) fn push(
    changes: &mut Changes<'_>,
    device: DeviceAddress,
    mailbox: &mut MailboxRow,
    now: Timestamp,
    mail: &Mail,
) -> u64 {
    let sequence = mailbox.next;
    let remembered = match mail {
        Mail::Envelope { id, .. } => id.as_bytes().to_vec(),
        Mail::Expired { .. } | Mail::Returned { .. } => Vec::new(),
    };
    let row = entry_to_row(now, mail);
    mailbox.next += 1;
    mailbox.entries += 1;
    mailbox.bytes += entry_size(&row);
    changes.put(Table::Entries, schema::entry(device, sequence), row);
    changes.put(Table::Ageing, schema::ageing(now, device, sequence), remembered);
    store(changes, device, *mailbox);
    sequence
}

/// Deletes entries up to a position. After a crash some may be back: they are delivered again,
/// and the device, which has them, consumes them again.
pub(super) struct Consume {
    /// Whose.
    pub(super) device: DeviceAddress,
    /// The last position to go.
    pub(super) up_to: u64,
}

impl Operation for Consume {
    type Output = ();
    const DURABLE: bool = false;

    fn apply(self, changes: &mut Changes<'_>) -> Result<(), StoreError> {
        let Some(mut mailbox) = load(changes, self.device)? else { return Ok(()) };
        let behind_last = self.up_to.saturating_add(1).min(mailbox.next);
        if behind_last <= mailbox.first {
            return Ok(());
        }
        let mut gone = Vec::new();
        let from = schema::entry(self.device, mailbox.first);
        let below = schema::entry(self.device, behind_last);
        changes.visit(Table::Entries, &from, &below, &mut |key, row| {
            gone.push((key.to_vec(), entry_size(row)));
            Ok(ControlFlow::Continue(()))
        })?;
        mailbox.first = behind_last;
        let count = gone.len() as u64;
        for (key, size) in gone {
            mailbox.entries = mailbox.entries.saturating_sub(1);
            mailbox.bytes = mailbox.bytes.saturating_sub(size);
            changes.delete(Table::Entries, key);
        }
        store(changes, self.device, mailbox);
        census::adjust(changes, |census| census.entries = census.entries.saturating_sub(count))
    }
}

/// Entries of a mailbox behind a position: at least one, if there is any, and about so many bytes.
pub(super) fn read(
    rows: &impl Rows,
    device: DeviceAddress,
    after: u64,
    entries: usize,
    bytes: usize,
) -> Result<Vec<MailboxEntry>, StoreError> {
    let Some(mailbox) = load(rows, device)? else { return Ok(Vec::new()) };
    let from = schema::entry(device, after.saturating_add(1).max(mailbox.first));
    let mut page = Vec::new();
    let mut size = 0;
    rows.visit(Table::Entries, &from, &behind(&schema::device(device)), &mut |key, row| {
        if size > 0 && size + row.len() > bytes {
            return Ok(ControlFlow::Break(()));
        }
        size += row.len();
        let mut parts = Parts::of(key, "mailbox entry");
        parts.device()?;
        page.push(entry_from_row(parts.number()?, row)?);
        let full = page.len() >= entries;
        Ok(if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(page)
}

/// The counters of a device's mailbox.
pub(super) fn load(
    rows: &impl Rows,
    device: DeviceAddress,
) -> Result<Option<MailboxRow>, StoreError> {
    let row = rows.get(Table::Mailboxes, &schema::device(device))?;
    row.map(|row| MailboxRow::from_row(&row)).transpose()
}

/// Writes the counters of a device's mailbox.
pub(super) fn store(changes: &mut Changes<'_>, device: DeviceAddress, mailbox: MailboxRow) {
    changes.put(Table::Mailboxes, schema::device(device), mailbox.to_row());
}

/// Removes a mailbox; the sequence that would have been next. Its entries wait to be returned to
/// their senders; what is left of it in [`Table::Ageing`] goes with the sweep.
pub(super) fn remove(changes: &mut Changes<'_>, device: DeviceAddress) -> Result<u64, StoreError> {
    let Some(mailbox) = load(changes, device)? else { return Ok(0) };
    let prefix = schema::device(device);
    if mailbox.entries > 0 {
        changes.put(Table::Leaving, prefix.clone(), mailbox.next.to_be_bytes().to_vec());
    }
    changes.clear(Table::Seen, prefix.clone());
    changes.delete(Table::Mailboxes, prefix);
    census::adjust(changes, |census| {
        census.entries = census.entries.saturating_sub(mailbox.entries);
    })?;
    Ok(mailbox.next)
}
