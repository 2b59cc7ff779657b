//! What the engine tells of its own accord: each part of the window takes what is its own.

use std::time::Duration;

use sotto_client::{ConnectionState, Event, model::ConversationId, proto::AccountId};

use crate::{
    app::App,
    bridge::Told,
    controllers::{admin, announcements, notifications, people, timeline},
    faces,
};

/// Somebody who typed and then fell silent types no longer.
const TYPING: Duration = Duration::from_secs(8);

/// Takes a batch of events.
pub(crate) fn take(app: &App, told: Told) {
    match told {
        Told::Events(events) => {
            notifications::tell(app, &events);
            let listed = events.iter().any(changes_list);
            for event in events {
                one(app, event);
            }
            timeline::show(app);
            if listed {
                people::reload(app);
            } else {
                people::show(app);
            }
        }
        Told::Lost => {
            people::reload(app);
            timeline::reload(app);
            announcements::load(app);
            admin::look(app);
        }
    }
}

const fn changes_list(event: &Event) -> bool {
    !matches!(event, Event::Typing { .. } | Event::Presence { .. } | Event::Transfer { .. })
}

fn one(app: &App, event: Event) {
    match event {
        Event::Connection { state } => {
            people::show_connection(app, &state);
            if state == ConnectionState::Online {
                announcements::load(app);
            }
        }
        Event::Announcement { .. } => announcements::load(app),
        Event::Role { admin } => admin::appointed(app, admin),
        Event::Message { message } => {
            let fell_silent = message.sender.is_some_and(|who| {
                app.people.borrow_mut().typing.remove(&(message.conversation, who))
            });
            if fell_silent {
                timeline::show_person(app);
            }
            timeline::arrived(app, message);
        }
        Event::MessageChanged { message } => timeline::changed(app, message),
        Event::MessagesGone { conversation, messages } => {
            timeline::gone(app, conversation, &messages);
        }
        Event::Contact { contact } | Event::IdentityChanged { contact } => {
            timeline::contact_changed(app, &contact);
        }
        Event::Room { room } => {
            faces::changed(app, &room);
            timeline::room_changed(app, room);
        }
        Event::Typing { conversation, who, active } => types(app, (conversation, who), active),
        Event::Presence { account, state } => {
            app.people.borrow_mut().presence.insert(account, state);
            timeline::show_person(app);
        }
        Event::Transfer { conversation, message, done, total } => {
            timeline::carried(app, conversation, message, done, total);
        }
        // The list is read again for the others.
        _ => {}
    }
}

fn types(app: &App, typist: (ConversationId, AccountId), active: bool) {
    {
        let mut state = app.people.borrow_mut();
        if active {
            state.typing.insert(typist);
        } else {
            state.typing.remove(&typist);
        }
    }
    timeline::show_person(app);
    if active {
        app.bridge.later(TYPING, move |app| {
            if app.people.borrow_mut().typing.remove(&typist) {
                people::show(app);
                timeline::show_person(app);
            }
        });
    }
}
