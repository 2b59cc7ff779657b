//! `sotto read`: the messages of a conversation.

use clap::Args;
use serde::Serialize;
use sotto_client::{
    Engine, Page,
    model::{Contact, ContactState, Message, MessageBody},
};

use crate::{
    app::App,
    error::CliError,
    message_ref::Fits,
    message_ref::MessageRef,
    out::{DIM, styled},
    people,
    show::{self, Transcript},
    waiting,
};

/// How many messages are shown where nobody says how many.
const SHOWN: usize = 20;
/// How many messages are looked at in one go.
const PAGE: usize = 500;

/// Fetch what waits, and show the messages of a conversation
///
/// It shows all that is unread, at least the newest 20 messages, and marks them as read. The other
/// side is told, if your settings say so.
///
/// JSON: each message (id, outgoing, sent_at, arrived_at, body, state, read as it was before…) with
/// the contact's username.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sotto read bob
  sotto read bob --limit 100 --ids
  sotto read bob --before 3fa2c1d2
  sotto read bob --unread --json | jq -r .body.text")]
pub(crate) struct Read {
    /// The contact
    user: String,
    /// How many messages at most, the oldest unread ones first
    #[arg(long, short = 'n', value_name = "N")]
    limit: Option<usize>,
    /// Only what is unread
    #[arg(long, short)]
    unread: bool,
    /// Older messages: those before this one
    #[arg(long, value_name = "MESSAGE", conflicts_with = "unread")]
    before: Option<MessageRef>,
    /// Do not mark as read
    #[arg(long)]
    keep_unread: bool,
    /// Show the ids, by which messages can be answered, edited, deleted…
    #[arg(long)]
    ids: bool,
}

/// A message with the name of its conversation.
#[derive(Serialize)]
struct Line<'a> {
    username: &'a str,
    #[serde(flatten)]
    message: &'a Message,
}

pub(crate) async fn run(app: &App, engine: &Engine, args: &Read) -> Result<(), CliError> {
    let reach = app.fetch(engine).await?;
    let contact = people::find(engine, &args.user).await?;
    let Selected { messages, first_unread, more } = select(engine, &contact, args).await?;
    show(app, engine, args, &contact, &messages, first_unread).await?;
    if more > 0 {
        app.out.note(format!(
            "{} more unread; the same again shows them.",
            show::count(more, "message")
        ));
    }
    if contact.state == ContactState::Request {
        app.out.note(format!(
            "{0} is no contact yet: `sotto accept {0}` or `sotto decline {0}`.",
            contact.username
        ));
    }
    if contact.pending_identity.is_some() {
        app.out.note(format!(
            "The identity key of {0} changed; nothing is sent until you have looked: `sotto verify {0}`.",
            contact.username
        ));
    }
    if !args.keep_unread
        && args.before.is_none()
        && let Some(last) = messages.last()
        && engine.mark_read(contact.account, Some(last.id)).await? > 0
    {
        waiting::briefly(app, engine, reach).await;
    }
    Ok(())
}

/// What is to be shown.
struct Selected {
    messages: Vec<Message>,
    /// Where among them the unread ones begin.
    first_unread: Option<usize>,
    /// How many unread ones are left out.
    more: usize,
}

async fn select(engine: &Engine, contact: &Contact, args: &Read) -> Result<Selected, CliError> {
    if let Some(before) = &args.before {
        let before = before.find(engine, contact, Fits::Any).await?;
        let limit = args.limit.unwrap_or(SHOWN);
        let messages = engine.history(contact.account, Page::Before(before.id), limit).await?;
        return Ok(Selected { messages, first_unread: None, more: 0 });
    }
    let mut messages = newest(engine, contact, args.limit.unwrap_or(SHOWN)).await?;
    let first_unread = messages.iter().position(|message| !message.read);
    let unread = first_unread.map_or(0, |first| messages.len() - first);
    let limit = args.limit.unwrap_or_else(|| unread.max(SHOWN));
    let begin = if args.unread || unread > limit {
        first_unread.unwrap_or(messages.len())
    } else {
        messages.len().saturating_sub(limit)
    };
    messages.drain(..begin);
    let left_out = messages.split_off(limit.min(messages.len()));
    let more = left_out.iter().filter(|message| !message.read).count();
    let first_unread = first_unread.and_then(|first| first.checked_sub(begin));
    Ok(Selected { messages, first_unread, more })
}

/// The newest messages: as many as asked for, and all that are unread.
async fn newest(
    engine: &Engine,
    contact: &Contact,
    at_least: usize,
) -> Result<Vec<Message>, CliError> {
    let unread = engine.conversation(contact.account).await?.unread as usize;
    let mut all: Vec<Message> = Vec::new();
    loop {
        let page = all.first().map_or(Page::Latest, |first| Page::Before(first.id));
        let mut older = engine.history(contact.account, page, PAGE).await?;
        if older.is_empty() {
            return Ok(all);
        }
        older.append(&mut all);
        all = older;
        let seen = all.iter().filter(|message| is_unread(message)).count();
        if seen >= unread && all.len() >= at_least {
            return Ok(all);
        }
    }
}

const fn is_unread(message: &Message) -> bool {
    !message.read && !matches!(message.body, MessageBody::Event { .. })
}

async fn show(
    app: &App,
    engine: &Engine,
    args: &Read,
    contact: &Contact,
    messages: &[Message],
    first_unread: Option<usize>,
) -> Result<(), CliError> {
    if messages.is_empty() {
        app.out.say(if args.unread { "Nothing is unread." } else { "There are no messages." })?;
    }
    let mut transcript = Transcript::new(engine, contact, args.ids);
    for (index, message) in messages.iter().enumerate() {
        if app.out.is_json() {
            app.out.object(&Line { username: contact.username.as_str(), message })?;
            continue;
        }
        if Some(index) == first_unread && index > 0 {
            app.out.line(styled(DIM, "── new ──"))?;
        }
        app.out.line(transcript.message(message).await)?;
    }
    Ok(())
}
