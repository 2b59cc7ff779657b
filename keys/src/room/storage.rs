//! Where the state of rooms is kept: a map of bytes that the vault (or a test) supplies.
//!
//! Nothing is written before an operation has succeeded as a whole: what OpenMLS writes on the way
//! is gathered in memory and handed over at the end. An operation that fails leaves the map as it
//! was.

mod blocks;
mod codec;
mod entities;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    error::Error,
    fmt,
};

use serde::{Serialize, de::DeserializeOwned};
use sotto_proto::RoomId;
use zeroize::Zeroizing;

/// Where the state of rooms is kept: a map of bytes. The vault implements it inside its transaction.
pub trait RoomStorage {
    /// The value under `key`.
    fn get(&self, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, RoomStorageError>;
    /// Puts `value` under `key`, in place of what stood there.
    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), RoomStorageError>;
    /// Takes away what stands under `key`, if anything does.
    fn delete(&self, key: &[u8]) -> Result<(), RoomStorageError>;
}

/// The state of a room was not read or written.
#[derive(Debug, thiserror::Error)]
#[error("the state of the room cannot be read or written")]
pub struct RoomStorageError(#[source] Box<dyn Error + Send + Sync>);

impl RoomStorageError {
    /// With the cause that the storage has.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

/// What OpenMLS is told when the storage fails; the cause stays with [`Gathered`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the storage failed")]
pub(super) struct Halted;

/// Tells the entities of a room apart; the first byte of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Config = 1,
    Tree = 2,
    Context = 3,
    InterimTranscriptHash = 4,
    ConfirmationTag = 5,
    State = 6,
    MessageSecrets = 7,
    ResumptionSecrets = 8,
    OwnLeafIndex = 9,
    EpochSecrets = 10,
    EpochKeyPairs = 11,
    KeyPackage = 32,
    KeyPackages = 33,
}

impl Kind {
    /// Every kind that stands under a room's id.
    const OF_A_ROOM: [Self; 11] = [
        Self::Config,
        Self::Tree,
        Self::Context,
        Self::InterimTranscriptHash,
        Self::ConfirmationTag,
        Self::State,
        Self::MessageSecrets,
        Self::ResumptionSecrets,
        Self::OwnLeafIndex,
        Self::EpochSecrets,
        Self::EpochKeyPairs,
    ];

    /// `kind (u8) ‖ CBOR of what names the entity`.
    fn key(self, name: &impl Serialize) -> Result<Vec<u8>, RoomStorageError> {
        let mut key = vec![self as u8];
        ciborium::into_writer(name, &mut key).map_err(RoomStorageError::new)?;
        Ok(key)
    }
}

type Changes = BTreeMap<Vec<u8>, Option<Zeroizing<Vec<u8>>>>;

/// The storage as one operation sees it: with the changes that the operation has made so far.
pub(super) struct Gathered<'a> {
    storage: &'a dyn RoomStorage,
    changes: RefCell<Changes>,
    failure: Cell<Option<RoomStorageError>>,
}

impl fmt::Debug for Gathered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gathered(..)")
    }
}

impl<'a> Gathered<'a> {
    pub(super) fn new(storage: &'a dyn RoomStorage) -> Self {
        Self { storage, changes: RefCell::default(), failure: Cell::default() }
    }

    /// Hands the changes over. After an error the storage may have some of them and not others: the
    /// caller rolls its transaction back.
    pub(super) fn write(self) -> Result<(), RoomStorageError> {
        for (key, value) in self.changes.into_inner() {
            match value {
                Some(value) => blocks::put(self.storage, &key, &value)?,
                None => blocks::delete(self.storage, &key)?,
            }
        }
        Ok(())
    }

    /// Why the storage failed, if it did.
    pub(super) fn failure(&self) -> Option<RoomStorageError> {
        self.failure.take()
    }

    pub(super) fn find<T: DeserializeOwned>(
        &self,
        kind: Kind,
        name: &impl Serialize,
    ) -> Result<Option<T>, Halted> {
        self.halting(|| {
            let key = kind.key(name)?;
            if let Some(changed) = self.changes.borrow().get(&key) {
                return changed.as_ref().map(|bytes| codec::decode(bytes)).transpose();
            }
            blocks::get(self.storage, &key)?.map(|bytes| codec::decode(&bytes)).transpose()
        })
    }

    pub(super) fn keep(
        &self,
        kind: Kind,
        name: &impl Serialize,
        entity: &impl Serialize,
    ) -> Result<(), Halted> {
        self.halting(|| {
            let key = kind.key(name)?;
            self.changes.borrow_mut().insert(key, Some(codec::encode(entity)?));
            Ok(())
        })
    }

    pub(super) fn remove(&self, kind: Kind, name: &impl Serialize) -> Result<(), Halted> {
        self.halting(|| {
            self.changes.borrow_mut().insert(kind.key(name)?, None);
            Ok(())
        })
    }

    /// Takes away everything of a room.
    pub(super) fn forget(&self, room: RoomId) -> Result<(), Halted> {
        let group = super::context::group_id(room);
        Kind::OF_A_ROOM.iter().try_for_each(|kind| self.remove(*kind, &group))
    }

    fn halting<T>(
        &self,
        operation: impl FnOnce() -> Result<T, RoomStorageError>,
    ) -> Result<T, Halted> {
        operation().map_err(|error| {
            self.failure.set(Some(error));
            Halted
        })
    }
}
