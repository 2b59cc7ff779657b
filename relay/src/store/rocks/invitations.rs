//! Invitation codes: how many registrations each is still good for, and who made it.
//!
//! A code without uses left has no row.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};
use sotto_proto::admin::{Invitation, Made, Note};

use super::{
    changes::Changes,
    database::Rows,
    rows::{from_cbor, to_cbor},
    schema::{Table, behind},
};
use crate::store::StoreError;

/// An invitation without its code, which is the key.
#[derive(Serialize, Deserialize)]
pub(super) struct InvitationRow {
    /// For how many more registrations it is good.
    pub(super) uses_left: u32,
    /// What for.
    pub(super) note: Option<Note>,
    /// When it was made, and by whom.
    pub(super) made: Option<Made>,
}

/// Adds a code, or replaces it.
pub(super) fn add(changes: &mut Changes<'_>, new: Invitation) -> Result<(), StoreError> {
    let Invitation { code, uses_left, note, made } = new;
    store(changes, code, &InvitationRow { uses_left, note, made })
}

/// Uses a code once.
pub(super) fn take(changes: &mut Changes<'_>, code: String) -> Result<(), StoreError> {
    let mut row = load(changes, &code)?.ok_or(StoreError::Invitation)?;
    row.uses_left = row.uses_left.saturating_sub(1);
    store(changes, code, &row)
}

/// Makes a code useless.
pub(super) fn revoke(changes: &mut Changes<'_>, code: String) -> Result<(), StoreError> {
    if load(changes, &code)?.is_none() {
        return Err(StoreError::NoSuchInvitation);
    }
    changes.delete(Table::Invitations, code.into_bytes());
    Ok(())
}

/// A page of the codes, and whether more follow.
pub(super) fn list(
    rows: &impl Rows,
    after: Option<&str>,
    limit: usize,
) -> Result<(Vec<Invitation>, bool), StoreError> {
    // The next key behind a code is the code and a zero byte.
    let from = after.map_or_else(Vec::new, |code| [code.as_bytes(), &[0]].concat());
    let mut page = Vec::new();
    let mut more = false;
    rows.visit(Table::Invitations, &from, &behind(&[]), &mut |code, row| {
        if page.len() == limit {
            more = true;
            return Ok(ControlFlow::Break(()));
        }
        let InvitationRow { uses_left, note, made } = from_cbor(row, "invitation")?;
        let code = String::from_utf8_lossy(code).into_owned();
        page.push(Invitation { code, uses_left, note, made });
        Ok(ControlFlow::Continue(()))
    })?;
    Ok((page, more))
}

fn load(rows: &impl Rows, code: &str) -> Result<Option<InvitationRow>, StoreError> {
    let row = rows.get(Table::Invitations, code.as_bytes())?;
    row.map(|row| from_cbor(&row, "invitation")).transpose()
}

fn store(changes: &mut Changes<'_>, code: String, row: &InvitationRow) -> Result<(), StoreError> {
    if row.uses_left == 0 {
        changes.delete(Table::Invitations, code.into_bytes());
    } else {
        changes.put(Table::Invitations, code.into_bytes(), to_cbor(row)?);
    }
    Ok(())
}
