//! Taking in what arrived: opening envelopes and recording what is in them, all of a delivery in
//! one transaction, on the keeper's thread.
//!
//! Whatever a sender or the relay makes up, a delivery is taken in: what cannot be opened or read
//! becomes an event or nothing, never an error that would keep it coming again.

use std::collections::{BTreeSet, HashMap, HashSet};

use sotto_keys::{OpenError, Opened};
use sotto_proto::{
    AccountId, DeviceAddress, EnvelopeId, IdentityKey, MessageId, Timestamp,
    content::{Body, Content, Receipt, ReceiptState},
    directory::User,
    mailbox::{ArrivedSignal, Mail, MailboxEntry},
};

use super::{
    clock,
    content::{self, Decoded, decode},
    error::EngineError,
    event::Event,
    own::Own,
    sealing::{Standing, Stored, queue_receipts, seal_waiting},
    telling::{Told, told},
};
use crate::{
    model::{Contact, ContactState, ConversationEvent},
    vault::{NewContact, Observed, Recorded, Tx, VaultError, View},
};

/// What a delivery did.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// To tell the faces, in order.
    pub(super) events: Vec<Event>,
    /// Contacts that wrote from a device that is new here.
    pub(super) stale: BTreeSet<AccountId>,
    /// Files that the vault no longer needs.
    pub(super) files: Vec<std::path::PathBuf>,
    /// Whether a prekey was used up.
    pub(super) prekeys_changed: bool,
}

/// The senders in a delivery that this account knows nothing of.
pub(super) fn strangers(
    view: &View,
    entries: &[MailboxEntry],
) -> Result<Vec<AccountId>, EngineError> {
    let mut strangers = Vec::new();
    for entry in entries {
        let Mail::Envelope { from, .. } = &entry.mail else { continue };
        if !strangers.contains(&from.account) && view.contact(from.account)?.is_none() {
            strangers.push(from.account);
        }
    }
    Ok(strangers)
}

/// Takes in the entries of a delivery.
pub(super) fn take(
    tx: &Tx<'_>,
    own: &mut Own,
    entries: &[MailboxEntry],
    strangers: &HashMap<AccountId, User>,
    now: Timestamp,
) -> Result<Taken, EngineError> {
    let mut taking = Taking {
        tx,
        own,
        strangers,
        now,
        sessions: HashMap::new(),
        changed: HashSet::new(),
        receipts_for: BTreeSet::new(),
        taken: Taken::default(),
    };
    for entry in entries {
        match &entry.mail {
            Mail::Envelope { from, id, sealed } => taking.envelope(*from, *id, sealed)?,
            Mail::Expired { id, .. } => taking.expired(*id)?,
            // The directory says which devices there are instead.
            Mail::Returned { to, .. } => {
                taking.taken.stale.insert(to.account);
            }
        }
    }
    if let Some(last) = entries.last() {
        tx.set_consumed(last.sequence)?;
    }
    taking.finish()
}

/// Takes in something that was for this moment only.
pub(super) fn take_signal(
    tx: &Tx<'_>,
    own: &mut Own,
    signal: &ArrivedSignal,
) -> Result<Option<Event>, EngineError> {
    let from = signal.from;
    let Some(contact) = tx.contact(from.account)?.filter(Contact::may_send) else {
        return Ok(None);
    };
    let Some(mut stored) = Stored::load(tx, from)? else { return Ok(None) };
    let (device, prekeys) = own.device_and_prekeys();
    let (rng, expected) = (&mut rand::rng(), Some(&contact.identity));
    let opened = stored.sessions.open(rng, device, prekeys, expected, &signal.sealed);
    let Ok(opened) = opened else { return Ok(None) };
    stored.save(tx, from)?;
    if opened.prekeys_changed {
        tx.set_prekeys(&own.prekeys.to_bytes())?;
    }
    Ok(match decode(&opened.plaintext) {
        Decoded::Known(content) => match content.body {
            Body::Typing(typing) => Some(Event::Typing {
                conversation: from.account.into(),
                who: from.account,
                active: typing.active,
            }),
            _ => None,
        },
        Decoded::Newer(_) | Decoded::Malformed => None,
    })
}

struct Taking<'a> {
    tx: &'a Tx<'a>,
    own: &'a mut Own,
    strangers: &'a HashMap<AccountId, User>,
    now: Timestamp,
    /// Read once and written once a delivery.
    sessions: HashMap<DeviceAddress, Stored>,
    changed: HashSet<DeviceAddress>,
    receipts_for: BTreeSet<AccountId>,
    taken: Taken,
}

impl Taking<'_> {
    fn envelope(
        &mut self,
        from: DeviceAddress,
        id: EnvelopeId,
        sealed: &[u8],
    ) -> Result<(), EngineError> {
        if !self.tx.note_envelope(from, id, self.now)? || from == self.own.address() {
            return Ok(());
        }
        let contact = self.tx.contact(from.account)?;
        match &contact {
            Some(contact) if contact.state == ContactState::Blocked => return Ok(()),
            None if !self.strangers.contains_key(&from.account) => return Ok(()),
            _ => {}
        }
        match self.open(from, contact.as_ref(), sealed)? {
            Ok(opened) => self.opened(from, contact, &opened),
            Err(OpenError::Repeated) => Ok(()),
            Err(error) => {
                tracing::warn!(%error, "an envelope could not be opened");
                self.unreadable(from, contact, MessageId(id.0))
            }
        }
    }

    /// Opens an envelope; a new identity key is noted, and its message opened under it.
    fn open(
        &mut self,
        from: DeviceAddress,
        contact: Option<&Contact>,
        sealed: &[u8],
    ) -> Result<Result<Opened, OpenError>, EngineError> {
        let Some(contact) = contact else { return self.open_as(from, None, sealed) };
        match self.open_as(from, Some(&contact.identity), sealed)? {
            Err(OpenError::IdentityChanged { claimed }) => {
                let opened = self.open_as(from, Some(&claimed), sealed)?;
                if opened.is_ok() {
                    self.observe(contact.account, claimed)?;
                }
                Ok(opened)
            }
            // A session under the key that the person has not looked at yet.
            Err(OpenError::NoSession) if contact.pending_identity.is_some() => {
                self.open_as(from, contact.pending_identity.as_ref(), sealed)
            }
            opened => Ok(opened),
        }
    }

    fn open_as(
        &mut self,
        from: DeviceAddress,
        expected: Option<&IdentityKey>,
        sealed: &[u8],
    ) -> Result<Result<Opened, OpenError>, EngineError> {
        let stored = match self.sessions.entry(from) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                let stored = Stored::load(self.tx, from)?;
                entry.insert(stored.unwrap_or(Stored::new(from.device)))
            }
        };
        let was_started = stored.sessions.is_started();
        let (device, prekeys) = self.own.device_and_prekeys();
        let opened = stored.sessions.open(&mut rand::rng(), device, prekeys, expected, sealed);
        if let Ok(opened) = &opened {
            self.changed.insert(from);
            self.taken.prekeys_changed |= opened.prekeys_changed;
            if opened.new_session && stored.standing == Standing::Broken {
                stored.standing = Standing::Current;
            }
            if !was_started {
                self.taken.stale.insert(from.account);
            }
        }
        Ok(opened)
    }

    fn opened(
        &mut self,
        from: DeviceAddress,
        contact: Option<Contact>,
        opened: &Opened,
    ) -> Result<(), EngineError> {
        let decoded = decode(&opened.plaintext);
        let known = contact.is_some_and(|contact| contact.state != ContactState::Removed);
        if !known && !self.approached(from.account, opened.peer_identity, &decoded)? {
            return Ok(());
        }
        match decoded {
            Decoded::Known(content) => self.content(from.account, &content),
            Decoded::Newer(id) => {
                let chat = from.account.into();
                let recorded = self.tx.record_unsupported(chat, from.account, id, self.now)?;
                self.recorded(from.account, recorded)
            }
            Decoded::Malformed => {
                tracing::warn!("an opened envelope holds no content");
                Ok(())
            }
        }
    }

    /// A stranger, or somebody who had been removed, wrote, which is a request, or invites to a room.
    /// False if it is neither, or nobody knows who.
    fn approached(
        &mut self,
        account: AccountId,
        identity: IdentityKey,
        decoded: &Decoded,
    ) -> Result<bool, EngineError> {
        let Decoded::Known(content) = decoded else { return Ok(false) };
        let event: fn(Contact) -> Event = match content.body {
            Body::Text(_) | Body::Attachment(_) => |contact| Event::Request { contact },
            // Of the room it is told when it was looked at.
            Body::RoomInvite(_) => |contact| Event::Contact { contact },
            _ => return Ok(false),
        };
        let new = match (self.strangers.get(&account), self.tx.contact(account)?) {
            (Some(user), _) => NewContact {
                account,
                username: user.username.clone(),
                display_name: user.display_name.clone(),
                identity: user.identity,
                state: ContactState::Request,
            },
            (None, Some(contact)) => NewContact {
                account,
                username: contact.username,
                display_name: contact.display_name,
                identity: contact.identity,
                state: ContactState::Request,
            },
            (None, None) => return Ok(false),
        };
        let contact = self.tx.add_contact(&new, self.now)?;
        self.taken.events.push(event(contact));
        self.observe(account, identity)?;
        Ok(true)
    }

    fn observe(&mut self, account: AccountId, identity: IdentityKey) -> Result<(), EngineError> {
        // A return to the pinned key is for the directory to say.
        if self.tx.contact(account)?.is_none_or(|contact| contact.identity == identity) {
            return Ok(());
        }
        let event = clock::message_id();
        if let Observed::Changed(message) =
            self.tx.observe_identity(account, identity, event, self.now)?
        {
            let contact = self.tx.contact(account)?.ok_or(EngineError::NoSuchContact)?;
            self.taken.events.push(Event::Message { message: *message });
            self.taken.events.push(Event::IdentityChanged { contact });
        }
        Ok(())
    }

    fn content(&mut self, from: AccountId, content: &Content) -> Result<(), EngineError> {
        let recorded =
            self.tx.attempt(|tx| tx.record_content(from.into(), from, content, self.now));
        match recorded {
            Ok(recorded) => self.recorded(from, recorded),
            // The disk may work again later; a value that the vault cannot hold never will.
            Err(error @ VaultError::Database(_)) => Err(error.into()),
            Err(error) => {
                tracing::warn!(%error, "a content could not be recorded");
                Ok(())
            }
        }
    }

    fn recorded(&mut self, from: AccountId, recorded: Recorded) -> Result<(), EngineError> {
        let Told { events, files, arrived } = told(self.tx, from.into(), from, recorded)?;
        if let Some(message) = arrived {
            self.tx.owe_receipts(from.into(), &[message], ReceiptState::Delivered)?;
            self.receipts_for.insert(from);
        }
        self.taken.events.extend(events);
        self.taken.files.extend(files);
        Ok(())
    }

    /// Something of a contact's could not be opened: it is told, and a new session started, so
    /// that the next message can be. A stranger's is passed over.
    fn unreadable(
        &mut self,
        from: DeviceAddress,
        contact: Option<Contact>,
        event: MessageId,
    ) -> Result<(), EngineError> {
        let Some(contact) = contact.filter(|contact| contact.state == ContactState::Accepted)
        else {
            return Ok(());
        };
        let what = ConversationEvent::Unreadable;
        let message = self.tx.record_event(contact.account.into(), event, &what, self.now)?;
        self.taken.events.push(Event::Message { message });
        if self.own.may_renew(from, self.now)
            && let Some(stored) =
                self.sessions.get_mut(&from).filter(|stored| stored.sessions.is_started())
        {
            stored.standing = Standing::Broken;
            self.changed.insert(from);
            // It says nothing, but brings the other side into the new session.
            let nothing = Receipt { state: ReceiptState::Delivered, messages: Vec::new() };
            self.tx.queue_content(from.account.into(), &content::new(nothing, self.now, None))?;
        }
        self.taken.stale.insert(contact.account);
        Ok(())
    }

    fn expired(&mut self, envelope: EnvelopeId) -> Result<(), EngineError> {
        if let Some(message) = self.tx.record_expired(envelope)? {
            self.taken.events.push(Event::MessageChanged { message });
        }
        Ok(())
    }

    fn finish(self) -> Result<Taken, EngineError> {
        for from in &self.changed {
            if let Some(stored) = self.sessions.get(from) {
                stored.save(self.tx, *from)?;
            }
        }
        if self.taken.prekeys_changed {
            self.tx.set_prekeys(&self.own.prekeys.to_bytes())?;
        }
        for account in &self.receipts_for {
            queue_receipts(self.tx, (*account).into(), self.now)?;
            // A device that is new here is looked up before anything is sealed for it.
            if !self.taken.stale.contains(account) {
                seal_waiting(self.tx, *account)?;
            }
        }
        Ok(self.taken)
    }
}
