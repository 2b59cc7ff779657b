//! Somebody with an engine in this process, who can go away and come back.

use std::path::PathBuf;

use sotto_client::{
    Engine, Event, ExistingAccount, NewAccount, Page, Secret,
    model::{Message, MessageState},
    proto::{AccountId, MessageId, link::RelayLink},
};
use tempfile::TempDir;
use tokio::{sync::broadcast, time::timeout};

use crate::PATIENCE;

/// Somebody on a relay.
pub struct Person {
    /// The engine; shut down while the person is [away](Person::leave).
    pub engine: Engine,
    name: String,
    relay: RelayLink,
    home: TempDir,
}

impl Person {
    /// Somebody new, connected.
    pub async fn register(relay: &RelayLink, name: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let engine = Engine::register(NewAccount {
            folder: home.path().join("profile"),
            relay: relay.clone(),
            username: name.parse().unwrap(),
            display_name: name.parse().unwrap(),
            password: password(name),
            passphrase: password(name),
            invitation: None,
        });
        let engine = engine.await.unwrap();
        engine.connect().await.unwrap();
        Self { engine, name: name.to_owned(), relay: relay.clone(), home }
    }

    /// The username.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The relay that the account is on.
    pub fn relay(&self) -> &RelayLink {
        &self.relay
    }

    /// The password, of account and vault alike.
    pub fn password(&self) -> String {
        format!("the password of {}", self.name)
    }

    /// The profile's folder.
    pub fn folder(&self) -> PathBuf {
        self.home.path().join("profile")
    }

    /// A folder for files of one's own.
    pub fn home(&self) -> PathBuf {
        self.home.path().to_owned()
    }

    /// What the relay calls this account.
    pub fn account(&self) -> AccountId {
        self.engine.me().account
    }

    /// Closes the engine, as quitting the app does.
    pub async fn leave(&self) {
        self.engine.clone().shutdown().await;
    }

    /// Opens the engine again after [`Person::leave`], without a connection.
    pub async fn open(&mut self) {
        self.engine = Engine::open(&self.folder(), password(&self.name)).await.unwrap();
    }

    /// Opens the engine again, connects, and fetches what waits.
    pub async fn come_back(&mut self) {
        self.open().await;
        self.engine.connect().await.unwrap();
        self.engine.sync(PATIENCE).await.unwrap();
    }

    /// Loses everything on this computer but the password, and logs in on a new one.
    pub async fn lose_everything_and_log_in(&mut self, new_identity: bool) {
        self.leave().await;
        self.home = tempfile::tempdir().unwrap();
        let engine = Engine::log_in(ExistingAccount {
            folder: self.folder(),
            relay: self.relay.clone(),
            username: self.name.parse().unwrap(),
            password: password(&self.name),
            passphrase: password(&self.name),
            new_identity,
        });
        self.engine = engine.await.unwrap();
        self.engine.connect().await.unwrap();
    }

    /// Logs in to somebody else's account from here, with that one's password.
    pub async fn log_in_as(&mut self, name: &str) -> Engine {
        let engine = Engine::log_in(ExistingAccount {
            folder: self.home.path().join("another profile"),
            relay: self.relay.clone(),
            username: name.parse().unwrap(),
            password: password(name),
            passphrase: password(name),
            new_identity: false,
        });
        engine.await.unwrap()
    }

    /// Both make the other a contact.
    pub async fn befriend(&self, other: &Self) {
        self.engine.add_contact(&other.name).await.unwrap();
        other.engine.add_contact(&self.name).await.unwrap();
    }

    /// Sends a text, and waits until it is durable on the relay.
    pub async fn tell(&self, other: &Self, text: &str) -> MessageId {
        let message = self.engine.send_text(other.account(), text, None).await.unwrap();
        self.engine.flush(PATIENCE).await.unwrap();
        message.id
    }

    /// The whole conversation, oldest first.
    pub async fn history(&self, with: &Self) -> Vec<Message> {
        let mut all = Vec::new();
        let mut page = Page::Latest;
        loop {
            let mut older = self.engine.history(with.account(), page, 500).await.unwrap();
            let Some(first) = older.first() else { return all };
            page = Page::Before(first.id);
            older.append(&mut all);
            all = older;
        }
    }

    /// The texts that the other has sent, oldest first.
    pub async fn heard(&self, from: &Self) -> Vec<String> {
        let all = self.history(from).await;
        let arrived = all.into_iter().filter(|message| !message.outgoing);
        arrived.filter_map(|message| message.text().map(str::to_owned)).collect()
    }

    /// How many messages of a conversation are unread.
    pub async fn unread(&self, with: &Self) -> u32 {
        self.engine.conversation(with.account()).await.unwrap().unread
    }

    /// Waits until a message that fits has arrived, or is there already.
    pub async fn hears(&self, from: &Self, text: &str) -> Message {
        let mut events = self.engine.subscribe();
        let fits = |message: &Message| {
            !message.outgoing
                && message.conversation == from.account().into()
                && message.text() == Some(text)
        };
        if let Some(message) = self.history(from).await.into_iter().find(fits) {
            return message;
        }
        until(&mut events, |event| match event {
            Event::Message { message } if fits(&message) => Some(message),
            _ => None,
        })
        .await
    }

    /// Waits until an own message is in a state.
    pub async fn sees(&self, to: &Self, message: MessageId, state: MessageState) {
        let mut events = self.engine.subscribe();
        if self.engine.message(to.account(), message).await.unwrap().state.as_ref() == Some(&state)
        {
            return;
        }
        until(&mut events, |event| match event {
            Event::MessageChanged { message: changed } => {
                (changed.id == message && changed.state.as_ref() == Some(&state)).then_some(())
            }
            _ => None,
        })
        .await;
    }
}

/// Waits for an event that `pick` takes.
pub async fn until<T>(
    events: &mut broadcast::Receiver<Event>,
    mut pick: impl FnMut(Event) -> Option<T>,
) -> T {
    let waiting = async {
        loop {
            let event = events.recv().await.expect("a test takes its events in time");
            if let Some(picked) = pick(event) {
                return picked;
            }
        }
    };
    timeout(PATIENCE, waiting).await.expect("it happens in time")
}

fn password(name: &str) -> Secret {
    Secret::from(format!("the password of {name}"))
}
