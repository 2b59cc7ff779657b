//! Sending and receiving, and all that can be done with a message.

use sotto_client::model::MessageBody;
use sotto_tests::{Desk, Person};

use crate::{Scene, alice_of, connect_again, heard};

/// Says something to the person at the desktop.
fn tell(from: &Person, text: &str) -> sotto_client::proto::MessageId {
    let alice = alice_of(from);
    Desk::block_on(from.engine.send_text(alice, text, None)).unwrap().id
}

#[test]
fn a_message_goes_and_an_answer_comes() {
    let (scene, bob) = Scene::with_bob();
    scene.say("bob", "Are you there?");
    assert_eq!(scene.desk.value("Message to bob"), "");
    heard(&scene, &bob, "Are you there?");
    scene.desk.see("Are you there?. Delivered");
    tell(&bob, "I am.");
    scene.desk.see("bob, ");
    scene.desk.see("I am.");
    let alice = alice_of(&bob);
    Desk::block_on(bob.engine.mark_read(alice, None)).unwrap();
    scene.desk.see("Are you there?. Read");
}

#[test]
fn the_keyboard_alone_is_enough_to_write() {
    let (scene, bob) = Scene::with_bob();
    scene.desk.type_text("one");
    scene.desk.key(&[slint::platform::Key::Shift], slint::platform::Key::Return);
    scene.desk.type_text("two");
    assert_eq!(scene.desk.value("Message to bob"), "one\ntwo");
    scene.desk.key(&[], slint::platform::Key::Return);
    heard(&scene, &bob, "one\ntwo");
    // The last message is changed by the key Up.
    scene.desk.see("one\ntwo. Delivered");
    scene.desk.key(&[], slint::platform::Key::UpArrow);
    scene.desk.see("Edit the message");
    assert_eq!(scene.desk.value("Message to bob"), "one\ntwo");
    scene.desk.type_text("!");
    scene.desk.key(&[], slint::platform::Key::Return);
    heard(&scene, &bob, "one\ntwo!");
    scene.desk.see("one\ntwo!, edited");
    assert_eq!(scene.desk.value("Message to bob"), "");
}

#[test]
fn an_own_message_is_edited_and_deleted_for_both() {
    let (scene, bob) = Scene::with_bob();
    scene.say("bob", "Tusday");
    heard(&scene, &bob, "Tusday");
    scene.desk.press_like("You, ");
    scene.desk.press("Edit");
    scene.desk.fill("Message to bob", "Tuesday");
    scene.desk.press("Save the change");
    heard(&scene, &bob, "Tuesday");
    scene.desk.see("Tuesday, edited");
    scene.desk.press_like("You, ");
    scene.desk.press("Delete for everyone");
    scene.desk.see("This message was deleted");
    let alice = alice_of(&bob);
    scene.desk.until("it is deleted at bob's too", |_| {
        let page = sotto_client::Page::Latest;
        let history = Desk::block_on(bob.engine.history(alice, page, 10)).unwrap();
        history.iter().any(|message| message.body == MessageBody::Deleted)
    });
}

#[test]
fn an_edit_that_is_given_up_changes_nothing() {
    let (scene, bob) = Scene::with_bob();
    scene.say("bob", "as it was");
    heard(&scene, &bob, "as it was");
    scene.desk.fill("Message to bob", "half a thought");
    scene.desk.press_like("You, ");
    scene.desk.press("Edit");
    assert_eq!(scene.desk.value("Message to bob"), "as it was");
    scene.desk.key(&[], slint::platform::Key::Escape);
    assert_eq!(scene.desk.value("Message to bob"), "half a thought");
    scene.desk.miss("edited");
}

#[test]
fn an_answer_shows_its_original_and_goes_there() {
    let (scene, bob) = Scene::with_bob();
    tell(&bob, "Which colour?");
    scene.desk.see("Which colour?");
    scene.desk.press_like("bob, ");
    scene.desk.press("Reply");
    scene.desk.see("Answer bob: Which colour?");
    scene.say("bob", "Green");
    scene.desk.see("Answers bob: Which colour?");
    scene.desk.miss("Answer bob: Which colour?");
    scene.desk.press("Answers bob: Which colour?");
    let alice = alice_of(&bob);
    heard(&scene, &bob, "Green");
    let page = sotto_client::Page::Latest;
    let history = Desk::block_on(bob.engine.history(alice, page, 10)).unwrap();
    let original = history.iter().find(|message| message.text() == Some("Which colour?"));
    let answer = history.iter().find(|message| message.text() == Some("Green"));
    assert_eq!(answer.unwrap().reply_to, Some(original.unwrap().id));
}

#[test]
fn reactions_go_both_ways_and_are_taken_back() {
    let (scene, bob) = Scene::with_bob();
    scene.say("bob", "It is done");
    heard(&scene, &bob, "It is done");
    let alice = alice_of(&bob);
    let message = {
        let page = sotto_client::Page::Latest;
        Desk::block_on(bob.engine.history(alice, page, 10)).unwrap().last().unwrap().id
    };
    Desk::block_on(bob.engine.react(alice, message, Some("🎉"))).unwrap();
    scene.desk.see("bob reacted with 🎉");
    scene.desk.press_like("You, ");
    scene.desk.press("👍");
    scene.desk.see("You reacted with 👍; take it back");
    scene.desk.press("You reacted with 👍; take it back");
    scene.desk.miss("You reacted with 👍");
    scene.desk.press_like("You, ");
    scene.desk.press("Another reaction");
    scene.desk.press("🚀");
    scene.desk.see("You reacted with 🚀");
}

#[test]
fn an_emoji_comes_to_where_the_cursor_is() {
    let (scene, _bob) = Scene::with_bob();
    scene.desk.type_text("ab");
    scene.desk.key(&[], slint::platform::Key::LeftArrow);
    scene.desk.press("Emoji");
    scene.desk.press("🎉");
    assert_eq!(scene.desk.value("Message to bob"), "a🎉b");
    scene.desk.type_text("c");
    assert_eq!(scene.desk.value("Message to bob"), "a🎉cb");
}

#[test]
fn a_draft_waits_in_its_conversation() {
    let (scene, _bob) = Scene::with_bob();
    let _carol = scene.person("carol");
    scene.desk.fill("Message to bob", "Dear Bob, I");
    scene.add("carol");
    assert_eq!(scene.desk.value("Message to carol"), "");
    scene.desk.see("Draft: Dear Bob, I");
    scene.desk.press_like("bob");
    scene.desk.see("Message to bob");
    scene.desk.until("the draft is back", |desk| desk.value("Message to bob") == "Dear Bob, I");
}

#[test]
fn what_is_written_offline_waits_and_is_counted() {
    let (mut scene, bob) = Scene::with_bob();
    scene.relay.kill();
    scene.desk.miss("Online");
    scene.say("bob", "into the dark");
    scene.desk.see("into the dark. Waiting to be sent");
    scene.desk.see("1 message wait");
    scene.relay.restart();
    connect_again(&scene.desk);
    heard(&scene, &bob, "into the dark");
    scene.desk.see("into the dark. Delivered");
    scene.desk.see("Online");
}

#[test]
fn typing_is_seen_while_it_lasts() {
    let (scene, bob) = Scene::with_bob();
    scene.say("bob", "hello");
    heard(&scene, &bob, "hello");
    let alice = alice_of(&bob);
    scene.desk.until("typing is shown", |desk| {
        Desk::block_on(bob.engine.typing(alice, true)).unwrap();
        desk.sees("typing…")
    });
    Desk::block_on(bob.engine.typing(alice, false)).unwrap();
    scene.desk.miss("typing…");
}

#[test]
fn a_link_opens_in_the_browser_and_a_text_is_copied() {
    let (scene, bob) = Scene::with_bob();
    tell(&bob, "look: https://sea.example/charts and file:///etc/passwd");
    scene.desk.press("Open the link https://sea.example/charts");
    scene.desk.until("it is open", |desk| desk.desktop.opened() == ["https://sea.example/charts"]);
    assert!(scene.desk.control_like("Open the link file").is_none());
    scene.desk.press_like("bob, ");
    scene.desk.press("Copy text");
    let copied = scene.desk.desktop.copied();
    assert_eq!(copied, ["look: https://sea.example/charts and file:///etc/passwd"]);
    scene.desk.see("Copied");
}

#[test]
fn disappearing_messages_say_so_and_go() {
    let (scene, bob) = Scene::with_bob();
    scene.desk.press_like("About bob");
    scene.desk.press("Messages disappear after they were read: 30 seconds");
    scene.desk.see("You set messages to disappear 30 seconds after they were read.");
    scene.desk.press("Close");
    scene.desk.see("Message to bob");
    let alice = alice_of(&bob);
    scene.desk.until("bob knows of the timer", |_| {
        Desk::block_on(bob.engine.conversation(alice)).unwrap().timer == Some(30)
    });
    Desk::block_on(bob.engine.set_timer(alice, None)).unwrap();
    scene.desk.see("bob set messages to stay.");
}
