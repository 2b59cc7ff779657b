//! The outer form of a sealed message: one byte that tells the kind, and what is in the clear.

use sotto_proto::{DeviceCertificate, IdentityKey};

use super::OpenError;
use crate::{
    certificate::verify_certificate,
    handshake::InitialHeader,
    stored::{Reader, Sink},
};

const ESTABLISHED: u8 = 0x11;
const INITIAL: u8 = 0x12;

/// What stands before a message of a session that both sides are in.
pub(super) const ESTABLISHED_PREFIX: &[u8] = &[ESTABLISHED];

/// What stands before a message of a session that was not yet answered.
pub(super) fn initial_prefix(header: &InitialHeader) -> Box<[u8]> {
    let mut prefix = Vec::with_capacity(1 + InitialHeader::LEN);
    prefix.put(&[INITIAL]);
    header.write(&mut prefix);
    prefix.into_boxed_slice()
}

pub(super) const INITIAL_PREFIX_LEN: usize = 1 + InitialHeader::LEN;

/// A sealed message, taken apart: the rest is the ratchet's.
pub(super) enum Sealed<'a> {
    Established(&'a [u8]),
    Initial(Box<InitialHeader>, &'a [u8]),
}

impl<'a> Sealed<'a> {
    pub(super) fn parse(sealed: &'a [u8]) -> Result<Self, OpenError> {
        let mut reader = Reader::new(sealed);
        match reader.u8().map_err(|_| OpenError::Malformed)? {
            ESTABLISHED => Ok(Self::Established(reader.rest())),
            INITIAL => {
                let header = InitialHeader::read(&mut reader).map_err(|_| OpenError::Malformed)?;
                Ok(Self::Initial(Box::new(header), reader.rest()))
            }
            other => Err(OpenError::UnknownFormat(other)),
        }
    }
}

/// Who a first message says it is from. The identity did certify the device; that the device sent
/// this message is sure only once it is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Introduction {
    /// The account's identity key.
    pub identity: IdentityKey,
    /// The device.
    pub certificate: DeviceCertificate,
}

/// Who a message says it is from, without opening it; none if it takes a session to know.
pub fn inspect(sealed: &[u8]) -> Result<Option<Introduction>, OpenError> {
    match Sealed::parse(sealed)? {
        Sealed::Established(_) => Ok(None),
        Sealed::Initial(header, _) => {
            verify_certificate(&header.identity, &header.certificate)?;
            let InitialHeader { identity, certificate, .. } = *header;
            Ok(Some(Introduction { identity, certificate }))
        }
    }
}
