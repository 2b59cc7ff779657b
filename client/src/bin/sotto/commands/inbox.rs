//! `sotto inbox`: who wrote, and how much of it is unread.

use std::fmt::Write as _;

use clap::Args;
use sotto_client::{
    Engine,
    model::{
        Contact, ContactState, ConversationSummary, Correspondent, Preview, PreviewKind, Room,
        RoomState,
    },
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
/// JSON: contact (as in `sotto contacts`) or room, unread, mentioned (whether one of the unread
/// messages mentions you), last (the newest message, shortened), draft, timer, muted, pinned.
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
            || match &conversation.with {
                Correspondent::Contact(contact) => {
                    contact.state == ContactState::Request || contact.pending_identity.is_some()
                }
                Correspondent::Room(room) => room.state == RoomState::Invited,
            }
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
    let ConversationSummary { with, unread, mentioned, last, .. } = conversation;
    let mut line = match unread {
        0 => "    -".to_owned(),
        unread => styled(BOLD, format_args!("{unread:>5}")),
    };
    line.push_str("  ");
    match with {
        Correspondent::Contact(contact) => push_contact(&mut line, contact),
        Correspondent::Room(room) => push_room(&mut line, room),
    }
    if *mentioned {
        line.push_str(&styled(YELLOW, "  mentions you"));
    }
    if let Some(last) = last {
        let _ = write!(line, "  {}", preview(last));
        line.push_str(&styled(DIM, format_args!("  {}", time.short(last.at))));
    }
    line
}

fn push_contact(line: &mut String, contact: &Contact) {
    line.push_str(&styled(BOLD, people::full_name(contact)));
    if contact.state == ContactState::Request {
        let ask = format!("  asks to be in contact: `sotto accept {}`", contact.username);
        line.push_str(&styled(YELLOW, ask));
    }
    if contact.pending_identity.is_some() {
        let look = format!("  identity key changed: `sotto verify {}`", contact.username);
        line.push_str(&styled(YELLOW, look));
    }
}

fn push_room(line: &mut String, room: &Room) {
    line.push_str(&styled(BOLD, escape::one_line(room.name.as_str())));
    line.push_str(&styled(DIM, format_args!("  (a room of {})", room.members)));
    if room.state == RoomState::Invited {
        line.push_str(&styled(YELLOW, "  you are invited"));
    }
}

fn preview(last: &Preview) -> String {
    let from = match &last.sender {
        _ if last.kind == PreviewKind::Event => String::new(),
        _ if last.outgoing => "you: ".to_owned(),
        Some(sender) => format!("{}: ", escape::one_line(&sender.name)),
        None => String::new(),
    };
    let text = escape::preview(&last.text, PREVIEW_MAX);
    match last.kind {
        PreviewKind::Text => format!("{from}{text}"),
        PreviewKind::Attachment => format!("{from}[file] {text}"),
        PreviewKind::Event => "(something happened)".to_owned(),
        PreviewKind::Deleted => format!("{from}deleted"),
    }
}
