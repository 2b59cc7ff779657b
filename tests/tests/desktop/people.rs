//! Strangers, contacts, keys that change, and finding who and what was said.

use sotto_tests::Desk;

use crate::{Scene, alice_of, heard};

/// A stranger who writes first.
fn stranger(scene: &Scene) -> sotto_tests::Person {
    let carol = scene.person("carol");
    let alice = Desk::block_on(carol.engine.add_contact("alice")).unwrap().account;
    Desk::block_on(carol.engine.send_text(alice, "You do not know me", None)).unwrap();
    carol
}

#[test]
fn a_request_is_apart_until_it_is_accepted() {
    let scene = Scene::registered();
    let carol = stranger(&scene);
    scene.desk.see("1 message request");
    assert!(!scene.desk.sees("You do not know me"));
    scene.desk.press("1 message request");
    scene.desk.press_like("carol");
    scene.desk.see("wants to write to you");
    scene.desk.see("You do not know me");
    assert!(scene.desk.control("Message to carol").is_none());
    scene.desk.press("Accept");
    scene.desk.see("Message to carol");
    scene.say("carol", "Now I do");
    heard(&scene, &carol, "Now I do");
    scene.desk.miss("1 message request");
}

#[test]
fn a_request_is_deleted_or_blocked() {
    let scene = Scene::registered();
    let carol = stranger(&scene);
    scene.desk.press("1 message request");
    scene.desk.press_like("carol");
    scene.desk.press("Delete");
    scene.desk.miss("carol");
    let alice = alice_of(&carol);
    Desk::block_on(carol.engine.send_text(alice, "Again", None)).unwrap();
    scene.desk.press("1 message request");
    scene.desk.press_like("carol");
    scene.desk.see("Again");
    scene.desk.press("Block");
    scene.desk.miss("1 message request");
    let engine = scene.desk.app.engine().unwrap();
    scene.desk.until("she is blocked", |_| {
        let contact = Desk::block_on(engine.contact("carol")).unwrap();
        contact.state == sotto_client::model::ContactState::Blocked
    });
}

#[test]
fn nothing_is_sent_to_a_changed_key_until_somebody_has_looked() {
    let (scene, mut bob) = Scene::with_bob();
    scene.say("bob", "before");
    heard(&scene, &bob, "before");
    scene.desk.press_like("About bob");
    scene.desk.press("Verified");
    scene.desk.see("You have compared it.");
    scene.desk.press("Close");
    Desk::block_on(bob.lose_everything_and_log_in(true));
    // The directory is asked when something is sent.
    scene.say("bob", "only for the Bob I know");
    scene.desk.see("The identity key of bob is another one");
    scene.desk.see("The identity key of bob changed. Nothing is sent until you have looked at it.");
    assert!(scene.desk.control("Message to bob").is_none(), "nothing can be written");
    scene.desk.press("Compare the safety number");
    scene.desk.see("Safety number with the new key");
    scene.desk.see("Never accepted");
    let engine = scene.desk.app.engine().unwrap();
    let number = Desk::block_on(engine.safety_number(bob.account())).unwrap();
    let first_groups = number.to_string()[..23].to_owned();
    scene.desk.see(&first_groups);
    scene.desk.press("Go on with the new key");
    scene.desk.see("You went on with the new identity key of bob.");
    scene.desk.press("Close");
    Desk::block_on(async {
        bob.engine.add_contact("alice").await.unwrap();
    });
    heard(&scene, &bob, "only for the Bob I know");
    scene.desk.see("Message to bob");
}

#[test]
fn people_and_messages_are_found() {
    let (scene, bob) = Scene::with_bob();
    let _carol = scene.person("carol");
    scene.say("bob", "the spare key is under the blue pot");
    heard(&scene, &bob, "the spare key is under the blue pot");
    scene.add("carol");
    scene.say("carol", "a pot of tea");
    scene.desk.fill("Search people and messages", "pot");
    scene.desk.see("Message in bob: the spare key is under the blue pot");
    scene.desk.see("Message in carol: a pot of tea");
    scene.desk.fill("Search people and messages", "blue pot");
    scene.desk.miss("Message in carol");
    scene.desk.press_like("Message in bob");
    scene.desk.see("Message to bob");
    scene.desk.fill("Search people and messages", "car");
    scene.desk.press_like("carol");
    scene.desk.see("Message to carol");
    scene.desk.fill("Search people and messages", "zebra");
    scene.desk.see("Nothing found.");
    // In one conversation only.
    scene.desk.press("Search in this conversation");
    scene.desk.fill("Search in the conversation with carol", "pot");
    scene.desk.see("Message in carol");
    assert!(!scene.desk.sees("Message in bob"));
    scene.desk.key(&[], slint::platform::Key::Escape);
    scene.desk.see("Search people and messages");
}

#[test]
fn whoever_is_added_must_be_there_and_not_oneself() {
    let scene = Scene::registered();
    scene.desk.press("New chat");
    scene.desk.fill("Username or contact link", "nobody.here");
    scene.desk.press("Start the chat");
    scene.desk.see("There is nobody of this name on the relay.");
    scene.desk.fill("Username or contact link", "alice");
    scene.desk.press("Start the chat");
    scene.desk.see("That is you.");
    let bob = scene.person("bob");
    scene.desk.fill("Username or contact link", "bo");
    scene.desk.see("On this relay");
    scene.desk.fill("Username or contact link", &bob.engine.contact_link().to_string());
    scene.desk.press("Start the chat");
    scene.desk.see("Message to bob");
}

#[test]
fn a_person_is_named_muted_pinned_blocked_and_removed() {
    let (scene, bob) = Scene::with_bob();
    let alice = alice_of(&bob);
    scene.desk.press_like("About bob");
    scene.desk.fill("Your name for this person", "Bobby");
    scene.desk.press("Save the name");
    scene.desk.see("About Bobby");
    scene.desk.press("Mute");
    scene.desk.press("Pin on top of the list");
    scene.desk.press("Close");
    scene.desk.see("Bobby, online, muted");
    // Somebody muted says something, and no notification is shown.
    scene.desk.app.set_focused(false);
    Desk::block_on(bob.engine.send_text(alice, "psst", None)).unwrap();
    scene.desk.see("psst");
    assert!(scene.desk.desktop.notified().is_empty());
    scene.desk.press_like("About Bobby");
    // Far down on the page: Tab brings it into view.
    let far_down = |control: &str| {
        crate::keyboard::tab_to(&scene.desk, control);
        scene.desk.key(&[], slint::platform::Key::Return);
    };
    far_down("Block");
    scene.desk.press("Close");
    scene.desk.see("You have blocked Bobby");
    scene.desk.press("Unblock");
    scene.desk.see("Message to Bobby");
    scene.desk.press_like("About Bobby");
    far_down("Remove with all messages…");
    far_down("Remove Bobby for good");
    scene.desk.miss("Bobby");
    scene.desk.see("Nobody here yet");
}

#[test]
fn who_is_online_is_seen() {
    let (scene, bob) = Scene::with_bob();
    scene.say("bob", "hello");
    heard(&scene, &bob, "hello");
    scene.desk.see("bob, online");
    Desk::block_on(bob.leave());
    scene.desk.see("Last seen today at");
    scene.desk.miss("bob, online");
}

#[test]
fn a_notification_says_who_wrote_while_nobody_looks() {
    let (scene, bob) = Scene::with_bob();
    let alice = alice_of(&bob);
    let say = |text: &str| {
        Desk::block_on(bob.engine.send_text(alice, text, None)).unwrap();
        scene.desk.see(text);
    };
    say("seen at once");
    assert!(scene.desk.desktop.notified().is_empty());
    scene.desk.app.set_focused(false);
    say("<b>look</b> here");
    let told = |count: usize| {
        scene.desk.until("a notification", |desk| desk.desktop.notified().len() == count);
        scene.desk.desktop.notified()[count - 1].clone()
    };
    assert_eq!(told(1), ("bob".to_owned(), "&lt;b&gt;look&lt;/b&gt; here".to_owned()));
    scene.desk.until("it is counted", |desk| desk.app.window().get_shown_title() == "(1) Sotto");
    scene.desk.press("Settings");
    scene.desk.press("Notifications");
    scene.desk.press("Show who wrote, and what");
    scene.desk.press("Close");
    say("a secret");
    assert_eq!(told(2), ("Sotto".to_owned(), "1 new message".to_owned()));
    scene.desk.app.set_focused(true);
    scene.desk.settle();
    scene.desk.until("all is read", |desk| desk.app.window().get_shown_title() == "Sotto");
}
