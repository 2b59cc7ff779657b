//! Members of rooms: the credential in a leaf of the MLS tree is the device certificate.
//!
//! A leaf says of itself which account it is of. Whether that account has this identity key is not
//! known here: the relay and the client's directory know it.

use std::collections::BTreeSet;

use openmls::prelude::{
    BasicCredential, Credential, CredentialType, CredentialWithKey, LeafNode, LeafNodeIndex,
    PublicGroup, RatchetTreeIn, SignaturePublicKey, SignatureScheme,
};
use openmls_traits::signatures::{Signer, SignerError};
use serde::{Deserialize, Serialize};
use sotto_proto::{AccountId, DeviceAddress, DeviceCertificate, IdentityKey};

use crate::{
    certificate::{CertificateError, verify_certificate},
    identity::{DeviceKeys, OwnDevice},
};

/// This device, as it takes part in rooms.
#[derive(Clone, Copy, Debug)]
pub struct RoomDevice<'a> {
    /// The account that it is of.
    pub account: AccountId,
    /// The device.
    pub device: OwnDevice<'a>,
}

/// A device in a room, as its leaf says; its certificate was verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomMember {
    /// The account that it claims.
    pub account: AccountId,
    /// The identity key that certified it.
    pub identity: IdentityKey,
    /// By that identity; its signing key is that of the leaf.
    pub certificate: DeviceCertificate,
}

impl RoomMember {
    /// The account and the device in it.
    pub fn address(&self) -> DeviceAddress {
        DeviceAddress { account: self.account, device: self.certificate.device }
    }
}

/// Why a leaf is of no member.
#[derive(Debug, thiserror::Error)]
pub enum LeafError {
    /// Its credential is of another type, or no CBOR of a device.
    #[error("a leaf of the room has a malformed credential")]
    Credential,
    /// It is signed by another key than the certificate's.
    #[error("a leaf of the room is signed by another key than its device's")]
    WrongKey,
    /// Its identity did not certify it.
    #[error("a leaf of the room is of a device that its identity did not certify")]
    Certificate(#[from] CertificateError),
    /// It has something in it that leaves of rooms do not have.
    #[error("a leaf of the room carries what does not belong there")]
    Unexpected,
    /// Its device has another leaf.
    #[error("a device is in the room twice")]
    Double,
    /// The credential cannot be written as CBOR.
    #[error("the credential cannot be written")]
    Unwritable(#[source] ciborium::ser::Error<std::io::Error>),
}

impl<'a> RoomDevice<'a> {
    pub(super) fn member(&self) -> RoomMember {
        RoomMember {
            account: self.account,
            identity: self.device.identity,
            certificate: self.device.certificate.clone(),
        }
    }

    pub(super) fn signer(&self) -> LeafSigner<'a> {
        LeafSigner(self.device.keys)
    }

    /// The credential of this device's leaves.
    pub(super) fn credential(&self) -> Result<CredentialWithKey, LeafError> {
        let mut content = Vec::new();
        ciborium::into_writer(&self.member(), &mut content).map_err(LeafError::Unwritable)?;
        Ok(CredentialWithKey {
            credential: BasicCredential::new(content).into(),
            signature_key: self.device.keys.signing_key().as_bytes().to_vec().into(),
        })
    }
}

/// The device's signing key, as MLS uses it.
///
/// MLS signs `length (a byte below 0x40) ‖ "MLS 1.0 " ‖ …` (RFC 9420 section 5.1.2: its labels are
/// short), and every other input that a device signs starts with the letters `sotto/1`. So no
/// signature made here is good elsewhere, nor the other way round.
pub(super) struct LeafSigner<'a>(&'a DeviceKeys);

impl Signer for LeafSigner<'_> {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(self.0.sign(payload).as_bytes().to_vec())
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

/// Reads the credential of a leaf that was verified when it came into the tree.
pub(super) fn decode(credential: &Credential) -> Result<RoomMember, LeafError> {
    if credential.credential_type() != CredentialType::Basic {
        return Err(LeafError::Credential);
    }
    let mut content = credential.serialized_content();
    let member = ciborium::from_reader(&mut content).map_err(|_| LeafError::Credential)?;
    if content.is_empty() { Ok(member) } else { Err(LeafError::Credential) }
}

/// Reads and verifies the credential of a leaf, whose own signature is OpenMLS's to verify.
pub(super) fn verify(
    credential: &Credential,
    key: &SignaturePublicKey,
) -> Result<RoomMember, LeafError> {
    let member = decode(credential)?;
    if key.as_slice() != member.certificate.signing.as_bytes() {
        return Err(LeafError::WrongKey);
    }
    verify_certificate(&member.identity, &member.certificate)?;
    Ok(member)
}

/// [`verify`] for a leaf that comes into the tree.
pub(super) fn verify_leaf(leaf: &LeafNode) -> Result<RoomMember, LeafError> {
    if leaf.extensions().iter().next().is_some() {
        return Err(LeafError::Unexpected);
    }
    verify(leaf.credential(), leaf.signature_key())
}

/// Who is in a tree that somebody handed over: each verified, and there once.
pub(super) fn verify_tree(tree: &RatchetTreeIn) -> Result<Vec<RoomMember>, LeafError> {
    let mut addresses = BTreeSet::new();
    tree.leaves()
        .map(|leaf| {
            let member = verify(leaf.credential(), leaf.signature_key())?;
            if addresses.insert(member.address()) { Ok(member) } else { Err(LeafError::Double) }
        })
        .collect()
}

/// Who is in a room, in the order of the tree. Each was verified when it came in.
pub(super) fn members(group: &PublicGroup) -> Result<Vec<RoomMember>, LeafError> {
    group.treesync().full_leaves().map(|(_, leaf)| decode(leaf.credential())).collect()
}

/// Who has the leaf of this index.
pub(super) fn member(
    group: &PublicGroup,
    index: LeafNodeIndex,
) -> Result<Option<RoomMember>, LeafError> {
    group.leaf(index).map(|leaf| decode(leaf.credential())).transpose()
}
