//! `sotto room`: rooms as a person or a script looks after them from a terminal.

use std::time::Instant;

use serde_json::Value;
use sotto_tests::{CommandLine, PATIENCE, RelayProcess};

fn people<const N: usize>(relay: &RelayProcess, names: [&str; N]) -> [CommandLine; N] {
    let people = names.map(|name| {
        let person = CommandLine::new(name);
        person.run(&["register", name, "--relay", &relay.link().to_string()]).ok();
        person
    });
    for (person, own) in people.iter().zip(names) {
        for other in names.iter().filter(|other| **other != own) {
            person.run(&["add", other]).ok();
        }
    }
    people
}

/// What `sotto room …` says, with `--json`.
#[track_caller]
fn room(person: &CommandLine, arguments: &[&str]) -> Vec<Value> {
    person.run(&[&["--json", "room"], arguments].concat()).ok().objects()
}

fn texts(person: &CommandLine, name: &str) -> Vec<String> {
    let text = |message: &Value| message["body"]["text"].as_str().map(str::to_owned);
    room(person, &["read", name]).iter().filter_map(text).collect()
}

/// Reads until something is there: who has just come in is told by and by what was said since.
fn reads(person: &CommandLine, name: &str, wanted: &[&str]) {
    let begun = Instant::now();
    let mut read = texts(person, name);
    while read != wanted {
        assert!(begun.elapsed() < PATIENCE, "not {wanted:?} but {read:?}");
        read = texts(person, name);
    }
}

#[test]
fn a_room_by_invitation_from_its_first_day_to_its_last() {
    let relay = RelayProcess::start();
    let [anna, bob, carl] = people(&relay, ["anna", "bob", "carl"]);
    let made = room(&anna, &["create", "Lighthouse", "bob", "--topic", "The lamp"]).remove(0);
    assert_eq!((&made["kind"], &made["members"]), (&"invite".into(), &2.into()));
    room(&anna, &["say", "Lighthouse", "it", "is", "lit"]);
    reads(&bob, "Lighthouse", &["it is lit"]);
    room(&bob, &["say", "Lighthouse", "I see it"]);
    assert_eq!(texts(&anna, "Lighthouse"), ["it is lit", "I see it"]);

    // Who is no admin changes nothing, and who is none of them adds nobody.
    assert_ne!(bob.run(&["room", "add", "Lighthouse", "carl"]).code, 0);
    assert_ne!(bob.run(&["room", "rename", "Lighthouse", "Bob's"]).code, 0);
    room(&anna, &["promote", "Lighthouse", "bob"]);
    let added = room(&bob, &["add", "Lighthouse", "carl"]).remove(0);
    assert_eq!((&added["members"], &added["is_admin"]), (&3.into(), &true.into()));
    room(&carl, &["say", "Lighthouse", "here"]);
    room(&anna, &["demote", "Lighthouse", "bob"]);
    room(&anna, &["rename", "Lighthouse", "Pier", "--topic", "Boats"]);
    let known = room(&carl, &["list"]).remove(0);
    assert_eq!((&known["name"], &known["topic"]), (&"Pier".into(), &"Boats".into()));
    // Who came later reads nothing earlier.
    reads(&carl, "Pier", &["here"]);
    let members = room(&anna, &["members", "Pier"]);
    let admins: Vec<_> = members.iter().filter(|member| member["is_admin"] == true).collect();
    assert_eq!((members.len(), admins.len()), (3, 1));

    room(&anna, &["remove", "Pier", "bob"]);
    room(&anna, &["say", "Pier", "without bob"]);
    assert_eq!(room(&bob, &["list"])[0]["state"], "removed");
    assert!(!texts(&bob, "Pier").contains(&"without bob".to_owned()));
    room(&carl, &["leave", "Pier"]);
    assert_ne!(carl.run(&["room", "say", "Pier", "still here?"]).code, 0);
    assert_ne!(anna.run(&["room", "forget", "Pier"]).code, 0);
    room(&carl, &["forget", "Pier"]);
    assert!(room(&carl, &["list"]).is_empty());
}

#[test]
fn an_open_room_is_found_and_joined() {
    let relay = RelayProcess::start();
    let [anna, bob] = people(&relay, ["anna", "bob"]);
    room(&anna, &["create", "Harbour", "--open", "--topic", "Ships"]);
    room(&anna, &["say", "Harbour", "before"]);
    let listed = room(&bob, &["open"]);
    let names: Vec<_> = listed.iter().filter_map(|room| room["name"].as_str()).collect();
    assert!(names.contains(&"Harbour") && names.contains(&"Lobby"), "{names:?}");
    room(&bob, &["join", "Harbour"]);
    room(&anna, &["say", "Harbour", "after"]);
    reads(&bob, "Harbour", &["after"]);
    // Nobody invited.
    assert_eq!(bob.run(&["room", "decline", "Harbour"]).code, 2);
    assert_ne!(bob.run(&["room", "accept", "Harbour"]).code, 0);
    assert_ne!(bob.run(&["room", "join", "Nowhere"]).code, 0);
}
