//! `sotto edit`: another text for an own message.

use clap::Args;
use sotto_client::Engine;

use crate::{
    app::App,
    error::CliError,
    input,
    message_ref::{Fits, MessageRef},
    people, waiting,
};

/// Change the text of a message that you sent, on both sides
///
/// JSON: the message.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sotto edit bob last 'Meet me at ten'
  sotto edit bob 3fa2c1d2 'Meet me at ten'")]
pub(crate) struct Edit {
    /// The contact
    user: String,
    /// Which message: `last`, or an id as `sotto read --ids` shows it
    message: MessageRef,
    /// The new text; a single - reads it from standard input
    #[arg(required = true)]
    text: Vec<String>,
}

pub(crate) async fn run(app: &App, engine: &Engine, args: &Edit) -> Result<(), CliError> {
    let text = input::text(&args.text).await?;
    let contact = people::find(engine, &args.user).await?;
    let target = args.message.find(engine, &contact, Fits::Own).await?;
    let message = engine.edit(contact.account, target.id, &text).await?;
    let reach = app.try_connect(engine).await?;
    waiting::briefly(app, engine, reach).await;
    app.out.result(&message, || "Changed.".to_owned())?;
    Ok(())
}
