//! Mail of devices that left their accounts: it goes back to its senders, who may have another
//! device to send it to.

use std::ops::ControlFlow;

use sotto_proto::{DeviceAddress, EnvelopeId, Timestamp, mailbox::Mail};

use super::{
    changes::Changes,
    database::Rows,
    expiry::{Swept, tell},
    rows::envelope_of,
    schema::{self, Parts, Table, behind},
    writer::Operation,
};
use crate::store::StoreError;

/// One step of it.
#[derive(Clone, Copy)]
pub(super) struct Return {
    /// The time at which the senders' notices are accepted.
    pub(super) now: Timestamp,
    /// How many entries may go.
    pub(super) limit: usize,
}

/// A mailbox without a device.
struct Left {
    device: DeviceAddress,
    /// The sequence behind its last entry.
    end: u64,
}

/// An entry's key, and what it is if it is an envelope.
type Entry = (Vec<u8>, Option<(DeviceAddress, EnvelopeId)>);

impl Operation for Return {
    type Output = Swept;

    fn apply(self, changes: &mut Changes<'_>) -> Result<Swept, StoreError> {
        let limit = self.limit.max(1);
        let Some(left) = first(changes)? else {
            return Ok(Swept::new(Vec::new(), true));
        };
        let entries = entries(changes, &left, limit)?;
        if entries.len() < limit {
            changes.delete(Table::Leaving, schema::device(left.device));
        }
        let mut senders = Vec::new();
        for (key, envelope) in entries {
            changes.delete(Table::Entries, key);
            let Some((from, id)) = envelope else { continue };
            let notice = Mail::Returned { to: left.device, id };
            if tell(changes, from, &notice, self.now)? {
                senders.push(from);
            }
        }
        Ok(Swept::new(senders, false))
    }
}

fn first(changes: &Changes<'_>) -> Result<Option<Left>, StoreError> {
    let mut first = None;
    changes.visit(Table::Leaving, &[], &[u8::MAX; 21], &mut |key, end| {
        let device = Parts::of(key, "leaving device").device()?;
        let end = Parts::of(end, "leaving device").number()?;
        first = Some(Left { device, end });
        Ok(ControlFlow::Break(()))
    })?;
    Ok(first)
}

fn entries(changes: &Changes<'_>, left: &Left, limit: usize) -> Result<Vec<Entry>, StoreError> {
    let mut entries = Vec::new();
    let from = schema::device(left.device);
    let below = schema::entry(left.device, left.end).min(behind(&from));
    changes.visit(Table::Entries, &from, &below, &mut |key, row| {
        entries.push((key.to_vec(), envelope_of(row)?));
        let full = entries.len() >= limit;
        Ok(if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(entries)
}
