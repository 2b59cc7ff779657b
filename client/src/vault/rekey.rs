//! Another passphrase for a vault.
//!
//! SQLCipher seals every page anew in one transaction, so that whatever happens, one of the two keys
//! opens all of it: the old one until the commit is on disk, the new one from then on. The salt stays,
//! because it stands in `vault.toml`: two files cannot be replaced at once, and a vault beside the
//! salt of another key could be opened by nobody. A salt is there to make this vault unlike others,
//! which it is under the new passphrase too.

use rusqlite::Connection;
use sotto_keys::VaultKey;

use super::{Vault, VaultError, open_connection, pragma_with_key};

impl Vault {
    /// Seals the vault with another key, made with the same salt and parameters. Takes as long as
    /// writing all of the vault does, and as much room on the disk again while it lasts.
    ///
    /// # Errors
    /// [`VaultError::WrongPassphrase`] if `old` is not the key of this vault, and
    /// [`VaultError::Interrupted`] if the disk is full; then the old key stays.
    pub fn change_key(&mut self, old: &VaultKey, new: VaultKey) -> Result<(), VaultError> {
        if *old != self.key {
            return Err(VaultError::WrongPassphrase);
        }
        // Stands there until the database is opened again: its file can be open once only.
        let nothing = Connection::open_in_memory()?;
        // It answers for a failure with nothing, and would then write pages under the new key beside
        // those under the old one: what came of it shows when the database is opened anew.
        let sealed = self.view.conn.execute_batch(&pragma_with_key("rekey", &new)?);
        // Closing also moves everything out of the log, over the pages under the old key.
        if let Err((_, error)) = std::mem::replace(&mut self.view.conn, nothing).close() {
            tracing::warn!(%error, "the vault could not be closed");
        }
        match open_connection(&self.profile.vault_file(), &new) {
            Ok(conn) => {
                self.view.conn = conn;
                self.key = new;
                Ok(())
            }
            Err(error) => {
                self.view.conn = open_connection(&self.profile.vault_file(), old)?;
                sealed?;
                Err(match error {
                    VaultError::WrongPassphrase => VaultError::Interrupted,
                    error => error,
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use sotto_keys::derive_vault_key;

    use super::super::{
        Page, View,
        tests::{Fixture, NOW, PASSPHRASE, account, chat, copy_files, id, text},
    };
    use super::*;
    use crate::profile::Profile;

    const NEW: &[u8] = b"battery staple";
    /// SQLite's log: its own header, and before each page that of a frame.
    const LOG_HEADER: usize = 32;
    const FRAME: usize = 24 + PAGE;
    const PAGE: usize = 4096;

    fn key(vault: &Vault, passphrase: &[u8]) -> VaultKey {
        let stretching = vault.profile().info().stretching;
        derive_vault_key(passphrase, &stretching.salt, stretching.params).unwrap()
    }

    /// A vault with messages of so many bytes, all in the database file.
    fn filled(messages: u32, length: usize) -> Fixture {
        let mut fixture = Fixture::with_contact();
        fill(&mut fixture.vault, 0..messages, length);
        fixture.reopen();
        fixture
    }

    fn fill(vault: &mut Vault, numbers: std::ops::Range<u32>, length: usize) {
        let words = "word ".repeat(length / 5);
        let record = |number| {
            let content = text(number, &words, NOW);
            vault.write(|tx| tx.record_content(chat(1), account(1), &content, NOW).map(drop))
        };
        numbers.into_iter().try_for_each(record).unwrap();
    }

    fn assert_whole(vault: &Vault, messages: u32) {
        let history = |view: &View| view.history(chat(1), Page::Latest, usize::MAX);
        let ids: Vec<_> = vault.read(history).unwrap().iter().map(|message| message.id).collect();
        assert_eq!(ids, (0..messages).map(id).collect::<Vec<_>>());
        let found: String =
            vault.view.conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(found, "ok");
    }

    fn open(folder: &Path, passphrase: &[u8]) -> Result<Vault, VaultError> {
        Vault::open(Profile::open(folder).unwrap(), passphrase)
    }

    /// More than SQLite keeps in memory, so that pages go into the log before the commit.
    #[test]
    fn a_large_vault_is_sealed_anew_as_a_whole_and_goes_on() {
        let Fixture { mut vault, folder: _folder } = filled(400, 20_000);
        let (old, new) = (key(&vault, PASSPHRASE), key(&vault, NEW));
        vault.change_key(&old, new).unwrap();
        fill(&mut vault, 400..410, 100);
        assert_whole(&vault, 410);
        let folder = vault.close().unwrap().folder().to_owned();
        assert!(matches!(open(&folder, PASSPHRASE), Err(VaultError::WrongPassphrase)));
        let vault = open(&folder, NEW).unwrap();
        assert_whole(&vault, 410);
        let mut damaged = vault.view.conn.prepare("PRAGMA cipher_integrity_check").unwrap();
        assert!(damaged.query([]).unwrap().next().unwrap().is_none());
    }

    #[test]
    fn nothing_under_the_old_key_is_left_in_the_folder() {
        let mut fixture = filled(5, 1000);
        let vault = &mut fixture.vault;
        let (old, new) = (key(vault, PASSPHRASE), key(vault, NEW));
        vault.change_key(&old, new).unwrap();
        let copy = tempfile::tempdir().unwrap();
        copy_files(vault.profile().folder(), copy.path());
        let log = copy.path().join("vault.db-wal");
        // Whoever has the file without its log has no older state either.
        fs::remove_file(log).unwrap();
        assert!(matches!(open(copy.path(), PASSPHRASE), Err(VaultError::WrongPassphrase)));
        assert_whole(&open(copy.path(), NEW).unwrap(), 5);
    }

    #[test]
    fn another_key_than_that_of_the_vault_changes_nothing() {
        let mut fixture = filled(2, 100);
        let vault = &mut fixture.vault;
        let (wrong, new) = (key(vault, b"correct mouse"), key(vault, NEW));
        let refused = vault.change_key(&wrong, new);
        assert!(matches!(refused, Err(VaultError::WrongPassphrase)));
        fill(vault, 2..3, 100);
        fixture.reopen();
        assert_whole(&fixture.vault, 3);
    }

    /// The log as a process leaves it that dies while it writes: up to any frame, and within one.
    #[test]
    fn a_crash_while_it_is_sealed_leaves_a_vault_that_one_of_the_two_opens() {
        let fixture = filled(5, 1000);
        let (folder, conn) = (fixture.vault.profile().folder(), &fixture.vault.view.conn);
        conn.execute_batch(&pragma_with_key("rekey", &key(&fixture.vault, NEW)).unwrap()).unwrap();
        let crash = tempfile::tempdir().unwrap();
        copy_files(folder, crash.path());
        let [file, log] = ["vault.db", "vault.db-wal"].map(|name| crash.path().join(name));
        let [before, whole] = [&file, &log].map(|path| fs::read(path).unwrap());
        assert!(whole.len() > LOG_HEADER + 20 * FRAME, "{}", whole.len());
        let mut lengths: Vec<_> = (LOG_HEADER..=whole.len()).step_by(FRAME / 2).collect();
        lengths.push(whole.len());
        for length in lengths {
            fs::write(&file, &before).unwrap();
            fs::write(&log, &whole[..length]).unwrap();
            let opens = if length == whole.len() { NEW } else { PASSPHRASE };
            assert_whole(&open(crash.path(), opens).unwrap(), 5);
        }
    }

    /// The log is whole, and its pages were moved into the file up to any place.
    #[test]
    fn a_crash_after_it_was_sealed_leaves_a_vault_that_the_new_one_opens() {
        let fixture = filled(5, 1000);
        let (folder, conn) = (fixture.vault.profile().folder(), &fixture.vault.view.conn);
        conn.execute_batch(&pragma_with_key("rekey", &key(&fixture.vault, NEW)).unwrap()).unwrap();
        let crash = tempfile::tempdir().unwrap();
        copy_files(folder, crash.path());
        let [file, log] = ["vault.db", "vault.db-wal"].map(|name| crash.path().join(name));
        let [before, whole] = [&file, &log].map(|path| fs::read(path).unwrap());
        drop(open(crash.path(), NEW).unwrap().close().unwrap());
        let after = fs::read(&file).unwrap();
        assert_ne!(before[..PAGE], after[..PAGE]);
        for moved in (0..=after.len()).step_by(PAGE) {
            let rest = before.get(moved..).unwrap_or_default();
            fs::write(&file, [&after[..moved], rest].concat()).unwrap();
            fs::write(&log, &whole).unwrap();
            assert_whole(&open(crash.path(), NEW).unwrap(), 5);
        }
    }
}
