//! The one place where the engine reads a clock or makes up an id.

use std::time::{SystemTime, UNIX_EPOCH};

use rand::Rng as _;
use sotto_proto::{BlobId, EnvelopeId, MessageId, Timestamp};

/// Now, by this computer's clock.
pub(super) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

pub(super) fn message_id() -> MessageId {
    MessageId(random())
}

pub(super) fn envelope_id() -> EnvelopeId {
    EnvelopeId(random())
}

pub(super) fn blob_id() -> BlobId {
    BlobId(random())
}
