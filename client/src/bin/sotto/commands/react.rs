//! `sotto react`: an emoji to a message.

use clap::Args;
use sotto_client::Engine;

use crate::{
    app::App,
    error::CliError,
    message_ref::{Fits, MessageRef},
    people, waiting,
};

/// React to a message with an emoji, or take your reaction back
///
/// JSON: the message.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sotto react bob last 👍
  sotto react bob last --remove")]
pub(crate) struct React {
    /// The contact
    user: String,
    /// Which message: `last` (of the contact's), or an id as `sotto read --ids` shows it
    message: MessageRef,
    /// The emoji
    #[arg(required_unless_present = "remove", conflicts_with = "remove")]
    emoji: Option<String>,
    /// Take your reaction back
    #[arg(long)]
    remove: bool,
}

pub(crate) async fn run(app: &App, engine: &Engine, args: &React) -> Result<(), CliError> {
    let contact = people::find(engine, &args.user).await?;
    let target = args.message.find(engine, &contact, Fits::Theirs).await?;
    let message = engine.react(contact.account, target.id, args.emoji.as_deref()).await?;
    let reach = app.try_connect(engine).await?;
    waiting::briefly(app, engine, reach).await;
    app.out.result(&message, || "Done.".to_owned())?;
    Ok(())
}
