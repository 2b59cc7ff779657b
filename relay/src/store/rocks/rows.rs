//! What stands in the rows: records that may grow as CBOR, counters and mailbox entries in a
//! compact layout that begins with a byte for its version.
//!
//! These shapes are the database's own; the wire and the `Store` trait may change without them.

use ciborium::Value;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sotto_proto::{
    AccountId, BlobId, DeviceAddress, DeviceCertificate, DisplayName, EnvelopeId, IdentityKey,
    Timestamp, Username,
    directory::PrekeyCount,
    mailbox::{Mail, MailboxEntry},
    room::{RoomEntry, RoomItem},
};

use super::{rooms::MemberRow, schema::Parts};
use crate::store::{Account, BlobRecord, Census, Role, StoreError};

/// The version byte of the compact rows.
const COMPACT: u8 = 1;

/// An account with what the database alone keeps of it.
pub(super) struct StoredAccount {
    /// The account.
    pub(super) account: Account,
    /// Where the mailboxes of new devices begin: behind every sequence of those that left, so
    /// that a number that comes back never repeats a position.
    pub(super) sequence_floor: u64,
}

#[derive(Serialize, Deserialize)]
struct AccountRow {
    username: Username,
    display_name: DisplayName,
    identity: IdentityKey,
    password_record: Value,
    backup: Value,
    devices: Vec<DeviceCertificate>,
    admin: bool,
    suspended: bool,
    created_at: Timestamp,
    sequence_floor: u64,
}

impl StoredAccount {
    /// The row.
    pub(super) fn to_row(&self) -> Result<Vec<u8>, StoreError> {
        let account = &self.account;
        to_cbor(&AccountRow {
            username: account.username.clone(),
            display_name: account.display_name.clone(),
            identity: account.identity,
            password_record: Value::Bytes(account.password_record.clone()),
            backup: Value::Bytes(account.backup.clone()),
            devices: account.devices.clone(),
            admin: account.role == Role::Admin,
            suspended: account.suspended,
            created_at: account.created_at,
            sequence_floor: self.sequence_floor,
        })
    }

    /// The account in the row.
    pub(super) fn from_row(id: AccountId, row: &[u8]) -> Result<Self, StoreError> {
        let row: AccountRow = from_cbor(row, "account")?;
        let bytes = |value: Value| value.into_bytes().map_err(|_| StoreError::Corrupt("account"));
        let account = Account {
            id,
            username: row.username,
            display_name: row.display_name,
            identity: row.identity,
            password_record: bytes(row.password_record)?,
            backup: bytes(row.backup)?,
            devices: row.devices,
            role: if row.admin { Role::Admin } else { Role::Member },
            suspended: row.suspended,
            created_at: row.created_at,
        };
        Ok(Self { account, sequence_floor: row.sequence_floor })
    }
}

/// A username with what the list shows, so that a page is one scan.
#[derive(Serialize, Deserialize)]
pub(super) struct NameRow {
    /// Whose name it is.
    pub(super) account: AccountId,
    /// How the person is shown.
    pub(super) display_name: DisplayName,
    /// Whether the list leaves it out.
    pub(super) suspended: bool,
}

/// The counters of a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MailboxRow {
    /// The sequence of the next entry.
    pub(super) next: u64,
    /// No entry stands before this sequence: where reading begins.
    pub(super) first: u64,
    /// Entries.
    pub(super) entries: u64,
    /// Bytes of ciphertext.
    pub(super) bytes: u64,
}

impl MailboxRow {
    /// An empty mailbox whose first entry is going to be `next`.
    pub(super) const fn starting_at(next: u64) -> Self {
        Self { next, first: next, entries: 0, bytes: 0 }
    }

    /// The row.
    pub(super) fn to_row(self) -> Vec<u8> {
        numbers([self.next, self.first, self.entries, self.bytes])
    }

    /// The counters in the row.
    pub(super) fn from_row(row: &[u8]) -> Result<Self, StoreError> {
        let mut parts = compact(row, "mailbox")?;
        Ok(Self {
            next: parts.number()?,
            first: parts.number()?,
            entries: parts.number()?,
            bytes: parts.number()?,
        })
    }
}

/// The row of a census; the bytes on disk are not in it.
pub(super) fn census_to_row(census: Census) -> Vec<u8> {
    numbers([census.accounts, census.devices, census.entries, census.blobs])
}

/// The census in the row.
pub(super) fn census_from_row(row: &[u8]) -> Result<Census, StoreError> {
    let mut parts = compact(row, "census")?;
    Ok(Census {
        accounts: parts.number()?,
        devices: parts.number()?,
        entries: parts.number()?,
        blobs: parts.number()?,
        disk_bytes: 0,
    })
}

/// The row of a device's counts.
pub(super) fn count_to_row(count: PrekeyCount) -> Vec<u8> {
    let mut row = vec![COMPACT];
    row.extend_from_slice(&count.one_time.to_be_bytes());
    row.extend_from_slice(&count.one_time_kem.to_be_bytes());
    row
}

/// The counts in the row.
pub(super) fn count_from_row(row: &[u8]) -> Result<PrekeyCount, StoreError> {
    let mut parts = compact(row, "device")?;
    Ok(PrekeyCount { one_time: parts.count()?, one_time_kem: parts.count()? })
}

const ENVELOPE: u8 = 1;
const EXPIRED: u8 = 2;
const RETURNED: u8 = 3;

/// The row of a mailbox entry; its sequence is in the key.
pub(super) fn entry_to_row(accepted_at: Timestamp, mail: &Mail) -> Vec<u8> {
    let (kind, peer, id, sealed) = match mail {
        Mail::Envelope { from, id, sealed } => (ENVELOPE, from, id, sealed.as_slice()),
        Mail::Expired { to, id } => (EXPIRED, to, id, [].as_slice()),
        Mail::Returned { to, id } => (RETURNED, to, id, [].as_slice()),
    };
    entry_row(kind, accepted_at, *peer, *id, sealed)
}

fn entry_row(
    kind: u8,
    accepted_at: Timestamp,
    device: DeviceAddress,
    id: EnvelopeId,
    bytes: &[u8],
) -> Vec<u8> {
    let mut row = Vec::with_capacity(ENTRY_HEADER + bytes.len());
    row.extend_from_slice(&[COMPACT, kind]);
    row.extend_from_slice(&accepted_at.0.to_be_bytes());
    row.extend_from_slice(&super::schema::device(device));
    row.extend_from_slice(id.as_bytes());
    row.extend_from_slice(bytes);
    row
}

/// Version, kind, time, peer and id.
const ENTRY_HEADER: usize = 2 + 8 + 20 + 16;

/// How many bytes of ciphertext the row of a mailbox entry holds.
pub(super) const fn entry_size(row: &[u8]) -> u64 {
    row.len().saturating_sub(ENTRY_HEADER) as u64
}

/// Who sent the mailbox entry in the row and under which id, if it is an envelope.
pub(super) fn envelope_of(row: &[u8]) -> Result<Option<(DeviceAddress, EnvelopeId)>, StoreError> {
    let mut parts = compact(row, "mailbox entry")?;
    let kind = parts.byte()?;
    parts.time()?;
    let (from, id) = (parts.device()?, EnvelopeId(parts.bytes()?));
    Ok((kind == ENVELOPE).then_some((from, id)))
}

/// The mailbox entry in the row.
pub(super) fn entry_from_row(sequence: u64, row: &[u8]) -> Result<MailboxEntry, StoreError> {
    let mut parts = compact(row, "mailbox entry")?;
    let kind = parts.byte()?;
    let accepted_at = parts.time()?;
    let peer = parts.device()?;
    let id = EnvelopeId(parts.bytes()?);
    let mail = match kind {
        ENVELOPE => Mail::Envelope { from: peer, id, sealed: parts.rest().to_vec() },
        EXPIRED => Mail::Expired { to: peer, id },
        RETURNED => Mail::Returned { to: peer, id },
        _ => return Err(StoreError::Corrupt("mailbox entry")),
    };
    Ok(MailboxEntry { sequence, accepted_at, mail })
}

const FOUNDED: u8 = 1;
const COMMIT: u8 = 2;
const POST: u8 = 3;
const LEFT: u8 = 4;
const GONE: u8 = 5;

/// The row of an entry of a room's log; its sequence is in the key.
pub(super) fn room_entry_to_row(accepted_at: Timestamp, item: &RoomItem) -> Vec<u8> {
    let none = EnvelopeId([0; EnvelopeId::LEN]);
    let (kind, device, id, bytes) = match item {
        RoomItem::Founded { by } => (FOUNDED, by, &none, [].as_slice()),
        RoomItem::Commit { from, id, commit } => (COMMIT, from, id, commit.as_slice()),
        RoomItem::Post { from, id, sealed } => (POST, from, id, sealed.as_slice()),
        RoomItem::Departed { device, left: true } => (LEFT, device, &none, [].as_slice()),
        RoomItem::Departed { device, left: false } => (GONE, device, &none, [].as_slice()),
    };
    entry_row(kind, accepted_at, *device, *id, bytes)
}

/// The entry of a room's log in the row.
pub(super) fn room_entry_from_row(sequence: u64, row: &[u8]) -> Result<RoomEntry, StoreError> {
    let mut parts = compact(row, "room entry")?;
    let kind = parts.byte()?;
    let accepted_at = parts.time()?;
    let (device, id) = (parts.device()?, EnvelopeId(parts.bytes()?));
    let item = match kind {
        FOUNDED => RoomItem::Founded { by: device },
        COMMIT => RoomItem::Commit { from: device, id, commit: parts.rest().to_vec() },
        POST => RoomItem::Post { from: device, id, sealed: parts.rest().to_vec() },
        LEFT | GONE => RoomItem::Departed { device, left: kind == LEFT },
        _ => return Err(StoreError::Corrupt("room entry")),
    };
    Ok(RoomEntry { sequence, accepted_at, item })
}

/// The row of a device in a room.
pub(super) fn member_to_row(member: MemberRow) -> Vec<u8> {
    numbers([member.joined, member.read, member.until.unwrap_or(u64::MAX)])
}

/// The device in a room in the row.
pub(super) fn member_from_row(row: &[u8]) -> Result<MemberRow, StoreError> {
    let mut parts = compact(row, "room member")?;
    let (joined, read, until) = (parts.number()?, parts.number()?, parts.number()?);
    Ok(MemberRow { joined, read, until: (until != u64::MAX).then_some(until) })
}

/// The row of a blob.
pub(super) fn blob_to_row(blob: &BlobRecord) -> Vec<u8> {
    let mut row = vec![COMPACT, u8::from(blob.complete)];
    row.extend_from_slice(blob.owner.as_bytes());
    row.extend_from_slice(&blob.size.to_be_bytes());
    row.extend_from_slice(&blob.digest);
    row.extend_from_slice(&blob.expires_at.0.to_be_bytes());
    row
}

/// The blob in the row.
pub(super) fn blob_from_row(id: BlobId, row: &[u8]) -> Result<BlobRecord, StoreError> {
    let mut parts = compact(row, "blob")?;
    let complete = parts.byte()? != 0;
    Ok(BlobRecord {
        id,
        owner: AccountId(parts.bytes()?),
        size: parts.number()?,
        digest: parts.bytes()?,
        complete,
        expires_at: parts.time()?,
    })
}

/// A record as CBOR.
pub(super) fn to_cbor(record: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    let mut row = Vec::new();
    ciborium::into_writer(record, &mut row)
        .map_err(|error| StoreError::Database(Box::new(error)))?;
    Ok(row)
}

/// The record in CBOR; `what` it is is told when it does not parse.
pub(super) fn from_cbor<T: DeserializeOwned>(
    row: &[u8],
    what: &'static str,
) -> Result<T, StoreError> {
    ciborium::from_reader(row).map_err(|_| StoreError::Corrupt(what))
}

fn numbers<const N: usize>(numbers: [u64; N]) -> Vec<u8> {
    let mut row = vec![COMPACT];
    row.extend(numbers.into_iter().flat_map(u64::to_be_bytes));
    row
}

fn compact<'a>(row: &'a [u8], what: &'static str) -> Result<Parts<'a>, StoreError> {
    let mut parts = Parts::of(row, what);
    if parts.byte()? == COMPACT { Ok(parts) } else { Err(StoreError::Corrupt(what)) }
}
