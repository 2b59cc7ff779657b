//! From errors to the sentence that the Slint files have for each.

use sotto_client::{
    EngineError, OpenError, SignInError, StopReason, TransportError, VaultError, model::FailReason,
    profile::ProfileError, proto::ErrorCode,
};

use crate::generated::Problem;

/// What went wrong, and what the sentence quotes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trouble {
    pub(crate) problem: Problem,
    pub(crate) detail: String,
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        Self { problem, detail: String::new() }
    }
}

impl Trouble {
    /// Nothing.
    pub(crate) fn none() -> Self {
        Problem::None.into()
    }

    fn detailed(problem: Problem, detail: impl ToString) -> Self {
        Self { problem, detail: detail.to_string() }
    }

    fn other(detail: impl ToString) -> Self {
        Self::detailed(Problem::Other, detail)
    }

    fn refused(code: ErrorCode, message: &str) -> Self {
        match code {
            ErrorCode::WrongCredentials => Problem::WrongPassword.into(),
            ErrorCode::UsernameTaken => Problem::UsernameTaken.into(),
            ErrorCode::RegistrationClosed => Problem::RegistrationClosed.into(),
            ErrorCode::InvitationRequired => Problem::InvitationNeeded.into(),
            ErrorCode::RateLimited | ErrorCode::TooMany => Problem::RateLimited.into(),
            ErrorCode::Suspended | ErrorCode::Disabled => Problem::Suspended.into(),
            ErrorCode::UnknownDevice => Problem::DeviceGone.into(),
            ErrorCode::NoSuchUser => Problem::NoSuchUser.into(),
            ErrorCode::MailboxFull => Problem::MailboxFull.into(),
            ErrorCode::BlobQuota => Problem::BlobQuota.into(),
            ErrorCode::NoSuchBlob => Problem::BlobGone.into(),
            ErrorCode::FrameTooLarge => Problem::TooLarge.into(),
            ErrorCode::NotAdmin => Problem::NotAdmin.into(),
            ErrorCode::LastAdmin => Problem::LastAdmin.into(),
            ErrorCode::NoSuchRoom => Problem::NoSuchRoom.into(),
            ErrorCode::NoSuchInvitation => Problem::NoSuchInvitation.into(),
            ErrorCode::NoSuchAnnouncement => Problem::NoSuchAnnouncement.into(),
            ErrorCode::NoSuchDevice => Problem::NoSuchDevice.into(),
            _ => Self::detailed(Problem::RelayRefused, message),
        }
    }
}

/// A code without a sentence of its own is named by its number.
impl From<ErrorCode> for Trouble {
    fn from(code: ErrorCode) -> Self {
        Self::refused(code, &code.number().to_string())
    }
}

impl From<&TransportError> for Trouble {
    fn from(error: &TransportError) -> Self {
        match error {
            TransportError::Resolve(_) => Problem::RelayNotFound.into(),
            TransportError::Unreachable | TransportError::Broken(_) | TransportError::Ended => {
                Problem::RelayUnreachable.into()
            }
            TransportError::WrongRelayKey { .. } => Problem::WrongRelayKey.into(),
            TransportError::Untrusted(_) => Problem::RelayUntrusted.into(),
            TransportError::TimedOut => Problem::TooSlow.into(),
            error => Self::other(error),
        }
    }
}

impl From<&ProfileError> for Trouble {
    fn from(error: &ProfileError) -> Self {
        match error {
            ProfileError::InUse => Problem::ProfileInUse.into(),
            ProfileError::Exists => Problem::ProfileExists.into(),
            ProfileError::Name => Problem::ProfileName.into(),
            ProfileError::Io(_) | ProfileError::Unwritable(_) => Problem::Disk.into(),
            error => Self::detailed(Problem::ProfileDamaged, error),
        }
    }
}

impl From<&VaultError> for Trouble {
    fn from(error: &VaultError) -> Self {
        match error {
            VaultError::WrongPassphrase => Problem::WrongPassphrase.into(),
            VaultError::NewerVersion { .. } => Problem::NewerVersion.into(),
            VaultError::Exists => Problem::ProfileExists.into(),
            VaultError::Profile(error) => error.into(),
            VaultError::File(_) | VaultError::Interrupted => Problem::Disk.into(),
            error => Self::detailed(Problem::ProfileDamaged, error),
        }
    }
}

impl From<&OpenError> for Trouble {
    fn from(error: &OpenError) -> Self {
        match error {
            OpenError::Profile(error) => error.into(),
            OpenError::Vault(error) => error.into(),
            error => Self::detailed(Problem::ProfileDamaged, error),
        }
    }
}

impl From<&SignInError> for Trouble {
    fn from(error: &SignInError) -> Self {
        match error {
            SignInError::Refused(refusal) => Self::refused(refusal.code, &refusal.message),
            SignInError::Transport(error) => error.into(),
            SignInError::Profile(error) => error.into(),
            SignInError::Vault(error) => error.into(),
            SignInError::Password(_) => Problem::WrongPassword.into(),
            SignInError::Backup(_) | SignInError::BackupMismatch => {
                Problem::BackupUnreadable.into()
            }
            SignInError::OtherAccount => Problem::OtherAccount.into(),
            error => Self::other(error),
        }
    }
}

impl From<&EngineError> for Trouble {
    fn from(error: &EngineError) -> Self {
        match error {
            EngineError::NotConnected => Problem::Offline.into(),
            EngineError::Refused(refusal) => Self::refused(refusal.code, &refusal.message),
            EngineError::Transport(error) => error.into(),
            EngineError::Vault(error) => error.into(),
            EngineError::NoSuchUser => Problem::NoSuchUser.into(),
            EngineError::NotInRoom => Problem::NotInRoom.into(),
            EngineError::NotRoomAdmin => Problem::NotRoomAdmin.into(),
            EngineError::NoRoomDevice { name } => Self::detailed(Problem::NoRoomDevice, name),
            EngineError::Username(_) | EngineError::Link(_) => Problem::NotAUsername.into(),
            EngineError::OtherRelay => Problem::OtherRelay.into(),
            EngineError::WrongIdentity | EngineError::OwnIdentity => Problem::WrongIdentity.into(),
            EngineError::Yourself => Problem::Yourself.into(),
            EngineError::NotAccepted => Problem::NotAccepted.into(),
            EngineError::Empty => Problem::Empty.into(),
            EngineError::EmptyPassphrase => Problem::PassphraseEmpty.into(),
            EngineError::TooLarge => Problem::TooLarge.into(),
            EngineError::NoFile => Problem::NoFile.into(),
            EngineError::Damaged => Problem::Damaged.into(),
            EngineError::Cancelled => Problem::Cancelled.into(),
            EngineError::BlobGone => Problem::BlobGone.into(),
            EngineError::File(_) => Problem::FileUnreadable.into(),
            EngineError::TimedOut => Problem::TooSlow.into(),
            error => Self::other(error),
        }
    }
}

impl From<&FailReason> for Trouble {
    fn from(reason: &FailReason) -> Self {
        match reason {
            FailReason::MailboxFull => Problem::MailboxFull.into(),
            FailReason::NoSuchUser => Problem::NoSuchUser.into(),
            FailReason::NotInRoom => Problem::NotInRoom.into(),
            FailReason::NoDevice => Problem::NoDevice.into(),
            FailReason::IdentityChanged => Problem::IdentityChanged.into(),
            FailReason::Expired => Problem::Expired.into(),
            FailReason::TooLarge => Problem::TooLarge.into(),
            FailReason::BlobQuota => Problem::BlobQuota.into(),
            FailReason::BlobGone => Problem::BlobGone.into(),
            FailReason::File => Problem::FileUnreadable.into(),
            FailReason::Damaged => Problem::Damaged.into(),
            FailReason::Cancelled => Problem::Cancelled.into(),
            reason => Self::other(reason),
        }
    }
}

impl From<&StopReason> for Trouble {
    fn from(reason: &StopReason) -> Self {
        match reason {
            StopReason::WrongRelayKey => Problem::WrongRelayKey.into(),
            StopReason::Replaced => Problem::Replaced.into(),
            StopReason::DeviceRemoved => Problem::DeviceGone.into(),
            StopReason::Suspended => Problem::Suspended.into(),
            reason => Self::other(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use sotto_client::proto::Refusal;

    use super::*;

    #[test]
    fn what_a_person_can_act_on_has_a_sentence_of_its_own() {
        let refused = |code| {
            let refusal = Refusal::new(code, "a sentence");
            Trouble::from(&SignInError::Refused(refusal)).problem
        };
        assert_eq!(refused(ErrorCode::UsernameTaken), Problem::UsernameTaken);
        assert_eq!(refused(ErrorCode::WrongCredentials), Problem::WrongPassword);
        let in_use = OpenError::Profile(ProfileError::InUse);
        assert_eq!(Trouble::from(&in_use).problem, Problem::ProfileInUse);
    }

    #[test]
    fn what_has_none_keeps_its_words() {
        let refusal = Refusal::new(ErrorCode::Internal, "out of order");
        let trouble = Trouble::from(&EngineError::Refused(refusal));
        let expected = Trouble::detailed(Problem::RelayRefused, "out of order");
        assert_eq!(trouble, expected);
    }
}
