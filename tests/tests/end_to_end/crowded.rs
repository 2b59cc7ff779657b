//! A room of many.

use sotto_tests::{Crowd, Network, Person, RelayProcess, UNLIMITED};

/// What QUIC may say of its own accord while a few messages go up.
const ALLOWANCE: usize = 4096;
const MESSAGES: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_uploaded_and_written_once_however_many_read_it() {
    let relay = RelayProcess::with(&UNLIMITED);
    let network = Network::to(relay.link()).await;
    let anna = Person::register(network.link(), "anna").await;
    let bob = Person::register(relay.link(), "bob").await;
    anna.befriend(&bob).await;
    let crowd = Crowd::gather(relay.link(), 49).await;
    let met = crowd.meet(&anna, crowd.len()).await;
    let mut uploads = Vec::new();
    for others in [4, met.len()] {
        let room = anna.gather("Square", &[]).await;
        anna.engine.add_to_room(room, &met[..others]).await.unwrap();
        anna.say(room, "is everybody here?").await;
        crowd.hears(room, &anna, others).await;
        let (synced, up) = (relay.syncs(), network.sent_up());
        for number in 0..MESSAGES {
            anna.say(room, &format!("message {number}")).await;
        }
        crowd.hears(room, &anna, (1 + MESSAGES) * others).await;
        uploads.push(network.sent_up() - up);
        assert_eq!(relay.syncs() - synced, MESSAGES as u64, "one write a message");

        anna.engine.add_to_room(room, &[bob.account()]).await.unwrap();
        anna.say(room, "welcome").await;
        bob.hears_in(room, "welcome").await;
        assert_eq!(bob.said_in(room).await, ["welcome"], "nothing earlier");
        let members = bob.engine.room(room).await.unwrap().members as usize;
        assert_eq!(members, others + 2);
    }
    assert!(uploads[1] < uploads[0] + ALLOWANCE, "one ciphertext: {uploads:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_removed_while_connected_is_delivered_nothing_later() {
    let relay = RelayProcess::with(&UNLIMITED);
    let anna = Person::register(relay.link(), "anna").await;
    let crowd = Crowd::gather(relay.link(), 6).await;
    let met = crowd.meet(&anna, crowd.len()).await;
    let room = anna.gather("Bridge", &[]).await;
    anna.engine.add_to_room(room, &met).await.unwrap();
    let (mut left, mut heard) = (met.len(), 0);
    for gone in &met[1..] {
        for number in 0..MESSAGES {
            anna.say(room, &format!("message {number} before {gone} goes")).await;
        }
        heard += MESSAGES * left;
        crowd.hears(room, &anna, heard).await;
        anna.engine.remove_from_room(room, *gone).await.unwrap();
        left -= 1;
    }
    anna.say(room, "to the last one").await;
    crowd.hears(room, &anna, heard + left).await;
    assert_eq!(crowd.heard(room, &anna), heard + left, "to nobody else");
}
