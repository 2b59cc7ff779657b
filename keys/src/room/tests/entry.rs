//! Coming into a room by oneself, and coming back with lost state.

use super::{
    forge,
    world::{Device, ROOM, Relay, assert_agreed, open_kind, policy},
};
use crate::{
    DeviceKeys, Identity,
    room::{
        CommitError, KeyPackageError, LeafError, Room, RoomChange, RoomError, RoomKind, Roster,
        RosterError, RuleError, key_package, verify_key_package,
    },
    testing::test_rng,
};

/// Neither the relay nor a member takes the entry; both say the same rule.
fn assert_refused(relay: &mut Relay, member: &Device, by: &Device, rule: RuleError) {
    assert!(matches!(relay.entry(by), Err(RoomError::Rule(found)) if found == rule));
    let forged = forge::entry(by, relay);
    assert!(matches!(relay.take(&forged), Err(RosterError::Rule(found)) if found == rule));
    let before = member.storage.clone();
    assert!(matches!(member.follow(&forged.commit), Err(RoomError::Rule(found)) if found == rule));
    assert_eq!(member.storage, before);
}

#[test]
fn anyone_comes_into_an_open_room() {
    let [alice, bob, carol] = [1, 2, 3].map(|person| Device::new(person, 1));
    let mut relay = Relay::found(&alice, &policy(open_kind(), &[&alice]));
    let changed = relay.enter(&bob, &[&alice]);
    assert!(changed.entered);
    assert_eq!((changed.by.address(), changed.left.len()), (bob.address(), 0));
    relay.enter(&carol, &[&alice, &bob]);
    assert_agreed(&relay, &[&alice, &bob, &carol]);
}

#[test]
fn a_stranger_does_not_come_into_an_invite_room() {
    let (alice, mallory) = (Device::new(1, 1), Device::new(9, 1));
    let mut relay = Relay::found(&alice, &policy(RoomKind::Invite, &[]));
    assert_refused(&mut relay, &alice, &mallory, RuleError::NotInvited);
    assert_agreed(&relay, &[&alice]);
}

#[test]
fn another_device_of_a_member_comes_in_by_itself() {
    let (alice, bob, laptop) = (Device::new(1, 1), Device::new(2, 1), Device::new(2, 2));
    let mut relay = Relay::found(&alice, &policy(RoomKind::Invite, &[&alice]));
    assert_refused(&mut relay, &alice, &laptop, RuleError::NotInvited);
    relay.add(&alice, &[], &[&bob]);
    relay.enter(&laptop, &[&alice, &bob]);
    assert_agreed(&relay, &[&alice, &bob, &laptop]);
}

#[test]
fn a_device_with_lost_state_comes_back_in_place_of_itself() {
    let (alice, bob) = (Device::new(1, 1), Device::new(2, 1));
    let mut relay = Relay::found(&alice, &policy(RoomKind::Invite, &[&alice]));
    relay.add(&alice, &[], &[&bob]);
    Room::forget(&bob.storage, ROOM).unwrap();
    let changed = relay.enter(&bob, &[&alice]);
    assert_eq!(changed.left, changed.joined);
    assert_agreed(&relay, &[&alice, &bob]);
}

#[test]
fn an_old_copy_of_a_vault_comes_back_too() {
    let (alice, bob) = (Device::new(1, 1), Device::new(2, 1));
    let mut relay = Relay::found(&alice, &policy(RoomKind::Invite, &[&alice]));
    relay.add(&alice, &[], &[&bob]);
    let old = bob.storage.clone();
    relay.change(&bob, &RoomChange::default(), &[&alice], &[]);
    relay.change(&alice, &RoomChange::default(), &[&bob], &[]);
    bob.storage.restore(&old);
    // The commits since then are still there, but one of them is Bob's own, which he cannot follow.
    let own = relay.change(&alice, &RoomChange::default(), &[], &[]);
    assert_eq!(own.epoch, 4);
    relay.enter(&bob, &[&alice]);
    assert_agreed(&relay, &[&alice, &bob]);
}

#[test]
fn an_account_is_not_taken_over_by_another_identity() {
    let (alice, bob) = (Device::new(1, 1), Device::new(2, 1));
    let mut relay = Relay::found(&alice, &policy(open_kind(), &[&alice]));
    relay.enter(&bob, &[&alice]);
    let mut impostor = Device::new(9, 2);
    impostor.account = bob.account;
    let forged = forge::entry(&impostor, &relay);
    let refused = relay.take(&forged);
    assert!(matches!(refused, Err(RosterError::Rule(RuleError::TwoIdentities))));
    let refused = alice.follow(&forged.commit);
    assert!(matches!(refused, Err(RoomError::Rule(RuleError::TwoIdentities))));
    // When Bob's device has departed, its leaf does not stand in the way of his new identity.
    relay.take_when(&forged, |device| device == bob.address()).unwrap();
}

#[test]
fn a_device_is_in_a_room_once() {
    let (alice, bob) = (Device::new(1, 1), Device::new(2, 1));
    let mut relay = Relay::found(&alice, &policy(open_kind(), &[&alice]));
    relay.enter(&bob, &[&alice]);
    let mut twin = Device::new(2, 1);
    twin.keys = DeviceKeys::generate(&mut test_rng(77));
    twin.certificate =
        twin.identity.certify(bob.address().device, &twin.keys, bob.certificate.issued_at);
    let forged = forge::entry(&twin, &relay);
    let refused = relay.take(&forged);
    assert!(matches!(refused, Err(RosterError::Rule(RuleError::DoubleDevice))));
    let refused = alice.follow(&forged.commit);
    assert!(matches!(refused, Err(RoomError::Rule(RuleError::DoubleDevice))));
    let add = [twin.key_package()];
    let refused = alice.propose(&RoomChange { add: &add, ..RoomChange::default() });
    assert!(matches!(refused, Err(RoomError::Rule(RuleError::DoubleDevice))));
    assert!(!alice.room().has_pending());
}

#[test]
fn who_was_not_certified_is_refused_everywhere() {
    let (alice, mut mallory) = (Device::new(1, 1), Device::new(9, 1));
    let mut relay = Relay::found(&alice, &policy(open_kind(), &[&alice]));
    // Mallory claims an identity that never signed her certificate.
    mallory.identity = Identity::generate(&mut test_rng(1));
    let bytes = key_package(&mallory.storage, &mallory.own()).unwrap();
    let refused = verify_key_package(&bytes);
    assert!(matches!(refused, Err(KeyPackageError::Leaf(LeafError::Certificate(_)))));
    let forged = forge::entry(&mallory, &relay);
    let refused = relay.take(&forged);
    assert!(matches!(
        refused,
        Err(RosterError::Commit(CommitError::Leaf(LeafError::Certificate(_))))
    ));
    let refused = alice.follow(&forged.commit);
    assert!(matches!(
        refused,
        Err(RoomError::Commit(CommitError::Leaf(LeafError::Certificate(_))))
    ));
}

#[test]
fn a_certificate_of_another_device_is_no_credential() {
    let (alice, bob, mut mallory) = (Device::new(1, 1), Device::new(2, 1), Device::new(9, 1));
    let mut relay = Relay::found(&alice, &policy(open_kind(), &[&alice]));
    // Mallory has a true certificate, of Bob's device, but not its key.
    (mallory.account, mallory.identity, mallory.certificate) =
        (bob.account, bob.identity, bob.certificate);
    let forged = forge::entry(&mallory, &relay);
    let refused = relay.take(&forged);
    assert!(matches!(refused, Err(RosterError::Commit(CommitError::Leaf(LeafError::WrongKey)))));
    let refused = alice.follow(&forged.commit);
    assert!(matches!(refused, Err(RoomError::Commit(CommitError::Leaf(LeafError::WrongKey)))));
}

#[test]
fn the_relay_takes_only_new_rooms_under_their_own_id() {
    let (alice, bob) = (Device::new(1, 1), Device::new(2, 1));
    let invite = policy(RoomKind::Invite, &[&alice]);
    let founding = Room::found(&alice.storage, &alice.own(), ROOM, &invite).unwrap().1;
    let elsewhere = sotto_proto::RoomId([8; 16]);
    let refused = Roster::found(elsewhere, &founding.group_info, &founding.tree);
    assert!(matches!(refused, Err(RosterError::WrongRoom)));
    let mut relay = Relay::found(&alice, &invite);
    // The tree and the group info of two different foundings.
    let refused = Roster::found(ROOM, &founding.group_info, &relay.tree());
    assert!(matches!(refused, Err(RosterError::Mls(_))));
    relay.add(&alice, &[], &[&bob]);
    let refused = Roster::found(ROOM, &relay.group_info, &relay.tree());
    assert!(matches!(refused, Err(RosterError::NotNew)));
}
