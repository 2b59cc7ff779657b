//! Opening the profile that the command line names, and getting connected with it.

use std::{path::PathBuf, time::Duration};

use sotto_client::{
    ConnectError, Engine,
    model::Contact,
    profile::{ProfileError, ProfileName, profiles_root},
};

use crate::{args::Place, failure::Failure, output::Output, secrets};

/// How long a command waits for the relay before it goes on without.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The folder of the profile.
pub(crate) fn folder(place: &Place) -> Result<PathBuf, Failure> {
    let name: ProfileName = place.profile.parse()?;
    let root = match &place.home {
        Some(home) => home.join("profiles"),
        None => profiles_root()?,
    };
    Ok(name.folder(&root))
}

/// The profile's engine, without a connection.
pub(crate) async fn open(place: &Place) -> Result<Engine, Failure> {
    let folder = folder(place)?;
    if !folder.join("vault.toml").exists() {
        // Before anybody types a password for nothing.
        return Err(ProfileError::Missing.into());
    }
    Ok(Engine::open(&folder, secrets::vault_secret(place)?).await?)
}

/// The profile's engine, connected; it is an error where it can't be.
pub(crate) async fn open_connected(place: &Place) -> Result<Engine, Failure> {
    let engine = open(place).await?;
    match engine.connect().await {
        Ok(()) => Ok(engine),
        Err(error) => {
            engine.shutdown().await;
            Err(error.into())
        }
    }
}

/// The profile's engine with everything fetched that waits, where the relay can be reached; else
/// with what is here, and a word that it is so.
pub(crate) async fn open_fetched(place: &Place, output: &Output) -> Result<Engine, Failure> {
    let engine = open(place).await?;
    if place.offline {
        return Ok(engine);
    }
    match engine.connect().await {
        Ok(()) => engine.sync(PATIENCE).await?,
        Err(error @ ConnectError::Stopped(_)) => {
            engine.shutdown().await;
            return Err(error.into());
        }
        Err(error) => output.warn(&format!("working offline: {error}")),
    }
    Ok(engine)
}

/// The contact of this name, refused while its changed identity has not been looked at.
pub(crate) async fn sendable(engine: &Engine, user: &str) -> Result<Contact, Failure> {
    let contact = engine.contact(user).await?;
    if contact.pending_identity.is_some() {
        return Err(Failure::IdentityChanged(contact.username.to_string()));
    }
    Ok(contact)
}

/// Lets everything leave that can (receipts too), then closes the vault.
pub(crate) async fn close(engine: Engine) -> Result<(), Failure> {
    let is_online = matches!(engine.connection(), sotto_client::ConnectionState::Online);
    let flushed = if is_online { engine.flush(PATIENCE).await.map(drop) } else { Ok(()) };
    engine.shutdown().await;
    Ok(flushed?)
}
