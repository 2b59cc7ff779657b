//! Reading: conversations, histories, search, what was read, preferences. None needs a connection.

use sotto_proto::{AccountId, MessageId, content::ReceiptState};

use super::{Engine, clock::now, error::EngineError, event::Event, sealing::queue_receipts};
use crate::{
    model::{ConversationSummary, Message, Preferences, SearchHit},
    vault::Page,
};

impl Engine {
    /// All conversations: the pinned ones, then the others; of each the one with the newest message
    /// first.
    pub async fn conversations(&self) -> Result<Vec<ConversationSummary>, EngineError> {
        self.shared.keeper.read(|view| Ok(view.conversations()?)).await
    }

    /// One conversation.
    pub async fn conversation(&self, with: AccountId) -> Result<ConversationSummary, EngineError> {
        let read = self
            .shared
            .keeper
            .read(move |view| view.conversation(with)?.ok_or(EngineError::NoSuchContact));
        read.await
    }

    /// At most `limit` messages of a conversation, oldest first.
    pub async fn history(
        &self,
        with: AccountId,
        page: Page,
        limit: usize,
    ) -> Result<Vec<Message>, EngineError> {
        self.shared.keeper.read(move |view| Ok(view.history(with, page, limit)?)).await
    }

    /// One message.
    pub async fn message(
        &self,
        with: AccountId,
        message: MessageId,
    ) -> Result<Message, EngineError> {
        let read = self
            .shared
            .keeper
            .read(move |view| view.message(with, message)?.ok_or(EngineError::NoSuchMessage));
        read.await
    }

    /// The owner has seen a conversation up to a message, or all of it: how many messages were
    /// unread. The contact is told, if it is accepted and the preferences say so.
    pub async fn mark_read(
        &self,
        with: AccountId,
        up_to: Option<MessageId>,
    ) -> Result<usize, EngineError> {
        let queue = move |tx: &crate::vault::Tx<'_>| {
            let read = tx.mark_read(with, up_to, now())?;
            let contact = tx.contact(with)?.ok_or(EngineError::NoSuchContact)?;
            if !read.is_empty() && contact.may_send() && tx.preferences()?.read_receipts {
                tx.owe_receipts(with, &read, ReceiptState::Read)?;
                queue_receipts(tx, with, now())?;
            }
            let unread = tx.conversation(with)?.map_or(0, |conversation| conversation.unread);
            Ok((read.len(), unread))
        };
        let (read, unread) = self.queue(with, queue).await?;
        if read > 0 {
            self.shared.wake.timers.notify_one();
            self.shared.tell(Event::Read { conversation: with, unread });
        }
        Ok(read)
    }

    /// At most `limit` messages that have all words of `query`, newest first.
    pub async fn search(
        &self,
        query: &str,
        within: Option<AccountId>,
        limit: usize,
    ) -> Result<Vec<SearchHit>, EngineError> {
        let query = query.to_owned();
        self.shared.keeper.read(move |view| Ok(view.search(&query, within, limit)?)).await
    }

    /// What the owner lets others see.
    pub async fn preferences(&self) -> Result<Preferences, EngineError> {
        self.shared.keeper.read(|view| Ok(view.preferences()?)).await
    }

    /// Sets what the owner lets others see.
    pub async fn set_preferences(&self, preferences: Preferences) -> Result<(), EngineError> {
        let job = self.shared.keeper.write(move |tx, _| Ok(tx.set_preferences(&preferences)?));
        job.await?;
        self.shared.wake.presence.notify_one();
        Ok(())
    }
}
