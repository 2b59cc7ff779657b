//! The history, or one conversation of it, in the open, as JSON for programs and Markdown for people.

use std::{
    collections::HashMap,
    io::{self, Write},
};

use serde::Serialize;
use sotto_proto::{AccountId, Timestamp};

use super::{Engine, error::EngineError, own::Me, reading::require};
use crate::{
    model::{
        Contact, ConversationEvent, ConversationId, Correspondent, Message, MessageBody, Room,
        RoomMember, nameless,
    },
    vault::View,
};

/// What an export looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// One object: `account`, and `conversations` with `contact`, or `room` and its `people`, and
    /// `messages`.
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
            let contacts = view.contacts()?.into_iter().map(Correspondent::Contact);
            let rooms = view.rooms()?.into_iter().map(Correspondent::Room);
            write_all(view, &me, &contacts.chain(rooms).collect::<Vec<_>>(), format, out)
        });
        read.await
    }

    /// Writes one conversation to `out`, oldest messages first, in the same form as
    /// [`Engine::export`] writes all.
    pub async fn export_conversation(
        &self,
        with: impl Into<ConversationId>,
        format: ExportFormat,
        out: impl Write + Send + 'static,
    ) -> Result<(), EngineError> {
        let (me, with) = (self.me(), with.into());
        let read = self.shared.keeper.read(move |view| {
            let with = require(view, with)?.with;
            write_all(view, &me, &[with], format, out)
        });
        read.await
    }
}

fn write_all(
    view: &View,
    me: &Me,
    all: &[Correspondent],
    format: ExportFormat,
    out: impl Write,
) -> Result<(), EngineError> {
    let mut out = io::BufWriter::new(out);
    match format {
        ExportFormat::Json => json(view, me, all, &mut out)?,
        ExportFormat::Markdown => markdown(view, me, all, &mut out)?,
    }
    out.flush().map_err(EngineError::File)
}

fn json(
    view: &View,
    me: &Me,
    all: &[Correspondent],
    out: &mut impl Write,
) -> Result<(), EngineError> {
    write(out, "{\"account\":")?;
    json_value(out, me)?;
    write(out, ",\"conversations\":[")?;
    for (index, with) in all.iter().enumerate() {
        write(out, if index == 0 { "\n{" } else { ",\n{" })?;
        match with {
            Correspondent::Contact(contact) => {
                write(out, "\"contact\":")?;
                json_value(out, contact)?;
            }
            Correspondent::Room(room) => {
                write(out, "\"room\":")?;
                json_value(out, room)?;
                write(out, ",\"people\":")?;
                json_value(out, &view.room_people(room.id)?)?;
            }
        }
        write(out, ",\"messages\":[")?;
        let mut separator = "\n";
        each(view, with, |message| {
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
    all: &[Correspondent],
    out: &mut impl Write,
) -> Result<(), EngineError> {
    write(out, &format!("# Messages of {} (@{})\n", plain(me.display_name.as_str()), me.username))?;
    for with in all {
        let people = People::of(view, with)?;
        let name = plain(with.name());
        match with {
            Correspondent::Contact(Contact { username, .. }) => {
                write(out, &format!("\n## {name} (@{username})\n"))?;
            }
            Correspondent::Room(Room { members, .. }) => {
                write(out, &format!("\n## {name} (a room of {members})\n"))?;
            }
        }
        each(view, with, |message| {
            let own = me.display_name.as_str();
            let from = message.sender.map_or_else(|| own.to_owned(), |sender| people.name(sender));
            write(out, &paragraph(message, &from, &people))
        })?;
    }
    Ok(())
}

fn each(
    view: &View,
    with: &Correspondent,
    mut take: impl FnMut(&Message) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    view.each_message(with.id(), |message| take(&message))
}

/// How those in a conversation are called.
struct People(HashMap<AccountId, String>);

impl People {
    fn of(view: &View, with: &Correspondent) -> Result<Self, EngineError> {
        let named = |member: RoomMember| (member.account, member.name());
        Ok(Self(match with {
            Correspondent::Contact(contact) => {
                HashMap::from([(contact.account, contact.name().to_owned())])
            }
            Correspondent::Room(room) => {
                view.room_people(room.id)?.into_iter().map(named).collect()
            }
        }))
    }

    fn name(&self, account: AccountId) -> String {
        self.0.get(&account).cloned().unwrap_or_else(|| nameless(account))
    }

    fn names(&self, accounts: &[AccountId]) -> String {
        let names: Vec<_> = accounts.iter().map(|account| plain(&self.name(*account))).collect();
        names.join(", ")
    }
}

fn paragraph(message: &Message, from: &str, people: &People) -> String {
    let at = time(message.sent_at);
    let text = match &message.body {
        MessageBody::Text { text } => quote(text),
        MessageBody::Attachment { file, caption } => {
            let file = format!("[{}, {} bytes]", plain(&file.name), file.size);
            if caption.is_empty() { quote(&file) } else { quote(&format!("{file}\n{caption}")) }
        }
        MessageBody::Deleted => "*deleted*".to_owned(),
        MessageBody::Event { event } => {
            return format!("\n*{at}: {}*\n", sentence(event, people));
        }
    };
    let edited = if message.edited { ", edited" } else { "" };
    format!("\n**{}**, {at}{edited}:\n{text}\n", plain(from))
}

fn sentence(event: &ConversationEvent, people: &People) -> String {
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
        ConversationEvent::RoomCreated => "the room was created".to_owned(),
        ConversationEvent::Joined { who } => format!("{} joined", people.names(who)),
        ConversationEvent::Left { who } => format!("{} left", people.names(who)),
        ConversationEvent::Removed { who, by } => {
            format!("{} removed {}", people.names(&[*by]), people.names(who))
        }
        ConversationEvent::Renamed { name } => {
            format!("the room is called {} now", plain(name.as_str()))
        }
        ConversationEvent::TopicChanged => "the room has another topic".to_owned(),
        ConversationEvent::PictureChanged => "the room has another picture".to_owned(),
        ConversationEvent::Promoted { who } => format!("{}: admin from now on", people.names(who)),
        ConversationEvent::Demoted { who } => format!("{}: admin no longer", people.names(who)),
        ConversationEvent::Rejoined => {
            "this device joined again; what was said in between is missing".to_owned()
        }
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

    use sotto_proto::content::Text;

    use super::super::{
        clock::{self, now},
        content, lock,
        tests::Offline,
    };
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

    #[tokio::test]
    async fn a_room_is_exported_with_its_people() {
        let offline = Offline::new();
        let engine = &offline.engine;
        let room = offline.join_room().await;
        let hear = engine.shared.keeper.write(move |tx, _| {
            let text = Text { text: "hello".to_owned(), reply_to: None, mentions: Vec::new() };
            let (carol, dave) = (AccountId([3; 16]), AccountId([4; 16]));
            let content = content::new(text, now(), None);
            tx.record_content(room.into(), carol, &content, now())?;
            let joined = ConversationEvent::Joined { who: vec![carol, dave] };
            tx.record_event(room.into(), clock::message_id(), &joined, now())?;
            Ok(())
        });
        hear.await.unwrap();
        let (markdown, json) = (Written::default(), Written::default());
        let export = async |format, out: &Written| {
            engine.export_conversation(room, format, out.clone()).await.unwrap();
        };
        export(ExportFormat::Markdown, &markdown).await;
        let markdown = String::from_utf8(lock(&markdown.0).clone()).unwrap();
        assert!(markdown.contains("## Lighthouse (a room of 3)"), "{markdown}");
        assert!(markdown.contains("**Carol**") && markdown.contains("Carol, 04040404 joined"));
        export(ExportFormat::Json, &json).await;
        let json: serde_json::Value = serde_json::from_slice(&lock(&json.0)).unwrap();
        let exported = &json["conversations"][0];
        assert_eq!(exported["room"]["id"], room.to_string());
        assert_eq!(exported["people"].as_array().unwrap().len(), 3);
        assert_eq!(exported["messages"][0]["sender"], "03".repeat(16));
        assert_eq!(exported["messages"][0]["room"], true);
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
