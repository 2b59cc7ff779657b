//! What older databases need to become what this version reads. Each step goes from one version of
//! the schema to the next; all of them are one batch, so that a crash leaves the old or the new.

use std::ops::ControlFlow;

use rocksdb::WriteBatch;
use sotto_proto::AccountId;

use super::{
    accounts,
    changes::Changes,
    database::{Database, Rows},
    invitations::InvitationRow,
    rows::{StoredAccount, to_cbor},
    schema::{Parts, Table, behind},
};
use crate::store::{StoreError, rules};

/// The steps from schema `found` to the present one; none if there is nothing to do.
pub(super) fn steps(database: &Database, found: u32) -> Result<Option<WriteBatch>, StoreError> {
    let mut changes = Changes::over(database);
    if found < 2 {
        to_2(&mut changes)?;
    }
    changes.into_batch()
}

/// Invitations became records, and admins are counted.
fn to_2(changes: &mut Changes<'_>) -> Result<(), StoreError> {
    let mut invitations = Vec::new();
    changes.visit(Table::Invitations, &[], &behind(&[]), &mut |code, row| {
        let uses_left = Parts::of(row, "invitation").count()?;
        invitations.push((code.to_vec(), InvitationRow { uses_left, note: None, made: None }));
        Ok(ControlFlow::Continue(()))
    })?;
    for (code, row) in invitations {
        changes.put(Table::Invitations, code, to_cbor(&row)?);
    }
    let mut admins = 0;
    changes.visit(Table::Accounts, &[], &behind(&[]), &mut |key, row| {
        let id = AccountId(Parts::of(key, "account").bytes()?);
        let account = StoredAccount::from_row(id, row)?.account;
        admins += u64::from(rules::administers(&account));
        Ok(ControlFlow::Continue(()))
    })?;
    accounts::store_admins(changes, admins);
    Ok(())
}
