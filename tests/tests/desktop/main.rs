//! The desktop app as a person uses it: the real window over a real engine, with a real relay on
//! loopback, on Slint's testing backend. What is on the screen is found by its accessible labels.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by a panic"
)]

mod admin;
mod appearance;
mod conversation;
mod files;
mod keyboard;
mod people;
mod reading;
mod room_life;
mod rooms;
mod settings;
mod welcome;
mod window;

use std::path::PathBuf;

use sotto_client::{Engine, NewAccount, proto::AccountId};
use sotto_tests::{Canvas, Desk, Person, RelayProcess};
use sotto_ui::{Arguments, Clock};
use tempfile::TempDir;

const PASSWORD: &str = "a lantern in the harbour";

/// A relay, and somebody at a desktop app on it.
struct Scene {
    relay: RelayProcess,
    home: TempDir,
    desk: Desk,
}

impl Scene {
    /// At the first screen.
    fn begin() -> Self {
        let relay = RelayProcess::start();
        let home = tempfile::tempdir().unwrap();
        let desk = start(&home);
        Self { relay, home, desk }
    }

    /// Registered as `alice`, and online.
    fn registered() -> Self {
        let scene = Self::begin();
        scene.desk.fill("Relay link", &scene.relay.link().to_string());
        scene.desk.press("Continue");
        scene.desk.fill("Username", "alice");
        scene.desk.fill("Password", PASSWORD);
        scene.desk.press("Create account");
        scene.desk.see("Online");
        scene
    }

    /// Registered, and in a conversation with `bob`, who is a contact.
    fn with_bob() -> (Self, Person) {
        let scene = Self::registered();
        let bob = scene.person("bob");
        scene.add("bob");
        Desk::block_on(bob.engine.add_contact("alice")).unwrap();
        (scene, bob)
    }

    /// Somebody with an engine of their own.
    fn person(&self, name: &str) -> Person {
        Desk::block_on(Person::register(self.relay.link(), name))
    }

    /// Starts a chat by a username.
    fn add(&self, name: &str) {
        self.desk.press("New chat");
        self.desk.fill("Username or contact link", name);
        self.desk.press("Start the chat");
        self.desk.see(&format!("Message to {name}"));
    }

    /// Writes a message to the open conversation.
    fn say(&self, to: &str, text: &str) {
        self.desk.fill(&format!("Message to {to}"), text);
        self.desk.press("Send");
    }
}

/// The home of somebody who is registered as `alice` and has no app open, and the profile's folder.
fn away(relay: &RelayProcess) -> (TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("profiles/alice");
    let engine = Desk::block_on(Engine::register(NewAccount {
        folder: folder.clone(),
        relay: relay.link().clone(),
        username: "alice".parse().unwrap(),
        display_name: "alice".parse().unwrap(),
        password: PASSWORD.into(),
        passphrase: PASSWORD.into(),
        invitation: None,
    }));
    Desk::block_on(engine.unwrap().shutdown());
    (home, folder)
}

/// The app on the profiles in `home`.
fn start(home: &TempDir) -> Desk {
    Desk::start(home.path(), Canvas::None, Arguments::default(), Clock::system())
}

/// Connects again after the relay was away, unless the app has done so by itself in the meantime.
fn connect_again(desk: &Desk) {
    desk.until("the app is online again", |desk| {
        if let Some(button) = desk.control("Connect again") {
            button.invoke_accessible_default_action();
        }
        desk.sees("Online")
    });
}

/// Waits until somebody was told `text` by the person at the desktop.
fn heard(scene: &Scene, person: &Person, text: &str) {
    let alice = alice_of(person);
    scene.desk.until(&format!("{} hears '{text}'", person.name()), |_| {
        let page = sotto_client::Page::Latest;
        let history = Desk::block_on(person.engine.history(alice, page, 100)).unwrap();
        history.iter().any(|message| !message.outgoing && message.text() == Some(text))
    });
}

/// What somebody's contact, the person at the desktop, is called on the relay.
fn alice_of(person: &Person) -> AccountId {
    Desk::block_on(person.engine.contact("alice")).unwrap().account
}
