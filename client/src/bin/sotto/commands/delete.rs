//! `sotto delete`: an own message, on both sides.

use clap::Args;
use sotto_client::Engine;

use crate::{
    app::App,
    error::CliError,
    message_ref::{Fits, MessageRef},
    people, waiting,
};

/// Delete a message that you sent, on both sides
///
/// The other side's program deletes it when it hears of it; nothing can take back what was read.
///
/// JSON: what is left of the message.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  sotto delete bob last")]
pub(crate) struct Delete {
    /// The contact
    user: String,
    /// Which message: `last`, or an id as `sotto read --ids` shows it
    message: MessageRef,
}

pub(crate) async fn run(app: &App, engine: &Engine, args: &Delete) -> Result<(), CliError> {
    let contact = people::find(engine, &args.user).await?;
    let target = args.message.find(engine, &contact, Fits::Own).await?;
    let message = engine.delete_for_all(contact.account, target.id).await?;
    let reach = app.try_connect(engine).await?;
    waiting::briefly(app, engine, reach).await;
    app.out.result(&message, || "Deleted.".to_owned())?;
    Ok(())
}
