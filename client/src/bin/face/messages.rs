//! `send`, `edit`, `delete`, `react`, `retry`, `timer`, `inbox`, `read`, `save`, `search`, `export`.

use std::{
    fs::File,
    io::{self, Read as _, Write},
    path::Path,
};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use sotto_client::{
    Engine, Event, ExportFormat, Page,
    model::{Contact, Message, MessageState},
    proto::{AccountId, MessageId, limits::TEXT_MAX},
};
use tokio::task::JoinHandle;

use crate::{
    args::{Export, Format, Place, Read, Send},
    failure::Failure,
    output::{Output, clean, message_text, state_text},
    profile::{PATIENCE, close, open, open_fetched, sendable},
};

/// How far back an abbreviated message id is looked for.
const RECENT: usize = 1000;

pub(crate) async fn send(place: &Place, send: Send, output: &Output) -> Result<(), Failure> {
    let text = match send.text.as_deref() {
        Some("-") => read_input()?,
        text => text.unwrap_or_default().to_owned(),
    };
    let engine = open_fetched(place, output).await?;
    let result = send_with(&engine, &send, &text, output).await;
    let closed = close(engine).await;
    result.and(closed)
}

async fn send_with(
    engine: &Engine,
    send: &Send,
    text: &str,
    output: &Output,
) -> Result<(), Failure> {
    let contact = sendable(engine, &send.user).await?;
    let reply_to = match &send.reply_to {
        Some(id) => Some(find(engine, &contact, id).await?.id),
        None => None,
    };
    let message = match &send.file {
        Some(path) => {
            let progress = follow(engine, output);
            let message = engine.send_file(contact.account, path, text, reply_to).await?;
            settle(engine).await?;
            progress.abort();
            message
        }
        None => engine.send_text(contact.account, text, reply_to).await?,
    };
    settle(engine).await?;
    let message = engine.message(contact.account, message.id).await?;
    show(&message, &contact, output);
    match &message.state {
        Some(MessageState::Failed { reason }) => Err(Failure::NotSent(reason.to_string())),
        _ => Ok(()),
    }
}

/// Waits until what was queued has left, where there is a connection.
async fn settle(engine: &Engine) -> Result<(), Failure> {
    if matches!(engine.connection(), sotto_client::ConnectionState::Online) {
        engine.flush(PATIENCE * 20).await?;
    }
    Ok(())
}

fn read_input() -> Result<String, Failure> {
    let mut text = String::new();
    io::stdin().take(TEXT_MAX as u64 + 1).read_to_string(&mut text)?;
    Ok(text.trim_end_matches('\n').to_owned())
}

/// Shows how far files have come, on a terminal.
fn follow(engine: &Engine, output: &Output) -> JoinHandle<()> {
    let (mut events, json) = (engine.subscribe(), output.is_json());
    tokio::spawn(async move {
        let bar = if json { ProgressBar::hidden() } else { ProgressBar::new(0) };
        if let Ok(style) = ProgressStyle::with_template("{bar:32} {bytes} of {total_bytes}, {eta}")
        {
            bar.set_style(style);
        }
        while let Ok(event) = events.recv().await {
            if let Event::Transfer { done, total, .. } = event {
                bar.set_length(total);
                bar.set_position(done);
                if done == total {
                    bar.finish_and_clear();
                }
            }
        }
    })
}

pub(crate) async fn edit(
    place: &Place,
    user: &str,
    id: &str,
    text: &str,
    output: &Output,
) -> Result<(), Failure> {
    let (engine, contact, message) = found(place, user, id, output).await?;
    let message = engine.edit(contact.account, message, text).await?;
    finish(engine, &contact, message, output).await
}

pub(crate) async fn delete(
    place: &Place,
    user: &str,
    id: &str,
    output: &Output,
) -> Result<(), Failure> {
    let (engine, contact, message) = found(place, user, id, output).await?;
    let message = engine.delete_for_all(contact.account, message).await?;
    finish(engine, &contact, message, output).await
}

pub(crate) async fn react(
    place: &Place,
    user: &str,
    id: &str,
    emoji: Option<&str>,
    output: &Output,
) -> Result<(), Failure> {
    let (engine, contact, message) = found(place, user, id, output).await?;
    let message = engine.react(contact.account, message, emoji).await?;
    finish(engine, &contact, message, output).await
}

pub(crate) async fn retry(
    place: &Place,
    user: &str,
    id: &str,
    output: &Output,
) -> Result<(), Failure> {
    let (engine, contact, message) = found(place, user, id, output).await?;
    let message = engine.retry(contact.account, message).await?;
    finish(engine, &contact, message, output).await
}

pub(crate) async fn timer(
    place: &Place,
    user: &str,
    seconds: Option<u32>,
    output: &Output,
) -> Result<(), Failure> {
    let engine = open_fetched(place, output).await?;
    let contact = sendable(&engine, user).await?;
    let message = engine.set_timer(contact.account, seconds).await?;
    finish(engine, &contact, message, output).await
}

async fn finish(
    engine: Engine,
    contact: &Contact,
    message: Message,
    output: &Output,
) -> Result<(), Failure> {
    settle(&engine).await?;
    let message = engine.message(contact.account, message.id).await.unwrap_or(message);
    show(&message, contact, output);
    close(engine).await
}

async fn found(
    place: &Place,
    user: &str,
    id: &str,
    output: &Output,
) -> Result<(Engine, Contact, MessageId), Failure> {
    let engine = open_fetched(place, output).await?;
    let contact = sendable(&engine, user).await?;
    let message = find(&engine, &contact, id).await?.id;
    Ok((engine, contact, message))
}

/// The message of a conversation whose id starts with `prefix`.
async fn find(engine: &Engine, contact: &Contact, prefix: &str) -> Result<Message, Failure> {
    let messages = engine.history(contact.account, Page::Latest, RECENT).await?;
    let mut matching = messages
        .into_iter()
        .filter(|message| !prefix.is_empty() && message.id.to_string().starts_with(prefix));
    let first = matching.next().ok_or_else(|| Failure::NoSuchMessage(prefix.to_owned()))?;
    match matching.next() {
        None => Ok(first),
        Some(_) => Err(Failure::Ambiguous(prefix.to_owned())),
    }
}

pub(crate) async fn inbox(place: &Place, output: &Output) -> Result<(), Failure> {
    let engine = open_fetched(place, output).await?;
    let mut is_empty = true;
    for conversation in engine.conversations().await? {
        if conversation.unread == 0 {
            continue;
        }
        is_empty = false;
        let contact = &conversation.contact;
        let value = json!({ "type": "unread", "username": contact.username, "unread": conversation.unread, "state": contact.state });
        output.show(&value, || {
            format!("{:>5}  {} ({})", conversation.unread, contact.username, clean(contact.name()))
        });
    }
    if is_empty {
        output.warn("nothing unread");
    }
    close(engine).await
}

pub(crate) async fn read(place: &Place, read: Read, output: &Output) -> Result<(), Failure> {
    let engine = open_fetched(place, output).await?;
    let contact = engine.contact(&read.user).await?;
    for message in engine.history(contact.account, Page::Latest, read.limit).await? {
        show(&message, &contact, output);
    }
    if !read.keep_unread {
        engine.mark_read(contact.account, None).await?;
    }
    close(engine).await
}

pub(crate) async fn save(
    place: &Place,
    user: &str,
    id: &str,
    to: &Path,
    output: &Output,
) -> Result<(), Failure> {
    let engine = open_fetched(place, output).await?;
    let contact = engine.contact(user).await?;
    let message = find(&engine, &contact, id).await?;
    let progress = follow(&engine, output);
    let saved = engine.save_attachment(contact.account, message.id, to).await;
    progress.abort();
    let saved = saved?;
    output.show(&json!({ "type": "saved", "message": saved, "path": to }), || {
        format!("saved {}", to.display())
    });
    close(engine).await
}

pub(crate) async fn search(
    place: &Place,
    query: &str,
    user: Option<&str>,
    limit: usize,
    output: &Output,
) -> Result<(), Failure> {
    let engine = open(place).await?;
    let within: Option<AccountId> = match user {
        Some(user) => Some(engine.contact(user).await?.account),
        None => None,
    };
    let contacts = engine.contacts().await?;
    for hit in engine.search(query, within, limit).await? {
        let contact = contacts.iter().find(|contact| contact.account == hit.message.conversation);
        let value = json!({ "type": "hit", "username": contact.map(|contact| &contact.username), "hit": hit });
        output.show(&value, || match contact {
            Some(contact) => {
                format!("{}  {}", contact.username, message_text(&hit.message, contact))
            }
            None => hit.message.text().map(clean).unwrap_or_default(),
        });
    }
    close(engine).await
}

pub(crate) async fn export(place: &Place, export: Export, output: &Output) -> Result<(), Failure> {
    let engine = open(place).await?;
    let out: Box<dyn Write + std::marker::Send> = if export.to == Path::new("-") {
        Box::new(io::stdout())
    } else {
        Box::new(File::create(&export.to)?)
    };
    let format = match export.format {
        Format::Json => ExportFormat::Json,
        Format::Markdown => ExportFormat::Markdown,
    };
    engine.export(format, out).await?;
    if export.to != Path::new("-") {
        output.warn(&format!("written to {}", export.to.display()));
    }
    close(engine).await
}

/// Prints a message.
pub(crate) fn show(message: &Message, contact: &Contact, output: &Output) {
    let state = message.state.as_ref().map(state_text);
    let value = json!({ "type": "message", "username": contact.username, "message": message, "state_text": state });
    output.show(&value, || message_text(message, contact));
}
