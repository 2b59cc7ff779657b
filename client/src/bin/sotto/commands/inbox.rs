//! `sotto inbox`: who wrote, and how much of it is unread.

use std::fmt::Write as _;

use clap::Args;
use sotto_client::{
    Engine,
    model::{ContactState, ConversationSummary, Preview, PreviewKind},
};

use crate::{
    app::App,
    error::CliError,
    escape,
    local_time::LocalTime,
    out::{BOLD, DIM, YELLOW, styled},
    people,
};

/// How much of a message is shown.
const PREVIEW_MAX: usize = 60;

/// Fetch what waits, and show who wrote and how much is unread
///
/// JSON: contact (as in `sotto contacts`), unread, last (the newest message, shortened), draft, timer.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sotto inbox
  sotto inbox --all           # conversations without unread messages too
  sotto inbox --json | jq -r '[.contact.username, .unread] | @tsv'")]
pub(crate) struct Inbox {
    /// All conversations, not only those with unread messages
    #[arg(long)]
    all: bool,
}

pub(crate) async fn run(app: &App, engine: &Engine, args: &Inbox) -> Result<(), CliError> {
    app.fetch(engine).await?;
    let mut conversations = engine.conversations().await?;
    conversations.retain(|conversation| {
        args.all
            || conversation.unread > 0
            || conversation.contact.state == ContactState::Request
            || conversation.contact.pending_identity.is_some()
    });
    if conversations.is_empty() {
        app.out.say("Nothing is unread.")?;
    }
    let time = LocalTime::now();
    for conversation in &conversations {
        app.out.result(conversation, || line(conversation, &time))?;
    }
    Ok(())
}

/// A conversation on a line.
pub(crate) fn line(conversation: &ConversationSummary, time: &LocalTime) -> String {
    let ConversationSummary { contact, unread, last, .. } = conversation;
    let mut line = match unread {
        0 => "    -".to_owned(),
        unread => styled(BOLD, format_args!("{unread:>5}")),
    };
    line.push_str("  ");
    line.push_str(&styled(BOLD, people::full_name(contact)));
    if contact.state == ContactState::Request {
        let ask = format!("  asks to be in contact: `sotto accept {}`", contact.username);
        line.push_str(&styled(YELLOW, ask));
    }
    if contact.pending_identity.is_some() {
        let look = format!("  identity key changed: `sotto verify {}`", contact.username);
        line.push_str(&styled(YELLOW, look));
    }
    if let Some(last) = last {
        let _ = write!(line, "  {}", preview(last));
        line.push_str(&styled(DIM, format_args!("  {}", time.short(last.at))));
    }
    line
}

fn preview(last: &Preview) -> String {
    let from = if last.outgoing && last.kind != PreviewKind::Event { "you: " } else { "" };
    let text = escape::preview(&last.text, PREVIEW_MAX);
    match last.kind {
        PreviewKind::Text => format!("{from}{text}"),
        PreviewKind::Attachment => format!("{from}[file] {text}"),
        PreviewKind::Event => "(something happened)".to_owned(),
        PreviewKind::Deleted => format!("{from}deleted"),
    }
}
