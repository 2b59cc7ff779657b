//! A model of the network: messages are lost, repeated, reordered and changed; both sides may start
//! at once, and start again; either is saved and restored at any point. Each message is read once
//! or refused, and a refusal changes nothing.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// Chains with stored keys are kept up to this many; see `ratchet`.
const CHAINS_MAX: usize = 5;

/// A build without optimisation is slow at ML-KEM.
const CASES: u32 = if cfg!(debug_assertions) { 32 } else { 256 };

#[derive(Clone, Debug)]
enum Event {
    Send {
        from: usize,
    },
    /// One of the messages under way arrives; `again`: it will arrive once more.
    Arrive {
        to: usize,
        which: prop::sample::Index,
        again: bool,
    },
    Lose {
        to: usize,
        which: prop::sample::Index,
    },
    ArriveChanged {
        to: usize,
        which: prop::sample::Index,
        byte: prop::sample::Index,
    },
    Start {
        by: usize,
    },
    Restore {
        who: usize,
    },
}

fn event() -> impl Strategy<Value = Event> {
    let (who, index) = (0..2_usize, any::<prop::sample::Index>());
    prop_oneof![
        6 => who.clone().prop_map(|from| Event::Send { from }),
        6 => (who.clone(), index.clone(), prop::bool::weighted(0.2))
            .prop_map(|(to, which, again)| Event::Arrive { to, which, again }),
        1 => (who.clone(), index.clone()).prop_map(|(to, which)| Event::Lose { to, which }),
        1 => (who.clone(), index.clone(), index)
            .prop_map(|(to, which, byte)| Event::ArriveChanged { to, which, byte }),
        1 => who.clone().prop_map(|by| Event::Start { by }),
        1 => who.prop_map(|who| Event::Restore { who }),
    ]
}

struct World {
    parties: [Party; 2],
    /// Messages under way to each, by number.
    under_way: [Vec<(usize, Vec<u8>)>; 2],
    /// The numbers that each has read.
    read: [BTreeSet<usize>; 2],
    sent: usize,
}

impl World {
    fn new(one_time: usize) -> Self {
        Self {
            parties: [Party::with_prekeys(1, one_time), Party::with_prekeys(2, one_time)],
            under_way: [Vec::new(), Vec::new()],
            read: [BTreeSet::new(), BTreeSet::new()],
            sent: 0,
        }
    }

    fn happen(&mut self, event: &Event) {
        match event {
            Event::Send { from } => self.send(*from),
            Event::Start { by } => self.start(*by),
            Event::Restore { who } => self.parties[*who].restore(),
            Event::Lose { to, which } => {
                self.take(*to, *which);
            }
            Event::Arrive { to, which, again } => {
                if let Some((number, sealed)) = self.take(*to, *which) {
                    if *again {
                        self.under_way[*to].push((number, sealed.clone()));
                    }
                    self.arrive(*to, number, &sealed);
                }
            }
            Event::ArriveChanged { to, which, byte } => {
                if let Some((number, mut sealed)) = self.take(*to, *which) {
                    let byte = byte.index(sealed.len());
                    sealed[byte] ^= 0x20;
                    self.parties[*to].open(&sealed).unwrap_err();
                    sealed[byte] ^= 0x20;
                    self.under_way[*to].push((number, sealed));
                }
            }
        }
    }

    fn start(&mut self, by: usize) {
        let [alice, bob] = &mut self.parties;
        if by == 0 { alice.start(bob) } else { bob.start(alice) }
    }

    fn send(&mut self, from: usize) {
        if !self.parties[from].sessions.is_started() {
            self.start(from);
        }
        let sealed = self.parties[from].seal(&format!("{from}:{}", self.sent));
        self.under_way[1 - from].push((self.sent, sealed));
        self.sent += 1;
    }

    fn take(&mut self, to: usize, which: prop::sample::Index) -> Option<(usize, Vec<u8>)> {
        let under_way = &mut self.under_way[to];
        (!under_way.is_empty()).then(|| under_way.swap_remove(which.index(under_way.len())))
    }

    fn arrive(&mut self, to: usize, number: usize, sealed: &[u8]) {
        let opened = self.parties[to].open(sealed);
        if self.read[to].contains(&number) {
            opened.expect_err("a message was read twice");
            return;
        }
        match opened {
            Ok(text) => {
                assert_eq!(text, format!("{}:{number}", 1 - to));
                self.read[to].insert(number);
            }
            // Keys of older chains are forgotten when five newer ones have keys to keep.
            Err(error) => assert!(
                self.read[to].range(number..).count() >= CHAINS_MAX,
                "message {number} was refused: {error:?}"
            ),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, ..ProptestConfig::default() })]

    #[test]
    fn each_message_is_read_once_or_refused(
        one_time in 0..4_usize,
        events in prop::collection::vec(event(), 1..80),
    ) {
        let mut world = World::new(one_time);
        for event in &events {
            world.happen(event);
        }
        // Whatever happened, the two can talk.
        for from in [0, 1, 0, 1] {
            world.send(from);
            let (number, sealed) = world.under_way[1 - from].pop().unwrap();
            world.arrive(1 - from, number, &sealed);
            prop_assert!(world.read[1 - from].contains(&number));
        }
    }
}
