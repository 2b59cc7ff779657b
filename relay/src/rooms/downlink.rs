//! The downlink of rooms: the logs that a device follows, each in order, as fast as it takes them.
//!
//! Each batch is read when the stream has room for it. A wake-up is a hint; what is delivered next is
//! what the log holds behind the last delivered position. What was just said is taken from memory, by who
//! was in the room when it last read the log: only what stands in the log can put a device out.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex},
};

use sotto_proto::{
    ErrorCode, Refusal, RoomId,
    limits::{BATCH_MAX, ROOMS_MAX},
    room::{
        OpenRoomDownlink, RoomDelivery, RoomEnd, RoomEntry, RoomNotice, RoomPage, RoomPlace,
        RoomsConsumed,
    },
};

use super::{book::Following, tail::Run, weight};
use crate::{
    connection::{Talk, TalkError},
    online::{LiveDevice, lock},
    server::Shared,
    store::{
        StoreError,
        rooms::{LogPage, Then},
    },
    stream,
};

/// The most entries of one delivery.
const ENTRIES: usize = 256;
/// About the most bytes of one delivery: one more entry, and all that may wait to be told, still fit
/// the frame.
const BYTES: usize = BATCH_MAX / 4;
/// The most entries of a room that are delivered ahead of their consumption.
const AHEAD: u64 = 2048;

/// Serves the stream until it ends or the relay closes.
pub(crate) async fn downlink(
    shared: &Shared,
    device: &Arc<LiveDevice>,
    talk: &mut Talk,
    open: OpenRoomDownlink,
) -> Result<(), TalkError> {
    bounded(open.rooms.len())?;
    let newer = device.rooms.new_downlink();
    let reading = Reading {
        shared,
        device,
        following: Following::new(&shared.rooms, Arc::clone(device)),
        places: Mutex::default(),
    };
    let notices = reading.begin(open.rooms).await?;
    tokio::select! {
        ended = reading.deliver(&mut talk.send, notices) => ended,
        ended = reading.consume(&mut talk.receive) => ended,
        () = newer.cancelled() => Ok(()),
        () = shared.closing.cancelled() => Ok(()),
    }
}

fn bounded(rooms: usize) -> Result<(), Refusal> {
    if rooms > ROOMS_MAX {
        return Err(Refusal::new(ErrorCode::TooMany, format!("at most {ROOMS_MAX} rooms")));
    }
    Ok(())
}

/// One downlink.
struct Reading<'a> {
    shared: &'a Shared,
    device: &'a LiveDevice,
    following: Following<'a>,
    places: Mutex<HashMap<RoomId, Place>>,
}

/// How far a room that is followed was delivered and consumed.
#[derive(Clone, Copy)]
struct Place {
    delivered: u64,
    consumed: u64,
    /// Whether the device was in the room at the end of what it last read of the log.
    is_in: bool,
}

impl Place {
    /// Whether its consumption is to be waited for.
    const fn is_far_ahead(self) -> bool {
        self.delivered.saturating_sub(self.consumed) >= AHEAD
    }
}

/// Something to deliver of a room, and whether more stands behind it.
struct Found {
    page: RoomPage,
    more: bool,
}

impl Reading<'_> {
    /// Takes up the rooms where the device says that it stands; what there is to say of them first.
    async fn begin(&self, rooms: Vec<RoomPlace>) -> Result<Vec<RoomNotice>, StoreError> {
        let known = self.shared.store.room_places(self.device.address).await?;
        let mut notices = Vec::new();
        for claim in &rooms {
            let Some(place) = known.iter().find(|place| place.room == claim.room) else {
                notices.push(RoomNotice::Ended { room: claim.room, why: RoomEnd::NotAMember });
                continue;
            };
            // Who came in by a Welcome and has read nothing does not know where it begins.
            let is_new = claim.up_to == 0 && place.read == place.joined;
            if place.read > claim.up_to && !is_new {
                let seen = RoomPlace { room: claim.room, up_to: place.read };
                notices.push(RoomNotice::Ahead(seen));
            }
            self.follow(*claim);
        }
        for place in known {
            let is_told = rooms.iter().any(|claim| claim.room == place.room);
            if !is_told && place.until.is_none() {
                let place = RoomPlace { room: place.room, up_to: place.read };
                notices.push(RoomNotice::Waiting(place));
            }
        }
        // What an older crash took from the store, the device knows.
        self.shared.store.consume_rooms(self.device.address, rooms).await?;
        Ok(notices)
    }

    fn follow(&self, RoomPlace { room, up_to }: RoomPlace) {
        lock(&self.places).insert(room, Place { delivered: up_to, consumed: up_to, is_in: false });
        self.following.follow(room);
        self.device.rooms.news(room);
    }

    fn unfollow(&self, room: RoomId) {
        self.following.unfollow(room);
        lock(&self.places).remove(&room);
    }

    async fn deliver(
        &self,
        send: &mut quinn::SendStream,
        mut notices: Vec<RoomNotice>,
    ) -> Result<(), TalkError> {
        let mut news = BTreeSet::new();
        let mut was_caught_up = false;
        loop {
            let waiting = self.device.rooms.take();
            news.extend(waiting.news);
            for room in waiting.deleted {
                self.unfollow(room);
                notices.push(RoomNotice::Ended { room, why: RoomEnd::Deleted });
            }
            let mut delivery = RoomDelivery {
                pages: self.pages(&mut news, &mut notices).await?,
                signals: waiting.signals.into(),
                notices: std::mem::take(&mut notices),
                caught_up: false,
            };
            delivery.caught_up = news.is_empty();
            let has_news = !delivery.pages.is_empty()
                || !delivery.signals.is_empty()
                || !delivery.notices.is_empty();
            if has_news || (delivery.caught_up && !was_caught_up) {
                stream::send(send, &delivery).await?;
            }
            was_caught_up = delivery.caught_up;
            if news.is_empty() {
                self.device.rooms.woken().await;
            }
        }
    }

    /// What there is to read in the rooms with news, as much as one delivery takes; the rooms that
    /// are read to their end are news no more.
    async fn pages(
        &self,
        news: &mut BTreeSet<RoomId>,
        notices: &mut Vec<RoomNotice>,
    ) -> Result<Vec<RoomPage>, TalkError> {
        let (mut pages, mut entries, mut bytes) = (Vec::new(), ENTRIES, BYTES);
        for room in std::mem::take(news) {
            if entries == 0 || bytes == 0 {
                news.insert(room);
                continue;
            }
            let found = self.page(room, entries, bytes, notices).await?;
            let Some(Found { page, more }) = found else { continue };
            let size: usize = page.entries.iter().map(|entry| weight(&entry.item)).sum();
            self.shared.metrics.room_deliveries.inc_by(page.entries.len() as u64);
            self.shared.pace(self.device.address.account, size).await;
            entries = entries.saturating_sub(page.entries.len());
            bytes = bytes.saturating_sub(size);
            if more {
                news.insert(room);
            }
            pages.push(page);
        }
        Ok(pages)
    }

    /// The next page of one room; none if there is nothing to say, or it is not to be read.
    async fn page(
        &self,
        room: RoomId,
        entries: usize,
        bytes: usize,
        notices: &mut Vec<RoomNotice>,
    ) -> Result<Option<Found>, TalkError> {
        let (store, address) = (&self.shared.store, self.device.address);
        let place = lock(&self.places).get(&room).copied();
        let Some(place) = place else {
            let place = store.room_place(room, address).await?;
            if let Some(place) = place.filter(|place| place.until.is_none()) {
                notices.push(RoomNotice::Waiting(RoomPlace { room, up_to: place.read }));
            }
            return Ok(None);
        };
        if place.is_far_ahead() {
            // Its consumption makes it news again.
            return Ok(None);
        }
        if place.is_in
            && let Some(run) = self.shared.rooms.just_said(room, place.delivered, entries, bytes)
        {
            return Ok(Some(self.take(room, place, &run)));
        }
        match store.read_room(room, address, place.delivered, entries, bytes).await? {
            LogPage::Ended => {
                self.unfollow(room);
                notices.push(RoomNotice::Ended { room, why: RoomEnd::NotAMember });
                Ok(None)
            }
            LogPage::Entries { after, entries, then } => {
                let delivered = entries.last().map_or(after, |entry| entry.sequence);
                self.delivered(room, delivered, then != Then::Out);
                let is_news = after != place.delivered || !entries.is_empty();
                let page = RoomPage { room, after, entries };
                Ok(is_news.then_some(Found { page, more: then != Then::End }))
            }
        }
    }

    /// What was just said, for a device that is in the room.
    fn take(&self, room: RoomId, place: Place, run: &Run) -> Found {
        let entries: Vec<_> = run.entries.iter().map(|entry| RoomEntry::clone(entry)).collect();
        let after = place.delivered;
        let delivered = entries.last().map_or(after, |entry| entry.sequence);
        self.delivered(room, delivered, true);
        Found { page: RoomPage { room, after, entries }, more: run.more }
    }

    fn delivered(&self, room: RoomId, delivered: u64, is_in: bool) {
        if let Some(place) = lock(&self.places).get_mut(&room) {
            (place.delivered, place.is_in) = (delivered, is_in);
        }
    }

    /// Notes how far a room was consumed; whether that was waited for, or none if the room is not
    /// followed.
    fn consumed(&self, claim: &RoomPlace) -> Option<bool> {
        let mut places = lock(&self.places);
        let place = places.get_mut(&claim.room)?;
        let was_waited_for = place.is_far_ahead();
        place.consumed = place.consumed.max(claim.up_to);
        Some(was_waited_for)
    }

    async fn consume(&self, receive: &mut quinn::RecvStream) -> Result<(), TalkError> {
        loop {
            let RoomsConsumed { rooms } = stream::receive(receive).await?;
            bounded(rooms.len())?;
            for claim in &rooms {
                match self.consumed(claim) {
                    Some(true) => self.device.rooms.news(claim.room),
                    Some(false) => {}
                    None => self.follow(*claim),
                }
            }
            self.shared.store.consume_rooms(self.device.address, rooms).await?;
        }
    }
}
