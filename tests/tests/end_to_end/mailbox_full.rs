//! A mailbox that holds no more.

use sotto_client::model::{FailReason, MessageState};
use sotto_tests::{PATIENCE, Person, RelayProcess};

#[tokio::test(flavor = "multi_thread")]
async fn the_sender_is_told_and_may_try_again() {
    let relay = RelayProcess::with(&["--mailbox-entries", "5"]);
    let anna = Person::register(relay.link(), "anna").await;
    let mut bob = Person::register(relay.link(), "bob").await;
    anna.befriend(&bob).await;
    anna.tell(&bob, "hello").await;
    bob.hears(&anna, "hello").await;
    relay.delivers_everything().await;
    bob.leave().await;
    let mut sent = Vec::new();
    for number in 0..8 {
        sent.push(anna.tell(&bob, &format!("number {number}")).await);
    }
    let mut states = Vec::new();
    for id in &sent {
        states.push(anna.engine.message(bob.account(), *id).await.unwrap().state.unwrap());
    }
    let full = MessageState::Failed { reason: FailReason::MailboxFull };
    assert_eq!(states[..5], vec![MessageState::Sent; 5]);
    assert_eq!(states[5..], vec![full; 3]);

    bob.come_back().await;
    for id in &sent[5..] {
        anna.engine.retry(bob.account(), *id).await.unwrap();
    }
    anna.engine.flush(PATIENCE).await.unwrap();
    bob.hears(&anna, "number 7").await;
    let expected: Vec<_> = (0..8).map(|number| format!("number {number}")).collect();
    assert_eq!(bob.heard(&anna).await[1..], expected);
}
