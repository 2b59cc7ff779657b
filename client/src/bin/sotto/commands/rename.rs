//! `sotto rename`: a name of one's own for a contact.

use clap::Args;
use sotto_client::Engine;

use crate::{app::App, error::CliError, escape, people};

/// Call a contact by another name; only you see it
///
/// JSON: the contact, as in `sotto contacts`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sotto rename bob 'Bob from work'
  sotto rename bob            # the person's own name again")]
pub(crate) struct Rename {
    /// The contact
    user: String,
    /// The new name; without it, the person's own name
    #[arg(value_name = "NAME")]
    alias: Option<String>,
}

pub(crate) async fn run(app: &App, engine: &Engine, args: &Rename) -> Result<(), CliError> {
    let contact = people::find(engine, &args.user).await?;
    let contact = engine.rename(contact.account, args.alias.as_deref()).await?;
    app.out.result(&contact, || {
        format!("@{} is called {} now.", contact.username, escape::one_line(contact.name()))
    })?;
    Ok(())
}
