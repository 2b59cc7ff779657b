//! Rooms as they are lived in, at the app's window, with others at their own engines: made, joined,
//! talked in, looked after and left.

use slint::platform::Key;
use sotto_client::{
    NewRoom,
    model::{ConversationEvent, RoomKind, RoomState},
    proto::{DisplayName, RoomId},
};
use sotto_tests::{Desk, PATIENCE, Person, draw_qr, profile};

use super::Scene;

impl Scene {
    /// Makes a room by invitation at the window, with these contacts, and opens it.
    fn make_room(&self, name: &str, people: &[&Person]) -> RoomId {
        self.desk.key(&[Key::Control, Key::Shift], "N");
        self.desk.fill("Name of the room", name);
        for person in people {
            self.desk.press(&format!("{0} (@{0})", person.name()));
        }
        self.desk.press("Make the room");
        self.desk.see(&format!("Message to {name}"));
        self.desk.see(&format!("{} people", people.len() + 1));
        self.room(people[0], name)
    }

    /// The room of this name, as soon as somebody is in it.
    fn room(&self, person: &Person, name: &str) -> RoomId {
        let find = || {
            let rooms = Desk::block_on(person.engine.rooms()).unwrap();
            let joined = |room: &&_| -> bool {
                let room: &&sotto_client::model::Room = room;
                room.name.as_str() == name && room.state == RoomState::Joined
            };
            rooms.iter().find(joined).map(|room| room.id)
        };
        self.desk.until(&format!("{} is in {name}", person.name()), |_| find().is_some());
        find().unwrap()
    }

    /// Waits until somebody's room is as it should be.
    fn sees(
        &self,
        person: &Person,
        room: RoomId,
        what: &str,
        is_so: impl Fn(&sotto_client::model::Room) -> bool,
    ) {
        self.desk.until(&format!("{} sees {what}", person.name()), |_| {
            is_so(&Desk::block_on(person.engine.room(room)).unwrap())
        });
    }
}

/// Somebody whom the person at the desktop knows.
fn friend(scene: &Scene, name: &str) -> Person {
    let friend = scene.person(name);
    Desk::block_on(friend.engine.add_contact("alice")).unwrap();
    scene.add(name);
    friend
}

fn say(person: &Person, room: RoomId, text: &str) {
    Desk::block_on(person.say(room, text));
}

#[test]
fn a_room_is_made_and_talked_in() {
    let (scene, bob) = Scene::with_bob();
    let room = scene.make_room("Lighthouse", &[&bob]);
    scene.desk.see("The room was created.");
    scene.say("Lighthouse", "Is anybody there?");
    Desk::block_on(bob.hears_in(room, "Is anybody there?"));
    say(&bob, room, "I am.");
    scene.desk.see("bob, ");
    scene.desk.see(": I am.");
    Desk::block_on(bob.engine.mark_read(room, None)).unwrap();
    scene.desk.see("Is anybody there?. Read");

    // How many it has reached stands above what can be done with it.
    scene.desk.press_like("You, ");
    scene.desk.see("Read by 1, delivered to 1 of 1");
    scene.desk.key(&[], Key::Escape);
    Desk::block_on(bob.engine.typing(room, true)).unwrap();
    scene.desk.see("bob is typing…");
}

#[test]
fn those_who_react_alike_are_counted_and_who_is_mentioned_is_told() {
    let (scene, bob) = Scene::with_bob();
    let carol = friend(&scene, "carol");
    let room = scene.make_room("Lighthouse", &[&bob, &carol]);
    scene.room(&carol, "Lighthouse");
    scene.say("Lighthouse", "The lamp is mended");
    for person in [&bob, &carol] {
        let said = Desk::block_on(person.hears_in(room, "The lamp is mended"));
        Desk::block_on(person.engine.react(room, said.id, Some("🎉"))).unwrap();
    }
    scene.desk.until("both reactions are seen as one", |desk| {
        desk.sees("bob, carol reacted with 🎉") || desk.sees("carol, bob reacted with 🎉")
    });
    scene.desk.press_like("You, ");
    scene.desk.press("🎉");
    scene.desk.see("You reacted with 🎉");

    // A mention is heard in a muted room as well, and is marked.
    scene.desk.press("About this room and what can be done");
    scene.desk.press("Mute");
    scene.desk.key(&[], Key::Escape);
    scene.desk.see("Lighthouse, room, muted");
    scene.desk.app.set_focused(false);
    say(&carol, room, "nobody in particular");
    say(&carol, room, "come and look, @alice");
    scene.desk.until("the mention is told of", |desk| {
        let told = desk.desktop.notified();
        told.contains(&("carol mentions you in Lighthouse".into(), "come and look, @alice".into()))
    });
    let told = scene.desk.desktop.notified();
    assert!(told.iter().all(|(_, text)| !text.contains("particular")), "{told:?}");
    scene.desk.see(", mentions you");
}

#[test]
fn a_mention_is_completed_while_it_is_typed() {
    let (scene, bob) = Scene::with_bob();
    let room = scene.make_room("Lighthouse", &[&bob]);
    scene.desk.type_text("well, @b");
    scene.desk.see("Mention bob (@bob)");
    scene.desk.key(&[], Key::Tab);
    assert_eq!(scene.desk.value("Message to Lighthouse"), "well, @bob ");
    scene.desk.type_text("done");
    scene.desk.key(&[], Key::Return);
    let heard = Desk::block_on(bob.hears_in(room, "well, @bob done"));
    assert!(heard.mentions_me);
    // A step back drops what is offered, and nothing else.
    scene.desk.type_text("@");
    scene.desk.see("Mention bob (@bob)");
    scene.desk.key(&[], Key::Escape);
    scene.desk.miss("Mention bob (@bob)");
    assert_eq!(scene.desk.value("Message to Lighthouse"), "@");
}

#[test]
fn two_of_the_same_name_are_told_apart() {
    let scene = Scene::registered();
    let people = ["sam.one", "sam.two"].map(|name| {
        let person = scene.person(name);
        let sam: DisplayName = "Sam".parse().unwrap();
        Desk::block_on(person.engine.set_display_name(sam)).unwrap();
        Desk::block_on(person.engine.add_contact("alice")).unwrap();
        person
    });
    scene.desk.key(&[Key::Control, Key::Shift], "N");
    scene.desk.fill("Name of the room", "Twins");
    for person in &people {
        scene.desk.fill("Search your contacts", person.name());
        scene.desk.press(&format!("Add @{} to your contacts", person.name()));
        scene.desk.see(&format!("Sam (@{})", person.name()));
    }
    scene.desk.press("Make the room");
    scene.desk.see("3 people");
    let room = scene.room(&people[0], "Twins");
    scene.room(&people[1], "Twins");
    say(&people[0], room, "one of us");
    say(&people[1], room, "and the other");
    scene.desk.see("Sam (@sam.one), ");
    scene.desk.see("Sam (@sam.two), ");
}

#[test]
fn a_room_is_looked_after_by_its_admin() {
    let (scene, bob) = Scene::with_bob();
    let carol = friend(&scene, "carol");
    let room = scene.make_room("Lighthouse", &[&bob]);
    let desk = &scene.desk;
    desk.press("About this room and what can be done");
    desk.see("A room by invitation");
    desk.see("alice (@alice), You, admin");

    desk.press("Add people…");
    desk.press("carol (@carol)");
    desk.press("Add to the room");
    desk.see("3 people in the room");
    scene.room(&carol, "Lighthouse");

    desk.press("bob (@bob)");
    desk.press("Make bob an admin");
    desk.see("bob (@bob), admin");
    scene.sees(&bob, room, "that he is an admin", |room| room.is_admin);
    desk.press("Let bob be an admin no longer");
    desk.miss("bob (@bob), admin");
    scene.sees(&bob, room, "that he is none", |room| !room.is_admin);

    desk.fill("Name of the room", "Pier");
    desk.fill("What it is about", "Boats");
    desk.press("Save for all");
    scene.sees(&bob, room, "the name", |room| room.name.as_str() == "Pier");
    scene.sees(&carol, room, "the topic", |room| room.topic == "Boats");
    let picture = scene.home.path().join("picture.png");
    draw_qr("any picture", &picture);
    desk.desktop.set_file(&picture);
    desk.press("Choose a picture…");
    scene.sees(&bob, room, "the picture", |room| room.has_picture);
    desk.press("Without a picture");
    scene.sees(&bob, room, "that it has none", |room| !room.has_picture);

    desk.press("carol (@carol)");
    desk.press("Remove carol…");
    desk.press("Remove carol from the room");
    desk.see("2 people in the room");
    scene.sees(&carol, room, "that she is out", |room| room.state == RoomState::Removed);
    desk.key(&[], Key::Escape);
    desk.see("You removed carol");
    desk.see("2 people · Boats");

    // Who is met in a room is written to from there.
    desk.press("About this room and what can be done");
    desk.press("bob (@bob)");
    desk.press("Write to bob");
    desk.see("Message to bob");
}

#[test]
fn an_open_room_is_found_joined_and_left() {
    let scene = Scene::registered();
    let bob = scene.person("bob");
    let room = Desk::block_on(bob.open_room("Harbour"));
    say(&bob, room, "before");
    let desk = &scene.desk;
    desk.key(&[Key::Control, Key::Shift], "O");
    desk.see("Lobby, ");
    desk.see("Harbour, 1 person");
    desk.press("Join Harbour");
    desk.see("Message to Harbour");
    desk.see("Joined: You");
    Desk::block_on(bob.learns_in(room, |event| matches!(event, ConversationEvent::Joined { .. })));
    say(&bob, room, "after");
    desk.see(": after");
    assert!(!desk.sees(": before"));

    desk.key(&[Key::Control, Key::Shift], "O");
    desk.see("Open Harbour");
    desk.key(&[], Key::Escape);
    desk.press("About this room and what can be done");
    desk.see("An open room");
    desk.press("Leave the room…");
    desk.press("Leave Harbour");
    desk.see("You have left this room.");
    Desk::block_on(bob.learns_in(room, |event| matches!(event, ConversationEvent::Left { .. })));
    desk.press("Join again");
    desk.see("Message to Harbour");
    desk.press("About this room and what can be done");
    desk.press("Leave the room…");
    desk.press("Leave Harbour");
    desk.press("Delete with all messages");
    desk.miss("Harbour");
}

#[test]
fn an_open_room_of_ones_own_is_listed() {
    let scene = Scene::registered();
    let bob = scene.person("bob");
    let desk = &scene.desk;
    desk.press("New chat");
    desk.press("New room…");
    desk.fill("Name of the room", "\u{7}");
    desk.press("Make the room");
    desk.see("A name has 1 to 64 characters");
    desk.fill("Name of the room", "Harbour");
    desk.fill("What it is about", "Ships");
    desk.press("Anyone on this relay may join");
    desk.press("Make the room");
    desk.see("1 person · Ships");
    let listed = Desk::block_on(bob.engine.open_rooms(None)).unwrap();
    let harbour = listed.rooms.iter().find(|room| room.name.as_str() == "Harbour").unwrap();
    assert_eq!(harbour.topic, "Ships");
}

#[test]
fn the_invitation_of_a_stranger_is_followed_or_declined() {
    let scene = Scene::registered();
    let carol = scene.person("carol");
    let alice = Desk::block_on(carol.engine.add_contact("alice")).unwrap().account;
    let invite = |name: &str| {
        let people = vec![alice];
        let new = NewRoom { kind: RoomKind::Invite, profile: profile(name), people };
        let room = Desk::block_on(carol.engine.create_room(new)).unwrap().id;
        Desk::block_on(carol.engine.flush(PATIENCE)).unwrap();
        room
    };
    let desk = &scene.desk;
    let harbour = invite("Harbour");
    desk.press("1 message request");
    desk.press_like("Harbour, room, message request");
    desk.see("carol invites you to the room Harbour");
    desk.until("the invitation is told of", |desk| {
        let told = desk.desktop.notified();
        told.iter().any(|(_, text)| text == "You are invited to the room Harbour")
    });
    desk.press("Join");
    desk.see("Message to Harbour");
    say(&carol, harbour, "welcome");
    desk.see(": welcome");

    invite("Cellar");
    desk.press("1 message request");
    desk.press_like("Cellar, room, message request");
    desk.press("Decline");
    desk.miss("Cellar");
}
