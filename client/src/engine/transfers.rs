//! Files that are under way, and giving them up.
//!
//! A transfer enters itself here before it looks at the vault; whoever gives it up writes that into
//! the vault first, and then stops it here. So a transfer that was given up either never begins or
//! is stopped, whichever of the two comes first.

use std::sync::Mutex;

use sotto_proto::MessageId;
use tokio_util::sync::CancellationToken;

use super::{Engine, error::EngineError, event::Event, lock};
use crate::{
    model::{ConversationId, FailReason, Message, Transfer},
    vault::{Tx, View},
};

/// The message whose file it is, in its conversation.
type Key = (ConversationId, MessageId);

/// The transfers under way.
#[derive(Default)]
pub(super) struct Transfers(Mutex<Vec<(Key, CancellationToken)>>);

/// A transfer under way, until it is dropped; its work ends with it.
pub(super) struct UnderWay<'a> {
    transfers: &'a Transfers,
    stop: CancellationToken,
}

impl Transfers {
    pub(super) fn enter(&self, conversation: ConversationId, message: MessageId) -> UnderWay<'_> {
        let stop = CancellationToken::new();
        lock(&self.0).push(((conversation, message), stop.clone()));
        UnderWay { transfers: self, stop }
    }

    fn stop(&self, conversation: ConversationId, message: MessageId) {
        for (key, stop) in &*lock(&self.0) {
            if *key == (conversation, message) {
                stop.cancel();
            }
        }
    }
}

impl UnderWay<'_> {
    /// Cancelled when the transfer is given up.
    pub(super) const fn stop(&self) -> &CancellationToken {
        &self.stop
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.stop.cancel();
        lock(&self.transfers.0).retain(|(_, stop)| !stop.is_cancelled());
    }
}

impl Engine {
    /// Gives up carrying the file of a message; the message as it is now.
    ///
    /// An own message whose file is not on the relay yet fails with [`FailReason::Cancelled`], and
    /// [`Engine::retry`] sends it again. A running [`Engine::save_attachment`] ends with
    /// [`EngineError::Cancelled`], drops what it has fetched, and may be called again. Faces are
    /// told by [`Event::MessageChanged`]. Where nothing is under way, nothing changes.
    ///
    /// # Errors
    /// [`EngineError::NoSuchMessage`].
    pub async fn cancel_transfer(
        &self,
        conversation: impl Into<ConversationId>,
        message: MessageId,
    ) -> Result<Message, EngineError> {
        let conversation = conversation.into();
        let shared = &self.shared;
        let job = shared.keeper.write(move |tx, _| give_up(tx, conversation, message));
        let (message, given_up) = job.await?;
        shared.transfers.stop(conversation, message.id);
        if given_up {
            shared.tell(Event::MessageChanged { message: message.clone() });
            shared.progressed();
        }
        Ok(message)
    }
}

/// Fails an own message whose file is not on the relay yet; whether it was such a one.
fn give_up(
    tx: &Tx<'_>,
    conversation: ConversationId,
    message: MessageId,
) -> Result<(Message, bool), EngineError> {
    if is_uploading(tx, conversation, message)? {
        let reason = FailReason::Cancelled;
        let failed = tx.set_transfer(conversation, message, &Transfer::Failed { reason })?;
        return Ok((failed, true));
    }
    let message = tx.message(conversation, message)?.ok_or(EngineError::NoSuchMessage)?;
    Ok((message, false))
}

/// Whether the file of an own message is still to be carried to the relay.
pub(super) fn is_uploading(
    view: &View,
    conversation: ConversationId,
    message: MessageId,
) -> Result<bool, EngineError> {
    let job = view.attachment(conversation, message)?;
    Ok(job.is_some_and(|job| job.outgoing && matches!(job.transfer, Transfer::Running { .. })))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use sotto_proto::{
        AccountId, BlobId,
        content::{Attachment, AttachmentPointer},
    };

    use super::super::{clock::now, content, event::ConnectionState, tests::Offline};
    use super::*;
    use crate::model::{MessageBody, MessageState};

    fn transfer(message: &Message) -> Transfer {
        match &message.body {
            MessageBody::Attachment { file, .. } => file.transfer.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_the_transfers_of_the_message_are_stopped() {
        let transfers = Transfers::default();
        let enter = |number| transfers.enter(AccountId([1; 16]).into(), MessageId([number; 16]));
        let (first, again, other) = (enter(1), enter(1), enter(2));
        transfers.stop(AccountId([1; 16]).into(), MessageId([1; 16]));
        assert!(first.stop().is_cancelled() && again.stop().is_cancelled());
        assert!(!other.stop().is_cancelled());
        let next = enter(1);
        assert!(!next.stop().is_cancelled());
        let stop = next.stop().clone();
        drop((first, again, other, next));
        assert!(stop.is_cancelled());
        assert!(lock(&transfers.0).is_empty());
    }

    #[tokio::test]
    async fn an_upload_that_is_given_up_fails_its_message_until_it_is_tried_again() {
        let offline = Offline::new();
        let Offline { engine, bob, .. } = &offline;
        let file = offline.profile().join("photo.png");
        fs::write(&file, "a photo").unwrap();
        let sent = engine.send_file(*bob, &file, "look", None).await.unwrap();
        assert_eq!(engine.queued().await.unwrap(), 1);

        let mut events = engine.subscribe();
        let given_up = engine.cancel_transfer(*bob, sent.id).await.unwrap();
        let reason = FailReason::Cancelled;
        assert_eq!(given_up.state, Some(MessageState::Failed { reason: reason.clone() }));
        assert_eq!(transfer(&given_up), Transfer::Failed { reason });
        assert_eq!(engine.message(*bob, sent.id).await.unwrap(), given_up);
        assert_eq!(engine.queued().await.unwrap(), 0);
        let changed = Event::MessageChanged { message: given_up.clone() };
        assert_eq!(events.recv().await.unwrap(), changed);

        assert_eq!(engine.cancel_transfer(*bob, sent.id).await.unwrap(), given_up);
        assert!(events.try_recv().is_err());
        let again = engine.retry(*bob, sent.id).await.unwrap();
        assert_eq!(again.state, Some(MessageState::Queued));
        assert_eq!(transfer(&again), Transfer::Running { done: 0, total: 0 });
    }

    #[tokio::test]
    async fn a_message_without_a_transfer_stays_as_it_is() {
        let Offline { engine, bob, .. } = &Offline::new();
        let text = engine.send_text(*bob, "hello", None).await.unwrap();
        let mut events = engine.subscribe();
        assert_eq!(engine.cancel_transfer(*bob, text.id).await.unwrap(), text);
        assert!(events.try_recv().is_err());
        let none = engine.cancel_transfer(*bob, MessageId([9; 16])).await;
        assert!(matches!(none, Err(EngineError::NoSuchMessage)));
    }

    /// Bob's message with a file that is on the relay.
    async fn arrived(engine: &Engine, bob: AccountId) -> MessageId {
        let pointer = AttachmentPointer {
            blob: BlobId([1; 16]),
            key: [2; 32],
            digest: [3; 32],
            size: 1000,
            name: "photo.png".to_owned(),
            media_type: "image/png".to_owned(),
        };
        let attachment =
            Attachment { pointer, caption: String::new(), reply_to: None, mentions: Vec::new() };
        let content = content::new(attachment, now(), None);
        let id = content.id;
        let job = engine.shared.keeper.write(move |tx, _| {
            tx.record_content(bob.into(), bob, &content, now())?;
            Ok(())
        });
        job.await.unwrap();
        id
    }

    #[tokio::test]
    async fn a_download_that_is_given_up_leaves_nothing_and_can_be_asked_for_again() {
        let offline = Offline::new();
        let Offline { engine, bob, .. } = &offline;
        let id = arrived(engine, *bob).await;
        let (to, attachments) = (offline.profile().join("photo.png"), &engine.shared.attachments);
        let part = attachments.join(format!("{}.part", BlobId([1; 16])));
        // A download waits for a connection that is on its way.
        engine.shared.state.send_replace(ConnectionState::Connecting);
        for _ in 0..2 {
            fs::write(&part, "the first bytes").unwrap();
            let mut events = engine.subscribe();
            let give_up = async {
                while lock(&engine.shared.transfers.0).len() < 2 {
                    tokio::task::yield_now().await;
                }
                engine.cancel_transfer(*bob, id).await.unwrap()
            };
            // The second waits for the first.
            let save = || engine.save_attachment(*bob, id, &to);
            let (saved, waited, message) = tokio::join!(save(), save(), give_up);
            assert!(matches!(saved, Err(EngineError::Cancelled)), "{saved:?}");
            assert!(matches!(waited, Err(EngineError::Cancelled)), "{waited:?}");
            assert_eq!(transfer(&message), Transfer::Remote);
            assert_eq!(events.recv().await.unwrap(), Event::MessageChanged { message });
            assert!(!part.exists() && !to.exists());
        }
        assert!(lock(&engine.shared.transfers.0).is_empty());
    }
}
