//! The end of a room for this device, and the lines that tell of it.

use sotto_proto::{RoomId, Timestamp};

use super::super::{clock, error::EngineError, own::Own};
use crate::{
    model::{ConversationEvent, FailReason, Message, RoomState},
    vault::Tx,
};

/// The room is over for this device: its keys go, its history stays.
pub(super) fn close(
    tx: &Tx<'_>,
    own: &mut Own,
    room: RoomId,
    state: RoomState,
) -> Result<Vec<Message>, EngineError> {
    tx.set_room_state(room, state)?;
    tx.set_room_members(room, &[])?;
    tx.drop_commit(room)?;
    tx.forget_all_departed(room)?;
    own.forget_group(tx, room)?;
    // What was taken is in the log, and what was not will not be.
    tx.settle_taken(room, clock::now())?;
    tx.unpost(room, u64::from(u32::MAX))?;
    Ok(tx.fail_waiting(room.into(), &FailReason::NotInRoom)?)
}

/// Puts a line into a room.
pub(super) fn record(
    tx: &Tx<'_>,
    room: RoomId,
    event: &ConversationEvent,
    at: Timestamp,
) -> Result<Message, EngineError> {
    Ok(tx.record_event(room.into(), clock::message_id(), event, at)?)
}
