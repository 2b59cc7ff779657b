//! Files, of no bytes and of many, over a network that breaks.

use std::fs;

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use sotto_client::{
    Event,
    model::{Message, MessageBody, MessageState, Transfer},
};
use sotto_tests::{Network, Person, RelayProcess, until};

const LARGE: usize = 20 * 1024 * 1024;

async fn pair(relay: &RelayProcess, network: &Network) -> (Person, Person) {
    let anna = Person::register(network.link(), "anna").await;
    let bob = Person::register(network.link(), "bob").await;
    anna.befriend(&bob).await;
    anna.tell(&bob, "here come files").await;
    bob.hears(&anna, "here come files").await;
    assert_eq!(relay.link().fingerprint, network.link().fingerprint);
    (anna, bob)
}

/// Waits for a message with a file of this name.
async fn file_arrives(bob: &Person, anna: &Person, name: &str) -> Message {
    let mut events = bob.engine.subscribe();
    let is_it = |message: &Message| match &message.body {
        MessageBody::Attachment { file, .. } => file.name == name,
        _ => false,
    };
    if let Some(message) = bob.history(anna).await.into_iter().find(is_it) {
        return message;
    }
    until(&mut events, |event| match event {
        Event::Message { message } if is_it(&message) => Some(message),
        _ => None,
    })
    .await
}

/// Waits until a file is half-way.
async fn half_way(person: &Person) {
    let mut events = person.engine.subscribe();
    until(&mut events, |event| match event {
        Event::Transfer { done, total, .. } => (done * 2 >= total).then_some(()),
        _ => None,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_no_byte_and_of_one_arrive() {
    let relay = RelayProcess::start();
    let network = Network::to(relay.link()).await;
    let (anna, bob) = pair(&relay, &network).await;
    for (name, bytes) in [("nothing.txt", &b""[..]), ("one.bin", &b"\x07"[..])] {
        let path = anna.home().join(name);
        fs::write(&path, bytes).unwrap();
        anna.engine.send_file(bob.account(), &path, "as promised", None).await.unwrap();
        let message = file_arrives(&bob, &anna, name).await;
        assert_eq!(message.text(), Some("as promised"));
        let to = bob.home().join(name);
        bob.engine.save_attachment(anna.account(), message.id, &to).await.unwrap();
        assert_eq!(fs::read(&to).unwrap(), bytes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_survives_cuts_on_its_way_up_and_down() {
    let mut relay = RelayProcess::start();
    let network = Network::to(relay.link()).await;
    let (anna, bob) = pair(&relay, &network).await;
    let mut bytes = vec![0; LARGE];
    StdRng::seed_from_u64(7).fill_bytes(&mut bytes);
    let path = anna.home().join("large.bin");
    fs::write(&path, &bytes).unwrap();

    let (sent, ()) =
        tokio::join!(anna.engine.send_file(bob.account(), &path, "", None), half_way(&anna),);
    // The relay dies in the middle, and comes back.
    relay.kill();
    relay.restart();
    anna.sees(&bob, sent.unwrap().id, MessageState::Delivered).await;
    let message = file_arrives(&bob, &anna, "large.bin").await;

    let to = bob.home().join("large.bin");
    let (saved, ()) =
        tokio::join!(bob.engine.save_attachment(anna.account(), message.id, &to), async {
            half_way(&bob).await;
            relay.kill();
            relay.restart();
        },);
    // The download went on by itself.
    let saved = saved.unwrap();
    assert!(fs::read(&to).unwrap() == bytes, "the file is what it was");
    assert!(matches!(
        saved.body,
        MessageBody::Attachment { file, .. } if file.transfer == Transfer::Complete
    ));
}
