//! Messages and what happens among them, as lines for a person. Everything that others wrote
//! passes [`escape`].

use std::{collections::HashMap, fmt::Write as _};

use jiff::civil::Date;
use sotto_client::{
    Engine,
    model::{
        AttachedFile, Contact, ConversationEvent, Message, MessageBody, MessageReaction,
        MessageState, ReachedCounts, Transfer,
    },
    proto::{AccountId, RoomId, Username},
};

use crate::{
    escape,
    local_time::LocalTime,
    message_ref,
    out::{BOLD, DIM, YELLOW, styled},
    people, progress,
};

/// Spaces before the second line of a text: as wide as a time and a space.
const INDENT: &str = "      ";
/// How much of an answered message is shown.
const QUOTE_MAX: usize = 50;

/// Shows the messages of one conversation.
#[derive(Debug)]
pub(crate) struct Transcript<'a> {
    engine: &'a Engine,
    with: With,
    time: LocalTime,
    with_ids: bool,
    day: Option<Date>,
}

/// Whom a conversation is with, by the names that stand before what they wrote.
#[derive(Debug)]
enum With {
    Contact { name: String, username: Username },
    Room { room: RoomId, names: HashMap<AccountId, String> },
}

impl<'a> Transcript<'a> {
    pub(crate) fn new(engine: &'a Engine, contact: &Contact, with_ids: bool) -> Self {
        let name = people::short_name(contact);
        Self::with(engine, With::Contact { name, username: contact.username.clone() }, with_ids)
    }

    pub(crate) fn of_room(engine: &'a Engine, room: RoomId, with_ids: bool) -> Self {
        Self::with(engine, With::Room { room, names: HashMap::new() }, with_ids)
    }

    fn with(engine: &'a Engine, with: With, with_ids: bool) -> Self {
        Self { engine, with, time: LocalTime::now(), with_ids, day: None }
    }

    /// A message, with a heading before the first of a day.
    pub(crate) async fn message(&mut self, message: &Message) -> String {
        self.meet(message).await;
        let mut text = String::new();
        let day = self.time.day(message.arrived_at);
        if day != self.day {
            self.day = day;
            let heading = format!("── {} ──\n", self.time.heading(message.arrived_at));
            text.push_str(&styled(DIM, heading.trim_end()));
            text.push('\n');
        }
        let _ = write!(text, "{} ", styled(DIM, self.time.clock(message.arrived_at)));
        if let MessageBody::Event { event } = &message.body {
            text.push_str(&styled(YELLOW, self.event(message, event)));
            return text;
        }
        let from = self.name(message.sender);
        let _ = write!(text, "{} ", styled(BOLD, format_args!("{from}:")));
        if let Some(quote) = self.quote(message).await {
            let _ = write!(text, "{} ", styled(DIM, quote));
        }
        text.push_str(&body(&message.body));
        let remarks = self.remarks(message);
        if !remarks.is_empty() {
            let _ = write!(text, " {}", styled(DIM, format_args!("({})", remarks.join(", "))));
        }
        text
    }

    /// Asks again who is in the room before the message of somebody who is new to it. Events name
    /// people too.
    async fn meet(&mut self, message: &Message) {
        let With::Room { room, names } = &mut self.with else { return };
        let is_known = message.sender.is_none_or(|sender| names.contains_key(&sender));
        if is_known && !matches!(message.body, MessageBody::Event { .. }) {
            return;
        }
        if let Ok(found) = self.engine.room_people(*room).await {
            *names = people::room_names(&found);
        }
    }

    /// The name of whoever did something; none is the owner.
    fn name(&self, who: Option<AccountId>) -> String {
        let own = self.engine.me().account;
        let Some(who) = who.filter(|who| *who != own) else { return "you".to_owned() };
        match &self.with {
            With::Contact { name, .. } => name.clone(),
            With::Room { names, .. } => {
                names.get(&who).cloned().unwrap_or_else(|| people::nameless(who))
            }
        }
    }

    fn names(&self, who: &[AccountId]) -> String {
        let names: Vec<_> = who.iter().map(|who| self.name(Some(*who))).collect();
        names.join(", ")
    }

    async fn quote(&self, message: &Message) -> Option<String> {
        let answered = self.engine.message(message.conversation, message.reply_to?).await.ok()?;
        let from = self.name(answered.sender);
        let text = match &answered.body {
            MessageBody::Attachment { file, caption } if caption.is_empty() => file.name.as_str(),
            _ => answered.text().unwrap_or("deleted"),
        };
        Some(format!("[to {from}: {}]", escape::preview(text, QUOTE_MAX)))
    }

    fn remarks(&self, message: &Message) -> Vec<String> {
        let mut remarks = Vec::new();
        if message.edited {
            remarks.push("edited".to_owned());
        }
        remarks.extend(message.reactions.iter().map(|reaction| self.reaction(reaction)));
        if let Some(seconds) = message.disappears_after {
            remarks.push(format!("disappears {} after being read", duration(seconds)));
        }
        remarks.extend(message.state.as_ref().map(state));
        remarks.extend(message.reached.and_then(reached));
        if self.with_ids {
            remarks.push(format!("#{}", message_ref::shown(message.id)));
        }
        remarks
    }

    fn reaction(&self, reaction: &MessageReaction) -> String {
        let from = self.name(reaction.by);
        format!("{} {from}", escape::one_line(&reaction.emoji))
    }

    /// Something that happened, as a sentence.
    fn event(&self, message: &Message, event: &ConversationEvent) -> String {
        match &self.with {
            With::Contact { name, username } => chat_event(name, username, event),
            With::Room { .. } => self.room_event(message, event),
        }
    }

    fn room_event(&self, message: &Message, event: &ConversationEvent) -> String {
        let by = capitalised(&self.name(message.sender));
        match event {
            ConversationEvent::TimerSet { seconds, .. } => timer_set(&by, *seconds),
            ConversationEvent::RoomCreated => "* The room was created".to_owned(),
            ConversationEvent::Joined { who } => format!("* {} joined", self.names(who)),
            ConversationEvent::Left { who } => format!("* {} left", self.names(who)),
            ConversationEvent::Removed { who, by } => {
                format!("* {} removed {}", self.name(Some(*by)), self.names(who))
            }
            ConversationEvent::Renamed { name } => {
                format!("* {by} named the room {}", escape::one_line(name.as_str()))
            }
            ConversationEvent::TopicChanged => format!("* {by} changed the topic"),
            ConversationEvent::PictureChanged => format!("* {by} changed the picture"),
            ConversationEvent::Promoted { who } => {
                format!("* Admin from now on: {}", self.names(who))
            }
            ConversationEvent::Demoted { who } => format!("* Admin no longer: {}", self.names(who)),
            ConversationEvent::Rejoined => {
                "* This device joined again; what was said in between is missing".to_owned()
            }
            ConversationEvent::Unreadable => {
                "* Something arrived that could not be opened".to_owned()
            }
            _ => "* Something arrived that a newer version of sotto understands".to_owned(),
        }
    }
}

fn chat_event(name: &str, username: &Username, event: &ConversationEvent) -> String {
    match event {
        ConversationEvent::IdentityChanged => format!(
            "* The identity key of {name} changed. Nothing is sent until you have looked: `sotto verify {username}`"
        ),
        ConversationEvent::IdentityAcknowledged => {
            format!("* You go on with the new identity key of {name}")
        }
        ConversationEvent::TimerSet { seconds, own } => {
            timer_set(if *own { "You" } else { name }, *seconds)
        }
        ConversationEvent::RequestAccepted { own: true } => {
            format!("* You accepted the request of {name}")
        }
        ConversationEvent::RequestAccepted { own: false } => {
            format!("* {name} accepted your request")
        }
        ConversationEvent::Unsupported => {
            "* Something arrived that a newer version of sotto understands".to_owned()
        }
        ConversationEvent::Unreadable => format!(
            "* Something arrived that could not be opened; {name} may have to send it again"
        ),
        _ => "* Something happened that a newer version of sotto understands".to_owned(),
    }
}

fn timer_set(who: &str, seconds: Option<u32>) -> String {
    match seconds {
        Some(seconds) => {
            format!("* {who} let new messages disappear {} after being read", duration(seconds))
        }
        None => format!("* {who} let new messages stay"),
    }
}

/// "you" at the beginning of a sentence; names are as they are.
fn capitalised(name: &str) -> String {
    if name == "you" { "You".to_owned() } else { name.to_owned() }
}

/// How many people an own message in a room has reached.
fn reached(reached: ReachedCounts) -> Option<String> {
    match reached {
        ReachedCounts { delivered: 0, .. } => None,
        ReachedCounts { delivered, read: 0 } => Some(format!("with {delivered}")),
        ReachedCounts { delivered, read } => Some(format!("with {delivered}, read by {read}")),
    }
}

/// How far an own message came, in a word or two.
pub(crate) fn state(state: &MessageState) -> String {
    match state {
        MessageState::Queued => "queued".to_owned(),
        MessageState::Sent => "sent".to_owned(),
        MessageState::Delivered => "delivered".to_owned(),
        MessageState::Read => "read".to_owned(),
        MessageState::Failed { reason } => {
            format!("failed: {}", escape::one_line(&reason.to_string()))
        }
    }
}

/// Seconds as a person says them.
pub(crate) fn duration(seconds: u32) -> String {
    const UNITS: [(u32, &str); 4] =
        [(604_800, "week"), (86_400, "day"), (3600, "hour"), (60, "minute")];
    let unit =
        UNITS.iter().find(|(length, _)| seconds >= *length && seconds.is_multiple_of(*length));
    let (count, name) = unit.map_or((seconds, "second"), |(length, name)| (seconds / length, name));
    if count == 1 { format!("1 {name}") } else { format!("{count} {name}s") }
}

/// What the relay's admins tell everybody, as a service line.
pub(crate) fn announcement(text: &str) -> String {
    format!("The relay says: {}", escape::lines(text, INDENT))
}

/// A number and what it counts.
pub(crate) fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn body(body: &MessageBody) -> String {
    match body {
        MessageBody::Text { text } => escape::lines(text, INDENT),
        MessageBody::Attachment { file, caption } if caption.is_empty() => attachment(file),
        MessageBody::Attachment { file, caption } => {
            format!("{} {}", attachment(file), escape::lines(caption, INDENT))
        }
        MessageBody::Deleted => styled(DIM, "deleted"),
        MessageBody::Event { .. } => String::new(),
    }
}

fn attachment(file: &AttachedFile) -> String {
    let name = escape::one_line(&file.name);
    let carried = match &file.transfer {
        Transfer::Remote => ", not saved yet".to_owned(),
        Transfer::Running { done, total } if *total > 0 => {
            format!(", {} %", done.saturating_mul(100) / total)
        }
        Transfer::Running { .. } => ", under way".to_owned(),
        Transfer::Complete => String::new(),
        Transfer::Failed { reason } => format!(", {}", escape::one_line(&reason.to_string())),
    };
    format!("[file {name}, {}{carried}]", progress::size(file.size))
}

#[cfg(test)]
mod tests {
    use sotto_client::model::FailReason;

    use super::*;

    #[test]
    fn durations_are_said_in_the_largest_unit_that_fits() {
        assert_eq!(duration(1), "1 second");
        assert_eq!(duration(90), "90 seconds");
        assert_eq!(duration(60), "1 minute");
        assert_eq!(duration(7200), "2 hours");
        assert_eq!(duration(1_209_600), "2 weeks");
        assert_eq!(duration(0), "0 seconds");
    }

    #[test]
    fn names_of_files_and_reasons_are_escaped() {
        let file = AttachedFile {
            name: "a\u{1b}[2J.txt".to_owned(),
            media_type: String::new(),
            size: 1500,
            path: None,
            transfer: Transfer::Remote,
        };
        assert_eq!(attachment(&file), "[file a\\u{1b}[2J.txt, 1.50 kB, not saved yet]");
        let message = "no\u{1b}[31m".to_owned();
        let failed = MessageState::Failed { reason: FailReason::Refused { code: 1, message } };
        assert_eq!(state(&failed), "failed: the relay refused it: no\\u{1b}[31m");
    }
}
