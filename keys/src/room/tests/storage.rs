//! A storage that fails: the failure is told as what it is, and after a rollback all goes on.

use std::cell::Cell;

use zeroize::Zeroizing;

use super::world::{Device, Memory, ROOM, Relay, assert_agreed, policy};
use crate::room::{
    Room, RoomChange, RoomError, RoomKind, RoomStorage, RoomStorageError, Roster, key_package,
};

/// Fails after so many operations.
struct Failing<'a> {
    memory: &'a Memory,
    left: Cell<usize>,
}

#[derive(Debug, thiserror::Error)]
#[error("the disk is full")]
struct DiskFull;

impl Failing<'_> {
    fn spend(&self) -> Result<(), RoomStorageError> {
        let left = self.left.get().checked_sub(1).ok_or_else(|| RoomStorageError::new(DiskFull))?;
        self.left.set(left);
        Ok(())
    }
}

impl RoomStorage for Failing<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, RoomStorageError> {
        self.spend()?;
        self.memory.get(key)
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), RoomStorageError> {
        self.spend()?;
        self.memory.put(key, value)
    }

    fn delete(&self, key: &[u8]) -> Result<(), RoomStorageError> {
        self.spend()?;
        self.memory.delete(key)
    }
}

/// Does it with a storage that fails at the first operation, then at the second, and so on until it
/// succeeds. Each failure is rolled back.
fn persist<T>(memory: &Memory, operation: impl Fn(&dyn RoomStorage) -> Result<T, RoomError>) -> T {
    let before = memory.clone();
    for left in 0.. {
        match operation(&Failing { memory, left: Cell::new(left) }) {
            Ok(value) => return value,
            Err(RoomError::Storage(error)) => {
                let cause = std::error::Error::source(&error).unwrap();
                assert!(cause.downcast_ref::<DiskFull>().is_some());
            }
            Err(other) => panic!("{other:?} after {left} operations"),
        }
        memory.restore(&before);
    }
    unreachable!("the numbers do not end");
}

fn load(storage: &dyn RoomStorage) -> Result<Room, RoomError> {
    Ok(Room::load(storage, ROOM)?.unwrap())
}

#[test]
fn a_failure_of_the_storage_is_told_and_harms_nothing() {
    let [alice, bob, carol] = [1, 2, 3].map(|person| Device::new(person, 1));
    let (a, b, c) = (&alice.storage, &bob.storage, &carol.storage);
    let invite = policy(RoomKind::Invite, &[&alice]);
    let founding = persist(a, |s| Room::found(s, &alice.own(), ROOM, &invite)).1;
    let roster = Roster::found(ROOM, &founding.group_info, &founding.tree).unwrap();
    let mut relay = Relay { roster, group_info: founding.group_info };

    let package = persist(b, |s| key_package(s, &bob.own()));
    let add = [crate::room::verify_key_package(&package).unwrap().0];
    let change = RoomChange { add: &add, ..RoomChange::default() };
    let made = persist(a, |s| load(s)?.propose(s, &alice.own(), &change));
    relay.take(&made).unwrap();
    persist(a, |s| load(s)?.confirm(s));
    let (welcome, tree) = (made.welcome.unwrap(), relay.tree());
    persist(b, |s| Room::join(s, &bob.own(), &welcome, &tree));

    relay.add(&alice, &[&bob], &[&carol]);
    let made = persist(a, |s| load(s)?.propose(s, &alice.own(), &RoomChange::default()));
    persist(a, |s| load(s)?.withdraw(s));
    assert!(!alice.room().has_pending());
    persist(c, |s| Room::forget(s, ROOM));
    let (tree, info) = (relay.tree(), relay.group_info.clone());
    let entry = persist(c, |s| Room::enter(s, &carol.own(), ROOM, &info, &tree)).1;
    assert!(relay.take(&made).is_ok(), "withdrawn, but not from the relay");
    assert!(relay.take(&entry).is_err());

    persist(b, |s| load(s)?.follow(s, &made.commit, |_| false));
    relay.enter(&alice, &[&bob]);
    relay.enter(&carol, &[&alice, &bob]);
    let sealed = persist(a, |s| load(s)?.seal(s, &alice.own(), b"a post"));
    assert_eq!(persist(b, |s| load(s)?.open(s, &sealed)).1.as_slice(), b"a post");
    assert_agreed(&relay, &[&alice, &bob, &carol]);
}

#[test]
fn rooms_may_move_between_threads() {
    const fn is_send<T: Send>() {}
    is_send::<Room>();
    is_send::<Roster>();
}
