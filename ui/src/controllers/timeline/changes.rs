//! What becomes of the open conversation while it is open: messages that arrive, change and go.

use slint::ComponentHandle;
use sotto_client::{
    model::{Contact, Message, MessageBody, Transfer},
    proto::{AccountId, MessageId},
};

use crate::{
    adapters::line::Quoted,
    app::App,
    controllers::{
        person, reading,
        timeline::{
            LOADED_MAX, PAGE,
            paging::{Side, go_newest, to_end, trim},
            show_person,
        },
    },
    generated::{Anchor, Conversation},
};

/// A new message, from here or there.
pub(crate) fn arrived(app: &App, message: Message) {
    let mut state = app.timeline.borrow_mut();
    if !state.is_open(message.conversation) || state.message(message.id).is_some() {
        return;
    }
    let own = message.outgoing && !matches!(message.body, MessageBody::Event { .. });
    let at_end = app.window.global::<Conversation>().get_at_end();
    if !at_end && !own {
        state.new_below += 1;
    }
    if !state.at_newest {
        drop(state);
        if own {
            go_newest(app);
        }
        return;
    }
    if own {
        state.unread_from = None;
    } else if state.unread_from.is_none() && !message.read && !reading::is_watched(app) {
        state.unread_from = Some(message.id);
    }
    state.messages.push_back(message);
    let grown = state.messages.len() > LOADED_MAX + PAGE;
    drop(state);
    app.window.global::<Conversation>().set_anchor(Anchor::Top);
    if own {
        to_end(app);
    }
    if grown && (at_end || own) {
        app.next_frame(|app| trim(app, Side::Newer));
    }
    reading::look(app);
}

/// A message is another one than before.
pub(crate) fn changed(app: &App, message: Message) {
    let mut state = app.timeline.borrow_mut();
    if !state.is_open(message.conversation) {
        return;
    }
    if state.quoted.contains_key(&message.id) {
        state.quoted.insert(message.id, Quoted::of(&message));
    }
    state.asked_thumbnails.remove(&message.id);
    if let Some(held) = state.messages.iter_mut().find(|held| held.id == message.id) {
        *held = message;
    }
}

/// Messages are no longer there; all of them, if none is named.
pub(crate) fn gone(app: &App, conversation: AccountId, messages: &[MessageId]) {
    let mut state = app.timeline.borrow_mut();
    if !state.is_open(conversation) {
        return;
    }
    if messages.is_empty() {
        state.messages.clear();
        state.quoted.clear();
        (state.at_oldest, state.at_newest) = (true, true);
        return;
    }
    for id in messages {
        state.quoted.insert(*id, Quoted::gone(*id));
    }
    state.messages.retain(|message| !messages.contains(&message.id));
}

/// A file is so far under way.
pub(crate) fn carried(app: &App, conversation: AccountId, id: MessageId, done: u64, total: u64) {
    let mut state = app.timeline.borrow_mut();
    if !state.is_open(conversation) {
        return;
    }
    let held = state.messages.iter_mut().find(|held| held.id == id);
    if let Some(MessageBody::Attachment { file, .. }) = held.map(|held| &mut held.body) {
        file.transfer = Transfer::Running { done, total };
    }
}

/// The person of the open conversation is another one than before.
pub(crate) fn contact_changed(app: &App, contact: &Contact) {
    {
        let mut state = app.timeline.borrow_mut();
        if !state.is_open(contact.account) {
            return;
        }
        state.contact = Some(contact.clone());
    }
    show_person(app);
    person::changed(app, contact);
}
