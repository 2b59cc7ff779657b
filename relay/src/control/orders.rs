//! What each command of the control socket does.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sotto_proto::{Refusal, admin};
use tracing::info;

use super::{
    Answer, Command, Console, Status,
    database::{self, BLOB_FOLDER, DATABASE_FOLDER, DatabaseError},
};
use crate::{Relay, config::LogLevel, store::StoreError, tls};

/// Why a command was not carried out, as a sentence for the operator.
#[derive(Debug, thiserror::Error)]
enum OrderError {
    #[error("the relay is shutting down")]
    Closing,
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("{}", sentence(.0))]
    Store(#[from] StoreError),
    #[error("{}", sentence(.0))]
    Database(#[from] DatabaseError),
    #[error("the log level could not be changed: {0}")]
    Log(String),
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

/// An error with its causes, each said once.
fn sentence(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
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
            relay.note_operation("accept", Some(if on { "on" } else { "off" }.to_owned())).await;
            Ok(done(if on {
                "new connections are admitted"
            } else {
                "new connections are refused"
            }))
        }
        Command::Stop => {
            relay.stop_work();
            info!("the operator stopped the relay's work");
            relay.note_operation("stop", None).await;
            Ok(done("the relay is stopped: it listens, and takes on no work"))
        }
        Command::Start => {
            relay.start_work();
            info!("the operator started the relay's work");
            relay.note_operation("start", None).await;
            Ok(done("the relay works"))
        }
        Command::Admin { order } => administer(&relay, order).await,
        Command::Backup { folder } => backup(console, &relay, folder).await,
        Command::Database { folder: None } => show_database(console, &relay).await,
        Command::Database { folder: Some(folder) } => {
            database::switch(&relay, &console.database, &console.data, &folder).await?;
            info!("the operator switched the database");
            relay.note_operation("database", None).await;
            show_database(console, &relay).await
        }
        Command::Log { level } => set_log(console, &relay, level).await,
        Command::Shutdown => {
            info!("the operator ends the relay");
            relay.note_operation("shutdown", None).await;
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
        stopped: relay.is_stopped(),
        uptime_seconds: console.started.elapsed().as_secs(),
        connections: console.metrics.connections.get(),
        devices_online: relay.devices_online(),
    }
}

/// A command that only says that it is done is answered by a sentence.
async fn administer(relay: &Relay, order: admin::Command) -> Result<Answer, OrderError> {
    let sentence = sentence_of(&order);
    let act = order.kind();
    let is_noted = order.is_noted();
    let said = relay.administer(order).await?;
    if is_noted {
        info!(act, "the operator administered");
    }
    Ok(match said {
        admin::Answer::Done(_) => done(sentence),
        said => Answer::Admin { said },
    })
}

fn sentence_of(order: &admin::Command) -> String {
    use admin::Command as Order;
    match order {
        Order::Suspend(named) => format!("{} is suspended", named.username),
        Order::Restore(named) => format!("{} may log in again", named.username),
        Order::Delete(named) => {
            format!("{} is deleted; nobody can take the name", named.username)
        }
        Order::Promote(named) => format!("{} is an admin", named.username),
        Order::Demote(named) => format!("{} is no admin any more", named.username),
        Order::Revoke(_) => "the invitation is revoked".to_owned(),
        Order::Withdraw(withdrawn) => format!("announcement {} is gone", withdrawn.number),
        _ => "it is done".to_owned(),
    }
}

async fn set_log(console: &Console, relay: &Relay, level: LogLevel) -> Result<Answer, OrderError> {
    (console.set_log)(level).map_err(OrderError::Log)?;
    info!(?level, "the operator changed what is logged");
    let level = format!("{level:?}").to_lowercase();
    let sentence = format!("logged from now on: {level}");
    relay.note_operation("log", Some(level)).await;
    Ok(done(sentence))
}

async fn show_database(console: &Console, relay: &Relay) -> Result<Answer, OrderError> {
    let census = relay.store().census().await?;
    Ok(Answer::Database {
        folder: console.database.folder().ok_or(OrderError::Closing)?,
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
    let (data, blobs, to) = (console.data.clone(), relay.blobs(), folder.clone());
    tokio::task::spawn_blocking(move || copy_files(&data, &blobs, &to))
        .await
        .unwrap_or_else(|panic| Err(io::Error::other(panic)))
        .map_err(failed)?;
    info!("the operator made a backup");
    relay.note_operation("backup", None).await;
    Ok(done(format!("everything is in {}; it can stand in for the data folder", folder.display())))
}

fn new_folder(folder: &Path) -> io::Result<()> {
    if folder.try_exists()? {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    tls::private_folder(folder)
}

fn copy_files(data: &Path, blobs: &Path, folder: &Path) -> io::Result<()> {
    let identity = data.join(tls::IDENTITY_FILE);
    if identity.try_exists()? {
        fs::copy(&identity, folder.join(tls::IDENTITY_FILE))?;
    }
    let to = folder.join(BLOB_FOLDER);
    tls::private_folder(&to)?;
    for entry in fs::read_dir(blobs)? {
        let entry = entry?;
        match fs::copy(entry.path(), to.join(entry.file_name())) {
            // It expired meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            copied => drop(copied?),
        }
    }
    Ok(())
}
