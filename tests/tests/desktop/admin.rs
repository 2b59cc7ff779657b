//! Administering the relay from the app, what everybody is told, and the own devices.

use slint::{ComponentHandle, platform::Key};
use sotto_client::{
    ConnectError, ConnectionState, Engine, EngineError, NewAccount, SignInError, StopReason,
    model::RoomState,
    proto::{
        CloseCode, ErrorCode, RoomId,
        admin::{Announce, Answer, Command, Invite, Named},
        link::RelayLink,
    },
};
use sotto_tests::{Desk, Stranger};
use sotto_ui::generated::{Admin, AdminPage, Navigation, Settings, SettingsPage, Sheet};

use crate::{PASSWORD, Scene, keyboard::walk, start};

const DOOR: &str = "Administration of the relay";

/// A window in which every page has room.
const HIGH: (f32, f32) = (1280.0, 4000.0);

/// As wide as a phone.
const WIDTH: f32 = 420.0;

/// The admin, alice, with the sheet open on a page.
fn at(page: &str) -> Scene {
    let scene = Scene::registered();
    scene.desk.resize(HIGH.0, HIGH.1);
    turn_to(&scene.desk, page);
    scene
}

fn turn_to(desk: &Desk, page: &str) {
    if !desk.sees("Audit log") {
        desk.press(DOOR);
    }
    desk.press(page);
}

fn named(username: &str) -> Named {
    Named { username: username.parse().unwrap() }
}

fn administer(engine: &Engine, command: Command) -> Answer {
    Desk::block_on(engine.administer(command)).unwrap()
}

/// Tries to register, with an invitation or without; the relay's code if it refuses.
fn register(relay: &RelayLink, name: &str, invitation: Option<&str>) -> Result<(), ErrorCode> {
    let home = tempfile::tempdir().unwrap();
    let registering = Engine::register(NewAccount {
        folder: home.path().join("profile"),
        relay: relay.clone(),
        username: name.parse().unwrap(),
        display_name: name.parse().unwrap(),
        password: PASSWORD.into(),
        passphrase: PASSWORD.into(),
        invitation: invitation.map(str::to_owned),
    });
    match Desk::block_on(registering) {
        Ok(engine) => {
            Desk::block_on(engine.shutdown());
            Ok(())
        }
        Err(SignInError::Refused(refusal)) => Err(refusal.code),
        Err(other) => panic!("{other}"),
    }
}

/// Waits until a person's engine has stopped for this reason.
fn until_stopped(desk: &Desk, engine: &Engine, reason: &StopReason) {
    let stopped = ConnectionState::Stopped { reason: reason.clone() };
    desk.until(&format!("stopped: {reason}"), |_| engine.connection() == stopped);
}

#[test]
fn only_an_admin_finds_the_door_and_whoever_is_dismissed_is_put_out() {
    let scene = Scene::begin();
    let bob = scene.person("bob");
    let desk = &scene.desk;
    desk.fill("Relay link", &scene.relay.link().to_string());
    desk.press("Continue");
    desk.fill("Username", "alice");
    desk.fill("Password", PASSWORD);
    desk.press("Create account");
    desk.see("Online");
    let open = || desk.key(&[Key::Control, Key::Shift], "A");
    open();
    assert!(!desk.sees(DOOR), "somebody who is no admin sees nothing of it");
    desk.key(&[Key::Control], "/");
    assert!(!desk.sees(DOOR), "nor is there a key for it");
    desk.key(&[], Key::Escape);

    administer(&bob.engine, Command::Promote(named("alice")));
    desk.see("You are an admin of this relay now");
    open();
    desk.see("Audit log");
    administer(&bob.engine, Command::Demote(named("alice")));
    desk.see("You are no longer an admin of this relay");
    desk.miss("Audit log");
    assert!(desk.control(DOOR).is_none());
}

#[test]
fn figures_are_live() {
    let scene = at("Figures");
    scene.desk.see("Devices online: 1. 1 account, 1 connection");
    scene.desk.see("Accounts: 1. 1 device");
    scene.desk.see("Version");
    let bob = scene.person("bob");
    scene.desk.see("Devices online: 2. 2 accounts, 2 connections");
    Desk::block_on(bob.leave());
    scene.desk.see("Devices online: 1. 1 account, 1 connection");
    scene.desk.see("Accounts: 2. 2 devices");
}

#[test]
fn an_account_is_found_suspended_restored_promoted_and_deleted() {
    let scene = at("Accounts");
    let (bob, _carol) = (scene.person("bob"), scene.person("carol"));
    let desk = &scene.desk;
    let search = |prefix: &str| {
        desk.fill("Search accounts by the beginning of the username", prefix);
    };
    search("zz");
    desk.see("No account begins so.");
    search("@");
    desk.see("alice, @alice, you, admin");
    desk.see("carol, @carol");
    search("bo");
    desk.see("bob, @bob. Online. 1 device");
    desk.miss("carol, @carol");
    desk.press_like("bob, @bob");
    desk.see("Nothing secret can be reset here");
    desk.see("Device 1");
    desk.see("Device 1, from the relay's own machine. Logged in");

    desk.press("Keep @bob from logging in");
    desk.see("Suspended");
    until_stopped(desk, &bob.engine, &StopReason::DeviceRemoved);
    let refused = Desk::block_on(bob.engine.connect());
    assert!(matches!(refused, Err(ConnectError::Stopped(StopReason::Suspended))));
    desk.press("Let @bob log in again");
    desk.miss("Suspended");
    Desk::block_on(bob.engine.connect()).unwrap();

    desk.press("Make @bob an admin");
    desk.until("bob is an admin", |_| bob.engine.is_admin());
    desk.press("Make @bob a member");
    desk.until("bob is none", |_| !bob.engine.is_admin());

    desk.press("Delete @bob…");
    desk.see("The name stays reserved");
    desk.press("Keep");
    desk.miss("The name stays reserved");
    desk.press("Delete @bob…");
    desk.press("Delete @bob for good");
    desk.see("Search accounts by");
    desk.miss("bob, @bob");
    until_stopped(desk, &bob.engine, &StopReason::DeviceRemoved);
    let taken = register(scene.relay.link(), "bob", None);
    assert_eq!(taken, Err(ErrorCode::UsernameTaken));
}

#[test]
fn the_last_admin_stays() {
    let scene = at("Accounts");
    scene.desk.press_like("alice, @alice, you, admin");
    for act in ["Make @alice a member", "Keep @alice from logging in"] {
        scene.desk.press(act);
        scene.desk.see("The relay would be left without an admin who can log in.");
        scene.desk.press("Accounts");
        scene.desk.miss("The relay would be left");
        scene.desk.press_like("alice, @alice, you, admin");
    }
    scene.desk.press("Back to the accounts");
    scene.desk.see("Search accounts by");
}

#[test]
fn invitations_are_made_copied_and_revoked_and_registration_is_closed() {
    let scene = at("Invitations");
    let (desk, relay) = (&scene.desk, scene.relay.link());
    let choose = |answer: &str| {
        desk.press(answer);
        let is_chosen = |desk: &Desk| desk.control(answer).unwrap().accessible_checked();
        desk.until("it is chosen", |desk| is_chosen(desk) == Some(true));
    };
    choose("Who may register: Nobody");
    assert_eq!(register(relay, "bob", None), Err(ErrorCode::RegistrationClosed));
    choose("Who may register: With an invitation");
    assert_eq!(register(relay, "bob", None), Err(ErrorCode::InvitationRequired));

    desk.fill("For how many people", "0");
    desk.fill("Note, to remember it by", &"x".repeat(101));
    desk.press("Make an invitation");
    desk.see("An invitation is good for 1 to 1,000,000 people.");
    desk.see("A note has at most 100 characters");
    desk.fill("For how many people", "2");
    desk.fill("Note, to remember it by", "the altos");
    desk.press("Make an invitation");
    desk.see("the altos");
    desk.see("2 uses left · @alice, today at");
    assert_eq!(desk.value("Note, to remember it by"), "");
    desk.press_like("Copy the invitation");
    let code = desk.desktop.copied().pop().unwrap();
    assert_eq!(register(relay, "bob", Some(&code)), Ok(()));

    desk.press(&format!("Revoke the invitation {code}"));
    desk.miss("the altos");
    assert_eq!(register(relay, "carol", Some(&code)), Err(ErrorCode::InvitationRequired));
    choose("Who may register: As the relay is configured: Anyone");
    assert_eq!(register(relay, "carol", None), Ok(()));
}

#[test]
fn a_room_is_deleted_for_all_who_are_in_it() {
    let scene = Scene::registered();
    let bob = scene.person("bob");
    let (garden, quiet) = Desk::block_on(async {
        (bob.open_room("Garden").await, bob.gather("Nobody's business", &[]).await)
    });
    let desk = &scene.desk;
    desk.resize(HIGH.0, HIGH.1);
    turn_to(desk, "Rooms");
    desk.see("Garden");
    desk.see(&format!("Room by invitation {}", &quiet.to_string()[..8]));
    desk.see("1 person · 1 device");
    assert!(!desk.sees("Nobody's business"), "the relay does not know it");
    desk.press("Delete the room “Garden”…");
    desk.see("This cannot be undone.");
    desk.press("Keep");
    desk.miss("This cannot be undone.");
    desk.press("Delete the room “Garden”…");
    desk.press("Delete the room “Garden” for good");
    desk.miss("Delete the room “Garden”…");
    let is_gone =
        |room: RoomId| Desk::block_on(bob.engine.room(room)).unwrap().state == RoomState::Gone;
    desk.until("it is gone for bob", |_| is_gone(garden));
    assert!(!is_gone(quiet));
}

#[test]
fn what_everybody_is_told_is_there_until_it_is_dismissed() {
    let scene = at("Announcements");
    let desk = &scene.desk;
    desk.press("Tell everybody");
    desk.see("An announcement has 1 to 2,000 characters.");
    for text in ["The relay moves on Sunday.\nBack by noon.", "It has moved."] {
        desk.fill("New announcement", text);
        desk.press("Tell everybody");
        desk.until("it is posted", |desk| desk.value("New announcement").is_empty());
        desk.see(&format!("Withdraw the announcement “{text}”"));
    }
    desk.until("both are told", |desk| desk.desktop.notified().len() == 2);
    let told = &desk.desktop.notified()[0];
    assert_eq!(told.0, "Announcement of the relay");
    assert!(told.1.starts_with("The relay moves on Sunday."));
    desk.press("Close");
    desk.miss("Audit log");
    desk.see("Back by noon.");
    assert!(!desk.sees("It has moved."), "one after the other");
    desk.press("Dismiss the announcement");
    desk.see("It has moved.");
    desk.miss("Back by noon.");

    let Scene { relay: _relay, home, desk } = scene;
    desk.quit();
    let desk = start(&home);
    desk.fill("Passphrase", PASSWORD);
    desk.press("Unlock");
    desk.see("It has moved.");
    assert!(!desk.sees("Back by noon."), "what was dismissed stays so");
    desk.press("All announcements");
    desk.see("Announcements of the relay");
    desk.see("Back by noon.");
    desk.press("Close");
    desk.press("Dismiss the announcement");
    desk.miss("It has moved.");
    desk.press("Settings");
    desk.press("Notifications");
    desk.press("Announcements of the relay…");
    desk.see("It has moved.");
    desk.press("Close");

    turn_to(&desk, "Announcements");
    for text in ["It has moved.", "The relay moves on Sunday.\nBack by noon."] {
        desk.press(&format!("Withdraw the announcement “{text}”"));
        desk.miss(&format!("Withdraw the announcement “{text}”"));
    }
}

#[test]
fn who_is_no_admin_is_told_too() {
    let scene = Scene::begin();
    let bob = scene.person("bob");
    let desk = &scene.desk;
    desk.fill("Relay link", &scene.relay.link().to_string());
    desk.press("Continue");
    desk.fill("Username", "alice");
    desk.fill("Password", PASSWORD);
    desk.press("Create account");
    desk.see("Online");
    desk.press("Settings");
    desk.press("Notifications");
    desk.press("Show who wrote, and what");
    desk.press("Close");
    let text = "Choir practice is on Friday.".parse().unwrap();
    administer(&bob.engine, Command::Announce(Announce { text }));
    desk.see("Choir practice is on Friday.");
    let expected = ("Sotto".to_owned(), "The relay's admins tell you something".to_owned());
    desk.until("a notification", |desk| desk.desktop.notified() == [expected.clone()]);
    desk.press("Dismiss the announcement");

    // A long one leaves room for the conversations.
    let text = "Line by line.\n".repeat(140).parse().unwrap();
    administer(&bob.engine, Command::Announce(Announce { text }));
    desk.see("Dismiss the announcement");
    desk.rest();
    let button = desk.control("Dismiss the announcement").unwrap();
    assert!(button.absolute_position().y < 400.0, "{:?}", button.absolute_position());
}

#[test]
fn the_audit_log_shows_every_act_page_by_page() {
    let scene = at("Figures");
    let desk = &scene.desk;
    let _bob = scene.person("bob");
    let engine = desk.app.engine().unwrap();
    administer(&engine, Command::Suspend(named("bob")));
    administer(&engine, Command::Restore(named("bob")));
    let refused = Desk::block_on(engine.administer(Command::Demote(named("alice"))));
    assert!(matches!(refused, Err(EngineError::Refused(_))));
    desk.press("Audit log");
    desk.see("Suspend an account: bob. @alice · today at");
    desk.see("Restore an account: bob");
    desk.see("Refused: The relay would be left without an admin who can log in.");
    desk.see("Make an admin: alice. The relay itself");
    assert!(desk.control("More of the audit log").is_none());
    for _ in 0..50 {
        administer(&engine, Command::Invite(Invite { uses: 3, note: None }));
    }
    desk.press("Figures");
    desk.press("Audit log");
    desk.see("Make an invitation: for 3 people");
    desk.press("More of the audit log");
    desk.see("Suspend an account: bob");
    desk.miss("More of the audit log");
}

#[test]
fn tab_reaches_every_control_of_every_page() {
    let scene = Scene::registered();
    let desk = &scene.desk;
    let bob = scene.person("bob");
    Desk::block_on(bob.open_room("Garden"));
    let engine = desk.app.engine().unwrap();
    administer(&engine, Command::Invite(Invite { uses: 1, note: None }));
    let text = "Tonight at nine.".parse().unwrap();
    administer(&engine, Command::Announce(Announce { text }));
    desk.see("Tonight at nine.");
    desk.press(DOOR);
    for (page, shown) in [
        ("Figures", "Devices online: 2"),
        ("Accounts", "bob, @bob"),
        ("Invitations", "1 use left"),
        ("Rooms", "Garden"),
        ("Announcements", "Of the last thirty days"),
        ("Audit log", "Make an invitation: for 1 person"),
    ] {
        desk.press(page);
        desk.see(shown);
        walk(desk, page);
    }
    desk.press("Accounts");
    desk.press_like("bob, @bob");
    desk.press("Delete @bob…");
    walk(desk, "an account");
}

#[test]
fn pages_fit_a_narrow_window_with_large_text_in_a_language_with_long_words() {
    let scene = Scene::registered();
    let desk = &scene.desk;
    let engine = desk.app.engine().unwrap();
    administer(&engine, Command::Invite(Invite { uses: 1, note: None }));
    desk.press("Settings");
    desk.press("Appearance");
    desk.press("Text size: Very large");
    desk.press("Language: Deutsch");
    desk.key(&[], Key::Escape);
    desk.resize(WIDTH, 2000.0);
    let (navigation, admin) =
        (desk.app.window().global::<Navigation>(), desk.app.window().global::<Admin>());
    navigation.invoke_open_sheet(Sheet::Admin);
    for page in [
        AdminPage::Figures,
        AdminPage::Invitations,
        AdminPage::Rooms,
        AdminPage::Announcements,
        AdminPage::Audit,
        AdminPage::Accounts,
    ] {
        admin.invoke_show(page);
        desk.until("the page is there", |_| admin.get_loaded());
        fits(desk, &format!("{page:?}"));
    }
    admin.invoke_open_account("alice".into());
    desk.until("the account is there", |_| admin.get_opened());
    desk.press("@alice löschen …");
    fits(desk, "an account");
    desk.key(&[], Key::Escape);
    desk.app.window().global::<Settings>().invoke_show(SettingsPage::Devices);
    navigation.invoke_open_sheet(Sheet::Settings);
    desk.see("Gerät 1, dieser Computer");
    fits(desk, "the own devices");
}

/// Nothing that is read or pressed stands beyond the edge of the window.
fn fits(desk: &Desk, page: &str) {
    desk.rest();
    let beyond = desk.elements().into_iter().filter(|element| {
        let (left, width) = (element.absolute_position().x, element.size().width);
        left < -0.5 || left + width > WIDTH + 0.5
    });
    let labels: Vec<_> = beyond.filter_map(|element| element.accessible_label()).collect();
    assert!(labels.is_empty(), "{page}: beyond the window: {labels:?}");
}

#[test]
fn own_devices_and_logins_are_listed_and_another_device_is_ended() {
    let scene = Scene::registered();
    let desk = &scene.desk;
    desk.resize(HIGH.0, HIGH.1);
    let elsewhere = Desk::block_on(async {
        let elsewhere = Stranger::connect(scene.relay.link()).await;
        let device = elsewhere.add_device("alice", PASSWORD).await.unwrap();
        elsewhere.log_in(&device).await.unwrap();
        elsewhere
    });
    desk.press("Settings");
    desk.press("Devices");
    desk.see("Device 1, this computer");
    desk.see("Device 2");
    desk.see("Online · In the account since today at");
    desk.see("With the password, from the relay's own machine. Logged in");
    assert!(desk.control("End device 1…").is_none(), "not the one that one sits at");
    desk.press("End device 2…");
    desk.see("Device 2 is out of your account at once");
    desk.press("Keep");
    desk.miss("is out of your account");
    desk.press("End device 2…");
    desk.press("End device 2 for good");
    desk.until("it is off the list", |desk| desk.control("End device 2…").is_none());
    match Desk::block_on(elsewhere.connection.closed()) {
        quinn::ConnectionError::ApplicationClosed(close) => assert_eq!(
            CloseCode::from_number(close.error_code.into_inner()),
            Some(CloseCode::DeviceRemoved)
        ),
        other => panic!("{other}"),
    }
}
