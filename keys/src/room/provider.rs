//! What OpenMLS is given to work with: its backend of cryptography and the storage of one operation.
//!
//! The backend draws its own randomness from the system; see the module of rooms.

use openmls_rust_crypto::RustCrypto;
use openmls_traits::OpenMlsProvider;

use super::{
    error::{Cause, Failure, MlsError},
    storage::{Gathered, RoomStorage, RoomStorageError},
};

/// Backend and storage for one operation on a room.
pub(super) struct Provider<'a> {
    crypto: RustCrypto,
    storage: Gathered<'a>,
}

impl<'a> Provider<'a> {
    pub(super) fn new(storage: &'a dyn RoomStorage) -> Self {
        Self { crypto: RustCrypto::default(), storage: Gathered::new(storage) }
    }

    /// What OpenMLS answered; where the storage failed, that is the error.
    pub(super) fn outcome<T>(&self, answer: Result<T, impl Into<Cause>>) -> Result<T, Failure> {
        answer.map_err(|cause| match self.storage.failure() {
            Some(failure) => Failure::Storage(failure),
            None => Failure::Mls(MlsError::new(cause)),
        })
    }

    /// The operation has succeeded: writes what it changed.
    pub(super) fn write(self) -> Result<(), RoomStorageError> {
        self.storage.write()
    }
}

impl<'a> OpenMlsProvider for Provider<'a> {
    type CryptoProvider = RustCrypto;
    type RandProvider = RustCrypto;
    type StorageProvider = Gathered<'a>;

    fn storage(&self) -> &Gathered<'a> {
        &self.storage
    }

    fn crypto(&self) -> &RustCrypto {
        &self.crypto
    }

    fn rand(&self) -> &RustCrypto {
        &self.crypto
    }
}
