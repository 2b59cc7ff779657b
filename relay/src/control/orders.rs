//! What each command of the control socket does.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rand::{
    distr::{Distribution, slice::Choose},
    rng,
};
use sotto_proto::{AccountId, Username};
use tracing::info;

use super::{AccountLine, Answer, Command, Console, Status};
use crate::{
    Relay,
    store::{Store, StoreError},
    tls,
};

/// The accounts of one answer.
const PAGE: usize = 500;
/// The characters of an invitation code: none is mistaken for another.
const CODE_ALPHABET: &[char] = &[
    'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'j', 'k', 'm', 'n', 'p', 'q', 'r', 's', 't', 'u', 'v',
    'w', 'x', 'y', 'z', '2', '3', '4', '5', '6', '7', '8', '9',
];
/// The length of an invitation code: about 99 bits.
const CODE_LENGTH: usize = 20;

/// The folder with the database, in the data folder and in a backup.
pub const DATABASE_FOLDER: &str = "database";
/// The folder with the blobs, in the data folder and in a backup.
pub(crate) const BLOB_FOLDER: &str = "blobs";

/// Why a command was not carried out, as a sentence for the operator.
#[derive(Debug, thiserror::Error)]
enum OrderError {
    #[error("the relay is shutting down")]
    Closing,
    #[error("there is no account {0}")]
    NoAccount(Username),
    #[error("{}", sentence(.0))]
    Store(#[from] StoreError),
    #[error("an invitation is good for at least one registration")]
    NoUses,
    #[error("no invitation could be made")]
    NoCode,
    #[error("the folder for a backup needs an absolute path")]
    Relative,
    #[error("{} exists: a backup goes to a new folder", .0.display())]
    Exists(PathBuf),
    #[error("the backup in {} failed: {source}", folder.display())]
    Backup {
        folder: PathBuf,
        #[source]
        source: io::Error,
    },
}

fn sentence(error: &StoreError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// Carries out a command.
pub(super) async fn obey(console: &Console, command: Command) -> Answer {
    match carry_out(console, command).await {
        Ok(answer) => answer,
        Err(error) => Answer::Failed { message: error.to_string() },
    }
}

async fn carry_out(console: &Console, command: Command) -> Result<Answer, OrderError> {
    let relay = console.relay.upgrade().ok_or(OrderError::Closing)?;
    match command {
        Command::Status => Ok(Answer::Status(status(console, &relay))),
        Command::Accept { on } => {
            relay.set_accepting(on);
            info!(on, "the operator switched accepting");
            Ok(done(if on {
                "new connections are admitted"
            } else {
                "new connections are refused"
            }))
        }
        Command::Accounts { prefix, after } => accounts(&relay, &prefix, after.as_ref()).await,
        Command::Suspend { username } => suspend(&relay, &username, true).await,
        Command::Unsuspend { username } => suspend(&relay, &username, false).await,
        Command::Delete { username } => delete(&relay, &username).await,
        Command::Invite { uses } => invite(&relay, uses).await,
        Command::Backup { folder } => backup(console, &relay, folder).await,
        Command::Database => database(&relay).await,
        Command::Shutdown => {
            info!("the operator ends the relay");
            console.closing.cancel();
            Ok(done("the relay is shutting down"))
        }
    }
}

fn done(message: impl Into<String>) -> Answer {
    Answer::Done { message: message.into() }
}

fn status(console: &Console, relay: &Relay) -> Status {
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        link: relay.link().to_string(),
        listening: relay.local_addr().to_string(),
        accepting: relay.is_accepting(),
        uptime_seconds: console.started.elapsed().as_secs(),
        connections: console.metrics.connections.get(),
        devices_online: relay.devices_online(),
    }
}

/// The directory leaves suspended accounts out; one that is named in full is shown all the same.
async fn accounts(
    relay: &Relay,
    prefix: &str,
    after: Option<&Username>,
) -> Result<Answer, OrderError> {
    let (listed, more) = relay.store().list_users(prefix, after, PAGE).await?;
    let mut accounts: Vec<_> = listed
        .into_iter()
        .map(|user| AccountLine {
            username: user.username,
            display_name: user.display_name,
            suspended: false,
        })
        .collect();
    if after.is_none()
        && let Ok(username) = prefix.parse()
        && let Some(account) = relay.store().account_by_name(&username).await?
        && account.suspended
    {
        let line = AccountLine { username, display_name: account.display_name, suspended: true };
        accounts.insert(0, line);
    }
    Ok(Answer::Accounts { accounts, more })
}

async fn find(store: &Arc<dyn Store>, username: &Username) -> Result<AccountId, OrderError> {
    let account = store.account_by_name(username).await?;
    account.map(|account| account.id).ok_or_else(|| OrderError::NoAccount(username.clone()))
}

async fn suspend(relay: &Relay, username: &Username, on: bool) -> Result<Answer, OrderError> {
    let id = find(relay.store(), username).await?;
    relay.store().set_suspended(id, on).await?;
    if on {
        relay.disconnect(id);
    }
    info!(on, "the operator suspended an account or let it back in");
    Ok(done(format!("{username} {}", if on { "is suspended" } else { "may log in again" })))
}

async fn delete(relay: &Relay, username: &Username) -> Result<Answer, OrderError> {
    let id = find(relay.store(), username).await?;
    relay.delete_account(id).await?;
    info!("the operator deleted an account");
    Ok(done(format!("{username} is deleted")))
}

async fn invite(relay: &Relay, uses: u32) -> Result<Answer, OrderError> {
    if uses == 0 {
        return Err(OrderError::NoUses);
    }
    let letters = Choose::new(CODE_ALPHABET).map_err(|_| OrderError::NoCode)?;
    let code: String = letters.sample_iter(rng()).take(CODE_LENGTH).collect();
    relay.store().add_invitation(&code, uses).await?;
    info!(uses, "the operator made an invitation");
    Ok(Answer::Invitation { code, uses })
}

async fn database(relay: &Relay) -> Result<Answer, OrderError> {
    let census = relay.store().census().await?;
    Ok(Answer::Database {
        accounts: census.accounts,
        devices: census.devices,
        mailbox_entries: census.entries,
        blobs: census.blobs,
        disk_bytes: census.disk_bytes,
    })
}

/// The database first: a blob that is on its books is then in the folder too.
async fn backup(console: &Console, relay: &Relay, folder: PathBuf) -> Result<Answer, OrderError> {
    if !folder.is_absolute() {
        return Err(OrderError::Relative);
    }
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => OrderError::Exists(folder.clone()),
        _ => OrderError::Backup { folder: folder.clone(), source },
    };
    new_folder(&folder).map_err(failed)?;
    relay.store().backup(&folder.join(DATABASE_FOLDER)).await?;
    let (from, to) = (console.data.clone(), folder.clone());
    tokio::task::spawn_blocking(move || copy_files(&from, &to))
        .await
        .unwrap_or_else(|panic| Err(io::Error::other(panic)))
        .map_err(failed)?;
    info!("the operator made a backup");
    Ok(done(format!("everything is in {}; it can stand in for the data folder", folder.display())))
}

fn new_folder(folder: &Path) -> io::Result<()> {
    if folder.try_exists()? {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    tls::private_folder(folder)
}

fn copy_files(data: &Path, folder: &Path) -> io::Result<()> {
    let identity = data.join(tls::IDENTITY_FILE);
    if identity.try_exists()? {
        fs::copy(&identity, folder.join(tls::IDENTITY_FILE))?;
    }
    let blobs = folder.join(BLOB_FOLDER);
    tls::private_folder(&blobs)?;
    for entry in fs::read_dir(data.join(BLOB_FOLDER))? {
        let entry = entry?;
        match fs::copy(entry.path(), blobs.join(entry.file_name())) {
            // It expired meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            copied => drop(copied?),
        }
    }
    Ok(())
}
