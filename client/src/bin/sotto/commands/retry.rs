//! `sotto retry`: another try for a message that failed.

use clap::Args;
use sotto_client::{Engine, model::MessageState};

use crate::{
    app::{App, Reach},
    error::CliError,
    message_ref::{Fits, MessageRef},
    people, show, waiting,
};

/// Send a message again that has failed
///
/// JSON: the message.
#[derive(Args, Debug)]
pub(crate) struct Retry {
    /// The contact
    user: String,
    /// Which message: `last` (that failed), or an id as `sotto read --ids` shows it
    #[arg(default_value = "last")]
    message: MessageRef,
}

pub(crate) async fn run(app: &App, engine: &Engine, args: &Retry) -> Result<(), CliError> {
    let contact = people::find(engine, &args.user).await?;
    let target = args.message.find(engine, &contact, Fits::Failed).await?;
    engine.retry(contact.account, target.id).await?;
    if app.try_connect(engine).await? == Reach::Online {
        waiting::until_left(engine, &contact).await?;
    }
    let message = engine.message(contact.account, target.id).await?;
    let state = message.state.clone().unwrap_or(MessageState::Queued);
    app.out.result(&message, || format!("It is {}.", show::state(&state)))?;
    match state {
        MessageState::Failed { reason } => Err(CliError::SendFailed(reason.to_string())),
        _ => Ok(()),
    }
}
