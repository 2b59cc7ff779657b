//! A recipient who is away, a sender who is, and a relay that is.

use sotto_client::model::MessageState;
use sotto_tests::{PATIENCE, Person, RelayProcess};

/// Messages of each of three senders; a thousand in all.
const EACH: [usize; 3] = [334, 333, 333];

async fn send_all(sender: &Person, to: &Person, count: usize) {
    for number in 0..count {
        let text = format!("{} {number}", sender.name());
        sender.engine.send_text(to.account(), &text, None).await.unwrap();
    }
    sender.engine.flush(PATIENCE).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_messages_wait_in_order() {
    let relay = RelayProcess::start();
    let mut away = Person::register(relay.link(), "dora").await;
    let mut senders = Vec::new();
    for name in ["anna", "bob", "carl"] {
        let sender = Person::register(relay.link(), name).await;
        sender.befriend(&away).await;
        senders.push(sender);
    }
    away.leave().await;
    tokio::join!(
        send_all(&senders[0], &away, EACH[0]),
        send_all(&senders[1], &away, EACH[1]),
        send_all(&senders[2], &away, EACH[2]),
    );
    away.come_back().await;
    for (sender, count) in senders.iter().zip(EACH) {
        let expected: Vec<_> =
            (0..count).map(|number| format!("{} {number}", sender.name())).collect();
        assert_eq!(away.heard(sender).await, expected);
        assert_eq!(away.unread(sender).await as usize, count);
    }
    away.engine.mark_read(senders[0].account(), None).await.unwrap();
    assert_eq!(away.unread(&senders[0]).await, 0);
    assert_eq!(away.unread(&senders[1]).await as usize, EACH[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_without_a_connection_leaves_later() {
    let mut relay = RelayProcess::start();
    let anna = Person::register(relay.link(), "anna").await;
    let bob = Person::register(relay.link(), "bob").await;
    anna.befriend(&bob).await;
    anna.tell(&bob, "before").await;
    bob.hears(&anna, "before").await;
    relay.stop();
    let queued = anna.engine.send_text(bob.account(), "meanwhile", None).await.unwrap();
    assert_eq!(queued.state, Some(MessageState::Queued));
    assert_eq!(anna.engine.search("meanwhile", None, 9).await.unwrap().len(), 1);
    relay.restart();
    anna.sees(&bob, queued.id, MessageState::Delivered).await;
    assert_eq!(bob.heard(&anna).await, ["before", "meanwhile"]);
}
