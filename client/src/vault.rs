//! The vault: the client's encrypted database, where everything stands that must outlive the process.
//!
//! It is one SQLite file under SQLCipher, opened with a key that the passphrase yields. Whoever
//! uses it says what happened (a content arrived, an envelope was acknowledged) inside
//! [`Vault::write`], which is one transaction: all that is said in it is on disk when it returns,
//! or nothing of it is. So a whole delivery costs one `fsync`, and a message never exists without
//! the session state that opened it. Reading goes through [`Vault::read`].
//!
//! The vault seals nothing, asks no clock and makes up no ids: sealed bytes, times and ids are
//! given to it. It is synchronous and is meant to live on a thread of its own.

use std::{
    fs, io,
    ops::Deref,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, Params, Row, Transaction, TransactionBehavior, ffi::ErrorCode};
use sotto_keys::VaultKey;
use zeroize::Zeroizing;

use crate::profile::{self, Profile, ProfileError, Stretching};

mod arrival;
mod attachment;
mod commitment;
mod contact;
mod conversation;
mod disappearing;
mod edit;
mod group_state;
mod history;
mod invite;
mod member;
mod mention;
mod message;
mod outbox;
mod own;
mod place;
mod post;
mod queue;
mod receipt;
mod rekey;
mod requeue;
mod room;
mod schema;
mod search;
mod seen;
mod session;
#[cfg(test)]
mod tests;
mod value;
mod waiting;

pub use self::{
    arrival::Recorded,
    attachment::{AttachmentJob, NewAttachment},
    commitment::{CommitKind, PendingCommit},
    contact::{NewContact, Observed},
    disappearing::Purged,
    history::Page,
    invite::Invite,
    member::{MemberNames, NewMember},
    outbox::{OutboxEntry, Outcome},
    own::OwnAccount,
    post::{Post, Settled},
    room::NewRoom,
    seen::SEEN_KEPT_MS,
    waiting::Waiting,
};

/// How many prepared statements are kept: more than this module has.
const STATEMENTS: usize = 240;

/// Why the vault could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The passphrase does not open it; or it is not a vault, or its first page is damaged.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// A newer version of this program has written it.
    #[error(
        "the vault was written by a newer version of this program (schema {found}, this one knows {known})"
    )]
    NewerVersion {
        /// What the vault says.
        found: u32,
        /// What this program knows.
        known: u32,
    },
    /// The profile has no vault: its creation was cut short.
    #[error("the profile has no vault")]
    Missing,
    /// There is one already.
    #[error("the profile has a vault already")]
    Exists,
    /// The key could not be made from the passphrase.
    #[error("the vault's key could not be made")]
    Key(#[from] sotto_keys::VaultError),
    /// The profile's folder.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The vault's file could not be made.
    #[error("the vault's file could not be made")]
    File(#[source] io::Error),
    /// The database failed.
    #[error("the vault could not be read or written")]
    Database(#[from] rusqlite::Error),
    /// The database gave the transaction up before its end, as it does when the disk is full.
    #[error("the vault could not be written; the disk may be full")]
    Interrupted,
    /// What is stored in this place is not what belongs there.
    #[error("the vault holds a damaged value ({0})")]
    Damaged(&'static str),
    /// A value is too large for the vault, or a path is not Unicode.
    #[error("the vault cannot hold this value ({0})")]
    Unstorable(&'static str),
    /// The account is no contact.
    #[error("there is no such contact")]
    NoSuchContact,
    /// The account is in no such room, and never was.
    #[error("there is no such room")]
    NoSuchRoom,
    /// The conversation has no such message.
    #[error("there is no such message")]
    NoSuchMessage,
    /// Only the sender of a message may change or delete it.
    #[error("only the sender of a message can change it")]
    NotOwn,
    /// The message was deleted, or is an event.
    #[error("this message cannot be changed")]
    Unchangeable,
    /// The content is not of the kind that the operation is for.
    #[error("the content is of another kind")]
    WrongKind,
}

/// The client's encrypted database. It holds the profile's lock.
#[derive(Debug)]
pub struct Vault {
    // Before the profile, so that the database is closed when the lock goes.
    view: View,
    /// What the database is open with, to tell whether a passphrase is the one.
    key: VaultKey,
    profile: Profile,
}

impl Vault {
    /// Makes the vault of a new profile (file mode 0600).
    pub fn create(profile: Profile, passphrase: &[u8]) -> Result<Self, VaultError> {
        let file = profile.vault_file();
        let made = profile::private_options().create(true).truncate(false).open(&file);
        // An empty file is a creation that was cut short.
        if made.and_then(|file| file.metadata()).map_err(VaultError::File)?.len() > 0 {
            return Err(VaultError::Exists);
        }
        Self::open_file(profile, &file, passphrase)
    }

    /// Opens the vault of a profile.
    pub fn open(profile: Profile, passphrase: &[u8]) -> Result<Self, VaultError> {
        let file = profile.vault_file();
        // Any passphrase would open an empty file.
        match fs::metadata(&file) {
            Ok(found) if found.len() > 0 => Self::open_file(profile, &file, passphrase),
            Ok(_) => Err(VaultError::Missing),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(VaultError::Missing),
            Err(error) => Err(VaultError::File(error)),
        }
    }

    fn open_file(profile: Profile, file: &Path, passphrase: &[u8]) -> Result<Self, VaultError> {
        let Stretching { salt, params } = profile.info().stretching;
        let key = sotto_keys::derive_vault_key(passphrase, &salt, params)?;
        let mut conn = open_connection(file, &key)?;
        schema::migrate(&mut conn, schema::STEPS)?;
        let attachments = profile.attachments();
        Ok(Self { view: View { conn, attachments }, key, profile })
    }

    /// The profile that it belongs to.
    pub const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The profile, to change its relay.
    pub const fn profile_mut(&mut self) -> &mut Profile {
        &mut self.profile
    }

    /// Closes the database and hands the locked profile back. Dropping the vault closes it too.
    pub fn close(self) -> Result<Profile, VaultError> {
        self.view.conn.close().map_err(|(_, error)| error)?;
        Ok(self.profile)
    }

    /// Any number of reads over one state of the vault.
    pub fn read<T, E: From<VaultError>>(
        &self,
        read: impl FnOnce(&View) -> Result<T, E>,
    ) -> Result<T, E> {
        let _ends_at_return =
            Transaction::new_unchecked(&self.view.conn, TransactionBehavior::Deferred)
                .map_err(VaultError::from)?;
        read(&self.view)
    }

    /// One transaction: all that `write` did is durable when this returns `Ok`, by one `fsync`;
    /// nothing of it happened when this returns an error.
    pub fn write<T, E: From<VaultError>>(
        &mut self,
        write: impl FnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let tx = Transaction::new_unchecked(&self.view.conn, TransactionBehavior::Immediate)
            .map_err(VaultError::from)?;
        let done = write(&Tx { view: &self.view })?;
        tx.commit().map_err(VaultError::from)?;
        Ok(done)
    }
}

/// The vault as it was when reading began.
#[derive(Debug)]
pub struct View {
    conn: Connection,
    /// Files below this folder are the vault's own.
    attachments: PathBuf,
}

/// A transaction: it reads its own changes, and they become durable together.
#[derive(Debug)]
pub struct Tx<'v> {
    view: &'v View,
}

impl Deref for Tx<'_> {
    type Target = View;

    fn deref(&self) -> &View {
        self.view
    }
}

impl Tx<'_> {
    /// A part that can fail alone: on an error what `part` did is undone, and the rest of the
    /// transaction stands.
    pub fn attempt<T, E: From<VaultError>>(
        &self,
        part: impl FnOnce(&Self) -> Result<T, E>,
    ) -> Result<T, E> {
        self.require_open()?;
        self.conn.execute_batch("SAVEPOINT part").map_err(VaultError::from)?;
        let done = part(self);
        self.require_open()?;
        let end = if done.is_ok() { "RELEASE part" } else { "ROLLBACK TO part; RELEASE part" };
        self.conn.execute_batch(end).map_err(VaultError::from)?;
        done
    }

    /// Runs a statement that changes something; the number of rows that it touched.
    fn change(&self, sql: &str, params: impl Params) -> Result<usize, VaultError> {
        self.require_open()?;
        Ok(self.conn.prepare_cached(sql)?.execute(params)?)
    }

    /// Runs a statement that changes something and gives rows back (`RETURNING`), in no order.
    fn change_rows<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> Result<T, VaultError>,
    ) -> Result<Vec<T>, VaultError> {
        self.require_open()?;
        self.rows(sql, params, read)
    }

    /// After some errors SQLite has rolled back on its own account, and each statement from then on
    /// would become durable alone.
    fn require_open(&self) -> Result<(), VaultError> {
        if self.conn.is_autocommit() { Err(VaultError::Interrupted) } else { Ok(()) }
    }
}

impl View {
    /// All rows of a query.
    fn rows<T>(
        &self,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> Result<T, VaultError>,
    ) -> Result<Vec<T>, VaultError> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            all.push(read(row)?);
        }
        Ok(all)
    }

    /// The first row of a query.
    fn row<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T, VaultError>,
    ) -> Result<Option<T>, VaultError> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        rows.next()?.map(read).transpose()
    }
}

fn open_connection(file: &Path, key: &VaultKey) -> Result<Connection, VaultError> {
    let conn = Connection::open(file)?;
    unlock(&conn, key)?;
    configure(&conn)?;
    Ok(conn)
}

/// A statement that gives SQLCipher the raw key (its `x'…'` form: no further stretching).
fn pragma_with_key(name: &str, key: &VaultKey) -> Result<Zeroizing<String>, VaultError> {
    let mut digits = Zeroizing::new([0; 64]);
    hex::encode_to_slice(key.as_bytes(), &mut *digits)
        .map_err(|_| VaultError::Unstorable("key"))?;
    let digits = std::str::from_utf8(&*digits).map_err(|_| VaultError::Unstorable("key"))?;
    // Built at its full length, so that no shorter copy of the key is left behind by growing.
    let mut pragma = Zeroizing::new(String::with_capacity(128));
    for part in ["PRAGMA ", name, " = \"x'", digits, "'\""] {
        pragma.push_str(part);
    }
    Ok(pragma)
}

/// Sets the key and tries it.
fn unlock(conn: &Connection, key: &VaultKey) -> Result<(), VaultError> {
    // Its log would go to the terminal, and a wrong passphrase is answered by an error.
    conn.execute_batch("PRAGMA cipher_log_level = NONE")?;
    conn.execute_batch(&pragma_with_key("key", key)?)?;
    let tried = conn.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()));
    tried.map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => VaultError::WrongPassphrase,
        _ => error.into(),
    })
}

fn configure(conn: &Connection) -> Result<(), VaultError> {
    // FULL: a commit is on disk when it returns. EXCLUSIVE: the folder's lock keeps others out
    // already, and so the index of the log stays in memory instead of a shared file.
    conn.execute_batch(
        "PRAGMA locking_mode = EXCLUSIVE;
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA secure_delete = ON;
         PRAGMA temp_store = MEMORY;",
    )?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}
