//! Reading: conversations, histories, search, what was read, preferences. None needs a connection.

use sotto_proto::{MessageId, RoomId, content::ReceiptState};

use super::{
    Engine,
    clock::now,
    error::EngineError,
    event::Event,
    sealing::{may_hear, queue_receipts},
};
use crate::{
    model::{
        ConversationId, ConversationSummary, Correspondent, Message, Preferences, Room, RoomMember,
        SearchHit,
    },
    vault::{Page, Tx, View},
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
    pub async fn conversation(
        &self,
        with: impl Into<ConversationId>,
    ) -> Result<ConversationSummary, EngineError> {
        let with = with.into();
        self.shared.keeper.read(move |view| require(view, with)).await
    }

    /// Whether the owner wants no notice of what comes here. It is for the faces to heed.
    pub async fn set_muted(
        &self,
        conversation: impl Into<ConversationId>,
        muted: bool,
    ) -> Result<ConversationSummary, EngineError> {
        let id = conversation.into();
        self.change_conversation(id, move |tx| Ok(tx.set_muted(id, muted)?)).await
    }

    /// Whether a conversation stands above the others.
    pub async fn set_pinned(
        &self,
        conversation: impl Into<ConversationId>,
        pinned: bool,
    ) -> Result<ConversationSummary, EngineError> {
        let id = conversation.into();
        self.change_conversation(id, move |tx| Ok(tx.set_pinned(id, pinned)?)).await
    }

    /// Changes a conversation and tells of it.
    async fn change_conversation(
        &self,
        id: ConversationId,
        change: impl FnOnce(&Tx<'_>) -> Result<(), EngineError> + Send + 'static,
    ) -> Result<ConversationSummary, EngineError> {
        let job = self.shared.keeper.write(move |tx, _| {
            require(tx, id)?;
            change(tx)?;
            require(tx, id)
        });
        let changed = job.await?;
        self.shared.tell(match changed.with.clone() {
            Correspondent::Contact(contact) => Event::Contact { contact },
            Correspondent::Room(room) => Event::Room { room },
        });
        Ok(changed)
    }

    /// All rooms of all states, by name.
    pub async fn rooms(&self) -> Result<Vec<Room>, EngineError> {
        self.shared.keeper.read(|view| Ok(view.rooms()?)).await
    }

    /// The picture of a room, if it has one: an encoded image, as whoever set it has made it.
    pub async fn room_picture(&self, room: RoomId) -> Result<Option<Vec<u8>>, EngineError> {
        self.shared.keeper.read(move |view| Ok(view.room_picture(room)?)).await
    }

    /// Those who are in a room, by name.
    pub async fn room_members(&self, room: RoomId) -> Result<Vec<RoomMember>, EngineError> {
        self.shared.keeper.read(move |view| Ok(view.room_members(room)?)).await
    }

    /// Those who are in a room, and those who were: whoever may have said something in it.
    pub async fn room_people(&self, room: RoomId) -> Result<Vec<RoomMember>, EngineError> {
        self.shared.keeper.read(move |view| Ok(view.room_people(room)?)).await
    }

    /// At most `limit` messages of a conversation, oldest first.
    pub async fn history(
        &self,
        with: impl Into<ConversationId>,
        page: Page,
        limit: usize,
    ) -> Result<Vec<Message>, EngineError> {
        let with = with.into();
        self.shared.keeper.read(move |view| Ok(view.history(with, page, limit)?)).await
    }

    /// One message.
    pub async fn message(
        &self,
        with: impl Into<ConversationId>,
        message: MessageId,
    ) -> Result<Message, EngineError> {
        let with = with.into();
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
        with: impl Into<ConversationId>,
        before: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<Message>, EngineError> {
        let with = with.into();
        self.shared.keeper.read(move |view| Ok(view.shared_files(with, before, limit)?)).await
    }

    /// The oldest message of a conversation that is unread.
    pub async fn first_unread(
        &self,
        with: impl Into<ConversationId>,
    ) -> Result<Option<MessageId>, EngineError> {
        let with = with.into();
        self.shared.keeper.read(move |view| Ok(view.first_unread(with)?)).await
    }

    /// How many own messages are on this computer only, and are to leave.
    pub async fn queued(&self) -> Result<u64, EngineError> {
        self.shared.keeper.read(|view| Ok(view.queued()?)).await
    }

    /// The owner has seen a conversation up to a message, or all of it: how many messages were
    /// unread. An accepted contact, or the room, is told if the preferences say so.
    pub async fn mark_read(
        &self,
        with: impl Into<ConversationId>,
        up_to: Option<MessageId>,
    ) -> Result<usize, EngineError> {
        let with = with.into();
        let queue = move |tx: &Tx<'_>| {
            require(tx, with)?;
            let read = tx.mark_read(with, up_to, now())?;
            if !read.is_empty() && may_hear(tx, with)? && tx.preferences()?.read_receipts {
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
        within: Option<ConversationId>,
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

pub(super) fn require(view: &View, id: ConversationId) -> Result<ConversationSummary, EngineError> {
    view.conversation(id)?.ok_or(match id {
        ConversationId::Contact(_) => EngineError::NoSuchContact,
        ConversationId::Room(_) => EngineError::NoSuchRoom,
    })
}

/// What a face's setting is called in the vault.
fn face_key(key: &str) -> String {
    format!("{FACE}{key}")
}

#[cfg(test)]
mod tests {
    use sotto_proto::{
        AccountId,
        content::{Body, Text},
    };

    use super::super::{content, tests::Offline};
    use super::*;

    #[tokio::test]
    async fn who_is_muted_or_pinned_is_told() {
        let Offline { engine, bob, .. } = &Offline::new();
        let mut events = engine.subscribe();
        let told = |changed: &ConversationSummary| {
            let contact = changed.with.contact().unwrap().clone();
            assert_eq!((contact.muted, contact.pinned), (changed.muted, changed.pinned));
            Event::Contact { contact }
        };
        let muted = engine.set_muted(*bob, true).await.unwrap();
        assert_eq!(events.recv().await.unwrap(), told(&muted));
        let pinned = engine.set_pinned(*bob, true).await.unwrap();
        assert!(pinned.muted && pinned.pinned);
        assert_eq!(events.recv().await.unwrap(), told(&pinned));
        let nobody = engine.set_pinned(AccountId([9; 16]), true).await;
        assert!(matches!(nobody, Err(EngineError::NoSuchContact)));
        let nowhere = engine.set_pinned(RoomId([9; 16]), true).await;
        assert!(matches!(nowhere, Err(EngineError::NoSuchRoom)));
    }

    #[tokio::test]
    async fn what_was_read_in_a_room_is_told_the_room() {
        let offline = Offline::new();
        let engine = &offline.engine;
        let room = offline.join_room().await;
        let carol = AccountId([3; 16]);
        let hear = engine.shared.keeper.write(move |tx, _| {
            let text = Text { text: "hello".to_owned(), reply_to: None, mentions: Vec::new() };
            for _ in 0..2 {
                let content = content::new(text.clone(), now(), None);
                tx.record_content(room.into(), carol, &content, now())?;
            }
            Ok(())
        });
        hear.await.unwrap();
        let mut events = engine.subscribe();
        assert_eq!(engine.mark_read(room, None).await.unwrap(), 2);
        let read = Event::Read { conversation: room.into(), unread: 0 };
        assert_eq!(events.recv().await.unwrap(), read);
        let waiting = engine.shared.keeper.read(move |view| Ok(view.waiting(room.into(), 9)?));
        let waiting = waiting.await.unwrap();
        assert!(matches!(&waiting[..], [one] if matches!(&one.content.body,
            Body::Receipt(receipt) if receipt.messages.len() == 2)));
        let names: Vec<_> =
            engine.room_members(room).await.unwrap().iter().map(RoomMember::name).collect();
        assert_eq!(names, ["anna", "bob", "Carol"]);
    }

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
