//! Writing: texts, files, edits, deletions, reactions, timers, drafts.
//!
//! Each is in the vault, queued and, where there is a session, sealed before its method returns;
//! none needs a connection.

use std::path::Path;

use sotto_proto::{
    MessageId,
    content::{Delete, Edit, Reaction, Text, Timer},
    limits::{ATTACHMENT_MAX, TEXT_MAX},
};

use super::{
    Engine, clock, clock::now, content, error::EngineError, event::Event, inbox::remove_files,
    own::Own, sealing::seal_waiting, upload::media_type,
};
use crate::{
    model::{ContactState, ConversationId, Draft, Message, RoomState},
    vault::{NewAttachment, Tx},
};

/// The most bytes of a reaction.
const EMOJI_MAX: usize = 64;

impl Engine {
    /// Sends a text of at most [`TEXT_MAX`] bytes.
    pub async fn send_text(
        &self,
        to: impl Into<ConversationId>,
        text: &str,
        reply_to: Option<MessageId>,
    ) -> Result<Message, EngineError> {
        let (to, text) = (to.into(), checked_text(text)?);
        let queue = move |tx: &Tx<'_>| {
            require_open(tx, to)?;
            let mentions = tx.mentions(to, &text)?;
            let text = Text { text, reply_to, mentions };
            let content = content::new(text, now(), tx.timer(to)?);
            Ok(tx.queue_message(to, &content, now())?)
        };
        let message = self.queue(to, queue).await?;
        self.shared.tell(Event::Message { message: message.clone() });
        Ok(message)
    }

    /// Sends a file of at most [`ATTACHMENT_MAX`] bytes. It must stay where it is until it is on
    /// the relay; [`Event::Transfer`] tells how far it is.
    pub async fn send_file(
        &self,
        to: impl Into<ConversationId>,
        path: &Path,
        caption: &str,
        reply_to: Option<MessageId>,
    ) -> Result<Message, EngineError> {
        let to = to.into();
        if caption.len() > TEXT_MAX {
            return Err(EngineError::TooLarge);
        }
        let path = std::path::absolute(path).map_err(EngineError::File)?;
        let found = tokio::fs::metadata(&path).await.map_err(EngineError::File)?;
        if !found.is_file() {
            return Err(EngineError::File(std::io::ErrorKind::IsADirectory.into()));
        }
        if found.len() > ATTACHMENT_MAX {
            return Err(EngineError::TooLarge);
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (caption, media_type) = (caption.to_owned(), media_type(&name).to_owned());
        let queue = move |tx: &Tx<'_>| {
            require_open(tx, to)?;
            let new = NewAttachment {
                id: clock::message_id(),
                sent_at: now(),
                disappears_after: tx.timer(to)?,
                name,
                media_type,
                size: found.len(),
                path,
                caption,
                reply_to,
            };
            Ok(tx.queue_attachment(to, &new, now())?)
        };
        let message = self.queue(to, queue).await?;
        self.shared.wake.uploads.notify_one();
        self.shared.tell(Event::Message { message: message.clone() });
        Ok(message)
    }

    /// Replaces the text of an own message, for all.
    pub async fn edit(
        &self,
        to: impl Into<ConversationId>,
        target: MessageId,
        text: &str,
    ) -> Result<Message, EngineError> {
        let (to, text) = (to.into(), checked_text(text)?);
        let queue = move |tx: &Tx<'_>| {
            require_open(tx, to)?;
            Ok(tx.queue_edit(to, &content::new(Edit { target, text }, now(), None))?)
        };
        self.queue_change(to, queue).await
    }

    /// Deletes an own message, for all; what is left of it.
    pub async fn delete_for_all(
        &self,
        to: impl Into<ConversationId>,
        target: MessageId,
    ) -> Result<Message, EngineError> {
        let to = to.into();
        let queue = move |tx: &Tx<'_>| {
            require_open(tx, to)?;
            Ok(tx.queue_delete(to, &content::new(Delete { target }, now(), None))?)
        };
        let (message, files) = self.queue(to, queue).await?;
        remove_files(files).await;
        self.shared.tell(Event::MessageChanged { message: message.clone() });
        Ok(message)
    }

    /// Sets the own reaction to a message, or withdraws it.
    pub async fn react(
        &self,
        to: impl Into<ConversationId>,
        target: MessageId,
        emoji: Option<&str>,
    ) -> Result<Message, EngineError> {
        match emoji {
            Some("") => return Err(EngineError::Empty),
            Some(emoji) if emoji.len() > EMOJI_MAX => return Err(EngineError::TooLarge),
            _ => {}
        }
        let (to, emoji) = (to.into(), emoji.map(str::to_owned));
        let queue = move |tx: &Tx<'_>| {
            require_open(tx, to)?;
            Ok(tx.queue_reaction(to, &content::new(Reaction { target, emoji }, now(), None))?)
        };
        self.queue_change(to, queue).await
    }

    /// Sends a message again that has failed; as it is now.
    pub async fn retry(
        &self,
        to: impl Into<ConversationId>,
        message: MessageId,
    ) -> Result<Message, EngineError> {
        let to = to.into();
        let queue = move |tx: &Tx<'_>| {
            require_open(tx, to)?;
            let queued = tx.retry(to, message)?;
            queued.map_or_else(|| require_message(tx, to, message), Ok)
        };
        let message = self.queue_change(to, queue).await?;
        self.shared.wake.uploads.notify_one();
        Ok(message)
    }

    /// Sets how long new messages live after being read, for all; the event that says so.
    pub async fn set_timer(
        &self,
        to: impl Into<ConversationId>,
        seconds: Option<u32>,
    ) -> Result<Message, EngineError> {
        let to = to.into();
        let queue = move |tx: &Tx<'_>| {
            require_open(tx, to)?;
            Ok(tx.queue_timer(to, &content::new(Timer { seconds }, now(), None), now())?)
        };
        let message = self.queue(to, queue).await?;
        self.shared.tell(Event::Message { message: message.clone() });
        Ok(message)
    }

    /// Keeps what was typed and not sent; an empty text forgets it.
    pub async fn set_draft(
        &self,
        conversation: impl Into<ConversationId>,
        text: &str,
        reply_to: Option<MessageId>,
    ) -> Result<(), EngineError> {
        let conversation = conversation.into();
        let draft = (!text.is_empty()).then(|| Draft { text: text.to_owned(), reply_to });
        let job =
            self.shared.keeper.write(move |tx, _| Ok(tx.set_draft(conversation, draft.as_ref())?));
        job.await
    }

    /// Queues something and seals what can be sealed, in one transaction, and has it sent.
    pub(super) async fn queue<T: Send + 'static>(
        &self,
        to: ConversationId,
        queue: impl FnOnce(&Tx<'_>) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let job = self.shared.keeper.write(move |tx, _: &mut Own| {
            let queued = queue(tx)?;
            // What is for a room is sealed when its log is caught up with.
            if let Some(contact) = to.contact() {
                seal_waiting(tx, contact)?;
            }
            Ok(queued)
        });
        let queued = job.await?;
        self.shared.wake_sender(to);
        Ok(queued)
    }

    async fn queue_change(
        &self,
        to: ConversationId,
        queue: impl FnOnce(&Tx<'_>) -> Result<Message, EngineError> + Send + 'static,
    ) -> Result<Message, EngineError> {
        let message = self.queue(to, queue).await?;
        self.shared.tell(Event::MessageChanged { message: message.clone() });
        Ok(message)
    }
}

fn checked_text(text: &str) -> Result<String, EngineError> {
    match text.len() {
        0 => Err(EngineError::Empty),
        length if length > TEXT_MAX => Err(EngineError::TooLarge),
        _ => Ok(text.to_owned()),
    }
}

/// Messages are queued for accepted contacts, and for rooms that this account is in. (A contact
/// whose identity key changed is accepted: its messages wait.)
fn require_open(tx: &Tx<'_>, to: ConversationId) -> Result<(), EngineError> {
    match to {
        ConversationId::Contact(account) => {
            let contact = tx.contact(account)?.ok_or(EngineError::NoSuchContact)?;
            let is_open = contact.state == ContactState::Accepted;
            is_open.then_some(()).ok_or(EngineError::NotAccepted)
        }
        ConversationId::Room(room) => {
            let room = tx.room(room)?.ok_or(EngineError::NoSuchRoom)?;
            (room.state == RoomState::Joined).then_some(()).ok_or(EngineError::NotInRoom)
        }
    }
}

fn require_message(tx: &Tx<'_>, to: ConversationId, id: MessageId) -> Result<Message, EngineError> {
    tx.message(to, id)?.ok_or(EngineError::NoSuchMessage)
}

#[cfg(test)]
mod tests {
    use sotto_proto::{AccountId, RoomId, content::Body};

    use super::super::tests::Offline;
    use super::*;
    use crate::model::MessageState;

    #[tokio::test]
    async fn what_is_written_to_a_room_waits_with_those_it_mentions() {
        let offline = Offline::new();
        let engine = &offline.engine;
        let room = offline.join_room().await;
        let mut events = engine.subscribe();
        let sent = engine.send_text(room, "@carol, are you there?", None).await.unwrap();
        assert_eq!(events.recv().await.unwrap(), Event::Message { message: sent.clone() });
        assert_eq!(
            (&sent.state, sent.conversation.room()),
            (&Some(MessageState::Queued), Some(room))
        );
        engine.set_timer(room, Some(60)).await.unwrap();
        engine.react(room, sent.id, Some("x")).await.unwrap();
        let waiting = engine.shared.keeper.read(move |view| Ok(view.waiting(room.into(), 9)?));
        let waiting = waiting.await.unwrap();
        assert_eq!(waiting.len(), 3);
        let Body::Text(text) = &waiting[0].content.body else { panic!("{waiting:?}") };
        assert_eq!(text.mentions, [AccountId([3; 16])]);
        let line = engine.conversation(room).await.unwrap();
        assert_eq!((line.with.name(), line.timer), ("Lighthouse", Some(60)));
    }

    #[tokio::test]
    async fn nothing_is_written_to_a_room_that_one_is_not_in() {
        let offline = Offline::new();
        let engine = &offline.engine;
        let room = offline.join_room().await;
        let leave =
            engine.shared.keeper.write(move |tx, _| Ok(tx.set_room_state(room, RoomState::Left)?));
        leave.await.unwrap();
        let refused = engine.send_text(room, "hello", None).await;
        assert!(matches!(refused, Err(EngineError::NotInRoom)));
        let nowhere = engine.send_text(RoomId([9; 16]), "hello", None).await;
        assert!(matches!(nowhere, Err(EngineError::NoSuchRoom)));
        assert!(engine.conversation(room).await.unwrap().last.is_none());
    }

    #[test]
    fn texts_have_bounds() {
        assert!(matches!(checked_text(""), Err(EngineError::Empty)));
        assert_eq!(checked_text(&"x".repeat(TEXT_MAX)).unwrap().len(), TEXT_MAX);
        assert!(matches!(checked_text(&"x".repeat(TEXT_MAX + 1)), Err(EngineError::TooLarge)));
    }
}
