//! Any steps with rooms: found, commit, post, leave, delete, read, consume, let go.

use proptest::{collection::vec, prelude::*, sample::select};
use sotto_proto::{DeviceAddress, EnvelopeId, RoomId, Timestamp, room::RoomPlace};

use super::{ACCOUNTS, Accounts, DEVICES, LIFETIME, show};
use crate::store::{
    Store,
    conformance::{
        rooms::{commit, founding, listing},
        samples::address_of,
    },
    rooms::{NewPost, RoomCommit, RoomRetention},
};

/// Two rooms and what may become the lobby.
const ROOMS: u8 = 3;
const LOBBY: u8 = ROOMS - 1;
/// Epochs that a step may name: few, so that some are the present one.
const EPOCHS: u64 = 4;
/// Ids of commits and posts: few, so that some are repeats.
const IDS: u8 = 24;

/// A device by its account's seed and its number.
type Who = (u8, u32);

/// A step with rooms.
#[derive(Clone, Debug)]
pub(super) enum RoomStep {
    Lobby(u8),
    Found { room: u8, by: Who, info: u8, open: bool },
    Commit { room: u8, from: Who, id: u8, ends: u64, left: Vec<Who>, joined: Vec<Who>, more: bool },
    Post(Vec<(u8, Who, u8, u64, usize)>),
    Leave(u8, u8),
    Delete(u8),
    Read { room: u8, by: Who, after: u64, entries: usize, bytes: usize },
    Consume { room: u8, by: Who, up_to: u64 },
    Expire { after: Option<u8>, read: u64, bytes: u64, limit: usize },
    KeyPackage(Who, u8),
}

pub(super) fn steps() -> impl Strategy<Value = RoomStep> {
    let (room, epoch, id) = (|| 0..ROOMS, || 0..EPOCHS, || 0..IDS);
    let who = || (0..ACCOUNTS, 1..=DEVICES);
    let post = (room(), who(), id(), epoch(), 0..30usize);
    prop_oneof![
        1 => (0..2u8).prop_map(RoomStep::Lobby),
        4 => (room(), who(), 0..2u8, any::<bool>())
            .prop_map(|(room, by, info, open)| RoomStep::Found { room, by, info, open }),
        8 => (room(), who(), id(), epoch(), vec(who(), 0..2), vec(who(), 0..4), any::<bool>())
            .prop_map(|(room, from, id, ends, left, joined, more)| {
                RoomStep::Commit { room, from, id, ends, left, joined, more }
            }),
        8 => vec(post, 1..6).prop_map(RoomStep::Post),
        1 => (room(), 0..ACCOUNTS).prop_map(|(room, seed)| RoomStep::Leave(room, seed)),
        1 => room().prop_map(RoomStep::Delete),
        3 => (room(), who(), 0..12u64, 0..5usize, select(vec![0, 60, 150, 9_999]))
            .prop_map(|(room, by, after, entries, bytes)| {
                RoomStep::Read { room, by, after, entries, bytes }
            }),
        4 => (room(), who(), 0..16u64)
            .prop_map(|(room, by, up_to)| RoomStep::Consume { room, by, up_to }),
        2 => (proptest::option::of(room()), 0..3u64, 0..600u64, 1..9usize)
            .prop_map(|(after, read, bytes, limit)| RoomStep::Expire { after, read, bytes, limit }),
        1 => (who(), any::<u8>()).prop_map(|(who, byte)| RoomStep::KeyPackage(who, byte)),
    ]
}

fn id(room: u8) -> RoomId {
    RoomId([0x40 + room; 16])
}

/// Does a step; what came of it, as text.
pub(super) async fn perform(
    store: &dyn Store,
    step: RoomStep,
    accounts: Accounts,
    now: Timestamp,
) -> String {
    let device = |(seed, number): Who| address_of(accounts.0[usize::from(seed)], number);
    match step {
        RoomStep::Lobby(name) => {
            show(&store.lobby(id(LOBBY), listing(&format!("lobby {name}")), now).await)
        }
        RoomStep::Found { room, by, info, open } => {
            let mut new = founding(id(room), 0);
            new.by = device(by);
            new.group.group_info = vec![info];
            new.listing = open.then(|| listing("open"));
            show(&store.found_room(new, now).await)
        }
        RoomStep::Commit { room, from, id: named, ends, left, joined, more } => {
            let distinct = |devices: Vec<Who>| -> Vec<DeviceAddress> {
                let mut devices: Vec<_> = devices.into_iter().map(device).collect();
                devices.sort_unstable();
                devices.dedup();
                devices
            };
            let new = RoomCommit {
                room: id(room),
                from: device(from),
                id: EnvelopeId([named; 16]),
                left: distinct(left),
                joined: distinct(joined),
                listing: more.then(|| listing("renamed")),
                tree: more.then(|| vec![named; 4]),
                ..commit(0, ends)
            };
            show(&store.commit_room(new, now).await)
        }
        RoomStep::Post(posts) => {
            let posts = posts.into_iter().map(|(room, from, named, epoch, size)| NewPost {
                room: id(room),
                from: device(from),
                id: EnvelopeId([named; 16]),
                epoch,
                sealed: vec![named; size],
            });
            show(&store.post_to_rooms(posts.collect(), now).await)
        }
        RoomStep::Leave(room, seed) => {
            show(&store.leave_room(id(room), accounts.id(seed), now).await)
        }
        RoomStep::Delete(room) => show(&store.delete_room(id(room)).await),
        RoomStep::Read { room, by, after, entries, bytes } => {
            // Reading sees what was there before the batch or after it: only that it works is told.
            show(&store.read_room(id(room), device(by), after, entries, bytes).await.map(drop))
        }
        RoomStep::Consume { room, by, up_to } => {
            let places = vec![RoomPlace { room: id(room), up_to }];
            show(&store.consume_rooms(device(by), places).await)
        }
        RoomStep::Expire { after, read, bytes, limit } => {
            let retention = RoomRetention {
                read_ms: read * LIFETIME,
                read_bytes: bytes,
                unread_ms: 2 * read * LIFETIME,
                unread_bytes: 2 * bytes,
            };
            show(&store.expire_room(after.map(id), retention, now, limit).await)
        }
        RoomStep::KeyPackage(who, byte) => {
            show(&store.set_key_package(device(who), vec![byte; 9]).await)
        }
    }
}

/// Everything about rooms that can be asked of a store.
pub(super) async fn everything(store: &dyn Store, accounts: Accounts) -> Vec<String> {
    let mut all = vec![
        show(&store.list_rooms(None, 9, false).await),
        show(&store.list_rooms(Some(id(0)), 1, true).await),
    ];
    for room in (0..ROOMS).map(id) {
        all.push(show(&store.room(room).await));
        all.push(show(&store.room_devices(room).await));
        let known = store.group(room).await.unwrap();
        all.push(format!("{:?}", known.map(|known| (known.epoch, known.roster, known.group_info))));
        for epoch in 0..=EPOCHS {
            all.push(show(&store.room_tree(room, epoch).await));
        }
        for named in 0..IDS {
            all.push(show(&store.room_entry(room, EnvelopeId([named; 16])).await));
        }
    }
    for seed in 0..ACCOUNTS {
        all.push(show(&store.key_packages(accounts.id(seed)).await));
        for number in 1..=DEVICES {
            let device = address_of(accounts.0[usize::from(seed)], number);
            all.push(show(&store.room_places(device).await));
            for room in (0..ROOMS).map(id) {
                all.push(show(&store.read_room(room, device, 0, 99, 99_999).await));
                all.push(show(&store.read_room(room, device, 3, 2, 99_999).await));
                all.push(show(&store.read_room(room, device, 2, 99, 120).await));
            }
        }
    }
    all
}
