//! Notifications of the desktop: who wrote, while nobody looks.

use std::collections::BTreeMap;

use slint::ComponentHandle;
use sotto_client::{
    Event,
    model::{ConversationId, Message, MessageBody, RoomMember, RoomState},
    proto::{AccountId, RoomId},
};

use crate::{
    adapters::{line::Quoted, list},
    app::App,
    controllers::reading,
    generated::{Announcements, Settings, Words},
};

/// More conversations than this at once are told as a number.
const CONVERSATIONS_MAX: usize = 3;

/// One conversation's news.
#[derive(Default)]
struct News {
    count: i32,
    last: String,
    /// Who said the last of it, in a room.
    sender: Option<AccountId>,
    /// Whether the last of it mentions the owner.
    mentions_me: bool,
}

impl News {
    fn add(&mut self, message: &Message) {
        self.count += 1;
        // A mention is told rather than what came after it.
        if message.mentions_me || !self.mentions_me {
            self.last = Quoted::of(message).text;
            self.sender = message.sender;
            self.mentions_me = message.mentions_me;
        }
    }
}

/// Tells the person of what arrived, unless they see it.
pub(crate) fn tell(app: &App, events: &[Event]) {
    let settings = app.window.global::<Settings>();
    if !settings.get_notifications() {
        return;
    }
    let mut news: BTreeMap<ConversationId, News> = BTreeMap::new();
    let words = app.window.global::<Words>();
    for event in events {
        match event {
            Event::Message { message } if is_told(app, message) => {
                news.entry(message.conversation).or_default().add(message);
            }
            Event::Request { contact } => {
                let text = words.invoke_new_request(contact.name().into());
                show(app, "Sotto".to_owned(), text.to_string());
            }
            Event::IdentityChanged { contact } => {
                let text = words.invoke_key_changed(contact.name().into());
                show(app, "Sotto".to_owned(), text.to_string());
            }
            Event::Room { room } if room.state == RoomState::Invited => {
                let text = words.invoke_new_invitation(room.name.as_str().into());
                show(app, "Sotto".to_owned(), text.to_string());
            }
            Event::Announcement { text, .. } => tell_announcement(app, text),
            _ => {}
        }
    }
    tell_news(app, news);
}

fn is_told(app: &App, message: &Message) -> bool {
    let is_news = !message.outgoing
        && !message.read
        && !matches!(message.body, MessageBody::Event { .. })
        && !reading::is_seen(app, message.conversation);
    is_news && is_heard(app, message)
}

/// Whether a message may make itself heard. A stranger is told of as a request.
fn is_heard(app: &App, message: &Message) -> bool {
    let state = app.people.borrow();
    state.summary(message.conversation).is_none_or(|summary| {
        list::is_heard(summary) || message.mentions_me && list::is_mention_heard(summary)
    })
}

fn tell_announcement(app: &App, text: &str) {
    let announcements = app.window.global::<Announcements>();
    if app.window.global::<Settings>().get_notification_content() {
        show(app, announcements.invoke_title().into(), text.to_owned());
    } else {
        show(app, "Sotto".to_owned(), announcements.invoke_without_content().into());
    }
}

fn tell_news(app: &App, news: BTreeMap<ConversationId, News>) {
    let words = app.window.global::<Words>();
    let with_content = app.window.global::<Settings>().get_notification_content();
    if with_content && news.len() <= CONVERSATIONS_MAX {
        for (conversation, news) in news {
            match conversation {
                ConversationId::Contact(_) => tell_one(app, conversation, &news, None),
                ConversationId::Room(room) => tell_of_room(app, room, news),
            }
        }
    } else if !news.is_empty() {
        let count = news.values().map(|news| news.count).sum();
        show(app, "Sotto".to_owned(), words.invoke_notification(count).to_string());
    }
}

/// Finds out who spoke, and tells.
fn tell_of_room(app: &App, room: RoomId, news: News) {
    app.ask(
        move |engine| async move { engine.room_people(room).await.unwrap_or_default() },
        move |app, people| {
            let sender = people.iter().find(|member| Some(member.account) == news.sender);
            tell_one(app, room.into(), &news, sender.map(RoomMember::name));
        },
    );
}

fn tell_one(app: &App, conversation: ConversationId, news: &News, sender: Option<String>) {
    let words = app.window.global::<Words>();
    let place = name(app, conversation);
    let title = match &sender {
        Some(sender) if news.mentions_me => {
            words.invoke_mention(sender.into(), place.into()).to_string()
        }
        _ => place,
    };
    let text = match (news.count, sender) {
        (1, Some(sender)) if !news.mentions_me => format!("{sender}: {}", news.last),
        (count, _) if count > 1 && !news.mentions_me => {
            words.invoke_notification(count).to_string()
        }
        _ => news.last.clone(),
    };
    show(app, title, text);
}

fn name(app: &App, conversation: ConversationId) -> String {
    let state = app.people.borrow();
    let found = state.summary(conversation).map(|summary| summary.with.name().to_owned());
    found.unwrap_or_else(|| "Sotto".to_owned())
}

/// Notification servers read a little markup, which nobody who writes may use.
fn show(app: &App, title: String, text: String) {
    let desktop = std::sync::Arc::clone(&app.desktop);
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    app.bridge.work(move || desktop.notify(&title, &text), |_, ()| ());
}
