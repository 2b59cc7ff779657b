//! A sender's and a recipient's programs are killed, again and again.

use std::{
    collections::{HashMap, HashSet},
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin},
    sync::mpsc::{Receiver, Sender, channel},
    thread::{self, JoinHandle},
};

use rand::RngExt as _;
use serde_json::Value;
use sotto_tests::{CommandLine, PATIENCE, RelayProcess, rounds};

use super::ROUNDS;

/// Orders that the sender gets in each round.
const ORDERS: usize = 40;

/// Something that one of the programs said.
enum Fact {
    /// The sender has a message in its vault.
    Queued(usize),
    /// The relay has it.
    Acknowledged(usize),
    /// The recipient showed one.
    Shown(String),
}

/// A program that is going to be killed.
struct Doomed {
    child: Child,
    input: Option<ChildStdin>,
    reader: JoinHandle<()>,
}

impl Doomed {
    fn start(person: &CommandLine, arguments: &[&str], facts: &Sender<Fact>) -> Self {
        let mut child = person.start(arguments);
        let (output, facts) = (BufReader::new(child.stdout.take().unwrap()), facts.clone());
        let reader = thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                // The last line may have been cut off by the kill.
                let Ok(event) = serde_json::from_str(&line) else { return };
                if let Some(fact) = fact(&event) {
                    facts.send(fact).unwrap();
                }
            }
        });
        Self { input: child.stdin.take(), child, reader }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.reader.join().unwrap();
    }
}

fn fact(event: &Value) -> Option<Fact> {
    let message = &event["message"];
    let number = || message["body"]["text"].as_str()?.parse().ok();
    match (event["type"].as_str()?, message["outgoing"].as_bool()?) {
        ("message", true) => number().map(Fact::Queued),
        ("message", false) => message["id"].as_str().map(|id| Fact::Shown(id.to_owned())),
        ("message_changed", true) if message["state"]["state"] == "sent" => {
            number().map(Fact::Acknowledged)
        }
        _ => None,
    }
}

/// All that was said.
#[derive(Default)]
struct Heard {
    queued: HashSet<usize>,
    acknowledged: HashSet<usize>,
    shown: HashMap<String, usize>,
}

impl Heard {
    fn take(&mut self, fact: Fact) {
        match fact {
            Fact::Queued(number) => drop(self.queued.insert(number)),
            Fact::Acknowledged(number) => drop(self.acknowledged.insert(number)),
            Fact::Shown(id) => *self.shown.entry(id).or_default() += 1,
        }
    }

    /// Listens until the recipient has shown so many in all.
    fn until_shown(&mut self, facts: &Receiver<Fact>, count: usize) {
        while self.shown.len() < count {
            self.take(facts.recv_timeout(PATIENCE).expect("messages go on after a kill"));
        }
    }
}

#[test]
fn nothing_is_lost_or_shown_twice_when_clients_are_killed() {
    let relay = RelayProcess::start();
    let (anna, bob) = (CommandLine::new("anna"), CommandLine::new("bob"));
    for (person, name) in [(&anna, "anna"), (&bob, "bob")] {
        person.run(&["register", name, "--relay", &relay.link().to_string()]).ok();
    }
    anna.run(&["add", "bob"]).ok();
    bob.run(&["add", "anna"]).ok();
    let (sender, facts) = channel();
    let mut heard = Heard::default();
    let rounds = rounds(ROUNDS);
    for round in 0..rounds {
        let mut speaker = Doomed::start(&anna, &["--json", "listen", "--orders"], &sender);
        let listener = Doomed::start(&bob, &["--json", "listen", "--read"], &sender);
        let mut input = speaker.input.take().unwrap();
        for number in round * ORDERS..(round + 1) * ORDERS {
            writeln!(input, r#"{{"to": "bob", "text": "{number}"}}"#).unwrap();
        }
        let some = rand::rng().random_range(1..ORDERS / 2);
        let so_far = heard.shown.len();
        heard.until_shown(&facts, so_far + some);
        if rand::rng().random() {
            speaker.kill();
            listener.kill();
        } else {
            listener.kill();
            speaker.kill();
        }
        for fact in facts.try_iter() {
            heard.take(fact);
        }
    }

    anna.run(&["send", "bob", "the end", "--require-sent"]).ok();
    let all = bob.run(&["--json", "read", "anna", "--limit", "1000000"]).ok().objects();
    let texts = all.iter().filter_map(|message| message["body"]["text"].as_str());
    let arrived: Vec<usize> = texts.filter_map(|text| text.parse().ok()).collect();
    assert!(arrived.is_sorted_by(|one, next| one < next), "each once, in order: {arrived:?}");
    let distinct: HashSet<_> = arrived.iter().copied().collect();
    let lost: Vec<_> = heard
        .queued
        .union(&heard.acknowledged)
        .copied()
        .collect::<HashSet<_>>()
        .difference(&distinct)
        .copied()
        .collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    assert!(heard.shown.values().all(|times| *times == 1), "a message was shown twice");
    println!(
        "both clients killed {rounds} times: {} queued, {} acknowledged, {} arrived, {} shown live, \
         none lost, none twice",
        heard.queued.len(),
        heard.acknowledged.len(),
        arrived.len(),
        heard.shown.len()
    );
}
