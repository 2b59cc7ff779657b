//! What MLS keeps of its groups: opaque values under opaque keys, in the same transactions as what
//! they open and seal.

use rusqlite::params;
use zeroize::Zeroizing;

use super::{Tx, VaultError, View};

impl View {
    /// The value under a key.
    pub fn group_state(&self, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
        let sql = "SELECT value FROM room_state WHERE key = ?1";
        self.row(sql, [key], |row| Ok(Zeroizing::new(row.get(0)?)))
    }
}

impl Tx<'_> {
    /// Sets or replaces the value under a key.
    pub fn set_group_state(&self, key: &[u8], value: &[u8]) -> Result<(), VaultError> {
        self.change(
            "INSERT INTO room_state VALUES (?1, ?2)
             ON CONFLICT DO UPDATE SET value = excluded.value",
            params![key, value],
        )?;
        Ok(())
    }

    /// Forgets the value under a key.
    pub fn remove_group_state(&self, key: &[u8]) -> Result<(), VaultError> {
        self.change("DELETE FROM room_state WHERE key = ?1", [key])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Fixture;
    use super::*;

    #[test]
    fn a_value_is_set_replaced_and_forgotten() {
        let mut fixture = Fixture::new();
        fixture
            .vault
            .write(|tx| {
                tx.set_group_state(b"tree", b"old")?;
                tx.set_group_state(b"tree", b"new")?;
                tx.set_group_state(b"secrets", b"")
            })
            .unwrap();
        fixture.reopen();
        fixture
            .vault
            .write(|tx| {
                assert_eq!(tx.group_state(b"tree")?.unwrap().as_slice(), b"new");
                assert_eq!(tx.group_state(b"secrets")?.unwrap().as_slice(), b"");
                tx.remove_group_state(b"tree")?;
                assert_eq!(tx.group_state(b"tree")?, None);
                Ok::<_, VaultError>(())
            })
            .unwrap();
    }
}
