//! What becomes of the open conversation while it is open: messages that arrive, change and go.

use slint::ComponentHandle;
use sotto_client::{
    model::{Contact, ConversationId, Correspondent, Message, MessageBody, Room, Transfer},
    proto::MessageId,
};

use crate::{
    adapters::line::Quoted,
    app::App,
    controllers::{
        person, reading, room,
        timeline::{
            LOADED_MAX, PAGE, State, load_people,
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
    let is_stranger = state.is_stranger(message.sender);
    put(&mut state, message);
    let grown = state.messages.len() > LOADED_MAX + PAGE;
    drop(state);
    if is_stranger {
        load_people(app);
    }
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
    let Some(at) = state.messages.iter().position(|held| held.id == message.id) else { return };
    if state.messages[at].position == message.position {
        state.messages[at] = message;
    } else {
        state.messages.remove(at);
        put(&mut state, message);
    }
}

/// Puts a message into its place: in a room those stand last that the room does not have yet.
fn put(state: &mut State, message: Message) {
    let at = state.messages.partition_point(|held| held.position < message.position);
    let is_within = (at > 0 || state.at_oldest) && (at < state.messages.len() || state.at_newest);
    if is_within || state.messages.is_empty() {
        state.messages.insert(at, message);
    }
}

/// Messages are no longer there; all of them, if none is named.
pub(crate) fn gone(app: &App, conversation: ConversationId, messages: &[MessageId]) {
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
pub(crate) fn carried(
    app: &App,
    conversation: ConversationId,
    id: MessageId,
    done: u64,
    total: u64,
) {
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
        if !state.is_open(contact.account.into()) {
            return;
        }
        state.with = Some(Correspondent::Contact(contact.clone()));
    }
    show_person(app);
    person::changed(app, contact);
}

/// The open room, or those in it, are others than before.
pub(crate) fn room_changed(app: &App, room: Room) {
    {
        let mut state = app.timeline.borrow_mut();
        if !state.is_open(room.id.into()) {
            return;
        }
        state.with = Some(Correspondent::Room(room.clone()));
    }
    show_person(app);
    load_people(app);
    room::changed(app, &room);
}
