//! `sotto remove`: a contact no more.

use clap::Args;
use serde::Serialize;
use sotto_client::Engine;

use crate::{app::App, error::CliError, people};

/// Remove a contact; if the person writes again, that is a contact request
///
/// JSON: removed (the username), history_deleted.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sotto remove bob
  sotto remove bob --delete-history")]
pub(crate) struct Remove {
    /// The contact
    user: String,
    /// Delete the messages on this computer too; they cannot be brought back
    #[arg(long)]
    delete_history: bool,
}

#[derive(Serialize)]
struct Removed<'a> {
    removed: &'a str,
    history_deleted: bool,
}

pub(crate) async fn run(app: &App, engine: &Engine, args: &Remove) -> Result<(), CliError> {
    let contact = people::find(engine, &args.user).await?;
    engine.remove(contact.account, args.delete_history).await?;
    let removed =
        Removed { removed: contact.username.as_str(), history_deleted: args.delete_history };
    app.out.result(&removed, || {
        let history = if args.delete_history { "deleted" } else { "kept" };
        format!("{} is removed; the messages are {history}.", people::full_name(&contact))
    })?;
    Ok(())
}
