//! The relay is killed, while three people talk and two more claim prekeys.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use rand::RngExt as _;
use sotto_client::{
    Event,
    model::MessageState,
    proto::{
        Answer, MessageId, PrekeyId,
        directory::{ClaimBundles, CountPrekeys, PublishPrekeys},
        link::RelayLink,
    },
};
use sotto_tests::{Account, PATIENCE, Person, RelayProcess, Stranger, UNLIMITED, rounds};
use tokio::{
    sync::{Notify, broadcast},
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::ROUNDS;

/// Acknowledgements, or one-time prekeys handed out, of each round before the relay is killed.
const TRAFFIC: usize = 20;

/// What all that goes on has in common.
#[derive(Default)]
pub(super) struct Course {
    pub(super) over: AtomicBool,
    pub(super) acknowledged: AtomicUsize,
    claims: AtomicUsize,
    progress: Notify,
}

impl Course {
    fn count(&self, counter: &AtomicUsize) {
        counter.fetch_add(1, Ordering::SeqCst);
        self.progress.notify_one();
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// Waits until a counter has reached a number.
    async fn reaches(&self, counter: &AtomicUsize, number: usize) {
        let waiting = async {
            while counter.load(Ordering::SeqCst) < number {
                self.progress.notified().await;
            }
        };
        timeout(PATIENCE, waiting).await.expect("traffic comes back after a kill");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_delivered_once_and_in_order() {
    let mut relay = RelayProcess::with(&UNLIMITED);
    let course = Arc::new(Course::default());
    let mut people = Vec::new();
    for name in ["anna", "bob", "carl"] {
        people.push(Arc::new(Person::register(relay.link(), name).await));
    }
    for (one, other) in [(0, 1), (1, 2), (2, 0)] {
        people[one].befriend(&people[other]).await;
    }
    let shown: Vec<_> = people.iter().map(|person| watch(person, &course)).collect();
    let talking: Vec<JoinHandle<usize>> = (0..people.len())
        .map(|index| {
            let (me, next) = (Arc::clone(&people[index]), Arc::clone(&people[(index + 1) % 3]));
            tokio::spawn(talk(me, next, Arc::clone(&course)))
        })
        .collect();

    let rounds = rounds(ROUNDS);
    kill_again_and_again(&mut relay, &course, &course.acknowledged, rounds).await;
    course.over.store(true, Ordering::SeqCst);

    let mut sent = Vec::new();
    for task in talking {
        sent.push(task.await.unwrap());
    }
    for person in &people {
        person.engine.flush(PATIENCE).await.unwrap();
    }
    for (index, count) in sent.iter().enumerate() {
        let (from, to) = (&people[index], &people[(index + 1) % 3]);
        to.hears(from, &text(count - 1)).await;
        let expected: Vec<_> = (0..*count).map(text).collect();
        assert!(to.heard(from).await == expected, "not each once, in order");
    }
    for shown in &shown {
        let shown = shown.lock().unwrap();
        assert!(shown.values().all(|times| *times == 1), "a message was shown twice");
    }
    println!(
        "relay killed {rounds} times: {} messages, {} acknowledged while it was watched, all \
         delivered once and in order",
        sent.iter().sum::<usize>(),
        course.acknowledged.load(Ordering::SeqCst)
    );
}

pub(super) async fn kill_again_and_again(
    relay: &mut RelayProcess,
    course: &Course,
    counter: &AtomicUsize,
    rounds: usize,
) {
    for _ in 0..rounds {
        course.reaches(counter, counter.load(Ordering::SeqCst) + TRAFFIC).await;
        let moment = rand::rng().random_range(0..30);
        sleep(Duration::from_millis(moment)).await;
        relay.kill();
        relay.restart();
    }
}

pub(super) fn text(number: usize) -> String {
    format!("number {number}")
}

/// Sends until it is over, a message when the one before is durable or soon after; how many.
async fn talk(me: Arc<Person>, to: Arc<Person>, course: Arc<Course>) -> usize {
    let mut count = 0;
    while !course.is_over() {
        me.engine.send_text(to.account(), &text(count), None).await.unwrap();
        count += 1;
        // Who waits for the relay in vain writes on all the same.
        let _ = me.engine.flush(Duration::from_millis(20)).await;
    }
    count
}

/// Counts how often each message was shown, and the acknowledgements of own ones.
pub(super) fn watch(
    person: &Person,
    course: &Arc<Course>,
) -> Arc<Mutex<HashMap<MessageId, usize>>> {
    let shown = Arc::<Mutex<HashMap<MessageId, usize>>>::default();
    let (counts, course) = (Arc::clone(&shown), Arc::clone(course));
    let mut events = person.engine.subscribe();
    tokio::spawn(async move {
        loop {
            match events.recv().await {
                Ok(Event::Message { message }) if !message.outgoing => {
                    *counts.lock().unwrap().entry(message.id).or_default() += 1;
                }
                Ok(Event::MessageChanged { message })
                    if message.state == Some(MessageState::Sent) =>
                {
                    course.count(&course.acknowledged);
                }
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(_)) => panic!("events were lost"),
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    });
    shown
}

/// The ids of one-time prekeys that were handed out, of both kinds.
type HandedOut = (Vec<PrekeyId>, Vec<PrekeyId>);

#[tokio::test(flavor = "multi_thread")]
async fn no_one_time_prekey_is_handed_out_twice() {
    let mut relay = RelayProcess::with(&UNLIMITED);
    let course = Arc::new(Course::default());
    let stranger = Stranger::connect(relay.link()).await;
    let owner = stranger.register("owner").await;
    let target = owner.account;
    let supplying = tokio::spawn(supply(relay.link().clone(), owner, Arc::clone(&course)));
    let mut claiming: Vec<JoinHandle<HandedOut>> = Vec::new();
    for name in ["eve", "mallory"] {
        let claimer = stranger.register(name).await;
        let claim = ClaimBundles { account: target, devices: Vec::new() };
        let course = Arc::clone(&course);
        claiming.push(tokio::spawn(claim_on(relay.link().clone(), claimer, claim, course)));
    }
    let rounds = rounds(ROUNDS);
    kill_again_and_again(&mut relay, &course, &course.claims, rounds).await;
    course.over.store(true, Ordering::SeqCst);
    let last_resort = supplying.await.unwrap();

    let (mut one_time, mut one_time_kem) = (Vec::new(), Vec::new());
    for task in claiming {
        let (plain, kem) = task.await.unwrap();
        one_time.extend(plain);
        one_time_kem.extend(kem.into_iter().filter(|id| *id != last_resort));
    }
    for ids in [&one_time, &one_time_kem] {
        assert!(ids.len() > rounds, "there were claims");
        let distinct: HashSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len(), "a one-time prekey was handed out twice");
    }
    println!(
        "relay killed {rounds} times: {} one-time prekeys and {} of ML-KEM handed out, each once",
        one_time.len(),
        one_time_kem.len()
    );
}

/// A connection that is logged in; none once it is over.
async fn logged_in(link: &RelayLink, as_whom: &Account, course: &Course) -> Option<Stranger> {
    while !course.is_over() {
        let Some(stranger) = Stranger::try_connect(link).await else { continue };
        if stranger.log_in(as_whom).await.is_some() {
            return Some(stranger);
        }
    }
    None
}

/// Keeps the directory supplied with prekeys; the id of the ML-KEM prekey of last resort.
async fn supply(link: RelayLink, mut owner: Account, course: Arc<Course>) -> PrekeyId {
    while let Some(stranger) = logged_in(&link, &owner, &course).await {
        while let Some(Answer::PrekeyCount(left)) = stranger.ask(CountPrekeys {}).await {
            if course.is_over() {
                break;
            }
            let (plain, kem) = (100 - left.one_time as usize, 100 - left.one_time_kem as usize);
            if plain < 50 {
                continue;
            }
            let prekeys = owner.prekeys.refill(&mut rand::rng(), &owner.keys, plain, kem);
            if stranger.ask(PublishPrekeys { prekeys }).await.is_none() {
                break;
            }
        }
    }
    owner.last_resort
}

/// Claims until it is over; what was handed out.
async fn claim_on(
    link: RelayLink,
    claimer: Account,
    claim: ClaimBundles,
    course: Arc<Course>,
) -> HandedOut {
    let (mut one_time, mut one_time_kem) = (Vec::new(), Vec::new());
    while let Some(stranger) = logged_in(&link, &claimer, &course).await {
        while let Some(Answer::Bundles(bundles)) = stranger.ask(claim.clone()).await {
            for bundle in bundles {
                one_time_kem.push(bundle.kem_prekey.id);
                if let Some(prekey) = bundle.one_time_prekey {
                    one_time.push(prekey.id);
                    course.count(&course.claims);
                }
            }
            if course.is_over() {
                break;
            }
        }
    }
    (one_time, one_time_kem)
}
