//! From messages to the lines of a conversation: days, the unread line, and which messages belong
//! together.

use jiff::civil::Date;
use linkify::{LinkFinder, LinkKind};
use sotto_client::{
    model::{ConversationEvent, Message, MessageBody, MessageState, Transfer},
    proto::{AccountId, MessageId, Timestamp},
};

use crate::{
    clock::Clock,
    generated::{FileState, Happening, Tick},
};

use super::problem::Trouble;

/// Messages of one sender that are at most this far apart belong together.
const GROUP_MS: u64 = 5 * 60 * 1000;
/// Links that are offered under a message.
const LINKS_MAX: usize = 5;
/// The longest text, in characters, that is shown large when it is made of emoji alone.
const LARGE_EMOJI_MAX: usize = 6;
/// The characters of a message that its answers show.
const QUOTE_MAX: usize = 120;

/// One line of a conversation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Line {
    /// Before the first message of a day.
    Day(Date),
    /// Before the first unread message.
    Unread,
    Message(Box<MessageLine>),
    Event {
        id: MessageId,
        at: Timestamp,
        what: Happening,
        seconds: u32,
        /// Who has brought it about, or whom it is about.
        name: String,
        /// Whom it is about as well, or what a room is called now.
        other: String,
    },
}

/// A message as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MessageLine {
    pub(crate) message: Message,
    /// Whether it begins a group of one sender.
    pub(crate) first: bool,
    /// Whether it ends one.
    pub(crate) last: bool,
    /// Who wrote it, in a room.
    pub(crate) sender: Option<String>,
    /// The emoji that it was reacted with, in the order of the first of each.
    pub(crate) reactions: Vec<Reacted>,
    pub(crate) quote: Option<Quoted>,
}

/// Those who reacted with the same emoji.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reacted {
    pub(crate) emoji: String,
    pub(crate) own: bool,
    pub(crate) names: Vec<String>,
}

/// The message that another one answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Quoted {
    pub(crate) id: MessageId,
    /// Whether it is an own one; none if it is gone.
    pub(crate) outgoing: Option<bool>,
    /// Who else wrote it.
    pub(crate) sender: Option<AccountId>,
    pub(crate) text: String,
}

impl Quoted {
    /// The beginning of a message.
    pub(crate) fn of(message: &Message) -> Self {
        let text = match &message.body {
            MessageBody::Attachment { file, caption } if caption.is_empty() => file.name.as_str(),
            _ => message.text().unwrap_or_default(),
        };
        let text = one_line(text);
        let outgoing = Some(message.outgoing);
        Self { id: message.id, outgoing, sender: message.sender, text }
    }

    /// One that is no longer there.
    pub(crate) const fn gone(id: MessageId) -> Self {
        Self { id, outgoing: None, sender: None, text: String::new() }
    }
}

/// The beginning of a text, without line breaks.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > 4 * QUOTE_MAX {
            break;
        }
    }
    match line.char_indices().nth(QUOTE_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// The lines of `messages`, which are in order. `unread` is the first one that has not been read;
/// `quoted` finds what is answered, `name` says how somebody is called; none is the owner.
pub(crate) fn lines<'a>(
    messages: impl Iterator<Item = &'a Message> + Clone,
    unread: Option<MessageId>,
    quoted: impl Fn(MessageId) -> Option<Quoted>,
    name: impl Fn(Option<AccountId>) -> String,
    clock: &Clock,
) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut day = None;
    let mut before: Option<&Message> = None;
    let mut messages = messages.peekable();
    while let Some(message) = messages.next() {
        let date = clock.date(shown_time(message));
        let starts_day = date.is_some() && date != day;
        if let Some(date) = date.filter(|_| starts_day) {
            lines.push(Line::Day(date));
            day = Some(date);
        }
        let starts_unread = unread == Some(message.id);
        if starts_unread {
            lines.push(Line::Unread);
        }
        if let MessageBody::Event { event } = &message.body {
            lines.push(event_line(message, event, &name));
        } else {
            let joins = |one: &Message, other: &Message| {
                together(one, other) && clock.date(shown_time(other)) == clock.date(shown_time(one))
            };
            let follows = before.is_some_and(|before| joins(before, message));
            let continues =
                messages.peek().is_some_and(|next| unread != Some(next.id) && joins(message, next));
            lines.push(Line::Message(Box::new(MessageLine {
                message: message.clone(),
                first: !follows || starts_day || starts_unread,
                last: !continues,
                sender: message.conversation.room().and(message.sender).map(|who| name(Some(who))),
                reactions: reacted(message, &name),
                quote: message.reply_to.and_then(&quoted),
            })));
        }
        before = Some(message);
    }
    lines
}

/// The time that a message is shown with: when it was written, or came if its sender's clock
/// says that this is yet to be.
pub(crate) fn shown_time(message: &Message) -> Timestamp {
    if message.outgoing { message.sent_at } else { message.sent_at.min(message.arrived_at) }
}

fn together(one: &Message, next: &Message) -> bool {
    one.outgoing == next.outgoing
        && one.sender == next.sender
        && !matches!(one.body, MessageBody::Event { .. })
        && !matches!(next.body, MessageBody::Event { .. })
        && shown_time(next).since(shown_time(one)) <= GROUP_MS
}

fn reacted(message: &Message, name: impl Fn(Option<AccountId>) -> String) -> Vec<Reacted> {
    let mut all = Vec::<Reacted>::new();
    for reaction in &message.reactions {
        let own = reaction.outgoing;
        let who = name(reaction.by.filter(|_| !own));
        match all.iter_mut().find(|same| same.emoji == reaction.emoji) {
            Some(same) => {
                same.own |= own;
                same.names.push(who);
            }
            None => all.push(Reacted { emoji: reaction.emoji.clone(), own, names: vec![who] }),
        }
    }
    all
}

fn event_line(
    message: &Message,
    event: &ConversationEvent,
    name: impl Fn(Option<AccountId>) -> String,
) -> Line {
    let names = |who: &[AccountId]| {
        let names: Vec<_> = who.iter().map(|who| name(Some(*who))).collect();
        names.join(", ")
    };
    // In a direct chat it is always about the contact.
    let about = message.sender.or(message.conversation.contact());
    let (what, seconds) = match happening(event) {
        // In a room it is not known whose it was.
        (Happening::Unreadable, _) if about.is_none() => (Happening::UnreadableByNobody, 0),
        happening => happening,
    };
    let (name, other) = match event {
        ConversationEvent::Joined { who }
        | ConversationEvent::Left { who }
        | ConversationEvent::Promoted { who }
        | ConversationEvent::Demoted { who } => (names(who), String::new()),
        ConversationEvent::Removed { who, by } => (name(Some(*by)), names(who)),
        ConversationEvent::Renamed { name: called } => {
            (name(message.sender), called.as_str().to_owned())
        }
        _ => (name(about), String::new()),
    };
    Line::Event { id: message.id, at: shown_time(message), what, seconds, name, other }
}

fn happening(event: &ConversationEvent) -> (Happening, u32) {
    match event {
        ConversationEvent::IdentityChanged => (Happening::IdentityChanged, 0),
        ConversationEvent::IdentityAcknowledged => (Happening::IdentityAccepted, 0),
        ConversationEvent::TimerSet { seconds: Some(seconds), own: true } => {
            (Happening::TimerSetOwn, *seconds)
        }
        ConversationEvent::TimerSet { seconds: Some(seconds), own: false } => {
            (Happening::TimerSetTheirs, *seconds)
        }
        ConversationEvent::TimerSet { seconds: None, own: true } => (Happening::TimerOffOwn, 0),
        ConversationEvent::TimerSet { seconds: None, own: false } => (Happening::TimerOffTheirs, 0),
        ConversationEvent::RequestAccepted { own: true } => (Happening::RequestAcceptedOwn, 0),
        ConversationEvent::RequestAccepted { own: false } => (Happening::RequestAcceptedTheirs, 0),
        ConversationEvent::Unreadable => (Happening::Unreadable, 0),
        ConversationEvent::RoomCreated => (Happening::RoomCreated, 0),
        ConversationEvent::Joined { .. } => (Happening::Joined, 0),
        ConversationEvent::Left { .. } => (Happening::Left, 0),
        ConversationEvent::Removed { .. } => (Happening::Removed, 0),
        ConversationEvent::Renamed { .. } => (Happening::Renamed, 0),
        ConversationEvent::TopicChanged => (Happening::TopicChanged, 0),
        ConversationEvent::PictureChanged => (Happening::PictureChanged, 0),
        ConversationEvent::Promoted { .. } => (Happening::Promoted, 0),
        ConversationEvent::Demoted { .. } => (Happening::Demoted, 0),
        ConversationEvent::Rejoined => (Happening::Rejoined, 0),
        _ => (Happening::Unsupported, 0),
    }
}

/// How far an own message came.
pub(crate) const fn tick(state: Option<&MessageState>) -> Tick {
    match state {
        None => Tick::None,
        Some(MessageState::Queued) => Tick::Queued,
        Some(MessageState::Sent) => Tick::Sent,
        Some(MessageState::Delivered) => Tick::Delivered,
        Some(MessageState::Read) => Tick::Read,
        Some(MessageState::Failed { .. }) => Tick::Failed,
    }
}

/// Why an own message was not sent.
pub(crate) fn failure(state: Option<&MessageState>) -> Trouble {
    match state {
        Some(MessageState::Failed { reason }) => reason.into(),
        _ => Trouble::none(),
    }
}

/// How far a file was carried, and the share of it that is there. A file of a message that is in
/// this computer is there.
pub(crate) fn file_state(transfer: &Transfer, outgoing: bool) -> (FileState, f32) {
    match transfer {
        Transfer::Remote if outgoing => (FileState::Here, 1.0),
        Transfer::Remote => (FileState::Remote, 0.0),
        Transfer::Running { done, total } => (FileState::Running, share(*done, *total)),
        Transfer::Complete => (FileState::Here, 1.0),
        Transfer::Failed { .. } => (FileState::Failed, 0.0),
    }
}

#[expect(clippy::cast_precision_loss, reason = "it is drawn a few hundred pixels wide")]
fn share(done: u64, total: u64) -> f32 {
    if total == 0 { 0.0 } else { (done as f32 / total as f32).clamp(0.0, 1.0) }
}

/// The links in a text that the system's browser may be given: of the web, and nothing that
/// would start a program.
pub(crate) fn links(text: &str) -> Vec<String> {
    let mut finder = LinkFinder::new();
    finder.kinds(&[LinkKind::Url]);
    let mut links = Vec::new();
    for link in finder.links(text) {
        let link = link.as_str();
        let scheme = link.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
        let is_web = matches!(scheme.as_deref(), Some("http" | "https"));
        if is_web && !links.iter().any(|known| known == link) && links.len() < LINKS_MAX {
            links.push(link.to_owned());
        }
    }
    links
}

/// Whether a text is a few emoji and nothing else.
pub(crate) fn is_only_emoji(text: &str) -> bool {
    let joins = |c| matches!(c, '\u{200d}' | '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}');
    let emoji = |c| {
        matches!(c, '\u{2600}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}' | '\u{1f1e6}'..='\u{1faff}'
            | '\u{23e9}'..='\u{23f3}' | '\u{231a}'..='\u{231b}')
    };
    let seen = text.chars().filter(|c| !joins(*c)).count();
    (1..=LARGE_EMOJI_MAX).contains(&seen) && text.chars().all(|c| emoji(c) || joins(c))
}

#[cfg(test)]
mod tests {
    use sotto_client::{model::MessageReaction, proto::RoomId};

    use super::*;

    const MINUTE: u64 = 60_000;
    /// 2026-11-20 23:30 UTC.
    const NOW: Timestamp = Timestamp(1_795_217_400_000);

    fn message(number: u8, outgoing: bool, minute: u64) -> Message {
        let at = Timestamp(NOW.0 + minute * MINUTE);
        Message {
            id: MessageId([number; 16]),
            conversation: AccountId([1; 16]).into(),
            position: u64::from(number),
            outgoing,
            sender: (!outgoing).then_some(AccountId([1; 16])),
            sent_at: at,
            arrived_at: at,
            body: MessageBody::Text { text: format!("text {number}") },
            reply_to: None,
            edited: false,
            reactions: Vec::new(),
            mentions_me: false,
            state: None,
            reached: None,
            read: true,
            disappears_after: None,
            disappears_at: None,
        }
    }

    fn name(who: Option<AccountId>) -> String {
        who.map_or_else(|| "You".to_owned(), |who| format!("person {}", who.0[0]))
    }

    fn sketch(messages: &[Message], unread: Option<u8>) -> String {
        let unread = unread.map(|number| MessageId([number; 16]));
        let quoted = |id| Some(Quoted::gone(id));
        let lines = lines(messages.iter(), unread, quoted, name, &Clock::fixed(NOW));
        let mark = |line: &Line| match line {
            Line::Day(date) => format!("[{}]", date.day()),
            Line::Unread => "[new]".to_owned(),
            Line::Event { .. } => "*".to_owned(),
            Line::Message(line) => {
                let (open, close) =
                    (if line.first { "(" } else { "" }, if line.last { ")" } else { "" });
                format!("{open}{}{close}", line.message.id.0[0])
            }
        };
        lines.iter().map(mark).collect()
    }

    #[test]
    fn messages_of_one_sender_within_minutes_belong_together() {
        let talk =
            [message(1, true, 0), message(2, true, 4), message(3, true, 10), message(4, false, 11)];
        assert_eq!(sketch(&talk, None), "[20](12)(3)(4)");
    }

    #[test]
    fn in_a_room_each_sender_has_groups_and_a_name() {
        let said = |number, by, minute| Message {
            conversation: RoomId([9; 16]).into(),
            sender: Some(AccountId([by; 16])),
            ..message(number, false, minute)
        };
        let talk = [said(1, 1, 0), said(2, 1, 1), said(3, 2, 2), said(4, 1, 3)];
        assert_eq!(sketch(&talk, None), "[20](12)(3)(4)");
        let lines = lines(talk.iter(), None, |_| None, name, &Clock::fixed(NOW));
        let sender = |line: &Line| match line {
            Line::Message(line) => line.sender.clone(),
            _ => None,
        };
        let senders: Vec<_> = lines.iter().filter_map(sender).collect();
        assert_eq!(senders, ["person 1", "person 1", "person 2", "person 1"]);
    }

    #[test]
    fn an_event_in_a_room_names_those_it_is_about() {
        let [by, who] = [1, 2].map(|number| AccountId([number; 16]));
        let mut happened = Message {
            conversation: RoomId([9; 16]).into(),
            sender: Some(by),
            ..message(1, false, 0)
        };
        let mut names = |event| {
            happened.body = MessageBody::Event { event };
            let lines = lines([&happened].into_iter(), None, |_| None, name, &Clock::fixed(NOW));
            match lines.last() {
                Some(Line::Event { name, other, .. }) => format!("{name}/{other}"),
                other => panic!("{other:?}"),
            }
        };
        let who = vec![who];
        assert_eq!(names(ConversationEvent::Joined { who: who.clone() }), "person 2/");
        assert_eq!(names(ConversationEvent::Removed { who, by }), "person 1/person 2");
        let called = "Pier".parse().unwrap();
        assert_eq!(names(ConversationEvent::Renamed { name: called }), "person 1/Pier");
        assert_eq!(names(ConversationEvent::TopicChanged), "person 1/");
    }

    #[test]
    fn those_who_reacted_alike_are_named() {
        let mut talk = [message(1, true, 0)];
        let by = |number: u8, emoji: &str| MessageReaction {
            outgoing: number == 0,
            by: (number > 0).then_some(AccountId([number; 16])),
            emoji: emoji.to_owned(),
        };
        talk[0].reactions = vec![by(1, "x"), by(2, "y"), by(3, "x"), by(0, "x")];
        let told: Vec<_> = reacted(&talk[0], name)
            .into_iter()
            .map(|one| format!("{} {} {}", one.emoji, one.own, one.names.join(", ")))
            .collect();
        assert_eq!(told, ["x true person 1, person 3, You", "y false person 2"]);
    }

    #[test]
    fn a_new_day_and_the_unread_line_part_a_group() {
        let talk = [message(1, false, 28), message(2, false, 31), message(3, false, 32)];
        assert_eq!(sketch(&talk, Some(3)), "[20](1)[21](2)[new](3)");
        assert_eq!(sketch(&talk, Some(2)), "[20](1)[21][new](23)");
    }

    #[test]
    fn an_event_parts_a_group() {
        let mut talk = [message(1, true, 0), message(2, true, 1), message(3, true, 2)];
        talk[1].body = MessageBody::Event { event: ConversationEvent::IdentityChanged };
        assert_eq!(sketch(&talk, None), "[20](1)*(3)");
    }

    #[test]
    fn a_clock_ahead_does_not_put_a_message_into_the_future() {
        let mut early = message(1, false, 0);
        early.sent_at = Timestamp(NOW.0 + 10_000 * MINUTE);
        assert_eq!(shown_time(&early), NOW);
    }

    #[test]
    fn only_links_of_the_web_are_offered() {
        let text = "see https://a.example/x?y=1, HTTP://b.example and file:///etc/passwd javascript:alert(1) https://a.example/x?y=1";
        assert_eq!(links(text), ["https://a.example/x?y=1", "HTTP://b.example"]);
        assert!(links("no link. at all").is_empty());
    }

    #[test]
    fn few_emoji_alone_are_shown_large() {
        assert!(is_only_emoji("👍"));
        assert!(is_only_emoji("❤\u{fe0f}🎉"));
        assert!(!is_only_emoji("👍 ok"));
        assert!(!is_only_emoji(""));
        assert!(!is_only_emoji("👍👍👍👍👍👍👍"));
    }

    #[test]
    fn a_quote_is_one_line_and_ends_between_characters() {
        assert_eq!(one_line("one\n two\t three"), "one two three");
        let long = one_line(&"ä".repeat(500));
        assert_eq!(long.chars().count(), QUOTE_MAX + 1);
    }
}
