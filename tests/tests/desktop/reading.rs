//! Reading: the unread line, a long past, and what arrives meanwhile.

use slint::{ComponentHandle, Model};
use sotto_client::model::ContactState;
use sotto_proto::Timestamp;
use sotto_tests::{Canvas, Desk, Past, RelayProcess};
use sotto_ui::{Clock, generated::Conversation};

use crate::{PASSWORD, Scene, alice_of, away};

/// 2026-11-20 16:42 UTC.
const NOW: Timestamp = Timestamp(1_795_192_920_000);
const MINUTE: u64 = 60_000;

#[test]
fn unread_messages_stand_below_a_line() {
    let (scene, bob) = Scene::with_bob();
    let alice = alice_of(&bob);
    let _carol = scene.person("carol");
    scene.add("carol");
    for text in ["one", "two", "three"] {
        Desk::block_on(bob.engine.send_text(alice, text, None)).unwrap();
    }
    scene.desk.see("bob, 3 unread");
    scene.desk.press_like("bob, 3 unread");
    scene.desk.see("New messages");
    scene.desk.miss("bob, 3 unread");
    let last = {
        let page = sotto_client::Page::Latest;
        Desk::block_on(bob.engine.history(alice, page, 1)).unwrap()[0].id
    };
    scene.desk.until("bob learns that it was read", |_| {
        let message = Desk::block_on(bob.engine.message(alice, last)).unwrap();
        message.state == Some(sotto_client::model::MessageState::Read)
    });
}

/// Somebody with 1,000 messages of one conversation, the last of them unread ones.
fn with_a_past(unread: u64) -> (RelayProcess, tempfile::TempDir, Desk) {
    let relay = RelayProcess::start();
    let (home, folder) = away(&relay);
    let mut past = Past::of(&folder, PASSWORD);
    let began = Timestamp(NOW.0 - 2000 * MINUTE);
    let bob = past.contact("bob", "bob", ContactState::Accepted, began);
    past.write(|tx| {
        for number in 1..=1000_u64 {
            let at = Timestamp(began.0 + number * MINUTE);
            sotto_tests::hear(tx, bob, at, &format!("number {number}."))?;
            if number == 1000 - unread {
                tx.mark_read(bob.into(), None, at)?;
            }
        }
        Ok(())
    });
    drop(past);
    let clock = Clock::fixed(NOW);
    let desk = Desk::enter(home.path(), Canvas::None, "alice", PASSWORD, clock);
    desk.see("Online");
    (relay, home, desk)
}

fn rows(desk: &Desk) -> usize {
    desk.app.window().global::<Conversation>().get_rows().row_count()
}

/// The first message that is held, and the last.
fn held(desk: &Desk) -> (String, String) {
    let rows = desk.app.window().global::<Conversation>().get_rows();
    let texts: Vec<_> = rows.iter().map(|row| row.text).filter(|text| !text.is_empty()).collect();
    (texts.first().unwrap().to_string(), texts.last().unwrap().to_string())
}

#[test]
fn a_long_past_is_read_page_by_page_in_bounded_memory() {
    let (_relay, _home, desk) = with_a_past(0);
    desk.press_like("bob");
    desk.until("the conversation is open", |desk| rows(desk) > 0);
    assert!(rows(&desk) < 60, "{} rows for the first page", rows(&desk));
    let conversation = desk.app.window().global::<Conversation>();
    let mut most = 0;
    crate::keyboard::tab_to(&desk, "Messages with bob");
    for _ in 0..200 {
        desk.key(&[], slint::platform::Key::PageUp);
        desk.until("what is above is loaded", |desk| !desk.app.is_loading());
        most = most.max(rows(&desk));
    }
    assert_eq!(held(&desk).0, "number 1.");
    assert!(conversation.get_at_oldest() && !conversation.get_at_newest());
    assert!(most < 200, "{most} rows were held");
    desk.press_like("To the newest message");
    desk.until("the end is there", |_| conversation.get_at_newest());
    assert_eq!(held(&desk).1, "number 1000.");
    assert!(rows(&desk) < 60);
}

#[test]
fn what_is_looked_at_stays_when_older_messages_come() {
    let (_relay, _home, desk) = with_a_past(0);
    desk.press_like("bob");
    desk.until("the conversation is open", |desk| rows(desk) > 0);
    let place = |text: &str| {
        let found = desk
            .elements()
            .into_iter()
            .find(|element| element.accessible_label().is_some_and(|label| label.ends_with(text)));
        found.map(|element| element.absolute_position().y)
    };
    let before = place(": number 990.").unwrap();
    let conversation = desk.app.window().global::<Conversation>();
    conversation.invoke_load_older();
    desk.until("a page more", |desk| !desk.app.is_loading());
    assert_eq!(held(&desk).0, "number 921.");
    let after = place(": number 990.").unwrap();
    assert!((before - after).abs() < 1.0, "it moved from {before} to {after}");
}

#[test]
fn many_unread_messages_open_where_reading_goes_on() {
    let (_relay, _home, desk) = with_a_past(300);
    desk.see("bob, 300 unread");
    desk.press_like("bob, 300 unread");
    desk.see("New messages");
    desk.see("number 701.");
    let conversation = desk.app.window().global::<Conversation>();
    assert!(!conversation.get_at_newest());
    desk.press_like("To the newest message");
    desk.see("number 1000.");
    desk.miss("bob, 300 unread");
}

#[test]
fn a_message_that_was_found_far_back_is_shown_in_its_place() {
    let (_relay, _home, desk) = with_a_past(0);
    desk.fill("Search people and messages", "321");
    desk.press_like("Message in bob: number 321.");
    desk.see("number 321.");
    desk.see("number 320.");
    desk.see("number 322.");
    desk.key(&[slint::platform::Key::Control], slint::platform::Key::End);
    desk.see("number 1000.");
}
