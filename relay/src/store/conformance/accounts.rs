//! Accounts, devices, names, invitations and secrets.

use sotto_proto::{IdentityKey, Username, directory::PrekeyCount, limits::DEVICES_MAX};

use super::samples::{
    NOW, Operated as _, ROOMY, Tested, account_id, address, address_of, append, certificate,
    envelope_to, fresh_id, mailbox, new_account, new_device, prekeys, register, send,
};
use crate::store::{Appended, Census, Role, StoreError};

pub(crate) async fn a_registered_account_is_found_by_name_and_id(store: Tested) {
    let mut new = new_account(1, "alice");
    new.account.role = Role::Admin;
    store.register(new.clone()).await.unwrap();
    let by_name = store.account_by_name(&new.account.username).await.unwrap();
    assert!(by_name == Some(new.account.clone()));
    assert!(store.account(account_id(1)).await.unwrap() == Some(new.account));
    assert!(store.account(account_id(2)).await.unwrap().is_none());
    assert!(store.account_by_name(&name("bob")).await.unwrap().is_none());
    let count = store.count_prekeys(address(1)).await.unwrap();
    assert_eq!(count, PrekeyCount { one_time: 3, one_time_kem: 3 });
}

pub(crate) async fn a_username_is_given_once(store: Tested) {
    store.register(new_account(1, "alice")).await.unwrap();
    let again = store.register(new_account(2, "alice")).await;
    assert!(matches!(again, Err(StoreError::UsernameTaken)));
    assert!(store.account(account_id(2)).await.unwrap().is_none());
    assert!(matches!(store.count_prekeys(address(2)).await, Err(StoreError::NotFound)));
}

pub(crate) async fn a_failed_registration_leaves_nothing(store: Tested) {
    store.add_invitation("once", 1).await.unwrap();
    let mut new = new_account(1, "alice");
    new.invitation = Some("once".to_owned());
    let mut greedy = new.clone();
    greedy.prekeys = prekeys(1..=101);
    assert!(matches!(store.register(greedy).await, Err(StoreError::TooMany)));
    assert!(store.account(account_id(1)).await.unwrap().is_none());
    assert_eq!(store.census().await.unwrap().accounts, 0);
    store.register(new).await.unwrap();
}

pub(crate) async fn an_invitation_is_good_for_its_uses(store: Tested) {
    store.add_invitation("twice", 2).await.unwrap();
    let invited = |seed: u8, code: &str| {
        let mut new = new_account(seed, &format!("user-{seed}"));
        new.invitation = Some(code.to_owned());
        store.register(new)
    };
    assert!(matches!(invited(1, "other").await, Err(StoreError::Invitation)));
    invited(1, "twice").await.unwrap();
    assert!(matches!(invited(1, "twice").await, Err(StoreError::UsernameTaken)));
    invited(2, "twice").await.unwrap();
    assert!(matches!(invited(3, "twice").await, Err(StoreError::Invitation)));
    assert!(store.account(account_id(3)).await.unwrap().is_none());
}

pub(crate) async fn a_profile_changes(store: Tested) {
    register(&store, [1]).await;
    store.set_display_name(account_id(1), "Zoë".parse().unwrap()).await.unwrap();
    store.set_suspended(account_id(1), true).await.unwrap();
    let account = store.account(account_id(1)).await.unwrap().unwrap();
    assert_eq!(account.display_name.as_str(), "Zoë");
    assert!(account.suspended);
    store.set_suspended(account_id(1), false).await.unwrap();
    let (users, _) = store.list_users("", None, 10).await.unwrap();
    assert_eq!(users[0].display_name.as_str(), "Zoë");
    let missing = store.set_suspended(account_id(2), true).await;
    assert!(matches!(missing, Err(StoreError::NotFound)));
}

pub(crate) async fn the_list_is_in_order_and_in_pages(store: Tested) {
    for (seed, username) in ["bob", "anna", "ann", "zed", "ann.e", "ann-1"].iter().enumerate() {
        store.register(new_account(u8::try_from(seed).unwrap(), username)).await.unwrap();
    }
    assert_eq!(
        list(&store, "", None, 10).await,
        (names(&["ann", "ann-1", "ann.e", "anna", "bob", "zed"]), false)
    );
    assert_eq!(list(&store, "ann", None, 2).await, (names(&["ann", "ann-1"]), true));
    assert_eq!(list(&store, "ann", Some("ann-1"), 2).await, (names(&["ann.e", "anna"]), false));
    assert_eq!(list(&store, "ann", Some("aaa"), 1).await, (names(&["ann"]), true));
    assert_eq!(list(&store, "ann", Some("bob"), 5).await, (names(&[]), false));
    assert_eq!(list(&store, "c", None, 5).await, (names(&[]), false));
}

pub(crate) async fn the_list_leaves_suspended_accounts_out(store: Tested) {
    register(&store, [1, 2, 3]).await;
    store.set_suspended(account_id(3), true).await.unwrap();
    assert_eq!(list(&store, "", None, 2).await, (names(&["user-001", "user-002"]), false));
    store.set_suspended(account_id(1), true).await.unwrap();
    assert_eq!(list(&store, "user", None, 5).await, (names(&["user-002"]), false));
}

pub(crate) async fn a_device_enters_beside_another(store: Tested) {
    register(&store, [1, 2]).await;
    send(&store, 2, 1, 1).await;
    store.enrol(new_device(1, 2, 50)).await.unwrap();
    let account = store.account(account_id(1)).await.unwrap().unwrap();
    assert_eq!(account.devices, [certificate(1, 1), certificate(2, 50)]);
    assert_eq!(mailbox(&store, 1).await.len(), 1);
    let second = envelope_to(2, address_of(1, 2), fresh_id(), b"x");
    assert_eq!(append(&store, second, ROOMY, NOW).await, Appended::At(1));
    let nobody = store.enrol(new_device(9, 1, 1)).await;
    assert!(matches!(nobody, Err(StoreError::NotFound)));
}

pub(crate) async fn a_device_number_is_not_taken_over(store: Tested) {
    register(&store, [1]).await;
    let mut other_keys = new_device(1, 1, 50);
    assert!(matches!(store.enrol(other_keys.clone()).await, Err(StoreError::DeviceTaken)));
    other_keys.replace_devices = true;
    other_keys.identity = IdentityKey([50; 32]);
    assert!(matches!(store.enrol(other_keys).await, Err(StoreError::DeviceTaken)));
    let account = store.account(account_id(1)).await.unwrap().unwrap();
    assert!(account == new_account(1, "user-001").account);
}

pub(crate) async fn the_same_certificate_again_changes_prekeys_only(store: Tested) {
    register(&store, [1, 2]).await;
    send(&store, 2, 1, 1).await;
    let mut again = new_device(1, 1, 1);
    again.identity = IdentityKey([50; 32]);
    again.backup = Some(vec![50]);
    again.prekeys = prekeys(3..=5);
    again.replace_devices = true;
    store.enrol(again).await.unwrap();
    let account = store.account(account_id(1)).await.unwrap().unwrap();
    assert!(account == new_account(1, "user-001").account);
    let count = store.count_prekeys(address(1)).await.unwrap();
    assert_eq!(count, PrekeyCount { one_time: 5, one_time_kem: 5 });
    assert_eq!(mailbox(&store, 1).await.len(), 1);
}

pub(crate) async fn replacing_devices_empties_the_account_of_them(store: Tested) {
    register(&store, [1, 2]).await;
    store.enrol(new_device(1, 2, 50)).await.unwrap();
    let sent = send(&store, 2, 1, 3).await;
    let mut new = new_device(1, 3, 60);
    new.replace_devices = true;
    new.identity = IdentityKey([60; 32]);
    new.backup = Some(vec![60; 7]);
    store.enrol(new).await.unwrap();

    let account = store.account(account_id(1)).await.unwrap().unwrap();
    assert_eq!(account.devices, [certificate(3, 60)]);
    assert_eq!(account.identity, IdentityKey([60; 32]));
    assert_eq!(account.backup, [60; 7]);
    assert!(mailbox(&store, 1).await.is_empty());
    assert!(matches!(store.count_prekeys(address(1)).await, Err(StoreError::NotFound)));
    let late = envelope_to(2, address(1), sent[0], b"x");
    assert_eq!(append(&store, late, ROOMY, NOW).await, Appended::NoSuchDevice);
    let bundles = store.claim_bundles(account_id(1), &[]).await.unwrap();
    assert_eq!(bundles.len(), 1);
    let census = store.census().await.unwrap();
    assert_eq!((census.devices, census.entries), (2, 0));
}

pub(crate) async fn an_account_has_at_most_so_many_devices(store: Tested) {
    register(&store, [1]).await;
    let most = u32::try_from(DEVICES_MAX).unwrap();
    for number in 2..=most {
        store.enrol(new_device(1, number, 50)).await.unwrap();
    }
    let mut more = new_device(1, most + 1, 50);
    assert!(matches!(store.enrol(more.clone()).await, Err(StoreError::TooMany)));
    more.replace_devices = true;
    store.enrol(more).await.unwrap();
    assert_eq!(store.account(account_id(1)).await.unwrap().unwrap().devices.len(), 1);
}

pub(crate) async fn a_deleted_account_is_gone(store: Tested) {
    register(&store, [1, 2]).await;
    send(&store, 2, 1, 2).await;
    send(&store, 1, 2, 1).await;
    store.delete_account(account_id(1)).await.unwrap();
    assert!(store.account(account_id(1)).await.unwrap().is_none());
    assert!(store.account_by_name(&name("user-001")).await.unwrap().is_none());
    assert!(mailbox(&store, 1).await.is_empty());
    assert!(matches!(store.claim_bundles(account_id(1), &[]).await, Err(StoreError::NotFound)));
    assert_eq!(mailbox(&store, 2).await.len(), 1);
    assert_eq!(list(&store, "", None, 5).await, (names(&["user-002"]), false));
    let again = store.delete_account(account_id(1)).await;
    assert!(matches!(again, Err(StoreError::NotFound)));
    // The name stays reserved.
    let taken = store.register(new_account(3, "user-001")).await;
    assert!(matches!(taken, Err(StoreError::UsernameTaken)));
    assert!(store.account(account_id(3)).await.unwrap().is_none());
}

pub(crate) async fn a_secret_is_kept(store: Tested) {
    assert_eq!(store.secret("one", vec![1]).await.unwrap(), [1]);
    assert_eq!(store.secret("two", vec![2]).await.unwrap(), [2]);
    assert_eq!(store.secret("one", vec![3]).await.unwrap(), [1]);
}

pub(crate) async fn the_census_counts(store: Tested) {
    assert_eq!(census(&store).await, Census::default());
    register(&store, [1, 2]).await;
    store.enrol(new_device(1, 2, 50)).await.unwrap();
    send(&store, 1, 2, 5).await;
    store.consume(address(2), 2).await.unwrap();
    store.reserve_blob(super::samples::blob(1, 1, 10), 100).await.unwrap();
    let expected = Census { accounts: 2, devices: 3, entries: 3, blobs: 1, disk_bytes: 0 };
    assert_eq!(census(&store).await, expected);
    store.delete_account(account_id(2)).await.unwrap();
    store.delete_account(account_id(1)).await.unwrap();
    assert_eq!(census(&store).await, Census::default());
}

pub(crate) async fn a_closed_store_refuses(store: Tested) {
    register(&store, [1]).await;
    store.close().await.unwrap();
    assert!(matches!(store.account(account_id(1)).await, Err(StoreError::Closed)));
    let new = store.register(new_account(2, "bob")).await;
    assert!(matches!(new, Err(StoreError::Closed)));
    assert!(matches!(store.consume(address(1), 1).await, Err(StoreError::Closed)));
    store.close().await.unwrap();
}

async fn census(store: &Tested) -> Census {
    Census { disk_bytes: 0, ..store.census().await.unwrap() }
}

async fn list(
    store: &Tested,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> (Vec<String>, bool) {
    let after = after.map(name);
    let (users, more) = store.list_users(prefix, after.as_ref(), limit).await.unwrap();
    (users.into_iter().map(|user| user.username.to_string()).collect(), more)
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn name(name: &str) -> Username {
    name.parse().unwrap()
}
