//! The screens of an admin, of who is told something by one, and of the own devices.

use std::path::Path;

use sotto_client::{Engine, ExistingAccount};
use sotto_proto::{
    admin::{Announce, Command, Invite, Named},
    link::RelayLink,
};
use sotto_tests::{Canvas, Desk, Person, Stranger};
use sotto_ui::Clock;

use crate::{Album, PASSPHRASE, back};

/// Draws them.
pub(crate) fn draw(album: &mut Album, home: &Path, noah: &Person, relay: &RelayLink) {
    let _crowd = Desk::block_on(gather(noah, relay));
    screens(album, home, relay);
}

/// Fills the relay with people and what they do, and appoints maya.
async fn gather(noah: &Person, relay: &RelayLink) -> Vec<Person> {
    let administer = async |command| drop(noah.engine.administer(command).await.unwrap());
    let named = |name: &str| Named { username: name.parse().unwrap() };
    let mut crowd = Vec::new();
    for (username, name) in [
        ("ines.duarte", "Inês Duarte"),
        ("tom", "Tom Becker"),
        ("leila.h", "Leila Haddad"),
        ("greta", "Greta Nyström"),
        ("spam4you", "Best Prices"),
    ] {
        let person = Person::register(relay, username).await;
        person.engine.set_display_name(name.parse().unwrap()).await.unwrap();
        crowd.push(person);
    }
    let [ines, tom, leila, greta, spammer] = &crowd[..] else { panic!("five") };
    guess_password(relay, "leila.h").await;
    ines.befriend(tom).await;
    greta.befriend(tom).await;
    for _ in 0..9 {
        tom.tell(ines, "Is the slipway free?").await;
        ines.tell(tom, "From ten on.").await;
    }
    leila.open_room("Harbour notices").await;
    ines.gather("Rigging", &[tom]).await;
    greta.leave().await;
    for _ in 0..3 {
        tom.tell(greta, "Are you there?").await;
    }
    for (uses, note) in [(1, Some("for the harbour master")), (12, Some("sailing course, spring"))]
    {
        let note = note.map(|note| note.parse().unwrap());
        administer(Command::Invite(Invite { uses, note })).await;
    }
    administer(Command::Suspend(named("spam4you"))).await;
    for text in [
        "The relay moves house on Sunday, from nine until noon. Messages that you write meanwhile wait on your computer, and leave when it is back.",
        "Rooms are here: choose “New chat”.",
    ] {
        administer(Command::Announce(Announce { text: text.parse().unwrap() })).await;
    }
    administer(Command::Promote(named("maya"))).await;
    drop(noah.engine.administer(Command::Demote(named("nobody.here"))).await);
    spammer.leave().await;
    crowd
}

/// Somebody tries a password that is not right.
async fn guess_password(relay: &RelayLink, username: &str) {
    let home = tempfile::tempdir().unwrap();
    let refused = Engine::log_in(ExistingAccount {
        folder: home.path().join("profile"),
        relay: relay.clone(),
        username: username.parse().unwrap(),
        password: "harbour1".into(),
        passphrase: PASSPHRASE.into(),
        new_identity: false,
    });
    assert!(refused.await.is_err());
}

/// What everybody is told, what an admin sees, and the own devices: by the clock of the relay, which
/// stands still for no picture.
fn screens(album: &mut Album, home: &Path, relay: &RelayLink) {
    let desk = Desk::enter(home, Canvas::Pixels, "maya", PASSPHRASE, Clock::system());
    desk.see("Online");
    desk.see("The relay moves house");
    desk.miss("You are an admin of this relay now");
    album.draw(&desk, "announcement");
    desk.press("All announcements");
    desk.see("Rooms are here");
    album.draw(&desk, "announcements");
    back(&desk);
    desk.press("Administration of the relay");
    for (name, chip, shown) in [
        ("figures", "Figures", "Version"),
        ("accounts", "Accounts", "spam4you"),
        ("invitations", "Invitations", "sailing course"),
        ("rooms", "Rooms", "Harbour notices"),
        ("announcements", "Announcements", "Withdraw"),
        ("audit", "Audit log", "Refused"),
    ] {
        desk.press(chip);
        desk.see(shown);
        album.draw(&desk, &format!("admin-{name}"));
    }
    desk.press("Accounts");
    desk.press_like("Leila Haddad");
    desk.see("Login history");
    album.draw(&desk, "admin-account");
    desk.press("Delete @leila.h…");
    desk.see("The name stays reserved");
    album.draw(&desk, "admin-account-delete");
    back(&desk);
    devices(album, &desk, relay);
}

fn devices(album: &mut Album, desk: &Desk, relay: &RelayLink) {
    let laptop = Desk::block_on(async {
        let laptop = Stranger::connect(relay).await;
        let device = laptop.add_device("maya", PASSPHRASE).await.unwrap();
        laptop.log_in(&device).await.unwrap();
        laptop
    });
    desk.press("Settings");
    desk.press("Devices");
    desk.see("Device 2");
    album.draw(desk, "settings-devices");
    desk.press("End device 2…");
    desk.see("is out of your account at once");
    album.draw(desk, "settings-devices-end");
    drop(laptop);
}
