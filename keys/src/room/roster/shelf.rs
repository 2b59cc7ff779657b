//! Where a [`Roster`](super::Roster) has the entities that it is restored from.

use std::{cell::RefCell, collections::BTreeMap, fmt};

use sotto_proto::RoomId;
use zeroize::Zeroizing;

use crate::{
    room::storage::{RoomStorage, RoomStorageError},
    stored::{self, Reader, RestoreError, Sink},
};

const FORMAT: u8 = 1;

/// A storage in memory that can be written and read as a whole.
#[derive(Default)]
pub(super) struct Shelf(RefCell<BTreeMap<Vec<u8>, Vec<u8>>>);

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shelf(..)")
    }
}

impl RoomStorage for Shelf {
    fn get(&self, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, RoomStorageError> {
        Ok(self.0.borrow().get(key).cloned().map(Zeroizing::new))
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), RoomStorageError> {
        self.0.borrow_mut().insert(key.to_vec(), value.to_vec());
        Ok(())
    }

    fn delete(&self, key: &[u8]) -> Result<(), RoomStorageError> {
        self.0.borrow_mut().remove(key);
        Ok(())
    }
}

impl Shelf {
    /// `format (u8) ‖ room ‖ (key length (u32) ‖ key ‖ value length (u32) ‖ value)…`
    pub(super) fn to_bytes(&self, room: &[u8]) -> Vec<u8> {
        let entries = self.0.borrow();
        let mut bytes = Vec::new();
        bytes.put(&[FORMAT]);
        bytes.put(room);
        for part in entries.iter().flat_map(|(key, value)| [key, value]) {
            // A room is far below 4 GiB.
            bytes.put_u32(u32::try_from(part.len()).unwrap_or(u32::MAX));
            bytes.put(part);
        }
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<(RoomId, Self), RestoreError> {
        let mut reader = Reader::new(bytes);
        stored::expect_format(&mut reader, FORMAT)?;
        let room = RoomId(*reader.array()?);
        let mut entries = BTreeMap::new();
        while !reader.is_empty() {
            let key = part(&mut reader)?;
            entries.insert(key, part(&mut reader)?);
        }
        Ok((room, Self(RefCell::new(entries))))
    }
}

fn part(reader: &mut Reader<'_>) -> Result<Vec<u8>, RestoreError> {
    let length = usize::try_from(reader.u32()?).map_err(|_| RestoreError::Impossible)?;
    Ok(reader.bytes(length)?.to_vec())
}
