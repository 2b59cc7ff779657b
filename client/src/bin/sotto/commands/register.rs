//! `sotto register`: a new account on a relay.

use clap::Args;
use sotto_client::{
    Engine, NewAccount,
    proto::{DisplayName, Username, limits::INVITATION_MAX, link::RelayLink},
};

use super::whoami;
use crate::{app::App, error::CliError};

/// Register a new account on a relay
///
/// You choose a password; it never leaves this computer, and nobody can reset it. With it you can
/// log in on another computer. The messages on this computer are encrypted under it too, unless
/// you give the vault a passphrase of its own (--passphrase-fd or SOTTO_PASSPHRASE).
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sotto register alice --relay 'sotto://relay.example:4433/#5f3a…'
  sotto register alice --relay \"$LINK\" --name 'Alice Liddell' --invitation CODE
  SOTTO_PASSWORD=… sotto --profile work register alice.work --relay \"$LINK\"")]
pub(crate) struct Register {
    /// 3 to 32 of a-z, 0-9, '.', '_' and '-', beginning with a letter
    username: Username,
    /// The relay's link, as its operator gave it to you
    #[arg(long, value_name = "LINK", env = "SOTTO_RELAY")]
    relay: RelayLink,
    /// How others see you; you can change it later [default: the username]
    #[arg(long, value_name = "DISPLAY NAME")]
    name: Option<DisplayName>,
    /// The code that some relays ask for
    #[arg(long, value_name = "CODE", value_parser = invitation)]
    invitation: Option<String>,
}

pub(crate) async fn run(app: &App, args: Register) -> Result<(), CliError> {
    if app.global.offline {
        return Err(CliError::NeedsRelay);
    }
    if let Some(info) = app.profile_info()? {
        return Err(CliError::ProfileTaken {
            name: app.global.profile.clone(),
            account: format!("{} on {}", info.username, info.relay.at),
        });
    }
    let display_name = match args.name {
        Some(name) => name,
        None => DisplayName::try_from(args.username.to_string())
            .map_err(|error| CliError::Usage(error.to_string()))?,
    };
    let credentials = app.global.secrets.new_credentials(args.username.as_str())?;
    if credentials.is_short {
        app.out.note("A short password can be guessed by whoever steals this computer.");
    }
    let engine = Engine::register(NewAccount {
        folder: app.folder()?,
        relay: args.relay,
        username: args.username,
        display_name,
        password: credentials.password,
        passphrase: credentials.passphrase,
        invitation: args.invitation,
    })
    .await?;
    let shown = whoami::show_new(app, &engine, "registered");
    engine.shutdown().await;
    shown
}

fn invitation(code: &str) -> Result<String, String> {
    match code.trim() {
        "" => Err("an invitation code is not empty".to_owned()),
        code if code.len() > INVITATION_MAX => {
            Err(format!("an invitation code has at most {INVITATION_MAX} bytes"))
        }
        code => Ok(code.to_owned()),
    }
}
