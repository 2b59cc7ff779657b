//! `sotto relay`: where the relay is, and how it is known.

use clap::Args;
use serde::Serialize;
use sotto_client::{
    ConnectionState, Engine,
    proto::{link::RelayLink, login::RelayInfo},
};

use crate::{
    app::{App, Reach},
    error::CliError,
    escape,
};

/// Show the relay, or change the address at which it is found
///
/// For a relay that moved to another name or port. It stays the same relay, with the same key:
/// a link with another key is refused, because that is what an attacker would give you. Accounts
/// do not move from relay to relay; for another relay register there, under another --profile.
///
/// The new link is tried first, and kept only if your account logs in there (or with --offline).
///
/// JSON: relay, connection, and name, version, registration, listing where it was reached.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sotto relay
  sotto relay 'sotto://new.example:4433/#5f3a…'")]
pub(crate) struct Relay {
    /// The relay's new link
    link: Option<RelayLink>,
    /// Accept another key than the one known until now
    ///
    /// Only if the operator told you, in person or over a channel that the network does not
    /// control, that the relay's key was replaced, and the digits behind # are the ones you were told.
    #[arg(long, requires = "link")]
    trust_new_key: bool,
}

#[derive(Serialize)]
struct Shown {
    relay: String,
    connection: ConnectionState,
    #[serde(flatten)]
    info: Option<RelayInfo>,
}

pub(crate) async fn run(app: &App, engine: &Engine, args: &Relay) -> Result<(), CliError> {
    match &args.link {
        Some(link) => change(app, engine, link, args.trust_new_key).await?,
        None => {
            app.try_connect(engine).await?;
        }
    }
    show(app, engine).await
}

async fn change(
    app: &App,
    engine: &Engine,
    link: &RelayLink,
    trust_new_key: bool,
) -> Result<(), CliError> {
    let before = engine.me().relay;
    if link.fingerprint != before.fingerprint && !trust_new_key {
        return Err(CliError::OtherRelayKey(other_key(&before, link)));
    }
    engine.set_relay(link.clone()).await?;
    let tried = match app.try_connect(engine).await {
        Ok(Reach::Online) => Ok(()),
        Ok(Reach::Offline) if app.global.offline => Ok(()),
        Ok(Reach::Offline) => {
            Err(CliError::Unreachable("the relay's address was left as it was".to_owned()))
        }
        Err(error) => Err(error),
    };
    if tried.is_err() {
        engine.set_relay(before).await?;
    }
    tried
}

fn other_key(before: &RelayLink, link: &RelayLink) -> String {
    let name = |link: &RelayLink| {
        link.fingerprint.map_or_else(|| "none".to_owned(), |fingerprint| fingerprint.to_string())
    };
    format!(
        "this link has another key ({}) than your relay ({}); if its operator has told you so in \
         a way that nobody could forge, add --trust-new-key",
        name(link),
        name(before)
    )
}

async fn show(app: &App, engine: &Engine) -> Result<(), CliError> {
    let info = engine.relay_info().await.ok();
    let shown =
        Shown { relay: engine.me().relay.to_string(), connection: engine.connection(), info };
    app.out.result(&shown, || match &shown.info {
        Some(info) => format!(
            "{}\n{}, version {}; you are logged in.",
            shown.relay,
            escape::one_line(&info.name),
            escape::one_line(&info.version)
        ),
        None => shown.relay.clone(),
    })?;
    Ok(())
}
