//! The MLS groups of the rooms: loaded once, changed together with the vault.

use std::collections::HashMap;

use sotto_keys::room::{Room as Group, RoomDevice, RoomError, RoomStorage, RoomStorageError};
use sotto_proto::RoomId;
use zeroize::Zeroizing;

use super::super::{error::EngineError, own::Own};
use crate::vault::Tx;

/// The groups that have been loaded. After a transaction that failed they are loaded anew.
#[derive(Debug, Default)]
pub(in super::super) struct Groups(HashMap<RoomId, Group>);

impl Groups {
    /// Forgets what was loaded.
    pub(in super::super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// The vault as MLS keeps its state in it.
pub(super) struct Stored<'a>(pub(super) &'a Tx<'a>);

impl RoomStorage for Stored<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, RoomStorageError> {
        self.0.group_state(key).map_err(RoomStorageError::new)
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), RoomStorageError> {
        self.0.set_group_state(key, value).map_err(RoomStorageError::new)
    }

    fn delete(&self, key: &[u8]) -> Result<(), RoomStorageError> {
        self.0.remove_group_state(key).map_err(RoomStorageError::new)
    }
}

impl Own {
    /// What rooms need of this device.
    pub(super) fn room_device(&self) -> RoomDevice<'_> {
        RoomDevice { account: self.account, device: self.device() }
    }

    /// Takes a group out, to be put back by [`Own::keep_group`]; none if this device has none.
    pub(super) fn take_group(
        &mut self,
        tx: &Tx<'_>,
        room: RoomId,
    ) -> Result<Option<Group>, EngineError> {
        match self.groups.0.remove(&room) {
            Some(group) => Ok(Some(group)),
            None => Ok(Group::load(&Stored(tx), room)?),
        }
    }

    /// Puts a group back.
    pub(super) fn keep_group(&mut self, group: Group) {
        self.groups.0.insert(group.id(), group);
    }

    /// Forgets a group for good.
    pub(super) fn forget_group(&mut self, tx: &Tx<'_>, room: RoomId) -> Result<(), RoomError> {
        self.groups.0.remove(&room);
        Group::forget(&Stored(tx), room)
    }
}
