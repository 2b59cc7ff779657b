//! What is set stays set.

use sotto_client::{Engine, Secret};
use sotto_tests::Desk;
use sotto_ui::generated::{Appearance, Theme};

use slint::ComponentHandle;

use crate::{PASSWORD, Scene, start};

#[test]
fn how_the_app_looks_is_kept() {
    let scene = Scene::registered();
    scene.desk.press("Settings");
    scene.desk.press("Appearance");
    scene.desk.press("Colours: Dark");
    scene.desk.press("Text size: Large");
    scene.desk.press("Density: Compact");
    scene.desk.press("Enter sends");
    scene.desk.see("Ctrl+Enter sends");
    let Scene { relay: _relay, home, desk } = scene;
    desk.quit();
    let desk = start(&home);
    let theme = desk.app.window().global::<Theme>();
    assert_eq!(theme.get_appearance(), Appearance::Dark);
    assert!(theme.get_dark() && theme.get_compact());
    assert!(theme.get_text_scale() > 1.1);
    desk.fill("Passphrase", PASSWORD);
    desk.press("Unlock");
    desk.press("Settings");
    desk.press("Appearance");
    desk.see("Ctrl+Enter sends");
}

#[test]
fn the_language_changes_at_once_and_is_kept() {
    let scene = Scene::registered();
    scene.desk.press("Settings");
    scene.desk.press("Appearance");
    scene.desk.press("Language: Deutsch");
    scene.desk.see("Einstellungen");
    let Scene { relay: _relay, home, desk } = scene;
    desk.quit();
    let desk = start(&home);
    desk.see("Entsperren");
    desk.miss("Unlock");
}

#[test]
fn privacy_and_notifications_are_the_accounts_own() {
    let scene = Scene::registered();
    scene.desk.press("Settings");
    scene.desk.press("Privacy");
    scene.desk.press("Tell contacts what you have read");
    scene.desk.press("Show contacts that you are typing");
    let engine = scene.desk.app.engine().unwrap();
    scene.desk.until("the engine knows", |_| {
        let kept = Desk::block_on(engine.preferences()).unwrap();
        !kept.read_receipts && !kept.typing && kept.show_online && kept.show_last_seen
    });
    scene.desk.press("Notifications");
    scene.desk.press("Notifications of the desktop");
    let Scene { relay: _relay, home, desk } = scene;
    drop(engine);
    desk.quit();
    let desk = start(&home);
    desk.fill("Passphrase", PASSWORD);
    desk.press("Unlock");
    desk.press("Settings");
    desk.press("Notifications");
    let is_on = |label: &str| desk.control(label).unwrap().accessible_checked().unwrap();
    desk.until("it is still off", |_| !is_on("Notifications of the desktop"));
    desk.press("Privacy");
    desk.until("it is still off", |_| !is_on("Tell contacts what you have read"));
    assert!(is_on("Show contacts that you are online"));
}

#[test]
fn the_display_name_is_changed_for_others_too() {
    let (scene, bob) = Scene::with_bob();
    scene.desk.press("Settings");
    scene.desk.fill("Display name", "Alice Liddell");
    scene.desk.press("Save the name");
    scene.desk.see("Your display name was changed");
    let found = Desk::block_on(bob.engine.users("alice", None)).unwrap();
    assert_eq!(found.users[0].display_name.as_str(), "Alice Liddell");
    scene.desk.fill("Display name", "");
    scene.desk.press("Save the name");
    scene.desk.see("A name has 1 to 64 characters");
}

#[test]
fn the_passphrase_is_changed_by_who_knows_the_old_one() {
    let scene = Scene::registered();
    scene.desk.press("Settings");
    scene.desk.press("Storage");
    let change = |old: &str, new: &str, again: &str| {
        scene.desk.fill("Passphrase until now", old);
        scene.desk.fill("New passphrase", new);
        scene.desk.fill("New passphrase again", again);
        scene.desk.press("Change the passphrase");
    };
    change(PASSWORD, "another lantern", "another lamp");
    scene.desk.see("The two are not the same.");
    change("not it", "another lantern", "another lantern");
    scene.desk.see("The passphrase is wrong.");
    change(PASSWORD, "another lantern", "another lantern");
    scene.desk.see("The passphrase was changed");
    let Scene { relay: _relay, home, desk } = scene;
    desk.quit();
    let folder = home.path().join("profiles/alice");
    let open = |passphrase: &str| Desk::block_on(Engine::open(&folder, Secret::from(passphrase)));
    assert!(open(PASSWORD).is_err());
    Desk::block_on(open("another lantern").unwrap().shutdown());
}

#[test]
fn the_own_devices_are_listed() {
    let scene = Scene::registered();
    scene.desk.press("Settings");
    scene.desk.press("Devices");
    scene.desk.see("Device 1, this computer");
    scene.desk.press("About");
    scene.desk.see("Libraries and their licences");
}
