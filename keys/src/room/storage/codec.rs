//! The form in which entities are kept: one CBOR item. No copy of it is left behind in memory.

use std::io;

use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::RoomStorageError;

/// Most entities fit without growing.
const FIRST_CAPACITY: usize = 4096;

/// Bytes that grow by moving: the memory given up is zeroized.
struct Growing(Zeroizing<Vec<u8>>);

impl io::Write for Growing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let needed = self.0.len() + bytes.len();
        if needed > self.0.capacity() {
            let capacity = needed.max(2 * self.0.capacity());
            let mut larger = Zeroizing::new(Vec::with_capacity(capacity));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(super) fn encode(entity: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, RoomStorageError> {
    let mut out = Growing(Zeroizing::new(Vec::with_capacity(FIRST_CAPACITY)));
    ciborium::into_writer(entity, &mut out).map_err(RoomStorageError::new)?;
    Ok(out.0)
}

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, RoomStorageError> {
    ciborium::from_reader(bytes).map_err(RoomStorageError::new)
}
