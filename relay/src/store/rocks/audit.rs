//! The audit log: it only grows, until its oldest lines are too old.

use std::ops::ControlFlow;

use sotto_proto::{
    Timestamp,
    admin::{AuditEntry, AuditLine},
};

use super::{
    changes::Changes,
    database::Rows,
    rows::{from_cbor, to_cbor},
    schema::{self, AUDIT_KEY, Parts, Table, behind},
    writer::Operation,
};
use crate::store::StoreError;

/// Writes a line.
pub(super) struct Note(pub(super) AuditEntry);

impl Operation for Note {
    type Output = ();

    fn apply(self, changes: &mut Changes<'_>) -> Result<(), StoreError> {
        push(changes, &self.0)
    }
}

/// Which numbers there are.
#[derive(Clone, Copy)]
struct Span {
    first: u64,
    next: u64,
}

/// Writes a line under the next number.
pub(super) fn push(changes: &mut Changes<'_>, entry: &AuditEntry) -> Result<(), StoreError> {
    let span = span(changes)?;
    changes.put(Table::Audit, schema::audit(span.next), to_cbor(entry)?);
    store_span(changes, Span { next: span.next + 1, ..span });
    Ok(())
}

/// A page of the log, newest first, and whether more follows.
pub(super) fn page(
    rows: &impl Rows,
    before: Option<u64>,
    limit: usize,
) -> Result<(Vec<AuditLine>, bool), StoreError> {
    let newest = match before {
        Some(0) => return Ok((Vec::new(), false)),
        Some(before) => before - 1,
        None => u64::MAX,
    };
    let mut lines = Vec::new();
    let mut more = false;
    rows.visit(Table::Audit, &schema::audit(newest), &behind(&[]), &mut |key, row| {
        if lines.len() == limit {
            more = true;
            return Ok(ControlFlow::Break(()));
        }
        let number = !Parts::of(key, "audit line").number()?;
        lines.push(AuditLine { number, entry: from_cbor(row, "audit line")? });
        Ok(ControlFlow::Continue(()))
    })?;
    Ok((lines, more))
}

/// Forgets up to `limit` lines from before a time; whether there may be more.
pub(super) fn forget(
    changes: &mut Changes<'_>,
    before: Timestamp,
    limit: usize,
) -> Result<bool, StoreError> {
    let mut span = span(changes)?;
    for _ in 0..limit {
        let key = schema::audit(span.first);
        let Some(row) = changes.get(Table::Audit, &key)? else { return Ok(false) };
        if from_cbor::<AuditEntry>(&row, "audit line")?.at >= before {
            return Ok(false);
        }
        changes.delete(Table::Audit, key);
        span.first += 1;
        store_span(changes, span);
    }
    Ok(true)
}

fn span(rows: &impl Rows) -> Result<Span, StoreError> {
    match rows.get(Table::Meta, AUDIT_KEY)? {
        Some(row) => {
            let mut parts = Parts::of(&row, "audit log");
            Ok(Span { first: parts.number()?, next: parts.number()? })
        }
        None => Ok(Span { first: 1, next: 1 }),
    }
}

fn store_span(changes: &mut Changes<'_>, Span { first, next }: Span) {
    let row = [first.to_be_bytes(), next.to_be_bytes()].concat();
    changes.put(Table::Meta, AUDIT_KEY.to_vec(), row);
}
