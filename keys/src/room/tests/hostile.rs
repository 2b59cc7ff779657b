//! What was cut off, changed or made up: it is refused without harm, and nothing changes.

use proptest::prelude::*;

use super::world::{Device, Relay, assert_agreed, open_kind, policy};
use crate::room::{Commitment, Room, RoomChange, Roster, post_header, verify_key_package};

/// The last 32 bytes of a member's commit are the membership tag, which only members can check.
const MEMBERSHIP_TAG: usize = 32;

/// Bytes cut off at the end, or with a bit flipped.
fn damaged(bytes: &[u8], cut: bool, at: prop::sample::Index, bit: u8) -> Vec<u8> {
    let mut damaged = bytes.to_vec();
    let at = at.index(bytes.len());
    if cut {
        damaged.truncate(at);
    } else {
        damaged[at] ^= 1 << (bit % 8);
    }
    damaged
}

/// A room of three, and a fourth who is on the way in.
struct Scene {
    relay: Relay,
    alice: Device,
    bob: Device,
    dave: Device,
    adding: Commitment,
    post: Vec<u8>,
    key_package: Vec<u8>,
}

fn scene() -> Scene {
    let [alice, bob, carol, dave] = [1, 2, 3, 4].map(|person| Device::new(person, 1));
    let mut relay = Relay::found(&alice, &policy(open_kind(), &[&alice]));
    relay.add(&alice, &[], &[&bob, &carol]);
    let post = alice.seal(b"a post");
    let key_package = crate::room::key_package(&dave.storage, &dave.own()).unwrap();
    let add = [verify_key_package(&key_package).unwrap().0];
    let adding = alice.propose(&RoomChange { add: &add, ..RoomChange::default() }).unwrap();
    Scene { relay, alice, bob, dave, adding, post, key_package }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn damage_is_refused_and_changes_nothing(
        damages in proptest::collection::vec(
            (any::<bool>(), any::<prop::sample::Index>(), any::<u8>()), 40),
    ) {
        let mut scene = scene();
        let bob_before = scene.bob.storage.clone();
        let dave_before = scene.dave.storage.clone();
        let mut room = scene.bob.room();
        let (tree, group_info) = (scene.relay.tree(), scene.relay.group_info.clone());
        for (cut, at, bit) in damages {
            let commit = damaged(&scene.adding.commit, cut, at, bit);
            prop_assert!(room.follow(&scene.bob.storage, &commit, |_| false).is_err());
            let signed = scene.adding.commit.len() - MEMBERSHIP_TAG;
            if cut || at.index(scene.adding.commit.len()) < signed {
                let wrong = Commitment { commit, ..scene.adding.clone() };
                prop_assert!(scene.relay.take(&wrong).is_err());
            }
            let info = damaged(&scene.adding.group_info, cut, at, bit);
            let wrong = Commitment { group_info: info, ..scene.adding.clone() };
            prop_assert!(scene.relay.take(&wrong).is_err());

            let post = damaged(&scene.post, cut, at, bit);
            prop_assert!(room.open(&scene.bob.storage, &post).is_err());
            let _ = post_header(&post);

            let (dave, own) = (&scene.dave.storage, scene.dave.own());
            let welcome = scene.adding.welcome.clone().unwrap();
            prop_assert!(Room::join(dave, &own, &damaged(&welcome, cut, at, bit), &tree).is_err());
            prop_assert!(Room::join(dave, &own, &welcome, &damaged(&tree, cut, at, bit)).is_err());
            let id = scene.alice.room().id();
            let info = damaged(&group_info, cut, at, bit);
            prop_assert!(Room::enter(dave, &own, id, &info, &tree).is_err());
            let wrong = damaged(&tree, cut, at, bit);
            prop_assert!(Room::enter(dave, &own, id, &group_info, &wrong).is_err());
            prop_assert!(Roster::found(id, &info, &tree).is_err());
            prop_assert!(verify_key_package(&damaged(&scene.key_package, cut, at, bit)).is_err());
            let _ = Roster::from_bytes(&damaged(&scene.relay.roster.to_bytes(), cut, at, bit));
        }
        prop_assert_eq!(&scene.bob.storage, &bob_before);
        prop_assert_eq!(&scene.dave.storage, &dave_before);
        // Neither what is stored nor what is in memory was harmed.
        room.open(&scene.bob.storage, &scene.post).unwrap();
        scene.relay.take(&scene.adding).unwrap();
        room.follow(&scene.bob.storage, &scene.adding.commit, |_| false).unwrap();
        prop_assert_eq!(room.members().unwrap(), scene.relay.roster.members().unwrap());
    }

    #[test]
    fn noise_is_nothing(noise in proptest::collection::vec(any::<u8>(), 0..300)) {
        let (alice, dave) = (Device::new(1, 1), Device::new(4, 1));
        let mut relay = Relay::found(&alice, &policy(open_kind(), &[]));
        let before = alice.storage.clone();
        prop_assert!(alice.follow(&noise).is_err());
        prop_assert!(alice.open(&noise).is_err());
        prop_assert!(post_header(&noise).is_err());
        prop_assert!(verify_key_package(&noise).is_err());
        prop_assert!(Room::join(&dave.storage, &dave.own(), &noise, &noise).is_err());
        let id = alice.room().id();
        prop_assert!(Room::enter(&dave.storage, &dave.own(), id, &noise, &noise).is_err());
        prop_assert!(Roster::from_bytes(&noise).is_err());
        let made_up =
            Commitment { commit: noise.clone(), group_info: noise.clone(), welcome: None };
        prop_assert!(relay.take(&made_up).is_err());
        prop_assert_eq!(&alice.storage, &before);
        assert_agreed(&relay, &[&alice]);
    }
}

#[test]
fn messages_are_not_taken_for_one_another() {
    let scene = scene();
    let (bob, dave) = (&scene.bob, &scene.dave);
    let welcome = scene.adding.welcome.clone().unwrap();
    assert!(bob.open(&scene.adding.commit).is_err());
    assert!(post_header(&scene.adding.commit).is_err());
    assert!(bob.follow(&scene.post).is_err());
    assert!(bob.follow(&welcome).is_err());
    assert!(verify_key_package(&welcome).is_err());
    let tree = scene.relay.tree();
    assert!(Room::join(&dave.storage, &dave.own(), &scene.key_package, &tree).is_err());
    let elsewhere = sotto_proto::RoomId([8; 16]);
    let entered =
        Room::enter(&dave.storage, &dave.own(), elsewhere, &scene.relay.group_info, &tree);
    assert!(matches!(entered, Err(crate::room::RoomError::WrongRoom)));
}
