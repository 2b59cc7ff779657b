//! The sweep of old mail and of old memories.

use sotto_proto::{Timestamp, mailbox::Mail};

use super::samples::{
    NOW, Operated as _, ROOMY, Tested, account_id, address, append, envelope, envelope_ids,
    fresh_id, mailbox, new_device, register, send,
};
use crate::store::{Appended, MailboxQuota, REPEAT_MEMORY_MS};

const LIFETIME: u64 = 1000;

/// Sweeps at `now`.
async fn sweep(store: &Tested, now: Timestamp, limit: usize) -> Vec<u8> {
    let before = Timestamp(now.0 - LIFETIME);
    let senders = store.expire_mail(before, now, limit).await.unwrap();
    senders.iter().map(|sender| sender.account.0[0]).collect()
}

pub(crate) async fn old_mail_expires_and_its_sender_is_told(store: Tested) {
    register(&store, [1, 2, 3]).await;
    let late = NOW.plus(LIFETIME + 1);
    let old = send(&store, 2, 1, 2).await;
    let fresh = fresh_id();
    append(&store, envelope(3, 1, fresh, b"x"), ROOMY, NOW.plus(1)).await;
    assert!(sweep(&store, NOW.plus(LIFETIME), 10).await.is_empty());

    assert_eq!(sweep(&store, late, 10).await, [2]);
    let entries = mailbox(&store, 1).await;
    assert_eq!(envelope_ids(&entries), [fresh]);
    assert_eq!(entries[0].sequence, 3);
    let notices = mailbox(&store, 2).await;
    let expected: Vec<Mail> =
        old.into_iter().map(|id| Mail::Expired { to: address(1), id }).collect();
    assert_eq!(notices.iter().map(|entry| entry.mail.clone()).collect::<Vec<_>>(), expected);
    assert!(notices.iter().all(|entry| entry.accepted_at == late));
    assert!(sweep(&store, late, 10).await.is_empty());
    assert_eq!(store.census().await.unwrap().entries, 3);

    let later = late.plus(LIFETIME + 1);
    assert_eq!(sweep(&store, later, 10).await, [3]);
    assert!(mailbox(&store, 2).await.is_empty(), "notices expire too");
    assert_eq!(mailbox(&store, 3).await.len(), 1);
}

pub(crate) async fn the_sweep_is_bounded(store: Tested) {
    register(&store, [1, 2]).await;
    let ids = send(&store, 2, 1, 7).await;
    let late = NOW.plus(LIFETIME + 1);
    for left in [4, 1, 0] {
        assert_eq!(sweep(&store, late, 3).await, [2]);
        assert_eq!(envelope_ids(&mailbox(&store, 1).await), ids[7 - left..]);
    }
    assert!(sweep(&store, late, 3).await.is_empty());
    assert_eq!(mailbox(&store, 2).await.len(), 7);
}

pub(crate) async fn a_sender_who_left_is_not_told(store: Tested) {
    register(&store, [1, 2, 3]).await;
    send(&store, 2, 1, 2).await;
    send(&store, 3, 1, 1).await;
    store.delete_account(account_id(2)).await.unwrap();
    assert_eq!(sweep(&store, NOW.plus(LIFETIME + 1), 1).await, [3]);
    assert!(mailbox(&store, 1).await.is_empty());
    assert!(mailbox(&store, 2).await.is_empty());
}

pub(crate) async fn expiry_makes_room(store: Tested) {
    register(&store, [1, 2]).await;
    let quota = MailboxQuota { entries: 1, bytes: 10 };
    let next = || envelope(2, 1, fresh_id(), &[0; 10]);
    assert_eq!(append(&store, next(), quota, NOW).await, Appended::At(1));
    assert_eq!(append(&store, next(), quota, NOW).await, Appended::MailboxFull);
    assert_eq!(sweep(&store, NOW.plus(LIFETIME + 1), 10).await, [2]);
    assert_eq!(append(&store, next(), quota, NOW).await, Appended::At(2));
}

pub(crate) async fn an_id_is_remembered_after_its_entry_and_then_forgotten(store: Tested) {
    register(&store, [1, 2]).await;
    let id = fresh_id();
    let repeat = || envelope(2, 1, id, b"x");
    append(&store, repeat(), ROOMY, NOW).await;
    store.consume(address(1), 1).await.unwrap();
    let first_sweep = NOW.plus(LIFETIME + 1);
    sweep(&store, first_sweep, 10).await;
    let within = NOW.plus(REPEAT_MEMORY_MS);
    sweep(&store, within, 10).await;
    assert_eq!(append(&store, repeat(), ROOMY, within).await, Appended::Repeat);
    let after = first_sweep.plus(REPEAT_MEMORY_MS + 1);
    sweep(&store, after, 10).await;
    assert_eq!(append(&store, repeat(), ROOMY, after).await, Appended::At(2));
}

pub(crate) async fn an_expired_id_is_remembered(store: Tested) {
    register(&store, [1, 2]).await;
    let ids = send(&store, 2, 1, 1).await;
    let repeat = || envelope(2, 1, ids[0], b"x");
    // The relay was down for long: the memory runs from the expiry, not from the acceptance.
    let expired = NOW.plus(LIFETIME + 3 * REPEAT_MEMORY_MS);
    assert_eq!(sweep(&store, expired, 10).await, [2]);
    let within = expired.plus(REPEAT_MEMORY_MS);
    sweep(&store, within, 10).await;
    assert_eq!(append(&store, repeat(), ROOMY, within).await, Appended::Repeat);
    let after = expired.plus(REPEAT_MEMORY_MS + 1);
    sweep(&store, after, 10).await;
    assert_eq!(append(&store, repeat(), ROOMY, after).await, Appended::At(2));
}

pub(crate) async fn a_memory_is_of_one_device_only(store: Tested) {
    register(&store, [1, 2]).await;
    let id = fresh_id();
    let repeat = || envelope(2, 1, id, b"x");
    assert_eq!(append(&store, repeat(), ROOMY, NOW).await, Appended::At(1));
    for number in [2, 1] {
        let mut new = new_device(1, number, 50);
        new.replace_devices = true;
        store.enrol(new).await.unwrap();
    }
    sweep(&store, NOW.plus(LIFETIME + 1), 10).await;
    let forgotten = NOW.plus(LIFETIME + REPEAT_MEMORY_MS + 2);
    assert_eq!(append(&store, repeat(), ROOMY, forgotten).await, Appended::At(2));
    sweep(&store, forgotten, 10).await;
    assert_eq!(append(&store, repeat(), ROOMY, forgotten).await, Appended::Repeat);
}
