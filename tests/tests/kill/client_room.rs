//! The programs of two people who talk in a room are killed, again and again; and those with which one
//! of them changes it.

use std::{sync::mpsc::channel, thread, time::Duration};

use rand::RngExt as _;
use serde_json::Value;
use sotto_tests::{CommandLine, PATIENCE, RelayProcess, UNLIMITED, rounds};

use super::{
    ROUNDS,
    doomed::{Doomed, Ears, numbers},
};

/// Orders that each gets in each round.
const ORDERS: usize = 30;
/// Every so many rounds a change of the room is killed.
const CHANGE_EVERY: usize = 5;
/// The longest that a change runs before it is killed, in milliseconds: some are over by then.
const CHANGE_MOST: u64 = 500;

#[test]
fn nothing_said_in_a_room_is_lost_or_shown_twice_when_its_clients_are_killed() {
    let relay = RelayProcess::with(&UNLIMITED);
    let people = [CommandLine::new("anna"), CommandLine::new("bob")];
    let [anna, bob] = &people;
    for (person, name) in [(anna, "anna"), (bob, "bob")] {
        person.run(&["register", name, "--relay", &relay.link().to_string()]).ok();
    }
    anna.run(&["add", "bob"]).ok();
    bob.run(&["add", "anna"]).ok();
    anna.run(&["room", "create", "Storm", "bob"]).ok();
    bob.run(&["room", "list"]).ok();
    let (said, facts) = channel();
    let mut ears = Ears::new(people.len(), facts);
    let rounds = rounds(ROUNDS);
    for round in 0..rounds {
        let orders: Vec<String> = (round * ORDERS..(round + 1) * ORDERS)
            .map(|number| format!("{{\"room\": \"Storm\", \"text\": \"{number}\"}}\n"))
            .collect();
        let orders = orders.concat();
        let listen = ["--json", "listen", "--orders", "--read"];
        let start = |person| Doomed::start(person, &listen, &orders, &said);
        let programs = people.iter().enumerate().map(start).collect();
        ears.until_some_are_shown(ORDERS);
        Doomed::kill_all(programs);
        ears.hear_the_rest();
        if round % CHANGE_EVERY == 0 {
            let act = if round % (2 * CHANGE_EVERY) == 0 { "promote" } else { "demote" };
            let change = Doomed::start((0, anna), &["room", act, "Storm", "bob"], "", &said);
            thread::sleep(Duration::from_millis(rand::rng().random_range(0..CHANGE_MOST)));
            Doomed::kill_all(vec![change]);
        }
    }

    let logs = both_have_all(&people);
    let order = |log: &[Value]| -> Vec<String> {
        let texts = log.iter().filter(|message| message["body"]["text"].is_string());
        texts.map(|message| message["id"].to_string()).collect()
    };
    assert!(order(&logs[0]) == order(&logs[1]), "not the same order for both");
    for (owner, heard) in ears.heard.iter().enumerate() {
        for (reader, log) in logs.iter().enumerate() {
            let by_owner = |message: &&Value| message["outgoing"] == (owner == reader);
            heard.is_all_in(&numbers(log.iter().filter(by_owner)));
        }
    }
    ears.nothing_was_shown_twice();
    assert_eq!(admins(anna), admins(bob));
    println!(
        "both clients of a room killed {rounds} times: {}, {} stand there, in one order for both, none \
         lost, none twice",
        ears.counts(),
        order(&logs[0]).len()
    );
}

/// What both see in the end, when each has heard the other's last word.
fn both_have_all(people: &[CommandLine; 2]) -> [Vec<Value>; 2] {
    let begun = std::time::Instant::now();
    for person in people {
        person.run(&["room", "say", "Storm", "the end"]).ok();
    }
    loop {
        let logs = people.each_ref().map(|person| {
            let read = ["--json", "room", "read", "Storm", "--limit", "1000000"];
            person.run(&read).ok().objects()
        });
        let ends = |log: &[Value]| {
            log.iter().filter(|message| message["body"]["text"] == "the end").count()
        };
        if logs.iter().all(|log| ends(log) == people.len()) {
            return logs;
        }
        assert!(begun.elapsed() < PATIENCE, "what was queued goes out");
    }
}

/// Who may change the room, as somebody's program knows.
fn admins(person: &CommandLine) -> Vec<Value> {
    let members = person.run(&["--json", "room", "members", "Storm"]).ok().objects();
    let admins = members.into_iter().filter(|member| member["is_admin"] == true);
    admins.map(|member| member["account"].clone()).collect()
}
