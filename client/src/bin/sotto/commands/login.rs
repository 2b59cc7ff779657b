//! `sotto login`: an account that there is, on this computer.

use clap::Args;
use sotto_client::{
    Engine, ExistingAccount,
    proto::{Username, link::RelayLink},
};

use super::whoami;
use crate::{app::App, error::CliError};

/// Log in to an account that you have, on this computer
///
/// This computer becomes the account's one device; the one before it can neither send nor receive
/// any more. Your identity key comes back from the backup that your password opens, so your
/// contacts see no change. Messages that were on the other computer stay there.
///
/// In the profile of the same account it begins anew with the relay and keeps the messages.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  sotto login alice --relay 'sotto://relay.example:4433/#5f3a…'")]
pub(crate) struct Login {
    /// The account's username
    username: Username,
    /// The relay's link
    #[arg(long, value_name = "LINK", env = "SOTTO_RELAY")]
    relay: RelayLink,
    /// Make a new identity key instead of restoring the old one
    ///
    /// For when the old key may have been stolen. Your contacts are warned that your key changed,
    /// and send nothing until they have looked.
    #[arg(long)]
    new_identity: bool,
}

pub(crate) async fn run(app: &App, args: Login) -> Result<(), CliError> {
    if app.global.offline {
        return Err(CliError::NeedsRelay);
    }
    if let Some(info) = app.profile_info()?
        && info.username != args.username
    {
        return Err(CliError::ProfileTaken {
            name: app.global.profile.clone(),
            account: format!("{} on {}", info.username, info.relay.at),
        });
    }
    let credentials = app.global.secrets.credentials(args.username.as_str())?;
    let engine = Engine::log_in(ExistingAccount {
        folder: app.folder()?,
        relay: args.relay,
        username: args.username,
        password: credentials.password,
        passphrase: credentials.passphrase,
        new_identity: args.new_identity,
    })
    .await?;
    let shown = whoami::show_new(app, &engine, "logged in");
    engine.shutdown().await;
    shown
}
