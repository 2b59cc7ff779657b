//! Sealing what waits: each content for every device of its contact, in order.
//!
//! Runs on the keeper's thread, in the transaction that queued the content where there is a
//! session already; so a message usually costs one write to the disk before it leaves.

use std::collections::BTreeMap;

use sotto_keys::{SealError, Sessions};
use sotto_proto::{
    AccountId, DeviceAddress, DeviceId, Timestamp,
    content::{Body, Content},
    mailbox::{Envelope, Signal},
};
use zeroize::Zeroizing;

use super::{clock, content, error::EngineError, event::Event};
use crate::{
    model::{Contact, ConversationId, FailReason, RoomState},
    vault::{Tx, View, Waiting},
};

/// Contents that are sealed in one go.
const BATCH: usize = 256;
/// The most messages that one receipt names.
const RECEIPT_MAX: usize = 1000;

/// What came of sealing for one contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sealed {
    /// Nothing waits any more.
    All,
    /// What waits must wait: the contact is not accepted, or its identity key is another.
    Held,
    /// There is no session to seal in.
    NoSession,
}

/// The sessions with a device as the vault keeps them.
pub(super) struct Stored {
    pub(super) sessions: Sessions,
    pub(super) standing: Standing,
}

/// What the sessions with a device are good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Sending and receiving.
    Current = 0,
    /// Receiving alone: the directory lists the device no longer, but what it sent before may
    /// still arrive.
    Retired = 1,
    /// Receiving alone until a new session is started: something could not be opened, so the two
    /// sides are not of one state any more.
    Broken = 2,
}

impl Stored {
    pub(super) const fn new(device: DeviceId) -> Self {
        Self { sessions: Sessions::new(device), standing: Standing::Current }
    }

    pub(super) fn load(view: &View, with: DeviceAddress) -> Result<Option<Self>, EngineError> {
        let Some(state) = view.session(with)? else { return Ok(None) };
        let (standing, sessions) = state.split_first().unwrap_or((&0, &[]));
        let standing = match *standing {
            0 => Standing::Current,
            1 => Standing::Retired,
            _ => Standing::Broken,
        };
        Ok(Some(Self { sessions: Sessions::from_bytes(sessions)?, standing }))
    }

    pub(super) fn save(&self, tx: &Tx<'_>, with: DeviceAddress) -> Result<(), EngineError> {
        let sessions = self.sessions.to_bytes();
        let mut state = Zeroizing::new(Vec::with_capacity(1 + sessions.len()));
        state.push(self.standing as u8);
        state.extend_from_slice(&sessions);
        Ok(tx.set_session(with, &state)?)
    }

    /// Whether messages for `contact` may be sealed in it: never under another identity key than
    /// the pinned one.
    fn is_for(&self, contact: &Contact) -> bool {
        self.standing == Standing::Current
            && self.sessions.peer_identity() == Some(contact.identity)
    }
}

/// The sessions with all devices of a contact that messages may be sealed for.
fn usable(view: &View, contact: &Contact) -> Result<BTreeMap<DeviceId, Stored>, EngineError> {
    let mut sessions = BTreeMap::new();
    for device in view.session_devices(contact.account)? {
        let with = DeviceAddress { account: contact.account, device };
        if let Some(stored) = Stored::load(view, with)?.filter(|stored| stored.is_for(contact)) {
            sessions.insert(device, stored);
        }
    }
    Ok(sessions)
}

/// Seals everything that waits for a contact, as far as that can be done here and now.
pub(super) fn seal_waiting(tx: &Tx<'_>, to: AccountId) -> Result<Sealed, EngineError> {
    let Some(contact) = tx.contact(to)? else { return Ok(Sealed::Held) };
    if !contact.may_send() {
        return Ok(Sealed::Held);
    }
    let mut sessions = usable(tx, &contact)?;
    loop {
        let waiting = tx.waiting(to.into(), BATCH)?;
        if waiting.is_empty() {
            break;
        }
        if sessions.is_empty() {
            return Ok(Sealed::NoSession);
        }
        for waiting in waiting {
            if !seal_one(tx, to, &mut sessions, &waiting)? {
                save(tx, to, &sessions)?;
                return Ok(Sealed::NoSession);
            }
        }
    }
    save(tx, to, &sessions)?;
    Ok(Sealed::All)
}

/// False: a session is used up.
fn seal_one(
    tx: &Tx<'_>,
    account: AccountId,
    sessions: &mut BTreeMap<DeviceId, Stored>,
    waiting: &Waiting,
) -> Result<bool, EngineError> {
    let too_large = |tx: &Tx<'_>| {
        tx.seal(waiting.position, &[])?;
        match tx.message(waiting.to, waiting.content.id)? {
            Some(message) if message.outgoing => {
                tx.fail_message(waiting.to, message.id, &FailReason::TooLarge).map(|_| true)
            }
            _ => Ok(true),
        }
    };
    let Ok(plaintext) = content::encode(&waiting.content) else { return Ok(too_large(tx)?) };
    let mut envelopes = Vec::with_capacity(sessions.len());
    for (device, stored) in sessions.iter_mut() {
        let to = DeviceAddress { account, device: *device };
        match stored.sessions.seal(&mut rand::rng(), &plaintext) {
            Ok(sealed) => envelopes.push(Envelope { id: clock::envelope_id(), to, sealed }),
            Err(SealError::Padding(_)) => return Ok(too_large(tx)?),
            Err(SealError::NoSession | SealError::Exhausted) => return Ok(false),
        }
    }
    tx.seal(waiting.position, &envelopes)?;
    Ok(true)
}

fn save(
    tx: &Tx<'_>,
    account: AccountId,
    sessions: &BTreeMap<DeviceId, Stored>,
) -> Result<(), EngineError> {
    sessions.iter().try_for_each(|(device, stored)| {
        stored.save(tx, DeviceAddress { account, device: *device })
    })
}

/// Seals something for this moment only, for every device of a contact; nothing if there is no
/// session.
pub(super) fn seal_signal(
    tx: &Tx<'_>,
    to: AccountId,
    content: &Content,
) -> Result<Vec<Signal>, EngineError> {
    let Some(contact) = tx.contact(to)?.filter(Contact::may_send) else { return Ok(Vec::new()) };
    let plaintext = content::encode(content).map_err(|_| EngineError::TooLarge)?;
    let mut sessions = usable(tx, &contact)?;
    let mut signals = Vec::new();
    for (device, stored) in &mut sessions {
        let to = DeviceAddress { account: to, device: *device };
        if let Ok(sealed) = stored.sessions.seal(&mut rand::rng(), &plaintext) {
            signals.push(Signal { to, sealed });
        }
    }
    save(tx, to, &sessions)?;
    Ok(signals)
}

/// Whether those in a conversation may be told what came of their messages.
pub(super) fn may_hear(view: &View, to: ConversationId) -> Result<bool, EngineError> {
    Ok(match to {
        ConversationId::Contact(account) => {
            view.contact(account)?.is_some_and(|contact| contact.may_send())
        }
        ConversationId::Room(room) => {
            view.room(room)?.is_some_and(|room| room.state == RoomState::Joined)
        }
    })
}

/// Queues the receipts that are owed to a contact or a room, if they may go there.
pub(super) fn queue_receipts(
    tx: &Tx<'_>,
    to: ConversationId,
    now: Timestamp,
) -> Result<(), EngineError> {
    if !may_hear(tx, to)? {
        return Ok(());
    }
    loop {
        let receipts = tx.take_receipts(to, RECEIPT_MAX)?;
        if receipts.is_empty() {
            return Ok(());
        }
        for receipt in receipts {
            tx.queue_content(to, &content::new(Body::from(receipt), now, None))?;
        }
    }
}

/// Tells of a contact as it is now.
pub(super) fn contact_event(view: &View, account: AccountId) -> Result<Event, EngineError> {
    let contact = view.contact(account)?.ok_or(EngineError::NoSuchContact)?;
    Ok(Event::Contact { contact })
}
