//! `sotto send`: a text or a file to a contact.

use std::path::PathBuf;

use clap::Args;
use sotto_client::{
    Engine,
    model::{Contact, Message, MessageState},
    proto::MessageId,
};

use crate::{
    app::{App, Reach},
    error::CliError,
    input,
    message_ref::{self, Fits, MessageRef},
    people, progress, show,
    waiting::{self, Left},
};

/// Send a text or a file
///
/// It waits until the relay has the message safely. Without a connection the message is queued
/// here, which it says, and goes out with the next command that reaches the relay. Who is no
/// contact yet is added first.
///
/// JSON: the message (id, state, body…); its `state.state` is sent, queued or failed.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sotto send bob Hello there
  sotto send bob 'Quotes keep *stars* and $signs as they are'
  fortune | sotto send bob -
  sotto send bob --file photo.jpg --caption 'The lighthouse'
  sotto send bob 'Yes!' --reply-to last
  tail -f log | sotto send bob --each-line")]
pub(crate) struct Send {
    /// A contact, or a username or link to add as one
    user: String,
    /// The text; a single - reads all of standard input as one message
    #[arg(required_unless_present_any = ["file", "each_line"], conflicts_with_all = ["file", "each_line"])]
    text: Vec<String>,
    /// Send this file, of at most 100 MiB
    #[arg(long, short, value_name = "PATH")]
    file: Option<PathBuf>,
    /// What to say to the file
    #[arg(long, value_name = "TEXT", requires = "file")]
    caption: Option<String>,
    /// Answer a message: `last`, or an id as `sotto read --ids` shows it
    #[arg(long, value_name = "MESSAGE")]
    reply_to: Option<MessageRef>,
    /// Send every line of standard input as a message of its own
    #[arg(long, conflicts_with = "file")]
    each_line: bool,
    /// Fail with exit code 5 unless the relay has it
    #[arg(long)]
    require_sent: bool,
}

pub(crate) async fn run(app: &App, engine: &Engine, args: &Send) -> Result<(), CliError> {
    let text = input::text(&args.text).await?;
    let contact = people::find_or_add(app, engine, &args.user).await?;
    let reply_to = match &args.reply_to {
        Some(reference) => Some(reference.find(engine, &contact, Fits::Any).await?.id),
        None => None,
    };
    // Queued before the connection is there, so that nothing is lost whatever becomes of it.
    if args.each_line {
        return each_line(app, engine, args, &contact, reply_to).await;
    }
    let queued = match &args.file {
        Some(path) => {
            let caption = args.caption.as_deref().unwrap_or_default();
            engine.send_file(contact.account, path, caption, reply_to).await?
        }
        None => engine.send_text(contact.account, &text, reply_to).await?,
    };
    let reach = app.try_connect(engine).await?;
    let name = args.file.as_deref().and_then(|path| path.file_name());
    let leaving = leave(engine, &contact, reach);
    match name {
        Some(name) => {
            progress::with_bar(engine, queued.id, &name.to_string_lossy(), leaving).await?
        }
        None => leaving.await?,
    };
    report(app, engine, args, &contact, &[queued.id]).await
}

/// Waits until all has left that may leave.
async fn leave(engine: &Engine, contact: &Contact, reach: Reach) -> Result<Left, CliError> {
    match reach {
        Reach::Online => waiting::until_left(engine, contact).await,
        Reach::Offline => Ok(Left::Queued),
    }
}

async fn each_line(
    app: &App,
    engine: &Engine,
    args: &Send,
    contact: &Contact,
    reply_to: Option<MessageId>,
) -> Result<(), CliError> {
    let reach = app.try_connect(engine).await?;
    let mut lines = input::lines();
    let mut sent = Vec::new();
    while let Some(line) = lines.recv().await {
        let line = line?;
        if !line.is_empty() {
            sent.push(engine.send_text(contact.account, &line, reply_to).await?.id);
        }
    }
    leave(engine, contact, reach).await?;
    report(app, engine, args, contact, &sent).await
}

/// Says how far the messages came; the first that failed is the error.
async fn report(
    app: &App,
    engine: &Engine,
    args: &Send,
    contact: &Contact,
    ids: &[MessageId],
) -> Result<(), CliError> {
    let mut failure = None;
    for id in ids {
        let message = engine.message(contact.account, *id).await?;
        app.out.result(&message, || line(&message, contact))?;
        match &message.state {
            Some(MessageState::Failed { reason }) => {
                failure.get_or_insert(CliError::SendFailed(reason.to_string()));
            }
            Some(MessageState::Queued) if args.require_sent => {
                failure.get_or_insert(CliError::OnlyQueued);
            }
            _ => {}
        }
    }
    failure.map_or(Ok(()), Err)
}

fn line(message: &Message, contact: &Contact) -> String {
    let to = people::short_name(contact);
    let id = message_ref::shown(message.id);
    match &message.state {
        Some(MessageState::Queued) => {
            format!(
                "Queued for {to} (#{id}): it goes out with the next command that reaches the relay."
            )
        }
        Some(state @ MessageState::Failed { .. }) => {
            format!("To {to} (#{id}): {}.", show::state(state))
        }
        _ => format!("Sent to {to} (#{id})."),
    }
}
