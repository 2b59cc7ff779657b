//! Taking in what stands in the logs of rooms: all of a delivery in one transaction, on the keeper's
//! thread, in the order of the logs.
//!
//! Whatever a member or the relay makes up, a delivery is taken in: a post that cannot be opened becomes
//! an event; a commit that cannot be followed means that this device joins again.

mod membership;

use std::{collections::BTreeSet, path::PathBuf};

use sotto_keys::room::{Room as Group, RoomError};
use sotto_proto::{
    AccountId, DeviceAddress, EnvelopeId, MessageId, RoomId, Timestamp,
    content::{Body, ReceiptState},
    room::{RoomEntry, RoomItem, RoomPage, RoomPlace},
};

use super::{
    super::{
        clock,
        content::{Decoded, decode},
        error::EngineError,
        event::Event,
        own::Own,
        sealing::queue_receipts,
        telling::{Told, told},
    },
    change::Outcome,
    groups::Stored,
    leaving,
};
use crate::{
    model::{ContactState, ConversationEvent, RoomState},
    vault::{Recorded, Settled, Tx, VaultError},
};

/// The most people in a room in which receipts are sent: each goes to all.
const RECEIPTS_MAX: u32 = 32;

/// What a delivery did.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// To tell the faces, in order.
    pub(super) events: Vec<Event>,
    /// Files that the vault no longer needs.
    pub(super) files: Vec<PathBuf>,
    /// How far the logs are in the vault.
    pub(super) places: Vec<RoomPlace>,
    /// What became of commits of this device.
    pub(super) outcomes: Vec<(EnvelopeId, Outcome)>,
    /// Rooms with people who have no name yet.
    pub(super) nameless: BTreeSet<RoomId>,
    /// Whether this device is to join a room again.
    pub(super) lost: bool,
    /// Whether people are to be told that they were added.
    pub(super) invited: bool,
}

/// Takes in pages of logs.
pub(super) fn take(
    tx: &Tx<'_>,
    own: &mut Own,
    pages: &[RoomPage],
    now: Timestamp,
) -> Result<Taken, EngineError> {
    let mut taken = Taken::default();
    for page in pages {
        take_page(tx, own, page, now, &mut taken)?;
    }
    Ok(taken)
}

/// Takes in something that was for this moment only.
pub(super) fn take_signal(
    tx: &Tx<'_>,
    own: &mut Own,
    room: RoomId,
    sealed: &[u8],
) -> Result<Option<Event>, EngineError> {
    let Some(mut group) = own.take_group(tx, room)? else { return Ok(None) };
    let opened = group.open(&Stored(tx), sealed);
    own.keep_group(group);
    let Ok((sender, plaintext)) = opened else { return Ok(None) };
    let who = sender.account;
    let is_blocked = tx.contact(who)?.is_some_and(|one| one.state == ContactState::Blocked);
    Ok(match decode(&plaintext) {
        Decoded::Known(content) => match content.body {
            Body::Typing(typing) if !is_blocked => {
                Some(Event::Typing { conversation: room.into(), who, active: typing.active })
            }
            _ => None,
        },
        Decoded::Newer(_) | Decoded::Malformed => None,
    })
}

fn take_page(
    tx: &Tx<'_>,
    own: &mut Own,
    page: &RoomPage,
    now: Timestamp,
    taken: &mut Taken,
) -> Result<(), EngineError> {
    let room = page.room;
    let known = tx.room(room)?;
    if known.is_none_or(|known| known.state != RoomState::Joined) || tx.is_lost(room)? {
        return Ok(());
    }
    let mut cursor = tx.room_cursor(room)?;
    if cursor == 0 {
        // It came in by a Welcome: the relay says where it begins to read.
        cursor = page.after;
    }
    let group = own.take_group(tx, room)?.filter(|_| page.after <= cursor);
    let Some(group) = group else { return lose(tx, room, taken) };
    let mut taking = Taking { tx, own, room, now, group, receipts: false, is_over: false, taken };
    for entry in page.entries.iter().filter(|entry| entry.sequence > page.after) {
        if entry.sequence <= cursor {
            continue;
        }
        if entry.sequence != cursor + 1 || !taking.entry(entry)? {
            let Taking { group, own, taken, .. } = taking;
            own.keep_group(group);
            return lose(tx, room, taken);
        }
        cursor = entry.sequence;
        if taking.is_over {
            break;
        }
    }
    taking.finish(cursor)
}

/// This device has lost its place in a room.
fn lose(tx: &Tx<'_>, room: RoomId, taken: &mut Taken) -> Result<(), EngineError> {
    tracing::warn!("this device has lost its place in a room");
    tx.set_lost(room, true)?;
    taken.lost = true;
    Ok(())
}

struct Taking<'a> {
    tx: &'a Tx<'a>,
    own: &'a mut Own,
    room: RoomId,
    now: Timestamp,
    group: Group,
    /// Whether a receipt is owed.
    receipts: bool,
    /// Whether the room is over for this device.
    is_over: bool,
    taken: &'a mut Taken,
}

impl Taking<'_> {
    /// False: this device cannot go on from here.
    fn entry(&mut self, entry: &RoomEntry) -> Result<bool, EngineError> {
        let at = entry.accepted_at;
        match &entry.item {
            RoomItem::Founded { .. } => Ok(true),
            RoomItem::Departed { device, left } => self.departed(*device, *left, at),
            RoomItem::Commit { from, id, commit } => self.commit(*from, *id, commit, at),
            RoomItem::Post { from, id, .. } if *from == self.own.address() => {
                self.own_post(*id, at)
            }
            RoomItem::Post { from, id, sealed } => self.post(*from, *id, sealed, at),
        }
    }

    fn own_post(&mut self, id: EnvelopeId, at: Timestamp) -> Result<bool, EngineError> {
        match self.tx.settle_post(id, at)? {
            Settled::Message(message) => {
                self.taken.events.push(Event::MessageChanged { message: *message });
                Ok(true)
            }
            Settled::Hidden => Ok(true),
            // Another copy of this vault has sent it: the keys here are not to be used again.
            Settled::Unknown => Ok(false),
        }
    }

    fn post(
        &mut self,
        from: DeviceAddress,
        id: EnvelopeId,
        sealed: &[u8],
        at: Timestamp,
    ) -> Result<bool, EngineError> {
        let plaintext = match self.group.open(&Stored(self.tx), sealed) {
            Ok((sender, plaintext)) if sender == from => plaintext,
            Err(error @ RoomError::Storage(_)) => return Err(error.into()),
            refused => {
                let error = refused.err();
                tracing::warn!(error = ?error.map(|error| error.to_string()), "a post could not be opened");
                let event = ConversationEvent::Unreadable;
                let message =
                    self.tx.record_event(self.room.into(), MessageId(id.0), &event, at)?;
                self.taken.events.push(Event::Message { message });
                return Ok(true);
            }
        };
        let who = from.account;
        if self.tx.contact(who)?.is_some_and(|one| one.state == ContactState::Blocked) {
            return Ok(true);
        }
        let recorded = match decode(&plaintext) {
            Decoded::Known(content) => {
                self.tx.attempt(|tx| tx.record_content(self.room.into(), who, &content, self.now))
            }
            Decoded::Newer(id) => self.tx.record_unsupported(self.room.into(), who, id, self.now),
            Decoded::Malformed => return Ok(true),
        };
        match recorded {
            Ok(recorded) => self.recorded(who, recorded)?,
            // The disk may work again later; a value that the vault cannot hold never will.
            Err(error @ VaultError::Database(_)) => return Err(error.into()),
            Err(error) => tracing::warn!(%error, "a content could not be recorded"),
        }
        Ok(true)
    }

    fn recorded(&mut self, from: AccountId, recorded: Recorded) -> Result<(), EngineError> {
        let Told { events, files, arrived } = told(self.tx, self.room.into(), from, recorded)?;
        if let Some(message) = arrived.filter(|_| from != self.own.account) {
            self.owe_receipt(message);
        }
        self.taken.events.extend(events);
        self.taken.files.extend(files);
        Ok(())
    }

    fn owe_receipt(&mut self, message: MessageId) {
        let members = self.tx.room(self.room).ok().flatten().map_or(u32::MAX, |room| room.members);
        let owed = [message];
        self.receipts |= members <= RECEIPTS_MAX
            && self.tx.owe_receipts(self.room.into(), &owed, ReceiptState::Delivered).is_ok();
    }

    fn tell(
        &mut self,
        event: &ConversationEvent,
        by: Option<AccountId>,
        at: Timestamp,
    ) -> Result<(), EngineError> {
        let message = match by {
            Some(by) => self.tx.record_event_by(self.room, by, clock::message_id(), event, at)?,
            None => leaving::record(self.tx, self.room, event, at)?,
        };
        self.taken.events.push(Event::Message { message });
        Ok(())
    }

    fn tell_room(&mut self) -> Result<(), EngineError> {
        let room = self.tx.room(self.room)?.ok_or(EngineError::NoSuchRoom)?;
        self.taken.events.push(Event::Room { room });
        Ok(())
    }

    fn over(&mut self, state: RoomState) -> Result<(), EngineError> {
        let failed = leaving::close(self.tx, self.own, self.room, state)?;
        let failed = failed.into_iter().map(|message| Event::MessageChanged { message });
        self.taken.events.extend(failed);
        self.is_over = true;
        self.tell_room()
    }

    fn finish(self, cursor: u64) -> Result<(), EngineError> {
        let Self { tx, own, room, now, group, receipts, is_over, taken } = self;
        tx.set_room_cursor(room, cursor)?;
        taken.places.push(RoomPlace { room, up_to: cursor });
        if !is_over {
            own.keep_group(group);
        }
        if receipts {
            queue_receipts(tx, room.into(), now)?;
        }
        Ok(())
    }
}
