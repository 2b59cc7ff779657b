//! Notifications of the desktop: who wrote, while nobody looks.

use std::collections::BTreeMap;

use slint::ComponentHandle;
use sotto_client::{
    Event,
    model::{ConversationId, MessageBody},
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
struct News {
    count: i32,
    last: String,
}

/// Tells the person of what arrived, unless they see it.
pub(crate) fn tell(app: &App, events: &[Event]) {
    let settings = app.window.global::<Settings>();
    if !settings.get_notifications() {
        return;
    }
    let mut news: BTreeMap<ConversationId, News> = BTreeMap::new();
    for event in events {
        match event {
            Event::Message { message }
                if !message.outgoing
                    && !message.read
                    && !matches!(message.body, MessageBody::Event { .. })
                    && !reading::is_seen(app, message.conversation)
                    && is_heard(app, message.conversation) =>
            {
                let entry = news
                    .entry(message.conversation)
                    .or_insert(News { count: 0, last: String::new() });
                entry.count += 1;
                entry.last = Quoted::of(message).text;
            }
            Event::Request { contact } => {
                let words = app.window.global::<Words>();
                let text = words.invoke_new_request(contact.name().into());
                show(app, "Sotto".to_owned(), text.to_string());
            }
            Event::IdentityChanged { contact } => {
                let words = app.window.global::<Words>();
                let text = words.invoke_key_changed(contact.name().into());
                show(app, "Sotto".to_owned(), text.to_string());
            }
            Event::Announcement { text, .. } => tell_announcement(app, text),
            _ => {}
        }
    }
    tell_news(app, &news);
}

fn tell_announcement(app: &App, text: &str) {
    let announcements = app.window.global::<Announcements>();
    if app.window.global::<Settings>().get_notification_content() {
        show(app, announcements.invoke_title().into(), text.to_owned());
    } else {
        show(app, "Sotto".to_owned(), announcements.invoke_without_content().into());
    }
}

fn tell_news(app: &App, news: &BTreeMap<ConversationId, News>) {
    let words = app.window.global::<Words>();
    let with_content = app.window.global::<Settings>().get_notification_content();
    if with_content && news.len() <= CONVERSATIONS_MAX {
        for (conversation, news) in news {
            let title = name(app, *conversation);
            let text = match news.count {
                1 => news.last.clone(),
                count => words.invoke_notification(count).to_string(),
            };
            show(app, title, text);
        }
    } else if !news.is_empty() {
        let count = news.values().map(|news| news.count).sum();
        show(app, "Sotto".to_owned(), words.invoke_notification(count).to_string());
    }
}

fn name(app: &App, conversation: ConversationId) -> String {
    let state = app.people.borrow();
    let found = state.summary(conversation).map(|summary| summary.with.name().to_owned());
    found.unwrap_or_else(|| "Sotto".to_owned())
}

/// Whether a conversation may make itself heard. A stranger is told of as a request.
fn is_heard(app: &App, conversation: ConversationId) -> bool {
    app.people.borrow().summary(conversation).is_none_or(list::is_heard)
}

/// Notification servers read a little markup, which nobody who writes may use.
fn show(app: &App, title: String, text: String) {
    let desktop = std::sync::Arc::clone(&app.desktop);
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    app.bridge.work(move || desktop.notify(&title, &text), |_, ()| ());
}
