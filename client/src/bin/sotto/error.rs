//! What can go wrong in the command line, as one sentence a person can act on and an exit code.

use std::{error::Error, io};

use sotto_client::{
    ConnectError, EngineError, OpenError, SignInError, StopReason, TransportError, VaultError,
    profile::{ProfileError, ProfileName},
    proto::{ErrorClass, ErrorCode, Refusal},
};

use crate::{commands::listen::OrderError, exit::Exit};

/// Why a subcommand failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The arguments do not make sense together.
    #[error("{0}")]
    Usage(String),
    /// A line that a bot sent is no order.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// No profile by that name.
    #[error("there is no profile {:?}{}", .name.to_string(), choices(.others))]
    NoProfile {
        /// What was asked for.
        name: ProfileName,
        /// Those that there are.
        others: Vec<ProfileName>,
    },
    /// A profile stands where a new one is to be.
    #[error("profile {:?} is {account} already; choose another with --profile NAME", .name.to_string())]
    ProfileTaken {
        /// The profile.
        name: ProfileName,
        /// Whose it is.
        account: String,
    },
    /// A profile's folder.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The profile does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Registration or login failed.
    #[error(transparent)]
    SignIn(#[from] SignInError),
    /// No connection, where one is needed.
    #[error("the relay is not reachable: {0}")]
    Unreachable(String),
    /// No connection, and none to be had.
    #[error(transparent)]
    Stopped(StopReason),
    /// `--offline` was given to something that cannot do without a connection.
    #[error("this needs the relay; leave out --offline")]
    NeedsRelay,
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Nobody is called so.
    #[error("there is no contact {0:?}; `sotto contacts` lists them, `sotto add NAME` adds one")]
    NoSuchContact(String),
    /// Nothing is sent to this contact.
    #[error("{0}")]
    NotAccepted(String),
    /// The message meant was not found.
    #[error("{0}")]
    NoSuchMessage(String),
    /// A contact's identity key changed; nothing is sent until the person has looked.
    #[error(
        "the identity key of {0} changed, and nothing is sent until you have looked: `sotto verify {0}`"
    )]
    IdentityChanged(String),
    /// The safety numbers differ.
    #[error(
        "this is NOT the safety number that you have with {0}: do not go on before you know why"
    )]
    SafetyNumberDiffers(String),
    /// Another key than the pinned one was asked for.
    #[error("{0}")]
    OtherRelayKey(String),
    /// The relay does not have it yet, and `--require-sent` was given.
    #[error("the message is queued here, and not on the relay")]
    OnlyQueued,
    /// The message will not be delivered.
    #[error("the message was not sent: {0}")]
    SendFailed(String),
    /// A password could not be had.
    #[error("{0}")]
    Secret(String),
    /// Something could not be read.
    #[error("{what} could not be read")]
    Input {
        /// What.
        what: String,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// A file could not be written.
    #[error("{what} could not be written")]
    File {
        /// What.
        what: String,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// The output is gone.
    #[error("the output could not be written")]
    Output(#[from] io::Error),
    /// The runtime did not start.
    #[error("the program could not start")]
    Start(#[source] io::Error),
}

impl CliError {
    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) | Self::Order(_) | Self::Secret(_) | Self::NeedsRelay => Exit::Usage,
            Self::NoProfile { .. } => Exit::NoProfile,
            Self::Profile(error) => profile_exit(error),
            Self::Open(error) => open_exit(error),
            Self::SignIn(error) => sign_in_exit(error),
            Self::Unreachable(_) | Self::OnlyQueued => Exit::Unreachable,
            Self::Stopped(reason) => stop_exit(reason),
            Self::Engine(error) => engine_exit(error),
            Self::NoSuchContact(_) | Self::NoSuchMessage(_) => Exit::NotFound,
            Self::IdentityChanged(_) | Self::SafetyNumberDiffers(_) => Exit::IdentityChanged,
            Self::OtherRelayKey(_) => Exit::WrongRelayKey,
            Self::ProfileTaken { .. }
            | Self::NotAccepted(_)
            | Self::SendFailed(_)
            | Self::Input { .. }
            | Self::File { .. }
            | Self::Output(_)
            | Self::Start(_) => Exit::Failure,
        }
    }

    /// Whether nobody is left to tell: the reader of the output has gone.
    pub(crate) fn is_silent(&self) -> bool {
        matches!(self, Self::Output(cause) if cause.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The relay's refusal, where it was that.
    pub(crate) const fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::SignIn(SignInError::Refused(refusal))
            | Self::Engine(EngineError::Refused(refusal)) => Some(refusal),
            _ => None,
        }
    }

    /// One sentence: the error, its causes, and what helps.
    pub(crate) fn sentence(&self) -> String {
        let mut text = with_causes(self);
        if let Some(hint) = self.hint() {
            text.push_str("; ");
            text.push_str(hint);
        }
        text
    }

    fn hint(&self) -> Option<&'static str> {
        let code = match self {
            Self::SignIn(error) => error.code(),
            Self::Engine(error) => error.code(),
            _ => None,
        };
        match (self, code) {
            (_, Some(ErrorCode::InvitationRequired)) => Some("give it with --invitation CODE"),
            (Self::SignIn(SignInError::OtherAccount), _) => {
                Some("choose another with --profile NAME")
            }
            (Self::Engine(EngineError::OtherRelay), _) => {
                Some("register on that relay too, under another --profile")
            }
            (Self::Stopped(StopReason::DeviceRemoved), _) => {
                Some("`sotto login USERNAME --relay LINK` makes this computer the account's device")
            }
            _ => match self.exit() {
                Exit::WrongRelayKey => Some("ask the relay's operator before you do anything else"),
                Exit::InUse => Some("close the other `sotto`, or use it"),
                _ => None,
            },
        }
    }
}

impl From<ConnectError> for CliError {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Waiting { reason } => Self::Unreachable(reason),
            ConnectError::Stopped(reason) => Self::Stopped(reason),
            error => Self::Unreachable(error.to_string()),
        }
    }
}

/// An error and its causes, each said once.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}

fn choices(names: &[ProfileName]) -> String {
    if names.is_empty() {
        return "; make one with `sotto register USERNAME --relay LINK`, or `sotto login`"
            .to_owned();
    }
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    format!("; choose one with --profile NAME: {}", names.join(", "))
}

const fn profile_exit(error: &ProfileError) -> Exit {
    match error {
        ProfileError::InUse => Exit::InUse,
        ProfileError::Missing => Exit::NoProfile,
        ProfileError::Name => Exit::Usage,
        _ => Exit::Failure,
    }
}

const fn vault_exit(error: &VaultError) -> Exit {
    match error {
        VaultError::WrongPassphrase => Exit::WrongPassword,
        VaultError::Missing => Exit::NoProfile,
        VaultError::NoSuchContact | VaultError::NoSuchMessage => Exit::NotFound,
        VaultError::Profile(error) => profile_exit(error),
        _ => Exit::Failure,
    }
}

const fn open_exit(error: &OpenError) -> Exit {
    match error {
        OpenError::Profile(error) => profile_exit(error),
        OpenError::Vault(error) => vault_exit(error),
        OpenError::NoAccount => Exit::NoProfile,
        _ => Exit::Failure,
    }
}

const fn sign_in_exit(error: &SignInError) -> Exit {
    match error {
        SignInError::Transport(error) => transport_exit(error),
        SignInError::Profile(error) => profile_exit(error),
        SignInError::Vault(error) => vault_exit(error),
        SignInError::BackupMismatch => Exit::IdentityChanged,
        error => match error.code() {
            Some(code) => refusal_exit(code),
            None => Exit::Failure,
        },
    }
}

const fn refusal_exit(code: ErrorCode) -> Exit {
    match code {
        ErrorCode::WrongCredentials => Exit::WrongPassword,
        ErrorCode::NoSuchUser | ErrorCode::NoSuchBlob => Exit::NotFound,
        code => match code.class() {
            ErrorClass::Unavailable => Exit::Unreachable,
            _ => Exit::Refused,
        },
    }
}

const fn transport_exit(error: &TransportError) -> Exit {
    match error {
        TransportError::WrongRelayKey { .. } | TransportError::Untrusted(_) => Exit::WrongRelayKey,
        TransportError::Tls(_) => Exit::Failure,
        _ => Exit::Unreachable,
    }
}

const fn stop_exit(reason: &StopReason) -> Exit {
    match reason {
        StopReason::WrongRelayKey => Exit::WrongRelayKey,
        _ => Exit::Refused,
    }
}

const fn engine_exit(error: &EngineError) -> Exit {
    match error {
        EngineError::NotConnected | EngineError::TimedOut => Exit::Unreachable,
        EngineError::Refused(refusal) => refusal_exit(refusal.code),
        EngineError::Transport(error) => transport_exit(error),
        EngineError::Vault(error) => vault_exit(error),
        EngineError::NoSuchContact
        | EngineError::NoSuchRoom
        | EngineError::NoSuchMessage
        | EngineError::NoSuchUser
        | EngineError::NoFile
        | EngineError::BlobGone => Exit::NotFound,
        EngineError::WrongIdentity | EngineError::OwnIdentity => Exit::IdentityChanged,
        EngineError::Username(_) | EngineError::Link(_) | EngineError::EmptyPassphrase => {
            Exit::Usage
        }
        _ => Exit::Failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_trouble_has_its_code() {
        let refused = |code| CliError::from(SignInError::from(Refusal::new(code, "no"))).exit();
        assert_eq!(refused(ErrorCode::UsernameTaken), Exit::Refused);
        assert_eq!(refused(ErrorCode::WrongCredentials), Exit::WrongPassword);
        assert_eq!(refused(ErrorCode::Unavailable), Exit::Unreachable);
        let open = |error| CliError::from(OpenError::from(error)).exit();
        assert_eq!(open(VaultError::WrongPassphrase), Exit::WrongPassword);
        assert_eq!(open(VaultError::Profile(ProfileError::InUse)), Exit::InUse);
        assert_eq!(CliError::from(EngineError::NoSuchUser).exit(), Exit::NotFound);
        let stopped = ConnectError::Stopped(StopReason::WrongRelayKey);
        assert_eq!(CliError::from(stopped).exit(), Exit::WrongRelayKey);
    }

    #[test]
    fn a_sentence_says_each_cause_once_and_what_helps() {
        let cause = io::Error::other("disk on fire");
        let error = CliError::Engine(EngineError::File(cause));
        assert_eq!(error.sentence(), "the file could not be read or written: disk on fire");
        let error = CliError::from(SignInError::from(Refusal::new(
            ErrorCode::InvitationRequired,
            "an invitation is needed",
        )));
        assert_eq!(error.sentence(), "an invitation is needed; give it with --invitation CODE");
    }

    #[test]
    fn a_missing_profile_names_the_others() {
        let missing = |others| CliError::NoProfile { name: "default".parse().unwrap(), others };
        let others = vec!["alice".parse().unwrap(), "bob".parse().unwrap()];
        assert_eq!(
            missing(others).to_string(),
            "there is no profile \"default\"; choose one with --profile NAME: alice, bob"
        );
        assert!(missing(Vec::new()).to_string().contains("sotto register"));
    }
}
