//! `sotto add`: a new contact.

use clap::Args;
use sotto_client::Engine;

use crate::{app::App, error::CliError, people, waiting};

/// Add a contact: by username, by link, or by what a QR code says
///
/// A link carries the person's identity key. If the relay names another key, somebody may be in
/// between, and nothing is added.
///
/// JSON: the contact, as in `sotto contacts`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sotto add bob
  sotto add 'sotto://relay.example:4433/@bob#5f3a…'
  sotto add bob --alias 'Bob from work'")]
pub(crate) struct Add {
    /// A username, or the link that `sotto whoami` shows the other person
    #[arg(value_name = "USERNAME|LINK")]
    who: String,
    /// What you want to call the person
    #[arg(long, value_name = "NAME")]
    alias: Option<String>,
}

pub(crate) async fn run(app: &App, engine: &Engine, args: &Add) -> Result<(), CliError> {
    app.connect(engine).await?;
    let mut contact = engine.add_contact(&args.who).await?;
    if args.alias.is_some() {
        contact = engine.rename(contact.account, args.alias.as_deref()).await?;
    }
    app.out.result(&contact, || format!("{} is a contact now.", people::full_name(&contact)))?;
    if contact.pending_identity.is_some() {
        return Err(CliError::IdentityChanged(contact.username.to_string()));
    }
    waiting::briefly(app, engine, crate::app::Reach::Online).await;
    Ok(())
}
