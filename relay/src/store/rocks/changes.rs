//! Changes on their way into the database: the operations of one commit, each all or nothing,
//! each seeing what those before it have done.
//!
//! Nothing here is written; [`Changes::into_batch`] makes the one batch that is.

use std::{
    collections::BTreeMap,
    ops::{Bound, ControlFlow},
};

use rocksdb::WriteBatch;

use super::{
    database::{Database, Rows, Visitor},
    schema::{Table, behind},
};
use crate::store::StoreError;

type Key = (Table, Vec<u8>);

/// A row's value to be, or none if it is deleted.
type Change = Option<Vec<u8>>;

/// What is going to be written over the database.
pub(super) struct Changes<'a> {
    database: &'a Database,
    rows: BTreeMap<Key, Change>,
    /// Prefixes of which every row in the database goes; rows in `rows` came later.
    cleared: Vec<Key>,
    /// What stood in `rows` before each step of the operation under way.
    journal: Vec<(Key, Option<Change>)>,
}

impl<'a> Changes<'a> {
    /// No changes yet.
    pub(super) const fn over(database: &'a Database) -> Self {
        Self { database, rows: BTreeMap::new(), cleared: Vec::new(), journal: Vec::new() }
    }

    /// Does one operation: if it fails, as if it had never begun. Tells also whether it changed
    /// anything.
    pub(super) fn attempt<T>(
        &mut self,
        operation: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> (Result<T, StoreError>, bool) {
        let cleared = self.cleared.len();
        let outcome = operation(self);
        let changed = !self.journal.is_empty() || self.cleared.len() > cleared;
        if outcome.is_ok() {
            self.journal.clear();
            return (outcome, changed);
        }
        self.cleared.truncate(cleared);
        while let Some((key, before)) = self.journal.pop() {
            match before {
                Some(change) => self.rows.insert(key, change),
                None => self.rows.remove(&key),
            };
        }
        (outcome, false)
    }

    /// Writes a row.
    pub(super) fn put(&mut self, table: Table, key: Vec<u8>, value: Vec<u8>) {
        self.set((table, key), Some(value));
    }

    /// Deletes a row, whether or not it is there.
    pub(super) fn delete(&mut self, table: Table, key: Vec<u8>) {
        self.set((table, key), None);
    }

    /// Deletes every row whose key starts with `prefix`.
    pub(super) fn clear(&mut self, table: Table, prefix: Vec<u8>) {
        let range = (table, prefix.clone())..(table, behind(&prefix));
        let pending: Vec<Key> = self.rows.range(range).map(|(key, _)| key.clone()).collect();
        for key in pending {
            let before = self.rows.remove(&key);
            self.journal.push((key, before));
        }
        self.cleared.push((table, prefix));
    }

    /// The batch that does all this, or none if there is nothing to do.
    pub(super) fn into_batch(self) -> Result<Option<WriteBatch>, StoreError> {
        if self.rows.is_empty() && self.cleared.is_empty() {
            return Ok(None);
        }
        let mut batch = WriteBatch::default();
        for (table, prefix) in self.cleared {
            let end = behind(&prefix);
            batch.delete_range_cf(&self.database.family(table)?, prefix, end);
        }
        for ((table, key), change) in self.rows {
            let family = self.database.family(table)?;
            match change {
                Some(value) => batch.put_cf(&family, key, value),
                None => batch.delete_cf(&family, key),
            }
        }
        Ok(Some(batch))
    }

    fn set(&mut self, key: Key, change: Change) {
        let before = self.rows.insert(key.clone(), change);
        self.journal.push((key, before));
    }

    fn is_cleared(&self, table: Table, key: &[u8]) -> bool {
        self.cleared.iter().any(|(cleared, prefix)| *cleared == table && key.starts_with(prefix))
    }
}

impl Rows for Changes<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.rows.get(&(table, key.to_vec())) {
            Some(change) => Ok(change.clone()),
            None if self.is_cleared(table, key) => Ok(None),
            None => self.database.get(table, key),
        }
    }

    fn visit(
        &self,
        table: Table,
        from: &[u8],
        below: &[u8],
        visit: &mut Visitor<'_>,
    ) -> Result<(), StoreError> {
        if from >= below {
            return Ok(());
        }
        let range =
            (Bound::Included((table, from.to_vec())), Bound::Excluded((table, below.to_vec())));
        let mut pending = self.rows.range(range).peekable();
        let mut ended = false;
        self.database.visit(table, from, below, &mut |key, value| {
            while let Some(((_, changed), change)) =
                pending.next_if(|((_, changed), _)| changed.as_slice() < key)
            {
                if let Some(value) = change
                    && visit(changed, value)?.is_break()
                {
                    ended = true;
                    return Ok(ControlFlow::Break(()));
                }
            }
            let flow = match pending.next_if(|((_, changed), _)| changed.as_slice() == key) {
                Some((_, Some(value))) => visit(key, value)?,
                Some((_, None)) => ControlFlow::Continue(()),
                None if self.is_cleared(table, key) => ControlFlow::Continue(()),
                None => visit(key, value)?,
            };
            ended = flow.is_break();
            Ok(flow)
        })?;
        if ended {
            return Ok(());
        }
        for ((_, key), change) in pending {
            if let Some(value) = change
                && visit(key, value)?.is_break()
            {
                break;
            }
        }
        Ok(())
    }
}
