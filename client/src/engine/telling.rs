//! What the faces are told of a content that was recorded, the same in direct chats and in rooms.

use std::path::PathBuf;

use sotto_proto::{AccountId, MessageId};

use super::{error::EngineError, event::Event, sealing::contact_event};
use crate::{
    model::{ConversationId, MessageBody},
    vault::{Recorded, View},
};

/// What follows from a content that was recorded.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// To tell the faces, in order.
    pub(super) events: Vec<Event>,
    /// Files that the vault no longer needs.
    pub(super) files: Vec<PathBuf>,
    /// The message that its sender may be told has arrived.
    pub(super) arrived: Option<MessageId>,
}

/// What follows from what a content of somebody's did in a conversation.
pub(super) fn told(
    view: &View,
    conversation: ConversationId,
    from: AccountId,
    recorded: Recorded,
) -> Result<Told, EngineError> {
    let mut told = Told::default();
    match recorded {
        Recorded::Message(message) => {
            let is_event = matches!(message.body, MessageBody::Event { .. });
            told.arrived = (!is_event).then_some(message.id);
            told.events.push(Event::Message { message: *message });
        }
        Recorded::Changed { message, files } => {
            told.files = files;
            told.events.push(Event::MessageChanged { message: *message });
        }
        Recorded::States(messages) => {
            let changed = messages.into_iter().map(|message| Event::MessageChanged { message });
            told.events.extend(changed);
        }
        Recorded::Timer(message) => told.events.push(Event::Message { message: *message }),
        Recorded::Accepted(message) => {
            told.events.push(Event::Message { message: *message });
            if conversation.room().is_none() {
                told.events.push(contact_event(view, from)?);
            }
        }
        Recorded::Profile(message) => {
            told.events.push(Event::Message { message: *message });
            if let Some(room) = conversation.room() {
                told.events.extend(view.room(room)?.map(|room| Event::Room { room }));
            }
        }
        // An invitation is looked at where rooms are joined.
        Recorded::Invite { .. }
        | Recorded::Typing { .. }
        | Recorded::Repeat
        | Recorded::Ignored => {}
    }
    Ok(told)
}
