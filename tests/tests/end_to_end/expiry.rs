//! A message that waits too long.

use sotto_client::model::{FailReason, MessageState};
use sotto_relay::config::{Config, Quotas};
use sotto_tests::{InnerRelay, Person};

#[tokio::test(flavor = "multi_thread")]
async fn the_sender_is_told_that_a_message_was_not_fetched_in_time() {
    let mut relay = InnerRelay::start().await;
    let anna = Person::register(relay.link(), "anna").await;
    let mut bob = Person::register(relay.link(), "bob").await;
    anna.befriend(&bob).await;
    anna.tell(&bob, "in time").await;
    bob.hears(&anna, "in time").await;
    bob.leave().await;
    let late = anna.tell(&bob, "too late").await;
    // A relay that keeps envelopes for no time at all lets them go when it starts.
    let quotas = Quotas { envelope_days: 0, ..Quotas::default() };
    relay.restart(Config { quotas, ..Config::default() }).await;
    anna.sees(&bob, late, MessageState::Failed { reason: FailReason::Expired }).await;
    bob.come_back().await;
    assert_eq!(bob.heard(&anna).await, ["in time"]);

    // It can be sent again.
    relay.restart(Config::default()).await;
    anna.engine.retry(bob.account(), late).await.unwrap();
    bob.hears(&anna, "too late").await;
}
