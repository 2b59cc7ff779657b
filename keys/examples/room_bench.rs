//! Figures of rooms of 10, 100 and 1,000 devices: the size of what travels and is stored, and the
//! time that each operation takes. Run it with
//! `cargo run --release -p sotto-keys --example room_bench [DEVICES…]`.

#![allow(clippy::unwrap_used)]

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    time::{Duration, Instant},
};

use rand::{SeedableRng, rngs::StdRng};
use sotto_keys::{
    DeviceKeys, Identity, OwnDevice,
    room::{
        Commitment, KeyPackageHandle, Room, RoomChange, RoomDevice, RoomKind, RoomPolicy,
        RoomStorage, RoomStorageError, Roster, key_package, verify_key_package,
    },
};
use sotto_proto::{AccountId, DeviceCertificate, DeviceId, RoomId, Timestamp};
use zeroize::Zeroizing;

const ROOM: RoomId = RoomId([7; 16]);
const BATCH: usize = 100;

/// A storage in memory that counts what is written to it.
#[derive(Default)]
struct Memory {
    entries: RefCell<BTreeMap<Vec<u8>, Vec<u8>>>,
    written: Cell<usize>,
}

impl RoomStorage for Memory {
    fn get(&self, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, RoomStorageError> {
        Ok(self.entries.borrow().get(key).cloned().map(Zeroizing::new))
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), RoomStorageError> {
        self.written.set(self.written.get() + key.len() + value.len());
        self.entries.borrow_mut().insert(key.to_vec(), value.to_vec());
        Ok(())
    }

    fn delete(&self, key: &[u8]) -> Result<(), RoomStorageError> {
        self.entries.borrow_mut().remove(key);
        Ok(())
    }
}

struct Device {
    account: AccountId,
    identity: Identity,
    keys: DeviceKeys,
    certificate: DeviceCertificate,
    storage: Memory,
}

impl Device {
    fn new(number: u32) -> Self {
        let mut rng = StdRng::seed_from_u64(u64::from(number));
        let (identity, keys) = (Identity::generate(&mut rng), DeviceKeys::generate(&mut rng));
        let certificate = identity.certify(DeviceId::new(1).unwrap(), &keys, Timestamp(1));
        let mut account = AccountId([0; 16]);
        account.0[..4].copy_from_slice(&number.to_be_bytes());
        Self { account, identity, keys, certificate, storage: Memory::default() }
    }

    fn own(&self) -> RoomDevice<'_> {
        let (identity, certificate, keys) = (self.identity.public(), &self.certificate, &self.keys);
        RoomDevice { account: self.account, device: OwnDevice { identity, certificate, keys } }
    }

    fn key_package(&self) -> KeyPackageHandle {
        verify_key_package(&key_package(&self.storage, &self.own()).unwrap()).unwrap().0
    }
}

fn main() {
    let sizes: Vec<usize> = std::env::args().skip(1).filter_map(|size| size.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![10, 100, 1000] } else { sizes };
    for size in sizes {
        measure(size);
    }
}

fn measure(size: usize) {
    println!("\n{size} devices");
    let devices: Vec<_> = (1..=size).map(|n| Device::new(u32::try_from(n).unwrap())).collect();
    let (mut hall, took) = timed(|| Hall::fill(&devices));
    row("found and fill, in batches of 100", "", took);
    hall.measure_posts(&devices);
    hall.measure_add();
    hall.measure_update(3, "first update of a member's keys");
    hall.measure_update(3, "second update of the same member's keys");
    hall.measure_update(size / 2, "update by a member of the other half");
    hall.measure_roster();
    hall.measure_entry();
}

/// A room as its founder, a follower and the relay have it.
struct Hall<'a> {
    founder: (&'a Device, Room),
    follower: (&'a Device, Room),
    roster: Roster,
    group_info: Vec<u8>,
    devices: &'a [Device],
    /// What brings the others in who are only looked at later.
    welcome: (Vec<u8>, Vec<u8>),
}

impl<'a> Hall<'a> {
    fn fill(devices: &'a [Device]) -> Self {
        let founder = &devices[0];
        let policy = RoomPolicy { kind: RoomKind::Invite, admins: [founder.account].into() };
        let (mut room, founding) =
            Room::found(&founder.storage, &founder.own(), ROOM, &policy).unwrap();
        let mut roster = Roster::found(ROOM, &founding.group_info, &founding.tree).unwrap();
        let mut group_info = founding.group_info;
        let mut follower: Option<Room> = None;
        let mut welcome = (Vec::new(), Vec::new());
        for batch in devices[1..].chunks(BATCH) {
            let add: Vec<_> = batch.iter().map(Device::key_package).collect();
            let change = RoomChange { add: &add, ..RoomChange::default() };
            let made = room.propose(&founder.storage, &founder.own(), &change).unwrap();
            roster.follow(&made.commit, &made.group_info, |_| false).unwrap();
            room.confirm(&founder.storage).unwrap();
            welcome = (made.welcome.unwrap(), roster.tree().unwrap());
            let second = &devices[1];
            if let Some(follower) = &mut follower {
                follower.follow(&second.storage, &made.commit, |_| false).unwrap();
            } else {
                let joined = Room::join(&second.storage, &second.own(), &welcome.0, &welcome.1);
                follower = Some(joined.unwrap());
            }
            group_info = made.group_info;
        }
        let follower = (&devices[1], follower.unwrap());
        Self { founder: (founder, room), follower, roster, group_info, devices, welcome }
    }

    /// One device is added to the full room.
    fn measure_add(&mut self) {
        let last = self.devices.last().unwrap();
        let (_, took) =
            timed(|| Room::join(&last.storage, &last.own(), &self.welcome.0, &self.welcome.1));
        row("join by welcome (the last batch)", &bytes("welcome", self.welcome.0.len()), took);
        let new = Device::new(1_000_000);
        let add = [new.key_package()];
        let change = RoomChange { add: &add, ..RoomChange::default() };
        let (device, room) = &mut self.founder;
        device.storage.written.set(0);
        let (made, took) = timed(|| {
            let made = room.propose(&device.storage, &device.own(), &change).unwrap();
            room.confirm(&device.storage).unwrap();
            made
        });
        let size = bytes("welcome", made.welcome.as_ref().unwrap().len());
        row("propose and confirm one add", &size, took);
        row_bytes("  written by it", device.storage.written.get());
        self.follow(&made);
    }

    /// A member makes its keys new.
    fn measure_update(&mut self, by: usize, what: &str) {
        let device = &self.devices[by.clamp(2, self.devices.len() - 1)];
        // Members that were only added come in by themselves for this: with their old leaf removed.
        let tree = self.roster.tree().unwrap();
        let known = Room::load(&device.storage, ROOM).unwrap();
        let current = known.filter(|room| room.epoch() == self.roster.epoch());
        let mut room = current.unwrap_or_else(|| {
            let (storage, own) = (&device.storage, device.own());
            let (room, made) = Room::enter(storage, &own, ROOM, &self.group_info, &tree).unwrap();
            self.follow_quietly(&made);
            room
        });
        let (made, took) = timed(|| {
            let made =
                room.propose(&device.storage, &device.own(), &RoomChange::default()).unwrap();
            room.confirm(&device.storage).unwrap();
            made
        });
        row(what, "", took);
        self.follow(&made);
    }

    fn follow_quietly(&mut self, made: &Commitment) {
        self.roster.follow(&made.commit, &made.group_info, |_| false).unwrap();
        for (device, room) in [&mut self.founder, &mut self.follower] {
            if room.epoch() + 1 == self.roster.epoch() {
                room.follow(&device.storage, &made.commit, |_| false).unwrap();
            }
        }
        self.group_info.clone_from(&made.group_info);
    }

    fn follow(&mut self, made: &Commitment) {
        let (device, room) = &mut self.follower;
        device.storage.written.set(0);
        let (_, took) = timed(|| room.follow(&device.storage, &made.commit, |_| false).unwrap());
        row("  followed by a member", &bytes("commit", made.commit.len()), took);
        row_bytes("  written by it", device.storage.written.get());
        let (_, took) =
            timed(|| self.roster.follow(&made.commit, &made.group_info, |_| false).unwrap());
        row("  followed by the relay", &bytes("group info", made.group_info.len()), took);
        let (device, room) = &mut self.founder;
        if room.epoch() + 1 == self.roster.epoch() {
            room.follow(&device.storage, &made.commit, |_| false).unwrap();
        }
        self.group_info.clone_from(&made.group_info);
    }

    fn measure_roster(&self) {
        let (tree, took) = timed(|| self.roster.tree().unwrap());
        row("the relay's tree", &bytes("tree", tree.len()), took);
        let (stored, took) = timed(|| self.roster.to_bytes());
        row("the relay's roster, written", &bytes("roster", stored.len()), took);
        let (_, took) = timed(|| Roster::from_bytes(&stored).unwrap());
        row("the relay's roster, restored", "", took);
        let (device, _) = &self.follower;
        let (_, took) = timed(|| Room::load(&device.storage, ROOM).unwrap().unwrap());
        row("a member's room, loaded", "", took);
    }

    /// Posts by one, then by many in the same epoch.
    fn measure_posts(&mut self, devices: &[Device]) {
        self.measure_post("the first post of an epoch");
        self.measure_post("a later post");
        let batch = (devices.len() - 2) % BATCH + 1;
        let speakers = &devices[(devices.len() - batch).max(2)..];
        for speaker in speakers {
            let (storage, own) = (&speaker.storage, speaker.own());
            let mut room = Room::join(storage, &own, &self.welcome.0, &self.welcome.1).unwrap();
            let sealed = room.seal(storage, &own, b"Hello").unwrap();
            for (device, room) in [&mut self.founder, &mut self.follower] {
                room.open(&device.storage, &sealed).unwrap();
            }
        }
        self.measure_post(&format!("a post after {} have spoken", speakers.len()));
    }

    fn measure_post(&mut self, what: &str) {
        let (device, room) = &mut self.follower;
        let content = [b'x'; 200];
        device.storage.written.set(0);
        let (sealed, took) = timed(|| room.seal(&device.storage, &device.own(), &content).unwrap());
        row(&format!("{what}, sealed"), &bytes("post", sealed.len()), took);
        row_bytes("  written by it", device.storage.written.get());
        let (device, room) = &mut self.founder;
        device.storage.written.set(0);
        let (_, took) = timed(|| room.open(&device.storage, &sealed).unwrap());
        row("  opened", "", took);
        row_bytes("  written by it", device.storage.written.get());
    }

    /// A device comes back that has lost its state.
    fn measure_entry(&mut self) {
        let device = &self.devices[2];
        let tree = self.roster.tree().unwrap();
        let ((_, made), took) = timed(|| {
            Room::enter(&device.storage, &device.own(), ROOM, &self.group_info, &tree).unwrap()
        });
        row("enter (external commit)", &bytes("commit", made.commit.len()), took);
        self.follow(&made);
    }
}

fn timed<T>(operation: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let value = operation();
    (value, start.elapsed())
}

fn bytes(what: &str, count: usize) -> String {
    format!("{what} {count} bytes")
}

fn row(what: &str, size: &str, took: Duration) {
    println!("  {what:<48}{:>12.2} ms  {size}", took.as_secs_f64() * 1000.0);
}

fn row_bytes(what: &str, count: usize) {
    println!("  {what:<48}{count:>12} bytes");
}
