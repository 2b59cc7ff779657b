//! Every limit is an error that changes nothing. [`Party::open`] checks the latter at each refusal.

use sotto_proto::{ExchangeKey, limits::SEALED_MAX};

use super::*;
use crate::{
    certificate::signed_prekey_input,
    ratchet::{FORWARD_JUMP_MAX, SEALED_HEADER_LEN},
};

#[test]
fn every_truncation_is_refused() {
    let (mut alice, mut bob) = alice_and_bob();
    let first = alice.seal("1");
    for length in 0..first.len() {
        assert!(bob.open(&first[..length]).is_err(), "{length}");
    }
    assert_eq!(bob.open(&first).unwrap(), "1");
    let answer = bob.seal("2");
    for length in 0..answer.len() {
        assert!(alice.open(&answer[..length]).is_err(), "{length}");
    }
    assert_eq!(alice.open(&answer).unwrap(), "2");
}

#[test]
fn every_changed_byte_is_refused() {
    let (mut alice, mut bob) = alice_and_bob();
    let first = alice.seal("1");
    for index in 0..first.len() {
        let mut changed = first.clone();
        changed[index] ^= 0x40;
        assert!(bob.open(&changed).is_err(), "{index}");
    }
    assert_eq!(bob.open(&first).unwrap(), "1");
    let answer = bob.seal("2");
    for index in 0..answer.len() {
        let mut changed = answer.clone();
        changed[index] ^= 0x40;
        let refused = match index {
            0 => OpenError::UnknownFormat(0x51),
            1..=SEALED_HEADER_LEN => OpenError::NoSession,
            _ => OpenError::Tampered,
        };
        assert_eq!(alice.open(&changed), Err(refused), "{index}");
    }
    assert_eq!(alice.open(&answer).unwrap(), "2");
}

#[test]
fn a_changed_header_of_a_known_handshake_is_refused() {
    let (mut alice, mut bob) = alice_and_bob();
    let (first, second) = (alice.seal("1"), alice.seal("2"));
    bob.open(&first).unwrap();
    for index in 0..=1785 {
        let mut changed = second.clone();
        changed[index] ^= 0x40;
        assert!(bob.open(&changed).is_err(), "{index}");
    }
    assert_eq!(bob.open(&second).unwrap(), "2");
}

#[test]
fn oversized_input_is_refused() {
    let (mut alice, mut bob) = in_conversation();
    let too_large = vec![0; 128 * 1024];
    assert_eq!(
        alice.sessions.seal(&mut alice.person.rng, &too_large),
        Err(SealError::Padding(PaddingError::TooLarge(too_large.len())))
    );
    let mut longer = alice.seal("1");
    longer.resize(10 * SEALED_MAX, 0);
    assert_eq!(bob.open(&longer), Err(OpenError::Tampered));
}

#[test]
fn a_jump_is_bounded_from_the_present_place() {
    let (mut alice, mut bob) = in_conversation();
    let skip = |alice: &mut Party, count: u32| {
        for _ in 0..count {
            alice.sessions.sessions[0].ratchet().skip_one();
        }
    };
    skip(&mut alice, FORWARD_JUMP_MAX);
    let reached = alice.seal("25,000 ahead");
    assert_eq!(bob.open(&reached).unwrap(), "25,000 ahead");
    // The bound is not cumulative.
    skip(&mut alice, FORWARD_JUMP_MAX);
    let again = alice.seal("and again");
    assert_eq!(bob.open(&again).unwrap(), "and again");
    skip(&mut alice, FORWARD_JUMP_MAX + 1);
    let too_far = alice.seal("25,001 ahead");
    assert_eq!(bob.open(&too_far), Err(OpenError::TooFarAhead));
}

#[test]
fn stored_keys_are_bounded_and_the_newest_are_kept() {
    let (mut alice, mut bob) = in_conversation();
    let sealed: Vec<_> = (0..2002).map(|number| alice.seal(&number.to_string())).collect();
    bob.open(&sealed[2001]).unwrap();
    assert_eq!(bob.sessions.counts().1, 2000);
    assert_eq!(bob.open(&sealed[0]), Err(OpenError::Repeated));
    assert_eq!(bob.open(&sealed[1]).unwrap(), "1");
    assert_eq!(bob.open(&sealed[1]), Err(OpenError::Repeated));
    assert_eq!(bob.open(&sealed[2000]).unwrap(), "2000");
    assert_eq!(bob.sessions.counts().1, 1998);
}

#[test]
fn chains_with_stored_keys_are_bounded() {
    let (mut alice, mut bob) = in_conversation();
    let mut skipped = Vec::new();
    for turn in 0..6 {
        skipped.push(alice.seal(&format!("skipped {turn}")));
        let read = alice.seal("read");
        bob.open(&read).unwrap();
        let answer = bob.seal("answer");
        alice.open(&answer).unwrap();
    }
    assert_eq!(bob.sessions.counts().1, 5);
    assert_eq!(bob.open(&skipped[0]), Err(OpenError::NoSession));
    for (turn, sealed) in skipped.iter().enumerate().skip(1) {
        assert_eq!(bob.open(sealed).unwrap(), format!("skipped {turn}"));
    }
    assert_eq!(bob.sessions.counts().1, 0);
}

#[test]
fn archived_sessions_are_bounded() {
    let (mut alice, mut bob) = (Party::new(1), Party::with_prekeys(2, 0));
    for _ in 0..45 {
        alice.start(&mut bob);
    }
    assert_eq!(alice.sessions.counts().0, 41);
    alice.restore();
    let last = alice.seal("the last session");
    assert_eq!(bob.open(&last).unwrap(), "the last session");
}

#[test]
fn bundles_with_keys_of_small_order_start_nothing() {
    let (mut alice, mut bob) = (Party::new(1), Party::new(2));
    let identity = bob.person.identity.public();
    let small_order = Err(StartError::Handshake(HandshakeError::SmallOrder));
    let good = bob.person.bundle();

    let mut bundle = good.clone();
    bundle.one_time_prekey.as_mut().unwrap().key = ExchangeKey([0; 32]);
    assert_eq!(alice.start_with(&identity, &bundle), small_order);

    let mut bundle = good;
    bundle.signed_prekey.key = ExchangeKey([0; 32]);
    let input = signed_prekey_input(bundle.signed_prekey.id, &bundle.signed_prekey.key);
    bundle.signed_prekey.signature = bob.person.keys.sign(&input);
    assert_eq!(alice.start_with(&identity, &bundle), small_order);
    assert!(!alice.sessions.is_started());
}

#[test]
fn first_messages_with_keys_of_small_order_are_refused() {
    let (mut alice, mut bob) = alice_and_bob();
    let mut sealed = alice.seal("1");
    let ephemeral = 1 + 32 + (4 + 32 + 32 + 8 + 64);
    sealed[ephemeral..ephemeral + 32].fill(0);
    assert_eq!(bob.open(&sealed), Err(OpenError::Handshake(HandshakeError::SmallOrder)));
}

#[test]
fn the_top_bit_of_an_x25519_key_makes_no_second_session() {
    // X25519 ignores it, so the secrets agree; the associated data does not.
    let (mut alice, mut bob) = (Party::new(1), Party::with_prekeys(2, 0));
    alice.start(&mut bob);
    let first = alice.seal("1");
    let mut replay = first.clone();
    replay[1 + 32 + (4 + 32 + 32 + 8 + 64) + 31] ^= 0x80;
    assert_eq!(bob.open(&replay), Err(OpenError::Tampered));
    bob.open(&first).unwrap();
    assert_eq!(bob.open(&replay), Err(OpenError::Tampered));
}

#[test]
fn a_turn_with_a_key_of_small_order_is_refused() {
    let (mut alice, mut bob) = alice_and_bob();
    alice.sessions.sessions[0].ratchet().offer_small_order();
    let sealed = alice.seal("1");
    assert_eq!(bob.open(&sealed), Err(OpenError::Handshake(HandshakeError::SmallOrder)));
}
