//! Identifiers: what the relay and the devices call accounts, devices, envelopes, messages, blobs and
//! rooms. They travel as bytes; in a format for people they are hexadecimal digits.
//!
//! An identifier is opaque; nothing here makes one up, randomness is the caller's.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, Visitor},
};

/// A point in time in milliseconds since the Unix epoch (UTC).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// This time moved `millis` milliseconds into the future, at most to the end of time.
    #[must_use]
    pub const fn plus(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// The milliseconds that passed since `earlier`; none if `earlier` lies ahead.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Declares an opaque fixed-size byte string that travels as a CBOR byte string.
macro_rules! byte_string {
    ($(#[$doc:meta])* $name:ident, $size:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $size]);

        impl $name {
            /// The length in bytes.
            pub const LEN: usize = $size;

            /// The bytes as they travel.
            pub const fn as_bytes(&self) -> &[u8; $size] {
                &self.0
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = ::std::array::TryFromSliceError;

            fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
                bytes.try_into().map(Self)
            }
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                write!(f, concat!(stringify!($name), "("))?;
                $crate::id::write_hex(f, &self.0)?;
                f.write_str(")")
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                $crate::id::write_hex(f, &self.0)
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::id::NotHex;

            fn from_str(digits: &str) -> Result<Self, Self::Err> {
                $crate::id::read_hex(digits).map(Self)
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    serializer.serialize_bytes(&self.0)
                }
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::id::fixed_bytes(deserializer).map(Self)
            }
        }
    };
}
pub(crate) use byte_string;

byte_string!(
    /// An account on its relay, chosen at random by the relay at registration; it outlives names and keys.
    AccountId, 16
);
byte_string!(
    /// An envelope, chosen at random by the sending device; the relay and the recipient drop a repeat.
    EnvelopeId, 16
);
byte_string!(
    /// A message inside an envelope; receipts, replies, edits and deletions name it.
    MessageId, 16
);
byte_string!(
    /// A blob on the relay, chosen at random by the uploader; who knows it may fetch the ciphertext.
    BlobId, 16
);
byte_string!(
    /// A room on its relay, chosen at random by whoever made it; also the id of its MLS group.
    RoomId, 16
);

/// A device within its account. Zero is not a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct DeviceId(u32);

impl DeviceId {
    /// The device with this number, unless it is zero.
    pub const fn new(number: u32) -> Option<Self> {
        if number == 0 { None } else { Some(Self(number)) }
    }

    /// The number as it travels.
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// Zero was given where a device's number must stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a device number is not zero")]
pub struct ZeroDevice;

impl TryFrom<u32> for DeviceId {
    type Error = ZeroDevice;

    fn try_from(number: u32) -> Result<Self, ZeroDevice> {
        Self::new(number).ok_or(ZeroDevice)
    }
}

impl From<DeviceId> for u32 {
    fn from(device: DeviceId) -> Self {
        device.0
    }
}

/// Where an envelope goes to or comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DeviceAddress {
    /// The account.
    pub account: AccountId,
    /// The device within it.
    pub device: DeviceId,
}

pub(crate) fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

pub(crate) fn fixed_bytes<'de, D: Deserializer<'de>, const N: usize>(
    deserializer: D,
) -> Result<[u8; N], D::Error> {
    if deserializer.is_human_readable() {
        deserializer.deserialize_any(Digits)
    } else {
        serde_bytes::ByteArray::<N>::deserialize(deserializer)
            .map(serde_bytes::ByteArray::into_array)
    }
}

/// What a format for people holds: digits, or bytes where serde has buffered a value of another.
struct Digits<const N: usize>;

impl<const N: usize> Visitor<'_> for Digits<N> {
    type Value = [u8; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{N} bytes as hexadecimal digits")
    }

    fn visit_str<E: de::Error>(self, digits: &str) -> Result<[u8; N], E> {
        read_hex(digits).map_err(E::custom)
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<[u8; N], E> {
        bytes.try_into().map_err(|_| E::invalid_length(bytes.len(), &self))
    }
}

/// A text that does not stand for bytes of the expected length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an identifier has {expected} hexadecimal digits")]
pub struct NotHex {
    /// How many there are to be.
    pub expected: usize,
}

/// The bytes that hexadecimal digits stand for.
pub(crate) fn read_hex<const N: usize>(digits: &str) -> Result<[u8; N], NotHex> {
    let mut bytes = [0; N];
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| NotHex { expected: 2 * N })?;
    Ok(bytes)
}
