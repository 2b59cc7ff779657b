//! The exit codes, which scripts act on: they are documented in `--help` and do not change.

/// How a run ended, when it did not end well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Anything that has no code of its own.
    Failure,
    /// The arguments do not make sense together.
    Usage,
    /// There is no such profile, or it has no account.
    NoProfile,
    /// A wrong password or passphrase.
    WrongPassword,
    /// The relay was not reached.
    Unreachable,
    /// Whoever answered has another key than the relay.
    WrongRelayKey,
    /// The relay said no.
    Refused,
    /// A contact's identity key is not the one that was known.
    IdentityChanged,
    /// No such contact, user, message or file.
    NotFound,
    /// Another process has the profile open.
    InUse,
}

impl Exit {
    /// The process's exit status.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Failure => 1,
            Self::Usage => 2,
            Self::NoProfile => 3,
            Self::WrongPassword => 4,
            Self::Unreachable => 5,
            Self::WrongRelayKey => 6,
            Self::Refused => 7,
            Self::IdentityChanged => 8,
            Self::NotFound => 9,
            Self::InUse => 10,
        }
    }

    /// The `error` of the JSON object.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Usage => "usage",
            Self::NoProfile => "no_profile",
            Self::WrongPassword => "wrong_password",
            Self::Unreachable => "unreachable",
            Self::WrongRelayKey => "wrong_relay_key",
            Self::Refused => "refused",
            Self::IdentityChanged => "identity_changed",
            Self::NotFound => "not_found",
            Self::InUse => "in_use",
        }
    }
}
