//! A contact that is blocked.

use sotto_client::model::{ContactState, MessageState};
use sotto_tests::{PATIENCE, Person, RelayProcess};

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_contact_is_not_heard_and_learns_nothing() {
    let relay = RelayProcess::start();
    let anna = Person::register(relay.link(), "anna").await;
    let bob = Person::register(relay.link(), "bob").await;
    let carl = Person::register(relay.link(), "carl").await;
    anna.befriend(&bob).await;
    carl.befriend(&bob).await;
    anna.tell(&bob, "before").await;
    bob.hears(&anna, "before").await;
    assert_eq!(bob.engine.block(anna.account()).await.unwrap().state, ContactState::Blocked);
    let dropped = anna.tell(&bob, "while blocked").await;
    // What a third person says later has come through the same mailbox.
    carl.tell(&bob, "is Anna blocked?").await;
    bob.hears(&carl, "is Anna blocked?").await;
    bob.engine.flush(PATIENCE).await.unwrap();
    assert_eq!(bob.heard(&anna).await, ["before"]);
    assert_eq!(bob.unread(&anna).await, 1);
    let state = anna.engine.message(bob.account(), dropped).await.unwrap().state;
    assert_eq!(state, Some(MessageState::Sent), "as for somebody who is away");
    assert!(bob.engine.send_text(anna.account(), "no", None).await.is_err());

    bob.engine.unblock(anna.account()).await.unwrap();
    anna.tell(&bob, "after").await;
    bob.hears(&anna, "after").await;
    assert_eq!(bob.heard(&anna).await, ["before", "after"]);
}
