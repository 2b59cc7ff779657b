//! Who may do what: each rule is held by the proposer's own check, by the relay and by the members.

use std::slice;

use openmls::{
    group::{CommitBuilder, Initial},
    prelude::{Extension, ExternalSendersExtension, NewSignerBundle, OpenMlsProvider as _},
};

use super::{
    forge,
    world::{Device, Relay, assert_agreed, open_kind, policy},
};
use crate::room::{
    Commitment, RoomChange, RoomError, RoomKind, RosterError, RuleError, context,
    provider::Provider,
};

/// An admin, and two members who are none.
fn hall() -> (Relay, Device, Device, Device) {
    let [alice, bob, carol] = [1, 2, 3].map(|person| Device::new(person, 1));
    let mut relay = Relay::found(&alice, &policy(RoomKind::Invite, &[&alice]));
    relay.add(&alice, &[], &[&bob, &carol]);
    (relay, alice, bob, carol)
}

/// The relay and a member refuse the commit, and neither is changed.
fn refusals(
    relay: &mut Relay,
    member: &Device,
    commitment: &Commitment,
) -> (RosterError, RoomError) {
    let before = member.storage.clone();
    let by_member = member.follow(&commitment.commit).unwrap_err();
    assert_eq!(member.storage, before);
    (relay.take(commitment).unwrap_err(), by_member)
}

fn assert_breaks(relay: &mut Relay, member: &Device, commitment: &Commitment, rule: RuleError) {
    let (by_relay, by_member) = refusals(relay, member, commitment);
    assert!(matches!(by_relay, RosterError::Rule(found) if found == rule), "{by_relay:?}");
    assert!(matches!(by_member, RoomError::Rule(found) if found == rule), "{by_member:?}");
}

fn assert_proposal_refused(by: &Device, change: &RoomChange<'_>, rule: RuleError) {
    let before = by.storage.clone();
    let refused = by.propose(change);
    assert!(matches!(refused, Err(RoomError::Rule(found)) if found == rule));
    assert_eq!(by.storage, before);
}

#[test]
fn only_an_admin_adds() {
    let (mut relay, alice, bob, _) = hall();
    let dave = Device::new(4, 1);
    let add = [dave.key_package()];
    let change = RoomChange { add: &add, ..RoomChange::default() };
    assert_proposal_refused(&bob, &change, RuleError::AddByNonAdmin);
    let forged = forge::commit(&bob, |builder| builder.propose_adds([add[0].0.clone()]));
    assert_breaks(&mut relay, &alice, &forged, RuleError::AddByNonAdmin);
}

#[test]
fn only_an_admin_removes_another_who_has_not_departed() {
    let (mut relay, alice, bob, carol) = hall();
    let change = RoomChange { remove: &[carol.address()], ..RoomChange::default() };
    let commitment = bob.propose(&change).unwrap();
    assert_breaks(&mut relay, &alice, &commitment, RuleError::RemoveByNonAdmin);
    let departed = |device| device == carol.address();
    relay.take_when(&commitment, departed).unwrap();
    bob.confirm();
    alice.room().follow(&alice.storage, &commitment.commit, departed).unwrap();
    assert_agreed(&relay, &[&alice, &bob]);
}

#[test]
fn a_member_removes_its_own_other_device() {
    let (mut relay, alice, bob, carol) = hall();
    let laptop = Device::new(2, 2);
    relay.enter(&laptop, &[&alice, &bob, &carol]);
    let change = RoomChange { remove: &[bob.address()], ..RoomChange::default() };
    relay.change(&laptop, &change, &[&alice, &bob, &carol], &[]);
    assert!(!bob.room().is_active());
    assert_agreed(&relay, &[&alice, &laptop, &carol]);
}

#[test]
fn only_an_admin_changes_the_policy_and_nobody_the_kind() {
    let (mut relay, alice, bob, carol) = hall();
    let both = policy(RoomKind::Invite, &[&alice, &bob]);
    let change = RoomChange { policy: Some(&both), ..RoomChange::default() };
    assert_proposal_refused(&bob, &change, RuleError::PolicyByNonAdmin);
    let extensions = context::extensions(&both).unwrap();
    let forged = forge::commit(&bob, |builder| {
        builder.propose_group_context_extensions(extensions).unwrap()
    });
    assert_breaks(&mut relay, &alice, &forged, RuleError::PolicyByNonAdmin);

    let changed = relay.change(&alice, &change, &[&bob, &carol], &[]);
    assert_eq!(changed.policy, Some(both));
    assert_agreed(&relay, &[&alice, &bob, &carol]);

    let open = policy(open_kind(), &[&alice]);
    let change = RoomChange { policy: Some(&open), ..RoomChange::default() };
    assert_proposal_refused(&bob, &change, RuleError::KindChanged);
    let extensions = context::extensions(&open).unwrap();
    let forged = forge::commit(&bob, |builder| {
        builder.propose_group_context_extensions(extensions).unwrap()
    });
    assert_breaks(&mut relay, &alice, &forged, RuleError::KindChanged);
}

#[test]
fn the_name_and_topic_of_an_open_room_may_change() {
    let (alice, bob) = (Device::new(1, 1), Device::new(2, 1));
    let mut relay = Relay::found(&alice, &policy(open_kind(), &[&alice]));
    relay.enter(&bob, &[&alice]);
    let kind = RoomKind::Open { name: "Salon".parse().unwrap(), topic: "".parse().unwrap() };
    let salon = policy(kind, &[&alice]);
    let change = RoomChange { policy: Some(&salon), ..RoomChange::default() };
    relay.change(&alice, &change, &[&bob], &[]);
    assert_eq!(relay.roster.policy().unwrap(), salon);
    assert_agreed(&relay, &[&alice, &bob]);
}

#[test]
fn when_the_last_admin_is_gone_everybody_counts() {
    let (mut relay, alice, bob, carol) = hall();
    let departed = |device| device == alice.address();
    let change = RoomChange { remove: &[alice.address()], ..RoomChange::default() };
    let commitment = bob.propose(&change).unwrap();
    relay.take_when(&commitment, departed).unwrap();
    bob.confirm();
    carol.room().follow(&carol.storage, &commitment.commit, departed).unwrap();
    let dave = Device::new(4, 1);
    relay.add(&carol, &[&bob], &[&dave]);
    let new = policy(RoomKind::Invite, &[&dave]);
    let change = RoomChange { policy: Some(&new), ..RoomChange::default() };
    relay.change(&bob, &change, &[&carol, &dave], &[]);
    assert_agreed(&relay, &[&bob, &carol, &dave]);
    let forged = forge::commit(&bob, |builder| builder.propose_adds([alice.key_package().0]));
    assert_breaks(&mut relay, &dave, &forged, RuleError::AddByNonAdmin);
}

/// An admin makes what no room may be, or what no commit of a room may have.
fn assert_not_of_a_room(
    change: impl FnOnce(CommitBuilder<'_, Initial>) -> CommitBuilder<'_, Initial>,
) {
    let (mut relay, alice, bob, carol) = hall();
    let forged = forge::commit(&alice, change);
    let (by_relay, by_member) = refusals(&mut relay, &bob, &forged);
    assert!(matches!(by_relay, RosterError::Commit(_)), "{by_relay:?}");
    assert!(matches!(by_member, RoomError::Commit(_)), "{by_member:?}");
    assert_agreed(&relay, &[&alice, &bob, &carol]);
}

#[test]
fn nothing_else_comes_into_the_group_context() {
    let all = policy(RoomKind::Invite, &[]);
    let mut more = context::extensions(&all).unwrap();
    more.add(Extension::ExternalSenders(ExternalSendersExtension::new())).unwrap();
    assert_not_of_a_room(|builder| builder.propose_group_context_extensions(more).unwrap());
    let mut none = context::extensions(&all).unwrap();
    let kinds: Vec<_> = none.iter().map(Extension::extension_type).collect();
    for kind in kinds {
        none.remove(kind);
    }
    assert_not_of_a_room(|builder| builder.propose_group_context_extensions(none).unwrap());
}

#[test]
fn a_key_package_that_expires_is_not_added() {
    use openmls::prelude::{KeyPackage, Lifetime};
    let dave = Device::new(4, 1);
    let provider = Provider::new(&dave.storage);
    let made = KeyPackage::builder()
        .key_package_lifetime(Lifetime::new(1000))
        .leaf_node_capabilities(context::capabilities())
        .build(
            context::CIPHERSUITE,
            &provider,
            &dave.own().signer(),
            dave.own().credential().unwrap(),
        )
        .unwrap();
    assert_not_of_a_room(|builder| builder.propose_adds([made.key_package().clone()]));
}

#[test]
fn a_member_does_not_become_another() {
    let (mut relay, alice, bob, _) = hall();
    let other = Device::new(5, 1);
    let (signer, credential) = (other.own().signer(), other.own().credential().unwrap());
    let storage = alice.storage.clone();
    let provider = Provider::new(&storage);
    let mut room = alice.room();
    let bundle = room
        .group
        .commit_builder()
        .load_psks(provider.storage())
        .unwrap()
        .create_group_info(true)
        .build_with_new_signer(
            provider.rand(),
            provider.crypto(),
            &alice.own().signer(),
            NewSignerBundle { signer: &signer, credential_with_key: credential },
            |_| true,
        )
        .unwrap()
        .stage_commit(&provider)
        .unwrap();
    let forged = Commitment::from_messages(bundle.into_messages()).unwrap();
    let (by_relay, by_member) = refusals(&mut relay, &bob, &forged);
    assert!(matches!(by_relay, RosterError::Commit(_)), "{by_relay:?}");
    assert!(matches!(by_member, RoomError::Commit(_)), "{by_member:?}");
}

#[test]
fn proposals_stand_in_the_commit_itself() {
    let (mut relay, alice, bob, carol) = hall();
    let storage = alice.storage.clone();
    let provider = Provider::new(&storage);
    let mut room = alice.room();
    // Queued for a commit by reference: OpenMLS would keep it, the storage of rooms does not.
    let leaf = room.indices(slice::from_ref(&carol.address())).unwrap()[0];
    let queued = room.group.propose_remove_member(&provider, &alice.own().signer(), leaf);
    assert!(queued.is_err());
    let forged = forge::commit(&alice, |builder| builder.propose_removals([leaf]));
    assert!(relay.take(&forged).is_ok(), "the same by value is good");
    assert!(bob.follow(&forged.commit).is_ok());
}

#[test]
fn the_group_info_belongs_to_the_commit() {
    let (mut relay, alice, bob, _) = hall();
    let by_alice = alice.propose(&RoomChange::default()).unwrap();
    let by_bob = bob.propose(&RoomChange::default()).unwrap();
    let old = Commitment { group_info: relay.group_info.clone(), ..by_alice.clone() };
    let swapped = Commitment { group_info: by_bob.group_info, ..by_alice.clone() };
    for wrong in [old, swapped] {
        assert!(matches!(relay.take(&wrong), Err(RosterError::GroupInfo)));
    }
    relay.take(&by_alice).unwrap();
}
