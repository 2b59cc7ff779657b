//! The tables of the vault and the steps that lead to them.
//!
//! `user_version` counts the steps taken. A step, once released, never changes: what must be
//! otherwise is a new step.

use rusqlite::{Connection, TransactionBehavior};

use super::VaultError;

/// The steps, oldest first.
pub(super) const STEPS: &[&str] = &[include_str!("schema/1.sql")];

/// Takes the steps that are missing, all or none. A vault with more steps than `steps` is refused.
pub(super) fn migrate(conn: &mut Connection, steps: &[&str]) -> Result<(), VaultError> {
    let taken: u32 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = u32::try_from(steps.len()).unwrap_or(u32::MAX);
    if taken > known {
        return Err(VaultError::NewerVersion { found: taken, known });
    }
    if taken == known {
        return Ok(());
    }
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for step in steps.iter().skip(taken as usize) {
        tx.execute_batch(step)?;
    }
    tx.pragma_update(None, "user_version", known)?;
    tx.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &[&str] =
        &["CREATE TABLE note (text TEXT) STRICT; INSERT INTO note VALUES ('kept');"];
    const NEW: &[&str] = &[OLD[0], "ALTER TABLE note ADD COLUMN at INTEGER NOT NULL DEFAULT 7;"];

    fn version(conn: &Connection) -> u32 {
        conn.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
    }

    #[test]
    fn an_older_vault_is_brought_up_to_date_and_keeps_what_it_holds() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut old = Connection::open(file.path()).unwrap();
        migrate(&mut old, OLD).unwrap();
        drop(old);
        let mut conn = Connection::open(file.path()).unwrap();
        migrate(&mut conn, NEW).unwrap();
        let row: (String, u32) = conn
            .query_row("SELECT text, at FROM note", [], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        assert_eq!(row, ("kept".to_owned(), 7));
        assert_eq!(version(&conn), 2);
        migrate(&mut conn, NEW).unwrap();
        assert_eq!(version(&conn), 2);
    }

    #[test]
    fn a_newer_vault_is_refused_and_left_alone() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn, NEW).unwrap();
        let refused = migrate(&mut conn, OLD).unwrap_err();
        assert!(matches!(refused, VaultError::NewerVersion { found: 2, known: 1 }));
        assert_eq!(version(&conn), 2);
    }

    #[test]
    fn a_step_that_fails_undoes_those_before_it() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn, OLD).unwrap();
        let steps = &[OLD[0], NEW[1], "ALTER TABLE nothing ADD COLUMN x;"];
        assert!(matches!(migrate(&mut conn, steps), Err(VaultError::Database(_))));
        assert_eq!(version(&conn), 1);
        assert!(conn.prepare("SELECT at FROM note").is_err());
    }
}
