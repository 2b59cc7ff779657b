//! Becoming somebody.

use sotto_tests::Desk;

use crate::{PASSWORD, Scene, start};

#[test]
fn one_registers_and_is_online() {
    let scene = Scene::begin();
    scene.desk.see("Choose a relay");
    scene.desk.fill("Relay link", &scene.relay.link().to_string());
    scene.desk.press("Continue");
    scene.desk.fill("Username", "alice");
    scene.desk.fill("Display name", "Alice Liddell");
    scene.desk.fill("Password", "12345");
    scene.desk.see("Weak");
    scene.desk.see("Nobody can reset this password");
    scene.desk.fill("Password", PASSWORD);
    scene.desk.see("Strong");
    scene.desk.press("Create account");
    scene.desk.see("Online");
    scene.desk.see("Alice Liddell");
    scene.desk.see("Nobody here yet");
}

#[test]
fn what_is_wrong_is_said_where_it_is() {
    let scene = Scene::begin();
    let desk = &scene.desk;
    desk.fill("Relay link", "https://relay.example");
    desk.press("Continue");
    desk.see("This is no relay link");
    desk.fill("Relay link", &scene.relay.link().to_string());
    desk.press("Continue");
    desk.fill("Username", "!");
    desk.press("Create account");
    desk.see("A username has 3 to 32");
    desk.see("Choose a password");
    let taken = scene.person("alice");
    desk.fill("Username", "alice");
    desk.fill("Password", PASSWORD);
    desk.press("Create account");
    desk.see("This username is taken");
    desk.press("Log in");
    desk.press("Log in to the account");
    desk.see("The username or the password is wrong");
    drop(taken);
}

#[test]
fn a_relay_that_is_away_or_another_is_told() {
    let mut scene = Scene::begin();
    let mut link = scene.relay.link().clone();
    let desk = &scene.desk;
    let other = sotto_client::proto::link::RelayFingerprint([7; 32]);
    link.fingerprint = Some(other);
    let try_link = |link: String| {
        desk.fill("Relay link", &link);
        desk.press("Continue");
        desk.fill("Username", "alice");
        desk.fill("Password", PASSWORD);
        desk.press("Create account");
    };
    try_link(link.to_string());
    desk.see("The relay's key is not the one in the link");
    let right = scene.relay.link().to_string();
    scene.relay.kill();
    try_link(right);
    desk.see("The relay does not answer");
}

#[test]
fn one_logs_in_on_another_computer_and_is_the_same() {
    let first = Scene::begin();
    let alice = first.person("alice");
    let identity = alice.engine.me().identity;
    first.desk.fill("Relay link", &first.relay.link().to_string());
    first.desk.press("Continue");
    first.desk.press("Log in");
    first.desk.fill("Username", "alice");
    first.desk.fill("Password", &alice.password());
    first.desk.press("Log in to the account");
    first.desk.see("Online");
    let bob = first.person("bob");
    let contact = Desk::block_on(bob.engine.add_contact("alice")).unwrap();
    assert_eq!(contact.identity, identity);
}

#[test]
fn a_profile_asks_for_its_passphrase() {
    let scene = Scene::registered();
    let Scene { relay: _relay, home, desk } = scene;
    desk.quit();
    let desk = start(&home);
    desk.see("@alice");
    desk.fill("Passphrase", "something else");
    desk.press("Unlock");
    desk.see("The passphrase is wrong");
    desk.fill("Passphrase", PASSWORD);
    desk.press("Unlock");
    desk.see("Online");
}

#[test]
fn a_profile_that_is_open_is_not_opened_twice() {
    let scene = Scene::registered();
    let second = start(&scene.home);
    second.fill("Passphrase", PASSWORD);
    second.press("Unlock");
    // The first window has come to the front, and the second has nothing left to show.
    second.until("the second window is gone", |desk| desk.app.is_over());
}

#[test]
fn several_profiles_are_offered() {
    let scene = Scene::registered();
    let Scene { relay, home, desk } = scene;
    desk.quit();
    let desk = start(&home);
    desk.see("@alice");
    desk.press("Another profile");
    desk.press("Add another account");
    desk.press_like("Use the relay 127.0.0.1");
    desk.press("Continue");
    desk.fill("Username", "alice.work");
    desk.fill("Password", PASSWORD);
    desk.press("Create account");
    desk.see("Online");
    desk.quit();
    let desk = start(&home);
    desk.see("@alice.work");
    desk.press("Another profile");
    desk.see("Open the profile alice of alice");
    desk.see("Open the profile alice.work of alice.work");
    drop(relay);
}

#[test]
fn a_link_is_read_from_an_image() {
    let scene = Scene::begin();
    let link = scene.relay.link().to_string();
    let path = scene.home.path().join("link.png");
    sotto_tests::draw_qr(&link, &path);
    // The desktop's dialog gives the file.
    scene.desk.desktop.set_file(&path);
    scene.desk.press("Read the link from an image…");
    scene.desk.see("On the relay 127.0.0.1");
    // Without a dialog, its path is asked for.
    scene.desk.press("Change the relay");
    scene.desk.press("Read the link from an image…");
    scene.desk.fill("Path of the file", "/nowhere/at/all.png");
    scene.desk.press("Read");
    scene.desk.see("This image could not be read");
    scene.desk.fill("Path of the file", path.to_str().unwrap());
    scene.desk.press("Read");
    scene.desk.see("On the relay 127.0.0.1");
}
