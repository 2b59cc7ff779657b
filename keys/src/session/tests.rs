//! Conversations between two people: the rules of sessions, secrecy before and after a theft, and
//! the limits. The model of lost and reordered messages is in `model`.

mod limits;
mod model;
mod secrecy;

use sotto_proto::{Bundle, DeviceId};

use super::*;
use crate::{bundle::verify_bundle, testing::Person};

/// Somebody, with their sessions with the other.
struct Party {
    person: Person,
    sessions: Sessions,
}

impl Party {
    fn new(seed: u64) -> Self {
        Self::with_prekeys(seed, 2)
    }

    fn with_prekeys(seed: u64, one_time: usize) -> Self {
        let peer = DeviceId::new(1).unwrap();
        Self { person: Person::with_prekeys(seed, one_time), sessions: Sessions::new(peer) }
    }

    fn start(&mut self, other: &mut Self) {
        let bundle = other.person.bundle();
        self.start_with(&other.person.identity.public(), &bundle).unwrap();
    }

    fn start_with(&mut self, identity: &IdentityKey, bundle: &Bundle) -> Result<(), StartError> {
        let bundle = verify_bundle(identity, bundle).unwrap();
        let Person { rng, identity, keys, certificate, .. } = &mut self.person;
        let own = OwnDevice { identity: identity.public(), certificate, keys };
        self.sessions.start(rng, own, &bundle)
    }

    fn seal(&mut self, text: &str) -> Vec<u8> {
        self.sessions.seal(&mut self.person.rng, text.as_bytes()).unwrap()
    }

    fn open(&mut self, sealed: &[u8]) -> Result<String, OpenError> {
        self.open_expecting(None, sealed)
    }

    /// Opens, and checks that a refusal changes nothing.
    fn open_expecting(
        &mut self,
        expected: Option<&IdentityKey>,
        sealed: &[u8],
    ) -> Result<String, OpenError> {
        let before = self.saved();
        let Person { rng, identity, keys, certificate, prekeys, .. } = &mut self.person;
        let own = OwnDevice { identity: identity.public(), certificate, keys };
        let opened = self.sessions.open(rng, own, prekeys, expected, sealed);
        if opened.is_err() {
            assert!(self.saved() == before, "a refusal changed the state");
        }
        opened.map(|opened| String::from_utf8(opened.plaintext.to_vec()).unwrap())
    }

    fn saved(&self) -> (Zeroizing<Vec<u8>>, Zeroizing<Vec<u8>>) {
        (self.sessions.to_bytes(), self.person.prekeys.to_bytes())
    }

    fn restore(&mut self) {
        let (sessions, prekeys) = self.saved();
        self.sessions = Sessions::from_bytes(&sessions).unwrap();
        self.person.prekeys = PrekeySecrets::from_bytes(&prekeys).unwrap();
    }
}

/// Alice, who has started a session, and Bob.
fn alice_and_bob() -> (Party, Party) {
    let (mut alice, mut bob) = (Party::new(1), Party::new(2));
    alice.start(&mut bob);
    (alice, bob)
}

/// Alice and Bob, who have heard of each other.
fn in_conversation() -> (Party, Party) {
    let (mut alice, mut bob) = alice_and_bob();
    let hello = alice.seal("hello");
    bob.open(&hello).unwrap();
    let answer = bob.seal("hello yourself");
    alice.open(&answer).unwrap();
    (alice, bob)
}

#[test]
fn first_messages_carry_the_handshake_until_answered() {
    let (mut alice, mut bob) = alice_and_bob();
    let (first, second) = (alice.seal("1"), alice.seal("2"));
    assert_eq!((first[0], second[0]), (0x12, 0x12));
    assert_eq!(bob.open(&second).unwrap(), "2");
    assert_eq!(bob.open(&first).unwrap(), "1");
    let answer = bob.seal("3");
    assert_eq!(answer[0], 0x11);
    assert_eq!(alice.open(&answer).unwrap(), "3");
    assert_eq!(alice.seal("4")[0], 0x11);
}

#[test]
fn messages_have_the_documented_lengths() {
    let (mut alice, mut bob) = alice_and_bob();
    let first = alice.seal("1");
    assert_eq!(first.len(), 1 + 1785 + 68 + 256 + 16);
    bob.open(&first).unwrap();
    assert_eq!(bob.seal(&"x".repeat(256)).len(), 1 + 68 + 512 + 16);
}

#[test]
fn one_time_prekeys_are_used_up_by_the_first_message_that_verifies() {
    let (mut alice, mut bob) = alice_and_bob();
    let first = alice.seal("1");
    assert_eq!(bob.person.prekeys.one_time_counts(), (2, 2));
    let mut tampered = first.clone();
    *tampered.last_mut().unwrap() ^= 1;
    assert_eq!(bob.open(&tampered), Err(OpenError::Tampered));
    assert_eq!(bob.person.prekeys.one_time_counts(), (2, 2));
    bob.open(&first).unwrap();
    assert_eq!(bob.person.prekeys.one_time_counts(), (1, 1));
}

#[test]
fn sessions_start_without_one_time_prekeys() {
    let (mut alice, mut bob) = (Party::new(1), Party::with_prekeys(2, 0));
    alice.start(&mut bob);
    let first = alice.seal("1");
    assert_eq!(bob.open(&first).unwrap(), "1");
    assert_eq!(bob.open(&first), Err(OpenError::Repeated));
    // Even when the session is gone, and though no one-time prekey is missing.
    bob.sessions = Sessions::new(DeviceId::new(1).unwrap());
    assert_eq!(bob.open(&first), Err(OpenError::Repeated));
}

#[test]
fn a_first_message_is_not_replayed_into_a_second_session() {
    let (mut alice, mut bob) = alice_and_bob();
    let first = alice.seal("1");
    bob.open(&first).unwrap();
    assert_eq!(bob.open(&first), Err(OpenError::Repeated));
    assert_eq!(bob.sessions.counts().0, 1);
    bob.sessions = Sessions::new(DeviceId::new(1).unwrap());
    assert!(matches!(bob.open(&first), Err(OpenError::UnknownPrekey(_))));
}

#[test]
fn two_sessions_that_start_at_once_come_down_to_one() {
    let (mut alice, mut bob) = (Party::new(1), Party::new(2));
    alice.start(&mut bob);
    bob.start(&mut alice);
    let (from_alice, from_bob) = (alice.seal("a"), bob.seal("b"));
    assert_eq!(alice.open(&from_bob).unwrap(), "b");
    assert_eq!(bob.open(&from_alice).unwrap(), "a");
    assert_eq!((alice.sessions.counts().0, bob.sessions.counts().0), (2, 2));
    for turn in 0..4 {
        let text = turn.to_string();
        let from_alice = alice.seal(&text);
        assert_eq!(bob.open(&from_alice).unwrap(), text);
        let from_bob = bob.seal(&text);
        assert_eq!(alice.open(&from_bob).unwrap(), text);
        assert_eq!(from_bob[0], 0x11);
    }
    // The order of the two sides in the associated data tells who started the session.
    assert_eq!(alice.sessions.sessions[0].ad(), bob.sessions.sessions[0].ad());
}

#[test]
fn a_peer_that_lost_its_sessions_starts_again() {
    let (mut alice, mut bob) = in_conversation();
    let lost = alice.seal("lost");
    bob.sessions = Sessions::new(DeviceId::new(1).unwrap());
    assert_eq!(bob.open(&lost), Err(OpenError::NoSession));
    bob.start(&mut alice);
    let again = bob.seal("again");
    assert_eq!(alice.open(&again).unwrap(), "again");
    let answer = alice.seal("welcome back");
    assert_eq!(bob.open(&answer).unwrap(), "welcome back");
}

#[test]
fn late_messages_of_archived_sessions_are_read_and_bring_nothing_back() {
    let (mut alice, mut bob) = in_conversation();
    let (late, newest) = (alice.seal("late"), alice.seal("newest"));
    bob.open(&newest).unwrap();
    alice.start(&mut bob);
    let fresh = alice.seal("fresh");
    bob.open(&fresh).unwrap();
    let current = |bob: &Party| stored::collect(|sink| bob.sessions.sessions[0].write(sink));
    let before = current(&bob);
    assert_eq!(bob.open(&late).unwrap(), "late");
    assert_eq!(current(&bob), before);
}

#[test]
fn another_identity_than_expected_is_refused_until_accepted() {
    let (mut alice, mut bob) = alice_and_bob();
    let pinned = Party::new(3).person.identity.public();
    let claimed = alice.person.identity.public();
    let first = alice.seal("it is me");
    let introduction = inspect(&first).unwrap().unwrap();
    assert_eq!(introduction.identity, claimed);
    assert_eq!(introduction.certificate, alice.person.certificate);
    assert_eq!(
        bob.open_expecting(Some(&pinned), &first),
        Err(OpenError::IdentityChanged { claimed })
    );
    assert_eq!(bob.open_expecting(Some(&claimed), &first).unwrap(), "it is me");
    let answer = bob.seal("so it is");
    assert_eq!(inspect(&answer), Ok(None));
    assert_eq!(alice.open(&answer).unwrap(), "so it is");
    let second = alice.seal("established");
    assert_eq!(bob.open_expecting(Some(&pinned), &second), Err(OpenError::NoSession));
}

#[test]
fn a_certificate_of_another_identity_is_refused() {
    let (mut alice, mut bob) = alice_and_bob();
    let mut forged = alice.seal("1");
    forged[1..33].copy_from_slice(Party::new(3).person.identity.public().as_bytes());
    assert_eq!(bob.open(&forged), Err(OpenError::Certificate(CertificateError)));
    assert_eq!(inspect(&forged), Err(OpenError::Certificate(CertificateError)));
    let pinned = alice.person.identity.public();
    assert_eq!(
        bob.open_expecting(Some(&pinned), &forged),
        Err(OpenError::Certificate(CertificateError))
    );
}

#[test]
fn sessions_are_with_one_device() {
    let (mut alice, mut bob) = alice_and_bob();
    let first = alice.seal("1");
    bob.sessions = Sessions::new(DeviceId::new(2).unwrap());
    assert_eq!(bob.open(&first), Err(OpenError::WrongDevice));
    let bundle = alice.person.bundle();
    let identity = alice.person.identity.public();
    assert_eq!(bob.start_with(&identity, &bundle), Err(StartError::WrongDevice));
}

#[test]
fn nothing_is_sealed_without_a_session() {
    let mut alice = Party::new(1);
    let sealed = alice.sessions.seal(&mut alice.person.rng, b"");
    assert_eq!(sealed, Err(SealError::NoSession));
}

#[test]
fn sessions_come_back_from_storage() {
    let (mut alice, mut bob) = in_conversation();
    alice.restore();
    bob.restore();
    let (_, second) = (alice.seal("1"), alice.seal("2"));
    assert_eq!(bob.open(&second).unwrap(), "2");
    bob.restore();
    let bytes = bob.sessions.to_bytes();
    for length in 0..bytes.len() {
        assert!(Sessions::from_bytes(&bytes[..length]).is_err());
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    assert_eq!(Sessions::from_bytes(&longer).unwrap_err(), RestoreError::TrailingBytes);
}

#[test]
fn secrets_are_not_printed() {
    let (mut alice, mut bob) = in_conversation();
    insta::assert_snapshot!(format!("{:?}", alice.sessions), @"Sessions { sessions: 1, .. }");
    let sealed = alice.seal("a secret");
    let Person { rng, identity, keys, certificate, prekeys, .. } = &mut bob.person;
    let own = OwnDevice { identity: identity.public(), certificate, keys };
    let opened = bob.sessions.open(rng, own, prekeys, None, &sealed).unwrap();
    insta::assert_snapshot!(format!("{opened:?}"), @"Opened { new_session: false, .. }");
}
