//! The wire of Sotto: every frame that devices and the relay exchange, as types.
//!
//! A connection is QUIC with ALPN [`ALPN`]. A device opens a bidirectional stream for each
//! conversation and sends one [`Request`]; what follows on that stream is said by the request's
//! documentation. Each frame is a four-byte big-endian length and one CBOR item ([`codec`]).
//! The same types carry what is sealed between devices ([`content`]).
//!
//! This crate opens no socket, reads no clock and holds no secret but the attachment keys that
//! pass through [`content::AttachmentPointer`].

pub mod account;
pub mod admin;
pub mod announcement;
pub mod blob;
pub mod codec;
pub mod content;
pub mod directory;
pub mod error;
pub mod id;
pub mod key;
pub mod limits;
pub mod link;
pub mod login;
pub mod mailbox;
pub mod name;
pub mod presence;
mod request;
pub mod room;

pub use error::{CloseCode, ErrorClass, ErrorCode, Refusal};
pub use id::{
    AccountId, BlobId, DeviceAddress, DeviceId, EnvelopeId, MessageId, RoomId, Timestamp,
};
pub use key::{
    Bundle, DeviceCertificate, DeviceKey, ExchangeKey, IdentityKey, KemKey, KemPrekey,
    OneTimePrekey, PrekeyId, PrekeyUpload, Signature, SignedPrekey,
};
pub use name::{DisplayName, Username};
pub use request::{Answer, Done, Request};

/// The application protocol that both sides name in the TLS handshake.
pub const ALPN: &[u8] = b"sotto/1";

/// The label of the TLS exporter (RFC 8446 section 7.5) whose 32 bytes a device signs to log in.
pub const LOGIN_EXPORTER_LABEL: &[u8] = b"EXPORTER-sotto-device-login";
