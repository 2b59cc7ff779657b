//! One session: a ratchet, who it is with, and what is still to be told to the other side.

use rand_core::CryptoRng;
use sotto_proto::{DeviceCertificate, IdentityKey};
use zeroize::Zeroizing;

use super::{
    OpenError, Opened,
    message::{ESTABLISHED_PREFIX, INITIAL_PREFIX_LEN, initial_prefix},
};
use crate::{
    bundle::VerifiedBundle,
    handshake::{
        Agreement, AssociatedData, HandshakeError, InitialHeader, read_certificate,
        write_certificate,
    },
    padding::unpad,
    primitive::{Key, Refused},
    ratchet::{Ratchet, SealFailure, Step},
    stored::{Reader, RestoreError, Sink},
};

/// A session with one device.
pub(super) struct Session {
    pub(super) identity: IdentityKey,
    pub(super) certificate: DeviceCertificate,
    ad: AssociatedData,
    ratchet: Ratchet,
    start: Start,
}

/// Who started the session, and whether the other side has entered it.
enum Start {
    /// This side, unanswered: the prefix goes with every message.
    Unanswered(Box<[u8]>),
    /// This side, answered.
    Answered,
    /// The other side.
    ByPeer,
}

/// A message that the ratchet opened and whose padding is off.
pub(super) struct Unpadded {
    pub(super) plaintext: Zeroizing<Vec<u8>>,
    pub(super) step: Step,
}

impl Session {
    pub(super) fn initiated(
        rng: &mut (impl CryptoRng + ?Sized),
        bundle: &VerifiedBundle,
        header: &InitialHeader,
        Agreement { keys, ad }: Agreement,
    ) -> Result<Self, HandshakeError> {
        let ratchet = Ratchet::initiator(rng, keys, &bundle.bundle().signed_prekey.key)
            .map_err(|Refused| HandshakeError::SmallOrder)?;
        Ok(Self {
            identity: *bundle.identity(),
            certificate: bundle.certificate().clone(),
            ad,
            ratchet,
            start: Start::Unanswered(initial_prefix(header)),
        })
    }

    pub(super) fn responded(
        header: &InitialHeader,
        Agreement { keys, ad }: Agreement,
        signed_prekey: Key,
    ) -> Self {
        Self {
            identity: header.identity,
            certificate: header.certificate.clone(),
            ad,
            ratchet: Ratchet::responder(keys, signed_prekey),
            start: Start::ByPeer,
        }
    }

    /// Whether the other side started this session with the header of this digest.
    pub(super) fn was_started_by(&self, header_digest: &[u8; 32]) -> bool {
        matches!(self.start, Start::ByPeer) && self.ad.is_of(header_digest)
    }

    pub(super) fn seal(
        &mut self,
        rng: &mut (impl CryptoRng + ?Sized),
        plaintext: &[u8],
    ) -> Result<Vec<u8>, SealFailure> {
        let prefix = match &self.start {
            Start::Unanswered(prefix) => prefix,
            Start::Answered | Start::ByPeer => ESTABLISHED_PREFIX,
        };
        self.ratchet.seal(rng, &self.ad, prefix, plaintext)
    }

    /// Changes nothing; see [`Self::apply`]. None: the message is not of this session.
    pub(super) fn open(
        &self,
        rng: &mut (impl CryptoRng + ?Sized),
        message: &[u8],
    ) -> Result<Option<Unpadded>, OpenError> {
        let Some(mut step) = self.ratchet.open(rng, &self.ad, message)? else { return Ok(None) };
        let mut plaintext = std::mem::take(&mut step.padded);
        unpad(&mut plaintext)?;
        Ok(Some(Unpadded { plaintext, step }))
    }

    pub(super) fn apply(&mut self, step: Step) {
        self.ratchet.apply(step);
        if matches!(self.start, Start::Unanswered(_)) {
            self.start = Start::Answered;
        }
    }

    pub(super) fn opened(&self, plaintext: Zeroizing<Vec<u8>>) -> Opened {
        Opened {
            plaintext,
            peer_identity: self.identity,
            peer_certificate: self.certificate.clone(),
            new_session: false,
            prekeys_changed: false,
        }
    }

    pub(super) fn write(&self, sink: &mut dyn Sink) {
        sink.put(self.identity.as_bytes());
        write_certificate(sink, &self.certificate);
        sink.put(self.ad.as_bytes());
        match &self.start {
            Start::Unanswered(prefix) => {
                sink.put(&[0]);
                sink.put(prefix);
            }
            Start::Answered => sink.put(&[1]),
            Start::ByPeer => sink.put(&[2]),
        }
        self.ratchet.write(sink);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, RestoreError> {
        Ok(Self {
            identity: IdentityKey(*reader.array()?),
            certificate: read_certificate(reader)?,
            ad: AssociatedData::from_bytes(*reader.array()?),
            start: match reader.u8()? {
                0 => Start::Unanswered(Box::new(*reader.array::<INITIAL_PREFIX_LEN>()?)),
                1 => Start::Answered,
                2 => Start::ByPeer,
                _ => return Err(RestoreError::Impossible),
            },
            ratchet: Ratchet::read(reader)?,
        })
    }

    #[cfg(test)]
    pub(super) fn stored_keys(&self) -> usize {
        self.ratchet.stored_keys()
    }

    #[cfg(test)]
    pub(super) fn ratchet(&mut self) -> &mut Ratchet {
        &mut self.ratchet
    }

    #[cfg(test)]
    pub(super) fn ad(&self) -> &AssociatedData {
        &self.ad
    }
}
