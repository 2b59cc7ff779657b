//! What people do in rooms.

use sotto_client::{
    Event, NewRoom, Page,
    model::{ConversationEvent, ConversationId, Message, MessageBody, RoomKind},
    proto::{MessageId, RoomId, content::RoomProfile},
};

use crate::{PATIENCE, Person, until};

/// What a room of this name looks like.
pub fn profile(name: &str) -> RoomProfile {
    RoomProfile { name: name.parse().unwrap(), topic: String::new(), picture: None }
}

impl Person {
    /// Makes a room by invitation with these contacts.
    pub async fn gather(&self, name: &str, people: &[&Self]) -> RoomId {
        self.make_room(RoomKind::Invite, name, people).await
    }

    /// Makes a room that anyone may join.
    pub async fn open_room(&self, name: &str) -> RoomId {
        self.make_room(RoomKind::Open, name, &[]).await
    }

    async fn make_room(&self, kind: RoomKind, name: &str, people: &[&Self]) -> RoomId {
        let people = people.iter().map(|person| person.account()).collect();
        let new = NewRoom { kind, profile: profile(name), people };
        self.engine.create_room(new).await.unwrap().id
    }

    /// Says something in a room, and waits until it is durable on the relay.
    pub async fn say(&self, room: RoomId, text: &str) -> MessageId {
        let message = self.engine.send_text(room, text, None).await.unwrap();
        self.engine.flush(PATIENCE).await.unwrap();
        message.id
    }

    /// Everything that stands in a room, oldest first.
    pub async fn log_of(&self, room: RoomId) -> Vec<Message> {
        let mut all = Vec::new();
        let mut page = Page::Latest;
        loop {
            let mut older = self.engine.history(room, page, 500).await.unwrap();
            let Some(first) = older.first() else { return all };
            page = Page::Before(first.id);
            older.append(&mut all);
            all = older;
        }
    }

    /// The texts that were said in a room, oldest first.
    pub async fn said_in(&self, room: RoomId) -> Vec<String> {
        let all = self.log_of(room).await.into_iter();
        all.filter_map(|message| message.text().map(str::to_owned)).collect()
    }

    /// The events that stand in a room, oldest first.
    pub async fn events_in(&self, room: RoomId) -> Vec<ConversationEvent> {
        let all = self.log_of(room).await.into_iter();
        all.filter_map(|message| match message.body {
            MessageBody::Event { event } => Some(event),
            _ => None,
        })
        .collect()
    }

    /// Waits until this was said in a room.
    pub async fn hears_in(&self, room: RoomId, text: &str) -> Message {
        self.finds_in(room, |message| message.text() == Some(text)).await
    }

    /// Waits until this happened in a room.
    pub async fn learns_in(&self, room: RoomId, what: impl Fn(&ConversationEvent) -> bool) {
        let fits = |message: &Message| match &message.body {
            MessageBody::Event { event } => what(event),
            _ => false,
        };
        self.finds_in(room, fits).await;
    }

    /// Waits until something that fits stands in a room.
    pub async fn finds_in(&self, room: RoomId, fits: impl Fn(&Message) -> bool) -> Message {
        let mut events = self.engine.subscribe();
        if let Some(message) = self.log_of(room).await.into_iter().find(&fits) {
            return message;
        }
        let room = ConversationId::Room(room);
        until(&mut events, |event| match event {
            Event::Message { message } | Event::MessageChanged { message }
                if message.conversation == room && fits(&message) =>
            {
                Some(message)
            }
            _ => None,
        })
        .await
    }
}
