//! Two people and a directory without a network: what the engine decides, step by step.

use std::{collections::HashMap, path::PathBuf};

use sotto_keys::{DeviceKeys, Identity, PrekeySecrets, VaultParams};
use sotto_proto::{
    AccountId, Bundle, DeviceAddress, DeviceId, EnvelopeId, IdentityKey, PrekeyUpload, RoomId,
    Timestamp,
    content::{RoomProfile, Text},
    directory::User,
    mailbox::{Envelope, Mail, MailboxEntry},
};

use super::{
    Engine, OpenError,
    clock::now,
    contacts, content,
    error::EngineError,
    event::Event,
    keeper::Kept,
    opening::{self, Taken},
    own::Own,
    refresh::{Comparison, compare, start_sessions},
    sealing::{Sealed, Standing, Stored, seal_waiting},
};
use crate::{
    model::{
        Contact, ContactState, ConversationEvent, Message, MessageBody, MessageState, RoomKind,
        RoomState,
    },
    profile::{Profile, Stretching},
    vault::{MemberNames, NewMember, NewRoom, Outcome, Page, Vault},
};

/// Somebody with a vault, and what the directory holds of them.
struct Person {
    kept: Kept,
    upload: PrekeyUpload,
    sequence: u64,
    _folder: tempfile::TempDir,
}

impl Person {
    fn new(name: &str, account: u8) -> Self {
        Self::with_device(name, account, Identity::generate(&mut rand::rng()), 1)
    }

    fn with_device(name: &str, account: u8, identity: Identity, device: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stretching = Stretching { salt: [7; 16], params: VaultParams::MINIMUM };
        let relay = "sotto://127.0.0.1:1/".parse().unwrap();
        let place = folder.path().join(name);
        let profile = Profile::create(&place, &relay, &name.parse().unwrap(), stretching);
        let mut vault = Vault::create(profile.unwrap(), b"passphrase").unwrap();
        let rng = &mut rand::rng();
        let keys = DeviceKeys::generate(rng);
        let certificate = identity.certify(DeviceId::new(device).unwrap(), &keys, Timestamp(1));
        let (prekeys, upload) = PrekeySecrets::generate(rng, &keys, now(), 2);
        let person = (AccountId([account; 16]), name.parse().unwrap(), name.parse().unwrap());
        let own = Own::new(person, identity, (keys, certificate), prekeys);
        vault.write(|tx| own.store(tx)).unwrap();
        Self { kept: Kept { vault, own }, upload, sequence: 0, _folder: folder }
    }

    /// The same person with another device, and nothing else left.
    fn restored(&self, identity: Identity) -> Self {
        let own = &self.kept.own;
        let device = own.certificate.device.number() + 1;
        Self::with_device(own.username.as_str(), own.account.0[0], identity, device)
    }

    fn account(&self) -> AccountId {
        self.kept.own.account
    }

    fn address(&self) -> DeviceAddress {
        self.kept.own.address()
    }

    fn user(&self) -> User {
        let own = &self.kept.own;
        User {
            account: own.account,
            username: own.username.clone(),
            display_name: own.display_name.clone(),
            identity: own.identity.public(),
            devices: vec![own.certificate.clone()],
        }
    }

    fn bundle(&mut self) -> Bundle {
        Bundle {
            certificate: self.kept.own.certificate.clone(),
            signed_prekey: self.upload.signed.clone().unwrap(),
            one_time_prekey: self.upload.one_time.pop(),
            kem_prekey: self.upload.one_time_kem.pop().or(self.upload.last_resort.clone()).unwrap(),
        }
    }

    fn add(&mut self, other: &Self) -> Vec<Event> {
        let user = other.user();
        self.kept.write(|tx, _| contacts::add(tx, &user)).unwrap().1
    }

    /// What asking the directory for `other` does.
    fn refresh(&mut self, other: &mut Self) -> (Vec<Event>, Option<Sealed>) {
        let user = other.user();
        let Comparison { events, missing } = self.kept.write(|tx, _| compare(tx, &user)).unwrap();
        let Some(missing) = missing else { return (events, None) };
        let bundles: Vec<_> = missing.iter().map(|_| other.bundle()).collect();
        let account = other.account();
        let sealed = self.kept.write(|tx, own| start_sessions(tx, own, account, &bundles));
        (events, Some(sealed.unwrap()))
    }

    fn say(&mut self, to: &Self, text: &str) -> (Message, Sealed) {
        let to = to.account();
        let text = Text { text: text.to_owned(), reply_to: None, mentions: Vec::new() };
        let said = self.kept.write(|tx, _| {
            let message = tx.queue_message(to.into(), &content::new(text, now(), None), now())?;
            Ok((message, seal_waiting(tx, to)?))
        });
        said.unwrap()
    }

    /// What leaves, as far as the relay accepts it.
    fn leave(&mut self) -> Vec<Envelope> {
        let left = self.kept.write(|tx, _| {
            let envelopes: Vec<_> =
                tx.outbox(0, 99, usize::MAX)?.into_iter().map(|entry| entry.envelope).collect();
            let accepted: Vec<_> =
                envelopes.iter().map(|envelope| (envelope.id, Outcome::Accepted)).collect();
            tx.record_submitted(&accepted, now())?;
            Ok(envelopes)
        });
        left.unwrap()
    }

    fn entries(&mut self, from: &Self, envelopes: &[Envelope]) -> Vec<MailboxEntry> {
        let mine = envelopes.iter().filter(|envelope| envelope.to == self.address());
        let entry = |(number, envelope): (u64, &Envelope)| MailboxEntry {
            sequence: self.sequence + number,
            accepted_at: now(),
            mail: Mail::Envelope {
                from: from.address(),
                id: envelope.id,
                sealed: envelope.sealed.clone(),
            },
        };
        let entries: Vec<_> = (1..).zip(mine).map(entry).collect();
        self.sequence += entries.len() as u64;
        entries
    }

    fn take(&mut self, from: &Self, entries: &[MailboxEntry]) -> Taken {
        let strangers = HashMap::from([(from.account(), from.user())]);
        let taken = self.kept.write(|tx, own| opening::take(tx, own, entries, &strangers, now()));
        taken.unwrap()
    }

    fn hear(&mut self, from: &mut Self) -> Taken {
        let envelopes = from.leave();
        let entries = self.entries(from, &envelopes);
        self.take(from, &entries)
    }

    fn contact(&self, other: &Self) -> Option<Contact> {
        let account = other.account();
        self.kept.vault.read(|view| view.contact(account)).unwrap()
    }

    fn history(&self, other: &Self) -> Vec<Message> {
        let account = other.account();
        self.kept.vault.read(|view| view.history(account.into(), Page::Latest, 99)).unwrap()
    }

    fn texts(&self, other: &Self) -> Vec<String> {
        let history = self.history(other);
        history.iter().filter_map(|message| message.text().map(str::to_owned)).collect()
    }

    fn events(&self, other: &Self) -> Vec<ConversationEvent> {
        let events = self.history(other).into_iter().filter_map(|message| match message.body {
            MessageBody::Event { event } => Some(event),
            _ => None,
        });
        events.collect()
    }

    fn accept(&mut self, other: &Self) {
        let account = other.account();
        self.kept.write(|tx, _| contacts::accept(tx, account)).unwrap();
    }

    fn acknowledge(&mut self, other: &Self) {
        let account = other.account();
        let event = super::clock::message_id();
        self.kept
            .write(|tx, _| {
                tx.acknowledge_identity(account, event, now())?;
                Ok::<_, EngineError>(tx.requeue_undelivered(account)?)
            })
            .unwrap();
    }
}

/// Anna and Bob, who have added each other, and have talked.
fn friends() -> (Person, Person) {
    let (mut anna, mut bob) = (Person::new("anna", 1), Person::new("bob", 2));
    anna.add(&bob);
    bob.add(&anna);
    anna.refresh(&mut bob);
    anna.say(&bob, "hello");
    bob.hear(&mut anna);
    bob.refresh(&mut anna);
    anna.hear(&mut bob);
    assert_eq!(anna.history(&bob)[0].state, Some(MessageState::Delivered));
    (anna, bob)
}

/// An engine of Anna's without a connection; the history with Bob has her "hello", delivered.
pub(super) struct Offline {
    pub(super) engine: Engine,
    pub(super) bob: AccountId,
    folder: tempfile::TempDir,
}

impl Offline {
    /// Within a runtime.
    pub(super) fn new() -> Self {
        let (anna, bob) = friends();
        let Person { kept, _folder: folder, .. } = anna;
        Self { engine: Engine::start(kept).unwrap(), bob: bob.account(), folder }
    }

    /// Puts Anna, account 1, into a room with Bob and Carol, account 3, who is its admin.
    pub(super) async fn join_room(&self) -> RoomId {
        let room = RoomId([0xC0; 16]);
        let member = |number| NewMember {
            account: AccountId([number; 16]),
            identity: IdentityKey([number; 32]),
            is_admin: number == 3,
            devices: 1,
        };
        let new = NewRoom {
            id: room,
            kind: RoomKind::Invite,
            profile: RoomProfile {
                name: "Lighthouse".parse().unwrap(),
                topic: String::new(),
                picture: None,
            },
            state: RoomState::Joined,
            is_admin: false,
            invited_by: None,
            cursor: 0,
            joined_at: Some(now()),
        };
        let name = MemberNames {
            account: AccountId([3; 16]),
            username: "carol".parse().unwrap(),
            display_name: "Carol".parse().unwrap(),
        };
        let put = self.engine.shared.keeper.write(move |tx, _| {
            tx.put_room(&new)?;
            tx.set_room_members(room, &[1, 2, 3].map(member))?;
            Ok(tx.set_member_names(room, &[name])?)
        });
        put.await.unwrap();
        room
    }

    /// The folder of the profile.
    pub(super) fn profile(&self) -> PathBuf {
        self.folder.path().join("anna")
    }

    /// Shuts the engine down and opens the profile again.
    pub(super) async fn reopen(self, passphrase: &str) -> Result<Self, OpenError> {
        let profile = self.profile();
        let Self { engine, bob, folder } = self;
        engine.shutdown().await;
        let engine = Engine::open(&profile, passphrase.into()).await?;
        Ok(Self { engine, bob, folder })
    }
}

#[test]
fn a_stranger_is_a_request_and_hears_nothing_before_it_is_accepted() {
    let (mut anna, mut bob) = (Person::new("anna", 1), Person::new("bob", 2));
    anna.add(&bob);
    assert_eq!(anna.say(&bob, "hello").1, Sealed::NoSession);
    assert_eq!(anna.refresh(&mut bob).1, Some(Sealed::All));
    let taken = bob.hear(&mut anna);
    let [Event::Request { contact }, Event::Message { message }] = taken.events.as_slice() else {
        panic!("{:?}", taken.events);
    };
    assert_eq!((contact.state, message.text()), (ContactState::Request, Some("hello")));
    assert!(bob.leave().is_empty());
    bob.accept(&anna);
    anna.hear(&mut bob);
    assert_eq!(anna.history(&bob)[0].state, Some(MessageState::Delivered));
    let accepted = ConversationEvent::RequestAccepted { own: false };
    assert_eq!(anna.events(&bob), [accepted]);
}

#[test]
fn what_arrives_twice_is_shown_once() {
    let (mut anna, mut bob) = friends();
    anna.say(&bob, "once");
    let envelopes = anna.leave();
    let entries = bob.entries(&anna, &envelopes);
    assert_eq!(bob.take(&anna, &entries).events.len(), 1);
    assert!(bob.take(&anna, &entries).events.is_empty());
    // The sender's relay had forgotten the envelope's id: the ratchet knows it still.
    let mut renamed = envelopes;
    renamed[0].id = EnvelopeId([9; 16]);
    let entries = bob.entries(&anna, &renamed);
    bob.take(&anna, &entries);
    assert_eq!(bob.texts(&anna), ["hello", "once"]);
    anna.say(&bob, "on");
    bob.hear(&mut anna);
    assert_eq!(bob.texts(&anna), ["hello", "once", "on"]);
}

#[test]
fn a_blocked_sender_leaves_no_trace_and_hears_nothing() {
    let (mut anna, mut bob) = friends();
    let contact = bob.contact(&anna).unwrap();
    bob.kept.write(|tx, _| contacts::block(tx, &contact)).unwrap();
    anna.say(&bob, "blocked");
    assert!(bob.hear(&mut anna).events.is_empty());
    assert!(bob.leave().is_empty());
    let contact = bob.contact(&anna).unwrap();
    bob.kept.write(|tx, _| contacts::unblock(tx, &contact)).unwrap();
    anna.say(&bob, "again");
    bob.hear(&mut anna);
    assert_eq!(bob.texts(&anna), ["hello", "again"]);
}

#[test]
fn unblocking_somebody_who_was_never_accepted_accepts_nobody() {
    let (mut anna, mut bob) = (Person::new("anna", 1), Person::new("bob", 2));
    anna.add(&bob);
    anna.refresh(&mut bob);
    anna.say(&bob, "hello");
    bob.hear(&mut anna);
    let contact = bob.contact(&anna).unwrap();
    bob.kept.write(|tx, _| contacts::block(tx, &contact)).unwrap();
    let contact = bob.contact(&anna).unwrap();
    assert_eq!(contact.state, ContactState::Blocked);
    bob.kept.write(|tx, _| contacts::unblock(tx, &contact)).unwrap();
    assert_eq!(bob.contact(&anna).unwrap().state, ContactState::Removed);
}

#[test]
fn a_message_under_another_identity_is_shown_and_stops_sending() {
    let (mut anna, bob) = friends();
    let pinned = anna.contact(&bob).unwrap().identity;
    let mut other = bob.restored(Identity::generate(&mut rand::rng()));
    other.add(&anna);
    other.refresh(&mut anna);
    other.say(&anna, "it is me");
    let taken = anna.hear(&mut other);
    assert!(taken.events.iter().any(|event| matches!(event, Event::IdentityChanged { .. })));
    assert!(anna.texts(&bob).contains(&"it is me".to_owned()));
    assert_eq!(anna.events(&bob), [ConversationEvent::IdentityChanged]);
    let contact = anna.contact(&bob).unwrap();
    assert_eq!(contact.identity, pinned);
    assert_eq!(contact.pending_identity, Some(other.kept.own.identity.public()));
    assert_eq!(anna.say(&bob, "secret").1, Sealed::Held);
    // A second message is in a session now, and needs no further event.
    other.say(&anna, "really");
    anna.hear(&mut other);
    assert!(anna.texts(&bob).contains(&"really".to_owned()));
    assert_eq!(anna.events(&bob).len(), 1);
    assert!(anna.leave().is_empty());
    anna.acknowledge(&bob);
    assert_eq!(anna.refresh(&mut other).1, Some(Sealed::All));
    other.hear(&mut anna);
    assert!(other.texts(&anna).contains(&"secret".to_owned()));
}

#[test]
fn another_identity_in_the_directory_stops_sending() {
    let (mut anna, bob) = friends();
    let mut other = bob.restored(Identity::generate(&mut rand::rng()));
    let (events, sealed) = anna.refresh(&mut other);
    assert!(events.iter().any(|event| matches!(event, Event::IdentityChanged { .. })));
    assert_eq!(sealed, None);
    assert_eq!(anna.say(&bob, "secret").1, Sealed::Held);
    // The same claim again is no news.
    assert!(anna.refresh(&mut other).0.is_empty());
    assert_eq!(anna.events(&bob), [ConversationEvent::IdentityChanged]);
}

#[test]
fn what_a_lost_device_had_not_delivered_is_sealed_anew() {
    let (mut anna, bob) = friends();
    anna.say(&bob, "lost");
    anna.leave();
    let mut restored = bob.restored(bob.kept.own.identity.clone());
    anna.say(&bob, "waiting");
    assert_eq!(anna.refresh(&mut restored).1, Some(Sealed::All));
    let taken = restored.hear(&mut anna);
    assert!(matches!(taken.events[0], Event::Request { .. }));
    assert_eq!(restored.texts(&anna), ["lost", "waiting"]);
    let old = bob.address();
    let stored = anna.kept.vault.read(|view| Stored::load(view, old)).unwrap().unwrap();
    assert_eq!(stored.standing, Standing::Retired);
}

#[test]
fn a_damaged_envelope_is_told_and_a_new_session_begins() {
    let (mut anna, mut bob) = friends();
    anna.say(&bob, "damaged");
    let mut envelopes = anna.leave();
    let last = envelopes[0].sealed.len() - 1;
    envelopes[0].sealed[last] ^= 1;
    let entries = bob.entries(&anna, &envelopes);
    let taken = bob.take(&anna, &entries);
    assert_eq!(bob.events(&anna), [ConversationEvent::Unreadable]);
    assert!(taken.stale.contains(&anna.account()));
    assert_eq!(bob.refresh(&mut anna).1, Some(Sealed::All));
    anna.hear(&mut bob);
    assert_eq!(bob.say(&anna, "I could not read that").1, Sealed::All);
    anna.hear(&mut bob);
    assert_eq!(anna.say(&bob, "again").1, Sealed::All);
    bob.hear(&mut anna);
    assert_eq!(bob.texts(&anna).last().unwrap(), "again");
    assert_eq!(anna.texts(&bob), ["hello", "damaged", "I could not read that", "again"]);
}

#[test]
fn two_who_write_at_once_understand_each_other() {
    let (mut anna, mut bob) = (Person::new("anna", 1), Person::new("bob", 2));
    anna.add(&bob);
    bob.add(&anna);
    anna.refresh(&mut bob);
    bob.refresh(&mut anna);
    for round in ["1", "2", "3"] {
        anna.say(&bob, round);
        bob.say(&anna, round);
        let (from_anna, from_bob) = (anna.leave(), bob.leave());
        let entries = bob.entries(&anna, &from_anna);
        bob.take(&anna, &entries);
        let entries = anna.entries(&bob, &from_bob);
        anna.take(&bob, &entries);
    }
    assert_eq!(anna.texts(&bob), ["1", "1", "2", "2", "3", "3"]);
    assert_eq!(anna.texts(&bob), bob.texts(&anna));
    assert!(anna.events(&bob).is_empty() && bob.events(&anna).is_empty());
}
