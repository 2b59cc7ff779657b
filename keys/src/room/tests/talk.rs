//! What members of a room do together: talk, come, go, agree.

use super::world::{Device, Memory, ROOM, Relay, assert_agreed, policy};
use crate::{
    padding::PaddingError,
    room::{PostHeader, Room, RoomChange, RoomError, RoomKind, RosterError, post_header},
};

#[test]
fn two_members_talk() {
    let (alice, bob) = (Device::new(1, 1), Device::new(2, 1));
    let mut relay = Relay::found(&alice, &policy(RoomKind::Invite, &[&alice]));
    let changed = relay.add(&alice, &[], &[&bob]);
    assert_eq!(changed.joined.len(), 1);
    assert_eq!(changed.joined[0].address(), bob.address());
    assert!(!changed.entered);
    let sealed = alice.seal(b"Is this on?");
    assert_eq!(post_header(&sealed).unwrap(), PostHeader { room: ROOM, epoch: 1 });
    assert_eq!(bob.open(&sealed).unwrap(), (alice.address(), b"Is this on?".to_vec()));
    assert!(matches!(bob.open(&sealed), Err(RoomError::Mls(_))), "a post is opened once");
    assert!(matches!(alice.open(&sealed), Err(RoomError::OwnPost)));
    assert_agreed(&relay, &[&alice, &bob]);
}

#[test]
fn posts_are_padded_and_bounded() {
    let (alice, bob) = (Device::new(1, 1), Device::new(2, 1));
    Relay::found(&alice, &policy(RoomKind::Invite, &[])).add(&alice, &[], &[&bob]);
    assert_eq!(alice.seal(b"").len(), alice.seal(&[0; 255]).len());
    let mut room = alice.room();
    let sealed = room.seal(&alice.storage, &alice.own(), &vec![0; 131_072]);
    assert!(matches!(sealed, Err(RoomError::Padding(PaddingError::TooLarge(131_072)))));
}

#[test]
fn who_is_removed_reads_nothing_later_and_who_is_added_nothing_earlier() {
    let [alice, bob, carol] = [1, 2, 3].map(|person| Device::new(person, 1));
    let mut relay = Relay::found(&alice, &policy(RoomKind::Invite, &[&alice]));
    relay.add(&alice, &[], &[&bob]);
    let before = alice.seal(b"before Carol");
    relay.add(&alice, &[&bob], &[&carol]);
    assert!(matches!(carol.open(&before), Err(RoomError::StaleEpoch)));
    assert_agreed(&relay, &[&alice, &bob, &carol]);

    let old_bob = bob.storage.clone();
    let change = RoomChange { remove: &[bob.address()], ..RoomChange::default() };
    let changed = relay.change(&alice, &change, &[&bob, &carol], &[]);
    assert_eq!(changed.left[0].address(), bob.address());
    assert!(!bob.room().is_active());
    let after = alice.seal(b"after Bob");
    assert!(matches!(bob.open(&after), Err(RoomError::Removed)));
    assert!(matches!(bob.propose(&RoomChange::default()), Err(RoomError::Removed)));
    bob.storage.restore(&old_bob);
    assert!(matches!(bob.open(&after), Err(RoomError::FutureEpoch)));
    assert_eq!(carol.open(&after).unwrap().1, b"after Bob");
}

#[test]
fn of_two_commits_on_one_epoch_one_is_taken_and_the_other_made_again() {
    let [alice, bob, carol] = [1, 2, 3].map(|person| Device::new(person, 1));
    let mut relay = Relay::found(&alice, &policy(RoomKind::Invite, &[]));
    relay.add(&alice, &[], &[&bob, &carol]);
    let by_alice = alice.propose(&RoomChange::default()).unwrap();
    let by_bob = bob.propose(&RoomChange::default()).unwrap();
    assert!(matches!(bob.propose(&RoomChange::default()), Err(RoomError::Pending)));

    relay.take(&by_alice).unwrap();
    assert!(matches!(relay.take(&by_bob), Err(RosterError::StaleEpoch)));
    alice.confirm();
    bob.room().withdraw(&bob.storage).unwrap();
    assert!(!bob.room().has_pending());
    for device in [&bob, &carol] {
        device.follow(&by_alice.commit).unwrap();
        assert!(matches!(device.follow(&by_bob.commit), Err(RoomError::StaleEpoch)));
    }
    relay.change(&bob, &RoomChange::default(), &[&alice, &carol], &[]);
    assert_agreed(&relay, &[&alice, &bob, &carol]);
}

#[test]
fn a_pending_commit_outlives_a_restart_and_is_known_again() {
    let (alice, bob) = (Device::new(1, 1), Device::new(2, 1));
    let mut relay = Relay::found(&alice, &policy(RoomKind::Invite, &[]));
    relay.add(&alice, &[], &[&bob]);
    let commitment = bob.propose(&RoomChange::default()).unwrap();
    assert!(bob.room().has_pending());
    let meanwhile = bob.seal(b"still in the old epoch");
    assert_eq!(alice.open(&meanwhile).unwrap().0, bob.address());
    // Bob lost the relay's answer, and finds his own commit among those to follow.
    let changed = relay.take(&commitment).unwrap();
    assert_eq!(bob.follow(&commitment.commit).unwrap(), changed);
    assert_eq!(alice.follow(&commitment.commit).unwrap(), changed);
    assert!(matches!(bob.room().confirm(&bob.storage), Err(RoomError::NothingPending)));
    assert_agreed(&relay, &[&alice, &bob]);
}

#[test]
fn a_commit_of_another_drops_the_own_pending_one() {
    let (alice, bob) = (Device::new(1, 1), Device::new(2, 1));
    let mut relay = Relay::found(&alice, &policy(RoomKind::Invite, &[]));
    relay.add(&alice, &[], &[&bob]);
    bob.propose(&RoomChange::default()).unwrap();
    let commitment = alice.propose(&RoomChange::default()).unwrap();
    relay.take(&commitment).unwrap();
    alice.confirm();
    bob.follow(&commitment.commit).unwrap();
    assert!(!bob.room().has_pending());
    assert_agreed(&relay, &[&alice, &bob]);
}

#[test]
fn posts_may_be_lost_and_come_in_another_order() {
    let (alice, bob) = (Device::new(1, 1), Device::new(2, 1));
    Relay::found(&alice, &policy(RoomKind::Invite, &[])).add(&alice, &[], &[&bob]);
    let (first, second) = (alice.seal(b"first"), alice.seal(b"second"));
    assert_eq!(bob.open(&second).unwrap().1, b"second");
    assert_eq!(bob.open(&first).unwrap().1, b"first");
    let mut room = alice.room();
    for _ in 0..3000 {
        room.seal(&alice.storage, &alice.own(), b"lost").unwrap();
    }
    assert_eq!(bob.open(&alice.seal(b"found")).unwrap().1, b"found");
}

#[test]
fn keys_of_another_certificate_are_not_used() {
    let (alice, bob) = (Device::new(1, 1), Device::new(2, 1));
    Relay::found(&alice, &policy(RoomKind::Invite, &[]));
    let mut room = alice.room();
    let sealed = room.seal(&alice.storage, &bob.own(), b"as Bob");
    assert!(matches!(sealed, Err(RoomError::OtherDevice)));
    let made = room.propose(&alice.storage, &bob.own(), &RoomChange::default());
    assert!(matches!(made, Err(RoomError::OtherDevice)));
    let remove = RoomChange { remove: &[bob.address()], ..RoomChange::default() };
    assert!(matches!(alice.propose(&remove), Err(RoomError::NotInRoom(_))));
}

#[test]
fn a_forgotten_room_leaves_nothing_behind() {
    let (alice, bob) = (Device::new(1, 1), Device::new(2, 1));
    let mut relay = Relay::found(&alice, &policy(RoomKind::Invite, &[]));
    let many: Vec<_> = (10..60).map(|person| Device::new(person, 1)).collect();
    relay.add(&alice, &[], &[&bob]);
    relay.add(&alice, &[&bob], &many.iter().collect::<Vec<_>>());
    relay.change(&bob, &RoomChange::default(), &[&alice], &[]);
    alice.seal(b"some state");
    alice.propose(&RoomChange::default()).unwrap();
    Room::forget(&alice.storage, ROOM).unwrap();
    assert_eq!(alice.storage, Memory::default(), "Alice has no key package of her own");
    assert!(Room::load(&alice.storage, ROOM).unwrap().is_none());
}

#[test]
fn a_key_package_is_good_for_many_rooms_until_two_newer_ones_are_made() {
    let (alice, bob) = (Device::new(1, 1), Device::new(2, 1));
    let [first, second, third] = std::array::from_fn(|_| bob.key_package());
    for (handle, is_good) in [(&first, false), (&second, true), (&second, true), (&third, true)] {
        let mut relay = Relay::found(&alice, &policy(RoomKind::Invite, &[]));
        let add = std::slice::from_ref(handle);
        let commitment = alice.propose(&RoomChange { add, ..RoomChange::default() }).unwrap();
        relay.take(&commitment).unwrap();
        alice.confirm();
        let (welcome, tree) = (commitment.welcome.unwrap(), relay.tree());
        let before = bob.storage.clone();
        let joined = Room::join(&bob.storage, &bob.own(), &welcome, &tree);
        assert_eq!(joined.is_ok(), is_good);
        if is_good {
            assert_agreed(&relay, &[&alice, &bob]);
        } else {
            assert_eq!(bob.storage, before);
        }
    }
}

#[test]
fn a_thousand_epochs_are_followed_one_by_one() {
    let (alice, bob) = (Device::new(1, 1), Device::new(2, 1));
    let mut relay = Relay::found(&alice, &policy(RoomKind::Invite, &[]));
    relay.add(&alice, &[], &[&bob]);
    let commits: Vec<_> = (0..1000)
        .map(|_| {
            let commitment = alice.propose(&RoomChange::default()).unwrap();
            relay.take(&commitment).unwrap();
            alice.confirm();
            commitment.commit
        })
        .collect();
    assert!(matches!(bob.follow(&commits[1]), Err(RoomError::FutureEpoch)));
    let mut room = bob.room();
    for commit in &commits {
        room.follow(&bob.storage, commit, |_| false).unwrap();
    }
    assert_agreed(&relay, &[&alice, &bob]);
}
