//! Devices with a storage each, and a relay that takes one commit an epoch.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use sotto_proto::{AccountId, DeviceAddress, DeviceCertificate, DeviceId, RoomId, Timestamp};
use zeroize::Zeroizing;

use crate::{
    DeviceKeys, Identity, OwnDevice,
    room::{
        Changed, Commitment, KeyPackageHandle, Room, RoomChange, RoomDevice, RoomError, RoomKind,
        RoomPolicy, RoomStorage, RoomStorageError, Roster, RosterError, key_package,
        verify_key_package,
    },
    testing::test_rng,
};

pub(super) const ROOM: RoomId = RoomId([7; 16]);

/// A storage in memory that counts what is written to it. A clone of it is an old copy of a vault.
#[derive(Clone, Debug, Default)]
pub(in crate::room) struct Memory {
    entries: RefCell<BTreeMap<Vec<u8>, Vec<u8>>>,
    pub(in crate::room) written: Cell<usize>,
}

impl Memory {
    /// Goes back to an old copy.
    pub(super) fn restore(&self, old: &Self) {
        self.entries.replace(old.entries.borrow().clone());
    }
}

impl PartialEq for Memory {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
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

/// A device of somebody.
pub(super) struct Device {
    pub(super) account: AccountId,
    pub(super) identity: Identity,
    pub(super) keys: DeviceKeys,
    pub(super) certificate: DeviceCertificate,
    pub(super) storage: Memory,
}

impl Device {
    /// The device of this number of the person of this number.
    pub(super) fn new(person: u8, device: u32) -> Self {
        let identity = Identity::generate(&mut test_rng(u64::from(person)));
        let mut rng = test_rng(u64::from(person) * 1000 + u64::from(device));
        let keys = DeviceKeys::generate(&mut rng);
        let certificate = identity.certify(DeviceId::new(device).unwrap(), &keys, Timestamp(1));
        let account = AccountId([person; 16]);
        Self { account, identity, keys, certificate, storage: Memory::default() }
    }

    pub(super) fn own(&self) -> RoomDevice<'_> {
        let device = OwnDevice {
            identity: self.identity.public(),
            certificate: &self.certificate,
            keys: &self.keys,
        };
        RoomDevice { account: self.account, device }
    }

    pub(super) fn address(&self) -> DeviceAddress {
        DeviceAddress { account: self.account, device: self.certificate.device }
    }

    pub(super) fn key_package(&self) -> KeyPackageHandle {
        let bytes = key_package(&self.storage, &self.own()).unwrap();
        let (handle, member) = verify_key_package(&bytes).unwrap();
        assert_eq!(member.address(), self.address());
        handle
    }

    pub(super) fn room(&self) -> Room {
        Room::load(&self.storage, ROOM).unwrap().unwrap()
    }

    pub(super) fn propose(&self, change: &RoomChange<'_>) -> Result<Commitment, RoomError> {
        self.room().propose(&self.storage, &self.own(), change)
    }

    pub(super) fn confirm(&self) -> Changed {
        self.room().confirm(&self.storage).unwrap()
    }

    pub(super) fn follow(&self, commit: &[u8]) -> Result<Changed, RoomError> {
        self.room().follow(&self.storage, commit, |_| false)
    }

    pub(super) fn seal(&self, text: &[u8]) -> Vec<u8> {
        self.room().seal(&self.storage, &self.own(), text).unwrap()
    }

    pub(super) fn open(&self, sealed: &[u8]) -> Result<(DeviceAddress, Vec<u8>), RoomError> {
        let (sender, text) = self.room().open(&self.storage, sealed)?;
        Ok((sender, text.to_vec()))
    }
}

pub(super) fn policy(kind: RoomKind, admins: &[&Device]) -> RoomPolicy {
    RoomPolicy { kind, admins: admins.iter().map(|device| device.account).collect() }
}

pub(super) fn open_kind() -> RoomKind {
    RoomKind::Open { name: "Lobby".parse().unwrap(), topic: "All and sundry".parse().unwrap() }
}

/// The relay of one room.
pub(super) struct Relay {
    pub(super) roster: Roster,
    pub(super) group_info: Vec<u8>,
}

impl Relay {
    pub(super) fn found(founder: &Device, policy: &RoomPolicy) -> Self {
        let (room, founding) = Room::found(&founder.storage, &founder.own(), ROOM, policy).unwrap();
        assert_eq!((room.id(), room.epoch()), (ROOM, 0));
        let roster = Roster::found(ROOM, &founding.group_info, &founding.tree).unwrap();
        Self { roster, group_info: founding.group_info }
    }

    /// Takes a commit as the relay does: stored and restored before and after.
    pub(super) fn take(&mut self, commitment: &Commitment) -> Result<Changed, RosterError> {
        self.take_when(commitment, |_| false)
    }

    pub(super) fn take_when(
        &mut self,
        commitment: &Commitment,
        departed: impl Fn(DeviceAddress) -> bool,
    ) -> Result<Changed, RosterError> {
        let before = self.roster.to_bytes();
        let changed = self.roster.follow(&commitment.commit, &commitment.group_info, departed);
        if changed.is_ok() {
            self.group_info.clone_from(&commitment.group_info);
        } else {
            assert_eq!(self.roster.to_bytes(), before, "a refusal changes nothing");
        }
        self.roster = Roster::from_bytes(&self.roster.to_bytes()).unwrap();
        changed
    }

    /// A change by one, which the relay takes and all others follow; those added join.
    pub(super) fn change(
        &mut self,
        by: &Device,
        change: &RoomChange<'_>,
        others: &[&Device],
        added: &[&Device],
    ) -> Changed {
        let commitment = by.propose(change).unwrap();
        let changed = self.take(&commitment).unwrap();
        assert_eq!(by.confirm(), changed);
        for other in others {
            assert_eq!(other.follow(&commitment.commit).unwrap(), changed);
        }
        for device in added {
            let (welcome, tree) = (commitment.welcome.clone().unwrap(), self.tree());
            Room::join(&device.storage, &device.own(), &welcome, &tree).unwrap();
        }
        changed
    }

    pub(super) fn add(&mut self, by: &Device, others: &[&Device], added: &[&Device]) -> Changed {
        let add: Vec<_> = added.iter().map(|device| device.key_package()).collect();
        self.change(by, &RoomChange { add: &add, ..RoomChange::default() }, others, added)
    }

    /// Somebody comes in, and all others follow.
    pub(super) fn enter(&mut self, by: &Device, others: &[&Device]) -> Changed {
        let commitment = self.entry(by).unwrap();
        let changed = self.take(&commitment).unwrap();
        for other in others {
            assert_eq!(other.follow(&commitment.commit).unwrap(), changed);
        }
        changed
    }

    pub(super) fn entry(&self, by: &Device) -> Result<Commitment, RoomError> {
        let (_, commitment) =
            Room::enter(&by.storage, &by.own(), ROOM, &self.group_info, &self.tree())?;
        Ok(commitment)
    }

    pub(super) fn tree(&self) -> Vec<u8> {
        self.roster.tree().unwrap()
    }
}

/// All of them agree on everything that can be seen, and each opens what any of them seals.
pub(super) fn assert_agreed(relay: &Relay, members: &[&Device]) {
    for device in members {
        let room = device.room();
        assert_eq!(room.epoch(), relay.roster.epoch());
        assert_eq!(room.members().unwrap(), relay.roster.members().unwrap());
        assert_eq!(room.policy().unwrap(), relay.roster.policy().unwrap());
        assert!(room.is_active());
        let text = device.certificate.signing.as_bytes();
        let sealed = device.seal(text);
        for other in members.iter().filter(|other| other.address() != device.address()) {
            assert_eq!(other.open(&sealed).unwrap(), (device.address(), text.to_vec()));
        }
    }
    assert_eq!(relay.roster.members().unwrap().len(), members.len());
}
