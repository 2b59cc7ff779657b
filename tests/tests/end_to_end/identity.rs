//! An identity key that changes.

use sotto_client::{
    Event,
    model::{ConversationEvent, MessageBody, MessageState},
};
use sotto_tests::{PATIENCE, Person, RelayProcess, until};

#[tokio::test(flavor = "multi_thread")]
async fn sending_stops_until_the_person_has_looked() {
    let relay = RelayProcess::start();
    let anna = Person::register(relay.link(), "anna").await;
    let mut bob = Person::register(relay.link(), "bob").await;
    anna.befriend(&bob).await;
    anna.tell(&bob, "hello").await;
    bob.hears(&anna, "hello").await;
    anna.engine.mark_verified(bob.account(), true).await.unwrap();
    let before = anna.engine.safety_number(bob.account()).await.unwrap();

    let mut events = anna.engine.subscribe();
    bob.lose_everything_and_log_in(true).await;
    let held = anna.engine.send_text(bob.account(), "only for the Bob I know", None).await.unwrap();
    until(&mut events, |event| match event {
        Event::IdentityChanged { contact } => (contact.account == bob.account()).then_some(()),
        _ => None,
    })
    .await;
    let flushed = anna.engine.flush(PATIENCE).await.unwrap();
    assert!(flushed.held.contains(&bob.account()));
    let message = anna.engine.message(bob.account(), held.id).await.unwrap();
    assert_eq!(message.state, Some(MessageState::Queued));
    let contact = anna.engine.contact("bob").await.unwrap();
    assert!(!contact.verified);
    assert_eq!(contact.pending_identity, Some(bob.engine.me().identity));
    let history = anna.history(&bob).await;
    let changes = history.iter().filter(|message| {
        message.body == MessageBody::Event { event: ConversationEvent::IdentityChanged }
    });
    assert_eq!(changes.count(), 1);
    assert!(bob.engine.contacts().await.unwrap().is_empty(), "nothing reached the new key");
    let after = anna.engine.safety_number(bob.account()).await.unwrap();
    assert_ne!(after, before);

    anna.engine.acknowledge_identity(bob.account()).await.unwrap();
    bob.hears(&anna, "only for the Bob I know").await;
    assert_eq!(bob.engine.safety_number(anna.account()).await.unwrap(), after);
}
