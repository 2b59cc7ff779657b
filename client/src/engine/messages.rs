//! Writing: texts, files, edits, deletions, reactions, timers, drafts.
//!
//! Each is in the vault, queued and, where there is a session, sealed before its method returns;
//! none needs a connection.

use std::path::Path;

use sotto_proto::{
    AccountId, MessageId,
    content::{Delete, Edit, Reaction, Text, Timer},
    limits::{ATTACHMENT_MAX, TEXT_MAX},
};

use super::{
    Engine, clock, clock::now, content, error::EngineError, event::Event, inbox::remove_files,
    own::Own, sealing::seal_waiting, upload::media_type,
};
use crate::{
    model::{Contact, ContactState, Draft, Message},
    vault::{NewAttachment, Tx},
};

/// The most bytes of a reaction.
const EMOJI_MAX: usize = 64;

impl Engine {
    /// Sends a text of at most [`TEXT_MAX`] bytes.
    pub async fn send_text(
        &self,
        to: AccountId,
        text: &str,
        reply_to: Option<MessageId>,
    ) -> Result<Message, EngineError> {
        let text = checked_text(text)?;
        let queue = move |tx: &Tx<'_>| {
            require_accepted(tx, to)?;
            let text = Text { text, reply_to, mentions: Vec::new() };
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
        to: AccountId,
        path: &Path,
        caption: &str,
        reply_to: Option<MessageId>,
    ) -> Result<Message, EngineError> {
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
            require_accepted(tx, to)?;
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

    /// Replaces the text of an own message, on both sides.
    pub async fn edit(
        &self,
        to: AccountId,
        target: MessageId,
        text: &str,
    ) -> Result<Message, EngineError> {
        let text = checked_text(text)?;
        let queue = move |tx: &Tx<'_>| {
            require_accepted(tx, to)?;
            Ok(tx.queue_edit(to, &content::new(Edit { target, text }, now(), None))?)
        };
        self.queue_change(to, queue).await
    }

    /// Deletes an own message, on both sides; what is left of it.
    pub async fn delete_for_all(
        &self,
        to: AccountId,
        target: MessageId,
    ) -> Result<Message, EngineError> {
        let queue = move |tx: &Tx<'_>| {
            require_accepted(tx, to)?;
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
        to: AccountId,
        target: MessageId,
        emoji: Option<&str>,
    ) -> Result<Message, EngineError> {
        match emoji {
            Some("") => return Err(EngineError::Empty),
            Some(emoji) if emoji.len() > EMOJI_MAX => return Err(EngineError::TooLarge),
            _ => {}
        }
        let emoji = emoji.map(str::to_owned);
        let queue = move |tx: &Tx<'_>| {
            require_accepted(tx, to)?;
            Ok(tx.queue_reaction(to, &content::new(Reaction { target, emoji }, now(), None))?)
        };
        self.queue_change(to, queue).await
    }

    /// Sends a message again that has failed; as it is now.
    pub async fn retry(&self, to: AccountId, message: MessageId) -> Result<Message, EngineError> {
        let queue = move |tx: &Tx<'_>| {
            require_accepted(tx, to)?;
            let queued = tx.retry(to, message)?;
            queued.map_or_else(|| require_message(tx, to, message), Ok)
        };
        let message = self.queue_change(to, queue).await?;
        self.shared.wake.uploads.notify_one();
        Ok(message)
    }

    /// Sets how long new messages live after being read, for both sides; the event that says so.
    pub async fn set_timer(
        &self,
        to: AccountId,
        seconds: Option<u32>,
    ) -> Result<Message, EngineError> {
        let queue = move |tx: &Tx<'_>| {
            require_accepted(tx, to)?;
            let timer = content::new(Timer { seconds }, now(), None);
            tx.queue_content(to, &timer)?;
            Ok(tx.set_timer(to, seconds, true, timer.id, now())?)
        };
        let message = self.queue(to, queue).await?;
        self.shared.tell(Event::Message { message: message.clone() });
        Ok(message)
    }

    /// Keeps what was typed and not sent; an empty text forgets it.
    pub async fn set_draft(
        &self,
        conversation: AccountId,
        text: &str,
        reply_to: Option<MessageId>,
    ) -> Result<(), EngineError> {
        let draft = (!text.is_empty()).then(|| Draft { text: text.to_owned(), reply_to });
        let job =
            self.shared.keeper.write(move |tx, _| Ok(tx.set_draft(conversation, draft.as_ref())?));
        job.await
    }

    /// Queues something and seals what can be sealed, in one transaction, and has it sent.
    pub(super) async fn queue<T: Send + 'static>(
        &self,
        to: AccountId,
        queue: impl FnOnce(&Tx<'_>) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let job = self.shared.keeper.write(move |tx, _: &mut Own| {
            let queued = queue(tx)?;
            seal_waiting(tx, to)?;
            Ok(queued)
        });
        let queued = job.await?;
        self.shared.wake.outbox.notify_one();
        Ok(queued)
    }

    async fn queue_change(
        &self,
        to: AccountId,
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

/// Messages are queued for accepted contacts alone. (One whose identity key changed is accepted:
/// its messages wait.)
fn require_accepted(tx: &Tx<'_>, account: AccountId) -> Result<Contact, EngineError> {
    let contact = tx.contact(account)?.ok_or(EngineError::NoSuchContact)?;
    match contact.state {
        ContactState::Accepted => Ok(contact),
        _ => Err(EngineError::NotAccepted),
    }
}

fn require_message(tx: &Tx<'_>, to: AccountId, id: MessageId) -> Result<Message, EngineError> {
    tx.message(to, id)?.ok_or(EngineError::NoSuchMessage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_bounds() {
        assert!(matches!(checked_text(""), Err(EngineError::Empty)));
        assert_eq!(checked_text(&"x".repeat(TEXT_MAX)).unwrap().len(), TEXT_MAX);
        assert!(matches!(checked_text(&"x".repeat(TEXT_MAX + 1)), Err(EngineError::TooLarge)));
    }
}
