//! What every subcommand stands on: the profile, its engine, the connection.

use std::{path::PathBuf, time::Duration};

use sotto_client::{
    ConnectError, Engine, OpenError, VaultError,
    profile::{self, ProfileError, ProfileInfo, ProfileName},
};

use crate::{cli::GlobalArgs, error::CliError, out::Out, secrets::Given};

/// How often a person may mistype.
const ATTEMPTS: usize = 3;
/// How long the mailbox may stand still while it is fetched.
const SYNC_TIMEOUT: Duration = Duration::from_mins(1);

/// The options that all subcommands share, and the output.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) global: GlobalArgs,
    pub(crate) out: Out,
}

/// Whether the relay is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    Online,
    Offline,
}

impl App {
    pub(crate) const fn new(global: GlobalArgs, out: Out) -> Self {
        Self { global, out }
    }

    /// Where all profiles are.
    pub(crate) fn profiles_root(&self) -> Result<PathBuf, CliError> {
        match &self.global.home {
            Some(home) => Ok(home.join("profiles")),
            None => Ok(profile::profiles_root()?),
        }
    }

    /// The folder of the profile.
    pub(crate) fn folder(&self) -> Result<PathBuf, CliError> {
        Ok(self.global.profile.folder(&self.profiles_root()?))
    }

    /// What is known of the profile without its passphrase; none if there is no such profile.
    pub(crate) fn profile_info(&self) -> Result<Option<ProfileInfo>, CliError> {
        match ProfileInfo::read(&self.folder()?) {
            Ok(info) => Ok(Some(info)),
            Err(ProfileError::Missing) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens the profile, without a connection.
    pub(crate) async fn open(&self) -> Result<Engine, CliError> {
        let folder = self.folder()?;
        if self.profile_info()?.is_none() {
            return Err(self.no_profile()?);
        }
        let mut attempt = 1;
        loop {
            let Given { secret, typed } =
                self.global.secrets.passphrase(&self.global.profile.to_string())?;
            match Engine::open(&folder, secret).await {
                Err(OpenError::Vault(VaultError::WrongPassphrase))
                    if typed && attempt < ATTEMPTS =>
                {
                    attempt += 1;
                    self.out.note("That is not the password; try again.");
                }
                opened => return Ok(opened?),
            }
        }
    }

    fn no_profile(&self) -> Result<CliError, CliError> {
        let others: Vec<ProfileName> = profile::list(&self.profiles_root()?)?;
        Ok(CliError::NoProfile { name: self.global.profile.clone(), others })
    }

    /// Connects, for what cannot do without.
    pub(crate) async fn connect(&self, engine: &Engine) -> Result<(), CliError> {
        if self.global.offline {
            return Err(CliError::NeedsRelay);
        }
        Ok(engine.connect().await?)
    }

    /// Connects, for what is better with a connection. A relay that is away is remarked on; one
    /// with a wrong key, or that refuses this device, is an error.
    pub(crate) async fn try_connect(&self, engine: &Engine) -> Result<Reach, CliError> {
        if self.global.offline {
            return Ok(Reach::Offline);
        }
        match engine.connect().await {
            Ok(()) => Ok(Reach::Online),
            Err(ConnectError::Waiting { reason }) => {
                self.out.note(format!("offline: {reason}"));
                Ok(Reach::Offline)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Fetches what waits in the mailbox, if the relay is there.
    pub(crate) async fn fetch(&self, engine: &Engine) -> Result<Reach, CliError> {
        let reach = self.try_connect(engine).await?;
        if reach == Reach::Online && engine.sync(SYNC_TIMEOUT).await.is_err() {
            self.out.note("the connection was lost; there may be more messages");
            return Ok(Reach::Offline);
        }
        Ok(reach)
    }
}
