//! Sessions with one device of somebody, by the rules of Sesame
//! (<https://signal.org/docs/specifications/sesame/>): one session is current, up to 40 older ones
//! are kept so that late messages can be read, and the session of the newest message received
//! becomes the current one. So two sessions that start at once come down to one.
//!
//! A message that is refused changes nothing, neither here nor among the prekeys.

mod message;
mod state;

use std::fmt;

use rand_core::CryptoRng;
use sotto_proto::{DeviceCertificate, DeviceId, IdentityKey, PrekeyId};
use zeroize::Zeroizing;

pub use self::message::{Introduction, inspect};
use self::{
    message::Sealed,
    state::{Session, Unpadded},
};
use crate::{
    bundle::VerifiedBundle,
    certificate::{CertificateError, verify_certificate},
    handshake::{HandshakeError, InitialHeader, initiate, respond},
    identity::OwnDevice,
    padding::PaddingError,
    prekeys::{PrekeySecrets, UnknownPrekey},
    ratchet::{RatchetError, SealFailure},
    stored::{self, Reader, RestoreError, Sink},
};

/// Sessions kept besides the current one.
const ARCHIVED_MAX: usize = 40;
const FORMAT: u8 = 1;

/// Why a session was not started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// The bundle is of another device than these sessions are with.
    #[error("the bundle is of another device")]
    WrongDevice,
    /// The keys in the bundle cannot be agreed with.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
}

/// Why nothing was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// No session was started, by either side.
    #[error("there is no session")]
    NoSession,
    /// The content is larger than the largest size class.
    #[error(transparent)]
    Padding(#[from] PaddingError),
    /// The session has sealed 2³² messages unanswered; a new one must be started.
    #[error("the session is used up")]
    Exhausted,
}

/// Why a message was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It is cut off, or has impossible values.
    #[error("the message is malformed")]
    Malformed,
    /// Its first byte is of another version of the protocol.
    #[error("the message has the unknown format {0}")]
    UnknownFormat(u8),
    /// No session here opens it: it is of a session that is gone, or its header was changed, or it
    /// is a repeat from long ago.
    #[error("no session opens the message")]
    NoSession,
    /// It was opened before.
    #[error("the message was opened before")]
    Repeated,
    /// So many messages before it are missing that it is not worth their keys.
    #[error("the message is too far ahead")]
    TooFarAhead,
    /// Its text was changed.
    #[error("the message was tampered with")]
    Tampered,
    /// It names a prekey that was used up, has expired or never was.
    #[error("the message needs prekey {}, which is not here", .0.0)]
    UnknownPrekey(PrekeyId),
    /// It claims a device that its identity did not certify.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// It is of another device than these sessions are with.
    #[error("the message is of another device")]
    WrongDevice,
    /// It starts a session under another identity key than the one expected. The person must look;
    /// then it may be opened with this key expected.
    #[error("the message claims another identity key than the known one")]
    IdentityChanged {
        /// The key that it claims, which certified the sending device.
        claimed: IdentityKey,
    },
    /// It has a key of small order, or a malformed one.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// Its sender did not pad as it must.
    #[error(transparent)]
    Padding(#[from] PaddingError),
}

impl From<RatchetError> for OpenError {
    fn from(error: RatchetError) -> Self {
        match error {
            RatchetError::Truncated => Self::Malformed,
            RatchetError::Repeated => Self::Repeated,
            RatchetError::TooFarAhead => Self::TooFarAhead,
            RatchetError::Tampered => Self::Tampered,
            RatchetError::SmallOrder => Self::Handshake(HandshakeError::SmallOrder),
        }
    }
}

impl From<UnknownPrekey> for OpenError {
    fn from(UnknownPrekey(id): UnknownPrekey) -> Self {
        Self::UnknownPrekey(id)
    }
}

/// A message that was opened.
pub struct Opened {
    /// What the other side sealed.
    pub plaintext: Zeroizing<Vec<u8>>,
    /// The identity key of the account that sent it.
    pub peer_identity: IdentityKey,
    /// The device that sent it, certified by that identity.
    pub peer_certificate: DeviceCertificate,
    /// Whether it started a session.
    pub new_session: bool,
    /// Whether the prekey secrets changed and are to be saved, in one with the sessions.
    pub prekeys_changed: bool,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("new_session", &self.new_session).finish_non_exhaustive()
    }
}

/// All sessions with one device.
pub struct Sessions {
    peer: DeviceId,
    /// The current one is first, then the others, the latest used first.
    sessions: Vec<Session>,
}

impl Sessions {
    /// No session yet with the device of this number. Which account it is in is for the caller to
    /// know.
    pub const fn new(peer: DeviceId) -> Self {
        Self { peer, sessions: Vec::new() }
    }

    /// Whether [`Self::seal`] has a session to seal in.
    pub fn is_started(&self) -> bool {
        !self.sessions.is_empty()
    }

    /// The identity key that the current session is with.
    pub fn peer_identity(&self) -> Option<IdentityKey> {
        self.sessions.first().map(|session| session.identity)
    }

    /// The device certificate that the current session is with.
    pub fn peer_certificate(&self) -> Option<&DeviceCertificate> {
        self.sessions.first().map(|session| &session.certificate)
    }

    /// Starts a session, which becomes the current one.
    pub fn start(
        &mut self,
        rng: &mut (impl CryptoRng + ?Sized),
        own: OwnDevice<'_>,
        bundle: &VerifiedBundle,
    ) -> Result<(), StartError> {
        if bundle.certificate().device != self.peer {
            return Err(StartError::WrongDevice);
        }
        let (header, agreement) = initiate(rng, own, bundle)?;
        self.make_current(Session::initiated(rng, bundle, &header, agreement)?);
        Ok(())
    }

    /// Pads and seals for the other device. Until it has answered, every message carries what it
    /// needs to enter the session.
    pub fn seal(
        &mut self,
        rng: &mut (impl CryptoRng + ?Sized),
        plaintext: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let session = self.sessions.first_mut().ok_or(SealError::NoSession)?;
        session.seal(rng, plaintext).map_err(|failure| match failure {
            SealFailure::NotReady => SealError::NoSession,
            SealFailure::Exhausted => SealError::Exhausted,
            SealFailure::Padding(error) => SealError::Padding(error),
        })
    }

    /// Opens a message. With an `expected` identity, nothing under another one is opened.
    pub fn open(
        &mut self,
        rng: &mut (impl CryptoRng + ?Sized),
        own: OwnDevice<'_>,
        prekeys: &mut PrekeySecrets,
        expected: Option<&IdentityKey>,
        sealed: &[u8],
    ) -> Result<Opened, OpenError> {
        match Sealed::parse(sealed)? {
            Sealed::Established(message) => self.open_established(rng, expected, message),
            Sealed::Initial(header, message) => {
                if expected.is_some_and(|expected| *expected != header.identity) {
                    verify_certificate(&header.identity, &header.certificate)?;
                    return Err(OpenError::IdentityChanged { claimed: header.identity });
                }
                let digest = header.digest();
                match self.sessions.iter().position(|session| session.was_started_by(&digest)) {
                    Some(index) => self.open_in(index, rng, message)?.ok_or(OpenError::NoSession),
                    None => self.open_initial(rng, own, prekeys, &header, message),
                }
            }
        }
    }

    /// The sessions in the form that [`Self::from_bytes`] reads.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        stored::collect(|sink| self.write(sink))
    }

    /// Restores what [`Self::to_bytes`] gave.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RestoreError> {
        let mut reader = Reader::new(bytes);
        stored::expect_format(&mut reader, FORMAT)?;
        let peer = DeviceId::new(reader.u32()?).ok_or(RestoreError::Impossible)?;
        let count = reader.u8()?;
        if usize::from(count) > ARCHIVED_MAX + 1 {
            return Err(RestoreError::Impossible);
        }
        let sessions = (0..count).map(|_| Session::read(&mut reader)).collect::<Result<_, _>>()?;
        reader.end()?;
        Ok(Self { peer, sessions })
    }

    fn open_established(
        &mut self,
        rng: &mut (impl CryptoRng + ?Sized),
        expected: Option<&IdentityKey>,
        message: &[u8],
    ) -> Result<Opened, OpenError> {
        for index in 0..self.sessions.len() {
            let known = self.sessions.get(index).map(|session| &session.identity);
            if expected.is_some() && expected != known {
                continue;
            }
            if let Some(opened) = self.open_in(index, rng, message)? {
                return Ok(opened);
            }
        }
        Err(OpenError::NoSession)
    }

    /// None: the message is not of this session.
    fn open_in(
        &mut self,
        index: usize,
        rng: &mut (impl CryptoRng + ?Sized),
        message: &[u8],
    ) -> Result<Option<Opened>, OpenError> {
        let Some(session) = self.sessions.get_mut(index) else { return Ok(None) };
        let Some(Unpadded { plaintext, step }) = session.open(rng, message)? else {
            return Ok(None);
        };
        let newest = step.advances();
        session.apply(step);
        let opened = session.opened(plaintext);
        if newest && let Some(latest) = self.sessions.get_mut(..=index) {
            latest.rotate_right(1);
        }
        Ok(Some(opened))
    }

    fn open_initial(
        &mut self,
        rng: &mut (impl CryptoRng + ?Sized),
        own: OwnDevice<'_>,
        prekeys: &mut PrekeySecrets,
        header: &InitialHeader,
        message: &[u8],
    ) -> Result<Opened, OpenError> {
        if header.certificate.device != self.peer {
            return Err(OpenError::WrongDevice);
        }
        if prekeys.has_seen(header) {
            return Err(OpenError::Repeated);
        }
        verify_certificate(&header.identity, &header.certificate)?;
        let named = prekeys.named(header)?;
        let agreement = respond(own, &named, header)?;
        let mut session = Session::responded(header, agreement, named.signed.clone());
        let Unpadded { plaintext, step } =
            session.open(rng, message)?.ok_or(OpenError::Tampered)?;
        session.apply(step);
        let opened = session.opened(plaintext);
        prekeys.consume(header);
        self.make_current(session);
        Ok(Opened { new_session: true, prekeys_changed: true, ..opened })
    }

    fn make_current(&mut self, session: Session) {
        self.sessions.insert(0, session);
        self.sessions.truncate(ARCHIVED_MAX + 1);
    }

    fn write(&self, sink: &mut dyn Sink) {
        sink.put(&[FORMAT]);
        sink.put_u32(self.peer.number());
        sink.put(&[u8::try_from(self.sessions.len()).unwrap_or(u8::MAX)]);
        self.sessions.iter().for_each(|session| session.write(sink));
    }

    #[cfg(test)]
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.sessions.len(), self.sessions.iter().map(Session::stored_keys).sum())
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("sessions", &self.sessions.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
