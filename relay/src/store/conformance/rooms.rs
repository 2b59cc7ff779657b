//! Rooms: who founds and commits, what stands in the log, and who reads it from where to where.

use sotto_proto::{
    DeviceAddress, EnvelopeId, RoomId, Timestamp,
    room::{RoomEntry, RoomItem, RoomPlace},
};

use super::samples::{
    NOW, Operated as _, Tested, account_id, address, address_of, fresh_id, new_device, register,
};
use crate::store::{
    StoreError,
    rooms::{
        CommitOutcome, Founding, Listing, LogPage, NewPost, Posted, RoomCommit, RoomGroup,
        RoomRetention, Then,
    },
};

pub(crate) const ROOM: RoomId = RoomId([0x40; 16]);

const FOREVER: RoomRetention = RoomRetention {
    read_ms: u64::MAX,
    read_bytes: u64::MAX,
    unread_ms: u64::MAX,
    unread_bytes: u64::MAX,
};

pub(crate) fn group(epoch: u64) -> RoomGroup {
    RoomGroup { epoch, roster: epoch.to_be_bytes().to_vec(), group_info: vec![7; 3] }
}

pub(crate) fn listing(name: &str) -> Listing {
    Listing { name: name.parse().unwrap(), topic: format!("about {name}") }
}

pub(crate) fn founding(room: RoomId, by: u8) -> Founding {
    Founding { room, by: address(by), group: group(0), listing: None }
}

/// A commit that ends an epoch, by the first device of an account.
pub(crate) fn commit(from: u8, ends: u64) -> RoomCommit {
    RoomCommit {
        room: ROOM,
        from: address(from),
        id: fresh_id(),
        commit: vec![from; 5],
        ends,
        group: group(ends + 1),
        left: Vec::new(),
        joined: Vec::new(),
        listing: None,
        tree: None,
    }
}

pub(crate) fn post(from: u8, epoch: u64) -> NewPost {
    NewPost { room: ROOM, from: address(from), id: fresh_id(), epoch, sealed: vec![from; 10] }
}

/// A room with these accounts' first devices in it; its epoch.
async fn room_of(store: &Tested, seeds: &[u8]) -> u64 {
    register(store, seeds.iter().copied()).await;
    store.found_room(founding(ROOM, seeds[0]), NOW).await.unwrap();
    let mut add = commit(seeds[0], 0);
    add.joined = seeds[1..].iter().map(|seed| address(*seed)).collect();
    let outcome = store.commit_room(add, NOW).await.unwrap();
    assert_eq!(outcome, CommitOutcome::At(2));
    1
}

async fn say(store: &Tested, from: u8, epoch: u64) -> Posted {
    store.post_to_rooms(vec![post(from, epoch)], NOW).await.unwrap()[0]
}

async fn read(store: &Tested, device: DeviceAddress, after: u64) -> Option<Vec<RoomEntry>> {
    match store.read_room(ROOM, device, after, usize::MAX, usize::MAX).await.unwrap() {
        LogPage::Entries { entries, .. } => Some(entries),
        LogPage::Ended => None,
    }
}

fn sequences(entries: &[RoomEntry]) -> Vec<u64> {
    entries.iter().map(|entry| entry.sequence).collect()
}

async fn consume(store: &Tested, device: DeviceAddress, up_to: u64) {
    store.consume_rooms(device, vec![RoomPlace { room: ROOM, up_to }]).await.unwrap();
}

pub(crate) async fn a_room_is_founded_once(store: Tested) {
    register(&store, [1, 2]).await;
    let founded = store.found_room(founding(ROOM, 1), NOW).await.unwrap();
    assert_eq!(founded, CommitOutcome::At(1));
    let again = store.found_room(founding(ROOM, 1), NOW).await.unwrap();
    assert_eq!(again, CommitOutcome::Repeat(1), "its answer was lost");
    let mut other = founding(ROOM, 2);
    other.group.group_info = vec![8];
    assert_eq!(store.found_room(other, NOW).await.unwrap(), CommitOutcome::Stale);
    let room = store.room(ROOM).await.unwrap().unwrap();
    assert_eq!((room.epoch, room.last, room.devices, room.accounts), (Some(0), 1, 1, 1));
    assert!(store.group(ROOM).await.unwrap().unwrap() == group(0));
    assert_eq!(store.room_devices(ROOM).await.unwrap(), [address(1)]);
    assert!(store.room(RoomId([9; 16])).await.unwrap().is_none());
}

pub(crate) async fn a_commit_is_for_the_present_epoch(store: Tested) {
    room_of(&store, &[1, 2]).await;
    let stale = commit(2, 0);
    assert_eq!(store.commit_room(stale, NOW).await.unwrap(), CommitOutcome::Stale);
    let good = commit(2, 1);
    assert_eq!(store.commit_room(good.clone(), NOW).await.unwrap(), CommitOutcome::At(3));
    assert_eq!(store.commit_room(good, NOW).await.unwrap(), CommitOutcome::Repeat(3));
    assert!(store.group(ROOM).await.unwrap().unwrap() == group(2));
    let nowhere = RoomCommit { room: RoomId([9; 16]), ..commit(1, 0) };
    assert_eq!(store.commit_room(nowhere, NOW).await.unwrap(), CommitOutcome::Stale);
}

pub(crate) async fn posts_stand_once_and_in_order(store: Tested) {
    let epoch = room_of(&store, &[1, 2, 3]).await;
    let posts: Vec<NewPost> = (0..6u8).map(|number| post(1 + number % 3, epoch)).collect();
    let outcome = store.post_to_rooms(posts.clone(), NOW).await.unwrap();
    assert_eq!(outcome, (3..9).map(Posted::At).collect::<Vec<_>>());
    let again = store.post_to_rooms(posts.clone(), NOW).await.unwrap();
    assert!(again.iter().all(|one| *one == Posted::Repeat));
    for reader in [1, 2, 3] {
        let entries = read(&store, address(reader), 2).await.unwrap();
        let ids: Vec<EnvelopeId> = entries
            .iter()
            .map(|entry| match &entry.item {
                RoomItem::Post { id, .. } => *id,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(ids, posts.iter().map(|post| post.id).collect::<Vec<_>>());
    }
}

pub(crate) async fn a_post_is_of_the_present_epoch_and_a_member(store: Tested) {
    let epoch = room_of(&store, &[1, 2]).await;
    register(&store, [3]).await;
    assert_eq!(say(&store, 1, epoch - 1).await, Posted::Stale);
    assert_eq!(say(&store, 1, epoch + 1).await, Posted::Stale);
    assert_eq!(say(&store, 3, epoch).await, Posted::NotAMember);
    let nowhere = NewPost { room: RoomId([9; 16]), ..post(1, epoch) };
    assert_eq!(store.post_to_rooms(vec![nowhere], NOW).await.unwrap(), [Posted::NotAMember]);
    assert_eq!(say(&store, 2, epoch).await, Posted::At(3));
}

pub(crate) async fn a_new_member_reads_nothing_earlier(store: Tested) {
    let epoch = room_of(&store, &[1, 2]).await;
    register(&store, [3]).await;
    assert_eq!(read(&store, address(3), 0).await, None, "it is not in the room");
    say(&store, 1, epoch).await;
    let mut add = commit(1, epoch);
    add.joined = vec![address(3)];
    store.commit_room(add, NOW).await.unwrap();
    say(&store, 2, epoch + 1).await;
    let page = store.read_room(ROOM, address(3), 0, 9, 999).await.unwrap();
    let LogPage::Entries { after, entries, .. } = page else { panic!("it is in the room") };
    assert_eq!((after, sequences(&entries)), (4, vec![5]));
    let place = store.room_place(ROOM, address(3)).await.unwrap().unwrap();
    assert_eq!((place.joined, place.read, place.until), (4, 4, None));
    assert_eq!(sequences(&read(&store, address(1), 0).await.unwrap()), [2, 3, 4, 5]);
}

pub(crate) async fn a_removed_member_reads_nothing_later(store: Tested) {
    let epoch = room_of(&store, &[1, 2]).await;
    say(&store, 2, epoch).await;
    let mut remove = commit(1, epoch);
    remove.left = vec![address(2)];
    store.commit_room(remove, NOW).await.unwrap();
    say(&store, 1, epoch + 1).await;
    assert_eq!(say(&store, 2, epoch + 1).await, Posted::NotAMember);
    let entries = read(&store, address(2), 2).await.unwrap();
    assert_eq!(sequences(&entries), [3, 4], "the commit that removes it is the last");
    assert_eq!(store.room_devices(ROOM).await.unwrap(), [address(1)]);
    let room = store.room(ROOM).await.unwrap().unwrap();
    assert_eq!((room.devices, room.accounts), (1, 1));
    consume(&store, address(2), 4).await;
    assert_eq!(read(&store, address(2), 0).await, None);
    assert!(store.room_places(address(2)).await.unwrap().is_empty());
}

pub(crate) async fn a_device_that_comes_back_begins_anew(store: Tested) {
    let epoch = room_of(&store, &[1, 2]).await;
    say(&store, 1, epoch).await;
    let mut back = commit(2, epoch);
    back.left = vec![address(2)];
    back.joined = vec![address(2)];
    assert_eq!(store.commit_room(back, NOW).await.unwrap(), CommitOutcome::At(4));
    let room = store.room(ROOM).await.unwrap().unwrap();
    assert_eq!((room.devices, room.accounts), (2, 2));
    let place = store.room_place(ROOM, address(2)).await.unwrap().unwrap();
    assert_eq!((place.joined, place.read, place.until), (4, 4, None));
    assert_eq!(say(&store, 2, epoch + 1).await, Posted::At(5));
}

pub(crate) async fn leaving_is_told_and_ends_reading(store: Tested) {
    let epoch = room_of(&store, &[1, 2, 3]).await;
    assert!(store.leave_room(ROOM, account_id(2), NOW).await.unwrap());
    assert!(!store.leave_room(ROOM, account_id(2), NOW).await.unwrap());
    assert!(!store.leave_room(ROOM, account_id(9), NOW).await.unwrap());
    assert_eq!(say(&store, 2, epoch).await, Posted::NotAMember);
    let entries = read(&store, address(1), 2).await.unwrap();
    let departed = RoomItem::Departed { device: address(2), left: true };
    assert_eq!(entries[0].item, departed);
    // The commit that takes its leaf out is no longer for it.
    let mut remove = commit(3, epoch);
    remove.left = vec![address(2)];
    store.commit_room(remove, NOW).await.unwrap();
    assert_eq!(sequences(&read(&store, address(2), 2).await.unwrap()), [3]);
    let room = store.room(ROOM).await.unwrap().unwrap();
    assert_eq!((room.devices, room.accounts), (2, 2));
}

pub(crate) async fn a_device_that_is_gone_departs_from_its_rooms(store: Tested) {
    let epoch = room_of(&store, &[1, 2, 3]).await;
    let mut new = new_device(2, 2, 50);
    new.replace_devices = true;
    store.set_key_package(address(2), vec![5]).await.unwrap();
    store.enrol(new).await.unwrap();
    store.delete_account(account_id(3)).await.unwrap();
    let entries = read(&store, address(1), 2).await.unwrap();
    let gone = |device| RoomItem::Departed { device, left: false };
    let items: Vec<_> = entries.into_iter().map(|entry| entry.item).collect();
    assert_eq!(items, [gone(address(2)), gone(address(3))]);
    assert_eq!(say(&store, 2, epoch).await, Posted::NotAMember);
    assert_eq!(read(&store, address_of(2, 2), 0).await, None);
    assert!(store.key_packages(account_id(2)).await.unwrap().is_empty());
    assert_eq!(store.room_devices(ROOM).await.unwrap(), [address(1)]);
}

pub(crate) async fn a_room_that_is_left_by_all_begins_anew_or_goes(store: Tested) {
    room_of(&store, &[1]).await;
    assert!(store.leave_room(ROOM, account_id(1), NOW).await.unwrap());
    assert!(store.room(ROOM).await.unwrap().is_none(), "nobody could come back");
    let open = RoomId([0x41; 16]);
    let listing = Some(listing("Chess"));
    store
        .found_room(Founding { listing: listing.clone(), ..founding(open, 1) }, NOW)
        .await
        .unwrap();
    assert!(store.leave_room(open, account_id(1), NOW).await.unwrap());
    let room = store.room(open).await.unwrap().unwrap();
    assert_eq!((room.epoch, room.devices, room.listing.clone()), (None, 0, listing.clone()));
    assert!(store.group(open).await.unwrap().is_none());
    let again = store.found_room(Founding { listing, ..founding(open, 1) }, NOW).await.unwrap();
    assert_eq!(again, CommitOutcome::At(room.last + 1), "positions go on");
}

pub(crate) async fn the_lobby_is_one_and_called_as_the_operator_says(store: Tested) {
    register(&store, [1]).await;
    let [first, other] = [RoomId([1; 16]), RoomId([2; 16])];
    assert_eq!(store.lobby(first, listing("Lobby"), NOW).await.unwrap(), first);
    assert_eq!(store.lobby(other, listing("Foyer"), NOW).await.unwrap(), first);
    let founding = Founding { listing: Some(listing("Mine")), ..founding(first, 1) };
    store.found_room(founding, NOW).await.unwrap();
    let room = store.room(first).await.unwrap().unwrap();
    assert!(room.lobby);
    assert_eq!(room.listing, Some(listing("Foyer")));
    store.delete_room(first).await.unwrap();
    let room = store.room(first).await.unwrap().unwrap();
    assert_eq!((room.lobby, room.epoch, room.devices), (true, None, 0));
    assert!(store.room_places(address(1)).await.unwrap().is_empty());
    assert_eq!(store.lobby(other, listing("Foyer"), NOW).await.unwrap(), first);
}

pub(crate) async fn open_rooms_are_listed_in_pages(store: Tested) {
    register(&store, [1]).await;
    for number in 1..=5 {
        let room = RoomId([number; 16]);
        let listing = (number != 3).then(|| listing(&format!("Room {number}")));
        store.found_room(Founding { listing, ..founding(room, 1) }, NOW).await.unwrap();
    }
    let list = |after: Option<u8>, limit, open| {
        let store = store.clone();
        async move {
            let after = after.map(|number| RoomId([number; 16]));
            let (rooms, more) = store.list_rooms(after, limit, open).await.unwrap();
            (rooms.iter().map(|room| room.id.0[0]).collect::<Vec<_>>(), more)
        }
    };
    assert_eq!(list(None, 9, true).await, (vec![1, 2, 4, 5], false));
    assert_eq!(list(None, 2, true).await, (vec![1, 2], true));
    assert_eq!(list(Some(2), 2, true).await, (vec![4, 5], false));
    assert_eq!(list(None, 9, false).await, (vec![1, 2, 3, 4, 5], false));
}

pub(crate) async fn a_deleted_room_is_gone(store: Tested) {
    let epoch = room_of(&store, &[1, 2]).await;
    say(&store, 1, epoch).await;
    store.delete_room(ROOM).await.unwrap();
    assert!(matches!(store.delete_room(ROOM).await, Err(StoreError::NotFound)));
    assert!(store.room(ROOM).await.unwrap().is_none());
    assert!(store.group(ROOM).await.unwrap().is_none());
    assert_eq!(read(&store, address(1), 0).await, None);
    assert!(store.room_places(address(2)).await.unwrap().is_empty());
    assert_eq!(say(&store, 1, epoch).await, Posted::NotAMember);
}

pub(crate) async fn pages_of_a_log_are_bounded_but_never_empty(store: Tested) {
    let epoch = room_of(&store, &[1, 2]).await;
    for _ in 0..5 {
        say(&store, 1, epoch).await;
    }
    let page = |entries, bytes| {
        let store = store.clone();
        async move {
            match store.read_room(ROOM, address(2), 2, entries, bytes).await.unwrap() {
                LogPage::Entries { entries, then, .. } => (sequences(&entries), then),
                LogPage::Ended => panic!("it is in the room"),
            }
        }
    };
    assert_eq!(page(2, usize::MAX).await, (vec![3, 4], Then::More));
    assert_eq!(page(usize::MAX, 1).await, (vec![3], Then::More));
    assert_eq!(page(usize::MAX, 150).await, (vec![3, 4], Then::More));
    assert_eq!(page(5, usize::MAX).await, (vec![3, 4, 5, 6, 7], Then::End));
}

pub(crate) async fn a_page_says_whether_the_device_reads_on(store: Tested) {
    let epoch = room_of(&store, &[1, 2]).await;
    say(&store, 1, epoch).await;
    let then = |after, entries| {
        let store = store.clone();
        async move {
            match store.read_room(ROOM, address(2), after, entries, usize::MAX).await.unwrap() {
                LogPage::Entries { then, .. } => Some(then),
                LogPage::Ended => None,
            }
        }
    };
    assert_eq!(then(2, 9).await, Some(Then::End));
    assert_eq!(then(3, 9).await, Some(Then::End), "there is nothing more so far");
    let mut remove = commit(1, epoch);
    remove.left = vec![address(2)];
    store.commit_room(remove, NOW).await.unwrap();
    say(&store, 1, epoch + 1).await;
    assert_eq!(then(2, 1).await, Some(Then::More));
    assert_eq!(then(2, 9).await, Some(Then::Out));
    assert_eq!(then(4, 9).await, None);
}

pub(crate) async fn reading_on_only_goes_forward(store: Tested) {
    let epoch = room_of(&store, &[1, 2]).await;
    say(&store, 1, epoch).await;
    consume(&store, address(2), 3).await;
    consume(&store, address(2), 2).await;
    consume(&store, address(1), 999).await;
    let read = |seed| {
        let store = store.clone();
        async move { store.room_place(ROOM, address(seed)).await.unwrap().unwrap().read }
    };
    assert_eq!((read(2).await, read(1).await), (3, 3), "there is no more than the log has");
    consume(&store, address(9), 3).await;
}

pub(crate) async fn what_all_have_read_goes_when_it_is_old(store: Tested) {
    let epoch = room_of(&store, &[1, 2]).await;
    for _ in 0..4 {
        say(&store, 1, epoch).await;
    }
    let later = NOW.plus(1000);
    let retention = RoomRetention { read_ms: 999, ..FOREVER };
    let expire = |retention, now: Timestamp, limit| {
        let store = store.clone();
        async move { store.expire_room(None, retention, now, limit).await.unwrap() }
    };
    assert_eq!(expire(retention, NOW, 99).await, Some(ROOM));
    consume(&store, address(1), 6).await;
    consume(&store, address(2), 4).await;
    expire(retention, later, 2).await;
    assert_eq!(sequences(&read(&store, address(2), 0).await.unwrap()), [3, 4, 5, 6], "in steps");
    expire(retention, later, 99).await;
    let left = sequences(&read(&store, address(2), 0).await.unwrap());
    assert_eq!(left, [5, 6], "the slowest has not read them");
    expire(RoomRetention { unread_ms: 999, ..retention }, later, 99).await;
    let page = store.read_room(ROOM, address(2), 4, 9, 999).await.unwrap();
    assert_eq!(page, LogPage::Entries { after: 6, entries: Vec::new(), then: Then::End });
    assert_eq!(store.expire_room(Some(ROOM), retention, later, 9).await.unwrap(), None);
    assert_eq!(say(&store, 1, epoch).await, Posted::At(7), "positions go on");
}

pub(crate) async fn a_large_log_is_cut(store: Tested) {
    let epoch = room_of(&store, &[1, 2]).await;
    for _ in 0..4 {
        say(&store, 1, epoch).await;
    }
    for seed in [1, 2] {
        consume(&store, address(seed), 6).await;
    }
    let bytes = store.room(ROOM).await.unwrap().unwrap().bytes;
    let retention = RoomRetention { read_bytes: bytes - 1, ..FOREVER };
    store.expire_room(None, retention, NOW, 99).await.unwrap();
    assert_eq!(sequences(&read(&store, address(1), 1).await.unwrap()), [2, 3, 4, 5, 6]);
    let retention = RoomRetention { read_bytes: 0, ..FOREVER };
    store.expire_room(None, retention, NOW, 99).await.unwrap();
    assert_eq!(store.room(ROOM).await.unwrap().unwrap().bytes, 0);
}

pub(crate) async fn the_tree_of_a_welcome_is_kept(store: Tested) {
    let epoch = room_of(&store, &[1]).await;
    let mut add = commit(1, epoch);
    add.tree = Some(vec![4; 40]);
    store.commit_room(add, NOW).await.unwrap();
    store.commit_room(commit(1, epoch + 1), NOW).await.unwrap();
    assert_eq!(store.room_tree(ROOM, epoch + 1).await.unwrap(), Some(vec![4; 40]));
    assert_eq!(store.room_tree(ROOM, epoch + 2).await.unwrap(), None);
}

pub(crate) async fn a_key_package_is_the_device_s(store: Tested) {
    register(&store, [1]).await;
    store.enrol(new_device(1, 2, 50)).await.unwrap();
    store.set_key_package(address(1), vec![1]).await.unwrap();
    store.set_key_package(address_of(1, 2), vec![2]).await.unwrap();
    store.set_key_package(address(1), vec![3]).await.unwrap();
    let packages = store.key_packages(account_id(1)).await.unwrap();
    assert_eq!(packages, [(address(1), vec![3]), (address_of(1, 2), vec![2])]);
    let nobody = store.set_key_package(address(9), vec![1]).await;
    assert!(matches!(nobody, Err(StoreError::NotFound)));
}
