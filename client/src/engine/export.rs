//! The history, or one conversation of it, in the open, as JSON for programs and Markdown for people.

use std::io::{self, Write};

use serde::Serialize;
use sotto_proto::{AccountId, Timestamp};

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
        let read = self
            .shared
            .keeper
            .read(move |view| write_all(view, &me, &view.contacts()?, format, out));
        read.await
    }

    /// Writes one conversation to `out`, oldest messages first, in the same form as
    /// [`Engine::export`] writes all.
    pub async fn export_conversation(
        &self,
        with: AccountId,
        format: ExportFormat,
        out: impl Write + Send + 'static,
    ) -> Result<(), EngineError> {
        let me = self.me();
        let read = self.shared.keeper.read(move |view| {
            let contact = view.contact(with)?.ok_or(EngineError::NoSuchContact)?;
            write_all(view, &me, &[contact], format, out)
        });
        read.await
    }
}

fn write_all(
    view: &View,
    me: &Me,
    contacts: &[Contact],
    format: ExportFormat,
    out: impl Write,
) -> Result<(), EngineError> {
    let mut out = io::BufWriter::new(out);
    match format {
        ExportFormat::Json => json(view, me, contacts, &mut out)?,
        ExportFormat::Markdown => markdown(view, me, contacts, &mut out)?,
    }
    out.flush().map_err(EngineError::File)
}

fn json(
    view: &View,
    me: &Me,
    contacts: &[Contact],
    out: &mut impl Write,
) -> Result<(), EngineError> {
    write(out, "{\"account\":")?;
    json_value(out, me)?;
    write(out, ",\"conversations\":[")?;
    for (index, contact) in contacts.iter().enumerate() {
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

fn markdown(
    view: &View,
    me: &Me,
    contacts: &[Contact],
    out: &mut impl Write,
) -> Result<(), EngineError> {
    write(out, &format!("# Messages of {} (@{})\n", plain(me.display_name.as_str()), me.username))?;
    for contact in contacts {
        let name = plain(contact.name());
        write(out, &format!("\n## {name} (@{})\n", contact.username))?;
        each(view, contact, |message| {
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
    use std::sync::{Arc, Mutex};

    use super::super::{lock, tests::Offline};
    use super::*;

    /// What was written, for whoever holds a clone.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            lock(&self.0).write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn one_conversation_is_exported_alone_and_in_the_same_form() {
        let Offline { engine, bob, .. } = &Offline::new();
        for format in [ExportFormat::Json, ExportFormat::Markdown] {
            let (all, one) = (Written::default(), Written::default());
            engine.export(format, all.clone()).await.unwrap();
            engine.export_conversation(*bob, format, one.clone()).await.unwrap();
            assert!(!lock(&one.0).is_empty());
            // Bob is the only contact.
            assert_eq!(*lock(&all.0), *lock(&one.0));
        }
        let nobody = AccountId([9; 16]);
        let none = Written::default();
        let refused = engine.export_conversation(nobody, ExportFormat::Json, none.clone()).await;
        assert!(matches!(refused, Err(EngineError::NoSuchContact)));
        assert!(lock(&none.0).is_empty());
    }

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
