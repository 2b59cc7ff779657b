//! Why the engine did not do what was asked, in sentences for a person.

use std::io;

use sotto_keys::{BackupError, RestoreError, password::PasswordError};
use sotto_proto::{ErrorCode, Refusal, link::LinkError, name::UsernameError};

use super::event::StopReason;
use crate::{
    profile::ProfileError,
    transport::{AskError, TransportError},
    vault::VaultError,
};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// It needs the relay, and there is no connection.
    #[error("there is no connection to the relay")]
    NotConnected,
    /// The relay refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The connection failed over it.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The vault refused, or failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// A state of keys in the vault does not parse.
    #[error("the vault holds keys that are damaged")]
    Keys(#[from] RestoreError),
    /// There is no such contact.
    #[error("there is no such contact")]
    NoSuchContact,
    /// There is no such room, and never was for this account.
    #[error("there is no such room")]
    NoSuchRoom,
    /// This account is not in the room, or not any more.
    #[error("you are not in this room")]
    NotInRoom,
    /// What is to be forgotten has to be left before.
    #[error("leave the room before you take it from the list")]
    StillInRoom,
    /// There is no such message.
    #[error("there is no such message")]
    NoSuchMessage,
    /// The relay knows no such user.
    #[error("there is no such user on the relay")]
    NoSuchUser,
    /// Neither a username nor a link to a person.
    #[error("that is no username")]
    Username(#[source] UsernameError),
    /// The link does not name a person.
    #[error("that is no link to a person")]
    Link(#[source] LinkError),
    /// The person is on a relay that this account is not on.
    #[error("that person is on another relay")]
    OtherRelay,
    /// The relay names another identity key than the link.
    #[error("the relay names another identity key than the link does; somebody may be in between")]
    WrongIdentity,
    /// The relay names another identity key for this account than this device has.
    #[error(
        "the relay names another identity key for you than this device has; somebody may be in between"
    )]
    OwnIdentity,
    /// One is no contact of oneself.
    #[error("that is yourself")]
    Yourself,
    /// Messages go to accepted contacts alone.
    #[error("accept, unblock or add this contact first")]
    NotAccepted,
    /// There is nothing to send.
    #[error("an empty message is not sent")]
    Empty,
    /// Anybody could open a vault under an empty passphrase.
    #[error("an empty passphrase protects nothing")]
    EmptyPassphrase,
    /// The text, the reaction or the file is larger than allowed.
    #[error("that is larger than a message may be")]
    TooLarge,
    /// The message has no file.
    #[error("this message has no file")]
    NoFile,
    /// The file was damaged on its way, or is not what its sender said.
    #[error("the file was damaged or tampered with")]
    Damaged,
    /// The owner gave it up.
    #[error("it was cancelled")]
    Cancelled,
    /// The file's message says that it cannot be had.
    #[error("the file is no longer on the relay")]
    BlobGone,
    /// A file here could not be read or written.
    #[error("the file could not be read or written")]
    File(#[source] io::Error),
    /// Only an admin of the room may do this.
    #[error("only an admin of the room may do this")]
    NotRoomAdmin,
    /// None of the person's devices can be added to a room yet.
    #[error("{name} cannot be added before they have been online with a version that knows rooms")]
    NoRoomDevice {
        /// Who.
        name: String,
    },
    /// The room's group refused it.
    #[error(transparent)]
    Room(#[from] sotto_keys::room::RoomError),
    /// It took longer than it had.
    #[error("it took too long")]
    TimedOut,
    /// The engine has been shut down.
    #[error("the engine is shut down")]
    ShutDown,
}

impl EngineError {
    /// The relay's code, where it was the relay that refused.
    pub const fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused(refusal) => Some(refusal.code),
            _ => None,
        }
    }
}

impl From<AskError> for EngineError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Refused(refusal) if refusal.code == ErrorCode::NoSuchUser => Self::NoSuchUser,
            AskError::Refused(refusal) => Self::Refused(refusal),
            AskError::Transport(error) => Self::Transport(error),
        }
    }
}

/// Why an account was not registered, or a new device not logged in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignInError {
    /// The relay refused: [`SignInError::code`] says why (the username is taken, wrong password…).
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The relay was not reached, or is not the one that the link names.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The profile's folder.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The password is wrong, or the relay does not keep to OPAQUE.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The key backup does not open.
    #[error("the key backup on the relay does not open")]
    Backup(#[source] BackupError),
    /// The key backup holds another identity than the directory: the relay lies about one of them.
    #[error("the key backup on the relay is of another identity than its directory says")]
    BackupMismatch,
    /// The profile in the folder is of another account or relay.
    #[error("the profile belongs to another account")]
    OtherAccount,
    /// The account has as many devices as can be numbered.
    #[error("the account has too many devices")]
    TooManyDevices,
    /// The work was cut short.
    #[error("the engine could not start")]
    Start(#[source] io::Error),
}

impl SignInError {
    /// The relay's code, where it was the relay that refused.
    pub const fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused(refusal) => Some(refusal.code),
            Self::Password(PasswordError::WrongPassword) => Some(ErrorCode::WrongCredentials),
            _ => None,
        }
    }
}

impl From<AskError> for SignInError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Refused(refusal) => Self::Refused(refusal),
            AskError::Transport(error) => Self::Transport(error),
        }
    }
}

/// Why a profile was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The profile's folder: there is none, or another process has it.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The vault: wrong passphrase, newer version, damage.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The vault has no account: the registration was cut short. Log in with the password.
    #[error("the profile has no account yet; log in with its password")]
    NoAccount,
    /// The keys in the vault do not parse.
    #[error("the vault holds keys that are damaged")]
    Keys(#[from] RestoreError),
    /// The engine's thread could not start.
    #[error("the engine could not start")]
    Start(#[source] io::Error),
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The attempt failed; others follow.
    #[error("{reason}")]
    Waiting {
        /// A sentence that says why.
        reason: String,
    },
    /// No further attempt is made.
    #[error(transparent)]
    Stopped(StopReason),
    /// The engine has been shut down, or the connection was given up meanwhile.
    #[error("the connection was given up")]
    GivenUp,
}

impl ConnectError {
    /// Whether the engine has stopped trying.
    pub const fn is_final(&self) -> bool {
        !matches!(self, Self::Waiting { .. })
    }
}
