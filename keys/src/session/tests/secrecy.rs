//! What a thief of one side's whole state can and cannot read.

use super::*;

/// Bob's state at this moment, in a thief's hands.
fn stolen(bob: &Party) -> Party {
    let mut thief = Party::new(2);
    let (sessions, prekeys) = bob.saved();
    thief.sessions = Sessions::from_bytes(&sessions).unwrap();
    thief.person.prekeys = PrekeySecrets::from_bytes(&prekeys).unwrap();
    thief
}

#[test]
fn a_stolen_state_reads_nothing_earlier() {
    let (mut alice, mut bob) = alice_and_bob();
    let mut earlier = Vec::new();
    for turn in 0..3 {
        let from_alice = alice.seal(&format!("a{turn}"));
        bob.open(&from_alice).unwrap();
        earlier.push(from_alice);
        let from_bob = bob.seal(&format!("b{turn}"));
        alice.open(&from_bob).unwrap();
        earlier.push(from_bob);
    }
    let mut thief = stolen(&bob);
    for sealed in &earlier {
        assert!(thief.open(sealed).is_err());
    }
    let mut thief = stolen(&alice);
    for sealed in &earlier {
        assert!(thief.open(sealed).is_err());
    }
}

#[test]
fn a_stolen_state_reads_nothing_once_both_sides_have_turned() {
    let (mut alice, mut bob) = in_conversation();
    let mut thief = stolen(&bob);
    // What was to come in the present chain is lost.
    let present = alice.seal("present");
    assert_eq!(thief.open(&present).unwrap(), "present");
    let mut thief = stolen(&bob);
    bob.open(&present).unwrap();

    // Bob turned on opening; Alice turns on his answer. From then on the thief is out.
    let answer = bob.seal("answer");
    alice.open(&answer).unwrap();
    for turn in 0..3 {
        let from_alice = alice.seal(&format!("a{turn}"));
        assert!(thief.open(&from_alice).is_err());
        bob.open(&from_alice).unwrap();
        let from_bob = bob.seal(&format!("b{turn}"));
        assert!(thief.open(&from_bob).is_err());
        alice.open(&from_bob).unwrap();
    }
}

#[test]
fn a_stolen_prekey_store_opens_no_session_that_used_a_one_time_prekey() {
    let (mut alice, mut bob) = alice_and_bob();
    let first = alice.seal("first");
    bob.open(&first).unwrap();
    let mut thief = stolen(&bob);
    thief.sessions = Sessions::new(DeviceId::new(1).unwrap());
    assert!(matches!(thief.open(&first), Err(OpenError::UnknownPrekey(_))));
}
