//! The control socket: what `sotto-relay ctl` says to a running relay.
//!
//! A Unix socket in the data folder that only the relay's user may open. One connection, one
//! [`Command`] as a line of JSON, one [`Answer`] as a line of JSON. Lines are bounded. Nothing
//! here is reachable from the network.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sotto_proto::admin;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

use crate::{Relay, config::LogLevel, metrics::Metrics, store::rocks::RocksStore, tls};

mod database;
mod orders;

pub use database::{blobs_beside, chosen_database};

/// The socket in the data folder.
pub const SOCKET_FILE: &str = "control.sock";

/// The most bytes of a line.
const LINE_MAX: u64 = 1024 * 1024;
/// How long a line may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// What an operator asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// How the relay is.
    Status,
    /// Admit new connections, or refuse them.
    Accept {
        /// Whether to admit.
        on: bool,
    },
    /// Take on no new work: tell the clients, close their connections, and go on listening.
    Stop,
    /// Work again.
    Start,
    /// What an admin could ask for too.
    Admin {
        /// What.
        order: admin::Command,
    },
    /// Write a consistent copy of everything into a folder that must not exist.
    Backup {
        /// An absolute path, as the relay sees it.
        folder: PathBuf,
    },
    /// Which database is open and what it holds; or, while the relay is stopped, another one.
    Database {
        /// An absolute path, as the relay sees it: the database to go on with, made if it is not
        /// there.
        #[serde(default)]
        folder: Option<PathBuf>,
    },
    /// Log more or less from now on.
    Log {
        /// The least urgent thing that is logged.
        level: LogLevel,
    },
    /// End in good order.
    Shutdown,
}

/// What the relay says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// To [`Command::Status`].
    Status(Status),
    /// To [`Command::Admin`].
    Admin {
        /// What an admin is told.
        said: admin::Answer,
    },
    /// To [`Command::Database`].
    Database {
        /// Where it is.
        folder: PathBuf,
        /// Accounts.
        accounts: u64,
        /// Devices.
        devices: u64,
        /// Envelopes that wait in mailboxes.
        mailbox_entries: u64,
        /// Blobs.
        blobs: u64,
        /// Bytes on disk, without the blobs.
        disk_bytes: u64,
    },
    /// It is done.
    Done {
        /// What, as a sentence.
        message: String,
    },
    /// It is not done.
    Failed {
        /// Why, as a sentence.
        message: String,
    },
}

/// How a relay is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Its version.
    pub version: String,
    /// The link that people paste or scan.
    pub link: String,
    /// The UDP address that it listens on.
    pub listening: String,
    /// Whether it admits new connections.
    pub accepting: bool,
    /// Whether its work is stopped.
    pub stopped: bool,
    /// For how many seconds it has been running.
    pub uptime_seconds: u64,
    /// Open connections.
    pub connections: i64,
    /// Devices that are logged in.
    pub devices_online: usize,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody listens on the socket.
    #[error("no relay is running on {}", .0.display())]
    NotRunning(PathBuf),
    /// The socket cannot be used.
    #[error("cannot use the control socket {}", socket.display())]
    Socket {
        /// Which.
        socket: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The other side sent no line, or one that means nothing.
    #[error("the answer does not parse; is the relay of another version?")]
    Line(#[from] LineError),
}

/// Why a line could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// The connection failed.
    #[error("the connection failed")]
    Io(#[from] io::Error),
    /// It is not the JSON that was expected.
    #[error("the line does not parse")]
    Json(#[from] serde_json::Error),
    /// It has no end.
    #[error("the line is too long, or it ends too early")]
    Unfinished,
}

/// Asks the relay that runs on a data folder.
pub async fn ask(data: &Path, command: &Command) -> Result<Answer, ControlError> {
    let socket = data.join(SOCKET_FILE);
    let stream = UnixStream::connect(&socket).await.map_err(|source| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            ControlError::NotRunning(data.to_owned())
        }
        _ => ControlError::Socket { socket, source },
    })?;
    let mut stream = BufReader::new(stream);
    write_line(&mut stream, command).await?;
    Ok(read_line(&mut stream).await?)
}

/// What the commands act on.
pub struct Console {
    /// The relay; commands that come after it has ended find none.
    pub relay: Weak<Relay>,
    /// The database under it.
    pub database: Arc<RocksStore>,
    /// Changes what is logged from now on.
    pub set_log: SetLog,
    /// Its counts.
    pub metrics: Metrics,
    /// Its data folder.
    pub data: PathBuf,
    /// When it started.
    pub started: Instant,
    /// Cancelled to end it.
    pub closing: CancellationToken,
}

/// Changes what is logged; tells why it could not.
pub type SetLog = Box<dyn Fn(LogLevel) -> Result<(), String> + Send + Sync>;

/// Opens the socket in a data folder. The folder's lock must be held: a socket that an earlier
/// relay left behind is removed.
pub fn listen(data: &Path) -> Result<UnixListener, ControlError> {
    let socket = data.join(SOCKET_FILE);
    open(data, &socket).map_err(|source| ControlError::Socket { socket, source })
}

fn open(data: &Path, socket: &Path) -> io::Result<UnixListener> {
    tls::private_folder(data)?;
    match fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(socket)?;
    fs::set_permissions(socket, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Obeys until the relay closes; removes the socket then.
pub async fn serve(listener: UnixListener, console: Arc<Console>) {
    let tasks = TaskTracker::new();
    while let Some(accepted) = console.closing.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, _)) => {
                tasks.spawn(talk(stream, Arc::clone(&console)));
            }
            Err(error) => {
                warn!(%error, "the control socket failed");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    tasks.close();
    tasks.wait().await;
    if let Err(error) = fs::remove_file(console.data.join(SOCKET_FILE)) {
        warn!(%error, "the control socket could not be removed");
    }
}

async fn talk(stream: UnixStream, console: Arc<Console>) {
    let mut stream = BufReader::new(stream);
    let answer = match timeout(PATIENCE, read_line(&mut stream)).await {
        Ok(Ok(command)) => orders::obey(&console, command).await,
        Ok(Err(error)) => {
            Answer::Failed { message: format!("the command was not understood: {error}") }
        }
        Err(_) => return,
    };
    if let Err(error) = write_line(&mut stream, &answer).await {
        info!(%error, "an operator did not wait for the answer");
    }
}

async fn read_line<T: DeserializeOwned>(
    stream: &mut BufReader<UnixStream>,
) -> Result<T, LineError> {
    let mut line = Vec::new();
    stream.take(LINE_MAX).read_until(b'\n', &mut line).await?;
    if line.last() != Some(&b'\n') {
        return Err(LineError::Unfinished);
    }
    Ok(serde_json::from_slice(&line)?)
}

async fn write_line(
    stream: &mut BufReader<UnixStream>,
    line: &impl Serialize,
) -> Result<(), LineError> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    stream.write_all(&bytes).await?;
    Ok(stream.flush().await?)
}
