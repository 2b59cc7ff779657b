//! Reading: conversations, histories, search, what was read, preferences. None needs a connection.

use sotto_proto::{AccountId, MessageId, content::ReceiptState};

use super::{Engine, clock::now, error::EngineError, event::Event, sealing::queue_receipts};
use crate::{
    model::{ConversationSummary, Message, Preferences, SearchHit},
    vault::Page,
};

/// What the settings of faces are called in the vault, before their own names: the engine's own
/// have other names.
const FACE: &str = "face/";

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

    /// At most `limit` messages of a conversation that have a file, the newest first; those before
    /// the message `before`, if one is named. Deleted ones have none.
    pub async fn shared_files(
        &self,
        with: AccountId,
        before: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<Message>, EngineError> {
        self.shared.keeper.read(move |view| Ok(view.shared_files(with, before, limit)?)).await
    }

    /// The oldest message of a conversation that is unread.
    pub async fn first_unread(&self, with: AccountId) -> Result<Option<MessageId>, EngineError> {
        self.shared.keeper.read(move |view| Ok(view.first_unread(with)?)).await
    }

    /// How many own messages are on this computer only, and are to leave.
    pub async fn queued(&self) -> Result<u64, EngineError> {
        self.shared.keeper.read(|view| Ok(view.queued()?)).await
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

    /// A setting of a face's own, as the face has set it. The engine does not look at it.
    pub async fn setting(&self, key: &str) -> Result<Option<String>, EngineError> {
        let key = face_key(key);
        self.shared.keeper.read(move |view| Ok(view.setting(&key)?)).await
    }

    /// Sets a setting of a face's own, or forgets it. All faces of a profile share them.
    pub async fn set_setting(&self, key: &str, value: Option<&str>) -> Result<(), EngineError> {
        let (key, value) = (face_key(key), value.map(str::to_owned));
        let job =
            self.shared.keeper.write(move |tx, _| Ok(tx.set_setting(&key, value.as_deref())?));
        job.await
    }
}

/// What a face's setting is called in the vault.
fn face_key(key: &str) -> String {
    format!("{FACE}{key}")
}

#[cfg(test)]
mod tests {
    use super::super::tests::Offline;
    use super::*;
    use crate::vault::View;

    #[tokio::test]
    async fn a_face_has_settings_of_its_own() {
        let Offline { engine, .. } = &Offline::new();
        engine.set_setting("preferences", Some("dark")).await.unwrap();
        assert_eq!(engine.setting("preferences").await.unwrap().as_deref(), Some("dark"));
        assert_eq!(engine.preferences().await.unwrap(), Preferences::default());
        engine.set_preferences(Preferences::default()).await.unwrap();
        assert_eq!(engine.setting("preferences").await.unwrap().as_deref(), Some("dark"));
        engine.set_setting("preferences", None).await.unwrap();
        assert_eq!(engine.setting("preferences").await.unwrap(), None);
        let engine_has = |view: &View| Ok(view.setting("preferences")?);
        assert!(engine.shared.keeper.read(engine_has).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn what_has_not_left_is_counted() {
        let Offline { engine, bob, .. } = &Offline::new();
        assert_eq!(engine.queued().await.unwrap(), 0);
        engine.send_text(*bob, "one", None).await.unwrap();
        let second = engine.send_text(*bob, "two", None).await.unwrap();
        assert_eq!(engine.queued().await.unwrap(), 2);
        engine.delete_for_all(*bob, second.id).await.unwrap();
        assert_eq!(engine.queued().await.unwrap(), 1);
    }
}
