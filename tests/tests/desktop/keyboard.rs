//! The app without a pointer.

use std::collections::BTreeSet;

use i_slint_backend_testing::AccessibleRole;
use slint::{ComponentHandle, Model, platform::Key};
use sotto_tests::Desk;
use sotto_ui::generated::{Focus, Navigation, People, Sheet};

use crate::{PASSWORD, Scene, alice_of, heard};

/// More controls than any page has.
const STEPS_MAX: usize = 150;

#[test]
fn shortcuts_go_where_people_know_them_to() {
    let (scene, bob) = Scene::with_bob();
    let _carol = scene.person("carol");
    scene.say("bob", "first");
    heard(&scene, &bob, "first");
    scene.add("carol");
    scene.say("carol", "second");
    let desk = &scene.desk;
    let is_open = |name: &str| desk.see(&format!("Message to {name}"));
    desk.see("carol: You: second");
    desk.key(&[Key::Alt], Key::DownArrow);
    is_open("bob");
    desk.key(&[Key::Alt], Key::UpArrow);
    is_open("carol");
    desk.key(&[Key::Control], "2");
    is_open("bob");
    desk.key(&[Key::Control], "k");
    desk.type_text("car");
    desk.key(&[], Key::Return);
    is_open("carol");
    for (key, shown) in [("n", "Your own link"), (",", "Display name"), ("/", "Everywhere")] {
        desk.key(&[Key::Control], key);
        desk.see(shown);
        desk.key(&[], Key::Escape);
        desk.miss(shown);
    }
    desk.key(&[], Key::F1);
    desk.see("Keys and help");
    desk.key(&[], Key::Escape);
    desk.key(&[Key::Control], "f");
    desk.type_text("fir");
    desk.see("Message in bob: first");
    desk.key(&[], Key::DownArrow);
    desk.key(&[], Key::Return);
    is_open("bob");
    desk.key(&[], Key::Escape);
    let alice = alice_of(&bob);
    desk.press_like("carol");
    is_open("carol");
    Desk::block_on(bob.engine.send_text(alice, "unread", None)).unwrap();
    desk.see("bob, 1 unread");
    desk.key(&[Key::Alt, Key::Shift], Key::DownArrow);
    is_open("bob");
}

#[test]
fn messages_are_walked_by_arrows_and_opened_by_enter() {
    let (scene, bob) = Scene::with_bob();
    for text in ["one", "two", "three"] {
        scene.say("bob", text);
    }
    heard(&scene, &bob, "three");
    let desk = &scene.desk;
    tab_to(desk, "Messages with bob");
    desk.key(&[], Key::UpArrow);
    desk.key(&[Key::Control], "c");
    assert_eq!(desk.desktop.copied(), ["two"]);
    tab_to(desk, "Messages with bob");
    desk.key(&[], Key::Return);
    desk.see("Delete for everyone");
    tab_to(desk, "Edit");
    desk.key(&[], Key::Return);
    desk.see("Edit the message: two");
    desk.type_text("!");
    desk.key(&[], Key::Return);
    heard(&scene, &bob, "two!");
}

#[test]
fn in_a_narrow_window_list_and_conversation_are_two_pages() {
    let (scene, _bob) = Scene::with_bob();
    let desk = &scene.desk;
    desk.resize(420.0, 800.0);
    desk.see("Message to bob");
    assert!(desk.control("New chat").is_none());
    desk.key(&[], Key::Escape);
    desk.see("New chat");
    assert!(desk.control("Message to bob").is_none());
    desk.press_like("bob");
    desk.see("Message to bob");
    desk.press("Back to the conversations");
    desk.see("New chat");
}

#[test]
fn tab_reaches_every_control_of_every_page() {
    let scene = Scene::begin();
    let desk = &scene.desk;
    walk(desk, "the choice of a relay");
    desk.fill("Relay link", &scene.relay.link().to_string());
    desk.press("Continue");
    desk.press("Lock this computer with another passphrase");
    walk(desk, "registration");
    desk.press("Log in");
    walk(desk, "login");
    desk.press("Register");
    desk.press("Lock this computer with another passphrase");
    desk.fill("Username", "alice");
    desk.fill("Password", PASSWORD);
    desk.press("Create account");
    desk.see("Online");
    walk(desk, "the empty list");
    let bob = scene.person("bob");
    scene.add("bob");
    desk.see("Nothing written yet");
    walk(desk, "a conversation");
    scene.say("bob", "hello");
    heard_by_request(&scene, &bob);
    for sheet in [Sheet::NewChat, Sheet::Switcher, Sheet::Person, Sheet::Help, Sheet::Emoji] {
        desk.app.window().global::<Navigation>().invoke_open_sheet(sheet);
        desk.settle();
        walk(desk, &format!("{sheet:?}"));
        desk.key(&[], Key::Escape);
    }
    for page in ["Profile", "Devices", "Notifications", "Privacy", "Appearance", "Storage", "About"]
    {
        desk.press("Settings");
        desk.press(page);
        walk(desk, page);
        desk.key(&[], Key::Escape);
    }
    desk.press_like("You, ");
    walk(desk, "the menu of a message");
    desk.key(&[], Key::Escape);
    desk.key(&[Key::Control], "u");
    desk.see("Path of the file");
    walk(desk, "the path of a file");
    desk.key(&[], Key::Escape);
    let carol = scene.person("carol");
    let alice = Desk::block_on(carol.engine.add_contact("alice")).unwrap().account;
    Desk::block_on(carol.engine.send_text(alice, "hello", None)).unwrap();
    desk.press("1 message request");
    desk.press_like("carol");
    desk.see("wants to write to you");
    walk(desk, "a request");
}

/// Bob has heard a stranger.
fn heard_by_request(scene: &Scene, bob: &sotto_tests::Person) {
    scene.desk.until("bob has a request", |_| {
        !Desk::block_on(bob.engine.conversations()).unwrap().is_empty()
    });
}

/// Presses Tab until the keyboard is on the control.
pub(crate) fn tab_to(desk: &Desk, label: &str) {
    for _ in 0..STEPS_MAX {
        desk.key(&[], Key::Tab);
        if desk.app.window().global::<Focus>().get_on() == label {
            return;
        }
    }
    panic!("Tab does not come to {label}");
}

/// Walks through a page by Tab alone, until it begins anew, and holds what was come to against what
/// is on the screen. What belongs to a row of a list is reached in it, by arrows and its menu.
pub(crate) fn walk(desk: &Desk, page: &str) {
    // More comes into view as the keyboard moves on.
    let mut expected = controls(desk);
    let focus = desk.app.window().global::<Focus>();
    let mut reached = BTreeSet::new();
    for _ in 0..STEPS_MAX {
        let before = focus.get_moves();
        desk.key(&[], Key::Tab);
        if focus.get_moves() != before {
            let on = focus.get_on().to_string();
            assert!(!on.is_empty(), "{page}: something without a label has the keyboard");
            reached.insert(on);
            expected.append(&mut controls(desk));
        }
    }
    let missed: Vec<_> = expected.difference(&reached).collect();
    assert!(missed.is_empty(), "{page}: Tab never comes to {missed:?}; it comes to {reached:?}");
    let hidden: Vec<_> = reached.difference(&expected).collect();
    assert!(hidden.is_empty(), "{page}: Tab comes to {hidden:?}, which is behind or not there");
}

/// The labels of what can be operated in what is on top.
fn controls(desk: &Desk) -> BTreeSet<String> {
    let operated = |role| {
        matches!(
            role,
            AccessibleRole::Button
                | AccessibleRole::TextInput
                | AccessibleRole::Switch
                | AccessibleRole::RadioButton
                | AccessibleRole::List
        )
    };
    let elements = desk.elements();
    // A sheet is a group, and what is behind it comes before it.
    let sheet = elements
        .iter()
        .rposition(|element| element.accessible_role() == Some(AccessibleRole::Groupbox));
    let is_sheet = desk.app.window().global::<Navigation>().get_sheet() != Sheet::None;
    let top = &elements[sheet.filter(|_| is_sheet).unwrap_or(0)..];
    let has_rows = desk.app.window().global::<People>().get_rows().row_count() > 0;
    top.iter()
        .filter(|element| element.accessible_role().is_some_and(operated))
        .filter(|element| element.accessible_enabled().unwrap_or(true))
        .filter_map(|element| element.accessible_label().map(|label| label.to_string()))
        .filter(|label| label != "Conversations" || has_rows)
        .collect()
}
