//! Everything but the password is lost.

use sotto_client::StopReason;
use sotto_tests::{Person, RelayProcess};

#[tokio::test(flavor = "multi_thread")]
async fn the_password_brings_the_identity_back() {
    let relay = RelayProcess::start();
    let anna = Person::register(relay.link(), "anna").await;
    let mut bob = Person::register(relay.link(), "bob").await;
    anna.befriend(&bob).await;
    anna.tell(&bob, "read before").await;
    bob.hears(&anna, "read before").await;
    let identity = bob.engine.me().identity;
    bob.leave().await;
    anna.tell(&bob, "waiting for the lost device").await;
    bob.lose_everything_and_log_in(false).await;
    assert_eq!(bob.engine.me().identity, identity);
    // What the lost device never got is sealed again for the new one; she is a stranger to it.
    bob.hears(&anna, "waiting for the lost device").await;
    assert!(anna.engine.contact("bob").await.unwrap().pending_identity.is_none());
    bob.engine.accept_request(anna.account()).await.unwrap();
    anna.tell(&bob, "and on").await;
    bob.hears(&anna, "and on").await;
    bob.tell(&anna, "here I am again").await;
    anna.hears(&bob, "here I am again").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_lists_the_device_that_it_has_now() {
    let relay = RelayProcess::start();
    let mut bob = Person::register(relay.link(), "bob").await;
    let before = bob.engine.devices().await.unwrap();
    assert_eq!((before.len(), before[0].is_this), (1, true));
    assert_eq!(before[0].id, bob.engine.me().device);
    bob.leave().await;
    bob.lose_everything_and_log_in(false).await;
    let now = bob.engine.devices().await.unwrap();
    assert_eq!((now.len(), now[0].is_this), (1, true));
    assert_eq!(now[0].id, bob.engine.me().device);
    assert_ne!((now[0].id, now[0].signing_key), (before[0].id, before[0].signing_key));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_device_before_is_told_that_it_is_none_any_more() {
    let relay = RelayProcess::start();
    let bob = Person::register(relay.link(), "bob").await;
    let mut copy = Person::register(relay.link(), "copy").await;
    let mut events = bob.engine.subscribe();
    // The same account from another computer.
    let name = bob.name().to_owned();
    copy.leave().await;
    let newer = copy.log_in_as(&name).await;
    let reason = sotto_tests::until(&mut events, |event| match event {
        sotto_client::Event::Connection {
            state: sotto_client::ConnectionState::Stopped { reason },
        } => Some(reason),
        _ => None,
    })
    .await;
    assert_eq!(reason, StopReason::DeviceRemoved);
    assert!(bob.engine.connect().await.is_err());
    newer.connect().await.unwrap();
    newer.shutdown().await;
}
