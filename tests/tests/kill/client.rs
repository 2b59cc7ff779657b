//! A sender's and a recipient's programs are killed, again and again.

use std::sync::mpsc::channel;

use sotto_tests::{CommandLine, RelayProcess, rounds};

use super::{
    ROUNDS,
    doomed::{Doomed, Ears, numbers},
};

/// Orders that the sender gets in each round.
const ORDERS: usize = 40;

#[test]
fn nothing_is_lost_or_shown_twice_when_clients_are_killed() {
    let relay = RelayProcess::start();
    let (anna, bob) = (CommandLine::new("anna"), CommandLine::new("bob"));
    for (person, name) in [(&anna, "anna"), (&bob, "bob")] {
        person.run(&["register", name, "--relay", &relay.link().to_string()]).ok();
    }
    anna.run(&["add", "bob"]).ok();
    bob.run(&["add", "anna"]).ok();
    let (said, facts) = channel();
    let mut ears = Ears::new(2, facts);
    let rounds = rounds(ROUNDS);
    for round in 0..rounds {
        let orders: Vec<String> = (round * ORDERS..(round + 1) * ORDERS)
            .map(|number| format!("{{\"to\": \"bob\", \"text\": \"{number}\"}}\n"))
            .collect();
        let speaker =
            Doomed::start((0, &anna), &["--json", "listen", "--orders"], &orders.concat(), &said);
        let listener = Doomed::start((1, &bob), &["--json", "listen", "--read"], "", &said);
        ears.until_some_are_shown(ORDERS / 2);
        Doomed::kill_all(vec![speaker, listener]);
        ears.hear_the_rest();
    }

    anna.run(&["send", "bob", "the end", "--require-sent"]).ok();
    let all = bob.run(&["--json", "read", "anna", "--limit", "1000000"]).ok().objects();
    let arrived = numbers(&all);
    ears.heard[0].is_all_in(&arrived);
    ears.nothing_was_shown_twice();
    println!(
        "both clients killed {rounds} times: {}, {} arrived, none lost, none twice",
        ears.counts(),
        arrived.len()
    );
}
