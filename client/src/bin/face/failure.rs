//! Why a command failed: a sentence, and the exit code that scripts go by.

use std::{io, process::ExitCode};

use sotto_client::{
    ConnectError, EngineError, NotASafetyNumber, OpenError, SignInError, StopReason,
    TransportError, VaultError, profile::ProfileError, proto::ErrorCode,
};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    SignIn(#[from] SignInError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Profile(#[from] ProfileError),
    #[error("not connected: {0}")]
    Connect(#[from] ConnectError),
    #[error("no password was given")]
    NoPassword,
    #[error("the two passwords are not the same")]
    PasswordsDiffer,
    #[error("no message of this conversation has an id that starts with {0}")]
    NoSuchMessage(String),
    #[error("more than one message has an id that starts with {0}")]
    Ambiguous(String),
    #[error(
        "the identity key of {0} changed; compare safety numbers (sotto verify {0}), then sotto verify {0} --acknowledge"
    )]
    IdentityChanged(String),
    #[error("the safety numbers are not the same: somebody may be in between")]
    NumbersDiffer,
    #[error(transparent)]
    NotANumber(#[from] NotASafetyNumber),
    #[error("the link is of another relay (its key is another one); log in there with sotto login")]
    AnotherRelay,
    #[error("the message was not sent: {0}")]
    NotSent(String),
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl Failure {
    /// What scripts go by; `sotto --help` lists them.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Engine(error) => of_engine(error),
            Self::SignIn(error) => of_sign_in(error),
            Self::Open(OpenError::Profile(error)) | Self::Profile(error) => of_profile(error),
            Self::Open(OpenError::NoAccount) => 3,
            Self::Open(OpenError::Vault(error)) => of_vault(error),
            Self::Connect(ConnectError::Stopped(StopReason::WrongRelayKey))
            | Self::AnotherRelay => 6,
            Self::Connect(ConnectError::Stopped(_)) => 7,
            Self::Connect(_) => 5,
            Self::NoPassword | Self::PasswordsDiffer => 4,
            Self::IdentityChanged(_) | Self::NumbersDiffer => 8,
            _ => 1,
        })
    }
}

fn of_engine(error: &EngineError) -> u8 {
    match error {
        EngineError::NotConnected => 5,
        EngineError::Transport(error) => of_transport(error),
        EngineError::Refused(_) | EngineError::NoSuchUser => 7,
        EngineError::WrongIdentity => 8,
        EngineError::Vault(error) => of_vault(error),
        _ => 1,
    }
}

fn of_sign_in(error: &SignInError) -> u8 {
    match error {
        SignInError::Transport(error) => of_transport(error),
        SignInError::Profile(error) => of_profile(error),
        SignInError::Vault(error) => of_vault(error),
        _ if error.code() == Some(ErrorCode::WrongCredentials) => 4,
        SignInError::Refused(_) => 7,
        _ => 1,
    }
}

fn of_profile(error: &ProfileError) -> u8 {
    if matches!(error, ProfileError::Missing) { 3 } else { 1 }
}

fn of_vault(error: &VaultError) -> u8 {
    if matches!(error, VaultError::WrongPassphrase) { 4 } else { 1 }
}

fn of_transport(error: &TransportError) -> u8 {
    match error {
        TransportError::WrongRelayKey { .. } | TransportError::Untrusted(_) => 6,
        _ => 5,
    }
}
