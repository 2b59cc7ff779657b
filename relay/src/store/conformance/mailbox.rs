//! Mailboxes: order, repeats, quotas, pages, consumption.

use sotto_proto::{EnvelopeId, mailbox::Mail};

use super::samples::{
    NOW, ROOMY, Tested, address, append, envelope, envelope_ids, fresh_id, mailbox, new_device,
    register, send,
};
use crate::store::{Append, Appended, MailboxQuota};

pub(crate) async fn entries_are_read_in_order(store: Tested) {
    register(&store, [1, 2]).await;
    let ids = send(&store, 2, 1, 300).await;
    let entries = mailbox(&store, 1).await;
    assert_eq!(envelope_ids(&entries), ids);
    let sequences: Vec<u64> = entries.iter().map(|entry| entry.sequence).collect();
    assert_eq!(sequences, (1..=300).collect::<Vec<u64>>());
    let expected = Mail::Envelope { from: address(2), id: ids[0], sealed: b"x".to_vec() };
    assert_eq!((entries[0].accepted_at, &entries[0].mail), (NOW, &expected));
    let rest = store.read_mailbox(address(1), 298, 10, 1000).await.unwrap();
    assert_eq!(envelope_ids(&rest), ids[298..]);
    assert!(mailbox(&store, 2).await.is_empty());
    assert!(mailbox(&store, 3).await.is_empty());
}

pub(crate) async fn a_repeat_adds_nothing(store: Tested) {
    register(&store, [1, 2]).await;
    let id = fresh_id();
    let once = || envelope(2, 1, id, b"once");
    assert_eq!(append(&store, once(), ROOMY, NOW).await, Appended::At(1));
    assert_eq!(append(&store, once(), ROOMY, NOW).await, Appended::Repeat);
    store.consume(address(1), 1).await.unwrap();
    assert_eq!(append(&store, once(), ROOMY, NOW).await, Appended::Repeat);
    assert!(mailbox(&store, 1).await.is_empty());
}

pub(crate) async fn a_repeat_within_one_call_adds_nothing(store: Tested) {
    register(&store, [1, 2]).await;
    let (one, two) = (fresh_id(), fresh_id());
    let batch = [one, two, one].map(|id| envelope(2, 1, id, b"x")).to_vec();
    let outcome = store.append(batch, ROOMY, NOW).await.unwrap();
    assert_eq!(outcome, [Appended::At(1), Appended::At(2), Appended::Repeat]);
    assert!(store.append(Vec::new(), ROOMY, NOW).await.unwrap().is_empty());
}

pub(crate) async fn ids_are_known_for_each_mailbox(store: Tested) {
    register(&store, [1, 2, 3]).await;
    let id = fresh_id();
    for to in [1, 2] {
        assert_eq!(append(&store, envelope(3, to, id, b"x"), ROOMY, NOW).await, Appended::At(1));
    }
}

pub(crate) async fn a_missing_device_is_told(store: Tested) {
    register(&store, [1]).await;
    let batch = vec![envelope(1, 9, fresh_id(), b"x"), envelope(1, 1, fresh_id(), b"x")];
    let outcome = store.append(batch, ROOMY, NOW).await.unwrap();
    assert_eq!(outcome, [Appended::NoSuchDevice, Appended::At(1)]);
    store.consume(address(9), 5).await.unwrap();
}

pub(crate) async fn a_full_mailbox_is_told(store: Tested) {
    register(&store, [1, 2]).await;
    let few = MailboxQuota { entries: 2, bytes: 1000 };
    let batch = [b"a", b"b", b"c"].map(|sealed| envelope(2, 1, fresh_id(), sealed)).to_vec();
    let outcome = store.append(batch, few, NOW).await.unwrap();
    assert_eq!(outcome, [Appended::At(1), Appended::At(2), Appended::MailboxFull]);

    let small = MailboxQuota { entries: 1000, bytes: 10 };
    let refused = envelope(2, 1, fresh_id(), &[0; 9]);
    assert_eq!(append(&store, refused.clone(), small, NOW).await, Appended::MailboxFull);
    let fits = envelope(2, 1, fresh_id(), &[0; 8]);
    assert_eq!(append(&store, fits, small, NOW).await, Appended::At(3));
    assert_eq!(append(&store, refused, ROOMY, NOW).await, Appended::At(4));
}

pub(crate) async fn consuming_makes_room(store: Tested) {
    register(&store, [1, 2]).await;
    let quota = MailboxQuota { entries: 2, bytes: 20 };
    let next = || envelope(2, 1, fresh_id(), &[0; 10]);
    for sequence in [1, 2] {
        assert_eq!(append(&store, next(), quota, NOW).await, Appended::At(sequence));
    }
    assert_eq!(append(&store, next(), quota, NOW).await, Appended::MailboxFull);
    store.consume(address(1), 1).await.unwrap();
    assert_eq!(append(&store, next(), quota, NOW).await, Appended::At(3));
    assert_eq!(append(&store, next(), quota, NOW).await, Appended::MailboxFull);
}

pub(crate) async fn consuming_is_idempotent(store: Tested) {
    register(&store, [1, 2]).await;
    let ids = send(&store, 2, 1, 5).await;
    for up_to in [3, 3, 1, 0] {
        store.consume(address(1), up_to).await.unwrap();
        let entries = mailbox(&store, 1).await;
        assert_eq!(envelope_ids(&entries), ids[3..]);
        assert_eq!(entries[0].sequence, 4);
    }
    assert_eq!(store.census().await.unwrap().entries, 2);
    store.consume(address(1), u64::MAX).await.unwrap();
    assert!(mailbox(&store, 1).await.is_empty());
    let later = send(&store, 2, 1, 1).await;
    assert_eq!(envelope_ids(&mailbox(&store, 1).await), later);
}

pub(crate) async fn a_sequence_is_never_used_twice(store: Tested) {
    register(&store, [1, 2]).await;
    let next = || envelope(2, 1, fresh_id(), b"x");
    for sequence in 1..=5 {
        assert_eq!(append(&store, next(), ROOMY, NOW).await, Appended::At(sequence));
        store.consume(address(1), u64::MAX).await.unwrap();
    }
    // The number comes back with another device, and a late acknowledgement of the first one.
    for number in [2, 1] {
        let mut new = new_device(1, number, 50);
        new.replace_devices = true;
        store.enrol(new).await.unwrap();
    }
    assert_eq!(append(&store, next(), ROOMY, NOW).await, Appended::At(6));
    store.consume(address(1), 5).await.unwrap();
    assert_eq!(mailbox(&store, 1).await.len(), 1);
}

pub(crate) async fn a_page_is_bounded_but_never_empty(store: Tested) {
    register(&store, [1, 2]).await;
    let batch = (0..10).map(|_| envelope(2, 1, fresh_id(), &[0; 1000])).collect();
    store.append(batch, ROOMY, NOW).await.unwrap();
    let page = async |after, entries, bytes| {
        store.read_mailbox(address(1), after, entries, bytes).await.unwrap().len()
    };
    assert_eq!(page(0, 4, usize::MAX).await, 4);
    assert_eq!(page(8, 4, usize::MAX).await, 2);
    assert_eq!(page(10, 4, usize::MAX).await, 0);
    assert_eq!(page(0, 4, 1).await, 1);
    assert_eq!(page(0, 1, 0).await, 1);
    let about_three = page(0, 10, 3500).await;
    assert!((2..=4).contains(&about_three), "{about_three}");
}

pub(crate) async fn order_holds_for_each_sender(store: Tested) {
    const ROUNDS: u32 = 25;
    const SENDERS: u8 = 4;
    register(&store, 0..=SENDERS).await;
    let id = |sender: u8, round: u32, part: u8| {
        let mut id = [sender; 16];
        id[..4].copy_from_slice(&round.to_be_bytes());
        id[4] = part;
        EnvelopeId(id)
    };
    let senders = (1..=SENDERS).map(|sender| {
        let store = store.clone();
        tokio::spawn(async move {
            for round in 0..ROUNDS {
                let batch: Vec<Append> =
                    (0..3).map(|part| envelope(sender, 0, id(sender, round, part), b"x")).collect();
                store.append(batch, ROOMY, NOW).await.unwrap();
            }
        })
    });
    for sender in senders.collect::<Vec<_>>() {
        sender.await.unwrap();
    }
    let entries = mailbox(&store, 0).await;
    assert_eq!(entries.len(), usize::from(SENDERS) * ROUNDS as usize * 3);
    for sender in 1..=SENDERS {
        let from = |id: &EnvelopeId| id.0[15] == sender;
        let got: Vec<_> = envelope_ids(&entries).into_iter().filter(from).collect();
        let sent = (0..ROUNDS).flat_map(|round| (0..3).map(move |part| id(sender, round, part)));
        assert!(got.into_iter().eq(sent), "sender {sender}");
    }
}
