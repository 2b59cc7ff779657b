//! Reading the open conversation: marking what was seen, and what can be done with one message.

use slint::{ComponentHandle, SharedString};
use sotto_client::{
    Engine, EngineError,
    model::{ConversationId, Message, ReachedCounts, RoomState},
    proto::{AccountId, MessageId},
};

use crate::{
    adapters::{ids, line::Line},
    app::App,
    controllers::{composer, files, navigation, people, rooms, rows, search, timeline},
    generated::{Conversation, Navigation, Sheet},
};

pub(crate) fn wire(app: &App) {
    let conversation = app.window.global::<Conversation>();
    conversation.on_go_unread(app.on0(timeline::go_unread));
    conversation.on_end_reached(app.on0(|app| {
        app.timeline.borrow_mut().new_below = 0;
        app.window.global::<Conversation>().set_new_below(0);
        look(app);
    }));
    conversation.on_move_current(app.on1(move_current));
    conversation.on_open_menu(app.on_text(open_menu));
    conversation.on_jump(app.on_text(|app, id| with(app, id, timeline::jump)));
    conversation.on_reply(app.on_text(|app, id| with(app, id, composer::reply)));
    conversation.on_edit(app.on_text(|app, id| with(app, id, composer::edit)));
    conversation.on_delete(app.on_text(|app, id| {
        change(app, id, |engine, with, id| async move { engine.delete_for_all(with, id).await });
    }));
    conversation.on_retry(app.on_text(|app, id| {
        change(app, id, |engine, with, id| async move { engine.retry(with, id).await });
    }));
    conversation.on_copy(app.on_text(copy));
    conversation
        .on_react(app.on2(|app, id: SharedString, emoji: SharedString| react(app, &id, &emoji)));
    conversation.on_pick_reaction(app.on_text(|app, id| with(app, id, composer::pick_reaction)));
    conversation.on_open_link(app.on_text(open_link));
    conversation.on_open_file(app.on_text(|app, id| with(app, id, files::open)));
    conversation.on_save_file(app.on_text(|app, id| with(app, id, files::save)));
    conversation.on_cancel_file(app.on_text(|app, id| {
        change(app, id, |engine, with, id| async move { engine.cancel_transfer(with, id).await });
    }));
    conversation.on_search(app.on0(search::find_here));
    wire_standing(app);
}

/// What is decided about the person.
fn wire_standing(app: &App) {
    let conversation = app.window.global::<Conversation>();
    conversation.on_show_person(app.on0(|app| {
        let open = timeline::open_conversation(app);
        match open {
            Some(ConversationId::Contact(_)) => navigation::open_sheet(app, Sheet::Person),
            Some(ConversationId::Room(_)) => navigation::open_sheet(app, Sheet::Room),
            None => {}
        }
    }));
    conversation.on_join(app.on0(|app| {
        let room = app.timeline.borrow().with.as_ref().and_then(|with| with.room()).cloned();
        match room {
            Some(room) if room.state == RoomState::Invited => rooms::accept(app, room.id),
            Some(room) => rooms::join(app, room.id),
            None => {}
        }
    }));
    conversation.on_forget(app.on0(|app| {
        if let Some(room) = timeline::open_conversation(app).and_then(ConversationId::room) {
            rooms::forget(app, room);
        }
    }));
    conversation.on_accept(app.on0(|app| {
        decide(app, |engine, with| async move { engine.accept_request(with).await.map(|_| ()) });
    }));
    conversation.on_decline(app.on1(|app, block: bool| {
        decide(app, move |engine, with| async move { engine.decline_request(with, block).await });
        timeline::close(app);
        app.window.global::<Navigation>().set_reading(false);
    }));
    conversation.on_unblock(app.on0(|app| {
        decide(app, |engine, with| async move { engine.unblock(with).await.map(|_| ()) });
    }));
    conversation.on_keep_key(app.on0(|app| {
        decide(
            app,
            |engine, with| async move { engine.acknowledge_identity(with).await.map(|_| ()) },
        );
    }));
    conversation.on_add_again(app.on0(|app| {
        let username = app.window.global::<Conversation>().get_username().to_string();
        decide(app, |engine, _| async move { engine.add_contact(&username).await.map(|_| ()) });
    }));
}

/// Does something with the person of the open conversation.
fn decide<F>(app: &App, decide: impl FnOnce(Engine, AccountId) -> F)
where
    F: Future<Output = Result<(), EngineError>> + Send + 'static,
{
    let Some(account) = timeline::open_conversation(app).and_then(ConversationId::contact) else {
        return;
    };
    app.ask(
        |engine| decide(engine, account),
        |app, decided| {
            app.tell_failure(decided);
            people::reload(app);
        },
    );
}

/// Does something with a message of the open conversation; the sheet over it closes.
fn with(app: &App, id: &str, act: impl FnOnce(&App, MessageId)) {
    navigation::close_sheet(app);
    if let Some(id) = ids::message(id) {
        act(app, id);
    }
}

/// Has the engine change a message.
fn change<F>(app: &App, id: &str, change: impl FnOnce(Engine, ConversationId, MessageId) -> F)
where
    F: Future<Output = Result<Message, EngineError>> + Send + 'static,
{
    let open = timeline::open_conversation(app);
    with(app, id, |app, id| {
        if let Some(open) = open {
            app.act(|engine| change(engine, open, id));
        }
    });
}

/// Whether somebody looks at the end of the open conversation.
pub(crate) fn is_watched(app: &App) -> bool {
    is_in_front(app) && app.window.global::<Conversation>().get_at_end()
}

/// Whether the open conversation is before somebody's eyes.
fn is_in_front(app: &App) -> bool {
    let navigation = app.window.global::<Navigation>();
    app.focused.get() && app.is_main() && (navigation.get_reading() || !navigation.get_narrow())
}

/// Whether a message that arrives in this conversation is seen at once.
pub(crate) fn is_seen(app: &App, conversation: ConversationId) -> bool {
    // One that was opened this moment is about to show its end.
    let is_opening = !app.window.global::<Conversation>().get_settled();
    timeline::open_conversation(app) == Some(conversation)
        && (is_watched(app) || is_in_front(app) && is_opening)
}

/// Marks as read what is seen.
pub(crate) fn look(app: &App) {
    let Some(open) = timeline::open_conversation(app) else { return };
    let newest = {
        let state = app.timeline.borrow();
        let is_whole = state.at_newest && state.messages.iter().any(|message| !message.read);
        state.messages.back().filter(|_| is_whole).map(|message| message.id)
    };
    let (Some(newest), true) = (newest, is_watched(app)) else { return };
    for message in &mut app.timeline.borrow_mut().messages {
        message.read = true;
    }
    app.act(move |engine| async move { engine.mark_read(open, Some(newest)).await });
}

/// Moves the keyboard to the message above or below.
fn move_current(app: &App, step: i32) {
    let conversation = app.window.global::<Conversation>();
    let current = ids::message(&conversation.get_current());
    let state = app.timeline.borrow();
    let messages: Vec<MessageId> = state
        .shown
        .values()
        .iter()
        .filter_map(|line| match line {
            Line::Message(line) => Some(line.message.id),
            _ => None,
        })
        .collect();
    let Some(last) = messages.len().checked_sub(1) else { return };
    let at = current.and_then(|id| messages.iter().position(|other| *other == id));
    let next = match at {
        None => last,
        Some(at) if step < 0 => at.saturating_sub(1),
        Some(at) => (at + 1).min(last),
    };
    conversation.set_current(messages[next].to_string().into());
}

fn open_menu(app: &App, id: &str) {
    let Some(id) = ids::message(id) else { return };
    let (row, can_edit, can_react, reached, others) = {
        let state = app.timeline.borrow();
        let line = state.shown.values().iter().find_map(|line| match line {
            Line::Message(line) if line.message.id == id => Some(line.clone()),
            _ => None,
        });
        let Some(line) = line else { return };
        let may_send = state.may_send();
        let message = &line.message;
        let can_edit = may_send
            && message.outgoing
            && !message.is_deleted()
            && message.text().is_some_and(|text| !text.is_empty());
        let reached = message.reached;
        let others = state.present().filter(|member| !member.is_own).count();
        (rows::row(app, &state, &Line::Message(line)), can_edit, may_send, reached, others)
    };
    let conversation = app.window.global::<Conversation>();
    let ReachedCounts { delivered, read } = reached.unwrap_or_default();
    let others = if reached.is_some() { others } else { 0 };
    conversation.set_menu_delivered(i32::try_from(delivered).unwrap_or(i32::MAX));
    conversation.set_menu_read(i32::try_from(read).unwrap_or(i32::MAX));
    conversation.set_menu_others(i32::try_from(others).unwrap_or(i32::MAX));
    conversation.set_current(row.id.clone());
    conversation.set_menu(row);
    conversation.set_menu_can_edit(can_edit);
    conversation.set_menu_can_react(can_react);
    navigation::open_sheet(app, Sheet::Message);
}

fn copy(app: &App, id: &str) {
    with(app, id, |app, id| {
        let text = {
            let state = app.timeline.borrow();
            state.message(id).and_then(Message::text).map(str::to_owned)
        };
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            navigation::copy(app, &text);
        }
    });
}

/// Reacts; the same reaction again takes it back.
pub(crate) fn react(app: &App, id: &str, emoji: &str) {
    let own = {
        let state = app.timeline.borrow();
        ids::message(id).and_then(|id| {
            let reactions = &state.message(id)?.reactions;
            reactions.iter().find(|one| one.outgoing).map(|one| one.emoji.clone())
        })
    };
    let emoji = (own.as_deref() != Some(emoji)).then(|| emoji.to_owned());
    change(
        app,
        id,
        |engine, with, id| async move { engine.react(with, id, emoji.as_deref()).await },
    );
}

fn open_link(app: &App, link: &str) {
    navigation::close_sheet(app);
    files::open_outside(app, link.to_owned());
}
