//! The whole history in the open, as JSON for programs and Markdown for people.

use std::io::{self, Write};

use serde::Serialize;
use sotto_proto::Timestamp;

use super::{Engine, error::EngineError, own::Me};
use crate::{
    model::{Contact, ConversationEvent, Message, MessageBody},
    vault::View,
};

/// What an export looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// One object: `account`, and `conversations` with `contact` and `messages`.
    Json,
    /// A heading a conversation, a paragraph a message.
    Markdown,
}

impl Engine {
    /// Writes every conversation to `out`, oldest messages first.
    pub async fn export(
        &self,
        format: ExportFormat,
        out: impl Write + Send + 'static,
    ) -> Result<(), EngineError> {
        let me = self.me();
        let read = self.shared.keeper.read(move |view| {
            let mut out = io::BufWriter::new(out);
            match format {
                ExportFormat::Json => json(view, &me, &mut out)?,
                ExportFormat::Markdown => markdown(view, &me, &mut out)?,
            }
            out.flush().map_err(EngineError::File)
        });
        read.await
    }
}

fn json(view: &View, me: &Me, out: &mut impl Write) -> Result<(), EngineError> {
    write(out, "{\"account\":")?;
    json_value(out, me)?;
    write(out, ",\"conversations\":[")?;
    for (index, contact) in view.contacts()?.iter().enumerate() {
        write(out, if index == 0 { "\n{\"contact\":" } else { ",\n{\"contact\":" })?;
        json_value(out, contact)?;
        write(out, ",\"messages\":[")?;
        let mut separator = "\n";
        each(view, contact, |message| {
            write(out, separator)?;
            separator = ",\n";
            json_value(out, message)
        })?;
        write(out, "]}")?;
    }
    write(out, "]}\n")
}

fn markdown(view: &View, me: &Me, out: &mut impl Write) -> Result<(), EngineError> {
    write(out, &format!("# Messages of {} (@{})\n", plain(me.display_name.as_str()), me.username))?;
    for contact in view.contacts()? {
        let name = plain(contact.name());
        write(out, &format!("\n## {name} (@{})\n", contact.username))?;
        each(view, &contact, |message| {
            let from = if message.outgoing { me.display_name.as_str() } else { contact.name() };
            write(out, &paragraph(message, from))
        })?;
    }
    Ok(())
}

fn each(
    view: &View,
    contact: &Contact,
    mut take: impl FnMut(&Message) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    view.each_message(contact.account, |message| take(&message))
}

fn paragraph(message: &Message, from: &str) -> String {
    let at = time(message.sent_at);
    let text = match &message.body {
        MessageBody::Text { text } => quote(text),
        MessageBody::Attachment { file, caption } => {
            let file = format!("[{}, {} bytes]", plain(&file.name), file.size);
            if caption.is_empty() { quote(&file) } else { quote(&format!("{file}\n{caption}")) }
        }
        MessageBody::Deleted => "*deleted*".to_owned(),
        MessageBody::Event { event } => return format!("\n*{at}: {}*\n", sentence(event)),
    };
    let edited = if message.edited { ", edited" } else { "" };
    format!("\n**{}**, {at}{edited}:\n{text}\n", plain(from))
}

fn sentence(event: &ConversationEvent) -> String {
    match event {
        ConversationEvent::IdentityChanged => "the identity key changed".to_owned(),
        ConversationEvent::IdentityAcknowledged => "the new identity key was accepted".to_owned(),
        ConversationEvent::TimerSet { seconds: Some(seconds), .. } => {
            format!("messages disappear {seconds} s after being read")
        }
        ConversationEvent::TimerSet { seconds: None, .. } => "messages stay".to_owned(),
        ConversationEvent::RequestAccepted { .. } => "the request was accepted".to_owned(),
        ConversationEvent::Unsupported => "a message that needs a newer version".to_owned(),
        ConversationEvent::Unreadable => "a message that could not be opened".to_owned(),
    }
}

/// A block quote: what people write stays apart from what the export says.
fn quote(text: &str) -> String {
    text.lines().map(|line| format!("> {line}")).collect::<Vec<_>>().join("\n")
}

/// A name on one line, with the signs of Markdown disarmed.
fn plain(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for c in name.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if "\\`*_{}[]<>#".contains(c) {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

fn time(at: Timestamp) -> String {
    let millis = i64::try_from(at.0).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis).map_or_else(
        |_| "at an impossible time".to_owned(),
        |at| at.strftime("%F %T UTC").to_string(),
    )
}

fn write(out: &mut impl Write, text: &str) -> Result<(), EngineError> {
    out.write_all(text.as_bytes()).map_err(EngineError::File)
}

fn json_value(out: &mut impl Write, value: &impl Serialize) -> Result<(), EngineError> {
    serde_json::to_writer(out, value).map_err(|error| EngineError::File(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_cannot_pass_for_the_export() {
        assert_eq!(quote("one\n# two"), "> one\n> # two");
        assert_eq!(plain("*Bob*\n# x"), "\\*Bob\\* \\# x");
    }

    #[test]
    fn times_are_in_utc() {
        assert_eq!(time(Timestamp(0)), "1970-01-01 00:00:00 UTC");
        assert_eq!(time(Timestamp(u64::MAX)), "at an impossible time");
    }
}
