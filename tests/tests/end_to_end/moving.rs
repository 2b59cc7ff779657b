//! A laptop that changes networks.

use std::time::Duration;

use sotto_client::{ConnectionState, Event};
use sotto_tests::{Network, Person, RelayProcess};
use tokio::sync::broadcast::error::TryRecvError;

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_goes_on_from_another_port_without_another_login() {
    let relay = RelayProcess::start();
    let network = Network::to(relay.link()).await;
    let anna = Person::register(network.link(), "anna").await;
    let bob = Person::register(relay.link(), "bob").await;
    anna.befriend(&bob).await;
    anna.tell(&bob, "from here").await;
    bob.hears(&anna, "from here").await;
    let mut events = anna.engine.subscribe();
    let senders = network.senders();
    for round in 0..3 {
        anna.engine.rebind().unwrap();
        let (there, back) = (format!("from there {round}"), format!("and back {round}"));
        anna.tell(&bob, &there).await;
        bob.hears(&anna, &there).await;
        bob.tell(&anna, &back).await;
        anna.hears(&bob, &back).await;
    }
    assert_eq!(network.senders(), senders + 3, "it came from new ports");
    loop {
        match events.try_recv() {
            Ok(Event::Connection { state }) => panic!("the connection changed: {state:?}"),
            Ok(_) | Err(TryRecvError::Lagged(_)) => {}
            Err(_) => break,
        }
    }
    assert_eq!(anna.engine.connection(), ConnectionState::Online);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_silence_of_the_network_loses_nothing() {
    let relay = RelayProcess::start();
    let network = Network::to(relay.link()).await;
    let anna = Person::register(network.link(), "anna").await;
    let bob = Person::register(relay.link(), "bob").await;
    anna.befriend(&bob).await;
    anna.tell(&bob, "before").await;
    bob.hears(&anna, "before").await;
    network.cut();
    anna.engine.send_text(bob.account(), "into the silence", None).await.unwrap();
    let early = anna.engine.flush(Duration::from_millis(300)).await;
    assert!(early.is_err(), "nothing is said to be sent that is not");
    network.mend();
    bob.hears(&anna, "into the silence").await;
    assert_eq!(bob.heard(&anna).await, ["before", "into the silence"]);
}
