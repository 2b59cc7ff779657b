//! Draws every screen of the desktop app, light and dark, wide and narrow, into `ui/pictures`: the
//! real app with a real engine on a relay, over a past that was written into its vault.
//!
//! `cargo run --release -p sotto-tests --bin pictures [FOLDER]`

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "whoever draws pictures wants to know where it failed"
)]

#[path = "pictures/administration.rs"]
mod administration;

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use slint::{ComponentHandle, platform::Key};
use sotto_client::{
    Engine, NewAccount, NewRoom,
    model::{ContactState, RoomKind},
};
use sotto_proto::{AccountId, RoomId, Timestamp, content::ReceiptState, link::RelayLink};
use sotto_tests::{Canvas, Desk, InnerRelay, Past, Person, profile};
use sotto_ui::{
    Arguments, Clock,
    generated::{Appearance, Navigation, Theme},
};
use tempfile::TempDir;

const PASSPHRASE: &str = "a lantern in the harbour";
const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// 2026-11-20 16:42 UTC, a Friday.
const NOW: Timestamp = Timestamp(1_795_192_920_000);
const WIDE: (f32, f32) = (1280.0, 800.0);
const NARROW: (f32, f32) = (420.0, 800.0);

/// Where the pictures go.
struct Album {
    folder: PathBuf,
    drawn: usize,
}

fn main() {
    let folder = env::args_os().nth(1).map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../ui/pictures"),
        PathBuf::from,
    );
    fs::create_dir_all(&folder).unwrap();
    let mut album = Album { folder, drawn: 0 };
    let relay = Desk::block_on(InnerRelay::start());
    welcome(&mut album, relay.link());
    let home = tempfile::tempdir().unwrap();
    let people = Desk::block_on(register(home.path(), relay.link()));
    let past = live(home.path(), &people);
    main_screens(&mut album, home.path(), &past, &people);
    administration::draw(&mut album, home.path(), &people.noah, relay.link());
    println!("{} pictures in {}", album.drawn, album.folder.display());
}

impl Album {
    /// Draws what is shown, in both appearances and sizes.
    fn draw(&mut self, desk: &Desk, screen: &str) {
        for (size, (width, height)) in [("wide", WIDE), ("narrow", NARROW)] {
            desk.resize(width, height);
            for (name, appearance) in [("light", Appearance::Light), ("dark", Appearance::Dark)] {
                desk.app.window().global::<Theme>().set_appearance(appearance);
                desk.rest();
                self.keep(desk, &format!("{screen}-{size}-{name}"));
            }
        }
        desk.resize(WIDE.0, WIDE.1);
    }

    fn keep(&mut self, desk: &Desk, name: &str) {
        let pixels = desk.app.window().window().take_snapshot().unwrap();
        let path = self.folder.join(format!("{name}.png"));
        let (width, height) = (pixels.width(), pixels.height());
        let image = image::RgbaImage::from_raw(width, height, pixels.as_bytes().to_vec()).unwrap();
        let rgb = image::DynamicImage::ImageRgba8(image).to_rgb8();
        let file = io::BufWriter::new(fs::File::create(path).unwrap());
        let (best, filter) = (CompressionType::Best, FilterType::Adaptive);
        rgb.write_with_encoder(PngEncoder::new_with_quality(file, best, filter)).unwrap();
        self.drawn += 1;
    }
}

/// The screens before there is an account.
fn welcome(album: &mut Album, relay: &RelayLink) {
    let home = tempfile::tempdir().unwrap();
    let desk = Desk::start(home.path(), Canvas::Pixels, Arguments::default(), Clock::fixed(NOW));
    album.draw(&desk, "welcome-relay");
    desk.fill("Relay link", "sotto://relay.example");
    desk.fill("Relay link", "no link at all");
    desk.press("Continue");
    album.draw(&desk, "welcome-problem");
    desk.fill("Relay link", &relay.to_string());
    desk.press("Continue");
    desk.fill("Username", "maya");
    desk.fill("Display name", "Maya Lindqvist");
    desk.fill("Password", PASSPHRASE);
    album.draw(&desk, "welcome-register");
}

/// Who is on the relay.
struct People {
    noah: Person,
    ida: Person,
    sam: Person,
    _home: TempDir,
}

async fn register(home: &Path, relay: &RelayLink) -> People {
    let noah = Person::register(relay, "noah").await;
    noah.engine.set_display_name("Noah Okafor".parse().unwrap()).await.unwrap();
    let maya = Engine::register(NewAccount {
        folder: home.join("profiles/maya"),
        relay: relay.clone(),
        username: "maya".parse().unwrap(),
        display_name: "Maya Lindqvist".parse().unwrap(),
        password: PASSPHRASE.into(),
        passphrase: PASSPHRASE.into(),
        invitation: None,
    });
    let maya = maya.await.unwrap();
    noah.engine.add_contact("maya").await.unwrap();
    maya.shutdown().await;
    let ida = Person::register(relay, "ida").await;
    ida.engine.set_display_name("Ida Brandt".parse().unwrap()).await.unwrap();
    let sam = Person::register(relay, "sam").await;
    sam.engine.set_display_name("Sam Keller".parse().unwrap()).await.unwrap();
    for person in [&ida, &sam] {
        person.engine.add_contact("maya").await.unwrap();
        noah.befriend(person).await;
    }
    People { noah, ida, sam, _home: tempfile::tempdir().unwrap() }
}

/// Who is who in the past.
struct Cast {
    noah: AccountId,
    ines: AccountId,
    stranger: AccountId,
    jonas: AccountId,
}

/// Writes what was said until today.
fn live(home: &Path, people: &People) -> Cast {
    let folder = home.join("profiles/maya");
    let mut past = Past::of(&folder, PASSPHRASE);
    let began = ago(9 * DAY);
    let noah = past.friend(&people.noah.engine.me(), began);
    let others = [
        (
            "ines.duarte",
            "Inês Duarte",
            "Thanks! I will bring the charts to the club on Sunday.",
            2 * HOUR,
        ),
        ("boatclub", "Boat Club Office", "The slipway is closed on Monday until noon.", 5 * HOUR),
        ("tom", "Tom Becker", "The recording is finished, have a listen when you can", 22 * HOUR),
        ("leila.h", "Leila Haddad", "See you at the station then", 2 * DAY),
        ("jonas", "Jonas Weber", "I have a new laptop", 3 * DAY),
        ("greta", "Greta Nyström", "Happy birthday, dear Maya! 🎉", 4 * DAY),
        ("pavel", "Pavel Novák", "Could you send me the address again?", 11 * DAY),
        ("ada", "Ada", "ok", 30 * DAY),
    ];
    let mut accounts = Vec::new();
    // The vault lists what came last first.
    for (username, name, text, age) in others.into_iter().rev() {
        let account = past.contact(username, name, ContactState::Accepted, ago(60 * DAY));
        past.says(account, ago(age + 20 * MINUTE), "Hello!", Some(ReceiptState::Read));
        if username == "boatclub" {
            for minute in 1..4 {
                past.hears(account, ago(age + minute * MINUTE), "Please move boats 12 to 18.");
            }
        }
        past.hears(account, ago(age), text);
        if username != "ines.duarte" && username != "boatclub" {
            past.reads_all(account, ago(age));
        }
        if username == "jonas" {
            past.write(|tx| {
                let new = sotto_proto::IdentityKey([0x3c; 32]);
                let event = sotto_proto::MessageId([0x77; 16]);
                tx.observe_identity(account, new, event, ago(2 * DAY + HOUR))
            });
        }
        accounts.push(account);
    }
    accounts.reverse();
    let [ines, office, jonas] = [accounts[0], accounts[1], accounts[4]];
    past.write(|tx| tx.set_pinned(noah.into(), true));
    past.write(|tx| tx.set_muted(office.into(), true));
    past.write(|tx| tx.set_verified(noah, true));
    let draft =
        sotto_client::model::Draft { text: "Hafenstraße 12, the".to_owned(), reply_to: None };
    past.write(|tx| tx.set_draft(accounts[6].into(), Some(&draft)));
    let stranger = past.contact("m.rossi", "Marco Rossi", ContactState::Request, ago(HOUR));
    past.hears(
        stranger,
        ago(HOUR),
        "Hi Maya, Inês gave me your name. Is the sailing course still on?",
    );
    talk_with_noah(&mut past, noah, &picture(home));
    Cast { noah, ines, stranger, jonas }
}

fn ago(millis: u64) -> Timestamp {
    Timestamp(NOW.0 - millis)
}

fn talk_with_noah(past: &mut Past, noah: AccountId, picture: &Path) {
    let read = Some(ReceiptState::Read);
    past.says(noah, ago(DAY + 3 * HOUR), "Did you get the boat out of the water?", read);
    past.hears(noah, ago(DAY + 2 * HOUR), "Yes, yesterday. She is on the trailer now, and dry.");
    past.hears(noah, ago(DAY + 2 * HOUR - MINUTE), "The survey is done too:");
    past.hears_file(noah, ago(DAY + 2 * HOUR - 2 * MINUTE), "Survey 2026.pdf", 1_480_000);
    let thanks = past.says(noah, ago(DAY + HOUR), "Wonderful, thank you!", read);
    past.hears_reaction(noah, ago(DAY + HOUR), thanks, "👍");
    let plan = past.hears(
        noah,
        ago(3 * HOUR),
        "Shall we go through the rigging list this weekend? I made one here: https://lists.example/rigging-2026 and marked what has to be ordered before winter, because the sailmaker closes in December.",
    );
    past.says_answer(noah, ago(2 * HOUR), "Saturday after eleven would be good.", Some(plan), read);
    past.says_picture(
        noah,
        ago(2 * HOUR - MINUTE),
        picture,
        "The harbour this morning, by the way",
    );
    past.hears(noah, ago(45 * MINUTE), "What a light! Saturday it is.");
    past.hears(noah, ago(44 * MINUTE), "I will bring coffee ☕");
    past.says(
        noah,
        ago(6 * MINUTE),
        "Perfect. And the big charts, please",
        Some(ReceiptState::Delivered),
    );
    past.reads_all(noah, NOW);
}

/// A harbour at dawn, painted.
fn picture(home: &Path) -> PathBuf {
    let path = home.join("harbour.png");
    let image = image::RgbImage::from_fn(900, 620, |x, y| {
        let [x, y] = [x, y].map(|part| f64::from(part) / 620.0);
        let sky = [236.0 - 130.0 * y, 170.0 - 20.0 * y, 120.0 + 90.0 * y];
        let sun = (x - 1.0).hypot(y - 0.38) < 0.09;
        let hill = y > 0.5 - 0.06 * (x * 5.0).sin() - 0.03 * (x * 13.0).cos() && y < 0.56;
        let water = y >= 0.56;
        let ripple = 14.0 * (y * 190.0 + 3.0 * (x * 22.0).sin()).sin();
        let glitter = if (x - 1.0).abs() < 0.07 + 0.05 * (y * 90.0).sin() { 60.0 } else { 0.0 };
        let boat = (0.35..0.62).contains(&x) && (0.62..0.66).contains(&y)
            || (x - 0.47).abs() < 0.004 && (0.36..0.62).contains(&y)
            || y > 0.38 && y < 0.6 && x > 0.475 && x - 0.475 < (y - 0.38) * 0.45;
        let colour = if boat {
            [52.0, 44.0, 58.0]
        } else if sun {
            [255.0, 232.0, 190.0]
        } else if water {
            [120.0 + ripple + glitter, 120.0 + ripple + glitter, 150.0 + ripple]
        } else if hill {
            [84.0, 74.0, 104.0]
        } else {
            sky
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        image::Rgb(colour.map(|part| part.clamp(0.0, 255.0) as u8))
    });
    image.save(&path).unwrap();
    path
}

/// The screens of an account.
fn main_screens(album: &mut Album, home: &Path, cast: &Cast, people: &People) {
    let desk = Desk::start(home, Canvas::Pixels, Arguments::default(), Clock::fixed(NOW));
    desk.see("Passphrase");
    album.draw(&desk, "welcome-unlock");
    drop(desk);
    let desk = Desk::enter(home, Canvas::Pixels, "maya", PASSPHRASE, Clock::fixed(NOW));
    desk.see("Online");
    desk.see("Noah Okafor");
    desk.see("1 message request");
    list(album, &desk);
    open(&desk, cast.noah);
    desk.see("And the big charts");
    desk.see("Look at the picture");
    album.draw(&desk, "conversation");
    sheets(album, &desk);
    rooms(album, &desk, people);
    open(&desk, cast.ines);
    desk.see("New messages");
    album.draw(&desk, "conversation-unread");
    open(&desk, cast.jonas);
    desk.see("Go on with the new key");
    album.draw(&desk, "conversation-key-changed");
    open(&desk, cast.stranger);
    desk.see("Accept");
    album.draw(&desk, "conversation-request");
    settings(album, &desk);
    desk.quit();
}

fn open(desk: &Desk, account: AccountId) {
    desk.app
        .window()
        .global::<sotto_ui::generated::People>()
        .invoke_open(account.to_string().into());
    desk.settle();
}

/// Rooms: found, made, looked after and talked in.
fn rooms(album: &mut Album, desk: &Desk, people: &People) {
    let People { noah, ida, sam, .. } = people;
    let harbour = Desk::block_on(noah.open_room("Harbour watch"));
    desk.key(&[Key::Control, Key::Shift], "O");
    desk.see("Join Harbour watch");
    album.draw(desk, "open-rooms");
    back(desk);
    desk.key(&[Key::Control, Key::Shift], "N");
    desk.fill("Name of the room", "Autumn regatta");
    desk.fill("What it is about", "Boats, weather and who brings what");
    for person in [ida, sam] {
        desk.fill("Search your contacts", person.name());
        desk.press(&format!("Add @{} to your contacts", person.name()));
        desk.see(&format!("(@{})", person.name()));
    }
    desk.fill("Search your contacts", "noah");
    desk.press("Noah Okafor (@noah)");
    album.draw(desk, "new-room");
    desk.press("Make the room");
    desk.see("4 people");
    let room = joined(desk, [noah, ida, sam]);
    Desk::block_on(talk_in(room, people));
    desk.see("who has the key");
    desk.see("reacted with 🎉");
    desk.type_text("Thank you! @");
    desk.see("Mention Ida Brandt");
    album.draw(desk, "room");
    desk.fill("Message to Autumn regatta", "");
    desk.press("About this room and what can be done");
    desk.press("Ida Brandt (@ida)");
    desk.see("Make Ida Brandt an admin");
    album.draw(desk, "room-page");
    desk.press("Add people…");
    album.draw(desk, "add-people");
    back(desk);
    back(desk);
    invitation(album, desk, people);
    Desk::block_on(noah.say(harbour, "All quiet"));
}

/// The room that all of them are in, as soon as they are.
fn joined(desk: &Desk, people: [&Person; 3]) -> RoomId {
    let room = |person: &Person| {
        let rooms = Desk::block_on(person.engine.rooms()).unwrap();
        rooms.iter().find(|room| room.name.as_str() == "Autumn regatta").map(|room| room.id)
    };
    desk.until("all are in the room", |_| people.iter().all(|person| room(person).is_some()));
    room(people[0]).unwrap()
}

async fn talk_in(room: RoomId, people: &People) {
    let People { noah, ida, sam, .. } = people;
    let wind = noah.say(room, "West, four to five on Saturday. I have registered us.").await;
    for person in [ida, sam] {
        person.hears_in(room, "West, four to five on Saturday. I have registered us.").await;
        person.engine.react(room, wind, Some("🎉")).await.unwrap();
        person.engine.flush(sotto_tests::PATIENCE).await.unwrap();
    }
    ida.say(room, "Then I bring soup, enough for everybody.").await;
    ida.say(room, "@maya, do you still have the big pot?").await;
    sam.hears_in(room, "@maya, do you still have the big pot?").await;
    sam.say(room, "And who has the key of the boathouse?").await;
}

/// Somebody who is no contact invites.
fn invitation(album: &mut Album, desk: &Desk, people: &People) {
    let club = Desk::block_on(Person::register(people.noah.relay(), "nightclub.sails"));
    Desk::block_on(async {
        club.engine.set_display_name("Night Sailors".parse().unwrap()).await.unwrap();
        club.engine.add_contact("maya").await.unwrap();
        let maya = club.engine.contact("maya").await.unwrap().account;
        let people = vec![maya];
        let new = NewRoom { kind: RoomKind::Invite, profile: profile("Full moon"), people };
        club.engine.create_room(new).await.unwrap();
        club.engine.flush(sotto_tests::PATIENCE).await.unwrap();
    });
    desk.see("2 message requests");
    desk.press("2 message requests");
    desk.press_like("Full moon, room, message request");
    desk.see("Night Sailors invites you");
    album.draw(desk, "room-invitation");
    desk.press("Decline");
    desk.miss("Full moon");
    desk.press("Back to the conversations");
}

/// The list, which is a page of its own where it is narrow.
fn list(album: &mut Album, desk: &Desk) {
    album.draw(desk, "list");
    desk.fill("Search people and messages", "charts");
    desk.see("Message in");
    album.draw(desk, "search");
    desk.fill("Search people and messages", "");
    desk.see("1 message request");
}

fn sheets(album: &mut Album, desk: &Desk) {
    desk.press_like("You, 16:36");
    desk.see("Delete for everyone");
    album.draw(desk, "message-menu");
    back(desk);
    desk.press("Emoji");
    album.draw(desk, "emoji");
    back(desk);
    desk.press_like("Look at the picture");
    desk.see("Save as…");
    album.draw(desk, "picture");
    back(desk);
    desk.press_like("About Noah");
    desk.see("Safety number");
    desk.see("Identity keys seen");
    album.draw(desk, "person");
    back(desk);
    for (key, sheet, shown) in [
        ("n", "new-chat", "Your own link"),
        ("k", "switcher", "Go to Noah"),
        ("/", "help", "In a conversation"),
    ] {
        desk.key(&[slint::platform::Key::Control], key);
        desk.see(shown);
        album.draw(desk, sheet);
        back(desk);
    }
}

fn back(desk: &Desk) {
    desk.app.window().global::<Navigation>().invoke_back();
    desk.settle();
}

fn settings(album: &mut Album, desk: &Desk) {
    let pages = [
        ("profile", "Profile", "Your contact link"),
        ("notifications", "Notifications", "Show who wrote"),
        ("privacy", "Privacy", "when you were last online"),
        ("appearance", "Appearance", "Colours"),
        ("storage", "Storage", "Messages and keys"),
        ("about", "About", "Libraries and their licences"),
    ];
    desk.press("Settings");
    for (name, chip, shown) in pages {
        desk.press(chip);
        desk.see(shown);
        album.draw(desk, &format!("settings-{name}"));
    }
}
