//! Two people who are both there.

use std::time::{Duration, Instant};

use sotto_client::{
    Event,
    model::{ContactState, MessageBody, MessageState, Preferences},
    proto::{AccountId, presence::PresenceState},
};
use sotto_tests::{Person, RelayProcess, until};

/// How many messages the time of delivery is measured on.
const MEASURED: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_there_in_a_moment() {
    let relay = RelayProcess::start();
    let anna = Person::register(relay.link(), "anna").await;
    let bob = Person::register(relay.link(), "bob").await;
    anna.befriend(&bob).await;
    anna.tell(&bob, "first").await;
    bob.hears(&anna, "first").await;
    let mut events = bob.engine.subscribe();
    let mut times = Vec::with_capacity(MEASURED);
    for number in 0..MEASURED {
        let text = format!("number {number}");
        let begin = Instant::now();
        anna.engine.send_text(bob.account(), &text, None).await.unwrap();
        until(&mut events, |event| match event {
            Event::Message { message } if message.text() == Some(text.as_str()) => Some(()),
            _ => None,
        })
        .await;
        times.push(begin.elapsed());
    }
    times.sort_unstable();
    let (median, slowest) = (times[MEASURED / 2], times[MEASURED - 1]);
    println!("delivered in {median:?} at the median of {MEASURED}, {slowest:?} at most");
    assert!(median < Duration::from_millis(50), "{median:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_asks_and_is_accepted() {
    let relay = RelayProcess::start();
    let anna = Person::register(relay.link(), "anna").await;
    let bob = Person::register(relay.link(), "bob").await;
    anna.engine.add_contact("bob").await.unwrap();
    let hello = anna.tell(&bob, "hello, it is Anna").await;
    bob.hears(&anna, "hello, it is Anna").await;
    let asking = bob.engine.contact("anna").await.unwrap();
    assert_eq!(asking.state, ContactState::Request);
    // She learns neither that it arrived nor that he is there.
    bob.engine.flush(sotto_tests::PATIENCE).await.unwrap();
    let sent = anna.engine.message(bob.account(), hello).await.unwrap();
    assert_eq!(sent.state, Some(MessageState::Sent));
    assert!(bob.engine.send_text(anna.account(), "too early", None).await.is_err());
    bob.engine.accept_request(anna.account()).await.unwrap();
    anna.sees(&bob, hello, MessageState::Delivered).await;
    bob.engine.mark_read(anna.account(), None).await.unwrap();
    anna.sees(&bob, hello, MessageState::Read).await;
    bob.tell(&anna, "hello yourself").await;
    anna.hears(&bob, "hello yourself").await;
    assert_eq!(
        anna.engine.safety_number(bob.account()).await.unwrap(),
        bob.engine.safety_number(anna.account()).await.unwrap()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_answered_changed_deleted_and_reacted_to() {
    let relay = RelayProcess::start();
    let anna = Person::register(relay.link(), "anna").await;
    let bob = Person::register(relay.link(), "bob").await;
    anna.befriend(&bob).await;
    let large = "ä".repeat(32 * 1024);
    for text in ["one", "two", large.as_str()] {
        anna.tell(&bob, text).await;
    }
    bob.hears(&anna, &large).await;
    let history = bob.history(&anna).await;
    let (one, two) = (history[0].id, history[1].id);

    let mut events = anna.engine.subscribe();
    bob.engine.react(anna.account(), one, Some("👍")).await.unwrap();
    until(&mut events, |event| match event {
        Event::MessageChanged { message } if message.id == one => {
            message.reactions.iter().any(|reaction| reaction.emoji == "👍").then_some(())
        }
        _ => None,
    })
    .await;

    let mut events = bob.engine.subscribe();
    anna.engine.edit(bob.account(), one, "one, corrected").await.unwrap();
    anna.engine.delete_for_all(bob.account(), two).await.unwrap();
    until(&mut events, |event| match event {
        Event::MessageChanged { message } => (message.id == two).then_some(()),
        _ => None,
    })
    .await;
    let history = bob.history(&anna).await;
    assert_eq!((history[0].text(), history[0].edited), (Some("one, corrected"), true));
    assert_eq!(history[1].body, MessageBody::Deleted);
    // Whoever did not write it changes nothing.
    assert!(bob.engine.edit(anna.account(), one, "forged").await.is_err());

    bob.engine.send_text(anna.account(), "to the first", Some(one)).await.unwrap();
    assert_eq!(anna.hears(&bob, "to the first").await.reply_to, Some(one));
    assert!(anna.engine.send_text(bob.account(), &"x".repeat(65_537), None).await.is_err());
}

/// Waits until an account is shown in a state that fits.
async fn presence(person: &Person, of: AccountId, fits: impl Fn(PresenceState) -> bool) {
    let mut events = person.engine.subscribe();
    if person.engine.presence(of).is_some_and(&fits) {
        return;
    }
    until(&mut events, |event| match event {
        Event::Presence { account, state } => (account == of && fits(state)).then_some(()),
        _ => None,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn presence_and_typing_are_seen_by_those_who_show_theirs() {
    let relay = RelayProcess::start();
    let anna = Person::register(relay.link(), "anna").await;
    let bob = Person::register(relay.link(), "bob").await;
    let eve = Person::register(relay.link(), "eve").await;
    let mut events = anna.engine.subscribe();
    anna.befriend(&bob).await;
    // Eve is nobody's contact.
    eve.engine.add_contact("anna").await.unwrap();
    let online = |state| state == PresenceState::Online;
    presence(&anna, bob.account(), online).await;
    presence(&bob, anna.account(), online).await;
    // Typing is sealed in the session that the first message starts.
    bob.tell(&anna, "let me think").await;
    bob.engine.typing(anna.account(), true).await.unwrap();
    until(&mut events, |event| match event {
        Event::Typing { who, active: true, .. } if who == bob.account() => Some(()),
        _ => None,
    })
    .await;
    assert!(!eve.engine.presence(anna.account()).is_some_and(online));

    // Who hides sees nobody, and is seen by nobody.
    let hidden =
        Preferences { show_online: false, show_last_seen: false, ..Preferences::default() };
    bob.engine.set_preferences(hidden).await.unwrap();
    presence(&anna, bob.account(), |state| state == PresenceState::Hidden).await;
    bob.engine.set_preferences(Preferences::default()).await.unwrap();
    presence(&anna, bob.account(), online).await;

    bob.leave().await;
    presence(&anna, bob.account(), |state| matches!(state, PresenceState::Offline(Some(_)))).await;
}
