//! Between the values of the model and the columns of the tables.

use ciborium::de::Error as CborError;
use rusqlite::{Row, types::ValueRef};
use serde::{Serialize, de::DeserializeOwned};
use sotto_proto::{
    AccountId, DeviceId, DisplayName, EnvelopeId, IdentityKey, MessageId, RoomId, Timestamp,
    Username, content::ReceiptState,
};
use zeroize::Zeroizing;

use super::VaultError;
use crate::model::{ContactState, ConversationId, RoomKind, RoomState};

/// A time as a column holds it; beyond its range (the year 292 million) it is the last time there is.
pub(super) fn millis(time: Timestamp) -> i64 {
    i64::try_from(time.0).unwrap_or(i64::MAX)
}

/// A count or a position as a column holds it.
pub(super) fn integer(value: u64) -> Result<i64, VaultError> {
    i64::try_from(value).map_err(|_| VaultError::Unstorable("number"))
}

/// What stands before a room's id where a conversation is named.
const ROOM: u8 = b'r';

/// A conversation as a column names it.
pub(super) fn key(conversation: ConversationId) -> Vec<u8> {
    match conversation {
        ConversationId::Contact(account) => account.0.to_vec(),
        ConversationId::Room(room) => [&[ROOM], room.0.as_slice()].concat(),
    }
}

/// Reads the columns of a row by name, as the types of the model.
pub(super) trait Columns {
    fn id<T: From16>(&self, column: &'static str) -> Result<T, VaultError>;
    fn optional_id<T: From16>(&self, column: &'static str) -> Result<Option<T>, VaultError>;
    fn conversation(&self, column: &'static str) -> Result<ConversationId, VaultError>;
    fn room(&self, column: &'static str) -> Result<RoomId, VaultError>;
    fn identity(&self, column: &'static str) -> Result<IdentityKey, VaultError>;
    fn optional_identity(&self, column: &'static str) -> Result<Option<IdentityKey>, VaultError>;
    fn device(&self, column: &'static str) -> Result<DeviceId, VaultError>;
    fn count(&self, column: &'static str) -> Result<u64, VaultError>;
    fn time(&self, column: &'static str) -> Result<Timestamp, VaultError>;
    fn optional_time(&self, column: &'static str) -> Result<Option<Timestamp>, VaultError>;
    fn username(&self, column: &'static str) -> Result<Username, VaultError>;
    fn display_name(&self, column: &'static str) -> Result<DisplayName, VaultError>;
    fn optional_username(&self, column: &'static str) -> Result<Option<Username>, VaultError>;
    fn optional_display_name(
        &self,
        column: &'static str,
    ) -> Result<Option<DisplayName>, VaultError>;
    fn contact_state(&self, column: &'static str) -> Result<ContactState, VaultError>;
    fn room_kind(&self, column: &'static str) -> Result<RoomKind, VaultError>;
    fn room_state(&self, column: &'static str) -> Result<RoomState, VaultError>;
}

/// The ids of 16 bytes.
pub(super) trait From16 {
    fn from16(bytes: [u8; 16]) -> Self;
}

impl From16 for AccountId {
    fn from16(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl From16 for EnvelopeId {
    fn from16(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl From16 for MessageId {
    fn from16(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl Columns for Row<'_> {
    fn id<T: From16>(&self, column: &'static str) -> Result<T, VaultError> {
        Ok(T::from16(self.get(column)?))
    }

    fn optional_id<T: From16>(&self, column: &'static str) -> Result<Option<T>, VaultError> {
        Ok(self.get::<_, Option<[u8; 16]>>(column)?.map(T::from16))
    }

    fn conversation(&self, column: &'static str) -> Result<ConversationId, VaultError> {
        let damaged = VaultError::Damaged(column);
        let ValueRef::Blob(key) = self.get_ref(column)? else { return Err(damaged) };
        match key.split_first() {
            Some((&ROOM, id)) if id.len() == RoomId::LEN => {
                RoomId::try_from(id).map(Into::into).map_err(|_| damaged)
            }
            _ => AccountId::try_from(key).map(Into::into).map_err(|_| damaged),
        }
    }

    fn room(&self, column: &'static str) -> Result<RoomId, VaultError> {
        self.conversation(column)?.room().ok_or(VaultError::Damaged(column))
    }

    fn identity(&self, column: &'static str) -> Result<IdentityKey, VaultError> {
        Ok(IdentityKey(self.get(column)?))
    }

    fn optional_identity(&self, column: &'static str) -> Result<Option<IdentityKey>, VaultError> {
        Ok(self.get::<_, Option<[u8; 32]>>(column)?.map(IdentityKey))
    }

    fn device(&self, column: &'static str) -> Result<DeviceId, VaultError> {
        DeviceId::new(self.get(column)?).ok_or(VaultError::Damaged(column))
    }

    fn count(&self, column: &'static str) -> Result<u64, VaultError> {
        u64::try_from(self.get::<_, i64>(column)?).map_err(|_| VaultError::Damaged(column))
    }

    fn time(&self, column: &'static str) -> Result<Timestamp, VaultError> {
        self.count(column).map(Timestamp)
    }

    fn optional_time(&self, column: &'static str) -> Result<Option<Timestamp>, VaultError> {
        let time = self.get::<_, Option<i64>>(column)?.map(u64::try_from).transpose();
        Ok(time.map_err(|_| VaultError::Damaged(column))?.map(Timestamp))
    }

    fn username(&self, column: &'static str) -> Result<Username, VaultError> {
        self.get::<_, String>(column)?.try_into().map_err(|_| VaultError::Damaged(column))
    }

    fn display_name(&self, column: &'static str) -> Result<DisplayName, VaultError> {
        self.get::<_, String>(column)?.try_into().map_err(|_| VaultError::Damaged(column))
    }

    fn optional_username(&self, column: &'static str) -> Result<Option<Username>, VaultError> {
        let name = self.get::<_, Option<String>>(column)?.map(Username::try_from).transpose();
        name.map_err(|_| VaultError::Damaged(column))
    }

    fn optional_display_name(
        &self,
        column: &'static str,
    ) -> Result<Option<DisplayName>, VaultError> {
        let name = self.get::<_, Option<String>>(column)?.map(DisplayName::try_from).transpose();
        name.map_err(|_| VaultError::Damaged(column))
    }

    fn room_kind(&self, column: &'static str) -> Result<RoomKind, VaultError> {
        match self.get_ref(column)?.as_str().map_err(|_| VaultError::Damaged(column))? {
            "open" => Ok(RoomKind::Open),
            "invite" => Ok(RoomKind::Invite),
            _ => Err(VaultError::Damaged(column)),
        }
    }

    fn room_state(&self, column: &'static str) -> Result<RoomState, VaultError> {
        match self.get_ref(column)?.as_str().map_err(|_| VaultError::Damaged(column))? {
            "invited" => Ok(RoomState::Invited),
            "joined" => Ok(RoomState::Joined),
            "left" => Ok(RoomState::Left),
            "removed" => Ok(RoomState::Removed),
            "gone" => Ok(RoomState::Gone),
            _ => Err(VaultError::Damaged(column)),
        }
    }

    fn contact_state(&self, column: &'static str) -> Result<ContactState, VaultError> {
        match self.get_ref(column)?.as_str().map_err(|_| VaultError::Damaged(column))? {
            "request" => Ok(ContactState::Request),
            "accepted" => Ok(ContactState::Accepted),
            "blocked" => Ok(ContactState::Blocked),
            "removed" => Ok(ContactState::Removed),
            _ => Err(VaultError::Damaged(column)),
        }
    }
}

/// A contact's state as its column holds it.
pub(super) const fn contact_state(state: ContactState) -> &'static str {
    match state {
        ContactState::Request => "request",
        ContactState::Accepted => "accepted",
        ContactState::Blocked => "blocked",
        ContactState::Removed => "removed",
    }
}

/// A room's kind as its column holds it.
pub(super) const fn room_kind(kind: RoomKind) -> &'static str {
    match kind {
        RoomKind::Open => "open",
        RoomKind::Invite => "invite",
    }
}

/// A room's state as its column holds it.
pub(super) const fn room_state(state: RoomState) -> &'static str {
    match state {
        RoomState::Invited => "invited",
        RoomState::Joined => "joined",
        RoomState::Left => "left",
        RoomState::Removed => "removed",
        RoomState::Gone => "gone",
    }
}

/// A receipt's state as its column holds it.
pub(super) const fn receipt_state(state: ReceiptState) -> &'static str {
    match state {
        ReceiptState::Delivered => "delivered",
        ReceiptState::Read => "read",
    }
}

/// A small enumeration of the model as its column holds it.
pub(super) fn to_json(value: &impl Serialize) -> Result<String, VaultError> {
    serde_json::to_string(value).map_err(|_| VaultError::Unstorable("json"))
}

/// The reverse of [`to_json`].
pub(super) fn from_json<T: DeserializeOwned>(
    text: &str,
    column: &'static str,
) -> Result<T, VaultError> {
    serde_json::from_str(text).map_err(|_| VaultError::Damaged(column))
}

/// A frame of the wire as its column holds it: CBOR without a length. It may hold a file's key.
pub(super) fn to_cbor(value: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(256));
    ciborium::into_writer(value, &mut *bytes).map_err(|_| VaultError::Unstorable("cbor"))?;
    Ok(bytes)
}

/// The reverse of [`to_cbor`].
pub(super) fn from_cbor<T: DeserializeOwned>(
    bytes: &[u8],
    column: &'static str,
) -> Result<T, VaultError> {
    ciborium::from_reader(bytes).map_err(|_: CborError<std::io::Error>| VaultError::Damaged(column))
}
