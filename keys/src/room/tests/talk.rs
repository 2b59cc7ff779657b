//! What members of a room do together: talk, come, go, agree.

use super::world::{Device, ROOM, Relay, assert_agreed, policy};
use crate::room::{PostHeader, RoomError, RoomKind, post_header};

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
