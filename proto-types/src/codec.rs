//! The framing: a four-byte big-endian length and one CBOR item (RFC 8949).
//!
//! A length above the frame's limit is refused before anything is allocated. Unknown map keys are
//! ignored; an unknown kind is told apart from a broken frame, so that old and new can meet.
//! No I/O happens here: the caller reads the header, asks [`body_length`], reads the body and
//! gives it to [`decode`].

use serde::{Serialize, de::DeserializeOwned};

/// The bytes of the length before each frame.
pub const HEADER_LEN: usize = 4;

/// Something that travels as one frame.
pub trait Frame: Serialize + DeserializeOwned {
    /// The most bytes of its body.
    const LIMIT: usize;
    /// The kinds of an enumeration of frames; empty for a frame of one shape.
    const KINDS: &'static [&'static str] = &[];
}

/// Why a frame could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The length says more than the frame's limit.
    #[error("a frame of {length} bytes is over the limit of {limit}")]
    TooLarge {
        /// What the header says, or what was to be sent.
        length: usize,
        /// What this frame may have.
        limit: usize,
    },
    /// The body is not CBOR of the expected shape.
    #[error("the frame is malformed: {0}")]
    Malformed(String),
    /// The body is of a kind that this version does not know.
    #[error("the frame is of an unknown kind")]
    UnknownKind,
}

/// Appends `frame` with its header to `out`; on error `out` is as it was.
pub fn encode<F: Frame>(frame: &F, out: &mut Vec<u8>) -> Result<(), CodecError> {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER_LEN]);
    let written = ciborium::into_writer(frame, &mut *out)
        .map_err(|error| CodecError::Malformed(error.to_string()))
        .and_then(|()| header(out.len() - start - HEADER_LEN, F::LIMIT));
    match written {
        Ok(header) => {
            out[start..start + HEADER_LEN].copy_from_slice(&header);
            Ok(())
        }
        Err(error) => {
            out.truncate(start);
            Err(error)
        }
    }
}

/// `frame` with its header.
pub fn to_bytes<F: Frame>(frame: &F) -> Result<Vec<u8>, CodecError> {
    let mut out = Vec::new();
    encode(frame, &mut out)?;
    Ok(out)
}

/// The length of the body that follows `header`, if a frame of this type may be that long.
pub fn body_length<F: Frame>(header: [u8; HEADER_LEN]) -> Result<usize, CodecError> {
    let length = u32::from_be_bytes(header) as usize;
    if length > F::LIMIT {
        return Err(CodecError::TooLarge { length, limit: F::LIMIT });
    }
    Ok(length)
}

/// The frame in `body`, which holds exactly one.
pub fn decode<F: Frame>(body: &[u8]) -> Result<F, CodecError> {
    if body.len() > F::LIMIT {
        return Err(CodecError::TooLarge { length: body.len(), limit: F::LIMIT });
    }
    let mut rest = body;
    match ciborium::from_reader(&mut rest) {
        Ok(_) if !rest.is_empty() => {
            Err(CodecError::Malformed(format!("{} bytes follow the item", rest.len())))
        }
        Ok(frame) => Ok(frame),
        Err(_) if is_unknown_kind::<F>(body) => Err(CodecError::UnknownKind),
        Err(error) => Err(CodecError::Malformed(error.to_string())),
    }
}

fn header(length: usize, limit: usize) -> Result<[u8; HEADER_LEN], CodecError> {
    match u32::try_from(length) {
        Ok(number) if length <= limit => Ok(number.to_be_bytes()),
        _ => Err(CodecError::TooLarge { length, limit }),
    }
}

/// Looks at the kind alone, after a frame failed to decode: a map of one entry, or a text.
fn is_unknown_kind<F: Frame>(body: &[u8]) -> bool {
    if F::KINDS.is_empty() {
        return false;
    }
    let kind = match ciborium::from_reader::<ciborium::Value, _>(body) {
        Ok(ciborium::Value::Map(entries)) if entries.len() == 1 => {
            entries.into_iter().next().and_then(|(kind, _)| kind.into_text().ok())
        }
        Ok(ciborium::Value::Text(kind)) => Some(kind),
        _ => None,
    };
    kind.is_some_and(|kind| !F::KINDS.contains(&kind.as_str()))
}

/// Declares an enumeration of frames; each kind travels as a map of one entry, kind to body.
macro_rules! frame_kinds {
    (
        $(#[$meta:meta])*
        $name:ident, limit $limit:expr;
        $($(#[$doc:meta])* $kind:literal $variant:ident($body:ty),)*
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $kind)] $variant($body),)*
        }

        impl $crate::codec::Frame for $name {
            const LIMIT: usize = $limit;
            const KINDS: &'static [&'static str] = &[$($kind),*];
        }

        impl $name {
            /// The kind as it travels.
            pub const fn kind(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $kind,)*
                }
            }
        }

        $(
            impl From<$body> for $name {
                fn from(body: $body) -> Self {
                    Self::$variant(body)
                }
            }
        )*
    };
}
pub(crate) use frame_kinds;
