//! `sotto draft`: what was written and not sent.

use clap::Args;
use serde::Serialize;
use sotto_client::{Engine, model::Draft as Kept};

use crate::{app::App, error::CliError, escape, input, people};

/// Show, keep or forget what you want to send later
///
/// JSON: username, draft (text, reply_to; null when there is none).
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sotto draft bob
  sotto draft bob 'Dear Bob,'
  sotto draft bob --clear")]
pub(crate) struct Draft {
    /// The contact
    user: String,
    /// The text; a single - reads it from standard input
    #[arg(conflicts_with = "clear")]
    text: Vec<String>,
    /// Forget it
    #[arg(long)]
    clear: bool,
}

#[derive(Serialize)]
struct Shown<'a> {
    username: &'a str,
    draft: Option<Kept>,
}

pub(crate) async fn run(app: &App, engine: &Engine, args: &Draft) -> Result<(), CliError> {
    let contact = people::find(engine, &args.user).await?;
    if args.clear || !args.text.is_empty() {
        let text = input::text(&args.text).await?;
        engine.set_draft(contact.account, &text, None).await?;
    }
    let draft = engine.conversation(contact.account).await?.draft;
    let shown = Shown { username: contact.username.as_str(), draft };
    app.out.result(&shown, || match &shown.draft {
        Some(draft) => escape::lines(&draft.text, ""),
        None => "There is no draft.".to_owned(),
    })?;
    Ok(())
}
