//! What can go wrong between this computer and the relay.

use std::io;

use sotto_proto::{CloseCode, Refusal, codec::CodecError, link::RelayFingerprint};

/// Why the relay was not reached, or the connection to it ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The host in the link has no address.
    #[error("the relay's host was not found")]
    Resolve(#[source] io::Error),
    /// No UDP socket could be had.
    #[error("no UDP port could be opened")]
    Bind(#[source] io::Error),
    /// The TLS library refused its settings.
    #[error("TLS could not be set up")]
    Tls(#[source] rustls::Error),
    /// Nobody answered there.
    #[error("the relay does not answer")]
    Unreachable,
    /// Whoever answered has another key than the link says. Never to be clicked away.
    #[error("the relay's key is not the one in its link; somebody may be in between")]
    WrongRelayKey {
        /// What the link says.
        expected: RelayFingerprint,
        /// What was shown.
        found: RelayFingerprint,
    },
    /// The relay's certificate is not vouched for by WebPKI, and its link pins no key.
    #[error("the relay's certificate is not trusted")]
    Untrusted(#[source] rustls::Error),
    /// The relay, or this side, closed the connection and said why.
    #[error("{0}")]
    Closed(CloseCode),
    /// The connection broke.
    #[error("the connection to the relay broke")]
    Broken(#[source] quinn::ConnectionError),
    /// A stream ended before its conversation did.
    #[error("the relay ended the conversation early")]
    Ended,
    /// A frame could not be written or read.
    #[error("a frame was not understood")]
    Codec(#[from] CodecError),
    /// The relay answered with something that does not belong there.
    #[error("the relay answered with an unexpected {0:?}")]
    Unexpected(&'static str),
    /// The relay took too long over a request.
    #[error("the relay took too long")]
    TimedOut,
}

impl TransportError {
    /// Whether another try would end in the same way.
    pub const fn is_final(&self) -> bool {
        matches!(
            self,
            Self::WrongRelayKey { .. }
                | Self::Tls(_)
                | Self::Closed(CloseCode::Replaced | CloseCode::DeviceRemoved)
        )
    }
}

impl From<quinn::ConnectionError> for TransportError {
    fn from(error: quinn::ConnectionError) -> Self {
        match error {
            quinn::ConnectionError::ApplicationClosed(ref close) => {
                CloseCode::from_number(close.error_code.into_inner())
                    .map_or(Self::Broken(error), Self::Closed)
            }
            quinn::ConnectionError::LocallyClosed => Self::Closed(CloseCode::Done),
            error => Self::Broken(error),
        }
    }
}

impl From<quinn::WriteError> for TransportError {
    fn from(error: quinn::WriteError) -> Self {
        match error {
            quinn::WriteError::ConnectionLost(lost) => lost.into(),
            _ => Self::Ended,
        }
    }
}

impl From<quinn::ReadError> for TransportError {
    fn from(error: quinn::ReadError) -> Self {
        match error {
            quinn::ReadError::ConnectionLost(lost) => lost.into(),
            _ => Self::Ended,
        }
    }
}

/// Why a request was not answered as wished.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// The relay said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The relay was not reached, or not understood.
    #[error(transparent)]
    Transport(#[from] TransportError),
}

impl From<CodecError> for AskError {
    fn from(error: CodecError) -> Self {
        Self::Transport(error.into())
    }
}
