//! Mail of devices that are no more.

use sotto_proto::{DeviceId, EnvelopeId, mailbox::Mail};

use super::samples::{
    NOW, Operated as _, ROOMY, Tested, account_id, address, address_of, append, envelope_ids,
    envelope_to, fresh_id, mailbox, new_device, register, send,
};
use crate::store::Appended;

/// Replaces the devices of an account by one with this number.
async fn replace(store: &Tested, of: u8, number: u32) {
    let mut new = new_device(of, number, 50 + u8::try_from(number).unwrap());
    new.replace_devices = true;
    store.enrol(new).await.unwrap();
}

/// Returns everything, so many at once; the seeds of who was told, step by step.
async fn return_all(store: &Tested, limit: usize) -> Vec<Vec<u8>> {
    let mut steps = Vec::new();
    loop {
        let senders = store.return_mail(NOW.plus(9), limit).await.unwrap();
        if senders.is_empty() {
            return steps;
        }
        steps.push(senders.iter().map(|sender| sender.account.0[0]).collect());
    }
}

async fn returned_to(store: &Tested, sender: u8) -> Vec<(DeviceId, EnvelopeId)> {
    let entries = mailbox(store, sender).await;
    let notices = entries.iter().filter_map(|entry| match entry.mail {
        Mail::Returned { to, id } => Some((to.device, id)),
        _ => None,
    });
    notices.collect()
}

pub(crate) async fn mail_of_a_replaced_device_goes_back(store: Tested) {
    register(&store, [1, 2, 3]).await;
    let consumed = send(&store, 2, 1, 1).await;
    let seconds = send(&store, 2, 1, 2).await;
    let thirds = send(&store, 3, 1, 1).await;
    store.consume(address(1), 1).await.unwrap();
    assert!(return_all(&store, 9).await.is_empty());
    replace(&store, 1, 2).await;
    assert_eq!(store.census().await.unwrap().entries, 0);

    // The new device has its own mail, and none of the old one's.
    let fresh = fresh_id();
    let to = address_of(1, 2);
    let outcome = append(&store, envelope_to(3, to, fresh, b"x"), ROOMY, NOW).await;
    assert_eq!(outcome, Appended::At(5));
    assert_eq!(return_all(&store, 9).await, [[2, 3]]);
    let first = address(1).device;
    let expected: Vec<_> = seconds.iter().map(|id| (first, *id)).collect();
    assert_eq!(returned_to(&store, 2).await, expected);
    assert!(!expected.iter().any(|(_, id)| consumed.contains(id)));
    assert_eq!(returned_to(&store, 3).await, [(first, thirds[0])]);
    let kept = store.read_mailbox(to, 0, 9, 999).await.unwrap();
    assert_eq!(envelope_ids(&kept), [fresh]);
    assert_eq!(store.census().await.unwrap().entries, 4);
}

pub(crate) async fn mail_of_a_deleted_account_goes_back(store: Tested) {
    register(&store, [1, 2, 3]).await;
    let ids = send(&store, 2, 1, 1).await;
    send(&store, 3, 1, 1).await;
    store.delete_account(account_id(3)).await.unwrap();
    store.delete_account(account_id(1)).await.unwrap();
    assert_eq!(return_all(&store, 9).await, [[2]]);
    assert_eq!(returned_to(&store, 2).await, [(address(1).device, ids[0])]);
    assert_eq!(store.census().await.unwrap().entries, 1);
}

pub(crate) async fn returning_is_bounded(store: Tested) {
    register(&store, [1, 2]).await;
    let mut ids = send(&store, 2, 1, 5).await;
    replace(&store, 1, 2).await;
    // The same number again, under other keys.
    let to = address_of(1, 2);
    let second = fresh_id();
    append(&store, envelope_to(2, to, second, b"x"), ROOMY, NOW).await;
    replace(&store, 1, 1).await;
    ids.push(second);
    let third = fresh_id();
    append(&store, envelope_to(2, address(1), third, b"x"), ROOMY, NOW).await;
    let steps = return_all(&store, 2).await;
    assert!((3..=4).contains(&steps.len()), "{steps:?}");
    let returned: Vec<_> = returned_to(&store, 2).await.into_iter().map(|(_, id)| id).collect();
    assert_eq!(returned, ids);
    assert_eq!(envelope_ids(&mailbox(&store, 1).await), [third]);
}

pub(crate) async fn old_mail_of_a_device_that_left_is_returned_and_not_expired(store: Tested) {
    register(&store, [1, 2]).await;
    let ids = send(&store, 2, 1, 3).await;
    replace(&store, 1, 2).await;
    replace(&store, 1, 1).await;
    let late = NOW.plus(1_000_000);
    assert!(store.expire_mail(late, late, 9).await.unwrap().is_empty());
    assert_eq!(return_all(&store, 9).await, [[2]]);
    assert_eq!(returned_to(&store, 2).await.len(), ids.len());
    assert_eq!(store.census().await.unwrap().entries, 3);
}
