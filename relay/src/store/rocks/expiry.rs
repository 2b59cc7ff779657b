//! The sweep: mail that waited too long goes, its senders are told, and envelope ids whose memory
//! has run out are forgotten.
//!
//! An id is filed to be forgotten when the sweep passes its entry, consumed or not: so a repeat is
//! known for at least as long as promised after the entry has gone, without a write at consumption.

use std::ops::ControlFlow;

use sotto_proto::{DeviceAddress, EnvelopeId, Timestamp, mailbox::Mail};

use super::{
    census,
    changes::Changes,
    database::Rows,
    mailbox,
    rows::{entry_from_row, entry_size},
    schema::{self, Parts, Table},
    writer::Operation,
};
use crate::store::{REPEAT_MEMORY_MS, StoreError};

/// How many rows of an index one step passes at most, so that other writers need not wait long.
const STEP: usize = 2048;

/// One step of the sweep.
#[derive(Clone, Copy)]
pub(super) struct Sweep {
    /// Entries accepted before this expire.
    pub(super) before: Timestamp,
    /// The time at which the senders' notices are accepted.
    pub(super) now: Timestamp,
    /// How many entries may expire.
    pub(super) limit: usize,
}

/// What a step has done.
pub(super) struct Swept {
    /// The devices that have a notice, each once.
    pub(super) senders: Vec<DeviceAddress>,
    /// Whether nothing is left to do.
    pub(super) finished: bool,
}

impl Swept {
    pub(super) fn new(mut senders: Vec<DeviceAddress>, finished: bool) -> Self {
        senders.sort_unstable();
        senders.dedup();
        Self { senders, finished }
    }
}

impl Operation for Sweep {
    type Output = Swept;

    fn apply(self, changes: &mut Changes<'_>) -> Result<Swept, StoreError> {
        let forgotten = forget(changes, self.before)?;
        let aged = rows_before(changes, Table::Ageing, self.before)?;
        let mut finished = forgotten < STEP && aged.len() < STEP;
        let mut senders = Vec::new();
        let mut expired = 0;
        for (key, id) in aged {
            if expired == self.limit.max(1) {
                finished = false;
                break;
            }
            let mut parts = Parts::of(&key, "ageing entry");
            parts.time()?;
            let (device, sequence) = (parts.device()?, parts.number()?);
            if let Ok(id) = EnvelopeId::try_from(id.as_slice()) {
                let key = schema::forgetting(self.before, device, id);
                changes.put(Table::Forgetting, key, sequence.to_be_bytes().to_vec());
            }
            changes.delete(Table::Ageing, key);
            if let Some(mail) = take(changes, device, sequence)? {
                expired += 1;
                senders.extend(notify(changes, device, &mail, self.now)?);
            }
        }
        Ok(Swept::new(senders, finished))
    }
}

/// Removes an entry from the middle of a mailbox, if it is still there.
fn take(
    changes: &mut Changes<'_>,
    device: DeviceAddress,
    sequence: u64,
) -> Result<Option<Mail>, StoreError> {
    let Some(mut mailbox) = mailbox::load(changes, device)? else { return Ok(None) };
    if sequence < mailbox.first {
        // It is of an earlier device with this number, and is returned.
        return Ok(None);
    }
    let key = schema::entry(device, sequence);
    let Some(row) = changes.get(Table::Entries, &key)? else { return Ok(None) };
    changes.delete(Table::Entries, key);
    mailbox.entries = mailbox.entries.saturating_sub(1);
    mailbox.bytes = mailbox.bytes.saturating_sub(entry_size(&row));
    mailbox::store(changes, device, mailbox);
    census::adjust(changes, |census| census.entries = census.entries.saturating_sub(1))?;
    entry_from_row(sequence, &row).map(|entry| Some(entry.mail))
}

/// Tells the sender of expired mail, if it is mail of a sender that is still there; who was told.
fn notify(
    changes: &mut Changes<'_>,
    recipient: DeviceAddress,
    mail: &Mail,
    now: Timestamp,
) -> Result<Option<DeviceAddress>, StoreError> {
    let &Mail::Envelope { from, id, .. } = mail else { return Ok(None) };
    let told = tell(changes, from, &Mail::Expired { to: recipient, id }, now)?;
    Ok(told.then_some(from))
}

/// Puts a notice into a sender's mailbox, if the sender is still there; whether it was.
pub(super) fn tell(
    changes: &mut Changes<'_>,
    sender: DeviceAddress,
    notice: &Mail,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(mut mailbox) = mailbox::load(changes, sender)? else { return Ok(false) };
    mailbox::push(changes, sender, &mut mailbox, now, notice);
    census::adjust(changes, |census| census.entries += 1)?;
    Ok(true)
}

/// Forgets ids whose memory has run out; how many rows that were.
fn forget(changes: &mut Changes<'_>, before: Timestamp) -> Result<usize, StoreError> {
    let since = Timestamp(before.0.saturating_sub(REPEAT_MEMORY_MS));
    let due = rows_before(changes, Table::Forgetting, since)?;
    let count = due.len();
    for (key, sequence) in due {
        let mut parts = Parts::of(&key, "forgotten envelope");
        parts.time()?;
        let (device, id) = (parts.device()?, EnvelopeId(parts.bytes()?));
        let seen = schema::seen(device, id);
        // Else another device with this number has got the envelope since.
        if changes.get(Table::Seen, &seen)?.is_some_and(|known| known == sequence) {
            changes.delete(Table::Seen, seen);
        }
        changes.delete(Table::Forgetting, key);
    }
    Ok(count)
}

/// A key and its value.
type Row = (Vec<u8>, Vec<u8>);

/// The first rows of a table ordered by time, up to [`STEP`] that are before `time`.
fn rows_before(
    changes: &Changes<'_>,
    table: Table,
    time: Timestamp,
) -> Result<Vec<Row>, StoreError> {
    let mut rows = Vec::new();
    changes.visit(table, &[], &schema::time(time), &mut |key, value| {
        rows.push((key.to_vec(), value.to_vec()));
        let full = rows.len() >= STEP;
        Ok(if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(rows)
}
