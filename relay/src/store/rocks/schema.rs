//! The tables of the database and how their keys are made.
//!
//! Numbers in keys are big-endian, so that the order of keys is the order of sequences and
//! times. What stands in the rows is for [`super::rows`] to say.

use sotto_proto::{
    AccountId, BlobId, DeviceAddress, DeviceId, EnvelopeId, PrekeyId, RoomId, Timestamp,
};

use crate::store::StoreError;

/// The version of everything in this module and in [`super::rows`].
pub(super) const SCHEMA_VERSION: u32 = 2;

/// The key of the row in [`Table::Meta`] that holds the schema version, big-endian.
pub(super) const SCHEMA_KEY: &[u8] = b"schema";

/// The key of the row in [`Table::Meta`] that counts what there is.
pub(super) const CENSUS_KEY: &[u8] = b"census";

/// The key of the row in [`Table::Meta`] that counts the admins who can log in.
pub(super) const ADMINS_KEY: &[u8] = b"admins";

/// The key of the row in [`Table::Meta`] with the first and the next number of the audit log.
pub(super) const AUDIT_KEY: &[u8] = b"audit";

/// The key of the row in [`Table::Meta`] with the next number of an announcement.
pub(super) const ANNOUNCEMENTS_KEY: &[u8] = b"announcements";

/// The key of the row in [`Table::Meta`] that says who may register, where an admin has set it.
pub(super) const REGISTRATION_KEY: &[u8] = b"registration";

/// A table: a column family of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Table {
    /// The schema version, the census and the relay's secrets, each by its name.
    Meta,
    /// Accounts by id.
    Accounts,
    /// Usernames, each with its account and what the list shows; empty for a name that stays
    /// reserved after its account was deleted.
    Names,
    /// The counts of one-time prekeys by device.
    Devices,
    /// Prekeys by device, kind and id.
    Prekeys,
    /// The counters of each mailbox by device.
    Mailboxes,
    /// Mailbox entries by device and sequence.
    Entries,
    /// The envelope ids that a mailbox remembers, by device and id, each with the sequence that
    /// the envelope got.
    Seen,
    /// Mailbox entries by the time of their acceptance, device and sequence; the value is the
    /// envelope's id, empty for a notice. The sweep removes a row, consumption does not.
    Ageing,
    /// The devices that are no more and whose mailboxes held something, each with the sequence
    /// behind the last entry that is to be returned.
    Leaving,
    /// The rows of [`Table::Seen`] that are to be forgotten, by the time from which their
    /// memory runs; the value is the same sequence.
    Forgetting,
    /// Invitation codes with the uses that are left, and who made them.
    Invitations,
    /// Blobs by id.
    Blobs,
    /// The sizes of blobs by owner and id.
    OwnedBlobs,
    /// How many bytes of blobs an account has.
    BlobUsage,
    /// Blobs by the time of their expiry and id.
    BlobExpiry,
    /// Rooms by id.
    Rooms,
    /// What is public of a room's group, by room.
    RoomGroups,
    /// The trees of epochs that somebody was added in, by room and epoch.
    RoomTrees,
    /// The logs of rooms by room and sequence.
    RoomLog,
    /// The ids of commits and posts in a log, by room and id, each with its sequence.
    RoomSeen,
    /// The places of devices in rooms, by room and device.
    RoomMembers,
    /// The rooms of each device, by device and room.
    DeviceRooms,
    /// The key package of each device.
    KeyPackages,
    /// The audit log by falling number, so that the newest line comes first.
    Audit,
    /// Announcements by number.
    Announcements,
    /// Login histories by account and number, and by account alone the next number.
    Logins,
    /// The lines of [`Table::Logins`] by time, account and number.
    LoginAges,
    /// When a device entered its account and when it was last connected, by device; and when one
    /// of them was, by account.
    LastSeen,
}

impl Table {
    /// Every table.
    pub(super) const ALL: [Self; 29] = [
        Self::Meta,
        Self::Accounts,
        Self::Names,
        Self::Devices,
        Self::Prekeys,
        Self::Mailboxes,
        Self::Entries,
        Self::Seen,
        Self::Ageing,
        Self::Leaving,
        Self::Forgetting,
        Self::Invitations,
        Self::Blobs,
        Self::OwnedBlobs,
        Self::BlobUsage,
        Self::BlobExpiry,
        Self::Rooms,
        Self::RoomGroups,
        Self::RoomTrees,
        Self::RoomLog,
        Self::RoomSeen,
        Self::RoomMembers,
        Self::DeviceRooms,
        Self::KeyPackages,
        Self::Audit,
        Self::Announcements,
        Self::Logins,
        Self::LoginAges,
        Self::LastSeen,
    ];

    /// The name of its column family. The one that every database has holds the schema version,
    /// so that it can be read without knowing the others.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Meta => rocksdb::DEFAULT_COLUMN_FAMILY_NAME,
            Self::Accounts => "accounts",
            Self::Names => "names",
            Self::Devices => "devices",
            Self::Prekeys => "prekeys",
            Self::Mailboxes => "mailboxes",
            Self::Entries => "entries",
            Self::Seen => "seen",
            Self::Ageing => "ageing",
            Self::Leaving => "leaving",
            Self::Forgetting => "forgetting",
            Self::Invitations => "invitations",
            Self::Blobs => "blobs",
            Self::OwnedBlobs => "owned_blobs",
            Self::BlobUsage => "blob_usage",
            Self::BlobExpiry => "blob_expiry",
            Self::Rooms => "rooms",
            Self::RoomGroups => "room_groups",
            Self::RoomTrees => "room_trees",
            Self::RoomLog => "room_log",
            Self::RoomSeen => "room_seen",
            Self::RoomMembers => "room_members",
            Self::DeviceRooms => "device_rooms",
            Self::KeyPackages => "key_packages",
            Self::Audit => "audit",
            Self::Announcements => "announcements",
            Self::Logins => "logins",
            Self::LoginAges => "login_ages",
            Self::LastSeen => "last_seen",
        }
    }
}

/// The kinds of prekeys, as they stand in keys of [`Table::Prekeys`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PrekeyKind {
    /// The signed prekey.
    Signed = 1,
    /// The ML-KEM prekey of last resort.
    LastResort = 2,
    /// A one-time prekey.
    OneTime = 3,
    /// A one-time ML-KEM prekey.
    OneTimeKem = 4,
}

/// The key of a device's row, and the prefix of all keys that begin with a device.
pub(super) fn device(address: DeviceAddress) -> Vec<u8> {
    let mut key = address.account.0.to_vec();
    key.extend_from_slice(&address.device.number().to_be_bytes());
    key
}

/// The key of a relay secret in [`Table::Meta`].
pub(super) fn secret(name: &str) -> Vec<u8> {
    [b"secret/", name.as_bytes()].concat()
}

/// The prefix of a device's prekeys of one kind.
pub(super) fn prekeys(address: DeviceAddress, kind: PrekeyKind) -> Vec<u8> {
    let mut key = device(address);
    key.push(kind as u8);
    key
}

/// The key of a prekey. There is one of the kinds that are replaced: its id is zero here.
pub(super) fn prekey(address: DeviceAddress, kind: PrekeyKind, id: PrekeyId) -> Vec<u8> {
    let mut key = prekeys(address, kind);
    key.extend_from_slice(&id.0.to_be_bytes());
    key
}

/// The key of a mailbox entry.
pub(super) fn entry(address: DeviceAddress, sequence: u64) -> Vec<u8> {
    let mut key = device(address);
    key.extend_from_slice(&sequence.to_be_bytes());
    key
}

/// The key in [`Table::Seen`].
pub(super) fn seen(address: DeviceAddress, id: EnvelopeId) -> Vec<u8> {
    let mut key = device(address);
    key.extend_from_slice(id.as_bytes());
    key
}

/// The key in [`Table::Ageing`].
pub(super) fn ageing(time: Timestamp, address: DeviceAddress, sequence: u64) -> Vec<u8> {
    timed(time, &entry(address, sequence))
}

/// The key in [`Table::Forgetting`].
pub(super) fn forgetting(time: Timestamp, address: DeviceAddress, id: EnvelopeId) -> Vec<u8> {
    timed(time, &seen(address, id))
}

/// The key in [`Table::BlobExpiry`].
pub(super) fn blob_expiry(time: Timestamp, id: BlobId) -> Vec<u8> {
    timed(time, id.as_bytes())
}

/// The key in [`Table::OwnedBlobs`].
pub(super) fn owned_blob(owner: AccountId, id: BlobId) -> Vec<u8> {
    [*owner.as_bytes(), *id.as_bytes()].concat()
}

/// The key of an entry of a room's log, and of the tree of an epoch.
pub(super) fn in_room(room: RoomId, number: u64) -> Vec<u8> {
    let mut key = room.0.to_vec();
    key.extend_from_slice(&number.to_be_bytes());
    key
}

/// The key in [`Table::RoomSeen`].
pub(super) fn room_seen(room: RoomId, id: EnvelopeId) -> Vec<u8> {
    [room.0, id.0].concat()
}

/// The key in [`Table::RoomMembers`].
pub(super) fn room_member(room: RoomId, address: DeviceAddress) -> Vec<u8> {
    let mut key = room.0.to_vec();
    key.extend_from_slice(&device(address));
    key
}

/// The key in [`Table::DeviceRooms`].
pub(super) fn device_room(address: DeviceAddress, room: RoomId) -> Vec<u8> {
    let mut key = device(address);
    key.extend_from_slice(&room.0);
    key
}

/// The key in [`Table::Audit`].
pub(super) fn audit(number: u64) -> Vec<u8> {
    (!number).to_be_bytes().to_vec()
}

/// The key of a line in [`Table::Logins`].
pub(super) fn login(account: AccountId, number: u64) -> Vec<u8> {
    [account.as_bytes().as_slice(), &number.to_be_bytes()].concat()
}

/// The key in [`Table::LoginAges`].
pub(super) fn login_age(time: Timestamp, account: AccountId, number: u64) -> Vec<u8> {
    timed(time, &login(account, number))
}

/// The first key of a time in a table that is ordered by time.
pub(super) fn time(time: Timestamp) -> Vec<u8> {
    time.0.to_be_bytes().to_vec()
}

fn timed(at: Timestamp, rest: &[u8]) -> Vec<u8> {
    let mut key = time(at);
    key.extend_from_slice(rest);
    key
}

/// A key behind every key that starts with `prefix`: what follows a prefix is shorter than this,
/// or a username, which has no byte of this value.
pub(super) fn behind(prefix: &[u8]) -> Vec<u8> {
    let mut key = prefix.to_vec();
    key.extend_from_slice(&[0xff; 21]);
    key
}

/// Takes keys and rows apart.
pub(super) struct Parts<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Parts<'a> {
    /// The parts of `bytes`; `what` they are is told when they are too short.
    pub(super) const fn of(bytes: &'a [u8], what: &'static str) -> Self {
        Self { rest: bytes, what }
    }

    /// The next bytes.
    pub(super) fn bytes<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        let (first, rest) =
            self.rest.split_first_chunk::<N>().ok_or(StoreError::Corrupt(self.what))?;
        self.rest = rest;
        Ok(*first)
    }

    /// The next byte.
    pub(super) fn byte(&mut self) -> Result<u8, StoreError> {
        self.bytes::<1>().map(|[byte]| byte)
    }

    /// The next number.
    pub(super) fn number(&mut self) -> Result<u64, StoreError> {
        self.bytes().map(u64::from_be_bytes)
    }

    /// The next time.
    pub(super) fn time(&mut self) -> Result<Timestamp, StoreError> {
        self.number().map(Timestamp)
    }

    /// The next count.
    pub(super) fn count(&mut self) -> Result<u32, StoreError> {
        self.bytes().map(u32::from_be_bytes)
    }

    /// The next device.
    pub(super) fn device(&mut self) -> Result<DeviceAddress, StoreError> {
        let account = AccountId(self.bytes()?);
        let device = DeviceId::new(self.count()?).ok_or(StoreError::Corrupt(self.what))?;
        Ok(DeviceAddress { account, device })
    }

    /// Everything that is left.
    pub(super) const fn rest(self) -> &'a [u8] {
        self.rest
    }
}
