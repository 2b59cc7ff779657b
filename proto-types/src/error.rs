//! Typed errors of the wire: codes that a client can act on, and why a connection was closed.
//!
//! The sentence in a [`Refusal`] is for a person; programs go by the code alone.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What kind of trouble a code belongs to, numbered as in HTTP (RFC 9110 section 15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorClass {
    /// 400: the request can never succeed as it stands.
    BadRequest,
    /// 401: the connection or the account may not do this.
    NotAuthorised,
    /// 404: what was asked for is not there.
    NotFound,
    /// 409: it collides with what is there.
    Conflict,
    /// 413: larger than allowed, or more than the quota holds.
    TooLarge,
    /// 429: too often; `retry_after_ms` says when to come back.
    RateLimited,
    /// 500: the relay's own fault.
    Internal,
    /// 503: not now; the relay is stopping or overloaded.
    Unavailable,
}

/// Declares the codes once: variant, number, meaning.
macro_rules! error_codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        /// What went wrong. The number is the class times one hundred plus a serial number.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(from = "u16", into = "u16")]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[$doc])* $name,)*
            /// A code of a newer relay; its class still tells what to do.
            Other(u16),
        }

        impl ErrorCode {
            /// Every code that this version names.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The number as it travels.
            pub const fn number(self) -> u16 {
                match self {
                    $(Self::$name => $number,)*
                    Self::Other(number) => number,
                }
            }
        }

        impl From<u16> for ErrorCode {
            fn from(number: u16) -> Self {
                match number {
                    $($number => Self::$name,)*
                    other => Self::Other(other),
                }
            }
        }
    };
}

error_codes! {
    /// The frame is not CBOR of the expected shape.
    Malformed = 40001,
    /// A frame kind that this relay does not know.
    UnknownKind = 40002,
    /// A certificate, prekey or login signature does not verify.
    BadSignature = 40003,
    /// The OPAQUE message does not parse.
    BadPasswordMessage = 40004,
    /// A field is outside its bounds.
    OutOfBounds = 40005,
    /// The commit, the group or the key package does not hold, or breaks the rules of its room.
    BadCommit = 40006,
    /// The request needs a login first.
    LoginRequired = 40101,
    /// Unknown username or wrong password: the relay does not tell which.
    WrongCredentials = 40102,
    /// The device is not, or no longer, one of the account's.
    UnknownDevice = 40103,
    /// This relay takes no registrations.
    RegistrationClosed = 40104,
    /// Registration needs an invitation, and the one given is not good.
    InvitationRequired = 40105,
    /// The relay's operator has turned this off.
    Disabled = 40106,
    /// The account has been suspended by the relay's operator.
    Suspended = 40107,
    /// Only an admin of the relay may do this.
    NotAdmin = 40108,
    /// The device is not, or no longer, in the room.
    NotAMember = 40109,
    /// No such user, or none that may be shown.
    NoSuchUser = 40401,
    /// The recipient has no such device.
    NoSuchDevice = 40402,
    /// No such blob, or it has expired.
    NoSuchBlob = 40403,
    /// No such room, or none that may be shown.
    NoSuchRoom = 40404,
    /// No such invitation code, or it has no uses left.
    NoSuchInvitation = 40411,
    /// No such announcement, or it is too old.
    NoSuchAnnouncement = 40412,
    /// The username is taken.
    UsernameTaken = 40901,
    /// The device number is in use with other keys.
    DeviceTaken = 40902,
    /// A blob with this id exists with another size or owner.
    BlobConflict = 40903,
    /// The room has gone on to another epoch: catch up, and try again.
    StaleEpoch = 40904,
    /// The room has a group already.
    RoomTaken = 40905,
    /// The relay would be left without an admin who can log in.
    LastAdmin = 40911,
    /// A frame longer than its limit.
    FrameTooLarge = 41301,
    /// The recipient's mailbox is full.
    MailboxFull = 41302,
    /// The account's blobs fill its quota.
    BlobQuota = 41303,
    /// Too many devices, watches, prekeys or rooms.
    TooMany = 41304,
    /// Too many requests.
    RateLimited = 42901,
    /// The relay failed; its log says how.
    Internal = 50001,
    /// The relay is shutting down or does not accept new work.
    Unavailable = 50301,
}

impl ErrorCode {
    /// The class of this code; an unknown class counts as the relay's own fault.
    pub const fn class(self) -> ErrorClass {
        match self.number() / 100 {
            400 => ErrorClass::BadRequest,
            401 => ErrorClass::NotAuthorised,
            404 => ErrorClass::NotFound,
            409 => ErrorClass::Conflict,
            413 => ErrorClass::TooLarge,
            429 => ErrorClass::RateLimited,
            503 => ErrorClass::Unavailable,
            _ => ErrorClass::Internal,
        }
    }
}

impl From<ErrorCode> for u16 {
    fn from(code: ErrorCode) -> Self {
        code.number()
    }
}

/// The relay's no.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// What to act on.
    pub code: ErrorCode,
    /// A sentence for a person.
    pub message: String,
    /// After how many milliseconds another try may succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl Refusal {
    /// A refusal that says `message`.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after_ms: None }
    }

    /// A refusal for coming too often.
    pub fn rate_limited(retry_after_ms: u64) -> Self {
        Self {
            code: ErrorCode::RateLimited,
            message: format!("too many requests; try again in {} s", retry_after_ms.div_ceil(1000)),
            retry_after_ms: Some(retry_after_ms),
        }
    }
}

/// Why a side closed the connection: the QUIC application error code (RFC 9000 section 20.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum CloseCode {
    /// The work is done.
    Done = 0,
    /// The same device logged in on a newer connection.
    Replaced = 1,
    /// The relay is shutting down.
    ShuttingDown = 2,
    /// The other side broke the protocol.
    ProtocolViolation = 3,
    /// Too many connections, handshakes or bytes from this address or account.
    TooMany = 4,
    /// The connection did not log in in time.
    LoginTimeout = 5,
    /// The device was removed from its account, or the account was suspended or deleted.
    DeviceRemoved = 6,
    /// The relay's operator has stopped its work for a while; it still listens.
    Stopped = 7,
}

impl CloseCode {
    /// The close code with this number.
    pub const fn from_number(number: u64) -> Option<Self> {
        Some(match number {
            0 => Self::Done,
            1 => Self::Replaced,
            2 => Self::ShuttingDown,
            3 => Self::ProtocolViolation,
            4 => Self::TooMany,
            5 => Self::LoginTimeout,
            6 => Self::DeviceRemoved,
            7 => Self::Stopped,
            _ => return None,
        })
    }

    /// The number as it travels.
    pub const fn number(self) -> u32 {
        self as u32
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "the connection ended",
            Self::Replaced => "this device logged in elsewhere",
            Self::ShuttingDown => "the relay is shutting down",
            Self::ProtocolViolation => "the protocol was broken",
            Self::TooMany => "too many connections",
            Self::LoginTimeout => "no login in time",
            Self::DeviceRemoved => "this device was removed from its account",
            Self::Stopped => "the relay was stopped by its operator",
        })
    }
}
