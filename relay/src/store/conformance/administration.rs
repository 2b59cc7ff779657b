//! Roles, the audit log, announcements, invitations and login histories.

use sotto_proto::{
    AccountId, ErrorCode, Timestamp,
    account::{AddressClass, LoginLine, LoginMeans},
    admin::{Actor, AuditEntry, Invitation, Made, Storage},
    limits::LOGINS_MAX,
    login::RegistrationPolicy,
};

use super::samples::{
    NOW, Operated as _, Tested, account_id, address, address_of, blob, device, entry, invitation,
    new_account, new_device, register, send,
};
use crate::store::{Change, Role, StoreError, TooOld, Usage};

/// An account that may become the first admin's.
fn eager(seed: u8) -> crate::store::NewAccount {
    crate::store::NewAccount {
        appointment: Some(entry("promote")),
        ..new_account(seed, &format!("user-{seed:03}"))
    }
}

async fn role(store: &Tested, seed: u8) -> Role {
    store.account(account_id(seed)).await.unwrap().unwrap().role
}

async fn acts(store: &Tested) -> Vec<String> {
    let (lines, _) = store.audit(None, 1_000).await.unwrap();
    lines.into_iter().map(|line| line.entry.act).collect()
}

pub(crate) async fn the_first_account_is_an_admins_where_that_is_wanted(store: Tested) {
    assert_eq!(store.register(eager(1)).await.unwrap(), Role::Admin);
    assert_eq!(store.register(eager(2)).await.unwrap(), Role::Member);
    assert_eq!((role(&store, 1).await, role(&store, 2).await), (Role::Admin, Role::Member));
    assert_eq!(acts(&store).await, ["promote"], "the appointment is written down with it");
}

/// A registration that fails appoints nobody, and nothing says that it did.
pub(crate) async fn an_appointment_and_its_line_are_one(store: Tested) {
    let uninvited =
        crate::store::NewAccount { invitation: Some("no such code".to_owned()), ..eager(1) };
    assert!(matches!(store.register(uninvited).await, Err(StoreError::Invitation)));
    assert!(acts(&store).await.is_empty());
    assert_eq!(store.register(eager(1)).await.unwrap(), Role::Admin);
    assert_eq!(acts(&store).await, ["promote"]);
}

pub(crate) async fn only_the_very_first_account_is_meant(store: Tested) {
    register(&store, [1]).await;
    store.delete_account(account_id(1)).await.unwrap();
    assert_eq!(store.register(eager(2)).await.unwrap(), Role::Member);
    assert!(!acts(&store).await.contains(&"promote".to_owned()), "nobody was appointed");
}

pub(crate) async fn the_last_admin_stays(store: Tested) {
    store.register(eager(1)).await.unwrap();
    register(&store, [2]).await;
    let id = account_id(1);
    for change in [Change::Demote(id), Change::Suspend(id), Change::Delete(id)] {
        let refused = store.change(change).await;
        assert!(matches!(refused, Err(StoreError::LastAdmin)), "{refused:?}");
    }
    assert_eq!(role(&store, 1).await, Role::Admin);
    assert_eq!(acts(&store).await, ["promote"], "what was not done is not written down here");

    // An admin who cannot log in does not count.
    store.change(Change::Promote(account_id(2))).await.unwrap();
    store.change(Change::Suspend(account_id(2))).await.unwrap();
    assert!(matches!(store.change(Change::Demote(id)).await, Err(StoreError::LastAdmin)));
    store.change(Change::Demote(account_id(2))).await.unwrap();
    store.change(Change::Promote(account_id(2))).await.unwrap();
    store.change(Change::Restore(account_id(2))).await.unwrap();
    store.change(Change::Demote(id)).await.unwrap();
    assert_eq!(role(&store, 1).await, Role::Member);
    let last = store.change(Change::Delete(account_id(2))).await;
    assert!(matches!(last, Err(StoreError::LastAdmin)));
}

pub(crate) async fn a_change_and_its_line_are_one(store: Tested) {
    register(&store, [1]).await;
    store.administer(Change::Suspend(account_id(1)), entry("suspend")).await.unwrap();
    let missing = store.administer(Change::Suspend(account_id(9)), entry("suspend")).await;
    assert!(matches!(missing, Err(StoreError::NotFound)));
    let refused = AuditEntry { refused: Some(ErrorCode::NotAdmin), ..entry("delete") };
    store.note_act(refused.clone()).await.unwrap();
    let (lines, more) = store.audit(None, 10).await.unwrap();
    assert!(!more);
    let shown: Vec<_> = lines.iter().map(|line| (line.number, line.entry.clone())).collect();
    assert_eq!(shown, [(2, refused), (1, entry("suspend"))]);
}

pub(crate) async fn the_audit_log_comes_in_pages_newest_first(store: Tested) {
    for number in 1..=5 {
        store.note_act(entry(&number.to_string())).await.unwrap();
    }
    let page = async |before, limit| {
        let (lines, more) = store.audit(before, limit).await.unwrap();
        (lines.into_iter().map(|line| line.number).collect::<Vec<_>>(), more)
    };
    assert_eq!(page(None, 2).await, (vec![5, 4], true));
    assert_eq!(page(Some(4), 2).await, (vec![3, 2], true));
    assert_eq!(page(Some(2), 2).await, (vec![1], false));
    assert_eq!(page(Some(1), 2).await, (vec![], false));
    assert_eq!(page(Some(0), 2).await, (vec![], false));
}

pub(crate) async fn what_is_too_old_is_forgotten(store: Tested) {
    register(&store, [1]).await;
    for at in [NOW, NOW.plus(10)] {
        store.note_act(AuditEntry { at, ..entry("act") }).await.unwrap();
        let text = "hello".parse().unwrap();
        store.announce(text, AuditEntry { at, ..entry("announce") }).await.unwrap();
        store.note_login(account_id(1), login(at, None)).await.unwrap();
    }
    let before = NOW.plus(1);
    let too_old = TooOld { audit: before, logins: before, announcements: before };
    while store.forget(too_old, 1).await.unwrap() {}
    let (lines, _) = store.audit(None, 10).await.unwrap();
    assert_eq!(lines.iter().map(|line| line.number).collect::<Vec<_>>(), [4, 3]);
    let numbers = async || {
        let all = store.announcements(0, 10).await.unwrap();
        all.into_iter().map(|one| one.number).collect::<Vec<_>>()
    };
    assert_eq!(numbers().await, [2]);
    assert_eq!(store.logins(account_id(1)).await.unwrap(), [login(NOW.plus(10), None)]);
    // A number is not used again.
    store.change(Change::Withdraw(2)).await.unwrap();
    store.announce("again".parse().unwrap(), entry("announce")).await.unwrap();
    assert_eq!(numbers().await, [3]);
}

pub(crate) async fn announcements_are_read_from_where_one_stands(store: Tested) {
    for text in ["one", "two", "three"] {
        let posted = store.announce(text.parse().unwrap(), entry("announce")).await.unwrap();
        assert_eq!((posted.at, posted.text.as_str()), (NOW, text));
    }
    let texts = async |after, limit| {
        let all = store.announcements(after, limit).await.unwrap();
        all.into_iter().map(|one| one.text.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(texts(0, 2).await, ["two", "three"]);
    assert_eq!(texts(1, 9).await, ["two", "three"]);
    assert!(texts(3, 9).await.is_empty() && texts(u64::MAX, 9).await.is_empty());
    store.change(Change::Withdraw(2)).await.unwrap();
    assert_eq!(texts(0, 9).await, ["one", "three"]);
    let gone = store.change(Change::Withdraw(2)).await;
    assert!(matches!(gone, Err(StoreError::NoSuchAnnouncement)));
}

pub(crate) async fn invitations_are_listed_and_revoked(store: Tested) {
    let noted = Invitation {
        note: Some("for the choir".parse().unwrap()),
        made: Some(Made { at: NOW, by: Actor::Operator }),
        ..invitation("b", 2)
    };
    for one in [noted.clone(), invitation("a", 1), invitation("c", 1)] {
        store.change(Change::Invite(one)).await.unwrap();
    }
    let (first, more) = store.invitations(None, 2).await.unwrap();
    assert_eq!((first, more), (vec![invitation("a", 1), noted.clone()], true));
    assert_eq!(store.invitations(Some("b"), 2).await.unwrap(), (vec![invitation("c", 1)], false));
    let mut invited = new_account(1, "anna");
    invited.invitation = Some("b".to_owned());
    store.register(invited).await.unwrap();
    let (left, _) = store.invitations(Some("a"), 1).await.unwrap();
    assert_eq!(left, [Invitation { uses_left: 1, ..noted }]);
    store.change(Change::Revoke("b".to_owned())).await.unwrap();
    let mut late = new_account(2, "bob");
    late.invitation = Some("b".to_owned());
    assert!(matches!(store.register(late).await, Err(StoreError::Invitation)));
    let gone = store.change(Change::Revoke("b".to_owned())).await;
    assert!(matches!(gone, Err(StoreError::NoSuchInvitation)));
}

pub(crate) async fn who_may_register_is_kept(store: Tested) {
    assert_eq!(store.registration().await.unwrap(), None);
    for policy in
        [RegistrationPolicy::Open, RegistrationPolicy::Invitation, RegistrationPolicy::Closed]
    {
        store.change(Change::SetRegistration(Some(policy))).await.unwrap();
        assert_eq!(store.registration().await.unwrap(), Some(policy));
    }
    store.change(Change::SetRegistration(None)).await.unwrap();
    assert_eq!(store.registration().await.unwrap(), None);
}

fn login(at: Timestamp, refused: Option<ErrorCode>) -> LoginLine {
    LoginLine {
        at,
        means: LoginMeans::Device,
        from: AddressClass::Private,
        device: Some(device(1)),
        refused,
    }
}

pub(crate) async fn a_login_history_is_bounded_and_newest_first(store: Tested) {
    register(&store, [1, 2]).await;
    for number in 0..=LOGINS_MAX as u64 {
        let refused = (number == 0).then_some(ErrorCode::BadSignature);
        store.note_login(account_id(1), login(NOW.plus(number), refused)).await.unwrap();
    }
    let lines = store.logins(account_id(1)).await.unwrap();
    assert_eq!(lines.len(), LOGINS_MAX);
    assert_eq!(lines[0].at, NOW.plus(LOGINS_MAX as u64));
    assert_eq!(lines[LOGINS_MAX - 1].at, NOW.plus(1));
    assert!(store.logins(account_id(2)).await.unwrap().is_empty());
    let nobody = store.note_login(account_id(9), login(NOW, None)).await;
    assert!(matches!(nobody, Err(StoreError::NotFound)));
    store.delete_account(account_id(1)).await.unwrap();
    assert!(store.logins(account_id(1)).await.unwrap().is_empty());
}

pub(crate) async fn an_account_shows_its_devices_and_what_it_takes(store: Tested) {
    register(&store, [1, 2]).await;
    store.enrol(new_device(1, 2, 50)).await.unwrap();
    send(&store, 2, 1, 3).await;
    store.reserve_blob(blob(1, 1, 40), 100).await.unwrap();
    store.note_login(account_id(1), login(NOW.plus(5), None)).await.unwrap();
    store.note_login(account_id(1), login(NOW.plus(6), Some(ErrorCode::Suspended))).await.unwrap();
    store.note_seen(address_of(1, 2), NOW.plus(7)).await.unwrap();
    store.note_seen(address_of(1, 3), NOW.plus(9)).await.unwrap();
    let line = store.account_line(account_id(1)).await.unwrap().unwrap();
    let devices: Vec<_> =
        line.devices.iter().map(|one| (one.id, one.enrolled_at, one.last_seen)).collect();
    let seen = |after| Some(NOW.plus(after));
    assert_eq!(devices, [(device(1), NOW, seen(5)), (device(2), NOW, seen(7))]);
    assert_eq!((line.last_seen, line.created_at), (seen(7), NOW));
    let storage = Storage { mailbox_entries: 3, mailbox_bytes: 3, blob_bytes: 40 };
    assert_eq!(line.storage, storage);
    let usage = store.usage().await.unwrap();
    assert_eq!(Usage { syncs: 0, ..usage }, Usage { mailbox_bytes: 3, blob_bytes: 40, syncs: 0 });
    assert_eq!(store.account_line(AccountId([9; 16])).await.unwrap(), None);
}

pub(crate) async fn accounts_are_listed_suspended_or_not_but_not_deleted(store: Tested) {
    register(&store, [1, 2, 3, 4]).await;
    store.set_suspended(account_id(2), true).await.unwrap();
    store.delete_account(account_id(3)).await.unwrap();
    let list = async |prefix: &str, after: Option<&str>, limit| {
        let after = after.map(|name| name.parse().unwrap());
        let (lines, more) = store.list_accounts(prefix, after.as_ref(), limit).await.unwrap();
        let names = lines.into_iter().map(|one| (one.username.to_string(), one.suspended));
        (names.collect::<Vec<_>>(), more)
    };
    let [one, two, four] = [("user-001", false), ("user-002", true), ("user-004", false)]
        .map(|(n, s)| (n.to_owned(), s));
    assert_eq!(list("", None, 2).await, (vec![one, two.clone()], true));
    assert_eq!(list("user", Some("user-001"), 9).await, (vec![two, four], false));
    assert_eq!(list("x", None, 9).await, (vec![], false));
}

pub(crate) async fn a_device_leaves_its_account(store: Tested) {
    register(&store, [1, 2]).await;
    store.enrol(new_device(1, 2, 50)).await.unwrap();
    send(&store, 2, 1, 2).await;
    store.remove_device(address(1), NOW).await.unwrap();
    let account = store.account(account_id(1)).await.unwrap().unwrap();
    assert_eq!(account.devices.len(), 1);
    assert_eq!(store.return_mail(NOW, 10).await.unwrap(), [address(2)]);
    let again = store.remove_device(address(1), NOW).await;
    assert!(matches!(again, Err(StoreError::NotFound)));
    // A device that comes back under its number begins behind what the first one had.
    store.enrol(new_device(1, 1, 60)).await.unwrap();
    let sent = super::samples::append(
        &store,
        super::samples::envelope(2, 1, super::samples::fresh_id(), b"x"),
        super::samples::ROOMY,
        NOW,
    );
    assert_eq!(sent.await, crate::store::Appended::At(3));
}
