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

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    const TABLE: Table = Table::Invitations;

    /// A database with these rows, each its own value.
    fn database(rows: &[&str]) -> (Database, TempDir) {
        let folder = TempDir::new().unwrap();
        let database = Database::open(folder.path()).unwrap();
        let mut changes = Changes::over(&database);
        for row in rows {
            put(&mut changes, row, row);
        }
        let batch = changes.into_batch().unwrap().unwrap();
        database.write(batch, false).unwrap();
        (database, folder)
    }

    fn put(changes: &mut Changes<'_>, key: &str, value: &str) {
        changes.put(TABLE, key.into(), value.into());
    }

    fn get(rows: &impl Rows, key: &str) -> Option<String> {
        let value = rows.get(TABLE, key.as_bytes()).unwrap();
        value.map(|value| String::from_utf8(value).unwrap())
    }

    /// The rows from `from` to before `below`, up to `limit`.
    fn list(rows: &impl Rows, from: &str, below: &str, limit: usize) -> Vec<String> {
        let mut listed = Vec::new();
        rows.visit(TABLE, from.as_bytes(), below.as_bytes(), &mut |key, value| {
            let (key, value) = (String::from_utf8_lossy(key), String::from_utf8_lossy(value));
            listed.push(format!("{key}={value}"));
            let full = listed.len() == limit;
            Ok(if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })
        .unwrap();
        listed
    }

    #[test]
    fn changes_are_seen_over_the_database() {
        let (database, _folder) = database(&["b", "d", "f", "h"]);
        let mut changes = Changes::over(&database);
        put(&mut changes, "a", "1");
        put(&mut changes, "d", "2");
        put(&mut changes, "e", "3");
        put(&mut changes, "z", "4");
        changes.delete(TABLE, "f".into());
        let all = ["a=1", "b=b", "d=2", "e=3", "h=h", "z=4"];
        assert_eq!(list(&changes, "", "~", 9), all);
        assert_eq!(list(&changes, "b", "h", 9), all[1..4]);
        for limit in 1..=all.len() {
            assert_eq!(list(&changes, "", "~", limit), all[..limit]);
        }
        assert!(list(&changes, "x", "b", 9).is_empty());
        assert_eq!((get(&changes, "d"), get(&changes, "f")), (Some("2".to_owned()), None));
        assert_eq!(list(&database, "", "~", 9), ["b=b", "d=d", "f=f", "h=h"]);

        let batch = changes.into_batch().unwrap().unwrap();
        database.write(batch, false).unwrap();
        assert_eq!(list(&database, "", "~", 9), all);
    }

    #[test]
    fn a_cleared_prefix_is_empty_but_for_what_comes_later() {
        let (database, _folder) = database(&["a1", "b1", "b2", "c1"]);
        let mut changes = Changes::over(&database);
        put(&mut changes, "b3", "early");
        changes.clear(TABLE, "b".into());
        assert_eq!((get(&changes, "b1"), get(&changes, "b3")), (None, None));
        put(&mut changes, "b2", "late");
        let all = ["a1=a1", "b2=late", "c1=c1"];
        assert_eq!(list(&changes, "", "~", 9), all);

        let batch = changes.into_batch().unwrap().unwrap();
        database.write(batch, false).unwrap();
        assert_eq!(list(&database, "", "~", 9), all);
    }

    #[test]
    fn a_failed_operation_has_never_been() {
        let (database, _folder) = database(&["a", "b", "c"]);
        let mut changes = Changes::over(&database);
        let (_, is_change) = changes.attempt(|changes| {
            put(changes, "b", "first");
            put(changes, "d", "first");
            Ok(())
        });
        assert!(is_change);
        let (outcome, is_change) = changes.attempt(|changes| {
            changes.delete(TABLE, "a".into());
            put(changes, "b", "second");
            put(changes, "b", "third");
            put(changes, "e", "second");
            changes.clear(TABLE, Vec::new());
            put(changes, "c", "second");
            Err::<(), _>(StoreError::TooMany)
        });
        assert!(matches!(outcome, Err(StoreError::TooMany)) && !is_change);
        assert_eq!(list(&changes, "", "~", 9), ["a=a", "b=first", "c=c", "d=first"]);
        let (_, is_change) = changes.attempt(|changes| Ok(get(changes, "a")));
        assert!(!is_change);
    }

    #[test]
    fn nothing_to_do_is_no_batch() {
        let (database, _folder) = database(&["a"]);
        assert!(Changes::over(&database).into_batch().unwrap().is_none());
    }
}
