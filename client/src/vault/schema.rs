//! The tables of the vault and the steps that lead to them.
//!
//! `user_version` counts the steps taken. A step, once released, never changes: what must be
//! otherwise is a new step.

use rusqlite::{Connection, TransactionBehavior};

use super::VaultError;

/// The steps, oldest first.
pub(super) const STEPS: &[&str] = &[include_str!("schema/1.sql"), include_str!("schema/2.sql")];

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
    fn the_identities_that_a_vault_holds_become_the_beginning_of_their_history() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn, &STEPS[..1]).unwrap();
        conn.execute_batch(
            r#"INSERT INTO contacts (account, username, display_name, identity, pending_identity,
                state, added_at)
             VALUES (x'01', 'bob', 'Bob', x'0a', NULL, 'accepted', 5),
                (x'02', 'carol', 'Carol', x'0b', x'0c', 'accepted', 6),
                (x'03', 'dave', 'Dave', x'0d', x'0e', 'accepted', 7);
             INSERT INTO messages (conversation, id, outgoing, sent_at, arrived_at, kind, event,
                read)
             VALUES (x'02', x'01', 0, 8, 8, 'event', '{"event":"identity_changed"}', 1),
                (x'02', x'02', 0, 9, 9, 'event', '{"event":"identity_changed"}', 1),
                (x'03', x'01', 0, 9, 9, 'event', '{"event":"unreadable"}', 1);"#,
        )
        .unwrap();
        migrate(&mut conn, STEPS).unwrap();
        let mut known = conn
            .prepare(
                "SELECT hex(account), hex(identity), seen_at, accepted_at FROM contact_identities
                 ORDER BY account, accepted_at IS NULL",
            )
            .unwrap();
        let known: Vec<String> = known
            .query_map([], |row| {
                let [account, identity]: [String; 2] = [row.get(0)?, row.get(1)?];
                let (seen, accepted): (u32, Option<u32>) = (row.get(2)?, row.get(3)?);
                Ok(format!("{account} {identity} {seen} {accepted:?}"))
            })
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let expected = [
            "01 0A 5 Some(5)",
            "02 0B 6 Some(6)",
            "02 0C 9 None",
            "03 0D 7 Some(7)",
            "03 0E 7 None",
        ];
        assert_eq!(known, expected);
        let (muted, pinned): (bool, bool) = conn
            .query_row("SELECT muted, pinned FROM contacts", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .unwrap();
        assert!(!muted && !pinned);
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
