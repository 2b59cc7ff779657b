//! Where in a conversation one is: reading the pages of it that are wanted, letting go of the others,
//! and going to a message, to the first unread one, to the end.

use std::collections::HashSet;

use slint::ComponentHandle;
use sotto_client::{
    Engine, EngineError, Page,
    model::{ConversationId, Message},
    proto::MessageId,
};

use crate::{
    app::App,
    controllers::timeline::{LOADED_MAX, PAGE, UNREAD, open_conversation, show},
    generated::{Anchor, Conversation},
};

/// Where a conversation is opened.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// At its end, or at the first message that is unread.
    Unread,
    /// At this message.
    At(MessageId),
    /// At its end.
    End,
}

/// A piece of a conversation, as the vault has it.
struct Piece {
    messages: Vec<Message>,
    at_oldest: bool,
    at_newest: bool,
    unread: Option<MessageId>,
}
/// Reads the place anew, in place of what is held.
pub(super) fn load_at(app: &App, conversation: ConversationId, place: Place) {
    let opened = {
        let mut state = app.timeline.borrow_mut();
        state.loading = true;
        state.opened
    };
    app.ask(
        move |engine| async move { piece(&engine, conversation, place).await },
        move |app, read| {
            if app.timeline.borrow().opened != opened {
                return;
            }
            app.timeline.borrow_mut().loading = false;
            match read {
                Ok(piece) => take_piece(app, piece, place),
                Err(error) => app.tell_error(&error),
            }
        },
    );
}

async fn piece(
    engine: &Engine,
    conversation: ConversationId,
    place: Place,
) -> Result<Piece, EngineError> {
    let unread = engine.first_unread(conversation).await?;
    let middle = match place {
        Place::At(message) => Some(message),
        Place::Unread => unread,
        Place::End => None,
    };
    let latest = engine.history(conversation, Page::Latest, PAGE).await?;
    let holds = |id: MessageId| latest.iter().any(|message| message.id == id);
    let Some(middle) = middle.filter(|middle| !holds(*middle)) else {
        let at_oldest = latest.len() < PAGE;
        return Ok(Piece { messages: latest, at_oldest, at_newest: true, unread });
    };
    let mut messages = engine.history(conversation, Page::Before(middle), PAGE).await?;
    let at_oldest = messages.len() < PAGE;
    messages.push(engine.message(conversation, middle).await?);
    let after = engine.history(conversation, Page::After(middle), PAGE).await?;
    let at_newest = after.len() < PAGE;
    messages.extend(after);
    Ok(Piece { messages, at_oldest, at_newest, unread })
}

fn take_piece(app: &App, piece: Piece, place: Place) {
    let Piece { messages, at_oldest, at_newest, unread } = piece;
    {
        let mut state = app.timeline.borrow_mut();
        state.messages = messages.into();
        state.at_oldest = at_oldest;
        state.at_newest = at_newest;
        if place == Place::Unread {
            state.unread_from = unread;
        }
        state.new_below = 0;
    }
    let conversation = app.window.global::<Conversation>();
    tracing::debug!("a conversation is open");
    conversation.set_loaded(true);
    conversation.set_settled(false);
    conversation.set_anchor(Anchor::Bottom);
    show(app);
    match place {
        Place::At(message) => target(app, message.to_string()),
        Place::Unread if unread.is_some() => target(app, UNREAD.to_owned()),
        Place::Unread | Place::End => to_end(app),
    }
    // What is passed on the way there is not read.
    let opened = app.timeline.borrow().opened;
    app.next_frame(move |app| {
        app.next_frame(move |app| {
            if app.timeline.borrow().opened == opened {
                app.window.global::<Conversation>().set_settled(true);
            }
        });
    });
}

/// Brings a row into view, when it is there; it stays lit for a moment.
fn target(app: &App, row: String) {
    const LIT: std::time::Duration = std::time::Duration::from_secs(2);
    app.window.global::<Conversation>().set_target("".into());
    app.next_frame(move |app| {
        app.window.global::<Conversation>().set_target(row.as_str().into());
        app.bridge.later(LIT, move |app| {
            let conversation = app.window.global::<Conversation>();
            if conversation.get_target() == row {
                conversation.set_target("".into());
            }
        });
    });
}

pub(super) fn to_end(app: &App) {
    let conversation = app.window.global::<Conversation>();
    conversation.set_show_end(conversation.get_show_end().wrapping_add(1));
}

/// Goes to a message, wherever in the conversation it is.
pub(crate) fn jump(app: &App, message: MessageId) {
    let (open, is_here) = {
        let state = app.timeline.borrow();
        (state.id(), state.message(message).is_some())
    };
    match open {
        Some(_) if is_here => target(app, message.to_string()),
        Some(open) => load_at(app, open, Place::At(message)),
        None => {}
    }
}

/// Goes to the end.
pub(crate) fn go_newest(app: &App) {
    let (open, is_here) = {
        let mut state = app.timeline.borrow_mut();
        state.new_below = 0;
        (state.id(), state.at_newest)
    };
    match open {
        Some(_) if is_here => {
            to_end(app);
            show(app);
        }
        Some(open) => load_at(app, open, Place::End),
        None => {}
    }
}

/// Goes to the first message that was unread.
pub(crate) fn go_unread(app: &App) {
    let unread = app.timeline.borrow().unread_from;
    if let Some(unread) = unread {
        jump(app, unread);
    }
}

/// Reads what is open anew, because events were lost.
pub(crate) fn reload(app: &App) {
    if let Some(open) = open_conversation(app) {
        load_at(app, open, Place::End);
    }
}

/// An end of what is held.
#[derive(Clone, Copy)]
pub(super) enum Side {
    Older,
    Newer,
}

/// Reads on beyond an end.
pub(super) fn load(app: &App, side: Side) {
    let (conversation, page, opened) = {
        let mut state = app.timeline.borrow_mut();
        let done = match side {
            Side::Older => state.at_oldest,
            Side::Newer => state.at_newest,
        };
        let (Some(open), false) = (state.id(), state.loading || done) else { return };
        let page = match side {
            Side::Older => state.messages.front().map(|message| Page::Before(message.id)),
            Side::Newer => state.messages.back().map(|message| Page::After(message.id)),
        };
        let Some(page) = page else { return };
        state.loading = true;
        (open, page, state.opened)
    };
    app.ask(
        move |engine| async move { engine.history(conversation, page, PAGE).await },
        move |app, read| {
            if app.timeline.borrow().opened != opened {
                return;
            }
            app.timeline.borrow_mut().loading = false;
            match read {
                Ok(messages) => extend(app, side, messages),
                Err(error) => tracing::warn!(%error, "the conversation could not be read on"),
            }
        },
    );
}

fn extend(app: &App, side: Side, messages: Vec<Message>) {
    let is_last = messages.len() < PAGE;
    {
        let mut state = app.timeline.borrow_mut();
        match side {
            Side::Older => {
                state.at_oldest = is_last;
                messages.into_iter().rev().for_each(|message| state.messages.push_front(message));
            }
            Side::Newer => {
                state.at_newest = is_last;
                state.messages.extend(messages);
            }
        }
    }
    // What is looked at stays where it is.
    app.window.global::<Conversation>().set_anchor(match side {
        Side::Older => Anchor::Bottom,
        Side::Newer => Anchor::Top,
    });
    show(app);
    if app.timeline.borrow().messages.len() > LOADED_MAX {
        app.next_frame(move |app| trim(app, side));
    }
}

/// Lets go of what is far from the end that grew.
pub(super) fn trim(app: &App, grown: Side) {
    {
        let mut state = app.timeline.borrow_mut();
        let Some(excess) = state.messages.len().checked_sub(LOADED_MAX) else { return };
        let kept = state.messages.len() - excess;
        match grown {
            Side::Older => {
                state.messages.truncate(kept);
                state.at_newest = false;
            }
            Side::Newer => {
                state.messages.drain(..excess);
                state.at_oldest = false;
            }
        }
        let held: HashSet<MessageId> = state.messages.iter().map(|message| message.id).collect();
        state.thumbnails.retain(|id, _| held.contains(id));
        state.asked_thumbnails.retain(|id| held.contains(id));
    }
    app.window.global::<Conversation>().set_anchor(match grown {
        Side::Older => Anchor::Top,
        Side::Newer => Anchor::Bottom,
    });
    show(app);
}
