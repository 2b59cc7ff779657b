//! Programs that are going to be killed, and what they said before.

use std::{
    collections::{HashMap, HashSet},
    io::{BufRead as _, BufReader, Write as _},
    process::Child,
    sync::mpsc::{Receiver, Sender},
    thread::{self, JoinHandle},
};

use rand::{RngExt as _, seq::SliceRandom as _};
use serde_json::Value;
use sotto_tests::{CommandLine, PATIENCE};

/// Something that one of the programs said.
pub(super) enum Fact {
    /// The sender has a message of this number in its vault.
    Queued(usize),
    /// The relay has it.
    Acknowledged(usize),
    /// The recipient showed one, by its id.
    Shown(String),
}

/// A fact, and the number of the program's owner.
pub(super) type Said = (usize, Fact);

/// A program that is going to be killed.
pub(super) struct Doomed {
    child: Child,
    reader: JoinHandle<()>,
}

impl Doomed {
    /// Starts one, with this on its standard input, which stays open.
    pub(super) fn start(
        (owner, person): (usize, &CommandLine),
        arguments: &[&str],
        input: &str,
        said: &Sender<Said>,
    ) -> Self {
        let mut child = person.start(arguments);
        let (output, said) = (BufReader::new(child.stdout.take().unwrap()), said.clone());
        let reader = thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                // The last line may have been cut off by the kill.
                let Ok(event) = serde_json::from_str(&line) else { return };
                if let Some(fact) = fact(&event) {
                    said.send((owner, fact)).unwrap();
                }
            }
        });
        child.stdin.as_mut().unwrap().write_all(input.as_bytes()).unwrap();
        Self { child, reader }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.reader.join().unwrap();
    }

    /// Kills them all, in any order.
    pub(super) fn kill_all(mut doomed: Vec<Self>) {
        doomed.shuffle(&mut rand::rng());
        doomed.into_iter().for_each(Self::kill);
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

/// All that was said by one person's programs.
#[derive(Default)]
pub(super) struct Heard {
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

    /// Nothing that this person's vault or the relay had is missing from what the other has now, and
    /// all of it stands there once, in order.
    pub(super) fn is_all_in(&self, arrived: &[usize]) {
        assert!(arrived.is_sorted_by(|one, next| one < next), "each once, in order: {arrived:?}");
        let arrived: HashSet<_> = arrived.iter().copied().collect();
        let sent = self.queued.union(&self.acknowledged).copied().collect::<HashSet<_>>();
        let lost: Vec<_> = sent.difference(&arrived).collect();
        assert!(lost.is_empty(), "lost: {lost:?}");
    }
}

/// What was said by everybody's programs, by the number of their owner.
pub(super) struct Ears {
    facts: Receiver<Said>,
    pub(super) heard: Vec<Heard>,
}

impl Ears {
    pub(super) fn new(people: usize, facts: Receiver<Said>) -> Self {
        Self { facts, heard: (0..people).map(|_| Heard::default()).collect() }
    }

    fn take(&mut self, (owner, fact): Said) {
        self.heard[owner].take(fact);
    }

    /// Listens until some more messages have been shown, fewer than `most`.
    pub(super) fn until_some_are_shown(&mut self, most: usize) {
        let some = self.shown() + rand::rng().random_range(1..most);
        while self.shown() < some {
            self.take(self.facts.recv_timeout(PATIENCE).expect("messages go on after a kill"));
        }
    }

    /// Takes what those said who have been killed.
    pub(super) fn hear_the_rest(&mut self) {
        while let Ok(said) = self.facts.try_recv() {
            self.take(said);
        }
    }

    /// How many messages have been shown to anybody, each counted once.
    fn shown(&self) -> usize {
        self.heard.iter().map(|heard| heard.shown.len()).sum()
    }

    /// Nobody was shown a message twice.
    pub(super) fn nothing_was_shown_twice(&self) {
        let mut shown = self.heard.iter().flat_map(|heard| heard.shown.values());
        assert!(shown.all(|times| *times == 1), "a message was shown twice");
    }

    /// What was counted.
    pub(super) fn counts(&self) -> String {
        let sum = |of: fn(&Heard) -> usize| self.heard.iter().map(of).sum::<usize>();
        let (queued, acknowledged) =
            (sum(|one| one.queued.len()), sum(|one| one.acknowledged.len()));
        format!("{queued} queued, {acknowledged} acknowledged, {} shown live", self.shown())
    }
}

/// The numbers that were said in these messages, in their order.
pub(super) fn numbers<'a>(messages: impl IntoIterator<Item = &'a Value>) -> Vec<usize> {
    let texts = messages.into_iter().filter_map(|message| message["body"]["text"].as_str());
    texts.filter_map(|text| text.parse().ok()).collect()
}
